"""The originator's side of one connection: asks to send, sends what is granted, waits for the acknowledgement."""

from protocols.core.frame import Frame
from protocols.j1939 import control
from protocols.j1939.control import AbortReason
from protocols.j1939.habits import TransportHabits
from protocols.j1939.outbox import Node
from protocols.j1939.reports import Aborted, Irregularity, Role, Sent, Timer, TransferTimedOut


class Outbound:
    """A transfer of ours that is open, from our RTS until its end (SAE J1939-21 5.10).

    What it waits for is `waits`, until `due` (µs):

    ==== ===============================  ==========================================
    T3   RTS or last granted packet sent  CTS: TR or T4; acknowledgement: sent
    TR   packets are granted              next packet; grant used up: T3
    T4   the peer holds us                CTS: TR; nothing: timed out
    ==== ===============================  ==========================================

    Methods return whether they ended the transfer; then it has reported how and must be forgotten.
    """

    __slots__ = (
        "_again",
        "_cm_id",
        "_dt_id",
        "_habits",
        "_last",
        "_limit",
        "_next",
        "_outbox",
        "_packets",
        "_payload",
        "_sent",
        "_timers",
        "due",
        "peer",
        "pgn",
        "waits",
    )

    def __init__(
        self, pgn: int, payload: bytes, now: int, *, peer: int, priority: int, node: Node, habits: TransportHabits
    ) -> None:
        self.peer = peer
        self.pgn = pgn
        self.waits = Timer.T3
        self.due = now + node.timers.t3_us
        address, self._timers, self._outbox = node
        self._habits = habits
        self._cm_id = control.cm_id(priority=priority, destination=peer, source=address)
        self._dt_id = control.dt_id(priority=priority, destination=peer, source=address)
        self._payload = payload
        self._packets = control.packets_of(len(payload))
        self._limit = self._packets if habits.announce_packets is None else habits.announce_packets
        self._next = self._last = 0
        self._sent = 0  # The highest packet number that has gone out.
        self._again = 0  # How often the peer asked for packets a second time.
        self._say(control.rts(pgn, size=len(payload), limit=self._limit))

    def clear_to_send(self, can_id: int, data: bytes, now: int) -> bool:
        """Take in a CTS; the last one counts, also in the middle of a grant (SAE J1939-21 5.10)."""
        count, first = data[1], data[2]
        if count == 0:
            self.waits = Timer.T4
            self.due = now + self._timers.t4_us
            return False
        if not 0 < first <= min(self._sent + 1, self._packets):
            self._outbox.find(Irregularity.AHEAD, can_id, data)
            return False
        if first <= self._sent:
            self._again += 1
            if self._again > self._habits.retransmissions:
                return self.abort(AbortReason.TOO_MANY_RETRANSMISSIONS)
        most = min(self._limit, self._packets - first + 1)
        if count > most:
            self._outbox.find(Irregularity.EXCESSIVE, can_id, data)
            count = most
        self._next = first
        self._last = first + count - 1
        self.waits = Timer.TR
        self.due = now + self._habits.first_us
        return False

    def acknowledged(self, can_id: int, data: bytes) -> bool:
        """Take in an acknowledgement. One that states a wrong size still ends the transfer; one that is early does not."""
        if self._sent < self._packets:
            self._outbox.find(Irregularity.EARLY_END, can_id, data)
            return False
        if control.size_of(data) != len(self._payload) or data[3] != self._packets:
            self._outbox.find(Irregularity.WRONG_END, can_id, data)
        self._outbox.reports.append(Sent(self.pgn, self.peer))
        return True

    def expire(self, now: int) -> bool:
        """Do what is due: send the next packet, or end by timeout."""
        if self.waits is Timer.TR:
            self._send_packet(now)
            return False
        if self._habits.abort_on_timeout:
            self._say(control.abort(self.pgn, reason=AbortReason.TIMEOUT))
        self._outbox.reports.append(TransferTimedOut(self.pgn, self.peer, self.waits, Role.ORIGINATOR))
        return True

    def abort(self, reason: int) -> bool:
        """End the transfer by an Abort of ours."""
        self._say(control.abort(self.pgn, reason=reason))
        self._outbox.reports.append(Aborted(self.pgn, self.peer, int(reason), True, Role.ORIGINATOR))
        return True

    def ended_by_peer(self, reason: int) -> None:
        """The peer aborted with *reason*."""
        self._outbox.reports.append(Aborted(self.pgn, self.peer, reason, False, Role.ORIGINATOR))

    def replaced(self) -> None:
        """Our own next RTS to the peer takes the transfer's place."""
        self._outbox.reports.append(Aborted(self.pgn, self.peer, None, True, Role.ORIGINATOR))

    def _send_packet(self, now: int) -> None:
        sequence = self._next
        self._outbox.frames.append(Frame(self._dt_id, control.dt(self._payload, sequence)))
        self._sent = max(self._sent, sequence)
        self._next = sequence + 1
        if sequence == self._last:
            self.waits = Timer.T3
            self.due = now + self._timers.t3_us
        else:
            self.due = now + self._habits.gap_us

    def _say(self, data: bytes) -> None:
        self._outbox.frames.append(Frame(self._cm_id, data))
