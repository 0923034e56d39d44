"""What each frame of a GB/T 27930 bus is called, and where in a session it belongs."""

from typing import Final

from protocols.gbt27930 import messages as m
from protocols.j1939.control import CM_PGN, DT_PGN
from protocols.j1939.identifier import split

CHARGER, BMS = "charger", "BMS"

DECLARED: Final = {layout.title: layout for layout in m.FROM_CHARGER + m.FROM_BMS + m.FROM_BOTH}
SENDER: Final = {layout.title: CHARGER for layout in m.FROM_CHARGER} | {layout.title: BMS for layout in m.FROM_BMS}

HANDSHAKE, IDENTIFICATION, CONFIGURATION = "handshake", "identification", "configuration"
CHARGING, END, CEM, BEM = "charging", "end", "CEM", "BEM"

PHASES: Final = {
    HANDSHAKE: ("CHM", "BHM"),
    IDENTIFICATION: ("CRM", "BRM"),
    CONFIGURATION: ("BCP", "CTS", "CML", "BRO", "CRO"),
    CHARGING: ("BCL", "BCS", "CCS", "BSM", "BMV", "BMT", "BSP"),
    END: ("BST", "CST", "BSD", "CSD"),
    CEM: ("CEM",),
    BEM: ("BEM",),
}
"""The stages of GB/T 27930-2015 chapter 8 with their messages; error messages count as phases of their own."""

CHARGER_ORDER: Final = (("CHM",), ("CRM",), ("CTS", "CML"), ("CRO",), ("CCS",), ("CST",), ("CSD",))
BMS_ORDER: Final = (("BHM",), ("BRM",), ("BCP",), ("BRO",), ("BCL", "BCS", "BSM"), ("BST",), ("BSD",))
"""Within one attempt, what a side has left behind does not come again."""

TITLES: Final = (*DECLARED, "TP.CM", "TP.DT")
CODES: Final = {title: code for code, title in enumerate(TITLES)}
"""A small number for each title."""
UNKNOWN, FOREIGN = -1, -2
"""Codes of frames between the two nodes that no edition has, and of frames of others."""

_ENDS = {(m.CHARGER, m.BMS): CHARGER, (m.BMS, m.CHARGER): BMS}
_BY_PGN = {layout.pgn: layout.title for layout in DECLARED.values()}
_TRANSPORT = {CM_PGN: "TP.CM", DT_PGN: "TP.DT"}


def title_of(pgn: int) -> str:
    """The message of a parameter group; its number in hex if no edition has it."""
    return _BY_PGN.get(pgn) or f"PGN {pgn:#06x}"


def code_of(can_id: int, *, extended: bool) -> int:
    """The code of the title that frames of *can_id* have; UNKNOWN or FOREIGN."""
    if not extended:
        return FOREIGN
    _, pgn, destination, source = split(can_id)
    sender = _ENDS.get((source, destination))
    if sender is None:
        return FOREIGN
    title = _BY_PGN.get(pgn) or _TRANSPORT.get(pgn)
    if title is None or SENDER.get(title, sender) != sender:
        return UNKNOWN
    return CODES[title]


def sender_of(can_id: int) -> str:
    """Which side sent frames of *can_id*, if either."""
    _, _, destination, source = split(can_id)
    return _ENDS.get((source, destination), "")
