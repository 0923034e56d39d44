"""One module of REF-30 edge by edge, compiled: front end and bridge between their switching instants, and the control interrupt.

Between two instants the state moves by the circuit's matrix exponential: by a ladder of powers of two of one short step, and by
a Taylor series for what is left. Front end and bridge exchange energy every 25 µs; in between each sees the other's side of the
link as held. In a dead time the sign of the current decides (see `bridge_map`); a phase current of the front end that passes zero
within a dead time is not stopped there. The control is that of the averaged level, on samples taken at the carrier's turning
points; small currents are delivered by short pulses of the primary alone, which the secondary's diodes rectify.
"""

from math import sqrt

from numba import njit
from numpy import ndarray, zeros

from firmware_model.power.averaged_kernel import block, front_end, grid_side, output_side, protect, rest_w, synchronise
from firmware_model.power.averaged_layout import CV_TAU_S, RUN, VOLTAGE, P, X
from firmware_model.power.bridge_map import shift_for
from firmware_model.power.control.loops import clip
from firmware_model.power.switching_circuits import B, F
from firmware_model.power.switching_modulator import (
    CREST,
    EDGES,
    FORWARD,
    LATE,
    LEGS,
    MEAN,
    MEAN_BEFORE,
    NEXT_SHIFT,
    NONE,
    ON,
    PRIMARY,
    PULSE,
    QUIET,
    SECONDARY,
    SHIFT,
    SIZE,
    TURN,
    WAIT,
    modulate,
    phase,
    turn,
)  # fmt: skip
from firmware_model.power.switching_steps import LONGEST_S, move

SLICE = LONGEST_S
TRIPPED, IDLE, SHIFTED, PULSED = -1.0, 0.0, 1.0, 2.0
"""The bridge: off until the next period, off, driven by phase shift, driven by pulses."""
PULSES_BELOW_A, PULSES_UP_TO_A = 3.0, 5.0
"""Pulses are used below the first current, and kept up to the second."""
PATIENCE = 8.0
"""So many interrupts the bridge runs on while the voltage loop asks for no current."""
SHORTEST_PULSE = 0.1e-6
PULSES_DOWN_TO = 0.1
"""The pulse's current rises by at least this share of the link's voltage."""


@njit(cache=True, error_model="numpy", inline="always")
def grid_w(z: ndarray, peak: float) -> float:
    """Power from the mains."""
    return float(1.5 * peak * (z[F.COS] * z[F.GA] + z[F.SIN] * z[F.GB]))


@njit(cache=True, error_model="numpy", inline="always")
def write(trace: ndarray, now: float, zb: ndarray, p_sign: float, s_sign: float) -> None:
    """Add a row to *trace*, columns as in `switching.BRIDGE_COLUMNS`; row 0 counts."""
    row = int(trace[0, 0]) + 1
    if row < trace.shape[0]:
        trace[0, 0], trace[row, 0], trace[row, 1], trace[row, 2] = row, now, p_sign, s_sign
        trace[row, 3], trace[row, 4], trace[row, 5] = zb[B.L], zb[B.OUT], zb[B.CHOKE]


@njit(cache=True, error_model="numpy", inline="always")
def write_front(trace: ndarray, now: float, zf: ndarray, m: ndarray) -> None:
    """Add a row to *trace*, columns as in `switching.FRONT_COLUMNS`; row 0 counts."""
    row = int(trace[0, 0]) + 1
    if row < trace.shape[0]:
        trace[0, 0], trace[row, 0], trace[row, 7] = row, now, zf[F.LINK]
        for leg in range(3):
            trace[row, 1 + leg], trace[row, 4 + leg] = m[LEGS + leg], phase(zf, leg)


@njit(cache=True, error_model="numpy")
def front_slice(
    zf: ndarray, m: ndarray, a: ndarray, ladder: ndarray, books: ndarray, work: ndarray, begin: float, end: float,
    dead: float, peak: float, start: float, edges: ndarray,
) -> float:  # fmt: skip
    """The front end from *begin* to *end* (s in this interrupt) through the edges of its legs, which are kept in *edges*.

    *books*[0] gets the energy from the mains; the link's voltage, integrated (V s).
    """
    now, tracing, link_vs = begin, edges.shape[0] > 1, 0.0
    while now < end - 1e-12:
        until = end
        for k in range(3):
            for at in (m[EDGES + 2 * k], m[EDGES + 2 * k + 1], m[LATE + k]):
                if now < at < until:
                    until = at
        if tracing:
            write_front(edges, start + now, zf, m)
        slot = int(m[LEGS] + 2.0 * m[LEGS + 1] + 4.0 * m[LEGS + 2])
        h = until - now
        before_w, before_v = grid_w(zf, peak), zf[F.LINK]
        move(a[slot], ladder[slot], zf, h, work)
        books[0] += 0.5 * h * (before_w + grid_w(zf, peak))
        link_vs += 0.5 * h * (before_v + zf[F.LINK])
        now = until
        if tracing:
            write_front(edges, start + now, zf, m)
        for k in range(3):
            if m[LATE + k] == now:
                m[LEGS + k], m[LATE + k] = 1.0 - m[LEGS + k], -NONE
            for edge in range(2):
                if m[EDGES + 2 * k + edge] == now:
                    turn(zf, m, k, now, dead)
    return float(link_vs)


@njit(cache=True, error_model="numpy")
def bridge_slice(
    zb: ndarray, m: ndarray, a: ndarray, ladder: ndarray, work: ndarray, q: ndarray, begin: float, end: float, start: float,
    trace: ndarray,
) -> None:  # fmt: skip
    """The bridge from *begin* to *end* (s in this period). *q*: ratio, dead, peak (A), period, tracing, H."""
    now, half = begin, 0.5 * q[3]
    while now < end - 1e-12:
        until = command(m, now, half, q[1], end)
        i = zb[B.L]
        p, s = m[PRIMARY], m[SECONDARY]
        slot = 4
        if i != 0.0 or (p != 0.0 and s != 0.0):
            sign = 1.0 if i > 0.0 else -1.0
            p, s = (p if p != 0.0 else -sign), (s if s != 0.0 else sign)
            slot = (1 if p > 0.0 else 0) + (2 if s > 0.0 else 0)
        elif p != 0.0 and zb[B.LINK] > q[0] * zb[B.C1]:
            s, slot = p, (3 if p > 0.0 else 0)
        elif s != 0.0 and zb[B.LINK] < q[0] * zb[B.C1]:
            p, slot = s, (3 if s > 0.0 else 0)
        h = until - now
        free = slot != 4 and i != 0.0 and (m[PRIMARY] == 0.0 or m[SECONDARY] == 0.0)
        if free:
            across = p * zb[B.LINK] - s * q[0] * zb[B.C1]
            rate = (a[slot, B.L, B.L] * i) + across * a[1, B.LINK, B.L]
            if i * rate < 0.0 and -i / rate < h:
                h, stop = max(-i / rate, 1e-12), True
            else:
                stop = False
        else:
            stop = False
        if q[4] != 0.0:
            write(trace, start + now, zb, 0.0 if slot == 4 else p, 0.0 if slot == 4 else s)
        move(a[slot], ladder[slot], zb, h, work)
        if stop or (slot != 4 and free and zb[B.L] * i < 0.0):
            zb[B.L] = 0.0
        now += h
        if q[4] != 0.0:
            write(trace, start + now, zb, 0.0 if slot == 4 else p, 0.0 if slot == 4 else s)
        m[CREST] = max(m[CREST], abs(zb[B.L]))
        if abs(zb[B.L]) > q[2]:  # comparator: off until the next period
            m[PRIMARY] = m[SECONDARY] = 0.0
            m[ON] = TRIPPED


@njit(cache=True, error_model="numpy", inline="always")
def command(m: ndarray, now: float, half: float, dead: float, end: float) -> float:
    """Bring the commands of both bridges to *now*; when the next one comes, at the latest *end*."""
    until = end
    if m[ON] <= IDLE:
        m[PRIMARY] = m[SECONDARY] = 0.0
        return until
    if m[ON] == PULSED:
        turned = now + 1e-12 - half * ((now + 1e-12) // half)
        high = 1.0 if int((now + 1e-12) // half) % 2 == 0 else -1.0
        m[PRIMARY], m[SECONDARY] = (high if turned < m[PULSE] else 0.0), 0.0
        return float(min(until, now + (m[PULSE] if turned < m[PULSE] else half) - turned + 1e-13))
    if now < m[WAIT] - 1e-12:
        m[PRIMARY] = m[SECONDARY] = 0.0
        return float(min(until, m[WAIT]))
    for which in range(2):
        lag = 0.0 if which == 0 else m[SHIFT] * half
        at = now - lag + 1e-12
        turned = at - half * (at // half)  # since the last edge
        high = 1.0 if int(at // half) % 2 == 0 else -1.0
        fresh = m[WAIT] >= 0.0 and now < m[WAIT] + dead and now - turned < m[WAIT]
        m[PRIMARY + which] = high if turned >= dead or fresh else 0.0
        rest = (dead - turned) if turned < dead and not fresh else (half - turned)
        if rest > 1e-12 and now + rest < until:
            until = now + rest + 1e-13
    return until


@njit(cache=True, error_model="numpy", inline="always")
def pulse_for(amps: float, rise: float, fall: float, inductance: float, period: float) -> float:
    """Width (s) of the primary's pulses, one each half *period*, that deliver *amps* (referred to the primary).

    The inductor's current rises under *rise* (V) and comes back to zero under *fall* (V), all of it rectified.
    """
    return sqrt(amps * period * inductance / (rise * (1.0 + rise / fall)))


@njit(cache=True, error_model="numpy", inline="always")
def sample(x: ndarray, p: ndarray, zf: ndarray, adc: ndarray) -> None:
    """What the converters (*adc*: A and V per count) show of the front end: currents in the frame of the PLL, and the link."""
    cos_d, sin_d = (1.0, 0.0) if x[X.DELTA] == 0.0 else (x[X.VD] / p[P.PEAK], x[X.VQ] / p[P.PEAK])
    cos_t, sin_t = zf[F.COS] * cos_d + zf[F.SIN] * sin_d, zf[F.SIN] * cos_d - zf[F.COS] * sin_d
    i_a, i_b = round(zf[F.IA] / adc[0]) * adc[0], round(zf[F.IB] / adc[0]) * adc[0]
    x[X.ID], x[X.IQ] = i_a * cos_t + i_b * sin_t, i_b * cos_t - i_a * sin_t
    x[X.VDC] = round(zf[F.LINK] / adc[1]) * adc[1]


@njit(cache=True, error_model="numpy")
def control(
    x: ndarray, p: ndarray, zf: ndarray, zb: ndarray, m: ndarray, q: ndarray, adc: ndarray, volts: float, amps: float, net: float,
    link_a: float, h: float,
) -> None:  # fmt: skip
    """Both interrupts, from samples at the carrier's turning point. What they find is in force one period later.

    *amps*: mean current of the secondary's bridge over the last interrupt; *net*: less what the capacitors took; *link_a*: what
    the bridge took from the link.
    """
    sample(x, p, zf, adc)
    x[X.I_OUT] = amps
    x[X.I_NET] += (net - x[X.I_NET]) * (h / (CV_TAU_S + h))
    x[X.P_LINK] = link_a * zf[F.LINK] + rest_w(x, p, amps * volts)
    x[X.CREST], m[CREST] = m[CREST], 0.0
    protect(x, p, volts, h)
    synchronise(x, p, h)
    front_end(x, p, h)
    output_side(x, p, volts, h)
    m[SHIFT] = m[NEXT_SHIFT]
    m[WAIT] = -NONE
    m[QUIET] = m[QUIET] + 1.0 if x[X.IREF] == 0.0 else 0.0
    # Starting costs a packet of charge, so that a voltage loop which asks for nothing now and then does not stop the bridge.
    waits = m[ON] == SHIFTED and m[QUIET] < PATIENCE and p[P.ASKED] * x[X.SIGN] > 0.0 and x[X.LIMIT] == VOLTAGE
    if x[X.TRIP] != 0.0 or (x[X.IREF] == 0.0 and not waits):
        m[ON], m[TURN], m[NEXT_SHIFT] = IDLE, 0.0, 0.0
        return
    rise = zf[F.LINK] - x[X.N] * volts
    most = PULSES_UP_TO_A if m[ON] == PULSED else PULSES_BELOW_A
    if 0.0 < x[X.IREF] < most and rise > PULSES_DOWN_TO * zf[F.LINK]:
        m[ON], m[TURN], m[NEXT_SHIFT], x[X.INT_C] = PULSED, 0.0, 0.0, 0.0
        m[PULSE] = pulse_for(x[X.IREF] / x[X.N], rise, zf[F.LINK] + x[X.N] * volts, q[5], q[3])
        if m[PULSE] < SHORTEST_PULSE:
            m[PULSE] = 0.0
        return
    if m[TURN] % 16.0 == 0.0:  # the slow interrupt, 1.25 kHz
        m[FORWARD] = shift_for(x[X.IREF] / x[X.N], max(zf[F.LINK], 1.0), max(x[X.N] * volts, 1.0), q[5], q[3], q[1])
    error = x[X.IREF] - amps
    m[NEXT_SHIFT] = clip(m[FORWARD] + p[P.DAB_P] * error + x[X.INT_C], -0.499, 0.499)
    if m[ON] != SHIFTED:
        m[ON], m[WAIT] = SHIFTED, 0.25 * q[3]
        x[X.INT_C] = 0.0
        m[SHIFT] = m[NEXT_SHIFT] = m[FORWARD]
    m[TURN] += 1.0


@njit(cache=True, error_model="numpy")
def advance(
    x: ndarray, p: ndarray, zf: ndarray, zb: ndarray, m: ndarray, lumps: ndarray, out: ndarray, q: ndarray, adc: ndarray,
    fa: ndarray, fl: ndarray, ba: ndarray, bl: ndarray, front: ndarray, slices: int, work: ndarray, trace: ndarray, start: float,
    edges: ndarray,
) -> int:  # fmt: skip
    """Move by at most *slices* of 25 µs, up to a change of wiring; slices lived, or -1 where a number is none.

    *lumps*: capacitances at OUT, C1, DAMP (F). *out* is added to: charge (As), mains (J); then X.LIMIT.

    *fa*, *ba*: matrices of front end and bridge, *fl*, *bl* their ladders. *front*: half carrier (s), dead time (s), shortest
    pulse (s).
    """
    period = p[P.ISR_US] * 1e-6
    if p[P.ENABLED] == 0.0 or p[P.MAINS] == 0.0:
        block(x)
        m[ON] = IDLE
    for lived in range(slices):
        begin = x[X.PHASE]
        if begin == 0.0:
            aim(x, p, zf, m, front, period)
        out_v, damp_v, c1_v = zb[B.OUT], zb[B.DAMP], zb[B.C1]
        zb[B.Q_LINK] = zb[B.Q_OUT] = 0.0
        # Over two slices, for at the carrier's turning points the link is off its mean by the ripple.
        zb[B.LINK] = 0.5 * (m[MEAN] + m[MEAN_BEFORE])
        bridge_slice(zb, m, ba, bl, work, q, begin, begin + SLICE, start - begin, trace)
        taken, given = zb[B.Q_LINK], zb[B.Q_OUT]
        exchange(x, p, zf, m, fa, fl, out, work, begin, taken * zb[B.LINK] / SLICE + rest_w(x, p, given / SLICE * zb[B.OUT]),
                 front[1], start - begin, edges)  # fmt: skip
        out[0] += given
        out[3] += taken
        out[4] += given
        out[5] += lumps[0] * (zb[B.OUT] - out_v) + lumps[1] * (zb[B.C1] - c1_v) + lumps[2] * (zb[B.DAMP] - damp_v)
        start += SLICE
        if not (abs(zf[F.LINK]) < 1e6 and abs(zb[B.OUT]) < 1e6 and abs(zb[B.L]) < 1e6 and abs(zf[F.GA]) < 1e6):
            return -1
        x[X.PHASE] = begin + SLICE
        if x[X.PHASE] > period - 1e-9:
            x[X.PHASE] = 0.0
            turn_over(zf, m, period)
            volts, amps = zb[B.OUT], out[4] / period
            control(x, p, zf, zb, m, q, adc, volts, amps, amps - out[5] / period, out[3] / period, period)
            out[3] = out[4] = out[5] = 0.0
        out[2] = x[X.LIMIT]
        if x[X.N] != q[0]:
            return lived + 1
    return slices


@njit(cache=True, error_model="numpy")
def exchange(
    x: ndarray, p: ndarray, zf: ndarray, m: ndarray, a: ndarray, ladder: ndarray, out: ndarray, work: ndarray, begin: float,
    power: float, dead: float, start: float, edges: ndarray,
) -> None:  # fmt: skip
    """One slice of the front end, while *power* (W) leaves the link: exactly that energy, whatever its voltage does."""
    if x[X.MODE] >= 2.0 and p[P.MAINS] != 0.0:
        zf[F.DAB] = power / max(zf[F.LINK], 1.0)
        link_vs = front_slice(zf, m, a, ladder, out[1:], work, begin, begin + SLICE, dead, p[P.PEAK], start, edges)
        square = zf[F.LINK] * zf[F.LINK] - 2.0 * (power * SLICE - zf[F.DAB] * link_vs) / p[P.C]
        zf[F.LINK] = sqrt(square) if square > 0.0 or square != square else 0.0
        mean_v = link_vs / SLICE
    else:
        mean_v = zf[F.LINK]
        blocked(x, p, zf, m, out, power)
        mean_v = 0.5 * (mean_v + zf[F.LINK])
    m[MEAN_BEFORE], m[MEAN] = m[MEAN], mean_v


@njit(cache=True, error_model="numpy", inline="always")
def aim(x: ndarray, p: ndarray, zf: ndarray, m: ndarray, front: ndarray, period: float) -> None:
    """Edges of the legs for the interrupt that begins, from the dq voltages in force, at the angle of its middle."""
    if x[X.MODE] < 2.0:
        return
    half_turn = 0.5 * p[P.W] * period
    cos_d, sin_d = (1.0, 0.0) if x[X.DELTA] == 0.0 else (x[X.VD] / p[P.PEAK], x[X.VQ] / p[P.PEAK])
    c0, s0 = zf[F.COS] - half_turn * zf[F.SIN], zf[F.SIN] + half_turn * zf[F.COS]
    cos_t, sin_t = c0 * cos_d + s0 * sin_d, s0 * cos_d - c0 * sin_d
    e_a, e_b = x[X.ED] * cos_t - x[X.EQ] * sin_t, x[X.ED] * sin_t + x[X.EQ] * cos_t
    m[SIZE] = 1.0 - m[SIZE]
    # While the link is being ramped up from the rectified mains there is no room for a correction.
    dead = front[1] if x[X.MODE] == RUN else 0.0
    modulate(zf, m, e_a, e_b, max(x[X.VDC], 1.0), front[0], m[SIZE] == 1.0, front[2], dead)


@njit(cache=True, error_model="numpy", inline="always")
def turn_over(zf: ndarray, m: ndarray, period: float) -> None:
    """An interrupt's *period* is over: what waits for its dead time waits on, and the grid's oscillator keeps its size."""
    size = (zf[F.COS] * zf[F.COS] + zf[F.SIN] * zf[F.SIN]) ** -0.5
    zf[F.COS] *= size
    zf[F.SIN] *= size
    for k in range(3):
        m[LATE + k] = m[LATE + k] - period if m[LATE + k] >= period else -NONE


@njit(cache=True, error_model="numpy")
def link_response(
    x: ndarray, p: ndarray, zf: ndarray, m: ndarray, adc: ndarray, a: ndarray, ladder: ndarray, front: ndarray, work: ndarray,
    power_w: ndarray, trace: ndarray,
) -> None:  # fmt: skip
    """Front end and link alone against a constant-power load: *power_w* per interrupt (W); *trace* gets link V and i_d A."""
    period, books, edges = p[P.ISR_US] * 1e-6, zeros(3), zeros((1, 8))
    for k in range(power_w.size):
        sample(x, p, zf, adc)
        x[X.P_LINK] = power_w[k]
        synchronise(x, p, period)
        front_end(x, p, period)
        aim(x, p, zf, m, front, period)
        for begin in (0.0, SLICE):
            exchange(x, p, zf, m, a, ladder, books, work, begin, power_w[k], front[1], 0.0, edges)
        turn_over(zf, m, period)
        trace[k, 0], trace[k, 1] = 0.5 * (m[MEAN] + m[MEAN_BEFORE]), x[X.ID]


@njit(cache=True, error_model="numpy")
def blocked(x: ndarray, p: ndarray, zf: ndarray, m: ndarray, out: ndarray, power: float) -> None:
    """Front end with blocked gates or pre-charging, as at the averaged level; what its filter held is lost."""
    for i in range(F.LINK):
        zf[i] = 0.0
    for k in range(3):
        m[LATE + k] = -NONE
    turn_rad, c, s = p[P.W] * SLICE, zf[F.COS], zf[F.SIN]
    zf[F.COS], zf[F.SIN] = c - turn_rad * s - 0.5 * turn_rad * turn_rad * c, s + turn_rad * c - 0.5 * turn_rad * turn_rad * s
    x[X.VDC] = zf[F.LINK]
    mains_w, _ = grid_side(x, p, power, SLICE)
    zf[F.LINK] = x[X.VDC]
    out[1] += mains_w * SLICE
