import math

import numpy as np
import pytest

from firmware_model.power.devices.gate_driver import Comparator, GateDriver
from firmware_model.power.devices.part_list import FF450, FUJI_100
from firmware_model.power.devices.protection import SlowWatch, output_short
from firmware_model.power.devices.short_circuit import short_circuit


def test_the_energy_of_a_short_circuit_is_the_integral_of_voltage_and_current():
    driver, loop_h = GateDriver(), 1e-6
    course = short_circuit(FUJI_100, driver, link_v=750.0, loop_h=loop_h, initial_a=100.0, conducting=True)
    t = np.linspace(0.0, course.zero_s, 2_000_001)
    amps = np.minimum(100.0 + 750.0 / loop_h * t, 400.0)
    amps = np.where(t > course.trip_s, 400.0 * (course.zero_s - t) / driver.soft_off_s, amps)
    line = FUJI_100.switch_at(150.0)
    volts = np.where(t < course.saturated_s, line[1] + line[2] * amps, 750.0)
    volts = np.where(t > course.trip_s, course.peak_v, volts)
    assert course.energy_j == pytest.approx(np.trapezoid(amps * volts, t), rel=1e-4)


def test_a_short_circuit_is_off_before_the_chip_is_lost_and_without_overshoot():
    course = short_circuit(FF450, GateDriver(), link_v=800.0)
    assert course.peak_a == 1800.0 and course.trip_s <= 4e-6 and course.energy_j < 8.0
    assert course.survived(FF450)
    slow = short_circuit(FF450, GateDriver(blanking_f=600e-12), link_v=800.0)
    assert not slow.survived(FF450)


def test_blanking_follows_capacitor_and_current():
    assert GateDriver(blanking_f=100e-12).blanking_s == pytest.approx(1.8e-6)
    assert GateDriver(blanking_f=220e-12, leading_edge_s=400e-9).desaturation_s > 4e-6


def test_the_output_short_empties_the_capacitors_into_the_fault_path():
    short = output_short(750.0)
    assert short.trip_s < 10e-6
    assert short.lost_j == pytest.approx(short.stored_j, rel=0.01)
    assert 1_000.0 < short.peak_a < 750.0 * math.sqrt(147e-6 / 4e-6) * 1.5


def test_slow_watches_keep_their_rows_and_the_ten_millisecond_task_would_not():
    assert SlowWatch().fan_s <= 1.0 and SlowWatch().ntc_open_s() <= 10e-3
    assert SlowWatch(ntc_task_s=10e-3).ntc_open_s() > 10e-3


@pytest.mark.parametrize("value", [0.0, -1.0, math.nan])
def test_impossible_drivers_are_refused_with_name_and_unit(value):
    with pytest.raises(ValueError, match=r"GateDriver\.blanking_f = .* F: allowed above 0"):
        GateDriver(blanking_f=value)
    with pytest.raises(ValueError, match=r"Comparator\.filter_s = .* s: allowed above 0"):
        Comparator(filter_s=value)
    with pytest.raises(ValueError, match=r"loop_h = .* H"):
        short_circuit(FUJI_100, GateDriver(), link_v=750.0, loop_h=value)


def test_the_matrix_exponential_is_scipys():
    from scipy.linalg import expm

    from firmware_model.power.devices.protection import exponential

    rng = np.random.default_rng(5)
    for scale in (1e-9, 0.1, 3.0, 40.0):
        matrix = scale * rng.standard_normal((5, 5))
        assert exponential(matrix) == pytest.approx(expm(matrix), rel=1e-9, abs=1e-9 * np.abs(expm(matrix)).max())
