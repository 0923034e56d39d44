"""What the firmware leaves of the power at high temperature and low mains (power stage specification, 2.6)."""

from dataclasses import dataclass, field
from typing import Final

from firmware_model.power.devices.checks import positive, within


@dataclass(frozen=True, slots=True, kw_only=True)
class DeratingCurve:
    """Points of temperature (°C) and share of the power, ascending; straight between, held beyond."""

    points: tuple[tuple[float, float], ...]

    def __post_init__(self) -> None:
        temps = [temp for temp, _ in self.points]
        if len(temps) < 2 or temps != sorted(set(temps)):
            raise ValueError(f"DeratingCurve.points = {self.points}: allowed at least 2, ascending by degC")
        for temp_degc, share in self.points:
            within("DeratingCurve.points", temp_degc, "degC", low=-60.0, high=200.0)
            within("DeratingCurve.points", share, "of rated", low=0.0, high=1.0)

    def share(self, temp_degc: float) -> float:
        """Share of the rated power at *temp_degc*."""
        if temp_degc <= self.points[0][0]:
            return self.points[0][1]
        for (low, a), (high, b) in zip(self.points, self.points[1:], strict=False):
            if temp_degc <= high:
                return a + (b - a) * (temp_degc - low) / (high - low)
        return self.points[-1][1]


AMBIENT = DeratingCurve(points=((50.0, 1.0), (65.0, 0.5), (75.0, 0.0)))
BASE_PLATE = DeratingCurve(points=((95.0, 1.0), (110.0, 0.0)))

FULL_FROM_V: Final = 323.0
"""85 % of 380 V."""


def mains_share(line_v: float, *, full_from_v: float = FULL_FROM_V) -> float:
    """Share of the power at *line_v* (rms): the current is limited, so power falls with the voltage."""
    positive("full_from_v", full_from_v, "V", high=2e3)
    within("line_v", line_v, "V", low=0.0, high=2e3)
    return min(line_v / full_from_v, 1.0)


@dataclass(slots=True, kw_only=True)
class Derating:
    """A curve with hysteresis: down at once, up again only once it is *hysteresis_k* cooler."""

    curve: DeratingCurve
    hysteresis_k: float = 5.0
    _held_degc: float = field(default=-60.0, init=False)

    def __post_init__(self) -> None:
        within("Derating.hysteresis_k", self.hysteresis_k, "K", low=0.0, high=50.0)

    def share(self, temp_degc: float) -> float:
        """Share of the rated power, with *temp_degc* measured now."""
        within("temp_degc", temp_degc, "degC", low=-300.0, high=1e3)
        self._held_degc = max(temp_degc, min(self._held_degc, temp_degc + self.hysteresis_k))
        return self.curve.share(self._held_degc)
