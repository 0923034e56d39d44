"""The referee: the table of all rules, and the verdicts on a recording or a run.

It reads wires and physical truth only, and shares nothing with the two roles but the declarations of messages and their limits.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from hil.links.recording import Recording
from hil.referee.case import Case, Lost, cases_of
from hil.referee.ruling import Ruling, Seen, Verdict, decide
from hil.referee.timer_rules import TIMERS
from hil.referee.truth import Truth
from hil.referee.truth_rules import TRUTH
from hil.referee.wire_rules import WIRE, Judge


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: *name* (section of the fact sheet and key word), *who* must keep it, *what*, its *clause*, who judges it."""

    name: str
    who: str
    what: str
    clause: str
    judge: Judge
    needs: tuple[str, ...] = ()
    """The signals of the physical truth without which nobody can tell."""


RULES: Final = (*(Rule(*row) for row in WIRE), *(Rule(*row) for row in TIMERS), *(Rule(*row) for row in TRUTH))


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdicts on all rules."""

    rulings: tuple[Ruling, ...]

    @property
    def verdict(self) -> Verdict:
        """Fail if one rule was broken; else pass if one was kept."""
        verdicts = {ruling.verdict for ruling in self.rulings}
        return next((v for v in (Verdict.FAIL, Verdict.PASS) if v in verdicts), Verdict.INCONCLUSIVE)

    def broken(self, who: str | None = None) -> list[Ruling]:
        """The rules that were broken, of everybody or of *who*."""
        return [r for r in self.rulings if r.verdict is Verdict.FAIL and who in (None, r.who)]


def judge(
    recording: Recording, truth: Truth | None = None, *, tolerance_us: int | None = None, losses: Sequence[Lost] = ()
) -> Judgement:
    """Judge *recording* by every rule; no session in it: all inconclusive.

    *truth* and *losses* are on the clock of the recording. *tolerance_us* widens what its stamps are worth by themselves.
    """
    origin_us = int(recording.times_us.min()) if len(recording) else 0
    moved = [Lost(loss.begin_us - origin_us, loss.end_us - origin_us, loss.message) for loss in losses]
    shifted = None if truth is None else truth.moved(-origin_us)
    cases = cases_of(recording, shifted, tolerance_us=tolerance_us, losses=moved)
    return Judgement(tuple(_ruling(rule, cases, origin_us if truth is not None else 0) for rule in RULES))


def _ruling(rule: Rule, cases: Sequence[Case], origin_us: int) -> Ruling:
    verdict, evidence, count = decide(_seen(rule, cases))
    told = tuple(s if s.at_us is None else s._replace(at_us=s.at_us + origin_us) for s in evidence)
    return Ruling(rule=rule.name, who=rule.who, what=rule.what, clause=rule.clause, verdict=verdict, evidence=told, count=count)


def _seen(rule: Rule, cases: Sequence[Case]) -> Iterator[Seen]:
    for case in cases:
        if rule.needs and (case.truth is None or not case.truth.has(*rule.needs)):
            yield Seen(Verdict.INCONCLUSIVE, None, f"needs the physical truth: {', '.join(rule.needs)}")
        else:
            yield from rule.judge(case)
