"""A frame shows itself as candump does and knows whether it could be sent."""

import pytest

from protocols.core.frame import Frame, valid


def test_a_frame_is_written_as_candump_writes_it():
    assert str(Frame(0x1826F456, b"\x01\x01\x00")) == "1826F456#010100"
    assert str(Frame(0x108, b"", extended=False)) == "108#"
    assert str(Frame(0x1, b"\xab")) == "00000001#AB"


@pytest.mark.parametrize(
    ("frame", "sendable"),
    [
        (Frame(0x1FFFFFFF, bytes(8)), True),
        (Frame(0x20000000, b""), False),
        (Frame(-1, b""), False),
        (Frame(0, bytes(9)), False),
        (Frame(0x7FF, b"", extended=False), True),
        (Frame(0x800, b"", extended=False), False),
    ],
)
def test_only_what_a_can_2_0_controller_can_transmit_is_valid(frame, sendable):
    assert valid(frame) is sendable
