"""What is already known: a line of JSON for each finished run, by content digest. An interrupted sweep goes on from it."""

import json
from pathlib import Path
from types import TracebackType
from typing import Self

from hil.errors import BadInput
from hil.sweep.executors import CRASHED
from hil.sweep.work import Row


class Journal:
    """The finished runs in the file *path*, read at the beginning, appended to as runs finish; each line is whole or ignored."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.known: dict[str, Row] = {}
        self._read()

    def __enter__(self) -> Self:
        try:
            self._file = self.path.open("a", encoding="utf-8")
        except OSError as error:
            raise BadInput(f"{self.path}: cannot be written: {error.strerror}") from None
        return self

    def __exit__(self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None) -> None:
        self._file.close()

    def add(self, digest: str, row: Row) -> None:
        """A run has finished. One whose worker died is not known: it is tried again next time."""
        self.known[digest] = row
        if row["error"] == CRASHED:
            return
        try:
            self._file.write(json.dumps([digest, row], ensure_ascii=False) + "\n")
            self._file.flush()
        except OSError as error:
            raise BadInput(f"{self.path}: cannot be written: {error.strerror}; free some space and start again") from None

    def _read(self) -> None:
        if not self.path.exists():
            return
        whole = []
        for line in self.path.read_bytes().splitlines(keepends=True):
            try:
                digest, row = json.loads(line)
            except ValueError:
                continue  # cut short when the sweep was killed
            if line.endswith(b"\n"):
                self.known[digest] = row
                whole.append(line)
        self.path.write_bytes(b"".join(whole))
