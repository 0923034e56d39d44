"""Physical truth as a referee reads it: recorded signals as steps over time."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import IntFlag
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Contact(IntFlag):
    """The bits of the signal "contacts": what really is closed, whatever coils and feedback say."""

    K1 = 1
    K2 = 2
    K3 = 4
    K4 = 8
    LOCK = 16
    """The bolt holds the plug."""


class Condition(IntFlag):
    """The bits of the signal "conditions": what the world does to the pile."""

    EMERGENCY = 1
    """The safety loop is open."""
    MAINS = 2
    EARTH = 4
    BUTTON = 8
    """Switch S of the plug is open."""
    INSERTED = 16


K1K2: Final = int(Contact.K1 | Contact.K2)
K3K4: Final = int(Contact.K3 | Contact.K4)


@dataclass(frozen=True, eq=False)
class Course:
    """A quantity that keeps each of *values* from its time (µs) to the next."""

    times_us: Ints
    values: Floats

    def at(self, moment: int) -> float:
        """The value at *moment*; before the first entry the first value."""
        return float(self.values[max(int(np.searchsorted(self.times_us, moment, side="right")) - 1, 0)])

    def between(self, begin: int, end: int) -> tuple[Ints, Floats]:
        """Times and values from *begin* to *end*, the value at *begin* first."""
        low, high = np.searchsorted(self.times_us, (begin, end), side="right").tolist()
        first = max(low - 1, 0)
        times = self.times_us[first : max(high, first + 1)].copy()
        times[:1] = begin
        return times, self.values[first : max(high, first + 1)]

    def peak(self, begin: int, end: int) -> float:
        """The greatest value from *begin* to *end*."""
        return float(self.between(begin, end)[1].max())

    def least(self, begin: int, end: int) -> float:
        """The smallest value from *begin* to *end*."""
        return float(self.between(begin, end)[1].min())

    def falls_to(self, limit: float, since: int) -> int | None:
        """When the value is first at or below *limit* from *since* on."""
        if self.at(since) <= limit:
            return since
        after = np.flatnonzero((self.times_us > since) & (self.values <= limit))
        return int(self.times_us[after[0]]) if len(after) else None

    def bits(self, mask: int, *, every: bool = False) -> "Course":
        """1 while any bit of *mask* (or *every* one) is set, else 0; entries only where that changes."""
        hit = self.values.astype(np.int64) & mask
        set_ = (hit == mask) if every else (hit != 0)
        keep = np.append(True, set_[1:] != set_[:-1]) if len(set_) else set_
        return Course(self.times_us[keep], set_[keep].astype(np.float64))

    def rises(self) -> Iterator[int]:
        """When a course of 0 and 1 becomes 1, not counting its beginning."""
        return iter(self.times_us[1:][self.values[1:] > self.values[:-1]].tolist())

    def falls(self) -> Iterator[int]:
        """When a course of 0 and 1 becomes 0, not counting its beginning."""
        return iter(self.times_us[1:][self.values[1:] < self.values[:-1]].tolist())


@dataclass(frozen=True, eq=False)
class Truth:
    """What really happened at the pile's output, by name of signal, on the clock of the wires."""

    courses: Mapping[str, Course]
    end_us: int
    """Nothing is known after it."""

    def __getitem__(self, name: str) -> Course:
        return self.courses[name]

    def has(self, *names: str) -> bool:
        """Whether all of these were recorded."""
        return all(name in self.courses and len(self.courses[name].times_us) for name in names)

    def moved(self, by_us: int) -> "Truth":
        """The same with all times *by_us* later."""
        courses = {name: Course(course.times_us + by_us, course.values) for name, course in self.courses.items()}
        return Truth(courses, self.end_us + by_us)


def truth_of(signals: Mapping[str, Any], *, end_us: int) -> Truth:
    """The truth in the recorded *signals* of a bench (anything with `times_us` and `values`)."""
    courses = {
        name: Course(np.asarray(signal.times_us, dtype=np.int64), np.asarray(signal.values, dtype=np.float64))
        for name, signal in signals.items()
    }
    return Truth(courses, end_us)
