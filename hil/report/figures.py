"""The figures of the report beside the curves: the bus, the periods of messages, and what went wrong when."""

import io
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numpy.typing import NDArray

from firmware_model.wires.can_frame import frame_bits
from hil.links.recording import Recording
from hil.report.chart import Phases, bands, new_figure
from hil.story.repeats import apart_us
from hil.story.sorting import Sorted
from hil.story.tracks import Track
from protocols.core.frame import Frame

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOAD_BINS: Final = 240
BITRATE: Final = 250_000
"""GB/T 27930-2015 clause 5: 250 kbit/s, if nothing else is known."""
INK, ALARM, QUIET = "#1f4e8c", "#b3402a", "#7a8794"
CYCLES_LEAST: Final = 20
"""Fewer intervals than this make no histogram."""
LANES_MOST: Final = 24


def svg(figure: "Figure") -> bytes:
    """*figure* as SVG, the same bytes for the same figure."""
    out = io.BytesIO()
    figure.savefig(out, format="svg", metadata={"Date": None})
    return out.getvalue()


def bus_load(recording: Recording, *, bitrate: int = BITRATE) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Bus load over time: the bins' left edges (s), the load in each (%), and the bins' width (s). Stuff bits are counted."""
    times = (recording.times_us - recording.times_us.min()) / 1e6
    width = max(float(times.max()) / LOAD_BINS, 0.05)
    bits = np.zeros(int(times.max() / width) + 1)
    np.add.at(bits, (times / width).astype(np.int64), _bits(recording))
    return np.arange(len(bits)).astype(np.float64) * width, 100 * bits / (bitrate * width), width


def _bits(recording: Recording) -> NDArray[np.float64]:
    """The length of every frame on the wire, intermission included. Equal frames are measured once."""
    rows = np.stack([recording.keys.astype(np.uint64), recording.lengths.astype(np.uint64), recording.payloads], axis=1)
    kinds, inverse = np.unique(rows, axis=0, return_inverse=True)
    lengths = np.empty(len(kinds))
    for at, (key, length, payload) in enumerate(kinds.tolist()):
        extended = bool(key >> 31)
        lengths[at] = frame_bits(Frame(key & 0x1FFF_FFFF, payload.to_bytes(8, "little")[:length], extended))
    return lengths[inverse.ravel()]


def bus_figure(recording: Recording, found: Sorted, *, bitrate: int = BITRATE) -> "Figure":
    """The load of the bus over time, and below it how far the intervals of each cyclic message are off its period."""
    cyclic = _cyclic(found)
    figure = new_figure(11, 2.1 + 1.7 * -(-len(cyclic) // 4))
    rows = -(-len(cyclic) // 4)
    grid = figure.add_gridspec(1 + rows, 4)
    _load(figure.add_subplot(grid[0, :]), recording, bitrate)
    for place, (name, period_us, off_ms) in enumerate(cyclic):
        _histogram(figure.add_subplot(grid[1 + place // 4, place % 4]), name, period_us, off_ms)
    return figure


def _load(ax: "Axes", recording: Recording, bitrate: int) -> None:
    edges, load, width = bus_load(recording, bitrate=bitrate)
    ax.fill_between(np.append(edges, edges[-1] + width), np.append(load, load[-1]), step="post", color=INK, alpha=0.75, lw=0)
    ax.set(xlim=(0, edges[-1] + width), ylim=(0, None), xlabel="time [s]", ylabel="bus load [%]")
    _plain(ax)


def _cyclic(found: Sorted) -> list[tuple[str, int, NDArray[np.float64]]]:
    """(message, nominal period in µs, deviations of its intervals in ms) of the messages that were repeated often enough."""
    return [
        (name, period_us, off_ms)
        for name, track in found.tracks.items()
        if (period_us := track.layout.period_us) is not None and len(off_ms := _deviations(track, period_us)) >= CYCLES_LEAST
    ]


def _deviations(track: Track, period_us: int) -> NDArray[np.float64]:
    gaps = np.diff(track.began_us)
    return (gaps[gaps <= apart_us(track.layout)] - period_us) / 1e3


def _histogram(ax: "Axes", name: str, period_us: int, off_ms: NDArray[np.float64]) -> None:
    reach = max(0.1 * period_us / 1e3, float(np.abs(off_ms).max()))
    ax.hist(off_ms, bins=41, range=(-reach, reach), color=INK, log=True)
    for edge in (-0.1, 0.1):
        ax.axvline(edge * period_us / 1e3, color=ALARM, lw=0.8, ls="--")
    ax.set_title(f"{name}: {len(off_ms)} intervals of {period_us / 1e3:g} ms", fontsize=8)
    ax.set_xlabel("off by [ms]", fontsize=8)
    _plain(ax)


def timeline_figure(spans: Sequence[dict[str, Any]], marks: Sequence[dict[str, Any]], phases: Phases, end_s: float) -> "Figure":
    """What went wrong when: a lane for each fault (*spans*: name, begin_s, end_s) and for each thing noticed (*marks*)."""
    names = list(dict.fromkeys(item["name"] for item in (*spans, *marks)))[:LANES_MOST]
    figure = new_figure(11, 0.9 + 0.32 * max(len(names), 1))
    ax = figure.add_subplot()
    bands(ax, phases, (0.0, end_s), 1.0)
    for span in spans:
        if span["name"] in names:
            width = max(span["end_s"] - span["begin_s"], end_s / 400)
            ax.barh(names.index(span["name"]), width, left=span["begin_s"], height=0.6, color=ALARM)
    for mark in marks:
        if mark["name"] in names:
            ax.plot(mark["at_s"], names.index(mark["name"]), marker="D", ms=6, color=QUIET, mec="black", mew=0.5)
    ax.set_yticks(range(len(names)), names)
    ax.set(xlim=(0, end_s), ylim=(len(names) - 0.4, -0.6), xlabel="time [s]")
    _plain(ax)
    return figure


def _plain(ax: "Axes") -> None:
    ax.grid(True, color="#00000018", lw=0.6)
    ax.set_axisbelow(True)
    ax.spines[["top", "right"]].set_visible(False)
