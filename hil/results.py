"""The files that a run leaves: summary, frame log, signals, pictures, logs in other formats."""

import json
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from firmware_model.trace import Trace
from hil.events import Event, events_of
from hil.files import whole
from hil.links.recording import Recording
from hil.logfiles import LOG_FORMATS, write_candump, write_log
from hil.outcome import Outcome
from hil.referee.command import plain
from hil.referee.evidence import lost_in
from hil.referee.referee import judge
from hil.referee.truth import truth_of
from hil.report.folder import EVENTS_NAME, LOG_NAME, SCENARIO_NAME, SIGNALS_NAME, SUMMARY_NAME, TIMES
from hil.report.machine import junit, markdown
from hil.scenario import Record, Scenario
from hil.verdict import Verdict

Summary = dict[str, Any]


def write_results(
    folder: Path,
    name: str,
    scenario: Scenario,
    outcome: Outcome,
    verdicts: Sequence[Verdict],
    *,
    seed: int,
    wall_s: float,
    formats: Sequence[str],
    chart: bool,
) -> tuple[Summary, list[str]]:
    """Write everything into *folder*; the summary, and the paths written. Each file appears whole or not at all."""
    trace = outcome.trace
    written = [folder / LOG_NAME]
    digest = write_candump(written[0], trace.log())
    for format_ in formats:
        written.append(folder / f"bus{LOG_FORMATS[format_]}")
        write_log(written[-1], trace.log(), format_)
    written.append(folder / SIGNALS_NAME)
    write_signals(written[-1], trace, scenario.record)
    if chart:
        from hil.report.chart import draw

        pictures = [folder / "charge.svg", folder / "charge.png"]
        draw(trace.signals, [(p.name, p.begin_s, p.end_s) for p in outcome.phases], scenario.title, pictures)
        written += pictures
    events = events_of(trace)
    for path, values in ((folder / EVENTS_NAME, events), (folder / SCENARIO_NAME, msgspec.to_builtins(scenario))):
        write_json(path, values)
        written.append(path)
    summary = _summary(name, seed, outcome, verdicts, digest=digest, wall_s=wall_s)
    summary["referee"] = _referee(outcome, events)
    written.append(folder / SUMMARY_NAME)
    write_json(written[-1], summary)
    for path, text in ((folder / "junit.xml", junit(summary)), (folder / "summary.md", markdown(summary))):
        with whole(path) as part:
            part.write_text(text, encoding="utf-8")
        written.append(path)
    if chart:
        from hil.report.page import write_report

        written.append(write_report(folder))
    return summary, [str(path) for path in written]


def _referee(outcome: Outcome, events: Sequence[Event]) -> list[dict[str, Any]]:
    """What somebody says who saw only the wires and the physical truth."""
    trace, end_us = outcome.trace, round(outcome.sim_s * 1e6)
    recording = Recording.of_frames(trace.log())
    return plain(judge(recording, truth_of(trace.signals, end_us=end_us), losses=lost_in(events)))


def write_json(path: Path, values: Any) -> None:
    """Write *values* to *path*, whole."""
    with whole(path) as part:
        part.write_text(json.dumps(values, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_signals(path: Path, trace: Trace, record: Record) -> None:
    """Signals as two arrays, "<name> [<unit>] t_us" and "<name> [<unit>]": times (µs) and values where it changed."""
    arrays: dict[str, Any] = {}
    for signal in trace.signals.values():
        if record.signals and signal.name not in record.signals:
            continue
        title = f"{signal.name} [{signal.unit}]" if signal.unit else signal.name
        times_us, values = np.asarray(signal.times_us, dtype=np.int64), np.asarray(signal.values)
        kept = _thinned(times_us, round(record.every_s * 1e6))
        arrays[title + TIMES], arrays[title] = times_us[kept], values[kept]
    with whole(path) as part:
        np.savez_compressed(part, **arrays)


def _thinned(times_us: NDArray[np.int64], every_us: int) -> NDArray[np.int64]:
    """Of each stretch of *every_us* the last change, which is what lasts; 0: all."""
    if every_us <= 1 or not len(times_us):
        return np.arange(len(times_us))
    stretch = times_us // every_us
    return np.flatnonzero(np.concatenate([stretch[1:] != stretch[:-1], [True]]))


def _summary(name: str, seed: int, outcome: Outcome, verdicts: Sequence[Verdict], *, digest: str, wall_s: float) -> Summary:
    return {
        "scenario": name,
        "seed": seed,
        "version": _version(),
        "ended": outcome.ended,
        "stop_reason": outcome.stop_reason,
        "clause": outcome.clause,
        "phases": [
            {"name": p.name, "begin_s": p.begin_s, "end_s": p.end_s, "cause": p.cause, "clause": p.clause} for p in outcome.phases
        ],
        "timeouts": outcome.timeouts,
        "reconnects": outcome.reconnects,
        "frames": outcome.frames,
        "error_frames": outcome.error_frames,
        "bus_load_pct": outcome.bus_load_pct,
        "sim_s": outcome.sim_s,
        "wall_s": round(wall_s, 3),
        "energy_wh": round(outcome.energy_wh, 1),
        "energy_ac_wh": round(outcome.energy_ac_wh, 1),
        "soc_start_pct": outcome.soc_start_pct,
        "soc_pct": round(outcome.soc_pct, 2),
        "peaks": outcome.peaks,
        "safe": outcome.safe,
        "end_state": outcome.end_state,
        "digest": digest,
        "expectations": [{"what": v.what, "held": v.held, "got": v.got, "clause": v.clause} for v in verdicts],
    }


def _version() -> str:
    try:
        return version("pilebench")
    except PackageNotFoundError:
        return "unknown"
