"""A picture of the power stage's switching: leg voltages, inductor and phase currents, link, over a window of a few carriers."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib
import numpy as np

from firmware_model.power.averaged_layout import Floats
from firmware_model.power.switching import TRACE_COLUMNS

Lines = tuple[tuple[str, Floats], ...]


def columns_of(rows: Floats) -> dict[str, Floats]:
    """*rows* of `SwitchingStage.recorded` by column name."""
    return dict(zip(TRACE_COLUMNS, rows.T, strict=True))


def panels(wave: Mapping[str, Floats]) -> tuple[tuple[str, Lines], ...]:
    """What is drawn above what: axis label, and its lines."""
    legs = tuple((f"leg {x}", wave[f"leg_{x}"] * wave["link_v"]) for x in "abc")
    bridges = (("primary", wave["primary"]), ("secondary", wave["secondary"]))
    return (
        ("leg voltage / V", legs),
        ("phase current / A", tuple((f"phase {x}", wave[f"phase_{x}_a"]) for x in "abc")),
        ("bridge voltage (sign)", bridges),
        ("inductor / A", (("inductor", wave["inductor_a"]), ("output choke", wave["choke_a"]))),
        ("link / V", (("link", wave["link_v"]),)),
    )


def draw(rows: Floats, stem: Path) -> tuple[Path, Path]:
    """Write *stem*.svg and *stem*.png.

    Raises ValueError where nothing was recorded.
    """
    if len(rows) < 2:
        raise ValueError("no edges recorded: the window lies outside the run, or recording was not switched on")
    from matplotlib.figure import Figure

    wave = columns_of(rows)
    shown, time_ms = panels(wave), 1e3 * wave["time_s"]
    with matplotlib.rc_context({"svg.hashsalt": "pilebench", "font.size": 8}):
        figure = Figure(figsize=(10.0, 9.0), layout="constrained")
        axes = np.atleast_1d(figure.subplots(len(shown), 1, sharex=True))
        for axis, (label, lines) in zip(axes, shown, strict=True):
            for name, values in lines:
                axis.plot(time_ms, values, label=name, linewidth=0.9)
            axis.set_ylabel(label)
            axis.grid(alpha=0.3)
            axis.legend(loc="upper right", ncols=len(lines))
        axes[-1].set_xlabel("time / ms")
        made = stem.with_suffix(".svg"), stem.with_suffix(".png")
        figure.savefig(made[0], metadata={"Date": None})
        figure.savefig(made[1], dpi=120)
    return made
