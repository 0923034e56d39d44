"""How a classical CAN data frame looks on the wire: its exact length in bits, its CRC, its rank in arbitration.

Bit stuffing makes the length depend on every bit, the checksum included (ISO 11898-1). A bus asks for it once per frame, so
the walk over the bits goes a byte at a time through a table; its state is the level and length of the run at the end.
"""

from functools import lru_cache
from typing import Any

from protocols.core.errors import LocalError
from protocols.core.frame import Frame, valid

POLYNOMIAL = 0x4599
"""Generator of the 15-bit checksum (ISO 11898-1), the leading power left out."""
TAIL_BITS = 10
"""Bits that are never stuffed: CRC delimiter, ACK slot, ACK delimiter, seven bits of end of frame."""
IFS_BITS = 3
"""The intermission that every frame is followed by."""

_RUN = 5  # after so many equal bits the transmitter inserts one of the other level
_LOW7 = 256  # where a row keeps its entries for the seven last bits of the checksum


def _walk(state: tuple[int, int], value: int, width: int) -> tuple[tuple[int, int], int]:
    """Send *width* bits of *value* from *state* (level, run): the state after them and how many bits were stuffed."""
    level, run = state
    stuffed = 0
    for shift in range(width - 1, -1, -1):
        bit = value >> shift & 1
        level, run = (bit, run + 1) if bit == level else (bit, 1)
        if run == _RUN:
            # The stuffed bit is itself the first of the next run.
            level, run, stuffed = 1 - level, 1, stuffed + 1
    return (level, run), stuffed


def _make_rows() -> dict[tuple[int, int], list[Any]]:
    """For each state a row: byte -> (row after it, bits stuffed); a row refers to rows, so that the walk carries no index."""
    rows: dict[tuple[int, int], list[Any]] = {(level, run): [] for level in (0, 1) for run in range(1, _RUN)}
    for state, row in rows.items():
        for width in (8, 7):
            for value in range(1 << width):
                after, stuffed = _walk(state, value, width)
                row.append((rows[after], stuffed))
    return rows


def _crc_bits(crc: int, value: int, width: int) -> int:
    for shift in range(width - 1, -1, -1):
        crc <<= 1
        if (crc >> 15 ^ value >> shift) & 1:
            crc ^= POLYNOMIAL
        crc &= 0x7FFF
    return crc


_ROWS = _make_rows()
_CRC = tuple(_crc_bits(0, byte, 8) for byte in range(256))


def _header_bits(frame: Frame) -> tuple[int, int]:
    """Start of frame through data length code, unstuffed, as (value, width)."""
    can_id, data, extended = frame
    if not extended:
        return can_id << 7 | len(data), 19
    base, low = can_id >> 18, can_id & 0x3FFFF
    # SRR and IDE are recessive; RTR and both reserved bits dominant.
    return base << 27 | 0b11 << 25 | low << 7 | len(data), 39


def rank(frame: Frame) -> int:
    """The arbitration field as a number: the lower one wins, a standard frame beating an extended one of equal first 11 bits."""
    can_id, _, extended = frame
    return (can_id >> 18) << 20 | 0b11 << 18 | can_id & 0x3FFFF if extended else can_id << 20


@lru_cache(maxsize=4096)
def _header(can_id: int, extended: bool, length: int) -> tuple[list[Any], int, int, int]:
    """Row and checksum after the header, the frame's length if nothing after it were stuffed, and its rank."""
    frame = Frame(can_id, bytes(length), extended)
    if not valid(frame):
        raise LocalError(f"not a classical CAN frame: identifier {can_id:#x}, {length} data bytes, extended={extended}")
    value, width = _header_bits(frame)
    # The bus was recessive before the start of frame, which therefore begins a run.
    state, stuffed = _walk((1, 1), value, width)
    bits = width + 8 * length + 15 + stuffed + TAIL_BITS + IFS_BITS
    return _ROWS[state], _crc_bits(0, value, width), bits, rank(frame)


@lru_cache(maxsize=1 << 14)
def shape(frame: Frame) -> tuple[int, int, int]:
    """Rank (the lowest wins), exact length in bits and checksum of *frame*; remembered, since most traffic repeats.

    Raises LocalError for what a CAN 2.0 controller cannot send.
    """
    can_id, data, extended = frame
    row, crc, bits, place = _header(can_id, extended, len(data))
    for byte in data:
        row, stuffed = row[byte]
        bits += stuffed
        crc = (crc << 8 & 0x7FFF) ^ _CRC[crc >> 7 ^ byte]
    row, stuffed = row[crc >> 7]
    return place, bits + stuffed + row[_LOW7 | crc & 0x7F][1], crc


def frame_bits(frame: Frame) -> int:
    """Exact length of *frame* in bits, start of frame through intermission, stuffed bits included."""
    return shape(frame)[1]


def crc15(frame: Frame) -> int:
    """The checksum that *frame* carries, over start of frame, header and data as they are before stuffing."""
    return shape(frame)[2]


def levels(frame: Frame) -> tuple[list[int], list[bool]]:
    """The bits of *frame* as its transmitter drives them, start through end of frame (1 is recessive), and which are stuffed."""
    value, width = _header_bits(frame)
    width += 8 * len(frame.data) + 15
    value = (value << 8 * len(frame.data) | int.from_bytes(frame.data)) << 15 | crc15(frame)
    sent: list[int] = []
    stuffed: list[bool] = []
    level, run = 1, 0
    for shift in range(width - 1, -1, -1):
        bit = value >> shift & 1
        run = run + 1 if bit == level else 1
        level = bit
        sent.append(bit)
        stuffed.append(False)
        if run == _RUN:
            level, run = 1 - bit, 1
            sent.append(level)
            stuffed.append(True)
    return sent + [1] * TAIL_BITS, stuffed + [False] * TAIL_BITS
