"""Which interfaces python-can knows on this machine, and which adapters it finds."""

import logging
from dataclasses import dataclass

import can
from can.interfaces import BACKENDS

LOUD = logging.CRITICAL + 1
NO_ADAPTERS = frozenset({"virtual", "udp_multicast"})
"""Always found, and no hardware."""


@dataclass(frozen=True, slots=True)
class Found:
    """An adapter that answered: python-can's *interface* and *channel* open it."""

    interface: str
    channel: str


def interfaces() -> list[str]:
    """The names of the interfaces that python-can knows, plug-ins included."""
    return sorted(BACKENDS)


def adapters() -> list[Found]:
    """The adapters that can be found without touching a bus. What python-can says about missing drivers is kept quiet."""
    logger, before = logging.getLogger("can"), logging.getLogger("can").level
    logger.setLevel(LOUD)
    try:
        configs = can.detect_available_configs()
    finally:
        logger.setLevel(before)
    return [
        Found(str(config["interface"]), str(config["channel"])) for config in configs if config["interface"] not in NO_ADAPTERS
    ]
