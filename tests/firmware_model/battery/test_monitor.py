import pytest
from numpy.random import default_rng

from firmware_model.battery.demand import DemandCurve, Plan
from firmware_model.battery.monitor import MEASURE_US, BatteryMonitor
from firmware_model.battery.pack import Pack
from firmware_model.battery.packs import PACKS

MS, S = 1_000, 1_000_000


def monitor(*, soc_pct=40.0, soc_target_pct=80.0):
    pack = Pack(PACKS["eu500"], soc_pct=soc_pct, rng=default_rng(1))
    return BatteryMonitor(pack, DemandCurve(pack.kind, Plan()), soc_target_pct=soc_target_pct)


def test_a_report_is_the_pack_s_truth_when_nothing_is_wrong():
    bms = monitor()
    bms.pack.advance(10 * S, 50)

    report = bms.report(10 * S)

    assert (report.voltage_v, report.current_a, report.soc_pct) == (bms.pack.voltage_v, 50, bms.pack.soc_pct)
    assert report.cell_max_v == bms.pack.cell_max_v == max(report.cells_v)
    assert report.temp_min_degc == min(report.temps_degc)
    assert report.temps_degc[report.temp_max_point - 1] == report.temp_max_degc == max(report.temps_degc)


def test_measuring_errors_show_in_the_report_and_nowhere_else():
    bms = monitor()
    bms.pack.advance(10 * S, 50)
    soc_pct = bms.pack.soc_pct
    errors = bms.errors
    errors.voltage_gain, errors.current_gain, errors.current_offset_a, errors.soc_offset_pct = 1.01, 0.98, -1.0, 5.0

    report = bms.report(10 * S)

    assert report.voltage_v == pytest.approx(1.01 * bms.pack.voltage_v)
    assert report.current_a == pytest.approx(48)
    assert report.soc_pct == pytest.approx(soc_pct + 5) and bms.pack.soc_pct == soc_pct


def test_within_a_measuring_cycle_the_same_report_is_given():
    bms = monitor()
    first = bms.report(0)
    bms.pack.advance(100 * MS, 100)

    assert bms.report(MEASURE_US - 1) is first
    assert bms.report(MEASURE_US).current_a == 100


def test_no_current_is_wanted_before_the_charge_and_after_it():
    bms = monitor()
    assert bms.report(0).demand_a == 0

    bms.begin(1 * S)
    assert bms.report(3 * S).demand_a == pytest.approx(40)

    bms.end()
    assert bms.report(4 * S).demand_a == 0


def test_every_report_of_a_moving_request_has_its_own_value():
    bms = monitor()
    bms.begin(0)

    demands = [bms.report(ms * MS).demand_a for ms in range(0, 1000, 50)]

    assert demands == pytest.approx([ms / 50 for ms in range(0, 1000, 50)])


def test_a_pause_asks_for_nothing_at_once():
    bms = monitor()
    bms.begin(0)
    bms.report(5 * S)

    bms.permitted = False
    bms.renew()

    report = bms.report(5 * S)
    assert (report.permitted, report.demand_a) == (False, 0)


@pytest.mark.parametrize("current_a, minutes", [(145, 23), (14.5, 239), (50, 69), (3, 600), (0, 600)])
def test_remaining_time_is_to_the_target_at_the_present_current(current_a, minutes):
    bms = monitor(soc_pct=40)
    bms.pack.advance(60 * S, current_a)

    assert bms.report(60 * S).remaining_min == pytest.approx(minutes, abs=1)


def test_remaining_time_is_zero_beyond_the_target():
    bms = monitor(soc_pct=90)
    bms.pack.advance(1 * S, 50)

    assert bms.report(1 * S).remaining_min == 0
