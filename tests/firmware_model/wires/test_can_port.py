"""Nodes that are plugged in and out, switched on and off."""

import pytest

from firmware_model.clock import NEVER
from firmware_model.wires.can_bus import CanBus
from firmware_model.wires.can_errors import ErrorState
from firmware_model.wires.can_frame import frame_bits
from protocols.core.frame import Frame

CHM = Frame(0x1826F456, bytes.fromhex("010100"))
CHM_US = frame_bits(CHM) * 4


class Pair:
    def __init__(self, *, meter=True):
        self.bus = CanBus()
        self.heard = []
        self.failed = []
        self.pile = self.bus.attach("pile", lambda frame, now: None, tx_depth=4)
        self.car = self.bus.attach("car", lambda frame, now: self.heard.append((now, frame)), tx_depth=4)
        if meter:
            self.meter = self.bus.attach("meter", lambda frame, now: None)
        self.bus.tap_errors(lambda now, error: self.failed.append((now, error)))

    def run(self, until):
        while self.bus.due <= until:
            self.bus.tick(self.bus.due)


@pytest.mark.parametrize("off", ["detach", "power_down"])
def test_a_node_off_the_wire_neither_receives_nor_acknowledges(off):
    pair = Pair(meter=False)
    getattr(pair.car, off)(0)

    pair.pile.send(CHM, 10)
    pair.run(until=5000)

    assert pair.heard == []
    assert pair.bus.frames == 0
    assert pair.pile.tec > 0


@pytest.mark.parametrize("off, on", [("detach", "attach"), ("power_down", "power_up")])
def test_a_node_back_on_the_wire_receives_again(off, on):
    pair = Pair()
    getattr(pair.car, off)(0)
    pair.pile.send(CHM, 10)
    pair.run(until=5000)
    getattr(pair.car, on)(5000)

    pair.pile.send(CHM, 6000)
    pair.run(until=10_000)

    assert [now for now, _ in pair.heard] == [6000 + CHM_US - 12]


@pytest.mark.parametrize("off, on", [("detach", "attach"), ("power_down", "power_up")])
def test_a_frame_under_way_passes_by_the_node_that_comes_late(off, on):
    pair = Pair()
    getattr(pair.car, off)(0)
    pair.pile.send(CHM, 10)
    getattr(pair.car, on)(200)
    pair.pile.send(Frame(0x100, b""), 300)

    pair.run(until=5000)

    assert [frame for _, frame in pair.heard] == [Frame(0x100, b"")]


def test_a_node_that_leaves_during_a_frame_does_not_get_it():
    pair = Pair()
    pair.pile.send(CHM, 0)
    pair.run(until=100)
    pair.car.detach(100)

    pair.run(until=5000)

    assert pair.heard == []
    assert pair.bus.frames == 1


def test_an_unplugged_node_keeps_its_frames_and_sends_them_when_it_is_back():
    pair = Pair()
    pair.pile.detach(0)
    pair.pile.send(CHM, 10)
    pair.run(until=1000)

    pair.pile.attach(1000)
    pair.run(until=5000)

    # Eleven recessive bits come first.
    assert pair.heard == [(1000 + 44 + CHM_US - 12, CHM)]


def test_an_unpowered_node_takes_no_frames_and_forgets_those_it_had():
    pair = Pair()
    pair.pile.send(CHM, 0)
    pair.pile.power_down(0)

    taken = pair.pile.send(CHM, 10)
    pair.pile.power_up(100)
    pair.run(until=5000)

    assert not taken
    assert pair.heard == []
    assert pair.pile.pending == 0


def test_a_sender_unplugged_in_the_middle_breaks_its_frame_and_sends_it_again_later():
    pair = Pair()
    pair.pile.send(CHM, 0)
    pair.run(until=100)

    pair.pile.detach(100)
    pair.run(until=1000)
    broken = list(pair.heard)
    pair.pile.attach(1000)
    pair.run(until=3000)

    assert broken == []
    assert [error.sender for _, error in pair.failed] == ["pile"]
    assert pair.failed[0][0] == 100 + 6 * 4 + 4
    assert [frame for _, frame in pair.heard] == [CHM]


def test_after_a_broken_frame_the_others_wait_for_the_error_frame():
    pair = Pair()
    pair.pile.send(CHM, 0)
    pair.run(until=100)
    pair.pile.power_down(100)
    pair.car.send(Frame(0x100, b""), 101)
    ends = []
    pair.bus.tap(lambda now, frame, name: ends.append(now))

    pair.run(until=3000)

    # Bit 25 was the last; the sixth recessive bit after it is 31; flag 6, delimiter 8, intermission 3.
    assert ends == [(32 + 17 + frame_bits(Frame(0x100, b"")) - 3) * 4]


@pytest.mark.parametrize("bits_before_end, taken", [(8, True), (12, False)])
def test_a_sender_unplugged_behind_the_acknowledge_slot_has_sent_its_frame(bits_before_end, taken):
    pair = Pair(meter=False)
    pair.pile.send(CHM, 0)
    leave = CHM_US - 12 - bits_before_end * 4
    pair.run(until=leave)

    pair.pile.detach(leave)
    pair.run(until=5000)

    assert bool(pair.heard) is taken
    assert [now for now, _ in pair.failed] == ([] if taken else [CHM_US - 12 - 7 * 4])  # behind the acknowledge delimiter
    assert pair.pile.pending == (0 if taken else 1)


def test_leaving_before_the_start_of_frame_is_over_leaves_the_bus_to_the_next():
    pair = Pair()
    pair.pile.send(Frame(0x100, b""), 0)
    pair.meter.send(CHM, 0)

    pair.pile.detach(2)
    pair.run(until=5000)

    assert pair.failed == []
    assert [frame for _, frame in pair.heard] == [CHM]


def test_reset_clears_mailboxes_and_counters():
    pair = Pair(meter=False)
    pair.car.detach(0)
    pair.pile.send(CHM, 0)
    pair.run(until=20_000)
    before = pair.pile.state

    pair.pile.reset(20_000)

    assert before is ErrorState.PASSIVE
    assert (pair.pile.tec, pair.pile.state, pair.pile.pending) == (0, ErrorState.ERROR_ACTIVE, 0)


def test_an_idle_bus_is_never_due():
    pair = Pair()
    pair.pile.send(CHM, 0)
    pair.run(until=5000)

    assert pair.bus.due == NEVER
