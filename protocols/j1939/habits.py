"""How a node uses its freedom in the transport protocol: times, limits, and what it does about disorder."""

from dataclasses import dataclass, fields
from enum import Enum

from protocols.core.errors import LocalError
from protocols.j1939.control import NO_LIMIT, AbortReason

UNTIL_RELEASED = 1 << 62
"""As `hold_us`: hold until the owner calls `Transport.release`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportTimers:
    """Limits in µs, SAE J1939-21 5.10.2.4; each runs out exactly then."""

    tr_us: int = 200_000
    """The longest time in which a node may answer; our own delays must not exceed it."""
    th_us: int = 500_000
    """How often a hold (CTS with 0 packets) is repeated."""
    t1_us: int = 750_000
    """Receiver: gap between two packets, also of a broadcast."""
    t2_us: int = 1_250_000
    """Receiver: no packet after our CTS."""
    t3_us: int = 1_250_000
    """Sender: neither CTS nor acknowledgement after an RTS or the last packet granted."""
    t4_us: int = 1_050_000
    """Sender: no CTS after the peer's hold."""

    def __post_init__(self) -> None:
        if any(getattr(self, field.name) <= 0 for field in fields(self)):
            raise LocalError("timers must be longer than 0 µs")


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportLimits:
    """How much a session holds at once. A peer that asks for more gets an Abort (busy) or, for a broadcast, nothing."""

    inbound: int = 8
    outbound: int = 8
    broadcasts: int = 8
    undrained: int = 256
    """With so many frames or events not fetched, no transfer is opened and no finding is reported any more."""

    def __post_init__(self) -> None:
        if min(self.inbound, self.outbound, self.broadcasts) < 0 or self.undrained < 1:
            raise LocalError("limits must not be negative, and at least one event must fit")


class OnGap(Enum):
    """What the receiver does about packets that are missing or out of order."""

    REREQUEST = "wait for the end of the grant, then ask for the missing ones by CTS"
    ABORT = "abort at once"


class OnRepeat(Enum):
    """What the receiver does about a packet that it has already."""

    IGNORE = "keep the first and report a finding"
    ABORT = "abort at once"


@dataclass(frozen=True, slots=True, kw_only=True)
class TransportHabits:
    """The ways of one node; the defaults are those of the vehicles and chargers in recordings.

    Observed: CTS and acknowledgement within 2 ms, first packet 8..10 ms after the CTS, packets 8..16 ms apart.
    """

    priority: int = 7
    """Of every frame we answer with, and of our own transfers unless `send` says otherwise."""
    answer_us: int = 0
    """From a frame that wants an answer to our CTS or acknowledgement."""
    first_us: int = 8_000
    """From a CTS to our first packet."""
    gap_us: int = 10_000
    """Between our packets: the "10 ms" printed with BRM in GB/T 27930."""
    grant_packets: int = 255
    """Packets that we grant per CTS, at most."""
    announce_packets: int | None = NO_LIMIT
    """Byte 5 of our RTS, the packets per CTS that we allow; None: the packet count of the transfer."""
    hold_us: int = 0
    """Each RTS is answered with a hold that lasts so long."""
    refuse: frozenset[int] = frozenset()
    """Groups whose RTS is answered with an Abort."""
    refuse_reason: int = AbortReason.RESOURCES
    on_gap: OnGap = OnGap.REREQUEST
    on_repeat: OnRepeat = OnRepeat.IGNORE
    rerequests: int = 2
    """How often we ask for missing packets of one transfer before we abort it."""
    retransmissions: int = 16
    """How often a peer may ask us for packets again before we abort."""
    abort_on_timeout: bool = True
    """Whether a timeout is told to the peer by an Abort with reason 3."""

    def __post_init__(self) -> None:
        if not (1 <= self.grant_packets <= 255 and 0 <= self.priority <= 7 and 0 <= self.refuse_reason <= 255):
            raise LocalError("grant_packets is 1..255, priority 0..7, refuse_reason 0..255")
        if self.announce_packets is not None and not 1 <= self.announce_packets <= 255:
            raise LocalError(f"announce_packets is 1..255 or None, not {self.announce_packets}")
        if min(self.answer_us, self.first_us, self.gap_us, self.hold_us, self.rerequests, self.retransmissions) < 0:
            raise LocalError("delays and counts must not be negative")

    def check(self, timers: TransportTimers) -> None:
        """Raise LocalError if we would answer later than Tr."""
        if max(self.answer_us, self.first_us, self.gap_us) > timers.tr_us:
            raise LocalError(f"answer_us, first_us and gap_us must not exceed Tr, {timers.tr_us} µs")
