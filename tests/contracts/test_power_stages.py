"""What every power stage must keep, whatever its fidelity."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from firmware_model.power.averaged import AveragedStage
from firmware_model.power.quasi_static import RATINGS, QuasiStaticStage
from firmware_model.power.stage import OFF, Load, PowerStage, Setpoint
from firmware_model.power.switching import SwitchingStage

LEVELS: dict[str, Callable[[], PowerStage]] = {
    "quasi_static": QuasiStaticStage,
    "quasi_static, four modules with errors": lambda: QuasiStaticStage(RATINGS["120kW"], rng=default_rng(1)),
    "averaged": AveragedStage,
    "averaged, four modules with errors": lambda: AveragedStage(RATINGS["120kW"], rng=default_rng(1)),
    "switching": SwitchingStage,
    "switching, four modules with errors": lambda: SwitchingStage(RATINGS["120kW"], rng=default_rng(1)),
}
RATED_A = 100.0
BATTERY_OHM, BUS_F = 0.1, 267e-6

level = pytest.mark.parametrize("make", LEVELS.values(), ids=LEVELS)


class Bus:
    """A stage on its output capacitor, with or without a battery, stepped every millisecond."""

    def __init__(self, stage, emf_v=None):
        self.stage, self.emf_v, self.now = stage, emf_v, 0
        self.voltage_v = emf_v or 0.0
        self.stored_j = stage.stored_j
        self.charge_as = self.energy_j = self.mains_j = self.heat_j = 0.0

    def load(self):
        line_s = 1 / BATTERY_OHM if self.emf_v else 0.0
        return Load(self.voltage_v, BUS_F, 1e-5 + line_s, line_s * (self.emf_v or 0.0))

    def run(self, setpoint, for_us, step_us=1_000):
        """The last interval's delivery."""
        for _ in range(0, for_us, step_us):
            self.now += step_us
            before_v = self.voltage_v
            done = self.stage.advance(self.now, setpoint, self.load())
            self.voltage_v = done.voltage_v
            self.charge_as += done.current_a * step_us * 1e-6
            self.energy_j += done.current_a * 0.5 * (before_v + done.voltage_v) * step_us * 1e-6
            self.mains_j += done.power_ac_w * step_us * 1e-6
            self.heat_j += done.heat_w * step_us * 1e-6
        return done


@level
@pytest.mark.parametrize("current_a", [1.0, 30.0, 80.0])
def test_constant_current_is_met_within_one_percent_or_300_ma(make, current_a):
    bus = Bus(make(), emf_v=350)

    done = bus.run(Setpoint(500, current_a, True), 1_500_000)

    assert done.current_a == pytest.approx(current_a, abs=max(0.3, 0.01 * current_a))
    assert done.settled


@level
@pytest.mark.parametrize("voltage_v", [60.0, 410.0, 1000.0])
def test_constant_voltage_is_met_within_half_a_percent_without_load(make, voltage_v):
    bus = Bus(make())

    done = bus.run(Setpoint(voltage_v, 5.0, True), 3_000_000)

    assert done.voltage_v == pytest.approx(voltage_v, rel=0.005)
    assert done.settled


@level
@settings(max_examples=40)
@given(
    steps=st.lists(
        st.tuples(
            st.floats(0, 1100), st.floats(0, 150), st.booleans(), st.sampled_from([1_000, 7_000, 100_000]), st.integers(1, 8)
        ),
        max_size=6,
    ),
    emf_v=st.sampled_from([None, 60.0, 350.0, 800.0]),
)
def test_never_delivers_more_than_asked_and_never_sinks(make, steps, emf_v):
    bus = Bus(make(), emf_v=emf_v)
    before_a = 0.0

    for voltage_v, current_a, enabled, step_us, count in steps:
        for _ in range(count):
            done = bus.run(Setpoint(voltage_v, current_a, enabled), step_us, step_us)

            assert done.current_a <= max(current_a, before_a) + bus.stage.ripple_a
            assert done.current_a * bus.voltage_v * step_us * 1e-6 >= -bus.stage.held_j
            assert enabled or done.current_a * bus.voltage_v * step_us * 1e-6 <= bus.stage.held_j
        settled = bus.run(Setpoint(voltage_v, current_a, enabled), 500_000, 10_000)
        assert settled.current_a <= current_a + bus.stage.ripple_a
        before_a = settled.current_a


@level
@pytest.mark.parametrize("stop", [OFF, Setpoint(500, 0.0, True), Setpoint(0, 0.0, True)])
def test_zero_is_reached_within_100_ms(make, stop):
    bus = Bus(make(), emf_v=290)
    assert bus.run(Setpoint(500, RATED_A, True), 2_000_000).current_a > 0.98 * RATED_A

    bus.run(stop, 99_000)

    assert bus.run(stop, 1_000).current_a == 0


@level
def test_blocked_gates_stop_the_current_within_one_step(make):
    bus = Bus(make(), emf_v=290)
    bus.run(Setpoint(500, RATED_A, True), 1_000_000)

    assert 0 <= bus.run(OFF, 1_000).current_a * bus.voltage_v * 1e-3 <= bus.stage.held_j
    assert bus.run(OFF, 1_000).current_a == 0


@level
def test_delivers_nothing_without_mains(make):
    stage = make()
    stage.mains_present = False
    bus = Bus(stage, emf_v=350)

    done = bus.run(Setpoint(500, 50, True), 500_000)

    assert (done.current_a, done.power_ac_w) == (0, 0)


@level
@pytest.mark.parametrize("step_us", [1_000, 5_000, 20_000, 100_000])
def test_charge_does_not_depend_on_how_the_time_is_divided(make, step_us):
    fine, coarse = Bus(make(), emf_v=350), Bus(make(), emf_v=350)
    for bus, step in ((fine, 500), (coarse, step_us)):
        bus.run(Setpoint(600, 50, True), 400_000, step)
        bus.run(Setpoint(600, 20, True), 400_000, step)
        bus.run(Setpoint(600, 0, True), 200_000, step)

    assert coarse.charge_as == pytest.approx(fine.charge_as, rel=1e-3)


@level
def test_mains_energy_is_output_energy_plus_heat(make):
    bus = Bus(make(), emf_v=350)

    bus.run(Setpoint(600, 60, True), 2_000_000)
    bus.run(OFF, 500_000)

    stored_j = bus.stage.stored_j - bus.stored_j
    assert bus.mains_j == pytest.approx(bus.energy_j + bus.heat_j + stored_j, rel=1e-3)
    assert bus.heat_j > 0


@level
def test_a_second_call_at_the_same_moment_changes_nothing(make):
    bus = Bus(make(), emf_v=350)
    first = bus.run(Setpoint(600, 60, True), 20_000)

    again = bus.stage.advance(bus.now, Setpoint(600, 5, True), bus.load())

    assert again == first


@level
@pytest.mark.parametrize("current_a", [-1.0, -30.0, -80.0])
def test_discharge_is_met_within_one_percent_or_300_ma(make, current_a):
    bus = Bus(make(), emf_v=350)

    done = bus.run(Setpoint(200, current_a, True), 1_500_000)

    assert done.current_a == pytest.approx(current_a, abs=max(0.3, 0.01 * abs(current_a)))
    assert done.settled


@level
def test_discharge_feeds_the_grid_with_what_the_losses_leave(make):
    bus = Bus(make(), emf_v=350)

    bus.run(Setpoint(200, -60, True), 1_499_000)
    stored_j = bus.stage.stored_j
    done = bus.run(Setpoint(200, -60, True), 1_000)
    stored_w = (bus.stage.stored_j - stored_j) / 1e-3

    assert done.power_ac_w < 0 and abs(stored_w) < 0.02 * abs(done.power_ac_w)
    assert done.power_ac_w - done.heat_w - stored_w == pytest.approx(done.current_a * done.voltage_v, rel=1e-3)


@level
def test_discharge_holds_the_voltage_set_point_as_its_floor(make):
    bus = Bus(make(), emf_v=350)

    done = bus.run(Setpoint(347, -80, True), 1_500_000)

    assert done.voltage_v == pytest.approx(347, rel=0.005)
    assert done.current_a == pytest.approx(-30, abs=1)


@level
@pytest.mark.parametrize("way", [1, -1])
def test_a_change_of_direction_rests_at_zero_for_20_ms(make, way):
    bus = Bus(make(), emf_v=350)
    volts = {1: 500, -1: 200}
    bus.run(Setpoint(volts[way], 40 * way, True), 1_500_000)

    trail = [bus.run(Setpoint(volts[-way], -40 * way, True), 1_000).current_a for _ in range(800)]

    assert sum(abs(current_a) < 1e-6 for current_a in trail) >= 19
    assert trail[-1] == pytest.approx(-40 * way, abs=0.5)
    signs = [way * current_a > 0 for current_a in trail if abs(current_a) > 1e-6]
    assert signs == sorted(signs, reverse=True)


@level
@pytest.mark.parametrize("emf_v", [120.0, 350.0, 800.0])
def test_the_envelope_is_the_same_in_both_directions(make, emf_v):
    ends = []
    for volts, current_a in ((1000, 400), (50, -400)):
        bus = Bus(make(), emf_v=emf_v)
        ends.append(abs(bus.run(Setpoint(volts, current_a, True), 2_500_000).current_a))

    limits = [make().rating.limit_a(emf_v + sign * BATTERY_OHM * end) for sign, end in zip((1, -1), ends, strict=True)]
    assert ends == pytest.approx(limits, rel=0.02)


@level
@pytest.mark.parametrize("stop", [OFF, Setpoint(200, 0.0, True)])
def test_discharge_ends_within_100_ms_too(make, stop):
    bus = Bus(make(), emf_v=350)
    assert bus.run(Setpoint(200, -60, True), 1_500_000).current_a < -55

    bus.run(stop, 99_000)

    assert bus.run(stop, 1_000).current_a == 0
