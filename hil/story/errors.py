"""Error messages and stops: what CEM, BEM, CST and BST say, and whether it is true."""

from collections.abc import Iterator
from dataclasses import dataclass

from hil.story.model import Finding, Severity
from hil.story.names import BMS, CHARGER
from hil.story.stretch import Stretch
from hil.story.waits import WAITS, Wait, missed
from protocols.core.message import Message
from protocols.gbt27930.editions import Edition

ERRORS = {CHARGER: "CEM", BMS: "BEM"}
STOPS = {CHARGER: "CST", BMS: "BST"}
ANSWER_FIELD = {CHARGER: "bms_initiated", BMS: "charger_initiated"}

ONE_FLAG = "GB/T 27930-2015 annex A: an error message names the message that is missing"
ANSWER_CLAUSE = "GB/T 27930-2015 SPN 3511, 3521: who answers a stop says so"
REASON_CLAUSE = "GB/T 27930-2015 SPN 3511, 3521"
EARLY = 0.85
"""An error message before this part of its limit came too early."""


@dataclass(frozen=True, slots=True)
class Word:
    """The first error or stop message of one side: frame number, decoded, and the fields that are set."""

    side: str
    title: str
    at: int
    data: bytes
    fields: tuple[str, ...]


def words(attempt: Stretch, edition: Edition, titles: dict[str, str]) -> list[Word]:
    """The first of each of *titles* in *attempt*, in order of time."""
    found = []
    for side, title in titles.items():
        heard = attempt.heard(title)
        if len(heard):
            message = heard.decoded(edition.messages[title], 0)
            found.append(Word(side, title, int(heard.at[0]), heard.data(0), _active(message)))
    return sorted(found, key=lambda word: word.at)


def _active(message: Message | None) -> tuple[str, ...]:
    if message is None:
        return ()
    flags = [f for f in message.fields if f.choices is not None and f.bits == 2]
    return tuple(f.name for f in flags if getattr(message, f.name) == 1)


def plain(fields: tuple[str, ...]) -> str:
    """Field names for people."""
    return ", ".join(name.replace("_", " ") for name in fields)


def waits_of(side: str, flag: str) -> list[Wait]:
    """The waits that *flag* of this side's error message can report."""
    return [wait for wait in WAITS if wait.who == side and wait.flag == flag]


def error_findings(attempt: Stretch, edition: Edition) -> Iterator[Finding]:
    """What CEM and BEM report, whether they name exactly one message, and whether it was really missing."""
    for word in words(attempt, edition, ERRORS):
        at, layout = attempt.time_us(word.at), edition.messages[word.title]
        spns = {field.name: field.spn for field in layout.fields}
        named = ", ".join(f"{_awaited(word.side, flag)} (SPN {spns[flag]})" for flag in word.fields)
        count = len(attempt.heard(word.title))
        text = f"{count} {word.title} of the {word.side}: no {named}" if named else f"{count} {word.title} without a reason"
        yield Finding(at, Severity.REPORT, f"{text}  [{word.data.hex(' ').upper()}]", "GB/T 27930-2015 3.4")
        if len(word.fields) != 1:
            yield Finding(at, Severity.VIOLATION, f"{word.title} with {len(word.fields)} flags instead of one", ONE_FLAG)
        for flag in word.fields:
            yield from _too_early(attempt, edition, word, flag)


def _awaited(side: str, flag: str) -> str:
    waits = waits_of(side, flag)
    return waits[0].awaited.replace(" 00", "(0x00)").replace(" AA", "(0xAA)") if waits else flag.upper()


def _too_early(attempt: Stretch, edition: Edition, word: Word, flag: str) -> Iterator[Finding]:
    """An error message although what it misses was heard more recently than the limit."""
    if not attempt.timing.usable:
        return
    times, slack = attempt.traffic.times_us, attempt.timing.resolution_us
    for wait in waits_of(word.side, flag):
        limit = edition.limits.get(wait.limit)
        heard = attempt.heard(wait.awaited).at
        before = heard[heard < word.at]
        if limit is None or not len(before):
            return
        silence = int(times[word.at] - times[before[-1]])
        if silence + slack >= EARLY * limit.us:
            return
    text = f"{word.title} misses {_awaited(word.side, flag)}, heard {silence / 1e6:.2f} s before"
    yield Finding(attempt.time_us(word.at), Severity.VIOLATION, text, limit.clause)


def stop_findings(attempt: Stretch, edition: Edition) -> Iterator[Finding]:
    """Whether the stop messages give a reason, and the second one says that it is an answer."""
    stops = words(attempt, edition, STOPS)
    for index, word in enumerate(stops):
        at = attempt.time_us(word.at)
        if not word.fields:
            yield Finding(at, Severity.DEVIATION, f"{word.title} gives no reason", REASON_CLAUSE)
        elif index == 1 and _has(edition, word) and ANSWER_FIELD[word.side] not in word.fields:
            yield Finding(at, Severity.DEVIATION, f"{word.title} does not say that it is an answer", ANSWER_CLAUSE)


def _has(edition: Edition, word: Word) -> bool:
    return any(field.name == ANSWER_FIELD[word.side] for field in edition.messages[word.title].available())


def ending(attempts: list[Stretch], edition: Edition) -> tuple[str, str]:
    """Who ended the session (the last of its *attempts*), and how in words."""
    last = attempts[-1]
    stops, errors = words(last, edition, STOPS), words(last, edition, ERRORS)
    again = f" after {len(attempts)} identification attempts" if len(attempts) > 1 else ""
    if stops:
        return stops[0].side, _stopped(last, stops, errors) + again
    if errors:
        return errors[0].side, _failed(last, edition, errors) + again
    return "", _unfinished(last, edition) + again


def _stopped(last: Stretch, stops: list[Word], errors: list[Word]) -> str:
    first = stops[0]
    reason = plain(first.fields) or "no reason given"
    text = f"The {first.side} stops{_at(last, first.at)}: {reason} ({first.title} {first.data.hex(' ').upper()})."
    if len(stops) == 1:
        other = BMS if first.side == CHARGER else CHARGER
        text += f" The {other} does not answer with {STOPS[other]}."
    else:
        text += f" The {stops[1].side} answers with {stops[1].title}."
    statistics = [title for title in ("BSD", "CSD") if len(last.heard(title))]
    text += " Statistics are exchanged." if len(statistics) == 2 else f" Statistics: only {''.join(statistics) or 'none'}."
    return text + "".join(f" {w.title}: no {', '.join(_awaited(w.side, f) for f in w.fields) or 'reason'}." for w in errors)


def _failed(last: Stretch, edition: Edition, errors: list[Word]) -> str:
    first = errors[0]
    named = ", ".join(_awaited(first.side, flag) for flag in first.fields) or "no reason"
    count = len(last.heard(first.title))
    text = f"The {first.side} reports an error{_at(last, first.at)}: no {named} ({first.title} {first.data.hex(' ').upper()}, {count} times)."
    for flag in first.fields:
        heard = last.heard(waits_of(first.side, flag)[0].awaited) if waits_of(first.side, flag) else None
        if heard is not None and len(heard):
            text += f" The last {heard.title} came{_at(last, heard.last)}."
    silent = [title for title in ("CST", "BST", "CEM", "BEM", "BSD", "CSD") if not len(last.heard(title))]
    return text + f" Never sent: {', '.join(silent)}."


def _unfinished(last: Stretch, edition: Edition) -> str:
    late = list(missed(last, edition))
    text = f"The recording ends{_at(last, last.end - 1)} without a stop or an error message"
    if late:
        text += f"; {late[-1].wait.awaited} is missing since {late[-1].since_us / 1e6:.2f} s"
    return text + "."


def _at(stretch: Stretch, index: int | None) -> str:
    time = stretch.time_us(index)
    return "" if time is None else f" at {time / 1e6:.2f} s"
