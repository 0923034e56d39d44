import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.power.control import loops


@given(st.floats(-150, 150))
def test_phase_is_the_inverse_of_the_bridge_law(current_a):
    two_f_l, n_v = 2 * 20e3 * 60e-6, 2 * 750.0

    d = loops.phase_for(current_a, n_v, two_f_l)

    assert n_v * d * (1 - abs(d)) / two_f_l == pytest.approx(current_a, abs=1e-9)


def test_phase_saturates_at_half_a_period():
    assert loops.phase_for(1e6, 1500.0, 2.4) == 0.5


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_slew_never_crosses_zero_in_one_step(value, target):
    after = loops.slewed(value, target, 500.0, 500.0)

    assert value * after >= 0


@given(st.floats(-100, 100), st.floats(-100, 100))
def test_slew_keeps_to_its_rates(value, target):
    assert abs(loops.slewed(value, target, 1.0, 2.0) - value) <= 2.0


@given(st.floats(-100, 100), st.floats(-1000, 1000))
def test_the_selector_never_exceeds_what_is_asked(asked_a, for_voltage_a):
    chosen = loops.least(asked_a, for_voltage_a)

    assert abs(chosen) <= abs(asked_a)
    assert chosen * asked_a >= 0


def test_the_link_integral_stands_still_at_the_limit():
    asked, integral = loops.link_pi(100.0, 0.0, 50.0, 0.608, 57.0, -66.0, 90.0, 50e-6)

    assert (asked, integral) == (90.0, 50.0)


def test_the_pll_locks_within_100_ms():
    delta, integral, timer = 0.5, 0.0, 0.0
    for _ in range(2_000):
        v_q = 310.0 * delta
        deviation, integral = loops.pll(v_q, integral, 0.573, 50.9, 50e-6)
        delta -= deviation * 50e-6
        timer = loops.lock(v_q, 310.0, timer, 50e-6)

    assert abs(delta) < 1e-3
    assert timer >= 0.02
