"""Which message a frame of a recording carries, and which of its fields two frames give different values."""

from dataclasses import dataclass

from hil.links.recording import EXTENDED, Recording
from hil.story.telling import tell
from hil.story.voices import TITLES, voice_of
from protocols.core.fields import Field
from protocols.core.message import Message
from protocols.gbt27930.editions import EDITIONS
from protocols.j1939.control import CM_BYTES, CM_PGN, DT_PGN, PER_PACKET, RTS, consistent, pgn_of, size_of
from protocols.j1939.identifier import split


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """A field whose bits differ. A value is None where the frame does not hold it or it means "not available"."""

    name: str
    unit: str
    expected: object
    got: object


def name_at(recording: Recording, index: int) -> str:
    """The message at *index*, with the packet's number where a transfer carries it; empty for a foreign identifier."""
    key = int(recording.keys[index])
    voice = voice_of(key)
    if voice is None or voice.name != "TP":
        return voice.name if voice else ""
    carried = _carried(recording, index)
    if carried is None:
        return "transport protocol"
    return f"{carried.name}, packet {recording.data[index][0]}"


@dataclass(frozen=True, slots=True)
class _Carried:
    """A transfer around one of its packets."""

    name: str
    payload: bytes
    """Bytes that are not in the recording are 0xFF, as unused ones are."""


def _carried(recording: Recording, index: int) -> _Carried | None:
    """The transfer whose packet is at *index*: its request is looked for backwards, its other packets forwards."""
    _, pgn, destination, source = split(int(recording.ids[index]))
    if pgn != DT_PGN or not recording.data[index]:
        return None
    request = next((at for at in range(index, -1, -1) if _is_request(recording, at, source, destination)), None)
    if request is None:
        return None
    data = recording.data[request]
    name = TITLES[source].get(pgn_of(data))
    payload = bytearray(b"\xff" * size_of(data))
    for at in range(request + 1, len(recording)):
        if _is_request(recording, at, source, destination):
            break
        if recording.keys[at] == recording.keys[index] and recording.data[at][:1] > b"\0":
            start = PER_PACKET * (recording.data[at][0] - 1)
            piece = recording.data[at][1:][: max(len(payload) - start, 0)]
            payload[start : start + len(piece)] = piece
    return _Carried(name, bytes(payload)) if name else None


def _is_request(recording: Recording, at: int, source: int, destination: int) -> bool:
    """Whether the frame at *at* asks to send a long message from *source* to *destination*."""
    key, data = int(recording.keys[at]), recording.data[at]
    voice = voice_of(key)
    if voice is None or voice.name != "TP" or len(data) != CM_BYTES or data[0] != RTS:
        return False
    _, pgn, *nodes = split(key & ~EXTENDED)
    return pgn == CM_PGN and nodes == [destination, source] and consistent(data)


def changes_at(first: Recording, second: Recording, index: int) -> tuple[FieldChange, ...]:
    """The fields of the message at *index* whose bits differ within this very frame."""
    voice = voice_of(int(first.keys[index]))
    if voice is None:
        return ()
    before, after = first.data[index], second.data[index]
    if voice.name != "TP":
        return _between(_layout(first, voice.name), before, after, low=0, high=8 * max(len(before), len(after)))
    left, right = _carried(first, index), _carried(second, index)
    if left is None or right is None or before[0] != after[0]:
        return ()
    low = 8 * PER_PACKET * (before[0] - 1)
    return _between(_layout(first, left.name), left.payload, right.payload, low=low, high=low + 8 * PER_PACKET)


def _layout(recording: Recording, name: str) -> type[Message]:
    """The declaration of *name* in the edition that *recording* speaks."""
    sessions = tell(recording).sessions
    edition = EDITIONS.get(sessions[0].edition) if sessions else None
    return (edition or EDITIONS["2015"]).messages[name]


def _between(layout: type[Message], before: bytes, after: bytes, *, low: int, high: int) -> tuple[FieldChange, ...]:
    """The fields of *layout* that differ in the bits *low* <= b < *high*."""
    left, right = int.from_bytes(before, "little"), int.from_bytes(after, "little")
    mask = (1 << high) - (1 << low)
    found = []
    for field in layout.available():
        for number in range(field.most if field.group else 1):
            start = field.start + number * field.bits
            ones = field.ones << start
            if (left ^ right) & ones & mask:
                found.append(_change(field, number, start, before, after))
    return tuple(found)


def _change(field: Field, number: int, start: int, before: bytes, after: bytes) -> FieldChange:
    name = f"{field.name}[{number + 1}]" if field.group else field.name
    return FieldChange(name=name, unit=field.unit, expected=_value(field, start, before), got=_value(field, start, after))


def _value(field: Field, start: int, data: bytes) -> object:
    """What *field* says in *data*: a number in its unit, text, or the raw bits of a group's element."""
    if start + field.bits > 8 * len(data):
        return None
    raw = int.from_bytes(data, "little") >> start & field.ones
    if field.group is not None:
        return field.group.decode(raw.to_bytes(field.bits // 8, "little")).as_dict()
    if field.is_text:
        return raw.to_bytes(field.bits // 8, "little").decode("latin-1").rstrip("\xff")
    return None if field.optional and raw == field.ones else field.physical(raw)
