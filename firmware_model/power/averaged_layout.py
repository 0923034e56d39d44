"""Where the averaged kernel keeps its state and its parameters, and how a module's data becomes parameters."""

from enum import IntEnum, auto
from math import pi, sqrt
from typing import Final

import numpy as np
from numpy.typing import NDArray

from firmware_model.power.ref30 import Ref30

OFF, CURRENT, VOLTAGE, ENVELOPE = 0.0, 1.0, 2.0, 3.0
"""What X.LIMIT says, in the order of `stage.Limit`."""
RUN: Final = 3.0
"""X.MODE: 0 blocked, 1 pre-charge, 2 link ramp, 3 running."""
DWELL_US: Final = 20_000.0
"""A change of direction rests at zero current for this long (4.2)."""
CV_TAU_S: Final = 0.2e-3
"""Lag of the measured output current that the voltage loop builds upon; it makes a battery and no load equally stable."""


class X(IntEnum):
    """State of one module."""

    ID = 0
    IQ = auto()
    VDC = auto()
    ED = auto()
    EQ = auto()
    ED1 = auto()
    EQ1 = auto()
    INT_D = auto()
    INT_Q = auto()
    INT_V = auto()
    PLL = auto()
    DELTA = auto()
    LOCKED = auto()
    VREF = auto()
    MODE = auto()
    I_OUT = auto()
    I_NET = auto()
    IREF = auto()
    ISLEW = auto()
    INT_C = auto()
    D = auto()
    N = auto()
    VRAMP = auto()
    LIMIT = auto()
    SIGN = auto()
    DWELL = auto()
    CHANGE = auto()
    P_LINK = auto()
    PHASE = auto()
    OVP = auto()
    OCP = auto()
    HITS = auto()
    TRIP = auto()
    VD = auto()
    VQ = auto()
    CREST = auto()


class P(IntEnum):
    """Parameters of one module; the first eight are what each call asks of it."""

    MAINS = 0
    ENABLED = auto()
    ASKED = auto()
    TOP_V = auto()
    DERATE = auto()
    CV_P = auto()
    PEAK = auto()
    LINE_PEAK = auto()
    W = auto()
    W0 = auto()
    L = auto()
    R = auto()
    C = auto()
    BLEEDER = auto()
    PRE_OHM = auto()
    PRE_V = auto()
    PRE_SLOPE = auto()
    LINK_V = auto()
    LINK_RAMP = auto()
    PLL_P = auto()
    PLL_I = auto()
    CUR_P = auto()
    CUR_I = auto()
    LINK_P = auto()
    LINK_I = auto()
    DAB_P = auto()
    DAB_I = auto()
    FORWARD = auto()
    DEMAND_A = auto()
    EXPORT_A = auto()
    AFE_A = auto()
    DAB_A = auto()
    OVER_V = auto()
    UNDER_V = auto()
    OUT_V = auto()
    OUT_A = auto()
    TWO_FL = auto()
    R_DAB = auto()
    N_LOW = auto()
    N_HIGH = auto()
    LOW_A = auto()
    HIGH_A = auto()
    UP_V = auto()
    DOWN_V = auto()
    CHANGE_US = auto()
    POWER = auto()
    FOLD_V = auto()
    FOLD = auto()
    CONNECTOR_A = auto()
    RISE = auto()
    FALL = auto()
    V_RAMP = auto()
    DROOP = auto()
    A0 = auto()
    A1 = auto()
    A2 = auto()
    HARD = auto()
    STANDBY = auto()
    ISR_US = auto()


Floats = NDArray[np.float64]


def parameters(module: Ref30) -> Floats:
    """The part of the parameters that *module* fixes; the stage fills in rating, dynamics, losses and demand."""
    grid, link, gains, dab, front = module.grid, module.link, module.gains, module.dab, module.front_end
    given: dict[P, float] = {
        P.MAINS: 1, P.PEAK: grid.phase_peak_v, P.LINE_PEAK: grid.line_peak_v, P.W: 2 * pi * grid.frequency_hz,
        P.W0: 2 * pi * grid.frequency_hz, P.L: module.filter.converter_h + module.filter.grid_h, P.R: module.loop_ohm,
        P.C: link.capacitance_f, P.BLEEDER: link.bleeder_ohm, P.PRE_OHM: module.precharge.r_ohm,
        P.PRE_V: module.precharge.bypass_at * grid.line_peak_v, P.PRE_SLOPE: module.precharge.bypass_slope_v,
        P.LINK_V: link.nominal_v, P.LINK_RAMP: (link.nominal_v - grid.line_peak_v) / link.ramp_s,
        P.PLL_P: gains.pll_p, P.PLL_I: gains.pll_i, P.CUR_P: gains.current_p, P.CUR_I: gains.current_i,
        P.LINK_P: gains.link_p, P.LINK_I: gains.link_i, P.DAB_P: gains.dab_p, P.DAB_I: gains.dab_i,
        P.FORWARD: float(gains.feed_forward), P.DEMAND_A: front.demand_max_a, P.EXPORT_A: front.export_max_a,
        P.AFE_A: front.peak_a, P.DAB_A: dab.peak_a, P.OVER_V: link.over_v, P.UNDER_V: link.under_v,
        P.OUT_V: module.output.over_v, P.OUT_A: module.output.over_a, P.TWO_FL: 2 * dab.carrier_hz * dab.inductance_h,
        P.R_DAB: dab.r_ohm, P.N_LOW: dab.ratio_low, P.N_HIGH: dab.ratio_high, P.LOW_A: dab.low_max_a, P.HIGH_A: dab.high_max_a,
        P.UP_V: dab.up_v, P.DOWN_V: dab.down_v, P.CHANGE_US: dab.change_us, P.ISR_US: module.isr_us,
    }  # fmt: skip
    made = np.zeros(len(P))
    for index, value in given.items():
        made[index] = value
    return made


def synchronised(module: Ref30) -> Floats:
    """State of a module in standby: synchronised, its link at the nominal voltage."""
    x = np.zeros(len(X))
    x[X.VDC] = x[X.VREF] = module.link.nominal_v
    x[X.MODE], x[X.LOCKED], x[X.N] = RUN, 1.0, module.dab.ratio_low
    x[X.ED] = x[X.ED1] = x[X.VD] = module.grid.phase_peak_v
    return x


def discharged(module: Ref30) -> Floats:
    """State of a module before it is connected to the mains."""
    x = np.zeros(len(X))
    x[X.N], x[X.VD] = module.dab.ratio_low, module.grid.phase_peak_v
    return x


def stored_j(x: Floats, p: Floats) -> float:
    """Energy in link capacitor and grid-side inductors."""
    square = x[X.ID] ** 2 + x[X.IQ] ** 2
    return float(0.5 * p[P.C] * x[X.VDC] ** 2 + 0.75 * p[P.L] * square)


def bridge_rms_a(v1: float, v2: float, d: float, *, carrier_hz: float, inductance_h: float) -> float:
    """Rms of the bridge's inductor current (primary side, *v2* referred to it), lossless closed form."""
    four_f_l = 4.0 * carrier_hz * inductance_h
    i_a, i_b = (v1 + (2 * abs(d) - 1) * v2) / four_f_l, (v2 + (2 * abs(d) - 1) * v1) / four_f_l
    return sqrt((i_a * i_a + i_b * i_b + (1 - 2 * abs(d)) * i_a * i_b) / 3.0)
