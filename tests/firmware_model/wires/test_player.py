"""A recorded side speaks at its own moments, and waits for what it waited for."""

from hypothesis import given
from hypothesis import strategies as st

from firmware_model.clock import Clock
from firmware_model.wires.can_bus import CanBus
from firmware_model.wires.player import Cue, Player
from protocols.core.frame import Frame

HELLO, ANSWER = (1,), (2,)


class Stage:
    """A bus with a player and somebody who listens."""

    def __init__(self, frames, cues=()):
        self.clock, self.bus, self.heard = Clock(), CanBus(), []
        port = self.bus.attach("player", lambda _frame, _now: None)
        self.bus.attach("listener", lambda frame, now: self.heard.append((now, frame)))
        self.player = Player(self.bus, port, frames, cues)
        self.clock.add(self.bus, self.player)


def frame(number):
    return Frame(0x1826F456, bytes([number]))


@given(st.lists(st.integers(2_000, 100_000), min_size=1, max_size=20))
def test_every_frame_ends_at_the_moment_at_which_it_was_recorded(gaps):
    times = [sum(gaps[: i + 1]) for i in range(len(gaps))]
    frames = [(at, frame(i)) for i, at in enumerate(times)]
    stage = Stage(frames)

    stage.clock.run(times[-1] + 1)

    assert stage.heard == frames and stage.player.done


def test_what_followed_a_cue_waits_for_it_and_keeps_its_distance():
    stage = Stage([(10_000, frame(0)), (30_000, frame(1))], [Cue(20_000, 1, HELLO)])

    stage.clock.run(50_000)
    assert [at for at, _ in stage.heard] == [10_000] and stage.player.waits_for == Cue(20_000, 1, HELLO)

    stage.player.hear(HELLO, 50_000)
    stage.clock.run(70_000)
    assert [at for at, _ in stage.heard] == [10_000, 60_000] and stage.player.waits_for is None


def test_a_cue_that_never_comes_is_passed_over_when_a_later_one_does():
    stage = Stage([(30_000, frame(0)), (50_000, frame(1))], [Cue(20_000, 0, HELLO), Cue(40_000, 1, ANSWER)])

    stage.player.hear(ANSWER, 100_000)
    stage.clock.run(120_000)

    assert stage.heard[-1] == (110_000, frame(1)) and stage.player.done


def test_what_is_no_cue_changes_nothing():
    stage = Stage([(30_000, frame(0))], [Cue(20_000, 0, HELLO)])

    stage.player.hear(ANSWER, 25_000)
    stage.clock.run(100_000)

    assert stage.heard == [] and not stage.player.done


def test_a_frame_that_the_node_cannot_send_is_counted():
    stage = Stage([(30_000, frame(0))])
    stage.player._port.power_down(0)

    stage.clock.run(100_000)

    assert stage.player.refused == 1 and stage.heard == []
