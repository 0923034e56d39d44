"""What helps people to write scenarios: the JSON Schema, a commented starter, and a scenario explained."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from typing import Any, Final, get_args, get_type_hints

import msgspec
from rich.console import Console
from rich.table import Table

from hil.errors import BadInput
from hil.field_docs import describe, docs_of
from hil.files import whole
from hil.scenario import Scenario
from hil.scenario_files import Table as Values
from hil.scenario_files import find, layers, load

STARTER: Final = """\
# A scenario of pilebench. Run it with:      pilebench run {name}
# What it comes to, and when what happens:   pilebench explain {name}
# Every key, its unit and range:             pilebench schema
base = "{base}"                   # everything that is not said here is as in that scenario
title = "{title}"
seed = 1                           # same seed, same bytes
duration_s = 600                   # give up after this time

[vehicle]
pack = "eu500"                     # a pack by name
soc_pct = 50
soc_target_pct = 51

[pile]
power = "60kW"
level = "averaged"                 # or "quasi_static": quicker, without control loops

# What people and the grid do; at_s counts from the start, or from the pile's phase *after*.
[[script]]
do = "plug in"

[[script]]
do = "start"                       # or "reserve" with for_s: starts by itself then
at_s = 1

# What fails; `pilebench faults` lists everything that can.
# [[faults]]
# where = "wire/BCL"
# kind = "drop"
# after = "CHARGING"
# at_s = 5
# until_s = 8

# What is written into signals.npz: every change of every signal, unless said otherwise.
# [record]
# signals = ["output voltage", "output current"]
# every_s = 1

# What must come of it, besides the safe end that every run must reach.
[expect]
ended = "orderly"
clause = "where the standard says so"
"""


def print_schema() -> None:
    """Print the JSON Schema of scenario files."""
    print(json.dumps(schema(), indent=1, ensure_ascii=False))


def schema() -> dict[str, Any]:
    """The JSON Schema of a scenario file, `base` included."""
    found = msgspec.json.schema(Scenario)
    found["$defs"]["Scenario"]["properties"]["base"] = {
        "type": "string",
        "description": "The scenario whose values count where this one says nothing: one of ours by name, or a path.",
    }
    for name, kind in _classes(Scenario).items():
        docs = docs_of(kind)
        for field, told in found["$defs"].get(name, {}).get("properties", {}).items():
            if description := describe(field, docs):
                told.setdefault("description", description)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "pilebench scenario", **found}


def _classes(kind: Any) -> dict[str, type[Any]]:
    """*kind* and every class of ours that its fields hold, by name."""
    found: dict[str, type[Any]] = {}
    waiting = [kind]
    while waiting:
        each = waiting.pop()
        waiting += get_args(each)
        if isinstance(each, type) and (issubclass(each, msgspec.Struct) or is_dataclass(each)) and each.__name__ not in found:
            found[each.__name__] = each
            waiting += get_type_hints(each).values()
    return found


def new(path: Path, *, base: str) -> Path:
    """Write a commented starter to *path* (with the suffix .toml, which is added); refuses to overwrite anything."""
    path = path if path.suffix == ".toml" else path.with_name(f"{path.name}.toml")
    load(base)
    if path.exists():
        raise BadInput(f"{path}: exists already; choose another name")
    text = STARTER.format(name=path, base=base, title=path.stem.replace("_", " "))
    with whole(path) as part:
        part.write_text(text, encoding="utf-8")
    return path


def explain(name: str, changes: list[str], *, as_json: bool) -> None:
    """Print what scenario *name* comes to: its values, where each comes from, and what happens when."""
    scenario = load(name, changes)
    values = dict(_flat(msgspec.to_builtins(scenario)))
    origins = _origins(name, changes)
    line = list(timeline(scenario))
    if as_json:
        told = {key: {"value": value, "from": origins.get(key, "default")} for key, value in values.items()}
        print(json.dumps({"values": told, "timeline": line}, indent=1, ensure_ascii=False))
        return
    console = Console(highlight=False)
    console.print(scenario.title, style="bold")
    _print_values(console, values, origins)
    table = Table("when", "what", box=None, header_style="bold", pad_edge=False)
    for entry in line:
        table.add_row(entry["when"], entry["what"])
    console.print(table)


def _print_values(console: Console, values: Mapping[str, Any], origins: Mapping[str, str]) -> None:
    """What was said, in full; of the defaults only how many there are."""
    table = Table("key", "value", "from", box=None, header_style="bold", pad_edge=False)
    said = [key for key in values if key in origins and not key.startswith(("script", "faults", "lose", "title"))]
    for key in said:
        table.add_row(key, json.dumps(values[key], ensure_ascii=False), origins[key])
    console.print(table)
    console.print(f"{len(values) - len(said)} more values are defaults (--json tells them)\n", style="dim")


def timeline(scenario: Scenario) -> Iterator[dict[str, Any]]:
    """What people do and what fails, in order: first by the time since the start, then by phases."""
    entries: list[tuple[bool, str, float, str]] = []
    for step in scenario.script:
        depth = "" if step.voltage_v is None else f" to {step.voltage_v:g} V"
        lasting = "" if step.for_s is None else f" {'the start in' if step.do == 'reserve' else 'for'} {step.for_s:g} s"
        entries.append((step.after is not None, step.after or "", step.at_s, f"{step.do}{depth}{lasting}"))
    for loss in scenario.lose:
        span = "to the end" if loss.for_s is None else f"for {loss.for_s:g} s"
        entries.append((loss.after is not None, loss.after or "", loss.at_s, f"{loss.message} is lost {span}"))
    for fault in scenario.faults:
        until = "to the end" if fault.until_s is None else f"until {fault.until_s:g} s"
        when = f" once {fault.when}" if fault.when else ""
        args = "".join(f", {key} = {value:g}" for key, value in fault.args.items())
        entries.append(
            (fault.after is not None, fault.after or "", fault.at_s, f"{fault.where}: {fault.kind}{args}{when}, {until}")
        )
    for later, after, at_s, what in sorted(entries, key=lambda entry: entry[:3]):
        yield {"when": f"{after} + {at_s:g} s" if later else f"{at_s:g} s", "what": what}
    yield {"when": f"{scenario.duration_s:g} s", "what": "gives up if it is not over"}


def _origins(name: str, changes: list[str]) -> dict[str, str]:
    """Which file said the value of each key; `--set` says the last word."""
    found: dict[str, str] = {}
    for path, table in layers(find(name)):
        for key, _ in _flat(table):
            found.setdefault(key, path.stem)
    return {**found, **{change.partition("=")[0].strip(): "--set" for change in changes}}


def _flat(values: Values, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, dict) and value:
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value
