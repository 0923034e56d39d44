"""The timers of GB/T 27930-2015 annex A, judged by who waits: its error message comes when the limit ran out, and only then."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from hil.referee.case import Case
from hil.referee.ruling import Seen, broken, held, judged, unknown
from hil.referee.wire_rules import Judge
from hil.story.excerpt import Excerpt, sender_of
from hil.story.story import CHARGER, VEHICLE
from hil.story.words import missed

REACTION_US: Final = 150_000
"""How long after its limit, and 5 % of it, an error message may still come: 1 s + 50 ms to 60 s + 3 s are seen in the field."""
ENDS: Final = ("CST", "BST", "BEM", "CEM")

WAITS: Final = (
    ("BRM", "CRM 00", "BRM", "BRM"),
    ("BCP", "CRM AA", "BCP", "BCP"),
    ("BRO", "CML", "BRO", "BRO"),
    ("BRO ready", "CML", "BRO AA", "BRO"),
    ("BCL", "CRO AA", "BCL", "BCL"),
    ("BCS", "CRO AA", "BCS", "BCS"),
    ("BST", "CST", "BST", "BST"),
    ("BSD", "CST", "BSD", "BSD"),
    ("CRM AA", "BRM", "CRM AA", "CRM AA"),
    ("CML", "BCP", "CML", "CML"),
    ("CRO", "BRO AA", "CRO", "CRO"),
    ("CRO ready", "BRO AA", "CRO AA", "CRO"),
    ("CCS", "CRO AA", "CCS", "CCS"),
    ("CST", "BST", "CST", "CST"),
    ("CSD", "BST", "CSD", "CSD"),
)
"""Limit by its name in the edition; the message that starts it; the one awaited; the flag of the error message."""
ROLLING: Final = frozenset({"BCL", "BCS", "CCS"})
"""Each message starts these anew."""
STOPS: Final = frozenset({"BST", "CST"})
"""Either side may be the first to stop; then nobody waits for its message after the answer."""
END_PHASE: Final = frozenset({"BST", "BSD", "CST", "CSD"})


def waits(limit_name: str, since: str, awaited: str, flag: str) -> Judge:
    """The rule on one timer."""

    def judge(case: Case) -> Iterator[Seen]:
        limit = case.edition.limits.get(limit_name)
        if limit is None or not case.timed:
            return
        for attempt in case.attempts:
            start = attempt.first(since)
            if start is not None:
                yield from _judged(case, attempt, attempt.time_us(start), limit.us, (limit_name, since, awaited, flag))

    return judge


def _judged(case: Case, attempt: Excerpt, start_us: int, limit_us: int, names: tuple[str, str, str, str]) -> Iterator[Seen]:
    limit_name, _, awaited, flag = names
    accuser = "CEM" if sender_of(flag) == VEHICLE else "BEM"
    accused_us = _accusation(attempt, accuser, flag)
    times = attempt.track(awaited).times_us
    if limit_name in STOPS and accused_us is None and (times <= start_us).any():
        yield held(int(times[0]), f"{awaited} had come before")  # the side that stops first is answered, not the other way round
        return
    end_us = _end(case, attempt, start_us, awaited, accused_us)
    mine = times[(times > start_us) & (times <= end_us)]
    last_us = int(mine[-1]) if len(mine) and limit_name in ROLLING else start_us
    slack_us = limit_us // 20 + REACTION_US + case.tolerance_us
    if not case.sees(last_us, end_us) or not case.delivers(flag, start_us, end_us):
        yield unknown(last_us, f"{awaited} may have been missed: the evidence has a hole")
    elif accused_us is not None and accused_us >= start_us:
        early = limit_us - limit_us // 20 - case.tolerance_us
        if len(mine) and limit_name not in ROLLING:
            if limit_name not in ("BRO", "CRO", "BRO ready", "CRO ready"):
                yield broken(accused_us, f"{accuser} says no {flag}, which had come at {mine[0] / 1e6:.3f} s")
            return
        waited = accused_us - last_us
        shares = limit_name in ("BRO", "CRO") and waited > limit_us + slack_us  # the flag of the longer limit is the same
        if not shares:
            yield judged(early <= waited <= limit_us + slack_us, accused_us, f"{accuser} for {flag} after {waited / 1e6:.3f} s")
    elif len(mine) == 0 or limit_name in ROLLING:
        silent = end_us - last_us
        yield judged(silent <= limit_us + slack_us, last_us, f"{awaited} silent for {silent / 1e6:.3f} s, no {accuser}")
    else:
        yield held(int(mine[0]), f"{awaited} after {(int(mine[0]) - start_us) / 1e6:.3f} s")


def _accusation(attempt: Excerpt, accuser: str, flag: str) -> int | None:
    """When *accuser* first said that *flag* is missing."""
    track = attempt.track(accuser)
    for index in range(len(track)):
        message = track.message(index)
        if message is not None and flag in missed(message):
            return int(track.times_us[index])
    return None


def _end(case: Case, attempt: Excerpt, start_us: int, awaited: str, accused_us: int | None) -> int:
    """When this wait is over at the latest: accusation, another error message, a stop, the plug, or the end of the attempt."""
    ends = [attempt.last_us]
    if accused_us is not None:
        ends.append(accused_us)
    names = ("BEM", "CEM") if awaited.split()[0] in END_PHASE else ENDS
    for name in names:
        times = attempt.track(name).times_us
        ends += [int(t) for t in times[times > start_us][:1]]
    if case.unplugged_us is not None and case.unplugged_us > start_us:
        ends.append(case.unplugged_us)
    return min(ends)


def one_flag(who: str) -> Judge:
    """Each error message names exactly one missing message, and that one was not there."""
    name = "CEM" if who == CHARGER else "BEM"

    def judge(case: Case) -> Iterator[Seen]:
        for report in case.reports:
            if report.name == name:
                said = ", ".join(report.flags) or "no flag"
                yield judged(len(report.missing) == 1, report.begin_us, f"{name} {report.count} times: {said}")

    return judge


def heard_of(who: str) -> Judge:
    """What an error message calls missing had not come for most of its limit."""
    name = "CEM" if who == CHARGER else "BEM"

    def judge(case: Case) -> Iterator[Seen]:
        for report in case.reports:
            for missing in report.missing if report.name == name else ():
                limit = case.edition.limits.get({"CRM 00": "CRM"}.get(missing, missing))
                times = case.session.track(missing).times_us
                index = int(np.searchsorted(times, report.begin_us)) - 1
                if limit is None or index < 0 or not case.timed:
                    continue
                age = report.begin_us - int(times[index])
                if not case.delivers(missing, report.begin_us - limit.us, report.begin_us):
                    yield unknown(report.begin_us, f"{missing} did not reach who waits for it")
                elif missing in ROLLING:
                    yield judged(
                        age >= limit.us * 9 // 10 - case.tolerance_us, report.begin_us, f"{missing} is {age / 1e6:.3f} s old"
                    )

    return judge


_GBT = "GB/T 27930-2015 "
TIMERS: Final[tuple[tuple[str, str, str, str, Judge], ...]] = (
    *(
        (
            f"3.1 {row[0]} limit",
            CHARGER if sender_of(row[3]) == VEHICLE else VEHICLE,
            f"reports a missing {row[2]} when its limit has run out",
            _GBT + "annex A",
            waits(*row),
        )
        for row in WAITS
    ),
    ("8.8 CEM flag", CHARGER, "exactly one flag, of what is missing", _GBT + "CEM", one_flag(CHARGER)),
    ("8.8 BEM flag", VEHICLE, "exactly one flag, of what is missing", _GBT + "BEM", one_flag(VEHICLE)),
    ("8.8 CEM true", CHARGER, "what CEM calls missing is missing", _GBT + "annex A", heard_of(CHARGER)),
    ("8.8 BEM true", VEHICLE, "what BEM calls missing is missing", _GBT + "annex A", heard_of(VEHICLE)),
)
"""Name, whose duty, what is asked, clause, judge."""
