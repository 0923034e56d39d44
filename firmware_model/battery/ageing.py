"""What years and cycles leave of a battery: factors of capacity and resistance.

Capacity falls with the square root of time (faster when warm) and with a power of the charge that went through; resistance rises
in proportion to the loss. The magnitudes are literature's, not a data sheet's.
"""

from dataclasses import dataclass, fields
from math import exp, isfinite
from typing import NamedTuple

GAS_J_PER_MOL_K, KELVIN, WARM_K = 8.314, 273.15, 298.15


class Health(NamedTuple):
    """Relative to new."""

    capacity: float = 1.0
    resistance: float = 1.0


AS_NEW = Health()


@dataclass(frozen=True, slots=True, kw_only=True)
class Ageing:
    """Capacity = 1 - calendar sqrt(years) - 0.2 (cycles / cycle_life)^power."""

    calendar: float = 0.025
    """Lost in the first year at 25 °C and half charge (2..3 %)."""
    calendar_j_per_mol: float = 40_000.0
    """Arrhenius slope (25..50 kJ/mol)."""
    cycle_life: float
    """Full cycles until 20 % are lost by use alone."""
    power: float = 0.8
    resistance_at_80: float = 1.75
    """Resistance when 80 % of the capacity are left (1.5..2)."""

    def __post_init__(self) -> None:
        limits = {"calendar": (0.0, 0.2), "calendar_j_per_mol": (0.0, 2e5), "cycle_life": (1.0, 1e6), "power": (0.1, 2.0)}
        for item in fields(self):
            low, high = limits.get(item.name, (1.0, 10.0))
            value = getattr(self, item.name)
            if not (isfinite(value) and low <= value <= high):
                raise ValueError(f"ageing {item.name} = {value:g}: allowed is {low:g}..{high:g}")

    def health(self, *, years: float = 0.0, full_cycles: float = 0.0, temp_degc: float = 25.0) -> Health:
        """After *years* at *temp_degc* and a throughput of *full_cycles* (charge put in, divided by the nominal capacity)."""
        for name, value in (("years", years), ("full_cycles", full_cycles)):
            if not (isfinite(value) and value >= 0.0):
                raise ValueError(f"{name} = {value:g}: allowed is 0 or more")
        faster = exp(self.calendar_j_per_mol / GAS_J_PER_MOL_K * (1.0 / WARM_K - 1.0 / (temp_degc + KELVIN)))
        lost = self.calendar * faster * years**0.5 + 0.2 * (full_cycles / self.cycle_life) ** self.power
        if lost >= 0.6:
            raise ValueError(f"years = {years:g} and full_cycles = {full_cycles:g} leave {1 - lost:.0%}: allowed is above 40 %")
        return Health(1.0 - lost, 1.0 + (self.resistance_at_80 - 1.0) * lost / 0.2)


AGEING = {"NMC": Ageing(cycle_life=1_750), "LFP": Ageing(cycle_life=3_500)}
"""By name of the chemistry."""
