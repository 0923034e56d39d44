"""What a run leaves behind: every frame, signals where they change, and every change of state with its cause."""

from array import array
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from protocols.core.frame import Frame
from protocols.core.session import Moved


class Signal:
    """One quantity over time, kept where it changes. Between two entries the earlier value holds."""

    __slots__ = ("name", "times_us", "unit", "values")

    def __init__(self, name: str, unit: str) -> None:
        self.name, self.unit = name, unit
        self.times_us = array("q")
        self.values = array("d")

    def append(self, now: int, value: float) -> None:
        """The signal is *value* from *now* on, which is another value than before."""
        self.times_us.append(now)
        self.values.append(value)

    def at(self, moment: int) -> float | None:
        """The value that held at *moment*, or None before the first entry."""
        index = bisect_right(self.times_us, moment) - 1
        return self.values[index] if index >= 0 else None

    @property
    def peak(self) -> float:
        """The greatest value, 0 if there is none."""
        return max(self.values, default=0.0)


@dataclass(frozen=True, slots=True)
class Happening:
    """Something that one part reported: *what* is a `Moved`, a `TimedOut` or any other event value."""

    at: int
    who: str
    what: Any


class Trace:
    """The record of one run, in time order."""

    def __init__(self) -> None:
        # Columns instead of frame objects: an hour of charging would make a quarter of a million for the garbage collector.
        self.frame_times_us = array("q")
        self.frame_ids = array("L")
        self.frame_data: list[bytes] = []
        self.signals: dict[str, Signal] = {}
        self.happenings: list[Happening] = []

    def frame(self, now: int, frame: Frame, _sender: str) -> None:
        """A frame was on the wire; *now* is its last bit. Has the form of a bus tap."""
        self.frame_times_us.append(now)
        self.frame_ids.append(frame[0])
        self.frame_data.append(frame[1])

    def signal(self, name: str, unit: str) -> Signal:
        """The signal *name*, made if it is new."""
        if name not in self.signals:
            self.signals[name] = Signal(name, unit)
        return self.signals[name]

    def note(self, at: int, who: str, events: Sequence[Any]) -> None:
        """*who* reported *events* at *at*."""
        self.happenings.extend(Happening(at, who, event) for event in events)

    def log(self) -> Iterator[tuple[int, Frame]]:
        """Every frame with its time (µs)."""
        frames = map(Frame, self.frame_ids, self.frame_data)
        return zip(self.frame_times_us, frames, strict=True)

    def __len__(self) -> int:
        """How many frames there are."""
        return len(self.frame_ids)

    def of(self, kind: type[Any], who: str | None = None) -> Iterator[Happening]:
        """The happenings whose event is a *kind*, of all parts or of one."""
        return (h for h in self.happenings if isinstance(h.what, kind) and who in (None, h.who))

    def phases(self, who: str, until: int) -> list[tuple[Moved, int, int]]:
        """The states of *who* in order: the move that led into each, from and to (µs); the last one lasts *until*."""
        moves = list(self.of(Moved, who))
        ends = [move.at for move in moves[1:]] + [until] * bool(moves)
        return [(move.what, move.at, end) for move, end in zip(moves, ends, strict=True)]
