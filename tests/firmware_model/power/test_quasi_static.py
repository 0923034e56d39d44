import pytest
from numpy.random import default_rng

from firmware_model.power.quasi_static import RATINGS, Dynamics, QuasiStaticStage, Rating
from firmware_model.power.stage import Limit, Load, Setpoint

BATTERY_S = 10.0


def battery(emf_v, terminal_v=None):
    return Load(terminal_v or emf_v, 267e-6, BATTERY_S + 1e-5, BATTERY_S * emf_v)


def settled_on(stage, setpoint, emf_v, us=2_000_000):
    load = battery(emf_v)
    for now in range(1_000, us + 1, 1_000):
        done = stage.advance(now, setpoint, load)
        load = load._replace(voltage_v=done.voltage_v)
    return done


@pytest.mark.parametrize("power_kw, efficiency", [(3, 0.893), (7.5, 0.9276), (15, 0.9412), (22.5, 0.9446), (30, 0.9445)])
def test_efficiency_is_that_of_the_loss_budget(power_kw, efficiency):
    current_a = 1000 * power_kw / 750

    done = settled_on(QuasiStaticStage(), Setpoint(900, current_a, True), 750 - current_a / BATTERY_S)

    output_w = done.current_a * done.voltage_v
    assert output_w == pytest.approx(1000 * power_kw, rel=1e-3)
    assert output_w / done.power_ac_w == pytest.approx(efficiency, abs=0.0035)


@pytest.mark.parametrize(
    "voltage_v, limit_a",
    [(0, 40), (50, 60), (75, 70), (149.999, 100), (150, 100), (300, 100), (375, 80), (500, 60), (750, 40), (1000, 30)],
)
def test_envelope_of_one_module(voltage_v, limit_a):
    assert Rating().limit_a(voltage_v) == pytest.approx(limit_a, rel=1e-4)


def test_envelope_of_parallel_modules_ends_at_the_connector():
    rating = RATINGS["240kW"]

    assert (rating.power_w, rating.current_a) == (240_000, 250)
    assert rating.limit_a(400) == 250
    assert rating.limit_a(1000) == pytest.approx(240)


def test_demand_beyond_the_envelope_is_cut_to_rated_power():
    done = settled_on(QuasiStaticStage(), Setpoint(900, 100, True), 600)

    assert done.limit is Limit.ENVELOPE
    assert done.current_a * done.voltage_v == pytest.approx(30_000, rel=1e-3)


def test_voltage_limit_takes_over_from_current_limit():
    done = settled_on(QuasiStaticStage(), Setpoint(401, 60, True), 400)

    assert done.limit is Limit.VOLTAGE
    assert done.voltage_v == pytest.approx(401, abs=0.01)
    assert done.current_a == pytest.approx(1.0 * BATTERY_S, rel=0.01)


def test_voltage_above_its_range_is_cut_and_below_its_range_is_off():
    open_load = Load(0.0, 267e-6, 1e-5, 0.0)
    stage = QuasiStaticStage()
    load = open_load
    for now in range(1_000, 3_000_001, 1_000):
        load = load._replace(voltage_v=stage.advance(now, Setpoint(1100, 5, True), load).voltage_v)

    assert load.voltage_v == pytest.approx(1000, abs=0.1)
    assert QuasiStaticStage().advance(100_000, Setpoint(49, 5, True), open_load).limit is Limit.OFF


def test_output_rises_no_faster_than_its_ramp():
    stage, load = QuasiStaticStage(), Load(0.0, 267e-6, 1e-5, 0.0)
    for ms in range(1, 1_000):
        load = load._replace(voltage_v=stage.advance(1_000 * ms, Setpoint(400, 5, True), load).voltage_v)

        assert load.voltage_v <= min(0.5 * ms, 400) + 1e-9
    assert load.voltage_v == pytest.approx(400)


def test_current_command_follows_with_its_lag():
    stage = QuasiStaticStage(Rating(module_current_a=1000, module_power_w=1e6), dynamics=Dynamics(lag_us=50_000))
    load = battery(350)
    for now in range(1_000, 50_001, 1_000):
        load = load._replace(voltage_v=stage.advance(now, Setpoint(600, 10, True), load).voltage_v)

    assert stage.current_a == pytest.approx(10 * (1 - 2.718281828**-1), rel=1e-3)


@pytest.mark.parametrize("ambient_degc, share", [(25, 1), (55, 1), (65, 0.5), (75, 0), (90, 0)])
def test_heat_derates_from_55_to_75_degrees(ambient_degc, share):
    stage = QuasiStaticStage()
    stage.ambient_degc = ambient_degc

    assert settled_on(stage, Setpoint(500, 100, True), 280).current_a == pytest.approx(100 * share, abs=0.01)


@pytest.mark.parametrize("grid_v, share", [(380.0, 1.0), (323.0, 1.0), (290.7, 0.9), (260.0, 260 / 323)])
def test_low_mains_leave_less_power(grid_v, share):
    stage = QuasiStaticStage(RATINGS["30kW"])
    stage.grid_v = grid_v

    delivered = settled_on(stage, Setpoint(900, 100, True), 600)

    assert delivered.voltage_v * delivered.current_a == pytest.approx(30_000 * share, rel=1e-3)
    assert delivered.limit is Limit.ENVELOPE


def test_full_load_warms_the_heat_sink_by_40_kelvin():
    stage, load = QuasiStaticStage(), battery(296)
    for now in range(100_000, 1_200_000_001, 1_000_000):
        load = load._replace(voltage_v=stage.advance(now, Setpoint(500, 100, True), load).voltage_v)

    assert stage.heat_sink_degc == pytest.approx(65, abs=1.5)


def test_module_errors_come_from_the_seed():
    a, b, c = (QuasiStaticStage(RATINGS["60kW"], rng=default_rng(seed)) for seed in (1, 1, 2))

    assert (a.gain, a.offset_a) == (b.gain, b.offset_a) != (c.gain, c.offset_a)
    assert abs(a.gain - 1) < 0.01
