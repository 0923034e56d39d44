"""What holds for both sessions together whatever the wire does and whoever acts: a stateful machine over a bad channel.

The numbers are those of the list of invariants that docs/divergences.md and docs/state_diagrams.md speak of.
"""

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from protocols.core.session import TimedOut
from protocols.gbt27930 import charger_rules as rules
from protocols.gbt27930.bms_rules import BmsState, BmsStopCause
from protocols.gbt27930.charger_messages import ChargerRating
from protocols.gbt27930.charger_rules import ChargerState, StopCause
from protocols.gbt27930.editions import EDITIONS, supercharge
from protocols.gbt27930.habits import ChargerHabits
from protocols.gbt27930.limits import demand_within
from protocols.gbt27930.messages import BCL, BCP
from protocols.gbt27930.together import BATTERY, LATENCY_US, Hardware, Together, name_of
from protocols.j1939.habits import TransportHabits

C, B = ChargerState, BmsState
RANK = {name: rank for rank, names in enumerate(("CHM", "CRM", "CTS CML", "CRO", "CCS", "CST", "CSD")) for name in names.split()}
LENGTHS = {"CHM": {3}, "CRM": {8}, "CTS": {7}, "CML": {6, 8}, "CRO": {1}, "CCS": {6, 7}, "CST": {4}, "CSD": {5, 8}, "CEM": {4}}
LENGTHS |= {"BHM": {2}, "BRO": {1}, "BCL": {5}, "BSM": {7}, "BST": {4}, "BSD": {7}, "BEM": {4}}
FLAGS = {"BRM": "brm", "BCP": "bcp", "BRO": "bro", "BRO ready": "bro", "BCL": "bcl", "BCS": "bcs", "BST": "bst", "BSD": "bsd"}
FLAGS |= {"BSM": "bsm", "CHM": "crm_00", "CRM": "crm_00", "CRM AA": "crm_aa", "CML": "cml", "CRO": "cro", "CRO ready": "cro"}
FLAGS |= {"CCS": "ccs", "CST": "cst", "CSD": "csd"}
LIMIT = 2


def numbered(n: int):
    """A battery report whose fields belong together, so that a payload mixed of two would show."""
    return BATTERY._replace(
        voltage_v=round(300 + n / 10, 1), current_a=round(n / 10, 1), remaining_min=n, demand_a=round(n / 10, 1)
    )


class BadChannel:
    """Loses, delays, duplicates and so reorders frames; the same seed does the same."""

    def __init__(self, seed: int, *, loss: float, double: float, jitter_us: int) -> None:
        self._random = random.Random(seed)
        self._loss, self._double, self._jitter_us = loss, double, jitter_us

    def __call__(self, frame, at):
        draw = self._random
        copies = 0 if draw.random() < self._loss else 2 if draw.random() < self._double else 1
        return [at + LATENCY_US + draw.randint(0, self._jitter_us) for _ in range(copies)]


class BothOnABadWire(RuleBasedStateMachine):
    """Two sessions, any of the editions, people who start, stop, pause and unplug, and a wire of any quality."""

    @initialize(
        editions=st.tuples(st.sampled_from(list(EDITIONS)), st.sampled_from(list(EDITIONS))),
        quick=st.booleans(),
        grant=st.sampled_from((1, 2, 255)),
        to=st.sampled_from([None, None, *(state for state in C if state in rules.ACTIVE), C.CHARGING, C.CHARGING]),
    )
    def begin(self, editions, quick, grant, to):
        hardware = Hardware(insulation_us=300_000, match_us=0 if quick else 700_000, prepare_us=0 if quick else 900_000)
        habits = ChargerHabits(reconnects=LIMIT, transport=TransportHabits(grant_packets=grant))
        charger, bms = (EDITIONS[name] for name in editions)
        self.t = Together(charger=charger, bms=bms, hardware=hardware, charger_habits=habits)
        self.n, self.seen, self.events_seen = 0, 0, 0
        self.rank, self.identified, self.reentries, self.limits = 0, False, 0, []
        self.t.plug_in()
        while to and self.t.charger.state is not to and self.t.now < 20_000_000:
            self.t.run(self.t.due)

    @rule(seed=st.integers(0, 1 << 30), loss=st.sampled_from((0, 0, 0.02, 0.3)), double=st.sampled_from((0, 0.1)))
    def wire(self, seed, loss, double):
        self.t.channel = BadChannel(seed, loss=loss, double=double, jitter_us=0 if seed % 3 else 30_000)

    @rule(
        names=st.sets(
            st.sampled_from(["BRM", "BCP", "BRO", "BCL", "BCS", "BSM", "BST", "BSD", "BEM", "CRM", "CCS", "CST", "CEM"])
        )
    )
    def lose(self, names):
        self.t.channel = lambda frame, at: () if name_of(frame) in names else (at + LATENCY_US,)

    @rule(us=st.integers(0, 100_000))
    def wait_little(self, us):
        self.wait(us)

    @rule(us=st.integers(0, 7_000_000))
    def wait(self, us):
        self.n += 1
        self.t.battery = numbered(self.n % 600)._replace(permitted=self.t.battery.permitted)
        self.t.wait(us)

    @rule()
    def wait_for_charging(self):
        self.t.channel = lambda frame, at: (at + LATENCY_US,)
        self.t.wait(4_000_000)

    @rule(permitted=st.booleans())
    def permit(self, permitted):
        self.t.battery = self.t.battery._replace(permitted=permitted)
        self.t.wait(300_000)

    @rule(cause=st.sampled_from(list(StopCause)), mind=st.integers(0, 3))
    def stop(self, cause, mind):
        if mind == 0:
            self.t.act(self.t.charger.stop, cause)

    @rule(cause=st.sampled_from(list(BmsStopCause)), mind=st.integers(0, 3))
    def vehicle_stop(self, cause, mind):
        if mind == 0:
            self.t.act(self.t.bms.stop, cause)

    @rule()
    def output_ready_at_any_time(self):
        if self.t.charger.state is not C.PRECHARGE:
            self.t.act(self.t.charger.output_ready)

    @rule(mind=st.integers(0, 3))
    @precondition(lambda self: self.t.charger.state is not C.IDLE)
    def unplug(self, mind):
        if mind:
            return
        self.t.unplug()
        self.look()
        before = len(self.t.frames)

        assert (self.t.charger.state, self.t.bms.state) == (C.IDLE, B.ASLEEP)
        self.t.wait(5_000_000)
        assert len(self.t.frames) == before and self.t.charger.deadline is None and self.t.bms.deadline is None
        assert self.t.charger.reconnects == 0 and not self.t.charger.latest

    @rule()
    @precondition(lambda self: self.t.charger.state is C.IDLE)
    def plug_in(self):
        self.rank, self.identified, self.reentries = 0, False, 0
        self.t.plug_in()

    # ---- what must hold --------------------------------------------------------------------------------------------

    @invariant()
    def look(self):
        if not hasattr(self, "t"):
            return
        for event in self.t.events[self.events_seen :]:
            if isinstance(event.what, TimedOut) and event.what.timer in FLAGS:
                self.limits.append(event)
        self.events_seen = len(self.t.events)
        for sent in self.t.frames[self.seen :]:
            self.addressed_and_sized(sent)
            if sent.who == "charger":
                self.in_the_order_of_the_phases(sent)
            if sent.name in ("CEM", "BEM"):
                self.tells_the_limit(sent)
        self.seen = len(self.t.frames)
        self.current_only_while_all_is_well()
        self.whole_payloads_only()

    def addressed_and_sized(self, sent):
        """Invariant 1."""
        assert sent.frame.extended
        assert sent.frame.can_id & 0xFFFF == (0xF456 if sent.who == "charger" else 0x56F4)
        transport = sent.frame.can_id >> 16 & 0xFE == 0xEA or sent.frame.can_id >> 16 & 0xFF in (0xEB, 0xEC)
        assert len(sent.frame.data) in ({8} if transport else LENGTHS[sent.name])

    def in_the_order_of_the_phases(self, sent):
        """Invariants 3 and 9."""
        if sent.frame.can_id >> 16 & 0xFF in (0xEB, 0xEC) or sent.name == "CEM":
            return
        rank, unidentified = RANK[sent.name], sent.name == "CRM" and sent.frame.data[0] == 0
        if unidentified and self.identified | (self.rank > 1):
            self.reentries += 1
            self.identified = False
            assert self.reentries <= LIMIT
        else:
            assert rank >= self.rank, f"{sent.name} after a message of phase {self.rank}"
        self.rank, self.identified = rank, self.identified or (sent.name == "CRM" and not unidentified)

    def tells_the_limit(self, sent):
        """Invariant 8."""
        edition = (self.t.charger if sent.who == "charger" else self.t.bms).edition
        flags = {name for name, value in edition.messages[sent.name].decode(sent.frame.data).as_dict().items() if value == 1}
        limit = [event for event in self.limits if event.who == sent.who and event.now <= sent.now][-1]
        assert flags == {FLAGS[limit.what.timer]}
        assert (sent.now - limit.now) % 250_000 == 0

    def current_only_while_all_is_well(self):
        """Invariants 6 and 7, as far as they are the session's."""
        demand = self.t.charger.demand
        if demand.current_a <= 0:
            return
        latest, charger = self.t.charger.latest, self.t.charger
        assert charger.state is C.CHARGING
        assert {"BCL", "BCS", "BCP"} <= latest.keys()
        assert "BSM" not in latest or latest["BSM"].permitted == 1
        for name in ("BCL", "BCS"):
            due = charger._talk.timers._due[name]
            assert self.t.now <= due <= self.t.now + charger.edition.limits[name].us
        assert demand.current_a <= min(latest["BCL"].current_a, latest["BCP"].current_max_a, charger.rating.current_max_a)
        assert demand.voltage_v <= latest["BCL"].voltage_v

    def whole_payloads_only(self):
        """Invariant 12."""
        bcs = self.t.charger.latest.get("BCS")
        if bcs is not None and self.n:
            n = bcs.remaining_min
            assert (bcs.voltage_v, bcs.current_a) in ((300 + n / 10, n / 10), (BATTERY.voltage_v, BATTERY.current_a))

    def teardown(self):
        """Invariant 14: on a dead wire both sides come to an end by themselves, and unplugging ends everything at once."""
        if not hasattr(self, "t"):
            return
        self.t.channel = lambda frame, at: ()
        plugged = self.t.charger.state is not C.IDLE
        self.t.wait(200_000_000)
        if plugged:
            assert (self.t.charger.state, self.t.bms.state) == (C.END, B.END)
            assert self.t.charger.end is not None and self.t.bms.end is not None
        self.look()
        self.t.unplug()
        assert (self.t.charger.state, self.t.bms.state) == (C.IDLE, B.ASLEEP)


BothOnABadWire.TestCase.settings = settings(max_examples=200, stateful_step_count=20, deadline=None)
TestBothOnABadWire = BothOnABadWire.TestCase


@settings(max_examples=10, deadline=None)
@given(seed=st.integers(0, 1 << 30), loss=st.floats(0, 0.3), jitter_us=st.integers(0, 20_000))
def test_without_a_ready_output_there_is_no_cro_aa_and_no_current(seed, loss, jitter_us):
    """Invariant 4."""
    t = Together(hardware=Hardware(match_us=None), channel=BadChannel(seed, loss=loss, double=0.1, jitter_us=jitter_us))
    t.plug_in()
    for _ in range(40):
        t.act(t.charger.output_ready) if t.charger.state not in (C.PRECHARGE,) else None
        t.wait(1_000_000)

    assert not t.times("CRO", b"\xaa")
    assert not t.times("CCS")


@settings(deadline=None)
@given(
    demand_v=st.floats(0, 1000),
    demand_a=st.floats(0, 400),
    most_a=st.floats(0, 400),
    pack_v=st.floats(200, 1000),
    rating=st.builds(ChargerRating, voltage_max_v=st.floats(200, 1000), current_max_a=st.floats(0, 400)),
)
def test_the_demand_never_exceeds_any_limit(demand_v, demand_a, most_a, pack_v, rating):
    """Invariant 7; only the charger's least voltage may raise the demanded one, and never above the vehicle's greatest."""
    bcl = BCL(voltage_v=demand_v, current_a=demand_a, mode=2)
    bcp = BCP(
        cell_voltage_max_v=4.2,
        current_max_a=most_a,
        energy_kwh=50,
        voltage_max_v=pack_v,
        temp_max_degc=50,
        soc_pct=50,
        voltage_v=300,
    )

    demand = demand_within(rating, bcl, bcp, heeds_bcp_current=True)

    assert 0 <= demand.current_a <= min(demand_a, most_a, rating.current_max_a)
    assert demand.voltage_v <= min(max(demand_v, rating.voltage_min_v), pack_v, rating.voltage_max_v)


LEAST = {"2011": -6153.5, "2015": -6153.5, "2015+3000A": -3553.5}
"""What 16 bits with an offset of -400 A, or -3000 A, can carry of a discharge current."""


@pytest.mark.parametrize(
    "edition", [EDITIONS["2011"], EDITIONS["2015"], supercharge(EDITIONS["2015"])], ids=lambda edition: edition.name
)
def test_a_measurement_beyond_the_wire_is_sent_as_the_nearest_value(edition):
    """Invariant 2: nothing wraps."""
    t = Together(charger=edition, bms=edition)
    t.battery = BATTERY._replace(current_a=5000.0, demand_a=-9000.0, demand_v=-1.0, soc_pct=300.0, cell_max_v=99.0)
    t.measured = t.measured._replace(voltage_v=-5.0, current_a=9999.0, energy_wh=1e9)
    t.plug_in()
    t.wait(3_500_000)

    bcl, ccs = (next(sent.frame.data for sent in t.frames if sent.name == name) for name in ("BCL", "CCS"))

    assert edition.messages["BCL"].decode(bcl).as_dict() == {"voltage_v": 0.0, "current_a": LEAST[edition.name], "mode": 2}
    assert edition.messages["CCS"].decode(ccs).voltage_v == 0
    assert t.charger.demand.current_a == 0
