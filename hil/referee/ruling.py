"""What a referee says: per rule pass, fail or inconclusive, with the evidence for it."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple


class Verdict(Enum):
    """What became of a rule."""

    PASS = "pass"
    FAIL = "fail"
    INCONCLUSIVE = "inconclusive"
    """It never came to it, the evidence is not there, or it is finer than the time stamps."""


class Seen(NamedTuple):
    """One case of a rule: *verdict*, *at_us* (on the clock of the evidence; None: about the whole), *what* was seen in words."""

    verdict: Verdict
    at_us: int | None
    what: str
    times: int = 1
    """How many such cases this stands for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruling:
    """The verdict on one rule. *evidence* holds the first cases that decided it, *count* says how many there are."""

    rule: str
    who: str
    """Whose duty it is: charger, vehicle or both."""
    what: str
    clause: str
    verdict: Verdict
    evidence: tuple[Seen, ...]
    count: int


MOST_EVIDENCE = 4
"""Cases that are shown of a rule."""


def held(at_us: int | None, what: str) -> Seen:
    """The rule was kept."""
    return Seen(Verdict.PASS, at_us, what)


def broken(at_us: int | None, what: str) -> Seen:
    """The rule was broken."""
    return Seen(Verdict.FAIL, at_us, what)


def unknown(at_us: int | None, what: str) -> Seen:
    """Nobody can tell."""
    return Seen(Verdict.INCONCLUSIVE, at_us, what)


def judged(keeps: bool, at_us: int | None, what: str) -> Seen:
    """The rule was kept or broken."""
    return held(at_us, what) if keeps else broken(at_us, what)


def within(value: float, limit: float, slack: float, at_us: int | None, what: str) -> Seen:
    """Whether *value* is at most *limit*; nearer to it than *slack* nobody can tell."""
    if abs(value - limit) < slack:
        return unknown(at_us, f"{what}: too close to the limit for these time stamps")
    return judged(value <= limit, at_us, what)


def decide(cases: Iterable[Seen]) -> tuple[Verdict, tuple[Seen, ...], int]:
    """The verdict on all *cases* of a rule: one that fails decides, then one that nobody can tell; no case is no verdict."""
    found = list(cases)
    for verdict in (Verdict.FAIL, Verdict.INCONCLUSIVE, Verdict.PASS):
        mine = [case for case in found if case.verdict is verdict]
        if mine:
            return verdict, tuple(mine[:MOST_EVIDENCE]), sum(case.times for case in mine)
    return Verdict.INCONCLUSIVE, (unknown(None, "it never came to it"),), 0


def broken_ones(rulings: Iterable[Ruling]) -> Iterator[Ruling]:
    """The rules that were broken."""
    return (ruling for ruling in rulings if ruling.verdict is Verdict.FAIL)
