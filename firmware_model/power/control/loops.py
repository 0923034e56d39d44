"""The control loops of the module's microcontroller, each one call per interrupt: numbers in, numbers out, no state of their own.

Compiled. Import this file only where a model of that fidelity is built; importing it costs the compiler's start.
"""

from math import sqrt

from numba import njit


@njit(cache=True, error_model="numpy")
def clip(value: float, low: float, high: float) -> float:
    """*value* within *low* .. *high*."""
    return low if value < low else high if value > high else value


@njit(cache=True, error_model="numpy")
def pll(v_q: float, integral: float, kp: float, ki: float, h_s: float) -> tuple[float, float]:
    """Synchronous-frame PLL: the frequency's deviation from nominal (rad/s) and the new integral, from the q voltage (V)."""
    integral += ki * v_q * h_s
    return kp * v_q + integral, integral


@njit(cache=True, error_model="numpy")
def lock(v_q: float, v_peak: float, timer_s: float, h_s: float) -> float:
    """How long |v_q| has stayed under 5 % of *v_peak* (s); the PLL is locked from 20 ms on."""
    return min(timer_s + h_s, 1.0) if abs(v_q) < 0.05 * v_peak else 0.0


@njit(cache=True, error_model="numpy")
def current_pi(
    asked_a: float, actual_a: float, cross_v: float, grid_v: float, integral: float, kp: float, ki: float, h_s: float
) -> tuple[float, float]:
    """One axis of the dq current loop: converter voltage (V) and the new integral.

    Current flows from grid to converter, so the converter's voltage falls when more is asked. *cross_v* is the decoupling
    +ωL i_q (d axis) or −ωL i_d (q axis), *grid_v* the measured grid voltage of the axis.
    """
    error = asked_a - actual_a
    integral += ki * error * h_s
    return grid_v + cross_v - kp * error - integral, integral


@njit(cache=True, error_model="numpy")
def limit_voltage(e_d: float, e_q: float, v_dc: float) -> tuple[float, float]:
    """Shorten the converter voltage to what space vector modulation reaches at the link voltage *v_dc*: v_dc / √3."""
    most, square = v_dc * 0.5773502691896258, e_d * e_d + e_q * e_q
    if square <= most * most:
        return e_d, e_q
    size = sqrt(square)
    return e_d * most / size, e_q * most / size


@njit(cache=True, error_model="numpy")
def link_pi(
    error_v: float, forward_a: float, integral: float, kp: float, ki: float, low_a: float, high_a: float, h_s: float
) -> tuple[float, float]:
    """Active current to ask for (A) and the new integral; the integral stands still while the limit holds against it."""
    asked = forward_a + kp * error_v + integral
    if (asked < high_a or error_v < 0.0) and (asked > low_a or error_v > 0.0):
        integral += ki * error_v * h_s
    return clip(asked, low_a, high_a), integral


@njit(cache=True, error_model="numpy")
def phase_for(current_a: float, n_v: float, two_f_l: float) -> float:
    """Phase shift (-0.5 .. 0.5, its sign the direction) that a lossless bridge needs for *current_a*.

    *n_v* is turns ratio times primary voltage (V), *two_f_l* twice frequency times inductance (Ω).
    """
    share = 1.0 - 4.0 * two_f_l * abs(current_a) / n_v
    size = 0.5 * (1.0 - sqrt(share)) if share > 0.0 else 0.5
    return size if current_a >= 0.0 else -size


@njit(cache=True, error_model="numpy")
def slewed(value: float, target: float, rise: float, fall: float) -> float:
    """*value* one interrupt later on its way to *target*: at most *fall* towards zero, *rise* away from it, never across it."""
    if value != 0.0 and (target == 0.0 or (target > 0.0) != (value > 0.0)):
        return max(value - fall, 0.0) if value > 0.0 else min(value + fall, 0.0)
    if abs(target) < abs(value):
        return max(value - fall, target) if value > 0.0 else min(value + fall, target)
    return min(value + rise, target) if target > 0.0 else max(value - rise, target)


@njit(cache=True, error_model="numpy")
def least(asked_a: float, for_voltage_a: float) -> float:
    """The minimum selector, in either direction: constant current (and power, by *asked_a*) against constant voltage."""
    if asked_a >= 0.0:
        return max(min(asked_a, for_voltage_a), 0.0)
    return min(max(asked_a, for_voltage_a), 0.0)
