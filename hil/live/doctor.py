"""`pilebench doctor`: what is installed, what is plugged in, how well this machine keeps time, and what to do about the rest."""

import json
import os
import shutil
import sys
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from typing import Final

from rich.console import Console
from rich.table import Table

from hil.links.interfaces import adapters, interfaces
from hil.links.link import AdapterChoice, BusState, LinkLost
from hil.live.certificate import Lateness
from hil.live.exclusive import open_to_listen
from protocols.gbt27930.editions import EDITIONS

EXTRAS: Final = {
    "asammdf": ("MF4 logs", "pip install 'pilebench[mf4]'"),
    "pyarrow": ("sweeps as Parquet", "pip install 'pilebench[parquet]'"),
    "distributed": ("sweeps on a Dask cluster", "pip install 'pilebench[cluster]'"),
    "serial": ("SLCAN adapters on serial ports", "pip install 'pilebench[slcan]'"),
    "pyvisa": ("sources, loads and meters by SCPI", "pip install 'pilebench[instruments]'"),
}
PROGRAMS: Final = {
    "chromium": ("test of the report in a browser", "apt-get install chromium"),
    "ngspice": ("benchmark of the circuit engine", "apt-get install ngspice"),
    "linux.uml": ("tests against the Linux kernel's CAN", "apt-get install user-mode-linux busybox-static iproute2"),
}
TICK_US: Final = 10_000
GOOD_US, POOR_US = 1_000, 5_000
"""p99 of the lateness: good enough for CST every 10 ms ±10 %, and too poor for it."""
COUNT_LEAST: Final = 10


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at: *state* is "good", "missing" or "poor"; *fix* is what to do, empty if nothing has to be done."""

    what: str
    state: str
    found: str
    fix: str = ""


def doctor(choice: AdapterChoice | None, *, seconds: float, as_json: bool) -> int:
    """Look at everything, with *choice* at the traffic of an adapter too; exit code 0 if nothing is poor, else 1."""
    checks = [*_installed(), *_found(), *_clock(), _jitter(seconds)]
    if choice is not None:
        checks += _listen(choice, seconds)
    if as_json:
        print(json.dumps([asdict(check) for check in checks], indent=1, ensure_ascii=False))
    else:
        _print(checks)
    return 1 if any(check.state == "poor" for check in checks) else 0


def _installed() -> Iterator[Check]:
    yield Check("Python", "good", sys.version.split()[0])
    for module, (purpose, fix) in EXTRAS.items():
        there = find_spec(module) is not None
        yield Check(
            f"{module}, for {purpose}",
            "good" if there else "missing",
            "installed" if there else "not installed",
            fix * (not there),
        )
    for program, (purpose, fix) in PROGRAMS.items():
        path = shutil.which(program)
        yield Check(f"{program}, for {purpose}", "good" if path else "missing", path or "not installed", "" if path else fix)


def _found() -> Iterator[Check]:
    yield Check("python-can interfaces", "good", ", ".join(interfaces()))
    there = adapters()
    if not there:
        fix = "plug one in (SocketCAN: sudo ip link set can0 up type can bitrate 250000); serial ones are named by --channel"
        yield Check("adapters found", "missing", "none", fix)
    for one in there:
        yield Check("adapter", "good", f"--interface {one.interface} --channel {one.channel}")


def _clock() -> Iterator[Check]:
    clock = time.get_clock_info("monotonic")
    yield Check(
        "monotonic clock",
        "good" if clock.resolution <= 1e-6 else "poor",
        f"{clock.resolution * 1e9:.0f} ns, {clock.implementation}",
    )
    scheduler = getattr(os, "sched_getscheduler", None)
    if scheduler is not None:
        real_time = scheduler(0) in (os.SCHED_FIFO, os.SCHED_RR)
        fix = "" if real_time else "for tighter timing: sudo chrt --fifo 20 pilebench ... (and a machine that does nothing else)"
        yield Check("real-time priority", "good" if real_time else "missing", "yes" if real_time else "no", fix)


def _jitter(seconds: float) -> Check:
    """Waits for absolute deadlines every 10 ms, as the pacer does, and sees how late it wakes."""
    late, due = Lateness(), time.monotonic_ns() // 1000
    for _ in range(max(1, round(seconds * 1e6 / TICK_US))):
        due += TICK_US
        time.sleep(max(0.0, due / 1e6 - time.monotonic_ns() / 1e9))
        late.add(max(0, time.monotonic_ns() // 1000 - due))
    p99 = late.percentile_us(99)
    state = "good" if p99 <= GOOD_US else "poor" if p99 > POOR_US else "missing"
    fix = "" if state == "good" else "end other programs, use a real-time priority, or --spin"
    return Check("waking up every 10 ms", state, f"late by p50 {late.percentile_us(50)}, p99 {p99}, max {late.max_us} µs", fix)


def _listen(choice: AdapterChoice, seconds: float) -> Iterator[Check]:
    """Hears what is on the bus, without saying anything."""
    link = open_to_listen(choice)
    count, known, end = 0, 0, time.monotonic() + seconds
    try:
        while (left := end - time.monotonic()) > 0:
            heard = link.recv(min(left, 0.1))
            if heard is not None:
                count += 1
                known += heard.frame.extended and (heard.frame.can_id >> 8 & 0xFF00) in GROUPS
    except LinkLost as lost:
        yield Check("adapter", "poor", f"lost while listening: {lost}", "check the cable of the adapter")
    finally:
        link.close()
    yield from _traffic(count, known, link.error_frames, link.state, seconds)


GROUPS: Final = frozenset(m.pgn for m in EDITIONS["2015"].messages.values() if m.pgn is not None)


def _traffic(count: int, known: int, errors: int, state: BusState, seconds: float) -> Iterator[Check]:
    if errors > count:
        fix = "another bit rate on the bus than --bitrate (GB/T 27930: 250000), or no termination: 60 Ω between CAN_H and CAN_L"
        yield Check("bit rate", "poor", f"{errors} errors, {count} frames in {seconds:g} s", fix)
    elif count < COUNT_LEAST:
        yield Check(
            "traffic", "missing", f"{count} frames in {seconds:g} s", "start the other side; a lone node is never acknowledged"
        )
    else:
        yield Check("traffic", "good", f"{count} frames in {seconds:g} s, {known} of them GB/T 27930")
    good = state in (BusState.ACTIVE, BusState.WARNING)
    yield Check(
        "our controller",
        "good" if good else "poor",
        state.value,
        "" if good else "wiring or termination: 60 Ω between CAN_H and CAN_L",
    )


def _print(checks: list[Check]) -> None:
    table = Table("", "what", "found", "what to do", box=None, header_style="bold", pad_edge=False)
    styles = {"good": "green", "missing": "yellow", "poor": "bold red"}
    for check in checks:
        table.add_row(f"[{styles[check.state]}]{check.state}[/]", check.what, check.found, check.fix)
    Console(highlight=False).print(table)
