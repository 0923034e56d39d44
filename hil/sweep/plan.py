"""Which runs a sweep is made of: every combination of the varied values, each with every seed."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from itertools import product

import msgspec
import numpy as np

from hil.errors import BadInput
from hil.scenario import Scenario
from hil.scenario_files import load

RUNS_MOST = 1_000_000
EXAMPLE = "--vary vehicle.soc_pct=20..80:7 or --vary pile.power=60kW,120kW"


@dataclass(frozen=True, slots=True)
class Axis:
    """A key of the scenario and the values it takes, as `--set` takes them."""

    key: str
    values: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run. *digest* is that of everything that decides its result: scenario as resolved, seed, version."""

    index: int
    values: tuple[str, ...]
    """One value for each axis, in their order."""
    seed: int
    scenario: Scenario
    digest: str


def axis(text: str) -> Axis:
    """The axis in "key=from..to:count" or "key=value,value,..."."""
    key, equals, values = text.partition("=")
    if not equals or not key.strip() or not values.strip():
        raise BadInput(f"--vary {text!r}: write {EXAMPLE}")
    return Axis(key.strip(), tuple(_span(text, values)) if ".." in values else tuple(map(str.strip, values.split(","))))


def _span(text: str, values: str) -> Iterator[str]:
    """Equally spaced values, both ends included."""
    ends, _, count = values.partition(":")
    try:
        low, high = map(float, ends.split(".."))
        number = int(count)
    except ValueError:
        raise BadInput(f"--vary {text!r}: write {EXAMPLE}") from None
    if number < 2 or not np.isfinite([low, high]).all():
        raise BadInput(f"--vary {text!r}: two finite ends and at least 2 values")
    yield from (f"{value:.12g}" for value in np.linspace(low, high, number))


def jobs(name: str, changes: Sequence[str], axes: Sequence[Axis], seeds: int) -> list[Job]:
    """Every run of scenario *name* with *changes*, checked before the first starts. Seeds count up from the scenario's own."""
    count = seeds * int(np.prod([len(axis.values) for axis in axes], dtype=float))
    if count > RUNS_MOST:
        raise BadInput(f"{count} runs: at most {RUNS_MOST} in one sweep; vary fewer values")
    found: list[Job] = []
    for values in product(*(axis.values for axis in axes)):
        overrides = [f"{axis.key}={value}" for axis, value in zip(axes, values, strict=True)]
        scenario = load(name, [*changes, *overrides])
        for seed in range(scenario.seed, scenario.seed + seeds):
            digest = digest_of(scenario, seed)
            found.append(Job(index=len(found), values=values, seed=seed, scenario=scenario, digest=digest))
    return found


def digest_of(scenario: Scenario, seed: int) -> str:
    """The same for the same scenario, seed and version of pilebench."""
    content = msgspec.json.encode([msgspec.to_builtins(scenario), seed, version("pilebench")], order="sorted")
    return hashlib.sha256(content).hexdigest()[:20]
