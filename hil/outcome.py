"""What came of a run, in the terms of people and of `summary.json`."""

from dataclasses import dataclass
from typing import Literal

from firmware_model.trace import Trace

Ending = Literal["orderly", "refused", "interrupted", "unplugged", "unfinished"]


@dataclass(frozen=True, slots=True)
class Phase:
    """One phase of the pile's session, from *begin_s* to *end_s*; *cause* is what led into it, *clause* where that is written."""

    name: str
    begin_s: float
    end_s: float
    cause: str
    clause: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The results of one run. Energies and currents are positive towards the battery."""

    ended: Ending
    stop_reason: str
    clause: str
    phases: list[Phase]
    timeouts: list[str]
    reconnects: int
    safe: bool
    end_state: str
    """Contactors, current, voltage and lock at the end, in words."""
    stage_v: float
    """Voltage of the power stage's output capacitor at the end, behind K1/K2."""
    sim_s: float
    frames: int
    error_frames: int
    """Transmissions that failed, for want of an acknowledgement or otherwise; their frames were sent again."""
    bus_load_pct: float
    energy_wh: float
    energy_ac_wh: float
    soc_start_pct: float
    soc_pct: float
    soc_target_pct: float
    peaks: dict[str, float]
    """Greatest output voltage, current, temperatures: name with unit -> value."""
    simpy_events: int
    wakes: int
    trace: Trace
