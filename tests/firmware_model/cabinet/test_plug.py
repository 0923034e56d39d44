import numpy as np
import pytest

from firmware_model.cabinet.plug import PlugTemperature

S = 1_000_000


def test_250_a_warm_the_plug_by_50_kelvin():
    plug = PlugTemperature(ambient_degc=30)

    plug.advance(6_000 * S, 250.0**2)

    assert plug.sensors_degc() == pytest.approx((80, 80), abs=0.01)


def test_plug_temperature_does_not_depend_on_how_time_is_divided():
    whole, parts = PlugTemperature(), PlugTemperature()
    for now in range(0, 601 * S, S):
        parts.advance(now, 200.0**2)

    whole.advance(600 * S, 200.0**2)

    assert parts.plus_degc == pytest.approx(whole.plus_degc)
    assert whole.plus_degc == pytest.approx(25 + 32 * (1 - np.exp(-1)))


def test_a_bad_contact_warms_one_pin_only():
    plug = PlugTemperature()
    plug.minus_ohm *= 3

    plug.advance(6_000 * S, 150.0**2)

    plus, minus = plug.sensors_degc()
    assert minus - 25 == pytest.approx(3 * (plus - 25), rel=1e-3)


def test_a_broken_temperature_sensor_is_seen_as_open():
    plug = PlugTemperature()
    plug.plus_broken, plug.minus_offset_k = True, 4.0

    assert plug.sensors_degc() == (-40, 29)
