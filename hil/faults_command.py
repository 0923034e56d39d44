"""`pilebench faults`: everything that can be made to fail, and which of it ever was."""

import json
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from firmware_model.faults.catalogue import Entry, catalogue
from hil.errors import BadInput

Row = dict[str, Any]
INJECTED, EFFECT = "Injected", "TookEffect"
"""Kinds of events in `events.json`."""


def faults_command(words: Sequence[str], *, coverage: Path | None, as_json: bool) -> int:
    """List the faults whose name or description contains all *words*; with *coverage*, how often each was injected there."""
    rows = [row_of(entry) for entry in catalogue() if all(word.lower() in text_of(entry) for word in words)]
    if not rows:
        raise BadInput(f"no fault has {' and '.join(words)} in its name or description")
    if coverage is not None:
        injected, effective, runs = count(coverage)
        for row in rows:
            row |= {"injected": injected[row["fault"]], "effective": effective[row["fault"]]}
    if as_json:
        print(json.dumps(rows, indent=1))
    elif coverage is None:
        _print_list(rows)
    else:
        _print_coverage(rows, runs)
    return 0


def row_of(entry: Entry) -> Row:
    """One line of the list as plain values."""
    args = {name: [arg.default, arg.low, arg.high] for name, arg in entry.kind.args.items()}
    return {
        "fault": entry.name,
        "where": entry.place.where,
        "kind": entry.kind.name,
        "what": f"{entry.place.what}: {entry.kind.line}",
        "args": args,
    }


def text_of(entry: Entry) -> str:
    """What a filter looks at."""
    return f"{entry.name} {entry.place.what} {entry.kind.line}".lower()


def count(folder: Path) -> tuple[Counter[str], Counter[str], int]:
    """How often each fault was injected, and had an effect, in the results below *folder*; and in how many runs."""
    files = sorted(folder.rglob("events.json"))
    if not files:
        raise BadInput(f"{folder}: no results of a run (events.json) in there")
    found = {INJECTED: Counter[str](), EFFECT: Counter[str]()}
    for path in files:
        for kind, name in _faults_in(path):
            found[kind][name] += 1
    return found[INJECTED], found[EFFECT], len(files)


def _faults_in(path: Path) -> list[tuple[str, str]]:
    """(kind of event, fault without its arguments) of each fault event in *path*."""
    try:
        events = json.loads(path.read_text(encoding="utf-8"))
        return [(e["kind"], e["values"]["fault"].partition(",")[0]) for e in events if e["kind"] in (INJECTED, EFFECT)]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"{path}: not the events of a run: {error!r}") from None


def _print_list(rows: Sequence[Row]) -> None:
    """One line each, however long: made for grep."""
    wide = max(len(row["fault"]) for row in rows)
    for row in rows:
        args = ", ".join(f"{name}={default:g}" for name, (default, _, _) in row["args"].items())
        print(f"{row['fault']:{wide}}  {row['what']}{f'  [{args}]' if args else ''}")
    print(f"{len(rows)} faults at {len({row['where'] for row in rows})} places", file=sys.stderr)


def _print_coverage(rows: Sequence[Row], runs: int) -> None:
    table = Table("fault", "injected", "had an effect", box=None, header_style="bold")
    for row in rows:
        if row["injected"]:
            table.add_row(row["fault"], str(row["injected"]), str(row["effective"]))
    console = Console()
    console.print(table)
    injected = [row for row in rows if row["injected"]]
    effective = sum(1 for row in injected if row["effective"])
    console.print(
        f"{runs} runs: {len(injected)} of {len(rows)} faults injected, {effective} had an effect; "
        f"never injected: {len(rows) - len(injected)} (listed with --json)"
    )
