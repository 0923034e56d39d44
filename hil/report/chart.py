"""The picture of a charge: voltage, current, state of charge and temperature over time, protocol phases as bands."""

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firmware_model.trace import Signal, Trace

if TYPE_CHECKING:
    from matplotlib.axes import Axes

PHASE_COLOURS: Final = {
    "HANDSHAKE": "#c6d8ef",
    "SELFTEST": "#a9c4e6",
    "IDENT_00": "#d9d2ec",
    "IDENT_AA": "#c9bfe4",
    "CONFIG": "#f6e3b4",
    "PRECHARGE": "#f5d08a",
    "READY": "#e6e0a0",
    "CHARGING": "#d3ecd0",
    "PAUSED": "#eceff1",
    "STOPPING": "#f8cfc4",
    "STOPPED_BY_BMS": "#f8cfc4",
    "STATISTICS": "#e8ddd4",
    "ERROR": "#f4a6a0",
    "END": "#f1f1f1",
}
PANELS: Final = (
    ("voltage", "V", (("output voltage", "#1f4e8c", "output"), ("battery voltage", "#7fb0e0", "battery"))),
    ("current", "A", (("output current", "#b3402a", "output"), ("demanded current", "#e9a58f", "demand"))),
    ("state of charge", "%", (("state of charge", "#2e7d4f", "pack"),)),
    ("temperature", "°C", (("battery temperature", "#8a5a9e", "battery"), ("plug temperature", "#c9a0d8", "plug"))),
)
POINTS_MAX: Final = 4_000
"""More points per curve than a picture can show only make the file large."""


def draw(trace: Trace, phases: list[tuple[str, float, float]], title: str, paths: list[Path]) -> None:
    """Draw the run into each of *paths* (the suffix says the format). *phases* are (name, from, to) in seconds."""
    import matplotlib  # heavy: imported only when a picture is wanted

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "pilebench", "font.size": 9, "svg.fonttype": "none"})
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 7.2), layout="constrained")
    axes = figure.subplots(len(PANELS), 1, sharex=True, gridspec_kw={"height_ratios": [3, 3, 2, 2]})
    end = max((to for _, _, to in phases), default=1.0)
    scale, unit = (60.0, "min") if end > 600 else (1.0, "s")
    for ax, (name, quantity, curves) in zip(axes, PANELS, strict=True):
        _panel(ax, trace, name, quantity, curves, scale)
        _bands(ax, phases, scale)
    _legend(figure, phases)
    axes[-1].set_xlabel(f"time [{unit}]")
    axes[0].set_xlim(0, end / scale)
    figure.suptitle(title, fontsize=12, fontweight="bold")
    for path in paths:
        metadata = {"Date": None} if path.suffix == ".svg" else None
        figure.savefig(path, dpi=110, metadata=metadata)


def _panel(ax: "Axes", trace: Trace, name: str, unit: str, curves: tuple[tuple[str, str, str], ...], scale: float) -> None:
    for key, colour, label in curves:
        signal = trace.signals.get(key)
        if signal is not None and len(signal.values):
            times, values = _thinned(signal)
            ax.plot(times / scale, values, color=colour, lw=1.4, drawstyle="steps-post", label=label)
    ax.set_ylabel(f"{name} [{unit}]")
    ax.grid(True, color="#00000018", lw=0.6)
    ax.spines[["top", "right"]].set_visible(False)
    if len(curves) > 1:
        ax.legend(loc="upper right", fontsize=8, frameon=False, ncols=2)


def _thinned(signal: Signal) -> tuple[Any, Any]:
    """Times in seconds and values, no more than a picture can show; peaks within a thinned stretch are kept."""
    import numpy as np

    times, values = np.asarray(signal.times_us) / 1e6, np.asarray(signal.values)
    if len(times) <= POINTS_MAX:
        return times, values
    edges = np.linspace(0, len(times), POINTS_MAX // 2 + 1).astype(int)[:-1]
    spans = zip(edges, [*edges[1:], len(times)], strict=True)
    kept = sorted({int(i) for a, b in spans for i in (a + values[a:b].argmin(), a + values[a:b].argmax())})
    return times[kept], values[kept]


def _bands(ax: "Axes", phases: list[tuple[str, float, float]], scale: float) -> None:
    for name, begin, end in phases:
        if end > begin:
            ax.axvspan(begin / scale, end / scale, color=PHASE_COLOURS.get(name, "#eeeeee"), lw=0, alpha=0.75, zorder=0)


def _legend(figure: Any, phases: list[tuple[str, float, float]]) -> None:
    from matplotlib.patches import Patch

    seen = list(dict.fromkeys(name for name, begin, end in phases if end > begin))
    patches = [Patch(color=PHASE_COLOURS.get(name, "#eeeeee"), label=name.lower().replace("_", " ")) for name in seen]
    figure.legend(handles=patches, loc="outside lower center", ncols=7, fontsize=8, frameon=False)
