"""One module of REF-30 edge by edge, compiled: front end and bridge between their switching instants, and the control interrupt.

Between two instants the state follows its Taylor series, in steps short against the circuit's fastest mode. Front end and bridge
exchange charge every 25 µs; in between each sees the other's side of the link as held. In a dead time the sign of the current
decides (see `bridge_map`); a phase current of the front end that passes zero within a dead time is not stopped there.
The control is that of the averaged level, on samples taken at the carrier's turning points.
"""

from numba import njit
from numpy import ndarray

from firmware_model.power.averaged_kernel import block, front_end, grid_side, output_side, protect, rest_w, synchronise
from firmware_model.power.averaged_layout import CV_TAU_S, P, X
from firmware_model.power.bridge_map import shift_for
from firmware_model.power.control.loops import clip
from firmware_model.power.switching_circuits import B, F

ORDER = 6
SLICE = 25e-6
NA, NB = len(F), len(B)
LEGS, EDGES, LATE, PRIMARY, SECONDARY, P_AT, S_AT, SHIFT, NEXT_SHIFT, ON, WAIT, FORWARD, TURN, CREST, SIZE = (
    0, 3, 9, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23,
)  # fmt: skip
"""The modulator's memory: the legs (1 high); their edges of this interrupt; a leg's change that waits for its dead time; commands
of the bridges (two unused places follow); shift now and next; bridge on; its first quarter; the map's shift; interrupts; crest
(A); and last which half of the carrier comes."""
NONE = 1.0


@njit(cache=True, error_model="numpy", inline="always")
def taylor(a: ndarray, z: ndarray, h: float, work: ndarray) -> None:
    """*z* moved by *h* (s) with the transposed matrix *a*; *work*[0] gets it half way. By columns, which compilers vectorise."""
    n = z.size
    for i in range(n):
        work[1, i] = z[i]
        work[0, i] = z[i]
    scale = 1.0
    for k in range(1, ORDER + 1):
        scale *= 0.5
        share = h / k
        for i in range(n):
            work[2, i] = 0.0
        for j in range(n):
            value = work[1, j] * share
            for i in range(n):
                work[2, i] += a[j, i] * value
        for i in range(n):
            work[1, i] = work[2, i]
            z[i] += work[2, i]
            work[0, i] += scale * work[2, i]


@njit(cache=True, error_model="numpy", inline="always")
def form(q: ndarray, z: ndarray, work: ndarray) -> float:
    """zᵀ q z of a symmetric *q*."""
    n, total = z.size, 0.0
    for i in range(n):
        work[2, i] = 0.0
    for j in range(n):
        value = z[j]
        for i in range(n):
            work[2, i] += q[j, i] * value
    for i in range(n):
        total += work[2, i] * z[i]
    return float(total)


@njit(cache=True, error_model="numpy", inline="always")
def grid_w(z: ndarray, peak: float) -> float:
    """Power from the mains."""
    return float(1.5 * peak * (z[F.COS] * z[F.GA] + z[F.SIN] * z[F.GB]))


@njit(cache=True, error_model="numpy", inline="always")
def phase(z: ndarray, leg: int) -> float:
    """Current of a leg (A), positive into it."""
    if leg == 0:
        return float(z[F.IA])
    beta = 0.8660254037844386 * z[F.IB]
    return float(-0.5 * z[F.IA] + (beta if leg == 1 else -beta))


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
    zf: ndarray, m: ndarray, a: ndarray, lost: ndarray, books: ndarray, work: ndarray, begin: float, end: float,
    dead: float, peak: float, start: float, edges: ndarray,
) -> None:  # fmt: skip
    """The front end from *begin* to *end* (s in this interrupt) through the edges of its legs, which are kept in *edges*."""
    now, tracing = begin, edges.shape[0] > 1
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
        first_w, first_l = grid_w(zf, peak), form(lost[slot], zf, work)
        taylor(a[slot], zf, h, work)
        half = work[0, :NA]
        books[0] += h / 6.0 * (first_w + 4.0 * grid_w(half, peak) + grid_w(zf, peak))
        books[1] += h / 6.0 * (first_l + 4.0 * form(lost[slot], half, work) + form(lost[slot], zf, work))
        now = until
        if tracing:
            write_front(edges, start + now, zf, m)
        for k in range(3):
            if m[LATE + k] == now:
                m[LEGS + k], m[LATE + k] = 1.0 - m[LEGS + k], -NONE
            for edge in range(2):
                if m[EDGES + 2 * k + edge] == now:
                    turn(zf, m, k, now, dead)


@njit(cache=True, error_model="numpy", inline="always")
def turn(zf: ndarray, m: ndarray, k: int, now: float, dead: float) -> None:
    """Leg *k* is told to change: at once if the current goes through the other diode, else after the dead time."""
    inwards = phase(zf, k) > 0.0
    if inwards == (m[LEGS + k] == 1.0):  # the diode of the conducting side carries on
        m[LATE + k] = now + dead
    else:
        m[LEGS + k] = 1.0 - m[LEGS + k]


@njit(cache=True, error_model="numpy", inline="always")
def modulate(m: ndarray, e_a: float, e_b: float, link: float, h: float, rising: bool, shortest: float) -> None:
    """Edges of the three legs for a half carrier of *h* (s): centred, with the common offset that uses the link best."""
    v0, v1 = e_a, -0.5 * e_a + 0.8660254037844386 * e_b
    v2 = -v0 - v1
    offset = -0.5 * (max(v0, v1, v2) + min(v0, v1, v2))
    for k in range(3):
        value = v0 if k == 0 else v1 if k == 1 else v2
        duty = clip(0.5 + (value + offset) / link, 0.0, 1.0)
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


@njit(cache=True, error_model="numpy")
def bridge_slice(
    zb: ndarray, zf: ndarray, m: ndarray, a: ndarray, lost: ndarray, books: ndarray, work: ndarray, q: ndarray,
    begin: float, end: float, start: float, trace: ndarray,
) -> None:  # fmt: skip
    """The bridge from *begin* to *end* (s in this period). *q*: ratio, dead, longest step, peak (A), J/A, period, tracing, H."""
    now, half = begin, 0.5 * q[5]
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
        h = min(until - now, q[2])
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
        if q[6] != 0.0:
            write(trace, start + now, zb, 0.0 if slot == 4 else p, 0.0 if slot == 4 else s)
        first = form(lost[slot], zb, work)
        taylor(a[slot], zb, h, work)
        books[1] += h / 6.0 * (first + 4.0 * form(lost[slot], work[0, :NB], work) + form(lost[slot], zb, work))
        if stop or (slot != 4 and free and zb[B.L] * i < 0.0):
            zb[B.L] = 0.0
        now += h
        if q[6] != 0.0:
            write(trace, start + now, zb, 0.0 if slot == 4 else p, 0.0 if slot == 4 else s)
        m[CREST] = max(m[CREST], abs(zb[B.L]))
        if abs(zb[B.L]) > q[3]:  # comparator: off until the next period
            m[PRIMARY] = m[SECONDARY] = 0.0
            m[P_AT] = m[S_AT] = -NONE
            m[ON] = -1.0


@njit(cache=True, error_model="numpy", inline="always")
def command(m: ndarray, now: float, half: float, dead: float, end: float) -> float:
    """Bring the commands of both bridges to *now*; when the next one comes, at the latest *end*."""
    until = end
    if m[ON] <= 0.0:
        m[PRIMARY] = m[SECONDARY] = 0.0
        return until
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


@njit(cache=True, error_model="numpy")
def control(
    x: ndarray, p: ndarray, zf: ndarray, zb: ndarray, m: ndarray, q: ndarray, adc: ndarray, volts: float, amps: float, net: float,
    link_a: float, h: float,
) -> None:  # fmt: skip
    """Both interrupts, from samples at the carrier's turning point. What they find is in force one period later.

    *amps*: mean current of the secondary's bridge over the last interrupt; *net*: less what the capacitors took; *link_a*: what
    the bridge took from the link.
    """
    cos_d, sin_d = (1.0, 0.0) if x[X.DELTA] == 0.0 else (x[X.VD] / p[P.PEAK], x[X.VQ] / p[P.PEAK])
    cos_t, sin_t = zf[F.COS] * cos_d + zf[F.SIN] * sin_d, zf[F.SIN] * cos_d - zf[F.COS] * sin_d
    i_a, i_b = round(zf[F.IA] / adc[0]) * adc[0], round(zf[F.IB] / adc[0]) * adc[0]
    x[X.ID], x[X.IQ] = i_a * cos_t + i_b * sin_t, i_b * cos_t - i_a * sin_t
    x[X.VDC] = round(zf[F.LINK] / adc[1]) * adc[1]
    x[X.I_OUT] = amps
    x[X.I_NET] += (net - x[X.I_NET]) * (h / (CV_TAU_S + h))
    x[X.P_LINK] = link_a * zf[F.LINK] + rest_w(x, p, amps * volts)
    x[X.CREST], m[CREST] = m[CREST], 0.0
    protect(x, p, volts, h)
    synchronise(x, p, h)
    front_end(x, p, h)
    output_side(x, p, volts, h)
    m[SHIFT] = m[NEXT_SHIFT]
    asked = x[X.IREF] != 0.0 and x[X.TRIP] == 0.0
    m[WAIT] = -NONE
    if not asked:
        m[ON], m[TURN], m[NEXT_SHIFT] = 0.0, 0.0, 0.0
        return
    if m[TURN] % 16.0 == 0.0:  # the slow interrupt, 1.25 kHz
        m[FORWARD] = shift_for(x[X.IREF] / x[X.N], max(zf[F.LINK], 1.0), max(x[X.N] * volts, 1.0), q[7], q[5], q[1])
    error = x[X.IREF] - amps
    m[NEXT_SHIFT] = clip(m[FORWARD] + p[P.DAB_P] * error + x[X.INT_C], -0.499, 0.499)
    if m[ON] <= 0.0:
        m[ON], m[WAIT] = 1.0, 0.25 * q[5]
        x[X.INT_C] = 0.0
        m[SHIFT] = m[NEXT_SHIFT] = m[FORWARD]
    m[TURN] += 1.0


@njit(cache=True, error_model="numpy")
def advance(
    x: ndarray, p: ndarray, zf: ndarray, zb: ndarray, m: ndarray, load: ndarray, out: ndarray, q: ndarray, adc: ndarray,
    fa: ndarray, fl: ndarray, ba: ndarray, bl: ndarray, front: ndarray, slices: int, work: ndarray, trace: ndarray, start: float,
    edges: ndarray,
) -> int:  # fmt: skip
    """Move by *slices* of 25 µs. *load*: F, S, A of one module; *out* is added to: charge, mains J, heat J, limit. -1: no number.

    *front*: half carrier (s), dead time (s), shortest pulse (s), link's voltage lost per ampere.
    """
    period = p[P.ISR_US] * 1e-6
    if p[P.ENABLED] == 0.0 or p[P.MAINS] == 0.0:
        block(x)
        m[ON] = 0.0
    for _ in range(slices):
        begin = x[X.PHASE]
        if begin == 0.0:
            aim(x, p, zf, m, front, period)
        out_v, damp_v, c1_v = zb[B.OUT], zb[B.DAMP], zb[B.C1]
        taken, given = zb[B.Q_LINK], zb[B.Q_OUT]
        zb[B.Q_LINK] = zb[B.Q_OUT] = 0.0
        link_v = zf[F.LINK]
        rest = rest_w(x, p, given / SLICE * zb[B.OUT])
        zf[F.DAB] = taken / SLICE + rest / max(link_v, 1.0)
        out[2] += rest * SLICE
        if x[X.MODE] >= 2.0 and p[P.MAINS] != 0.0:
            front_slice(zf, m, fa, fl, out[1:], work, begin, begin + SLICE, front[1], p[P.PEAK], start - begin, edges)
        else:
            blocked(x, p, zf, m, out, SLICE)
        # Charge is exchanged a slice late, at the slice's mean voltage: at its ends the link is off it by the carrier's ripple.
        zb[B.LINK] = 0.5 * (link_v + zf[F.LINK])
        bridge_slice(zb, zf, m, ba, bl, out[1:], work, q, begin, begin + SLICE, start - begin, trace)
        taken, given = zb[B.Q_LINK], zb[B.Q_OUT]
        out[0] += given
        out[4] += taken
        out[5] += given
        out[6] += load[0] * (zb[B.OUT] - out_v) + load[1] * (zb[B.C1] - c1_v) + load[2] * (zb[B.DAMP] - damp_v)
        start += SLICE
        if not (abs(zf[F.LINK]) < 1e6 and abs(zb[B.OUT]) < 1e6 and abs(zb[B.L]) < 1e6 and abs(zf[F.GA]) < 1e6):
            return -1
        x[X.PHASE] = begin + SLICE
        if x[X.PHASE] > period - 1e-9:
            x[X.PHASE] = 0.0
            rotate(zf)
            for k in range(3):
                m[LATE + k] = m[LATE + k] - period if m[LATE + k] >= period else -NONE
            volts, amps = zb[B.OUT], out[5] / period
            control(x, p, zf, zb, m, q, adc, volts, amps, amps - out[6] / period, out[4] / period, period)
            out[4] = out[5] = out[6] = 0.0
    out[3] = x[X.LIMIT]
    return 0


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
    modulate(m, e_a, e_b, max(x[X.VDC], 1.0), front[0], m[SIZE] == 1.0, front[2])


@njit(cache=True, error_model="numpy", inline="always")
def rotate(zf: ndarray) -> None:
    """Keep the grid's oscillator on the unit circle."""
    size = (zf[F.COS] * zf[F.COS] + zf[F.SIN] * zf[F.SIN]) ** -0.5
    zf[F.COS] *= size
    zf[F.SIN] *= size


@njit(cache=True, error_model="numpy")
def blocked(x: ndarray, p: ndarray, zf: ndarray, m: ndarray, out: ndarray, h: float) -> None:
    """Front end with blocked gates or pre-charging, as at the averaged level; what its filter held is lost."""
    for i in range(F.LINK):
        zf[i] = 0.0
    for k in range(3):
        m[LATE + k] = -NONE
    turn_rad, c, s = p[P.W] * h, zf[F.COS], zf[F.SIN]
    zf[F.COS], zf[F.SIN] = c - turn_rad * s - 0.5 * turn_rad * turn_rad * c, s + turn_rad * c - 0.5 * turn_rad * turn_rad * s
    x[X.VDC] = zf[F.LINK]
    power, lost = grid_side(x, p, zf[F.DAB] * zf[F.LINK], h)
    zf[F.LINK] = x[X.VDC]
    out[1] += power * h
    out[2] += lost * h
