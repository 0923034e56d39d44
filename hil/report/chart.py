"""The picture of a charge: voltage, current, state of charge and temperature over time, protocol phases as bands."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from firmware_model.trace import Signal
from hil.files import whole

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

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
POINTS_MAX: Final = 800
"""More points per curve than a picture can show only make the file large."""


LEAD_S, TAIL_S = 8.0, 2.5
"""How much of the charging phase stands beside the phases before and after it, which last seconds in a charge of minutes."""

Phases = list[tuple[str, float, float]]
Signals = Mapping[str, Signal]
Window = tuple[float, float]


def new_figure(width_in: float, height_in: float) -> "Figure":
    """An empty figure in our style; matplotlib is heavy and imported only when a picture is wanted."""
    import matplotlib

    matplotlib.use("Agg")
    matplotlib.rcParams.update({"svg.hashsalt": "pilebench", "font.size": 9, "svg.fonttype": "none"})
    from matplotlib.figure import Figure

    return Figure(figsize=(width_in, height_in), layout="constrained")


def draw(signals: Signals, phases: Phases, title: str, paths: list[Path]) -> None:
    """Draw the run into each of *paths* (the suffix says the format)."""
    figure = curves(signals, phases, title)
    for path in paths:
        with whole(path) as part:
            figure.savefig(part, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)


def curves(signals: Signals, phases: Phases, title: str = "") -> "Figure":
    """The four panels. *phases* are (name, from, to) in seconds.

    A long charge has three columns with a time axis each: the start, the whole, and the end.
    """
    columns = _columns(phases)
    ratios = {"width_ratios": [width for _, _, width in columns], "height_ratios": [3, 3, 2, 2], "wspace": 0.04}
    figure = new_figure(11, 7.2)
    grid = figure.subplots(len(PANELS), len(columns), sharex="col", sharey="row", squeeze=False, gridspec_kw=ratios)
    for row, (name, quantity, lines) in zip(grid, PANELS, strict=True):
        for ax, (label, window, _) in zip(row, columns, strict=True):
            scale = 60.0 if window[1] - window[0] > LONG_S else 1.0
            _panel(ax, signals, window, lines, scale)
            bands(ax, phases, window, scale)
            ax.set_xlim(window[0] / scale, window[1] / scale)
            if ax in grid[-1]:
                ax.set_xlabel(f"{label} [{'min' if scale > 1 else 's'}]")
        row[0].set_ylabel(f"{name} [{quantity}]")
        if len(lines) > 1:
            row[len(columns) // 2].legend(loc="best", fontsize=8, frameon=False, ncols=2)
    legend(figure, phases)
    if title:
        figure.suptitle(title, fontsize=12, fontweight="bold")
    return figure


LONG_S: Final = 600.0
"""From here on the axis is in minutes."""


def _columns(phases: Phases) -> list[tuple[str, Window, float]]:
    """What stands beside each other: label, from and to in seconds, relative width."""
    begin, end = min((p[1] for p in phases), default=0.0), max((p[2] for p in phases), default=1.0)
    charging = [(start, stop) for name, start, stop in phases if name == "CHARGING"]
    if end < LONG_S or not charging:
        return [("time", (0.0, end), 1.0)]
    first, last = charging[0][0], charging[-1][1]
    return [
        ("start", (max(0.0, begin - 1.0), first + LEAD_S), 2.4),
        ("time", (0.0, end), 5.0),
        ("end", (last - TAIL_S, end), 2.0),
    ]


def _panel(ax: "Axes", signals: Signals, window: Window, lines: tuple[tuple[str, str, str], ...], scale: float) -> None:
    for key, colour, label in lines:
        signal = signals.get(key)
        if signal is not None and len(signal.values):
            times, values = _thinned(signal, window)
            ax.plot(times / scale, values, color=colour, lw=1.4, drawstyle="steps-post", label=label)
    ax.grid(True, color="#00000018", lw=0.6)
    ax.spines[["top", "right"]].set_visible(False)


def _thinned(signal: Signal, window: Window) -> tuple[Any, Any]:
    """Times in seconds and values within *window*, no more than a picture can show; peaks of thinned stretches are kept."""
    import numpy as np

    times, values = np.asarray(signal.times_us) / 1e6, np.asarray(signal.values)
    times, values = np.append(times, max(window[1], times[-1])), np.append(values, values[-1])
    inside = slice(max(0, int(np.searchsorted(times, window[0])) - 1), int(np.searchsorted(times, window[1], "right")) + 1)
    times, values = times[inside], values[inside]
    if len(times) <= POINTS_MAX:
        return times, values
    edges = np.linspace(0, len(times), POINTS_MAX // 2 + 1).astype(int)[:-1]
    spans = zip(edges, [*edges[1:], len(times)], strict=True)
    kept = sorted({int(i) for a, b in spans for i in (a + values[a:b].argmin(), a + values[a:b].argmax())})
    return times[kept], values[kept]


def bands(ax: "Axes", phases: Phases, window: Window, scale: float) -> None:
    """Shade the phases behind what *ax* shows of *window*."""
    for name, begin, end in phases:
        begin, end = max(begin, window[0]), min(end, window[1])
        if end > begin:
            ax.axvspan(begin / scale, end / scale, color=PHASE_COLOURS.get(name, "#eeeeee"), lw=0, alpha=0.75, zorder=0)


def legend(figure: "Figure", phases: Phases) -> None:
    """Name the colours of the phases below *figure*."""
    from matplotlib.patches import Patch

    seen = list(dict.fromkeys(name for name, begin, end in phases if end > begin))
    patches = [Patch(color=PHASE_COLOURS.get(name, "#eeeeee"), label=name.lower().replace("_", " ")) for name in seen]
    figure.legend(handles=patches, loc="outside lower center", ncols=7, fontsize=8, frameon=False)
