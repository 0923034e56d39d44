"""A picture of the power stage's switching: legs, phase currents, bridge, inductor and link over a window of a few carriers."""

from pathlib import Path
from typing import Final

import numpy as np

from firmware_model.power.averaged_layout import Floats
from firmware_model.power.switching import BRIDGE_COLUMNS, FRONT_COLUMNS
from hil.files import whole
from hil.report.chart import new_figure

Wave = dict[str, Floats]
PHASE_COLOURS: Final = ("#1f4e8c", "#b3402a", "#2e7d4f")
APART: Final = 1.25
"""Legs and bridge sides are drawn one above the other, so many heights apart."""


def columns_of(front: Floats, bridge: Floats) -> tuple[Wave, Wave]:
    """What `SwitchingStage.recorded` gives, by column name."""
    return dict(zip(FRONT_COLUMNS, front.T, strict=True)), dict(zip(BRIDGE_COLUMNS, bridge.T, strict=True))


def link_current_a(front: Wave) -> Floats:
    """The front end's current into the link: of each phase while its leg is high."""
    return np.asarray(sum(front[f"leg_{x}"] * front[f"phase_{x}_a"] for x in "abc"))


def draw(front_rows: Floats, bridge_rows: Floats, stem: Path) -> tuple[Path, Path]:
    """Write *stem*.svg and *stem*.png. Raises ValueError where nothing was recorded."""
    if len(front_rows) < 2 or len(bridge_rows) < 2:
        raise ValueError("no edges recorded: the window lies outside the run, or recording was not switched on")
    front, bridge = columns_of(front_rows, bridge_rows)
    begin_s = front["time_s"][0]
    front_ms, bridge_ms = (1e3 * (wave["time_s"] - begin_s) for wave in (front, bridge))
    figure = new_figure(11, 9.5)
    legs, phases, link_a, sides, inductor, link_v = figure.subplots(
        6, 1, sharex=True, gridspec_kw={"height_ratios": [3, 3, 2, 2, 3, 2]}
    )
    for place, (name, colour) in enumerate(zip("abc", PHASE_COLOURS, strict=True)):
        legs.plot(
            front_ms, front[f"leg_{name}"] * front["link_v"] / 1e3 - APART * place, color=colour, lw=1.0, label=f"leg {name}"
        )
        phases.plot(front_ms, front[f"phase_{name}_a"], color=colour, lw=1.0, label=f"phase {name}")
    link_a.plot(front_ms, link_current_a(front), color="#5a4a8a", lw=0.9, label="front end into the link")
    for place, (name, colour) in enumerate((("primary", "#1f4e8c"), ("secondary", "#b3402a"))):
        sides.plot(bridge_ms, bridge[name] - 2 * APART * place, color=colour, lw=1.0, label=name)
    inductor.plot(bridge_ms, bridge["inductor_a"], color="#1f4e8c", lw=1.0, label="inductor")
    inductor.plot(bridge_ms, bridge["choke_a"], color="#d08a2e", lw=1.0, label="output choke")
    link_v.plot(front_ms, front["link_v"], color="#444444", lw=1.0, label="link")
    labels = (
        "leg voltage / kV\n(apart)",
        "phase current / A",
        "link current / A",
        "bridge sides\n(sign, apart)",
        "inductor / A",
        "link / V",
    )
    for ax, label in zip((legs, phases, link_a, sides, inductor, link_v), labels, strict=True):
        ax.set_ylabel(label)
        ax.grid(True, color="#00000018", lw=0.6)
        ax.spines[["top", "right"]].set_visible(False)
        ax.ticklabel_format(axis="y", useOffset=False)
        ax.legend(loc="center left", bbox_to_anchor=(1.0, 0.5), fontsize=8, frameon=False)
    for ax in (legs, sides):
        ax.set_yticks([])
    link_v.set_xlabel(f"time since {begin_s:.6f} s / ms")
    made = stem.with_suffix(".svg"), stem.with_suffix(".png")
    for path in made:
        with whole(path) as part:
            figure.savefig(part, dpi=120, metadata={"Date": None} if path.suffix == ".svg" else None)
    return made
