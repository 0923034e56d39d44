"""A CAN bus in virtual time: exact frame lengths, arbitration by identifier, acknowledgement, errors, bus-off (ISO 11898-1).

The bus is a part of the clock: one tick per frame, at its last bit. What takes part in an arbitration is settled lazily, by the
sends themselves, until the first bit of the frame has passed; that spares a tick, and makes the order in which nodes are stepped
at one moment irrelevant. Errors are worked out in :mod:`firmware_model.wires.can_errors`, and cost nothing while there are none.
"""

from collections.abc import Callable, Sequence
from heapq import heappop

from firmware_model.clock import NEVER
from firmware_model.wires.can_errors import (
    OFF_SEQUENCE_BITS,
    OFF_SEQUENCES,
    SUSPEND_BITS,
    Attempt,
    BusError,
    Corruption,
    Verdict,
    collided,
    judge,
    unacknowledged,
    vanished,
)
from firmware_model.wires.can_frame import IFS_BITS
from firmware_model.wires.can_port import Port, Receive, Waiting
from protocols.core.errors import LocalError
from protocols.core.frame import Frame

Tap = Callable[[int, Frame, str], None]
ErrorTap = Callable[[int, BusError], None]
Corruptor = Callable[[Frame, str, int], Corruption | None]

Claim = tuple[Port, Waiting]
"""A port and the frame of its mailboxes that it has on the wire."""

JOIN_BITS = OFF_SEQUENCE_BITS
"""A node that comes onto the wire listens for so many recessive bits before it takes part."""


class CanBus:
    """One segment of CAN at *bitrate* (bit/s; a bit must last a whole number of µs). A part of the clock."""

    def __init__(self, bitrate: int = 250_000) -> None:
        if bitrate <= 0 or 1_000_000 % bitrate:
            raise LocalError(f"bitrate {bitrate}: 1000000 must be a multiple of it (125000, 250000, 500000, 1000000, ...)")
        self.bitrate = bitrate
        self.bit_us = 1_000_000 // bitrate
        self.due = NEVER
        self.joinable_until = NEVER
        """Until then a send may still change who transmits next (for `Port.send`)."""
        self.frames = 0
        """Good frames."""
        self.error_frames = 0
        self.corruptor: Corruptor | None = None
        """Asked once per transmission attempt (frame, sender's name, start of frame) what happens to it; None costs nothing."""
        self._ports: list[Port] = []
        self._online: tuple[Port, ...] = ()
        self._taps: tuple[Tap, ...] = ()
        self._error_taps: tuple[ErrorTap, ...] = ()
        self._step: Callable[[int], None] | None = None  # what is done at `due`; None: the end of a frame nothing disturbed
        self._sender: Port | None = None
        self._entry: Waiting | None = None
        self._verdict: Verdict | None = None
        self._twins: Sequence[Claim] = ()  # others that send the same identifier in this arbitration
        self._start = 0
        self._free_at = 0
        self._ifs_us = IFS_BITS * self.bit_us
        self._busy_us = 0
        self._troubled = False  # some counter is not zero, somebody is bus-off or waits to be let in

    # --- for everybody -------------------------------------------------------------------------------------------------------

    def attach(
        self,
        name: str,
        receive: Receive,
        *,
        tx_depth: int = 32,
        on_sent: Receive | None = None,
        auto_recover: bool = True,
    ) -> Port:
        """A node on this bus. *receive* gets every good frame of the others at its last bit, *on_sent* the node's own ones.

        *tx_depth* is the number of transmit mailboxes; *auto_recover* whether the node leaves bus-off without its host's order.
        """
        if tx_depth < 1 or any(port.name == name for port in self._ports):
            raise LocalError(f"node {name!r} with {tx_depth} mailboxes: names are unique, and there is at least one mailbox")
        port = Port(self, name, receive, depth=tx_depth, on_sent=on_sent, auto_recover=auto_recover)
        self._ports.append(port)
        if self._sender is None:
            self._online = (*self._online, port)
        else:
            self._troubled = True  # let in at the end of the frame on the wire
        return port

    def tap(self, callback: Tap) -> None:
        """Call *callback* (now, frame, sender's name) for each good frame, before its receivers get it."""
        self._taps = (*self._taps, callback)

    def tap_errors(self, callback: ErrorTap) -> None:
        """Call *callback* (now, error) for each transmission that failed."""
        self._error_taps = (*self._error_taps, callback)

    def busy_us(self, now: int) -> int:
        """How long the bus was occupied until *now* (µs): frames, error frames and the intermissions after them."""
        if self._sender is not None and now > self._start:
            return self._busy_us + now - self._start
        return self._busy_us - max(0, self._free_at - now)

    def load(self, now: int) -> float:
        """Share of the time from 0 to *now* in which the bus was occupied, 0 to 1."""
        return self.busy_us(now) / now if now > 0 else 0.0

    def tick(self, now: int) -> None:
        """Let end what ends by *now*."""
        while (due := self.due) <= now:
            (self._step or self._complete)(due)

    # --- arbitration ---------------------------------------------------------------------------------------------------------

    def plan(self, now: int) -> None:
        """Choose who sends next, and when its frame starts and ends.

        Called whenever a frame comes up while the choice is open: a node that has a frame before the first bit has passed takes
        that bit for its own start of frame and takes part (ISO 11898-1). Called for every frame, therefore flat; mostly one node
        or none has something to send.
        """
        sender: Port | None = None
        rivals = False
        for port in self._online:
            if port.box:
                if sender is not None:
                    rivals = True
                    break
                sender = port
        if sender is None:
            self._sender = None
            self._start = self.joinable_until = self.due = NEVER
            if self._troubled:
                self._await_recovery(now)
            return
        start = self._start
        if self._sender is None or start > now:
            start = min(port.ready_at for port in self._online if port.box) if rivals else sender.ready_at
            soonest = self._free_at if self._free_at > now else now
            if start < soonest:
                start = soonest
        self.joinable_until = limit = start + self.bit_us
        twins: Sequence[Claim] = ()
        if rivals:
            sender, twins = _arbitrate([port for port in self._online if port.box], limit)
        entry = sender.box[0]
        self._sender, self._entry, self._twins, self._start = sender, entry, twins, start
        if self.corruptor is None and not twins:
            self._step = None
            self.due = start + (entry[3] - IFS_BITS) * self.bit_us
        else:
            self._step = self._inspect
            self.due = limit
        if self._troubled:
            self._await_recovery(now)

    # --- the end of a transmission -------------------------------------------------------------------------------------------

    def _complete(self, now: int) -> None:
        """The last bit of a frame that nothing disturbed: hand it out, then look who is next."""
        sender, entry, online = self._sender, self._entry, self._online
        assert sender is not None and entry is not None
        if len(online) < 2:
            self._verdict = unacknowledged(self._attempt())
            self._settle(now)
            return
        if sender.box[0] is entry:
            heappop(sender.box)
            sender.sent += 1
        else:
            sender.gone(entry)
        frame = entry[2]
        self.frames += 1
        self._busy_us += entry[3] * self.bit_us
        self._free_at = now + self._ifs_us
        if self._troubled:
            for port in online:
                if port is not sender:
                    port.errors.received()
            sender.errors.sent()
            self._regroup((sender,), now)
        self._sender = None
        self.joinable_until = 0  # what receivers send now is planned below, all of it together
        for tap in self._taps:
            tap(now, frame, sender.name)
        for port in online:
            if port is not sender:
                port.receive(frame, now)
        if sender.on_sent is not None:
            sender.on_sent(frame, now)
        if self._troubled:
            self.plan(now)
            return
        for port in self._online:
            if port.box:
                self.plan(now)
                return
        self._start = self.joinable_until = self.due = NEVER  # what `plan` does when nobody has anything to send

    def _inspect(self, now: int) -> None:
        """The start of frame is over, so that the senders are settled: ask what happens to this attempt."""
        sender, entry = self._sender, self._entry
        assert sender is not None and entry is not None
        asked = self.corruptor(entry[2], sender.name, self._start) if self.corruptor is not None else None
        rivals = [twin[2] for _, twin in self._twins if twin[2] != entry[2]]
        if asked is None and not self._twins:
            self._step = None
            self.due = self._start + (entry[3] - IFS_BITS) * self.bit_us
            return
        attempt = self._attempt()
        self._conclude(collided(attempt, rivals[0]) if rivals else judge(attempt, asked or Corruption()), attempt)

    def _conclude(self, verdict: Verdict, attempt: Attempt) -> None:
        """Wait for the end of the frame, or for the bit after which its error frame begins if nobody takes it."""
        last = attempt.end if verdict.error is None or verdict.accepted else min(attempt.end, verdict.error.bit + 1)
        self._verdict = verdict
        self._step = self._settle
        self.due = self._start + last * self.bit_us

    def _settle(self, now: int) -> None:
        """An attempt with an outcome of its own is over: count, report, hand out to those who took the frame."""
        sender, entry, verdict = self._sender, self._entry, self._verdict
        assert sender is not None and entry is not None and verdict is not None
        claims, good = ((sender, entry), *self._twins), verdict.error is None
        takers = [port for port in self._online if port.name in verdict.accepted]
        self._busy_us += verdict.free * self.bit_us
        self._free_at = self._start + verdict.free * self.bit_us
        self._count(verdict, claims, takers)
        self._regroup([port for port, _ in claims], now)
        self._sender = None
        self.joinable_until = 0
        self._report(now, verdict, entry[2], sender.name)
        for port in takers:
            port.receive(entry[2], now)
        for port, _ in claims:
            if good and port.on_sent is not None:
                port.on_sent(entry[2], now)
        self.plan(now)

    def _report(self, now: int, verdict: Verdict, frame: Frame, sender: str) -> None:
        if verdict.error is None:
            self.frames += 1
            for tap in self._taps:
                tap(now, frame, sender)
            return
        self.error_frames += 1
        for error_tap in self._error_taps:
            error_tap(now, verdict.error)

    def _count(self, verdict: Verdict, claims: Sequence[Claim], takers: list[Port]) -> None:
        for port, entry in claims:
            if verdict.error is None:
                port.gone(entry)
                port.errors.sent()
            elif port in self._online:
                port.errors.add(tec=verdict.tec)
        rec = dict(verdict.rec)
        for port in self._online:
            port.errors.add(rec=rec.get(port.name, 0))
        for port in takers:
            if port.name not in rec:
                port.errors.received()

    def _attempt(self) -> Attempt:
        """The transmission on the wire in the terms of the error rules."""
        assert self._sender is not None and self._entry is not None
        senders = [self._sender, *(port for port, _ in self._twins)]
        receivers = tuple(port.name for port in self._online if port not in senders)
        passive = frozenset(port.name for port in self._ports if port.errors.passive)
        return Attempt(self._entry[2], self._sender.name, receivers, passive)

    # --- nodes come and go ---------------------------------------------------------------------------------------------------

    def left(self, port: Port, now: int) -> None:
        """*port* is off the wire (for `Port`). What it was sending breaks off; behind the acknowledge slot it counts as sent."""
        self._online = tuple(other for other in self._online if other is not port)
        if self._sender is None or (port is not self._sender and all(port is not twin for twin, _ in self._twins)):
            return
        if now < self.joinable_until:
            self._online = tuple(other for other in self._present() if other is not port)
            self._sender = None
            self.plan(now)
            return
        attempt = self._attempt()
        bit = (now - self._start) // self.bit_us
        if bit < attempt.end - 8:
            self._conclude(vanished(attempt, bit), attempt)
            self.due = max(self.due, now)
        elif self._step is None:
            self._conclude(attempt.good(), attempt)

    def joined(self, port: Port, now: int) -> None:
        """*port* is on the wire (for `Port`); a frame that is already there passes it by."""
        port.ready_at = now + JOIN_BITS * self.bit_us
        if self._sender is not None and self._start <= now:
            self._troubled = True
            return
        self._online = self._present()
        self.plan(now)

    def recovering(self, port: Port, now: int) -> None:
        """*port* begins to count recessive bits (for `Port`)."""
        port.sequences, port.quiet_since = OFF_SEQUENCES, now
        self._troubled = True
        self._await_recovery(now)

    def _present(self) -> tuple[Port, ...]:
        return tuple(port for port in self._ports if port.online)

    def _regroup(self, senders: Sequence[Port], now: int) -> None:
        """After each transmission while not all is well: who is suspended, who is bus-off, who is let in."""
        # The end of a frame, as that of an error frame, is eleven recessive bits.
        quiet_since = self._free_at - OFF_SEQUENCE_BITS * self.bit_us
        for port in senders:
            if port.errors.passive:
                port.ready_at = self._free_at + SUSPEND_BITS * self.bit_us
        for port in self._ports:
            if port.sequences:
                seen = max(0, self._start - port.quiet_since) // (OFF_SEQUENCE_BITS * self.bit_us)
                port.sequences = max(1, port.sequences - seen)
                port.quiet_since = quiet_since
            elif port.errors.bus_off and port.auto_recover and port in self._online:
                port.sequences, port.quiet_since = OFF_SEQUENCES, quiet_since
            port.announce(now)
        self._online = self._present()
        self._troubled = any(port.errors.bus_off or not port.errors.clean for port in self._ports)

    def _await_recovery(self, now: int) -> None:
        """Wake up when a node has counted its way out of bus-off, if no start of frame comes before."""
        for port in self._ports:
            if port.sequences:
                back = port.quiet_since + port.sequences * OFF_SEQUENCE_BITS * self.bit_us
                if back <= self._start and back < self.due:
                    self.due = max(back, now)
                    self._step = self._readmit

    def _readmit(self, now: int) -> None:
        for port in self._ports:
            if port.sequences and port.quiet_since + port.sequences * OFF_SEQUENCE_BITS * self.bit_us <= now:
                port.sequences = 0
                port.errors.clear()
                port.announce(now)
        self._online = self._present()
        self.plan(now)


def _arbitrate(waiting: Sequence[Port], limit: int) -> tuple[Port, Sequence[Claim]]:
    """Of the ports that can start before *limit*, the one with the lowest identifier, and others that send the same one."""
    lowest, winner = NEVER, waiting[0]
    twins: list[Claim] = []
    for port in waiting:
        if port.ready_at < limit:
            rank = port.box[0][0]
            if rank < lowest:
                lowest, winner, twins = rank, port, []
            elif rank == lowest:
                twins.append((port, port.box[0]))
    return winner, twins
