"""What the tables of the hardware sequence promise, whatever runs them."""

import pytest

from firmware_model.board import Dout
from firmware_model.mcu.sequence import COILS, LIMITS, MOVING, STARTED, TRANSITIONS, PileState, Step
from firmware_model.mcu.sequencer import Sequencer
from firmware_model.mcu.settings import ControllerSettings

P = PileState


def test_the_stage_and_the_contactors_work_only_behind_lock_and_auxiliary_supply():
    behind = Dout.LOCK | Dout.K3K4
    for state, coils in COILS.items():
        if coils & (Dout.STAGE | Dout.K1K2 | Dout.MONITOR):
            assert coils & behind == behind, state


def test_stage_and_bleeder_never_work_against_each_other():
    assert not [state for state, coils in COILS.items() if coils & Dout.STAGE and coils & Dout.BLEEDER]


def test_k1_k2_close_only_from_a_test_ramp_or_a_precharge():
    """Invariant 5: in the insulation test, or matched to the battery."""
    closing = {
        (edge.before, edge.after)
        for edge in TRANSITIONS.values()
        if COILS[edge.after] & Dout.K1K2 and not COILS[edge.before] & Dout.K1K2
    }
    assert closing == {(P.TEST_RAMP, P.TEST_CLOSE), (P.PRECHARGE, P.CLOSE)}


def test_the_lock_opens_only_from_aux_off_when_safe():
    opening = {
        (edge.before, edge.given)
        for edge in TRANSITIONS.values()
        if COILS[edge.before] & Dout.LOCK and not COILS[edge.after] & Dout.LOCK
    }
    assert opening == {(P.AUX_OFF, Step.SAFE)}


def test_a_move_that_opens_k1_k2_under_way_comes_from_a_state_without_current():
    opening = {
        edge.before for edge in TRANSITIONS.values() if COILS[edge.before] & Dout.K1K2 and not COILS[edge.after] & Dout.K1K2
    }
    assert opening == {P.TEST_BLEED, P.RAMP_DOWN, P.TRIP, P.CUT_TRIP}


@pytest.mark.parametrize("state", PileState)
def test_every_state_can_be_reached_and_left_towards_idle(state):
    def reach(start):
        seen, new = set(), {start}
        while new:
            seen |= new
            new = {e.after for e in TRANSITIONS.values() if e.before in new} - seen
        return seen

    assert state in reach(P.IDLE) and P.IDLE in reach(state)


def test_every_limit_has_its_setting_and_its_rule():
    for state, setting in LIMITS.items():
        assert getattr(ControllerSettings(), setting) > 0
        only_an_alarm = state is P.AUX_OFF  # what is live stays locked
        assert only_an_alarm or (state, Step.LATE) in TRANSITIONS


@pytest.mark.parametrize("state", sorted(STARTED, key=lambda s: s.value))
def test_no_started_state_waits_for_ever(state):
    """It has a limit, waits for the session (which has limits), or waits for the interface to be safe."""
    follows_session = (state, Step.SESSION_OVER) in TRANSITIONS
    assert state in LIMITS or follows_session or state is P.AUX_OFF


def test_every_rule_names_its_source():
    assert all(edge.clause for edge in TRANSITIONS.values())


def test_states_without_moving_values_are_not_polled():
    assert not MOVING & {P.IDLE, P.HANDSHAKE, P.TEST_MEASURE, P.IDENTIFY, P.READY, P.CHARGE, P.PAUSE, P.SETTLED, P.FINISHED}
    assert all(hasattr(Sequencer, f"_in_{state.name.lower()}") for state in MOVING)
