import numpy as np
import pytest

from firmware_model.power.control.adc import PHASE_CURRENT, VOLTAGE, AdcChannel, mid_point_error_a


def test_one_count_is_what_the_design_says():
    assert PHASE_CURRENT.lsb == pytest.approx(73e-3, abs=0.5e-3)
    assert VOLTAGE.lsb == pytest.approx(0.293, abs=0.5e-3)


@pytest.mark.parametrize("value", [-150.0, -37.2, 0.0, 66.6, 149.9])
def test_reading_is_within_half_a_count(value):
    assert PHASE_CURRENT.read(value) == pytest.approx(value, abs=0.51 * PHASE_CURRENT.lsb)


@pytest.mark.parametrize("value, counts", [(-1e9, 0), (1e9, 4095)])
def test_out_of_range_saturates(value, counts):
    assert PHASE_CURRENT.counts(value) == counts


def test_noise_comes_from_the_generator_only():
    noisy = AdcChannel(low=-150, high=150, noise_lsb=2.0)

    read = [noisy.counts(10.0, np.random.default_rng(1)) for _ in range(2)]
    spread = np.std([noisy.counts(10.0, rng) for rng in [np.random.default_rng(2)] for _ in range(4000)])

    assert read[0] == read[1]
    assert spread == pytest.approx(2.0, rel=0.1)


def test_the_filter_lags_by_its_corner():
    assert VOLTAGE.lagged(0.0, 100.0, 1 / (2 * np.pi * 5e3)) == pytest.approx(63.2, abs=0.1)


def test_sampling_half_a_microsecond_late_reads_the_slope():
    assert mid_point_error_a(0.5e-6, voltage_v=750, inductance_h=1e-3) == pytest.approx(0.375)


@pytest.mark.parametrize(
    "values", [{"low": 1, "high": 1}, {"low": 0, "high": 1, "bits": 0}, {"low": 0, "high": 1, "corner_hz": 0}]
)
def test_a_channel_that_cannot_be_is_refused(values):
    with pytest.raises(ValueError, match="AdcChannel"):
        AdcChannel(**values)
