import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.battery.chemistry import LFP, NMC

both = pytest.mark.parametrize("chemistry", [NMC, LFP], ids=lambda c: c.name)


@both
def test_the_curve_goes_through_every_table_point(chemistry):
    for soc, ocv_v in chemistry.ocv_v.items():
        assert chemistry.ocv_at(soc) == pytest.approx(ocv_v, abs=1e-6)


@both
@given(soc=st.floats(0, 1))
def test_between_points_the_curve_is_a_straight_line(chemistry, soc):
    assert chemistry.ocv_at(soc) == pytest.approx(np.interp(soc, list(chemistry.ocv_v), list(chemistry.ocv_v.values())), abs=1e-9)


@both
@given(a=st.floats(-0.1, 1.1), b=st.floats(-0.1, 1.1))
def test_more_charge_never_means_less_voltage(chemistry, a, b):
    low, high = sorted((a, b))

    assert chemistry.ocv_at(low) <= chemistry.ocv_at(high)


@both
@given(soc=st.floats(0.001, 0.999))
def test_slope_is_that_of_the_line_in_force(chemistry, soc):
    k = int(100 * soc)
    step = chemistry.ocv_at((k + 0.9) / 100) - chemistry.ocv_at((k + 0.1) / 100)

    assert chemistry.ocv_slope_at(soc) == pytest.approx(step / 0.008, rel=1e-6, abs=1e-9)


@pytest.mark.parametrize(
    "chemistry, capacity_ah, soc, temp_degc, r_mohm",
    [
        (NMC, 5, 0.5, 25, 23.5),
        (NMC, 5, 0.5, 0, 35.7),
        (NMC, 5, 0.5, 45, 15.9),
        (NMC, 5, 0.1, 25, 29.3),
        (NMC, 5, 0.9, 45, 18.0),
        (LFP, 2.3, 0.5, 25, 29.7),
        (LFP, 2.3, 0.5, 0, 53.4),
        (LFP, 2.3, 0.9, 0, 56.7),
    ],
)
def test_resistance_is_that_of_the_fitted_cells(chemistry, capacity_ah, soc, temp_degc, r_mohm):
    assert 1e3 * chemistry.r0_at(soc, temp_degc) / capacity_ah == pytest.approx(r_mohm, rel=0.05)


@both
@given(soc=st.floats(-0.2, 1.2), temp_degc=st.floats(-40, 80))
def test_resistance_is_always_positive_and_falls_with_warmth(chemistry, soc, temp_degc):
    assert 0 < chemistry.r0_at(soc, temp_degc + 1) < chemistry.r0_at(soc, temp_degc)
