"""A field's arithmetic is exact, and a declaration that cannot work is refused when it is made."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.core.errors import LocalError
from protocols.core.fields import Field, flag, many, text, u
from protocols.core.message import Message

SCALES = st.sampled_from([1, 0.1, 0.01, 0.5, 0.25, 0.001, -0.1, -1])


@given(raw=st.integers(0, 0xFFFF), lsb=SCALES, offset=st.integers(-400, 400))
def test_every_raw_value_comes_back_from_its_physical_value(raw, lsb, offset):
    field = u(16, lsb=lsb, offset=offset)

    assert field.raw(field.physical(raw)) == raw


@given(raw=st.integers(0, 0xFFFF))
def test_a_tenth_is_the_nearest_float_to_its_decimal(raw):
    assert u(16, lsb=0.1).physical(raw) == float(f"{raw // 10}.{raw % 10}")


def test_a_negative_step_turns_the_sign():
    current = u(16, lsb=-0.1, offset=400)

    assert current.physical(2800) == 120.0
    assert current.raw(120) == 2800
    assert current.carried == (-6153.5, 400.0)


def test_an_optional_number_ends_one_short_of_all_ones():
    assert u(8, default=None).carried == (0, 254)
    assert u(8).carried == (0, 255)


@pytest.mark.parametrize(("value", "clamped"), [(400.1, 400), (1e9, 400), (-6153.6, -6153.5), (12.34, 12.34), (None, None)])
def test_a_clamped_number_is_one_that_the_wire_carries(value, clamped):
    assert u(16, lsb=-0.1, offset=400).clamp(value) == clamped


def test_a_clamped_optional_number_never_becomes_not_available():
    assert u(8, default=None).clamp(300) == 254


def test_what_is_not_a_number_is_not_clamped_to_one():
    assert math.isnan(u(16, lsb=0.1).clamp(math.nan))


def test_declared_bounds_go_before_what_the_wire_carries():
    assert u(8, offset=-50, low=-40, high=200).bounds == (-40, 200)
    assert u(8, offset=-50, high=200).bounds == (-50, 200)


@pytest.mark.parametrize("lsb", [0.4, 2, 10, 0.3])
def test_a_step_that_integers_cannot_keep_exact_is_refused(lsb):
    with pytest.raises(LocalError, match=r"1/n"):
        u(8, lsb=lsb)


def test_places_are_given_in_bytes_and_bits_from_one():
    assert flag(at="1.1").at == 0
    assert flag(at="2.3").at == 10
    assert u(6, at="4.3").at == 26


def test_two_fields_on_the_same_bits_are_refused():
    with pytest.raises(LocalError, match=r"Twice\.second"):

        class Twice(Message):
            first: int = u(8)
            second: int = u(8, at="1.5")


def test_fields_that_exceed_the_length_are_refused():
    with pytest.raises(LocalError, match="do not fit into 1 bytes"):

        class Long(Message, length=1):
            value: int = u(16)


def test_a_field_cannot_be_changed():
    field = u(8)

    with pytest.raises(AttributeError):
        field.bits = 16


def test_a_group_field_knows_its_element_and_its_first_spn():
    class Element(Message):
        value: int = u(12)
        group: int = u(4)

    field = many(Element, most=4, spn=3101)

    assert isinstance(field, Field)
    assert (field.bits, field.most, field.spn) == (16, 4, 3101)


def test_text_is_optional_bytes():
    field = text(3)

    assert (field.bits, field.optional, field.is_text) == (24, True, True)
