"""When a message repeats what was said before, and when it is said anew."""

from typing import Final

from protocols.core.message import Message

TWO_MEANINGS: Final = frozenset({"CRM", "BRO", "CRO"})
"""Messages that say "not yet" (0x00) or "ready" (0xAA); the change says something new."""
PERIODS: Final = 3
ONCE_US: Final = 1_000_000


def apart_us(layout: type[Message]) -> int:
    """A gap longer than this (three periods; a second for messages without one) ends a run of repeats."""
    return PERIODS * layout.period_us if layout.period_us else ONCE_US
