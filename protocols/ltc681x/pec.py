"""The packet error code of the LTC681x family: 15 bits over commands and register groups."""

from typing import Final

POLYNOMIAL: Final = 0x4599
"""x^15 + x^14 + x^10 + x^8 + x^7 + x^4 + x^3 + 1, the leading term left out."""
SEED: Final = 0x0010


def _row(byte: int) -> int:
    remainder = byte << 7
    for _ in range(8):
        remainder = (remainder << 1 ^ POLYNOMIAL if remainder & 0x4000 else remainder << 1) & 0x7FFF
    return remainder


_TABLE: Final = tuple(map(_row, range(256)))


def pec15(data: bytes) -> int:
    """The code of *data* as it goes over the wire: 16 bits, the lowest always 0."""
    remainder = SEED
    for byte in data:
        remainder = (remainder << 8 & 0x7FFF) ^ _TABLE[remainder >> 7 ^ byte]
    return remainder << 1


def sealed(data: bytes) -> bytes:
    """*data* followed by its code, high byte first."""
    return data + pec15(data).to_bytes(2, "big")


def intact(block: bytes) -> bool:
    """Whether the last two bytes of *block* are the code of those before. Eight bytes of 0xFF, an idle line, never are."""
    return len(block) > 2 and pec15(block[:-2]) == int.from_bytes(block[-2:], "big")
