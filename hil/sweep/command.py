"""`pilebench sweep`: plan the runs, do those that are not known yet, write the table and the picture."""

import json
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from hil.compiling import announced
from hil.errors import BadInput
from hil.files import ready_folder
from hil.sweep.executors import compute, lanes
from hil.sweep.journal import Journal
from hil.sweep.plan import Axis, Job, axis, jobs
from hil.sweep.table import check_format, columns, draw, rows, write_table
from hil.sweep.work import COLUMNS, Row


def sweep_command(
    name: str,
    *,
    vary: Sequence[str],
    changes: Sequence[str],
    seeds: int,
    workers: int,
    executor: str,
    out: Path | None,
    format_: str,
    metric: str,
    as_json: bool,
) -> int:
    """Run the sweep; exit code 0 if every run held its expectations, 1 if one did not."""
    check_format(format_)
    if metric not in COLUMNS:
        raise BadInput(f"--metric {metric!r}: one of {', '.join(COLUMNS)}")
    axes = [axis(text) for text in vary]
    planned = jobs(name, changes, axes, seeds)
    console = Console(stderr=True)
    folder = ready_folder(out or Path("runs") / f"sweep-{Path(name).stem}")
    table_path = folder / f"sweep.{format_}"
    with Journal(folder / "runs.jsonl") as journal:
        missing = [job for job in planned if job.digest not in journal.known]
        if missing:
            _compute(missing, journal, executor, min(workers, len(missing)), console)
        table = rows(planned, journal.known)
        write_table(table_path, columns(axes), table)
        if axes:
            draw(folder / "sweep.svg", axes, planned, journal.known, metric)
        summary = _summary(planned, journal.known, known_before=len(planned) - len(missing), table=table_path)
    if as_json:
        print(json.dumps(summary, indent=1))
    else:
        _print(Console(), summary, axes, planned, journal.known, metric)
    return 0 if summary["held"] == len(planned) else 1


def _compute(missing: Sequence[Job], journal: Journal, executor: str, workers: int, console: Console) -> None:
    bar = (TextColumn("runs"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with (
        announced(console),
        Progress(*bar, console=console, transient=True, disable=not console.is_terminal) as progress,
        lanes(executor, workers) as open_lanes,
    ):
        task = progress.add_task("runs", total=len(missing))
        for job, row in compute(missing, open_lanes):
            journal.add(job.digest, row)
            progress.advance(task)


def _summary(planned: Sequence[Job], known: dict[str, Row], *, known_before: int, table: Path) -> dict[str, Any]:
    found = [known[job.digest] for job in planned]
    return {
        "runs": len(planned),
        "known_before": known_before,
        "held": sum(bool(row["held"]) for row in found),
        "errors": dict(Counter(row["error"] for row in found if row["error"])),
        "endings": dict(Counter(row["stop_reason"] for row in found if not row["error"])),
        "failed": dict(Counter(row["failed"] for row in found if row.get("failed"))),
        "table": str(table),
    }


def _print(
    console: Console, summary: dict[str, Any], axes: Sequence[Axis], planned: Sequence[Job], known: dict[str, Row], metric: str
) -> None:
    console.print(f"{summary['held']} of {summary['runs']} runs held, {summary['known_before']} were known before")
    for title, counts in (("ended", "endings"), ("failed", "failed"), ("error", "errors")):
        for words, count in summary[counts].items():
            console.print(f"  {count:6} x {title}: {words}")
    for along in axes:
        console.print(_along(along, list(axes).index(along), planned, known, metric))
    console.print(f"table: {summary['table']}", style="dim")


def _along(along: Axis, place: int, planned: Sequence[Job], known: dict[str, Row], metric: str) -> Table:
    """Runs, how many held, and the range of *metric* for each value of one axis."""
    table = Table(along.key, "runs", "held", f"{metric} least", "mean", "most", box=None, header_style="bold", pad_edge=False)
    for value in along.values:
        found = [known[job.digest] for job in planned if job.values[place] == value]
        numbers = [float(row[metric]) for row in found if isinstance(row.get(metric), int | float)]
        span = (min(numbers), sum(numbers) / len(numbers), max(numbers)) if numbers else ()
        table.add_row(value, str(len(found)), str(sum(bool(row["held"]) for row in found)), *(f"{n:.5g}" for n in span))
    return table
