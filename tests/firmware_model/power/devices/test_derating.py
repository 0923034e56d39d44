import math

import pytest

from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.happenings import Moment, Step
from firmware_model.power.averaged import AveragedStage
from firmware_model.power.devices.derating import AMBIENT, BASE_PLATE, Derating, mains_share
from firmware_model.power.stage import Load, Setpoint, Trip
from protocols.gbt27930.charger_rules import ChargerState

S = 1_000_000


def test_power_falls_with_the_temperature_as_specified():
    assert [AMBIENT.share(t) for t in (25, 50, 65, 70, 80)] == pytest.approx([1.0, 1.0, 0.5, 0.25, 0.0])
    assert BASE_PLATE.share(102.5) == pytest.approx(0.5)
    assert mains_share(380.0) == 1.0 and mains_share(161.5) == pytest.approx(0.5)


def test_power_returns_only_after_five_kelvin():
    derating = Derating(curve=BASE_PLATE)
    assert derating.share(102.5) == pytest.approx(0.5)
    assert derating.share(98.0) == pytest.approx(0.5)
    assert derating.share(95.0) == pytest.approx(2 / 3)


def test_a_hysteresis_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match=r"Derating\.hysteresis_k = nan K: allowed 0 \.\. 50 K"):
        Derating(curve=AMBIENT, hysteresis_k=math.nan)


@pytest.mark.parametrize("trip", [Trip.DESATURATION, Trip.GATE_SUPPLY, Trip.OUTPUT_SHORT, Trip.THERMISTOR])
def test_a_hardware_trip_of_the_stage_ends_the_charge_safely(trip):
    bench = Bench(PileSetup(), VehicleSetup(), seed=1, script=[Step("plug in", Moment()), Step("start", Moment(S))])
    bench.run(30 * S)
    assert bench.charger.session.state is ChargerState.CHARGING

    bench.pile.circuit.stage.strike(trip)
    bench.run(40 * S)

    assert bench.pile.circuit.stage.trip is trip
    assert bench.charger.session.state is ChargerState.END
    assert not bench.pile.circuit.k1.closed(bench.clock.now)


def test_a_stopped_fan_derates_the_stage_and_a_running_one_does_not():
    currents = {}
    for dead in (False, True):
        stage, load = AveragedStage(), Load(400.0, 267e-6, 10.0, 10.0 * 400.0 - 75.0)
        stage.fan_dead = dead
        for now in range(S // 5, 200 * S, S // 5):
            done = stage.advance(now, Setpoint(1000.0, 75.0, True), load)
            load = load._replace(voltage_v=done.voltage_v)
        currents[dead] = done.current_a, stage.heat_sink_degc
    assert currents[False][0] == pytest.approx(75.0, rel=0.01) and currents[False][1] < 75.0
    assert currents[True][0] < 60.0 and 95.0 < currents[True][1] < 110.0
