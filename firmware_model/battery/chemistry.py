"""Two cell chemistries as an electrode-lag model: open-circuit potentials of both electrodes, diffusion, resistance, kinetics.

The open-circuit curves and stoichiometry windows are those of the published parameter sets Chen2020 (NMC811, 5.15 Ah from 2.5 to
4.2 V) and Prada2013 (LFP, 2.3 Ah from 2.0 to 3.6 V). Seven numbers of each chemistry are fitted to full-order charges at 0.5C and
1C and to pulse resistances. `benchmarks/cell.py --fit` finds those of LFP again to 0.1 % and those of NMC to 2 %, but for the
electrolyte's lag and the slope of the ohmic part, which the anchors hardly tell apart. All are per unit of capacity and hold for
cells of any size: current as a multiple of C (1/h), resistance times capacity (ohm·Ah).
"""

from dataclasses import dataclass, field, fields
from math import isfinite

import numpy as np

from firmware_model.battery.electrodes import Floats, at, graphite_v, lfp_v, nmc811_v, tabulated


@dataclass(frozen=True, slots=True, kw_only=True)
class Lags:
    """What is fitted, at 25 °C."""

    diffusion_n_s: float
    """Radius squared by diffusivity of the negative electrode's particles."""
    diffusion_p_s: float
    exchange_c: float
    """Exchange current of a half-full negative electrode, as a multiple of C. The positive one's is much larger and hides."""
    ohmic_ohm_ah: float
    fluid_ohm_ah: float
    """Of the electrolyte's concentration gradient, once it has formed."""
    fluid_tau_s: float
    ohmic_j_per_mol: float
    """Arrhenius slope of both resistances."""
    kinetic_j_per_mol: float = 35_000.0
    """Of the exchange current (Chen2020; not fitted)."""
    diffusion_j_per_mol: float = 0.0
    """Of both diffusivities: 0 in the published sets. Real particles have about 20..40 kJ/mol."""

    def __post_init__(self) -> None:
        for item in fields(self):
            value = getattr(self, item.name)
            least = 0.0 if item.name.endswith("_j_per_mol") else 1e-9
            if not isfinite(value) or not least <= value <= 1e6:
                raise ValueError(f"{item.name} = {value:g}: allowed is {least:g}..1e6")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chemistry:
    """One kind of cell, scaled to 1 Ah."""

    name: str
    gbt27930_code: int
    """Battery type in BRM (GB/T 27930-2015, SPN 2566): 3 lithium iron phosphate, 6 ternary."""
    negative_window: tuple[float, float]
    """Stoichiometry of the negative electrode at 0 and 100 %."""
    positive_window: tuple[float, float]
    lags: Lags
    cell_max_v: float
    """Charge limit of a cell; the pack's maximum permissible voltage is *series* times this."""
    cell_min_v: float
    least_charging_degc: float
    """Below it no charge current is accepted."""
    hysteresis_v: float = 0.0
    """Half the gap between charged and discharged open-circuit voltage: about 0.010 for real LFP, none in the published set."""
    hysteresis_rate: float = 75.0
    """How many times it would reverse in a full charge (Plett's gamma, 50..100)."""
    entropic_v_per_k: float = 0.0
    """dU/dT: a positive one warms while charging. Real cells: up to ±0.1 mV/K (NMC), ±0.15 mV/K (LFP)."""
    tables_v: Floats = field(init=False, repr=False, compare=False)
    """Potentials of the negative and the positive electrode (rows) by stoichiometry."""

    def __post_init__(self) -> None:
        positive_v = {"NMC": nmc811_v, "LFP": lfp_v}[self.name]
        object.__setattr__(self, "tables_v", np.stack([tabulated(graphite_v), tabulated(positive_v)]))
        for name, most in (("hysteresis_v", 0.1), ("hysteresis_rate", 1e4)):
            value = getattr(self, name)
            if not 0.0 <= value <= most:
                raise ValueError(f"{name} = {value:g}: allowed is 0..{most:g}")
        if not abs(self.entropic_v_per_k) <= 1e-2:
            raise ValueError(f"entropic_v_per_k = {self.entropic_v_per_k:g}: allowed is -0.01..0.01")

    def ocv_at(self, soc: float) -> float:
        """Open-circuit voltage of one cell at rest at *soc* (0..1, rising on beyond)."""
        (x0, x1), (y0, y1) = self.negative_window, self.positive_window
        return at(self.tables_v[1], y0 + (y1 - y0) * soc) - at(self.tables_v[0], x0 + (x1 - x0) * soc)

    def constants(self, *, heat_capacity_j_per_ah_k: float, cooling_tau_s: float) -> Floats:
        """Everything the kernel needs, in its order."""
        lags = self.lags
        return np.array(
            [
                *self.negative_window,
                *self.positive_window,
                lags.diffusion_n_s,
                lags.diffusion_p_s,
                lags.exchange_c,
                lags.ohmic_ohm_ah,
                lags.fluid_ohm_ah,
                lags.fluid_tau_s,
                lags.kinetic_j_per_mol,
                lags.ohmic_j_per_mol,
                lags.diffusion_j_per_mol,
                self.hysteresis_v,
                self.hysteresis_rate,
                self.entropic_v_per_k,
                heat_capacity_j_per_ah_k,
                cooling_tau_s,
            ]
        )


NMC = Chemistry(
    name="NMC",
    gbt27930_code=6,
    negative_window=(0.0263458, 0.9106180),
    positive_window=(0.8539747, 0.2638452),
    lags=Lags(
        diffusion_n_s=1147,
        diffusion_p_s=7108,
        exchange_c=0.2335,
        ohmic_ohm_ah=0.04542,
        fluid_ohm_ah=0.03920,
        fluid_tau_s=48.5,
        ohmic_j_per_mol=3809,
    ),
    cell_max_v=4.20,
    cell_min_v=2.80,
    least_charging_degc=-20,
)

LFP = Chemistry(
    name="LFP",
    gbt27930_code=3,
    negative_window=(0.0176179, 0.8100435),
    positive_window=(0.7035020, 0.0037616),
    lags=Lags(
        diffusion_n_s=8201,
        diffusion_p_s=431.1,
        exchange_c=0.3192,
        ohmic_ohm_ah=0.002695,
        fluid_ohm_ah=0.006582,
        fluid_tau_s=3.962,
        ohmic_j_per_mol=19366,
    ),
    cell_max_v=3.65,
    cell_min_v=2.50,
    least_charging_degc=-10,
)
