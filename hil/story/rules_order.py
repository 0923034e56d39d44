"""Rules on the order of messages within one attempt (GB/T 27930-2015 annex A; GB/T 34658-2017)."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from hil.story.excerpt import CHARGER_ORDER, VEHICLE_ORDER, Excerpt, sender_of
from hil.story.rules import STANDARD, breach, frames, note, plainly
from hil.story.story import Finding
from hil.story.words import seconds

PHASE_CLAUSE: Final = f"{STANDARD} annex A: no message of an earlier phase after one of a later"

IN_FLIGHT_US: Final = 10_000
"""A frame this soon after one of a later phase may have waited for the bus: the later one went first by its priority."""

STRAY: Final = {
    "CHM": f"{STANDARD} annex A: CHM ends before CRM",
    "CML": f"{STANDARD} annex A: CML ends with CRO",
    "CTS": f"{STANDARD} annex A: CTS ends with CRO",
    "CRO": "GB/T 34658-2017 DP.3001: CRO ends with CCS",
    "CCS": "GB/T 34658-2017 DP.3003: CCS ends with CST",
    "BRO": f"{STANDARD} annex A: BRO ends with CRO(0xAA); GB/T 34658-2017 BP.2003",
}

NEEDS: Final = (
    ("BHM", "CHM", "CHM", f"{STANDARD} handshake: BHM answers CHM"),
    ("CRM AA", "BRM", "CRM 00", f"{STANDARD} identification: CRM(0xAA) after BRM; GB/T 34658-2017 DP.1003"),
    ("BCP", "CRM AA", "CRM 00", f"{STANDARD} configuration: BCP after CRM(0xAA)"),
    ("CML", "BCP", "CRM", f"{STANDARD} configuration: CML after BCP; GB/T 34658-2017 DP.2001"),
    ("CRO", "BRO AA", "CML", f"{STANDARD} configuration: CRO after BRO(0xAA); GB/T 34658-2017 DP.2003"),
    ("CRO AA", "CRO 00", "CML", "GB/T 34658-2017 DP.2003: CRO(0x00) during preparation, then CRO(0xAA)"),
    ("BCL", "CRO AA", "CRO", f"{STANDARD} charging: BCL after CRO(0xAA); GB/T 34658-2017 BP.2003"),
    ("CCS", "BCL", "CRO", "GB/T 34658-2017 DN.3002: no CCS before the first BCL"),
    ("CCS", "BCS", "CRO", "GB/T 34658-2017 DN.3001: no CCS before the first complete BCS"),
    ("BSD", "CST", "CCS", f"{STANDARD} end of charging: BSD after CST; GB/T 34658-2017 BP.4001"),
    ("CSD", "BSD", "CST", f"{STANDARD} end of charging: CSD after BSD; GB/T 34658-2017 DP.4001"),
)
"""Message, what must have come before it, what must be in the recording for that to be judged, and the clause."""


def stray(attempt: Excerpt) -> Iterator[Finding]:
    """Messages of an earlier phase after one of a later phase of the same side."""
    for order in (CHARGER_ORDER, VEHICLE_ORDER):
        later: int | None = None
        came: str = ""
        for names in reversed(order):
            for name in names:
                yield from _stray(attempt, name, came, later)
            firsts = [(position, name) for name in names if (position := _began(attempt, name)) is not None]
            if firsts and (later is None or min(firsts)[0] < later):
                later, came = min(firsts)


def _began(attempt: Excerpt, name: str) -> int | None:
    track = attempt.track(name)
    return int(track.began[0]) if len(track) else None


def _stray(attempt: Excerpt, name: str, came: str, later: int | None) -> Iterator[Finding]:
    if later is None:
        return
    track = attempt.track(name)
    sure = attempt.timed and attempt.resolution_us <= IN_FLIGHT_US
    places = np.flatnonzero((track.began > later) & ((track.began_us > attempt.time_us(later) + IN_FLIGHT_US) | (not sure)))
    if not len(places):
        return
    what = f"{frames(len(places))} of {name} after the first {came}"
    clause, where = STRAY.get(name, PHASE_CLAUSE), {"position": int(track.at[places[0]]), "count": len(places)}
    if len(places) == 1 and sender_of(name) == "vehicle":
        yield note(attempt, name, what, clause, **where)
    else:
        yield breach(attempt, name, what, clause, **where)


def missing_steps(attempt: Excerpt) -> Iterator[Finding]:
    """Messages that came before what they answer."""
    for name, needed, witness, clause in NEEDS:
        position, seen = attempt.first(name), attempt.first(witness)
        if position is None or seen is None or seen > position or needed.partition(" ")[0] not in attempt.edition.messages:
            continue
        before = attempt.first_delivered(needed)
        if before is None:
            yield breach(attempt, name, f"{plainly(name)} without any {plainly(needed)} before it", clause, position=position)
        elif before > position:
            when = f", which came {_later(attempt, position, before)}"
            yield breach(attempt, name, f"{plainly(name)} before the first {plainly(needed)}{when}", clause, position=position)


def _later(attempt: Excerpt, position: int, other: int) -> str:
    gap = attempt.time_us(other) - attempt.time_us(position)
    return f"{seconds(gap)} later" if attempt.timed and gap > 0 else "later"


def after_stop(attempt: Excerpt) -> Iterator[Finding]:
    """CCS that goes on after the vehicle's BST: it ends at once."""
    stop, track = attempt.first("BST"), attempt.track("CCS")
    if stop is None:
        return
    places = np.flatnonzero(track.at > stop)
    if len(places) > 1:
        what, clause = f"{len(places)} CCS after the first BST", "GB/T 34658-2017 DP.3003: CCS stops at once on BST"
        yield breach(attempt, "CCS", what, clause, position=int(track.at[places[0]]), count=len(places))


def statistics(attempt: Excerpt) -> Iterator[Finding]:
    """A stop without the messages that belong to it, if the recording goes on after it."""
    first = min((p for p in (attempt.first("BST"), attempt.first("CST")) if p is not None), default=None)
    if first is None or not attempt.timed:
        return
    missing: Sequence[str] = [name for name in ("BST", "CST", "BSD", "CSD") if attempt.first(name) is None]
    if ("CST" in missing and "BST" in missing) or attempt.last_us - attempt.time_us(first) < 1_000_000:
        return
    for name in missing:
        what = f"no {name}, though the recording goes on for {seconds(attempt.last_us - attempt.time_us(first))} after the stop"
        yield note(attempt, name, what, f"{STANDARD} end of charging", position=first)


def handshake(attempt: Excerpt) -> Iterator[Finding]:
    """A session without CHM that is not one of 2011."""
    position = attempt.first("CRM 00")
    if position is None or attempt.begin or not attempt.edition.has_handshake or attempt.first("CHM") is not None:
        return
    what = "the session begins with CRM(0x00): the handshake was left out, or the recording began after it"
    yield note(attempt, "CHM", what, f"{STANDARD} handshake: CHM and BHM before CRM", position=position)
