"""What a referee may know of a run besides its wires: which messages its wires lost on the way to the receiver."""

from collections.abc import Hashable
from enum import Enum

from firmware_model.trace import Trace
from hil.referee.case import Lost
from hil.scenario import Scenario
from protocols.core.session import Moved

FOR_EVER = 1 << 60


def losses_of(trace: Trace, scenario: Scenario) -> list[Lost]:
    """The messages that *scenario* lets the wire lose, with the times at which it did in the run of *trace*."""
    entered = {_name(h.what.after): h.at for h in reversed(trace.happenings) if isinstance(h.what, Moved) and h.who == "charger"}
    found = []
    for loss in scenario.lose:
        base = 0 if loss.after is None else entered.get(loss.after)
        if base is not None:
            begin = base + round(loss.at_s * 1e6)
            found.append(Lost(begin, min(begin + round(loss.for_s * 1e6), FOR_EVER), loss.message))
    return found


def _name(state: Hashable) -> str:
    return state.name if isinstance(state, Enum) else str(state)
