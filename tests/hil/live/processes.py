"""Benches in processes of their own on emulated serial adapters, for the tests of the safety matrix."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress

from hil.live.allow import safe_end
from hil.live.slcan_emulator import Device
from protocols.core.frame import Frame
from protocols.gbt27930.editions import EDITIONS

DEAD_MAN_S = 0.2
MEASURED_S = 0.005
"""What the measurement adds: the way through the pty, and the emulator's thread that wakes up and looks at the clock."""
ADAPTER = ["--interface", "slcan", "--bitrate", "250000", "--option", "sleep_after_open=0"]
RUN = "from hil.cli import main; main()"


class TimedDevice(Device):
    """Notes when each frame of `sent` came (s)."""

    def __init__(self):
        super().__init__()
        self.times = []

    def commands(self):
        frames = super().commands()
        self.times += [time.monotonic()] * len(frames)
        return frames


STARTED = []
"""Everything that `end_all` has to end."""


class Bench:
    """A role in a process of its own, on the first of two adapters; the second one hears everything."""

    def __init__(self, segment, side, out, *more, code=RUN, index=0):
        play = [side, "short_charge", "--out", str(out)]
        self._begin(segment.devices[index], side, [*play, "--channel", segment.channels[index], *more], code)

    @classmethod
    def replaying(cls, segment, side, recording, *more):
        """`hil replay` of *side* of *recording*."""
        bench = cls.__new__(cls)
        command = ["replay", str(recording), "--side", side, "--channel", segment.channels[0], *more]
        bench._begin(segment.devices[0], side, command)
        return bench

    @classmethod
    def between(cls, near, far, out, *more):
        """`hil between`, the pile on the segment *near* and the vehicle on *far*."""
        bench = cls.__new__(cls)
        channels = ["--channel", near.channels[0], "--vehicle-channel", far.channels[0]]
        bench._begin(far.devices[0], "between", ["between", *channels, "--out", str(out), *more])
        return bench

    def _begin(self, device, side, command, code=RUN):
        self.device, self.side = device, side
        self.process = subprocess.Popen(
            [sys.executable, "-c", code, "hil", *command, "--json", *ADAPTER],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip
        STARTED.append(self.process)

    @property
    def frames(self):
        return list(self.device.sent)

    def keeper(self):
        """The process that holds the adapter."""
        children = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", "spawn_main"], capture_output=True, text=True, check=True
        )
        return int(children.stdout.split()[-1])

    def said(self):
        """What it has printed, and its end."""
        os.killpg(self.process.pid, signal.SIGKILL)
        return self.process.communicate()

    def ended(self, timeout_s=20):
        try:
            return self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise


def end_frame(side):
    return safe_end(side, EDITIONS["2015"])


def first_end_after(bench, began):
    """Seconds from *began* to the first frame of the safe end, less what the machine woke us too late in the meantime at worst.

    The dead man's 200 ms are promised for a processor that is there; other tests of the suite run beside this one.
    """
    late_s = 0.0
    while end_frame(bench.side) not in bench.device.sent:
        asleep_s = time.monotonic()
        assert asleep_s - began < 10, "no safe end came"
        time.sleep(0.002)
        late_s = max(late_s, time.monotonic() - asleep_s - 0.002)
    time.sleep(0.01)
    took_s = bench.device.times[bench.device.sent.index(end_frame(bench.side))] - began
    print(f"{took_s * 1e3:.1f} ms, the machine up to {late_s * 1e3:.1f} ms late")
    return took_s - late_s


SIGNALS = {
    "ctrl-c twice": signal.SIGINT,
    "terminated": signal.SIGTERM,
    "terminal closed": signal.SIGHUP,
    "killed": signal.SIGKILL,
}


def awake(segment, side):
    """A vehicle speaks once a pile has said CHM."""
    if side == "vehicle":
        for _ in range(3):
            segment.devices[0].deliver(Frame(0x1826F456, bytes((1, 1, 0))))
            time.sleep(0.25)


def speaking(segment, side, out, *more, code=RUN):
    bench = Bench(segment, side, out, "--arm", *more, code=code)
    until_it_speaks(bench, segment)
    return bench


def until_it_speaks(bench, segment):
    end = time.monotonic() + 60
    while not bench.device.sent:
        assert time.monotonic() < end and bench.process.poll() is None, bench.said()
        if bench.device.open:
            awake(segment, bench.side)
        time.sleep(0.01)
    time.sleep(0.3)


def assert_safe_and_silent(bench, said_before):
    time.sleep(0.8)
    frames = bench.frames
    first = frames.index(end_frame(bench.side))
    assert first >= said_before and set(frames[first:]) == {end_frame(bench.side)} and len(frames) - first >= 10
    time.sleep(0.3)
    assert bench.frames == frames


def end_all():
    """Whatever a failed test has left behind must not hold an adapter that the next one gets."""
    for process in STARTED:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()
    STARTED.clear()
