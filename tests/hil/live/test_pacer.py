"""The model keeps the pace of the wall clock, hears the wire while it waits, and says how well it did."""

import gc
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.clock import NEVER, Clock
from hil.build import build
from hil.links.link import Heard, host_us
from hil.live.certificate import Certificate, Lateness
from hil.live.pacer import PULSE_US, Pacer
from hil.scenario_files import load
from protocols.core.frame import Frame


class Ticks:
    """A part of the clock that wants to act every *period_us*."""

    def __init__(self, period_us):
        self.period_us, self.due, self.walls = period_us, period_us, []

    def tick(self, now):
        self.walls.append(host_us())
        self.due = now + self.period_us


class Wire:
    """A link that delivers one frame at `arrives`, if that is set, then nothing."""

    def __init__(self):
        self.arrives = None
        self.sent, self.longest_s = [], 0.0

    def recv(self, timeout_s):
        self.longest_s = max(self.longest_s, timeout_s)
        end = time.monotonic() + timeout_s
        if self.arrives is not None and self.arrives <= end:
            time.sleep(max(0.0, self.arrives - time.monotonic()))
            self.arrives = None
            return Heard(Frame(0x123, b"\x01", False), host_us())
        time.sleep(timeout_s)
        return None

    def send(self, frame):
        self.sent.append(frame)


def paced(ticks, wire, heard=lambda *_: None, **options):
    clock = Clock()
    clock.add(ticks)
    return clock, Pacer(clock, wire, heard, **options)


def test_ticks_come_at_their_moments_of_the_wall_clock_and_do_not_drift():
    ticks = Ticks(10_000)
    clock, pacer = paced(ticks, Wire())

    pacer.run(500_000)

    late = [at - pacer.begin_us - 10_000 * number for number, at in enumerate(ticks.walls, 1)]
    assert len(ticks.walls) == 50 and clock.now == 500_000
    assert min(late) >= 0 and sorted(late)[25] < 50_000
    assert pacer.certificate.steps.count >= 50 and pacer.certificate.steps.max_us >= max(late) - 1_000


def test_a_frame_is_heard_while_the_model_waits():
    heard = []
    wire = Wire()
    clock, pacer = paced(Ticks(NEVER), wire, lambda frame, now: heard.append((frame, now)))
    wire.arrives = time.monotonic() + 0.03

    pacer.run(400_000)

    ((frame, now),) = heard
    assert frame == Frame(0x123, b"\x01", False) and 25_000 <= now < 400_000
    assert pacer.certificate.answers.count == 1 and clock.now == 400_000


def test_it_shows_that_it_lives_while_nothing_happens():
    pulses, wire = [], Wire()
    _, pacer = paced(Ticks(NEVER), wire, pulse=lambda: pulses.append(host_us()))

    pacer.run(200_000)

    assert len(pulses) >= 200_000 // PULSE_US and wire.longest_s <= PULSE_US / 1e6


def test_what_is_sent_is_measured_against_when_it_was_due():
    wire = Wire()
    _, pacer = paced(Ticks(NEVER), wire)

    pacer.send(Frame(1, b"", False), pacer.now() - 3_000)

    assert len(wire.sent) == 1 and 3_000 <= pacer.certificate.frames.max_us < 1_000_000


@pytest.mark.parametrize("spin_us", [-1, 10_001])
def test_a_spin_that_makes_no_sense_is_refused(spin_us):
    with pytest.raises(ValueError, match="spin_us"):
        paced(Ticks(NEVER), Wire(), spin_us=spin_us)


@given(st.lists(st.integers(0, 9_000_000), min_size=1, max_size=200), st.floats(1, 100))
def test_a_percentile_is_exact_within_a_class(lates, percent):
    measured = Lateness()
    for late in lates:
        measured.add(late)

    exact = sorted(lates)[max(0, -(-len(lates) * percent // 100).__int__() - 1)] if percent < 100 else max(lates)
    assert exact <= measured.percentile_us(percent) <= max(1.13 * exact + 1, 1)
    assert measured.max_us == max(lates) and measured.count == len(lates)


def test_a_difference_finer_than_the_certificate_is_inconclusive():
    certificate = Certificate()
    for _ in range(1000):
        certificate.frames.add(200)
    certificate.answers.add(5_000)

    assert certificate.resolution_us == 5_000
    assert not certificate.conclusive(4_000) and certificate.conclusive(6_000)
    assert certificate.plain()["frames"]["p99_us"] >= 200


def test_a_later_collection_does_not_look_through_what_was_built_before():
    paced(Ticks(NEVER), Wire())

    assert gc.get_freeze_count() > 1_000 and len(gc.get_objects()) < gc.get_freeze_count()


LOST_BCL = 'faults=[{where="wire/BCL",kind="drop",after="CHARGING",at_s=3.0}]'
RUNS = {
    "a whole charge": [],
    "the averaged power stage": ["pile.level=averaged", "vehicle.soc_target_pct=50.1"],
    "the demands get lost": [LOST_BCL],
}


@pytest.mark.slow
@pytest.mark.parametrize("how", RUNS)
def test_the_same_scenario_in_virtual_time_and_paced_gives_the_same_frames_at_the_same_times(how):
    """Whole runs, to the end of the charge. Frames have the model's times; the certificate says how late the steps were."""
    scenario = load("short_charge", RUNS[how])
    build(scenario, 1).run(20_000_000)  # kernels are compiled
    virtual, real = build(scenario, 1), build(scenario, 1)
    virtual.run(round(scenario.duration_s * 1e6))
    until_us = virtual.clock.now
    pacer = Pacer(real.clock, Wire(), lambda *_: None)
    pacer.run(until_us)

    assert list(real.trace.log()) == list(virtual.trace.log()) and len(real.trace) > 500
    assert host_us() - pacer.begin_us >= until_us > 15_000_000
    steps = pacer.certificate.steps
    assert steps.count > 500 and steps.percentile_us(50) < 5_000
    late = f"late p50 {steps.percentile_us(50)}, p99 {steps.percentile_us(99)} µs"
    print(f"{how}: {until_us / 1e6:.1f} s, {len(real.trace)} frames, {late}")
