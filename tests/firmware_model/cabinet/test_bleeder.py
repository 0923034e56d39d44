import pytest

from firmware_model.cabinet.bleeder import Bleeder


@pytest.mark.parametrize(
    "on, burnt, welded, r_ohm",
    [(False, False, False, None), (True, False, False, 1000), (True, True, False, None), (False, False, True, 1000)],
)
def test_bleeder_conducts_as_its_condition_says(on, burnt, welded, r_ohm):
    bleeder = Bleeder()
    bleeder.on, bleeder.burnt, bleeder.welded = on, burnt, welded

    assert bleeder.conductance_s == (1 / r_ohm if r_ohm else 0)
