import numpy as np
import pytest
from numpy.random import default_rng

from firmware_model.cabinet.auxiliary import AuxiliarySupply, EmergencyStop, Mains
from firmware_model.cabinet.bleeder import Bleeder
from firmware_model.cabinet.plug import PlugTemperature
from firmware_model.cabinet.sensor import Sensor

MS, S = 1_000, 1_000_000


@pytest.mark.parametrize(
    "on, burnt, welded, r_ohm",
    [(False, False, False, None), (True, False, False, 1000), (True, True, False, None), (False, False, True, 1000)],
)
def test_bleeder_conducts_as_its_condition_says(on, burnt, welded, r_ohm):
    bleeder = Bleeder()
    bleeder.on, bleeder.burnt, bleeder.welded = on, burnt, welded

    assert bleeder.conductance_s == (1 / r_ohm if r_ohm else 0)


def test_250_a_warm_the_plug_by_50_kelvin():
    plug = PlugTemperature(ambient_degc=30)

    plug.advance(6_000 * S, 250.0**2)

    assert plug.sensors_degc() == pytest.approx((80, 80), abs=0.01)


def test_plug_temperature_does_not_depend_on_how_time_is_divided():
    whole, parts = PlugTemperature(), PlugTemperature()
    for now in range(0, 601 * S, S):
        parts.advance(now, 200.0**2)

    whole.advance(600 * S, 200.0**2)

    assert parts.plus_degc == pytest.approx(whole.plus_degc)
    assert whole.plus_degc == pytest.approx(25 + 32 * (1 - np.exp(-1)))


def test_a_bad_contact_warms_one_pin_only():
    plug = PlugTemperature()
    plug.minus_ohm *= 3

    plug.advance(6_000 * S, 150.0**2)

    plus, minus = plug.sensors_degc()
    assert minus - 25 == pytest.approx(3 * (plus - 25), rel=1e-3)


def test_a_broken_temperature_sensor_is_seen_as_open():
    plug = PlugTemperature()
    plug.plus_broken, plug.minus_offset_k = True, 4.0

    assert plug.sensors_degc() == (-40, 29)


def test_auxiliary_voltage_is_there_once_k3_and_k4_are_closed():
    supply = AuxiliarySupply()
    supply.command(True, 0)

    assert supply.voltage_v(9 * MS) == 0
    assert supply.voltage_v(20 * MS) == pytest.approx(12, abs=0.6) and supply.feedback(20 * MS)
    supply.command(False, 30 * MS)
    assert supply.voltage_v(40 * MS) == 0 and not supply.feedback(40 * MS)


@pytest.mark.parametrize("condition, value", [("wire_broken", True), ("load_a", 11.0), ("supply_v", 0.045)])
def test_auxiliary_voltage_is_lost_by_wire_overload_and_source(condition, value):
    supply = AuxiliarySupply()
    supply.command(True, 0)
    setattr(supply, condition, value)

    assert supply.voltage_v(100 * MS) == pytest.approx(0, abs=1e-9)


def test_one_stuck_pole_keeps_the_auxiliary_voltage_away():
    supply = AuxiliarySupply()
    supply.k4.stuck_open = True
    supply.command(True, 0)

    assert supply.voltage_v(100 * MS) == 0 and not supply.feedback(100 * MS)


@pytest.mark.parametrize("pressed, broken", [(True, False), (False, True)])
def test_emergency_loop_opens_by_button_and_by_broken_wire(pressed, broken):
    stop = EmergencyStop()
    assert stop.loop_closed

    stop.pressed, stop.wire_broken = pressed, broken

    assert not stop.loop_closed


@pytest.mark.parametrize("voltage_v, present", [(0, False), (259, False), (260, True), (380, True), (476, False)])
def test_mains_counts_within_its_range(voltage_v, present):
    mains = Mains()
    mains.voltage_v = voltage_v

    assert mains.present is present


@pytest.mark.parametrize("truth", [-200.0, -150.0, -0.03, 0.0, 0.04, 73.2, 150.0, 900.0])
def test_a_sensor_without_errors_is_right_to_half_a_count_and_saturates(truth):
    sensor = Sensor(-150, 150)

    sensor.sample(truth)

    assert sensor.value == pytest.approx(min(max(truth, -150), 150), abs=0.51 * sensor.lsb)
    assert 0 <= sensor.counts <= 4095


def test_sensor_errors_are_gain_offset_and_noise_of_their_size():
    sensor = Sensor(0, 1200, rng=default_rng(1))
    sensor.gain, sensor.offset = 1.01, -3.0
    readings = []
    for _ in range(4000):
        sensor.sample(500.0)
        readings.append(sensor.value)

    assert np.mean(readings) == pytest.approx(502, abs=0.05)
    assert np.std(readings) == pytest.approx(2 * sensor.lsb, rel=0.1)


def test_a_frozen_sensor_keeps_its_reading_and_its_place_in_the_noise():
    frozen, healthy = (Sensor(0, 1200, rng=default_rng(1)) for _ in range(2))
    for step in range(2000):
        frozen.frozen = 100 <= step < 1990
        for sensor in (frozen, healthy):
            sensor.sample(300.0 + step / 10)
        if step == 1989:
            assert abs(frozen.value - 310) < 5 and abs(healthy.value - 499) < 5

    assert frozen.counts == healthy.counts


def test_noise_comes_from_the_seed():
    readings = []
    for seed in (1, 1, 2):
        sensor = Sensor(0, 1200, rng=default_rng(seed))
        row = []
        for _ in range(50):
            sensor.sample(300.0)
            row.append(sensor.counts)
        readings.append(row)

    assert readings[0] == readings[1] != readings[2]


def test_counts_of_a_value_are_those_a_perfect_sensor_shows():
    sensor = Sensor(-150, 150)
    sensor.sample(42.0)

    assert sensor.to_counts(42.0) == sensor.counts
    assert (sensor.to_counts(-1e9), sensor.to_counts(1e9)) == (0, 4095)
