"""Sweeps: what two workers gain over one, and that neither a killed worker nor an interruption nor a cluster changes the table.

    python benchmarks/sweep.py [--short]

400 short charges (--short: 60): the reference is the same sweep by one worker in the same run. Exit 1: a budget is missed.
"""

import argparse
import os
import signal
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stdout
from io import StringIO
from pathlib import Path

from hil.sweep.command import sweep_command
from hil.sweep.executors import CRASHED, compute, lanes
from hil.sweep.journal import Journal
from hil.sweep.plan import axis, jobs

SCENARIO, CHANGES = "charger_stop", ['pile.level="quasi_static"']
VARY = ["vehicle.soc_pct=20..60:5", "vehicle.temp_degc=10,25"]
COMBINATIONS = 10
GAIN_LEAST = 1.8


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--short", action="store_true")
    seeds = (60 if parser.parse_args().short else 400) // COMBINATIONS
    with tempfile.TemporaryDirectory() as name:
        held = list(_rows(Path(name), seeds))
    return 0 if all(held) else 1


def _rows(folder: Path, seeds: int) -> Iterator[bool]:
    one_s = _timed(folder / "one", seeds, workers=1)
    two_s = _timed(folder / "two", seeds, workers=2)
    gain = one_s / two_s
    print(f"{COMBINATIONS * seeds} charges: one worker {one_s:.1f} s, two workers {two_s:.1f} s")
    yield _row("two workers against one", f"{gain:.2f} x", f">= {GAIN_LEAST} x", gain >= GAIN_LEAST)
    wanted = _table(folder / "one")
    yield _row("table of two workers", "", "that of one", _table(folder / "two") == wanted)
    lost, others = _with_a_killed_worker(folder / "killed", seeds)
    yield _row("runs lost by killing a worker", str(lost), "1", lost == 1 and others == COMBINATIONS * seeds - 1)
    _timed(folder / "killed", seeds, workers=2)
    yield _row("table after going on", "", "the same bytes", _table(folder / "killed") == wanted)
    _interrupted(folder / "cut", folder / "one")
    _timed(folder / "cut", seeds, workers=2)
    yield _row("table after an interruption", "", "the same bytes", _table(folder / "cut") == wanted)
    with _cluster() as address:
        cluster_s = _timed(folder / "cluster", seeds, executor=address)
    yield _row("table of a Dask cluster", f"{cluster_s:.1f} s", "the same bytes", _table(folder / "cluster") == wanted)


def _row(what: str, measured: str, budget: str, held: bool) -> bool:
    print(f"{what:34} {measured:>10}   {budget:16} {'held' if held else 'MISSED'}")
    return held


def _timed(folder: Path, seeds: int, *, workers: int = 2, executor: str = "local") -> float:
    """Seconds that the sweep into *folder* takes, with starting its workers."""
    began = time.perf_counter()
    with redirect_stdout(StringIO()):
        sweep_command(
            SCENARIO,
            vary=VARY,
            changes=CHANGES,
            seeds=seeds,
            workers=workers,
            executor=executor,
            out=folder,
            format_="csv",
            metric="energy_wh",
            as_json=True,
        )
    return time.perf_counter() - began


def _table(folder: Path) -> bytes:
    return (folder / "sweep.csv").read_bytes()


def _with_a_killed_worker(folder: Path, seeds: int) -> tuple[int, int]:
    """How many runs were lost, and how many were not, when one of two workers is killed in the middle of a run."""
    folder.mkdir()
    planned = jobs(SCENARIO, CHANGES, [axis(text) for text in VARY], seeds)
    lost = others = 0
    with Journal(folder / "runs.jsonl") as journal, lanes("local", 2) as opened:
        for job, row in compute(planned, opened):
            if lost + others == 4:
                (victim,) = opened[0].executor._processes  # type: ignore[attr-defined]
                threading.Timer(0.05, os.kill, (victim, signal.SIGKILL)).start()
            journal.add(job.digest, row)
            lost, others = (lost + 1, others) if row["error"] == CRASHED else (lost, others + 1)
    return lost, others


def _interrupted(folder: Path, whole: Path) -> None:
    """Leaves in *folder* what a sweep killed in the middle of writing a line leaves."""
    folder.mkdir()
    content = (whole / "runs.jsonl").read_bytes()
    (folder / "runs.jsonl").write_bytes(content[: len(content) // 2])


@contextmanager
def _cluster() -> Iterator[str]:
    from distributed import LocalCluster

    options = {"n_workers": 2, "threads_per_worker": 1, "dashboard_address": None, "host": "127.0.0.1"}
    with LocalCluster(**options) as cluster:  # type: ignore[no-untyped-call]
        yield f"dask://{cluster.scheduler_address.removeprefix('tcp://')}"


if __name__ == "__main__":
    sys.exit(main())
