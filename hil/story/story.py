"""The story of a recording as values. All times are µs since the first stamp of the recording unless said otherwise."""

from dataclasses import dataclass
from enum import Enum
from typing import Final

CHARGER: Final = "charger"
VEHICLE: Final = "vehicle"
RECORDING: Final = "recording"
"""Whom a finding or a milestone is about."""


class Severity(Enum):
    """How a finding is meant."""

    BREACH = "breach"
    """The standard says otherwise."""
    NOTE = "note"
    """Allowed, common or not certain, but worth knowing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """Something that *who* did: *what* in words, *clause* where the rule is, *at_us* when first seen, *count* how often."""

    severity: Severity
    who: str
    what: str
    clause: str
    at_us: int | None = None
    count: int = 1


@dataclass(frozen=True, slots=True)
class Phase:
    """A phase of the session: from its first to its last message. Phases may overlap a little, as the standard has it."""

    name: str
    attempt: int
    """Counted from 1; a reconnection begins the next."""
    begin_us: int
    end_us: int
    frames: int


@dataclass(frozen=True, slots=True)
class Milestone:
    """Something that happened once: *what*, in words, by *who*."""

    at_us: int
    who: str
    what: str


@dataclass(frozen=True, slots=True)
class Range:
    """Least, greatest, first and last of a value. *unit* as declared, empty for codes and counts."""

    low: float
    high: float
    first: float
    last: float
    unit: str


@dataclass(frozen=True, slots=True)
class Stream:
    """All messages of one name in a session: how many, how long, what their values were."""

    name: str
    count: int
    lengths: tuple[int, ...]
    ranges: dict[str, Range]
    codes: dict[str, tuple[int, ...]]
    """The values that occur of fields that are codes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The time from one message to the next, measured. Gaps between phases and attempts are not in it."""

    message: str
    nominal_us: int
    count: int
    """How many intervals."""
    median_us: int
    """The upper median."""
    max_us: int
    beyond: int | None
    """How many intervals are more than 10 % off; None: not judged."""
    why_not: str = ""
    """Why it is not judged."""


@dataclass(frozen=True, slots=True)
class BrokenTransfer:
    """A long message that was not seen whole: *why* in words."""

    name: str
    at_us: int
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Transfers:
    """The long messages of a session (SAE J1939-21 5.10), whole ones by name."""

    complete: dict[str, int]
    cts: int
    eoma: int
    abort: int
    broken: tuple[BrokenTransfer, ...]
    open_at_end: int


@dataclass(frozen=True, slots=True)
class ErrorReport:
    """A run of BEM or CEM with the same contents. *flags* in words, with their parameter numbers."""

    name: str
    who: str
    begin_us: int
    end_us: int
    count: int
    flags: tuple[str, ...]
    missing: tuple[str, ...]
    """The messages that were missed, by name."""


class Outcome(Enum):
    """How a session came to its end."""

    CHARGER_STOP = "the charger stopped"
    VEHICLE_STOP = "the vehicle stopped"
    ERROR = "communication error"
    OPEN = "the recording ends before the session does"


@dataclass(frozen=True, slots=True)
class Ending:
    """Who ended the session and why: *reason* in full sentences, *clause* of the rule that it followed."""

    outcome: Outcome
    reason: str
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """One plug-in, as far as it was recorded."""

    edition: str
    evidence: tuple[str, ...]
    """What the edition was told by."""
    begin_us: int
    end_us: int
    frames: int
    attempts: int
    """How often identification began."""
    with_current: bool
    energy_wh: float | None
    """Voltage times current of CCS, summed over time; None without CCS or usable stamps."""
    from_beginning: bool
    """Whether the recording shows how it began."""
    identity: dict[str, str]
    """What the two said about themselves: title -> words."""
    phases: tuple[Phase, ...]
    milestones: tuple[Milestone, ...]
    streams: dict[str, Stream]
    raw: dict[str, dict[str, int]]
    """Contents of the rarer messages in hexadecimal, with their counts."""
    periods: tuple[Period, ...]
    transfers: Transfers
    errors: tuple[ErrorReport, ...]
    ending: Ending
    findings: tuple[Finding, ...]


class Stamps(Enum):
    """What the time stamps are good for."""

    MONOTONIC = "monotonic"
    CONSTANT = "constant"
    BACKWARD = "backward"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What a recording tells. Without GB/T 27930 in it there are no sessions, but frames, identifiers and duration."""

    file: str
    format: str
    sha256: str
    protocol: str
    frames: int
    remote_frames: int
    error_frames: int
    duration_us: int
    """From the least to the greatest stamp."""
    stamps: Stamps
    resolution_us: int
    """The coarsest step of 1, 10, 100 .. µs that all stamps share."""
    ids: dict[str, int]
    """Frames by identifier, in hexadecimal, the most frequent first."""
    foreign: dict[str, int]
    """Those that are no part of the protocol."""
    sessions: tuple[Session, ...]
    findings: tuple[Finding, ...]
    """About the recording and the bus as a whole."""
    notes: tuple[str, ...]
    """About the file."""
