"""Pins: thermistors with their faults, loose pins, and the multiplexer on I2C."""

from math import inf

import pytest

from firmware_model.afe.inputs import Divider, Loose, Multiplexer


@pytest.mark.parametrize("temp_degc", [-30.0, 0.0, 25.0, 60.0, 100.0])
def test_a_divider_is_read_back_as_its_temperature(temp_degc):
    divider = Divider(temp_degc)

    assert divider.temp_of(divider.voltage_v(3.0, 0.0), 3.0) == pytest.approx(temp_degc)


def test_broken_ones_read_as_no_temperature():
    assert Divider(open=True).voltage_v(3.0, 0.0) == pytest.approx(3.0)
    assert Divider(shorted=True).voltage_v(3.0, 0.0) == 0.0
    assert Divider().temp_of(3.0, 3.0) < -40.0 and Divider().temp_of(0.0, 3.0) == inf


def test_a_corroded_contact_reads_cold():
    """1 kohm at 50 degC: about 6.4 K."""
    divider = Divider(50.0, contact_ohm=1_000.0)

    assert 50.0 - divider.temp_of(divider.voltage_v(3.0, 0.0), 3.0) == pytest.approx(6.4, abs=0.2)


def test_the_open_wire_current_moves_loose_pins_to_the_rails():
    assert [Loose(1.0).voltage_v(3.0, pull_a) for pull_a in (1e-4, -1e-4, 0.0)] == [5.0, 0.0, 1.0]


def test_a_multiplexer_passes_the_chosen_pin_and_acknowledges_its_address_only():
    mux = Multiplexer([Divider(10.0), Divider(40.0)])

    assert not mux.write(0x4D << 1, None) and not mux.write(0x4C << 1 | 1, None)
    assert mux.write(0x4C << 1, None) and mux.write(0x4C << 1, 0b10)
    assert mux.voltage_v(3.0, 0.0) == Divider(40.0).voltage_v(3.0, 0.0)
    mux.chosen = 0
    assert mux.voltage_v(3.0, 0.0) == 0.0
