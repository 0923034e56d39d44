"""What in a conversation lets the other side go on: the first of each run of equal messages, and every step of a transfer."""

from typing import Final

from protocols.core.frame import Frame
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.messages import BMS, CHARGER
from protocols.j1939.control import CM_PGN
from protocols.j1939.identifier import split

APART: Final = 3
"""A message is said anew, not repeated, after a gap of so many of its periods."""
ONCE_US: Final = 1_000_000
"""The same for messages without a period."""
PERIODS_US: Final = {layout.pgn: layout.period_us for layout in EDITIONS["2015"].messages.values()}
SAY_MORE: Final = frozenset(layout.pgn for layout in EDITIONS["2015"].messages.values() if layout.title in ("CRM", "BRO", "CRO"))
"""Groups whose first byte says "not yet" or "ready"."""

What = tuple[int, ...]


class Cues:
    """Listens to one side (*source*, its address) and tells what is a cue."""

    def __init__(self, source: int) -> None:
        self._source = source
        self._last_us: dict[What, int] = {}

    def of(self, frame: Frame, now: int) -> What | None:
        """What *frame* says if it lets the other side go on, else None. To be called for every frame in time order."""
        if not frame.extended or frame.can_id & 0xFF != self._source:
            return None
        _, pgn, _, _ = split(frame.can_id)
        if pgn == CM_PGN:
            return (pgn, *frame.data[:1], *frame.data[5:8])
        if pgn not in PERIODS_US:
            return None
        what = (pgn, *frame.data[:1]) if pgn in SAY_MORE else (pgn,)
        before, self._last_us[what] = self._last_us.get(what), now
        apart_us = APART * (PERIODS_US[pgn] or ONCE_US // APART)
        return what if before is None or now - before > apart_us else None


def words(what: What) -> str:
    """A cue for people."""
    pgn, *rest = what
    if pgn == CM_PGN:
        return f"a transfer's control frame 0x{rest[0]:02X}" if rest else "a transfer's control frame"
    name = next((layout.title for layout in EDITIONS["2015"].messages.values() if layout.pgn == pgn), f"PGN 0x{pgn:04X}")
    return f"{name} 0x{rest[0]:02X}" if rest else name


ADDRESSES: Final = {"pile": CHARGER, "vehicle": BMS}
"""The two sides by name."""
