from math import inf

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.power.ntc import Ntc, NtcFault, Thermistor, implausible


@given(st.floats(-60.0, 200.0))
def test_firmware_reads_back_the_temperature_of_a_good_sensor(temp_degc):
    sensor = Thermistor()

    assert sensor.temp_degc(sensor.resistance_ohm(temp_degc)) == pytest.approx(temp_degc, abs=1e-9)


def test_the_sensor_lags_behind_the_base_plate():
    ntc = Ntc(temp_degc=25.0, lag_s=3.0)

    ntc.advance(3.0, 125.0)

    assert ntc.thermistor.temp_degc(ntc.resistance_ohm) == pytest.approx(25.0 + 100.0 * (1 - 0.36788), abs=0.01)


@pytest.mark.parametrize("fault", list(NtcFault))
def test_firmware_can_tell_every_fault_from_a_temperature(fault):
    ntc = Ntc(temp_degc=60.0)
    ntc.fault = fault

    assert implausible(ntc.thermistor.temp_degc(ntc.resistance_ohm)) is fault


@pytest.mark.parametrize("bad", [0.0, -1.0, float("nan"), inf])
def test_what_is_not_physical_is_refused_by_name(bad):
    with pytest.raises(ValueError, match="r25_ohm"):
        Thermistor(r25_ohm=bad)
    with pytest.raises(ValueError, match="lag_s"):
        Ntc(temp_degc=25.0, lag_s=bad)
