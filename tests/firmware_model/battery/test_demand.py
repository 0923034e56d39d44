import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.random import default_rng

from firmware_model.battery.demand import ACCEPTANCE_C, SOC_BOUNDS_PCT, TEMP_BOUNDS_DEGC, DemandCurve, Plan, Reading
from firmware_model.battery.monitor import BatteryMonitor
from firmware_model.battery.pack import Pack
from firmware_model.battery.packs import PACKS

EU500, MODEL3 = PACKS["eu500"], PACKS["model3_lfp"]
MS = 1_000


def reading(current_a=0.0, cell_v=3.7, ahead_v=0.0, soc_pct=40.0, temp_degc=25.0, hot_degc=None):
    return Reading(current_a, cell_v, cell_v - ahead_v, soc_pct, temp_degc, temp_degc if hot_degc is None else hot_degc)


def settled(curve, at, given_reading):
    """The request after a long time of one reading, asked every 50 ms."""
    for ms in range(0, 30_000, 50):
        demand = curve.ask(at + ms * MS, given_reading)
    return demand


def test_the_map_has_a_row_per_band_and_a_column_per_range():
    assert len(ACCEPTANCE_C) == len(TEMP_BOUNDS_DEGC) + 1
    assert {len(row) for row in ACCEPTANCE_C} == {len(SOC_BOUNDS_PCT) + 1}
    assert all(list(row) == sorted(row, reverse=True) for row in ACCEPTANCE_C)


@pytest.mark.parametrize(
    "soc_pct, temp_degc, c_rate",
    [(10, 30, 1.5), (60, 30, 1.3), (60, 20, 1.0), (85, 20, 0.5), (40, 2, 0.25), (40, 47, 0.9), (96, 52, 0)],
)
def test_the_request_follows_the_acceptance_map(soc_pct, temp_degc, c_rate):
    demand = settled(DemandCurve(EU500, Plan(current_max_a=500)), 0, reading(soc_pct=soc_pct, temp_degc=temp_degc))

    assert demand.current_a == pytest.approx(145 * c_rate, abs=0.051)


def test_the_worse_of_coldest_and_hottest_sensor_decides():
    demand = settled(DemandCurve(EU500), 0, reading(temp_degc=44, hot_degc=51))

    assert demand.current_a == pytest.approx(0.5 * 145, abs=0.051)


@pytest.mark.parametrize("kind, temp_degc", [(EU500, -21), (EU500, 56), (MODEL3, -11)])
def test_no_current_beyond_the_temperature_limits(kind, temp_degc):
    assert settled(DemandCurve(kind), 0, reading(cell_v=3.2, temp_degc=temp_degc)).current_a == 0


def test_a_colder_band_is_entered_at_once_and_left_only_a_kelvin_above():
    curve = DemandCurve(EU500)
    rates = [settled(curve, at * 60_000_000, reading(temp_degc=t)).current_a for at, t in enumerate((15.5, 14.9, 15.5, 16.1))]

    assert rates[0] > rates[1] == rates[2] < rates[3]


@given(st.lists(st.tuples(st.integers(1, 400), st.floats(5, 99), st.floats(-25, 60)), max_size=30))
def test_the_request_never_moves_faster_than_its_ramp(asks):
    curve, now, before_a = DemandCurve(EU500), 0, 0.0
    curve.begin(0)

    for ms, soc_pct, temp_degc in asks:
        now += ms * MS
        current_a = curve.ask(now, reading(soc_pct=soc_pct, temp_degc=temp_degc)).current_a

        assert abs(current_a - before_a) <= 20 * ms / 1000 + 1e-9
        before_a = current_a


def test_the_voltage_request_leaves_room_for_the_cell_that_is_ahead():
    demand = settled(DemandCurve(EU500), 0, reading(cell_v=4.0, ahead_v=0.02))

    assert demand.voltage_v == pytest.approx(90 * 4.18, abs=0.051)


def test_at_the_voltage_limit_constant_voltage_is_asked_until_the_current_is_small():
    curve = DemandCurve(EU500)

    holding = settled(curve, 0, reading(cell_v=4.197, current_a=20, soc_pct=94))
    full = settled(curve, 60_000_000, reading(cell_v=4.2, current_a=7.2, soc_pct=99))

    assert holding.constant_voltage and not holding.full and holding.current_a > 0
    assert full.full and full.current_a == 0


def test_a_stage_ends_at_its_cell_voltage_and_is_not_entered_again():
    curve = DemandCurve(MODEL3, Plan(staged=True, current_max_a=500))
    cells = (3.40, 3.46, 3.40, 3.51, 3.56, 3.61)

    rates = [settled(curve, at * 60_000_000, reading(cell_v=v)).current_a / 161 for at, v in enumerate(cells)]

    assert rates == pytest.approx([1.5, 1.0, 1.0, 0.5, 0.33, 0.1], abs=0.001)
    assert settled(curve, 400_000_000, reading(cell_v=3.65)).full


def test_after_a_pause_the_ramp_begins_at_zero():
    curve = DemandCurve(EU500)
    settled(curve, 0, reading())

    curve.begin(60_000_000)

    assert curve.ask(60_050_000, reading()).current_a == pytest.approx(1.0)


@pytest.mark.parametrize("name", ["eu500", "model3_lfp", "mini", "nmc_800v"])
@pytest.mark.parametrize("staged", [False, True])
def test_every_pack_gets_full_without_a_cell_above_its_limit(name, staged):
    pack = Pack(PACKS[name], soc_pct=60, rng=default_rng(1))
    bms = BatteryMonitor(pack, DemandCurve(pack.kind, Plan(staged=staged)), soc_target_pct=100)
    bms.begin(0)
    highest_v = 0.0

    for now in range(1_000_000, 6 * 3_600_000_000, 1_000_000):
        bms.renew()
        report = bms.report(now)
        if bms.demand.full:
            break
        # What a charger does: the demanded current, or less where the demanded voltage does not let it in.
        pack.advance(now, max(min(report.demand_a, (report.demand_v - pack.emf_v) / pack.r_ohm), 0.0))
        highest_v = max(highest_v, pack.cell_max_v)

    assert bms.demand.full and pack.soc_pct > (88 if staged else 95)
    assert highest_v < pack.kind.chemistry.cell_max_v + 0.01
