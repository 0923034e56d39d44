"""Receiving one broadcast: announced by a BAM, never answered (SAE J1939-21 5.10)."""

from protocols.j1939 import control
from protocols.j1939.assembly import Assembly
from protocols.j1939.identifier import GLOBAL
from protocols.j1939.outbox import Node
from protocols.j1939.reports import Aborted, Received, Role, Timer, TransferTimedOut


class Broadcast:
    """A broadcast that is coming in; nothing can be asked for again, so a hole ends in the timer T1.

    Methods return whether they ended the transfer; then it has reported how and must be forgotten.
    """

    __slots__ = ("_assembly", "_outbox", "_t1_us", "due", "peer", "pgn", "waits")

    def __init__(self, bam: bytes, now: int, *, peer: int, node: Node) -> None:
        self.peer = peer
        self.pgn = control.pgn_of(bam)
        self.waits = Timer.T1
        self._t1_us = node.timers.t1_us
        self.due = now + self._t1_us
        self._outbox = node.outbox
        self._assembly = Assembly(control.size_of(bam))

    def packet(self, can_id: int, data: bytes, now: int) -> bool:
        """Take in a TP.DT frame."""
        odd = self._assembly.put(data, self._assembly.packets)
        if odd is not None:
            self._outbox.find(odd, can_id, data)
            return False
        self.due = now + self._t1_us
        if self._assembly.whole:
            self._outbox.reports.append(Received(self.pgn, self._assembly.payload(), self.peer, GLOBAL))
            return True
        return False

    def expire(self, now: int) -> bool:
        """End by timeout."""
        self._outbox.reports.append(TransferTimedOut(self.pgn, self.peer, self.waits, Role.LISTENER))
        return True

    def ended_by_peer(self, reason: int | None) -> None:
        """The peer aborted with *reason*, or (None) replaced the broadcast by a new one."""
        self._outbox.reports.append(Aborted(self.pgn, self.peer, reason, False, Role.LISTENER))
