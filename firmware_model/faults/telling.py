"""For each fault of the catalogue the moment at which it hurts, and what must happen besides for it to matter at all."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from firmware_model.bench import VehicleSetup
from firmware_model.faults.catalogue import Entry
from firmware_model.faults.fault import Fault
from protocols.gbt27930.habits import RECORDED_DELAYS_US, VehicleHabits

S: Final = 1_000_000
BEFORE_CHARGING: Final = frozenset({"CHM", "BHM", "CRM", "BRM", "BCP", "CTS", "CML", "BRO", "CRO"})
AFTER_CHARGING: Final = frozenset({"BST", "CST", "BSD", "CSD"})
OPTIONAL: Final = frozenset({"BMV", "BMT", "BSP"})
"""Sent every ten seconds from the beginning of charging on."""
CAUSE: Final = {
    "CEM": Fault(S // 2, None, "wire/BCL", "drop", after="CHARGING"),
    "BEM": Fault(S // 2, None, "wire/CCS", "drop", after="CHARGING"),
}
"""Error messages are sent after another fault only."""


TALKATIVE: Final = VehicleSetup(
    habits=VehicleHabits(omit=frozenset(), first_delay_us={**RECORDED_DELAYS_US, "BMV": 300_000, "BMT": 500_000, "BSP": 700_000})
)
"""A vehicle that sends every message that there is, within a second of charging."""


def vehicle_of(*faults: Fault) -> VehicleSetup:
    """The talkative vehicle, with what *faults* need to be in it."""
    return replace(TALKATIVE, afe=any(fault.where.startswith("afe/") for fault in faults))


def message_of(where: str) -> str:
    """The message that a place of the wire belongs to; empty for other places."""
    return where.removeprefix("wire/").partition(".")[0].partition("#")[0] if where.startswith("wire/") else ""


def telling(entry: Entry) -> Sequence[Fault]:
    """The fault at its most telling moment, then the others that it needs.

    Most faults begin a second after charging began, under current; those of messages and parts that are used before, from the
    start; replays begin when there is something to replay.
    """
    where, kind = entry.place.where, entry.kind.name
    message = message_of(where)
    if kind == "replay" and message in AFTER_CHARGING:
        return (Fault(S // 10, None, where, kind, {"back_s": 0.0}, after="END"),)
    if kind != "replay" and (message in BEFORE_CHARGING or where == "sensor/insulation" or kind in ("slow", "bounce")):
        return (Fault(0, None, where, kind),)
    if message in CAUSE:
        begins = 3 * S if kind == "replay" else 0
        return Fault(begins, None, where, kind, after="CHARGING"), CAUSE[message]
    if kind != "replay" and message in OPTIONAL:
        return (Fault(0, None, where, kind, after="CHARGING"),)
    return (Fault(S, None, where, kind, after="CHARGING"),)
