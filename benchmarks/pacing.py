"""How well a paced bench keeps time, answers, and listens, beside python-can's own periodic sending in the same run.

Three messages (10, 50 and 250 ms) are sent for a while by our pacer and by python-can's `send_periodic` at the same time, each in
a process of its own on python-can's virtual bus, and stamped where the bus takes them. Then our pile charges a vehicle's session
on the virtual bus, and each of its answers to a request is timed. Last, a monitor reads, decodes and logs a serial adapter that
delivers as many frames as a full bus of 1 Mbit/s has. Exit code 1 if a budget is missed. ``--short``: less of it.
"""

import argparse
import multiprocessing
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple

import can
from can.interfaces.virtual import VirtualBus

from firmware_model.clock import Clock
from hil.build import build
from hil.links.adapter import Adapter, open_adapter
from hil.links.link import AdapterChoice, host_us
from hil.live.gateway import Gateway
from hil.live.livelog import LiveLog
from hil.live.monitor import listen
from hil.live.pacer import Pacer
from hil.live.shown import Shown
from hil.live.slcan_emulator import Device
from hil.live.supervisor import Supervisor
from hil.scenario_files import load
from protocols.core.frame import Frame
from protocols.gbt27930.bms import BmsSession
from protocols.gbt27930.bms_messages import BatteryReport
from protocols.gbt27930.bms_rules import BmsState

CM, RTS, CTS = 0xEC, 0x10, 0x11
PERIODS_US = (10_000, 50_000, 250_000)
DRIFT_MAX_US, CPU_MAX, ANSWER_MAX_US = 100, 0.15, 2_000
FULL_BUS_PER_S = 8_000
"""Frames of 8 bytes a second on a full bus of 1 Mbit/s."""
FRAMES = [Frame(0x181056F4, bytes((n, 14, 0xA0, 0x0F, 1))) for n in range(200)] + [
    Frame(0x1812F456, bytes((n, 14, 0x70, 0x0F, 0, 0, 0xFD))) for n in range(200)
]


class StampedBus(VirtualBus):
    """A virtual bus that notes when each identifier was handed to it (µs, monotonic)."""

    def __init__(self, channel: str) -> None:
        super().__init__(channel=channel)
        self.stamps: dict[int, list[int]] = {}

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        self.stamps.setdefault(msg.arbitration_id, []).append(host_us())
        super().send(msg, timeout)


class Beat:
    """A part of the clock that sends a frame every period."""

    def __init__(self, period_us: int, send: Callable[[int, int], None]) -> None:
        self.due, self._period_us, self._send = period_us, period_us, send

    def tick(self, now: int) -> None:
        self._send(self._period_us, now)
        self.due = now + self._period_us


class Result(NamedTuple):
    """Lateness over all messages (µs), the greatest drift of one (µs), and the share of a core."""

    p50_us: int
    p99_us: int
    max_us: int
    drift_us: int
    cpu: float
    frames: int


def judged(stamps: dict[int, list[int]], cpu: float) -> Result:
    """Lateness against the grid of a message's earliest frame; drift: how it changes from the first to the last tenth."""
    late, drifts = [], []
    for period_us in PERIODS_US:
        times = stamps[period_us]
        off = [at - n * period_us for n, at in enumerate(times)]
        late += [value - min(off) for value in off]
        tenth = max(1, len(off) // 10)
        drifts.append(abs(_median(off[-tenth:]) - _median(off[:tenth])))
    late.sort()
    return Result(late[len(late) // 2], late[int(0.99 * len(late))], late[-1], max(drifts), cpu, len(late))


def _median(values: list[int]) -> int:
    return sorted(values)[len(values) // 2]


def ours(line: Connection, seconds: float) -> None:
    """Our pacer, as it paces a bench."""
    bus = StampedBus("pacing ours")
    clock = Clock()
    pacer = Pacer(clock, Adapter(bus, silent=False), lambda *_: None)
    clock.add(*(Beat(period, lambda number, now: pacer.send(Frame(number, bytes(8)), now)) for period in PERIODS_US))
    began, cpu = time.monotonic(), time.process_time()
    pacer.run(round(seconds * 1e6))
    bus.shutdown()
    line.send((bus.stamps, (time.process_time() - cpu) / (time.monotonic() - began)))


def theirs(line: Connection, seconds: float) -> None:
    """python-can's periodic sending."""
    bus = StampedBus("pacing theirs")
    began, cpu = time.monotonic(), time.process_time()
    tasks = [
        bus.send_periodic(can.Message(arbitration_id=period, data=bytes(8), is_extended_id=True), period / 1e6)
        for period in PERIODS_US
    ]
    time.sleep(seconds)
    for task in tasks:
        task.stop()
    bus.shutdown()
    line.send((bus.stamps, (time.process_time() - cpu) / (time.monotonic() - began)))


def in_processes(seconds: float, *bodies: Callable[[Connection, float], None]) -> list[Result]:
    """What *bodies* measure, each in a process of its own, all at the same time: then a busy moment is the same for all."""
    context: Any = multiprocessing.get_context("spawn")
    lines = []
    for body in bodies:
        mine, its = multiprocessing.Pipe()
        context.Process(target=body, args=(its, seconds)).start()
        lines.append(mine)
    return [judged(*line.recv()) for line in lines]


class Peer:
    """A vehicle's session without a vehicle, in real time on the virtual bus: asks for transfers and times the answers."""

    def __init__(self, channel: str, battery: BatteryReport) -> None:
        self.found: list[int] = []
        self._bus = can.Bus(interface="virtual", channel=channel)
        self._session = BmsSession(host_us(), report=lambda _: battery)
        self._asked_us: int | None = None

    def live(self, seconds: float) -> None:
        """Take part for so long."""
        session, end = self._session, host_us() + seconds * 1e6
        session.wake(host_us())
        while (now := host_us()) < end:
            deadline = session.timers.deadline
            wait_s = 0.05 if deadline is None else min(0.05, max(0.0, (deadline - now) / 1e6))
            message = self._bus.recv(wait_s)
            if message is not None:
                self._hear(Frame(message.arbitration_id, bytes(message.data), message.is_extended_id))
            session.tick(host_us())
            if session.state is BmsState.PREPARING:
                session.prepared(host_us())
            for frame in session.frames():
                if frame.can_id >> 16 & 0xFF == CM and frame.data[0] == RTS:
                    self._asked_us = host_us()
                self._bus.send(can.Message(arbitration_id=frame.can_id, data=frame.data))
        self._bus.shutdown()

    def _hear(self, frame: Frame) -> None:
        if frame.can_id >> 16 & 0xFF == CM and frame.data[0] == CTS and self._asked_us is not None:
            self.found.append(host_us() - self._asked_us)
            self._asked_us = None
        self._session.receive(frame, host_us())


def answers_us(seconds: float) -> list[int]:
    """From each request of a transfer to the answer of our pile, which charges on the virtual bus."""
    scenario = load("short_charge", ["vehicle.soc_target_pct=80"])
    channel = "pacing answers"
    bench = build(scenario, 1)
    battery = bench.vehicle.monitor.report(0)
    peer = Peer(channel, battery._replace(demand_v=battery.voltage_v + 20.0, demand_a=20.0))
    link = open_adapter(AdapterChoice(interface="virtual", channel=channel, silent=False))
    thread = threading.Thread(target=peer.live, args=(seconds,))
    thread.start()
    Gateway(bench, "pile", link, armed=True).run(round(seconds * 1e6))
    thread.join()
    link.close()
    return sorted(peer.found)


def flood(line: Connection, seconds: float) -> None:
    """A serial adapter that delivers the frames of a full bus: says its name, waits to be opened, says how many it has sent."""
    device = Device()
    line.send(device.channel)
    while not device.open:
        device.commands()
        time.sleep(0.001)
    began, sent = time.monotonic(), 0
    while sent < seconds * FULL_BUS_PER_S:
        while sent < (time.monotonic() - began) * FULL_BUS_PER_S:
            device.deliver(FRAMES[sent % len(FRAMES)])
            sent += 1
        time.sleep(0.0005)
    line.send(sent)
    line.recv()
    device.close()


def monitored(seconds: float) -> tuple[int, int, int]:
    """Frames that were sent, heard, and logged."""
    mine, its = multiprocessing.Pipe()
    context: Any = multiprocessing.get_context("spawn")
    process = context.Process(target=flood, args=(its, seconds))
    process.start()
    channel = mine.recv()
    choice = AdapterChoice(interface="slcan", channel=channel, bitrate=1_000_000, options=(("sleep_after_open", "0"),))
    shown = Shown()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "bus.log"
        link = Supervisor(lambda: open_adapter(choice))
        with LiveLog(path) as log:
            heard, _ = listen(link, log, shown.take, seconds=seconds + 2.0, began_us=host_us(), show=lambda: None)
        link.close()
        logged = path.read_bytes().count(b"\n")
    sent = mine.recv()
    mine.send(None)
    process.join()
    return sent, heard, logged


def main() -> int:
    """Measure, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    seconds = 15.0 if parser.parse_args().short else 60.0
    reference, result = in_processes(seconds, theirs, ours)
    for name, r in (("python-can send_periodic", reference), ("pilebench pacer", result)):
        print(
            f"{name:26} {r.frames} frames late by p50 {r.p50_us}, p99 {r.p99_us}, max {r.max_us} us; "
            f"drift {r.drift_us} us, {r.cpu:.1%} of a core"
        )
    found = answers_us(max(45.0, seconds))
    p99_us = found[int(0.99 * len(found))] if found else -1
    sent, heard, logged = monitored(seconds if seconds > 30 else 10.0)
    rows = (
        (f"p99 lateness {result.p99_us} us, python-can's {reference.p99_us} us", result.p99_us <= reference.p99_us),
        (f"drift {result.drift_us} us, budget {DRIFT_MAX_US} us", result.drift_us < DRIFT_MAX_US),
        (f"processor {result.cpu:.1%} of a core, budget {CPU_MAX:.0%}", result.cpu < CPU_MAX),
        (f"{len(found)} answers, p99 {p99_us} us, budget {ANSWER_MAX_US} us", 0 < p99_us <= ANSWER_MAX_US),
        (f"full bus: {sent} frames sent, {heard} heard, {logged} logged", sent == heard == logged),
    )
    for words, held in rows:
        print(f"{words}: {'held' if held else 'MISSED'}")
    return 0 if all(held for _, held in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
