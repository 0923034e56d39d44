"""The insulation test, GB/T 18487.1-2015 B.3.3 and B.4.1."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.board import Dout
from firmware_model.mcu.insulation import InsulationTest, Verdict, judge
from firmware_model.mcu.sequence import PileState as P
from firmware_model.mcu.settings import ControllerSettings

S = 1_000_000
MS = 1_000
SETTINGS = ControllerSettings()


def start(b):
    b.set(b.pile, authorised=True)
    b.plug_in()
    return b


@pytest.mark.parametrize(
    ("kohm", "verdict"),
    [(60, Verdict.FAULT), (40, Verdict.FAULT), (43, Verdict.FAULT), (44, Verdict.WARNING), (100, Verdict.WARNING),
     (201, Verdict.WARNING), (202, Verdict.GOOD), (65535, Verdict.GOOD)],
)  # fmt: skip
def test_verdicts_at_400_v(kohm, verdict):
    if kohm == 60:  # the lesser side decides
        assert judge(65535, 40, 400_000, SETTINGS) is judge(40, 65535, 400_000, SETTINGS) is verdict
    else:
        assert judge(kohm, kohm, 400_000, SETTINGS) is verdict


@given(st.lists(st.sampled_from([10, 100, 1000]), min_size=1, max_size=12))
def test_the_final_verdict_needs_three_equal_ones_in_a_row(readings):
    test = InsulationTest(SETTINGS)
    test.begin(7)
    for count, kohm in enumerate(readings):
        final = test.result(8 + count, kohm, kohm, 400_000, valid=True)
        last = readings[max(0, count - 2) : count + 1]
        assert (final is not None) == (len(last) == 3 and len(set(last)) == 1) or final is test.last
        if final is not None:
            break


def test_the_same_result_counts_once_and_an_invalid_one_not_at_all():
    test = InsulationTest(SETTINGS)
    test.begin(0)

    assert [test.result(1, 9, 9, 400_000, valid=True) for _ in range(5)] == [None] * 5
    assert test.result(2, 9, 9, 400_000, valid=True) is None
    assert test.result(3, 9, 9, 400_000, valid=False) is None
    assert test.result(4, 9, 9, 400_000, valid=True) is None


def test_the_test_voltage_is_the_vehicles_maximum(bench):
    b = start(bench())

    b.until(P.TEST_MEASURE)

    assert b.circuit.interface_v == pytest.approx(b.car.demand_v, rel=0.02)
    assert not b.car.inlet.closed(b.now)


def test_the_test_voltage_is_at_most_the_rated_one(bench):
    b = start(bench(car={"pack": "nmc_800v"}, settings=ControllerSettings(voltage_max_v=500.0, current_max_a=200.0)))

    b.until(P.TEST_MEASURE)

    assert b.circuit.interface_v == pytest.approx(500.0, rel=0.02)


def test_a_vehicle_of_2011_is_tested_with_the_default_voltage(bench):
    b = start(bench(car={"edition": "2011"}))

    b.until(P.TEST_MEASURE)
    assert b.circuit.interface_v == pytest.approx(SETTINGS.fallback_test_v, rel=0.02)

    b.until(P.CHARGE)
    assert b.controller.session.edition.name == "2011"


def test_contacts_close_only_on_a_stable_output_and_open_below_60_v(bench):
    b = start(bench())

    b.until(P.TEST_CLOSE)
    assert b.circuit.stage_v == pytest.approx(b.car.demand_v, rel=0.02)
    b.until(P.TEST_OPEN)
    assert b.circuit.interface_v < 60

    b.until(P.IDENTIFY)
    assert b.contacts_open and not b.pile.board.outputs.gpio & Dout.MONITOR
    assert b.sent("CRM") == [] or b.sent("CRM")[0][0] >= b.now


def test_chm_keeps_its_period_during_the_test(bench):
    b = start(bench())

    b.until(P.IDENTIFY)
    b.run(1 * S)

    times = [at for at, _ in b.sent("CHM")]
    assert len(times) > 10
    assert all(abs(second - first - 250 * MS) <= 2 * MS for first, second in pairwise(times))


@pytest.mark.parametrize("side", ["plus", "minus", "both"])
def test_an_insulation_fault_refuses_alarms_and_unlocks(bench, side):
    b = bench()
    bad = 80.0 * b.car.demand_v
    plus, minus = (bad if side in (place, "both") else 20e6 for place in ("plus", "minus"))
    b.pile.insulation.set("fault", plus_ohm=plus, minus_ohm=minus)
    start(b)

    b.until(P.BLEED)
    assert b.circuit.interface_v < 60, "discharged through K1/K2 before they open"
    b.until(P.FINISHED)

    assert b.faults() == {"INSULATION"} and b.pile.alarm_on and not b.pile.lock.locked(b.now)
    assert not b.sent("CRM") and not b.sent("CST"), "the edition of 2015 has no message for it"


def test_a_2023_pile_tells_a_failed_self_check_by_cst(bench):
    b = bench(edition="2023A", car={"edition": "2023A"})
    b.pile.insulation.set("fault", plus_ohm=1e3, minus_ohm=1e3)
    start(b)

    b.until(P.FINISHED, limit_us=60 * S)

    assert b.sent("CST")


def test_an_insulation_warning_is_no_obstacle(bench):
    b = bench()
    b.pile.insulation.set("fault", plus_ohm=300.0 * b.car.demand_v, minus_ohm=20e6)
    start(b)

    b.until(P.CHARGE)

    assert b.controller.insulation is Verdict.WARNING and not b.faults()


def test_a_voltage_of_10_v_or_more_outside_refuses(bench):
    b = bench()
    b.set(b.car.inlet.k5, welded=True)
    b.set(b.car.inlet.k6, welded=True)
    start(b)

    b.until(P.SETTLED)

    assert "OUTSIDE_VOLTAGE" in b.faults()
    assert all(not gpio & (Dout.K1K2 | Dout.STAGE) for _, gpio, *_ in b.outputs)


def test_a_vehicle_below_the_output_range_is_refused(bench):
    b = start(bench(settings=ControllerSettings(voltage_min_v=450.0, current_max_a=100.0)))

    b.until(P.FINISHED)

    assert b.faults() == {"VEHICLE_VOLTAGE"}
    assert all(not gpio & (Dout.K1K2 | Dout.STAGE) for _, gpio, *_ in b.outputs)


def test_a_short_circuit_refuses_after_the_ramp_limit(bench):
    b = bench()
    b.set(b.circuit.instruments.stage_v, frozen=True)
    start(b)
    began = b.until(P.TEST_RAMP)

    ended = b.until(P.BLEED)

    assert ended - began == pytest.approx(SETTINGS.test_ramp_limit_us, abs=2 * MS)
    assert b.faults() == {"SHORT_CIRCUIT"}


def test_a_dead_monitor_refuses(bench):
    b = bench()
    b.set(b.pile.monitor, measuring_us=1_000 * S)
    start(b)

    b.until(P.FINISHED)

    assert b.faults() == {"INSULATION"} and not b.sent("CRM")


@pytest.mark.parametrize("contactor", ["k1", "k2"])
def test_a_contactor_that_does_not_close_refuses(bench, contactor):
    b = bench()
    b.set(getattr(b.circuit, contactor), stuck_open=True)
    start(b)

    b.until(P.FINISHED)

    assert b.faults() == {"CONTACTS_SLOW"} and not b.sent("CRM")


@pytest.mark.parametrize("contactor", ["k1", "k2"])
def test_a_contactor_welded_before_the_start_refuses(bench, contactor):
    b = bench()
    b.set(getattr(b.circuit, contactor), welded=True)

    start(b)
    b.run(20 * S)

    assert b.state is P.IDLE and b.faults() == {"CONTACTS_WELDED"}
