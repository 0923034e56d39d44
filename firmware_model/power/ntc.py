"""The thermistor in a power module: what it shows of the base plate, how it lags, and how it fails."""

from dataclasses import dataclass
from enum import Enum
from math import exp, inf, log
from typing import Final

KELVIN: Final = 273.15
NOMINAL_DEGC: Final = 25.0
OPEN_BELOW_DEGC: Final = -40.0
SHORT_ABOVE_DEGC: Final = 150.0
"""Readings beyond these are no temperatures but a broken or a shorted sensor."""


class NtcFault(Enum):
    """What may be wrong with the sensor."""

    NONE = "none"
    OPEN = "open"
    SHORT = "short"


@dataclass(frozen=True, slots=True, kw_only=True)
class Thermistor:
    """Resistance over temperature by one B value. Data sheets give several; take that of the range in use: at 125 °C B25/50 and
    B25/100 of the same part are 2 K apart.
    """

    r25_ohm: float = 5000.0
    b_k: float = 3375.0

    def __post_init__(self) -> None:
        for name, value, unit in (("r25_ohm", self.r25_ohm, "ohm"), ("b_k", self.b_k, "K")):
            if not 0.0 < value < inf:
                raise ValueError(f"{name} = {value} {unit}: must be greater than 0 and finite")

    def resistance_ohm(self, temp_degc: float) -> float:
        """What the sensor has at *temp_degc*."""
        return self.r25_ohm * exp(self.b_k * (1.0 / (temp_degc + KELVIN) - 1.0 / (NOMINAL_DEGC + KELVIN)))

    def temp_degc(self, r_ohm: float) -> float:
        """What firmware concludes from *r_ohm*; absolute zero for an open sensor (infinite), infinite for a short (0)."""
        if r_ohm <= 0.0:
            return inf
        if r_ohm == inf:
            return -KELVIN
        inverse = 1.0 / (NOMINAL_DEGC + KELVIN) + log(r_ohm / self.r25_ohm) / self.b_k
        return 1.0 / inverse - KELVIN if inverse > 0.0 else inf


class Ntc:
    """A thermistor on a base plate, following it with a lag. *fault* may be set at any time."""

    def __init__(self, thermistor: Thermistor | None = None, *, temp_degc: float, lag_s: float = 3.0) -> None:
        if not 0.0 < lag_s < inf:
            raise ValueError(f"lag_s = {lag_s} s: must be greater than 0 and finite")
        self.thermistor = thermistor or Thermistor()
        self.fault = NtcFault.NONE
        self._lag_s = lag_s
        self._temp_degc = temp_degc

    def advance(self, dt_s: float, base_degc: float) -> None:
        """Let *dt_s* pass with the base plate at *base_degc*."""
        self._temp_degc = base_degc + (self._temp_degc - base_degc) * exp(-dt_s / self._lag_s)

    @property
    def resistance_ohm(self) -> float:
        """At the terminals: infinite when open, 0 when shorted."""
        if self.fault is NtcFault.NONE:
            return self.thermistor.resistance_ohm(self._temp_degc)
        return inf if self.fault is NtcFault.OPEN else 0.0


def implausible(reading_degc: float) -> NtcFault:
    """The fault that firmware sees in a reading."""
    if reading_degc < OPEN_BELOW_DEGC:
        return NtcFault.OPEN
    return NtcFault.SHORT if reading_degc > SHORT_ABOVE_DEGC else NtcFault.NONE
