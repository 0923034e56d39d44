import pytest

from firmware_model.battery.packs import PACKS


@pytest.mark.parametrize(
    "name, voltage_v, energy_kwh",
    [
        ("eu500", (320, 340), (47, 50)),
        ("model3_lfp", (335, 350), (54, 57)),
        ("han", (565, 590), (76, 80)),
        ("mini", (110, 120), (13, 15)),
        ("bus", (512, 614), (130, 350)),
        ("nmc_800v", (650, 750), (80, 110)),
    ],
)
def test_named_packs_have_published_voltage_and_energy(name, voltage_v, energy_kwh):
    kind = PACKS[name]

    assert voltage_v[0] <= kind.voltage_nominal_v <= voltage_v[1]
    assert energy_kwh[0] <= kind.energy_kwh <= energy_kwh[1]
