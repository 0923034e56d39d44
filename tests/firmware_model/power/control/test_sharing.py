import pytest

from firmware_model.power.control.sharing import ModuleError, drooping, imbalance, split


def test_usual_errors_stay_within_five_percent_above_half_load():
    errors = [ModuleError(gain=0.01, offset_a=0.3), ModuleError(gain=-0.01, offset_a=-0.3), ModuleError(), ModuleError()]

    assert imbalance(split(240.0, errors)) < 0.05


def test_the_bus_carries_a_tenth_of_an_ampere():
    assert split(100.0, [ModuleError()] * 3) == pytest.approx([33.3] * 3)


def test_droop_shares_without_a_master():
    bus_v, currents = drooping(150.0, [750.0, 751.0])

    assert bus_v == pytest.approx(750.5 - 0.075 * 75)
    assert sum(currents) == pytest.approx(150.0)
    assert currents[1] - currents[0] == pytest.approx(1.0 / 75e-3)


@pytest.mark.parametrize("values", [{"gain": 0.5}, {"offset_a": float("nan")}])
def test_an_error_out_of_range_is_refused(values):
    with pytest.raises(ValueError, match=next(iter(values))):
        ModuleError(**values)
