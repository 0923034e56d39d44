"""What a transport session reports: how each transfer ended, and what was irregular on the way."""

from dataclasses import dataclass
from enum import Enum


class Role(Enum):
    """Our part in a transfer (the words of SAE J1939-21 5.10)."""

    ORIGINATOR = "sends the payload"
    RESPONDER = "receives the payload and acknowledges it"
    LISTENER = "receives a broadcast"


class Timer(Enum):
    """The timers of SAE J1939-21 5.10.2.4. What a connection waits for is the timer that it runs."""

    TR = "our own next frame is due"
    TH = "the hold must be repeated"
    T1 = "the next packet"
    T2 = "the first packet after a CTS"
    T3 = "a CTS or the acknowledgement"
    T4 = "a CTS that ends the peer's hold"


class Irregularity(Enum):
    """What a peer did that the transport protocol does not provide for."""

    SHORT_CONTROL = "a TP.CM frame has not 8 bytes"
    SHORT_DATA = "a TP.DT frame has not 8 bytes"
    UNKNOWN_CONTROL = "the control byte is reserved"
    WRONG_SIZE = "the announced size and packet count do not belong together or are outside 9..1785 bytes"
    WRONG_PGN = "the frame speaks about another parameter group than the open connection, or about none"
    NO_CONNECTION = "no connection is open that the frame could belong to"
    NO_ADDRESS = "the sender has no address of its own and cannot be answered"
    NO_ROOM = "too many transfers are open at once"
    NO_LIMIT = "an RTS allows 0 packets per CTS; taken as no limit"
    AHEAD = "a CTS asks for a packet whose turn has not come"
    EXCESSIVE = "a CTS grants more packets than remain or than our RTS allows; cut down"
    EARLY_END = "an acknowledgement came before every packet was sent"
    WRONG_END = "an acknowledgement states another size than was sent"
    OUTSIDE = "a packet number is 0 or beyond the announced count"
    UNGRANTED = "a packet came that no CTS had granted"
    REPEATED = "a packet came twice"
    MISSING = "packets were missing at the end of a grant"


@dataclass(frozen=True, slots=True)
class Received:
    """A transfer to us is whole. *destination* is our address, or 0xFF for a broadcast."""

    pgn: int
    payload: bytes
    source: int
    destination: int


@dataclass(frozen=True, slots=True)
class Sent:
    """A transfer of ours was acknowledged."""

    pgn: int
    destination: int


@dataclass(frozen=True, slots=True)
class Aborted:
    """A transfer ended by an Abort frame, ours (*by_us*) or the peer's.

    *reason* is the byte in that frame; None: no such frame was sent, because a new RTS (or BAM) to the same address
    replaced the transfer (SAE J1939-21 5.10).
    """

    pgn: int
    peer: int
    reason: int | None
    by_us: bool
    role: Role


@dataclass(frozen=True, slots=True)
class TransferTimedOut:
    """A transfer ended because *timer* ran out."""

    pgn: int
    peer: int
    timer: Timer
    role: Role


@dataclass(frozen=True, slots=True)
class Irregular:
    """A finding: the peer's frame *can_id*, *data* was irregular. The transfer goes on unless another event ends it."""

    reason: Irregularity
    can_id: int
    data: bytes


End = Received | Sent | Aborted | TransferTimedOut
Report = End | Irregular
