"""What a dual active bridge with dead time delivers at a phase shift, and the shift for a current: the controller's own map.

In the dead time nothing but the current decides a bridge's voltage: a current that would have been carried by the other pair's
diodes turns it at once, any other holds it until the other pair conducts, and a current that comes to zero stays there. So the
switching instants move by up to the dead time, most of all at light load and unequal voltages, and the closed form without dead
time is wrong by tens of amperes there. Lossless; per half period, which by symmetry is enough.
"""

from numba import njit


@njit(cache=True, error_model="numpy", inline="always")
def held_voltage(command: float, current: float, sign: float, other: float, own: float) -> float:
    """Voltage of a bridge (V) that is commanded +1, -1 or 0 (dead); *own* is its rail.

    *sign* is +1 where a current of that sign charges the rail (secondary), -1 on the side that feeds (primary). At no current a
    dead bridge follows *other* (the opposite bridge's voltage, in the same scale) as far as its rail lets it.
    """
    if command != 0.0:
        return command * own
    if current > 0.0:
        return sign * own
    if current < 0.0:
        return -sign * own
    return min(max(other, -own), own)


@njit(cache=True, error_model="numpy")
def half_period(
    start_a: float, shift: float, v1: float, v2: float, inductance: float, period: float, dead: float
) -> tuple[float, float]:
    """Inductor current (A) at the end of a half period that began with *start_a*, and the charge (As) that reached the output.

    Both bridges go from - to + in it, the primary first where *shift* > 0. *v2* and the charge are referred to the primary.
    """
    half = 0.5 * period
    first, second = max(-shift, 0.0) * half, max(shift, 0.0) * half
    now, current, charge = 0.0, start_a, 0.0
    while now < half:
        until = half
        for mark in (first, first + dead, second, second + dead):
            if now < mark < until:
                until = mark
        p = -1.0 if now < first else 0.0 if now < first + dead else 1.0
        s = -1.0 if now < second else 0.0 if now < second + dead else 1.0
        guess = held_voltage(p, current, -1.0, s * v2, v1)
        across_s = held_voltage(s, current, 1.0, guess, v2)
        across_p = held_voltage(p, current, -1.0, across_s, v1)
        slope, length = (across_p - across_s) / inductance, until - now
        if (p == 0.0 or s == 0.0) and current * slope < 0.0 and -current / slope < length:
            length = -current / slope
            after = 0.0
        else:
            after = current + slope * length
        charge += 0.5 * (current + after) * length * across_s / v2
        current = after
        now += max(length, 1e-12)
    return current, charge


@njit(cache=True, error_model="numpy")
def delivered(shift: float, v1: float, v2: float, inductance: float, period: float, dead: float) -> float:
    """Mean output current (A, referred to the primary) in the steady state at *shift*."""
    start, charge = 0.0, 0.0
    for _ in range(6):
        end, charge = half_period(start, shift, v1, v2, inductance, period, dead)
        if abs(start + end) < 1e-3:
            break
        start = 0.5 * (start - end)
    return charge / (0.5 * period)


@njit(cache=True, error_model="numpy")
def shift_for(current: float, v1: float, v2: float, inductance: float, period: float, dead: float) -> float:
    """Phase shift (-0.5 .. 0.5) at which *current* (A, referred to the primary) is delivered, by bisection to 1e-5.

    The map rises with the shift but for level stretches, on which every shift delivers the same.
    """
    low, high = -0.5, 0.5
    for _ in range(17):
        middle = 0.5 * (low + high)
        if delivered(middle, v1, v2, inductance, period, dead) < current:
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)
