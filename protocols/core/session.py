"""The face that every protocol session has, and the events that every session may report.

A session is told the time and never asks for it. Whoever owns a wire calls :meth:`Session.receive` for each frame and
:meth:`Session.tick` when :attr:`Session.deadline` is reached, and after each call drains frames and events.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from protocols.core.frame import Frame


class Session(Protocol):
    """One side of a conversation. All times are integer µs on the caller's clock and never decrease."""

    @property
    def deadline(self) -> int | None:
        """The next moment at which `tick` must be called (µs), or None if nothing will ever be due."""
        ...

    def receive(self, frame: Frame, now: int) -> None:
        """Take in a frame from the wire. Never raises for anything a peer can send."""
        ...

    def tick(self, now: int) -> None:
        """Let everything happen that is due at *now*. Calling it early or twice changes nothing."""
        ...

    def frames(self) -> Sequence[Frame]:
        """The frames to transmit, in order; each is handed out once."""
        ...

    def events(self) -> Sequence[Any]:
        """What happened since the last call, in order; each is handed out once."""
        ...


@dataclass(frozen=True, slots=True)
class Moved:
    """The session changed its state: from *before* to *after*, because of *given*; *clause* says where that is written."""

    before: Hashable
    after: Hashable
    given: Hashable
    clause: str


@dataclass(frozen=True, slots=True)
class Malformed:
    """A peer sent something that is not a message of the protocol. A finding, not a crash."""

    reason: str
    can_id: int
    data: bytes


@dataclass(frozen=True, slots=True)
class TimedOut:
    """A timer of the protocol ran out: *timer* by name, *limit_us* its limit, *clause* where it is written."""

    timer: str
    limit_us: int
    clause: str
