"""One transfer as a third party sees it: what was seen so far, and the account of it at its end."""

from dataclasses import dataclass
from enum import Enum

from protocols.j1939 import control
from protocols.j1939.control import CM_BYTES, PER_PACKET, packets_of

UNKNOWN_PGN = -1
"""The PGN of a transfer whose TP.CM frames are all missing from the recording."""


class Cause(Enum):
    """Why a transfer was not seen whole."""

    MISSING = "it was acknowledged or went silent, but packets are not in the recording"
    ABORTED = "one side sent an Abort"
    REPLACED = "the originator began another transfer"
    RESTARTED = "packets came again without being asked for: the beginning of another transfer is not in the recording"
    OPEN = "the recording ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfer:
    """A transfer that was seen on a bus: whole, with its *payload*, or broken (None), with the *cause*.

    *began_us* and *ended_us* are the stamps of its first and last frame, as the recording gives them. *packets* counts
    TP.DT frames, repeated ones included; *cts_count* includes holds. *pgn* is :data:`UNKNOWN_PGN` and *size* 0 where
    no frame told them; *rts_seen* is false where the recording lacks the RTS or BAM. *destination* 0xFF: a broadcast.

    *missing* are the numbers of the packets that lack; with an unknown size, the holes below the highest seen.
    *reason* is the byte of the Abort that ended the transfer and *aborted_by* its sender; None without an Abort.
    """

    pgn: int
    source: int
    destination: int
    size: int
    payload: bytes | None
    cause: Cause | None
    missing: tuple[int, ...]
    began_us: int
    ended_us: int
    packets: int
    cts_count: int
    acknowledged: bool
    rts_seen: bool
    reason: int | None = None
    aborted_by: int | None = None


class Watched:
    """A transfer under observation between the addresses *pair* (originator, responder), first seen at *now*."""

    def __init__(self, pair: tuple[int, int], now: int) -> None:
        self.pair = pair
        self.pgn, self.size = UNKNOWN_PGN, 0
        self.began = self.ended = now
        self.acknowledged = self.rts_seen = False
        self._cts_count = self._packets = self._last = 0
        self._parts: dict[int, bytes] = {}
        self._again: set[int] = set()  # Packets that are here and that a CTS asked for once more.

    @property
    def whole(self) -> bool:
        """Whether every packet was seen."""
        return self.size > 0 and len(self._parts) >= packets_of(self.size) and not self.missing()

    def missing(self) -> tuple[int, ...]:
        """The numbers of the packets that were not seen."""
        parts = self._parts
        if not self.size:
            return tuple(sequence for sequence in range(1, max(parts, default=0)) if sequence not in parts)
        count = packets_of(self.size)
        tail = self.size - PER_PACKET * (count - 1)
        needed = {count: tail}
        return tuple(n for n in range(1, count + 1) if len(parts.get(n, b"")) < needed.get(n, PER_PACKET))

    def fits(self, answer: bytes) -> bool:
        """Whether the CTS or acknowledgement *answer* can belong to this transfer."""
        if self.pgn not in (UNKNOWN_PGN, control.pgn_of(answer)):
            return False
        begins_anew = answer[0] == control.CTS and answer[1] > 0 and answer[2] == 1
        return not (begins_anew and self.whole)

    def cleared(self, *, count: int, first: int) -> None:
        """A CTS for *count* packets from *first* on: those that are here may come once more."""
        self._cts_count += 1
        self._again |= self._parts.keys() & range(first, first + count)

    def restarts(self, data: bytes) -> bool:
        """Whether the TP.DT bytes *data* belong to another transfer: their number was here and nobody asked for it again.

        A frame that was sent or recorded twice in a row, with the same bytes, is of this one.
        """
        sequence = data[0]
        known = self._parts.get(sequence)
        if known is None:
            return False
        return known != data[1:CM_BYTES] or not (sequence in self._again or sequence == self._last)

    def packet(self, data: bytes, now: int) -> bool:
        """Keep the TP.DT bytes *data*; false if their number is beyond the announced count."""
        sequence = data[0]
        if self.size and sequence > packets_of(self.size):
            return False
        self.ended = now
        self._packets += 1
        self._parts[sequence] = data[1:CM_BYTES]
        self._again.discard(sequence)
        self._last = sequence
        return True

    def account(self, cause: Cause, reason: int | None, aborted_by: int | None) -> Transfer:
        """What was seen; *cause* is why it ended if it is not whole."""
        whole = self.whole
        return Transfer(
            pgn=self.pgn,
            source=self.pair[0],
            destination=self.pair[1],
            size=self.size,
            payload=self._payload() if whole else None,
            cause=None if whole else cause,
            missing=() if whole else self.missing(),
            began_us=self.began,
            ended_us=self.ended,
            packets=self._packets,
            cts_count=self._cts_count,
            acknowledged=self.acknowledged,
            rts_seen=self.rts_seen,
            reason=reason,
            aborted_by=aborted_by,
        )

    def _payload(self) -> bytes:
        return b"".join([self._parts[n] for n in range(1, packets_of(self.size) + 1)])[: self.size]
