"""The front end's modulator, compiled: edges of the legs for a half carrier, dead times, and what both bridges remember."""

from numba import njit
from numpy import ndarray

from firmware_model.power.control.loops import clip
from firmware_model.power.switching_circuits import F

LEGS, EDGES, LATE, PRIMARY, SECONDARY, PULSE = 0, 3, 9, 12, 13, 14
SHIFT, NEXT_SHIFT, ON, WAIT, FORWARD, TURN, CREST, SIZE, MEAN, MEAN_BEFORE, QUIET = range(15, 26)
"""The modulator's memory: the legs (1 high); their edges of this interrupt; a leg's change that waits for its dead time; commands
of the bridges; width of the pulses; shift now and next; what the bridge does (`IDLE` ..); its first quarter; the map's shift;
interrupts; crest (A); which half of the carrier comes; the link's mean voltage in the last slice and the one before; interrupts
without a demand.
"""
MEMORY = 26
NONE = 1.0
SURE_A = 8.0
"""From this current of a leg on, more than its ripple, its direction is certain for the whole dead time."""


@njit(cache=True, error_model="numpy", inline="always")
def phase(z: ndarray, leg: int) -> float:
    """Current of a leg (A), positive into it."""
    if leg == 0:
        return float(z[F.IA])
    beta = 0.8660254037844386 * z[F.IB]
    return float(-0.5 * z[F.IA] + (beta if leg == 1 else -beta))


@njit(cache=True, error_model="numpy", inline="always")
def turn(zf: ndarray, m: ndarray, k: int, now: float, dead: float) -> None:
    """Leg *k* is told to change: at once if the current goes through the other diode, else after the dead time."""
    inwards = phase(zf, k) > 0.0
    if inwards == (m[LEGS + k] == 1.0):  # the diode of the conducting side carries on
        m[LATE + k] = now + dead
    else:
        m[LEGS + k] = 1.0 - m[LEGS + k]


@njit(cache=True, error_model="numpy", inline="always")
def modulate(
    zf: ndarray, m: ndarray, e_a: float, e_b: float, link: float, h: float, rising: bool, shortest: float, dead: float
) -> None:
    """Edges of the three legs for a half carrier of *h* (s): centred, with the common offset that uses the link best.

    What the *dead* time (s) will add to a leg's voltage, by the direction of its current, is taken off beforehand.
    """
    v0, v1 = e_a, -0.5 * e_a + 0.8660254037844386 * e_b
    v2 = -v0 - v1
    offset = -0.5 * (max(v0, v1, v2) + min(v0, v1, v2))
    for k in range(3):
        value = v0 if k == 0 else v1 if k == 1 else v2
        stretched = 0.5 * dead / h * clip(phase(zf, k) / SURE_A, -1.0, 1.0)
        duty = clip(0.5 + (value + offset) / link - stretched, 0.0, 1.0)
        if duty * 2.0 * h < shortest:
            duty = 0.0
        elif (1.0 - duty) * 2.0 * h < shortest:
            duty = 1.0
        m[EDGES + 2 * k] = m[EDGES + 2 * k + 1] = -NONE
        if m[LATE + k] >= 0.0:
            target = 1.0 - m[LEGS + k]
        else:
            target = m[LEGS + k]
        begins = (1.0 if duty > 0.0 else 0.0) if rising else (1.0 if duty >= 1.0 else 0.0)
        if target != begins:
            m[EDGES + 2 * k] = 1e-9
        if 0.0 < duty < 1.0:
            m[EDGES + 2 * k + 1] = duty * h if rising else (1.0 - duty) * h
