"""What is wired to a chip's GPIO pins: thermistors between the second reference and ground, some behind a multiplexer on I2C."""

from dataclasses import dataclass, field
from math import inf
from typing import Final, Protocol

from firmware_model.power.ntc import Thermistor

SUPPLY_V: Final = 5.0
"""Where a pin without a wire is pulled to by the chip's open-wire current."""


class Pin(Protocol):
    """A pin as the converter sees it."""

    def voltage_v(self, reference_v: float, pull_a: float) -> float:
        """With the second reference at *reference_v*, while the chip drives *pull_a* into the pin."""
        ...


@dataclass(slots=True)
class Divider:
    """A thermistor at the low side of a divider from the second reference. *temp_degc*, *contact_ohm*, *open* and
    *shorted* may change.
    """

    temp_degc: float = 25.0
    thermistor: Thermistor = field(default_factory=lambda: Thermistor(r25_ohm=10_000.0, b_k=3435.0))
    series_ohm: float = 10_000.0
    open: bool = False
    shorted: bool = False
    contact_ohm: float = 0.0
    """In series with the thermistor: a corroded connector, which reads as colder."""

    def voltage_v(self, reference_v: float, pull_a: float) -> float:
        """Between the resistor and the thermistor."""
        r_ohm = inf if self.open else 0.0 if self.shorted else self.thermistor.resistance_ohm(self.temp_degc) + self.contact_ohm
        conductance = 1.0 / self.series_ohm + (0.0 if r_ohm == inf else inf if r_ohm == 0.0 else 1.0 / r_ohm)
        if conductance == inf:
            return 0.0
        return min(max((reference_v / self.series_ohm + pull_a) / conductance, 0.0), SUPPLY_V)

    def temp_of(self, volts: float, reference_v: float) -> float:
        """The temperature (°C) that firmware concludes from *volts*: absolute zero if open, infinite if shorted."""
        if volts <= 0.0:
            return inf
        if volts >= reference_v:
            return self.thermistor.temp_degc(inf)
        return self.thermistor.temp_degc(self.series_ohm * volts / (reference_v - volts))


@dataclass(slots=True)
class Loose:
    """A pin without a wire: it follows the open-wire current, and stays at *volts* without one."""

    volts: float = 0.0

    def voltage_v(self, reference_v: float, pull_a: float) -> float:
        """At the rail that it is pulled to, or wherever it was left."""
        return SUPPLY_V if pull_a > 0.0 else 0.0 if pull_a < 0.0 else self.volts


@dataclass(slots=True)
class Multiplexer:
    """Eight pins behind one, chosen by a byte over I2C: the lowest set bit. None chosen: the pin is loose."""

    pins: list[Pin]
    address: int = 0x4C
    """Seven bits."""
    chosen: int = 0
    absent: bool = False
    """It does not answer on I2C."""

    def voltage_v(self, reference_v: float, pull_a: float) -> float:
        """Of the chosen pin."""
        channel = (self.chosen & -self.chosen).bit_length() - 1
        pin = self.pins[channel] if 0 <= channel < len(self.pins) else Loose()
        return pin.voltage_v(reference_v, pull_a)

    def write(self, address: int, data: int | None) -> bool:
        """A byte on I2C: its own address (*data* None) or, after that, a choice; whether it acknowledges."""
        if self.absent or address >> 1 != self.address or address & 1:
            return False
        if data is not None:
            self.chosen = data
        return True
