"""The board seam: registers that fit C structures, inputs held still, mailboxes of finite depth, windows, the watchdog."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.board import (
    CHANNELS,
    FULL_SCALE,
    MAILBOX_DEPTH,
    NVM_WORDS,
    OPEN_WINDOW,
    SPANS,
    Dout,
    Inputs,
    Mailboxes,
    Outputs,
    Wake,
    Window,
)
from firmware_model.board_layout import (
    CInputs,
    COutputs,
    pack_inputs,
    pack_outputs,
    unpack_inputs,
    unpack_outputs,
)
from firmware_model.board_run import Board
from firmware_model.clock import NEVER
from protocols.core.frame import Frame

U8, U16, U32, U64 = (st.integers(0, (1 << bits) - 1) for bits in (8, 16, 32, 64))
FRAMES = st.lists(st.builds(Frame, st.integers(0, 0x1FFFFFFF), st.binary(max_size=8), st.booleans()), max_size=MAILBOX_DEPTH)
WINDOWS = st.lists(st.builds(Window, U16, U16), min_size=CHANNELS, max_size=CHANNELS)
NVM = st.lists(U32, min_size=NVM_WORDS, max_size=NVM_WORDS)
FRAME = Frame(0x181056F4, bytes(5))
MS = 1_000


def same(first, second):
    return all(
        tuple(getattr(first, name)) == tuple(getattr(second, name))
        if isinstance(getattr(first, name), list | tuple)
        else getattr(first, name) == getattr(second, name)
        for name in type(first).__slots__
    )


class Scripted:
    """Firmware that notes what it saw and does what it is told."""

    def __init__(self, *, next_us=NEVER, kick=1):
        self.outputs = Outputs()
        self.outputs.next_us = next_us
        self.kick = kick
        self.seen = []

    def step(self, now, inputs):
        self.outputs.kick = self.kick
        self.seen.append((now, inputs.wake, inputs.gpio, tuple(inputs.adc), tuple(inputs.rx)))
        return self.outputs


def run(board, until):
    while board.due <= until:
        board.tick(board.due)


def rig(controller=None, **options):
    acted = []
    controller = controller or Scripted()
    board = Board(controller, lambda now, outputs: acted.append((now, outputs.gpio)), **options)
    return board, controller, acted


# ---- C structures


@given(
    tick=U64,
    words=st.tuples(U32, U32),
    small=st.tuples(U16, U16, U16, U8, U8),
    adc=st.lists(U16, min_size=CHANNELS, max_size=CHANNELS),
    nvm=NVM,
    rx=FRAMES,
)
def test_inputs_survive_the_trip_through_c(tick, words, small, adc, nvm, rx):
    inputs = Inputs()
    inputs.tick_us, (inputs.gpio, inputs.wake), inputs.adc, inputs.nvm, inputs.rx = tick, words, adc, nvm, rx
    inputs.monitor_plus_kohm, inputs.monitor_minus_kohm, inputs.overruns, inputs.monitor_valid, inputs.monitor_results = small

    raw = bytes(pack_inputs(inputs))

    assert same(unpack_inputs(CInputs.from_buffer_copy(raw)), inputs)


@given(
    next_us=U64, gpio=U32, volts=U32, amps=st.integers(-(1 << 31), (1 << 31) - 1), kick=U8, windows=WINDOWS, nvm=NVM, tx=FRAMES
)
def test_outputs_survive_the_trip_through_c(next_us, gpio, volts, amps, kick, windows, nvm, tx):
    outputs = Outputs()
    outputs.next_us, outputs.gpio, outputs.voltage_mv, outputs.current_ma, outputs.kick = next_us, gpio, volts, amps, kick
    outputs.windows, outputs.nvm, outputs.tx = windows, nvm, tx

    raw = bytes(pack_outputs(outputs))

    assert same(unpack_outputs(COutputs.from_buffer_copy(raw)), outputs)


@pytest.mark.parametrize(("name", "value"), [("gpio", 1 << 32), ("gpio", -1), ("current_ma", 1 << 31), ("kick", 256)])
def test_a_value_too_large_for_its_word_is_refused_by_name(name, value):
    outputs = Outputs()
    setattr(outputs, name, value)

    with pytest.raises(ValueError, match=name):
        pack_outputs(outputs)


def test_more_frames_than_mailboxes_are_refused():
    outputs = Outputs()
    outputs.tx = [FRAME] * (MAILBOX_DEPTH + 1)

    with pytest.raises(ValueError, match="mailboxes"):
        pack_outputs(outputs)


def test_never_fits_its_word():
    outputs = Outputs()
    assert unpack_outputs(pack_outputs(outputs)).next_us == NEVER


@pytest.mark.parametrize("span", SPANS)
def test_converters_clamp_and_are_monotonic(span):
    assert span.counts(span.low - 1e3) == 0 and span.counts(span.high + 1e3) == FULL_SCALE
    counts = [span.counts(span.low + share / 100 * (span.high - span.low)) for share in range(101)]
    assert counts == sorted(counts)
    assert all(span.counts(span.value(count)) == count for count in range(0, FULL_SCALE + 1, 7))


# ---- mailboxes


def test_a_full_mailbox_loses_the_newest_frame_and_counts_it():
    boxes = Mailboxes(depth=3)
    for number in range(5):
        boxes.put(Frame(number, b""), 10)

    assert boxes.overruns == 2
    assert [frame.can_id for frame in boxes.take(11)] == [0, 1, 2]
    assert len(boxes.waiting) == 0


@given(st.lists(st.tuples(st.integers(0, 3), st.booleans()), max_size=60))
def test_frames_come_out_once_in_order_and_only_after_their_moment(steps):
    boxes, now, put, taken = Mailboxes(depth=8), 0, [], []
    for wait, take in steps:
        now += wait
        if take and len(boxes.waiting):
            got = boxes.take(now)
            assert all(at < now for at, _ in got_with_times(put, got))
            taken += got
        elif len(boxes.waiting) < 8:
            put.append((now, Frame(len(put), b"")))
            boxes.put(put[-1][1], now)
    assert taken == [frame for _, frame in put][: len(taken)]
    assert len(taken) + len(boxes.waiting) == len(put)


def got_with_times(put, got):
    times = {frame: at for at, frame in put}
    return [(times[frame], frame) for frame in got]


# ---- waking


def test_the_controller_sleeps_until_something_happens():
    board, controller, _ = rig()
    run(board, 1_000 * MS)
    assert len(controller.seen) == 1

    board.receive(FRAME, 1_000_400)
    run(board, 2_000 * MS)

    assert [(now, wake, rx) for now, wake, _, _, rx in controller.seen[1:]] == [(1_001 * MS, Wake.RECEIVED, (FRAME,))]


@pytest.mark.parametrize("phase_us", [0, 300])
def test_what_happens_at_an_activation_is_seen_by_the_next_one_whatever_the_order(phase_us):
    moment = 5 * MS + phase_us
    seen = []
    for first in ("board", "world"):
        board, controller, _ = rig(Scripted(next_us=0), phase_us=phase_us)
        run(board, moment - 1)
        if first == "board":
            board.tick(moment)
        board.receive(FRAME, moment)
        board.digital(0b101, moment)
        board.analog((7,) * CHANNELS, moment)
        run(board, moment + 3 * MS)
        seen.append(controller.seen)

    assert seen[0] == seen[1]
    assert (moment + MS, Wake.RECEIVED | Wake.DIGITAL, 0b101, (7,) * CHANNELS, (FRAME,)) in seen[0]


def test_inputs_hold_still_between_activations():
    board, controller, _ = rig(Scripted(next_us=0))
    run(board, 1 * MS)
    board.digital(1, 1_100)
    board.digital(0, 1_200)
    board.digital(3, 1_300)

    run(board, 2 * MS)

    assert controller.seen[-1][2] == 3


def test_only_a_sample_outside_its_window_wakes():
    board, controller, _ = rig()
    controller.outputs.windows[0] = Window(100, 200)
    run(board, 1 * MS)

    board.analog((150, *[4000] * (CHANNELS - 1)), 10 * MS)
    run(board, 50 * MS)
    assert len(controller.seen) == 1

    board.analog((201, *[4000] * (CHANNELS - 1)), 60 * MS + 1)
    run(board, 100 * MS)
    assert [(now, wake) for now, wake, *_ in controller.seen[1:]] == [(61 * MS, Wake.ANALOG)]


def test_a_sample_of_this_moment_is_compared_with_the_windows_that_this_moment_sets():
    """Else an activation could be left out that would have changed something."""
    board, controller, _ = rig()
    run(board, 0)
    board.receive(FRAME, 4_500)
    board.analog((300,) * CHANNELS, 5 * MS)
    controller.outputs.windows[:] = [Window(0, 299)] * CHANNELS

    run(board, 20 * MS)

    assert [now for now, *_ in controller.seen[1:]] == [5 * MS, 6 * MS]


def test_a_new_result_of_the_insulation_monitor_wakes():
    board, controller, _ = rig()
    run(board, 1 * MS)

    board.insulation(500, 400, 2_500, valid=True)
    run(board, 10 * MS)

    assert controller.seen[-1][:2] == (3 * MS, Wake.MONITOR)
    assert (board.inputs.monitor_plus_kohm, board.inputs.monitor_minus_kohm, board.inputs.monitor_results) == (500, 400, 1)


@given(next_us=st.integers(0, 200_000), phase_us=st.integers(0, 999))
def test_the_wish_of_the_controller_is_met_at_the_first_grid_time_not_before(next_us, phase_us):
    board, controller, _ = rig(Scripted(next_us=next_us), phase_us=phase_us)
    board.tick(board.due)
    first = controller.seen[0][0]

    assert board.due % MS == phase_us % MS and board.due > first
    assert board.due - max(next_us, first + 1) < MS


# ---- watchdog


def test_sleeping_does_not_trip_the_watchdog():
    board, controller, _ = rig()

    run(board, 10_000 * MS)

    assert not board.tripped and len(controller.seen) == 1


def test_firmware_that_does_not_kick_is_stopped_after_the_window():
    board, controller, acted = rig(Scripted(kick=1, next_us=0))
    controller.outputs.gpio = int(Dout.LOCK | Dout.K1K2 | Dout.K3K4 | Dout.STAGE)
    run(board, 100 * MS)
    controller.kick = 0

    run(board, 1_000 * MS)

    assert board.tripped and acted[-1] == (150 * MS, int(Dout.LOCK | Dout.BLEEDER | Dout.ALARM))
    assert controller.seen[-1][0] == 149 * MS


def test_a_late_kick_within_the_window_is_enough():
    board, controller, _ = rig(Scripted(kick=0, next_us=0))
    for _ in range(5):
        run(board, board.due + 40 * MS)
        controller.kick = 1
        board.tick(board.due)
        controller.kick = 0

    assert not board.tripped


@pytest.mark.parametrize("next_us", [0, NEVER])
def test_a_frozen_processor_trips_after_the_activations_it_misses_asleep_or_not(next_us):
    board, controller, acted = rig(Scripted(next_us=next_us))
    controller.outputs.gpio = int(Dout.K1K2 | Dout.STAGE)
    run(board, 500_300)

    board.freeze(500_300)
    board.receive(FRAME, 500_400)
    activations = len(controller.seen)
    run(board, 2_000 * MS)

    assert board.tripped and acted[-1] == (550 * MS, int(Dout.BLEEDER | Dout.ALARM))
    assert len(controller.seen) == activations


def test_a_tripped_board_stays_safe_until_it_is_restarted():
    board, controller, acted = rig(Scripted(next_us=0))
    board.freeze(0)
    run(board, 100 * MS)
    board.receive(FRAME, 110 * MS)
    board.digital(3, 110 * MS)
    assert board.due == NEVER

    again = Scripted()
    controller.outputs.nvm[0] = 7
    board.restart(again, 120 * MS)
    run(board, 200 * MS)

    assert not board.tripped and again.seen and acted[-1][1] == 0


def test_non_volatile_words_survive_a_restart():
    board, controller, _ = rig(Scripted())
    controller.outputs.nvm[0] = 1234
    run(board, 1 * MS)

    board.freeze(2 * MS)
    run(board, 100 * MS)
    again = Scripted()
    board.restart(again, 100 * MS)

    assert board.inputs.nvm[0] == 1234


def test_power_up_values_are_safe():
    outputs = Outputs()

    assert (outputs.gpio, outputs.voltage_mv, outputs.current_ma, tuple(outputs.tx)) == (0, 0, 0, ())
    assert outputs.windows == [OPEN_WINDOW] * CHANNELS
