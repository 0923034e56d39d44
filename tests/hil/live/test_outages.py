"""Adapters that go and come back in the middle of a charge."""

import itertools
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hil.live.slcan_emulator import Segment


def until(condition, timeout_s=5.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.001)


@pytest.mark.slow
def test_a_charge_survives_its_adapter_being_pulled_a_hundred_times(tmp_path):
    """Both roles in their processes, both adapters pulled and put back at random moments of the charge: each outage is told with
    begin and end, both sides end safely, and the keepers have as many descriptors and threads as before.
    """
    pause, segment = random.Random(2), Segment(2)
    names = [tmp_path / "ttyPILE", tmp_path / "ttyCAR"]
    script = 'script=[{do="plug in"},{do="start",at_s=1},{do="vehicle stop",at_s=75,after="CHARGING"}]'
    sides = ("pile", "vehicle")
    limits = tmp_path / "limits.toml"
    limits.write_text("max_v = 500\nmax_a = 200\nmax_min = 10\n")
    for name, channel in zip(names, segment.channels, strict=True):
        name.symlink_to(channel)
    running = [
        subprocess.Popen(
            [sys.executable, "-c", "from hil.cli import main; main()", "hil", side, "short_charge", "--arm", "--json",
             "--limits", str(limits), "--interface", "slcan", "--channel", str(name), "--bitrate", "250000", "--option", "sleep_after_open=0",
             "--set", script, "--set", "vehicle.soc_target_pct=80", "--out", str(tmp_path / side)],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )
        for side, name in zip(sides, names, strict=True)
    ]  # fmt: skip
    until(lambda: any(frame.can_id == 0x181056F4 for frame in segment.devices[1].sent), 90.0)  # the first demand
    keepers = [int(children(process.pid)[-1]) for process in running]
    resources = [held(pid) for pid in keepers]
    for _ in range(100):
        index = pause.randrange(2)
        names[index].unlink()
        segment.pull(index)
        time.sleep(pause.uniform(0.0, 0.15))
        names[index].symlink_to(segment.put(index))
        device = segment.devices[index]
        until(lambda device=device: device.open, 5.0)
        time.sleep(pause.uniform(0.05, 0.35))
    assert [held(pid) for pid in keepers] == resources
    told = [json.loads(process.communicate(timeout=200)[0]) for process in running]
    segment.close()

    outages = 0
    for summary in told:
        states = [state for _, state, _ in summary["wire"]["states"]]
        lost, back = states.count("lost"), sum(a == "opening" and b == "active" for a, b in itertools.pairwise(states)) - 1
        gaps = summary["wire"]["link"]["gaps"]
        assert summary["safe"] and lost >= back == len(gaps) and all(end is not None for _, end in gaps)
        outages += back
    assert outages == 100


def children(pid):
    found = subprocess.run(["pgrep", "-P", str(pid), "-f", "spawn_main"], capture_output=True, text=True, check=True)
    return found.stdout.split()


def held(pid):
    """Open descriptors and threads of a process."""
    return tuple(sum(1 for _ in Path(f"/proc/{pid}/{what}").iterdir()) for what in ("fd", "task"))
