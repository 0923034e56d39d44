"""How a session ended."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Ended:
    """The session is over: *reason* in words, whether statistics were exchanged as they should, the clause of the last move."""

    reason: str
    orderly: bool
    clause: str
