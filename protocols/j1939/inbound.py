"""The responder's side of one connection: grants packets, asks again for missing ones, acknowledges the whole."""

from protocols.core.frame import Frame
from protocols.j1939 import control
from protocols.j1939.assembly import Assembly
from protocols.j1939.control import AbortReason
from protocols.j1939.habits import OnGap, OnRepeat, TransportHabits
from protocols.j1939.outbox import Node
from protocols.j1939.reports import Aborted, Irregularity, Received, Role, Timer, TransferTimedOut


class Inbound:
    """A transfer to us that is open, from a peer's RTS until its end (SAE J1939-21 5.10).

    What it waits for is `waits`, until `due` (µs):

    ==== ==========================  =================================================
    TR   our answer is due           CTS, hold or acknowledgement
    TH   we hold the peer            hold again, or CTS when the hold is over
    T2   a CTS was sent              first packet: T1; nothing: timed out
    T1   packets come                end of the grant: TR; nothing: timed out
    ==== ==========================  =================================================

    Methods return whether they ended the transfer; then it has reported how and must be forgotten.
    """

    __slots__ = (
        "_address",
        "_answer_us",
        "_assembly",
        "_cm_id",
        "_expected",
        "_granted_to",
        "_habits",
        "_held_until",
        "_last",
        "_most",
        "_outbox",
        "_rerequests",
        "_t1_us",
        "_t2_us",
        "_timers",
        "due",
        "peer",
        "pgn",
        "waits",
    )

    def __init__(self, rts: bytes, now: int, *, peer: int, node: Node, habits: TransportHabits) -> None:
        self.peer = peer
        self.pgn = control.pgn_of(rts)
        self.waits = Timer.TR
        self.due = now + habits.answer_us
        self._address, self._timers, self._outbox = node
        self._habits = habits
        self._cm_id = control.cm_id(priority=habits.priority, destination=peer, source=node.address)
        # Copied, because every packet asks for them.
        self._answer_us = habits.answer_us
        self._t1_us, self._t2_us = node.timers.t1_us, node.timers.t2_us
        self._assembly = Assembly(control.size_of(rts))
        self._most = min(habits.grant_packets, rts[4] or control.NO_LIMIT)
        self._held_until = now + habits.hold_us
        self._granted_to = 0
        self._expected = 1
        self._last = 0
        self._rerequests = 0

    def packet(self, can_id: int, data: bytes, now: int) -> bool:
        """Take in a TP.DT frame."""
        odd = self._assembly.put(data, self._granted_to)
        if odd is not None:
            return self._odd(odd, can_id, data, now)
        sequence = data[0]
        if sequence != self._expected and self._habits.on_gap is OnGap.ABORT:
            return self.abort(AbortReason.BAD_SEQUENCE)
        self._expected = sequence + 1
        if self.waits is not Timer.T1:
            if self.waits is not Timer.T2:
                return False  # A late packet while we hold or are about to answer: it fills its hole.
            self.waits = Timer.T1
        if sequence == self._last:
            return self._owe(can_id, data, now)
        self.due = now + self._t1_us
        return False

    def expire(self, now: int) -> bool:
        """Do what is due: answer, hold again, or end by timeout."""
        if self.waits is Timer.TR or self.waits is Timer.TH:
            return self._answer(now)
        if self._habits.abort_on_timeout:
            self._say(control.abort(self.pgn, reason=AbortReason.TIMEOUT))
        self._outbox.reports.append(TransferTimedOut(self.pgn, self.peer, self.waits, Role.RESPONDER))
        return True

    def abort(self, reason: int) -> bool:
        """End the transfer by an Abort of ours."""
        self._say(control.abort(self.pgn, reason=reason))
        self._outbox.reports.append(Aborted(self.pgn, self.peer, int(reason), True, Role.RESPONDER))
        return True

    def ended_by_peer(self, reason: int | None) -> None:
        """The peer aborted with *reason*, or (None) replaced the transfer by a new RTS."""
        self._outbox.reports.append(Aborted(self.pgn, self.peer, reason, False, Role.RESPONDER))

    def hold(self, until: int) -> None:
        """Grant nothing more before *until*; what is granted already may still come."""
        self._held_until = until

    def release(self, now: int) -> bool:
        """End the hold; if the peer is waiting for it, grant at once."""
        self._held_until = now
        return self.waits is Timer.TH and self._answer(now)

    def _owe(self, can_id: int, data: bytes, now: int) -> bool:
        """The grant is used up: an answer is due now or after our usual delay."""
        if self._assembly.first_missing <= self._last:
            self._outbox.find(Irregularity.MISSING, can_id, data)
        if not self._answer_us:
            return self._answer(now)
        self.waits = Timer.TR
        self.due = now + self._answer_us
        return False

    def _answer(self, now: int) -> bool:
        assembly = self._assembly
        if assembly.first_missing > assembly.packets:
            self._say(control.eoma(self.pgn, size=assembly.size))
            self._outbox.reports.append(Received(self.pgn, assembly.payload(), self.peer, self._address))
            return True
        if now >= self._held_until:
            return self._grant(now)
        self._say(control.cts(self.pgn, 0, assembly.first_missing))
        self.waits = Timer.TH
        self.due = min(now + self._timers.th_us, self._held_until)
        return False

    def _grant(self, now: int) -> bool:
        """Clear the first missing packets to send, again if they were granted before."""
        first, most = self._assembly.first_missing, self._most
        if first > self._granted_to:
            packets = self._assembly.packets + 1 - first
        else:
            self._rerequests += 1
            if self._rerequests > self._habits.rerequests:
                return self.abort(AbortReason.TOO_MANY_RETRANSMISSIONS)
            packets = self._assembly.run(self._granted_to + 1)
        if packets > most:
            packets = most
        self._expected = first
        self._last = last = first + packets - 1
        if last > self._granted_to:
            self._granted_to = last
        self._outbox.frames.append(Frame(self._cm_id, control.cts(self.pgn, packets, first)))
        self.waits = Timer.T2
        self.due = now + self._t2_us
        return False

    def _odd(self, odd: Irregularity, can_id: int, data: bytes, now: int) -> bool:
        self._outbox.find(odd, can_id, data)
        if odd is Irregularity.REPEATED:
            if self._habits.on_repeat is OnRepeat.ABORT:
                return self.abort(AbortReason.REPEATED_SEQUENCE)
            if self.waits is Timer.T1:
                self.due = now + self._t1_us
        return False

    def _say(self, data: bytes) -> None:
        self._outbox.frames.append(Frame(self._cm_id, data))
