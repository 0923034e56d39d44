"""`pilebench replay`."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from rich.console import Console

from hil.compare import Divergence, compare, print_divergence
from hil.compiling import announced
from hil.errors import BadInput
from hil.files import ready_folder
from hil.links.recorded import read
from hil.links.recording import Recording
from hil.logfiles import write_candump
from hil.replay.cues import words
from hil.replay.stage import open_loop, stage
from hil.report.folder import LOG_NAME, SCENARIO_NAME, read_results
from hil.report.terminal import print_report
from hil.results import write_results
from hil.run import exit_code, simulate_shown
from hil.scenario import Scenario
from hil.scenario_files import check, load
from hil.sides import OTHER
from hil.story.telling import tell
from hil.story.text import print_story
from hil.summary import summarise
from hil.verdict import judge

MODES: Final = ("both", "vehicle", "pile", "diff")
ANY_TIME_US: Final = 1 << 60


def replay_command(
    source: Path, *, mode: str, scenario_name: str | None, changes: Sequence[str], out: Path | None, chart: bool, as_json: bool
) -> int:
    """Replay the recording or the folder of results *source*; the exit code."""
    if mode not in MODES:
        raise BadInput(f"--play {mode!r}: one of {', '.join(MODES)}")
    recording = read(source / LOG_NAME if source.is_dir() else source)
    own = source.is_dir() and scenario_name is None and not changes
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    if mode == "both":
        return _both(recording, ready_folder(out or Path("runs") / f"replay-{source.stem}"), console, as_json)
    scenario, seed = _scenario(source, scenario_name, changes)
    with announced(Console(stderr=True)):
        if mode == "diff":
            return _diff(recording, scenario, seed, own=own, console=console, as_json=as_json)
        folder = ready_folder(out or Path("runs") / f"replay-{source.stem}-{mode}")
        return _half(recording, scenario, seed, mode, own=own, folder=folder, console=console, chart=chart, as_json=as_json)


def _scenario(source: Path, name: str | None, changes: Sequence[str]) -> tuple[Scenario, int]:
    """The scenario and seed of a folder of results, unless others are asked for; else the standard charge."""
    if name is not None or not source.is_dir():
        scenario = load(name or "charge", changes)
        return scenario, scenario.seed
    if changes:
        raise BadInput("--set: give --scenario too; a run's own scenario is replayed as it was")
    results = read_results(source)
    if not results.scenario:
        raise BadInput(f"{source}: no {SCENARIO_NAME} in it; run the scenario again, or name it with --scenario")
    return check(results.scenario, str(source / SCENARIO_NAME)), int(results.summary["seed"])


def _both(recording: Recording, folder: Path, console: Console, as_json: bool) -> int:
    """Open loop: both sides as they were, on a bus of our own."""
    path = folder / LOG_NAME
    write_candump(path, open_loop(recording).log())
    again = read(path)
    found = compare(recording, again, tolerance_us=ANY_TIME_US)
    if as_json:
        print(json.dumps({"frames": len(again), "log": str(path), "divergence": asdict(found) if found else None}, indent=1))
    else:
        print_story(console, tell(again))
        console.print(f"log: {path}", style="dim")
    return 0 if found is None else 1


def _half(
    recording: Recording,
    scenario: Scenario,
    seed: int,
    side: str,
    *,
    own: bool,
    folder: Path,
    console: Console,
    chart: bool,
    as_json: bool,
) -> int:
    """*side* from the recording against our other side, as a run with results."""
    staged = stage(scenario, seed, recording, side, own=own)
    wall_s = simulate_shown(staged.bench, scenario, console)
    outcome = summarise(staged.bench, scenario)
    verdicts = judge(scenario.expect, outcome)
    summary, files = write_results(
        folder, folder.name, scenario, outcome, verdicts, seed=seed, wall_s=wall_s, formats=(), chart=chart
    )
    waits = staged.player.waits_for
    if as_json:
        print(json.dumps({**summary, "waits_for": words(waits.what) if waits else None}, indent=1, default=str))
        return exit_code(verdicts)
    print_report(console, f"{scenario.title}, the {side} from a recording", outcome, verdicts, wall_s, files)
    if waits is not None:
        console.print(f"the recorded {side} still waits for {words(waits.what)}, which our {OTHER[side]} did not send")
    return exit_code(verdicts)


def _diff(recording: Recording, scenario: Scenario, seed: int, *, own: bool, console: Console, as_json: bool) -> int:
    """Each side in turn from the recording: where our other side first says something else than the recorded one did."""
    found: dict[str, Divergence | None] = {}
    for side, live in OTHER.items():
        staged = stage(scenario, seed, recording, side, own=own)
        staged.bench.run(round(scenario.duration_s * 1e6))
        again = Recording.of_frames(staged.bench.trace.log())
        found[live] = compare(recording, again, tolerance_us=0 if own else ANY_TIME_US)
    if as_json:
        told: dict[str, Any] = {live: asdict(one) if one else None for live, one in found.items()}
        print(json.dumps({"frames": len(recording), "divergence": told}, indent=1, default=str))
    for live, one in found.items():
        if not as_json:
            console.print(f"our {live} against the recorded {OTHER[live]}:", style="bold")
            print_divergence(console, one, frames=len(recording))
    return 0 if not any(found.values()) else 1
