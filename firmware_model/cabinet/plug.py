"""The DC pins of the plug: heating by current, and one temperature sensor at each (GB/T 20234.1)."""

from math import exp


class PlugTemperature:
    """Two pins, each I²R into one thermal resistance and time constant: 250 A through 0.2 mΩ warms a pin by 50 K (assumption).

    *plus_ohm*, *minus_ohm*, *ambient_degc* may be set at any time; *plus_offset_k*, *minus_offset_k* are sensor errors, and a
    sensor that is *broken* shows -40 °C as an open NTC does.
    """

    def __init__(self, *, ambient_degc: float = 25.0, now: int = 0) -> None:
        self.ambient_degc = ambient_degc
        self.plus_ohm = self.minus_ohm = 0.2e-3
        self.k_per_w = 4.0
        self.tau_us = 600_000_000
        self.plus_degc = self.minus_degc = ambient_degc
        self.plus_offset_k = self.minus_offset_k = 0.0
        self.plus_broken = self.minus_broken = False
        self._then = now

    def advance(self, now: int, square_a2: float) -> None:
        """Let a current of mean square *square_a2* have flowed since the last call."""
        kept = exp((self._then - now) / self.tau_us)
        self._then = now
        plus, minus = (self.ambient_degc + self.k_per_w * r_ohm * square_a2 for r_ohm in (self.plus_ohm, self.minus_ohm))
        self.plus_degc = plus + (self.plus_degc - plus) * kept
        self.minus_degc = minus + (self.minus_degc - minus) * kept

    def sensors_degc(self) -> tuple[float, float]:
        """What the sensors at DC+ and DC- show."""
        plus = -40.0 if self.plus_broken else self.plus_degc + self.plus_offset_k
        minus = -40.0 if self.minus_broken else self.minus_degc + self.minus_offset_k
        return plus, minus
