"""One pile, one vehicle, the cable between them, in virtual time, with everything recorded.

A bench runs in slices (`run`), so that whoever watches can draw a progress bar; slicing changes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.random import Generator

from firmware_model.battery.demand import Plan
from firmware_model.battery.packs import PACKS, PackType
from firmware_model.circuit import OutputCircuit, make_instruments
from firmware_model.clock import Clock
from firmware_model.faults.fault import Fault
from firmware_model.happenings import Script, Step
from firmware_model.mcu.controller import ChargingController
from firmware_model.mcu.protection import Fault as PileFault
from firmware_model.mcu.sequence import PileState
from firmware_model.mcu.settings import ControllerSettings
from firmware_model.pile import Pile, spans_of
from firmware_model.power.averaged import AveragedStage
from firmware_model.power.quasi_static import QuasiStaticStage, Rating
from firmware_model.recorder import Recorder
from firmware_model.trace import Trace
from firmware_model.vehicle import Owner, Vehicle, identity_of
from firmware_model.wires.can_bus import CanBus
from protocols.core.session import Moved
from protocols.gbt27930.bms_rules import BmsState
from protocols.gbt27930.charger_rules import ChargerState
from protocols.gbt27930.editions import EDITIONS, Edition
from protocols.gbt27930.habits import ChargerHabits, VehicleHabits

if TYPE_CHECKING:
    from firmware_model.faults.engine import Engine

TASK_US: Final = 1_000
REST: Final = frozenset({PileState.IDLE, PileState.FINISHED})
LINGER_US: Final = 2_000_000
"""How long a bench goes on after everything has come to rest."""

WATCHDOG_RESET_US: Final = 500_000
"""How long the watchdog holds the processor in reset."""

LEVELS: Final = ("averaged", "quasi_static", "switching")
"""How finely the power stage is modelled, by name."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PileSetup:
    """The pile to put on the bench. Its rating sets the limits in *settings*."""

    rating: Rating = Rating(modules=2)
    edition: Edition = EDITIONS["2015"]
    habits: ChargerHabits = ChargerHabits()
    settings: ControllerSettings = ControllerSettings()
    temp_degc: float = 25.0
    insulation_plus_ohm: float = 20e6
    insulation_minus_ohm: float = 20e6
    tickless: bool = True
    level: str = "averaged"
    """One of `LEVELS`."""
    exact_sensors: bool = False
    """Its sensors only quantise; else they have gain errors, offsets and noise of their own."""

    def __post_init__(self) -> None:
        if self.level not in LEVELS:
            raise ValueError(f"PileSetup.level = {self.level!r}: one of {', '.join(LEVELS)}")


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleSetup:
    """The vehicle to put on the bench."""

    pack: PackType = PACKS["eu500"]
    edition: Edition = EDITIONS["2015"]
    habits: VehicleHabits = VehicleHabits()
    plan: Plan = Plan()
    owner: Owner = Owner()
    version: int | None = None
    """Protocol version in BRM, as a number of 24 bits; None: that of the edition."""
    soc_pct: float = 20.0
    temp_degc: float = 25.0
    afe: bool = False
    """Its management system measures through a chain of cell-monitoring chips; otherwise it knows the truth."""


class Bench:
    """A pile and a vehicle on one CAN segment. Same setup, same seed: the same frames to the byte."""

    def __init__(
        self,
        pile: PileSetup,
        vehicle: VehicleSetup,
        *,
        seed: int,
        script: Sequence[Step] = (),
        faults: Sequence[Fault] = (),
        bitrate: int = 250_000,
    ) -> None:
        self.seed = seed
        self.clock = Clock()
        self.bus = CanBus(bitrate)
        self.trace = Trace()
        self.bus.tap(self.trace.frame)
        self.pile = self._make_pile(pile)
        self.vehicle = self._make_vehicle(vehicle)
        self.recorder = Recorder(self.trace, self.pile, self.vehicle)
        self.script = Script(self.clock, self.pile, self.vehicle, script)
        self.clock.add(self.bus, *self.pile.parts, self.vehicle)
        self.editions = {"pile": pile.edition, "vehicle": vehicle.edition}
        self.faults = _make_engine(self, faults) if faults else None
        """What goes wrong; None if nothing does."""
        self._rest_since: int | None = None

    @property
    def charger(self) -> ChargingController:
        """The pile's controller."""
        assert isinstance(self.pile.controller, ChargingController)
        return self.pile.controller

    @property
    def at_rest(self) -> bool:
        """Whether pile and vehicle have come to rest and the script is through."""
        pile_rests = self.charger.state in REST or PileFault.PLUG_LIVE in self.charger.faults
        return self.script.done and pile_rests and self.vehicle.session.state in (BmsState.ASLEEP, BmsState.END)

    def run(self, until: int, *, to_the_end: bool = True) -> bool:
        """Let time pass up to *until* (µs), or to the end if that comes first and *to_the_end*; whether it came.

        The end is `LINGER_US` after the pile and the vehicle have come to rest and the script is through.
        """
        clock = self.clock
        while clock.now < until:
            clock.run(min(until, (clock.now // LINGER_US + 1) * LINGER_US))
            if not self.at_rest:
                self._rest_since = None
            elif self._rest_since is None:
                self._rest_since = clock.now
            elif to_the_end:
                return True
        return False

    def restart_pile(self, now: int) -> None:
        """The pile's processor starts anew; of all it knew only the non-volatile memory is left."""
        controller = self.start_firmware(start_us=now)
        self.pile.controller = controller
        self.pile.board.restart(controller, now)
        self.pile.poke(now)

    def draw(self, path: str) -> Generator:
        """The generator of the component at *path*: depends on the seed and the path only, never on the order of calls."""
        return np.random.default_rng([self.seed, *path.encode()])

    # ---- assembly --------------------------------------------------------------------------------------------------

    def _make_pile(self, setup: PileSetup) -> Pile:
        rating = setup.rating
        settings = replace(
            setup.settings,
            voltage_max_v=rating.voltage_max_v,
            voltage_min_v=rating.voltage_min_v,
            current_max_a=rating.current_a,
        )
        stage = _stage_of(setup.level)(rating, rng=self.draw("pile/stage"))
        stage.ambient_degc = setup.temp_degc
        instruments = make_instruments(None if setup.exact_sensors else lambda name: self.draw(f"pile/sensor/{name}"))
        circuit = OutputCircuit(stage, instruments=instruments)
        phase_us = int(self.draw("pile/task").integers(TASK_US))
        self.start_firmware = partial(
            ChargingController,
            settings,
            phase_us=phase_us,
            edition=setup.edition,
            habits=setup.habits,
            spans=spans_of(circuit),
            tickless=setup.tickless,
            record=self._pile_said,
        )
        pile = Pile(circuit, self.bus, controller=self.start_firmware(), phase_us=phase_us)
        pile.board.on_trip = self._tripped
        pile.insulation.set("pile", plus_ohm=setup.insulation_plus_ohm, minus_ohm=setup.insulation_minus_ohm)
        return pile

    def _make_vehicle(self, setup: VehicleSetup) -> Vehicle:
        return Vehicle(
            self.pile,
            self.bus,
            pack=setup.pack,
            soc_pct=setup.soc_pct,
            temp_degc=setup.temp_degc,
            plan=setup.plan,
            owner=setup.owner,
            edition=setup.edition,
            habits=setup.habits,
            identity=replace(identity_of(setup.pack, setup.plan), version=setup.version),
            rng=self.draw("vehicle/pack"),
            afe_seed=int(self.draw("vehicle/afe").integers(1 << 31)) if setup.afe else None,
            record=self._vehicle_said,
        )

    def _tripped(self, now: int) -> None:
        self.clock.at(now + WATCHDOG_RESET_US, self.restart_pile)

    # ---- what the parts report -------------------------------------------------------------------------------------

    def _pile_said(self, _: int, event: Any) -> None:
        now = self.clock.now  # the firmware's own clock may be wrong
        moved = isinstance(event, Moved)
        session = moved and isinstance(event.after, ChargerState)
        self.trace.note(now, "charger" if session or not moved else "pile", (event,))
        if session:
            self.script.reached(event.after.name, now)
            if self.faults is not None:
                self.faults.reached(event.after.name, now)

    def _vehicle_said(self, _: int, events: Sequence[Any]) -> None:
        self.trace.note(self.clock.now, "vehicle", events)


def _stage_of(level: str) -> type[AveragedStage] | type[QuasiStaticStage]:
    """The class of *level*. Edges need circuits, which are loaded only where somebody wants them."""
    if level == "switching":
        from firmware_model.power.switching import SwitchingStage

        return SwitchingStage
    return AveragedStage if level == "averaged" else QuasiStaticStage


def _make_engine(bench: Bench, faults: Sequence[Fault]) -> "Engine":
    """Imported here only: a bench without faults does not load what makes them."""
    from firmware_model.faults.engine import Engine

    return Engine(bench, faults)
