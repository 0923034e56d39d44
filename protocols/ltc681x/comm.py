"""The COMM register: three bytes that a chip sends over I2C, each between two control nibbles (ICOM, FCOM)."""

from collections.abc import Sequence
from enum import IntEnum
from typing import NamedTuple

from protocols.core.errors import LocalError


class Start(IntEnum):
    """ICOM: what comes before a byte."""

    BLANK = 0x0
    STOP = 0x1
    START = 0x6
    NOTHING = 0x7
    """The byte is not sent."""


class End(IntEnum):
    """FCOM: what comes after a byte, as the master asks for it."""

    ACK = 0x0
    NACK = 0x8
    NACK_STOP = 0x9


ACKNOWLEDGED, REFUSED = 0x7, 0xF
"""Low nibble of FCOM as it is read: the addressed device acknowledged, or nobody did."""


class Part(NamedTuple):
    """One byte with what surrounds it."""

    start: int
    data: int
    end: int


NOTHING = Part(Start.NOTHING, 0xFF, 0xF)


def pack(parts: Sequence[Part]) -> bytes:
    """Up to three *parts* as the six bytes of the register; the rest is not sent. Raises `LocalError` for more."""
    if len(parts) > 3:
        raise LocalError(f"{len(parts)} bytes: the register holds 3")
    filled = [*parts, *[NOTHING] * (3 - len(parts))]
    return b"".join(bytes((start << 4 | data >> 4, (data & 0xF) << 4 | end)) for start, data, end in filled)


def unpack(register: bytes) -> tuple[Part, ...]:
    """The three bytes in *register*."""
    pairs = zip(register[::2], register[1::2], strict=True)
    return tuple(Part(high >> 4, (high & 0xF) << 4 | low >> 4, low & 0xF) for high, low in pairs)
