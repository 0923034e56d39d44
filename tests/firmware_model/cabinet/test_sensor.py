import numpy as np
import pytest
from numpy.random import default_rng

from firmware_model.cabinet.sensor import Sensor


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
