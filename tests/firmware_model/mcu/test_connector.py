"""From plug-in to the handshake: detection point 1, lock, auxiliary supply (GB/T 18487.1-2015 B.3.2)."""

import pytest

from firmware_model.board import Dout
from firmware_model.mcu.sequence import PileState as P
from firmware_model.mcu.settings import ControllerSettings

S = 1_000_000
MS = 1_000


def at_cc1(b, volts):
    """Make detection point 1 show *volts*, by the source's voltage."""
    b.set(b.pile.pilot, inserted=True)
    pilot = b.pile.pilot
    b.set(pilot, u1_v=pilot.u1_v * volts / pilot.cc1_v)


@pytest.mark.parametrize("volts", [3.65, 4.0, 4.37])
def test_a_nominal_cc1_must_charge(bench, volts):
    b = bench()
    at_cc1(b, volts)
    b.set(b.pile, authorised=True)

    b.run(1 * S)

    assert b.state not in (P.IDLE, P.FINISHED)


@pytest.mark.parametrize("volts", [0.0, 1.0, 3.19, 4.82, 6.0, 12.0])
def test_a_cc1_outside_3_2_to_4_8_v_must_refuse(bench, volts):
    b = bench()
    at_cc1(b, volts)
    b.set(b.pile, authorised=True)

    b.run(2 * S)

    assert b.state is P.IDLE and b.pile.board.outputs.gpio == 0


@pytest.mark.parametrize("volts", [0.5, 3.15, 4.85, 6.0, 12.0])
def test_a_cc1_outside_3_2_to_4_8_v_must_stop(bench, volts):
    b = bench().charge(1 * S)

    at_cc1(b, volts)
    b.run(100 * MS)

    assert b.contacts_open and b.sent("CST")


def test_a_bouncing_plug_does_not_start(bench):
    b = bench()
    b.set(b.pile, authorised=True)
    for _ in range(20):
        b.set(b.pile.pilot, inserted=True)
        b.run(150 * MS)
        b.set(b.pile.pilot, inserted=False)
        b.run(5 * MS)

    assert b.state is P.IDLE

    b.set(b.pile.pilot, inserted=True)
    b.run(210 * MS)
    assert b.state is P.LOCKING


def test_nothing_happens_without_authorisation(bench):
    b = bench()
    b.plug_in()

    b.run(10 * S)
    assert b.state is P.IDLE

    b.set(b.pile, authorised=True)
    b.run(10 * MS)
    assert b.state is P.LOCKING


@pytest.mark.parametrize(
    "obstacle",
    [("emergency", "pressed", True), ("mains", "voltage_v", 0.0), (None, "door_open", True), (None, "earth_ok", False)],
    ids=lambda o: o[1],
)
def test_a_present_fault_refuses_the_start(bench, obstacle):
    part, name, value = obstacle
    b = bench()
    b.set(getattr(b.pile, part) if part else b.pile, **{name: value})
    b.set(b.pile, authorised=True)
    b.plug_in()

    b.run(5 * S)

    assert b.state is P.IDLE and not b.frames


def test_no_12_v_and_no_message_before_the_lock_is_confirmed(bench):
    b = bench()
    b.set(b.pile, authorised=True)
    b.plug_in()

    b.until(P.LOCKING)
    while b.state is P.LOCKING:
        assert not b.pile.board.outputs.gpio & Dout.K3K4 and not b.frames
        b.run(MS)

    assert b.pile.lock.locked(b.now)


def test_a_lock_that_is_not_confirmed_in_5_s_refuses_and_unlocks(bench):
    b = bench()
    b.set(b.pile.lock, feedback_stuck=False)
    b.set(b.pile, authorised=True)
    b.plug_in()
    began = b.until(P.LOCKING)

    ended = b.until(P.AUX_OFF)

    assert ended - began == pytest.approx(5 * S, abs=2 * MS)
    b.until(P.FINISHED)
    b.run(400 * MS)
    assert not b.frames and not b.pile.lock.locked(b.now) and b.faults() == {"LOCK"}


def test_k3_k4_that_do_not_close_in_5_s_refuse_and_unlock(bench):
    b = bench()
    b.set(b.pile.auxiliary.k4, stuck_open=True)
    b.set(b.pile, authorised=True)
    b.plug_in()
    began = b.until(P.AUX_ON)

    ended = b.until(P.AUX_OFF)

    assert ended - began == pytest.approx(5 * S, abs=2 * MS)
    b.until(P.FINISHED)
    assert not b.frames and not b.pile.lock.locked(b.now) and b.faults() == {"AUX_DROPPED"}


def test_chm_follows_within_1_s_of_the_auxiliary_supply(bench):
    b = bench()
    b.set(b.pile, authorised=True)
    b.plug_in()
    b.until(P.AUX_ON)
    on = b.now

    b.run(1 * S)

    assert b.sent("CHM")[0][0] - on < 1 * S


def test_a_lock_that_does_not_open_raises_an_alarm(bench):
    b = bench().charge(1 * S)
    b.set(b.pile.lock, jammed=True)
    b.set(b.pile, stop_pressed=True)

    b.until(P.FINISHED, limit_us=30 * S)

    assert b.faults() == {"LOCK_STUCK"} and b.pile.alarm_on


def test_the_next_vehicle_can_charge_after_the_first(bench):
    b = bench().charge(2 * S)
    b.set(b.pile, stop_pressed=True)
    b.run(100 * MS)
    b.set(b.pile, stop_pressed=False)
    b.until(P.FINISHED)
    b.pull_out()
    b.until(P.IDLE)
    first = b.controller.energy_wh

    b.run(2 * S)
    b.plug_in()
    b.until(P.CHARGE)

    assert first > 1 and b.controller.energy_wh == 0


@pytest.mark.parametrize("changes", [{"cc1_low_v": 5.0}, {"precharge_below_v": 0.5}, {"rise_a_per_s": 0}, {"plug_warn_degc": 110},
                                     {"insulation_fault_ohm_per_v": 600}])  # fmt: skip
def test_contradictory_settings_are_refused(changes):
    with pytest.raises(ValueError, match=next(iter(changes)).split("_")[0]):
        ControllerSettings(**changes)
