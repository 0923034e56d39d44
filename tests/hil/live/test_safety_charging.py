"""What ends a bench in the middle of a charge, and how replay and the man in the middle end, in real processes."""

import importlib.util
import json
import os
import signal
import time
from pathlib import Path

import pytest

from hil.live.slcan_emulator import Segment
from hil.logfiles import write_candump
from hil.sides import OTHER
from protocols.core.frame import Frame
from protocols.gbt27930.messages import BCL, CCS

_spec = importlib.util.spec_from_file_location("processes", Path(__file__).with_name("processes.py"))
processes = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(processes)

pytestmark = pytest.mark.slow
ROLES = pytest.mark.parametrize("side", ["pile", "vehicle"])


@pytest.fixture
def segment():
    found = Segment(2, make=processes.TimedDevice)
    yield found
    processes.end_all()
    found.close()


# ---- in the middle of a charge -------------------------------------------------------------------------------------------

BCL_ID, CCS_ID = 0x181056F4, 0x1812F456
HIGH = {
    "vehicle": Frame(BCL_ID, BCL(voltage_v=380, current_a=399, mode=1).encode()),
    "pile": Frame(CCS_ID, CCS(voltage_v=380, current_a=399, elapsed_min=0, permitted=1).encode()),
}
FOREIGN = Frame(0x123, b"", False)
SLIPS = """
import hil.live.gateway as gateway
from protocols.core.frame import Frame
original, seen = gateway.Gateway._out, []
def out(self, frame, now):
    seen.append(frame.can_id in (0x181056F4, 0x1812F456))
    original(self, Frame({}) if sum(seen) == 20 and seen[-1] else frame, now)
gateway.Gateway._out = out
from hil.cli import main
main()
"""
"""The bench slips: instead of its 20th demand or status it says another frame."""
MID_CHARGE = {
    "a forbidden identifier": lambda bench, peer: None,
    "a current above the limits": lambda bench, peer: None,
    "the other side tells a current above the limits": lambda bench, peer: bench.device.deliver(HIGH[peer.side]),
    "the controller is error passive": lambda bench, peer: setattr(bench.device, "flags", 0x20),
    "the keeper is terminated": lambda bench, peer: os.kill(bench.keeper(), signal.SIGTERM),
}


def slip(how, side):
    wrong = {"a forbidden identifier": FOREIGN, "a current above the limits": HIGH[side]}.get(how)
    return processes.RUN if wrong is None else SLIPS.format(f"{wrong.can_id}, {wrong.data!r}, {wrong.extended}")


def charging(segment, side, out, *, code=processes.RUN, demands=10):
    """Both sides in processes of their own, so many demands and statuses into the charge; the one at the first adapter first."""
    limits = out / "limits.toml"
    limits.write_text("max_v = 1000\nmax_a = 300\nmax_min = 5\n")
    more = "--arm", "--limits", str(limits)
    bench = processes.Bench(segment, side, out / side, *more, code=code)
    peer = processes.Bench(segment, OTHER[side], out / OTHER[side], *more, index=1)
    end = time.monotonic() + 90
    while any(sum(frame.can_id in (BCL_ID, CCS_ID) for frame in list(device.sent)) < demands for device in segment.devices):
        assert time.monotonic() < end and bench.process.poll() is None, bench.said()
        time.sleep(0.02)
    return bench, peer


@ROLES
@pytest.mark.parametrize("how", MID_CHARGE)
def test_in_the_middle_of_a_charge(segment, tmp_path, side, how):
    bench, peer = charging(segment, side, tmp_path, code=slip(how, side))
    said, began = len(bench.frames), time.monotonic()
    MID_CHARGE[how](bench, peer)
    took_s = processes.first_end_after(bench, began)
    _, stderr = bench.ended()
    os.killpg(peer.process.pid, signal.SIGKILL)
    peer.process.communicate()

    processes.assert_safe_and_silent(bench, said)
    assert FOREIGN not in bench.frames and HIGH[side] not in bench.frames and bench.process.returncode == 2
    if how in ("a forbidden identifier", "a current above the limits"):
        assert "forbidden" in stderr
    else:
        assert took_s <= processes.DEAD_MAN_S + processes.MEASURED_S


@ROLES
def test_a_charge_that_ends_in_order_leaves_silence(segment, tmp_path, side):
    bench, peer = charging(segment, side, tmp_path)
    told = [json.loads(one.ended(120)[0]) for one in (bench, peer)]
    frames = bench.frames
    time.sleep(0.3)

    assert [one["ended"] for one in told] == ["orderly", "orderly"] and bench.process.returncode == 0
    assert bench.frames == frames and processes.end_frame(side) not in frames


@ROLES
def test_a_second_one_on_the_adapter_is_refused_and_disturbs_nobody(segment, tmp_path, side):
    bench = processes.speaking(segment, side, tmp_path)
    for second in (processes.Bench(segment, side, tmp_path / "2", "--arm"), processes.Bench(segment, side, tmp_path / "3")):
        _, stderr = second.ended(60)
        assert second.process.returncode == 2 and "another pilebench" in stderr and len(stderr.strip().splitlines()) == 1
    assert bench.process.poll() is None, bench.said()
    said = len(bench.frames)
    processes.awake(segment, "vehicle")

    assert bench.device.open and not bench.device.listens_only and len(bench.frames) > said
    bench.process.kill()
    bench.ended()


# ---- replay and between --------------------------------------------------------------------------------------------------


def recording(folder):
    """Ten seconds of either side."""
    path = folder / "bus.log"
    says = [(10_000 * n, Frame(0x1826F456, bytes((1, 1, 0))) if n % 2 else Frame(BCL_ID, bytes(5))) for n in range(1000)]
    write_candump(path, iter(says))
    return path


LEAVING = {**processes.SIGNALS, "ctrl-c": signal.SIGINT, "hangs": signal.SIGSTOP}
del LEAVING["ctrl-c twice"]


@ROLES
@pytest.mark.parametrize("how", LEAVING)
def test_a_replay_ends_safely(segment, tmp_path, side, how):
    bench = processes.Bench.replaying(segment, side, recording(tmp_path), "--arm")
    processes.until_it_speaks(bench, segment)
    said, began = len(bench.frames), time.monotonic()
    bench.process.send_signal(LEAVING[how])
    took_s = processes.first_end_after(bench, began)

    assert took_s <= processes.DEAD_MAN_S + processes.MEASURED_S
    processes.assert_safe_and_silent(bench, said)
    bench.process.kill()
    bench.ended()


@ROLES
def test_a_replay_that_is_not_armed_says_nothing(segment, tmp_path, side):
    bench = processes.Bench.replaying(segment, side, recording(tmp_path), "--speed", "10")
    bench.ended(60)

    assert bench.frames == [] and bench.device.listens_only and bench.process.returncode == 0


def demands(segment, count):
    """The pile's statuses arrive at the man in the middle, one every 10 ms."""
    for _ in range(count):
        segment.devices[0].deliver(Frame(CCS_ID, CCS(voltage_v=380, current_a=20, elapsed_min=0, permitted=1).encode()))
        time.sleep(0.01)


@pytest.mark.parametrize("armed", [True, False])
@pytest.mark.parametrize("how", LEAVING)
def test_nothing_passes_any_more_once_the_man_in_the_middle_has_gone(segment, tmp_path, armed, how):
    """He has no keeper and says nothing of his own: both sides hear nothing, and end by their own limits."""
    far = Segment(1, make=processes.TimedDevice)
    bench = processes.Bench.between(segment, far, tmp_path, *["--arm"] * armed)
    assert "between the pile on" in bench.process.stderr.readline()
    time.sleep(0.3)
    demands(segment, 30)
    time.sleep(0.05)
    passed = len(bench.frames)
    bench.process.send_signal(LEAVING[how])
    time.sleep(processes.DEAD_MAN_S if how in ("hangs", "killed") else 0.5)
    left = bench.frames
    demands(segment, 30)
    if how == "hangs":
        bench.process.send_signal(signal.SIGCONT)
        time.sleep(0.5)
    if how == "hangs" and not armed:  # it listens on
        bench.process.kill()
    bench.ended()
    far.close()

    assert passed == len(left) == len(bench.frames) == (30 if armed else 0)
    assert segment.devices[0].sent == [] and (armed or segment.devices[0].listens_only)
