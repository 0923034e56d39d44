"""A python-can program on a virtual bench: it hears what the log has, is heard, and can speak for a side."""

import time

import can
import pytest

from hil.build import build
from hil.links.pilebench_bus import PilebenchBus
from hil.scenario_files import load
from protocols.core.frame import Frame


def frames_of(bus, seconds):
    end, found = bus.bench.clock.now + seconds * 1e6, []
    while bus.bench.clock.now < end:
        message = bus.recv((end - bus.bench.clock.now) / 1e6)
        if message is not None:
            found.append(
                (round(message.timestamp * 1e6), Frame(message.arbitration_id, bytes(message.data), message.is_extended_id))
            )
    return found


def test_a_program_hears_the_whole_charge_as_the_log_has_it():
    """The reference run has a silent node as well: it acknowledges what a pile alone repeats without end."""
    scenario = load("short_charge")
    bench = build(scenario, scenario.seed)
    bench.bus.attach("program", lambda *_: None)
    bench.run(25_000_000)

    with PilebenchBus("short_charge") as bus:
        heard = frames_of(bus, 20)

    logged = list(bench.trace.log())
    assert len(heard) > 200 and heard == logged[: len(heard)]


def test_what_it_sends_is_on_the_bus_and_others_hear_it():
    with PilebenchBus("short_charge") as bus:
        bus.send(can.Message(arbitration_id=0x18FECA31, data=b"\x01\x02"))
        bus.recv(1.0)

        assert Frame(0x18FECA31, b"\x01\x02") in [frame for _, frame in bus.bench.trace.log()]


def test_a_program_in_the_vehicles_place_answers_the_pile():
    with PilebenchBus("short_charge", side="vehicle") as bus:
        message = None
        while message is None or message.arbitration_id != 0x1826F456:
            message = bus.recv(5.0)
        bus.send(can.Message(arbitration_id=0x182756F4, data=(4100).to_bytes(2, "little")))
        frames_of(bus, 10)

        said = [frame.can_id for _, frame in bus.bench.trace.log() if frame.can_id & 0xFF == 0xF4]
        assert said == [0x182756F4] and any(frame.can_id == 0x1801F456 for _, frame in bus.bench.trace.log())


def test_at_the_pace_of_the_wall_clock_waiting_takes_as_long_as_it_says():
    with PilebenchBus("short_charge", pace="wall") as bus:
        began = time.monotonic()
        assert bus.recv(0.3) is None
        assert 0.29 < time.monotonic() - began < 1.0 and bus.bench.clock.now == pytest.approx(300_000, abs=10_000)


@pytest.mark.parametrize(
    ("channel", "options", "words"),
    [
        ("no_such", {}, "no scenario 'no_such'"),
        ("charge", {"pace": "fast"}, "pace = 'fast'"),
        ("charge", {"side": "grid"}, "side = 'grid'"),
    ],
)
def test_nonsense_is_refused_as_python_can_refuses(channel, options, words):
    with pytest.raises(can.CanInitializationError, match=words):
        PilebenchBus(channel, **options)


def test_python_can_finds_it_by_name():
    with can.Bus(interface="pilebench", channel="short_charge") as bus:
        assert bus.recv(2.0).arbitration_id == 0x1826F456
