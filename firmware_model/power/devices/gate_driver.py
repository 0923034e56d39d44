"""Gate driver: supply watch, desaturation watch, soft turn-off, propagation (power stage specification, 3)."""

from dataclasses import dataclass
from math import log

from firmware_model.power.devices.checks import positive, within


@dataclass(frozen=True, slots=True, kw_only=True)
class GateDriver:
    """Defaults keep a margin to the protection table (4.3); the corners of the parts' ranges do not all hold it."""

    supply_v: float = 15.0
    under_v: float = 11.5
    """Below it the leg blocks; parts have 11 .. 12 V."""
    under_filter_s: float = 5e-6
    """Parts have 5 .. 10 µs."""
    propagation_s: float = 150e-9
    threshold_v: float = 9.0
    """Of desaturation; parts have 8.5 .. 9.5 V."""
    charge_a: float = 500e-6
    blanking_f: float = 100e-12
    leading_edge_s: float = 300e-9
    soft_off_s: float = 1.5e-6
    barrier_s: float = 0.75e-6
    """The fault's way over the isolation barrier to the controller."""

    def __post_init__(self) -> None:
        for name, unit, high in (
            ("supply_v", "V", 30.0), ("under_v", "V", 30.0), ("under_filter_s", "s", 1e-3), ("propagation_s", "s", 1e-5),
            ("threshold_v", "V", 15.0), ("charge_a", "A", 0.1), ("blanking_f", "F", 1e-6), ("soft_off_s", "s", 1e-4),
        ):  # fmt: skip
            positive(f"GateDriver.{name}", getattr(self, name), unit, high=high)
        within("GateDriver.leading_edge_s", self.leading_edge_s, "s", low=0.0, high=1e-5)
        within("GateDriver.barrier_s", self.barrier_s, "s", low=0.0, high=1e-5)
        within("GateDriver.under_v", self.under_v, "V", low=0.0, high=self.supply_v)

    @property
    def blanking_s(self) -> float:
        """From the end of the leading edge until the capacitor has reached the threshold."""
        return self.blanking_f * self.threshold_v / self.charge_a

    @property
    def desaturation_s(self) -> float:
        """From a turn-on into a short circuit until the soft turn-off begins."""
        return self.leading_edge_s + self.blanking_s

    @property
    def all_off_s(self) -> float:
        """From the start of the soft turn-off until every other gate is off."""
        return self.barrier_s + self.propagation_s

    @property
    def under_voltage_s(self) -> float:
        """From the crossing of *under_v* until the leg is off."""
        return self.under_filter_s + self.propagation_s

    def crossing_s(self, decay_s: float) -> float:
        """From the loss of a supply that decays with *decay_s* until it crosses *under_v*."""
        positive("decay_s", decay_s, "s", high=10.0)
        return decay_s * log(self.supply_v / self.under_v)


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparator:
    """A hardware trip: a first-order filter before the threshold, then the driver's propagation."""

    filter_s: float = 300e-9
    """Worst of 100 .. 300 ns."""
    propagation_s: float = 150e-9

    def __post_init__(self) -> None:
        positive("Comparator.filter_s", self.filter_s, "s", high=1e-3)
        positive("Comparator.propagation_s", self.propagation_s, "s", high=1e-3)

    @property
    def ramp_s(self) -> float:
        """From the crossing of the threshold by a long ramp until the gates are off: a filter lags a ramp by its constant."""
        return self.filter_s + self.propagation_s
