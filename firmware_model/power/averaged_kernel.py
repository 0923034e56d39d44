"""One module of REF-30, averaged over its switching periods: plant and control of both stages, compiled.

State and parameters are plain float arrays, indexed by names. One step is one control interrupt (50 µs); the front end's plant
is integrated by the midpoint rule, the output node exactly. Energy: mains = output + heat + stored, step by step.
Currents are per module; on the grid side positive from grid to link, at the output positive to the battery.
"""

from math import cos, exp, sin, sqrt

from numba import njit
from numpy import ndarray

from firmware_model.power.averaged_layout import (
    CURRENT,
    CV_TAU_S,
    DWELL_US,
    ENVELOPE,
    OFF,
    RUN,
    VOLTAGE,
    P,
    X,
)  # fmt: skip
from firmware_model.power.control.loops import (
    clip,
    current_pi,
    least,
    limit_voltage,
    link_pi,
    lock,
    phase_for,
    pll,
    slewed,
)  # fmt: skip

WINDOW = 20
"""Interrupts over which a settled stage must not have moved before it takes a long step."""


@njit(cache=True, error_model="numpy", inline="always")
def grid_side(x: ndarray, p: ndarray, p_link: float, h: float) -> tuple[float, float]:
    """Move front end and link by *h* (s) while *p_link* (W) leaves the link; mean power from the mains, and lost (W)."""
    if p[P.MAINS] == 0.0 or x[X.MODE] == 0.0:
        power, lost, rectified = 0.0, 0.0, 0.0
        x[X.ID] = x[X.IQ] = 0.0
    elif x[X.MODE] == 1.0:
        amps = max(p[P.LINE_PEAK] - x[X.VDC], 0.0) / p[P.PRE_OHM]
        # By charge, not by energy: from 0 V a power alone would never lift the link.
        rectified = amps * (x[X.VDC] + 0.5 * amps * h / p[P.C])
        power = amps * p[P.LINE_PEAK]
        lost = power - rectified
    else:
        power, rectified, lost = inductors(x, p, h)
    leak = x[X.VDC] * x[X.VDC] / p[P.BLEEDER]
    square = x[X.VDC] * x[X.VDC] + 2.0 * h * (rectified - p_link - leak) / p[P.C]
    x[X.VDC] = sqrt(square) if square > 0.0 or square != square else 0.0
    return power, lost + leak


@njit(cache=True, error_model="numpy", inline="always")
def inductors(x: ndarray, p: ndarray, h: float) -> tuple[float, float, float]:
    """Both axes of the filter over *h* (s): mean power from the mains, into the link, and lost in resistance (W)."""
    v_d, v_q = x[X.VD], x[X.VQ]
    a, b, g = 0.5 * p[P.R] * h / p[P.L], 0.5 * p[P.W] * h, h / p[P.L]
    i_d, i_q = x[X.ID], x[X.IQ]
    r_d = (1.0 - a) * i_d + b * i_q + (v_d - x[X.ED]) * g
    r_q = (1.0 - a) * i_q - b * i_d + (v_q - x[X.EQ]) * g
    scale = 1.0 / ((1.0 + a) * (1.0 + a) + b * b)
    x[X.ID], x[X.IQ] = ((1.0 + a) * r_d + b * r_q) * scale, ((1.0 + a) * r_q - b * r_d) * scale
    m_d, m_q = 0.5 * (i_d + x[X.ID]), 0.5 * (i_q + x[X.IQ])
    lost = 1.5 * p[P.R] * (m_d * m_d + m_q * m_q)
    return 1.5 * (v_d * m_d + v_q * m_q), 1.5 * (x[X.ED] * m_d + x[X.EQ] * m_q), lost


@njit(cache=True, error_model="numpy", inline="always")
def synchronise(x: ndarray, p: ndarray, h: float) -> None:
    """PLL and start sequence of the front end, once an interrupt."""
    if p[P.MAINS] == 0.0 or x[X.TRIP] != 0.0:
        x[X.MODE] = x[X.LOCKED] = 0.0
        return
    v_q = x[X.VQ]
    deviation, x[X.PLL] = pll(v_q, x[X.PLL], p[P.PLL_P], p[P.PLL_I], h)
    x[X.DELTA] += (p[P.W] - p[P.W0] - deviation) * h
    if x[X.DELTA] == 0.0:  # worth its line: most of the time the angle is met exactly, and sines are dear
        x[X.VD], x[X.VQ] = p[P.PEAK], 0.0
    else:
        x[X.VD], x[X.VQ] = p[P.PEAK] * cos(x[X.DELTA]), p[P.PEAK] * sin(x[X.DELTA])
    x[X.LOCKED] = lock(v_q, p[P.PEAK], x[X.LOCKED], h)
    if x[X.MODE] == 0.0:
        x[X.MODE] = 1.0
    elif x[X.MODE] == 1.0 and x[X.LOCKED] >= 0.02 and x[X.VDC] > p[P.PRE_V]:
        if (p[P.LINE_PEAK] - x[X.VDC]) > p[P.PRE_SLOPE] * p[P.PRE_OHM] * p[P.C]:
            return  # it still rises too fast for the bypass
        x[X.MODE], x[X.VREF] = 2.0, x[X.VDC]
        x[X.INT_V] = x[X.INT_D] = x[X.INT_Q] = 0.0
        x[X.ED] = x[X.ED1] = p[P.PEAK]
        x[X.EQ] = x[X.EQ1] = 0.0
    elif x[X.MODE] == 2.0:
        x[X.VREF] = min(x[X.VREF] + p[P.LINK_RAMP] * h, p[P.LINK_V])
        if x[X.VREF] >= p[P.LINK_V]:
            x[X.MODE] = RUN


@njit(cache=True, error_model="numpy", inline="always")
def front_end(x: ndarray, p: ndarray, h: float) -> None:
    """Interrupt A: link voltage and dq current loops. What it computes takes effect one period later."""
    if x[X.MODE] < 2.0:
        return
    v_d, v_q = x[X.VD], x[X.VQ]
    forward = p[P.FORWARD] * x[X.P_LINK] / (1.5 * max(v_d, 0.5 * p[P.PEAK]))
    asked, x[X.INT_V] = link_pi(
        x[X.VREF] - x[X.VDC], forward, x[X.INT_V], p[P.LINK_P], p[P.LINK_I], -p[P.EXPORT_A], p[P.DEMAND_A], h
    )
    w_l = p[P.W] * p[P.L]
    x[X.ED], x[X.EQ] = x[X.ED1], x[X.EQ1]
    e_d, x[X.INT_D] = current_pi(asked, x[X.ID], w_l * x[X.IQ], v_d, x[X.INT_D], p[P.CUR_P], p[P.CUR_I], h)
    e_q, x[X.INT_Q] = current_pi(0.0, x[X.IQ], -w_l * x[X.ID], v_q, x[X.INT_Q], p[P.CUR_P], p[P.CUR_I], h)
    x[X.ED1], x[X.EQ1] = limit_voltage(e_d, e_q, x[X.VDC])


@njit(cache=True, error_model="numpy")
def bridge_peaks(v1: float, v2: float, d: float, four_f_l: float) -> tuple[float, float]:
    """Currents at the switching instants (A, primary side): primary leg, secondary leg. *v2* is referred to the primary."""
    size = 2.0 * abs(d) - 1.0
    return (v1 + size * v2) / four_f_l, (v2 + size * v1) / four_f_l


@njit(cache=True, error_model="numpy", inline="always")
def bridge(x: ndarray, p: ndarray, volts: float) -> tuple[float, float]:
    """Output current (A) at the present phase shift, and the power lost in resistance and at turning on a leg without ZVS (W)."""
    d = x[X.D]
    if d == 0.0:
        x[X.CREST] = 0.0
        return 0.0, 0.0
    i_a, i_b = bridge_peaks(x[X.VDC], x[X.N] * volts, d, 2.0 * p[P.TWO_FL])
    lost = p[P.R_DAB] * (i_a * i_a + i_b * i_b + (1.0 - 2.0 * abs(d)) * i_a * i_b) / 3.0
    x[X.CREST] = max(abs(i_a), abs(i_b))
    hard = p[P.HARD] * (max(-i_a, 0.0) + max(-i_b, 0.0))
    lossless = x[X.N] * x[X.VDC] * d * (1.0 - abs(d)) / p[P.TWO_FL]
    # Half of the resistive loss falls on either side, as the switched circuit shows; near 0 V it cannot come out of the output.
    amps = lossless - 0.5 * lost / max(volts, 50.0)
    return (max(amps, 0.0) if d > 0.0 else min(amps, 0.0)), lost + hard


@njit(cache=True, error_model="numpy", inline="always")
def demand(x: ndarray, p: ndarray, volts: float, h: float) -> tuple[float, float]:
    """The current to go for (A) by set point, envelope, wiring and direction, and which of them holds."""
    high = x[X.N] == p[P.N_HIGH]
    most = p[P.HIGH_A] if high else p[P.LOW_A]
    if most * volts > p[P.POWER]:
        most = p[P.POWER] / volts
    if volts < p[P.FOLD_V]:
        most = min(most, p[P.LOW_A] * (p[P.FOLD] + (1.0 - p[P.FOLD]) * max(volts, 0.0) / p[P.FOLD_V]))
    most = min(most * p[P.DERATE], p[P.CONNECTOR_A])
    asked, limit = clip(p[P.ASKED], -most, most), CURRENT if abs(p[P.ASKED]) < most else ENVELOPE
    x[X.DWELL] = x[X.DWELL] + h * 1e6 if x[X.IREF] == 0.0 else 0.0
    turns = asked * x[X.SIGN] < 0.0
    if x[X.CHANGE] == 0.0 and (volts > p[P.UP_V] if not high else volts < p[P.DOWN_V]):
        x[X.CHANGE] = 1.0
    if x[X.CHANGE] > 0.0:
        change_wiring(x, p, volts, h)
        return 0.0, ENVELOPE
    if turns and x[X.DWELL] < DWELL_US:
        return 0.0, CURRENT
    return asked, limit


@njit(cache=True, error_model="numpy", inline="always")
def change_wiring(x: ndarray, p: ndarray, volts: float, h: float) -> None:
    """The secondaries change between parallel and series: wait for zero current, then for the contacts; ramp on from here."""
    x[X.VRAMP] = volts
    if x[X.IREF] == 0.0:
        x[X.CHANGE] += h * 1e6
    if x[X.CHANGE] >= p[P.CHANGE_US]:
        x[X.N] = p[P.N_LOW] if x[X.N] == p[P.N_HIGH] else p[P.N_HIGH]
        x[X.CHANGE] = 0.0


@njit(cache=True, error_model="numpy", inline="always")
def block(x: ndarray) -> None:
    """Gates of the bridge off."""
    x[X.D] = x[X.INT_C] = x[X.ISLEW] = x[X.IREF] = x[X.VRAMP] = x[X.I_OUT] = x[X.I_NET] = 0.0
    x[X.LIMIT] = OFF


@njit(cache=True, error_model="numpy", inline="always")
def output_side(x: ndarray, p: ndarray, volts: float, h: float) -> None:
    """Interrupt B: voltage ramp, selector, slew, and the phase shift for the next period."""
    if p[P.ENABLED] == 0.0 or x[X.MODE] != RUN or x[X.TRIP] != 0.0:
        block(x)
        return
    target, limit = demand(x, p, volts, h)
    top = p[P.TOP_V] - p[P.DROOP] * x[X.I_NET]
    x[X.VRAMP] = min(max(x[X.VRAMP], volts) + p[P.V_RAMP] * h, top)
    wanted = x[X.VRAMP] if p[P.ASKED] >= 0.0 else top
    for_voltage = x[X.I_NET] + p[P.CV_P] * (wanted - volts)
    x[X.ISLEW] = slewed(x[X.ISLEW], target, p[P.RISE] * h, p[P.FALL] * h)
    chosen = least(x[X.ISLEW], for_voltage)
    if chosen != x[X.ISLEW]:  # anti-windup: the current takes up again from where the voltage held it
        limit, x[X.ISLEW] = VOLTAGE, chosen
    x[X.IREF], x[X.LIMIT] = chosen, limit
    if chosen == 0.0:
        x[X.D] = x[X.INT_C] = 0.0
        return
    x[X.SIGN] = 1.0 if chosen > 0.0 else -1.0
    error = chosen - x[X.I_OUT]
    x[X.INT_C] = clip(x[X.INT_C] + p[P.DAB_I] * error * h, -0.1, 0.1)
    forward = phase_for(chosen, x[X.N] * x[X.VDC], p[P.TWO_FL])
    low, high = (0.0, 0.5) if chosen > 0.0 else (-0.5, 0.0)
    x[X.D] = clip(forward + p[P.DAB_P] * error + x[X.INT_C], low, high)


@njit(cache=True, error_model="numpy", inline="always")
def protect(x: ndarray, p: ndarray, volts: float, h: float) -> None:
    """Latch the first limit that is passed (4.3), as far as averages and peak estimates can see it."""
    flowing = x[X.I_OUT]
    above = flowing > 0.5 and volts > 1.05 * p[P.TOP_V]
    x[X.OVP] = x[X.OVP] + h if above else 0.0
    x[X.OCP] = x[X.OCP] + h if abs(flowing) > 1.1 * abs(x[X.IREF]) + 1.0 else 0.0
    front = x[X.ID] * x[X.ID] + x[X.IQ] * x[X.IQ] > p[P.AFE_A] * p[P.AFE_A]
    x[X.HITS] = x[X.HITS] + 1.0 if front or x[X.CREST] > p[P.DAB_A] else 0.0
    if x[X.TRIP] != 0.0:
        return
    if x[X.VDC] > p[P.OVER_V]:
        x[X.TRIP] = 1.0
    elif x[X.MODE] == RUN and p[P.MAINS] != 0.0 and x[X.VDC] < p[P.UNDER_V]:
        x[X.TRIP] = 2.0
    elif volts > p[P.OUT_V] or x[X.OVP] >= 1e-3:
        x[X.TRIP] = 3.0
    elif abs(flowing) > p[P.OUT_A] or x[X.OCP] >= 20e-3:
        x[X.TRIP] = 4.0
    elif x[X.HITS] >= 3.0:
        x[X.TRIP] = 5.0 if front else 6.0


@njit(cache=True, error_model="numpy", inline="always")
def rest_w(x: ndarray, p: ndarray, power: float) -> float:
    """Losses beyond the resistances and the link's bleeder, taken from the link (W)."""
    if x[X.MODE] < 2.0 or x[X.TRIP] != 0.0:
        return 0.0
    if p[P.ENABLED] == 0.0:
        return float(p[P.STANDBY])
    size = abs(power)
    return float(p[P.A0] + size * (p[P.A1] + p[P.A2] * size))


@njit(cache=True, error_model="numpy", inline="always")
def plant(x: ndarray, p: ndarray, load: ndarray, h: float, kept: float, taken: float) -> tuple[float, float, float, float, float]:
    """Both stages and the load over *h* (s). *kept*: what the node keeps of its way to rest, *taken*: what the filter takes up.

    Mean output current (A), power from the mains, lost and delivered (W), and where the node would come to rest (V).
    """
    amps, lost = bridge(x, p, load[0])
    settled_v = (amps + load[3]) * (1.0 / load[2])
    away = load[0] - settled_v
    mean_v = settled_v + away * (1.0 - kept) * load[1] * (1.0 / load[2]) / h
    after_v = settled_v + away * kept
    power = amps * mean_v
    rest = rest_w(x, p, power)
    x[X.P_LINK] = power + lost + rest
    from_mains, lost_grid = grid_side(x, p, x[X.P_LINK], h)
    net = amps - load[1] * (after_v - load[0]) / h
    x[X.I_NET] += (net - x[X.I_NET]) * (taken)
    x[X.I_OUT] = amps
    load[0] = after_v
    heat = lost + rest + lost_grid
    return amps, from_mains, heat, power, settled_v


@njit(cache=True, error_model="numpy", inline="always")
def book(out: ndarray, amps: float, from_mains: float, heat: float, power: float, h: float) -> None:
    """Add *h* seconds of these means to the interval's books."""
    out[0] += amps * h
    out[1] += from_mains * h
    out[2] += heat * h
    out[3] += power * h


@njit(cache=True, error_model="numpy", inline="always")
def interrupt(x: ndarray, p: ndarray, volts: float, h: float) -> None:
    """Everything the microcontroller does once a period."""
    protect(x, p, volts, h)
    synchronise(x, p, h)
    front_end(x, p, h)
    output_side(x, p, volts, h)


@njit(cache=True, error_model="numpy")
def advance(x: ndarray, p: ndarray, load: ndarray, out: ndarray, dt_us: int, long_steps: bool) -> int:
    """Move by *dt_us* into *load* (V, F, S, A of one module; the voltage is moved on). Interrupts lived, or -1 where a number
    is none.

    *out* receives charge (As), energy from the mains, lost, and delivered (J), 1 where the stage has settled, and X.LIMIT.
    """
    left, lived, since = dt_us, 0, 0
    out[:] = 0.0
    if p[P.ENABLED] == 0.0 or p[P.MAINS] == 0.0:
        block(x)
    period = p[P.ISR_US]
    kept_period = exp(-period * 1e-6 * load[2] / load[1])
    taken_period = 1.0 - exp(-period * 1e-6 / CV_TAU_S)
    mark = x.copy()
    mark_v = load[0]
    while left > 0:
        step = int(min(period - x[X.PHASE], left))
        h = step * 1e-6
        kept = kept_period if step == period else exp(-h * load[2] / load[1])
        taken = taken_period if step == period else 1.0 - exp(-h / CV_TAU_S)
        amps, from_mains, heat, power, settled_v = plant(x, p, load, h, kept, taken)
        after_v = load[0]
        book(out, amps, from_mains, heat, power, h)
        left -= step
        x[X.PHASE] += step
        if x[X.PHASE] < period:
            break
        x[X.PHASE] = 0.0
        lived += 1
        since += 1
        interrupt(x, p, after_v, period * 1e-6)
        if x[X.VDC] != x[X.VDC] or x[X.ID] != x[X.ID] or after_v != after_v or abs(after_v) > 1e6:
            return -1
        if since == WINDOW:
            out[4] = 1.0 if resting(x, mark, after_v - mark_v) else 0.0
            if long_steps and out[4] == 1.0 and left >= period:
                s = (left // int(period) * int(period)) * 1e-6
                load[0] = settled_v + (after_v - settled_v) * exp(-s * load[2] / load[1])
                book(out, amps, from_mains, heat, power, s)
                left %= int(period)
            since = 0
            mark[:] = x
            mark_v = load[0]
    out[5] = x[X.LIMIT]
    return lived


@njit(cache=True, error_model="numpy", inline="always")
def resting(x: ndarray, mark: ndarray, moved_v: float) -> bool:
    """Whether nothing has moved since *mark*: what is left to move is far below 0.1 %."""
    amps = 1e-3 + 5e-5 * abs(x[X.I_OUT])
    return (
        abs(x[X.I_OUT] - mark[X.I_OUT]) < amps
        and abs(x[X.IREF] - mark[X.IREF]) < amps
        and abs(x[X.VDC] - mark[X.VDC]) < 0.01
        and abs(x[X.ID] - mark[X.ID]) < 0.01
        and abs(moved_v) < 0.02
        and x[X.CHANGE] == 0.0
        and (x[X.MODE] == RUN or x[X.MODE] == 0.0)
    )


@njit(cache=True, error_model="numpy")
def link_response(x: ndarray, p: ndarray, power_w: ndarray, trace: ndarray) -> None:
    """Front end and link alone against a constant-power load: *power_w* per interrupt (W); *trace* gets link V and i_d A."""
    h = p[P.ISR_US] * 1e-6
    for k in range(power_w.size):
        x[X.P_LINK] = power_w[k]
        synchronise(x, p, h)
        front_end(x, p, h)
        grid_side(x, p, power_w[k], h)
        trace[k, 0], trace[k, 1] = x[X.VDC], x[X.ID]
