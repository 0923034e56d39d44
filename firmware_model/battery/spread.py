"""How the cells of a pack differ: drawn once from a seed, then fixed."""

from dataclasses import dataclass, fields
from math import isfinite

import numpy as np
from numpy.random import Generator

from firmware_model.battery.electrodes import Floats

CLIP = 3.0
"""Draws beyond so many sigma are cut."""
WEIBULL_SHAPE = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Spread:
    """One sigma of each property between cells; the defaults are a new, balanced pack."""

    capacity: float = 0.004
    resistance: float = 0.025
    soc: float = 0.0025
    temp_k: float = 0.7
    """Of the coolant at each cell: what the sensors show at rest."""
    correlation: float = -0.3
    """Between capacity and resistance."""
    left_tail: bool = False
    """Capacity from a Weibull distribution turned round: a few cells are much worse, none much better."""
    leak_a: float = 0.0
    """Self-discharge of every cell."""

    def __post_init__(self) -> None:
        limits = {"correlation": (-1.0, 1.0), "temp_k": (0.0, 20.0), "leak_a": (0.0, 1.0)}
        for item in fields(self):
            if item.name == "left_tail":
                continue
            low, high = limits.get(item.name, (0.0, 0.3))
            value = getattr(self, item.name)
            if not (isfinite(value) and low <= value <= high):
                raise ValueError(f"spread {item.name} = {value:g}: allowed is {low:g}..{high:g}")


NEW = Spread()
AGED = Spread(capacity=0.03, resistance=0.10, soc=0.02, temp_k=1.5, left_tail=True)


@dataclass(frozen=True, slots=True)
class Deviations:
    """Of each cell: factors of capacity and resistance, offsets of state of charge (mean zero) and coolant temperature (K)."""

    capacity: Floats
    resistance: Floats
    soc: Floats
    temp_k: Floats


def centred(draws: Floats) -> Floats:
    """Without their mean: the pack as a whole is what its type says."""
    return draws - float(draws.mean())


def _weibull(draws: Floats) -> Floats:
    """Standard normal draws as standardised Weibull ones with the long tail downwards."""
    ranks = (np.argsort(np.argsort(draws)) + 0.5) / len(draws)
    tail = -((-np.log(ranks)) ** (1.0 / WEIBULL_SHAPE))
    deviation = tail.std()
    return np.divide(centred(tail), deviation) if deviation > 0.0 else np.zeros(len(draws))


def drawn(spread: Spread, count: int, rng: Generator | None) -> Deviations:
    """The deviations of *count* cells; without *rng* all cells are alike."""
    if rng is None:
        return Deviations(np.ones(count), np.ones(count), np.zeros(count), np.zeros(count))
    a, b, soc, temp = rng.standard_normal((4, count)).clip(-CLIP, CLIP)
    mixed = spread.correlation * a + np.sqrt(1.0 - spread.correlation**2) * b
    capacity = _weibull(a) if spread.left_tail else a
    return Deviations(
        1.0 + spread.capacity * centred(capacity),
        np.maximum(1.0 + spread.resistance * centred(mixed), 0.2),
        spread.soc * centred(soc),
        spread.temp_k * centred(temp),
    )
