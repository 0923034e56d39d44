"""Rules on single messages: length, unused bits, declared ranges, reserved codes, stop reasons."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from hil.story.excerpt import Excerpt
from hil.story.rules import STANDARD, breach, note
from hil.story.story import Finding
from hil.story.tracks import Track, numbers
from hil.story.words import stop_words
from protocols.core.fields import Field
from protocols.gbt27930.messages import BST, CST

DLC_CLAUSE: Final = f"{STANDARD} table 1: the data length is that of the message, no padding"
CCS_CLAUSE: Final = f"{STANDARD} CCS: 7 bytes (its table says 8); GB/T 34658-2017 DP.3001"
FILL_CLAUSE: Final = f"{STANDARD} 7.9: unused bits are sent as 1"
RANGE_CLAUSE: Final = f"{STANDARD} chapter 10"


def lengths(session: Excerpt) -> Iterator[Finding]:
    """Messages longer or shorter than the edition has them."""
    for track in session.all_tracks():
        layout = track.layout
        if layout.length is None or any(field.group for field in layout.fields):
            continue
        for length in np.unique(track.lengths).tolist():
            if length == layout.length or (layout.title == "BRM" and length >= 41):
                continue
            places = np.flatnonzero(track.lengths == length)
            where = {"position": int(track.at[places[0]]), "count": len(places)}
            said = f"{layout.title} of {length} bytes instead of {layout.length}"
            if length < layout.shortest:
                yield breach(session, layout.title, f"{said}: too short to be read", DLC_CLAUSE, **where)
            elif layout.title == "CCS" and length in (6, 8):
                yield breach(session, "CCS", said, CCS_CLAUSE, **where)
            else:
                yield breach(session, layout.title, said, DLC_CLAUSE, **where)


def fill(session: Excerpt) -> Iterator[Finding]:
    """Unused bits that are 0."""
    for track in session.all_tracks():
        layout = track.layout
        if layout.length is None or not track.layout.fields or track.layout.fields[0].group:
            continue
        bad = np.zeros(len(track), dtype=bool)
        for byte, mask in enumerate(_fill(track)):
            if mask and byte < track.raw.shape[1]:
                bad |= ((track.raw[:, byte] & mask) != mask) & (track.lengths > byte)
        places = np.flatnonzero(bad)
        if len(places):
            example = track.payload(int(places[0])).hex(" ").upper()
            what = f"unused bits of {layout.title} are 0, as in {example}"
            yield note(session, layout.title, what, FILL_CLAUSE, position=int(track.at[places[0]]), count=len(places))


def _fill(track: Track) -> bytes:
    """The unused bits of the layout as ones."""
    layout = track.layout
    assert layout.length is not None
    used = 0
    for field in layout.available():
        used |= field.ones << field.start
    return (((1 << 8 * layout.length) - 1) & ~used).to_bytes(layout.length, "little")


def values(session: Excerpt) -> Iterator[Finding]:
    """Values outside the declared range, and codes without a meaning."""
    for track in session.all_tracks():
        for field in numbers(track.layout):
            if field.choices is None and field.low is None and field.high is None:
                continue
            column = track.column(field.name)
            bad = _outside(column, field)
            places = np.flatnonzero(bad)
            if len(places):
                value = column[places[0]]
                what = f"{track.name} {field.name.rpartition('_')[0] or field.name} = {value:g} {_unit(field)}: {_allowed(field)}"
                yield note(session, track.name, what, _spn(field), position=int(track.at[places[0]]), count=len(places))


def _outside(column: np.ndarray[tuple[int], np.dtype[np.float64]], field: Field) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    if field.choices is not None:
        known = np.isnan(column)
        for code in field.choices:
            known |= column == code
        return ~known
    low, high = field.bounds
    return (column < low) | (column > high)


def _unit(field: Field) -> str:
    return f"{field.unit}".replace("degC", "°C").strip()


def _allowed(field: Field) -> str:
    if field.choices is not None:
        return f"known are {', '.join(f'{code}' for code in field.choices)}"
    low, high = field.bounds
    return f"the standard has {low:g}..{high:g}"


def _spn(field: Field) -> str:
    return f"{RANGE_CLAUSE}, SPN {field.spn}" if field.spn else RANGE_CLAUSE


def reasons(session: Excerpt) -> Iterator[Finding]:
    """Stop messages that say nothing, and answers that do not say that they are answers."""
    stops = [(session.first(name), name) for name in ("BST", "CST")]
    order = sorted((position, name) for position, name in stops if position is not None)
    for index, (position, name) in enumerate(order):
        message = session.track(name).message(0)
        if not isinstance(message, BST | CST):
            continue
        answers = message.charger_initiated if isinstance(message, BST) else message.bms_initiated
        if index == 1 and answers == 0:
            yield _silent_answer(session, name, order[0][1], position)
        elif not stop_words(message) and (index == 0 or answers is not None):
            yield note(
                session, name, f"{name} gives no reason", f"{STANDARD} {name}: at least one flag says why", position=position
            )


def _silent_answer(session: Excerpt, name: str, other: str, position: int) -> Finding:
    """The answer lacks the flag 1.7, which the editions since 2015 have for it."""
    what = f"{name} answers {other} without the flag that says so (1.7)"
    if name == "CST":
        return breach(session, name, what, "GB/T 34658-2017 DP.3006: CST 40 00 F0 F0", position=position)
    return breach(session, name, what, "GB/T 34658-2017 BP.3004: BST with 1.7", position=position)


def clock(session: Excerpt) -> Iterator[Finding]:
    """A time synchronisation that is not packed BCD."""
    track = session.track("CTS")
    bad = [index for index, data in enumerate(track.payloads()) if data.strip(b"\xff") and not _is_bcd(data)]
    if bad:
        example = track.payload(bad[0]).hex(" ").upper()
        clause = f"{STANDARD} CTS, SPN 2823: second, minute, hour, day, month, year as packed BCD"
        what = f"CTS {example} is not a time in BCD"
        yield breach(session, "CTS", what, clause, position=int(track.at[bad[0]]), count=len(bad))


def _is_bcd(data: bytes) -> bool:
    if len(data) < 7 or not data[:7].hex().isdecimal():
        return False
    second, minute, hour, day, month, year = (int(part.hex()) for part in (*_singles(data), data[6:4:-1]))
    return second < 60 and minute < 60 and hour < 24 and 1 <= day <= 31 and 1 <= month <= 12 and 2000 <= year < 2100


def _singles(data: bytes) -> list[bytes]:
    return [data[index : index + 1] for index in range(5)]
