"""The bytes of the transport protocol's own frames, TP.CM and TP.DT (SAE J1939-21 5.10)."""

from enum import IntEnum
from struct import Struct

from protocols.core.errors import LocalError
from protocols.core.frame import Frame
from protocols.j1939.identifier import GLOBAL

CM_PGN = 0xEC00
DT_PGN = 0xEB00

RTS, CTS, EOMA, BAM, ABORT = 0x10, 0x11, 0x13, 0x20, 0xFF
"""Control bytes: the first byte of every TP.CM frame."""

SIZE_MIN, SIZE_MAX = 9, 1785
PER_PACKET = 7
NO_LIMIT = 0xFF
"""RTS byte 5: as many packets per CTS as the receiver likes."""

CM_BYTES = 8

# Compiled, because one packet per CTS is a common habit and then every packet is answered by a frame.
_SIZED = Struct("<BHBBHB").pack  # control byte, total size, packets, limit, PGN low, PGN high
_COUNTED = Struct("<BBBHHB").pack  # control byte, packets or reason, first packet, filler, PGN low, PGN high


class AbortReason(IntEnum):
    """Why a connection was aborted (TP.Conn_Abort byte 2).

    The 2006 print defines 1..3 and reserves 4..250; the names above 3 are those of later editions, as far as this
    stack sends them. Vehicles are seen to send 0xFF, so received reasons stay plain numbers.
    """

    BUSY = 1
    RESOURCES = 2
    TIMEOUT = 3
    TOO_MANY_RETRANSMISSIONS = 5
    BAD_SEQUENCE = 7
    REPEATED_SEQUENCE = 8
    UNSPECIFIED = 0xFF


def packets_of(size: int) -> int:
    """How many TP.DT packets carry *size* bytes."""
    return -(-size // PER_PACKET)


def cm_id(*, priority: int, destination: int, source: int) -> int:
    """The identifier of a TP.CM frame."""
    return priority << 26 | CM_PGN << 8 | destination << 8 | source


def dt_id(*, priority: int, destination: int, source: int) -> int:
    """The identifier of a TP.DT frame."""
    return priority << 26 | DT_PGN << 8 | destination << 8 | source


def rts(pgn: int, *, size: int, limit: int = NO_LIMIT) -> bytes:
    """Request to send *size* bytes of *pgn*; the receiver may grant at most *limit* packets per CTS."""
    return _SIZED(RTS, size, packets_of(size), limit, pgn & 0xFFFF, pgn >> 16)


def cts(pgn: int, packets: int, first: int) -> bytes:
    """Clear to send *packets* packets starting with number *first*; 0 packets: hold."""
    return _COUNTED(CTS, packets, first, 0xFFFF, pgn & 0xFFFF, pgn >> 16)


def eoma(pgn: int, *, size: int) -> bytes:
    """End of message acknowledgement for the whole *size* bytes."""
    return _SIZED(EOMA, size, packets_of(size), 0xFF, pgn & 0xFFFF, pgn >> 16)


def bam(pgn: int, *, size: int) -> bytes:
    """Broadcast announcement of *size* bytes."""
    return _SIZED(BAM, size, packets_of(size), 0xFF, pgn & 0xFFFF, pgn >> 16)


def abort(pgn: int, *, reason: int) -> bytes:
    """Abort of the connection that carries *pgn*."""
    return _COUNTED(ABORT, reason, 0xFF, 0xFFFF, pgn & 0xFFFF, pgn >> 16)


def dt(payload: bytes, sequence: int) -> bytes:
    """Packet number *sequence* (1..255) of *payload*, the last one filled up with 0xFF."""
    chunk = payload[PER_PACKET * (sequence - 1) : PER_PACKET * sequence]
    return (bytes((sequence,)) + chunk).ljust(CM_BYTES, b"\xff")


def pgn_of(cm: bytes) -> int:
    """The parameter group that the 8 bytes of a TP.CM frame speak about."""
    return cm[5] | cm[6] << 8 | cm[7] << 16


def size_of(cm: bytes) -> int:
    """The total number of bytes that an RTS, BAM or EndOfMsgAck states."""
    return cm[1] | cm[2] << 8


def consistent(cm: bytes) -> bool:
    """Whether size and packet count of an RTS or BAM belong together and are within the protocol's limits."""
    size = size_of(cm)
    return SIZE_MIN <= size <= SIZE_MAX and cm[3] == packets_of(size)


def broadcast(pgn: int, payload: bytes, *, source: int, priority: int = 7) -> list[Frame]:
    """All frames of a broadcast of *payload*, announcement first; the sender spaces them by 50..200 ms.

    Raises LocalError unless *payload* has 9..1785 bytes.
    """
    if not SIZE_MIN <= len(payload) <= SIZE_MAX:
        raise LocalError(f"a transfer has {SIZE_MIN}..{SIZE_MAX} bytes, not {len(payload)}")
    announcement = Frame(
        cm_id(priority=priority, destination=GLOBAL, source=source),
        bam(pgn, size=len(payload)),
    )
    packet_id = dt_id(priority=priority, destination=GLOBAL, source=source)
    sequences = range(1, packets_of(len(payload)) + 1)
    return [announcement, *(Frame(packet_id, dt(payload, sequence)) for sequence in sequences)]
