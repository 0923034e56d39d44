import math

import pytest

from firmware_model.isolation.bit_timing import BitTiming, longest_cable_m, round_trip_us, verify
from firmware_model.isolation.noise import PROFILES, REFERENCE, Barrier, Edges, Profile, upset_probability, upset_rate
from firmware_model.isolation.parts import CAN_TRANSCEIVERS, DIGITAL_ISOLATORS, RS485_TRANSCEIVERS, Delay, DominantTimeout
from protocols.core.errors import LocalError

ISO1042, ISO1050, ADM3053 = (CAN_TRANSCEIVERS[name] for name in ("ISO1042", "ISO1050", "ADM3053"))


@pytest.mark.parametrize("bitrate, metres", [(250_000, 277), (500_000, 117), (1_000_000, 37)])
def test_two_iso1042_reach_as_far_as_the_bit_allows(bitrate, metres):
    timing = BitTiming(bitrate=bitrate)

    assert math.floor(longest_cable_m(ISO1042, ISO1042, timing) + 1e-6) == metres
    assert verify(ISO1042, ISO1042, timing, cable_m=metres) >= -1e-9
    with pytest.raises(LocalError, match=r"ISO1042.*passes the sample point.*up to"):
        verify(ISO1042, ISO1042, timing, cable_m=metres + 1)


def test_the_round_trip_is_both_loops_and_twice_the_cable():
    assert round_trip_us(ISO1042, ISO1050, cable_m=10) == pytest.approx(0.215 + 0.210 + 0.1)


@pytest.mark.parametrize("name, least", [("ISO1042", 9_167), ("ISO1050", 36_667)])
def test_the_dominant_timeout_sets_the_slowest_rate(name, least):
    part = CAN_TRANSCEIVERS[name]
    verify(part, ADM3053, BitTiming(bitrate=least), cable_m=5)

    with pytest.raises(LocalError, match=f"dominant time-out of {name}"):
        verify(part, ADM3053, BitTiming(bitrate=least - 1), cable_m=5)


def test_the_clock_tolerance_is_jump_over_twenty_bits():
    assert BitTiming(segments=20, jump=2).clock_tolerance == 2 / 400


def test_an_upset_is_even_odds_at_the_immunity_and_absent_with_igbt():
    assert upset_probability(ISO1050, Barrier(), 25e3) == 0.5
    assert upset_probability(ISO1050, Barrier(), 4.5e3) < 3e-4  # (25 - 4.5) / 2.5 = 8.2 spreads
    assert upset_probability(ISO1050, Barrier(share=0.3), 4.5e3) < 1e-4
    assert upset_probability(ISO1042, Barrier(), 50e3) == pytest.approx(1 / (1 + math.exp(35 / 8.5)))
    assert upset_rate(ISO1050, Barrier(), Edges(slope_v_per_us=50e3)) > 0.7


def test_without_edges_there_is_no_noise():
    silent = Edges(rate_per_s=0)

    assert PROFILES["bad shield"].rate(silent) == upset_rate(ISO1050, Barrier(), silent) == 0


@pytest.mark.parametrize("profile", PROFILES.values(), ids=lambda profile: profile.name)
def test_a_profile_is_stated_for_reference_edges_and_grows_with_rate_and_slope(profile):
    assert profile.rate(REFERENCE) == pytest.approx(profile.ber)
    assert profile.rate(Edges(rate_per_s=600e3)) == pytest.approx(2 * profile.ber)
    assert profile.rate(Edges(slope_v_per_us=9e3)) > 10 * profile.ber


@pytest.mark.parametrize(
    "make, words",
    [
        (lambda: Delay(least_us=2, typical_us=1, greatest_us=3), "does not hold"),
        (lambda: Delay(least_us=-1, typical_us=1, greatest_us=3), r"Delay.least_us = -1 µs: allowed 0 .. 1000 µs"),
        (lambda: Delay(least_us=math.nan, typical_us=1, greatest_us=3), "Delay.least_us = nan"),
        (lambda: DominantTimeout(least_us=300, most_us=200), "DominantTimeout.most_us = 200"),
        (lambda: Edges(slope_v_per_us=-1), "Edges.slope_v_per_us = -1"),
        (lambda: Barrier(share=1.1), "Barrier.share = 1.1"),
        (lambda: Profile(name="mad", ber=0.5), "Profile.ber = 0.5"),
        (lambda: BitTiming(sample_at=20), "BitTiming.sample_at = 20"),
        (lambda: BitTiming(jump=5), "BitTiming.jump = 5"),
        (lambda: verify(ISO1042, ISO1042, BitTiming(), cable_m=-1), "cable_m = -1 m"),
    ],
)
def test_what_cannot_be_is_refused_by_name(make, words):
    with pytest.raises(ValueError, match=words):
        make()


def test_every_part_has_its_own_name():
    for parts in (CAN_TRANSCEIVERS, DIGITAL_ISOLATORS, RS485_TRANSCEIVERS):
        assert all(part.name == name for name, part in parts.items())
