import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.ltc681x.pec import intact, pec15, sealed

VECTORS = {
    "01": 0xAB32,
    "0360": 0xF46C,
    "FFFFFFFFFFFF": 0x664C,
    "000000000000": 0xC212,
    "010203040506": 0x22EE,
    "E80CE80CE80C": 0x34AC,
    "FC0000000000": 0x4F82,
    "E40D28A00100": 0xAD6A,
}
"""From data sheets, a vendor's forum and logs of real boards."""


@pytest.mark.parametrize("data, expected", VECTORS.items())
def test_published_codes(data, expected):
    assert pec15(bytes.fromhex(data)) == expected


@given(st.binary(min_size=1, max_size=40), st.data())
def test_any_single_wrong_bit_is_noticed(data, draw):
    block = bytearray(sealed(data))
    bit = draw.draw(st.integers(0, 8 * len(block) - 1))
    assert intact(bytes(block))

    block[bit // 8] ^= 1 << bit % 8

    assert not intact(bytes(block))


def test_an_idle_line_is_never_intact():
    assert not intact(b"\xff" * 8)
    assert not intact(b"")
