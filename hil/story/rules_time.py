"""Rules on time: periods, silences, and the limits of GB/T 27930-2015 annex A. Not judged where the stamps are of no use."""

from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from hil.story.ending import begun, errors
from hil.story.excerpt import Excerpt, sender_of
from hil.story.measure import periods
from hil.story.rules import STANDARD, breach, note, plainly
from hil.story.story import Finding, Severity
from hil.story.words import seconds
from protocols.gbt27930.editions import Limit

PERIOD_CLAUSE: Final = f"{STANDARD} table 1; tolerance 10 % as in tests after GB/T 34658"

WAITS: Final = (
    ("BHM", "CHM", "BHM"),
    ("CRM", "CHM", "CRM 00"),
    ("BRM", "CRM 00", "BRM"),
    ("CRM AA", "BRM", "CRM AA"),
    ("BCP", "CRM AA", "BCP"),
    ("CML", "BCP", "CML"),
    ("BRO", "CML", "BRO"),
    ("BRO ready", "CML", "BRO AA"),
    ("CRO", "BRO AA", "CRO"),
    ("CRO ready", "BRO AA", "CRO AA"),
    ("BCL", "CRO AA", "BCL"),
    ("BCS", "CRO AA", "BCS"),
    ("BST", "CST", "BST"),
    ("CST", "BST", "CST"),
    ("BSD", "CST", "BSD"),
    ("CSD", "BST", "CSD"),
)
"""The limit by its name in the edition, from which message on, for which message."""

SILENCES: Final = ("BCL", "CCS", "BCS")
"""Messages that must not pause while charging."""

ENDS: Final = ("BST", "CST", "BEM", "CEM")


def waits(attempt: Excerpt) -> Iterator[Finding]:
    """Answers that came too late or never."""
    if not attempt.timed:
        return
    for limit_name, since, awaited in WAITS:
        limit, start = attempt.edition.limits.get(limit_name), attempt.first(since)
        if limit is None or start is None or awaited.partition(" ")[0] not in attempt.edition.messages:
            continue
        came = attempt.first_delivered(awaited)
        if came is not None and came < start:
            continue
        end = came if came is not None else _given_up(attempt, start)
        waited = attempt.time_us(end) - attempt.time_us(start)
        if waited > limit.us + attempt.resolution_us + limit.us // 20:
            said = "came" if came is not None else "had not come"
            what = f"{plainly(awaited)} {said} {seconds(waited)} after the first {plainly(since)} (limit {limit.us / 1e6:g} s)"
            yield breach(attempt, awaited, what, limit.clause, position=end)


def _given_up(attempt: Excerpt, start: int) -> int:
    """Where the wait ends that was in vain: at an error message or stop, or with the recording."""
    stops = [attempt.track(name).at for name in ENDS]
    after = [int(at[index]) for at in stops if (index := int(np.searchsorted(at, start, side="right"))) < len(at)]
    return min(after, default=attempt.end - 1)


def silences(attempt: Excerpt) -> Iterator[Finding]:
    """Pauses in what must come all the time while charging."""
    if not attempt.timed:
        return
    end = min((p for p in map(attempt.first, ENDS) if p is not None), default=attempt.end - 1)
    for name in SILENCES:
        track, limit = attempt.part(attempt.begin, end + 1).track(name), attempt.edition.limits[name]
        if not len(track):
            continue
        gaps = np.diff(np.append(track.times_us, attempt.time_us(end)))
        long = np.flatnonzero(gaps > limit.us + attempt.resolution_us + limit.us // 20)
        if len(long):
            yield _silent(attempt, name, limit, int(track.at[long[0]]), int(gaps[long].max()), len(long))


def _silent(attempt: Excerpt, name: str, limit: Limit, position: int, longest_us: int, count: int) -> Finding:
    times = f" {count} times, up to" if count > 1 else ""
    what = f"{name} silent for{times} {seconds(longest_us)} during charging (limit {limit.us / 1e6:g} s)"
    return breach(attempt, name, what, limit.clause, position=position, count=count)


def accusations(attempt: Excerpt) -> Iterator[Finding]:
    """Error messages held against what was really missing."""
    for report in errors(attempt):
        track = attempt.track(report.name)
        position = int(track.at[int(np.searchsorted(track.times_us, report.begin_us)) if attempt.timed else 0])
        for missing in report.missing:
            yield from _judged(attempt, report.name, missing, position)
        if not report.missing:
            yield note(attempt, report.name, f"{report.name} without a flag set", f"{STANDARD} {report.name}", position=position)


def _judged(attempt: Excerpt, accuser: str, missing: str, position: int) -> Iterator[Finding]:
    limit = attempt.edition.limits.get({"CRM 00": "CRM"}.get(missing, missing))
    clause = limit.clause if limit else f"{STANDARD} {accuser}"
    before = attempt.part(attempt.begin, position).track(missing)
    if not len(before):
        what = f"no {plainly(missing)} before the {sender_of(accuser)}'s {accuser}"
        if count := begun(attempt, missing):  # whose fault that was, frames alone cannot tell
            yield note(attempt, missing, f"{what}: {count} transfers begun, none completed", clause, position=position)
        else:
            yield breach(attempt, missing, what, clause, position=position)
        return
    silent = attempt.time_us(position) - int(before.times_us[-1])
    what = f"{missing} silent for {seconds(silent)} when the {sender_of(accuser)} reported it missing with {accuser}"
    stopped = "" if missing not in ("CCS", "BCL") or attempt.first("CST" if missing == "CCS" else "BST") is not None else "; "
    if stopped:
        what += f"; it stopped without {'CST' if missing == 'CCS' else 'BST'}"
    shortest = limit.us - 2 * attempt.resolution_us - limit.us // 20 if limit else 0
    if attempt.timed and silent < min(shortest, 900_000):
        what = f"{accuser} says that {missing} timed out, but the last one is only {seconds(silent)} old"
        yield note(attempt, accuser, what, clause, position=position)
    else:
        yield breach(attempt, missing, what, clause, position=int(before.at[-1]))


def changeovers(attempt: Excerpt) -> Iterator[Finding]:
    """Silence between the last 0x00 and the first 0xAA of a message that should not pause."""
    if not attempt.timed:
        return
    for name in ("CRM", "BRO", "CRO"):
        before, after = attempt.track(f"{name} 00"), attempt.track(f"{name} AA")
        period = before.layout.period_us or 0
        if not len(before) or not len(after):
            continue
        index = int(np.searchsorted(before.at, after.at[0])) - 1
        gap = int(after.times_us[0] - before.times_us[index])
        if index >= 0 and gap > 2 * period + attempt.resolution_us:
            what = f"{name} silent for {seconds(gap)} between 0x00 and 0xAA"
            yield note(attempt, name, what, f"{STANDARD} table 1: {name} every {period // 1000} ms", position=int(after.at[0]))


def slow(attempts: Sequence[Excerpt]) -> Iterator[Finding]:
    """Periods whose median is more than 10 % off."""
    for period in periods(attempts):
        off = abs(period.median_us - period.nominal_us) > 0.1 * period.nominal_us
        if period.beyond is None or not off or period.count < 4:
            continue
        median = f"{period.median_us / 1000:g} ms (median of {period.count})"
        what = f"{period.message} every {median} instead of {period.nominal_us // 1000} ms"
        who = sender_of(period.message)
        yield Finding(severity=Severity.BREACH, who=who, what=what, clause=PERIOD_CLAUSE, count=period.beyond)
