"""A bench whose one side is real: what ours says goes out on a link, what comes in is heard as the other side's.

Both ways go past the model's bus, which would take the time of each frame a second time; it only carries a copy, for the trace
and for the model of the other side.

The other side's hardware (contactors, battery or power stage, lock) stays our model's: it follows its own firmware, which hears
everything and is not heard. Without a power link to the real device this is the only voltage and current there is.
"""

from collections.abc import Callable
from typing import Final

from firmware_model.bench import Bench
from hil.links.link import Link
from hil.live.pacer import Pacer
from hil.sides import ADDRESSES, OTHER, nothing, port_of, silence
from protocols.core.frame import Frame

SLICE_US: Final = 500_000
"""How often whoever looks on is told, and the log is written."""


class Gateway:
    """*bench* with *side* ("pile" or "vehicle") played by us and the other one behind *link*. Not *armed*: nothing is sent."""

    def __init__(
        self, bench: Bench, side: str, link: Link, *, armed: bool, spin_us: int = 0, pulse: Callable[[], None] | None = None
    ) -> None:
        self.bench, self.side, self.armed = bench, side, armed
        self._our_port, self._their_port = port_of(bench, side), silence(bench, OTHER[side])
        self._hear, self._our_port.receive = self._our_port.receive, nothing
        self._their_address = ADDRESSES[OTHER[side]]
        self._foreign = bench.bus.attach("wire", nothing)
        self.kept_back = 0
        """Frames that we would have sent if we were armed."""
        (bench.vehicle if side == "vehicle" else bench.pile).say = self._out
        self.pacer = Pacer(bench.clock, link, self._in, spin_us=spin_us, pulse=pulse)

    def run(self, until: int) -> bool:
        """Live up to *until* (µs) of the bench's time, or to the end of the charge; whether that came. Raises `LinkLost`."""
        clock = self.bench.clock
        calm_us = 0
        while clock.now < until:
            begin = clock.now
            self.pacer.run(min(until, begin + SLICE_US))
            calm_us = calm_us + clock.now - begin if self.bench.at_rest else 0
            if calm_us >= 2 * SLICE_US:
                return True
        return False

    def stop(self) -> None:
        """End the charge in order: BST or CST, as the driver or the operator would."""
        now = self.bench.clock.now
        if self.side == "vehicle":
            self.bench.vehicle.stop(now)
        else:
            self.bench.pile.stop_pressed = True
            self.bench.pile.poke(now)

    def _out(self, frame: Frame, now: int) -> None:
        if not self._our_port.online:
            return
        self._our_port.send(frame, now)
        if self.armed:
            self.pacer.send(frame, now)
        else:
            self.kept_back += 1

    def _in(self, frame: Frame, now: int) -> None:
        theirs = frame.extended and frame.can_id & 0xFF == self._their_address
        (self._their_port if theirs else self._foreign).send(frame, now)
        if self._our_port.online:
            self._hear(frame, now)
