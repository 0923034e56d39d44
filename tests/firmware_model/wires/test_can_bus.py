import hashlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_model.clock import NEVER, Clock
from firmware_model.wires.can_bus import CanBus
from firmware_model.wires.can_frame import frame_bits, rank
from protocols.core.errors import LocalError
from protocols.core.frame import Frame

BIT_US = 4
CHM = Frame(0x1826F456, bytes.fromhex("010100"))
BHM = Frame(0x182756F4, bytes.fromhex("7017"))


class Bench:
    """Nodes by name on one bus at 250 kbit/s, and what each of them heard."""

    def __init__(self, *names, bitrate=250_000, **options):
        self.bus = CanBus(bitrate)
        self.log = []
        self.heard = {name: [] for name in names}
        self.sent = {name: [] for name in names}
        self.ports = {name: self.attach(name, **options) for name in names}
        self.bus.tap(lambda now, frame, name: self.log.append((now, frame, name)))

    def attach(self, name, **options):
        def receive(frame, now):
            self.heard[name].append((now, frame))

        def on_sent(frame, now):
            self.sent[name].append((now, frame))

        return self.bus.attach(name, receive, on_sent=on_sent, **options)

    def run(self, until=NEVER - 1):
        while self.bus.due <= until:
            self.bus.tick(self.bus.due)

    def send(self, name, frame, now):
        self.run(until=now)
        return self.ports[name].send(frame, now)


def test_a_frame_arrives_with_the_last_bit_of_its_end_of_frame():
    bench = Bench("pile", "car", "meter")

    bench.send("pile", CHM, 1000)
    bench.run()

    end = 1000 + (frame_bits(CHM) - 3) * BIT_US
    assert bench.heard == {"pile": [], "car": [(end, CHM)], "meter": [(end, CHM)]}
    assert bench.sent["pile"] == [(end, CHM)]
    assert bench.log == [(end, CHM, "pile")]


@given(st.lists(st.builds(Frame, st.integers(0, 0x1FFFFFFF), st.binary(max_size=8), st.just(True)), min_size=1, max_size=20))
def test_frames_that_wait_follow_each_other_without_a_gap(frames):
    bench = Bench("pile", "car")
    for frame in frames:
        bench.send("pile", frame, 0)

    bench.run()

    ends, now = [], 0
    for frame in sorted(frames, key=rank):
        ends.append(now + (frame_bits(frame) - 3) * BIT_US)
        now += frame_bits(frame) * BIT_US
    assert [when for when, _, _ in bench.log] == ends


@pytest.mark.parametrize("bitrate, bit_us", [(125_000, 8), (500_000, 2), (1_000_000, 1)])
def test_the_bit_rate_sets_the_time(bitrate, bit_us):
    bench = Bench("pile", "car", bitrate=bitrate)

    bench.send("pile", CHM, 0)
    bench.run()

    assert bench.log[0][0] == (frame_bits(CHM) - 3) * bit_us


@pytest.mark.parametrize("bitrate", [0, -1, 300_000, 2_000_000])
def test_a_bit_that_is_no_whole_number_of_us_is_refused(bitrate):
    with pytest.raises(LocalError, match="bitrate"):
        CanBus(bitrate)


def test_two_nodes_may_not_have_one_name():
    bench = Bench("pile")
    with pytest.raises(LocalError, match="pile"):
        bench.attach("pile")


def test_a_frame_that_can_does_not_have_is_refused_at_once():
    bench = Bench("pile", "car")
    with pytest.raises(LocalError):
        bench.send("pile", Frame(0x1826F456, bytes(9)), 0)


@pytest.mark.parametrize("order", [("pile", "car", "meter"), ("meter", "car", "pile"), ("car", "meter", "pile")])
def test_the_lowest_identifier_wins_whoever_is_asked_first(order):
    bench = Bench("pile", "car", "meter")
    frames = {"pile": Frame(0x18000000, b"1"), "car": Frame(0x0C000000, b"2"), "meter": Frame(0x301, b"3", False)}

    for name in order:
        bench.send(name, frames[name], 0)
    bench.run()

    assert [name for _, _, name in bench.log] == ["car", "meter", "pile"]


def test_a_standard_frame_beats_the_extended_one_with_its_first_eleven_bits():
    bench = Bench("pile", "car", "meter")

    bench.send("pile", Frame(0x181 << 18, b""), 0)
    bench.send("car", Frame(0x181, b"", False), 0)
    bench.run()

    assert [name for _, _, name in bench.log] == ["car", "pile"]


@pytest.mark.parametrize("late_us, winner", [(0, "car"), (BIT_US - 1, "car"), (BIT_US, "pile")])
def test_a_frame_takes_part_until_the_start_of_frame_bit_is_over(late_us, winner):
    bench = Bench("pile", "car")

    bench.send("pile", Frame(0x18000000, b""), 100)
    bench.send("car", Frame(0x10000000, b""), 100 + late_us)
    bench.run()

    assert bench.log[0][2] == winner
    assert bench.log[0][0] == 100 + (frame_bits(bench.log[0][1]) - 3) * BIT_US


def test_a_reply_given_at_the_last_bit_competes_at_the_next_start_of_frame():
    bench = Bench("pile", "car")
    judge = bench.bus.attach("judge", lambda frame, now: judge.send(Frame(1, b""), now) if frame == CHM else None)

    bench.send("pile", CHM, 0)
    bench.send("pile", BHM, 0)
    bench.run()

    frames = [frame for _, frame, _ in bench.log]
    assert frames == [CHM, Frame(1, b""), BHM]
    assert bench.log[1][0] == (frame_bits(CHM) + frame_bits(Frame(1, b"")) - 3) * BIT_US


def test_mailboxes_send_the_lowest_identifier_first_and_equal_ones_in_order():
    bench = Bench("pile", "car")
    low, high = 0x10000000, 0x18000000

    for frame in [Frame(high, b"1"), Frame(high, b"2"), Frame(low, b"3"), Frame(high, b"4"), Frame(low, b"5")]:
        bench.send("pile", frame, 0)
    bench.run()

    assert [frame.data for _, frame, _ in bench.log] == [b"3", b"5", b"1", b"2", b"4"]


def test_a_full_mailbox_refuses_and_counts():
    bench = Bench("pile", "car", tx_depth=2)

    taken = [bench.send("pile", Frame(0x100, bytes([n])), 0) for n in range(4)]
    bench.run()

    assert taken == [True, True, False, False]
    assert bench.ports["pile"].refused == 2
    assert bench.ports["pile"].room == 2
    assert [frame.data for _, frame, _ in bench.log] == [b"\0", b"\1"]


def test_a_more_urgent_frame_that_comes_during_a_transmission_waits_for_its_end():
    bench = Bench("pile", "car")

    bench.send("pile", CHM, 0)
    bench.send("pile", Frame(1, b""), 100)
    bench.run()

    assert [frame for _, frame, _ in bench.log] == [CHM, Frame(1, b"")]


@given(st.permutations(range(8)))
def test_mailboxes_stay_in_order_when_they_fill_up_during_a_transmission(order):
    bench = Bench("pile", "car")
    bench.send("pile", Frame(0x700, b"", False), 0)

    for can_id in order:
        bench.send("pile", Frame(can_id << 8, b"", False), 100)
    bench.run()

    assert [frame.can_id >> 8 for _, frame, _ in bench.log] == [7, *range(8)]


def test_equal_contenders_share_the_bus_by_identifier_and_none_is_starved_when_the_load_allows():
    bench = Bench("a", "b", "c")
    period, per_node = 2000, 50  # three frames of at most 160 bits are 1920 us

    for cycle in range(per_node):
        for name, can_id in (("c", 0x18000003), ("b", 0x18000002), ("a", 0x18000001)):
            bench.send(name, Frame(can_id, cycle.to_bytes(8)), cycle * period)
    bench.run()

    assert [port.sent for port in bench.ports.values()] == [per_node] * 3
    assert [name for _, _, name in bench.log] == ["a", "b", "c"] * per_node


names = st.sampled_from(["a", "b", "c"])
traffic = st.lists(st.tuples(names, st.integers(0, 700), st.integers(0, 7), st.booleans(), st.binary(max_size=8)), max_size=60)


@given(traffic)
@settings(deadline=None)
def test_without_errors_every_frame_reaches_every_other_node_exactly_once_in_order_of_priority(traffic):
    bench, sent, now = Bench("a", "b", "c", tx_depth=64), [], 0
    for number, (name, wait, low, extended, data) in enumerate(traffic):
        now += wait
        # The node is part of the identifier, as J1939 has it: two nodes never send the same one.
        frame = Frame((low << 4 | "abc".index(name)) << (18 if extended else 0), data, extended)
        assert bench.send(name, frame, now)
        sent.append((now, number, frame, name))

    bench.run()

    for name, heard in bench.heard.items():
        assert sorted(frame for _, frame in heard) == sorted(frame for _, _, frame, by in sent if by != name)
    assert_priority_respected(sent, bench.log)


def assert_priority_respected(sent, log):
    waiting = list(sent)
    for end, frame, name in log:
        start = end - (frame_bits(frame) - 3) * BIT_US
        competing = [entry for entry in waiting if entry[0] < start + BIT_US]
        best = min(competing, key=lambda entry: (rank(entry[2]), entry[1]))
        assert (best[2], best[3]) == (frame, name)
        waiting.remove(best)
    assert not waiting


@given(traffic)
@settings(deadline=None)
def test_frames_never_overlap_and_the_load_is_never_above_one(traffic):
    bench, now, free = Bench("a", "b", "c", tx_depth=64), 0, 0
    for name, wait, low, extended, data in traffic:
        now += wait
        bench.send(name, Frame(low << 4 | "abc".index(name), data, extended), now)
        assert 0 <= bench.bus.load(now) <= 1
    bench.run()

    for end, frame, _ in bench.log:
        start = end - (frame_bits(frame) - 3) * BIT_US
        assert start >= free
        free = start + frame_bits(frame) * BIT_US
    assert bench.bus.busy_us(free) == sum(frame_bits(frame) for _, frame, _ in bench.log) * BIT_US


def test_a_saturated_bus_has_load_one():
    bench = Bench("pile", "car")
    for _ in range(20):
        bench.send("pile", CHM, 0)

    bench.run(until=5000)

    assert bench.bus.load(5000) == 1.0


def test_load_is_the_share_of_time_occupied():
    bench = Bench("pile", "car")

    bench.send("pile", CHM, 0)
    bench.run()

    assert bench.bus.load(97 * BIT_US * 4) == 0.25
    assert bench.bus.load(0) == 0


def test_the_same_sends_give_the_same_log_on_every_run():
    def digest():
        bench = Bench("a", "b", "c")
        for n in range(300):
            name = "abc"[n * 7 % 3]
            bench.send(name, Frame(0x18000000 | n % 5 << 8 | ord(name), (n * 97 % 251).to_bytes(4)), n * 150)
        bench.run()
        return hashlib.sha256(repr(bench.log).encode()).hexdigest()

    assert digest() == digest()


@pytest.mark.parametrize("bus_first", [True, False])
def test_the_order_of_parts_does_not_change_who_wins(bus_first):
    class Node:
        def __init__(self, port, frame):
            self.due, self.port, self.frame = 500, port, frame

        def tick(self, now):
            self.due = NEVER
            self.port.send(self.frame, now)

    bench, clock = Bench("pile", "car"), Clock()
    late = Node(bench.ports["pile"], Frame(0x18000000, b""))
    urgent = Node(bench.ports["car"], Frame(0x08000000, b""))
    for part in [bench.bus, late, urgent] if bus_first else [late, bench.bus, urgent]:
        clock.add(part)

    clock.run(until=5000)

    assert [name for _, _, name in bench.log] == ["car", "pile"]


def test_the_bus_needs_one_wake_per_frame():
    bench, clock = Bench("pile", "car"), Clock()
    clock.add(bench.bus)
    for _ in range(10):
        bench.ports["pile"].send(CHM, 0)

    clock.run(until=100_000)

    assert bench.bus.frames == 10
    assert clock.wakes == 10
