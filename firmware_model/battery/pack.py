"""A battery pack of *series* groups of parallel cells, every one with its own charge, temperature, capacity and resistance."""

from collections.abc import Sequence
from math import isfinite

import numpy as np
from numpy.random import Generator

from firmware_model.battery.ageing import AS_NEW, Health
from firmware_model.battery.packs import PackType
from firmware_model.battery.spread import drawn

CALM_S, CALM_C, CALM_SHARE, LAZY_US = 0.1, 0.002, 3e-7, 1_000_000
"""Cells whose voltage, after a step of `CALM_S`, a line foretold within `CALM_SHARE` are not stepped again while the current is
within `CALM_C`, for `LAZY_US` at most: the line goes on, and then they catch up in one step with all the charge that has flowed.
"""


class Pack:
    """State of charge, voltage, temperature and energy of a pack of *kind*. Current is positive when charging.

    Terminal voltage near the present current = `emf_v` + current x `r_ohm`: the tangent to the cells' curved polarisation.
    *temp_degc* and *soc* may be set at any time (call `refresh` then) and move all cells alike; *coolant_degc* too.
    The first pack of a process loads the compiled kernel.
    """

    def __init__(
        self,
        kind: PackType,
        *,
        soc_pct: float,
        temp_degc: float = 25.0,
        rng: Generator | None = None,
        now: int = 0,
        health: Health = AS_NEW,
    ) -> None:
        from firmware_model.battery import kernel  # numba is imported where cells are stepped, and only there

        if not (isfinite(soc_pct) and -20.0 <= soc_pct <= 120.0):
            raise ValueError(f"soc_pct = {soc_pct:g} %: allowed is -20..120")
        if not (isfinite(temp_degc) and -60.0 <= temp_degc <= 120.0):
            raise ValueError(f"temp_degc = {temp_degc:g} °C: allowed is -60..120")
        self.kind = kind
        self.coolant_degc = temp_degc
        self.current_a = 0.0
        self.energy_wh = 0.0
        """Into the terminals since the start (negative parts counted), those of the pack's wiring included."""
        self.charge_ah = 0.0
        self.heat_wh = 0.0
        """Lost in resistance, charge transfer and wiring since the start."""
        self.mixing_wh = 0.0
        """Spent on driving lithium into the particles. Energy = stored + heat + mixing."""
        self._then = now
        self._owed_us, self._owed_as = 0, 0.0
        """Time and charge (A s) that the cells have yet to live through."""
        self._calm, self._stepped_a = False, 0.0
        self._rates = [0.0] * 12
        self._kernel = kernel
        self._constants = kind.constants()
        self._out = np.zeros(kernel.SUMS)
        self._make_cells(rng, health, soc_pct / 100.0, temp_degc)
        sensors = np.arange(kind.temp_sensors) * kind.series // max(kind.temp_sensors, 1)
        self._sensed = sensors * kind.parallel
        self._base = [0.0] * 12
        self._temps: list[float] | None = None
        self.refresh()

    def _make_cells(self, rng: Generator | None, health: Health, soc: float, temp_degc: float) -> None:
        kind, kernel = self.kind, self._kernel
        count = kind.series * kind.parallel
        off = drawn(kind.spread, count, rng)
        self._cells = cells = np.zeros((count, kernel.CELL_COLUMNS))
        self._state = state = np.zeros((count, kernel.STATE_COLUMNS))
        cells[:, kernel.CAPACITY_AH] = kind.capacity_ah / kind.parallel * health.capacity * off.capacity
        # Resistance is ohm·Ah over capacity in the kernel; a lost capacity alone does not raise it.
        cells[:, kernel.R_SCALE] = health.resistance * health.capacity * off.capacity * off.resistance
        cells[:, kernel.COOLANT_OFFSET_K] = off.temp_k
        cells[:, kernel.LEAK_A] = kind.spread.leak_a
        state[:, kernel.SOC] = soc + off.soc
        state[:, kernel.TEMP] = temp_degc + off.temp_k
        self._soc, self._temp_degc = float(state[:, kernel.SOC].mean()), float(state[:, kernel.TEMP].mean())

    def spoil(self, number: int, *, capacity: float = 1.0, resistance: float = 1.0, leak_a: float = 0.0) -> None:
        """Change cell *number* (from 1): factors of its capacity and resistance, and a leak added to its own."""
        cell, kernel = self._cells[number - 1], self._kernel
        cell[kernel.CAPACITY_AH] *= capacity
        cell[kernel.R_SCALE] *= resistance
        cell[kernel.LEAK_A] += leak_a
        self.refresh()

    def refresh(self) -> None:
        """Derive voltage and resistance from the state."""
        self._settle()
        kind = self.kind
        self._kernel.aim_pack(
            self._state, self._cells, self._constants, kind.chemistry.tables_v, kind.parallel, self.current_a, self._out
        )
        sums = self._out.tolist()
        sums[3:6] = self._base[3:6]
        self._base, self._calm, self._stepped_a = sums, False, self.current_a
        self._take(sums)

    def advance(self, now: int, current_a: float) -> None:
        """Let *current_a* have flowed since the last call, up to *now* (µs)."""
        dt_us = now - self._then
        self._then = now
        if dt_us <= 0:
            self.current_a = current_a
            return
        moved_as = current_a * dt_us * 1e-6
        calm = self._calm and abs(current_a - self._stepped_a) <= CALM_C * self.kind.capacity_ah
        if not calm:
            self._settle()
        self.current_a = current_a
        self.charge_ah += moved_as / 3600.0
        self._owed_us += dt_us
        self._owed_as += moved_as
        if calm and self._owed_us < LAZY_US:
            owed_s = self._owed_us * 1e-6
            base = self._base
            sums = [start + rate * owed_s for start, rate in zip(base, self._rates, strict=True)]
            sums[3] = base[3] + self._owed_as * (0.5 * (base[0] + sums[0]) + self._owed_as / owed_s * self.r_ohm)
            self._take(sums)
        else:
            self._settle()

    def _settle(self) -> None:
        """Let the cells live through what is owed, at its mean current; see whether a straight line would have done."""
        if not self._owed_us:
            return
        kind, dt_s, before = self.kind, self._owed_us * 1e-6, self._base
        mean_a = self._owed_as / dt_s
        self._owed_us, self._owed_as = 0, 0.0
        self._kernel.step_pack(
            self._state,
            self._cells,
            self._constants,
            kind.chemistry.tables_v,
            kind.parallel,
            dt_s,
            mean_a,
            self.coolant_degc,
            self._out,
        )
        sums = self._out.tolist()
        wiring_j = mean_a * mean_a * kind.wiring_ohm * dt_s
        for k, joule in ((3, wiring_j), (4, wiring_j), (5, 0.0)):
            sums[k] += before[k] + joule
        foretold_v = before[0] + self._rates[0] * dt_s
        self._calm = (
            dt_s >= CALM_S and abs(sums[0] - foretold_v) <= CALM_SHARE * abs(sums[0]) * dt_s * dt_s
        )  # grows by the square
        self._rates = [(end - start) / dt_s for start, end in zip(before, sums, strict=True)]
        self._rates[10] = self._rates[11] = 0.0  # which cell is the highest does not move
        self._base, self._stepped_a, self._temps = sums, mean_a, None
        self._take(sums)

    def _take(self, sums: Sequence[float]) -> None:
        """Make the kernel's sums (in its order, energies since the start) the pack's."""
        emf_v, r_ohm, self.ocv_v, energy_j, heat_j, mixing_j, self._soc, self._temp_degc = sums[:8]
        self.cell_max_v, self.cell_min_v, most, least = sums[8:]
        if not isfinite(emf_v):
            raise ArithmeticError(f"the pack left its range at {self._then} µs: {self.current_a:g} A, {100 * self._soc:g} %")
        self.energy_wh, self.heat_wh, self.mixing_wh = energy_j / 3600.0, heat_j / 3600.0, mixing_j / 3600.0
        self.emf_v, self._cells_ohm = emf_v, r_ohm
        self.r_ohm = r_ohm + self.kind.wiring_ohm
        self.cell_max_number, self.cell_min_number = int(most) + 1, int(least) + 1

    @property
    def soc(self) -> float:
        """State of charge, 0..1, mean over the cells."""
        return self._soc

    @soc.setter
    def soc(self, soc: float) -> None:
        self._settle()
        self._calm = False
        self._state[:, self._kernel.SOC] += soc - self._soc
        self._soc = soc

    @property
    def soc_pct(self) -> float:
        """The same in percent."""
        return 100.0 * self._soc

    @property
    def temp_degc(self) -> float:
        """Mean over the cells."""
        return self._temp_degc

    @temp_degc.setter
    def temp_degc(self, temp_degc: float) -> None:
        self._settle()
        self._calm, self._temps = False, None
        self._state[:, self._kernel.TEMP] += temp_degc - self._temp_degc
        self._temp_degc = temp_degc

    @property
    def voltage_v(self) -> float:
        """Terminal voltage at the last current."""
        return self.emf_v + self.current_a * self.r_ohm

    @property
    def cell_mean_v(self) -> float:
        """Mean over the groups of cells."""
        return (self.emf_v + self.current_a * self._cells_ohm) / self.kind.series

    def cell_voltages_v(self) -> Sequence[float]:
        """All groups of cells, in order of position."""
        self._settle()
        emf_v, r_ohm = (self._state[:, column] for column in (self._kernel.EMF, self._kernel.R_OHM))
        if self.kind.parallel > 1:
            groups = (self.kind.series, self.kind.parallel)
            conductance_s = (1.0 / r_ohm).reshape(groups).sum(axis=1)
            emf_v, r_ohm = (emf_v / r_ohm).reshape(groups).sum(axis=1) / conductance_s, 1.0 / conductance_s
        volts: list[float] = (emf_v + self.current_a * r_ohm).tolist()
        return volts

    def temps_degc(self) -> Sequence[float]:
        """All temperature sensors, in order of position; each sits on a cell. At most `LAZY_US` old."""
        if self._temps is None:
            self._temps = self._state[self._sensed, self._kernel.TEMP].tolist()
        return self._temps
