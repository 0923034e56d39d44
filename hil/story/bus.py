"""What is found about the bus as a whole: foreign frames, transfers that failed."""

from collections import Counter
from collections.abc import Iterator

from hil.links.recording import EXTENDED
from hil.story.model import Finding, Severity, Transfers
from hil.story.names import FOREIGN, UNKNOWN, title_of
from hil.story.stretch import Stretch
from hil.story.traffic import Traffic
from protocols.j1939.identifier import GLOBAL
from protocols.j1939.watched import Cause, Transfer

SHOWN = 4
"""So many identifiers are named in a finding."""

NAMES = {
    Cause.MISSING: "broken",
    Cause.ABORTED: "aborted",
    Cause.REPLACED: "replaced",
    Cause.RESTARTED: "broken",
    Cause.OPEN: "open_at_end",
}


def name_of(key: int) -> str:
    """An identifier as candump writes it, without leading zeros where it has 11 bits."""
    return f"{key & ~EXTENDED:08X}" if key >= EXTENDED else f"{key:X}"


def transfers(traffic: Traffic) -> Transfers:
    """Whole transfers by message; frames of each kind and failures by kind, those that occurred."""
    complete = Counter(title_of(t.pgn) for t in traffic.transfers if t.payload is not None)
    events = Counter({kind: count for kind, count in traffic.listener.counts.items() if count and kind != "dt"})
    events.update(NAMES[t.cause] for t in traffic.transfers if t.cause is not None)
    return Transfers(dict(complete), dict(events))


def bus_findings(whole: Stretch) -> Iterator[Finding]:
    """Frames that do not belong to the two nodes, and transfers that did not succeed."""
    yield from _strangers(whole, FOREIGN, "of other nodes", "GB/T 27930-2015 chapter 5: two nodes on the segment")
    yield from _strangers(whole, UNKNOWN, "of the two nodes with messages that no edition has", "GB/T 27930-2015 table 1")
    for cause in Cause:
        failed = [t for t in whole.traffic.transfers if t.cause is cause]
        if failed:
            yield _failed(whole, cause, failed)
    broadcasts = [t for t in whole.traffic.transfers if t.destination == GLOBAL]
    if broadcasts:
        text = f"{len(broadcasts)} transfers by broadcast"
        yield Finding(whole.time_us(broadcasts[0].began_us), Severity.VIOLATION, text, "GB/T 27930-2015 6.5: connection mode only")


def _strangers(whole: Stretch, code: int, what: str, clause: str) -> Iterator[Finding]:
    traffic = whole.traffic
    found = [(count, key) for key, count, c in zip(traffic.keys, traffic.key_counts, traffic.key_codes, strict=True) if c == code]
    if not found:
        return
    found.sort(key=lambda pair: -pair[0])
    names = ", ".join(name_of(key) for _, key in found[:SHOWN]) + (", ..." if len(found) > SHOWN else "")
    first = int((traffic.codes == code).argmax())
    yield Finding(whole.time_us(first), Severity.NOTE, f"{sum(c for c, _ in found)} frames {what}: {names}", clause)


def _failed(whole: Stretch, cause: Cause, failed: list[Transfer]) -> Finding:
    what = ", ".join(f"{count} {title}" for title, count in Counter(title_of(t.pgn) for t in failed).items())
    reasons = sorted({t.reason for t in failed if t.reason is not None})
    text = f"transfers not whole ({what}): {cause.value}"
    if reasons:
        text += f", reason {', '.join(str(reason) for reason in reasons)}"
    severity = Severity.NOTE if cause in (Cause.OPEN, Cause.REPLACED, Cause.RESTARTED) else Severity.REPORT
    return Finding(whole.time_us(failed[0].began_us), severity, text, "SAE J1939-21 5.10")


