"""Frames to messages and back for one side of a GB/T 27930 segment: identifiers, lengths, long messages by transport."""

from collections.abc import Sequence
from typing import Final

from protocols.core.errors import DecodeError, LocalError
from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.core.session import Malformed
from protocols.core.timers import Timers
from protocols.gbt27930.editions import Edition
from protocols.gbt27930.habits import Habits
from protocols.j1939.reports import Received
from protocols.j1939.transport import Transport

_NO_PRIORITY: Final = 0x03FF_FFFF
"""Identifiers are matched without their priority: the editions differ in it and vehicles do not care."""
_TP_CM, _TP_DT = 0xEC, 0xEB
SINGLE_FRAME: Final = 8
TRANSPORT: Final = "TP"
"""The timer that stands for the transport; sorts before those that send, which ask whether the transport is free."""
UNDRAINED: Final = 256
"""With so many frames not fetched, a peer's requests are no longer answered: a mailbox is finite."""


class Link:
    """One node's view of the segment. The session calls `receive`, `send` and `tick`, and hands `take` to the wire.

    Frames of other addresses are none of our business and are ignored (field logs hold some). The transport's deadline is the
    timer `TRANSPORT` among `timers`, which the session uses too, so that there is one place to look what is due.
    """

    __slots__ = (
        "_ids",
        "_layouts",
        "_restarts",
        "_to_us",
        "_transport_habits",
        "edition",
        "out",
        "own",
        "peer",
        "raw",
        "sent",
        "timers",
        "transport",
    )

    def __init__(self, own: int, peer: int, edition: Edition, habits: Habits) -> None:
        self.own = own
        self.peer = peer
        self.raw = habits.raw
        self.out: list[Frame] = []
        """What `take` will hand out; always the same list."""
        self._to_us = frozenset(group << 16 | own << 8 | peer for group in (_TP_CM, _TP_DT))
        self._restarts = habits.restarts_transfers
        self._transport_habits = habits.transport
        self.timers = Timers()
        self._ids: dict[type[Message], int] = {}
        self.sent: dict[str, tuple[Message, Frame]] = {}
        """The newest short message of each name as it was sent, and its frame; to be looked at by senders in a hurry."""
        self.use(edition)
        self.reset()

    def use(self, edition: Edition) -> None:
        """Speak *edition* from now on."""
        self.edition = edition
        self._ids.clear()
        self.sent.clear()
        self._layouts = {pgn << 8 | self.own << 8 | self.peer: layout for pgn, layout in edition.by_pgn.items()}

    def reset(self) -> None:
        """Drop every transfer without a word: the wire is gone, or the session is over."""
        self.transport = Transport(self.own, habits=self._transport_habits)
        self.timers.stop(TRANSPORT)

    @property
    def deadline(self) -> int | None:
        """When the transport or a timer of the session is due next (µs), or None."""
        return self.timers.deadline

    def is_single(self, can_id: int) -> bool:
        """Whether *can_id* is that of a message of the peer's which fits into its frame."""
        return can_id & _NO_PRIORITY in self._layouts

    def receive(self, frame: Frame, now: int) -> Message | Malformed | None:
        """The message that *frame* completes, what is wrong with it, or None if there is nothing to say yet."""
        can_id, data, extended = frame
        key = can_id & _NO_PRIORITY
        layout = self._layouts.get(key)
        if layout is not None and extended:
            return self._decode(layout, data, can_id)
        if key not in self._to_us:
            return None
        self.transport.receive(frame, now)
        return self._fetch()

    def _fetch(self) -> Message | Malformed | None:
        """What the transport has to say, to the wire and to us. There is one peer, so at most one payload is whole."""
        transport = self.transport
        outbox = transport.outbox
        if outbox.frames:
            answers = outbox.take_frames()
            if len(self.out) < UNDRAINED:
                self.out.extend(answers)
        due = transport.deadline
        if due is None:
            self.timers.cancel(TRANSPORT)
        else:
            self.timers.start(TRANSPORT, due)
        if not outbox.reports:
            return None
        for event in outbox.take_reports():
            if isinstance(event, Received) and event.pgn in self.edition.by_pgn:
                can_id = event.pgn << 8 | self.own << 8 | self.peer
                return self._decode(self.edition.by_pgn[event.pgn], event.payload, can_id)
        return None

    def _decode(self, layout: type[Message], data: bytes, can_id: int) -> Message | Malformed:
        try:
            return layout.decode(data)
        except DecodeError as error:
            return Malformed(str(error), can_id, data)

    def send(self, message: Message, now: int) -> bool:
        """Put *message* on the wire, by transport if it is longer than a frame; False while another transfer is under way.

        The same message again (the object, for it is immutable) goes out as the same frame without being encoded again.
        """
        sent = self.sent.get(message.title)
        if sent is not None and sent[0] is message:
            self.out.append(sent[1])
            return True
        return self._send_new(message, now)

    def _send_new(self, message: Message, now: int) -> bool:
        try:
            data = message.encode()
        except LocalError:  # a measurement beyond what the wire carries is sent as the nearest value that it does carry
            data = message.clamped().encode()
        if self.raw and message.title in self.raw:
            data = self.raw[message.title].apply(data)
        if len(data) > SINGLE_FRAME:
            return self._send_long(message, data, now)
        layout = type(message)
        can_id = self._ids.get(layout)
        if can_id is None:
            can_id = self._ids[layout] = message.priority << 26 | _pgn(message) << 8 | self.peer << 8 | self.own
        frame = Frame(can_id, data)
        self.sent[message.title] = message, frame
        self.out.append(frame)
        return True

    def _send_long(self, message: Message, data: bytes, now: int) -> bool:
        if self.transport.busy(self.peer) and not self._restarts:
            return False
        self.transport.send(_pgn(message), data, self.peer, now, replace=self._restarts)
        self._fetch()
        return True

    def tick(self, now: int) -> Message | Malformed | None:
        """Let the transport do what is due; the result is that of `receive`, for an acknowledgement may be due."""
        self.transport.tick(now)
        return self._fetch()

    def take(self) -> Sequence[Frame]:
        """The frames to transmit; each is handed out once."""
        out = self.out
        if not out:
            return ()
        frames = tuple(out)
        out.clear()
        return frames


def _pgn(message: Message) -> int:
    assert message.pgn is not None
    return message.pgn
