"""The story of a recording as values. Times are µs since the earliest frame; None where the recording's clock cannot tell."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum


class Severity(Enum):
    """How bad a finding is."""

    VIOLATION = "violation"
    """Breaks the standard."""
    DEVIATION = "deviation"
    """Breaks the letter of the standard, is common in the field and does no harm."""
    REPORT = "report"
    """One side says that something is wrong."""
    NOTE = "note"
    """Worth knowing; nothing is wrong with the session."""


class Clock(Enum):
    """What the time stamps are worth."""

    MONOTONIC = "monotonic"
    CONSTANT = "constant"
    BACKWARD = "backward"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that stands out: *at_us* when it first happened, *clause* where the rule is written (may be empty)."""

    at_us: int | None
    severity: Severity
    text: str
    clause: str = ""


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of one identification attempt: its first and last frame and how many there are."""

    name: str
    attempt: int
    first_us: int | None
    last_us: int | None
    frames: int


@dataclass(frozen=True, slots=True)
class Period:
    """How regularly one message came. *outside* counts gaps more than 10 % off; None: the clock is too coarse to judge."""

    title: str
    nominal_us: int | None
    count: int
    median_us: int
    max_us: int
    outside: int | None


@dataclass(frozen=True, slots=True)
class Transfers:
    """Transport protocol transfers: whole ones by message, and frames and failures by kind."""

    complete: Mapping[str, int]
    events: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class Ranges:
    """What one message said over the whole recording: (least, greatest) of each field, and the field's first and last value."""

    count: int
    spans: Mapping[str, tuple[float, float]]
    ends: Mapping[str, tuple[float, float]]
    values: Mapping[str, tuple[int, ...]]
    """The distinct values of fields that are codes."""
    lengths: tuple[int, ...]
    """The distinct numbers of data bytes."""


@dataclass(frozen=True, slots=True)
class Session:
    """One plugged-in session, with all its identification attempts."""

    begin_us: int | None
    end_us: int | None
    edition: str
    evidence: tuple[str, ...]
    """What told the edition."""
    attempts: int
    """How often identification began; 0 where the recording begins later."""
    phases: tuple[Phase, ...]
    with_current: bool
    ended_by: str
    """charger, BMS, or neither (empty)."""
    end_reason: str
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Story:
    """All that a recording tells."""

    path: str
    sha256: str
    source_format: str
    notes: tuple[str, ...]
    protocol: str
    edition: str
    frames: int
    remote_frames: int
    error_frames: int
    duration_us: int
    clock: Clock
    resolution_us: int
    ids: Mapping[str, int]
    """Frames by identifier, the most frequent first."""
    sessions: tuple[Session, ...] = ()
    transfers: Transfers = field(default_factory=lambda: Transfers({}, {}))
    periods: tuple[Period, ...] = ()
    ranges: Mapping[str, Ranges] = field(default_factory=dict)
    """Requests and deliveries: BCL, CCS, BCS."""
    raw: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """The distinct data bytes (hex) of the messages outside charging, with their counts."""
    findings: tuple[Finding, ...] = ()
    """Of the recording as a whole; those of a session are with it."""

    @property
    def phases(self) -> list[str]:
        """The names of all phases that were reached, sorted."""
        return sorted({phase.name for session in self.sessions for phase in session.phases})

    @property
    def end_reason(self) -> str:
        """How the last session ended."""
        return self.sessions[-1].end_reason if self.sessions else ""
