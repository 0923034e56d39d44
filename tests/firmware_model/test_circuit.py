import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from firmware_model.battery.pack import Pack
from firmware_model.battery.packs import PACKS
from firmware_model.board import FULL_SCALE, SPANS, Channel
from firmware_model.cabinet.inlet import Inlet
from firmware_model.circuit import Broken, Inrush, OutputCircuit, make_instruments
from firmware_model.power.quasi_static import QuasiStaticStage
from firmware_model.power.stage import OFF, Setpoint

MS, S = 1_000, 1_000_000


class Bench:
    """A circuit with its own clock."""

    def __init__(self, *, pack="eu500", soc_pct=50.0, seed=None):
        draw = (lambda name: default_rng([seed, *name.encode()])) if seed is not None else None
        self.circuit = OutputCircuit(QuasiStaticStage(), instruments=make_instruments(draw))
        self.pack = Pack(PACKS[pack], soc_pct=soc_pct)
        self.inlet = Inlet(self.pack)
        self.now = self.steps = 0
        self.circuit.plug_in(self.inlet, 0)

    def run(self, for_us):
        until = self.now + for_us
        while self.circuit.due <= until:
            self.circuit.tick(self.circuit.due)
            self.steps += 1
        self.now = until
        return self

    def set(self, voltage_v, current_a):
        self.circuit.command(Setpoint(voltage_v, current_a, True), self.now)
        return self

    def off(self):
        self.circuit.command(OFF, self.now)
        return self

    def pile_contacts(self, closed, *, for_us=40 * MS):
        for contactor in (self.circuit.k1, self.circuit.k2):
            self.circuit.switch(contactor, closed, self.now)
        return self.run(for_us)

    def vehicle_contacts(self, closed, *, for_us=40 * MS):
        for contactor in (self.inlet.k5, self.inlet.k6):
            self.circuit.switch(contactor, closed, self.now)
        return self.run(for_us)

    def bleed(self, on):
        self.circuit.bleed(on, self.now)
        return self

    def charging(self, current_a, *, voltage_v=420.0):
        """All contacts closed after a matched pre-charge, current flowing."""
        self.vehicle_contacts(True)
        self.set(self.circuit.interface_v - 5, 5).run(2 * S).pile_contacts(True)
        return self.set(voltage_v, current_a).run(2 * S)

    def events(self, kind):
        return [event for event in self.circuit.events() if isinstance(event, kind)]


def test_stage_alone_holds_its_voltage_and_the_interface_stays_dead():
    bench = Bench().set(500, 5).run(2 * S)

    assert bench.circuit.stage_v == pytest.approx(500)
    assert bench.circuit.interface_v == bench.circuit.current_a == 0


def test_insulation_test_puts_the_stage_voltage_on_the_interface():
    bench = Bench().set(500, 5).run(2 * S).pile_contacts(True).run(1 * S)

    assert bench.circuit.interface_v == bench.circuit.stage_v == pytest.approx(500)
    assert bench.circuit.current_a == 0


@pytest.mark.parametrize("voltage_v", [200, 500, 750, 1000])
def test_bleeding_brings_the_interface_under_60_v_within_a_second(voltage_v):
    bench = Bench().set(voltage_v, 5).run(4 * S).pile_contacts(True)

    bench.off().bleed(True).run(1 * S)

    assert bench.circuit.interface_v < 60


def test_bleeding_from_1000_v_takes_750_ms():
    bench = Bench().set(1000, 5).run(4 * S).off().bleed(True)

    assert bench.run(740 * MS).circuit.stage_v > 60
    assert bench.run(20 * MS).circuit.stage_v < 60


def test_a_pulled_plug_is_dead_within_a_second():
    bench = Bench().set(1000, 5).run(4 * S).pile_contacts(True).pile_contacts(False)

    assert bench.run(1 * S).circuit.interface_v < 60


def test_a_burnt_bleeder_leaves_the_voltage():
    bench = Bench().set(500, 5).run(3 * S).off()
    bench.circuit.bleeder.burnt = True

    assert bench.bleed(True).run(1 * S).circuit.stage_v > 450


def test_battery_on_the_interface_is_seen_with_the_pile_open():
    bench = Bench().vehicle_contacts(True)

    assert bench.circuit.interface_v == pytest.approx(bench.pack.emf_v, rel=1e-6)
    assert bench.circuit.stage_v == bench.circuit.current_a == 0


def test_welded_vehicle_contacts_show_the_battery_before_any_command():
    bench = Bench()
    bench.inlet.k5.welded = True
    assert bench.run(1 * S).circuit.interface_v == 0

    bench.inlet.k6.welded = True

    assert bench.run(1 * S).circuit.interface_v > 300


def test_constant_current_flows_into_the_battery():
    bench = Bench().charging(50)

    assert bench.circuit.current_a == pytest.approx(50, abs=0.1)
    assert bench.circuit.stage_v > bench.pack.voltage_v
    assert bench.pack.voltage_v == pytest.approx(bench.pack.emf_v + 50 * bench.pack.r_ohm, rel=1e-4)


def test_constant_voltage_limits_the_current():
    bench = Bench()
    limit_v = bench.pack.emf_v + 4
    bench.charging(90, voltage_v=limit_v)

    assert bench.circuit.stage_v == pytest.approx(limit_v, abs=0.01)
    assert 20 < bench.circuit.current_a < 60


@pytest.mark.parametrize("pack", ["eu500", "model3_lfp", "bus", "han"])
@pytest.mark.parametrize("below_v", [1, 5, 10])
def test_matched_closing_keeps_the_inrush_below_20_a(pack, below_v):
    bench = Bench(pack=pack).vehicle_contacts(True)
    bench.set(bench.circuit.interface_v - below_v, 5).run(3 * S)

    bench.pile_contacts(True)

    first = bench.events(Inrush)[0]
    assert first.into_battery and first.difference_v == pytest.approx(-below_v, abs=0.1)
    assert 0.5 * below_v < abs(first.peak_a) <= 20 and first.peak_a < 0


def test_unmatched_closing_reports_the_current_it_causes():
    bench = Bench().vehicle_contacts(True).pile_contacts(True)

    first = bench.events(Inrush)[0]

    assert first.difference_v == pytest.approx(-bench.pack.emf_v, rel=1e-3)
    assert first.peak_a < -300


def test_closing_on_a_dead_interface_is_no_inrush_into_a_battery():
    bench = Bench().set(500, 5).run(3 * S).pile_contacts(True)

    assert [event.into_battery for event in bench.events(Inrush)] == [False, False]


def test_vehicle_contacts_closing_on_a_live_pile_are_reported_at_their_place():
    bench = Bench().set(300, 5).run(2 * S).pile_contacts(True)
    bench.events(Inrush)

    bench.vehicle_contacts(True)

    assert bench.events(Inrush)[0].where == "K5/K6"


@pytest.mark.parametrize("where", ["K1/K2", "K5/K6", "plug"])
def test_opening_under_load_is_recorded_with_its_current(where):
    bench = Bench().charging(60)
    bench.events(Broken)

    if where == "plug":
        bench.circuit.pull_out(bench.now)
    else:
        bench.pile_contacts(False) if where == "K1/K2" else bench.vehicle_contacts(False)

    (broken,) = bench.events(Broken)
    assert broken.where == where and broken.current_a == pytest.approx(60, abs=0.5)
    assert bench.run(50 * MS).circuit.current_a == 0


def test_opening_without_load_is_not_wear():
    bench = Bench().charging(60).off().run(1 * S)
    bench.events(Broken)

    assert bench.pile_contacts(False).events(Broken) == []


def test_load_dump_never_exceeds_the_voltage_set_point():
    bench = Bench().charging(60, voltage_v=420).pile_contacts(False).run(1 * S)

    assert bench.circuit.stage_v <= 420 + 1e-6


@settings(max_examples=15, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["set", "off", "pile", "vehicle", "bleed", "replug"]),
            st.floats(60, 450),
            st.floats(0, 100),
            st.booleans(),
            st.sampled_from([1 * MS, 13 * MS, 250 * MS, 700 * MS]),
        ),
        max_size=9,
    )
)
def test_energy_books_balance_whatever_happens(story):
    bench = Bench()
    circuit, began_wh = bench.circuit, bench.pack.energy_wh
    for what, voltage_v, current_a, on, wait in story:
        if what == "set":
            bench.set(voltage_v, current_a)
        elif what == "off":
            bench.off()
        elif what == "pile":
            bench.pile_contacts(on)
        elif what == "vehicle":
            bench.vehicle_contacts(on)
        elif what == "bleed":
            bench.bleed(on)
        else:
            circuit.pull_out(bench.now)
            circuit.plug_in(bench.inlet, bench.now)
        bench.run(wait)

    turnover_j = circuit.stage_j + abs(circuit.output_j) + circuit.leaked_j + circuit.stored_j + 1.0
    spent_j = circuit.stored_j + circuit.leaked_j + circuit.spark_j + circuit.output_j
    assert circuit.stage_j == pytest.approx(spent_j, abs=1e-8 * turnover_j)
    into_pack_j = 3600 * (bench.pack.energy_wh - began_wh)
    assert into_pack_j == pytest.approx(circuit.output_j - circuit.line_j, abs=1e-4 * turnover_j)
    assert circuit.mains_j >= circuit.stage_j


def test_ten_minutes_of_charge_agree_with_the_pack():
    bench = Bench().charging(70)
    bench.run(600 * S)

    assert bench.circuit.output_j - bench.circuit.line_j == pytest.approx(3600 * bench.pack.energy_wh, rel=1e-4)
    assert bench.circuit.energy_wh == pytest.approx(70 * bench.circuit.stage_v / 6, rel=0.01)
    assert 0.93 < bench.circuit.output_j / bench.circuit.mains_j < 0.95


def test_plug_warms_with_the_current():
    bench = Bench().charging(70).run(600 * S)

    rise_k = bench.circuit.plug.plus_degc - 25
    assert rise_k == pytest.approx(4 * 0.2e-3 * 70**2 * (1 - 2.718**-1), rel=0.02)


def test_a_settled_circuit_steps_five_times_a_second_and_a_moving_one_a_thousand_times():
    bench = Bench().charging(50).run(2 * S)
    bench.steps = 0
    assert bench.run(10 * S).steps == 50

    bench.steps = 0
    bench.set(420, 60).run(100 * MS)

    assert bench.steps >= 95


def test_a_command_is_followed_by_a_step_within_a_millisecond():
    bench = Bench().charging(50).run(2 * S)
    bench.run(50 * MS + 300)

    bench.set(420, 60)

    assert bench.circuit.due == (bench.now // MS + 1) * MS


def test_repeating_a_set_point_changes_nothing():
    bench = Bench().charging(50).run(2 * S)
    due = bench.run(30 * MS).circuit.due

    bench.set(420, 50)

    assert bench.circuit.due == due


def test_instruments_show_the_truth_of_the_last_step_and_nothing_between():
    bench = Bench(seed=1).charging(50).run(2 * S)
    shown = [sensor.counts for sensor in bench.circuit.instruments]
    assert bench.circuit.instruments.current_a.value == pytest.approx(50, abs=1.0)
    assert bench.circuit.instruments.stage_v.value == pytest.approx(bench.circuit.stage_v, rel=0.01)

    bench.now += 40 * MS + 17
    bench.circuit.poke(bench.now)

    assert [sensor.counts for sensor in bench.circuit.instruments] == shown


def history(seed):
    bench = Bench(seed=seed)
    rows = []
    bench.charging(50)
    for _ in range(50):
        bench.run(10 * MS)
        rows.append(tuple(sensor.counts for sensor in bench.circuit.instruments))
    return rows


def test_same_seed_same_readings():
    assert history(1) == history(1) != history(2)


def test_instruments_have_the_board_s_spans():
    for sensor, channel in zip(make_instruments(), (Channel.STAGE_V, Channel.INTERFACE_V, Channel.OUTPUT_A), strict=True):
        assert (sensor.low, sensor.high, sensor.full) == (*SPANS[channel], FULL_SCALE)
