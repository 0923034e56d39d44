"""Register groups as values, against the bytes of boards and the memory map."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.core.errors import LocalError
from protocols.ltc681x.groups import SCALES, Configuration, Status, pack_nibbles, unpack_nibbles, voltages


@given(st.binary(min_size=6, max_size=6), st.binary(min_size=2, max_size=2))
def test_every_configuration_survives_a_round_trip(a, b):
    b += bytes(4)

    read = Configuration.unpack(a, b)

    assert (read.pack_a(), read.pack_b()) == (a, b)


@pytest.mark.parametrize(
    ("given_", "expected"),
    [
        ({}, "F80000000000 0F0000000000"),
        ({"reference_on": True}, "FC0000000000 0F0000000000"),
        ({"released": frozenset({1, 6})}, "080000000000 010000000000"),
        ({"option": 1, "low_v": 3.1008, "high_v": 4.2}, "F99117A40000 0F0000000000"),
        ({"discharged": frozenset({1, 9, 12}), "timeout": 2}, "F80000000129 0F0000000000"),
        ({"discharged": frozenset({0, 13, 16, 18})}, "F80000000000 9F0600000000"),
        ({"forced_mismatch": True, "path": 2, "monitored": True}, "F80000000000 0F6800000000"),
        ({"timer_pin": True, "muted": True}, "FA0000000000 0F8000000000"),
    ],
)
def test_bits_are_where_the_memory_map_has_them(given_, expected):
    configuration = Configuration(**given_)

    assert f"{configuration.pack_a().hex()} {configuration.pack_b().hex()}".upper() == expected


def test_the_smaller_chip_has_group_a_only():
    assert Configuration.unpack(bytes.fromhex("F80000000000")) == Configuration()


@pytest.mark.parametrize(
    ("wrong", "named"),
    [
        ({"low_v": 0.0}, r"low_v = 0.0: 0.0016..6.5536"),
        ({"high_v": 6.56}, "high_v"),
        ({"timeout": 16}, "timeout = 16: 0..15"),
        ({"option": 2}, "option"),
        ({"path": 4}, "path"),
        ({"discharged": frozenset({19})}, r"discharged: \[19\] must be 0..18"),
        ({"released": frozenset({0})}, r"released: \[0\] must be 1..9"),
    ],
)
def test_what_the_registers_cannot_hold_is_named(wrong, named):
    with pytest.raises(LocalError, match=named):
        replace(Configuration(), **wrong)


def test_voltages_are_little_endian_codes():
    assert voltages(bytes.fromhex("E80CE80CFFFF")) == pytest.approx((0.3304, 0.3304, 6.5535))


def test_status_has_the_scales_of_its_chip():
    a = bytes.fromhex("004E") + (22_350).to_bytes(2, "little") + (50_000).to_bytes(2, "little")
    b = (30_000).to_bytes(2, "little") + bytes([0b00000001, 0b10000000, 0, 0x32])

    smaller = Status.unpack(a, b, SCALES["LTC6811"])
    larger = Status.unpack(a, b, SCALES["LTC6813"], bytes([0, 0, 0, 0, 0x02, 0x04]))

    assert smaller.sum_v == pytest.approx(1.9968 * 20) and larger.sum_v == pytest.approx(1.9968 * 30)
    assert smaller.die_degc == pytest.approx(25.0) and larger.die_degc == pytest.approx(2.235 / 7.6e-3 - 276.0)
    assert (smaller.analogue_v, smaller.digital_v) == pytest.approx((5.0, 3.0))
    assert smaller.low == {1} and smaller.high == {8} and larger.high == {8, 13} and larger.low == {1, 18}
    assert (smaller.revision, smaller.mux_failed, smaller.hot) == (3, True, False)


@given(st.lists(st.integers(0, 15), min_size=12, max_size=12))
def test_nibbles_survive_a_round_trip(nibbles):
    assert list(unpack_nibbles(pack_nibbles(nibbles))) == nibbles
    assert pack_nibbles(nibbles)[0] == nibbles[0] | nibbles[1] << 4


def test_wrong_sizes_are_named():
    with pytest.raises(LocalError, match="12 values"):
        pack_nibbles([0] * 11)
    with pytest.raises(LocalError, match="12 values"):
        pack_nibbles([16] * 12)
    with pytest.raises(LocalError, match="8 bytes; a register group has 6, without its PEC"):
        voltages(bytes(8))
