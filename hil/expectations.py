"""Expectations over a whole run, as data: answers in time, limits of signals, what must never be, and in which order.

Moments are written as `hil.moments` says. A rule whose beginning never comes does not hold: nothing was shown.
"""

from collections.abc import Iterator, Sequence
from typing import Annotated

from msgspec import Meta, Struct

from firmware_model.recorder import SIGNALS
from firmware_model.trace import Trace
from hil.moments import moment

Found = tuple[str, bool, str, str]
"""What was expected, whether it held, what was got, the rule's clause."""


class Within(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Once *first* has come, *then* follows no later than *within_s* [s] after it."""

    first: str
    then: str
    within_s: Annotated[float, Meta(ge=0, le=1e6)]
    at_least_s: Annotated[float, Meta(ge=0, le=1e6)] = 0.0
    """And not before this time after *first*: a time limit must neither be missed nor anticipated."""
    clause: str = ""

    def __post_init__(self) -> None:
        moment(self.first), moment(self.then)
        if self.at_least_s > self.within_s:
            raise ValueError(f"at_least_s = {self.at_least_s:g}: allowed is 0..within_s = {self.within_s:g}")


class Limit(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A recorded *signal* stays between *least* and *most* (its unit), from *after* (a moment) to the end or *until*."""

    signal: str
    least: float | None = None
    most: float | None = None
    after: str | None = None
    until: str | None = None
    clause: str = ""

    def __post_init__(self) -> None:
        if self.signal not in SIGNALS:
            raise ValueError(f"signal {self.signal!r}: one of {', '.join(SIGNALS)}")
        if self.least is None and self.most is None:
            raise ValueError(f"{self.signal}: say least, most or both")
        for words in (self.after, self.until):
            if words is not None:
                moment(words)


class Never(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """*what* (a moment) never comes; with *after* (a moment), never from then on."""

    what: str
    after: str | None = None
    clause: str = ""

    def __post_init__(self) -> None:
        moment(self.what)
        if self.after is not None:
            moment(self.after)


class Order(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The *moments* come in this order, each looked for from the one before it on."""

    moments: Sequence[str]
    clause: str = ""

    def __post_init__(self) -> None:
        for words in self.moments:
            moment(words)


def judge_within(rule: Within, trace: Trace) -> Found:
    """Whether the answer came in time."""
    span = f"{rule.at_least_s:g}..{rule.within_s:g} s" if rule.at_least_s else f"{rule.within_s:g} s"
    what = f"{rule.then} within {span} of {rule.first}"
    first = moment(rule.first)(trace, 0)
    if first is None:
        return what, False, f"{rule.first} never came", rule.clause
    then = moment(rule.then)(trace, first)
    if then is None:
        return what, False, f"{rule.then} never followed", rule.clause
    took_s = (then - first) / 1e6
    return what, rule.at_least_s <= took_s <= rule.within_s, f"{took_s:.3f} s", rule.clause


def judge_limit(rule: Limit, trace: Trace) -> Found:
    """Whether the signal stayed inside, by its least and greatest value."""
    low = "" if rule.least is None else f"{rule.least:g} <= "
    high = "" if rule.most is None else f" <= {rule.most:g}"
    what = f"{low}{rule.signal}{high} {SIGNALS[rule.signal]}" + (f" after {rule.after}" if rule.after else "")
    begin = moment(rule.after)(trace, 0) if rule.after else 0
    if begin is None:
        return what, False, f"{rule.after} never came", rule.clause
    end = moment(rule.until)(trace, begin) if rule.until else None
    values = list(_values(trace, rule.signal, begin, end))
    if not values:
        return what, False, "nothing recorded", rule.clause
    lowest, highest = min(values), max(values)
    held = (rule.least is None or lowest >= rule.least) and (rule.most is None or highest <= rule.most)
    return what, held, f"{lowest:g}..{highest:g}", rule.clause


def _values(trace: Trace, name: str, begin: int, end: int | None) -> Iterator[float]:
    """The value that holds at *begin*, and every later one before *end*."""
    signal = trace.signals[name]
    before = signal.at(begin)
    if before is not None:
        yield before
    for at, value in zip(signal.times_us, signal.values, strict=True):
        if at > begin and (end is None or at < end):
            yield value


def judge_never(rule: Never, trace: Trace) -> Found:
    """Whether it never came."""
    what = f"never {rule.what}" + (f" after {rule.after}" if rule.after else "")
    begin = moment(rule.after)(trace, 0) if rule.after else 0
    if begin is None:
        return what, False, f"{rule.after} never came", rule.clause
    came = moment(rule.what)(trace, begin)
    return what, came is None, "never" if came is None else f"at {came / 1e6:.3f} s", rule.clause


def judge_order(rule: Order, trace: Trace) -> Found:
    """Whether each moment came, from the one before it on."""
    what, now = f"in order: {', '.join(rule.moments)}", 0
    for words in rule.moments:
        at = moment(words)(trace, now)
        if at is None:
            return what, False, f"{words} is missing after {now / 1e6:.3f} s", rule.clause
        now = at
    return what, True, "all", rule.clause
