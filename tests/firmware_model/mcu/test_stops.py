"""Reactions to stops and faults while charging, GB/T 18487.1-2015 B.3.6, B.3.7 and GB/T 34657.1-2017 D0.45xx, D0.5xxx."""

import pytest

from firmware_model.board import Dout
from firmware_model.mcu.sequence import PileState as P
from protocols.gbt27930.bms_rules import BmsStopCause
from protocols.gbt27930.charger_rules import ChargerState

S = 1_000_000
MS = 1_000


@pytest.fixture
def charging(bench):
    return bench(car={"demand_a": 100.0}).charge(6 * S)


def press_stop(b):
    b.set(b.pile, stop_pressed=True)
    b.run(50 * MS)
    b.set(b.pile, stop_pressed=False)


def unlocked(b):
    return not b.pile.lock.locked(b.now)


EMERGENCIES = {
    "emergency stop": lambda b: b.set(b.pile.emergency, pressed=True),
    "wire of the emergency stop broken": lambda b: b.set(b.pile.emergency, wire_broken=True),
    "connector pulled out": lambda b: b.pull_out(),
    "protective earth between pile and vehicle lost": lambda b: b.set(b.pile.pilot, earth_connected=False),
    "earth relay": lambda b: b.set(b.pile, earth_ok=False),
    "stage fault": lambda b: b.set(b.pile, stage_fault=True),
    "door open": lambda b: b.set(b.pile, door_open=True),
    "switch S opened": lambda b: b.set(b.pile.pilot, button_pressed=True),
    "lock failed": lambda b: b.set(b.pile.lock, feedback_stuck=False),
    "contactor dropped": lambda b: b.set(b.circuit.k1, stuck_open=True),
}


@pytest.mark.parametrize("name", EMERGENCIES)
def test_a_fault_opens_k1_k2_and_sends_cst_within_100_ms(charging, name):
    b = charging
    happened = b.now

    EMERGENCIES[name](b)
    b.when(lambda: b.contacts_open, limit_us=100 * MS)
    b.run(happened + 100 * MS - b.now)

    assert b.contacts_open and not b.pile.board.outputs.gpio & Dout.K1K2
    assert b.sent("CST") and b.sent("CST")[0][0] <= happened + 100 * MS
    assert b.controller.faults


@pytest.mark.parametrize("name", ["switch S opened", "lock failed", "connector pulled out"])
def test_an_unsafe_connector_has_at_most_5_a_within_50_ms(charging, name):
    b = charging

    EMERGENCIES[name](b)

    assert b.when(lambda: abs(b.circuit.current_a) <= 5, limit_us=50 * MS) <= 50 * MS


@pytest.mark.parametrize("name", EMERGENCIES)
def test_contacts_never_break_more_than_5_a_even_on_a_fault(charging, name):
    b = charging
    b.circuit.events()

    EMERGENCIES[name](b)
    b.run(200 * MS)

    broken = [e for e in b.circuit.events() if type(e).__name__ == "Broken" and e.where == "K1/K2"]
    by_itself = name == "contactor dropped"
    assert by_itself or not [e for e in broken if abs(e.current_a) > 5]


def test_contacts_open_within_100_ms_even_if_the_current_seems_to_stay(charging):
    b = charging
    b.set(b.circuit.instruments.current_a, frozen=True)

    b.set(b.pile.emergency, pressed=True)

    assert b.when(lambda: b.contacts_open, limit_us=100 * MS) <= 100 * MS


def test_a_current_that_does_not_follow_a_stop_is_cut_off_as_over_current(charging):
    b = charging
    b.set(b.circuit.instruments.current_a, frozen=True)

    press_stop(b)
    b.when(lambda: b.contacts_open, limit_us=2 * S)

    assert b.faults() == {"OVER_CURRENT"}


def test_the_emergency_stop_is_told_as_such(charging):
    b = charging

    b.set(b.pile.emergency, pressed=True)
    b.run(100 * MS)

    assert b.sent("CST")[0][1] == bytes.fromhex("1000F1F0")
    assert b.faults() == {"EMERGENCY_STOP"}


def test_an_operators_stop_is_told_as_manual_and_is_no_fault(charging):
    b = charging

    press_stop(b)
    b.until(P.FINISHED)

    assert b.sent("CST")[0][1] == bytes.fromhex("0400F0F0")
    assert not b.faults() and not b.pile.alarm_on


@pytest.mark.parametrize("who", ["charger", "vehicle"])
def test_a_stop_ramps_down_at_100_a_per_s_or_more_and_opens_at_5_a(charging, who):
    b = charging
    before_a = b.circuit.current_a
    assert before_a > 90
    b.circuit.events()

    press_stop(b) if who == "charger" else b.car.stop(b.now)
    began = b.sent("CST")[0][0] if b.sent("CST") else b.now
    b.when(lambda: abs(b.circuit.current_a) <= 5, limit_us=2 * S)
    fell_us = b.now - began
    b.when(lambda: b.contacts_open, limit_us=100 * MS)

    assert (before_a - 5) / fell_us * 1e6 >= 100
    assert not [e for e in b.circuit.events() if type(e).__name__ == "Broken"]
    ordered_a = next(amps for at, gpio, amps in b.flowing if at >= began and not gpio & Dout.K1K2)
    assert ordered_a <= 5.2, "K1/K2 are told to open at 5 A, measured to a count"


def test_a_stop_by_the_vehicle_is_answered_as_such(charging):
    b = charging

    b.car.stop(b.now, BmsStopCause.SOC_REACHED if hasattr(BmsStopCause, "SOC_REACHED") else None)
    b.until(P.FINISHED)

    assert b.sent("CST")[0][1] == bytes.fromhex("4000F0F0")
    assert b.controller.session.end.orderly


def test_k3_k4_open_only_after_the_statistics(charging):
    b = charging

    press_stop(b)
    b.until(P.AUX_OFF)

    assert b.controller.session.state is ChargerState.END
    assert b.sent("CSD") and "BSD" in b.controller.session.latest
    assert all(gpio & Dout.K3K4 for at, gpio, *_ in b.outputs if b.sent("CST")[0][0] <= at < b.sent("CSD")[-1][0])


def test_the_output_is_below_60_v_one_second_after_separation(charging):
    b = charging

    b.set(b.pile.emergency, pressed=True)
    b.when(lambda: b.contacts_open, limit_us=100 * MS)

    assert b.when(lambda: b.circuit.stage_v < 60, limit_us=1 * S) <= 1 * S


def test_the_connector_is_unlocked_only_below_60_v_and_without_current(charging):
    b = charging
    b.set(b.circuit.bleeder, burnt=True)
    b.set(b.car.inlet.k5, welded=True)
    b.set(b.car.inlet.k6, welded=True)

    press_stop(b)
    b.run(90 * S)

    assert b.circuit.interface_v > 60 and not unlocked(b)
    b.set(b.car.inlet.k5, welded=False)
    b.when(lambda: unlocked(b), limit_us=5 * S)
    assert b.circuit.interface_v < 60


def test_over_voltage_opens_k1_to_k4_within_1_s(charging):
    b = charging

    b.set(b.circuit.instruments.interface_v, gain=1.3)
    b.when(lambda: b.contacts_open and b.pile.auxiliary.voltage_v(b.now) == 0, limit_us=1 * S)

    assert "OVER_VOLTAGE" in b.faults()
    b.until(P.FINISHED)


def test_lost_mains_open_k1_k2_within_1_s_and_nothing_resumes(charging):
    b = charging

    b.set(b.pile.mains, voltage_v=0.0)
    b.when(lambda: b.contacts_open, limit_us=1 * S)
    b.run(3 * S)
    b.set(b.pile.mains, voltage_v=380.0)
    returned = b.now
    b.run(30 * S)

    assert b.state is P.FINISHED and unlocked(b)
    left_over = {0x1812F456, 0x100AF456, 0x1826F456, 0x1801F456}
    assert not [f for at, f, who in b.frames if at > returned and who == "pile" and f.can_id in left_over]


def test_a_short_dip_of_the_mains_relay_does_not_stop(charging):
    b = charging

    b.set(b.pile.mains, voltage_v=0.0)
    b.run(50 * MS)
    b.set(b.pile.mains, voltage_v=380.0)
    b.run(5 * S)

    assert b.state is P.CHARGE


def test_lost_communication_opens_k1_k2_at_once_and_charging_resumes_after_reconnecting(charging):
    b = charging

    b.car.deaf = True
    b.when(lambda: b.contacts_open, limit_us=10 * S)
    assert b.sent("CEM")
    b.run(1 * S)
    b.car.deaf = False
    b.until(P.CHARGE, limit_us=60 * S)

    assert b.controller.session.reconnects >= 1
    assert not b.faults()


def test_a_communication_that_stays_away_ends_with_alarm_and_unlock(charging):
    b = charging

    b.car.deaf = True
    b.until(P.FINISHED, limit_us=90 * S)

    assert "COMMUNICATION" in b.faults() and b.pile.alarm_on and unlocked(b)
    b.run(60 * S)
    assert b.state is P.FINISHED, "a new charge needs the connector out and in again"
    b.pull_out()
    b.run(1 * S)
    assert b.state is P.IDLE


def test_a_vehicle_pulled_away_leads_back_to_idle(charging):
    b = charging

    b.pull_out()
    b.car.port.detach(b.now)

    b.until(P.IDLE, limit_us=60 * S)
    assert not b.pile.lock.locked(b.now) and b.pile.auxiliary.voltage_v(b.now) == 0


def test_a_welded_contactor_is_found_and_the_next_charge_refused(charging):
    b = charging
    b.set(b.circuit.k1, welded=True)

    press_stop(b)
    b.until(P.FINISHED, limit_us=90 * S)
    assert "CONTACTS_WELDED" in b.faults()
    b.pull_out()
    b.until(P.IDLE)
    b.plug_in()
    b.run(10 * S)

    assert b.state is P.IDLE and b.pile.alarm_on
    b.set(b.circuit.k1, welded=False)
    b.controller.service()
    b.set(b.pile, authorised=False)
    b.run(10 * MS)
    b.set(b.pile, authorised=True)
    b.until(P.CHARGE)


def test_a_broken_auxiliary_supply_stops(charging):
    b = charging

    b.set(b.pile.auxiliary, supply_v=9.0)
    b.when(lambda: b.contacts_open, limit_us=600 * MS)

    assert "AUX_VOLTAGE" in b.faults()


def test_a_condition_of_the_charger_ends_the_charge(bench):
    from firmware_model.mcu.settings import ControllerSettings

    b = bench(settings=ControllerSettings(current_max_a=200.0, energy_limit_wh=30)).charge(1 * S)

    b.until(P.FINISHED, limit_us=60 * S)

    assert b.sent("CST")[0][1] == bytes.fromhex("0100F0F0")
    assert 30 <= b.controller.energy_wh < 35


STATES = [state for state in P if P.LOCKING.value <= state.value <= P.RAMP_DOWN.value and state is not P.PAUSE]


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("how", ["emergency", "stop"])
def test_whatever_the_state_a_stop_leads_to_open_contacts_and_unlocking(bench, state, how):
    b = bench()
    b.set(b.pile, authorised=True)
    b.plug_in()
    if state is P.RAMP_DOWN:
        b.until(P.CHARGE)
        b.run(2 * S)
        press_stop(b)
    b.until(state)

    if how == "emergency":
        b.set(b.pile.emergency, pressed=True)
        b.run(100 * MS)
        assert b.contacts_open
    else:
        press_stop(b)
    b.until(P.FINISHED, limit_us=60 * S)

    assert unlocked(b) and b.circuit.interface_v < 60
