from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from firmware_model.battery.cell import CHEN2020, PRADA2013

REFERENCES = Path(__file__).resolve().parents[4] / "shared" / "data" / "battery"
CURVES = [
    ("nmc_chen2020_dfn_0p5C_25C.csv", CHEN2020),
    ("nmc_chen2020_dfn_1C_25C.csv", CHEN2020),
    ("lfp_prada2013_dfn_0p5C_25C.csv", PRADA2013),
    ("lfp_prada2013_dfn_1C_25C.csv", PRADA2013),
]


@pytest.mark.parametrize("name, kind", CURVES)
def test_voltage_and_temperature_follow_a_full_order_model_through_charge_hold_and_rest(name, kind):
    path = REFERENCES / name
    if not path.exists():
        pytest.skip(f"reference curve {name} is not there")
    time_s, current_a, voltage_v, _, charge_ah, temp_degc = np.loadtxt(path, delimiter=",", skiprows=1).T

    curve = kind.follow(time_s, charge_ah, current_a=current_a, soc=0.02)

    soc = 0.02 + charge_ah / kind.capacity_ah
    error_v = (curve.voltage_v - voltage_v)[(soc >= 0.05) & (soc <= 0.95)]
    assert len(error_v) > 500
    assert np.sqrt(np.mean(error_v**2)) < 8e-3 and np.abs(error_v).max() < 25e-3
    if kind is CHEN2020:
        assert np.abs(curve.temp_degc - temp_degc).max() < 0.5


@pytest.mark.parametrize(
    "kind, current_a, cc_s, cc_rel, charge_ah, quarter_v, peak_degc",
    [
        (CHEN2020, 2.5, 6309, 0.01, 4.9724, (3.6641, 3.8928, 4.1334), 29.09),
        (CHEN2020, 5.0, 2572, 0.02, 4.9695, (3.7604, 3.9991, 4.2000), 37.69),
        (PRADA2013, 1.15, 7036.5, 0.001, 2.2593, (3.2736, 3.3090, 3.3559), 25.0),
        (PRADA2013, 2.3, 3497.5, 0.001, 2.2593, (3.3285, 3.3413, 3.3911), 25.0),
    ],
)
def test_a_full_charge_passes_the_landmarks(kind, current_a, cc_s, cc_rel, charge_ah, quarter_v, peak_degc):
    curve = kind.charge(current_a, soc=0.02, rest_s=1800)

    nominal_ah = {CHEN2020: 5.0, PRADA2013: 2.3}[kind]
    volts = np.interp(np.array([0.25, 0.5, 0.75]) * nominal_ah, curve.charge_ah, curve.voltage_v)
    assert curve.cc_s == pytest.approx(cc_s, rel=cc_rel)
    assert curve.charge_ah[-1] == pytest.approx(charge_ah, rel=0.005)
    assert volts == pytest.approx(quarter_v, abs=0.025)
    assert curve.temp_degc.max() == pytest.approx(peak_degc, abs=1.0)


@pytest.mark.parametrize(
    "kind, current_a, soc, temp_degc, r_mohm",
    [
        (CHEN2020, 5.0, 0.5, 25, 23.5),
        (CHEN2020, 5.0, 0.5, 0, 35.7),
        (CHEN2020, 5.0, 0.5, 45, 15.9),
        (CHEN2020, 5.0, 0.1, 25, 29.3),
        (CHEN2020, 5.0, 0.9, 45, 18.0),
        (PRADA2013, 2.3, 0.5, 25, 29.7),
        (PRADA2013, 2.3, 0.5, 0, 53.4),
        (PRADA2013, 2.3, 0.9, 0, 56.7),
    ],
)
def test_pulse_resistance_is_that_of_the_full_order_model(kind, current_a, soc, temp_degc, r_mohm):
    time_s = np.array([0.0, 0.1])
    pulse = kind.follow(time_s, time_s * current_a / 3600, current_a=np.full(2, current_a), soc=soc, temp_degc=temp_degc)

    resting_v = kind.chemistry.ocv_at(soc)
    assert 1e3 * (pulse.voltage_v[-1] - resting_v) / current_a == pytest.approx(r_mohm, rel=0.07)


@pytest.mark.parametrize("kind", [CHEN2020, PRADA2013])
def test_the_hold_stays_at_the_limit_and_the_step_length_does_not_matter(kind):
    fine, coarse = (kind.charge(kind.capacity_ah, soc=0.1, step_s=step_s) for step_s in (2.0, 20.0))

    held_v = fine.voltage_v[(fine.time_s > fine.cc_s) & (fine.time_s < fine.cc_s + fine.cv_s)]
    assert len(held_v) > 20 and np.abs(held_v - kind.chemistry.cell_max_v).max() < 1e-4
    assert coarse.cc_s == pytest.approx(fine.cc_s, rel=2e-3)
    assert coarse.charge_ah[-1] == pytest.approx(fine.charge_ah[-1], rel=2e-3)


@pytest.mark.parametrize(
    "field, value", [("capacity_ah", 0.0), ("heat_capacity_j_per_k", -1.0), ("conductance_w_per_k", float("nan"))]
)
def test_cells_that_cannot_be_are_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        replace(CHEN2020, **{field: value})


def test_a_charge_without_current_is_refused():
    with pytest.raises(ValueError, match="current_a"):
        CHEN2020.charge(0.0, soc=0.5)
