"""The keeper: whatever ends the bench, the last frames are the safe end, then silence; and nothing forbidden ever goes out."""

import time

import can
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import BadInput
from hil.links.adapter import open_adapter
from hil.links.link import AdapterChoice, LinkLost
from hil.live.allow import safe_end
from hil.live.keeper import END_LASTS_US, END_PERIOD_US, PATIENCE_US, Keeper, Phase
from hil.live.keeper_line import Charge
from hil.live.keeper_link import KeeperLink
from hil.live.limits import EMULATED, Limits
from hil.live.supervisor import LinkState
from protocols.core.frame import Frame
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.messages import BCL, CCS

E2015 = EDITIONS["2015"]
BST = safe_end("vehicle", E2015)
GOOD = Frame(0x181056F4, BCL(voltage_v=380, current_a=20, mode=1).encode())
HIGH = Frame(0x181056F4, BCL(voltage_v=380, current_a=399, mode=1).encode())
HOT = Frame(0x1812F456, CCS(voltage_v=380, current_a=300, elapsed_min=0, permitted=1).encode())
LIMITS = Limits(max_v=500, max_a=100, max_min=60)


class Kept:
    """A keeper with a clock in the hand and everything it has sent."""

    def __init__(self):
        self.now, self.sent = 1_000, []
        self.keeper = Keeper("vehicle", E2015, LIMITS, lambda frame: self.sent.append((self.now, frame)), self.now)

    def until(self, then):
        while (due := self.keeper.deadline) is not None and due <= then:
            self.now = max(self.now, due)
            self.keeper.tick(self.now)
        self.now = then

    @property
    def frames(self):
        return [frame for _, frame in self.sent]


def started():
    kept = Kept()
    kept.keeper.pass_on(GOOD, kept.now)
    return kept


ENDS = {
    "hang": lambda kept: kept.until(kept.now + PATIENCE_US),
    "forbidden identifier": lambda kept: kept.keeper.pass_on(Frame(0x123, b"", False), kept.now),
    "beyond the limits": lambda kept: kept.keeper.pass_on(HIGH, kept.now),
    "measured too much": lambda kept: kept.keeper.heard(HOT, kept.now),
    "passive": lambda kept: kept.keeper.follow(LinkState.PASSIVE, kept.now),
    "bus-off": lambda kept: kept.keeper.follow(LinkState.BUS_OFF, kept.now),
    "order": lambda kept: kept.keeper.end("asked", kept.now),
}


@pytest.mark.parametrize("cause", ENDS)
def test_whatever_ends_it_the_safe_end_follows_at_once_and_then_silence(cause):
    kept = started()
    ENDS[cause](kept)
    ended = kept.now

    assert kept.keeper.phase is Phase.ENDING and kept.keeper.reason
    kept.keeper.pass_on(GOOD, ended)
    kept.until(ended + 10 * END_LASTS_US)
    assert kept.keeper.phase is Phase.SILENT and kept.frames[0] == GOOD
    assert kept.frames[1:] == [BST] * (END_LASTS_US // END_PERIOD_US) and kept.sent[1][0] == ended


@pytest.mark.parametrize("cause", ENDS)
def test_who_has_sent_nothing_ends_in_silence(cause):
    kept = Kept()
    ENDS[cause](kept)
    kept.until(kept.now + END_LASTS_US)

    assert kept.sent == [] and kept.keeper.phase is Phase.SILENT


def test_a_finished_bench_is_let_go_without_a_word():
    kept = started()
    kept.keeper.finish()
    kept.until(kept.now + 10 * END_LASTS_US)

    assert kept.frames == [GOOD] and kept.keeper.reason == ""


def test_signs_of_life_keep_it_going():
    kept = started()
    for _ in range(100):
        kept.until(kept.now + PATIENCE_US - 1)
        kept.keeper.beat(kept.now)

    assert kept.keeper.phase is Phase.WATCHING and kept.frames == [GOOD]


def test_what_a_hung_bench_left_behind_is_no_sign_of_life_and_not_sent():
    """An adapter that takes each frame slowly keeps records waiting; reading them late must not keep the charge going."""
    kept = started()
    said = [kept.now + 10_000 * n for n in range(1, 10)]
    for at in said:
        kept.now = at + 130_000
        kept.keeper.pass_on(GOOD, kept.now, said_us=at)
    assert kept.keeper.phase is Phase.WATCHING and kept.frames == [GOOD] * 10
    kept.now = said[-1] + PATIENCE_US
    kept.keeper.pass_on(GOOD, kept.now, said_us=said[-1])

    assert kept.keeper.phase is Phase.ENDING and kept.frames[10:] == [BST]


DEEDS = st.sampled_from(["good", "high", "foreign", "beat", "wait", "long wait", "hot", "passive", "end", "finish"])


@given(st.lists(DEEDS, max_size=30))
def test_nothing_but_allowed_frames_and_the_safe_end_ever_goes_out(deeds):
    kept = Kept()
    for deed in deeds:
        {
            "good": lambda: kept.keeper.pass_on(GOOD, kept.now),
            "high": lambda: kept.keeper.pass_on(HIGH, kept.now),
            "foreign": lambda: kept.keeper.pass_on(HOT, kept.now),
            "beat": lambda: kept.keeper.beat(kept.now),
            "wait": lambda: kept.until(kept.now + 5_000),
            "long wait": lambda: kept.until(kept.now + 700_000),
            "hot": lambda: kept.keeper.heard(HOT, kept.now),
            "passive": lambda: kept.keeper.follow(LinkState.PASSIVE, kept.now),
            "end": lambda: kept.keeper.end("asked", kept.now),
            "finish": kept.keeper.finish,
        }[deed]()
    frames = kept.frames
    assert set(frames) <= {GOOD, BST}
    assert BST not in frames or GOOD not in frames[frames.index(BST) :]
    kept.until(kept.now + 10_000_000)
    assert kept.keeper.phase is Phase.SILENT


# ---- over a line ---------------------------------------------------------------------------------------------------------


def linked(channel):
    choice = AdapterChoice(interface="virtual", channel=channel, silent=False)
    charge = Charge(choice=choice, side="vehicle", edition="2015", limits=LIMITS)
    return KeeperLink(charge, open_link=lambda: open_adapter(choice)), can.Bus(interface="virtual", channel=channel)


def heard(bus, seconds=0.2):
    found, end = [], time.monotonic() + seconds
    while (message := bus.recv(max(0.0, end - time.monotonic()))) is not None:
        found.append(Frame(message.arbitration_id, bytes(message.data), message.is_extended_id))
    return found


def test_frames_pass_through_the_keeper_both_ways_until_it_is_told_to_finish():
    link, bus = linked("keeper both ways")
    with bus:
        link.send(GOOD)
        bus.send(
            can.Message(arbitration_id=HOT.can_id, data=CCS(voltage_v=380, current_a=10, elapsed_min=0, permitted=1).encode())
        )
        assert link.recv(1.0).frame.can_id == HOT.can_id and heard(bus, 0.05) == [GOOD]
        link.finish()
        assert heard(bus, 0.05) == [] and link.told["reason"] == "" and link.told["passed"] == 1
        with pytest.raises(LinkLost):
            link.send(GOOD)


def test_a_bench_that_hangs_is_ended_within_200_ms_and_told_so():
    link, bus = linked("keeper hang")
    with bus:
        link.send(GOOD)
        began = time.monotonic()
        assert bus.recv(1.0).arbitration_id == GOOD.can_id
        first = bus.recv(1.0)
        took_s = time.monotonic() - began
        assert first.arbitration_id == BST.can_id and 0.1 < took_s < 0.25
        with pytest.raises(LinkLost, match="no sign of life"):
            while True:
                link.recv(0.1)
        link.close()


def test_a_forbidden_frame_ends_it_and_never_goes_out():
    link, bus = linked("keeper forbidden")
    with bus:
        link.send(GOOD)
        link.send(HIGH)
        with pytest.raises(LinkLost, match=r"forbidden: BCL.current_a = 399 A is above max_a = 100 A"):
            while True:
                link.recv(0.1)
        frames = heard(bus)
        assert frames[0] == GOOD and set(frames[1:]) == {BST}
        link.close()


def test_a_closed_link_is_a_safe_end():
    link, bus = linked("keeper closed")
    with bus:
        link.send(GOOD)
        link.close()
        frames = heard(bus)
        assert frames[0] == GOOD and set(frames[1:]) == {BST} and len(frames) > 20


def test_the_second_on_an_adapter_is_refused_and_nothing_is_sent():
    link, bus = linked("keeper twice")
    with bus:
        with pytest.raises(BadInput, match=r"another pilebench \(process \d+\) uses it"):
            linked("keeper twice")
        assert heard(bus, 0.05) == []
        link.finish()
        again, other = linked("keeper twice")
        other.shutdown()
        again.finish()


def test_an_adapter_that_is_not_there_is_said_by_the_keepers_process():
    charge = Charge(
        choice=AdapterChoice(interface="slcan", channel="/dev/nowhere", silent=False),
        side="pile",
        edition="2015",
        limits=EMULATED,
    )
    with pytest.raises(BadInput, match="nowhere"):
        KeeperLink(charge)


def test_senseless_patience_is_refused():
    with pytest.raises(ValueError, match="patience_us = 1"):
        Keeper("pile", E2015, EMULATED, lambda _: None, 0, patience_us=1)
