from types import SimpleNamespace

import pytest
from numpy.random import default_rng

from firmware_model.battery.packs import PACKS
from firmware_model.cabinet.auxiliary import AuxiliarySupply
from firmware_model.cabinet.insulation import Insulation
from firmware_model.cabinet.pilot import PilotLines
from firmware_model.circuit import Broken, OutputCircuit
from firmware_model.clock import NEVER, Clock
from firmware_model.power.quasi_static import QuasiStaticStage
from firmware_model.power.stage import OFF, Setpoint
from firmware_model.vehicle import Owner, Vehicle
from firmware_model.wires.can_bus import CanBus
from protocols.core.session import Moved
from protocols.gbt27930.bms_rules import BmsState, BmsStopCause
from protocols.gbt27930.charger import ChargerSession
from protocols.gbt27930.charger_messages import ChargerRating, ChargerReport
from protocols.gbt27930.charger_rules import ChargerState, StopCause
from protocols.gbt27930.messages import CML

MS, S = 1_000, 1_000_000
STOPS = (ChargerState.STATISTICS, ChargerState.STOPPING, ChargerState.STOPPED_BY_BMS, ChargerState.ERROR)
QUICK = Owner(prepare_us=50 * MS)


def _measured(circuit):
    return ChargerReport(voltage_v=circuit.stage_v, current_a=circuit.current_a, energy_wh=circuit.energy_wh)


class BareCharger:
    """A session on the bus with as much hardware behaviour as a vehicle can notice; acts every 10 ms."""

    def __init__(self, bus, circuit, rating):
        self.circuit, self.stubborn = circuit, False
        self.session = ChargerSession(0, report=lambda now: _measured(circuit), rating=rating)
        self.port = bus.attach("charger", self.receive)
        self.due = 0

    def receive(self, frame, now):
        self.session.receive(frame, now)
        self.drain(now)

    def tick(self, now):
        self.session.tick(now)
        if now % (10 * MS) == 0:
            self.act(now)
        self.drain(now)

    def drain(self, now):
        for frame in self.session.frames():
            self.port.send(frame, now)
        self.session.events()
        grid = (now // (10 * MS) + 1) * 10 * MS
        self.due = min(grid, NEVER if self.session.deadline is None else max(self.session.deadline, now + 1))

    def act(self, now):
        session, circuit, state = self.session, self.circuit, self.session.state
        if state is ChargerState.SELFTEST:
            session.insulation_passed(now)
        elif state is ChargerState.PRECHARGE and circuit.interface_v > 50:
            circuit.command(Setpoint(circuit.interface_v - 5, 5, True), now)
            if abs(circuit.stage_v - circuit.interface_v) < 8:
                self.contacts(True, now)
                session.output_ready(now)
        elif state is ChargerState.CHARGING:
            demand = session.demand
            circuit.command(Setpoint(demand.voltage_v, demand.current_a, True), now)
        elif state in STOPS and not self.stubborn:
            circuit.command(OFF, now)
            if circuit.current_a <= 5:
                self.contacts(False, now)

    def contacts(self, closed, now):
        for contactor in (self.circuit.k1, self.circuit.k2):
            self.circuit.switch(contactor, closed, now)


class Bench:
    def __init__(self, *, soc_pct=50.0, pack="eu500", owner=QUICK, seed=None, rating=None, **options):
        self.clock, self.bus = Clock(), CanBus()
        self.circuit = OutputCircuit(QuasiStaticStage())
        self.plug = SimpleNamespace(
            circuit=self.circuit,
            pilot=PilotLines(),
            auxiliary=AuxiliarySupply(),
            insulation=Insulation(),
            poke=self.circuit.poke,
        )
        self.log, self.frames, self.ticks = [], [], []
        self.charger = BareCharger(self.bus, self.circuit, rating or ChargerRating())
        self.car = Vehicle(
            self.plug,
            self.bus,
            pack=PACKS[pack],
            soc_pct=soc_pct,
            owner=owner,
            rng=None if seed is None else default_rng(seed),
            record=lambda now, events: self.log.extend((now, event) for event in events),
            **options,
        )
        self.bus.tap(lambda now, frame, sender: self.frames.append((now, sender, frame)))
        for part in (self.circuit, self.bus, self.charger, self.car):
            self.clock.add(part)

    @property
    def now(self):
        return self.clock.now

    def run(self, for_us):
        self.clock.run(self.clock.now + for_us)
        return self

    def start(self):
        """Plugged in, supplied, charger started."""
        self.car.plug_in(self.now)
        self.plug.auxiliary.command(True, self.now)
        self.charger.session.start(self.now)
        self.charger.drain(self.now)
        return self

    def charging(self):
        self.start().run(6 * S)
        assert self.car.session.state is BmsState.CHARGING
        return self

    def until_moved(self, state, within_us):
        end = self.now + within_us
        while self.car.session.state is not state and self.now < end:
            self.run(1 * MS)
        assert self.car.session.state is state
        return self

    def moves(self):
        return [event.after for _, event in self.log if isinstance(event, Moved)]

    @property
    def connected(self):
        return self.car.inlet.closed(self.now)


def test_an_unplugged_car_sleeps_for_ever():
    bench = Bench().run(2 * S)

    assert bench.car.due == NEVER and bench.car.session.state is BmsState.ASLEEP


def test_a_plugged_car_is_silent_until_it_has_supply_and_has_booted():
    bench = Bench()
    bench.car.plug_in(0)
    assert bench.run(2 * S).car.session.state is BmsState.ASLEEP

    bench.plug.auxiliary.command(True, bench.now)
    bench.charger.session.start(bench.now)
    bench.charger.drain(bench.now)
    bench.run(2 * S)

    first = next(now for now, sender, _ in bench.frames if sender == "vehicle")
    assert 2 * S + QUICK.boot_us < first < 2 * S + QUICK.boot_us + 100 * MS


def test_a_whole_charge_ends_at_the_target_with_every_contact_open():
    bench = Bench(soc_pct=49.9, owner=Owner(soc_target_pct=50.3, prepare_us=50 * MS)).start().run(90 * S)

    assert bench.moves() == [
        BmsState.AWAKE,
        BmsState.HANDSHAKE,
        BmsState.IDENT,
        BmsState.CONFIG,
        BmsState.PREPARING,
        BmsState.READY,
        BmsState.CHARGING,
        BmsState.STOPPING,
        BmsState.STATISTICS,
        BmsState.END,
    ]
    assert bench.car.session.cause is BmsStopCause.SOC_REACHED and bench.car.session.end.orderly
    assert bench.car.pack.soc_pct == pytest.approx(50.3, abs=0.1)
    assert not bench.connected
    assert all(abs(event.current_a) <= 5 for event in bench.circuit.events() if isinstance(event, Broken))


def test_vehicle_contacts_are_closed_when_it_says_ready_and_not_before():
    bench = Bench().start().until_moved(BmsState.PREPARING, 6 * S)
    assert not bench.connected

    bench.until_moved(BmsState.READY, 2 * S)

    assert bench.connected and bench.circuit.interface_v == pytest.approx(bench.car.pack.voltage_v, rel=1e-3)


def test_the_current_follows_the_car_s_own_ramp():
    bench = Bench().start().until_moved(BmsState.CHARGING, 8 * S)

    bench.run(2 * S)

    assert bench.circuit.current_a == pytest.approx(20 * 2, abs=4)


def test_the_driver_can_stop():
    bench = Bench().charging()

    bench.car.stop(bench.now)
    bench.run(3 * S)

    assert bench.car.session.cause is BmsStopCause.OTHER and bench.car.session.state is BmsState.END
    assert not bench.connected


def test_a_stop_waits_for_the_current_to_fall_but_not_for_ever():
    bench = Bench().charging()
    bench.charger.stubborn = True

    bench.car.stop(bench.now)

    assert bench.run(9_900 * MS).connected
    assert not bench.run(200 * MS).connected


@pytest.mark.parametrize("cause", [BmsStopCause.INSULATION, BmsStopCause.HV_RELAY, BmsStopCause.CONNECTOR])
def test_a_severe_fault_opens_the_contacts_within_300_ms_whatever_flows(cause):
    bench = Bench().charging()
    bench.charger.stubborn = True

    bench.car.stop(bench.now, cause)

    assert bench.run(250 * MS).connected
    assert not bench.run(75 * MS).connected


def test_a_stop_of_the_charger_opens_the_contacts_too():
    bench = Bench().charging()

    bench.charger.session.stop(StopCause.MANUAL, bench.now)
    bench.charger.drain(bench.now)
    bench.run(3 * S)

    assert bench.car.session.cause is BmsStopCause.BY_CHARGER and not bench.connected


def test_without_auxiliary_supply_the_car_sleeps_and_opens_its_contacts():
    bench = Bench().charging()

    bench.plug.auxiliary.command(False, bench.now)
    bench.run(500 * MS)

    assert bench.car.session.state is BmsState.ASLEEP and not bench.connected
    count = len(bench.frames)
    assert not any(sender == "vehicle" for _, sender, _ in bench.run(3 * S).frames[count:])


def test_a_car_can_charge_twice():
    bench = Bench(soc_pct=50).charging()
    bench.car.stop(bench.now)
    bench.run(5 * S).plug.auxiliary.command(False, bench.now)
    bench.charger.session.unplug(bench.now)
    bench.car.pull_out(bench.now)
    bench.run(2 * S)
    assert bench.car.due == NEVER

    bench.charging()

    assert bench.run(2 * S).circuit.current_a > 20


def test_pulling_the_plug_while_charging_breaks_the_current_and_ends_in_sleep():
    bench = Bench().charging()
    bench.circuit.events()

    bench.car.pull_out(bench.now)
    bench.run(200 * MS)

    (broken,) = [event for event in bench.circuit.events() if isinstance(event, Broken)]
    assert broken.where == "plug" and broken.current_a > 5
    assert bench.car.session.state is BmsState.ASLEEP and not bench.plug.pilot.inserted


def test_pause_asks_for_nothing_and_resume_starts_from_zero():
    bench = Bench().charging().run(3 * S)

    bench.car.pause(True, bench.now)
    bench.run(1 * S)
    assert bench.charger.session.latest["BSM"].permitted == 0
    assert abs(bench.circuit.current_a) < 0.05 and bench.car.session.state is BmsState.CHARGING

    bench.car.pause(False, bench.now)
    bench.run(1 * S)
    assert bench.charger.session.latest["BSM"].permitted == 1
    assert 5 < bench.circuit.current_a <= 20.5


def test_alarms_reach_the_charger():
    bench = Bench().charging()

    bench.car.monitor.alarms = frozenset({"overtemperature"})
    bench.run(1 * S)

    assert bench.charger.session.latest["BSM"].overtemperature == 1


@pytest.mark.parametrize(
    "error, value, cause",
    [
        ("temp_offset_k", 34.0, BmsStopCause.BATTERY_OVERTEMPERATURE),
        ("cell_offset_v", 0.7, BmsStopCause.VOLTAGE_ABNORMAL),
        ("current_offset_a", 250.0, BmsStopCause.EXCESSIVE_CURRENT),
        ("soc_offset_pct", 35.0, BmsStopCause.SOC_REACHED),
    ],
)
def test_the_car_stops_on_what_it_measures(error, value, cause):
    bench = Bench().charging()

    setattr(bench.car.monitor.errors, error, value)
    bench.run(600 * MS)

    assert bench.car.session.cause is cause


def test_a_lost_detection_point_2_stops_the_charge():
    bench = Bench().charging()

    bench.plug.pilot.r3_ohm = float("inf")
    bench.run(600 * MS)

    assert bench.car.session.cause is BmsStopCause.DETECTION_POINT_2


def test_a_charger_that_cannot_reach_the_pack_voltage_is_refused():
    bench = Bench().start().until_moved(BmsState.PREPARING, 6 * S)

    latest = bench.car.session.latest
    latest["CML"] = CML(voltage_max_v=300.0, voltage_min_v=100.0, current_max_a=250.0, current_min_a=0.0)
    bench.run(100 * MS)

    assert bench.car.session.cause is BmsStopCause.PARAMETER_MISMATCH
    assert bench.car.inlet.k5.operations == 0


def test_welded_contacts_are_found_before_closing():
    bench = Bench()
    bench.car.inlet.k5.welded = bench.car.inlet.k6.welded = True

    bench.start().run(6 * S)

    assert bench.car.session.cause is BmsStopCause.HV_RELAY and bench.car.inlet.k5.operations == 0


def test_a_contact_that_does_not_close_ends_the_attempt():
    bench = Bench()
    bench.car.inlet.k6.stuck_open = True

    bench.start().run(6 * S)

    assert bench.car.session.cause is BmsStopCause.HV_RELAY
    assert not bench.car.inlet.k5.wanted


def test_in_steady_charging_only_the_session_wakes_the_car():
    bench = Bench(soc_pct=30).charging().run(10 * S)
    car, ticks, needless = bench.car, [], []
    tick = car.tick

    def counted(now):
        deadline = car.session.deadline
        ticks.append(now)
        if deadline is None or deadline > now:
            needless.append(now)
        tick(now)

    car.tick = counted
    bench.run(10 * S)

    assert ticks and needless == []


def test_plugging_in_adds_the_car_s_insulation_and_takes_it_away_again():
    bench = Bench()
    alone_s = bench.plug.insulation.plus_s
    bench.car.insulation_ohm = 50e3

    bench.car.plug_in(0)
    assert bench.plug.insulation.plus_s == pytest.approx(alone_s + 1 / 50e3)

    bench.car.pull_out(1 * MS)
    assert bench.plug.insulation.plus_s == alone_s


def test_same_seed_same_frames():
    logs = [Bench(seed=seed).start().run(10 * S).frames for seed in (1, 1, 2)]

    assert logs[0] == logs[1] != logs[2]


def test_what_the_car_says_fits_its_pack():
    bench = Bench(pack="han").start().run(6 * S)
    heard = bench.charger.session.latest

    assert heard["BHM"].voltage_max_v == pytest.approx(178 * 3.65, abs=0.1)
    assert heard["BRM"].battery_type == 3 and heard["BRM"].capacity_ah == 135
    assert heard["BCP"].voltage_v == pytest.approx(bench.car.pack.ocv_v, rel=0.01)
    assert heard["BCP"].soc_pct == pytest.approx(50, abs=0.1)
