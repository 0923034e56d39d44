"""A battery pack: one mean cell with spread around it, lumped temperature, exact for constant current."""

from collections.abc import Sequence
from math import exp

import numpy as np
from numpy.random import Generator

from firmware_model.battery.packs import PackType

LONGEST_STEP_US = 1_000_000
"""Longer intervals are cut: within one step resistance and temperature coefficients stand still."""


class Pack:
    """State of charge, voltage, temperature and energy of a pack of *kind*. Current is positive when charging.

    Terminal voltage = `emf_v` + current x `r_ohm`; the first contains the slow polarisation. *temp_degc*, *coolant_degc* and
    *soc* may be set at any time (call `refresh` then). No hysteresis, self-discharge or entropic heat.
    """

    def __init__(
        self, kind: PackType, *, soc_pct: float, temp_degc: float = 25.0, rng: Generator | None = None, now: int = 0
    ) -> None:
        self.kind = kind
        self.soc = soc_pct / 100.0
        self.temp_degc = temp_degc
        self.coolant_degc = temp_degc
        self.current_a = 0.0
        self.slow_v = 0.0
        """Polarisation of one cell's slow branch."""
        self.energy_wh = 0.0
        """Into the terminals since the start (negative parts counted)."""
        self.charge_ah = 0.0
        self.heat_wh = 0.0
        """Lost in the pack's resistances since the start."""
        self._then = now
        self._heat_capacity = kind.heat_capacity_j_per_kwh_k * kind.energy_kwh
        self._spread(rng)
        self.refresh()

    def _spread(self, rng: Generator | None) -> None:
        """Draw which cells and sensors are off the mean; one fixed pattern, whose size follows load (see `spread_v`)."""
        count, sensors = self.kind.series, self.kind.temp_sensors
        draws = np.zeros(count + sensors) if rng is None else rng.standard_normal(count + sensors).clip(-3, 3)
        cells, temps = draws[:count] - draws[:count].mean(), draws[count:] - draws[count:].mean()
        self._cell_pattern = [float(x) for x in cells]
        self._temp_pattern = [self.kind.temp_sigma_k * float(x) for x in temps]
        self.cell_max_number = int(cells.argmax()) + 1
        self.cell_min_number = int(cells.argmin()) + 1
        self.temp_max_number = int(temps.argmax()) + 1
        self.temp_min_number = int(temps.argmin()) + 1

    def refresh(self) -> None:
        """Derive voltage and resistance from the state."""
        kind, soc = self.kind, self.soc
        chemistry, series = kind.chemistry, kind.series
        self.ocv_v = ocv_v = series * chemistry.ocv_at(soc)
        self.cell_ohm = cell_ohm = chemistry.r0_at(soc, self.temp_degc) / kind.capacity_ah
        self.r_ohm = series * cell_ohm + kind.wiring_ohm
        self.emf_v = ocv_v + series * self.slow_v

    def advance(self, now: int, current_a: float) -> None:
        """Let *current_a* have flowed since the last call, up to *now* (µs)."""
        left = now - self._then
        while left > 0:
            step = left if left <= LONGEST_STEP_US else LONGEST_STEP_US
            self._step(step * 1e-6, current_a)
            left -= step
        self._then = now
        self.current_a = current_a

    def _step(self, dt_s: float, current_a: float) -> None:
        kind = self.kind
        chemistry, series = kind.chemistry, kind.series
        before_v, slow_v = self.ocv_v, self.slow_v
        charge_ah = current_a * dt_s / 3600.0
        self.charge_ah += charge_ah
        self.soc += charge_ah / kind.capacity_ah
        full_v = current_a * chemistry.slow_ratio * self.cell_ohm
        tau_s = chemistry.slow_tau_s
        faded = 1.0 - exp(-dt_s / tau_s)
        self.slow_v = slow_v + (full_v - slow_v) * faded
        slow_mean_v = full_v + (slow_v - full_v) * faded * tau_s / dt_s
        heat_w = current_a * (current_a * self.r_ohm + series * slow_mean_v)
        self.heat_wh += heat_w * dt_s / 3600.0
        conductance = self._heat_capacity / kind.cooling_tau_s
        settled = self.coolant_degc + heat_w / conductance
        self.temp_degc = settled + (self.temp_degc - settled) * exp(-dt_s / kind.cooling_tau_s)
        self.refresh()
        self.energy_wh += charge_ah * 0.5 * (before_v + self.ocv_v) + heat_w * dt_s / 3600.0

    @property
    def soc_pct(self) -> float:
        """State of charge of the mean cell."""
        return 100.0 * self.soc

    @property
    def voltage_v(self) -> float:
        """Terminal voltage at the last current."""
        return self.emf_v + self.current_a * self.r_ohm

    @property
    def cell_mean_v(self) -> float:
        """Terminal voltage of the mean cell."""
        return self.kind.chemistry.ocv_at(self.soc) + self.slow_v + self.current_a * self.cell_ohm

    @property
    def spread_v(self) -> float:
        """One sigma of the cell voltages: from unequal charge (steep at both ends) and, under load, unequal resistance."""
        kind = self.kind
        polarised_v = abs(self.slow_v + self.current_a * self.cell_ohm)
        return kind.soc_sigma * kind.chemistry.ocv_slope_at(self.soc) + kind.resistance_sigma * polarised_v

    @property
    def cell_max_v(self) -> float:
        """The highest cell."""
        return self.cell_mean_v + self.spread_v * self._cell_pattern[self.cell_max_number - 1]

    @property
    def cell_min_v(self) -> float:
        """The lowest cell."""
        return self.cell_mean_v + self.spread_v * self._cell_pattern[self.cell_min_number - 1]

    def cell_voltages_v(self) -> Sequence[float]:
        """All cells, in order of position."""
        mean_v, spread_v = self.cell_mean_v, self.spread_v
        return [mean_v + spread_v * x for x in self._cell_pattern]

    @property
    def temp_max_degc(self) -> float:
        """The warmest sensor."""
        return self.temp_degc + self._temp_pattern[self.temp_max_number - 1]

    @property
    def temp_min_degc(self) -> float:
        """The coldest sensor."""
        return self.temp_degc + self._temp_pattern[self.temp_min_number - 1]

    def temps_degc(self) -> Sequence[float]:
        """All temperature sensors, in order of position."""
        return [self.temp_degc + x for x in self._temp_pattern]
