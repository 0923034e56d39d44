"""Faults of the wire: of each message, each field, and each part of a transfer in packets."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from firmware_model.faults.intruders import extra_sender, replay
from firmware_model.faults.place import Arg, Inject, Injecting, Kind, Lift, Place
from firmware_model.faults.rig import Rig
from firmware_model.faults.selector import ANSWERS, Selector, is_long, parts_of, sender_of
from firmware_model.wires.can_errors import Corruption
from firmware_model.wires.can_frame import IFS_BITS, frame_bits
from protocols.core.errors import LocalError
from protocols.core.fields import Field
from protocols.core.frame import Frame
from protocols.core.message import Message

Change = Callable[[Frame, int, int], Sequence[Frame]]
"""What becomes of a selected frame: (frame, offset of its payload in the message, now) -> frames."""
COUNT: Final = Arg(0, 0, 1e9)
"""How many frames it befalls at most; 0 for all."""


@dataclass(frozen=True, slots=True)
class Aim:
    """Which frames of which sender."""

    rig: Rig
    layout: type[Message]
    part: str | None = None

    @property
    def host(self) -> str:
        """Who sends them."""
        sender = sender_of(self.layout.title)
        return {"pile": "vehicle", "vehicle": "pile"}[sender] if self.part in ANSWERS else sender

    def selector(self) -> Selector:
        return Selector(self.layout, self.part)


def _at_sender(aim: Aim, make: Callable[[Injecting], Change]) -> Inject:
    """A kind that changes frames on their way from the host to its port: a faulty sender."""

    def inject(injecting: Injecting) -> Lift:
        outlet, selector, change = aim.rig.outlet(aim.host), aim.selector(), make(injecting)
        left = _limit(injecting)

        def passing(frame: Frame, now: int) -> Sequence[Frame]:
            offset = selector(frame)
            if offset is None:
                return (frame,)
            changed = change(frame, offset, now)
            if changed == (frame,) or not left():
                return (frame,)
            injecting.touched(now)
            return changed

        outlet.changes.append(passing)
        return lambda _: outlet.changes.remove(passing)

    return inject


def _on_wire(aim: Aim, make: Callable[[Injecting, Frame], Corruption]) -> Inject:
    """A kind that befalls transmissions: the sender is healthy."""

    def inject(injecting: Injecting) -> Lift:
        selector, left = aim.selector(), _limit(injecting)

        def disturb(frame: Frame, sender: str, now: int) -> Corruption | None:
            if sender != aim.host or selector(frame) is None or not left():
                return None
            injecting.touched(now)
            return make(injecting, frame)

        end = aim.rig.disturb(disturb)
        return lambda _: end()

    return inject


def _limit(injecting: Injecting) -> Callable[[], bool]:
    """Whether one more frame may be hit."""
    count = int(injecting.args["count"])
    hits = 0

    def left() -> bool:
        nonlocal hits
        hits += 1
        return not count or hits <= count

    return left


def _drop(_: Injecting, __: Frame) -> Corruption:
    return Corruption(dropped_at={"pile", "vehicle"})


def _corrupt(injecting: Injecting, frame: Frame) -> Corruption:
    return Corruption(bit=min(int(injecting["bit"]), frame_bits(frame) - IFS_BITS - 1))


def _delay(aim: Aim) -> Callable[[Injecting], Change]:
    def make(injecting: Injecting) -> Change:
        delay_us, outlet, clock = round(injecting["delay_s"] * 1e6), aim.rig.outlet(aim.host), aim.rig.clock

        def change(frame: Frame, _: int, now: int) -> Sequence[Frame]:
            clock.at(now + delay_us, lambda when: _say(outlet.say, frame, when))
            return ()

        return change

    return make


def _say(say: Callable[[Frame, int], object], frame: Frame, now: int) -> None:
    say(frame, now)


def _duplicate(_: Injecting) -> Change:
    return lambda frame, _, __: (frame, frame)


def _length(aim: Aim) -> Callable[[Injecting], Change]:
    """Fewer or more bytes; of a long message, the size that its request announces."""

    def make(injecting: Injecting) -> Change:
        length = int(injecting["bytes"])

        def change(frame: Frame, _: int, __: int) -> Sequence[Frame]:
            data = frame.data
            if is_long(aim.layout):
                if data[0] != 0x10 or frame.can_id >> 16 & 0xFF != 0xEC:
                    return (frame,)
                data = data[:1] + length.to_bytes(2, "little") + bytes([-(-length // 7) & 0xFF]) + data[4:]
                return (frame._replace(data=data),)
            return (frame._replace(data=data[:length].ljust(min(length, 8), b"\xff")),)

        return change

    return make


def _other_id(injecting: Injecting) -> Change:
    flipped = int(injecting["flip"])
    return lambda frame, _, __: (frame._replace(can_id=frame.can_id ^ flipped),)


def _patch(start: int, bits: int, change: Callable[[int], int]) -> Change:
    """Replace *bits* bits of the message from bit *start* on by *change* of them, in whichever frames carry them.

    Bits that lie in several packets are changed one by one: *change* is given what this frame carries, in their places.
    """

    def patched(frame: Frame, offset: int, _: int) -> Sequence[Frame]:
        packet = frame.can_id >> 16 & 0xFF == 0xEB
        if frame.can_id >> 16 & 0xFF == 0xEC:
            return (frame,)
        head, payload = (frame.data[:1], frame.data[1:]) if packet else (b"", frame.data)
        shift = start - 8 * offset
        whole = int.from_bytes(payload, "little")
        mask = ((1 << bits) - 1) << shift if shift >= 0 else (1 << bits) - 1 >> -shift
        mask &= (1 << 8 * len(payload)) - 1
        if not mask:
            return (frame,)
        raw = (whole & mask) >> shift if shift >= 0 else (whole & mask) << -shift
        new = change(raw)
        back = (new << shift if shift >= 0 else new >> -shift) & mask
        return (frame._replace(data=head + (whole & ~mask | back).to_bytes(len(payload), "little")),)

    return patched


def _replace(field: Field) -> Callable[[Injecting], Change]:
    def make(injecting: Injecting) -> Change:
        raw = _raw(field, injecting["value"])
        return _patch(field.start, field.bits, lambda _: raw)

    return make


def _raw(field: Field, value: float) -> int:
    """What is sent for *value*: the field's own scale; one character code for all of a text; the number itself in a group."""
    if field.is_text:
        return int.from_bytes(bytes([int(value) & 0xFF]) * (field.bits // 8), "little")
    raw = int(value) if field.group is not None else field.raw(value)
    if not 0 <= raw <= field.ones:
        raise LocalError(
            f"{field.name} = {value:g}: {field.bits} bits on the wire carry {field.physical(0):g}..{field.physical(field.ones):g}"
        )
    return raw


def _flip(field: Field) -> Callable[[Injecting], Change]:
    def make(injecting: Injecting) -> Change:
        bit = int(injecting["bit"])
        return _patch(field.start + bit, 1, lambda raw: raw ^ 1)

    return make


def _flip_data(injecting: Injecting) -> Change:
    bit = int(injecting["bit"])

    def change(frame: Frame, _: int, __: int) -> Sequence[Frame]:
        size = len(frame.data)
        return (
            frame._replace(data=(int.from_bytes(frame.data, "little") ^ 1 << min(bit, 8 * size - 1)).to_bytes(size, "little")),
        )

    return change


# ---- places ----------------------------------------------------------------------------------------------------------


def wire_places(rig: Rig) -> Iterator[Place]:
    """Every message that the two editions of the bench have, its fields, and the parts of its transfer.

    Diagnostic messages have no period and nobody sends them: they can come from somewhere else only.
    """
    for layout in rig.layouts.values():
        title, sender = layout.title, sender_of(layout.title)
        if layout.period_us is None:
            yield Place(f"wire/{title}", f"message {title}, which nobody sends", (_extra_kind(rig, layout),))
            continue
        yield Place(f"wire/{title}", f"message {title} of the {sender}", tuple(_message_kinds(rig, layout)))
        for field in layout.available():
            kinds = tuple(_field_kinds(Aim(rig, layout), field))
            yield Place(f"wire/{title}.{field.name}", f"{field.name} in {title} of the {sender}", kinds)
        for part in parts_of(layout):
            what = f"packet {part}" if part.isdigit() else part
            yield Place(f"wire/{title}#{part}", f"{what} of the transfer of {title}", tuple(_part_kinds(Aim(rig, layout, part))))


def _common(aim: Aim) -> Iterator[Kind]:
    count = {"count": COUNT}
    yield Kind("drop", "does not reach its receiver; the sender does not notice", _on_wire(aim, _drop), count)
    yield Kind("delay", "comes late", _at_sender(aim, _delay(aim)), count | {"delay_s": Arg(1.2, 0.0, 600.0)})
    yield Kind("duplicate", "comes twice", _at_sender(aim, _duplicate), count)
    line = "a bit on the wire is inverted: error frame, sent again"
    yield Kind("corrupt bit", line, _on_wire(aim, _corrupt), count | {"bit": Arg(45, 0, 159)})


def _message_kinds(rig: Rig, layout: type[Message]) -> Iterator[Kind]:
    aim, count = Aim(rig, layout), {"count": COUNT}
    yield from _common(aim)
    size = Arg(max((layout.shortest or 1) - 1, 0), 0, 1785 if is_long(layout) else 8)
    yield Kind("wrong length", "has another number of bytes", _at_sender(aim, _length(aim)), count | {"bytes": size})
    flip = {"flip": Arg(0x1, 1, 0x1FFF_FFFF)}
    yield Kind("wrong id", "is sent with another identifier (bits inverted by *flip*)", _at_sender(aim, _other_id), count | flip)
    yield _extra_kind(rig, layout)
    period = _period(layout)
    yield Kind(
        "replay",
        "another node repeats what was sent before",
        replay(rig, layout),
        {"period_s": period, "back_s": Arg(0.5, 0.0, 1e6)},
    )


def _period(layout: type[Message]) -> Arg:
    return Arg((layout.period_us or 250_000) / 1e6, 0.001, 600.0)


def _extra_kind(rig: Rig, layout: type[Message]) -> Kind:
    again = {"period_s": _period(layout), "byte": Arg(0, 0, 255)}
    return Kind("extra sender", "another node sends it too, all bytes alike", extra_sender(rig, layout), again)


def _field_kinds(aim: Aim, field: Field) -> Iterator[Kind]:
    low, high = (0, field.ones) if field.is_text or field.group else (field.physical(0), field.physical(field.ones))
    telling = 63 if field.is_text else 0 if field.group else field.physical(field.top)
    value = Arg(telling, min(low, high), max(low, high))
    count = {"count": COUNT}
    yield Kind("replace", "is sent with another value", _at_sender(aim, _replace(field)), count | {"value": value})
    bit = Arg(field.bits - 1, 0, field.bits - 1)
    yield Kind("flip bit", "is sent with one bit inverted", _at_sender(aim, _flip(field)), count | {"bit": bit})


def _part_kinds(aim: Aim) -> Iterator[Kind]:
    yield from _common(aim)
    bit = {"count": COUNT, "bit": Arg(8, 0, 63)}
    yield Kind("flip bit", "is sent with one bit of its data inverted", _at_sender(aim, _flip_data), bit)
