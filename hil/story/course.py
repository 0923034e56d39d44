"""The course of a session: its phases, and what happened when."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from hil.story.excerpt import Excerpt, sender_of
from hil.story.story import CHARGER, Milestone, Phase
from hil.story.tracks import Ints
from hil.story.words import describe

PHASES: Final = {
    "handshake": ("CHM", "BHM"),
    "identification": ("CRM", "BRM"),
    "configuration": ("BCP", "CTS", "CML", "BRO", "CRO"),
    "charging": ("BCL", "BCS", "CCS", "BSM", "BMV", "BMT", "BSP"),
    "stop": ("BST", "CST"),
    "statistics": ("BSD", "CSD"),
    "BEM": ("BEM",),
    "CEM": ("CEM",),
}
"""The phases of GB/T 27930-2015 (chapter 8) by the messages that belong to them; its end phase in two, its errors by sender."""

FIRSTS: Final = (
    *("CHM", "BHM", "CRM 00", "BRM", "CRM AA", "BCP", "CTS", "CML", "BRO 00", "BRO AA", "CRO 00", "CRO AA"),
    *("BCL", "BCS", "CCS", "BSM", "BMV", "BMT", "BST", "CST", "BSD", "CSD", "BEM", "CEM"),
)
"""The messages whose first one of an attempt is worth telling."""

LASTS: Final = ("CHM", "BCL", "CCS", "BST", "CST", "BSD", "CSD", "BEM", "CEM")
"""Those whose last one is, too."""

MOST_STAGES: Final = 12
"""A demand that changes more often than this is told as a range only."""

MOST_SWITCHES: Final = 20


def phases(attempts: Sequence[Excerpt]) -> Iterator[Phase]:
    """The phases of each attempt with its first and last message."""
    for number, attempt in enumerate(attempts, 1):
        for name, titles in PHASES.items():
            tracks = [track for track in map(attempt.track, titles) if len(track)]
            if tracks:
                begin = min(int(track.began[0]) for track in tracks)
                end = max(int(track.at[-1]) for track in tracks)
                frames = sum(map(len, tracks))
                yield Phase(name, number, attempt.time_us(begin), attempt.time_us(end), frames)


def milestones(attempts: Sequence[Excerpt]) -> list[Milestone]:
    """What happened once in each attempt, in the order of the recording."""
    told: list[tuple[int, str, str]] = []
    for number, attempt in enumerate(attempts, 1):
        if number > 1:
            told.append((attempt.begin, CHARGER, f"reconnection: attempt {number}"))
        told += _firsts(attempt)
        told += _lasts(attempt)
        told += _stages(attempt)
        told += _current(attempt)
        told += _permissions(attempt)
        told += _alarms(attempt)
    told.sort(key=lambda item: item[0])
    clock = attempts[0].whole.clock
    return [Milestone(int(clock[position]), who, what) for position, who, what in told]


def _firsts(attempt: Excerpt) -> Iterator[tuple[int, str, str]]:
    for name in FIRSTS:
        track = attempt.track(name)
        if len(track):
            message = track.message(0)
            words = describe(message) if message is not None else "too short to be read"
            yield int(track.at[0]), sender_of(name), f"{name.partition(' ')[0]}: {words}"


def _lasts(attempt: Excerpt) -> Iterator[tuple[int, str, str]]:
    for name in LASTS:
        track = attempt.track(name)
        if len(track) > 1:
            yield int(track.at[-1]), sender_of(name), f"last {name} ({len(track)} in all)"


def _stages(attempt: Excerpt) -> Iterator[tuple[int, str, str]]:
    """Steps of the demand, as in charging by stages."""
    track = attempt.track("BCL")
    if not len(track):
        return
    changes = changed(track.raw[:, :5].astype(np.int64) @ (1 << 8 * np.arange(5)))
    if len(changes) <= MOST_STAGES:
        for index in changes:
            message = track.message(int(index))
            if message is not None:
                yield int(track.at[index]), "vehicle", f"BCL: {describe(message)}"


def _current(attempt: Excerpt) -> Iterator[tuple[int, str, str]]:
    """Where current first flows, where it is greatest, where it ends."""
    track = attempt.track("CCS")
    flows = np.flatnonzero(track.column("current_a") > 0)
    if not len(flows):
        return
    first, last = int(flows[0]), int(flows[-1])
    values = track.column("current_a")
    peak = int(np.nanargmax(values))
    if first > 0:
        yield int(track.at[first]), CHARGER, f"current begins to flow ({values[first]:g} A)"
    if values[peak] > values[first]:
        yield int(track.at[peak]), CHARGER, f"greatest current, {values[peak]:g} A"
    if last + 1 < len(track):
        yield int(track.at[last + 1]), CHARGER, "current has ended"


def _permissions(attempt: Excerpt) -> Iterator[tuple[int, str, str]]:
    for name, who, words in (
        ("CCS", CHARGER, {0: "CCS: charging paused", 1: "CCS: charging goes on"}),
        ("BSM", "vehicle", {0: "BSM: charging forbidden for now", 1: "BSM: charging permitted again"}),
    ):
        track = attempt.track(name)
        column = track.column("permitted")
        switches = [index for index in changed(column) if column[index] in words]
        for index in switches[:MOST_SWITCHES]:
            yield int(track.at[index]), who, words[int(column[index])]


def _alarms(attempt: Excerpt) -> Iterator[tuple[int, str, str]]:
    """The first BSM with each abnormal state."""
    track = attempt.track("BSM")
    for state in ("cell_voltage", "soc", "overcurrent", "overtemperature", "insulation", "connector"):
        column = track.column(state)
        bad = np.flatnonzero((column == 1) | ((column == 2) & (state in ("cell_voltage", "soc"))))
        if len(bad):
            words = {1.0: "too high", 2.0: "too low"}[float(column[bad[0]])] if state in ("cell_voltage", "soc") else "abnormal"
            yield int(track.at[bad[0]]), "vehicle", f"BSM: {state.replace('_', ' ')} {words}"


def changed(values: np.ndarray[tuple[int], np.dtype[np.float64]] | Ints) -> Ints:
    """The indices at which *values* differ from the one before. NaN differs from nothing."""
    differs = (values[1:] != values[:-1]) & (values[1:] == values[1:]) & (values[:-1] == values[:-1])
    return np.flatnonzero(differs).astype(np.int64) + 1
