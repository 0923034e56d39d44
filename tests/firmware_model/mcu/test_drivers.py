from hypothesis import given
from hypothesis import strategies as st

from firmware_model.board import CHANNELS, FULL_SCALE, SPANS, Channel, Outputs, Span
from firmware_model.mcu.drivers import CONNECTED, OVER_CURRENT, OVER_VOLTAGE, Comparators, Converter, converters

COUNTS = st.integers(0, FULL_SCALE)
SPAN = st.sampled_from(SPANS) | st.builds(Span, st.floats(-1e3, 0), st.floats(1, 2e3))


@given(span=SPAN, counts=COUNTS)
def test_milli_units_are_within_one_of_the_physical_value(span, counts):
    assert abs(Converter(span).milli(counts) - 1000 * span.value(counts)) <= 2


@given(span=SPAN, milli=st.integers(-400_000, 1_300_000))
def test_limits_in_counts_are_exactly_the_limits_in_milli_units(span, milli):
    converter = Converter(span)
    most, least = converter.at_most(milli), converter.at_least(milli)

    assert most < 0 or converter.milli(most) <= milli
    assert most == FULL_SCALE or converter.milli(most + 1) > milli
    assert least > FULL_SCALE or converter.milli(least) >= milli
    assert least == 0 or converter.milli(least - 1) < milli


@given(
    first=st.lists(COUNTS, min_size=CHANNELS, max_size=CHANNELS),
    second=st.lists(COUNTS, min_size=CHANNELS, max_size=CHANNELS),
    over_mv=st.integers(0, 1_100_000),
    over_ma=st.integers(0, 290_000),
)
def test_a_sample_inside_the_windows_has_the_same_conditions(first, second, over_mv, over_ma):
    """What lets the board leave out activations."""
    comparators = Comparators(converters(), cc1_low_mv=3_200, cc1_high_mv=4_800)
    comparators.limit_voltage(over_mv)
    comparators.limit_current(over_ma)
    outputs = Outputs()
    bits = comparators.compare(first, outputs)
    inside = [min(max(count, low), high) for count, (low, high) in zip(second, outputs.windows, strict=True)]

    assert all(low <= count <= high for count, (low, high) in zip(first, outputs.windows, strict=True))
    assert comparators.compare(inside, Outputs()) == bits


def test_the_conditions_are_those_of_the_limits():
    comparators = Comparators(converters(), cc1_low_mv=3_200, cc1_high_mv=4_800)
    comparators.limit_voltage(500_000)
    comparators.limit_current(100_000)

    def bits(**values):
        adc = [0] * CHANNELS
        for name, value in {"OUTPUT_A": 0.0, **values}.items():
            adc[Channel[name]] = SPANS[Channel[name]].counts(value)
        return comparators.compare(adc, Outputs())

    assert bits() == 0
    assert bits(CC1_V=4.0) == bits(CC1_V=3.21) == bits(CC1_V=4.79) == CONNECTED
    assert bits(CC1_V=3.18) == bits(CC1_V=4.82) == bits(CC1_V=6.0) == 0
    assert bits(STAGE_V=499.5) == bits(INTERFACE_V=499.5) == 0
    assert bits(STAGE_V=501.0) == bits(INTERFACE_V=501.0) == OVER_VOLTAGE
    assert bits(OUTPUT_A=99.5) == 0
    assert bits(OUTPUT_A=100.5) == OVER_CURRENT
