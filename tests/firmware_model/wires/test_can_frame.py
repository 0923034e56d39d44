import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from firmware_model.wires.can_frame import crc15, frame_bits, levels, rank, shape
from protocols.core.errors import LocalError
from protocols.core.frame import Frame

extended_frames = st.builds(Frame, st.integers(0, (1 << 29) - 1), st.binary(max_size=8), st.just(True))
standard_frames = st.builds(Frame, st.integers(0, (1 << 11) - 1), st.binary(max_size=8), st.just(False))
frames = extended_frames | standard_frames


def bits_of(value, width):
    return [int(digit) for digit in f"{value:0{width}b}"] if width else []


def slow_crc(bits):
    """Polynomial division, as printed in the standard."""
    register = [0] * 15
    for bit in bits:
        feedback = bit ^ register[0]
        register = [*register[1:], 0]
        if feedback:
            register = [a ^ b for a, b in zip(register, bits_of(0x4599, 15), strict=True)]
    return register


def slow_stuff(bits):
    out = []
    for bit in bits:
        out.append(bit)
        if len(out) >= 5 and len(set(out[-5:])) == 1 and not already_cut(out):
            out.append(1 - bit)
    return out


def already_cut(out):
    """Whether the last five equal bits are not a whole run of five (a longer one is impossible after stuffing)."""
    return len(out) >= 6 and out[-6] == out[-1]


def slow_wire(frame):
    can_id, data, extended = frame
    length = bits_of(len(data), 4)
    if extended:
        head = [0, *bits_of(can_id >> 18, 11), 1, 1, *bits_of(can_id & 0x3FFFF, 18), 0, 0, 0, *length]
    else:
        head = [0, *bits_of(can_id, 11), 0, 0, 0, *length]
    body = head + [bit for byte in data for bit in bits_of(byte, 8)]
    return slow_stuff(body + slow_crc(body)) + [1] * 10


@pytest.mark.parametrize(
    "frame, bits, crc",
    [
        (Frame(0x181056F4, bytes(8)), 146, None),
        (Frame(0x181056F4, bytes.fromhex("1027A00F02")), 113, 0x0813),
        (Frame(0x1826F456, bytes.fromhex("010100")), 97, 0x0E4A),
        (Frame(0x182756F4, bytes.fromhex("7017")), 87, 0x04A3),
        (Frame(0, bytes(8)), 150, None),
        (Frame(0, bytes(8), False), 127, None),
    ],
)
def test_lengths_and_checksums_of_known_frames(frame, bits, crc):
    assert frame_bits(frame) == bits
    assert crc is None or crc15(frame) == crc


@given(frames)
@example(Frame(0, b""))
@example(Frame(0x1FFFFFFF, b"\xff" * 8))
def test_length_is_that_of_the_bits_stuffed_one_by_one(frame):
    assert frame_bits(frame) == len(slow_wire(frame)) + 3


@given(frames)
def test_levels_are_the_bits_stuffed_one_by_one(frame):
    wire, stuffed = levels(frame)

    assert wire == slow_wire(frame)
    assert len(stuffed) == len(wire)
    assert len(wire) - sum(stuffed) == (64 if frame.extended else 44) + 8 * len(frame.data)


@given(frames)
def test_length_stays_between_no_stuffing_and_one_bit_in_four(frame):
    region = (54 if frame.extended else 34) + 8 * len(frame.data)

    assert 0 <= frame_bits(frame) - region - 13 <= (region - 1) // 4


@pytest.mark.parametrize("extended, least, mean", [(True, 131, 4.05), (False, 111, 3.29)])
def test_mean_stuffing_of_random_payloads(extended, least, mean):
    rng = np.random.default_rng(1)
    ids = rng.integers(0, 1 << (29 if extended else 11), 20_000)
    payloads = rng.bytes(8 * len(ids))

    total = sum(frame_bits(Frame(int(i), payloads[8 * n : 8 * n + 8], extended)) for n, i in enumerate(ids))

    assert total / len(ids) - least == pytest.approx(mean, abs=0.05)


@given(frames, frames)
def test_rank_orders_frames_as_the_first_differing_bit_does(one, other):
    first, second = levels_without_stuffing(one), levels_without_stuffing(other)

    assert (rank(one) < rank(other)) == (first < second)


def levels_without_stuffing(frame):
    """The arbitration field, of a standard frame with the IDE bit that ends its tie with an extended one."""
    wire, stuffed = levels(frame)
    plain = [bit for bit, extra in zip(wire, stuffed, strict=True) if not extra]
    return plain[1:33] if frame.extended else plain[1:14]


def test_a_standard_frame_beats_an_extended_one_with_the_same_first_bits():
    assert rank(Frame(0x181, b"", False)) < rank(Frame(0x181 << 18, b""))
    assert rank(Frame(0x181 << 18, b"")) < rank(Frame(0x182, b"", False))


@pytest.mark.parametrize(
    "frame", [Frame(1 << 29, b""), Frame(1 << 11, b"", False), Frame(-1, b""), Frame(0x100, bytes(9))], ids=str
)
def test_what_can_2_0_cannot_send_is_refused(frame):
    with pytest.raises(LocalError):
        shape(frame)
