"""The two sides of a session by name, and a bench on which one of them is somebody else."""

from typing import Final

from firmware_model.bench import Bench
from firmware_model.wires.can_port import Port
from protocols.core.frame import Frame
from protocols.gbt27930.messages import BMS, CHARGER

ADDRESSES: Final = {"pile": CHARGER, "vehicle": BMS}
OTHER: Final = {"pile": "vehicle", "vehicle": "pile"}


def port_of(bench: Bench, side: str) -> Port:
    """The CAN controller of *side*."""
    return (bench.vehicle if side == "vehicle" else bench.pile).port


def silence(bench: Bench, side: str) -> Port:
    """Let nothing be heard any more of what the firmware of *side* says; the port, through which somebody else may speak for it.

    Its hardware goes on: contactors, battery or power stage, and lock follow its firmware, which hears everything.
    """
    part = bench.vehicle if side == "vehicle" else bench.pile
    part.say = nothing
    return part.port


def nothing(_frame: Frame, _now: int) -> None:
    """Says or hears nothing."""
