"""What can be measured in a session: periods of messages, ranges of values, transfers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

import numpy as np

from hil.story.excerpt import Excerpt
from hil.story.story import BrokenTransfer, Period, Range, Stamps, Stream, Transfers
from hil.story.tracks import Ints, Track, numbers
from protocols.core.fields import Field
from protocols.j1939.control import ABORT, CTS, EOMA
from protocols.j1939.watched import UNKNOWN_PGN, Cause, Transfer

TOLERANCE: Final = 0.1
"""A period may be 10 % off, by the practice of test benches for GB/T 34658."""

ABORT_REASONS: Final = {1: "busy", 2: "resources", 3: "timeout"}

LONGEST_GAP_US: Final = 1_000_000
"""Nothing is known of a longer one."""

RAW: Final = ("CHM", "BHM", "CRM", "CTS", "CML", "BRO", "CRO", "BST", "CST", "BSD", "CSD", "BEM", "CEM", "BRM", "BCP")
"""The messages whose contents are listed byte for byte; the others change all the time."""


def periods(attempts: Sequence[Excerpt]) -> Iterator[Period]:
    """The period of every message that came at least twice in one attempt."""
    for title, layout in attempts[0].edition.messages.items():
        if layout.period_us is None:
            continue
        gaps = np.concatenate([_gaps(attempt, title) for attempt in attempts])
        if len(gaps):
            yield _period(title, layout.period_us, gaps, attempts[0])


def _gaps(attempt: Excerpt, title: str) -> Ints:
    """Intervals between messages of the same meaning: the first CRM(0xAA) need not keep the period of CRM(0x00)."""
    if title in ("CRM", "BRO", "CRO"):
        return np.concatenate([np.diff(attempt.track(f"{title} {value}").began_us) for value in ("00", "AA")])
    return np.diff(attempt.track(title).began_us)


def _period(title: str, nominal_us: int, gaps: Ints, excerpt: Excerpt) -> Period:
    why_not = ""
    if excerpt.stamps is Stamps.CONSTANT:
        why_not = "the time stamps stand still"
    elif excerpt.stamps is Stamps.BACKWARD:
        why_not = "the time stamps run backward"
    elif excerpt.resolution_us > TOLERANCE * nominal_us:
        why_not = f"the time stamps have steps of {excerpt.resolution_us / 1000:g} ms"
    beyond = int((np.abs(gaps - nominal_us) > TOLERANCE * nominal_us).sum())
    return Period(
        message=title,
        nominal_us=nominal_us,
        count=len(gaps),
        median_us=int(np.partition(gaps, len(gaps) // 2)[len(gaps) // 2]),
        max_us=int(gaps.max()),
        beyond=None if why_not else beyond,
        why_not=why_not,
    )


def streams(session: Excerpt) -> dict[str, Stream]:
    """All messages of the session with the ranges of their values."""
    return {track.name: _stream(track) for track in session.all_tracks()}


def _stream(track: Track) -> Stream:
    ranges = {field.name: found for field in numbers(track.layout) if (found := range_of(track, field.name, field.unit))}
    codes = {field.name: _codes(track, field) for field in numbers(track.layout) if field.choices is not None}
    return Stream(track.name, len(track), tuple(np.unique(track.lengths).tolist()), ranges, codes)


def _codes(track: Track, field: Field) -> tuple[int, ...]:
    if field.bits > 8:  # a version
        return tuple(np.unique(track.counts(field)[track.has(field)]).tolist())
    return tuple(np.flatnonzero(np.bincount(track.counts(field)[track.has(field)])).tolist())


def range_of(track: Track, name: str, unit: str) -> Range | None:
    """Least, greatest, first and last value of a field; None if it never came."""
    values = track.column(name)
    if np.isnan(values).any():
        values = values[~np.isnan(values)]
    if not len(values):
        return None
    low, high, first, last = (float(value) for value in (values.min(), values.max(), values[0], values[-1]))
    return Range(low, high, first, last, unit)


def energy_wh(session: Excerpt) -> float | None:
    """The energy that the charger says it delivered, summed from CCS. Gaps longer than a second are left out."""
    given = session.track("CCS")
    if not session.timed or len(given) < 2:
        return None
    power = given.column("voltage_v") * given.column("current_a")
    gaps = np.diff(given.times_us)
    pieces = (power[1:] + power[:-1]) / 2 * gaps * (gaps <= LONGEST_GAP_US)
    return float(np.nansum(pieces)) / 3.6e9


def raw(session: Excerpt) -> dict[str, dict[str, int]]:
    """The contents of the rarer messages, most frequent first."""
    tracks = [track for track in map(session.track, RAW) if len(track)]
    return {track.name: dict(Counter(map(bytes.hex, track.payloads())).most_common()) for track in tracks}


def transfers(session: Excerpt) -> Transfers:
    """How the long messages fared."""
    whole = [transfer for transfer in session.others if transfer.payload is not None]
    complete: Counter[str] = Counter()
    for pgn, (_, ended, _) in session.whole.heard.regular.items():
        low, high = np.searchsorted(ended, (session.begin, session.end))
        complete[name_of(session, pgn)] += int(high - low)
    complete.update(name_of(session, transfer.pgn) for transfer in whole)
    lost = [transfer for transfer in session.others if transfer.payload is None]
    still_open = [transfer for transfer in lost if transfer.cause is Cause.OPEN]
    return Transfers(
        complete={name: count for name, count in complete.items() if count},
        cts=session.control_frames(CTS),
        eoma=session.control_frames(EOMA),
        abort=session.control_frames(ABORT),
        broken=tuple(_broken(session, transfer) for transfer in lost if transfer.cause is not Cause.OPEN),
        open_at_end=len(still_open),
    )


def _broken(session: Excerpt, transfer: Transfer) -> BrokenTransfer:
    why = transfer.cause.value if transfer.cause else ""
    if transfer.cause is Cause.ABORTED:
        why = f"aborted by the {'charger' if transfer.aborted_by == 0x56 else 'vehicle'}, reason {reason_words(transfer.reason)}"
    elif transfer.missing:
        numbers_ = ", ".join(map(str, transfer.missing[:8]))
        why = f"packet {numbers_} missing{'' if transfer.acknowledged else ', not acknowledged'}"
    elif not transfer.cts_count:
        why = "the charger did not answer the RTS"
    return BrokenTransfer(name_of(session, transfer.pgn), session.time_us(transfer.began_us), why)


def reason_words(reason: int | None) -> str:
    """The reason byte of an Abort with its name, if the 2006 print of SAE J1939-21 has one."""
    return f"{reason} ({ABORT_REASONS[reason]})" if reason in ABORT_REASONS else f"{reason}"


def name_of(session: Excerpt, pgn: int) -> str:
    """The message of a parameter group, or the group's number if the edition has none."""
    layout = session.edition.by_pgn.get(pgn)
    return layout.title if layout else "?" if pgn == UNKNOWN_PGN else f"PGN 0x{pgn:04X}"
