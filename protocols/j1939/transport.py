"""The transport protocol of SAE J1939-21 5.10 for one node: payloads of 9..1785 bytes in both directions."""

from collections.abc import Sequence

from protocols.core.errors import LocalError
from protocols.core.frame import Frame
from protocols.j1939 import control
from protocols.j1939.broadcasts import Broadcast
from protocols.j1939.control import AbortReason
from protocols.j1939.habits import UNTIL_RELEASED, TransportHabits, TransportLimits, TransportTimers
from protocols.j1939.identifier import GLOBAL, NULL, PGN_MAX, addressed, check_pgn
from protocols.j1939.inbound import Inbound
from protocols.j1939.outbound import Outbound
from protocols.j1939.outbox import Node, Outbox
from protocols.j1939.reports import Irregularity, Report, Role

_TO_ALL_CM = control.CM_PGN | GLOBAL
_TO_ALL_DT = control.DT_PGN | GLOBAL


class Transport:
    """All transfers of the node *address* (0..253): several at once, one per peer and direction.

    A transfer ends in exactly one of `Sent` or `Received`, `Aborted`, `TransferTimedOut`. A payload is reported whole
    or not at all. A peer's second RTS replaces its first. *now* is the caller's clock in µs and never decreases; after
    each call drain :meth:`frames` and :meth:`events`, and call :meth:`tick` when :attr:`deadline` is reached.

    `habits` may be exchanged at any time; a transfer keeps those that it was opened with.
    """

    def __init__(
        self,
        address: int,
        *,
        limits: TransportLimits | None = None,
        timers: TransportTimers | None = None,
        habits: TransportHabits | None = None,
    ) -> None:
        if not 0 <= address < NULL:
            raise LocalError(f"a node's address is 0..253, not {address}")
        self.address = address
        self._limits = limits or TransportLimits()
        self.outbox = Outbox(self._limits.undrained)
        """Where `frames` and `events` come from; to be looked at only, by owners in a hurry."""
        self._node = Node(address, timers or TransportTimers(), self.outbox)
        self.habits = habits or TransportHabits()
        self._inbound: dict[int, Inbound] = {}
        self._outbound: dict[int, Outbound] = {}
        self._broadcasts: dict[int, Broadcast] = {}
        self._to_us_cm = control.CM_PGN | address
        self._to_us_dt = control.DT_PGN | address

    @property
    def habits(self) -> TransportHabits:
        """The ways in which transfers are handled that begin from now on."""
        return self._habits

    @habits.setter
    def habits(self, habits: TransportHabits) -> None:
        habits.check(self._node.timers)
        self._habits = habits

    @property
    def deadline(self) -> int | None:
        """When the next frame or timeout is due (µs), or None while no transfer is open."""
        soonest = None
        for connections in (self._inbound, self._outbound, self._broadcasts):
            if connections:  # mostly there is none: this is asked for after every frame of a session
                for connection in connections.values():
                    due = connection.due
                    if soonest is None or due < soonest:
                        soonest = due
        return soonest

    def busy(self, destination: int) -> bool:
        """Whether a transfer of ours to *destination* is open."""
        return destination in self._outbound

    def open(self) -> list[tuple[Role, int, int]]:
        """The transfers that have not ended: role, peer, PGN."""
        return [
            *((Role.RESPONDER, peer, connection.pgn) for peer, connection in self._inbound.items()),
            *((Role.ORIGINATOR, peer, connection.pgn) for peer, connection in self._outbound.items()),
            *((Role.LISTENER, peer, connection.pgn) for peer, connection in self._broadcasts.items()),
        ]

    def send(
        self,
        pgn: int,
        payload: bytes,
        destination: int,
        now: int,
        *,
        priority: int | None = None,
        replace: bool = False,
    ) -> None:
        """Begin the transfer of *payload* (9..1785 bytes) to *destination*, at *priority* (None: that of our habits).

        One transfer per destination is possible at a time. While one is open, another is refused with LocalError
        (ask :meth:`busy`), because queued measurements would go out stale; with *replace* it takes the open one's
        place by a new RTS, without an Abort.
        """
        priority = self._habits.priority if priority is None else priority
        self._check(pgn, payload, destination, priority)
        open_one = self._outbound.get(destination)
        if open_one is not None:
            if not replace:
                raise LocalError(f"a transfer to {destination:#04x} is open already")
            open_one.replaced()
        elif len(self._outbound) >= self._limits.outbound:
            raise LocalError(f"{self._limits.outbound} transfers are open already")
        self._outbound[destination] = Outbound(
            pgn, payload, now, peer=destination, priority=priority, node=self._node, habits=self._habits
        )

    def hold(self, peer: int) -> None:
        """Answer *peer* with holds, repeated every Th, instead of further grants, until :meth:`release`."""
        self._inbound_of(peer).hold(UNTIL_RELEASED)

    def release(self, peer: int, now: int) -> None:
        """End the hold of *peer*: grant what it may send next."""
        if self._inbound_of(peer).release(now):
            del self._inbound[peer]

    def abandon(self, peer: int, role: Role, reason: int = AbortReason.RESOURCES) -> None:
        """Abort the open transfer with *peer* in which we have *role* (originator or responder)."""
        connections: dict[int, Inbound] | dict[int, Outbound]
        connections = self._outbound if role is Role.ORIGINATOR else self._inbound
        if role is Role.LISTENER or peer not in connections:
            raise LocalError(f"no transfer with {peer:#04x} is open that could be aborted")
        connections.pop(peer).abort(reason)

    def receive(self, frame: Frame, now: int) -> None:
        """Take in a frame; those that are not transport protocol frames for us are ignored."""
        can_id, data, extended = frame
        group = can_id >> 8 & PGN_MAX
        if group == self._to_us_dt:
            self._packet(self._inbound, frame, now)
        elif group == self._to_us_cm:
            if extended:
                self._control(can_id, data, now)
        elif group == _TO_ALL_DT:
            self._packet(self._broadcasts, frame, now)
        elif group == _TO_ALL_CM and extended:
            self._announced(can_id, data, now)

    def tick(self, now: int) -> None:
        """Send the packets, holds and answers that are due, and end the transfers whose timer has run out."""
        for connections in (self._inbound, self._outbound, self._broadcasts):
            if connections:
                _expire(connections, now)

    def frames(self) -> Sequence[Frame]:
        """The frames to transmit, in order; each is handed out once."""
        return self.outbox.take_frames()

    def events(self) -> Sequence[Report]:
        """What happened since the last call, in order; each is handed out once."""
        return self.outbox.take_reports()

    def _packet(self, connections: dict[int, Inbound] | dict[int, Broadcast], frame: Frame, now: int) -> None:
        can_id, data, extended = frame
        source = can_id & 0xFF
        connection = connections.get(source)
        if connection is None:
            if extended and source != self.address:
                self.outbox.find(Irregularity.NO_CONNECTION, can_id, data)
        elif extended and connection.packet(can_id, data, now):
            del connections[source]

    def _control(self, can_id: int, data: bytes, now: int) -> None:
        source = can_id & 0xFF
        if len(data) != control.CM_BYTES:
            self.outbox.find(Irregularity.SHORT_CONTROL, can_id, data)
        elif source == self.address:
            return
        elif data[0] == control.CTS or data[0] == control.EOMA:
            self._answered(source, can_id, data, now)
        elif data[0] == control.RTS:
            self._requested(source, can_id, data, now)
        elif data[0] == control.ABORT:
            self._aborted(source, can_id, data)
        else:
            self.outbox.find(Irregularity.UNKNOWN_CONTROL, can_id, data)

    def _answered(self, source: int, can_id: int, data: bytes, now: int) -> None:
        """The peer's CTS or acknowledgement."""
        connection = self._outbound.get(source)
        if connection is None:
            self.outbox.find(Irregularity.NO_CONNECTION, can_id, data)
        elif control.pgn_of(data) != connection.pgn:
            self.outbox.find(Irregularity.WRONG_PGN, can_id, data)
        elif data[0] == control.CTS:
            if connection.clear_to_send(can_id, data, now):
                del self._outbound[source]
        elif connection.acknowledged(can_id, data):
            del self._outbound[source]

    def _requested(self, source: int, can_id: int, data: bytes, now: int) -> None:
        """The peer's RTS: open a connection, or refuse it by an Abort; a nonsensical one is not answered."""
        if not self._plausible(source, can_id, data) or self.outbox.full:
            return
        pgn = control.pgn_of(data)
        former = self._inbound.pop(source, None)
        if former is not None:
            former.ended_by_peer(None)
        if pgn in self._habits.refuse:
            self._refuse(source, pgn, self._habits.refuse_reason)
        elif len(self._inbound) >= self._limits.inbound:
            self.outbox.find(Irregularity.NO_ROOM, can_id, data)
            self._refuse(source, pgn, AbortReason.BUSY)
        else:
            if data[4] == 0:
                self.outbox.find(Irregularity.NO_LIMIT, can_id, data)
            connection = Inbound(data, now, peer=source, node=self._node, habits=self._habits)
            self._inbound[source] = connection
            if self._habits.answer_us == 0:
                connection.expire(now)

    def _announced(self, can_id: int, data: bytes, now: int) -> None:
        """A broadcast announcement. Other control frames make no sense towards everybody."""
        source = can_id & 0xFF
        if len(data) != control.CM_BYTES:
            self.outbox.find(Irregularity.SHORT_CONTROL, can_id, data)
        elif data[0] != control.BAM:
            self.outbox.find(Irregularity.UNKNOWN_CONTROL, can_id, data)
        elif source != self.address and self._plausible(source, can_id, data) and not self.outbox.full:
            former = self._broadcasts.pop(source, None)
            if former is not None:
                former.ended_by_peer(None)
            if len(self._broadcasts) >= self._limits.broadcasts:
                self.outbox.find(Irregularity.NO_ROOM, can_id, data)
            else:
                self._broadcasts[source] = Broadcast(data, now, peer=source, node=self._node)

    def _aborted(self, source: int, can_id: int, data: bytes) -> None:
        """The peer's Abort. It does not say whose transfer it means, so it ends both if both carry its PGN."""
        pgn = control.pgn_of(data)
        inbound, outbound = self._inbound.get(source), self._outbound.get(source)
        meant_in = inbound is not None and inbound.pgn == pgn
        meant_out = outbound is not None and outbound.pgn == pgn
        if meant_in:
            self._inbound.pop(source).ended_by_peer(data[1])
        if meant_out:
            self._outbound.pop(source).ended_by_peer(data[1])
        if not (meant_in or meant_out):
            stray = inbound is None and outbound is None
            self.outbox.find(Irregularity.NO_CONNECTION if stray else Irregularity.WRONG_PGN, can_id, data)

    def _plausible(self, source: int, can_id: int, data: bytes) -> bool:
        if source >= NULL:
            self.outbox.find(Irregularity.NO_ADDRESS, can_id, data)
        elif not control.consistent(data):
            self.outbox.find(Irregularity.WRONG_SIZE, can_id, data)
        elif not _is_pgn(control.pgn_of(data)):
            self.outbox.find(Irregularity.WRONG_PGN, can_id, data)
        else:
            return True
        return False

    def _refuse(self, peer: int, pgn: int, reason: int) -> None:
        can_id = control.cm_id(priority=self._habits.priority, destination=peer, source=self.address)
        self.outbox.frames.append(Frame(can_id, control.abort(pgn, reason=reason)))

    def _inbound_of(self, peer: int) -> Inbound:
        if peer not in self._inbound:
            raise LocalError(f"no transfer from {peer:#04x} is open")
        return self._inbound[peer]

    def _check(self, pgn: int, payload: bytes, destination: int, priority: int) -> None:
        check_pgn(pgn)
        if not control.SIZE_MIN <= len(payload) <= control.SIZE_MAX:
            raise LocalError(f"a transfer has {control.SIZE_MIN}..{control.SIZE_MAX} bytes, not {len(payload)}")
        if not 0 <= destination < NULL or destination == self.address:
            raise LocalError(f"{destination:#04x} is not the address of another node")
        if not 0 <= priority <= 7:
            raise LocalError(f"priority is 0..7, not {priority}")


def _is_pgn(pgn: int) -> bool:
    return pgn <= PGN_MAX and not (addressed(pgn) and pgn & 0xFF)


def _expire(connections: dict[int, Inbound] | dict[int, Outbound] | dict[int, Broadcast], now: int) -> None:
    """Let each connection do what is due, until it is not due any more or has ended."""
    for peer in tuple(connections):
        connection = connections[peer]
        while connection.due <= now:
            if connection.expire(now):
                del connections[peer]
                break
