"""A recording of CAN frames as columns, and what gathers one from a file."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.core.frame import Frame

Told = Callable[[float], None]
"""Is told how much of the work is done, 0..1."""

EXTENDED = 1 << 31
"""In a key: the identifier has 29 bits."""


class Unreadable(Exception):
    """A reader could not make anything of the file; the text says why."""


@dataclass(frozen=True, eq=False)
class Recording:
    """Frames in the order of the file. Times are µs as the file gives them: they may stand still or run backward.

    Columns instead of frame objects: an hour of charging has a quarter of a million frames.
    """

    path: Path
    format: str
    """The format found, in words."""
    sha256: str
    times_us: NDArray[np.int64]
    ids: NDArray[np.uint32]
    extended: NDArray[np.bool_]
    lengths: NDArray[np.uint8]
    payloads: NDArray[np.uint64]
    """The data bytes as a little-endian number, as every field here is read."""
    remote_frames: int = 0
    error_frames: int = 0
    notes: tuple[str, ...] = ()
    """What was odd about the file or had to be guessed, one sentence each."""

    @classmethod
    def of_frames(cls, frames: Iterable[tuple[int, Frame]]) -> "Recording":
        """A recording that never was a file."""
        gathered = Gathered()
        for at_us, frame in frames:
            gathered.add(at_us, frame.can_id, frame.data, frame.extended)
        return gathered.recording(Path(), "in memory", "")

    def __len__(self) -> int:
        """How many data frames there are."""
        return len(self.ids)

    @cached_property
    def keys(self) -> NDArray[np.uint32]:
        """Identifier and format in one number, for grouping."""
        return self.ids | self.extended.astype(np.uint32) * np.uint32(EXTENDED)

    @cached_property
    def data(self) -> list[bytes]:
        """The data bytes of every frame."""
        raw = self.payloads.astype("<u8").tobytes()
        return [raw[8 * i : 8 * i + length] for i, length in enumerate(self.lengths.tolist())]

    def frames(self) -> Iterator[tuple[int, Frame]]:
        """Every frame with its time (µs)."""
        frames = map(Frame, self.ids.tolist(), self.data, self.extended.tolist())
        return zip(self.times_us.tolist(), frames, strict=True)


class Gathered:
    """Frames on their way into a `Recording`."""

    def __init__(self) -> None:
        self.times_us: list[int] = []
        self.ids: list[int] = []
        self.extended: list[bool] = []
        self.data: list[bytes] = []
        self.remote_frames = self.error_frames = self.long_frames = self.mended = 0
        self.notes: list[str] = []
        self.unread: list[int] = []
        """Numbers of the lines that hold no frame although they should."""

    def add(self, time_us: int, can_id: int, data: bytes, extended: bool) -> None:
        """One data frame. Called for every line: the arguments have the order of a line."""
        if len(data) > 8 or can_id >= 1 << 29:
            self.long_frames += 1
            return
        self.times_us.append(time_us)
        self.ids.append(can_id)
        self.data.append(data)
        self.extended.append(extended)

    def drop_cut_frame(self) -> None:
        """The file ends without a line end: the last frame goes if it is shorter than an earlier one of its identifier."""
        if not self.ids:
            return
        last = self.ids[-1]
        longest = max((len(d) for i, d in zip(self.ids[:-1], self.data, strict=False) if i == last), default=0)
        if len(self.data[-1]) < longest:
            columns: tuple[list[Any], ...] = (self.times_us, self.ids, self.data, self.extended)
            for column in columns:
                column.pop()
            self.notes.append("The last line is cut short and was left out.")

    def recording(self, path: Path, kind: str, sha256: str) -> Recording:
        """The finished columns."""
        packed: Any = b"".join([d.ljust(8, b"\0") for d in self.data])
        try:
            times_us = np.array(self.times_us, dtype=np.int64)
        except OverflowError:
            raise Unreadable("a time stamp that no clock shows") from None
        return Recording(
            path=path,
            format=kind,
            sha256=sha256,
            times_us=times_us,
            ids=np.array(self.ids, dtype=np.uint32),
            extended=np.array(self.extended, dtype=np.bool_),
            lengths=np.fromiter(map(len, self.data), dtype=np.uint8, count=len(self.data)),
            payloads=np.frombuffer(packed, dtype="<u8"),
            remote_frames=self.remote_frames,
            error_frames=self.error_frames,
            notes=(*self.notes, *self._oddities(), *_time_oddities(times_us)),
        )

    def _oddities(self) -> Iterator[str]:
        if self.unread:
            lines = "line" if len(self.unread) == 1 else "lines"
            yield f"{len(self.unread)} {lines} could not be read, the first is line {self.unread[0]}."
        if self.mended:
            yield f"{self.mended} rows had lost the leading zero of their data, which was put back."
        if self.long_frames:
            yield f"{self.long_frames} frames have more than 8 bytes or 29 bits (CAN FD?) and were left out."
        if self.remote_frames:
            yield f"{self.remote_frames} remote frames were counted and left out."
        if self.error_frames:
            yield f"{self.error_frames} error frames were counted and left out."


def _time_oddities(times_us: NDArray[np.int64]) -> Iterator[str]:
    steps = np.diff(times_us)
    if len(steps) and not steps.any():
        yield "All frames carry the same time."
    elif back := int(np.count_nonzero(steps < 0)):
        yield f"The time runs backward {back} times; the order of the file was kept."
