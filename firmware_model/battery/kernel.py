"""Compiled steps of the cell model: import this only where cells are stepped, for it imports numba.

A cell is a row of STATE, its own deviations a row of CELL, its chemistry the vector CONSTANTS (made by `Chemistry.constants`).
Everything electrical is per unit of capacity: c is the current divided by the capacity (1/h), resistances are in ohm·Ah.

Each electrode is a sphere into which lithium diffuses: the surface runs ahead of the mean by a sum of first-order lags with the
eigenvalues of the sphere (two exact, the rest as one). Lags, temperature and hysteresis are exact for constant current.
"""

from math import exp, log, sqrt

import numpy as np
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]

EIGEN = (20.19073, 59.67952, 180.0)
"""Squares of the first two roots of tan x = x; the third stands for all others."""
GAIN = (2 / 3 / EIGEN[0], 2 / 3 / EIGEN[1], 1 / 15 - 2 / 3 / EIGEN[0] - 2 / 3 / EIGEN[1])
"""Share of each in the steady lead of the surface, which is rate times diffusion time / 15."""
FARADAY_C_PER_MOL, GAS_J_PER_MOL_K, KELVIN, WARM_K = 96485.0, 8.314, 273.15, 298.15
EDGE = 1e-3
"""Kinetics are held beyond this distance from an empty or full electrode."""
LONGEST_S = 1.0
DECAYS = 11
DOUBLE_LAYER_S = 1e-3
"""So long after a change of current the terminals still follow the tangent that was in force before it."""

# The columns, as plain numbers that the compiler takes for constants.
SOC, TEMP, NEGATIVE, POSITIVE, FLUID, HYSTERESIS, EMF, R_OHM, BULK_V, SURFACE_V = 0, 1, 2, 5, 8, 9, 10, 11, 12, 13
STATE_COLUMNS = 14
CAPACITY_AH, R_SCALE, COOLANT_OFFSET_K, LEAK_A, CELL_COLUMNS = 0, 1, 2, 3, 4
X0, X1, Y0, Y1, TAU_N, TAU_P, EXCHANGE, OHMIC, FLUID_R, FLUID_TAU = 0, 1, 2, 3, 4, 5, 6, 7, 8, 9
E_KINETIC, E_OHMIC, E_DIFFUSION, HYSTERESIS_V, HYSTERESIS_RATE, ENTROPIC, HEAT_CAPACITY, COOLING_TAU = (
    10,
    11,
    12,
    13,
    14,
    15,
    16,
    17,
)


SUM_EMF_V, SUM_R_OHM, SUM_OPEN_V, ENERGY_J, HEAT_J, MIXING_J, MEAN_SOC, MEAN_TEMP, MAX_V, MIN_V, MAX_AT, MIN_AT = range(12)
SUMS = 12
"""What *out* of a pack's step holds: sums over the groups, energies of the step, means over the cells, extreme groups."""


@njit(cache=True, error_model="numpy")
def potential_v(tables: Floats, electrode: int, s: float) -> float:
    """An electrode's potential at stoichiometry *s*, straight on beyond the table."""
    last = tables.shape[1] - 2
    at = s * (last + 1)
    k = min(max(int(at), 0), last)
    low_v: float = tables[electrode, k]
    high_v: float = tables[electrode, k + 1]
    volts: float = low_v + (high_v - low_v) * (at - k)
    return volts


@njit(cache=True, error_model="numpy")
def faster(activation_j_per_mol: float, temp_degc: float) -> float:
    """Arrhenius: how much faster than at 25 °C."""
    return exp(activation_j_per_mol / GAS_J_PER_MOL_K * (1.0 / WARM_K - 1.0 / (temp_degc + KELVIN)))


@njit(cache=True, error_model="numpy")
def polarisation(constants: Floats, x: float, c: float, temp_degc: float, r_scale: float) -> tuple[float, float]:
    """Voltage of ohmic resistance and charge transfer at *c*, and its slope by c. *x*: surface of the negative electrode."""
    x = min(max(x, EDGE), 1.0 - EDGE)
    kelvin = temp_degc + KELVIN
    colder = 1.0 / kelvin - 1.0 / WARM_K
    doubled_v = 2.0 * GAS_J_PER_MOL_K / FARADAY_C_PER_MOL * kelvin
    # Resistance of the charge transfer for small currents, divided by *doubled_v*; multiplied, for divisions are dear here.
    transfer = r_scale * exp(constants[E_KINETIC] / GAS_J_PER_MOL_K * colder) / (4.0 * constants[EXCHANGE] * sqrt(x * (1.0 - x)))
    ohmic = constants[OHMIC] * r_scale * exp(constants[E_OHMIC] / GAS_J_PER_MOL_K * colder)
    ratio = c * transfer
    root = sqrt(1.0 + ratio * ratio)
    arsinh = log(abs(ratio) + root)
    return ohmic * c + doubled_v * (arsinh if ratio > 0.0 else -arsinh), ohmic + doubled_v * transfer / root


@njit(cache=True, error_model="numpy")
def surface(constants: Floats, state: Floats, k: int) -> tuple[float, float]:
    """Stoichiometries at the surfaces of both electrodes."""
    soc = state[k, SOC]
    x = constants[X0] + (constants[X1] - constants[X0]) * soc + state[k, 2] + state[k, 3] + state[k, 4]
    y = constants[Y0] + (constants[Y1] - constants[Y0]) * soc + state[k, 5] + state[k, 6] + state[k, 7]
    return x, y


@njit(cache=True, error_model="numpy")
def aim(state: Floats, k: int, cells: Floats, constants: Floats, tables: Floats, amps: float) -> float:
    """Derive a cell's voltages from its state, and its line (EMF, R_OHM) tangential at *amps*; the terminal voltage."""
    soc = state[k, SOC]
    bulk_x = constants[X0] + (constants[X1] - constants[X0]) * soc
    bulk_y = constants[Y0] + (constants[Y1] - constants[Y0]) * soc
    x, y = surface(constants, state, k)
    state[k, BULK_V] = potential_v(tables, 1, bulk_y) - potential_v(tables, 0, bulk_x)
    state[k, SURFACE_V] = potential_v(tables, 1, y) - potential_v(tables, 0, x)
    per_ah = 1.0 / cells[k, CAPACITY_AH]
    lost_v, slope = polarisation(constants, x, amps * per_ah, state[k, TEMP], cells[k, R_SCALE])
    volts = state[k, SURFACE_V] + state[k, FLUID] + constants[HYSTERESIS_V] * state[k, HYSTERESIS] + lost_v
    state[k, R_OHM] = slope * per_ah
    state[k, EMF] = volts - amps * state[k, R_OHM]
    end_v: float = volts
    return end_v


@njit(cache=True, error_model="numpy")
def prepare(constants: Floats, temp_degc: float, dt_s: float, decay: Floats) -> None:
    """What all cells have in common in a step of *dt_s*: how far each lag comes, and where to. *temp_degc* is their mean.

    *decay*: what is left of six lags, fluid and warmth; then leads of both electrodes (per unit of rate) and fluid (V per C).
    """
    hurry = faster(constants[E_DIFFUSION], temp_degc)
    tau_n, tau_p = constants[TAU_N] / hurry, constants[TAU_P] / hurry
    for j in range(3):
        decay[j] = exp(-dt_s * EIGEN[j] / tau_n)
        decay[3 + j] = exp(-dt_s * EIGEN[j] / tau_p)
    decay[6] = exp(-dt_s / constants[FLUID_TAU])
    decay[7] = exp(-dt_s / constants[COOLING_TAU])
    decay[8] = (constants[X1] - constants[X0]) * tau_n
    decay[9] = (constants[Y1] - constants[Y0]) * tau_p
    decay[10] = constants[FLUID_R] / faster(constants[E_OHMIC], temp_degc)


@njit(cache=True, error_model="numpy")
def move(state: Floats, k: int, cells: Floats, constants: Floats, decay: Floats, dt_s: float, amps: float) -> None:
    """Charge, lags and hysteresis of one cell after *dt_s* at *amps*; potentials are not yet derived."""
    c = (amps - cells[k, LEAK_A]) * (1.0 / cells[k, CAPACITY_AH])
    rate = c * (1.0 / 3600.0)
    state[k, SOC] += rate * dt_s
    for j in range(3):
        full = GAIN[j] * rate * decay[8]
        state[k, NEGATIVE + j] = full + (state[k, NEGATIVE + j] - full) * decay[j]
        full = GAIN[j] * rate * decay[9]
        state[k, POSITIVE + j] = full + (state[k, POSITIVE + j] - full) * decay[3 + j]
    full = c * decay[10] * cells[k, R_SCALE]
    state[k, FLUID] = full + (state[k, FLUID] - full) * decay[6]
    if constants[HYSTERESIS_V] > 0.0:
        side = 1.0 if c > 0.0 else -1.0
        state[k, HYSTERESIS] = side + (state[k, HYSTERESIS] - side) * exp(-constants[HYSTERESIS_RATE] * abs(rate) * dt_s)


@njit(cache=True, error_model="numpy")
def step_cell(
    state: Floats,
    k: int,
    cells: Floats,
    constants: Floats,
    tables: Floats,
    decay: Floats,
    dt_s: float,
    amps: float,
    coolant_degc: float,
) -> tuple[float, float, float, float]:
    """One cell through *dt_s* at constant *amps*: energy into it, heat, energy left in its gradients (J), voltage at the end.

    Energy = change of the equilibrium's energy + heat + gradients: what reaction and resistance lose warms at once, what it takes
    to drive lithium into the particles is a loss that (as in the reference model) does not warm.
    """
    bulk_v, surface_v, slow_v = (
        state[k, BULK_V],
        state[k, SURFACE_V],
        state[k, FLUID] + constants[HYSTERESIS_V] * state[k, HYSTERESIS],
    )
    line_v = state[k, EMF] + amps * state[k, R_OHM] - surface_v - slow_v
    move(state, k, cells, constants, decay, dt_s, amps)
    volts = aim(state, k, cells, constants, tables, amps)
    slow_after_v = state[k, FLUID] + constants[HYSTERESIS_V] * state[k, HYSTERESIS]
    held_s = min(dt_s, DOUBLE_LAYER_S)
    held = held_s / dt_s
    lost_v = (1.0 - held) * (volts - state[k, SURFACE_V] - slow_after_v) + held * line_v
    lost_v += 0.5 * (slow_v + slow_after_v)
    open_v, lead_v = 0.5 * (bulk_v + state[k, BULK_V]), 0.5 * (surface_v + state[k, SURFACE_V] - bulk_v - state[k, BULK_V])
    kelvin = state[k, TEMP] + KELVIN
    warms_w = amps * (lost_v + constants[ENTROPIC] * kelvin)
    conductance = constants[HEAT_CAPACITY] * cells[k, CAPACITY_AH]
    settled = coolant_degc + cells[k, COOLANT_OFFSET_K] + warms_w * constants[COOLING_TAU] / conductance
    state[k, TEMP] = settled + (state[k, TEMP] - settled) * decay[7]
    return amps * (open_v + lead_v + lost_v) * dt_s, amps * lost_v * dt_s, amps * lead_v * dt_s, volts


@njit(cache=True, error_model="numpy")
def aim_pack(state: Floats, cells: Floats, constants: Floats, tables: Floats, parallel: int, amps: float, out: Floats) -> None:
    """Derive all voltages from the state at *amps* through the pack, without any time passing; fills *out*."""
    out[:] = 0.0
    for k in range(state.shape[0]):
        aim(state, k, cells, constants, tables, amps / parallel)
    gather(state, parallel, amps, out)


@njit(cache=True, error_model="numpy")
def group_line(state: Floats, first: int, parallel: int) -> tuple[float, float]:
    """Electromotive force and resistance of the *parallel* cells from row *first* on."""
    conductance = source = 0.0
    for k in range(first, first + parallel):
        conductance += 1.0 / state[k, R_OHM]
        source += state[k, EMF] / state[k, R_OHM]
    return source / conductance, 1.0 / conductance


@njit(cache=True, error_model="numpy")
def gather(state: Floats, parallel: int, amps: float, out: Floats) -> None:
    """Sums and extremes over all groups of cells."""
    count = state.shape[0]
    groups = count // parallel
    out[MAX_V], out[MIN_V] = -1e9, 1e9
    for group in range(groups):
        emf_v, r_ohm = state[group, EMF], state[group, R_OHM]
        if parallel > 1:
            emf_v, r_ohm = group_line(state, group * parallel, parallel)
        volts = emf_v + amps * r_ohm
        out[SUM_EMF_V] += emf_v
        out[SUM_R_OHM] += r_ohm
        if volts > out[MAX_V]:
            out[MAX_V], out[MAX_AT] = volts, group
        if volts < out[MIN_V]:
            out[MIN_V], out[MIN_AT] = volts, group
    for k in range(count):
        out[SUM_OPEN_V] += state[k, BULK_V]
        out[MEAN_SOC] += state[k, SOC]
        out[MEAN_TEMP] += state[k, TEMP]
    out[SUM_OPEN_V] /= parallel
    out[MEAN_SOC] /= count
    out[MEAN_TEMP] /= count


@njit(cache=True, error_model="numpy")
def step_pack(
    state: Floats,
    cells: Floats,
    constants: Floats,
    tables: Floats,
    parallel: int,
    dt_s: float,
    amps: float,
    coolant_degc: float,
    out: Floats,
) -> None:
    """All cells through *dt_s* at constant pack current *amps*; fills *out*.

    Long intervals are cut into steps of at most `LONGEST_S`. Cells in parallel share the current by their lines at its start.
    """
    steps = int(np.ceil(dt_s / LONGEST_S - 1e-9))
    energy = heat = mixing = 0.0
    decay = np.empty(DECAYS)
    for _ in range(steps):
        prepare(constants, state[:, TEMP].mean(), dt_s / steps, decay)
        for first in range(0, state.shape[0], parallel):
            volts = share = 0.0
            if parallel > 1:
                emf_v, r_ohm = group_line(state, first, parallel)
                volts = emf_v + amps * r_ohm
            for k in range(first, first + parallel):
                share = amps if parallel == 1 else (volts - state[k, EMF]) / state[k, R_OHM]
                done = step_cell(state, k, cells, constants, tables, decay, dt_s / steps, share, coolant_degc)
                energy += done[0]
                heat += done[1]
                mixing += done[2]
    out[:] = 0.0
    out[ENERGY_J], out[HEAT_J], out[MIXING_J] = energy, heat, mixing
    gather(state, parallel, amps, out)
