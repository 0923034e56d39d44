"""What a referee may know of a run besides its wires: which messages its wires lost on the way to the receiver."""

from collections.abc import Iterable

from hil.events import Event
from hil.referee.case import Lost

FOR_EVER = 1 << 60


def lost_in(events: Iterable[Event]) -> list[Lost]:
    """The messages that faults of the wire kept from their receivers, from *events* as in `events.json`.

    The bus shows such a message all the same. A lost packet counts as its message.
    """
    begun: dict[str, int] = {}
    found = []
    for event in events:
        fault = str(event.get("values", {}).get("fault", ""))
        if not fault.startswith("wire/") or " drop" not in fault:
            continue
        at_us = round(event["at_s"] * 1e6)
        if event["kind"] == "Injected":
            begun[fault] = at_us
        elif event["kind"] == "Lifted":
            found.append(Lost(begun.pop(fault), at_us, _message(fault)))
    return found + [Lost(at_us, FOR_EVER, _message(fault)) for fault, at_us in begun.items()]


def _message(fault: str) -> str:
    return fault.removeprefix("wire/").partition(" ")[0].partition("#")[0]
