"""Errors of ISO 11898-1 as nodes on a bus see them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firmware_model.clock import NEVER
from firmware_model.wires.can_bus import CanBus
from firmware_model.wires.can_errors import BitErrors, Corruption, ErrorCounters, ErrorKind, ErrorState
from firmware_model.wires.can_frame import frame_bits, levels
from protocols.core.errors import LocalError
from protocols.core.frame import Frame

BIT_US = 4
CHM = Frame(0x1826F456, bytes.fromhex("010100"))
END = frame_bits(CHM) - 3
TAIL = END - 10
ACK, LAST = TAIL + 1, END - 1


class Bench:
    def __init__(self, *names, **options):
        self.bus = CanBus()
        self.heard = {name: [] for name in names}
        self.ports = {name: self.bus.attach(name, self.receiver(name), **options) for name in names}
        self.log, self.failed, self.starts = [], [], []
        self.bus.tap(lambda now, frame, name: self.log.append((now, frame, name)))
        self.bus.tap_errors(lambda now, error: self.failed.append((now, error)))

    def receiver(self, name):
        return lambda frame, now: self.heard[name].append(frame)

    def corrupt(self, *answers, then=None):
        """The attempts in turn meet *answers*, all later ones *then*."""
        script = list(answers)

        def corruptor(frame, sender, now):
            self.starts.append(now // BIT_US)
            return script.pop(0) if script else then

        self.bus.corruptor = corruptor

    def preset(self, name, **counters):
        """Begin with the counters that many errors would have left behind."""
        self.ports[name].errors.add(**counters)
        self.bus._troubled = True

    def run(self, until):
        while self.bus.due <= until:
            self.bus.tick(self.bus.due)

    def counters(self):
        return {name: (port.tec, port.rec) for name, port in self.ports.items()}


def once(corruption, *names, frame=CHM):
    """One attempt of the first node meets *corruption*, the next is good."""
    bench = Bench(*(names or ("pile", "car", "meter")))
    bench.corrupt(corruption)
    bench.ports["pile"].send(frame, 0)
    bench.run(until=bench.bus.due)  # the start of frame
    bench.run(until=bench.bus.due)  # the outcome
    return bench


# --- alone on the bus --------------------------------------------------------------------------------------------------------


def test_a_node_alone_gets_to_128_after_sixteen_attempts_and_stays_there():
    bench, history = Bench("pile"), []
    bench.bus.tap_errors(lambda now, error: history.append(bench.ports["pile"].tec))

    bench.ports["pile"].send(CHM, 0)
    bench.run(until=100_000)

    assert history[:16] == [8 * n for n in range(1, 17)]
    assert set(history[15:]) == {128}
    assert len(history) > 200
    assert bench.ports["pile"].state is ErrorState.PASSIVE
    assert {error.kind for _, error in bench.failed} == {ErrorKind.ACK}


def test_retransmissions_without_acknowledge_repeat_exactly_and_suspend_when_passive():
    bench = Bench("pile")
    bench.corrupt()

    bench.ports["pile"].send(CHM, 0)
    bench.run(until=50_000)

    steps = [after - before for before, after in zip(bench.starts, bench.starts[1:], strict=False)]
    attempt = ACK + 1 + 6 + 8 + 3
    assert steps[:15] == [attempt] * 15
    assert set(steps[15:]) == {attempt + 8}


def test_the_corruptor_changes_no_time_by_being_asked():
    asked, unasked = Bench("pile"), Bench("pile")
    asked.corrupt()
    for bench in (asked, unasked):
        bench.ports["pile"].send(CHM, 0)
        bench.run(until=50_000)

    assert asked.bus.busy_us(50_000) == pytest.approx(unasked.bus.busy_us(50_000), abs=END * BIT_US)
    assert asked.counters() == unasked.counters()


def test_a_lone_node_is_heard_as_soon_as_another_is_plugged_in():
    bench = Bench("pile", "car")
    bench.ports["car"].detach(0)
    bench.ports["pile"].send(CHM, 0)
    bench.run(until=30_000)

    bench.ports["car"].attach(30_000)
    bench.run(until=32_000)

    assert bench.heard["car"] == [CHM]
    assert bench.ports["pile"].tec == 127
    assert bench.ports["pile"].state is ErrorState.WARNING


# --- counters ----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "tec, rec, state",
    [
        (0, 0, ErrorState.ERROR_ACTIVE),
        (95, 95, ErrorState.ERROR_ACTIVE),
        (96, 0, ErrorState.WARNING),
        (0, 96, ErrorState.WARNING),
        (127, 127, ErrorState.WARNING),
        (128, 0, ErrorState.PASSIVE),
        (0, 128, ErrorState.PASSIVE),
        (255, 0, ErrorState.PASSIVE),
        (256, 0, ErrorState.BUS_OFF),
    ],
)
def test_the_counters_decide_the_state(tec, rec, state):
    counters = ErrorCounters()
    counters.add(tec=tec, rec=rec)

    assert counters.state is state


@pytest.mark.parametrize("before, after", [(0, 0), (1, 0), (127, 126), (128, 120), (255, 120)])
def test_a_good_reception_takes_the_receive_counter_down(before, after):
    counters = ErrorCounters()
    counters.add(rec=before)

    counters.received()

    assert counters.rec == after


@given(st.lists(st.sampled_from(["sent", "received", "tec", "rec"]), max_size=200))
def test_counters_never_leave_their_range_and_bus_off_never_ends_by_itself(steps):
    counters, was_off = ErrorCounters(), False
    for step in steps:
        if step in ("tec", "rec"):
            counters.add(**{step: 8})
        else:
            getattr(counters, step)()
        assert counters.tec >= 0
        assert 0 <= counters.rec <= 255
        assert counters.bus_off or not was_off
        was_off = counters.bus_off


# --- who counts what ---------------------------------------------------------------------------------------------------------


def test_a_bit_error_of_the_sender_costs_it_eight_and_each_receiver_one():
    bench = once(Corruption(bit=50))

    assert bench.counters() == {"pile": (8, 0), "car": (0, 1), "meter": (0, 1)}
    assert bench.failed[0][1].kind is ErrorKind.BIT
    assert bench.heard["car"] == []


def test_a_broken_frame_is_sent_again_and_arrives_once():
    bench = once(Corruption(bit=50))

    bench.run(until=5000)

    assert bench.heard == {"pile": [], "car": [CHM], "meter": [CHM]}
    assert bench.counters() == {"pile": (7, 0), "car": (0, 0), "meter": (0, 0)}


def test_a_receiver_that_misreads_alone_pays_nine_and_the_sender_eight():
    bench = once(Corruption(bit=50, seen_by={"car"}))

    assert bench.counters() == {"pile": (8, 0), "car": (0, 9), "meter": (0, 1)}


def test_what_nobody_sees_changes_nothing():
    bench = once(Corruption(bit=50, seen_by=()))

    bench.run(until=5000)

    assert bench.counters() == {"pile": (0, 0), "car": (0, 0), "meter": (0, 0)}
    assert bench.log[0][0] == END * BIT_US


def test_a_frame_dropped_at_one_receiver_is_acknowledged_all_the_same():
    bench = once(Corruption(dropped_at={"car"}))

    bench.run(until=5000)

    assert bench.heard == {"pile": [], "car": [], "meter": [CHM]}
    assert bench.bus.error_frames == 0
    assert len(bench.log) == 1


def test_a_passive_receiver_loses_the_frame_without_disturbing_the_others():
    bench = Bench("pile", "car", "meter")
    bench.preset("car", rec=130)
    bench.corrupt(Corruption(bit=50, seen_by={"car"}))

    bench.ports["pile"].send(CHM, 0)
    bench.run(until=5000)

    assert bench.heard == {"pile": [], "car": [], "meter": [CHM]}
    assert bench.counters()["car"] == (0, 131)
    assert bench.bus.error_frames == 0


def test_a_passive_receiver_alone_with_the_sender_leaves_the_frame_unacknowledged():
    bench = Bench("pile", "car")
    bench.preset("car", rec=130)
    bench.corrupt(Corruption(bit=50, seen_by={"car"}))

    bench.ports["pile"].send(CHM, 0)
    bench.run(until=5000)

    assert [error.kind for _, error in bench.failed] == [ErrorKind.ACK]
    assert bench.heard["car"] == [CHM]


def test_a_lost_stuff_bit_in_arbitration_is_not_counted():
    frame = Frame(0x00000000, b"")
    wire, stuffed = levels(frame)
    bit = stuffed.index(True)
    assert wire[bit] == 1

    bench = once(Corruption(bit=bit), frame=frame)

    assert bench.counters()["pile"] == (0, 0)
    assert bench.failed[0][1].kind is ErrorKind.STUFF


def test_a_recessive_identifier_bit_read_dominant_is_a_lost_arbitration_for_the_sender():
    bit = levels(CHM)[0].index(1)

    bench = once(Corruption(bit=bit))

    assert bench.counters() == {"pile": (0, 1), "car": (0, 1), "meter": (0, 1)}
    bench.run(until=5000)
    assert bench.heard["car"] == [CHM]


def test_dominant_bits_held_after_the_flag_count_eight_more_at_every_eighth():
    bench = once(Corruption(bit=50, held_bits=17))

    assert bench.counters() == {"pile": (8 + 16, 0), "car": (0, 1 + 8 + 16), "meter": (0, 1 + 8 + 16)}


# --- the end of the frame ----------------------------------------------------------------------------------------------------


def test_a_lost_acknowledge_makes_an_active_sender_destroy_the_frame():
    bench = once(Corruption(bit=ACK))

    assert bench.counters() == {"pile": (8, 0), "car": (0, 1), "meter": (0, 1)}
    bench.run(until=5000)
    assert bench.heard["car"] == [CHM]


def test_a_lost_acknowledge_makes_a_passive_sender_send_twice_what_was_received():
    bench = Bench("pile", "car")
    bench.preset("pile", tec=128)
    bench.corrupt(Corruption(bit=ACK))

    bench.ports["pile"].send(CHM, 0)
    bench.run(until=5000)

    assert bench.heard["car"] == [CHM, CHM]
    assert bench.ports["pile"].tec == 127


def test_an_error_in_the_very_last_bit_seen_by_the_sender_is_received_twice():
    bench = once(Corruption(bit=LAST))

    bench.run(until=5000)

    assert bench.heard["car"] == [CHM, CHM]
    assert bench.heard["meter"] == [CHM, CHM]


def test_an_error_in_the_very_last_bit_seen_by_receivers_is_none():
    bench = once(Corruption(bit=LAST, seen_by={"car", "meter"}))

    bench.run(until=5000)

    assert bench.heard["car"] == [CHM]
    assert bench.bus.error_frames == 0


def test_an_error_in_the_last_bit_but_one_at_one_receiver_makes_the_other_receive_twice():
    bench = once(Corruption(bit=LAST - 1, seen_by={"car"}))

    assert bench.counters() == {"pile": (8, 0), "car": (0, 9), "meter": (0, 0)}
    bench.run(until=5000)

    assert bench.heard["car"] == [CHM]
    assert bench.heard["meter"] == [CHM, CHM]


def test_an_error_in_the_last_bit_but_one_at_the_sender_is_received_twice():
    bench = once(Corruption(bit=LAST - 1, seen_by={"pile"}))

    bench.run(until=5000)

    assert bench.heard["car"] == [CHM, CHM]


def test_a_passive_sender_cannot_call_back_a_frame_whose_tail_it_misreads():
    bench = Bench("pile", "car")
    bench.preset("pile", tec=130)
    bench.corrupt(Corruption(bit=ACK + 1, seen_by={"pile"}))

    bench.ports["pile"].send(CHM, 0)
    bench.run(until=5000)

    assert bench.heard["car"] == [CHM, CHM]
    assert bench.ports["pile"].tec == 137


def test_a_misread_checksum_is_flagged_after_the_acknowledge_delimiter():
    # A flip that makes no six equal bits is found by the checksum alone.
    bench = once(Corruption(bit=45, seen_by={"car"}))

    error = bench.failed[0][1]
    assert (error.kind, error.bit) == (ErrorKind.CRC, TAIL + 2)


def test_a_misread_bit_that_makes_six_equal_ones_is_flagged_there():
    _, stuffed = levels(Frame(0, bytes(8)))
    bit = next(i for i, extra in enumerate(stuffed) if extra and i > 40)

    bench = once(Corruption(bit=bit, seen_by={"car"}), frame=Frame(0, bytes(8)))

    assert (bench.failed[0][1].kind, bench.failed[0][1].bit) == (ErrorKind.STUFF, bit)


# --- times -------------------------------------------------------------------------------------------------------------------


@given(st.integers(0, LAST), st.sampled_from([None, {"pile"}, {"car"}, {"car", "meter"}]))
@settings(deadline=None)
def test_an_error_frame_and_its_intermission_take_17_to_23_bits(bit, seen_by):
    bench = Bench("pile", "car", "meter")
    bench.corrupt(Corruption(bit=bit, seen_by=seen_by))

    bench.ports["pile"].send(CHM, 0)
    bench.run(until=5000)

    if bench.failed:
        assert 17 <= bench.starts[1] - (bench.failed[0][1].bit + 1) <= 23
    assert bench.heard["car"] in ([CHM], [CHM, CHM])


def flag_of(frame, bit, level):
    """Flag bits until the others have seen six equal ones, and then their own six."""
    wire = levels(frame)[0][: bit + 1]
    flag = 0
    while len(set(wire[-6:])) > 1 or wire[-1] != level:
        wire.append(level)
        flag += 1
    return flag + 6


@pytest.mark.parametrize("level, tec", [(0, 0), (1, 130)], ids=["active", "passive"])
@given(bit=st.integers(40, TAIL - 8))
@settings(deadline=None)
def test_flags_superpose_until_everybody_has_seen_six_equal_bits(level, tec, bit):
    bench = Bench("pile", "car")
    bench.preset("pile", tec=tec)
    bench.corrupt(Corruption(bit=bit, seen_by={"pile"}))

    bench.ports["pile"].send(CHM, 0)
    bench.run(until=5000)

    assert bench.starts[1] == bit + 1 + flag_of(CHM, bit, level) + 8 + 3 + 8 * level


def test_a_passive_sender_waits_eight_bits_longer_and_lets_others_go_first():
    bench = Bench("pile", "car")
    bench.preset("pile", tec=130)
    urgent, lesser = Frame(0x10, b"", False), Frame(0x700, b"", False)
    bench.ports["pile"].send(urgent, 0)
    bench.ports["pile"].send(urgent, 0)
    bench.ports["car"].send(lesser, 10)

    bench.run(until=5000)

    assert [name for _, _, name in bench.log] == ["pile", "car", "pile"]


def test_a_suspended_sender_with_the_bus_to_itself_starts_eight_bits_late():
    bench = Bench("pile", "car")
    bench.preset("pile", tec=140)
    bench.corrupt()
    bench.ports["pile"].send(CHM, 0)
    bench.ports["pile"].send(CHM, 0)

    bench.run(until=5000)

    assert bench.starts == [0, frame_bits(CHM) + 8]


# --- bus-off -----------------------------------------------------------------------------------------------------------------


def drive_to_bus_off(bench, bit=40):
    bench.corrupt(*[Corruption(bit=bit)] * 32)
    bench.ports["pile"].send(CHM, 0)
    while bench.ports["pile"].state is not ErrorState.BUS_OFF:
        assert bench.bus.due < NEVER
        bench.run(until=bench.bus.due)
    return bench.failed[-1][0]


def test_32_bit_errors_in_a_row_are_bus_off_in_about_8_ms():
    bench = Bench("pile", "car")

    when = drive_to_bus_off(bench)

    assert len(bench.failed) == 32
    assert 6_000 < when < 10_000
    assert bench.ports["car"].rec == 32


def test_bus_off_ends_after_1408_recessive_bits_and_the_frame_goes_out():
    bench = Bench("pile", "car")
    drive_to_bus_off(bench)
    # From the error delimiter on, the bus is recessive: it and the intermission are eleven bits.
    recessive_since = bench.bus._free_at - 11 * BIT_US

    bench.run(until=recessive_since + 1408 * BIT_US - 1)
    before = bench.ports["pile"].state
    bench.run(until=recessive_since + 1408 * BIT_US)
    after = bench.ports["pile"].state
    bench.run(until=100_000)

    assert (before, after) == (ErrorState.BUS_OFF, ErrorState.ERROR_ACTIVE)
    assert bench.heard["car"] == [CHM]
    assert bench.starts[-1] == recessive_since // BIT_US + 1408


def test_a_bus_off_node_neither_acknowledges_nor_receives():
    bench = Bench("pile", "car", auto_recover=False)
    when = drive_to_bus_off(bench)

    bench.ports["car"].send(CHM, when + 1000)
    bench.run(until=when + 50_000)

    assert bench.heard["pile"] == []
    assert bench.ports["car"].state is ErrorState.PASSIVE


def test_without_automatic_recovery_bus_off_lasts_until_the_host_orders_it():
    bench = Bench("pile", "car", auto_recover=False)
    when = drive_to_bus_off(bench)
    bench.run(until=when + 1_000_000)
    before = bench.ports["pile"].state

    bench.ports["pile"].recover(when + 1_000_000)
    bench.run(until=when + 1_000_000 + 1408 * BIT_US)

    assert before is ErrorState.BUS_OFF
    assert bench.ports["pile"].state is ErrorState.ERROR_ACTIVE


def test_traffic_lengthens_the_recovery():
    bench = Bench("pile", "car", "meter")
    when = drive_to_bus_off(bench)
    for n in range(5):
        bench.run(until=when + 200 + n * 1000)
        bench.ports["car"].send(CHM, when + 200 + n * 1000)

    bench.run(until=when + 1408 * BIT_US + 200)
    early = bench.ports["pile"].state
    bench.run(until=when + 1408 * BIT_US + 20_000)

    assert early is ErrorState.BUS_OFF
    assert bench.ports["pile"].state is ErrorState.ERROR_ACTIVE


def test_recovery_counts_the_pauses_between_frames_and_the_end_of_each_frame():
    bench = Bench("pile", "car", "meter")
    drive_to_bus_off(bench)
    since = bench.bus._free_at - 11 * BIT_US
    start = since + (100 * 11 + 5) * BIT_US
    bench.run(until=start)
    bench.ports["car"].send(Frame(0x100, b""), start)
    back = start + (frame_bits(Frame(0x100, b"")) - 11 + 28 * 11) * BIT_US

    bench.run(until=back - 1)
    before = bench.ports["pile"].state
    bench.run(until=back)

    assert before is ErrorState.BUS_OFF
    assert bench.ports["pile"].state is ErrorState.ERROR_ACTIVE


def test_bus_off_does_not_end_within_a_frame():
    bench = Bench("pile", "car", "meter")
    drive_to_bus_off(bench)
    since = bench.bus._free_at - 11 * BIT_US
    start = since + (1408 - 5) * BIT_US
    bench.run(until=start)
    bench.bus.corruptor = None
    bench.ports["car"].send(Frame(0x100, b""), start)

    bench.run(until=start + 20 * BIT_US)
    within = bench.ports["pile"].state
    bench.run(until=start + frame_bits(Frame(0x100, b"")) * BIT_US)

    assert within is ErrorState.BUS_OFF
    assert bench.ports["pile"].state is ErrorState.ERROR_ACTIVE
    assert bench.heard["pile"] == []


def test_reset_brings_a_bus_off_node_back():
    bench = Bench("pile", "car", auto_recover=False)
    when = drive_to_bus_off(bench)

    bench.ports["pile"].reset(when)
    bench.ports["pile"].send(CHM, when + 200)
    bench.run(until=when + 5000)

    assert bench.heard["car"] == [CHM]


# --- collisions --------------------------------------------------------------------------------------------------------------


def test_the_same_identifier_with_other_data_from_two_nodes_is_an_error_for_both():
    bench = Bench("pile", "car", "meter")

    bench.ports["pile"].send(Frame(0x100, b"\1"), 0)
    bench.ports["car"].send(Frame(0x100, b"\2"), 0)
    bench.run(until=400)

    assert bench.counters() == {"pile": (8, 0), "car": (8, 0), "meter": (0, 1)}
    assert bench.failed[0][1].kind is ErrorKind.BIT


def test_two_colliding_nodes_end_in_bus_off():
    bench = Bench("pile", "car", "meter", auto_recover=False)

    bench.ports["pile"].send(Frame(0x100, b"\1"), 0)
    bench.ports["car"].send(Frame(0x100, b"\2"), 0)
    bench.run(until=20_000)

    assert bench.ports["pile"].state is ErrorState.BUS_OFF
    assert bench.ports["car"].state is ErrorState.BUS_OFF


def test_identical_frames_from_two_nodes_are_one_frame():
    bench = Bench("pile", "car", "meter")

    bench.ports["pile"].send(CHM, 0)
    bench.ports["car"].send(CHM, 0)
    bench.run(until=5000)

    assert bench.heard == {"pile": [], "car": [], "meter": [CHM]}
    assert [port.sent for port in bench.ports.values()] == [1, 1, 0]
    assert len(bench.log) == 1


def test_two_nodes_that_send_the_same_do_not_acknowledge_each_other():
    bench = Bench("pile", "car")

    bench.ports["pile"].send(CHM, 0)
    bench.ports["car"].send(CHM, 0)
    bench.run(until=20_000)

    assert bench.ports["pile"].tec == bench.ports["car"].tec == 128


def test_of_two_identical_frames_each_node_gives_up_its_own_copy_only():
    bench = Bench("pile", "car", "meter")
    urgent = Frame(0x10, b"", False)

    bench.ports["pile"].send(CHM, 0)
    bench.ports["car"].send(CHM, 0)
    bench.ports["car"].send(urgent, 100)
    bench.run(until=5000)

    assert bench.heard["meter"] == [CHM, urgent]


def test_a_sender_that_loses_its_supply_in_the_error_frame_starts_again_from_zero():
    bench = Bench("pile", "car")
    bench.corrupt(Corruption(bit=LAST))
    bench.ports["pile"].send(CHM, 0)
    bench.run(until=(LAST - 2) * BIT_US)

    bench.ports["pile"].power_down((LAST - 2) * BIT_US)
    bench.run(until=5000)

    assert bench.ports["pile"].tec == 0
    assert bench.heard["car"] == [CHM]


def test_a_passive_receiver_that_misreads_behind_its_acknowledge_has_acknowledged():
    bench = Bench("pile", "car")
    bench.preset("car", rec=130)
    bench.corrupt(Corruption(bit=ACK + 1, seen_by={"car"}))

    bench.ports["pile"].send(CHM, 0)
    bench.run(until=5000)

    assert bench.failed == []
    assert bench.heard["car"] == []


# --- random errors -----------------------------------------------------------------------------------------------------------


def highest_tec(error_probability, seed, *, frames=1500):
    rng = np.random.default_rng(seed)
    bench = Bench("pile", "car", auto_recover=False)
    bench.bus.corruptor = lambda frame, sender, now: Corruption(bit=50) if rng.random() < error_probability else None
    highest = 0
    for _ in range(frames):
        if not bench.ports["pile"].pending:
            bench.ports["pile"].send(CHM, bench.bus._free_at)
        for _ in range(2):
            if bench.bus.due < NEVER:
                bench.bus.tick(bench.bus.due)
        highest = max(highest, bench.ports["pile"].tec)
    return highest


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_transmit_counter_climbs_only_above_one_error_in_nine_frames(seed):
    assert highest_tec(0.06, seed) < 96
    assert highest_tec(0.20, seed) > 127


def lossy(seed, ber, *, frames=400, places=(None,)):
    bench = Bench("pile", "car", "meter")
    bench.bus.corruptor = BitErrors(ber, np.random.default_rng(seed), places=places)
    for n in range(frames):
        now = n * 1000
        bench.run(until=now)
        bench.ports["pile"].send(Frame(0x18000000 | n % 3, n.to_bytes(4)), now)
    bench.run(until=frames * 1000 + 100_000)
    return bench


def test_random_bit_errors_hit_as_many_frames_as_their_rate_says():
    bench = lossy(5, 1e-3)

    bits = frame_bits(Frame(0x18000000, bytes(4))) - 3
    expected = 400 * ((1 - 1e-3) ** -bits - 1)
    assert bench.bus.error_frames == pytest.approx(expected, rel=0.35)
    assert bench.bus.frames == 400


def test_random_bit_errors_are_the_same_for_the_same_seed_and_others_for_another():
    one, again, other = lossy(1, 1e-3), lossy(1, 1e-3), lossy(2, 1e-3)

    assert (one.log, one.failed) == (again.log, again.failed)
    assert one.failed != other.failed


@given(st.integers(0, 50), st.sampled_from([(None,), (None, {"car"}), ({"meter"}, {"pile"})]))
@settings(deadline=None, max_examples=15)
def test_with_random_errors_no_frame_is_lost_while_the_receivers_are_error_active(seed, places):
    bench = lossy(seed, 3e-4, frames=100, places=places)

    assert bench.bus.frames == 100
    assert set(bench.heard["car"]) == {frame for _, frame, _ in bench.log}
    assert 0 <= bench.bus.load(110_000) <= 1


@pytest.mark.parametrize("ber", [0, -0.1, 1.5])
def test_an_impossible_error_rate_is_refused(ber):
    with pytest.raises(LocalError, match="bit error rate"):
        BitErrors(ber, np.random.default_rng(0))


def test_a_bit_outside_the_frame_is_refused():
    with pytest.raises(LocalError, match="corrupted bit"):
        once(Corruption(bit=END))
