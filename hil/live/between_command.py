"""The command `pilebench hil between`: adapters, faults, log and summary around the man in the middle."""

import json
from collections.abc import Collection, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rich.console import Console

from firmware_model.faults.fault import Fault, Injected, TookEffect
from hil.build import faults_of
from hil.errors import BadInput
from hil.files import ready_folder
from hil.interrupts import check, ended_by_signals
from hil.links.adapter import open_adapter, resolved
from hil.links.link import AdapterChoice, Link, LinkLost
from hil.live.between import Between
from hil.live.emulated import emulated
from hil.live.exclusive import exclusive, open_to_listen
from hil.live.limits import EMULATED, Limits, load_limits
from hil.live.livelog import LiveLog
from hil.live.roles import SILENT
from hil.live.supervisor import Supervisor
from hil.report.folder import LOG_NAME, SUMMARY_NAME
from hil.results import write_json
from hil.scenario_files import load
from hil.sides import OTHER


@dataclass(frozen=True, slots=True, kw_only=True)
class Middle:
    """How to stand between: *armed* or only listening, within *limits* (a file), with *changes* to the scenario."""

    armed: bool
    limits: Path | None
    seconds: float
    changes: Sequence[str]
    out: Path | None
    as_json: bool
    emulated: bool = False
    """Somebody has said that no real wire is behind the adapters."""


def between(name: str, choices: dict[str, AdapterChoice], middle: Middle) -> int:
    """Stand between the adapters in *choices* (by side) with the faults of scenario *name*; the exit code."""
    scenario = load(name, middle.changes)
    places = {side: resolved(choice) for side, choice in choices.items()}
    for side, option in (("pile", "--channel"), ("vehicle", "--vehicle-channel")):
        if places[side][1] == "None":
            raise BadInput(f"no adapter at the {side}: name it with {option}")
    if places["pile"] == places["vehicle"]:
        raise BadInput(f"both adapters are {' '.join(places['pile'])}: give --channel and --vehicle-channel two different ones")
    limits = _limits_of(middle, places.values())
    console = Console(stderr=middle.as_json, highlight=False, soft_wrap=True)
    links: dict[str, Link] = {}
    lost = ""
    faults: list[Fault] = faults_of(scenario)
    folder = ready_folder(middle.out or Path("runs") / "hil-between")
    held = ExitStack()
    try:
        for side, choice in choices.items():
            if middle.armed:
                held.enter_context(exclusive(choice, OTHER[side]))
            opened = open_adapter if middle.armed else open_to_listen
            links[side] = Supervisor(partial(opened, choice))
        man = Between(links, armed=middle.armed, limits=limits, faults=faults, edition=scenario.pile.edition, seed=scenario.seed)
        words = "ARMED: frames pass" if middle.armed else SILENT
        console.print(f"between the pile on {' '.join(places['pile'])} and the vehicle on {' '.join(places['vehicle'])}, {words}")
        with LiveLog(folder / LOG_NAME) as log, ended_by_signals():
            man.wires.tap(lambda now, frame, _: log.write((now, frame)))

            def pulse() -> None:
                log.flush_due()
                check()

            try:
                man.run(middle.seconds, pulse)
            except KeyboardInterrupt:
                pass  # the usual end
            except LinkLost as error:
                lost = str(error)
    finally:
        for link in links.values():
            link.close()
        held.close()
    _tell(console, man, folder, lost, as_json=middle.as_json)
    if lost:
        raise BadInput(f"ended: {lost}; what was heard until then is in {folder}")
    return 0


def _limits_of(middle: Middle, places: Collection[tuple[str, str]]) -> Limits:
    """What may pass. Raises `BadInput` for an armed middle on a real wire without a file of limits."""
    harmless = middle.emulated or all(emulated(*place) for place in places)
    if middle.armed and middle.limits is None and not harmless:
        raise BadInput(
            "--arm on a real wire: give the bench's limits with --limits FILE (max_v, max_a, max_min), or say --emulated if "
            "there is no real wire"
        )
    return load_limits(middle.limits) if middle.limits else EMULATED


def _tell(console: Console, man: Between, folder: Path, lost: str, *, as_json: bool) -> None:
    happened: list[dict[str, Any]] = [
        {"at_s": happening.at / 1e6, "fault": f"{happening.what.fault.where} {happening.what.fault.kind}", "what": kind.__name__}
        for kind in (Injected, TookEffect)
        for happening in man.wires.trace.of(kind)
    ]
    counts = {"heard": man.heard, "sent": man.sent, "stale": man.stale}
    told = counts | {"latency": man.latency.plain(), "faults": happened, "lost": lost}
    write_json(folder / SUMMARY_NAME, told)
    if as_json:
        print(json.dumps(told, indent=1))
        return
    for entry in happened:
        console.print(
            f"{entry['at_s']:.6f} s {entry['fault']}: {'begins' if entry['what'] == 'Injected' else 'makes a difference'}"
        )
    late = man.latency
    heard = f"heard {man.heard['pile']} frames of the pile and {man.heard['vehicle']} of the vehicle"
    added = f"added latency p50 {late.percentile_us(50)}, p99 {late.percentile_us(99)}, max {late.max_us} µs"
    console.print(f"{heard}, passed {sum(man.sent.values())}; {added}; log: {folder / LOG_NAME}")
