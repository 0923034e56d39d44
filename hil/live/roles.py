"""`pilebench hil vehicle` and `hil pile`."""

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from rich.console import Console

from firmware_model.bench import Bench
from firmware_model.power.quasi_static import RATINGS
from hil.build import build
from hil.compiling import announced
from hil.errors import BadInput
from hil.files import ready_folder
from hil.interrupts import ended_by_signals
from hil.links.adapter import open_adapter, resolved
from hil.links.link import AdapterChoice, LinkLost
from hil.live.emulated import emulated
from hil.live.exclusive import open_to_listen
from hil.live.gateway import SLICE_US, Gateway
from hil.live.keeper import PATIENCE_US
from hil.live.keeper_line import Charge
from hil.live.keeper_link import KeeperLink
from hil.live.limits import EMULATED, Limits, load_limits
from hil.live.livelog import LiveLog
from hil.live.operator import Operator
from hil.live.supervisor import Supervisor
from hil.report.folder import SUMMARY_NAME
from hil.report.terminal import print_report
from hil.results import write_json, write_results
from hil.run import exit_code
from hil.scenario import Scenario
from hil.scenario_files import load
from hil.summary import summarise
from hil.verdict import judge
from protocols.gbt27930.messages import BMS

REHEARSAL_US = 20_000_000
"""So much of the charge is lived through beforehand: compiling a kernel in the middle of it would look like a hang."""
SILENT = "SILENT: nothing is sent without --arm"
LIVE_LOG = "live.log"
"""Written as frames come, so that a killed run loses no more than half a second."""
STOP_US = 15_000_000
"""How long an ordered end may take after Ctrl-C."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """How a side is played: *armed* or only listening, within *limits* (a file; None where no real wire can be behind the
    adapter), with *changes* to the scenario, results in *out*. *spin_us* as the pacer's; *deadman_s*: how often somebody has to
    press Enter.
    """

    armed: bool = False
    limits: Path | None = None
    changes: Sequence[str] = ()
    out: Path | None = None
    spin_us: int = 0
    deadman_s: float | None = None
    patience_ms: int = PATIENCE_US // 1000
    """How long the keeper waits for a sign of life; more than usual on emulated adapters only."""
    emulated: bool = False
    """Somebody has said that no real wire is behind the adapter."""
    as_json: bool = False


def play(side: str, name: str, choice: AdapterChoice, part: Part) -> int:
    """Play *side* of scenario *name* on the adapter; the exit code."""
    scenario = load(name, part.changes)
    if {scenario.vehicle.habits.address, scenario.pile.habits.vehicle_address} != {BMS}:
        raise BadInput(
            f"scenario {name!r}: on an adapter the vehicle has address {BMS} (0x{BMS:X}), nothing else is let out; "
            "leave vehicle.habits.address and pile.habits.vehicle_address alone"
        )
    interface, channel = resolved(choice)
    where = f"{interface} {channel}"
    limits = limits_of(part, interface, channel)
    console = Console(stderr=part.as_json, highlight=False, soft_wrap=True)
    with announced(Console(stderr=True)):
        bench_within(scenario, limits).run(REHEARSAL_US)
    bench = bench_within(scenario, limits)
    edition = (scenario.vehicle if side == "vehicle" else scenario.pile).edition
    link = way_to_the_wire(side, edition, choice, part, limits)
    lost, over = "", False
    began = time.perf_counter()
    try:
        folder = ready_folder(part.out or Path("runs") / f"hil-{side}")
        state = f"ARMED within {limits.max_v:g} V, {limits.max_a:g} A, {limits.max_min:g} min" if part.armed else SILENT
        console.print(f"we are the {side} on {where}, {state}; Ctrl-C ends the charge in order")
        operator = Operator(part.deadman_s) if part.deadman_s else None
        pulse = _pulse(link, operator)
        gateway = Gateway(bench, side, link, armed=part.armed, spin_us=part.spin_us, pulse=pulse)
        with ended_by_signals():
            over = _live(gateway, round(scenario.duration_s * 1e6), folder / LIVE_LOG)
        if over and isinstance(link, KeeperLink):
            link.finish()
    except LinkLost as error:
        lost = str(error)
    finally:
        link.close()
    code = _report(gateway, link, scenario, folder, where, lost=lost, wall_s=time.perf_counter() - began, as_json=part.as_json)
    if lost:
        raise BadInput(f"{where}: ended: {lost}; what was heard until then is in {folder}")
    return code


def bench_within(scenario: Scenario, limits: Limits) -> Bench:
    """The bench of *scenario*, whose sides offer and admit no more than *limits* leave when what is measured then may be 3 % or
    0.5 A more. Raises `BadInput` if nothing is left.
    """
    rating = RATINGS[scenario.pile.power]
    if limits.max_v < rating.voltage_min_v:
        raise BadInput(f"max_v = {limits.max_v:g} V: a pile of {scenario.pile.power} begins at {rating.voltage_min_v:g} V")
    return build(scenario, scenario.seed, most_v=limits.max_v, most_a=max(0.97 * limits.max_a - 0.5, limits.max_a / 2))


def limits_of(part: Part, interface: str, channel: str) -> Limits:
    """What may be sent. Raises `BadInput` for an armed side on a real wire without a file of limits."""
    if part.limits is not None:
        return load_limits(part.limits)
    if part.armed and not part.emulated and not emulated(interface, channel):
        raise BadInput(
            f"--arm on {interface} {channel}: give the bench's limits with --limits FILE, three lines of TOML: max_v = 500, "
            "max_a = 50, max_min = 30; without --arm we only listen; --emulated if there is no real wire"
        )
    return EMULATED


def way_to_the_wire(side: str, edition: str, choice: AdapterChoice, part: Part, limits: Limits) -> Supervisor | KeeperLink:
    """A link through a keeper if anything may be sent, else a listener's."""
    if not part.armed:
        return Supervisor(lambda: open_to_listen(choice))
    interface, channel = resolved(choice)
    if part.patience_ms != PATIENCE_US // 1000 and not part.emulated and not emulated(interface, channel):
        raise BadInput(
            f"--patience {part.patience_ms}: a bench on a real wire has {PATIENCE_US // 1000} ms; leave it out, or say "
            "--emulated if there is none"
        )
    charge = Charge(choice=choice, side=side, edition=edition, limits=limits, patience_us=part.patience_ms * 1000)
    in_process = interface == "virtual"  # python-can's virtual bus reaches no other process
    return KeeperLink(charge, open_link=(lambda: open_adapter(choice)) if in_process else None)


def _pulse(link: Supervisor | KeeperLink, operator: Operator | None) -> Callable[[], None] | None:
    """What tells the keeper that we live; it stops when the operator lets go."""
    if not isinstance(link, KeeperLink):
        return None

    def pulse() -> None:
        if operator is None or operator.holds():
            link.beat()
        else:
            link.end("the operator has let go")
            raise LinkLost("the operator has let go")

    return pulse


def _report(
    gateway: Gateway,
    link: Supervisor | KeeperLink,
    scenario: Scenario,
    folder: Path,
    where: str,
    *,
    lost: str,
    wall_s: float,
    as_json: bool,
) -> int:
    """Write and tell what came of it; the exit code."""
    outcome, side = summarise(gateway.bench, scenario), gateway.side
    verdicts = judge(scenario.expect, outcome)
    summary, files = write_results(
        folder, f"hil-{side}", scenario, outcome, verdicts, seed=scenario.seed, wall_s=wall_s, formats=(), chart=False
    )
    told = link.told | {"states": link.states} if isinstance(link, KeeperLink) else link.plain()
    summary |= {"link": where, "wire": told, "armed": gateway.armed, "lost": lost, "timing": gateway.pacer.certificate.plain()}
    write_json(folder / SUMMARY_NAME, summary)
    if as_json:
        print(json.dumps(summary, indent=1))
    else:
        console = Console(highlight=False, soft_wrap=True)
        print_report(console, f"{scenario.title}, we were the {side}", outcome, verdicts, wall_s, files)
        console.print(gateway.pacer.certificate.words())
    return exit_code(verdicts)


def _live(gateway: Gateway, limit_us: int, path: Path) -> bool:
    """Run, logging on the way, until the charge is over; whether it came to that. Ctrl-C orders the end, a second one leaves."""
    clock, trace = gateway.bench.clock, gateway.bench.trace
    written, until, stopping = 0, limit_us, False
    with LiveLog(path) as log:
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
                for row in islice(trace.log(), written, None):
                    log.write(row)
                written = len(trace)
                log.flush_due()
            if over:
                return True
    return False
