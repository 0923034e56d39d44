"""A node's CAN controller as the bus sees it: transmit mailboxes, error counters, whether it is plugged in and has supply."""

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from typing import Protocol

from firmware_model.wires.can_errors import ErrorCounters, ErrorState
from firmware_model.wires.can_frame import shape
from protocols.core.frame import Frame

Receive = Callable[[Frame, int], None]
OnState = Callable[[ErrorState, int], None]
Waiting = tuple[int, int, Frame, int]
"""A frame in a transmit mailbox: (rank, number, frame, bits). Its order is the order of sending; a plain tuple for speed."""


class Wire(Protocol):
    """What a port needs of its bus."""

    joinable_until: int
    """Until then (µs) a new frame may still change who transmits next."""

    def plan(self, now: int) -> None:
        """A frame came up while that was open."""
        ...

    def left(self, port: "Port", now: int) -> None:
        """*port* is off the wire."""
        ...

    def joined(self, port: "Port", now: int) -> None:
        """*port* is on the wire again."""
        ...

    def recovering(self, port: "Port", now: int) -> None:
        """*port* begins to count its way out of bus-off."""
        ...


class Port:
    """A node on a bus, made by `CanBus.attach`.

    The mailboxes send the lowest identifier first, equal ones in the order they came. `box`, `ready_at`, `sequences` and
    `quiet_since` are the bus's own notes.
    """

    __slots__ = (
        "auto_recover",
        "box",
        "bus",
        "connected",
        "depth",
        "errors",
        "name",
        "number",
        "on_sent",
        "on_state",
        "powered",
        "quiet_since",
        "ready_at",
        "receive",
        "refused",
        "sent",
        "sequences",
        "told",
    )

    def __init__(
        self, bus: Wire, name: str, receive: Receive, *, depth: int, on_sent: Receive | None, auto_recover: bool
    ) -> None:
        self.name = name
        self.connected = True
        """Whether the cable is plugged in. Changed by `attach` and `detach` only."""
        self.powered = True
        """Whether the controller has supply. Changed by `power_up` and `power_down` only."""
        self.errors = ErrorCounters()
        self.sent = 0
        """Frames transmitted and acknowledged."""
        self.refused = 0
        """Frames not taken because every mailbox was full or the controller was off."""
        self.receive = receive
        self.on_sent = on_sent
        self.on_state: OnState | None = None
        """Told each new error state and when it began, as by the controller's error interrupt."""
        self.told = ErrorState.ERROR_ACTIVE
        self.auto_recover = auto_recover
        self.bus = bus
        self.depth = depth
        self.box: list[Waiting] = []
        self.number = 0
        self.ready_at = 0  # no start of frame before: suspended, or not yet integrated
        self.sequences = 0  # of recessive bits, still to be seen before bus-off ends; 0 while nobody counts
        self.quiet_since = 0  # since when they are counted

    @property
    def tec(self) -> int:
        return self.errors.tec

    @property
    def rec(self) -> int:
        return self.errors.rec

    @property
    def state(self) -> ErrorState:
        return self.errors.state

    @property
    def online(self) -> bool:
        """Whether the node hears and acknowledges."""
        return self.connected and self.powered and not self.errors.bus_off

    @property
    def pending(self) -> int:
        """Frames that wait for transmission, the one on the wire included."""
        return len(self.box)

    @property
    def room(self) -> int:
        """Free transmit mailboxes."""
        return self.depth - len(self.box)

    def send(self, frame: Frame, now: int) -> bool:
        """Put *frame* into a mailbox at *now* (µs). False: none is free or the controller has no supply; the frame is not taken.

        Raises LocalError for a frame that CAN 2.0 does not have. A node that is unplugged or bus-off keeps its frames.
        """
        box = self.box
        rank, bits, _ = shape(frame)
        if len(box) >= self.depth or not self.powered:
            self.refused += 1
            return False
        self.number = number = self.number + 1
        entry = (rank, number, frame, bits)
        heappush(box, entry)
        if now < self.bus.joinable_until and box[0] is entry:
            self.bus.plan(now)
        return True

    def gone(self, entry: Waiting) -> None:
        """*entry* was transmitted, says the bus. It is not there any more if the controller was restarted behind the last bit."""
        box = self.box
        if box and box[0] is entry:
            heappop(box)
        elif entry in box:
            # A more urgent frame came in while it was on the wire.
            box.remove(entry)
            heapify(box)
        else:
            return
        self.sent += 1

    def detach(self, now: int) -> None:
        """Unplug the cable: the node neither hears nor acknowledges, and what it was sending breaks off."""
        self.connected = False
        self.bus.left(self, now)

    def attach(self, now: int) -> None:
        """Plug the cable in again; the node takes part after eleven recessive bits."""
        if not self.connected:
            self.connected = True
            self.bus.joined(self, now)

    def power_down(self, now: int) -> None:
        """Take the supply away: mailboxes and error counters are lost."""
        self.powered = False
        self._wipe(now)

    def power_up(self, now: int) -> None:
        """Give supply again; the node takes part after eleven recessive bits."""
        if not self.powered:
            self.powered = True
            self.bus.joined(self, now)

    def reset(self, now: int) -> None:
        """Restart the controller, as a host may at any time: mailboxes and counters are cleared."""
        self._wipe(now)
        self.bus.joined(self, now)

    def announce(self, now: int) -> None:
        """Tell the host if the error state is another than it knows (for the bus)."""
        state = self.errors.state
        if state is not self.told:
            self.told = state
            if self.on_state is not None:
                self.on_state(state, now)

    def abort(self) -> None:
        """Empty the mailboxes of a node that is bus-off: what it had to say is out of date when it comes back."""
        if self.errors.bus_off:
            self.box.clear()

    def recover(self, now: int) -> None:
        """Leave bus-off after 128 times eleven recessive bits from *now*; for nodes attached without *auto_recover*."""
        if self.errors.bus_off and not self.sequences:
            self.bus.recovering(self, now)

    def _wipe(self, now: int) -> None:
        self.bus.left(self, now)
        self.box.clear()
        self.errors.clear()
        self.sequences = 0
        self.announce(now)
