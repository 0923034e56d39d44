"""The averaged level: control loops as the microcontroller computes them, every 50 µs, against plants without switching edges.

While something moves every interrupt is lived; once all of it has come to rest, the remainder of an interval is one long step.
The compiled kernel is loaded when the first stage is built.
"""

from dataclasses import dataclass
from enum import Enum
from math import exp, isfinite, pi

import numpy as np
from numpy.random import Generator

from firmware_model.power import averaged_layout as layout
from firmware_model.power.averaged_layout import P, X
from firmware_model.power.devices.derating import BASE_PLATE, Derating
from firmware_model.power.quasi_static import Dynamics, Losses, Rating
from firmware_model.power.ref30 import IGBT, Ref30
from firmware_model.power.stage import Delivered, Diverged, Limit, Load, Setpoint, Trip

PHASE_PEAK, LINE_PEAK = (2.0 / 3.0) ** 0.5, 2.0**0.5
LIMITS = (Limit.OFF, Limit.CURRENT, Limit.VOLTAGE, Limit.ENVELOPE)
FITTED_LOADS = (0.1, 0.25, 0.5, 0.75, 1.0)
"""Shares of the rated power of the five published efficiency points."""


class Wiring(Enum):
    """How the two secondaries are connected."""

    LOW = 2.0
    HIGH = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rest:
    """Losses of one module beyond the resistances that the kernel knows: a0 + a1 P + a2 P²."""

    a0_w: float
    a1: float
    a2_per_w: float


def fit_rest(module: Ref30, losses: Losses, *, power_w: float, voltage_v: float = 400.0) -> Rest:
    """What is left of *losses* when filter, bridge resistance and bleeder have had theirs, at *voltage_v* (V) in LOW."""
    dab, link = module.dab, module.link.nominal_v
    two_f_l = 2 * dab.carrier_hz * dab.inductance_h
    powers = np.array(FITTED_LOADS) * power_w
    rest = []
    for power in powers:
        total = losses.a0_w + power * (losses.a1 + losses.a2_per_w * power)
        share = 1.0 - 4.0 * two_f_l * power / voltage_v / (dab.ratio_low * link)
        d = 0.5 * (1.0 - max(share, 0.0) ** 0.5)
        rms_a = layout.bridge_rms_a(link, dab.ratio_low * voltage_v, d, carrier_hz=dab.carrier_hz, inductance_h=dab.inductance_h)
        peak_a = (power + total) / (1.5 * module.grid.phase_peak_v)
        known = 1.5 * module.loop_ohm * peak_a**2 + dab.r_ohm * rms_a**2 + link**2 / module.link.bleeder_ohm
        rest.append(total - known)
    a2, a1, a0 = np.polyfit(powers, rest, 2).tolist()
    return Rest(a0_w=a0, a1=a1, a2_per_w=a2)


def fit_losses(voltage_v: float = 750.0) -> Losses:
    """The quasi-static level's efficiency, fitted to what this level loses at the five loads, at *voltage_v* (V) with ZVS."""
    rated_w = Rating().module_power_w
    powers, heats = [share * rated_w for share in FITTED_LOADS], []
    for power_w in powers:
        stage, amps = AveragedStage(), power_w / voltage_v
        load = Load(voltage_v, 267e-6, 10.0, 10.0 * voltage_v - amps)
        for now in range(20_000, 1_500_001, 20_000):
            done = stage.advance(now, Setpoint(1000.0, amps, True), load)
            load = load._replace(voltage_v=done.voltage_v)
        heats.append(done.heat_w)
    a2, a1, a0 = np.polyfit(powers, heats, 2).tolist()
    return Losses(a0_w=a0, a1=a1, a2_per_w=a2)


class AveragedStage:
    """*rating.modules* equal modules in parallel. See `PowerStage` for the obligations, `QuasiStaticStage` for
    the arguments they have in common.

    *connected* false: the mains arrive with the first call, so pre-charge and link ramp come first. *droop_ohm* per module
    lowers the voltage set point with the current. `grid_v` (line to line, rms), `mains_present`, `ambient_degc`, `gain`,
    `offset_a`, `voltage_gain` may be set at any time. `trip` latches until `reset`.
    """

    def __init__(
        self,
        rating: Rating | None = None,
        *,
        rng: Generator | None = None,
        dynamics: Dynamics | None = None,
        losses: Losses | None = None,
        module: Ref30 = IGBT,
        droop_ohm: float = 0.0,
        connected: bool = True,
        long_steps: bool = True,
    ) -> None:
        from firmware_model.power import averaged_kernel  # compiled: loaded only where this level is used

        self._kernel = averaged_kernel
        self.rating, self.module = rating or Rating(), module
        self.dynamics, self.losses = dynamics or Dynamics(), losses or Losses()
        if not isfinite(droop_ohm) or not 0.0 <= droop_ohm <= 1.0:
            raise ValueError(f"droop_ohm = {droop_ohm} ohm: allowed 0 .. 1 ohm")
        self.long_steps = long_steps
        self.mains_present, self.ambient_degc, self.grid_v = True, 25.0, module.grid.line_v
        self.gain, self.offset_a, self.voltage_gain = 1.0, 0.0, 1.0
        if rng is not None:
            errors = rng.standard_normal((self.rating.modules, 2)).clip(-3, 3)
            self.gain += 0.003 * float(errors[:, 0].mean())
            self.offset_a = 0.05 * float(errors[:, 1].sum())
        self.ripple_a, self.held_j = 0.01 * self.rating.current_a + 0.15 * self.rating.modules, 0.0
        self.heat_sink_degc = 25.0
        self.fan_dead = False
        """The sink then has five times its resistance to the air; the stage derates from 95 °C on. May be set at any time."""
        self._derating = Derating(curve=BASE_PLATE)
        self.interrupts = 0
        """Lived so far; what long steps covered is not among them."""
        self._p = self._parameters(droop_ohm)
        self._x = layout.synchronised(module) if connected else layout.discharged(module)
        self._load, self._out = np.zeros(4), np.zeros(6)
        self._cv_p = 2.0 * pi * module.gains.voltage_hz
        self._then = 0
        self._last = Delivered(0.0, 0.0, 0.0, 0.0, Limit.OFF, True)

    @property
    def trip(self) -> Trip | None:
        """The protection that has blocked the gates, until `reset`."""
        code = int(self._x[X.TRIP])
        return Trip(code) if code else None

    @property
    def link_v(self) -> float:
        """DC link voltage."""
        return float(self._x[X.VDC])

    @property
    def grid_current_a(self) -> float:
        """Active current of one module, peak of phase; positive from the grid."""
        return float(self._x[X.ID])

    @property
    def wiring(self) -> Wiring:
        """How the secondaries are connected now."""
        return Wiring.HIGH if self._x[X.N] == self._p[P.N_HIGH] else Wiring.LOW

    @property
    def stored_j(self) -> float:
        """Energy in links and grid-side inductors of all modules."""
        return self.rating.modules * layout.stored_j(self._x, self._p)

    def reset(self) -> None:
        """Clear the latch; the front end starts again."""
        self._x[X.TRIP] = 0.0

    def strike(self, trip: Trip) -> None:
        """A hardware protection has acted, faster than an interrupt: the gates are blocked and the first cause stays latched."""
        if self._x[X.TRIP] == 0.0:
            self._x[X.TRIP] = float(trip.value)

    def advance(self, now: int, setpoint: Setpoint, load: Load) -> Delivered:
        dt_us = now - self._then
        if dt_us <= 0:
            return self._last._replace(voltage_v=load.voltage_v)
        self._then = now
        self._ask(setpoint, load)
        lived = self._kernel.advance(self._x, self._p, self._load, self._out, dt_us, self.long_steps)
        if lived < 0:
            state = {index.name: float(self._x[index]) for index in X}
            raise Diverged(f"averaged stage at {now} us: not a number; {setpoint}, {load}, {self.module}, state {state}")
        self.interrupts += lived
        modules, dt_s = self.rating.modules, dt_us * 1e-6
        charge, mains_j, heat_j, _, settled, limit = self._out.tolist()
        heat_w = modules * heat_j / dt_s
        self._last = Delivered(
            float(self._load[0]), modules * charge / dt_s, modules * mains_j / dt_s, heat_w, LIMITS[int(limit)], settled == 1.0
        )
        self._warm(heat_w, dt_us)
        return self._last

    def _warm(self, heat_w: float, dt_us: int) -> None:
        """The sink after *dt_us* of *heat_w* (all modules)."""
        settled_degc = self.ambient_degc + (0.115 if self.fan_dead else 0.023) * heat_w / self.rating.modules
        self.heat_sink_degc = settled_degc + (self.heat_sink_degc - settled_degc) * exp(-dt_us / 120e6)

    def _ask(self, setpoint: Setpoint, load: Load) -> None:
        """What this interval asks of one module, and its share of the load."""
        rating, modules = self.rating, self.rating.modules
        asked_v, asked_a, enabled = setpoint
        if asked_a:
            exact, offset = asked_a * self.gain, self.offset_a
            asked_a = max(exact + offset, 0.0) if asked_a > 0.0 else min(exact + offset, 0.0)
        self._p[:8] = (
            self.mains_present,
            enabled and asked_v >= rating.voltage_min_v,
            asked_a / modules,
            min(asked_v, rating.voltage_max_v) * self.voltage_gain,
            min(max((75.0 - self.ambient_degc) / 20.0, 0.0), 1.0) * self._derating.share(self.heat_sink_degc),
            self._cv_p * load.capacitance_f / modules,
            self.grid_v * PHASE_PEAK,
            self.grid_v * LINE_PEAK,
        )
        self._load[:] = [load[0], load[1] / modules, load[2] / modules, load[3] / modules]

    def _parameters(self, droop_ohm: float) -> layout.Floats:
        p, rating, dynamics = layout.parameters(self.module), self.rating, self.dynamics
        rest = fit_rest(self.module, self.losses, power_w=rating.module_power_w)
        bleeder_w = self.module.link.nominal_v**2 / self.module.link.bleeder_ohm
        p[P.LOW_A] = min(p[P.LOW_A], rating.module_current_a)
        p[P.POWER], p[P.FOLD_V], p[P.FOLD] = rating.module_power_w, rating.fold_back_below_v, rating.fold_back_at_0
        p[P.CONNECTOR_A] = rating.connector_current_a / rating.modules
        share = rating.current_a / rating.modules
        p[P.RISE], p[P.FALL], p[P.V_RAMP] = (
            dynamics.rise_per_s * share,
            dynamics.fall_per_s * share,
            dynamics.ramp_v_per_s,
        )
        p[P.DROOP] = droop_ohm
        p[P.A0], p[P.A1], p[P.A2] = rest.a0_w, rest.a1, rest.a2_per_w
        p[P.HARD] = 4.0 * self.module.dab.carrier_hz * self.losses.hard_j_per_a
        p[P.STANDBY] = max(self.losses.standby_w - bleeder_w, 0.0)
        return p
