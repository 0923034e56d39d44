"""Adapters that go and come back in the middle of a charge, in real processes."""

import itertools
import json
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from hil.live.slcan_emulator import Segment

DEMAND = 0x181056F4
SCRIPT = 'script=[{do="plug in"},{do="start",at_s=1},{do="vehicle stop",at_s=60,after="CHARGING"}]'
SIDES = ("pile", "vehicle")


def until(condition, timeout_s=5.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.002)


class Charge:
    """Both roles on two adapters whose ports have names that stay."""

    def __init__(self, folder):
        folder.mkdir()
        self.segment, self.names = Segment(2), [folder / side for side in SIDES]
        limits = folder / "limits.toml"
        limits.write_text("max_v = 500\nmax_a = 200\nmax_min = 10\n")
        for name, channel in zip(self.names, self.segment.channels, strict=True):
            name.symlink_to(channel)
        adapter = ["--interface", "slcan", "--bitrate", "250000", "--option", "sleep_after_open=0", "--limits", str(limits)]
        role = [sys.executable, "-c", "from hil.cli import main; main()", "hil"]
        changes = ["--arm", "--json", "--set", SCRIPT, "--set", "vehicle.soc_target_pct=80"]
        self.running = [
            subprocess.Popen(
                [*role, side, "short_charge", *changes, *adapter, "--channel", str(name), "--out", str(folder / f"of-{side}")],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            for side, name in zip(SIDES, self.names, strict=True)
        ]

    @property
    def over(self):
        return any(process.poll() is not None for process in self.running)

    def outage(self, index, lasts_s):
        """Pull adapter *index* for *lasts_s*; whether it was opened again before the charge was over."""
        self.names[index].unlink()
        self.segment.pull(index)
        time.sleep(lasts_s)
        self.names[index].symlink_to(self.segment.put(index))
        device = self.segment.devices[index]
        until(lambda: device.open or self.over)
        return device.open

    def told(self):
        return [json.loads(process.communicate(timeout=200)[0]) for process in self.running]

    def close(self):
        for process in self.running:
            process.kill()
        self.segment.close()


def keepers(charge):
    commands = [["pgrep", "-P", str(process.pid), "-f", "spawn_main"] for process in charge.running]
    return [int(subprocess.run(c, capture_output=True, text=True, check=True).stdout.split()[-1]) for c in commands]


def held(pid):
    """Open descriptors and threads of a process; none of one that is over."""
    return tuple(len(list(Path(f"/proc/{pid}").glob(f"{what}/*"))) for what in ("fd", "task"))


def charged_with_outages(folder, pause, most):
    """One charge with at most *most* outages from its first demand on; how many there were."""
    charge, done = Charge(folder), 0
    try:
        until(lambda: any(frame.can_id == DEMAND for frame in list(charge.segment.devices[1].sent)), 90.0)
        pids = keepers(charge)
        before = [held(pid) for pid in pids]
        while done < most and not charge.over:
            came_back = charge.outage(pause.randrange(2), pause.uniform(0.0, 0.05))
            done += 1
            time.sleep(pause.uniform(0.05, 0.2))
            if came_back and not charge.over:
                now = [held(pid) for pid in pids]
                assert all(a <= b for pair in zip(now, before, strict=True) for a, b in zip(*pair, strict=True)), (now, before)
        told = charge.told()
    finally:
        charge.close()
    for summary in told:
        states = [state for _, state, _ in summary["wire"]["states"]]
        back = sum(pair == ("opening", "active") for pair in itertools.pairwise(states)) - 1
        gaps = summary["wire"]["link"]["gaps"]
        assert summary["safe"] and states.count("lost") >= back
        assert len(gaps) in (back, back + 1) and all(end is not None for _, end in gaps[:back])
    return done


@pytest.mark.slow
def test_a_hundred_outages_end_in_recovery_or_in_the_safe_end_of_the_standard(tmp_path):
    """Each outage is told with begin and end, both sides end safely, and nothing leaks. A charge that the standard ends (three
    reconnections at most) is followed by another one.
    """
    pause, total = random.Random(2), 0
    for number in itertools.count():
        total += charged_with_outages(tmp_path / f"charge{number}", pause, 100 - total)
        if total >= 100:
            break
