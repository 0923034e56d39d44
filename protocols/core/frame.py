"""The one thing that wires carry: a classical CAN data frame."""

from typing import NamedTuple


class Frame(NamedTuple):
    """A classical CAN data frame: identifier, 0..8 data bytes, 29-bit (default) or 11-bit format.

    A named tuple because one is built for every frame of an hour of charging (see docs/decisions.md).
    It does not check itself: whatever a wire delivers can be held; :func:`valid` tells whether it could be sent.
    """

    can_id: int
    data: bytes
    extended: bool = True

    def __str__(self) -> str:
        """The frame in candump's form, for example ``1826F456#010100``."""
        return f"{self.can_id:0{8 if self.extended else 3}X}#{self.data.hex().upper()}"


def valid(frame: Frame) -> bool:
    """Whether *frame* is one that a CAN 2.0 controller can transmit."""
    limit = 1 << (29 if frame.extended else 11)
    return 0 <= frame.can_id < limit and len(frame.data) <= 8
