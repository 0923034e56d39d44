"""One side of a recorded conversation, spoken again on a bus in virtual time."""

from collections.abc import Sequence
from dataclasses import dataclass

from firmware_model.clock import NEVER
from firmware_model.wires.can_bus import CanBus
from firmware_model.wires.can_frame import IFS_BITS, frame_bits
from firmware_model.wires.can_port import Port
from protocols.core.frame import Frame


@dataclass(frozen=True, slots=True)
class Cue:
    """Something the other side said at *at_us* in the recording: frame *frame* and those after it wait until it is said again."""

    at_us: int
    frame: int
    what: tuple[int, ...]


class Player:
    """Sends recorded frames through *port* at the moments they had, a part of the clock.

    *frames* are (time of the last bit, frame) in time order, in µs of the run. *cues* are what the other side said in between, in
    order: while the other side, live now, has not come to a cue, everything recorded after it waits; then it keeps its distance
    from the cue. A live side that says the same at the same moments is answered at the same moments.
    """

    def __init__(self, bus: CanBus, port: Port, frames: Sequence[tuple[int, Frame]], cues: Sequence[Cue] = ()) -> None:
        self._bus, self._port = bus, port
        self._frames = [(at_us - (frame_bits(frame) - IFS_BITS) * bus.bit_us, frame) for at_us, frame in frames]
        self._cues = list(cues)
        self._next = self._heard = 0
        self._shift_us = 0
        self.refused = 0
        """Frames that could not be sent, for want of supply or of a free mailbox."""
        self.due = NEVER
        self._plan(0)

    @property
    def done(self) -> bool:
        """Whether everything was sent."""
        return self._next == len(self._frames)

    @property
    def waits_for(self) -> Cue | None:
        """The cue that the next frame waits for, if it does."""
        if self.done or self._heard == len(self._cues):
            return None
        cue = self._cues[self._heard]
        return cue if self._next >= cue.frame else None

    def hear(self, what: tuple[int, ...], now: int) -> None:
        """The live side said *what*; *now* is its last bit."""
        places = range(self._heard, len(self._cues))
        found = next((at for at in places if self._cues[at].what == what), None)
        if found is not None:
            self._shift_us = now - self._cues[found].at_us
            self._heard = found + 1
            self._plan(now)

    def tick(self, now: int) -> None:
        """Send what is due at *now*."""
        while self.due <= now:
            self.refused += not self._port.send(self._frames[self._next][1], now)
            self._next += 1
            self._plan(now)

    def _plan(self, now: int) -> None:
        if self.done or self.waits_for is not None:
            self.due = NEVER
        else:
            self.due = max(self._frames[self._next][0] + self._shift_us, now)
