from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from firmware_model.battery.ageing import AS_NEW, Health
from firmware_model.battery.chemistry import LFP, NMC
from firmware_model.battery.pack import Pack
from firmware_model.battery.packs import PACKS
from firmware_model.battery.spread import AGED

HOUR_US = 3_600_000_000


def test_one_hour_at_a_tenth_of_capacity_is_ten_percent():
    pack = Pack(PACKS["eu500"], soc_pct=40)

    pack.advance(HOUR_US, 14.5)

    assert pack.soc_pct == pytest.approx(50)
    assert pack.charge_ah == pytest.approx(14.5)


@settings(max_examples=30)
@given(
    st.lists(st.integers(1, 20_000_000), min_size=1, max_size=6),
    st.floats(-150, 200),
    st.sampled_from(["eu500", "model3_lfp"]),
)
def test_constant_current_gives_the_same_state_however_time_is_divided(cuts, current_a, name):
    whole, parts = (Pack(PACKS[name], soc_pct=50) for _ in range(2))
    now = 0
    for cut in cuts:
        now += cut
        parts.advance(now, current_a)

    whole.advance(now, current_a)

    assert parts.soc == pytest.approx(whole.soc, rel=1e-12)
    assert parts.emf_v == pytest.approx(whole.emf_v, rel=1e-5)
    assert parts.temp_degc == pytest.approx(whole.temp_degc, abs=1e-3)
    assert parts.energy_wh == pytest.approx(whole.energy_wh, rel=1e-4, abs=1e-6)


def test_terminal_energy_is_stored_energy_plus_heat_plus_gradients():
    kind = PACKS["eu500"]
    pack = Pack(kind, soc_pct=20)

    pack.advance(HOUR_US // 2, 145)

    grid = np.linspace(0.2, 0.7, 50_001)
    ocv_v = np.array([kind.chemistry.ocv_at(soc) for soc in grid])
    stored_wh = kind.series * kind.capacity_ah * float(((ocv_v[1:] + ocv_v[:-1]) / 2 * np.diff(grid)).sum())
    assert pack.energy_wh == pytest.approx(stored_wh + pack.heat_wh + pack.mixing_wh, rel=1e-5)
    assert 0.005 < pack.heat_wh / pack.energy_wh < 0.06


def test_voltage_relaxes_after_charging_to_open_circuit_and_drops_at_once_by_resistance():
    pack = Pack(PACKS["eu500"], soc_pct=50)
    pack.advance(120_000_000, 145)
    loaded_v = pack.voltage_v

    pack.advance(120_001_000, 0)
    stepped_v = pack.voltage_v
    pack.advance(4 * HOUR_US, 0)

    # 23.5 mohm of the 5.15 Ah cell at half charge (specified pulse resistance), here 145 Ah
    assert loaded_v - stepped_v == pytest.approx(145 * (90 * 23.5e-3 * 5.0 / 145 + pack.kind.wiring_ohm), rel=0.05)
    assert stepped_v - pack.voltage_v > 2
    assert pack.voltage_v == pytest.approx(pack.ocv_v, abs=0.01)


def test_the_line_is_the_tangent_at_the_present_current():
    pack = Pack(PACKS["eu500"], soc_pct=50)
    pack.advance(60_000_000, 145)
    emf_v, r_ohm, loaded_v = pack.emf_v, pack.r_ohm, pack.voltage_v

    pack.advance(60_000_001, 147)

    assert pack.voltage_v == pytest.approx(emf_v + 147 * r_ohm, abs=0.01) and pack.voltage_v > loaded_v


def test_discharge_lowers_voltage_charge_and_energy():
    pack = Pack(PACKS["model3_lfp"], soc_pct=50, rng=default_rng(2))
    resting_v = pack.voltage_v

    pack.advance(600_000_000, -161)

    assert pack.voltage_v < resting_v - 5
    assert pack.soc_pct == pytest.approx(50 - 100 / 6, abs=0.02)
    assert pack.energy_wh < 0 < pack.heat_wh and pack.temp_degc > 25


def test_cells_in_parallel_share_the_current_and_hold_one_voltage():
    kind = replace(PACKS["compact"], series=12, parallel=3, spread=AGED)
    pack = Pack(kind, soc_pct=40, rng=default_rng(5))
    pack.advance(600_000_000, 100)

    cells = pack.cell_voltages_v()

    assert len(cells) == 12 and sum(cells) == pytest.approx(pack.voltage_v - 100 * kind.wiring_ohm)
    # The weaker cells of an aged pack lose some capacity, so the mean moves a little differently.
    assert pack.soc_pct == pytest.approx(40 + 100 * 100 / 6 / 150, abs=0.2)


def test_alike_cells_in_parallel_are_one_big_cell():
    one, three = (Pack(replace(PACKS["mini"], parallel=p), soc_pct=30) for p in (1, 3))
    for pack in (one, three):
        pack.advance(900_000_000, 90)

    assert three.voltage_v == pytest.approx(one.voltage_v, rel=1e-9)
    assert three.temp_degc == pytest.approx(one.temp_degc, abs=1e-9)


def test_an_aged_pack_gets_full_sooner_and_needs_more_voltage():
    new, old = (Pack(PACKS["eu500"], soc_pct=30, health=h) for h in (AS_NEW, Health(0.8, 1.75)))
    assert old.r_ohm - 0.01 == pytest.approx(1.75 * (new.r_ohm - 0.01))

    for pack in (new, old):
        pack.advance(60_000_000, 145)

    assert (old.soc - 0.3) == pytest.approx((new.soc - 0.3) / 0.8)
    assert old.voltage_v > new.voltage_v + 5


def test_hysteresis_separates_charged_from_discharged_rest():
    kind = replace(PACKS["model3_lfp"], chemistry=replace(LFP, hysteresis_v=0.010))
    up, down = Pack(kind, soc_pct=40), Pack(kind, soc_pct=60)
    for pack, current_a in ((up, 80.5), (down, -80.5)):
        pack.advance(720_000_000, current_a)
        pack.advance(6 * HOUR_US, 0)

    assert up.soc == pytest.approx(down.soc)
    assert (up.voltage_v - down.voltage_v) / 106 == pytest.approx(0.020, abs=0.001)


def test_setting_charge_and_temperature_moves_every_cell():
    pack = Pack(PACKS["eu500"], soc_pct=50, rng=default_rng(1))
    before = pack.temps_degc()

    pack.soc, pack.temp_degc = 0.8, pack.temp_degc + 10
    pack.refresh()

    assert pack.temps_degc() == pytest.approx([temp + 10 for temp in before])
    assert pack.ocv_v == pytest.approx(90 * NMC.ocv_at(0.8), rel=1e-3)


@pytest.mark.parametrize(
    "bad, word", [({"soc_pct": float("nan")}, "soc_pct"), ({"soc_pct": 50, "temp_degc": 200.0}, "temp_degc")]
)
def test_impossible_beginnings_are_refused_by_name(bad, word):
    with pytest.raises(ValueError, match=word):
        Pack(PACKS["eu500"], **bad)


def test_a_pack_that_leaves_its_range_says_when_and_at_what_current():
    pack = Pack(PACKS["eu500"], soc_pct=50)

    with pytest.raises(ArithmeticError, match="1000000 µs"):
        pack.advance(1_000_000, float("nan"))


def test_one_hour_at_1c_warms_as_lumped_heat_says():
    kind = PACKS["eu500"]
    pack = Pack(kind, soc_pct=10)

    pack.advance(HOUR_US // 2, 145)

    mean_heat_w = pack.heat_wh / 0.5
    conductance = kind.heat_capacity_j_per_kwh_k * kind.energy_kwh / kind.cooling_tau_s
    assert pack.temp_degc == pytest.approx(25 + mean_heat_w / conductance * (1 - np.exp(-1800 / 1200)), abs=1.5)
    assert pack.temp_degc > 27


def test_a_cold_pack_needs_more_voltage_than_a_warm_one():
    cold, warm = (Pack(PACKS["model3_lfp"], soc_pct=50, temp_degc=temp) for temp in (-10.0, 35.0))
    for pack in (cold, warm):
        pack.advance(10_000_000, 80)

    assert cold.voltage_v > warm.voltage_v + 2


def test_cell_list_agrees_with_its_extremes_and_its_sum():
    pack = Pack(PACKS["han"], soc_pct=95, rng=default_rng(3))
    pack.advance(60_000_000, 100)

    cells = pack.cell_voltages_v()

    assert len(cells) == 178
    assert (max(cells), min(cells)) == pytest.approx((pack.cell_max_v, pack.cell_min_v))
    assert cells[pack.cell_max_number - 1] == max(cells) and cells[pack.cell_min_number - 1] == min(cells)
    assert sum(cells) == pytest.approx(pack.voltage_v - 100 * pack.kind.wiring_ohm)
    assert 0.003 < max(cells) - min(cells) < 0.1


def test_each_temperature_sensor_sits_on_a_cell_of_its_own_temperature():
    pack = Pack(PACKS["bus"], soc_pct=50, temp_degc=20, rng=default_rng(3))

    temps = pack.temps_degc()

    assert len(temps) == 96
    assert 1 < max(temps) - min(temps) < 5


def test_spread_is_drawn_from_the_seed_alone():
    a, b, c = (Pack(PACKS["eu500"], soc_pct=50, rng=default_rng(seed)) for seed in (1, 1, 2))

    assert a.cell_voltages_v() == b.cell_voltages_v() != c.cell_voltages_v()
