"""Finds the seven numbers of a chemistry's `Lags` again: full-order charges at 0.5C and 1C, and pulse resistances.

The residuals weigh a millivolt of a whole curve (5..100 %, hold and rest included) like a third of a milliohm of a pulse. What is
not fitted: potentials, stoichiometry windows, capacity, heat capacity, cooling and the slope of the kinetics are published.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from scipy.optimize import least_squares

from firmware_model.battery.cell import CellType
from firmware_model.battery.chemistry import Lags
from firmware_model.battery.electrodes import Floats

FITTED = ("diffusion_n_s", "diffusion_p_s", "exchange_c", "ohmic_ohm_ah", "fluid_ohm_ah", "fluid_tau_s", "ohmic_j_per_mol")
PUBLISHED_S = {"NMC": (1040.0, 6812.0), "LFP": (8333.0, 424.0)}
"""Radius squared by diffusivity of both electrodes' particles: where the search begins."""
Pulse = tuple[float, float, float, float]
"""State of charge, R0 at 0 °C, R0 at 25 °C, R after 10 s at 25 °C (mohm)."""
PULSES: dict[str, tuple[Pulse, ...]] = {
    "NMC": (
        (0.1, 41.8, 29.3, 36.9),
        (0.2, 38.3, 25.9, 30.0),
        (0.3, 37.0, 24.7, 29.2),
        (0.5, 35.7, 23.5, 29.1),
        (0.7, 36.2, 23.9, 29.3),
        (0.8, 36.9, 24.6, 30.1),
        (0.9, 38.4, 26.1, 29.7),
    ),
    "LFP": (
        (0.1, 59.0, 35.3, 62.1),
        (0.2, 58.5, 34.7, 38.2),
        (0.3, 55.7, 32.3, 37.1),
        (0.5, 53.4, 29.7, 30.9),
        (0.7, 52.5, 28.7, 33.1),
        (0.8, 54.7, 30.6, 32.5),
        (0.9, 56.7, 32.1, 33.6),
    ),
}
"""Of the full-order cells at 1C."""
HOT_PULSES: dict[str, tuple[tuple[float, float], ...]] = {"NMC": ((0.5, 15.9), (0.7, 16.2), (0.8, 16.8), (0.9, 18.0)), "LFP": ()}
"""State of charge, R0 at 45 °C (mohm)."""
PULSE_WEIGHT = 0.3
PULSE_S = np.array([0.0, 0.1, 1.0, 3.0, 10.0])
Recording = tuple[Floats, Floats, Floats, Floats]
"""Seconds, A, V, Ah."""


def pulse_mohm(kind: CellType, current_a: float, soc: float, temp_degc: float) -> Floats:
    """Resistance at each of `PULSE_S` after the step."""
    steps = kind.follow(PULSE_S, PULSE_S * current_a / 3600.0, current_a=np.full(5, current_a), soc=soc, temp_degc=temp_degc)
    return 1e3 * (steps.voltage_v - kind.chemistry.ocv_at(soc)) / current_a


def with_lags(kind: CellType, values: Sequence[float]) -> CellType:
    """*kind* with other numbers in place of the fitted ones."""
    lags = replace(kind.chemistry.lags, **dict(zip(FITTED, map(float, values), strict=True)))
    return replace(kind, chemistry=replace(kind.chemistry, lags=lags))


def residuals(kind: CellType, current_a: float, curves: Sequence[Recording]) -> Floats:
    """Weighed errors (mV, mohm) of *kind* against curves and pulses; *current_a* is the pulses'."""
    errors = []
    for time_s, amps, volts, charge_ah in curves:
        curve = kind.follow(time_s, charge_ah, current_a=amps, soc=0.02)
        soc = 0.02 + charge_ah / kind.capacity_ah
        counts = np.where(soc < 0.05, 0.0, np.where(soc < 0.95, 1.0, 0.3))
        errors.append(1e3 * (curve.voltage_v - volts) * counts / np.sqrt((counts > 0).sum()))
    for at, cold, warm, late in PULSES[kind.chemistry.name]:
        at_25, at_0 = (pulse_mohm(kind, current_a, at, temp) for temp in (25.0, 0.0))
        errors.append(PULSE_WEIGHT * np.array([at_25[1] - warm, at_25[-1] - late, at_0[1] - cold]))
    for at, hot in HOT_PULSES[kind.chemistry.name]:
        errors.append(PULSE_WEIGHT * (pulse_mohm(kind, current_a, at, 45.0)[1:2] - hot))
    return np.concatenate(errors)


def fitted(kind: CellType, current_a: float, curves: Sequence[Recording]) -> Lags:
    """The numbers that fit best, from a start that knows the published diffusion times only."""
    start = np.log([*PUBLISHED_S[kind.chemistry.name], 0.5, 0.02, 0.02, 60.0, 15_000.0])
    best = least_squares(lambda logs: residuals(with_lags(kind, np.exp(logs)), current_a, curves), start)
    return with_lags(kind, np.exp(best.x)).chemistry.lags
