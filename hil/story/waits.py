"""Who waited for what in vain: the time limits of annex A, checked on a recording."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from hil.story.model import Clock, Finding, Severity
from hil.story.names import BMS, CHARGER
from hil.story.stretch import Stretch
from protocols.gbt27930.editions import Edition


@dataclass(frozen=True, slots=True)
class Wait:
    """*who* waits for *awaited* from the first *start* on; with *again*, anew after each until charging ends."""

    limit: str
    who: str
    start: str
    awaited: str
    flag: str
    """The field of CEM or BEM that reports it."""
    again: bool = False


WAITS = (
    Wait("BRM", CHARGER, "CRM 00", "BRM", "brm"),
    Wait("BCP", CHARGER, "CRM AA", "BCP", "bcp"),
    Wait("BRO", CHARGER, "CML", "BRO", "bro"),
    Wait("BRO ready", CHARGER, "CML", "BRO AA", "bro"),
    Wait("BCS", CHARGER, "CRO AA", "BCS", "bcs", again=True),
    Wait("BCL", CHARGER, "CRO AA", "BCL", "bcl", again=True),
    Wait("BST", CHARGER, "CST", "BST", "bst"),
    Wait("BSD", CHARGER, "CST", "BSD", "bsd"),
    Wait("CRM", BMS, "CHM", "CRM 00", "crm_00"),
    Wait("CRM AA", BMS, "BRM", "CRM AA", "crm_aa"),
    Wait("CML", BMS, "BCP", "CML", "cml"),
    Wait("CRO", BMS, "BRO AA", "CRO", "cro"),
    Wait("CRO ready", BMS, "BRO AA", "CRO AA", "cro"),
    Wait("CCS", BMS, "CCS", "CCS", "ccs", again=True),
    Wait("CST", BMS, "BST", "CST", "cst"),
    Wait("CSD", BMS, "BST", "CSD", "csd"),
)

ENDS = ("CST", "BST", "CEM", "BEM")
"""After one of these nobody waits for BCL, BCS or CCS any more; only an error message ends the other waits."""


@dataclass(frozen=True, slots=True)
class Missed:
    """A wait that ran out at *at_us*, *since_us* after the last sign."""

    wait: Wait
    since_us: int
    at_us: int
    silence_us: int
    clause: str


def missed(attempt: Stretch, edition: Edition) -> Iterator[Missed]:
    """The waits of *attempt* that ran out, at most one of each kind. None with a clock that stands still or runs backward."""
    if attempt.timing.clock is not Clock.MONOTONIC:
        return
    for wait in WAITS:
        limit = edition.limits.get(wait.limit)
        if limit is None:
            continue
        slack = attempt.timing.resolution_us + limit.us // 20  # field tolerance: 1 s + 50 ms, 5 s + 100 ms
        silence = _silence(attempt, wait)
        longest = max(silence, key=lambda pair: pair[1] - pair[0], default=(0, 0))
        if longest[1] - longest[0] > limit.us + slack:
            yield Missed(wait, longest[0], longest[0] + limit.us, longest[1] - longest[0], limit.clause)


def _silence(attempt: Stretch, wait: Wait) -> list[tuple[int, int]]:
    """The stretches of time without *awaited* while it was waited for, as (from, to)."""
    start = attempt.heard(wait.start).first
    if start is None:
        return []
    times = attempt.traffic.times_us
    stop = _stop(attempt, wait, start)
    answers = attempt.heard(wait.awaited).at
    if not wait.again:
        # An answer that is already there counts: BRO may come before CML, BST before CST.
        first = int(answers[0]) if len(answers) else stop
        return [(int(times[start]), int(times[max(start, min(first, stop))]))]
    points = np.concatenate(([start], answers[(answers > start) & (answers < stop)], [stop]))
    moments = times[points]
    widest = int(np.argmax(np.diff(moments)))
    return [(int(moments[widest]), int(moments[widest + 1]))]


def _stop(attempt: Stretch, wait: Wait, start: int) -> int:
    """The frame at which nobody waits any more: an end of charging, an error message, or the end of the stretch."""
    ends = ENDS if wait.again else ("CEM", "BEM")
    marks = [int(at[0]) for title in ends if len(at := attempt.heard(title).at) and int(at[0]) > start]
    return min([*marks, attempt.end - 1])


def wait_findings(attempt: Stretch, edition: Edition) -> Iterator[Finding]:
    """The waits that ran out, as findings against the side that kept the other waiting."""
    for miss in missed(attempt, edition):
        guilty = BMS if miss.wait.who == CHARGER else CHARGER
        text = f"{miss.wait.awaited} of the {guilty} missing for {miss.silence_us / 1e6:.2f} s"
        yield Finding(miss.since_us, Severity.VIOLATION, text, miss.clause)
