"""Whether the messages came in the order of the standard."""

from collections.abc import Iterator, Sequence

from hil.story.model import Finding, Severity
from hil.story.names import BMS, BMS_ORDER, CHARGER, CHARGER_ORDER
from hil.story.stretch import Stretch
from protocols.gbt27930.editions import Edition

STRAY = 1
"""So many frames of the phase before are what was left in a mailbox."""

ORDER_CLAUSE = "GB/T 27930-2015 chapter 8: a phase that is over does not come again"


def order_findings(attempt: Stretch, edition: Edition) -> Iterator[Finding]:
    """Everything in *attempt* that came at the wrong place."""
    yield from _backward(attempt, CHARGER, CHARGER_ORDER)
    yield from _backward(attempt, BMS, BMS_ORDER)
    yield from _readiness(attempt)
    yield from _start_of_charging(attempt)
    yield from _before_payload(attempt, edition)
    yield from _after_stop(attempt)


def _backward(attempt: Stretch, side: str, order: Sequence[Sequence[str]]) -> Iterator[Finding]:
    """Messages of *side* after the first of a later group."""
    later_at, later = attempt.end, ""
    for group in reversed(order):
        for title in group:
            begun = attempt.heard(title).begun
            late = begun[begun > later_at]
            if len(late):
                text = f"{len(late)} {title} of the {side} after its first {later}"
                severity = Severity.DEVIATION if len(late) <= STRAY else Severity.VIOLATION
                yield Finding(attempt.time_us(int(late[0])), severity, text, ORDER_CLAUSE)
        for title in group:
            first = attempt.heard(title).begun[:1]
            if len(first) and first[0] < later_at:
                later_at, later = int(first[0]), title


def _readiness(attempt: Stretch) -> Iterator[Finding]:
    """CRO(0x00) and BRO(0xAA) come before CRO(0xAA)."""
    ready, prepared = attempt.heard("CRO AA").first, attempt.heard("BRO AA").first
    if ready is None or not (len(attempt.heard("CML")) or prepared is not None):
        return
    at = attempt.time_us(ready)
    announced = attempt.heard("CRO 00").first
    if announced is None or announced > ready:
        yield Finding(at, Severity.DEVIATION, "CRO(0xAA) without a CRO(0x00) before", "GB/T 34658-2017 DP.2003")
    if prepared is None or prepared > ready:
        yield Finding(at, Severity.VIOLATION, "CRO(0xAA) before the vehicle said BRO(0xAA)", "GB/T 27930-2015 chapter 8.3")


def _start_of_charging(attempt: Stretch) -> Iterator[Finding]:
    """CCS starts after both BCL and BCS; BCL starts after CRO(0xAA)."""
    first_ccs = attempt.heard("CCS").first
    ready = attempt.heard("CRO AA").first
    demand, status = attempt.heard("BCL").first, attempt.heard("BCS").first
    if demand is not None and ready is not None and demand < ready:
        yield Finding(attempt.time_us(demand), Severity.VIOLATION, "BCL before CRO(0xAA)", "GB/T 34658-2017 BP.2003")
    if first_ccs is None or ready is None:
        return
    for title, first in (("BCL", demand), ("whole BCS", status)):
        if first is None or first > first_ccs:
            text, clause = f"CCS before the first {title}", "GB/T 34658-2017 DN.3001, DN.3002: both come first"
            yield Finding(attempt.time_us(first_ccs), Severity.DEVIATION, text, clause)


def _before_payload(attempt: Stretch, edition: Edition) -> Iterator[Finding]:
    """CRM(0xAA) answers a whole BRM, CML a whole BCP; judged only where the recording holds what came before."""
    for answer, question, before, clause in (
        ("CRM AA", "BRM", "CRM 00", "GB/T 34658-2017 DP.1003"),
        ("CML", "BCP", "CRM AA", "GB/T 34658-2017 DP.2001"),
    ):
        answered, asked = attempt.heard(answer).first, attempt.heard(question).first
        start = attempt.heard(before).first
        if answered is None or start is None or start > answered or (asked is not None and asked < answered):
            continue
        text = f"{answer} before a whole {question} is in the recording"
        yield Finding(attempt.time_us(answered), Severity.NOTE, text, clause)


def _after_stop(attempt: Stretch) -> Iterator[Finding]:
    """After BST the charger sends CST, and no more CCS."""
    stop = attempt.heard("BST").first
    if stop is None:
        return
    late = attempt.heard("CCS").at
    late = late[late > stop]
    if len(late):
        severity = Severity.DEVIATION if len(late) <= STRAY else Severity.VIOLATION
        yield Finding(attempt.time_us(int(late[0])), severity, f"{len(late)} CCS after BST", "GB/T 34658-2017 DP.3003")


