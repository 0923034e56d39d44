"""Open-circuit voltage and resistance of two cell chemistries, and how both are read from tables.

The curves are those of the published parameter sets Chen2020 (NMC811, 5 Ah) and Prada2013 (LFP, 2.3 Ah) at 25 °C. Between table
points both are straight lines: the stiffest alternative (a shape-preserving cubic) differs by less than 4 mV, and straight
lines make charge and energy integrals exact. Beyond 0 and 100 % the outermost line goes on, so that overcharge shows as rising
voltage.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import exp

import numpy as np

GAS_J_PER_MOL_K = 8.314
KELVIN = 273.15


@dataclass(frozen=True, slots=True, kw_only=True)
class Chemistry:
    """One kind of cell, scaled to 1 Ah: R0 times capacity is nearly the same for every size of cell."""

    name: str
    gbt27930_code: int
    """Battery type in BRM (GB/T 27930-2015, SPN 2566): 3 lithium iron phosphate, 6 ternary."""
    ocv_v: Mapping[float, float]
    """Open-circuit voltage by state of charge (0..1)."""
    r0_ohm_ah: Mapping[float, float]
    """Fast resistance times capacity by state of charge, at 25 °C; level beyond its ends."""
    activation_cold_j_per_mol: float
    """Arrhenius slope of the resistance below 25 °C."""
    activation_warm_j_per_mol: float
    """The same above 25 °C."""
    cell_max_v: float
    """Charge limit of a cell; the pack's maximum permissible voltage is *series* times this."""
    cell_min_v: float
    least_charging_degc: float
    """Below it no charge current is accepted."""
    slow_ratio: float
    """Resistance of the slow (diffusion) branch as a multiple of R0, fitted to full charges at 0.5C and 1C."""
    slow_tau_s: float
    """Its time constant: about 1.23 R0 after 10 s (NMC)."""
    ocv_grid: tuple[float, ...] = field(init=False, repr=False)
    """`ocv_v` at every percent: all table points lie on that grid, so nothing is lost and look-up needs no search."""
    r0_grid: tuple[float, ...] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        percent = np.linspace(0.0, 1.0, 101)
        for name, table in (("ocv_grid", self.ocv_v), ("r0_grid", self.r0_ohm_ah)):
            grid = np.interp(percent, list(table), list(table.values()))
            object.__setattr__(self, name, tuple(map(float, grid)))

    def ocv_at(self, soc: float) -> float:
        """Open-circuit voltage of one cell at *soc* (0..1, straight on beyond)."""
        grid = self.ocv_grid
        x = 100.0 * soc
        k = 0 if x < 0.0 else 99 if x >= 99.0 else int(x)
        return grid[k] + (grid[k + 1] - grid[k]) * (x - k)

    def ocv_slope_at(self, soc: float) -> float:
        """Volts per unit of state of charge."""
        k = min(max(int(100.0 * soc), 0), 99)
        return 100.0 * (self.ocv_grid[k + 1] - self.ocv_grid[k])

    def r0_at(self, soc: float, temp_degc: float) -> float:
        """R0 of a 1 Ah cell (ohm)."""
        grid = self.r0_grid
        x = 100.0 * soc
        x = 0.0 if x < 0.0 else 100.0 if x > 100.0 else x
        k = 99 if x >= 99.0 else int(x)
        slope = self.activation_cold_j_per_mol if temp_degc < 25.0 else self.activation_warm_j_per_mol
        warmth = exp(slope / GAS_J_PER_MOL_K * (1.0 / (temp_degc + KELVIN) - 1.0 / 298.15))
        return (grid[k] + (grid[k + 1] - grid[k]) * (x - k)) * warmth


_SOC = (0, 0.02, 0.05, *(round(0.05 * n, 2) for n in range(2, 20)), 0.98, 1)
_R_SOC = (0.1, 0.2, 0.3, 0.5, 0.7, 0.8, 0.9)

# fmt: off
_NMC_OCV = (2.500, 2.8625, 3.1094, 3.2959, 3.4339, 3.4852, 3.5286, 3.5814, 3.6290, 3.6670, 3.7054, 3.7509,
            3.7983, 3.8406, 3.8896, 3.9479, 3.9943, 4.0421, 4.0809, 4.0967, 4.1236, 4.1645, 4.200)
_LFP_OCV = (2.000, 2.460, 2.7853, 2.9781, 3.1080, 3.1685, 3.1857, 3.2058, 3.2324, 3.2525, 3.2621, 3.2660,
            3.2678, 3.2688, 3.2700, 3.2740, 3.2926, 3.3097, 3.3132, 3.3142, 3.3164, 3.3502, 3.600)
# fmt: on
_NMC_R0_MOHM = (29.3, 25.9, 24.7, 23.5, 23.9, 24.6, 26.1)
_LFP_R0_MOHM = (35.3, 34.7, 32.3, 29.7, 28.7, 30.6, 32.1)

NMC = Chemistry(
    name="NMC",
    gbt27930_code=6,
    ocv_v=dict(zip(_SOC, _NMC_OCV, strict=True)),
    r0_ohm_ah={soc: 5.0e-3 * r for soc, r in zip(_R_SOC, _NMC_R0_MOHM, strict=True)},
    activation_cold_j_per_mol=11_400,
    activation_warm_j_per_mol=15_400,
    cell_max_v=4.20,
    cell_min_v=2.80,
    least_charging_degc=-20,
    slow_ratio=1.15,
    slow_tau_s=45.0,
)

LFP = Chemistry(
    name="LFP",
    gbt27930_code=3,
    ocv_v=dict(zip(_SOC, _LFP_OCV, strict=True)),
    r0_ohm_ah={soc: 2.3e-3 * r for soc, r in zip(_R_SOC, _LFP_R0_MOHM, strict=True)},
    activation_cold_j_per_mol=15_900,
    activation_warm_j_per_mol=15_900,
    cell_max_v=3.65,
    cell_min_v=2.50,
    least_charging_degc=-10,
    slow_ratio=0.8,
    slow_tau_s=30.0,
)
