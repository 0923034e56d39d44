"""A candump log that is written while frames come: a killed run loses no more than the last half second."""

import time
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from hil.errors import BadInput
from hil.logfiles import candump_chunks
from protocols.core.frame import Frame

FLUSH_S: Final = 0.5


class LiveLog:
    """The log *path*, a context manager; on leaving it everything is in the file."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._rows: list[tuple[int, Frame]] = []
        self._flush_at = 0.0

    def __enter__(self) -> Self:
        try:
            self._file = self._path.open("wb")
        except OSError as error:
            raise BadInput(f"{self._path}: cannot be written: {error.strerror}") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._write()
        self._file.close()

    def write(self, row: tuple[int, Frame]) -> None:
        """Note a frame with its time (µs)."""
        self._rows.append(row)

    def flush_due(self, now_s: float | None = None) -> None:
        """Put into the file what has gathered, if the last time was half a second ago."""
        now_s = time.monotonic() if now_s is None else now_s
        if now_s >= self._flush_at:
            self._flush_at = now_s + FLUSH_S
            self._write()

    def _write(self) -> None:
        rows, self._rows = self._rows, []
        try:
            for chunk in candump_chunks(iter(rows)):
                self._file.write(chunk)
            self._file.flush()
        except OSError as error:
            raise BadInput(f"{self._path}: cannot be written: {error.strerror}") from None
