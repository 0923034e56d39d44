"""Where sessions and attempts begin in a recording.

A session is one plug-in: it begins with CHM, or, where there is none, with a CRM(0x00) after the statistics of another.
An attempt begins with a CRM(0x00) that follows anything later than CRM(0x00): the reconnection of GB/T 27930-2015 annex C.
"""

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

import numpy as np

from hil.story.excerpt import Excerpt
from hil.story.sorting import Sorted
from hil.story.tracks import Ints

ENDS: Final = frozenset({"CST", "CSD", "CEM"})
"""Messages of the charger after which a CHM is a new session, however few follow."""

AFTER_HANDSHAKE: Final = frozenset({"CRM", "CEM"})
"""What the charger says next."""

HANDSHAKE_US, HANDSHAKE_FRAMES = 200_000, 4
"""At least so long, or so many frames, lasts a handshake: one period of 250 ms, 10 % less, and the time stamps' own errors."""

SILENCE_US: Final = 60_000_000
"""A gap in the whole recording after which CRM or CHM is another plug-in: twice the time that a vehicle waits."""


def sessions(found: Sorted, count: int) -> list[tuple[int, int]]:
    """The sessions as stretches of positions of a recording with *count* frames."""
    starts = sorted({*_by_handshake(found), *_by_identification(found)} - {0})
    edges = [0, *starts, count]
    return [(begin, end) for begin, end in pairwise(edges) if end > begin]


def attempts(session: Excerpt) -> list[Excerpt]:
    """The session cut at its reconnections."""
    starts = identifications(session)[1:]
    edges = [session.begin, *starts, session.end]
    return [session.part(begin, end) for begin, end in pairwise(edges)]


def identifications(session: Excerpt) -> list[int]:
    """The positions of the CRM(0x00) with which an identification begins."""
    asked = session.track("CRM 00").at
    between = _between(session, asked)
    return [int(at) for index, at in enumerate(asked.tolist()) if index == 0 or between[index]]


def _between(session: Excerpt, asked: Ints) -> list[bool]:
    """Whether a later message of the charger came between each CRM(0x00) and the one before it."""
    names = ("CRM AA", "CTS", "CML", "CRO", "CCS", "CST", "CSD", "CEM")
    later = np.sort(np.concatenate([session.track(name).at for name in names]))
    marks = np.searchsorted(later, asked)
    return [False, *(marks[1:] > marks[:-1]).tolist()]


def _by_handshake(found: Sorted) -> Iterator[int]:
    """CHM after another message of the charger, if at least two signs of three tell a handshake from a stray frame: a session
    has ended before; it keeps on for a while; what follows a handshake follows, or nothing.
    """
    places = np.flatnonzero(_changes(found)).tolist()
    said = [found.names[code] for code in found.charger_said[places].tolist()]
    ends = [*places, len(found.charger_said)][1:]
    for index, (name, begin, end) in enumerate(zip(said, places, ends, strict=True)):
        if name == "CHM" and index:
            last = index == len(said) - 1
            signs = (said[index - 1] in ENDS, _keeps_on(found, begin, end), last or said[index + 1] in AFTER_HANDSHAKE)
            if sum(signs) >= 2:
                yield int(found.charger_at[begin])


def _keeps_on(found: Sorted, begin: int, end: int) -> bool:
    """Whether the charger's messages from number *begin* to *end* take as long, or are as many, as a handshake."""
    first, last = found.clock[found.charger_at[[begin, end - 1]]].tolist()
    return end - begin >= HANDSHAKE_FRAMES or last - first >= HANDSHAKE_US


def _changes(found: Sorted) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Which messages of the charger have another name than the one before."""
    said = found.charger_said
    return np.concatenate([[True], said[1:] != said[:-1]]) if len(said) else np.zeros(0, dtype=bool)


def _by_identification(found: Sorted) -> Iterator[int]:
    """CRM(0x00) after statistics, or after a long silence of everybody."""
    asked = found.tracks["CRM"].starting_with(0x00).at
    said, at = found.charger_said, found.charger_at
    for position in asked.tolist():
        before = int(np.searchsorted(at, position)) - 1
        if before < 0:
            continue
        name = found.names[int(said[before])]
        gap = found.clock[position] - found.clock[max(position - 1, 0)]
        if name == "CSD" or (name not in ("CRM", "CHM") and gap > SILENCE_US):
            yield position
