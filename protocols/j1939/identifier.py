"""The 29-bit CAN identifier of SAE J1939-21: priority, parameter group, destination and source in one number."""

from typing import NamedTuple

from protocols.core.errors import LocalError

GLOBAL = 0xFF
"""The destination that means every node."""

NULL = 0xFE
"""The source address of a node that has none; nobody can be answered there."""

PGN_MAX = 0x3FFFF
"""Parameter group numbers have 18 bits: extended data page, data page, PDU format, group extension."""

_PDU2 = 0xF000


class Identifier(NamedTuple):
    """The four parts of an identifier.

    *priority* 0 (first) .. 7; *pgn* 0 .. 0x3FFFF with a zero low byte if it is addressed (PDU1, PDU format below 240);
    *destination* is :data:`GLOBAL` for groups that carry no address (PDU2).
    """

    priority: int
    pgn: int
    destination: int
    source: int


def split(can_id: int) -> Identifier:
    """The parts of the 29-bit identifier *can_id*."""
    pgn = can_id >> 8 & PGN_MAX
    if pgn & 0xFF00 < _PDU2:
        return Identifier(can_id >> 26 & 7, pgn & 0x3FF00, pgn & 0xFF, can_id & 0xFF)
    return Identifier(can_id >> 26 & 7, pgn, GLOBAL, can_id & 0xFF)


def addressed(pgn: int) -> bool:
    """Whether *pgn* is a PDU1 group, whose frames name one destination."""
    return pgn & 0xFF00 < _PDU2


def join(pgn: int, *, priority: int, destination: int, source: int) -> int:
    """The identifier of the given parts. Raises LocalError where they do not fit into one.

    A PDU2 group carries no address, so its *destination* must be :data:`GLOBAL`.
    """
    if not (0 <= priority <= 7 and 0 <= destination <= 0xFF and 0 <= source <= 0xFF):
        raise LocalError(f"priority {priority}, destination {destination} or source {source} is out of range")
    check_pgn(pgn)
    if addressed(pgn):
        return priority << 26 | pgn << 8 | destination << 8 | source
    if destination != GLOBAL:
        raise LocalError(f"PGN {pgn:#07x} is PDU2 and cannot be addressed to {destination:#04x}")
    return priority << 26 | pgn << 8 | source


def check_pgn(pgn: int) -> None:
    """Raise LocalError unless *pgn* is the number of a parameter group."""
    if not 0 <= pgn <= PGN_MAX:
        raise LocalError(f"PGN {pgn:#x} is not in 0..{PGN_MAX:#x}")
    if addressed(pgn) and pgn & 0xFF:
        raise LocalError(f"PGN {pgn:#07x} is PDU1, so its low byte must be zero")
