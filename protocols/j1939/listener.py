"""Reassembly of transport protocol transfers by a third party, for recordings and monitors."""

from collections.abc import Sequence

from protocols.core.frame import Frame
from protocols.j1939 import control
from protocols.j1939.control import CM_BYTES, CM_PGN, DT_PGN
from protocols.j1939.identifier import GLOBAL
from protocols.j1939.watched import UNKNOWN_PGN, Cause, Transfer, Watched

PAIRS_MAX = 256
"""Pairs of addresses that are followed at once; random traffic must not fill the memory."""

_CM, _DT = CM_PGN >> 8, DT_PGN >> 8

_KINDS = {
    control.RTS: "rts",
    control.CTS: "cts",
    control.EOMA: "eoma",
    control.ABORT: "abort",
    control.BAM: "bam",
}


class Listener:
    """Follows every transfer on a bus, both sides of it, and never says anything.

    Built for what recordings hold: beginnings, packets and acknowledgements that are not there, foreign traffic in
    between, stamps that stand still or run backward. It goes by the order of the frames; stamps are only passed on.
    A payload is reported only if each of its packets was seen.

    A transfer is reported when its acknowledgement or an Abort comes; failing that, when the pair's next transfer begins
    or the recording ends. No timeout cuts it short, since stamps cannot be trusted to measure one.
    """

    def __init__(self) -> None:
        self.counts = dict.fromkeys(("rts", "cts", "eoma", "abort", "bam", "dt", "malformed"), 0)
        """Frames seen of each kind; *malformed* are those of no kind, or not followed because of their contents."""
        self._open: dict[tuple[int, int], Watched] = {}
        self._events: list[Transfer] = []

    def receive(self, frame: Frame, now: int) -> None:
        """Take in a frame of the bus, stamped *now* (µs)."""
        can_id, data, extended = frame
        pdu_format = can_id >> 16 & 0x3FF
        if pdu_format == _DT and extended:
            self._packet(can_id & 0xFF, can_id >> 8 & 0xFF, data, now)
        elif pdu_format == _CM and extended:
            self._control(can_id & 0xFF, can_id >> 8 & 0xFF, data, now)

    def finish(self) -> None:
        """The recording is over: report what is still open."""
        for pair in list(self._open):
            self._close(pair, Cause.OPEN)

    def events(self) -> Sequence[Transfer]:
        """The transfers that ended since the last call, in order of their ends; each is handed out once."""
        if not self._events:
            return ()
        taken, self._events = self._events, []
        return taken

    def _packet(self, source: int, destination: int, data: bytes, now: int) -> None:
        if not data or data[0] == 0:
            self.counts["malformed"] += 1
            return
        self.counts["dt"] += 1
        pair = source, destination
        watched = self._open.get(pair) or self._watch(pair, now)
        if watched is not None and watched.restarts(data):
            self._close(pair, Cause.RESTARTED)
            watched = self._watch(pair, now)
        if watched is None:
            return
        if not watched.packet(data, now):
            self.counts["malformed"] += 1
        elif destination == GLOBAL and watched.whole:
            self._close(pair, Cause.MISSING)

    def _control(self, source: int, destination: int, data: bytes, now: int) -> None:
        kind = _KINDS.get(data[0]) if len(data) == CM_BYTES else None
        if kind is None:
            self.counts["malformed"] += 1
            return
        self.counts[kind] += 1
        if kind == "rts" or kind == "bam":
            self._announced((source, destination), data, now)
        elif kind == "abort":
            self._aborted(source, destination, data, now)
        else:
            self._answered((destination, source), data, now)

    def _announced(self, pair: tuple[int, int], data: bytes, now: int) -> None:
        """An RTS or BAM replaces what was open between the two."""
        if not control.consistent(data) or (data[0] == control.BAM) != (pair[1] == GLOBAL):
            self.counts["malformed"] += 1
            return
        self._close(pair, Cause.REPLACED)
        watched = self._watch(pair, now)
        if watched is not None:
            watched.pgn, watched.size, watched.rts_seen = control.pgn_of(data), control.size_of(data), True

    def _answered(self, pair: tuple[int, int], data: bytes, now: int) -> None:
        """A CTS or an acknowledgement. It may tell the PGN and the size of a transfer whose RTS is not there."""
        watched = self._open.get(pair)
        if watched is not None and not watched.fits(data):
            self._close(pair, Cause.RESTARTED)
            watched = None
        watched = watched or self._watch(pair, now)
        if watched is None:
            return
        watched.pgn, watched.ended = control.pgn_of(data), now
        if data[0] == control.CTS:
            watched.cleared(count=data[1], first=data[2])
            return
        watched.acknowledged = True
        if watched.size == 0 and control.consistent(data):
            watched.size = control.size_of(data)
        self._close(pair, Cause.MISSING)

    def _aborted(self, source: int, destination: int, data: bytes, now: int) -> None:
        """An Abort of either side; it does not say whose transfer it means, so it may end both."""
        for pair in ((source, destination), (destination, source)):
            watched = self._open.get(pair)
            if watched is not None and watched.pgn in (UNKNOWN_PGN, control.pgn_of(data)):
                watched.ended = now
                self._close(pair, Cause.ABORTED, reason=data[1], by=source)

    def _watch(self, pair: tuple[int, int], now: int) -> Watched | None:
        if len(self._open) >= PAIRS_MAX:
            self.counts["malformed"] += 1
            return None
        watched = self._open[pair] = Watched(pair, now)
        return watched

    def _close(self, pair: tuple[int, int], cause: Cause, *, reason: int | None = None, by: int | None = None) -> None:
        watched = self._open.pop(pair, None)
        if watched is not None:
            self._events.append(watched.account(cause, reason, by))
