import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.linalg import expm

from firmware_model.power.foster_sets import FOSTER_SETS
from firmware_model.power.thermal import Cauer, Foster, FosterState, HeatSink, LadderState, fan_power_w, fan_speed

FOSTERS = st.lists(
    st.tuples(st.floats(1e-3, 1.0), st.floats(1e-4, 10.0)), min_size=1, max_size=4, unique_by=lambda t: round(t[1], 5)
)


@given(FOSTERS, st.floats(1e-4, 100.0))
def test_a_ladder_heats_like_the_set_it_stands_for(terms, after_s):
    r, tau = zip(*terms, strict=True)
    foster = Foster(r_k_per_w=r, tau_s=tau)

    ladder = LadderState(foster.cauer(), temp_degc=0.0)

    assert ladder.advance(after_s, 1.0, 0.0) == pytest.approx(foster.impedance_k_per_w(after_s), rel=1e-3, abs=1e-6)


@given(st.lists(st.floats(1e-4, 2.0), min_size=1, max_size=20))
def test_how_an_interval_is_divided_does_not_matter(steps_s):
    foster = FOSTER_SETS["FF450R12KT4 IGBT"]
    once, often = FosterState(foster), FosterState(foster)

    for dt_s in steps_s:
        rise_k = often.advance(dt_s, 100.0)

    assert rise_k == pytest.approx(once.advance(sum(steps_s), 100.0))


def test_a_ladder_on_a_heat_sink_agrees_with_the_matrix_exponential():
    ladder = FOSTER_SETS["2MBI100XAA120-50 IGBT"].cauer().onto(HeatSink(), speed=0.5)
    count = len(ladder.c_j_per_k)
    flow = np.zeros((count + 2, count + 2))  # temperatures, then power and air as constants
    for node, (c, r) in enumerate(zip(ladder.c_j_per_k, ladder.r_k_per_w, strict=True)):
        onward = node + 1 if node + 1 < count else count + 1
        flow[node, node] -= 1 / (r * c)
        flow[node, onward] += 1 / (r * c)
        if onward < count:
            flow[onward, onward] -= 1 / (r * ladder.c_j_per_k[onward])
            flow[onward, node] += 1 / (r * ladder.c_j_per_k[onward])
    flow[0, count] = 1 / ladder.c_j_per_k[0]

    reference = expm(flow * 7.0) @ np.array([*[25.0] * count, 68.0, 40.0])

    state = LadderState(ladder, temp_degc=25.0)
    state.advance(3.0, 68.0, 40.0)
    assert state.advance(4.0, 68.0, 40.0) == pytest.approx(reference[0], abs=1e-6)
    assert state.temps_degc == pytest.approx(reference[:count], abs=1e-6)


def test_on_a_heat_sink_the_case_lags_behind_a_foster_set_stacked_on_it():
    foster, sink = FOSTER_SETS["FF450R12KT4 IGBT"], HeatSink(c_j_per_k=20.0)
    ladder = LadderState(foster.cauer().onto(sink), temp_degc=0.0)
    sink_alone = LadderState(Cauer(c_j_per_k=(20.0,), r_k_per_w=(sink.r_k_per_w,)), temp_degc=0.0)

    stacked_k = foster.impedance_k_per_w(0.05) + 0.05 + sink_alone.advance(0.05, 1.0, 0.0)

    assert ladder.advance(0.05, 1.0, 0.0) < stacked_k


@pytest.mark.parametrize(
    "r_k_per_w, stated",
    [
        ((0.034, 0.034, 0.034, 0.034), 0.072),  # as published for SKM400GB12T4: sums to 0.136
        ((0.041, 0.041, 0.041), 0.16),  # WAB300M12BM3: 0.123
    ],
)
def test_a_set_that_does_not_add_up_is_refused(r_k_per_w, stated):
    with pytest.raises(ValueError, match=r"adds up to .* K/W, the data sheet states"):
        Foster(r_k_per_w=r_k_per_w, tau_s=tuple(0.01 * (i + 1) for i in range(len(r_k_per_w))), stated_k_per_w=stated)


@pytest.mark.parametrize("bad", [0.0, -0.1, float("nan"), float("inf")])
def test_what_is_not_physical_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="r_k_per_w"):
        Foster(r_k_per_w=(bad,), tau_s=(0.1,))
    with pytest.raises(ValueError, match="tau_s"):
        Foster(r_k_per_w=(0.1,), tau_s=(bad,))
    with pytest.raises(ValueError, match="c_j_per_k"):
        HeatSink(c_j_per_k=bad)
    with pytest.raises(ValueError, match="least_speed"):
        HeatSink(least_speed=bad)
    with pytest.raises(ValueError, match="dead_factor"):
        HeatSink(dead_factor=bad)


def test_equal_time_constants_are_refused():
    with pytest.raises(ValueError, match="differ"):
        Foster(r_k_per_w=(0.1, 0.1), tau_s=(0.1, 0.1))


def test_the_fan_follows_the_sink_and_the_sink_the_fan():
    assert (fan_speed(20.0), fan_speed(60.0), fan_speed(90.0)) == (0.2, 0.5, 1.0)
    assert fan_power_w(0.5) == 7.5
    sink = HeatSink()
    assert sink.resistance_k_per_w(1.0) == 0.045
    assert sink.resistance_k_per_w(0.1) == sink.resistance_k_per_w(0.2) == pytest.approx(0.045 * 0.2**-0.8)
    assert sink.resistance_k_per_w(1.0, fan_dead=True) == pytest.approx(0.225)
    assert sink.resistance_k_per_w(1.0, altitude_km=2.0, years=3.0) == pytest.approx(0.045 * 1.12 * 1.3)
