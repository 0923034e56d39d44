"""Whether a run did what its scenario expects, and whether it ended safely."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hil.expectations import judge_limit, judge_never, judge_order, judge_within
from hil.outcome import Outcome
from hil.scenario import Expect

SAFE_END = "GB/T 18487.1-2015 B.3.7: K1/K2 open, no more than 5 A, below 60 V, unlocked"

STAGE_V = 60.0
DISCHARGED = "GB/T 18487.1-2015 B.3.6: the output is discharged below 60 V"

SOC_MARGIN_PCT = 0.5
"""The vehicle looks every 250 ms, and measures what it counts."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One expectation: *what* was expected, whether it *held*, what was *got*, and the *clause* that asks for it."""

    what: str
    held: bool
    got: str
    clause: str


def judge(expect: Expect, outcome: Outcome) -> list[Verdict]:
    """Every expectation of the scenario against *outcome*, the safe end first."""
    verdicts = [Verdict("ends in a safe state", outcome.safe, outcome.end_state, SAFE_END)]
    if not expect.stage_live:
        verdicts.append(Verdict("power stage discharged", outcome.stage_v < STAGE_V, f"{outcome.stage_v:.0f} V", DISCHARGED))
    verdicts += [Verdict(what, held, got, expect.clause) for what, held, got in _checks(expect, outcome)]
    verdicts += [Verdict(what, held, got, clause or expect.clause) for what, held, got, clause in _rules(expect, outcome)]
    return verdicts


def _rules(expect: Expect, outcome: Outcome) -> Iterator[tuple[str, bool, str, str]]:
    """The expectations over the whole trace, each with a clause of its own or none."""
    trace = outcome.trace
    yield from (judge_within(rule, trace) for rule in expect.within)
    yield from (judge_limit(rule, trace) for rule in expect.limits)
    yield from (judge_never(rule, trace) for rule in expect.never)
    yield from (judge_order(rule, trace) for rule in expect.order)


def _checks(expect: Expect, outcome: Outcome) -> Iterator[tuple[str, bool, str]]:
    if expect.ended is not None:
        yield f"ended: {expect.ended}", outcome.ended == expect.ended, outcome.ended
    if expect.stop_reason is not None:
        yield f"stop reason: {expect.stop_reason}", expect.stop_reason in outcome.stop_reason, outcome.stop_reason
    if expect.phases:
        visited = [phase.name for phase in outcome.phases]
        yield f"phases: {' > '.join(expect.phases)}", _in_order(expect.phases, visited), " > ".join(visited)
    if expect.timeouts is not None:
        wanted = ", ".join(expect.timeouts) or "none"
        yield f"time limits exceeded: {wanted}", list(expect.timeouts) == outcome.timeouts, ", ".join(outcome.timeouts) or "none"
    if expect.reconnects is not None:
        yield f"reconnections: {expect.reconnects}", outcome.reconnects == expect.reconnects, str(outcome.reconnects)
    if expect.soc_reached is not None:
        reached = abs(outcome.soc_pct - outcome.soc_target_pct) <= SOC_MARGIN_PCT
        target = f"{outcome.soc_target_pct:g} % state of charge {'reached' if expect.soc_reached else 'not reached'}"
        yield target, reached is expect.soc_reached, f"{outcome.soc_pct:.2f} %"
    for name, span, value in (("soc_pct", expect.soc_pct, outcome.soc_pct), ("energy_wh", expect.energy_wh, outcome.energy_wh)):
        if span is not None:
            yield f"{name}: {span[0]:g}..{span[1]:g}", span[0] <= value <= span[1], f"{value:.1f}"
    if expect.frames:
        sent = [str(frame) for _, frame in outcome.trace.log()]
        missing = _first_missing(expect.frames, sent)
        yield f"frames in order: {', '.join(expect.frames)}", missing is None, f"missing {missing}" if missing else "all"


def _in_order(wanted: Sequence[str], seen: Sequence[str]) -> bool:
    return _first_missing(wanted, seen) is None


def _first_missing(wanted: Sequence[str], seen: Sequence[str]) -> str | None:
    """The first of *wanted* that does not follow the one before it in *seen*."""
    rest = iter(seen)
    return next((item for item in wanted if item not in rest), None)
