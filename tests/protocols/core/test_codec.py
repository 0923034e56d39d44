"""The generated codec: nothing wraps, nothing is silent, every defined bit survives."""

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from protocols.core.errors import DecodeError, LocalError
from protocols.core.fields import many, text, u
from protocols.core.message import Message
from protocols.core.strategies import messages, payloads


class Sample(Message, length=12, shortest=4):
    """One field of each kind, with a hole of four bits and a last byte that nobody uses."""

    voltage_v: float = u(16, lsb=0.1, unit="V")
    current_a: float = u(16, lsb=-0.1, offset=400, unit="A")
    temp_degc: int | None = u(8, offset=-50, unit="degC", default=None)
    name: str | None = text(3)
    serial: int | None = u(20, default=None)


class Part(Message):
    level: float = u(8, lsb=0.5, unit="%")


class Parts(Message, shortest=1):
    parts: tuple[Part, ...] = many(Part, most=5)


UNDEFINED = 0xFFF << 84
GOOD = {"voltage_v": 1.0, "current_a": 2.0, "temp_degc": 3, "name": "abc"}


def integer(data: bytes) -> int:
    return int.from_bytes(data, "little")


@given(data=st.binary(min_size=12, max_size=12))
def test_defined_bits_survive_and_undefined_bits_are_sent_as_one(data):
    assert integer(Sample.decode(data).encode()) == integer(data) | UNDEFINED


@given(message=messages(Sample))
def test_every_message_survives_the_wire(message):
    assert Sample.decode(message.encode()) == message


@given(data=payloads(Sample))
@example(data=b"\0" * 4)
@example(data=b"\0" * 11)
def test_a_short_payload_decodes_with_none_for_every_field_not_wholly_there(data):
    short, whole = Sample.decode(data), Sample.decode(data.ljust(12, b"\xff"))

    for field, value in zip(Sample.fields, short, strict=True):
        there = field.start + field.bits <= 8 * len(data)
        assert value == (getattr(whole, field.name) if there else None)


@given(data=st.binary(min_size=12, max_size=12), padding=st.binary(max_size=9))
def test_surplus_bytes_are_padding(data, padding):
    assert Sample.decode(data + padding) == Sample.decode(data)


@given(data=st.binary(max_size=3))
def test_a_payload_below_the_shortest_is_an_error_that_names_the_message(data):
    with pytest.raises(DecodeError, match=r"Sample needs at least 4 bytes, got \d"):
        Sample.decode(data)


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
def test_any_buffer_decodes(kind):
    assert Sample.decode(kind(bytes(12))).voltage_v == 0
    assert Sample.decode(kind(bytes(5))).serial is None


WRONG = [
    ("voltage_v", 6553.6, "0..6553.5 V"),
    ("voltage_v", -0.1, "0..6553.5 V"),
    ("voltage_v", math.nan, "0..6553.5 V"),
    ("voltage_v", math.inf, "0..6553.5 V"),
    ("voltage_v", -math.inf, "0..6553.5 V"),
    ("voltage_v", 1e308, "0..6553.5 V"),
    ("voltage_v", None, "0..6553.5 V"),
    ("voltage_v", "12", "0..6553.5 V"),
    ("voltage_v", [1], "0..6553.5 V"),
    ("voltage_v", 1j, "0..6553.5 V"),
    ("current_a", 400.1, "-6153.5..400 A"),
    ("current_a", -6153.6, "-6153.5..400 A"),
    ("temp_degc", 205, "-50..204 degC"),  # 205 would read "not available"
    ("temp_degc", -51, "-50..204 degC"),
    ("temp_degc", "warm", "-50..204 degC"),
    ("name", "ab", "3 Latin-1 characters"),
    ("name", "abcd", "3 Latin-1 characters"),
    ("name", "ab\u4e2d", "3 Latin-1 characters"),
    ("name", "\xff\xff\xff", "not all of them 0xFF"),
    ("name", b"abc", "3 Latin-1 characters"),
    ("name", 5, "3 Latin-1 characters"),
    ("serial", 0xFFFFF, "0..1048574"),
    ("serial", 1 << 80, "0..1048574"),
]


@pytest.mark.parametrize(("field", "value", "carried"), WRONG)
def test_what_the_wire_cannot_carry_is_refused_with_message_field_and_range(field, value, carried):
    message = Sample(**GOOD | {field: value})

    with pytest.raises(LocalError) as error:
        message.encode()

    assert f"Sample.{field} = {value!r}"[:30] in str(error.value)
    assert carried in str(error.value)


@pytest.mark.parametrize("nearly", [6553.54, -0.04])
def test_the_error_names_the_guilty_field_not_one_that_rounds_into_range(nearly):
    """A value within half a step of the end is carried; it must not be blamed for its neighbour."""
    assert Sample(**GOOD | {"voltage_v": nearly}).encode()

    with pytest.raises(LocalError, match=r"Sample\.current_a"):
        Sample(**GOOD | {"voltage_v": nearly, "current_a": 1000}).encode()


@given(value=st.floats() | st.integers() | st.none())
def test_a_number_is_carried_to_half_a_step_or_refused(value):
    message = Sample(**GOOD | {"voltage_v": value})

    try:
        carried = Sample.decode(message.encode()).voltage_v
    except LocalError:
        assert value is None or not 0 <= value <= 6553.5
    else:
        assert abs(carried - value) <= 0.05 + 1e-9


@pytest.mark.parametrize("kind", [int, float, np.float32, np.float64, np.int16, np.uint8, np.int64])
def test_any_kind_of_number_is_encoded_without_wrapping(kind):
    assert Sample(**GOOD | {"voltage_v": kind(100)}).encode() == Sample(**GOOD | {"voltage_v": 100}).encode()


def test_none_is_sent_as_ones_and_comes_back_as_none():
    message = Sample(**GOOD | {"temp_degc": None, "name": None, "serial": None})

    data = message.encode()

    assert data[4:] == b"\xff" * 8
    assert Sample.decode(data) == message


def test_an_optional_number_defaults_to_not_available():
    assert Sample(voltage_v=1, current_a=2).temp_degc is None


@given(message=messages(Parts))
def test_a_repeated_group_survives_the_wire(message):
    assert Parts.decode(message.encode()) == message


@pytest.mark.parametrize(
    ("parts", "reason"),
    [
        ((), "1..5"),
        ((Part(level=1),) * 6, "1..5"),
        ([Part(level=1)], "must be a tuple"),
        (None, "must be a tuple"),
        ("ab", "must be a tuple"),
        (("ab",), r"Parts\.parts\[0\] = 'ab': must be a Part"),
        ((Part(level=1), Part(level=200)), r"Parts\.parts\[1\]: Part\.level = 200: the wire carries 0\.\.127\.5 %"),
    ],
)
def test_a_repeated_group_with_something_else_in_it_is_refused(parts, reason):
    with pytest.raises(LocalError, match=reason):
        Parts(parts=parts).encode()


def test_padding_of_the_last_packet_after_a_repeated_group_is_dropped():
    assert len(Parts.decode(b"\0" * 5 + b"\xff" * 7).parts) == 5

    with pytest.raises(DecodeError, match=r"Parts has 1\.\.5 bytes, got 13"):
        Parts.decode(bytes(13))
    with pytest.raises(DecodeError, match=r"Parts has 1\.\.5 bytes, got 0"):
        Parts.decode(b"")
