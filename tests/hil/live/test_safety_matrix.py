"""Every way in which a bench can end, in real processes on emulated serial adapters: what is on the wire then.

Armed: the last frames are the safe end of the role, the first of them within 200 ms of what happened. Not armed: not one frame.
"""

import os
import signal
import subprocess
import sys
import time

import pytest

from hil.live.allow import safe_end
from hil.live.slcan_emulator import Device, Segment
from protocols.core.frame import Frame
from protocols.gbt27930.editions import EDITIONS

pytestmark = pytest.mark.slow
DEAD_MAN_S = 0.2
MEASURED_S = 0.005
"""What the measurement adds: the way through the pty, and the emulator's thread that wakes up and looks at the clock."""
ADAPTER = ["--interface", "slcan", "--bitrate", "250000", "--option", "sleep_after_open=0"]
RUN = "from hil.cli import main; main()"
BROKEN = """
import hil.live.gateway as gateway
original, seen = gateway.Gateway.run, []
def run(self, until):
    seen.append(original(self, min(until, self.bench.clock.now + 2_000_000)))
    raise RuntimeError("a bug of the bench")
gateway.Gateway.run = run
from hil.cli import main
main()
"""


class TimedDevice(Device):
    """Notes when each frame of `sent` came (s)."""

    def __init__(self):
        super().__init__()
        self.times = []

    def commands(self):
        frames = super().commands()
        self.times += [time.monotonic()] * len(frames)
        return frames


class Bench:
    """A role in a process of its own, on the first of two adapters; the second one hears everything."""

    def __init__(self, segment, side, out, *more, code=RUN):
        self.device, self.side = segment.devices[0], side
        command = [sys.executable, "-c", code, "hil", side, "short_charge", "--channel", segment.channels[0], "--json"]
        self.process = subprocess.Popen(
            [*command, "--out", str(out), *ADAPTER, *more],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
        )  # fmt: skip

    @property
    def frames(self):
        return list(self.device.sent)

    def keeper(self):
        """The process that holds the adapter."""
        children = subprocess.run(
            ["pgrep", "-P", str(self.process.pid), "-f", "spawn_main"], capture_output=True, text=True, check=True
        )
        return int(children.stdout.split()[-1])

    def ended(self, timeout_s=20):
        try:
            return self.process.communicate(timeout=timeout_s)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            raise


def end_frame(side):
    return safe_end(side, EDITIONS["2015"])


def first_end_after(bench, began):
    """Seconds from *began* to the first frame of the safe end."""
    while end_frame(bench.side) not in bench.device.sent:
        assert time.monotonic() - began < 10, "no safe end came"
        time.sleep(0.002)
    time.sleep(0.01)
    took_s = bench.device.times[bench.device.sent.index(end_frame(bench.side))] - began
    print(f"{took_s * 1e3:.1f} ms")
    return took_s


@pytest.fixture
def segment():
    found = Segment(2, make=TimedDevice)
    yield found
    found.close()


SIGNALS = {
    "ctrl-c twice": signal.SIGINT,
    "terminated": signal.SIGTERM,
    "terminal closed": signal.SIGHUP,
    "killed": signal.SIGKILL,
}
ROLES = pytest.mark.parametrize("side", ["pile", "vehicle"])


def awake(segment, side):
    """A vehicle speaks once a pile has said CHM."""
    if side == "vehicle":
        for _ in range(3):
            segment.devices[0].deliver(Frame(0x1826F456, bytes((1, 1, 0))))
            time.sleep(0.25)


def speaking(segment, side, out, *more, code=RUN):
    bench = Bench(segment, side, out, "--arm", *more, code=code)
    end = time.monotonic() + 60
    while not bench.device.sent:
        assert time.monotonic() < end and bench.process.poll() is None, bench.process.communicate()
        if bench.device.open:
            awake(segment, side)
        time.sleep(0.01)
    time.sleep(0.3)
    return bench


def assert_safe_and_silent(bench, said_before):
    time.sleep(0.8)
    frames = bench.frames
    first = frames.index(end_frame(bench.side))
    assert first >= said_before and set(frames[first:]) == {end_frame(bench.side)} and len(frames) - first >= 10
    time.sleep(0.3)
    assert bench.frames == frames


@ROLES
@pytest.mark.parametrize("how", SIGNALS)
def test_a_signal_ends_it_safely(segment, tmp_path, side, how):
    bench = speaking(segment, side, tmp_path)
    said, began = len(bench.frames), time.monotonic()
    bench.process.send_signal(SIGNALS[how])
    if how == "ctrl-c twice":
        time.sleep(0.2)
        bench.process.send_signal(signal.SIGINT)
    took_s = first_end_after(bench, began)
    bench.ended()

    if how != "ctrl-c twice":  # the first one only orders the end
        assert took_s <= DEAD_MAN_S + MEASURED_S
    assert_safe_and_silent(bench, said)


@ROLES
def test_a_bench_that_hangs_is_ended_safely(segment, tmp_path, side):
    bench = speaking(segment, side, tmp_path)
    said, began = len(bench.frames), time.monotonic()
    bench.process.send_signal(signal.SIGSTOP)
    took_s = first_end_after(bench, began)
    assert_safe_and_silent(bench, said)
    bench.process.send_signal(signal.SIGCONT)
    _, stderr = bench.ended()

    assert took_s <= DEAD_MAN_S + MEASURED_S
    assert bench.process.returncode == 2 and ("no sign of life" in stderr or "keeper is gone" in stderr)


@ROLES
def test_a_bug_of_the_bench_is_ended_safely(segment, tmp_path, side):
    bench = Bench(segment, side, tmp_path, "--arm", code=BROKEN)
    end = time.monotonic() + 60
    while bench.process.poll() is None and time.monotonic() < end:
        if bench.device.open and not bench.device.sent:
            awake(segment, side)
        time.sleep(0.01)
    _, stderr = bench.ended()

    assert "a bug of the bench" in stderr
    if bench.frames:
        assert bench.frames[-1] == end_frame(side)


@ROLES
def test_without_its_keeper_nothing_is_sent_any_more_and_the_bench_says_so(segment, tmp_path, side):
    bench = speaking(segment, side, tmp_path)
    os.kill(bench.keeper(), signal.SIGKILL)
    time.sleep(0.2)
    said = len(bench.frames)
    _, stderr = bench.ended()

    assert len(bench.frames) == said and bench.process.returncode == 2 and "the keeper is gone" in stderr


@ROLES
def test_the_operator_who_lets_go_ends_it_safely(segment, tmp_path, side):
    bench = speaking(segment, side, tmp_path, "--deadman", "60")
    said = len(bench.frames)
    bench.process.stdin.close()
    bench.process.stdin = None
    first_end_after(bench, time.monotonic())
    bench.ended()

    assert_safe_and_silent(bench, said)


@ROLES
def test_values_beyond_the_limits_never_go_out(segment, tmp_path, side):
    """The vehicle's first frame (BHM) is refused, so that there is nothing to end; the pile's first (CHM) has no such value."""
    limits = tmp_path / "limits.toml"
    limits.write_text("max_v = 1\nmax_a = 1\nmax_min = 1\n")
    bench = Bench(segment, side, tmp_path / "out", "--arm", "--limits", str(limits), "--set", "duration_s=8")
    while bench.process.poll() is None:
        if bench.device.open:
            awake(segment, side)
        time.sleep(0.05)
    _, stderr = bench.ended()

    if side == "pile":
        assert bench.frames[-1] == end_frame(side) and bench.frames[0].can_id == 0x1826F456
    else:
        assert bench.frames == [] and "BHM.voltage_max_v" in stderr and "max_v = 1 V" in stderr


@ROLES
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGSTOP])
def test_not_armed_nothing_is_ever_sent(segment, tmp_path, side, number):
    bench = Bench(segment, side, tmp_path)
    end = time.monotonic() + 60
    while not segment.devices[0].open:
        assert time.monotonic() < end
        time.sleep(0.01)
    awake(segment, side)
    time.sleep(1.0)
    bench.process.send_signal(number)
    time.sleep(0.5)
    os.killpg(bench.process.pid, signal.SIGKILL)
    bench.process.communicate()

    assert segment.devices[0].listens_only and bench.frames == [] and segment.frames == 0
