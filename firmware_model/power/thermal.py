"""Heat on its way from the junction to the air: Foster sets of data sheets, the Cauer ladders they stand for, heat sink and fan.

A Foster set describes the junction against a case of constant temperature. Behind it comes a heat sink that has a time of its
own, so the set is turned into its ladder first: stacked on the sink as it is, it would let the case jump with the junction.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from math import exp
from typing import Final

import numpy as np
from numpy.typing import NDArray

SUM_TOLERANCE: Final = 0.02
"""A set whose resistances do not add up to the data sheet's total within this share is refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Foster:
    """Resistances (K/W) and time constants (s) of a data sheet's transient thermal impedance, junction to case."""

    r_k_per_w: tuple[float, ...]
    tau_s: tuple[float, ...]
    stated_k_per_w: float | None = None
    """Rth(j-c) of the same data sheet, if it states one: the set must add up to it."""

    def __post_init__(self) -> None:
        if not self.r_k_per_w or len(self.r_k_per_w) != len(self.tau_s):
            raise ValueError(
                f"r_k_per_w, tau_s: {len(self.r_k_per_w)} resistances for {len(self.tau_s)} time constants, not as many"
            )
        _all_positive("r_k_per_w", self.r_k_per_w, "K/W")
        _all_positive("tau_s", self.tau_s, "s")
        if len(set(self.tau_s)) < len(self.tau_s):
            raise ValueError(f"tau_s = {self.tau_s}: time constants must differ from each other")
        stated = self.stated_k_per_w
        if stated is not None and not abs(self.total_k_per_w - stated) <= SUM_TOLERANCE * stated:
            raise ValueError(
                f"r_k_per_w: adds up to {self.total_k_per_w:.4g} K/W, the data sheet states {stated:.4g} K/W;"
                f" at most {SUM_TOLERANCE:.0%} apart"
            )

    @property
    def total_k_per_w(self) -> float:
        """The steady resistance."""
        return sum(self.r_k_per_w)

    def impedance_k_per_w(self, after_s: float) -> float:
        """Rise of the junction *after_s* of a step of 1 W."""
        return sum(r * (1.0 - exp(-after_s / tau)) for r, tau in zip(self.r_k_per_w, self.tau_s, strict=True))

    def cauer(self) -> "Cauer":
        """The ladder with the same impedance at the junction: a continued fraction, exact in rational numbers."""
        numerator, denominator = _impedance(self)
        capacities, resistances = [], []
        while len(denominator) > 1:
            capacity = denominator[-1] / numerator[-1]
            rest = _minus(denominator, [Fraction(0), *(capacity * a for a in numerator)])
            resistance = numerator[-1] / rest[-1]
            numerator, denominator = _minus(numerator, [resistance * a for a in rest]), rest
            capacities.append(float(capacity))
            resistances.append(float(resistance))
        return Cauer(c_j_per_k=tuple(capacities), r_k_per_w=tuple(resistances))


@dataclass(slots=True)
class FosterState:
    """The rises over the case of each term of a set; exact for power that is constant between calls."""

    foster: Foster
    rises_k: list[float] = field(init=False)

    def __post_init__(self) -> None:
        self.rises_k = [0.0] * len(self.foster.r_k_per_w)

    def advance(self, dt_s: float, power_w: float) -> float:
        """The rise of the junction over the case (K) after *dt_s* of *power_w*."""
        for index, (r, tau) in enumerate(zip(self.foster.r_k_per_w, self.foster.tau_s, strict=True)):
            settled = power_w * r
            self.rises_k[index] = settled + (self.rises_k[index] - settled) * exp(-dt_s / tau)
        return sum(self.rises_k)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cauer:
    """A ladder of heat capacities (J/K) to the reference and resistances (K/W) onwards, junction first."""

    c_j_per_k: tuple[float, ...]
    r_k_per_w: tuple[float, ...]

    def __post_init__(self) -> None:
        if len(self.c_j_per_k) != len(self.r_k_per_w):
            raise ValueError(f"c_j_per_k, r_k_per_w: {len(self.c_j_per_k)} and {len(self.r_k_per_w)} values, not as many")
        _all_positive("c_j_per_k", self.c_j_per_k, "J/K")
        _all_positive("r_k_per_w", self.r_k_per_w, "K/W")

    def onto(self, sink: "HeatSink", *, contact_k_per_w: float = 0.05, speed: float = 1.0) -> "Cauer":
        """This ladder through the case-to-sink resistance on a heat sink with its fan at *speed*; its end is the air."""
        *inner, last = self.r_k_per_w
        return Cauer(
            c_j_per_k=(*self.c_j_per_k, sink.c_j_per_k),
            r_k_per_w=(*inner, last + contact_k_per_w, sink.resistance_k_per_w(speed)),
        )


class LadderState:
    """Temperatures of the nodes of a ladder, exact for constant power and constant temperature behind its end."""

    def __init__(self, ladder: Cauer, *, temp_degc: float) -> None:
        self.ladder = ladder
        self.temps_degc: NDArray[np.float64] = np.full(len(ladder.c_j_per_k), temp_degc)
        g = 1.0 / np.array(ladder.r_k_per_w)
        root_c = np.sqrt(ladder.c_j_per_k)
        laplacian = np.diag(g) - np.diag(g[:-1], 1) - np.diag(g[:-1], -1)
        laplacian[1:, 1:] += np.diag(g[:-1])
        # C^-1/2 G C^-1/2 is symmetric, so its eigenvectors are orthogonal whatever the spread of the time constants.
        self._rates, modes = np.linalg.eigh(laplacian / np.outer(root_c, root_c))
        self._to_modes, self._from_modes = modes.T * root_c, modes / root_c[:, None]
        self._onward = np.cumsum(ladder.r_k_per_w[::-1])[::-1]

    def advance(self, dt_s: float, power_w: float, behind_degc: float) -> float:
        """The junction's temperature (°C) after *dt_s* of *power_w*, with *behind_degc* at the far end of the ladder."""
        settled = behind_degc + power_w * self._onward
        away = self._to_modes @ (self.temps_degc - settled)
        self.temps_degc = settled + self._from_modes @ (away * np.exp(-self._rates * dt_s))
        return float(self.temps_degc[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class HeatSink:
    """A sink with its fan. Defaults: the sink of REF-30's front end (assumed design); the DC/DC's has 0.040 K/W."""

    r_k_per_w: float = 0.045
    """To the air at full speed of the fan, at sea level, clean."""
    c_j_per_k: float = 1350.0
    exponent: float = 0.8
    least_speed: float = 0.2
    dead_factor: float = 5.0
    altitude_per_km: float = 0.06
    dust_per_year: float = 0.10

    def __post_init__(self) -> None:
        _all_positive("r_k_per_w", (self.r_k_per_w,), "K/W")
        _all_positive("c_j_per_k", (self.c_j_per_k,), "J/K")
        _all_positive("exponent", (self.exponent,), "(none)")
        _all_positive("least_speed", (self.least_speed,), "of rated")
        if not 1.0 <= self.dead_factor < float("inf"):
            raise ValueError(f"dead_factor = {self.dead_factor}: must be at least 1 and finite")

    def resistance_k_per_w(self, speed: float, *, fan_dead: bool = False, altitude_km: float = 0.0, years: float = 0.0) -> float:
        """To the air with the fan at *speed* (share of rated) or *fan_dead*, at *altitude_km*, after *years* of dust."""
        aged = self.r_k_per_w * (1.0 + self.altitude_per_km * altitude_km) * (1.0 + self.dust_per_year * years)
        return aged * (self.dead_factor if fan_dead else max(speed, self.least_speed) ** -self.exponent)


def fan_speed(sink_degc: float, *, least: float = 0.2) -> float:
    """The fan's speed (share of rated) that the controller sets at a heat sink of *sink_degc*: full from 75 °C on."""
    return min(max((sink_degc - 45.0) / 30.0, least), 1.0)


def fan_power_w(speed: float, *, rated_w: float = 60.0) -> float:
    """What the fan takes at *speed*."""
    return rated_w * speed**3


Polynomial = Sequence[Fraction]
"""Coefficients, constant first."""


def _impedance(foster: Foster) -> tuple[list[Fraction], list[Fraction]]:
    """Z(s) of the set as one fraction of polynomials."""
    numerator, denominator = [Fraction(0)], [Fraction(1)]
    for r, tau in zip(foster.r_k_per_w, foster.tau_s, strict=True):
        pole = [Fraction(1), Fraction(tau)]
        grown = _times(numerator, pole)
        added = [Fraction(r) * a for a in denominator]
        numerator = [a + b for a, b in zip(grown, [*added, *[Fraction(0)] * (len(grown) - len(added))], strict=True)]
        denominator = _times(denominator, pole)
    return _trimmed(numerator), denominator


def _times(left: Polynomial, right: Polynomial) -> list[Fraction]:
    product = [Fraction(0)] * (len(left) + len(right) - 1)
    for i, a in enumerate(left):
        for j, b in enumerate(right):
            product[i + j] += a * b
    return product


def _minus(left: Polynomial, right: Polynomial) -> list[Fraction]:
    padded = [*right, *[Fraction(0)] * (len(left) - len(right))]
    return _trimmed([a - b for a, b in zip(left, padded, strict=True)])


def _trimmed(polynomial: list[Fraction]) -> list[Fraction]:
    while len(polynomial) > 1 and not polynomial[-1]:
        polynomial.pop()
    return polynomial


def _all_positive(name: str, values: Sequence[float], unit: str) -> None:
    for value in values:
        if not 0.0 < value < float("inf"):
            raise ValueError(f"{name} = {value} {unit}: must be greater than 0 and finite")
