"""What a bench and its keeper say to each other: records of bytes, a letter and what belongs to it, over a pipe.

A pipe, so that the death of either end is noticed at once by the other.
"""

import struct
from dataclasses import dataclass
from typing import Final

from hil.links.link import AdapterChoice, Heard
from hil.live.keeper import PATIENCE_US
from hil.live.limits import Limits
from protocols.core.frame import Frame

FRAME: Final = struct.Struct("<cq?I8sB")
"""Letter, time (µs), extended, identifier, data, length."""
BEATEN: Final = struct.Struct("<cq")
"""Letter, time (µs): a sign of life counts from when it was given, however late it is read."""
SEND, BEAT, END, FINISH = b"F", b"B", b"E", b"X"
"""From the bench: send a frame; I live; end safely, for a reason; I have ended."""
READY, REFUSED, HEARD, STATE, DONE = b"R", b"N", b"H", b"S", b"D"
"""From the keeper: I hold the adapter; I do not, for a reason; a frame came; the adapter's state; I have ended."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """What a keeper is told to keep: which adapter, as which side, in which edition, within which limits."""

    choice: AdapterChoice
    side: str
    edition: str
    limits: Limits
    patience_us: int = PATIENCE_US


def packed(letter: bytes, frame: Frame, at_us: int = 0) -> bytes:
    """A record that carries *frame*."""
    return FRAME.pack(letter, at_us, frame.extended, frame.can_id, frame.data.ljust(8, b"\0"), len(frame.data))


def unpacked(record: bytes) -> Heard:
    """The frame in *record*, and its time."""
    _, at_us, extended, can_id, data, length = FRAME.unpack(record)
    return Heard(Frame(can_id, data[:length], extended), at_us)
