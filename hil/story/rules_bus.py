"""Rules on the bus: identifiers, strangers, transfers; and on a session as a whole."""

from collections.abc import Iterator, Sequence
from typing import Final

from hil.links.recording import EXTENDED
from hil.story.excerpt import Excerpt
from hil.story.measure import name_of, reason_words
from hil.story.rules import STANDARD, note
from hil.story.sorting import Sorted, text_of
from hil.story.story import CHARGER, RECORDING, VEHICLE, Finding, Severity
from hil.story.voices import KNOWN_STRANGERS, misdirected
from protocols.gbt27930.messages import BMS, BMS_TOO
from protocols.gbt27930.messages import CHARGER as CHARGER_ADDRESS
from protocols.j1939.watched import Cause, Transfer

ID_CLAUSE: Final = f"{STANDARD} table 1: priority, PGN, and addresses 0x56 (charger), 0xF4 (BMS)"
TWO_NODES: Final = f"{STANDARD} chapter 5: two nodes on a line of their own"
TP_CLAUSE: Final = "SAE J1939-21 5.10: connection mode, each packet once, acknowledged at the end"
MOST_STRANGERS: Final = 8
RECONNECTIONS: Final = 3


def identifiers(found: Sorted) -> Iterator[Finding]:
    """Messages under an identifier that is not quite theirs, and frames of others."""
    for name, (position, count, fault, source) in found.faults.items():
        who = CHARGER if source == CHARGER_ADDRESS else VEHICLE
        yield _finding(Severity.BREACH, who, f"{name}: {fault}", ID_CLAUSE, found, position, count)
    odd = [(*seen, key) for key, seen in found.second_address.items()]
    if odd:
        what = f"{text_of(min(odd)[2])}: vehicle address {BMS_TOO:X} instead of {BMS:X}, as some have (field divergence 28)"
        yield _finding(Severity.BREACH, VEHICLE, what, ID_CLAUSE, found, min(odd)[0], sum(count for _, count, _ in odd))
    strangers = sorted(found.strangers.items(), key=lambda item: (-item[1][1], item[1][0]))
    for key, (position, count) in strangers[:MOST_STRANGERS]:
        yield _stranger(found, key, position, count)
    if len(strangers) > MOST_STRANGERS:
        rest = strangers[MOST_STRANGERS:]
        what = f"{len(rest)} more foreign identifiers"
        yield _finding(Severity.NOTE, RECORDING, what, TWO_NODES, found, rest[0][1][0], sum(count for _, (_, count) in rest))


def _stranger(found: Sorted, key: int, position: int, count: int) -> Finding:
    swapped, vendor = misdirected(key), KNOWN_STRANGERS.get(key & ~EXTENDED) if key & EXTENDED else None
    if swapped:
        who = CHARGER if key & 0xFF == CHARGER_ADDRESS else VEHICLE
        return _finding(
            Severity.BREACH, who, f"{text_of(key)}: {swapped} is not the {who}'s to send", ID_CLAUSE, found, position, count
        )
    what = f"{text_of(key)}: {vendor}" if vendor else f"foreign frame {text_of(key)}, ignored"
    return _finding(Severity.NOTE, RECORDING, what, TWO_NODES, found, position, count)


def _finding(severity: Severity, who: str, what: str, clause: str, found: Sorted, position: int, count: int) -> Finding:
    return Finding(severity=severity, who=who, what=what, clause=clause, at_us=int(found.clock[position]), count=count)


def transfers(attempt: Excerpt) -> Iterator[Finding]:
    """Long messages that were not seen whole, by message and cause."""
    groups: dict[tuple[str, str, Severity, str], list[Transfer]] = {}
    for transfer in attempt.others:
        if transfer.payload is None:
            groups.setdefault((name_of(attempt, transfer.pgn), *_cause(transfer)), []).append(transfer)
    for (name, who, severity, what), group in groups.items():
        at_us = attempt.time_us(group[0].began_us)
        said = f"{name if name != '?' else 'long message'}: {what}"
        yield Finding(severity=severity, who=who, what=said, clause=TP_CLAUSE, at_us=at_us, count=len(group))
    whole = [t for t in attempt.others if t.payload is not None and not t.acknowledged]
    for name in dict.fromkeys(name_of(attempt, transfer.pgn) for transfer in whole):
        mine = [transfer for transfer in whole if name_of(attempt, transfer.pgn) == name]
        at_us = attempt.time_us(mine[0].ended_us)
        what = f"{name}: complete, but not acknowledged (EndOfMsgAck)"
        yield Finding(severity=Severity.NOTE, who=CHARGER, what=what, clause=TP_CLAUSE, at_us=at_us, count=len(mine))


def _cause(transfer: Transfer) -> tuple[str, Severity, str]:
    """Whose doing an incomplete transfer is, how grave, and what it is in words."""
    if transfer.cause is Cause.ABORTED:
        who = CHARGER if transfer.aborted_by == CHARGER_ADDRESS else VEHICLE
        unanswered = "" if transfer.cts_count or not transfer.rts_seen else ", after an RTS without an answer"
        return who, Severity.NOTE, f"transfer aborted, reason {reason_words(transfer.reason)}{unanswered}"
    if transfer.acknowledged:
        return RECORDING, Severity.NOTE, "acknowledged, but packets of the transfer are not in the recording"
    if transfer.cause is Cause.OPEN:
        return RECORDING, Severity.NOTE, "a transfer is open when the recording ends"
    if not transfer.cts_count and transfer.rts_seen:
        return CHARGER, Severity.NOTE, "RTS without an answer"
    return RECORDING, Severity.NOTE, "transfer with missing packets, not acknowledged"


def reconnections(attempts: Sequence[Excerpt]) -> Iterator[Finding]:
    """More reconnections than the standard has."""
    if len(attempts) - 1 > RECONNECTIONS:
        what = f"{len(attempts) - 1} reconnections (at most {RECONNECTIONS})"
        clause = f"{STANDARD} annex C note 2: plug in again after three"
        yield note(attempts[RECONNECTIONS + 1], "CRM", what, clause, position=attempts[RECONNECTIONS + 1].begin)
