"""One cell by itself, charged as in a laboratory: constant current, constant voltage, rest."""

from dataclasses import dataclass
from math import isfinite
from typing import NamedTuple

import numpy as np

from firmware_model.battery.chemistry import LFP, NMC, Chemistry
from firmware_model.battery.electrodes import Floats


class Curve(NamedTuple):
    """A charge, sampled at the ends of its steps."""

    time_s: Floats
    current_a: Floats
    voltage_v: Floats
    charge_ah: Floats
    """Since the start."""
    temp_degc: Floats
    cc_s: float = 0.0
    """How long the current was constant; zero if the limit was never reached."""
    cv_s: float = 0.0


def _curve(rows: Floats, cc_s: float = 0.0, cv_s: float = 0.0) -> Curve:
    return Curve(rows[:, 0], rows[:, 1], rows[:, 2], rows[:, 3], rows[:, 4], cc_s, cv_s)


@dataclass(frozen=True, slots=True, kw_only=True)
class CellType:
    """A cell of *capacity_ah* (0 to 100 %) in air: heat capacity, and conductance to the surroundings."""

    chemistry: Chemistry
    capacity_ah: float
    heat_capacity_j_per_k: float
    conductance_w_per_k: float

    def __post_init__(self) -> None:
        for name in ("capacity_ah", "heat_capacity_j_per_k", "conductance_w_per_k"):
            value = getattr(self, name)
            if not (isfinite(value) and 0.0 < value <= 1e6):
                raise ValueError(f"{name} = {value:g}: allowed is above 0, up to 1e6")

    def constants(self) -> Floats:
        """For the kernel."""
        return self.chemistry.constants(
            heat_capacity_j_per_ah_k=self.heat_capacity_j_per_k / self.capacity_ah,
            cooling_tau_s=self.heat_capacity_j_per_k / self.conductance_w_per_k,
        )

    def rested(self, *, soc: float, temp_degc: float) -> tuple[Floats, Floats]:
        """State and properties for the kernel, without any gradient."""
        from firmware_model.battery import kernel

        state, cells = np.zeros((1, kernel.STATE_COLUMNS)), np.array([[self.capacity_ah, 1.0, 0.0, 0.0]])
        state[0, kernel.SOC], state[0, kernel.TEMP] = soc, temp_degc
        return state, cells

    def charge(
        self,
        current_a: float,
        *,
        soc: float,
        limit_v: float | None = None,
        end_a: float | None = None,
        rest_s: float = 0.0,
        step_s: float = 10.0,
        temp_degc: float = 25.0,
    ) -> Curve:
        """Charge from *soc* (0..1) at *current_a* to *limit_v*, hold it down to *end_a*, rest; surroundings at *temp_degc*.

        None: the chemistry's limit, and a twentieth of the capacity in an hour.
        """
        from firmware_model.battery import laboratory

        limit_v = self.chemistry.cell_max_v if limit_v is None else limit_v
        end_a = 0.05 * self.capacity_ah if end_a is None else end_a
        for name, value in (("current_a", current_a), ("limit_v", limit_v), ("end_a", end_a), ("step_s", step_s)):
            if not (isfinite(value) and value > 0.0):
                raise ValueError(f"{name} = {value:g}: allowed is above 0")
        state, cells = self.rested(soc=soc, temp_degc=temp_degc)
        # Twice what fits in, and four hours of constant voltage: who is not full by then is cut off there.
        most = int((2.0 * 3600.0 * self.capacity_ah / current_a + 4.0 * 3600.0 + rest_s) / step_s) + 10
        curve = np.empty((most, 5))
        count, cc_s, cv_s = laboratory.charge_cell(
            state, cells, self.constants(), self.chemistry.tables_v, current_a, limit_v, end_a, rest_s, step_s, temp_degc, curve
        )
        return _curve(curve[:count], cc_s, cv_s)

    def follow(self, time_s: Floats, charge_ah: Floats, *, current_a: Floats, soc: float, temp_degc: float = 25.0) -> Curve:
        """The same cell under a recorded current: *charge_ah* gives each step's mean, *current_a* the reading at its end."""
        from firmware_model.battery import laboratory

        state, cells = self.rested(soc=soc, temp_degc=temp_degc)
        curve = np.empty((len(time_s), 5))
        curve[:, 0], curve[:, 1], curve[:, 3] = time_s, current_a, charge_ah
        laboratory.follow_cell(state, cells, self.constants(), self.chemistry.tables_v, temp_degc, curve)
        return _curve(curve)


CHEN2020 = CellType(
    chemistry=NMC,
    capacity_ah=5.1532,
    # 24.2 cm³ of 1.7676 MJ/(m³ K), and 53.1 cm² at 10 W/(m² K)
    heat_capacity_j_per_k=42.78,
    conductance_w_per_k=0.0531,
)
PRADA2013 = CellType(chemistry=LFP, capacity_ah=2.30345, heat_capacity_j_per_k=1e3, conductance_w_per_k=1e3)
"""Held at the temperature of its surroundings: the published set has no thermal data."""
