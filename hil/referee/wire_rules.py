"""Rules that wires alone can settle: form, order, periods, transfers. They read the findings of the story of a recording."""

from collections.abc import Callable, Iterator
from typing import Final

from hil.referee.case import Case
from hil.referee.ruling import Seen, Verdict, broken, held, unknown
from hil.story import rules_battery, rules_bus, rules_format, rules_order, rules_power, rules_time
from hil.story.measure import name_of
from hil.story.rules import Rule as StoryRule
from hil.story.story import CHARGER, VEHICLE, Finding, Severity
from protocols.gbt27930.messages import CHARGER as CHARGER_ADDRESS

Judge = Callable[[Case], Iterator[Seen]]
READY_STEP: Final = "CRO(0x00) during preparation"
"""What the clause of the missing first CRO contains."""
TIMED: Final = frozenset({rules_time.waits, rules_time.silences, rules_order.after_stop, rules_battery.forbidden})


def story(who: str, *rules: StoryRule, needs: str = "", strict: bool = False, only: str = "", but: str = "") -> Judge:
    """A rule that is kept where *rules* of the story find nothing against *who*.

    *needs* names a message without which it never came to it. *strict*: what the story only notes counts too. *only* and *but*
    choose findings by what their clause contains.
    """

    def judge(case: Case) -> Iterator[Seen]:
        for attempt in case.attempts:
            if needs and not any(len(attempt.track(name)) for name in needs.split()):
                continue
            if not attempt.timed and any(rule in TIMED for rule in rules):
                yield unknown(None, "the time stamps measure nothing")
                continue
            found = [f for rule in rules for f in rule(attempt) if _counts(f, who, strict) and only in f.clause]
            found = [f for f in found if not but or but not in f.clause]
            yield from (_seen(case, f) for f in found)
            if not found:
                yield held(attempt.time_us(attempt.begin), "nothing against it")

    return judge


def _counts(finding: Finding, who: str, strict: bool) -> bool:
    return finding.who == who and (strict or finding.severity is Severity.BREACH)


def _seen(case: Case, finding: Finding) -> Seen:
    """A finding as a case; what happened after the plug was pulled, or while nobody recorded, is nobody's breach."""
    at_us, what = finding.at_us, f"{finding.what} ({finding.clause})"
    gone = case.unplugged_us
    if at_us is not None and gone is not None and at_us > gone:
        return Seen(Verdict.PASS, at_us, f"unplugged before: {finding.what}")
    if at_us is not None and not case.sees(at_us - 1, at_us + 1):
        return unknown(at_us, f"the recording has a hole: {finding.what}")
    return Seen(Verdict.FAIL, at_us, what, finding.count)


def identifiers(who: str) -> Judge:
    """Identifiers with the right addresses and priorities."""

    def judge(case: Case) -> Iterator[Seen]:
        found = [f for f in rules_bus.identifiers(case.found) if _counts(f, who, False)]
        yield from (_seen(case, f) for f in found)
        if not found:
            yield held(case.session.time_us(case.session.begin), f"{len(case.found.ids)} identifiers, all as in table 1")

    return judge


def periods(who: str) -> Judge:
    """Median periods within 10 %."""

    def judge(case: Case) -> Iterator[Seen]:
        found = [f for f in rules_time.slow(case.attempts) if f.who == who]
        yield from (broken(case.session.time_us(case.session.begin), f.what) for f in found)
        if case.timed and not found:
            yield held(None, "every median within 10 %")

    return judge


def transfers(case: Case) -> Iterator[Seen]:
    """Requests to send that the charger leaves without an answer, or without an acknowledgement at the end."""
    last_said = int(case.found.charger_at[-1]) if len(case.found.charger_at) else -1
    for attempt in case.attempts:
        for transfer in attempt.others:
            name = name_of(attempt, transfer.pgn)
            begin, end = attempt.time_us(transfer.began_us), attempt.time_us(transfer.ended_us)
            unanswered = not transfer.cts_count and transfer.rts_seen and transfer.payload is None
            if transfer.aborted_by == CHARGER_ADDRESS or transfer.ended_us > last_said or not (unanswered or _unmet(transfer)):
                continue
            if not case.delivers(name, begin, end + 1) or not case.sees(begin, end + 1):
                yield unknown(begin, f"the request for {name} may not have reached the charger")
            elif unanswered and attempt.timed and end - begin >= ANSWER_US:
                yield broken(begin, f"{name}: RTS without CTS or Abort for {(end - begin) / 1e6:.2f} s")
            elif _unmet(transfer):
                yield broken(end, f"{name}: complete, but not acknowledged (EndOfMsgAck)")
    for name, count in ((n, len(case.session.track(n))) for n in ("BRM", "BCP", "BCS")):
        if count:
            yield held(case.session.track(name).times_us[0].item(), f"{count} transfers of {name} answered and acknowledged")


def _unmet(transfer: object) -> bool:
    return bool(getattr(transfer, "payload", None) is not None and not getattr(transfer, "acknowledged", True))


ANSWER_US: Final = 1_250_000
"""T3 of SAE J1939-21: the sender of an RTS waits so long."""

FORM: Final = (rules_format.lengths, rules_format.fill, rules_format.values, rules_format.clock)
ORDER: Final = (rules_order.stray, rules_order.missing_steps)
_GBT = "GB/T 27930-2015 "
_TABLE = _GBT + "table 1"

WIRE: Final[tuple[tuple[str, str, str, str, Judge], ...]] = (
    ("8.1 identifiers", CHARGER, "priority, parameter group and addresses", _TABLE, identifiers(CHARGER)),
    ("8.1 identifiers", VEHICLE, "priority, parameter group and addresses", _TABLE, identifiers(VEHICLE)),
    ("8.2 form", CHARGER, "lengths, values and fill bits", _GBT + "chapter 10", story(CHARGER, *FORM, strict=True)),
    ("8.2 form", VEHICLE, "lengths, values and fill bits", _GBT + "chapter 10", story(VEHICLE, *FORM, strict=True)),
    (
        "8.3 order",
        CHARGER,
        "no earlier phase after a later, no step left out",
        _GBT + "annex A",
        story(CHARGER, *ORDER, but=READY_STEP),
    ),
    ("8.3 order", VEHICLE, "no earlier phase after a later, no step left out", _GBT + "annex A", story(VEHICLE, *ORDER)),
    (
        "3.2 CRO 00",
        CHARGER,
        "CRO(0x00) during preparation, then CRO(0xAA)",
        "GB/T 34658-2017 DP.2003",
        story(CHARGER, rules_order.missing_steps, needs="CRO", only=READY_STEP),
    ),
    ("2.1 periods", CHARGER, "messages keep their periods", _TABLE + "; GB/T 34658-2017, 10 %", periods(CHARGER)),
    ("2.1 periods", VEHICLE, "messages keep their periods", _TABLE + "; GB/T 34658-2017, 10 %", periods(VEHICLE)),
    ("3.1 answers", CHARGER, "every answer within its limit", _GBT + "annex A", story(CHARGER, rules_time.waits)),
    ("3.1 answers", VEHICLE, "every answer within its limit", _GBT + "annex A", story(VEHICLE, rules_time.waits)),
    (
        "3.1 CCS",
        CHARGER,
        "CCS never silent for 1 s while charging",
        _GBT + "annex A, SPN 3905",
        story(CHARGER, rules_time.silences, rules_time.accusations, needs="CCS", only="3905"),
    ),
    (
        "3.1 BCL BCS",
        VEHICLE,
        "BCL never silent for 1 s, BCS for 5 s, while charging",
        _GBT + "annex A, SPN 3925, 3924",
        story(VEHICLE, rules_time.silences, needs="BCL BCS"),
    ),
    (
        "3.2 CCS ends",
        CHARGER,
        "CCS stops at once on BST",
        "GB/T 34658-2017 DP.3003",
        story(CHARGER, rules_order.after_stop, needs="BST"),
    ),
    (
        "2.2 CST reason",
        CHARGER,
        "CST that answers BST says so",
        "GB/T 34658-2017 DP.3006",
        story(CHARGER, rules_format.reasons, needs="CST"),
    ),
    (
        "2.2 BST reason",
        VEHICLE,
        "BST that answers CST says so",
        "GB/T 34658-2017 BP.3004",
        story(VEHICLE, rules_format.reasons, needs="BST"),
    ),
    (
        "8.7 delivery told",
        CHARGER,
        "CCS within the demand",
        rules_power.ERROR_CLAUSE,
        story(CHARGER, rules_power.delivery, needs="CCS"),
    ),
    (
        "8.4 pre-charge told",
        CHARGER,
        "battery within range and matched before CRO(0xAA)",
        rules_power.MATCH_CLAUSE,
        story(CHARGER, rules_power.precharge, rules_power.capability, needs="CCS"),
    ),
    (
        "8.6 BSM",
        CHARGER,
        "no current while BSM forbids it",
        _GBT + "BSM SPN 3096; GB/T 34658-2017 DP.3004",
        story(CHARGER, rules_battery.forbidden, needs="BSM"),
    ),
    (
        "8.13 pause",
        CHARGER,
        "a pause of 10 min ends with CST",
        _GBT + "annex A",
        story(CHARGER, rules_battery.pauses, needs="BSM"),
    ),
    (
        "3.2 BSM abnormal",
        CHARGER,
        "stop with CST when BSM reports a fault",
        "GB/T 34658-2017 DP.3005",
        story(CHARGER, rules_battery.alarms, needs="BSM"),
    ),
    ("8.12 transfers", CHARGER, "requests granted, transfers acknowledged", rules_bus.TP_CLAUSE, transfers),
)
"""Name, whose duty, what is asked, clause, judge."""
