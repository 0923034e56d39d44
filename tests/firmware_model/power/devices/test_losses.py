import math

import pytest

from firmware_model.power.devices.losses import Modulation, dab_losses, front_end_position, trapezoid_mean_a
from firmware_model.power.devices.part_list import FUJI_100, PARTS, SEMIX604, part
from firmware_model.power.devices.parts import Line, Part
from firmware_model.power.foster_sets import FOSTER_SETS


@pytest.mark.parametrize(("power_w", "total_w"), [(30e3, 648.0), (15e3, 361.0), (3e3, 100.0), (-30e3, 647.0)])
def test_the_front_end_loses_what_the_budget_says(power_w, total_w):
    assert 6 * front_end_position(power_w).total_w == pytest.approx(total_w, rel=0.02)


def test_the_front_ends_rows_at_full_load():
    switch_w, diode_w, switching_w, recovery_w = front_end_position(30e3)
    assert (switch_w, diode_w) == (pytest.approx(4.2, abs=0.05), pytest.approx(21.7, abs=0.05))
    assert (switching_w, recovery_w) == (pytest.approx(63.9, rel=0.03), pytest.approx(18.4, rel=0.03))


def test_the_bridge_loses_what_the_budget_says():
    conduction_w, turn_off_w, turn_on_w = dab_losses(30e3, 750.0)
    assert conduction_w == pytest.approx(302.0, rel=0.01)
    assert turn_off_w == pytest.approx(444.0, rel=0.02)
    assert turn_on_w == 0.0


def test_a_leg_without_zero_voltage_switching_pays_for_turning_on():
    assert dab_losses(5e3, 50.0).turn_on_w > 100.0


def test_the_true_trapezoid_costs_more_than_a_sine_of_its_rms():
    assert dab_losses(30e3, 750.0, sine=False).conduction_w > dab_losses(30e3, 750.0).conduction_w
    assert trapezoid_mean_a(47.1, 47.1, 0.1507) == pytest.approx(47.1 * (1 - 0.1507 / 2))


@pytest.mark.parametrize("name", PARTS)
def test_every_part_gets_worse_with_heat_and_current(name):
    chip = part(name)
    if chip.energies:
        low, high = chip.energy_at(125.0, 0.5 * chip.nominal_a), chip.energy_at(125.0, chip.nominal_a)
        assert 0.0 < low.on_j < high.on_j and low.off_j < high.off_j
    assert chip.switch_at(25.0).slope_ohm <= chip.switch_at(150.0).slope_ohm
    assert chip.foster is None or f"{chip.foster} IGBT" in FOSTER_SETS


def test_table_points_come_back_exactly():
    assert FUJI_100.energy_at(125.0, 50.0)[2:] == pytest.approx((5.59e-3, 5.79e-3, 3.69e-3))
    assert FUJI_100.switch_at(137.5) == pytest.approx((137.5, 0.736, 10.155e-3))


def test_unusable_energies_and_unknown_parts_are_refused_by_name():
    with pytest.raises(ValueError, match=r"SEMiX604GB17E4s\.energies"):
        SEMIX604.energy_at(125.0, 100.0)
    with pytest.raises(ValueError, match="part = 'BUP314': allowed 2MBI100XAA120-50"):
        part("BUP314")


@pytest.mark.parametrize("value", [-1.0, 0.0, math.nan, math.inf])
def test_impossible_parts_are_refused_with_unit_and_range(value):
    with pytest.raises(ValueError, match=rf"X\.rated_v = {value} V: allowed above 0 \.\. 100000 V"):
        Part(name="X", rated_v=value, nominal_a=1, switch=(Line(25, 1, 1),), diode=(Line(25, 1, 1),), short_circuit_a=4,
             withstand_s=1e-5)  # fmt: skip
    with pytest.raises(ValueError, match=r"Modulation\.depth = 1\.3"):
        Modulation(peak_a=1, link_v=750, depth=1.3, cos_phi=1, carrier_hz=1e4, temp_degc=25)
