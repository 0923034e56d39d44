"""What a chip adds to the truth, each part alone."""

from statistics import pstdev

import pytest

from firmware_model.afe.errors import Converters, Disturbance
from firmware_model.afe.part import LTC6811, MODES

FAST, NORMAL, SLOW = MODES[1, 0], MODES[2, 0], MODES[3, 0]


def results(converters, mode=NORMAL, volts=3.3, count=400, **given):
    return [converters.code(volts, 0, mode, at_us=0, die_degc=25.0, **given) for _ in range(count)]


@pytest.mark.parametrize(("mode", "low", "high"), [(FAST, 30, 100), (NORMAL, 5, 20), (SLOW, 0.2, 1.2)])
def test_fast_edges_alias_into_cells_as_the_mode_lets_them(mode, low, high):
    """rms in codes of 0.1 mV, at full power."""
    converters = Converters(LTC6811, seed=1)
    converters.switching = 1.0

    assert low <= pstdev(results(converters, mode, exposed=True)) <= high
    assert pstdev(results(converters, mode)) <= 1.1 * mode.noise_v / 1e-4 + 0.3


def test_references_drift_with_the_root_of_time_and_within_their_bounds():
    """The first moves every result, the second what is measured of it, and what the thermistors are supplied with."""
    seconds = []
    for seed in range(30):
        converters = Converters(LTC6811, seed=seed)
        young_v = converters.second_reference_v(25.0)
        converters.age_h = 16_000.0
        old_v = converters.second_reference_v(25.0)
        converters.age_h = 4_000.0
        assert converters.second_reference_v(25.0) - young_v == pytest.approx((old_v - young_v) / 2.0, abs=1e-9)
        seconds.append(old_v - young_v)
    assert young_v == 3.0
    assert 0.4e-3 < max(map(abs, seconds)) <= 3.0 * 60e-6 * 4.0 and min(seconds) < 0 < max(seconds)


def test_the_first_reference_ages_every_result_of_its_chip():
    worst = 0
    for seed in range(30):
        converters = Converters(LTC6811, seed=seed)
        before = sum(results(converters, SLOW, 5.0)) / 400
        converters.age_h = 100_000.0
        worst = max(worst, abs(sum(results(converters, SLOW, 5.0)) / 400 - before))
    assert 5.0 < worst <= 50_000 * 20e-6 * 10.0 + 0.2


def test_an_ideal_chip_adds_nothing_whatever_its_age_and_temperature():
    converters = Converters(LTC6811, seed=1, ideal=True)
    converters.age_h = 100_000.0

    assert converters.code(3.3, 0, FAST, at_us=0, die_degc=85.0, exposed=True) == 33_000
    assert converters.second_reference_v(85.0) == 3.0


def test_temperature_moves_the_second_reference_by_its_coefficient():
    shifts = [Converters(LTC6811, seed=seed).second_reference_v(125.0) / 3.0 - 1.0 for seed in range(30)]

    assert 0.5e-3 < max(map(abs, shifts)) <= 1e-3


def test_bits_that_a_filter_has_always_set_are_in_every_result_and_in_the_self_test():
    converters = Converters(LTC6811, seed=1, ideal=True)
    converters.flaws.filter_bits[0] = 0x0400

    assert results(converters, volts=2.0, count=1) == [20_000 | 0x0400]
    assert [converters.pattern(0, NORMAL, test) for test in (1, 2)] == [0x9555, 0x6EAA]
    assert converters.pattern(1, NORMAL, 2) == 0x6AAA


def test_a_stuck_converter_passes_the_self_test_of_its_filter():
    converters = Converters(LTC6811, seed=1)
    converters.flaws.stuck[0] = 34_000

    assert set(results(converters)) == {34_000} and converters.pattern(0, FAST, 1) == 0x9565


@pytest.mark.parametrize(
    ("given", "named"),
    [({"amplitude_v": -1.0, "frequency_hz": 1.0}, "amplitude_v"), ({"amplitude_v": 1.0, "frequency_hz": 0.0}, "frequency_hz")],
)
def test_nonsense_is_refused_by_name(given, named):
    with pytest.raises(ValueError, match=named):
        Disturbance(**given)
