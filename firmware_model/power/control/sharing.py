"""Modules in parallel: how a master splits its demand, and how they share by themselves."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleError:
    """What one module makes of its set point: (1 + *gain*) * set point + *offset_a*."""

    gain: float = 0.0
    """Current sensor, usually within ±1 %."""
    offset_a: float = 0.0
    """Usually within ±0.3 A."""

    def __post_init__(self) -> None:
        if not isfinite(self.gain) or abs(self.gain) > 0.1:
            raise ValueError(f"ModuleError.gain = {self.gain}: allowed -0.1 .. 0.1")
        if not isfinite(self.offset_a) or abs(self.offset_a) > 5.0:
            raise ValueError(f"ModuleError.offset_a = {self.offset_a} A: allowed -5 .. 5 A")


def split(current_a: float, errors: Sequence[ModuleError], *, lsb_a: float = 0.1) -> list[float]:
    """The modules' true currents (A) when a master splits *current_a* equally, in steps of *lsb_a* on its bus."""
    share = round(current_a / len(errors) / lsb_a) * lsb_a
    return [(1.0 + error.gain) * share + error.offset_a if share else 0.0 for error in errors]


def imbalance(currents_a: Sequence[float]) -> float:
    """Greatest deviation from the mean, as a share of the mean; 0 where nothing flows."""
    mean = sum(currents_a) / len(currents_a)
    return max(abs(current - mean) for current in currents_a) / abs(mean) if mean else 0.0


def droop_v(voltage_v: float, current_a: float, *, droop_ohm: float = 75e-3) -> float:
    """The voltage a module in constant voltage goes for at *current_a*, so that modules without a master share."""
    return voltage_v - droop_ohm * current_a


def drooping(currents_total_a: float, set_points_v: Sequence[float], *, droop_ohm: float = 75e-3) -> tuple[float, list[float]]:
    """Bus voltage (V) and the modules' currents (A) when each holds its own set point less its droop."""
    bus_v = sum(set_points_v) / len(set_points_v) - droop_ohm * currents_total_a / len(set_points_v)
    return bus_v, [(set_point - bus_v) / droop_ohm for set_point in set_points_v]
