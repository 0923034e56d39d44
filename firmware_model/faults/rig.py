"""The seams of one bench at which faults are applied. Each is put in when the first fault needs it, none without faults."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from numpy.random import Generator

from firmware_model.clock import Clock
from firmware_model.faults.place import Places
from firmware_model.faults.selector import sender_of
from firmware_model.pile import Pile
from firmware_model.trace import Trace
from firmware_model.vehicle import Vehicle
from firmware_model.wires.can_bus import CanBus
from firmware_model.wires.can_errors import Corruption, together
from firmware_model.wires.can_port import Port
from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.gbt27930.editions import Edition

if TYPE_CHECKING:
    from firmware_model.bench import Bench

Change = Callable[[Frame, int], Sequence[Frame]]
"""What becomes of a frame that a host sends at a time (µs): none, one or more frames."""
Disturb = Callable[[Frame, str, int], Corruption | None]
Look = Callable[[int], bool]
"""Asked after each step of the plant whether a fault makes a difference now."""
Say = Callable[[Frame, int], object]


class Outlet:
    """Stands between a host and its port: what the host sends passes the changes in force, in the order they came."""

    def __init__(self, say: Say) -> None:
        self.say = say
        """The port itself, behind all changes."""
        self.changes: list[Change] = []

    def __call__(self, frame: Frame, now: int) -> None:
        frames: Sequence[Frame] = (frame,)
        for change in tuple(self.changes):
            frames = [out for one in frames for out in change(one, now)]
        for out in frames:
            self.say(out, now)


class Rig:
    """The bench's parts as faults reach them."""

    def __init__(self, bench: "Bench") -> None:
        self.clock: Clock = bench.clock
        self.bus: CanBus = bench.bus
        self.trace: Trace = bench.trace
        self.pile: Pile = bench.pile
        self.vehicle: Vehicle = bench.vehicle
        self.vehicle_address = bench.vehicle.session.habits.address
        """The vehicle's node on the bus."""
        self.bench = bench
        self.layouts = _layouts(bench.editions)
        """The messages by name, each as its sender's edition has it."""
        self.places: Places | None = None
        """What `catalogue.places_of` has found."""
        self._outlets: dict[str, Outlet] = {}
        self._disturbs: list[Disturb] = []
        self._looks: list[Look] = []
        self._looking = False
        self._intruders = 0

    def draw(self, path: str) -> Generator:
        """The generator of a fault, by the seed of the run and *path*."""
        return self.bench.draw(path)

    # ---- wire --------------------------------------------------------------------------------------------------------

    def outlet(self, host: str) -> Outlet:
        """Where the frames of *host* ("pile" or "vehicle") come out."""
        if host not in self._outlets:
            speaker = self.pile if host == "pile" else self.vehicle
            speaker.say = self._outlets[host] = Outlet(speaker.say)
        return self._outlets[host]

    def disturb(self, how: Disturb) -> Callable[[], None]:
        """Ask *how* for each transmission attempt what happens to it; the call returned ends that."""
        self._disturbs.append(how)
        self.bus.corruptor = together(*self._disturbs)

        def end() -> None:
            self._disturbs.remove(how)
            self.bus.corruptor = together(*self._disturbs) if self._disturbs else None

        return end

    def intrude(self) -> Port:
        """Another node on the bus."""
        self._intruders += 1
        return self.bus.attach(f"intruder {self._intruders}", lambda _frame, _now: None)

    # ---- plant -------------------------------------------------------------------------------------------------------

    def watch(self, look: Look) -> None:
        """Call *look* after each step of the plant until it is true."""
        if not self._looking:
            self._looking = True
            before = self.pile.observe

            def observe(now: int) -> None:
                if before is not None:
                    before(now)
                if self._looks:
                    self._looks = [look for look in self._looks if not look(now)]

            self.pile.observe = observe
        self._looks.append(look)

    def poke(self, now: int) -> None:
        """Something of the plant is about to change, or just has."""
        self.pile.poke(now)
        self.vehicle.poke(now)


def _layouts(editions: Mapping[str, Edition]) -> Mapping[str, type[Message]]:
    return {
        layout.title: layout
        for host, edition in editions.items()
        for layout in edition.messages.values()
        if layout.pgn is not None and sender_of(layout.title) == host
    }
