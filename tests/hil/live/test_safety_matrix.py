"""Every way in which a bench can end, in real processes on emulated serial adapters: what is on the wire then.

Armed: the last frames are the safe end of the role, the first of them within 200 ms of what happened. Not armed: not one frame.
"""

import importlib.util
import os
import signal
import time
from pathlib import Path

import pytest

from hil.live.slcan_emulator import Segment

_spec = importlib.util.spec_from_file_location("processes", Path(__file__).with_name("processes.py"))
processes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(processes)

pytestmark = pytest.mark.slow
ROLES = pytest.mark.parametrize("side", ["pile", "vehicle"])
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


@pytest.fixture
def segment():
    found = Segment(2, make=processes.TimedDevice)
    yield found
    processes.end_all()
    found.close()


@ROLES
@pytest.mark.parametrize("how", processes.SIGNALS)
def test_a_signal_ends_it_safely(segment, tmp_path, side, how):
    bench = processes.speaking(segment, side, tmp_path)
    said, began = len(bench.frames), time.monotonic()
    bench.process.send_signal(processes.SIGNALS[how])
    if how == "ctrl-c twice":
        time.sleep(0.2)
        bench.process.send_signal(signal.SIGINT)
    took_s = processes.first_end_after(bench, began)
    bench.ended()

    if how != "ctrl-c twice":  # the first one only orders the end
        assert took_s <= processes.DEAD_MAN_S + processes.MEASURED_S
    processes.assert_safe_and_silent(bench, said)


@ROLES
def test_a_bench_that_hangs_is_ended_safely(segment, tmp_path, side):
    bench = processes.speaking(segment, side, tmp_path)
    said, began = len(bench.frames), time.monotonic()
    bench.process.send_signal(signal.SIGSTOP)
    took_s = processes.first_end_after(bench, began)
    processes.assert_safe_and_silent(bench, said)
    bench.process.send_signal(signal.SIGCONT)
    _, stderr = bench.ended()

    assert took_s <= processes.DEAD_MAN_S + processes.MEASURED_S
    assert bench.process.returncode == 2 and ("no sign of life" in stderr or "keeper is gone" in stderr)


@ROLES
def test_a_bug_of_the_bench_is_ended_safely(segment, tmp_path, side):
    bench = processes.Bench(segment, side, tmp_path, "--arm", code=BROKEN)
    end = time.monotonic() + 60
    while bench.process.poll() is None and time.monotonic() < end:
        if bench.device.open and not bench.device.sent:
            processes.awake(segment, side)
        time.sleep(0.01)
    _, stderr = bench.ended()

    assert "a bug of the bench" in stderr
    if bench.frames:
        assert bench.frames[-1] == processes.end_frame(side)


@ROLES
def test_without_its_keeper_nothing_is_sent_any_more_and_the_bench_says_so(segment, tmp_path, side):
    bench = processes.speaking(segment, side, tmp_path)
    os.kill(bench.keeper(), signal.SIGKILL)
    time.sleep(0.2)
    said = len(bench.frames)
    _, stderr = bench.ended()

    assert len(bench.frames) == said and bench.process.returncode == 2 and "the keeper is gone" in stderr


@ROLES
def test_the_operator_who_lets_go_ends_it_safely(segment, tmp_path, side):
    bench = processes.speaking(segment, side, tmp_path, "--deadman", "60")
    said = len(bench.frames)
    bench.process.stdin.close()
    bench.process.stdin = None
    processes.first_end_after(bench, time.monotonic())
    bench.ended()

    processes.assert_safe_and_silent(bench, said)


@ROLES
def test_values_beyond_the_limits_never_go_out(segment, tmp_path, side):
    """The vehicle's first frame (BHM) is refused, so that there is nothing to end; the pile's first (CHM) has no such value."""
    limits = tmp_path / "limits.toml"
    limits.write_text("max_v = 300\nmax_a = 1\nmax_min = 1\n")
    bench = processes.Bench(segment, side, tmp_path / "out", "--arm", "--limits", str(limits), "--set", "duration_s=8")
    while bench.process.poll() is None:
        if bench.device.open:
            processes.awake(segment, side)
        time.sleep(0.05)
    _, stderr = bench.ended()

    if side == "pile":
        assert bench.frames[-1] == processes.end_frame(side) and bench.frames[0].can_id == 0x1826F456
    else:
        assert bench.frames == [] and "BHM.voltage_max_v" in stderr and "max_v = 300 V" in stderr


@ROLES
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL, signal.SIGSTOP])
def test_not_armed_nothing_is_ever_sent(segment, tmp_path, side, number):
    bench = processes.Bench(segment, side, tmp_path)
    end = time.monotonic() + 60
    while not segment.devices[0].open:
        assert time.monotonic() < end
        time.sleep(0.01)
    processes.awake(segment, side)
    time.sleep(1.0)
    bench.process.send_signal(number)
    time.sleep(0.5)
    os.killpg(bench.process.pid, signal.SIGKILL)
    bench.process.communicate()

    assert segment.devices[0].listens_only and bench.frames == [] and segment.frames == 0
