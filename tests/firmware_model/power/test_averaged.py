from math import nan

import numpy as np
import pytest

from firmware_model.power.averaged import AveragedStage, Wiring, fit_losses
from firmware_model.power.averaged_layout import P, X
from firmware_model.power.quasi_static import RATINGS, Dynamics, Losses
from firmware_model.power.stage import OFF, Diverged, Load, Setpoint, Trip

EMF_V = 350.0
BATTERY = Load(EMF_V, 267e-6, 1e-5 + 10.0, 10.0 * EMF_V)
EMPTY = Load(0.0, 267e-6, 1e-5, 0.0)


def run(stage, setpoint, for_us, *, load=BATTERY, step_us=1_000):
    """The last delivery, the load's voltage carried along."""
    volts, start = load.voltage_v, stage._then
    for now in range(start + step_us, start + for_us + 1, step_us):
        done = stage.advance(now, setpoint, load._replace(voltage_v=volts))
        volts = done.voltage_v
    return done


def test_a_module_that_is_connected_charges_its_link_before_it_delivers():
    stage = AveragedStage(connected=False)

    run(stage, Setpoint(500, 50, True), 100_000)
    assert stage.link_v == pytest.approx(537.4 * (1 - np.exp(-1)), rel=0.01)
    early = run(stage, Setpoint(500, 50, True), 900_000)
    assert early.current_a == 0
    late = run(stage, Setpoint(500, 50, True), 1_500_000)

    assert stage.link_v == pytest.approx(750, abs=1)
    assert late.current_a == pytest.approx(50, rel=0.01)


def test_the_link_dips_no_more_than_the_feed_forward_lets_it():
    stage = AveragedStage(dynamics=Dynamics(rise_per_s=1e6, ramp_v_per_s=1e7))
    lows = []

    for _ in range(100):
        run(stage, Setpoint(1000, 80, True), 50, step_us=50)
        lows.append(stage.link_v)

    assert 733 < min(lows) < 742  # 737.7 V for 30 kW; here the losses come on top


@pytest.mark.parametrize("step_us", [50, 1_000, 200_000])
def test_long_steps_stay_within_a_tenth_of_a_percent(step_us):
    energies = []
    for long_steps in (True, False):
        stage = AveragedStage(long_steps=long_steps)
        run(stage, Setpoint(355, 80, True), 1_000_000)
        joules = 0.0
        for _ in range(1_000_000 // step_us):
            joules += run(stage, Setpoint(355, 80, True), step_us, step_us=step_us).power_ac_w * step_us * 1e-6
        energies.append(joules)

    assert energies[0] == pytest.approx(energies[1], rel=1e-3)


def test_a_settled_stage_lives_few_interrupts():
    stage = AveragedStage()
    run(stage, Setpoint(500, 80, True), 2_000_000)
    before = stage.interrupts

    run(stage, Setpoint(500, 80, True), 2_000_000, step_us=200_000)

    assert stage.interrupts - before <= 10 * 80


def test_wiring_changes_at_zero_current_above_520_v_and_takes_60_ms():
    stage, seen = AveragedStage(), []
    volts = 0.0

    for now in range(1_000, 2_200_001, 1_000):
        done = stage.advance(now, Setpoint(900, 5, True), EMPTY._replace(voltage_v=volts))
        volts = done.voltage_v
        seen.append((stage.wiring, volts, done.current_a))

    change = next(k for k, (wiring, _, _) in enumerate(seen) if wiring is Wiring.HIGH)
    assert seen[change][1] == pytest.approx(520, abs=2)  # the fixed resistor draws meanwhile
    assert all(abs(current_a) < 1e-9 for _, _, current_a in seen[change - 58 : change])
    assert volts == pytest.approx(900, rel=0.005)


@pytest.mark.parametrize(
    "state, value, trip",
    [
        (X.VDC, 900.0, Trip.LINK_OVER_VOLTAGE),
        (X.VDC, 500.0, Trip.LINK_UNDER_VOLTAGE),
        (X.ID, 150.0, Trip.FRONT_END_PEAK),
        (X.D, 0.45, Trip.OUTPUT_OVER_CURRENT),
    ],
)
def test_a_passed_limit_blocks_at_once_and_latches_until_reset(state, value, trip):
    stage = AveragedStage()
    run(stage, Setpoint(500, 80, True), 500_000)
    stage._x[state] = value

    run(stage, Setpoint(500, 80, True), 250, step_us=50)
    assert stage.trip is trip
    assert run(stage, Setpoint(500, 80, True), 100_000).current_a == 0
    stage.reset()

    assert stage.trip is None


def test_an_output_above_1050_v_trips():
    stage = AveragedStage()

    run(stage, Setpoint(1000, 10, True), 1_000, load=EMPTY._replace(voltage_v=1060.0))

    assert stage.trip is Trip.OUTPUT_OVER_VOLTAGE


@pytest.mark.parametrize("bad", [nan, 1e300])
def test_a_number_that_is_none_stops_the_run_with_time_state_and_configuration(bad):
    stage = AveragedStage()

    with pytest.raises(Diverged, match=r"at 1000 us.*Ref30.*VDC"):
        stage.advance(1_000, Setpoint(500, 80, True), BATTERY._replace(source_a=bad))


def test_the_front_end_rides_through_a_jump_of_phase():
    stage = AveragedStage()
    run(stage, Setpoint(500, 40, True), 1_000_000)
    stage._x[X.DELTA] += 0.3

    run(stage, Setpoint(500, 40, True), 300_000)

    assert abs(stage._x[X.DELTA]) < 0.01
    assert stage.trip is None
    assert stage.link_v == pytest.approx(750, abs=2)


def test_droop_lowers_the_voltage_with_the_current():
    stage = AveragedStage(droop_ohm=75e-3)

    done = run(stage, Setpoint(355, 90, True), 1_500_000)

    assert done.voltage_v == pytest.approx(355 - 75e-3 * done.current_a, abs=0.1)


def test_modules_share_a_demand_equally():
    one, four = AveragedStage(), AveragedStage(RATINGS["120kW"])
    stiff = Load(EMF_V, 4 * 267e-6, 4 * 10.0, 4 * 10.0 * EMF_V)

    alone = run(one, Setpoint(500, 40, True), 1_000_000)
    together = run(four, Setpoint(500, 160, True), 1_000_000, load=stiff)

    assert together.current_a == pytest.approx(4 * alone.current_a, rel=1e-3)
    assert together.heat_w == pytest.approx(4 * alone.heat_w, rel=1e-3)


def test_the_front_end_keeps_to_its_limits():
    stage = AveragedStage()
    stage._p[P.FORWARD] = 0.0
    crest = 0.0

    for _ in range(2_000):
        run(stage, Setpoint(500, 80, True), 50, step_us=50)
        crest = max(crest, stage.grid_current_a)

    assert crest < stage.module.front_end.peak_a


def test_nothing_is_taken_from_absent_mains():
    stage = AveragedStage()
    stage.mains_present = False

    assert run(stage, OFF, 10_000)[1:4] == (0.0, 0.0, pytest.approx(750**2 / 50e3, rel=0.01))


def test_a_droop_that_cannot_be_is_refused():
    with pytest.raises(ValueError, match="droop_ohm = -1 ohm"):
        AveragedStage(droop_ohm=-1)


def test_the_quasi_static_efficiency_is_a_fit_to_this_level():
    given, fitted = Losses(), fit_losses()

    for power_w in (3_000, 7_500, 15_000, 22_500, 30_000):
        ends = [
            power_w / (power_w + losses.a0_w + power_w * (losses.a1 + losses.a2_per_w * power_w)) for losses in (given, fitted)
        ]
        assert ends[0] == pytest.approx(ends[1], abs=1e-3)


@pytest.mark.parametrize("away_us", [5_000, 1_000_000, 30_000_000])
def test_a_stage_comes_back_after_the_mains_did(away_us):
    stage = AveragedStage()
    run(stage, Setpoint(500, 50, True), 1_000_000)

    stage.mains_present = False
    assert run(stage, Setpoint(500, 50, True), away_us).current_a == 0
    stage.mains_present = True
    back = run(stage, Setpoint(500, 50, True), 2_500_000)

    assert stage.trip is None
    assert back.current_a == pytest.approx(50, rel=0.01)
