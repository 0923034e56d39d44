import pytest

from firmware_model.board import NEVER, Din
from firmware_model.mcu.drivers import CONNECTED
from firmware_model.mcu.protection import GUARDS, LATE_FAULTS, Fault, Guards
from firmware_model.mcu.sequence import CLOSED, COILS, LIMITS, TRANSITIONS, PileState, Step
from firmware_model.mcu.settings import ControllerSettings

SETTINGS = ControllerSettings()
GOOD = {
    state: CONNECTED
    | Din.MAINS_OK
    | Din.EARTH_OK
    | (Din.LOCKED if COILS[state] & 1 else 0)
    | (Din.K1_CLOSED | Din.K2_CLOSED if COILS[state] & 2 else 0)
    | (Din.K3_CLOSED | Din.K4_CLOSED if COILS[state] & 4 else 0)
    for state in PileState
}


@pytest.mark.parametrize("state", PileState)
def test_nothing_is_wrong_when_all_contacts_follow(state):
    guards = Guards(SETTINGS)

    assert not guards.check(state, int(GOOD[state]), 0)
    assert guards.due == NEVER


@pytest.mark.parametrize("guard", GUARDS, ids=lambda g: f"{g.fault.name if g.fault else 'STOP'}")
def test_each_guard_fires_exactly_after_its_debounce_time_and_once(guard):
    state = min(guard.states, key=lambda s: s.value)
    word = int(GOOD[state])
    wrong = word & ~guard.bits if guard.good else word | guard.bits
    hold_us = getattr(SETTINGS, guard.hold)
    guards = Guards(SETTINGS)

    assert guard not in guards.check(state, wrong, 5_000)
    assert guards.due <= 5_000 + hold_us
    assert guard not in guards.check(state, wrong, 5_000 + hold_us - 1)
    assert guard in guards.check(state, wrong, 5_000 + hold_us)
    assert guard not in guards.check(state, wrong, 5_000 + 2 * hold_us)


@pytest.mark.parametrize("guard", GUARDS, ids=lambda g: f"{g.fault.name if g.fault else 'STOP'}")
def test_an_interruption_of_the_condition_starts_the_time_again(guard):
    state = min(guard.states, key=lambda s: s.value)
    word = int(GOOD[state])
    wrong = word & ~guard.bits if guard.good else word | guard.bits
    hold_us = getattr(SETTINGS, guard.hold)
    guards = Guards(SETTINGS)

    guards.check(state, wrong, 0)
    guards.check(state, word, hold_us - 1)
    fired = guards.check(state, wrong, hold_us)

    assert guard not in fired
    assert guard in guards.check(state, wrong, 2 * hold_us)


@pytest.mark.parametrize("contact", [Din.K1_CLOSED, Din.K2_CLOSED, Din.K3_CLOSED, Din.K4_CLOSED])
def test_one_contact_of_a_pair_is_enough(contact):
    guards = Guards(SETTINGS)
    word = int(GOOD[PileState.CHARGE]) & ~int(contact)

    guards.check(PileState.CHARGE, word, 0)

    assert [g.fault for g in guards.check(PileState.CHARGE, word, 1_000_000)]


def test_a_fault_that_demands_open_contacts_moves_every_state_with_closed_ones():
    for guard in GUARDS:
        if guard.step in (Step.FAULT, Step.CUT):
            for state in guard.states & set(CLOSED):
                assert (state, guard.step) in TRANSITIONS, (guard.fault, state)


def test_every_time_limit_that_is_a_failure_has_a_name():
    assert set(LIMITS) - set(LATE_FAULTS) == {PileState.TRIP, PileState.CUT_TRIP}
    assert {fault for fault, _ in LATE_FAULTS.values()} <= set(Fault)


def test_no_start_while_anything_guarded_at_the_start_is_wrong():
    guards = Guards(SETTINGS)
    ready = CONNECTED | Din.MAINS_OK | Din.EARTH_OK

    assert guards.startable(int(ready))
    for bit in (Din.EMERGENCY_STOP, Din.STOP, Din.DOOR_OPEN, Din.K1_CLOSED, Din.K2_CLOSED):
        assert not guards.startable(int(ready | bit))
    assert not guards.startable(int(ready & ~Din.MAINS_OK)) and not guards.startable(int(ready & ~Din.EARTH_OK))
