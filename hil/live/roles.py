"""`pilebench hil vehicle`, `hil pile` and `hil monitor`."""

import json
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rich.console import Console

from hil.build import build
from hil.compiling import announced
from hil.errors import BadInput
from hil.files import ready_folder
from hil.links.adapter import open_adapter, resolved
from hil.links.link import AdapterChoice, Link, LinkLost
from hil.links.recording import Recording
from hil.live.gateway import SLICE_US, Gateway
from hil.logfiles import candump_chunks, write_candump
from hil.report.folder import LOG_NAME, SUMMARY_NAME
from hil.report.terminal import print_report
from hil.results import write_json, write_results
from hil.run import exit_code
from hil.scenario import Scenario
from hil.scenario_files import load
from hil.story.telling import tell
from hil.story.text import print_story
from hil.summary import summarise
from hil.verdict import judge
from protocols.core.frame import Frame

LIVE_LOG = "live.log"
"""Written as frames come, so that a killed run loses no more than half a second."""
STOP_US = 15_000_000
"""How long an ordered end may take after Ctrl-C."""


def play(
    side: str,
    name: str,
    choice: AdapterChoice,
    *,
    armed: bool,
    changes: Sequence[str],
    out: Path | None,
    spin_us: int,
    as_json: bool,
) -> int:
    """Play *side* of scenario *name* on the adapter; the exit code."""
    scenario = load(name, changes)
    interface, channel = resolved(choice)
    where = f"{interface} {channel}"
    if armed:
        _refuse_real(interface, channel)
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    with announced(Console(stderr=True)):
        bench = build(scenario, scenario.seed)
    link = open_adapter(choice)
    folder = ready_folder(out or Path("runs") / f"hil-{side}")
    state = "armed" if armed else "SILENT: nothing is sent without --arm"
    console.print(f"we are the {side} on {where}, {state}; Ctrl-C ends the charge in order")
    began = time.perf_counter()
    gateway = Gateway(bench, side, link, armed=armed, spin_us=spin_us)
    lost = ""
    try:
        _live(gateway, round(scenario.duration_s * 1e6), folder / LIVE_LOG)
    except LinkLost as error:
        lost = str(error)
    finally:
        link.close()
    code = _report(gateway, scenario, folder, where, lost=lost, wall_s=time.perf_counter() - began, as_json=as_json)
    if lost:
        raise BadInput(f"{where}: lost during the run: {lost}; what was heard until then is in {folder}")
    return code


def _report(gateway: Gateway, scenario: Scenario, folder: Path, where: str, *, lost: str, wall_s: float, as_json: bool) -> int:
    """Write and tell what came of it; the exit code."""
    outcome, side = summarise(gateway.bench, scenario), gateway.side
    verdicts = judge(scenario.expect, outcome)
    summary, files = write_results(
        folder, f"hil-{side}", scenario, outcome, verdicts, seed=scenario.seed, wall_s=wall_s, formats=(), chart=False
    )
    summary |= {"link": where, "armed": gateway.armed, "lost": lost, "timing": gateway.pacer.certificate.plain()}
    write_json(folder / SUMMARY_NAME, summary)
    if as_json:
        print(json.dumps(summary, indent=1))
    else:
        console = Console(highlight=False, soft_wrap=True)
        print_report(console, f"{scenario.title}, we were the {side}", outcome, verdicts, wall_s, files)
        console.print(gateway.pacer.certificate.words())
    return exit_code(verdicts)


def _refuse_real(interface: str, channel: str) -> None:
    """Nothing is sent to a real wire as long as nobody watches over it."""
    if not emulated(interface, channel):
        raise BadInput(
            f"--arm on {interface} {channel}: this version has no dead-man and no limits on what is sent, so it sends "
            "to emulated adapters only (vcan, virtual, pseudo terminals); without --arm it listens to any"
        )


def emulated(interface: str, channel: str) -> bool:
    """Whether no real wire can be behind this adapter."""
    return interface == "virtual" or channel.startswith(("vcan", "/dev/pts/"))


def _live(gateway: Gateway, limit_us: int, path: Path) -> None:
    """Run to the end, logging on the way; Ctrl-C orders the end, a second one leaves at once."""
    clock, trace = gateway.bench.clock, gateway.bench.trace
    written = 0
    with path.open("wb") as file:

        def log() -> None:
            nonlocal written
            rows = list(trace.log())[written:]
            written += len(rows)
            for chunk in candump_chunks(iter(rows)):
                file.write(chunk)
            file.flush()

        until = limit_us
        stopping = False
        while clock.now < until:
            try:
                over = gateway.run(min(until, clock.now + 2 * SLICE_US))
            except KeyboardInterrupt:
                if stopping:
                    raise
                stopping, until = True, min(limit_us, clock.now + STOP_US)
                gateway.stop()
                continue
            finally:
                log()
            if over:
                return


def monitor(choice: AdapterChoice, *, seconds: float, out: Path | None, as_json: bool) -> int:
    """Listen only, for *seconds* or until Ctrl-C, and tell the story of what was heard."""
    link = open_adapter(choice)
    folder = ready_folder(out or Path("runs") / "hil-monitor")
    console = Console(stderr=as_json, highlight=False, soft_wrap=True)
    console.print(f"listening on {' '.join(resolved(choice))}; Ctrl-C ends it")
    heard = _listen(link, seconds)
    path = folder / LOG_NAME
    write_candump(path, iter(heard))
    told: dict[str, Any] = {"frames": len(heard), "log": str(path)}
    if as_json:
        print(json.dumps(told, indent=1))
    elif heard:
        print_story(console, tell(Recording.of_frames(heard)))
    console.print(f"{len(heard)} frames, log: {path}")
    return 0


def _listen(link: Link, seconds: float) -> list[tuple[int, Frame]]:
    found: list[tuple[int, Frame]] = []
    begin = time.monotonic()
    try:
        while time.monotonic() - begin < seconds:
            heard = link.recv(0.1)
            if heard is not None:
                found.append((heard.at_us - round(begin * 1e6), heard.frame))
    except KeyboardInterrupt:
        pass
    finally:
        link.close()
    return found
