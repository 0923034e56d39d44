"""What a listener shows while it listens: each message with its count, its period and its last values."""

import time
from collections import Counter
from collections.abc import Iterator
from typing import Final

from rich.table import Table

from protocols.core.errors import DecodeError
from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.gbt27930.editions import EDITIONS
from protocols.j1939 import control
from protocols.j1939.identifier import split
from protocols.j1939.listener import Listener

LAYOUTS: Final[dict[int, type[Message]]] = {x.pgn: x for x in EDITIONS["2015"].messages.values() if x.pgn is not None}
ROWS, WORDS = 24, 100


class Shown:
    """Takes every frame, cheaply; decodes only what is drawn."""

    def __init__(self) -> None:
        self._counts: Counter[tuple[int, int]] = Counter()
        self._last: dict[tuple[int, int], bytes] = {}
        self._foreign = 0
        self._long = Listener()
        self._before: tuple[float, Counter[tuple[int, int]]] = time.monotonic(), Counter()
        self._told: dict[tuple[int, int], bytes] = {}

    def take(self, frame: Frame) -> None:
        """A frame was heard."""
        can_id = frame.can_id
        pgn = can_id >> 8 & 0x3FF00 if frame.extended else -1
        if pgn in (control.CM_PGN, control.DT_PGN):
            self._long.receive(frame, 0)
            for transfer in self._long.events():
                if transfer.payload is not None:
                    self._note(transfer.pgn, transfer.source, transfer.payload)
        elif pgn in LAYOUTS:
            self._note(pgn, split(can_id).source, frame.data)
        else:
            self._foreign += 1

    def _note(self, pgn: int, source: int, data: bytes) -> None:
        key = pgn, source
        self._counts[key] += 1
        self._last[key] = data

    def table(self) -> Table:
        """The present state, the most frequent message first."""
        (then, before), now = self._before, time.monotonic()
        self._before = now, Counter(self._counts)
        table = Table("message", "from", "count", "per s", "last", title=f"{self._foreign} frames of no message of ours")
        for (pgn, source), count in self._counts.most_common(ROWS):
            rate = (count - before[pgn, source]) / max(now - then, 1e-3)
            layout = LAYOUTS.get(pgn)
            name = layout.title if layout else f"{pgn:05X}"
            table.add_row(name, f"{source:02X}", str(count), f"{rate:.0f}", self._words(layout, self._last[pgn, source]))
        return table

    def changes(self) -> Iterator[str]:
        """One line for each message whose content is another than the last time this was asked."""
        for (pgn, source), data in self._last.items():
            if self._told.get((pgn, source)) != data:
                self._told[pgn, source] = data
                layout = LAYOUTS.get(pgn)
                yield f"{layout.title if layout else f'{pgn:05X}'} from {source:02X}: {self._words(layout, data)}"

    def _words(self, layout: type[Message] | None, data: bytes) -> str:
        try:
            values = layout.decode(data).as_dict() if layout else {}
        except DecodeError:
            values = {}
        words = ", ".join(
            f"{name} {value}" for name, value in values.items() if value is not None and not isinstance(value, tuple)
        )
        return words[:WORDS] or data.hex(" ")[:WORDS]
