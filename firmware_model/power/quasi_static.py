"""The cheapest power stage: efficiency fit, first-order lags and limits of the 30 kW reference module "REF-30".

No switching and no control loop inside: the voltage set point is met exactly at the end of each interval (a real loop needs
about 10 ms), the current follows its set point with one lag. Good for protocol, energy and fleet work.
"""

from dataclasses import dataclass, field
from math import exp, inf

from numpy.random import Generator

from firmware_model.power.devices.derating import FULL_FROM_V, mains_share
from firmware_model.power.ref30 import IGBT, Ref30
from firmware_model.power.stage import Delivered, Limit, Load, Setpoint, Trip

EXACT_A = 1e-4
"""Closer than this the target is taken as reached."""
SETTLED_A = 0.05
"""Below this distance from its target the current counts as settled; well under the 0.1 A resolution of every message."""


DWELL_S = 0.02
"""A change of direction rests at zero current for this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rating:
    """What a stage of *modules* equal modules in parallel can do. Defaults are one REF-30."""

    modules: int = 1
    module_power_w: float = 30_000
    module_current_a: float = 100
    connector_current_a: float = 250
    """Limit of cable and connector (GB/T 20234.3: 250 A)."""
    voltage_min_v: float = 50
    voltage_max_v: float = 1000
    fold_back_below_v: float = 150
    """Below it single-phase-shift control circulates current: I_max falls linearly to *fold_back_at_0* of the rating."""
    fold_back_at_0: float = 0.4

    power_w: float = field(init=False)
    """Rated output power."""
    current_a: float = field(init=False)
    """Rated output current."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "power_w", self.modules * self.module_power_w)
        object.__setattr__(self, "current_a", min(self.modules * self.module_current_a, self.connector_current_a))

    def limit_a(self, voltage_v: float) -> float:
        """The envelope: greatest current at *voltage_v*, at full derating factor 1."""
        current = self.modules * self.module_current_a
        if voltage_v < self.fold_back_below_v:
            current *= self.fold_back_at_0 + (1 - self.fold_back_at_0) * max(voltage_v, 0.0) / self.fold_back_below_v
        elif current * voltage_v > self.power_w:
            current = self.power_w / voltage_v
        return current if current < self.connector_current_a else self.connector_current_a


RATINGS = {f"{30 * n}kW": Rating(modules=n) for n in (1, 2, 3, 4, 5, 6, 8)}
"""Ratings by name: "30kW" .. "240kW"."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dynamics:
    """How fast the stage follows. Rates are per ampere of rated current."""

    lag_us: int = 50_000
    """Time constant of the current command (module controller and its bus)."""
    rise_per_s: float = 5.0
    fall_per_s: float = 20.0
    """Full current to zero in 50 ms, well above the 100 A/s that a stop needs."""
    ramp_v_per_s: float = 500.0
    """Rise of the voltage command (pre-charge)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Losses:
    """Loss of one module as a0 + a1 P + a2 P²; defaults are the IGBT set at a 750 V link, good to ±14 W between 3 and 30 kW."""

    a0_w: float = 239.0
    a1: float = 0.0423
    a2_per_w: float = 2.78e-7
    hard_j_per_a: float = 0.95e-4
    """Per turn-on of a device in a bridge leg that has lost ZVS, times its current (primary side, A): what the published
    efficiency at 3 kW, 400 V loses against 750 V. It counts below D = ½ |1 - V1/V2'|.
    """
    standby_w: float = 20.0
    """Taken from the mains per module while its gates are blocked."""


class QuasiStaticStage:
    """*rating.modules* modules that share the demand equally. See `PowerStage` for the obligations.

    Each module's current set-point error (gain ±0.3 %, offset ±0.05 A, both one sigma, clipped at three) is drawn from *rng*;
    without one it is exact. *gain*, *offset_a*, *voltage_gain*, *ambient_degc*, *mains_present*, *grid_v* may be set at any time.
    """

    def __init__(
        self,
        rating: Rating | None = None,
        *,
        rng: Generator | None = None,
        dynamics: Dynamics | None = None,
        losses: Losses | None = None,
    ) -> None:
        self.rating = rating or Rating()
        self.dynamics = dynamics or Dynamics()
        self.losses = losses or Losses()
        self.mains_present, self.grid_v = True, 380.0
        self.ambient_degc = 25.0
        self.gain, self.offset_a, self.voltage_gain = 1.0, 0.0, 1.0
        if rng is not None:
            errors = rng.standard_normal((self.rating.modules, 2)).clip(-3, 3)
            self.gain += 0.003 * float(errors[:, 0].mean())
            self.offset_a = 0.05 * float(errors[:, 1].sum())
        self.ripple_a, self.held_j = 0.01 * self.rating.current_a + 0.15 * self.rating.modules, 0.0
        self.current_a = 0.0
        self.heat_sink_degc = 25.0
        self._rise_a_per_s = self.dynamics.rise_per_s * self.rating.current_a
        self._fall_a_per_s = -self.dynamics.fall_per_s * self.rating.current_a
        self._ramp_v = 0.0
        self._then = 0
        self._last = Delivered(0.0, 0.0, 0.0, 0.0, Limit.OFF, True)
        self.trip: Trip | None = None
        """No protection acts at this level."""
        self.stored_j = 0.0
        self._sign, self._dwell_s = 1.0, DWELL_S

    def advance(self, now: int, setpoint: Setpoint, load: Load) -> Delivered:
        dt_us = now - self._then
        if dt_us <= 0:
            return self._last._replace(voltage_v=load.voltage_v)
        self._then = now
        if setpoint.enabled and self.mains_present and setpoint.voltage_v >= self.rating.voltage_min_v:
            done = self._regulate(dt_us * 1e-6, setpoint, load)
        else:
            done = self._blocked(dt_us * 1e-6, load)
        self._last = done
        # Heat sink: 40 K above ambient at full load of the reference module, time constant 120 s (assumption).
        settled_degc = self.ambient_degc + 0.023 * done.heat_w / self.rating.modules
        self.heat_sink_degc = settled_degc + (self.heat_sink_degc - settled_degc) * exp(-dt_us / 120e6)
        return done

    def _regulate(self, dt_s: float, setpoint: Setpoint, load: Load) -> Delivered:
        """One interval under the minimum of constant current, constant voltage and envelope."""
        if setpoint.current_a < 0.0 or self.current_a < 0.0:
            return self._discharge(dt_s, setpoint, load)
        if self._sign < 0.0 and setpoint.current_a > 0.0 and (wait_s := self._wait(dt_s, 1.0)) > 0.0:
            return self._pause(dt_s, wait_s, setpoint, load)
        before_v, capacitance_f, conductance_s, source_a = load
        asked_v, most_v = setpoint.voltage_v, self.rating.voltage_max_v
        top_v = (asked_v if asked_v < most_v else most_v) * self.voltage_gain
        ramp_v = (self._ramp_v if self._ramp_v > before_v else before_v) + self.dynamics.ramp_v_per_s * dt_s
        self._ramp_v = ramp_v = ramp_v if ramp_v < top_v else top_v
        target, limit = self._target(setpoint.current_a, before_v)
        value = self.current_a
        end, mean = (target, target) if value == target else self._follow(value, target, dt_s)
        kept = exp(-dt_s * conductance_s / capacitance_f)
        for_voltage = (ramp_v - before_v * kept) / (1.0 - kept) * conductance_s - source_a
        if for_voltage < mean:
            end = mean = for_voltage if for_voltage > 0.0 else 0.0
            target, limit = mean if ramp_v == top_v else inf, Limit.VOLTAGE
        self.current_a = end
        settled_v = (mean + source_a) / conductance_s
        after_v = settled_v + (before_v - settled_v) * kept
        power_w = mean * 0.5 * (before_v + after_v)
        heat_w = self._loss_w(power_w, before_v)
        settled = abs(end - target) < SETTLED_A and abs(end - value) < SETTLED_A
        return Delivered(after_v, mean, power_w + heat_w, heat_w, limit, settled)

    def _discharge(self, dt_s: float, setpoint: Setpoint, load: Load) -> Delivered:
        """One interval that begins or ends in discharge: sink up to the set point, but not below the voltage set point."""
        if self._sign * setpoint.current_a < 0.0:
            fall = abs(self._fall_a_per_s)
            ramp_s = abs(self.current_a) / fall
            if self.current_a != 0.0:
                return self._pause(dt_s, ramp_s, setpoint, load, self.current_a, fall)
            if (wait_s := self._wait(dt_s, -self._sign)) > 0.0:
                return self._pause(dt_s, wait_s, setpoint, load)
        before_v, capacitance_f, conductance_s, source_a = load
        target, limit = self._target(-setpoint.current_a, before_v)
        value = -self.current_a
        end, mean = (target, target) if value == target else self._follow(value, target, dt_s)
        kept = exp(-dt_s * conductance_s / capacitance_f)
        floor_v = setpoint.voltage_v * self.voltage_gain
        for_voltage = source_a - (floor_v - before_v * kept) / (1.0 - kept) * conductance_s
        if for_voltage < mean:
            end = mean = for_voltage if for_voltage > 0.0 else 0.0
            target, limit = mean, Limit.VOLTAGE
        self.current_a, self._ramp_v = -end, 0.0
        settled = abs(end - target) < SETTLED_A and abs(end - value) < SETTLED_A
        return self._done(dt_s, load, -mean, limit, settled=settled)

    def _wait(self, dt_s: float, sign: float) -> float:
        """How much of *dt_s* the change to direction *sign* still rests at zero."""
        wait_s = min(self._dwell_s, dt_s)
        self._dwell_s -= wait_s
        if self._dwell_s <= 0.0:
            self._sign, self._dwell_s = sign, DWELL_S
        return wait_s

    def _pause(
        self, dt_s: float, first_s: float, setpoint: Setpoint, load: Load, value: float = 0.0, fall: float = 0.0
    ) -> Delivered:
        """An interval whose first part leads from *value* to zero, or rests there; the remainder goes on from it."""
        first_s = min(first_s, dt_s)
        left = (abs(value) - fall * first_s) * (1.0 if value > 0.0 else -1.0) if value else 0.0
        self.current_a = left if abs(left) > EXACT_A else 0.0
        done = self._done(first_s, load, 0.5 * (value + left), Limit.CURRENT, settled=False)
        if dt_s - first_s < 1e-9:
            return done
        rest = self._regulate(dt_s - first_s, setpoint, load._replace(voltage_v=done.voltage_v))
        share = first_s / dt_s
        mix = [share * a + (1.0 - share) * b for a, b in zip(done[1:4], rest[1:4], strict=True)]
        return Delivered(rest.voltage_v, mix[0], mix[1], mix[2], rest.limit, False)

    def _done(self, dt_s: float, load: Load, mean: float, limit: Limit, *, settled: bool) -> Delivered:
        """Books of an interval with the mean current *mean*."""
        after_v = load.after(dt_s, mean)
        power_w = mean * 0.5 * (load.voltage_v + after_v)
        heat_w = self._loss_w(abs(power_w), load.voltage_v)
        return Delivered(after_v, mean, power_w + heat_w, heat_w, limit, settled)

    def _blocked(self, dt_s: float, load: Load) -> Delivered:
        """One interval with gates closed."""
        self.current_a = self._ramp_v = 0.0
        self._sign, self._dwell_s = 1.0, DWELL_S
        standby_w = self.losses.standby_w * self.rating.modules if self.mains_present else 0.0
        return Delivered(load.after(dt_s, 0.0), 0.0, standby_w, standby_w, Limit.OFF, True)

    def _target(self, asked_a: float, voltage_v: float) -> tuple[float, Limit]:
        """The current to go for at *voltage_v*, and whose limit that is."""
        if asked_a <= 0.0:
            return 0.0, Limit.CURRENT
        asked_a = asked_a * self.gain + self.offset_a
        most = self.rating.limit_a(voltage_v)
        if self.grid_v < FULL_FROM_V:
            most = min(most, mains_share(self.grid_v) * self.rating.power_w / max(voltage_v, 1.0))
        if self.ambient_degc > 55.0:  # full power up to 55 °C, nothing at 75 °C
            most *= max(0.0, (75.0 - self.ambient_degc) / 20.0)
        return (max(asked_a, 0.0), Limit.CURRENT) if asked_a < most else (most, Limit.ENVELOPE)

    def _follow(self, value: float, target: float, dt_s: float) -> tuple[float, float]:
        """End and mean of the current on its way from *value* to *target*: a constant rate while far away, then a lag; to zero
        at full rate.
        """
        lag_s = self.dynamics.lag_us * 1e-6
        rate = self._rise_a_per_s if target > value else self._fall_a_per_s
        # The lag takes over where it is slower than the rate; zero must be reached, not approached.
        near = rate * lag_s if target else 0.0
        ramp_s = max((target - near - value) / rate, 0.0)
        if ramp_s >= dt_s:
            return value + rate * dt_s, value + 0.5 * rate * dt_s
        reached = value + rate * ramp_s
        charge = 0.5 * (value + reached) * ramp_s
        rest_s = dt_s - ramp_s
        away = reached - target if target else 0.0
        faded = 1.0 - exp(-rest_s / lag_s)
        charge += target * rest_s + away * lag_s * faded
        left = away * (1.0 - faded)
        return target + (left if abs(left) > EXACT_A else 0.0), charge / dt_s

    def _loss_w(self, power_w: float, voltage_v: float) -> float:
        """Loss of all modules at the output power *power_w* (>= 0) and *voltage_v*."""
        losses, modules = self.losses, self.rating.modules
        heat_w = modules * losses.a0_w + power_w * (losses.a1 + losses.a2_per_w * power_w / modules)
        if voltage_v > 1.0 and power_w > 0.0:
            heat_w += modules * hard_w(losses, current_a=power_w / voltage_v / modules, voltage_v=voltage_v)
        return heat_w


def hard_w(losses: Losses, *, current_a: float, voltage_v: float, module: Ref30 = IGBT) -> float:
    """What one module loses by turning legs on without ZVS at *current_a* (A, >= 0) and *voltage_v*, in closed form."""
    dab, link_v = module.dab, module.link.nominal_v
    n = dab.ratio_low if voltage_v <= 0.5 * (dab.up_v + dab.down_v) else dab.ratio_high
    two_f_l = 2.0 * dab.carrier_hz * dab.inductance_h
    share = 1.0 - 4.0 * two_f_l * current_a / (n * link_v)
    size = -(share**0.5) if share > 0.0 else 0.0  # 2|D| - 1
    least = min(link_v + size * n * voltage_v, n * voltage_v + size * link_v)
    return -least / dab.inductance_h * losses.hard_j_per_a if least < 0.0 else 0.0
