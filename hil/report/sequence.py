"""The sequence diagram of a recording: who said what to whom, repeats and packets of long messages folded into one arrow each."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from hil.story.excerpt import VALUES, sender_of
from hil.story.repeats import TWO_MEANINGS, apart_us
from hil.story.sorting import Sorted
from hil.story.tracks import Track
from hil.story.words import describe, seconds
from protocols.j1939.control import PER_PACKET

SINGLE_FRAME: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrow:
    """One message, or one message repeated: from *at_us* (its last frame) to *until_us*, *count* times."""

    at_us: int
    until_us: int
    name: str
    sender: str
    """"charger" or "vehicle"."""
    count: int
    words: str
    """What the first one says."""
    length: int
    packets: int
    """How many packets the transport protocol cuts it into; 0 for a single frame."""

    def folded(self, begin_us: int) -> str:
        """What was folded into the arrow, in words; times count from *begin_us* before the recording's first stamp."""
        parts = []
        if self.packets:
            parts.append(f"{self.length} bytes in {self.packets} packets")
        if self.count > 1:
            parts.append(f"{self.count} times until {seconds(begin_us + self.until_us)}")
        return ", ".join(parts)


def arrows(found: Sorted) -> list[Arrow]:
    """The arrows of a sorted recording in time order. Times are µs since its first stamp."""
    return sorted(_all(found), key=lambda arrow: arrow.at_us)


def _all(found: Sorted) -> Iterator[Arrow]:
    for name, track in found.tracks.items():
        parts = [track.starting_with(value) for value in VALUES.values()] if name in TWO_MEANINGS else [track]
        for part in parts:
            yield from _runs(name, part)


def _runs(name: str, track: Track) -> Iterator[Arrow]:
    if not len(track):
        return
    times = track.times_us
    begins = np.concatenate(([0], np.flatnonzero(np.diff(times) > apart_us(track.layout)) + 1))
    for begin, end in zip(begins.tolist(), [*begins[1:].tolist(), len(track)], strict=True):
        message, length = track.message(begin), int(track.lengths[begin])
        yield Arrow(
            at_us=int(times[begin]),
            until_us=int(times[end - 1]),
            name=name,
            sender=sender_of(name),
            count=end - begin,
            words=describe(message) if message else "too short to be read",
            length=length,
            packets=-(-length // PER_PACKET) if length > SINGLE_FRAME else 0,
        )
