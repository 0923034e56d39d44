from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.battery.chemistry import LFP, NMC

both = pytest.mark.parametrize("chemistry", [NMC, LFP], ids=lambda c: c.name)
SOC = (0, 0.02, 0.05, *(round(0.05 * n, 2) for n in range(2, 20)), 0.98, 1)

# Open-circuit voltages of the published parameter sets Chen2020 and Prada2013 at 25 °C, executed.
# fmt: off
PUBLISHED = {
    "NMC": (2.500, 2.8625, 3.1094, 3.2959, 3.4339, 3.4852, 3.5286, 3.5814, 3.6290, 3.6670, 3.7054, 3.7509,
            3.7983, 3.8406, 3.8896, 3.9479, 3.9943, 4.0421, 4.0809, 4.0967, 4.1236, 4.1645, 4.200),
    "LFP": (2.000, 2.460, 2.7853, 2.9781, 3.1080, 3.1685, 3.1857, 3.2058, 3.2324, 3.2525, 3.2621, 3.2660,
            3.2678, 3.2688, 3.2700, 3.2740, 3.2926, 3.3097, 3.3132, 3.3142, 3.3164, 3.3502, 3.600),
}
# fmt: on


@both
def test_open_circuit_voltage_is_that_of_the_published_sets(chemistry):
    for soc, ocv_v in zip(SOC, PUBLISHED[chemistry.name], strict=True):
        assert chemistry.ocv_at(soc) == pytest.approx(ocv_v, abs=1e-3)


@both
@given(a=st.floats(-0.1, 1.1), b=st.floats(-0.1, 1.1))
def test_more_charge_never_means_less_voltage(chemistry, a, b):
    low, high = sorted((a, b))

    assert chemistry.ocv_at(low) <= chemistry.ocv_at(high)


@pytest.mark.parametrize("field, value", [("ohmic_ohm_ah", -1.0), ("diffusion_n_s", 0.0), ("exchange_c", float("nan"))])
def test_lags_that_cannot_be_are_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        replace(NMC.lags, **{field: value})


@pytest.mark.parametrize("field, value", [("hysteresis_v", -0.01), ("entropic_v_per_k", float("nan"))])
def test_other_numbers_that_cannot_be_are_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        replace(LFP, **{field: value})
