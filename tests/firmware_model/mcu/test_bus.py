"""Bus-off as the firmware handles it: a pause, an order to return, and an end to the charge if it comes again and again."""

import pytest

from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.board import NEVER, BusState
from firmware_model.faults.fault import Fault
from firmware_model.happenings import Moment, Step
from firmware_model.mcu.bus import BusWatch
from firmware_model.mcu.protection import Fault as PileFault
from firmware_model.mcu.settings import ControllerSettings
from firmware_model.wires.can_errors import Corruption, ErrorState
from protocols.core.errors import LocalError
from protocols.gbt27930.bms_rules import BmsStopCause
from protocols.gbt27930.charger_rules import ChargerState

S = 1_000_000
OFF, ACTIVE = BusState.BUS_OFF, BusState.ERROR_ACTIVE
SETTINGS = ControllerSettings(bus_off_pause_us=1_000, bus_off_limit=3, bus_off_window_us=1_000_000)


def test_the_order_to_return_comes_once_and_after_the_pause():
    watch = BusWatch(SETTINGS)

    assert not watch.look(OFF, 10) and watch.due == 1_010
    assert not watch.look(OFF, 1_009)
    assert watch.look(OFF, 1_010) and not watch.look(OFF, 2_000) and watch.due == NEVER
    assert not watch.lost


def test_the_third_time_within_the_window_is_too_often_and_is_forgotten_after_it():
    watch, now = BusWatch(SETTINGS), 0
    for _ in range(3):
        assert not watch.lost
        watch.look(OFF, now)
        watch.look(ACTIVE, now + 10_000)
        now += 400_000
    assert watch.lost and watch.due == 800_000 + 1_000_001

    watch.look(ACTIVE, 800_000 + 1_000_001)
    assert not watch.lost and watch.due == NEVER


def test_three_times_further_apart_are_not():
    watch = BusWatch(SETTINGS)
    for now in (0, 600_000, 1_200_000):
        watch.look(OFF, now)
        watch.look(ACTIVE, now + 10_000)
        assert not watch.lost


@pytest.mark.parametrize("wrong", [{"bus_off_pause_us": -1}, {"bus_off_limit": 0}, {"bus_off_window_us": 0}])
def test_settings_that_make_no_sense_are_refused(wrong):
    with pytest.raises(LocalError, match="bus_off"):
        ControllerSettings(**wrong)


def destroyed(frame, sender, _):
    """Every transmission of the pile is hit in its data by an error that all see."""
    return Corruption(bit=60) if sender == "pile" else None


def bench(tickless=True):
    script = (Step("plug in", Moment()), Step("start", Moment(S)), Step("stop", Moment(20 * S, "CHARGING")))
    made = Bench(PileSetup(level="quasi_static", tickless=tickless), VehicleSetup(), seed=1, script=script)
    states = []
    inform = made.pile.port.on_state
    made.pile.port.on_state = lambda state, now: (states.append((state, now)), inform(state, now))
    while made.charger.session.state is not ChargerState.CHARGING:
        made.run(made.clock.now + S // 10)
    made.run(made.clock.now + 3 * S)
    return made, states


@pytest.mark.parametrize("tickless", [True, False])
def test_one_bus_off_is_got_over_and_the_charge_goes_on(tickless):
    b, states = bench(tickless)
    began, b.bus.corruptor = b.clock.now, destroyed
    while not b.pile.port.errors.bus_off:
        b.run(b.clock.now + 1_000)
    assert b.clock.now - began < 100_000  # 32 errors of 8 (ISO 11898-1)
    b.bus.corruptor = None
    b.run(b.clock.now + S)

    (off,) = [at for state, at in states if state is ErrorState.BUS_OFF]
    back = next(at for state, at in states if state is ErrorState.ERROR_ACTIVE and at > off)
    assert 50_000 + 5_632 <= back - off <= 150_000
    b.run(60 * S)
    assert b.at_rest and not b.charger.faults and b.vehicle.session.cause is BmsStopCause.BY_CHARGER


def test_a_bus_that_does_not_let_us_back_ends_the_charge_safely():
    b, states = bench()
    b.bus.corruptor = destroyed
    b.run(b.clock.now + 30 * S)

    assert sum(state is ErrorState.BUS_OFF for state, _ in states) >= 3
    assert PileFault.BUS in b.charger.faults
    assert not b.pile.circuit.k1.closed(b.clock.now) and abs(b.pile.circuit.current_a) < 5.0 and b.pile.circuit.interface_v < 60.0


def test_what_waited_in_the_mailboxes_is_not_sent_after_the_return():
    b, _ = bench()
    b.bus.corruptor = destroyed
    while not b.pile.port.errors.bus_off:
        b.run(b.clock.now + 1_000)
    b.bus.corruptor = None
    assert b.pile.port.pending
    b.run(b.clock.now + 52_000)

    assert b.pile.port.errors.bus_off and b.pile.port.pending <= 1


def test_a_pile_without_a_bus_side_supply_goes_on_in_its_session_and_stops_by_its_time_limits():
    script = (Step("plug in", Moment()), Step("start", Moment(S)))
    b = Bench(
        PileSetup(level="quasi_static"), VehicleSetup(), seed=1, script=script,
        faults=[Fault(2 * S, None, "isolation/can_pile", "supply lost", after="CHARGING")],
    )  # fmt: skip
    b.run(120 * S)

    assert PileFault.COMMUNICATION in b.charger.faults and not b.pile.circuit.k1.closed(b.clock.now)
