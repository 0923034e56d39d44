"""The controller's variables as a linker map would list them: where they are, how wide, and how a bit of them is flipped."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from functools import reduce
from typing import Any, Final

from firmware_model.mcu.protection import Fault
from firmware_model.mcu.sequence import PileState
from protocols.gbt27930.charger_rules import ChargerState


class Trap(Exception):
    """The flipped word makes the processor jump nowhere: it hangs until its watchdog resets it."""


@dataclass(frozen=True, slots=True)
class Variable:
    """A word of *bits* bits at *path*, seen from the controller.

    With *choices* it holds the index of one of them, with *mask* a bit for each of a set.
    """

    name: str
    path: str
    bits: int
    signed: bool = False
    choices: Sequence[Enum] = ()
    mask: bool = False

    def read(self, controller: Any) -> int:
        """The word, as an unsigned number."""
        value = reduce(getattr, self.path.split("."), controller)
        if self.mask:
            return sum(1 << index for index, choice in enumerate(self.choices) if choice in value)
        if self.choices:
            return list(self.choices).index(value)
        return int(value) & ((1 << self.bits) - 1)

    def flip(self, controller: Any, bit: int) -> None:
        """Invert *bit*. Raises `Trap` when the word then names no state."""
        raw = self.read(controller) ^ 1 << bit
        *way, name = self.path.split(".")
        owner = reduce(getattr, way, controller)
        if self.mask:
            chosen = {choice for index, choice in enumerate(self.choices) if raw >> index & 1}
            getattr(owner, name).symmetric_difference_update(chosen ^ getattr(owner, name))
        elif self.choices:
            if raw >= len(self.choices):
                raise Trap
            setattr(owner, name, self.choices[raw])
        else:
            kind: Callable[[int], Any] = type(getattr(owner, name))
            setattr(owner, name, kind(raw - (1 << self.bits) if self.signed and raw >> self.bits - 1 else raw))


_FAULTS, _STATES, _PHASES = tuple(Fault), tuple(PileState), tuple(ChargerState)

VARIABLES: Final[tuple[Variable, ...]] = (
    # what is driven
    Variable("outputs_gpio", "outputs.gpio", 8),
    Variable("set_voltage_mv", "outputs.voltage_mv", 32),
    Variable("set_current_ma", "outputs.current_ma", 32, signed=True),
    Variable("target_current_ma", "_points.target_ma", 32, signed=True),
    Variable("slope_down_ma", "_points._slope_down", 32),
    # where the sequence and the session are
    Variable("sequence_state", "_sequencer.state", 5, choices=_STATES),
    Variable("session_state", "session._talk.state", 5, choices=_PHASES),
    Variable("state_limit_at_us", "_sequencer._limit_at", 64),
    Variable("held_since_us", "_sequencer._held_since", 64),
    Variable("test_voltage_mv", "_sequencer.test_mv", 32),
    Variable("refused", "_sequencer._refused", 1),
    Variable("attend_at_us", "_attend_at", 64),
    # what is supervised
    Variable("conditions", "_sequencer.word", 23),
    Variable("charge_faults", "_sequencer.faults", len(_FAULTS), choices=_FAULTS, mask=True),
    Variable("latched_faults", "latched", len(_FAULTS), choices=_FAULTS, mask=True),
    Variable("voltage_limit_counts", "_comparators._voltage", 12),
    Variable("current_limit_counts", "_comparators._current", 12),
    Variable("peak_current_ma", "_supervision._peak_ma", 32, signed=True),
    Variable("derated_current_ma", "_supervision.derated_ma", 32, signed=True),
    Variable("supervision_bits", "_supervision.bits", 23),
    # what is counted
    Variable("energy_sum", "_supervision.meter._sum", 64),
    Variable("energy_before_wh", "_supervision.meter._before_wh", 64),
    Variable("insulation_count", "_sequencer.insulation._count", 8),
    Variable("ramp_due_us", "_ramp.due", 64),
    Variable("sample_due_us", "_sample.due", 64),
)
"""Every variable whose corruption the controller has to survive."""
