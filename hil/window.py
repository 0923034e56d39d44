"""`pilebench run --detail switching --window A..B`: the power stage edge by edge in a short window of a run."""

from math import isfinite
from pathlib import Path
from typing import Any, Final

from firmware_model.power.quasi_static import RATINGS
from firmware_model.power.stage import Delivered, Load, PowerStage, Setpoint
from hil.build import build
from hil.errors import BadInput
from hil.scenario import Scenario

DETAILS: Final = ("switching",)
LONGEST_S: Final = 0.1
LEAD_US: Final = 500_000
"""So long the switching stage runs before the window at the window's set point and load, until nothing of its start is left."""
STEP_US: Final = 1_000
ROWS_PER_MS: Final = 2_000
EXAMPLE: Final = "--window 12.0..12.002"


class Watched:
    """Passes everything through to *stage* and remembers what it was last asked, and with what load."""

    def __init__(self, stage: PowerStage) -> None:
        self._stage = stage
        self.asked: tuple[Setpoint, Load] | None = None

    def advance(self, now: int, setpoint: Setpoint, load: Load) -> Delivered:
        """As the stage."""
        self.asked = setpoint, load
        return self._stage.advance(now, setpoint, load)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stage, name)


def window_of(detail: str | None, text: str | None) -> tuple[float, float] | None:
    """The window in "from..to" (s), checked before anything runs; None if none is asked for."""
    if detail is None and text is None:
        return None
    if detail not in DETAILS:
        raise BadInput(f"--detail {detail!r}: one of {', '.join(DETAILS)}, together with {EXAMPLE}")
    try:
        begin, end = map(float, (text or "").split(".."))
    except ValueError:
        raise BadInput(f"--window {text!r}: write from..to in seconds, for example {EXAMPLE}") from None
    if not (isfinite(begin) and isfinite(end) and 0 <= begin < end <= begin + LONGEST_S):
        raise BadInput(f"--window {text!r}: must begin at 0 s or later and last no longer than {LONGEST_S:g} s")
    return begin, end


def draw_window(scenario: Scenario, seed: int, window: tuple[float, float], folder: Path) -> list[Path]:
    """Write the figure of *window* into *folder*; its files.

    The run is lived at its own level up to the window; there a switching stage takes over set point and load, which hold in it.
    """
    from firmware_model.power.switching import SwitchingStage
    from hil.report.waveforms import draw

    bench = build(scenario, seed)
    circuit = bench.pile.circuit
    watched = Watched(circuit.stage)
    circuit.stage = watched
    begin_us, end_us = (round(moment * 1e6) for moment in window)
    bench.run(begin_us, to_the_end=False)
    if watched.asked is None or not watched.asked[0].enabled:
        raise BadInput(f"--window: the power stage is blocked at {window[0]:g} s; choose a moment at which it delivers")
    setpoint, load = watched.asked
    stage = SwitchingStage(RATINGS[scenario.pile.power])
    volts, now = load.voltage_v, 0
    while now < LEAD_US:
        now += STEP_US
        volts = stage.advance(now, setpoint, load._replace(voltage_v=volts)).voltage_v
    stage.record(round((end_us - begin_us) / 1e3 * ROWS_PER_MS) + 1)
    stage.advance(now + end_us - begin_us, setpoint, load._replace(voltage_v=volts))
    front, bridge = stage.recorded()
    for rows in (front, bridge):
        rows[:, 0] += (begin_us - LEAD_US) / 1e6
    return list(draw(front, bridge, folder / "window"))
