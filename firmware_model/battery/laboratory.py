"""Compiled charges of a single cell, as in a laboratory. Imports numba, like `kernel`."""

import numpy as np
from numba import njit

from firmware_model.battery.kernel import DECAYS, R_OHM, TEMP, Floats, aim, prepare, step_cell


@njit(cache=True)
def step_alone(
    state: Floats, cells: Floats, constants: Floats, tables: Floats, dt_s: float, amps: float, ambient_degc: float
) -> float:
    """One cell through *dt_s* at constant *amps*; its voltage at the end."""
    decay = np.empty(DECAYS)
    prepare(constants, state[0, TEMP], dt_s, decay)
    return step_cell(state, 0, cells, constants, tables, decay, dt_s, amps, ambient_degc)[3]


@njit(cache=True)
def hold(
    state: Floats, cells: Floats, constants: Floats, tables: Floats, dt_s: float, amps: float, limit_v: float, ambient_degc: float
) -> tuple[float, float]:
    """One step that ends at *limit_v*: its voltage, within 10 µV where eight secants suffice, and its current."""
    before = state.copy()
    volts = step_alone(state, cells, constants, tables, dt_s, amps, ambient_degc)
    slope = 1.5 * state[0, R_OHM]  # lags make it steeper than the line
    for _ in range(8):
        if abs(volts - limit_v) < 1e-5:
            break
        last_a, last_v = amps, volts
        amps -= (volts - limit_v) / slope
        state[:] = before
        volts = step_alone(state, cells, constants, tables, dt_s, amps, ambient_degc)
        if amps != last_a:
            slope = max((volts - last_v) / (amps - last_a), 0.5 * state[0, R_OHM])
    return volts, amps


@njit(cache=True)
def charge_cell(
    state: Floats,
    cells: Floats,
    constants: Floats,
    tables: Floats,
    amps: float,
    limit_v: float,
    end_a: float,
    rest_s: float,
    step_s: float,
    ambient_degc: float,
    curve: Floats,
) -> tuple[int, float, float]:
    """Constant current, constant voltage until *end_a*, rest. Rows of *curve*: s, A, V, Ah, °C; how many, CC and CV time (s).

    The step in which the limit is reached is cut there.
    """
    t = charge_ah = cc_s = cv_s = 0.0
    volts = aim(state, 0, cells, constants, tables, amps)
    phase, count, now_a, left_s = 0, 0, amps, rest_s
    while count < curve.shape[0]:
        curve[count] = (t, now_a, volts, charge_ah, state[0, TEMP])
        count += 1
        if phase == 2 and left_s <= 0.0:
            break
        dt_s = step_s if phase < 2 else min(step_s, left_s)
        if phase == 0:
            before, before_v = state.copy(), volts
            volts = step_alone(state, cells, constants, tables, dt_s, amps, ambient_degc)
            if volts >= limit_v:  # go back, and step to the crossing only
                state[:] = before
                dt_s *= (limit_v - before_v) / (volts - before_v)
                volts = step_alone(state, cells, constants, tables, dt_s, amps, ambient_degc)
                phase, cc_s = 1, t + dt_s
        elif phase == 1:
            volts, now_a = hold(state, cells, constants, tables, dt_s, now_a, limit_v, ambient_degc)
            if now_a <= end_a:
                phase, cv_s = 2, t + dt_s - cc_s
        else:
            now_a = 0.0
            volts = step_alone(state, cells, constants, tables, dt_s, 0.0, ambient_degc)
            left_s -= dt_s
        charge_ah += now_a * dt_s / 3600.0
        t += dt_s
    return count, cc_s, cv_s


@njit(cache=True)
def follow_cell(state: Floats, cells: Floats, constants: Floats, tables: Floats, ambient_degc: float, curve: Floats) -> None:
    """Voltage and temperature (columns 2 and 4 of *curve*) under the time, current and charge of its columns 0, 1 and 3."""
    for k in range(curve.shape[0]):
        dt_s = curve[k, 0] - curve[k - 1, 0] if k else 0.0
        if dt_s > 0.0:
            mean_a = (curve[k, 3] - curve[k - 1, 3]) / dt_s * 3600.0
            step_alone(state, cells, constants, tables, dt_s, mean_a, ambient_degc)
        curve[k, 2] = aim(state, 0, cells, constants, tables, curve[k, 1])
        curve[k, 4] = state[0, TEMP]
