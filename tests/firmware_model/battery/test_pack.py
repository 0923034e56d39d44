import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.random import default_rng

from firmware_model.battery.chemistry import LFP, NMC
from firmware_model.battery.pack import Pack
from firmware_model.battery.packs import PACKS, PackType

REFERENCES = Path(__file__).resolve().parents[4] / "shared" / "data" / "battery"
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
    assert parts.emf_v == pytest.approx(whole.emf_v, rel=1e-6)
    assert parts.temp_degc == pytest.approx(whole.temp_degc, abs=1e-3)
    assert parts.energy_wh == pytest.approx(whole.energy_wh, rel=1e-5, abs=1e-9)


def test_terminal_energy_is_stored_energy_plus_heat():
    kind = PACKS["eu500"]
    pack = Pack(kind, soc_pct=20)

    pack.advance(HOUR_US // 2, 145)

    grid = np.linspace(0.2, 0.7, 50_001)
    ocv_v = np.array([kind.chemistry.ocv_at(soc) for soc in grid])
    stored_wh = kind.series * kind.capacity_ah * float(((ocv_v[1:] + ocv_v[:-1]) / 2 * np.diff(grid)).sum())
    assert pack.energy_wh == pytest.approx(stored_wh + pack.heat_wh, rel=1e-5)
    assert 0.005 < pack.heat_wh / pack.energy_wh < 0.06


def test_voltage_relaxes_after_charging_and_keeps_the_resistive_step():
    pack = Pack(PACKS["eu500"], soc_pct=50)
    pack.advance(120_000_000, 145)
    loaded_v = pack.voltage_v

    pack.advance(120_001_000, 0)
    stepped_v = pack.voltage_v
    pack.advance(720_000_000, 0)

    slow_v = 145 * 90 * pack.kind.chemistry.slow_ratio * pack.cell_ohm * (1 - np.exp(-120 / pack.kind.chemistry.slow_tau_s))
    assert loaded_v - stepped_v == pytest.approx(145 * pack.r_ohm, rel=0.02)
    assert stepped_v - pack.voltage_v == pytest.approx(slow_v, rel=0.1)
    assert pack.voltage_v == pytest.approx(pack.ocv_v, abs=0.01)


def test_one_hour_at_1c_warms_as_lumped_heat_says():
    kind = PACKS["eu500"]
    pack = Pack(kind, soc_pct=10)

    pack.advance(HOUR_US // 2, 145)

    mean_heat_w = pack.heat_wh / 0.5
    conductance = kind.heat_capacity_j_per_kwh_k * kind.energy_kwh / kind.cooling_tau_s
    assert pack.temp_degc == pytest.approx(25 + mean_heat_w / conductance * (1 - np.exp(-1800 / 1200)), abs=1.0)
    assert pack.temp_degc > 29


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


def test_temperature_list_agrees_with_its_extremes():
    pack = Pack(PACKS["bus"], soc_pct=50, temp_degc=20, rng=default_rng(3))

    temps = pack.temps_degc()

    assert len(temps) == 96
    assert (max(temps), min(temps)) == pytest.approx((pack.temp_max_degc, pack.temp_min_degc))
    assert temps.index(max(temps)) + 1 == pack.temp_max_number and 1 < max(temps) - min(temps) < 5


def test_spread_is_drawn_from_the_seed_alone():
    a, b, c = (Pack(PACKS["eu500"], soc_pct=50, rng=default_rng(seed)) for seed in (1, 1, 2))

    assert a.cell_voltages_v() == b.cell_voltages_v() != c.cell_voltages_v()


@pytest.mark.parametrize(
    "name, chemistry, capacity_ah, rms_mv",
    [
        ("nmc_chen2020_dfn_0p5C_25C.csv", NMC, 5.0, 15),
        ("nmc_chen2020_dfn_1C_25C.csv", NMC, 5.0, 30),
        ("lfp_prada2013_dfn_0p5C_25C.csv", LFP, 2.3, 45),
        ("lfp_prada2013_dfn_1C_25C.csv", LFP, 2.3, 55),
    ],
)
def test_terminal_voltage_follows_a_full_order_model_while_charging(name, chemistry, capacity_ah, rms_mv):
    """The limits are what one resistor and one RC branch can do; staged curves need an electrode-lag model."""
    path = REFERENCES / name
    if not path.exists():
        pytest.skip(f"reference curve {name} is not there")
    with path.open() as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    pack = Pack(PackType(chemistry=chemistry, series=1, capacity_ah=capacity_ah, wiring_ohm=0.0), soc_pct=2)
    errors_v = []

    for row in rows[1:]:
        if row["current_A"] < 0.999 * rows[0]["current_A"]:
            break
        pack.advance(round(1e6 * row["time_s"]), row["current_A"])
        pack.temp_degc = row["temp_C"]
        pack.refresh()
        if pack.soc > 0.07:
            errors_v.append(pack.voltage_v - row["voltage_V"])

    assert len(errors_v) > 400
    assert 1e3 * float(np.sqrt(np.mean(np.square(errors_v)))) < rms_mv
