"""Who speaks GB/T 27930 in a recording: every identifier sorted by message, sender and regularity."""

from dataclasses import dataclass
from typing import Final

from hil.links.recording import EXTENDED
from protocols.gbt27930.messages import BMS, BMS_TOO, CHARGER, FROM_BMS, FROM_BOTH, FROM_CHARGER, VEHICLES
from protocols.j1939.control import CM_PGN, DT_PGN
from protocols.j1939.identifier import GLOBAL, join, split

PEER: Final = {CHARGER: BMS, BMS: CHARGER, BMS_TOO: CHARGER}
TITLES: Final = {
    CHARGER: {message.pgn: message.title for message in FROM_CHARGER + FROM_BOTH},
    **{vehicle: {message.pgn: message.title for message in FROM_BMS + FROM_BOTH} for vehicle in VEHICLES},
}
PRIORITY: Final = {message.title: message.priority for message in FROM_CHARGER + FROM_BMS + FROM_BOTH}
CHARGERS: Final = frozenset(message.title for message in FROM_CHARGER)
"""The names of the charger's messages."""

KNOWN_STRANGERS: Final = {
    0x0C01F456: "V2L request of a maker (not in the standard)",
    0x0C3CF456: "version negotiation NTM (not public)",
    0x0C3D56F4: "version negotiation EVM (not public)",
}
"""Identifiers between the two nodes that look like messages of the standard and are not, or that it does not publish."""


@dataclass(frozen=True, slots=True)
class Voice:
    """What an identifier means: message *name*, or "TP" for a frame of the transport protocol; *fault* if something is wrong."""

    name: str
    source: int
    fault: str = ""


def voice_of(key: int) -> Voice | None:
    """The meaning of an identifier (with the bit of the 29-bit format), or None if it is no part of the protocol."""
    if not key & EXTENDED or key & ~EXTENDED in KNOWN_STRANGERS:
        return None
    priority, pgn, destination, source = split(key & ~EXTENDED)
    peers = VEHICLES if source == CHARGER else (CHARGER,)
    if source not in PEER or destination not in (*peers, GLOBAL):
        return None
    if pgn in (CM_PGN, DT_PGN):
        return Voice("TP", source)
    name = TITLES[source].get(pgn)
    if name is None:
        return None
    if destination == GLOBAL:
        return Voice(name, source, "sent to all nodes (0xFF) instead of to the peer")
    if priority != PRIORITY[name] and not (priority == 6 and PRIORITY[name] == 7):  # 6 in the 2011 edition
        return Voice(name, source, f"priority {priority} instead of {PRIORITY[name]}")
    return Voice(name, source)


def misdirected(key: int) -> str | None:
    """The message whose parameter group this identifier has, if the wrong one of the two nodes sends it."""
    if not key & EXTENDED or key & ~EXTENDED in KNOWN_STRANGERS:
        return None
    _, pgn, _, source = split(key & ~EXTENDED)
    return TITLES[PEER[source]].get(pgn) if source in PEER and voice_of(key) is None else None


def identifier(name: str, source: int) -> int:
    """The identifier that the message *name* has by the standard."""
    pgn = next(pgn for pgn, title in TITLES[source].items() if title == name)
    assert pgn is not None
    return join(pgn, priority=PRIORITY[name], destination=PEER[source], source=source)
