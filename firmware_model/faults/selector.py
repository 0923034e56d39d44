"""Which frames on the wire belong to a message, or to one part of its transfer in packets."""

from typing import Final

from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.gbt27930.messages import CHARGER, VEHICLES
from protocols.j1939.control import packets_of

_PRIORITY_FREE: Final = 0x03FF_FFFF
_CM, _DT = 0xEC << 16, 0xEB << 16
CONTROLS: Final = {"RTS": 0x10, "CTS": 0x11, "EOM": 0x13, "ABORT": 0xFF}
"""Control frames of a transfer by their first byte (SAE J1939-21)."""
ANSWERS: Final = frozenset({"CTS", "EOM"})
"""Those that the receiver of the message sends."""
MOST_PACKETS: Final = 7
"""Packets that get a place of their own: as many as the longest message of a fixed length has."""


def sender_of(title: str) -> str:
    """Which host sends message *title*: "pile" or "vehicle"."""
    return "pile" if title.startswith("C") else "vehicle"


def is_long(layout: type[Message]) -> bool:
    """Whether the message travels in packets."""
    return (layout.length or 0) > 8


def parts_of(layout: type[Message]) -> list[str]:
    """The parts of the transfer of a long message, in the order of the wire: control frames by name, packets by number."""
    if not is_long(layout):
        return []
    packets = min(packets_of(layout.length or 0), MOST_PACKETS)
    return ["RTS", "CTS", *(str(number) for number in range(1, packets + 1)), "EOM"]


class Selector:
    """Called with every frame of one direction in order, tells where in the message its data begin.

    *part* restricts it to a control frame ("RTS", "CTS", "EOM") or a packet by number; None takes whatever the message's sender
    sends of it.
    """

    def __init__(self, layout: type[Message], part: str | None = None) -> None:
        assert layout.pgn is not None
        self.layout, self.part = layout, part
        self._pgn = layout.pgn
        from_pile = [vehicle << 8 | CHARGER for vehicle in VEHICLES]
        to_pile = [CHARGER << 8 | vehicle for vehicle in VEHICLES]
        there, back = (from_pile, to_pile) if sender_of(layout.title) == "pile" else (to_pile, from_pile)
        self._singles = frozenset(layout.pgn << 8 | nodes for nodes in there)
        self._requests, self._packets = frozenset(_CM | nodes for nodes in there), frozenset(_DT | nodes for nodes in there)
        self._answers = frozenset(_CM | nodes for nodes in back)
        self._control = CONTROLS.get(part or "")
        self._number = int(part) if part is not None and part.isdigit() else None
        self._transferring = False

    def __call__(self, frame: Frame) -> int | None:
        """The offset (bytes) of *frame*'s payload within the message; 0 for control frames; None: the frame is not selected."""
        key, data = frame.can_id & _PRIORITY_FREE, frame.data
        if key in self._singles and self.part is None:
            return 0
        if key in self._packets:
            if not self._transferring or not data or self._number not in (None, data[0]) or self._control is not None:
                return None
            return 7 * (data[0] - 1)
        asked = key in self._requests
        if len(data) < 8 or not (asked or key in self._answers):
            return None
        ours = int.from_bytes(data[5:8], "little") == self._pgn
        if asked and data[0] == CONTROLS["RTS"]:
            self._transferring = ours
        if not ours or self._number is not None:
            return None
        if self.part is None:
            return 0 if asked else None
        return 0 if data[0] == self._control else None
