"""What each role may say on a real wire: which frames, how often, with which values.

Long messages are judged when their last packet comes, which is then kept back: the receiver never gets the whole message.
"""

from collections import defaultdict
from collections.abc import Mapping
from typing import Final

from hil.live.limits import Limits
from hil.sides import ADDRESSES, OTHER
from protocols.core.errors import DecodeError
from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.gbt27930.editions import Edition
from protocols.j1939 import control
from protocols.j1939.identifier import GLOBAL, split

VOLTAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "BHM": ("voltage_max_v",),
    "BCP": ("voltage_max_v", "voltage_v"),
    "BCL": ("voltage_v",),
    "BCS": ("voltage_v",),
    "CCS": ("voltage_v",),
}
CURRENTS: Final[Mapping[str, tuple[str, ...]]] = {"BCL": ("current_a",), "BCS": ("current_a",), "CCS": ("current_a",)}
"""Fields that stand for a voltage or a current that is there, asked for, or permitted, whoever says it."""
OFFERED_VOLTAGES: Final[Mapping[str, tuple[str, ...]]] = {**VOLTAGES, "CML": ("voltage_max_v",)}
OFFERED_CURRENTS: Final[Mapping[str, tuple[str, ...]]] = {
    **CURRENTS,
    "CML": ("current_max_a",),
    "BCP": ("current_max_a",),
}
"""The same for what we say: we offer and admit no more than the limits either. What another could do is its own business."""
RATE_MAX: Final = 50
"""Frames of one identifier in `RATE_US`: twice what the shortest period (BST and CST, 10 ms) gives, and room for bursts."""
RATE_US: Final = 200_000
PACKETS_MAX: Final = 400
"""The same for packets of transfers: 256 of them without gaps, and their control frames."""


class _Packets:
    """The payload of a transfer from one address to another, as soon as its last packet is there, before it is acknowledged."""

    def __init__(self) -> None:
        self._pgn, self._size = -1, 0
        self._parts: dict[int, bytes] = {}

    def take(self, pgn: int, data: bytes) -> tuple[int, bytes] | None:
        """Group and payload that are whole with this frame, or None."""
        if pgn == control.CM_PGN:
            if data[:1] in _BEGINS and len(data) == 8:
                self._pgn, self._size = int.from_bytes(data[5:8], "little"), int.from_bytes(data[1:3], "little")
                self._parts.clear()
            return None
        if data:
            self._parts[data[0]] = data[1:]
        wanted = range(1, control.packets_of(self._size) + 1)
        if self._size <= 0 or any(number not in self._parts for number in wanted):
            return None
        return self._pgn, b"".join(self._parts[number] for number in wanted)[: self._size]


_BEGINS = (bytes((control.RTS,)), bytes((control.BAM,)))


class Rules:
    """Judges every frame that *side* is about to send, and every value that the other side tells."""

    def __init__(self, side: str, edition: Edition, limits: Limits) -> None:
        self.side, self.limits = side, limits
        self._own, self._peer = ADDRESSES[side], ADDRESSES[OTHER[side]]
        letters = {"pile": "C", "vehicle": "B"}
        layouts = [layout for layout in edition.messages.values() if layout.pgn is not None]
        said_by = {who: {x.pgn: x for x in layouts if x.title[0] == letters[who] or x.title.startswith("DM")} for who in letters}
        self._said_by, self._ours = said_by, said_by[side]
        self._long: defaultdict[tuple[str, int], _Packets] = defaultdict(_Packets)  # by who says it, and to whom
        self._recent: dict[int, list[int]] = {}
        self._first_us: int | None = None

    def refusal(self, frame: Frame, now: int) -> str | None:
        """Why *frame* must not be sent at *now* (µs); None if it may. What is refused counts as not sent."""
        if not frame.extended:
            return f"identifier {frame.can_id:03X} has 11 bits"
        _, pgn, destination, source = split(frame.can_id)
        packets = pgn in (control.CM_PGN, control.DT_PGN)
        if source != self._own or destination not in (self._peer, GLOBAL) or not (packets or pgn in self._ours):
            return f"identifier {frame.can_id:08X} is not one of the {self.side}'s"
        if self._first_us is None:
            self._first_us = now
        if now - self._first_us > self.limits.max_min * 60e6:
            return f"it has lasted longer than max_min = {self.limits.max_min:g} min"
        return self._too_often(frame.can_id, PACKETS_MAX if packets else RATE_MAX, now) or self._value_refusal(frame, pgn)

    def alarm(self, frame: Frame) -> str | None:
        """What the other side's *frame* says that must not be, or None."""
        if not frame.extended:
            return None
        _, pgn, _, source = split(frame.can_id)
        return self._beyond(frame, pgn, OTHER[self.side]) if source == self._peer else None

    def _value_refusal(self, frame: Frame, pgn: int) -> str | None:
        if pgn == control.CM_PGN and frame.data[:1] in _BEGINS:
            carried = int.from_bytes(frame.data[5:8], "little")
            if carried not in self._ours:
                return f"a transfer of group {carried:05X} is not one of the {self.side}'s"
        return self._beyond(frame, pgn, self.side)

    def _beyond(self, frame: Frame, pgn: int, who: str) -> str | None:
        layouts, data = self._said_by[who], frame.data
        if pgn in (control.CM_PGN, control.DT_PGN):
            whole = self._long[who, split(frame.can_id).destination].take(pgn, data)
            if whole is None:
                return None
            pgn, data = whole
        return self._judge(layouts[pgn], data, ours=who == self.side) if pgn in layouts else None

    def _judge(self, layout: type[Message], data: bytes, *, ours: bool) -> str | None:
        voltages = (OFFERED_VOLTAGES if ours else VOLTAGES).get(layout.title, ())
        currents = (OFFERED_CURRENTS if ours else CURRENTS).get(layout.title, ())
        if not voltages and not currents:
            return None
        try:
            message = layout.decode(data)
        except DecodeError as error:
            return f"{layout.title} cannot be judged: {error}"
        limits = self.limits
        for names, most, key, unit in (
            (voltages, limits.max_v, "max_v", "V"),
            (currents, limits.max_a, "max_a", "A"),
        ):
            for name in names:
                value = getattr(message, name)
                if value is not None and abs(value) > most:
                    return f"{layout.title}.{name} = {value:g} {unit} is above {key} = {most:g} {unit}"
        return None

    def _too_often(self, can_id: int, most: int, now: int) -> str | None:
        times = self._recent.setdefault(can_id, [])
        while times and now - times[0] > RATE_US:
            times.pop(0)
        if len(times) >= most:
            return f"identifier {can_id:08X}: more than {most} frames in {RATE_US // 1000} ms"
        times.append(now)
        return None


def safe_end(side: str, edition: Edition) -> Frame:
    """The frame by which *side* ends a charge for a fault: BST or CST."""
    title = {"vehicle": "BST", "pile": "CST"}[side]
    layout = edition.messages[title]
    assert layout.pgn is not None
    reasons = {"other": 1} if side == "vehicle" else {"fault": 1, "other": 1}
    can_id = layout.priority << 26 | layout.pgn << 8 | ADDRESSES[OTHER[side]] << 8 | ADDRESSES[side]
    return Frame(can_id, layout(**reasons).encode())
