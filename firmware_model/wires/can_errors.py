"""Errors on a CAN bus: who counts what, who takes the frame all the same, how long the bus is busy with it (ISO 11898-1).

Nothing here runs while no frame is disturbed and no counter is above zero.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto
from math import log1p
from typing import NamedTuple

import numpy as np

from firmware_model.wires.can_frame import IFS_BITS, TAIL_BITS, frame_bits, levels
from protocols.core.errors import LocalError
from protocols.core.frame import Frame

WARNING_LIMIT, PASSIVE_LIMIT, BUS_OFF_LIMIT = 96, 127, 255
REC_AFTER_PASSIVE = 120
"""Where a good frame sets a receive counter above 127: the standard allows 119 to 127, bxCAN takes 120."""
FLAG_BITS, DELIMITER_BITS, SUSPEND_BITS = 6, 8, 8
OFF_SEQUENCES, OFF_SEQUENCE_BITS = 128, 11
"""A node returns from bus-off after so many times so many recessive bits."""


class ErrorState(Enum):
    """How far a node's error counters restrict it; WARNING only informs the host."""

    ERROR_ACTIVE = auto()
    WARNING = auto()
    PASSIVE = auto()
    BUS_OFF = auto()


class ErrorKind(Enum):
    """What the node that raised the first error flag had seen."""

    BIT = auto()
    STUFF = auto()
    CRC = auto()
    FORM = auto()
    ACK = auto()


class BusError(NamedTuple):
    """A failed transmission of *sender* (by name): the *kind* of error and the *bit* it was seen at (0: start of frame)."""

    kind: ErrorKind
    sender: str
    frame: Frame
    bit: int


class ErrorCounters:
    """Transmit and receive error counter of one node, and the state they put it in."""

    __slots__ = ("bus_off", "rec", "tec")

    def __init__(self) -> None:
        self.tec = 0
        self.rec = 0
        self.bus_off = False

    @property
    def passive(self) -> bool:
        return self.tec > PASSIVE_LIMIT or self.rec > PASSIVE_LIMIT

    @property
    def clean(self) -> bool:
        return not self.tec and not self.rec

    @property
    def state(self) -> ErrorState:
        if self.bus_off:
            return ErrorState.BUS_OFF
        if self.passive:
            return ErrorState.PASSIVE
        return ErrorState.WARNING if max(self.tec, self.rec) >= WARNING_LIMIT else ErrorState.ERROR_ACTIVE

    def sent(self) -> None:
        """A frame was transmitted and acknowledged."""
        self.tec -= self.tec > 0

    def received(self) -> None:
        """A frame was received without error."""
        self.rec = REC_AFTER_PASSIVE if self.rec > PASSIVE_LIMIT else max(0, self.rec - 1)

    def add(self, *, tec: int = 0, rec: int = 0) -> None:
        """Count an error. Beyond the limits the counters stand still: the state is decided by then."""
        self.tec += tec
        self.rec = min(self.rec + rec, BUS_OFF_LIMIT)
        self.bus_off = self.bus_off or self.tec > BUS_OFF_LIMIT

    def clear(self) -> None:
        self.tec = self.rec = 0
        self.bus_off = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Corruption:
    """What happens to one transmission attempt.

    Either *bit* (0 is the start of frame, stuffed bits counted) is read inverted by the nodes *seen_by* (None: by all, the sender
    included), or, with *bit* None, the frame is good on the wire but never reaches the hosts of *dropped_at*.
    """

    bit: int | None = None
    seen_by: Collection[str] | None = None
    dropped_at: Collection[str] = frozenset()
    held_bits: int = 0
    """Dominant bits that a defective transceiver adds after the error flag; every eighth is another error for each node."""


class Verdict(NamedTuple):
    """What an attempt comes to. Times are in bits from the start of frame."""

    error: BusError | None
    """None: the sender believes that the frame was sent."""
    free: int
    """When the next frame may start, the intermission over."""
    accepted: frozenset[str]
    """Receivers whose host gets the frame."""
    tec: int = 0
    """Added to the sender's transmit counter."""
    rec: tuple[tuple[str, int], ...] = ()
    """Added to receive counters."""


class Attempt(NamedTuple):
    """One transmission as the error rules see it: the sender, the other nodes on the bus, and which nodes are error-passive."""

    frame: Frame
    sender: str
    receivers: tuple[str, ...]
    passive: frozenset[str]

    @property
    def end(self) -> int:
        """Bits from the start of frame through the end of frame."""
        return frame_bits(self.frame) - IFS_BITS

    @property
    def tail(self) -> int:
        """Index of the CRC delimiter; the acknowledge slot follows."""
        return self.end - TAIL_BITS

    def fail(self, kind: ErrorKind, bit: int) -> BusError:
        return BusError(kind, self.sender, self.frame, bit)

    def good(self) -> Verdict:
        return Verdict(None, self.end + IFS_BITS, frozenset(self.receivers))


def judge(attempt: Attempt, corruption: Corruption) -> Verdict:
    """The consequences of *corruption* for sender and receivers."""
    bit = corruption.bit
    if bit is None:
        verdict = attempt.good()
    elif not 0 <= bit < attempt.end:
        raise LocalError(f"corrupted bit {bit}: this frame has bits 0..{attempt.end - 1}")
    else:
        verdict = _flipped(attempt, bit, corruption.seen_by)
    if verdict.error is None and not attempt.receivers:
        return unacknowledged(attempt)
    verdict = verdict._replace(accepted=verdict.accepted.difference(corruption.dropped_at))
    return _held(attempt, verdict, corruption.held_bits) if verdict.error and corruption.held_bits else verdict


def unacknowledged(attempt: Attempt, *, accepted: frozenset[str] = frozenset()) -> Verdict:
    """Nobody drove the acknowledge slot, or the sender did not see it.

    An error-passive sender does not count it (ISO 11898-1, fault confinement, exception 1): alone, it never gets to bus-off.
    Its flag is recessive, so that receivers which had taken the frame keep it, and get it again.
    """
    bit = attempt.tail + 1
    error = attempt.fail(ErrorKind.ACK, bit)
    free = _free(bit, FLAG_BITS)
    if attempt.sender in attempt.passive:
        return Verdict(error, free, accepted)
    return Verdict(error, free + bool(accepted), frozenset(), tec=8, rec=_each(accepted, 1))


def vanished(attempt: Attempt, bit: int) -> Verdict:
    """The sender left the wire after *bit*: the receivers run into six recessive bits."""
    bit = min(bit + FLAG_BITS, attempt.tail + 2)
    error = attempt.fail(ErrorKind.STUFF, bit)
    return Verdict(error, _free(bit, FLAG_BITS), frozenset(), rec=_each(attempt.receivers, 1))


def collided(attempt: Attempt, other: Frame) -> Verdict:
    """A second sender has the same identifier and other content: whoever sent recessive sees dominant, both must try again."""
    ours, theirs = levels(attempt.frame)[0], levels(other)[0]
    bit = next((i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b), min(len(ours), len(theirs)) - 1)
    wire = [min(pair) for pair in zip(ours, theirs, strict=False)]
    free = _free(bit, _flag_length(wire, bit, attempt))
    return Verdict(attempt.fail(ErrorKind.BIT, bit), free, frozenset(), tec=8, rec=_each(attempt.receivers, 1))


def _each(names: Collection[str], amount: int) -> tuple[tuple[str, int], ...]:
    return tuple((name, amount) for name in sorted(names))


def _free(bit: int, flag: int) -> int:
    """When the bus is free again after an error seen at *bit* and *flag* bits of superposed flags."""
    return bit + 1 + flag + DELIMITER_BITS + IFS_BITS


def _flipped(attempt: Attempt, bit: int, seen_by: Collection[str] | None) -> Verdict:
    sender_sees = seen_by is None or attempt.sender in seen_by
    seeing = tuple(name for name in attempt.receivers if seen_by is None or name in seen_by)
    if bit == attempt.tail + 1:
        # Only the sender reads the acknowledge slot.
        return unacknowledged(attempt, accepted=frozenset(attempt.receivers)) if sender_sees else attempt.good()
    if sender_sees:
        return _seen_by_sender(attempt, bit, seeing)
    return _seen_by_receivers(attempt, bit, seeing) if seeing else attempt.good()


def _seen_by_sender(attempt: Attempt, bit: int, seeing: tuple[str, ...]) -> Verdict:
    """The sender reads back another level than it drives, and raises its flag in the next bit."""
    sent, stuffed = levels(attempt.frame)
    arbitrating = 0 < bit < (33 if attempt.frame.extended else 13) and sent[bit] == 1
    if arbitrating and not stuffed[bit]:
        return _phantom_winner(attempt, bit)
    kind = ErrorKind.STUFF if arbitrating else ErrorKind.FORM if bit >= attempt.tail else ErrorKind.BIT
    # ISO 11898-1, fault confinement, exception 2: a stuff bit lost during arbitration is not counted.
    tec = 0 if arbitrating else 8
    error = attempt.fail(kind, bit)
    quiet = bit >= attempt.tail and attempt.sender in attempt.passive
    if quiet or bit == attempt.end - 1:
        # A passive flag looks like the tail itself; and who has got as far as the last bit has accepted the frame.
        accepted = frozenset(attempt.receivers) - (frozenset(seeing) if bit < attempt.end - 1 else frozenset())
        lost = _each(set(attempt.receivers) - accepted, 1)
        return Verdict(error, _free(bit, FLAG_BITS + (not quiet)), accepted, tec=tec, rec=lost)
    if bit == attempt.end - 2:
        # The flag begins in the last bit: those who had seen nothing before have accepted (the double reception of CAN).
        accepted = frozenset(attempt.receivers) - frozenset(seeing)
        return Verdict(error, _free(bit, FLAG_BITS + 1), accepted, tec=tec, rec=_each(seeing, 1))
    wire = list(sent)
    wire[bit] ^= bool(seeing)
    flag = _flag_length(wire, bit, attempt)
    return Verdict(error, _free(bit, flag), frozenset(), tec=tec, rec=_each(attempt.receivers, 1))


def _phantom_winner(attempt: Attempt, bit: int) -> Verdict:
    """A recessive identifier bit read dominant: the sender takes it for a lost arbitration, and then nobody goes on sending."""
    seen = bit + FLAG_BITS - 1
    rec = _each((attempt.sender, *attempt.receivers), 1)
    return Verdict(attempt.fail(ErrorKind.STUFF, seen), _free(seen, FLAG_BITS), frozenset(), rec=rec)


def _seen_by_receivers(attempt: Attempt, bit: int, seeing: tuple[str, ...]) -> Verdict:
    """Some receivers misread a bit that the sender sees as it drove it."""
    if bit == attempt.end - 1:
        # In the last bit of the end of frame a receiver takes a dominant level for an overload, not for an error.
        return attempt.good()
    kind, found = _detection(attempt, bit)
    active = [name for name in seeing if name not in attempt.passive]
    others = frozenset(attempt.receivers) - frozenset(seeing)
    if not active:
        # Error-passive receivers cannot disturb the bus: they alone lose the frame.
        if not others and (kind is ErrorKind.CRC or found <= attempt.tail):
            return unacknowledged(attempt)._replace(rec=_each(seeing, 1))
        return Verdict(None, attempt.end + IFS_BITS, others, rec=_each(seeing, 1))
    # Whoever flags first sees the others' flags behind its own: that is how a node with a bad receiver is found out.
    rec = dict.fromkeys(seeing, 1) | dict.fromkeys(active, 9)
    last_bit = found == attempt.end - 2
    if not last_bit:
        rec |= dict.fromkeys(others, 1)
    wire = levels(attempt.frame)[0]
    flag = _flag_length(wire, found, attempt._replace(passive=frozenset()))
    accepted = others if last_bit else frozenset()
    return Verdict(attempt.fail(kind, found), _free(found, flag), accepted, tec=8, rec=tuple(sorted(rec.items())))


def _detection(attempt: Attempt, bit: int) -> tuple[ErrorKind, int]:
    """Where a receiver that read *bit* inverted notices it: six equal bits, a fixed bit of wrong level, or the checksum.

    A receiver with the wrong number of stuffed bits has lost the frame's shape as well; it is taken to see that at the checksum.
    """
    if bit >= attempt.tail:
        return ErrorKind.FORM, bit
    wire = levels(attempt.frame)[0]
    wire[bit] ^= 1
    for at in range(bit, attempt.tail):
        if at >= 5 and len(set(wire[at - 5 : at + 1])) == 1:
            return ErrorKind.STUFF, at
    # A checksum error is flagged after the acknowledge delimiter.
    return ErrorKind.CRC, attempt.tail + 2


def _flag_length(wire: Sequence[int], bit: int, attempt: Attempt) -> int:
    """Bits of superposed error flags after an error at *bit*: 6 from who saw it, up to 6 more from those warned by them.

    The others complete six equal bits with the run that stood on the *wire* before the flag; in the tail one bit is enough.
    """
    if not attempt.receivers:
        return FLAG_BITS
    if bit >= attempt.tail:
        return FLAG_BITS + 1
    level = int(attempt.sender in attempt.passive)
    run = 0
    while run < 5 and bit - run >= 0 and wire[bit - run] == level:
        run += 1
    return FLAG_BITS - run + FLAG_BITS


def _held(attempt: Attempt, verdict: Verdict, held_bits: int) -> Verdict:
    """Dominant bits after the flags: another error for every receiver at once, and for all nodes at every eighth bit."""
    more = 8 * (held_bits // 8)
    rec = dict(verdict.rec)
    for name in attempt.receivers:
        rec[name] = rec.get(name, 0) + 8 * (name not in attempt.passive and rec.get(name, 0) < 8) + more
    return verdict._replace(free=verdict.free + held_bits, tec=verdict.tec + more, rec=tuple(sorted(rec.items())))


class BitErrors:
    """A corruptor with independent bit errors of probability *ber* per bit, reproducible from *generator*.

    *ber* is a number, or a function of the time at the start of a frame; 0 is then allowed, and costs its question only. The
    distance to the next error is drawn, as a dose that each bit takes its part of, not every bit. Each error is seen by one of
    *places* (node names; None: by all nodes), drawn with equal odds. Only the first error within a frame counts.
    """

    def __init__(
        self,
        ber: float | Callable[[int], float],
        generator: np.random.Generator,
        *,
        places: Sequence[Collection[str] | None] = (None,),
    ) -> None:
        if not callable(ber) and not 0 < ber <= 1:
            raise LocalError(f"bit error rate {ber}: must be above 0 and at most 1; switch the corruptor off instead of 0")
        if not places:
            raise LocalError("bit errors must be seen somewhere: places is empty")
        self.hits = 0
        """Frames hit so far."""
        self._rate = ber if callable(ber) else None
        self._dose = _dose(ber) if not callable(ber) else 0.0
        self._generator = generator
        self._places = tuple(places)
        self._ahead = generator.exponential()

    def __call__(self, frame: Frame, sender: str, now: int) -> Corruption | None:
        dose = self._dose if self._rate is None else _dose(self._rate(now))
        taken = dose * (frame_bits(frame) - IFS_BITS) if dose else 0.0
        if self._ahead >= taken:
            self._ahead -= taken
            return None
        bit, self._ahead = int(self._ahead / dose), self._generator.exponential()
        self.hits += 1
        place = self._places[int(self._generator.integers(len(self._places)))] if len(self._places) > 1 else self._places[0]
        return Corruption(bit=bit, seen_by=place)


def _dose(ber: float) -> float:
    """What a bit takes of a standard exponential distance, so that an error comes with probability *ber*."""
    return -log1p(-ber) if ber < 1.0 else 1e300


def together(*corruptors: Callable[[Frame, str, int], Corruption | None]) -> Callable[[Frame, str, int], Corruption | None]:
    """One corruptor of several, all of them asked: the first wrong bit counts, and nobody gets what one of them keeps back."""

    def corrupt(frame: Frame, sender: str, now: int) -> Corruption | None:
        found = [done for corruptor in corruptors if (done := corruptor(frame, sender, now)) is not None]
        if len(found) < 2:
            return found[0] if found else None
        first = min(found, key=lambda done: frame_bits(frame) if done.bit is None else done.bit)
        return replace(first, dropped_at=frozenset().union(*(done.dropped_at for done in found)))

    return corrupt
