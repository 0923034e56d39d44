"""Frames to messages and back for one side of a GB/T 27930 segment: identifiers, lengths, long messages by transport."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from protocols.core.errors import DecodeError, LocalError
from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.core.session import Malformed
from protocols.gbt27930.editions import Edition
from protocols.j1939.reports import Received
from protocols.j1939.transport import Transport

_NO_PRIORITY: Final = 0x03FF_FFFF
"""Identifiers are matched without their priority: the editions differ in it and vehicles do not care."""
_TP_CM, _TP_DT = 0xEC, 0xEB
SINGLE_FRAME: Final = 8


@dataclass(frozen=True, slots=True)
class RawEdit:
    """What a peer does wrong to a payload after encoding it: cut or pad to *length*, clear and set bits, byte by byte."""

    length: int | None = None
    clear: bytes = b""
    set: bytes = b""

    def apply(self, data: bytes) -> bytes:
        """*data* as this peer sends it."""
        if self.length is not None:
            data = data[: self.length].ljust(self.length, b"\xff")
        size = len(data)
        clear, add = self.clear[:size].ljust(size, b"\0"), self.set[:size].ljust(size, b"\0")
        return bytes(byte & ~off & 0xFF | on for byte, off, on in zip(data, clear, add, strict=True))


@dataclass(slots=True)
class Link:
    """One node's view of the segment. The session calls `receive`, `send` and `tick`, and hands `out` to the wire.

    Frames of other addresses are none of our business and are ignored (field logs hold some).
    """

    own: int
    peer: int
    edition: Edition
    transport: Transport
    raw: Mapping[str, RawEdit] = field(default_factory=dict)
    out: list[Frame] = field(default_factory=list)
    _layouts: dict[int, type[Message]] = field(default_factory=dict)
    _newest: dict[int, tuple[bytes, Message]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.use(self.edition)

    def use(self, edition: Edition) -> None:
        """Speak *edition* from now on."""
        self.edition = edition
        self._newest.clear()
        self._layouts = {pgn << 8 | self.own << 8 | self.peer: layout for pgn, layout in edition.by_pgn.items()}

    @property
    def deadline(self) -> int | None:
        """When `tick` is due next (µs), or None."""
        return self.transport.deadline

    def receive(self, frame: Frame, now: int) -> Message | Malformed | None:
        """The message that *frame* completes, what is wrong with it, or None if there is nothing to say yet."""
        key = frame.can_id & _NO_PRIORITY
        layout = self._layouts.get(key)
        if layout is None:
            return self._receive_packet(frame, key, now)
        newest = self._newest.get(key)
        if newest is not None and newest[0] == frame.data:  # most messages repeat themselves; they are immutable
            return newest[1]
        return self._decode(layout, frame.data, key, frame.can_id)

    def _receive_packet(self, frame: Frame, key: int, now: int) -> Message | Malformed | None:
        if key & 0xFFFF != self.own << 8 | self.peer or key >> 16 not in (_TP_CM, _TP_DT):
            return None
        transport = self.transport
        transport.receive(frame, now)
        self.out.extend(transport.frames())
        for event in transport.events():
            if isinstance(event, Received):
                layout = self.edition.by_pgn.get(event.pgn)
                if layout is not None:
                    return self._decode(layout, event.payload, event.pgn << 8, frame.can_id)
        return None

    def _decode(self, layout: type[Message], data: bytes, key: int, can_id: int) -> Message | Malformed:
        try:
            message = layout.decode(data)
        except DecodeError as error:
            return Malformed(str(error), can_id, data)
        self._newest[key] = (data, message)
        return message

    def send(self, message: Message, now: int) -> bool:
        """Put *message* on the wire, by transport if it is longer than a frame; False while another transfer is under way."""
        try:
            data = message.encode()
        except LocalError:  # a measurement beyond what the wire carries is sent as the nearest value that it does carry
            data = message.clamped().encode()
        edit = self.raw.get(message.title)
        if edit is not None:
            data = edit.apply(data)
        pgn = message.pgn
        assert pgn is not None
        if len(data) <= SINGLE_FRAME:
            self.out.append(Frame(message.priority << 26 | pgn << 8 | self.peer << 8 | self.own, data))
            return True
        if self.transport.busy(self.peer):
            return False
        self.transport.send(pgn, data, self.peer, now)
        self.out.extend(self.transport.frames())
        return True

    def tick(self, now: int) -> None:
        """Let the transport do what is due."""
        transport = self.transport
        if transport.deadline is not None and transport.deadline <= now:
            transport.tick(now)
            self.out.extend(transport.frames())
            transport.events()

    def take(self) -> Sequence[Frame]:
        """The frames to transmit; each is handed out once."""
        if not self.out:
            return ()
        frames, self.out = self.out, []
        return frames
