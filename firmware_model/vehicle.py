"""The car: battery, contactors K5/K6, and the control unit that speaks GB/T 27930 for them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

from numpy.random import Generator

from firmware_model.afe.sensing import ChainSensing
from firmware_model.battery.demand import DemandCurve, Plan
from firmware_model.battery.monitor import BatteryMonitor
from firmware_model.battery.pack import Pack
from firmware_model.battery.packs import PACKS, PackType
from firmware_model.cabinet.auxiliary import AuxiliarySupply
from firmware_model.cabinet.inlet import Inlet
from firmware_model.cabinet.insulation import Insulation
from firmware_model.cabinet.pilot import PilotLines
from firmware_model.circuit import OutputCircuit
from firmware_model.clock import NEVER
from firmware_model.wires.can_bus import CanBus
from protocols.core.frame import Frame
from protocols.core.session import Moved
from protocols.gbt27930.bms import BmsSession
from protocols.gbt27930.bms_messages import VehicleIdentity
from protocols.gbt27930.bms_rules import BmsState, BmsStopCause
from protocols.gbt27930.editions import EDITIONS, Edition
from protocols.gbt27930.habits import VehicleHabits
from protocols.gbt27930.messages import CML

S = BmsState
GRID_US: Final = 10_000
"""The control unit's task period: it acts on the hardware on this grid only."""
LOOK_US: Final = {
    S.ASLEEP: 50_000,
    S.AWAKE: 50_000,
    S.PREPARING: GRID_US,
    S.CHARGING: 250_000,
    S.STOPPING: GRID_US,
    S.STOPPED_BY_CHARGER: GRID_US,
    S.STATISTICS: GRID_US,
    S.ERROR: GRID_US,
}
"""How often the control unit looks at its hardware, by state; `OTHERWISE_US` in the others."""
OTHERWISE_US: Final = 100_000
LATE_US: Final = 1_000_000
"""While charging, a look waits for the session's next deadline, but no longer than this."""
LIVE: Final = frozenset({S.PREPARING, S.READY, S.CHARGING})
"""States in which K5/K6 may be closed."""


class Connector(Protocol):
    """The pile's plug, as far as a car can touch it."""

    circuit: OutputCircuit
    pilot: PilotLines
    auxiliary: AuxiliarySupply
    insulation: Insulation

    def poke(self, now: int) -> None:
        """A physical condition is about to change at *now*."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """What the driver set, and the control unit's own limits."""

    soc_target_pct: float = 80.0
    boot_us: int = 200_000
    """From the auxiliary supply to the first reaction on the bus."""
    prepare_us: int = 1_000_000
    """From CML to K5/K6: the vehicle's own checks."""
    contactor_limit_us: int = 300_000
    """From the command to the feedback of K5/K6."""
    aux_least_v: float = 9.0
    cc2_least_v: float = 5.2
    cc2_most_v: float = 6.8
    """Detection point 2 of a connected plug (GB/T 18487.1-2015 annex B: 6 V ± 0.8 V)."""
    dead_inlet_v: float = 60.0
    """Above it, before K5/K6 were commanded, a contact is welded."""
    open_below_a: float = 5.0
    open_after_us: int = 10_000_000
    """K5/K6 open at the latest so long after a stop (GB/T 27930-2015, BST)."""
    open_after_fault_us: int = 300_000
    temp_margin_k: float = 3.0
    """How far above the pack's limit the battery may get before the vehicle stops by itself."""
    cell_margin_v: float = 0.05


SEVERE: Final = frozenset(
    {
        BmsStopCause.INSULATION,
        BmsStopCause.CONNECTOR,
        BmsStopCause.HV_RELAY,
        BmsStopCause.DETECTION_POINT_2,
        BmsStopCause.EXCESSIVE_CURRENT,
        BmsStopCause.VOLTAGE_ABNORMAL,
        BmsStopCause.BATTERY_OVERTEMPERATURE,
    }
)
"""Causes after which K5/K6 do not wait for the current to fall."""


def identity_of(kind: PackType, plan: Plan, *, temp_max_degc: int = 55) -> VehicleIdentity:
    """What a vehicle with this pack tells about itself."""
    return VehicleIdentity(
        voltage_max_v=round(kind.voltage_max_v, 1),
        cell_voltage_max_v=kind.chemistry.cell_max_v,
        current_max_a=min(plan.current_max_a, round(plan.c_rate_max * kind.capacity_ah, 1), 400.0),
        energy_kwh=round(kind.energy_kwh, 1),
        temp_max_degc=temp_max_degc,
        battery_type=kind.chemistry.gbt27930_code,
        capacity_ah=kind.capacity_ah,
        nominal_voltage_v=round(kind.voltage_nominal_v, 1),
    )


class Vehicle:
    """A part of the clock, and a node of *bus* while it is plugged in and its control unit has supply.

    Conditions to set at any time: `monitor.errors`, `monitor.alarms`, `pack`, the contactors of `inlet`. In steady charging it is
    woken by its session's deadlines only.
    """

    def __init__(
        self,
        plug: Connector,
        bus: CanBus,
        *,
        pack: PackType = PACKS["eu500"],
        soc_pct: float = 20.0,
        temp_degc: float = 25.0,
        plan: Plan | None = None,
        owner: Owner | None = None,
        edition: Edition = EDITIONS["2015"],
        habits: VehicleHabits | None = None,
        identity: VehicleIdentity | None = None,
        rng: Generator | None = None,
        afe_seed: int | None = None,
        record: Callable[[int, Sequence[Any]], None] | None = None,
        name: str = "vehicle",
        now: int = 0,
    ) -> None:
        plan = plan or Plan()
        self.owner = owner or Owner()
        self.identity = identity or identity_of(pack, plan)
        self.pack = Pack(pack, soc_pct=soc_pct, temp_degc=temp_degc, rng=rng, now=now)
        self.inlet = Inlet(self.pack)
        self.sensing = None if afe_seed is None else ChainSensing(self.pack, seed=afe_seed)
        """The chips that measure the pack; None if its management system simply knows."""
        self.monitor = BatteryMonitor(
            self.pack, DemandCurve(pack, plan), soc_target_pct=self.owner.soc_target_pct, chain=self.sensing
        )
        self.session = BmsSession(now, report=self.monitor.report, edition=edition, habits=habits, identity=self.identity)
        self.insulation_ohm = 20e6
        """Of each side of the vehicle against earth; counts from the next plug-in on."""
        self.plugged = False
        self.due = NEVER
        self._plug = plug
        self._record = record
        self.port = bus.attach(name, self._receive)
        self.say: Callable[[Frame, int], object] = self.port.send
        """Where the session's frames go; another function lets somebody else speak for the vehicle."""
        self.port.power_down(now)
        self.port.detach(now)
        self._look_at = NEVER
        self._awaited: int | None = NEVER  # the session's deadline that `due` was worked out with
        self._state = S.ASLEEP
        self._entered_at = now
        self._boot_at: int | None = None
        self._commanded_at: int | None = None
        self._stop_at: int | None = None

    # ---- what people do ----------------------------------------------------------------------------------------------

    def plug_in(self, now: int) -> None:
        """Push the connector into the inlet."""
        plug = self._plug
        plug.poke(now)
        self.pack.advance(now, 0.0)
        plug.pilot.inserted = True
        plug.insulation.set("vehicle", plus_ohm=self.insulation_ohm, minus_ohm=self.insulation_ohm)
        plug.circuit.plug_in(self.inlet, now)
        self.port.attach(now)
        self.plugged = True
        self.poke(now)

    def pull_out(self, now: int) -> None:
        """Tear the connector out, live or not."""
        plug = self._plug
        plug.poke(now)
        plug.pilot.inserted = False
        plug.insulation.remove("vehicle")
        plug.circuit.pull_out(now)
        self.port.detach(now)
        self.plugged = False
        self.poke(now)

    def stop(self, now: int, cause: BmsStopCause = BmsStopCause.OTHER) -> None:
        """The driver, or a fault, ends the charge for *cause*."""
        self.session.stop(cause, now)
        self._drain(now)

    def pause(self, on: bool, now: int) -> None:
        """Forbid charging through BSM for a while, or permit it again."""
        self.monitor.permitted = not on
        self.monitor.renew()
        if not on and self._state is S.CHARGING:
            self.monitor.begin(now)  # with a limited inrush: the request rises from zero again

    def restart(self, now: int) -> None:
        """The control unit loses its supply for a moment: its session is forgotten, its contactors drop, it boots anew."""
        self.port.power_down(now)
        self.session.sleep(now)
        self._boot_at = None
        self._switch(False, now)
        self._drain(now)
        self.poke(now)

    def speak_through(self, session: BmsSession, now: int) -> None:
        """Let *session* take the place of the present one."""
        self.session = session
        self._drain(now)
        self.poke(now)

    def poke(self, now: int) -> None:
        """Something has changed outside; the control unit looks at its next task."""
        self._look_at = min(self._look_at, _grid(now))
        self.due = min(self.due, self._look_at)
        self._awaited = NEVER

    # ---- time and wire -----------------------------------------------------------------------------------------------

    def tick(self, now: int) -> None:
        """Do what is due: messages, and on the grid the hardware."""
        deadline = self.session.timers.deadline
        if deadline is not None and deadline <= now:
            self.session.tick(now)
            self._drain(now)
        if self._look_at <= now:
            self._look(now)
            self._drain(now)

    def _receive(self, frame: Frame, now: int) -> None:
        session = self.session
        session.receive(frame, now)
        # Most frames only repeat what is known.
        if session.outbox or session.reports or session.timers.deadline != self._awaited:
            self._drain(now)

    def _drain(self, now: int) -> None:
        """Hand out frames, follow the session's state, and set `due`."""
        session = self.session
        if session.outbox:
            for frame in session.frames():
                self.say(frame, now)
        if session.reports:
            self._follow(session.events(), now)
        deadline, look_at = session.timers.deadline, self._look_at
        self._awaited = deadline
        if self._state is S.CHARGING:
            look_at += LATE_US
        self.due = look_at if deadline is None or look_at < deadline else deadline

    def _follow(self, events: Sequence[Any], now: int) -> None:
        """What the control unit's software does at once when the session has moved."""
        if self._record is not None:
            self._record(now, events)
        for event in events:
            if isinstance(event, Moved):
                self._entered_at = now
                if event.after is S.CHARGING:
                    self.monitor.begin(now)
                elif event.before is S.CHARGING:
                    self.monitor.end()
        self._state = self.session.state
        if self._state in LIVE:
            self._stop_at = None
        elif self._stop_at is None:
            self._stop_at = now
        self._look_at = min(self._look_at, _grid(now))

    # ---- the control unit's task -------------------------------------------------------------------------------------

    def _look(self, now: int) -> None:
        """Look at the hardware and act on it, as the state requires."""
        self._supply(now)
        self._drain(now)
        state = self._state
        if state is S.CHARGING:
            self._judge(now)
        elif state is S.PREPARING:
            self._prepare(now)
        elif state not in LIVE:
            self._disconnect(now)
        resting = self._state is S.ASLEEP and not self.plugged and not self.inlet.k5.wanted
        self._look_at = NEVER if resting else _grid(now + LOOK_US.get(self._state, OTHERWISE_US) - GRID_US)

    def _supply(self, now: int) -> None:
        """Wake by A+/A-, sleep when it is gone (GB/T 18487.1-2015 annex B)."""
        supplied = self.plugged and self._plug.auxiliary.voltage_v(now) >= self.owner.aux_least_v
        if not supplied:
            self._boot_at = None
            if self.port.powered:
                self.port.power_down(now)
                self.session.sleep(now)
        elif self._boot_at is None:
            self._boot_at = now + self.owner.boot_us
        elif now >= self._boot_at and not self.port.powered:
            self.port.power_up(now)
            self.session.wake(now)

    def _prepare(self, now: int) -> None:
        """Check, close K5/K6, wait for their feedback, say ready."""
        owner = self.owner
        if self._commanded_at is None:
            if now < self._entered_at + owner.prepare_us:
                return
            cause = self._refusal()
            if cause is not None:
                self.stop(now, cause)
                return
            self._commanded_at = now
            self._switch(True, now)
        elif self.inlet.feedback(now):
            self.session.prepared(now)
        elif now > self._commanded_at + owner.contactor_limit_us:
            self.stop(now, BmsStopCause.HV_RELAY)

    def _refusal(self) -> BmsStopCause | None:
        """Why K5/K6 must not close, or None."""
        cml = self.session.latest.get("CML")
        if isinstance(cml, CML) and not cml.voltage_min_v <= self.pack.voltage_v <= cml.voltage_max_v:
            return BmsStopCause.PARAMETER_MISMATCH
        if not self._cc2_good():
            return BmsStopCause.DETECTION_POINT_2
        if self._plug.circuit.interface_v > self.owner.dead_inlet_v:
            return BmsStopCause.HV_RELAY
        return None

    def _judge(self, now: int) -> None:
        """Whether the charge is over, or must be."""
        self.monitor.report(now)
        reading, identity, owner = self.monitor.reading, self.identity, self.owner
        if reading.soc_pct >= owner.soc_target_pct:
            self.stop(now, BmsStopCause.SOC_REACHED)
        elif self.monitor.demand.full:
            self.stop(now, BmsStopCause.CELL_VOLTAGE_REACHED)
        elif reading.cell_max_v > identity.cell_voltage_max_v + owner.cell_margin_v:
            self.stop(now, BmsStopCause.VOLTAGE_ABNORMAL)
        elif reading.temp_max_degc > identity.temp_max_degc + owner.temp_margin_k:
            self.stop(now, BmsStopCause.BATTERY_OVERTEMPERATURE)
        elif reading.current_a > 1.1 * identity.current_max_a + 5.0:
            self.stop(now, BmsStopCause.EXCESSIVE_CURRENT)
        elif not self._cc2_good():
            self.stop(now, BmsStopCause.DETECTION_POINT_2)
        elif not self.monitor.trusted:
            self.stop(now, BmsStopCause.OTHER)

    def _disconnect(self, now: int) -> None:
        """Open K5/K6 when the current has fallen, or when there is no more time to wait."""
        if not self.inlet.k5.wanted:
            return
        stop_at = self._entered_at if self._stop_at is None else self._stop_at
        patience_us = self.owner.open_after_fault_us if self.session.cause in SEVERE else self.owner.open_after_us
        asleep = self._state is S.ASLEEP
        if asleep or abs(self.monitor.measured_current_a()) <= self.owner.open_below_a or now >= stop_at + patience_us:
            self._switch(False, now)

    def _switch(self, closed: bool, now: int) -> None:
        for contactor in (self.inlet.k5, self.inlet.k6):
            self._plug.circuit.switch(contactor, closed, now)
        if not closed:
            self._commanded_at = None

    def _cc2_good(self) -> bool:
        return self.owner.cc2_least_v <= self._plug.pilot.cc2_v <= self.owner.cc2_most_v


def _grid(when: int) -> int:
    """The first task time after *when*."""
    return (when // GRID_US + 1) * GRID_US
