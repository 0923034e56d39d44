"""A stretch of a recording, a whole session or one attempt of it, as the rules look at it."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final, Self

import numpy as np

from hil.story.sorting import Sorted, last_packet
from hil.story.story import Stamps
from hil.story.tracks import Ints, Track
from hil.story.voices import CHARGERS
from protocols.gbt27930.editions import Edition
from protocols.j1939.watched import Transfer

VALUES: Final = {"00": 0x00, "AA": 0xAA}
"""CRM, BRO and CRO mean two things: "CRO AA" is the CRO that says ready."""

CHARGER_ORDER: Final = (("CHM",), ("CRM",), ("CTS", "CML"), ("CRO",), ("CCS",), ("CST",), ("CSD",))
VEHICLE_ORDER: Final = (("BHM",), ("BRM",), ("BCP",), ("BRO",), ("BCL", "BCS", "BSM", "BMV", "BMT", "BSP"), ("BST",), ("BSD",))
"""The messages of either side in the order of the phases (GB/T 27930-2015 annex A)."""


@dataclass(frozen=True, eq=False)
class Excerpt:
    """The positions *begin* <= p < *end* of a recording, with everything charger and vehicle said there."""

    whole: Sorted
    edition: Edition
    begin: int
    end: int
    stamps: Stamps
    resolution_us: int

    @cached_property
    def _tracks(self) -> dict[str, Track]:
        return {}

    def track(self, name: str) -> Track:
        """The messages *name* of this stretch; a name may end in a value: "CRM AA"."""
        if name not in self._tracks:
            title, _, value = name.partition(" ")
            if value:
                self._tracks[name] = self.track(title).starting_with(VALUES[value])
            else:
                part = self.whole.tracks[title].part(self.begin, self.end)
                self._tracks[name] = replace(part, layout=self.edition.messages.get(title, part.layout))
        return self._tracks[name]

    def all_tracks(self) -> Iterator[Track]:
        """The messages that occur, in no particular order."""
        return (track for track in map(self.track, self.whole.tracks) if len(track))

    def part(self, begin: int, end: int) -> Self:
        """A shorter stretch."""
        return replace(self, begin=begin, end=end)

    def first(self, name: str) -> int | None:
        """The position of the first *name*, or None. A long message counts from its end."""
        track = self.track(name)
        return int(track.at[0]) if len(track) else None

    def time_us(self, position: int) -> int:
        """When the frame at *position* came."""
        return int(self.whole.clock[position])

    @property
    def last_us(self) -> int:
        """When the last frame came."""
        return self.time_us(self.end - 1)

    @property
    def timed(self) -> bool:
        """Whether its time stamps can be trusted to measure anything."""
        return self.stamps is Stamps.MONOTONIC

    @cached_property
    def others(self) -> tuple[Transfer, ...]:
        """The transfers that were not regular and ended here; their stamps are positions."""
        return tuple(t for t in self.whole.heard.others if self.begin <= t.ended_us < self.end)

    def control_frames(self, kind: int) -> int:
        """How many TP.CM frames of *kind*."""
        low, high = np.searchsorted(self.whole.heard.control[kind], (self.begin, self.end))
        return int(high - low)

    def delivered(self, name: str) -> Ints:
        """The positions at which *name* had arrived at the peer, whether the recording holds all its packets or not."""
        track = self.track(name)
        lost = [
            last_packet(self.whole.heard, t)
            for t in self.others
            if t.pgn == track.layout.pgn and t.payload is None and t.acknowledged
        ]
        return np.sort(np.concatenate([track.at, np.array(lost, dtype=np.int64)])) if lost else track.at

    def first_delivered(self, name: str) -> int | None:
        """The position at which the first *name* had arrived, or None."""
        at = self.delivered(name) if " " not in name else self.track(name).at
        return int(at[0]) if len(at) else None


def sender_of(name: str) -> str:
    """Who sends the message *name*."""
    return "charger" if name.partition(" ")[0] in CHARGERS else "vehicle"
