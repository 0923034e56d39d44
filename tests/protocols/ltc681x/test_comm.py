"""The COMM register: three bytes between control nibbles."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.core.errors import LocalError
from protocols.ltc681x.comm import NOTHING, End, Part, Start, pack, unpack


def test_a_write_over_i2c_looks_as_in_the_memory_map():
    sent = [Part(Start.START, 0x98, End.ACK), Part(Start.BLANK, 0x08, End.NACK_STOP)]

    assert pack(sent) == bytes.fromhex("6980 0089 7FFF")
    assert unpack(pack(sent)) == (*sent, NOTHING)


@given(st.binary(min_size=6, max_size=6))
def test_every_register_survives_a_round_trip(data):
    assert pack(unpack(data)) == data


def test_a_fourth_byte_has_no_room():
    with pytest.raises(LocalError, match="4 bytes: the register holds 3"):
        pack([NOTHING] * 4)
