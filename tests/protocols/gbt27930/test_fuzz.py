"""Any number of random frames into either session: no exception, no unbounded queue, and unplugging still ends it."""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.core.frame import Frame, valid
from protocols.gbt27930.bms import BmsSession
from protocols.gbt27930.bms_rules import BmsState, BmsStopCause
from protocols.gbt27930.charger import ChargerSession
from protocols.gbt27930.charger_rules import ChargerState, StopCause
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.link import UNDRAINED
from protocols.gbt27930.messages import BMS, CHARGER
from protocols.gbt27930.strategies import traffic
from protocols.gbt27930.together import BATTERY, REPORT, Together

QUEUE = 2 * UNDRAINED
ADDRESSES = {"charger": BMS | CHARGER << 8, "bms": CHARGER | BMS << 8}
"""Of the frames that each role listens to."""
C, B = ChargerState, BmsState
VISITED = {
    "charger": {
        C.IDENT_00,
        C.IDENT_AA,
        C.CONFIG,
        C.READY,
        C.CHARGING,
        C.STOPPING,
        C.STOPPED_BY_BMS,
        C.STATISTICS,
        C.ERROR,
        C.END,
    },
    "bms": {B.IDENT, B.CONFIG, B.READY, B.CHARGING, B.STOPPING, B.STOPPED_BY_CHARGER, B.STATISTICS, B.ERROR},
}
"""Where the fire must have fallen."""
CHARGER_ACTS = (ChargerSession.start, ChargerSession.insulation_passed, ChargerSession.output_ready, ChargerSession.output_safe)
BMS_ACTS = (BmsSession.wake, BmsSession.prepared)


def make(role, edition):
    if role == "charger":
        return ChargerSession(0, report=lambda _: REPORT, edition=edition)
    return BmsSession(0, report=lambda _: BATTERY, edition=edition)


def recorded(role, edition):
    """(time, frame) of what the peer says in a whole charge: random frames alone would hardly get beyond the handshake."""
    t = Together(charger=edition, bms=edition)
    t.plug_in()
    t.wait(4_000_000)
    t.act(t.charger.stop, StopCause.MANUAL)
    t.wait(1_000_000)
    return [(sent.now, sent.frame) for sent in t.frames if sent.who != role]


def odd_frame(draw, role, edition, charge):
    """A frame of the charge out of turn; or one of its kind with other bytes, another length, another identifier."""
    addresses = ADDRESSES[role]
    kind = draw.random()
    if kind < 0.4:
        return draw.choice(charge)[1]
    if kind < 0.7:
        pgn = draw.choice(list(edition.by_pgn)).to_bytes(3, "little")
        return Frame(0x1CEC0000 | addresses, bytes((draw.choice((0x10, 0x11, 0x13, 0x20, 0xFF)),)) + draw.randbytes(4) + pgn)
    if kind < 0.97:
        group = draw.choice([*(pgn >> 8 for pgn in edition.by_pgn), 0xEB, 0xEC])
        return Frame(draw.randrange(8) << 26 | group << 16 | addresses, draw.randbytes(draw.randrange(9)))
    return Frame(draw.randrange(1 << 29), draw.randbytes(draw.randrange(9)), draw.random() < 0.9)


class Gunner:
    """Takes one session through charge after charge, each up to some point and then under fire; it is drained seldom."""

    def __init__(self, role, edition, seed):
        self.role, self.edition, self.draw = role, edition, random.Random(seed)
        self.session, self.now, self.frames, self.states = make(role, edition), 0, 0, set()
        self.acts = CHARGER_ACTS if role == "charger" else BMS_ACTS
        self.charge = recorded(role, edition)

    def episode(self):
        draw, session = self.draw, self.session
        self.acts[0](session, self.now)
        began, depth = self.now, draw.randrange(len(self.charge))
        for at, frame in self.charge[:depth]:
            self.wait_until(began + at)
            self.receive(frame)
        if draw.random() < 0.3:
            session.stop(StopCause.MANUAL if self.role == "charger" else BmsStopCause.OTHER, self.now)
            self.states.add(session.state)
        for _ in range(draw.randrange(400)):
            self.receive(odd_frame(draw, self.role, self.edition, self.charge))
            if draw.random() < 0.2:
                self.wait_until(self.now + draw.choice((0, 100, 1_000, 10_000, 60_000, 300_000)))
        self.look()
        (session.unplug if self.role == "charger" else session.sleep)(self.now)
        assert session.state in (ChargerState.IDLE, BmsState.ASLEEP) and session.deadline is None

    def wait_until(self, end):
        """Tick at every deadline on the way; what hardware has to do is done at once."""
        session = self.session
        while session.deadline is not None and session.deadline <= end:
            self.now = max(self.now, session.deadline)
            session.tick(self.now)
        self.now = max(self.now, end)
        session.tick(self.now)
        for act in self.acts[1:]:
            act(session, self.now)

    def receive(self, frame):
        self.session.receive(frame, self.now)
        self.frames += 1
        if self.frames % 200 == 0:
            self.look()
        self.states.add(self.session.state)

    def look(self):
        waiting = self.session.frames()
        assert len(waiting) <= QUEUE and len(self.session.events()) <= QUEUE
        assert all(valid(frame) for frame in waiting)
        assert len(self.session.latest) <= len(self.edition.messages)


def bombard(role, edition, frames, *, seed):
    """Feed at least *frames* frames; the states that were visited."""
    gunner = Gunner(role, edition, seed)
    while gunner.frames < frames:
        gunner.episode()
    return gunner.states


@pytest.mark.parametrize("edition", EDITIONS)
@pytest.mark.parametrize("role", ADDRESSES)
def test_fifty_thousand_random_frames_are_survived(role, edition):
    states = bombard(role, EDITIONS[edition], 50_000, seed=1)

    assert states >= VISITED[role]


@pytest.mark.slow
@pytest.mark.parametrize("role", ADDRESSES)
def test_a_million_random_frames_are_survived(role):
    bombard(role, EDITIONS["2015"], 1_000_000, seed=2)


@settings(max_examples=100, deadline=None)
@given(data=st.data(), role=st.sampled_from(list(ADDRESSES)), edition=st.sampled_from(list(EDITIONS.values())))
def test_any_traffic_is_survived_and_unplugging_ends_it(data, role, edition):
    session, now = make(role, edition), 0
    (CHARGER_ACTS if role == "charger" else BMS_ACTS)[0](session, 0)
    source = BMS if role == "charger" else CHARGER
    for gap_us, frame in data.draw(traffic(edition, source=source)):
        now += gap_us
        session.tick(now)
        session.receive(frame, now)
        session.frames()

    (session.unplug if role == "charger" else session.sleep)(now)

    assert session.state in (ChargerState.IDLE, BmsState.ASLEEP) and session.deadline is None


@pytest.mark.parametrize("role", ADDRESSES)
def test_a_flood_while_nobody_ticks_or_drains_stays_bounded(role):
    edition = EDITIONS["2015"]
    session = make(role, edition)
    for act in CHARGER_ACTS if role == "charger" else BMS_ACTS:
        act(session, 0)
    frames = [frame for _, frame in recorded(role, edition)] + [Frame(0x181356F4, b"\0" * 6 + bytes((n,))) for n in (0, 16)]
    for _ in range(100):
        for frame in frames:
            session.receive(frame, 0)

    assert len(session.frames()) <= QUEUE and len(session.events()) <= QUEUE
