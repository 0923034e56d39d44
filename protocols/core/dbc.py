"""A DBC database of declared messages, for the tools that engineers have on their desks.

Multi-packet messages become one long message; text and numbers over 32 bits one signal per byte (``vin_1`` ..), because
tools end at 64 bits; a repeated group one signal per field and element (``voltage_v_1`` ..). Fields that an edition does
not have are left out.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from protocols.core.fields import Field
from protocols.core.message import Message

_EXTENDED: Final = 1 << 31
"""Bit 31 of a DBC identifier: 29-bit format."""
_FORMATS: Final = ("StandardCAN", "ExtendedCAN", "reserved", "J1939PG")
_DEFINITIONS: Final = f"""
BA_DEF_ "ProtocolType" STRING ;
BA_DEF_ BU_ "NmStationAddress" INT 0 255;
BA_DEF_ BO_ "GenMsgCycleTime" INT 0 3600000;
BA_DEF_ BO_ "VFrameFormat" ENUM {",".join(f'"{name}"' for name in _FORMATS)};
BA_DEF_ SG_ "SPN" INT 0 524287;
BA_DEF_DEF_ "ProtocolType" "";
BA_DEF_DEF_ "NmStationAddress" 254;
BA_DEF_DEF_ "GenMsgCycleTime" 0;
BA_DEF_DEF_ "VFrameFormat" "ExtendedCAN";
BA_DEF_DEF_ "SPN" 0;
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One message of a database: its layout, its identifier and who sends it to whom (names of nodes)."""

    layout: type[Message]
    can_id: int
    sender: str
    receiver: str
    extended: bool = True
    name: str = ""
    """The name in the database where it is not the message's own; names must be unique."""
    elements: int | None = None
    """How many elements of a repeated group are listed; None lists all."""

    @property
    def dbc_id(self) -> int:
        return self.can_id | (_EXTENDED if self.extended else 0)

    @property
    def signals(self) -> Sequence[Field]:
        """The signals that stand for the fields, placed and named as in the database."""
        return [signal for field in self.layout.available() for signal in _expand(field, self.elements)]

    @property
    def size(self) -> int:
        """The length in bytes that the database states."""
        length = self.layout.length or 0
        if self.elements is None:
            return length
        return min(length, max((-(-(signal.start + signal.bits) // 8) for signal in self.signals), default=0))


def dbc(title: str, entries: Iterable[Entry], *, nodes: Mapping[str, int], comment: str = "") -> str:
    """The text of a DBC file named *title* with *entries*; *nodes* maps names to addresses, *comment* stands in its header."""
    listed = [(entry, entry.signals) for entry in entries]
    sections = (
        [f"VERSION {_quoted(title)}", "", "NS_ :", "", "BS_:", "", f"BU_: {' '.join(nodes)}", ""],
        (line for entry, signals in listed for line in _message(entry, signals)),
        [f"CM_ {_quoted(comment)};"] if comment else [],
        (line for entry, signals in listed for line in _comments(entry, signals)),
        _DEFINITIONS.split("\n"),
        ['BA_ "ProtocolType" "J1939";'] if any(entry.layout.pgn is not None for entry, _ in listed) else [],
        (f'BA_ "NmStationAddress" BU_ {name} {address};' for name, address in nodes.items()),
        (line for entry, signals in listed for line in _attributes(entry, signals)),
        (line for entry, signals in listed for line in _choices(entry, signals)),
    )
    return "\n".join(line for section in sections for line in section) + "\n"


def _expand(field: Field, elements: int | None) -> Iterator[Field]:
    if field.group is not None:
        for index in range(field.most if elements is None else min(elements, field.most)):
            spn = None if field.spn is None else field.spn + index
            for inner in field.group.available():
                yield replace(inner, name=f"{inner.name}_{index + 1}", start=index * field.bits + inner.start, spn=spn)
    elif field.is_text or field.bits > 32:
        for index in range(-(-field.bits // 8)):
            width = min(8, field.bits - 8 * index)
            yield Field(bits=width, spn=field.spn, name=f"{field.name}_{index + 1}", start=field.start + 8 * index)
    else:
        yield field


def _message(entry: Entry, signals: Iterable[Field]) -> Iterator[str]:
    yield f"BO_ {entry.dbc_id} {entry.name or entry.layout.title}: {entry.size} {entry.sender}"
    for signal in signals:
        low, high = signal.bounds
        scale = f"({signal.lsb:.12g},{signal.offset:.12g}) [{low:.12g}|{high:.12g}]"
        yield f" SG_ {signal.name} : {signal.start}|{signal.bits}@1+ {scale} {_quoted(signal.unit)} {entry.receiver}"
    yield ""


def _comments(entry: Entry, signals: Iterable[Field]) -> Iterator[str]:
    yield f"CM_ BO_ {entry.dbc_id} {_quoted(entry.layout.__doc__ or '')};"
    for signal in signals:
        spn = f"SPN {signal.spn}." if signal.spn is not None else ""
        sign = "The raw value falls as the physical value rises." if signal.lsb < 0 else ""
        if spn or sign:
            yield f"CM_ SG_ {entry.dbc_id} {signal.name} {_quoted(f'{spn} {sign}')};"


def _attributes(entry: Entry, signals: Iterable[Field]) -> Iterator[str]:
    form = "J1939PG" if entry.layout.pgn is not None else "ExtendedCAN" if entry.extended else "StandardCAN"
    yield f'BA_ "VFrameFormat" BO_ {entry.dbc_id} {_FORMATS.index(form)};'
    if entry.layout.period_us is not None:
        yield f'BA_ "GenMsgCycleTime" BO_ {entry.dbc_id} {entry.layout.period_us // 1000};'
    for signal in signals:
        if signal.spn is not None:
            yield f'BA_ "SPN" SG_ {entry.dbc_id} {signal.name} {signal.spn};'


def _choices(entry: Entry, signals: Iterable[Field]) -> Iterator[str]:
    for signal in signals:
        named = dict(signal.choices or {}) | ({signal.ones: "not available"} if signal.optional else {})
        if named:
            rows = " ".join(f"{raw} {_quoted(meaning)}" for raw, meaning in named.items())
            yield f"VAL_ {entry.dbc_id} {signal.name} {rows} ;"


def _quoted(text: str) -> str:
    """*text* as one line in quotes, the quotes in it made single: not every reader knows an escape."""
    return '"' + " ".join(text.replace('"', "'").split()) + '"'
