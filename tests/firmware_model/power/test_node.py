from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.power.node import flow, inrush_peak_a

volts = st.floats(0, 1000)


@given(volts, volts, st.floats(0, 250), st.sampled_from([1e-3, 0.1]), st.sampled_from([0.0, 10.0]), st.sampled_from([1e-5, 1e-3]))
def test_energy_into_a_node_is_stored_lost_or_passed_on(voltage_v, emf_v, current_a, dt_s, line_s, leak_s):
    done = flow(voltage_v, dt_s, capacitance_f=267e-6, leak_s=leak_s, line_s=line_s, emf_v=emf_v, current_a=current_a)

    stored_j = 0.5 * 267e-6 * (done.voltage_v**2 - voltage_v**2)
    turnover = abs(done.into_j) + abs(done.lost_j) + abs(done.out_j) + 267e-6 * (voltage_v**2 + done.voltage_v**2) + 1e-6
    assert done.into_j == pytest.approx(stored_j + done.lost_j + done.out_j, abs=1e-6 * turnover)


@given(volts, volts, st.floats(0, 250), st.sampled_from([0.0, 10.0]))
def test_one_long_step_is_many_short_ones(voltage_v, emf_v, current_a, line_s):
    node = {"capacitance_f": 267e-6, "leak_s": 1e-3, "line_s": line_s, "emf_v": emf_v, "current_a": current_a}
    whole = flow(voltage_v, 1e-2, **node)
    now_v, lost_j, out_j = voltage_v, 0.0, 0.0
    for _ in range(10):
        part = flow(now_v, 1e-3, **node)
        now_v, lost_j, out_j = part.voltage_v, lost_j + part.lost_j, out_j + part.out_j

    assert now_v == pytest.approx(whole.voltage_v, rel=1e-9, abs=1e-9)
    assert lost_j == pytest.approx(whole.lost_j, rel=1e-6, abs=1e-6)
    assert out_j == pytest.approx(whole.out_j, rel=1e-6, abs=1e-5)


@pytest.mark.parametrize("r_ohm", [0.0, 0.02, 0.3, 2.0, 20.0])
def test_inrush_peak_is_that_of_a_stepped_series_circuit(r_ohm):
    inductance_h, capacitance_f, dt_s = 72e-6, 267e-6, 2e-8
    current_a = charge = peak_a = 0.0
    for _ in range(50_000):
        current_a += (10.0 - r_ohm * current_a - charge / capacitance_f) / inductance_h * dt_s
        charge += current_a * dt_s
        peak_a = max(peak_a, current_a)

    assert inrush_peak_a(10.0, r_ohm=r_ohm, inductance_h=inductance_h, capacitance_f=capacitance_f) == pytest.approx(
        peak_a, rel=1e-3
    )


def test_inrush_peak_is_smooth_at_critical_damping():
    critical = 2 * sqrt(72e-6 / 267e-6)
    peaks = [inrush_peak_a(-10.0, r_ohm=critical * k, inductance_h=72e-6, capacitance_f=267e-6) for k in (0.999, 1.0, 1.001)]

    assert peaks == sorted(peaks) and peaks[0] == pytest.approx(peaks[2], rel=2e-3)
