"""The DBC database of one edition of GB/T 27930."""

from collections.abc import Iterator
from typing import Final

from protocols.core.dbc import Entry, dbc
from protocols.core.message import Message
from protocols.gbt27930.editions import Edition
from protocols.gbt27930.messages import BMS, CHARGER, FROM_BMS, FROM_BOTH, FROM_CHARGER
from protocols.j1939.identifier import join

NODES: Final = {"Charger": CHARGER, "BMS": BMS}
DIRECTIONS: Final = (("Charger", "BMS", FROM_CHARGER), ("BMS", "Charger", FROM_BMS))

TROUBLE_CODES: Final = 16
"""How many codes of DM1, DM2 and DM6 are listed: nobody was seen sending one, and all 446 would be most of the database."""

SIGNS: Final = (
    "Currents are positive from charger to battery: charging is positive in this database (factor -0.1, offset 400). "
    "The standard writes the same bytes the other way round: factor 0.1, offset -400 A, charging negative. "
    "Messages of more than 8 bytes never occur under their own identifier: they are the payload of a J1939-21 transfer."
)


def edition_dbc(edition: Edition) -> str:
    """The text of a DBC file with every message of *edition*; DM1..DM6 are there once for each sender."""
    return dbc(edition.title, entries(edition), nodes=NODES, comment=SIGNS)


def entries(edition: Edition) -> Iterator[Entry]:
    """The messages of *edition* with identifier and direction, the charger's first."""
    for sender, receiver, declared in DIRECTIONS:
        for title in (message.title for message in declared + FROM_BOTH):
            if title in edition.messages:
                yield _entry(edition.messages[title], sender, receiver)


def _entry(layout: type[Message], sender: str, receiver: str) -> Entry:
    assert layout.pgn is not None
    is_diagnostic = layout.title.startswith("DM")
    return Entry(
        layout=layout,
        can_id=join(layout.pgn, priority=layout.priority, destination=NODES[receiver], source=NODES[sender]),
        sender=sender,
        receiver=receiver,
        name=f"{layout.title}_{sender}" if is_diagnostic else "",
        elements=TROUBLE_CODES if is_diagnostic else None,
    )
