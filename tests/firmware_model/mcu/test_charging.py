"""Pre-charge and charging, GB/T 18487.1-2015 B.3.4, B.3.5; GB/T 34657.1-2017 D0.3001, D0.3101, D0.41xx."""

from itertools import pairwise

import pytest

from firmware_model.board import Dout
from firmware_model.mcu.sequence import PileState as P
from firmware_model.mcu.settings import ControllerSettings
from protocols.gbt27930.charger_rules import ChargerState

S = 1_000_000
MS = 1_000


def start(b):
    b.set(b.pile, authorised=True)
    b.plug_in()
    return b


# ---- pre-charge


@pytest.mark.parametrize(("ratio", "charges"), [(0.955, True), (1.045, True), (0.94, False), (1.06, False)])
def test_the_battery_must_be_within_5_percent_of_bcp(bench, ratio, charges):
    b = bench()
    b.car.told_v = b.car.pack.emf_v / ratio
    start(b)
    b.until(P.MATCH)

    b.run(4 * S)

    assert (b.state is P.CHARGE) == charges
    assert charges or {data for _, data in b.sent("CRO")} == {b"\x00"}


def test_a_mismatch_that_stays_ends_after_the_limit(bench):
    b = bench(settings=ControllerSettings(current_max_a=200.0, match_limit_us=8 * S))
    b.car.told_v = b.car.pack.emf_v * 1.1
    start(b)
    began = b.until(P.MATCH)

    ended = b.until(P.BLEED, limit_us=70 * S)

    assert ended - began == pytest.approx(8 * S, abs=2 * MS)
    b.until(P.FINISHED)
    assert b.faults() == {"BATTERY_VOLTAGE"} and b.sent("CST")


def test_contacts_close_1_to_10_v_below_the_battery_and_the_inrush_stays_below_20_a(bench):
    b = start(bench())
    b.until(P.MATCH)
    b.circuit.events()

    b.until(P.READY)

    struck = [e for e in b.circuit.events() if type(e).__name__ == "Inrush" and e.where == "K1/K2"]
    assert struck and -10 <= struck[0].difference_v <= -1
    assert all(abs(e.peak_a) <= 20 for e in struck)


@pytest.mark.parametrize(("off_v", "closes"), [(-4.0, True), (3.0, True), (-7.0, False), (5.5, False)])
def test_contacts_do_not_close_more_than_10_v_or_less_than_1_v_below_the_battery(bench, off_v, closes):
    """The output is meant to be 5 V below; a stage that is *off_v* beside it decides."""
    b = start(bench())
    b.until(P.PRECHARGE)
    b.set(b.circuit.stage, voltage_gain=1 + off_v / b.car.pack.emf_v)

    b.run(4 * S)

    assert (b.state in (P.READY, P.CHARGE)) == closes
    assert closes or b.contacts_open
    if not closes:
        b.until(P.FINISHED)
        assert b.faults() == {"PRECHARGE"} and b.sent("CST")


def test_cro_aa_only_when_k1_k2_are_closed(bench):
    b = start(bench())
    b.until(P.CLOSE)

    while b.state is P.CLOSE:
        assert all(data == b"\x00" for _, data in b.sent("CRO"))
        b.run(MS)
    b.run(20 * MS)

    assert b.sent("CRO")[-1][1] == b"\xaa" and not b.contacts_open


def test_a_contactor_stuck_open_at_precharge_ends_the_session(bench):
    b = start(bench())
    b.until(P.PRECHARGE)
    b.set(b.circuit.k2, stuck_open=True)

    b.until(P.FINISHED)

    assert b.faults() == {"CONTACTS_SLOW"} and not b.sent("CCS")


def test_no_current_flows_before_the_session_charges(bench):
    b = start(bench())
    b.until(P.READY)

    while b.controller.session.state is not ChargerState.CHARGING:
        assert b.pile.board.outputs.current_ma == 0 and b.circuit.current_a < 2
        b.run(MS)


# ---- following the demand


@pytest.mark.parametrize(("before_a", "after_a"), [(20.0, 100.0), (50.0, 70.0), (90.0, 100.0), (100.0, 30.0), (30.0, 25.0)])
def test_the_current_follows_in_time(bench, before_a, after_a):
    """D0.4103: |ΔI| / 20 A/s, one second for up to 20 A; within 1 % (0.3 A below 30 A)."""
    b = bench(car={"demand_a": before_a}).charge(10 * S)
    allowed_us = max(1.0, abs(after_a - before_a) / 20) * 1e6
    tolerance_a = 0.01 * after_a if after_a >= 30 else 0.3

    b.car.demand_a = after_a
    spent = b.when(lambda: abs(b.circuit.current_a - after_a) <= tolerance_a, limit_us=10 * S)

    assert spent <= allowed_us + 50 * MS, "counted from the next BCL, at most 50 ms later"


def test_the_set_point_rises_no_faster_than_set(bench):
    b = bench(settings=ControllerSettings(current_max_a=200.0, rise_a_per_s=15.0), car={"demand_a": 60.0}).charge(8 * S)

    points = [(at, ma) for at, _, _, ma, _ in b.outputs if at > 7 * S]
    rises = [after - before for (_, before), (_, after) in pairwise(points) if after > before]

    assert max(rises) <= 150 and points[-1][1] == 60_000


@pytest.mark.parametrize("demand_a", [10.0, 29.0, 60.0, 150.0])
def test_the_current_error_is_within_the_limits(bench, demand_a):
    b = bench(car={"demand_a": demand_a}, rng=True).charge(12 * S)

    limit_a = 0.01 * demand_a if demand_a >= 30 else 0.3
    assert abs(b.circuit.current_a - demand_a) <= limit_a


def test_the_current_never_exceeds_demand_and_rating(bench):
    b = bench(settings=ControllerSettings(current_max_a=40.0), car={"demand_a": 400.0}).charge(8 * S)

    assert b.pile.board.outputs.current_ma == 40_000
    assert b.circuit.current_a <= 40.5


def test_pause_switches_the_output_off_and_resume_ramps_from_zero(bench):
    b = bench().charge(5 * S)

    b.car.permitted = False
    b.until(P.PAUSE)
    b.run(200 * MS)
    assert abs(b.circuit.current_a) < 1 and not b.contacts_open
    assert not b.pile.board.outputs.gpio & Dout.STAGE
    assert b.sent("CCS")[-1][1][6] & 3 == 0
    b.run(20 * S)
    assert b.state is P.PAUSE

    b.car.permitted = True
    b.until(P.CHARGE)
    resumed = b.now
    b.run(5 * S)
    assert b.circuit.current_a == pytest.approx(50, rel=0.01)
    assert max(ma for at, _, _, ma, _ in b.outputs if resumed <= at <= resumed + 100 * MS) <= 3_000


def test_an_abnormal_bsm_stops(bench):
    b = bench().charge(3 * S)

    b.car.alarms = frozenset({"overtemperature"})
    b.until(P.FINISHED)

    assert b.sent("CST")


# ---- measured values


def test_ccs_carries_measured_values(bench):
    b = bench().charge(8 * S)
    b.set(b.circuit.instruments.current_a, gain=1.0)

    _, data = b.sent("CCS")[-1]
    assert int.from_bytes(data[0:2], "little") / 10 == pytest.approx(b.circuit.interface_v, abs=0.5)
    assert (4000 - int.from_bytes(data[2:4], "little")) / 10 == pytest.approx(b.circuit.current_a, abs=0.3)


def test_metered_energy_agrees_with_the_truth(bench):
    b = bench(car={"demand_a": 120.0}).charge(60 * S)
    b.set(b.pile, stop_pressed=True)
    b.until(P.FINISHED)

    assert b.controller.energy_wh == pytest.approx(b.circuit.energy_wh, rel=0.01)


# ---- plug temperature


def test_the_current_is_reduced_from_the_warning_temperature_on(bench):
    b = bench(car={"demand_a": 150.0}).charge(10 * S)
    b.set(b.circuit.plug, plus_offset_k=97.5 - b.circuit.plug.plus_degc)

    b.run(4 * S)

    assert b.state is P.CHARGE
    assert b.circuit.current_a == pytest.approx(100, rel=0.05), "half way between warning and stop: half of the rating"


@pytest.mark.parametrize("sensor", ["plus", "minus"])
def test_a_plug_at_105_degc_stops(bench, sensor):
    b = bench().charge(3 * S)

    b.set(b.circuit.plug, **{f"{sensor}_offset_k": 85.0})
    b.until(P.FINISHED)

    assert b.faults() == {"PLUG_HOT"}
    assert b.sent("CST")[0][1] == bytes.fromhex("10 01 F0 F0")


@pytest.mark.parametrize("fault", [{"plus_broken": True}, {"minus_broken": True}, {"plus_offset_k": 500.0}], ids=str)
def test_a_broken_plug_sensor_stops(bench, fault):
    b = bench().charge(3 * S)

    b.set(b.circuit.plug, **fault)
    b.until(P.FINISHED)

    assert b.faults() == {"PLUG_SENSOR"}


def test_the_fan_runs_under_load_only(bench):
    b = bench().charge(3 * S)
    assert b.pile.fan_on

    b.car.permitted = False
    b.until(P.PAUSE)
    b.run(1 * S)

    assert not b.pile.fan_on


def test_a_stage_that_gives_too_much_current_is_stopped(bench):
    b = bench(car={"demand_a": 100.0}).charge(8 * S)

    b.set(b.circuit.stage, gain=1.3)
    b.when(lambda: b.contacts_open, limit_us=1 * S)

    assert b.faults() == {"OVER_CURRENT"} and b.sent("CST")[0][1] == bytes.fromhex("1000F0F1")


def test_a_falling_demand_is_not_taken_for_over_current(bench):
    b = bench(car={"demand_a": 150.0}).charge(10 * S)

    for demand_a in (10.0, 150.0, 0.0, 60.0, 5.0):
        b.car.demand_a = demand_a
        b.run(3 * S)

    assert b.state is P.CHARGE and not b.faults()
