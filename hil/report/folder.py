"""A folder of results, read back: what a report is made of. Reports need nothing but these files."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import numpy as np

from firmware_model.trace import Signal
from hil.errors import BadInput
from hil.links.recorded import read
from hil.links.recording import Recording

LOG_NAME: Final = "bus.log"
SIGNALS_NAME: Final = "signals.npz"
SUMMARY_NAME: Final = "summary.json"
EVENTS_NAME: Final = "events.json"
SCENARIO_NAME: Final = "scenario.json"
TIMES: Final = " t_us"
"""What the name of a signal's times ends in."""
T = TypeVar("T", dict[str, Any], list[dict[str, Any]])


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What one run left: its *summary*, *events*, *scenario* as resolved, wires and signals."""

    folder: Path
    summary: dict[str, Any]
    events: list[dict[str, Any]]
    scenario: dict[str, Any]
    recording: Recording | None
    """None if nobody said anything on the bus."""
    signals: dict[str, Signal]


def read_results(folder: Path) -> Results:
    """The results in *folder*. Raises `BadInput` if it is no such folder or a file in it is damaged."""
    if not (folder / SUMMARY_NAME).is_file():
        raise BadInput(f"{folder}: no {SUMMARY_NAME} in it; give a folder that `pilebench run` wrote")
    return Results(
        folder=folder,
        summary=_json(folder / SUMMARY_NAME, {}),
        events=_json(folder / EVENTS_NAME, []),
        scenario=_json(folder / SCENARIO_NAME, {}),
        recording=read(folder / LOG_NAME) if _holds_something(folder / LOG_NAME) else None,
        signals=read_signals(folder / SIGNALS_NAME),
    )


def read_signals(path: Path) -> dict[str, Signal]:
    """The signals that `write_signals` wrote; none if there is no such file."""
    if not path.is_file():
        return {}
    found: dict[str, Signal] = {}
    try:
        with np.load(path) as arrays:
            for title in arrays.files:
                if not title.endswith(TIMES):
                    name, _, unit = title.partition(" [")
                    signal = found[name] = Signal(name, unit.rstrip("]"))
                    signal.times_us.frombytes(arrays[title + TIMES].astype("<i8").tobytes())
                    signal.values.frombytes(arrays[title].astype("<f8").tobytes())
    except (ValueError, KeyError, OSError) as error:
        raise BadInput(f"{path}: damaged: {error}") from None
    return found


def _json(path: Path, default: T) -> T:
    if not path.is_file():
        return default
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        raise BadInput(f"{path}: damaged: {error}") from None
    if not isinstance(found, type(default)):
        raise BadInput(f"{path}: not a JSON {'object' if isinstance(default, dict) else 'array'}")
    return found


def _holds_something(path: Path) -> bool:
    return path.is_file() and path.stat().st_size > 0
