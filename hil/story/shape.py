"""Whether each message has the length, the values and the unused bits that the standard says."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from hil.story.model import Finding, Severity
from hil.story.names import DECLARED
from hil.story.stretch import Stretch
from hil.story.traffic import Heard, physical
from protocols.core.fields import Field
from protocols.core.message import Message
from protocols.gbt27930.editions import Edition

LENGTH_CLAUSE = "GB/T 27930-2015 table 1 note 7: as many bytes as the message has"
CLAUSES = {"CCS": "GB/T 34658-2017 DP.3001: CCS has 7 bytes"}
FILL_CLAUSE = "GB/T 27930-2015 7.9: unused bits are 1"
RANGE_CLAUSE = "GB/T 27930-2015 chapter 9, SPN {}"
TABLE_CLAUSE = "GB/T 27930-2015 chapter 9"

TIME_OF_DAY = "CTS"


def shape_findings(session: Stretch, edition: Edition) -> Iterator[Finding]:
    """Everything about the messages of *session* that does not look as *edition* has it."""
    for title in session.traffic.titles():
        heard = session.heard(title)
        if not len(heard):
            continue
        layout = edition.messages.get(title)
        if layout is None:
            text = f"{len(heard)} {title}, which {edition.title} does not have"
            yield Finding(session.time_us(heard.first), Severity.DEVIATION, text, edition.title)
            layout = DECLARED[title]
        yield from _lengths(session, heard, layout)
        if heard.payloads is None:
            yield from _unused_bits(session, heard, layout)
        if title == TIME_OF_DAY:
            yield from _clock(session, heard)
        else:
            yield from _values(session, heard, layout)


class _Odd(NamedTuple):
    """How often, where first, and what."""

    count: int
    first: int
    value: float


def _odd(heard: Heard, which: NDArray[np.bool_], values: NDArray[np.float64] | NDArray[np.int64]) -> _Odd | None:
    count = int(np.count_nonzero(which))
    if not count:
        return None
    first = int(np.argmax(which))
    return _Odd(count, int(heard.at[first]), float(values[first]))


def _lengths(session: Stretch, heard: Heard, layout: type[Message]) -> Iterator[Finding]:
    length = layout.length
    if length is None or (layout.fields and layout.fields[0].group is not None):
        return
    for got in np.unique(heard.lengths).tolist():
        if got == length:
            continue
        index = int(np.argmax(heard.lengths == got))
        count = int(np.count_nonzero(heard.lengths == got))
        padding = heard.data(index)[length:]
        text = f"{count} {heard.title} of {got} bytes instead of {length}"
        is_padding = got > length and len(set(padding)) == 1
        if got < layout.shortest:
            text += ": too short to decode"
        severity = Severity.DEVIATION if is_padding or heard.payloads is not None else Severity.VIOLATION
        clause = CLAUSES.get(heard.title, LENGTH_CLAUSE)
        yield Finding(session.time_us(int(heard.at[index])), severity, text, clause)


def _unused_bits(session: Stretch, heard: Heard, layout: type[Message]) -> Iterator[Finding]:
    """Bits without a field, within the message's own bytes, that are not 1."""
    length = min(layout.length or 8, 8)
    fill = (1 << 8 * length) - 1
    for field in layout.available():
        fill &= ~(field.ones << field.start)
    whole = heard.lengths >= length
    odd = _odd(heard, whole & (~heard.raw & np.uint64(fill) != 0), heard.lengths)
    if fill and odd is not None:
        text = f"{odd.count} {heard.title} with unused bits that are 0"
        yield Finding(session.time_us(odd.first), Severity.DEVIATION, text, FILL_CLAUSE)


def _values(session: Stretch, heard: Heard, layout: type[Message]) -> Iterator[Finding]:
    for field in layout.available():
        if field.is_text or field.group is not None:
            continue
        beyond64 = heard.payloads is not None and field.start + field.bits > 64
        values = heard.column(layout, field.name) if beyond64 else physical(field, heard.raw, np.minimum(heard.lengths, 8))
        odd = _odd(heard, _outside(field, values), values)
        if odd is not None:
            text = f"{odd.count} {heard.title} with {field.name} = {odd.value:g}{_allowed(field)}"
            clause = RANGE_CLAUSE.format(field.spn) if field.spn else TABLE_CLAUSE
            yield Finding(session.time_us(odd.first), Severity.DEVIATION, text, clause)


def _outside(field: Field, values: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Where *values* are none that the field may have; a value that is not there is not outside."""
    if field.choices is not None:
        return ~(np.isin(values, list(field.choices)) | np.isnan(values))
    low, high = field.bounds
    # Half a step of tolerance: the ends themselves are allowed, and tenths are not exact.
    return (values < low - abs(field.lsb) / 2) | (values > high + abs(field.lsb) / 2)


def _allowed(field: Field) -> str:
    if field.choices is not None:
        return f"; defined are {', '.join(str(choice) for choice in field.choices)}"
    low, high = field.bounds
    return f" {field.unit}; the range is {low:g}..{high:g}".replace("  ", " ")


def _clock(session: Stretch, heard: Heard) -> Iterator[Finding]:
    """CTS is packed BCD; some chargers send binary or nothing."""
    data = heard.data(0)
    if set(data) == {0xFF}:
        yield Finding(session.time_us(heard.first), Severity.DEVIATION, "CTS without a time: all bytes are FF", "")
    elif any(byte >> 4 > 9 or byte & 15 > 9 for byte in data):
        text = f"CTS is not packed BCD: {data.hex(' ')}"
        yield Finding(session.time_us(heard.first), Severity.DEVIATION, text, "GB/T 27930-2015 chapter 9, SPN 2823")
