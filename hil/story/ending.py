"""Who ended a session and why: error messages, stop messages, or nothing at all."""

from collections.abc import Iterator, Sequence
from typing import Final

from hil.story.excerpt import Excerpt, sender_of
from hil.story.rules import plainly
from hil.story.story import CHARGER, VEHICLE, Ending, ErrorReport, Outcome
from hil.story.words import describe, error_words, flags, missed, seconds, stop_words
from protocols.core.message import Message

STANDARD: Final = "GB/T 27930-2015"
STOP_CLAUSE: Final = f"{STANDARD} end of charging: BST and CST, BSD and CSD"
ON_THE_BUS_US: Final = 500_000
"""A message no older than this did not time out: no limit but the 100 ms of 2011 is shorter."""

ERROR_CLAUSE: Final = f"{STANDARD} annex C: error message after a timeout"
AFTER_STOP: Final = {"BST": VEHICLE, "CST": CHARGER, "BSD": VEHICLE, "CSD": CHARGER}


def errors(session: Excerpt) -> Iterator[ErrorReport]:
    """The runs of BEM and CEM with the same contents."""
    for name in ("BEM", "CEM"):
        track = session.track(name)
        payloads = list(track.payloads())
        begin = 0
        for index in range(1, len(payloads) + 1):
            if index == len(payloads) or payloads[index] != payloads[begin]:
                message = track.message(begin)
                words = error_words(message) if message else ("too short to be read",)
                names = missed(message) if message else ()
                times = int(track.times_us[begin]), int(track.times_us[index - 1])
                yield ErrorReport(name, sender_of(name), *times, index - begin, words, names)
                begin = index


def ending(attempts: Sequence[Excerpt]) -> Ending:
    """How the session ended: what its last attempt shows, told with what led there."""
    last = attempts[-1]
    firsts = [(last.first(name), name) for name in ("BST", "CST", "BEM", "CEM")]
    seen = sorted((position, name) for position, name in firsts if position is not None)
    if not seen:
        found = _open(last)
    elif seen[0][1] in ("BEM", "CEM"):
        found = _error(last, seen[0][1])
    else:
        found = _stop(last, seen[0][1])
    return _after_reconnections(found, len(attempts))


def _after_reconnections(found: Ending, attempts: int) -> Ending:
    if attempts == 1:
        return found
    return Ending(found.outcome, f"After {attempts - 1} reconnection{'s' * (attempts > 2)}: {found.reason}", found.clause)


def _stop(attempt: Excerpt, first: str) -> Ending:
    track = attempt.track(first)
    message = track.message(0)
    words = stop_words(message) if message else []
    answers = message is not None and any(flag.name in ("bms_initiated", "charger_initiated") for flag in flags(message))
    by_charger = (first == "CST") != answers
    who, outcome = ("charger", Outcome.CHARGER_STOP) if by_charger else ("vehicle", Outcome.VEHICLE_STOP)
    own = [word for word in words if not word.startswith("asked for by")]
    why = ", ".join(own) or ("the request of the other side is not in the recording" if answers else "no reason given")
    sentences = [f"The {who} stopped at {_s(attempt, first)} with {first} ({why})."]
    other = "BST" if first == "CST" else "CST"
    if attempt.first(other) is not None:
        answer = attempt.track(other).message(0)
        sentences.append(f"Answered by {other} at {_s(attempt, other)} ({describe(answer) if answer else 'unreadable'}).")
    sentences += _statistics(attempt)
    sentences += [f"Then {name}: {_flags(attempt, name)}." for name in ("BEM", "CEM") if attempt.first(name) is not None]
    return Ending(outcome, " ".join(sentences), STOP_CLAUSE)


def _statistics(attempt: Excerpt) -> Iterator[str]:
    for name in ("BSD", "CSD"):
        message: Message | None = attempt.track(name).message(-1)
        if message is not None:
            yield f"{name}: {describe(message)}."
    absent = [name for name in AFTER_STOP if attempt.first(name) is None]
    if absent:
        yield f"Not in the recording: {_listed(absent)}."


def _error(attempt: Excerpt, name: str) -> Ending:
    track = attempt.track(name)
    message = track.message(0)
    begin = int(track.times_us[0])
    until = "until the recording ends" if int(track.at[-1]) >= attempt.end - 2 else f"until {seconds(track.times_us[-1])}"
    sentences: list[str] = []
    for missing in missed(message) if message else ():
        sentences += _silence(attempt, missing, int(track.at[0]))
    sentences.append(
        f"The {sender_of(name)} sends {name} ({_flags(attempt, name)}) from {seconds(begin)}, {len(track)} times, {until}."
    )
    absent = [title for title in (*AFTER_STOP, "BEM", "CEM") if attempt.first(title) is None]
    if absent:
        sentences.append(f"No {_listed(absent, 'or')}.")
    return Ending(Outcome.ERROR, " ".join(sentences), ERROR_CLAUSE)


def _silence(attempt: Excerpt, missing: str, position: int) -> Iterator[str]:
    """What is known of the message that is said to be missing."""
    before = attempt.part(attempt.begin, position).track(missing)
    who = sender_of(missing)
    if not len(before):
        began = begun(attempt, missing)
        tried = f"began {began} transfers of {missing}, none came through" if began else f"sent no {plainly(missing)} at all"
        yield f"The {who} {tried}."
        return
    last = int(before.times_us[-1])
    silent = attempt.time_us(position) - last
    first, gap = seconds(before.times_us[0]), seconds(silent)
    yield f"The {who}'s last {missing} is at {seconds(last)} (first at {first}), {gap} before the error message."
    if attempt.timed and silent < ON_THE_BUS_US and attempt.resolution_us < ON_THE_BUS_US:
        yield "So it was on the bus, and the other side did not receive or accept it."
    elif missing in ("CCS", "BCL"):
        other = "BCL" if missing == "CCS" else "CCS"
        after = attempt.track(other)
        if len(after) and int(after.at[-1]) > int(before.at[-1]):
            yield f"The {sender_of(other)} goes on with {other} until {seconds(after.times_us[-1])}."


LAST_SPOKEN: Final = ("CRO", "BRO", "CML", "BCP", "CRM AA", "BRM", "CRM 00", "BHM", "CHM")
"""From the last phase before charging to the first."""

AWAITED: Final = {
    "CRO": "the vehicle's BCL and BCS did not follow",
    "BRO": "the charger's CRO did not follow",
    "CML": "the vehicle's BRO did not follow",
    "BCP": "the charger's CML did not follow",
    "CRM AA": "the vehicle's BCP did not follow",
    "BRM": "the charger's CRM(0xAA) did not follow",
    "CRM 00": "the vehicle's BRM did not follow",
    "BHM": "CRM did not follow: in between lies the charger's insulation test",
    "CHM": "the vehicle did not answer with BHM",
}


def begun(attempt: Excerpt, name: str) -> int:
    """How many transfers of *name* were begun and not finished."""
    pgn = attempt.track(name).layout.pgn
    return sum(transfer.pgn == pgn and transfer.payload is None for transfer in attempt.others)


def _open(attempt: Excerpt) -> Ending:
    charging = [name for name in ("CCS", "BCL") if attempt.first(name) is not None]
    if not charging:
        return Ending(Outcome.OPEN, _before_charging(attempt), "")
    sentences = ["The recording ends during charging; no stop, no error message in it."]
    lasts = {name: int(attempt.track(name).times_us[-1]) for name in charging}
    if len(lasts) == 2 and abs(lasts["CCS"] - lasts["BCL"]) > 1_000_000 and attempt.timed:
        silent = min(lasts, key=lambda name: lasts[name])
        sentences.append(f"The {sender_of(silent)} fell silent before: its last {silent} is at {seconds(lasts[silent])}.")
    return Ending(Outcome.OPEN, " ".join(sentences), "")


def _before_charging(attempt: Excerpt) -> str:
    told = "The recording ends before charging begins; no stop, no error message in it."
    last = next((name for name in LAST_SPOKEN if attempt.first(name) is not None), None)
    if last is None:
        return told
    at = seconds(attempt.track(last).times_us[-1])
    return f"{told} The furthest step is {plainly(last)} (last at {at}); {AWAITED[last]}."


def _flags(attempt: Excerpt, name: str) -> str:
    message = attempt.track(name).message(0)
    return describe(message) if message else "too short to be read"


def _s(attempt: Excerpt, name: str) -> str:
    return seconds(attempt.track(name).times_us[0])


def _listed(names: Sequence[str], word: str = "and") -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"
