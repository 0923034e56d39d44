"""How long power modules last under changing junction temperature: rainflow cycles, two published laws, Miner's sum.

Absolute lives are uncertain by a factor of three either way; comparisons between duties are sound. Where sources differ (the
temperature in CIPS08, its factor), the difference is a parameter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import Enum
from math import exp, inf
from typing import Final, Protocol

import rainflow

GAS_CONSTANT: Final = 8.314
"""J/(mol K)."""
KELVIN: Final = 273.15


@dataclass(frozen=True, slots=True)
class Cycle:
    """One class of cycles of the junction temperature."""

    range_k: float
    mean_degc: float
    count: float
    """0.5 for a half cycle."""

    @property
    def least_degc(self) -> float:
        """The cold end."""
        return self.mean_degc - 0.5 * self.range_k

    @property
    def greatest_degc(self) -> float:
        """The hot end."""
        return self.mean_degc + 0.5 * self.range_k


def cycles_of(temps_degc: Sequence[float]) -> Iterator[Cycle]:
    """The cycles of a course of temperature (ASTM E1049; what remains at the ends counts as half cycles)."""
    for range_k, mean_degc, count, _, _ in rainflow.extract_cycles(temps_degc):
        yield Cycle(range_k, mean_degc, count)


class Law(Protocol):
    """Cycles to failure under one class of cycles."""

    def cycles_to_failure(self, cycle: Cycle) -> float:
        """How many such cycles a part survives; infinite for a range of 0."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Lesit:
    """The LESIT law (Held 1997): range and mean temperature only."""

    factor: float = 640.0
    exponent: float = -5.0
    activation_j_per_mol: float = 78e3

    def cycles_to_failure(self, cycle: Cycle) -> float:
        if cycle.range_k <= 0.0:
            return inf
        arrhenius = exp(self.activation_j_per_mol / (GAS_CONSTANT * (cycle.mean_degc + KELVIN)))
        return float(self.factor * cycle.range_k**self.exponent * arrhenius)


class Reference(Enum):
    """Which end of a cycle CIPS08 takes its temperature from; sources differ, by a factor of 1.4 to 2.1 in life."""

    LEAST = "least"
    GREATEST = "greatest"


@dataclass(frozen=True, slots=True, kw_only=True)
class Cips08:
    """The CIPS08 law. Defaults describe standard modules; 2.03e14 is in circulation for *factor* too.

    Validity: ranges of 45..150 K, 3..23 A per bond foot, 6..33 for the blocking voltage divided by 100 V, wires of 75..500 µm.
    """

    factor: float = 9.34e14
    on_time_s: float = 2.0
    """Heating time; beyond *on_time_most_s* it counts as that."""
    on_time_most_s: float = 15.0
    foot_current_a: float = 10.0
    voltage_class: float = 12.0
    """Blocking voltage divided by 100 V. Volts instead would change life by orders of magnitude, so they are refused."""
    wire_um: float = 400.0
    reference: Reference = Reference.LEAST

    def __post_init__(self) -> None:
        _within("on_time_s", self.on_time_s, 1e-3, inf, "s")
        _within("foot_current_a", self.foot_current_a, 3.0, 23.0, "A")
        _within("voltage_class", self.voltage_class, 6.0, 33.0, "x 100 V")
        _within("wire_um", self.wire_um, 75.0, 500.0, "µm")

    def cycles_to_failure(self, cycle: Cycle) -> float:
        if cycle.range_k <= 0.0:
            return inf
        temp_degc = cycle.least_degc if self.reference is Reference.LEAST else cycle.greatest_degc
        return float(
            self.factor
            * cycle.range_k**-4.416
            * exp(1285.0 / (temp_degc + KELVIN))
            * min(self.on_time_s, self.on_time_most_s) ** -0.463
            * self.foot_current_a**-0.716
            * self.voltage_class**-0.761
            * self.wire_um**-0.5
        )


def damage(temps_degc: Sequence[float], law: Law) -> float:
    """The share of its life that a part spends on one course of temperature (Miner's sum)."""
    return sum(cycle.count / law.cycles_to_failure(cycle) for cycle in cycles_of(temps_degc))


def _within(name: str, value: float, low: float, high: float, unit: str) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} = {value} {unit}: must be {low:g}..{high:g} {unit}")
