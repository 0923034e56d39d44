"""`pilebench run`: one scenario from its file to the report."""

import json
import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from firmware_model.bench import Bench
from hil.build import build
from hil.compiling import announced
from hil.files import ready_folder
from hil.interrupts import check
from hil.logfiles import check_format
from hil.outcome import Outcome
from hil.report.terminal import print_report
from hil.results import write_results
from hil.scenario import Scenario
from hil.scenario_files import load
from hil.summary import summarise
from hil.verdict import Verdict, judge
from hil.window import draw_window

SLICE_US = 20_000_000
"""The progress bar moves after so much virtual time."""


def run_command(
    name: str,
    *,
    seed: int | None,
    out: Path | None,
    changes: Sequence[str],
    formats: Sequence[str],
    chart: bool,
    as_json: bool,
    window: tuple[float, float] | None = None,
) -> int:
    """Run scenario *name*, write its results, report; the exit code. *window*: draw every switching edge in it too (s)."""
    scenario = load(name, changes)
    used_seed = scenario.seed if seed is None else seed
    for log_format in formats:
        check_format(log_format)
    console = Console(stderr=as_json)
    with announced(Console(stderr=True)):
        bench = build(scenario, used_seed)
        label = Path(name).stem
        folder = ready_folder(out or Path("runs") / label)
        drawn = draw_window(scenario, used_seed, window, folder) if window else []
        wall_s = simulate_shown(bench, scenario, console)
    outcome = summarise(bench, scenario)
    verdicts = judge(scenario.expect, outcome)
    summary, files = write_results(
        folder, label, scenario, outcome, verdicts, seed=used_seed, wall_s=wall_s, formats=formats, chart=chart
    )
    files += map(str, drawn)
    if as_json:
        print(json.dumps(summary, indent=1))
    else:
        print_report(console, f"{scenario.title}  [{label}, seed {used_seed}]", outcome, verdicts, wall_s, files)
    return exit_code(verdicts)


def exit_code(verdicts: Sequence[Verdict]) -> int:
    """0 if everything held, else 1."""
    return 0 if all(verdict.held for verdict in verdicts) else 1


def simulate(scenario: Scenario, seed: int | None = None) -> Outcome:
    """Run *scenario* without any output."""
    bench = build(scenario, scenario.seed if seed is None else seed)
    bench.run(round(scenario.duration_s * 1e6))
    return summarise(bench, scenario)


def simulate_shown(bench: Bench, scenario: Scenario, console: Console) -> float:
    """Run to the end with a progress bar, where somebody can see it; the seconds it took."""
    began = time.perf_counter()
    limit_us = round(scenario.duration_s * 1e6)
    columns = (
        TextColumn("charging"),
        BarColumn(),
        TextColumn("{task.fields[state]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("charging", total=1.0, state="")
        while bench.clock.now < limit_us and not bench.run(min(limit_us, bench.clock.now + SLICE_US)):
            check()
            progress.update(task, completed=_done(bench, scenario), state=_state(bench))
    return time.perf_counter() - began


def _done(bench: Bench, scenario: Scenario) -> float:
    """How much of the charge is over, by state of charge or by time, whichever is further."""
    start, target = scenario.vehicle.soc_pct, scenario.vehicle.soc_target_pct
    charged = (100 * bench.vehicle.pack.soc - start) / (target - start) if target > start else 0.0
    return min(1.0, max(charged, bench.clock.now / 1e6 / scenario.duration_s))


def _state(bench: Bench) -> str:
    circuit, minutes, soc_pct = bench.pile.circuit, bench.clock.now / 6e7, 100 * bench.vehicle.pack.soc
    return f"{minutes:6.1f} min  {circuit.interface_v:5.0f} V  {circuit.current_a:5.1f} A  {soc_pct:4.1f} %"
