import pytest

from firmware_model.cabinet.auxiliary import AuxiliarySupply, EmergencyStop, Mains

MS = 1_000


def test_auxiliary_voltage_is_there_once_k3_and_k4_are_closed():
    supply = AuxiliarySupply()
    supply.command(True, 0)

    assert supply.voltage_v(9 * MS) == 0
    assert supply.voltage_v(20 * MS) == pytest.approx(12, abs=0.6) and supply.feedback(20 * MS)
    supply.command(False, 30 * MS)
    assert supply.voltage_v(40 * MS) == 0 and not supply.feedback(40 * MS)


@pytest.mark.parametrize("condition, value", [("wire_broken", True), ("load_a", 11.0), ("supply_v", 0.045)])
def test_auxiliary_voltage_is_lost_by_wire_overload_and_source(condition, value):
    supply = AuxiliarySupply()
    supply.command(True, 0)
    setattr(supply, condition, value)

    assert supply.voltage_v(100 * MS) == pytest.approx(0, abs=1e-9)


def test_one_stuck_pole_keeps_the_auxiliary_voltage_away():
    supply = AuxiliarySupply()
    supply.k4.stuck_open = True
    supply.command(True, 0)

    assert supply.voltage_v(100 * MS) == 0 and not supply.feedback(100 * MS)


@pytest.mark.parametrize("pressed, broken", [(True, False), (False, True)])
def test_emergency_loop_opens_by_button_and_by_broken_wire(pressed, broken):
    stop = EmergencyStop()
    assert stop.loop_closed

    stop.pressed, stop.wire_broken = pressed, broken

    assert not stop.loop_closed


@pytest.mark.parametrize("voltage_v, present", [(0, False), (259, False), (260, True), (380, True), (476, False)])
def test_mains_counts_within_its_range(voltage_v, present):
    mains = Mains()
    mains.voltage_v = voltage_v

    assert mains.present is present
