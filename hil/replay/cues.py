"""What in a conversation lets the other side go on: the first of each run of equal messages, and every step of a transfer."""

from typing import Final

from hil.story.repeats import TWO_MEANINGS, apart_us
from protocols.core.frame import Frame
from protocols.gbt27930.editions import EDITIONS
from protocols.j1939.control import CM_PGN
from protocols.j1939.identifier import split

LAYOUTS: Final = {layout.pgn: layout for layout in EDITIONS["2015"].messages.values()}

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
        layout = LAYOUTS.get(pgn)
        if layout is None:
            return None
        what = (pgn, *frame.data[:1]) if layout.title in TWO_MEANINGS else (pgn,)
        before, self._last_us[what] = self._last_us.get(what), now
        return what if before is None or now - before > apart_us(layout) else None


def words(what: What) -> str:
    """A cue for people."""
    pgn, *rest = what
    if pgn == CM_PGN:
        return f"a transfer's control frame 0x{rest[0]:02X}" if rest else "a transfer's control frame"
    name = LAYOUTS[pgn].title
    return f"{name} 0x{rest[0]:02X}" if rest else name
