"""A bench of real parts for the firmware: pile, bus, clock, and a small scripted vehicle."""

import hashlib

import pytest

from firmware_model.battery.pack import Pack
from firmware_model.battery.packs import PACKS
from firmware_model.cabinet.inlet import Inlet
from firmware_model.circuit import OutputCircuit, make_instruments
from firmware_model.clock import Clock
from firmware_model.mcu.controller import ChargingController
from firmware_model.mcu.sequence import PileState
from firmware_model.mcu.settings import ControllerSettings
from firmware_model.pile import Pile, spans_of
from firmware_model.power.quasi_static import RATINGS, QuasiStaticStage
from firmware_model.wires.can_bus import CanBus
from protocols.gbt27930.bms import BmsSession
from protocols.gbt27930.bms_messages import BatteryReport, VehicleIdentity
from protocols.gbt27930.bms_rules import BmsState, BmsStopCause
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.habits import ChargerHabits

S = 1_000_000
_CLOSED = (BmsState.PREPARING, BmsState.READY, BmsState.CHARGING)


class Car:
    """Wakes by 12 V, closes K5/K6 when asked to prepare, opens them at 5 A after the end; looks every 10 ms."""

    def __init__(self, pile, bus, *, edition="2015", soc_pct=50.0, demand_a=50.0, habits=None, pack="compact", told_v=None):
        self.pile = pile
        self.pack = Pack(PACKS[pack], soc_pct=soc_pct)
        self.inlet = Inlet(self.pack)
        self.demand_a = demand_a
        self.demand_v = PACKS[pack].voltage_max_v
        self.permitted = True
        self.alarms = frozenset()
        self.told_v = told_v
        self.deaf = False
        identity = VehicleIdentity(voltage_max_v=self.demand_v, current_max_a=200.0)
        self.session = BmsSession(0, report=self.report, edition=EDITIONS[edition], identity=identity, habits=habits)
        self.port = bus.attach("car", self.receive)
        self.due = 0
        self._look_at = 0

    def report(self, now):
        volts = self.told_v if self.told_v is not None else self.pack.emf_v
        return BatteryReport(
            demand_v=self.demand_v,
            demand_a=self.demand_a,
            constant_voltage=False,
            voltage_v=volts,
            current_a=self.pile.circuit.current_a,
            soc_pct=self.pack.soc * 100,
            cell_max_v=3.7,
            cell_min_v=3.6,
            permitted=self.permitted,
            alarms=self.alarms,
        )

    def receive(self, frame, now):
        if not self.deaf:
            self.session.receive(frame, now)
            self.flush(now)

    def tick(self, now):
        if now >= self._look_at:
            self._look_at = (now // 10_000 + 1) * 10_000
            self.look(now)
        self.session.tick(now)
        self.flush(now)

    def flush(self, now):
        for frame in self.session.frames():
            if not self.deaf:
                self.port.send(frame, now)
        self.session.events()
        deadline = self.session.deadline
        self.due = self._look_at if deadline is None else max(min(self._look_at, deadline), now + 1)

    def look(self, now):
        session, inlet = self.session, self.inlet
        powered = self.pile.auxiliary.voltage_v(now) > 9
        if powered and session.state is BmsState.ASLEEP and self.pile.pilot.inserted:
            session.wake(now)
        if not powered and session.state is not BmsState.ASLEEP:
            session.sleep(now)
        wanted = session.state in _CLOSED and self.pile.pilot.inserted
        if inlet.k5.wanted and not wanted and abs(self.pile.circuit.current_a) > 5:
            return
        if inlet.k5.wanted != wanted:
            self.pile.circuit.poke(now)
            inlet.k5.command(wanted, now)
            inlet.k6.command(wanted, now)
        if session.state is BmsState.PREPARING and inlet.closed(now) and not inlet.moving(now):
            session.prepared(now)

    def stop(self, now, cause=None):
        self.session.stop(cause or next(iter(BmsStopCause)), now)


class Bench:
    """Everything on one clock, with what happened: events, every frame, and every change of the controller's outputs."""

    def __init__(
        self,
        *,
        settings=None,
        tickless=True,
        rng=False,
        habits=None,
        edition="2015",
        phase_us=0,
        car=None,
        rating="60kW",
        stage=None,
    ):
        self.clock, self.bus = Clock(), CanBus()
        self.events, self.frames, self.outputs, self.logged = [], [], [], {}
        self.flowing = []
        draw = None
        if rng:
            import numpy as np

            draw = lambda name: np.random.default_rng(int(hashlib.sha256(name.encode()).hexdigest()[:8], 16))  # noqa: E731
        stage = stage or QuasiStaticStage(RATINGS[rating], rng=draw("stage") if draw else None)
        self.circuit = OutputCircuit(stage, instruments=make_instruments(draw))
        settings = settings or ControllerSettings(current_max_a=stage.rating.current_a)
        self.controller = ChargingController(
            settings,
            phase_us=phase_us,
            habits=habits or ChargerHabits(),
            edition=EDITIONS[edition],
            spans=spans_of(self.circuit),
            tickless=tickless,
            record=lambda now, event: self.events.append((now, event)),
        )
        self.pile = Pile(self.circuit, self.bus, controller=self.controller, phase_us=phase_us)
        self.car = Car(self.pile, self.bus, **(car or {}))
        self.bus.tap(lambda now, frame, name: self.frames.append((now, frame, name)))
        act = self.pile._act
        self.pile.board._act = lambda now, outputs: (self._log(now, outputs), act(now, outputs))
        self.clock.add(self.bus, *self.pile.parts, self.car)

    def _log(self, now, outputs):
        entry = (outputs.gpio, outputs.voltage_mv, outputs.current_ma, tuple(outputs.nvm))
        if entry != self.logged.get("last"):
            self.logged["last"] = entry
            self.outputs.append((now, *entry))
            self.flowing.append((now, outputs.gpio, self.circuit.current_a))

    # ---- stories

    @property
    def now(self):
        return self.clock.now

    @property
    def state(self):
        return self.controller.state

    def set(self, part, **conditions):
        """Change physical conditions of *part* now."""
        for name, value in conditions.items():
            assert hasattr(part, name)
            setattr(part, name, value)
        self.pile.poke(self.now)

    def plug_in(self):
        self.circuit.plug_in(self.car.inlet, self.now)
        self.set(self.pile.pilot, inserted=True)

    def pull_out(self):
        self.circuit.pull_out(self.now)
        self.set(self.pile.pilot, inserted=False)

    def run(self, us):
        self.clock.run(self.now + us)

    def until(self, *states, limit_us=60 * S, step_us=1_000):
        """Run until the controller is in one of *states*."""
        end = self.now + limit_us
        while self.state not in states:
            assert self.now < end, f"still {self.state}, {self.events[-5:]}"
            self.clock.run(self.now + step_us)
        return self.now

    def charge(self, run_us=5 * S):
        """Plug in, authorise, and charge for a while."""
        self.set(self.pile, authorised=True)
        self.plug_in()
        self.until(PileState.CHARGE)
        self.run(run_us)
        return self

    def when(self, condition, *, limit_us, step_us=1_000):
        """How long until *condition* holds (µs)."""
        began = self.now
        while not condition():
            assert self.now - began <= limit_us, f"not after {limit_us} us, {self.state}"
            self.clock.run(self.now + step_us)
        return self.now - began

    @property
    def contacts_open(self):
        k1, k2 = self.circuit.k1, self.circuit.k2
        return not (k1.closed(self.now) and k2.closed(self.now))

    def sent(self, name):
        """What the pile sent of message *name*: (time, data)."""
        layout = self.controller.session.edition.messages[name]
        return [(at, f.data) for at, f, who in self.frames if who == "pile" and f.can_id >> 8 & 0x3FF00 == layout.pgn]

    def faults(self):
        return {fault.name for fault in self.controller.faults}


@pytest.fixture(scope="session")
def bench():
    return Bench
