"""A pile and a vehicle together: what must hold at every step of the plant, whatever people and the wire do."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.faults.fault import Fault
from firmware_model.happenings import ACTIONS, PHASES, Moment, Step
from firmware_model.mcu.sequence import PileState
from firmware_model.vehicle import Owner
from protocols.core.errors import LocalError
from protocols.gbt27930.charger_rules import ChargerState as C
from protocols.gbt27930.messages import BCL, BCP

S = 1_000_000
START = [Step("plug in", Moment()), Step("start", Moment(S))]
CRO_READY, BCL_ID = 0x100AF456, 0x181056F4


class Watched:
    """A bench whose physical truth is held against the invariants after every step of the plant."""

    def __init__(self, script, lost=(), *, seed=1):
        vehicle = VehicleSetup(soc_pct=50, owner=Owner(soc_target_pct=50.5))
        self.bench = Bench(PileSetup(), vehicle, seed=seed, script=script, faults=lost)
        self.closed, self.stage_v, self.demands = False, 0.0, []
        self.asked_at, self.entitled_at, self.fed = 0, 0, False
        record = self.bench.pile.observe
        self.bench.pile.observe = lambda now: (record(now), self.look(now))
        self.bench.bus.tap(self.hear)
        self.receive, self.bench.pile.port.receive = self.bench.pile.port.receive, self.asked

    def look(self, now):
        bench = self.bench
        circuit, session, pile = bench.pile.circuit, bench.charger.session, bench.pile
        closed = circuit.k1.closed(now) and circuit.k2.closed(now)
        if closed and not self.closed:
            self.closing(now)
        self.closed, self.stage_v = closed, circuit.stage_v
        self.entitled(now)
        self.auxiliary(now)
        if pile.pilot.inserted and not pile.lock.feedback(now):
            assert circuit.interface_v < 60 and abs(circuit.current_a) < 1, "GB/T 18487.1 B.3.7: unlocked under voltage or load"
        if session.state in (C.IDLE, C.HANDSHAKE, C.IDENT_00, C.IDENT_AA, C.CONFIG):
            assert abs(circuit.current_a) < 5, f"{circuit.current_a:.1f} A while {session.state.name}"
        bcl = session.latest.get("BCL")
        if session.state is C.CHARGING and isinstance(bcl, BCL):
            self.demands = [(at, a) for at, a in self.demands if at > now - 3 * S] + [(now, bcl.current_a)]
            most = max(a for _, a in self.demands)  # a smaller demand is followed at the standard's rate
            assert circuit.current_a <= 1.01 * most + 1.5, "invariant 7: more current than demanded"
            assert circuit.interface_v <= 1.005 * bcl.voltage_v + 2, "invariant 7: more voltage than demanded"

    def entitled(self, now):
        """Invariant 6, with the time that the standard gives to react and to ramp down at 100 A/s or more."""
        pile, session = self.bench.pile, self.bench.charger.session
        connected = 3.2 <= pile.pilot.cc1_v <= 4.8 and pile.lock.feedback(now)
        if connected and session.state is C.CHARGING and now - self.asked_at < S:
            self.entitled_at = now
        if pile.circuit.current_a > 5:
            assert now - self.entitled_at < 2.5 * S, f"{pile.circuit.current_a:.0f} A while {session.state.name}"
            assert connected or now - self.entitled_at < 0.3 * S, "current through a connector that is not safe"

    def auxiliary(self, now):
        """Invariant 11: K3/K4 open when the session is over, or a fault cuts the supply."""
        fed = self.bench.pile.auxiliary.k3.closed(now)
        if self.fed and not fed:
            assert self.bench.charger.session.state in (C.END, C.IDLE) or self.bench.charger.faults
        self.fed = fed

    def closing(self, now):
        """Invariant 5: K1/K2 close on a dead interface in the insulation test, or just below the battery."""
        vehicle, state = self.bench.vehicle, self.bench.charger.session.state
        if state is C.SELFTEST:
            assert not vehicle.inlet.closed(now)
        else:
            below = vehicle.pack.voltage_v - self.stage_v
            assert state is C.PRECHARGE and -1 <= below <= 12, f"closed {below:.1f} V below the battery while {state.name}"

    def asked(self, frame, now):
        """What reaches the pile, for what the wire loses does not count."""
        if frame.can_id == BCL_ID:
            self.asked_at = now
        self.receive(frame, now)

    def hear(self, now, frame, _):
        if frame.can_id == CRO_READY and frame.data == b"\xaa":
            circuit, bcp = self.bench.pile.circuit, self.bench.charger.session.latest["BCP"]
            assert isinstance(bcp, BCP) and abs(circuit.interface_v - bcp.voltage_v) <= 0.05 * bcp.voltage_v, "invariant 4"
            assert circuit.k1.closed(now) and circuit.k2.closed(now), "invariant 4"


def safe(bench):
    circuit, now = bench.pile.circuit, bench.clock.now
    contacts_open = not circuit.k1.closed(now) and not circuit.k2.closed(now)
    return contacts_open and abs(circuit.current_a) < 5 and circuit.interface_v < 60 and not bench.pile.lock.feedback(now)


def test_a_charge_keeps_every_invariant_and_ends_in_order():
    watched = Watched(START)

    assert watched.bench.run(200 * S)

    assert watched.bench.charger.session.end.orderly
    assert watched.bench.charger.state is PileState.FINISHED and safe(watched.bench)


moments = st.builds(Moment, st.integers(0, 8 * S), st.none() | st.sampled_from([p for p in PHASES if p not in ("IDLE", "END")]))
steps = st.builds(Step, st.sampled_from([action for action in ACTIONS if action not in ("plug in", "start")]), moments)
names = st.sampled_from(["CHM", "BHM", "CRM", "BRM", "BCP", "CML", "BRO", "CRO", "BCL", "BCS", "CCS", "BST", "CST", "BSD"])
losses = st.builds(
    lambda name, moment, lasts_us: Fault(moment.at_us, moment.at_us + lasts_us, f"wire/{name}", "drop", after=moment.after),
    *(names, moments, st.integers(100_000, 8 * S)),
)


@settings(max_examples=12)
@given(st.lists(steps, max_size=3), st.lists(losses, max_size=2), st.integers(0, 99))
@example([Step("unplug", Moment(1_000, "CHARGING"))], [], 1)
@example([Step("press button", Moment(500_000, "CHARGING")), Step("release button", Moment(700_000, "CHARGING"))], [], 1)
@example([Step("mains off", Moment(0, "PRECHARGE")), Step("mains on", Moment(S, "PRECHARGE"))], [], 1)
def test_whatever_people_and_the_wire_do_the_invariants_hold_and_unplugging_ends_it(more, lost, seed):
    pulled = [Step("unplug", Moment(45 * S))]
    watched = Watched([*START, *more, *pulled], lost, seed=seed)

    watched.bench.run(60 * S)

    assert watched.bench.charger.state is PileState.IDLE
    assert watched.bench.charger.session.state is C.IDLE
    assert safe(watched.bench)


@pytest.mark.parametrize(
    "build, words",
    [
        (lambda: Bench(PileSetup(), VehicleSetup(), seed=1, script=[Step("dance", Moment())]), "plug in"),
        (lambda: Bench(PileSetup(), VehicleSetup(), seed=1, faults=[Fault(0, 1, "wire/BLC", "drop")]), "BCL"),
        (lambda: Moment(0, "LUNCH"), "CHARGING"),
    ],
)
def test_what_does_not_exist_is_refused_with_what_there_is(build, words):
    with pytest.raises(LocalError, match=words):
        build()


def test_a_generator_depends_on_seed_and_path_only():
    bench = Bench(PileSetup(), VehicleSetup(), seed=5)

    first = [bench.draw("a/b").integers(1 << 30), bench.draw("c").integers(1 << 30)]
    again = [bench.draw("c").integers(1 << 30), bench.draw("a/b").integers(1 << 30)]

    assert first == again[::-1]
    assert first[0] != first[1]
