"""One run of a sweep, as a worker does it, and what is kept of it."""

import signal
from typing import Any, Final

from hil.errors import BadInput
from hil.logfiles import candump_digest
from hil.run import simulate
from hil.scenario import Scenario
from hil.verdict import judge

Row = dict[str, Any]
COLUMNS: Final = (
    "held",
    "failed",
    "ended",
    "stop_reason",
    "safe",
    "energy_wh",
    "soc_pct",
    "frames",
    "error_frames",
    "bus_load_pct",
    "reconnects",
    "timeouts",
    "sim_s",
    "output_voltage_v",
    "output_current_a",
    "battery_temperature_degc",
    "plug_temperature_degc",
    "frame_digest",
    "error",
)
"""What is known of every run. *held*: whether every expectation held; *failed*: those that did not. A run that could not be made
has only *error*.
"""


def work(scenario: Scenario, seed: int) -> Row:
    """Run *scenario* with *seed*. The same arguments give the same row, whoever computes it."""
    try:
        outcome = simulate(scenario, seed)
    except BadInput as error:
        return {"held": False, "error": str(error)}
    verdicts = judge(scenario.expect, outcome)
    return {
        "held": all(verdict.held for verdict in verdicts),
        "failed": "; ".join(verdict.what for verdict in verdicts if not verdict.held),
        "ended": outcome.ended,
        "stop_reason": outcome.stop_reason,
        "safe": outcome.safe,
        "energy_wh": round(outcome.energy_wh, 3),
        "soc_pct": round(outcome.soc_pct, 4),
        "frames": outcome.frames,
        "error_frames": outcome.error_frames,
        "bus_load_pct": outcome.bus_load_pct,
        "reconnects": outcome.reconnects,
        "timeouts": "; ".join(outcome.timeouts),
        "sim_s": outcome.sim_s,
        **{name: round(value, 3) for name, value in outcome.peaks.items()},
        "frame_digest": candump_digest(outcome.trace.log()),
        "error": "",
    }


def leave_interrupts_to_the_parent() -> None:
    """For a worker process: Ctrl-C reaches the whole group, and the parent is the one who ends in order."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
