"""REF-30 edge by edge, stepped with the matrices of its circuits, under the control of the averaged level.

Front end and bridge switch with their dead times, the current and voltage samples are quantised as the converter does it and
taken at the carrier's turning points, and new duties and phase shifts take effect one period later. While the front end is
blocked (before synchronising, after a trip) it is modelled as at the averaged level. Modules in parallel switch in step.

What the terminals have of capacitance is shared out among the filter's three capacitors. Heat is what the balance of energy
leaves: taken from the mains, less delivered, less stored.
"""

from collections import deque

import numpy as np
from numpy.random import Generator

from firmware_model.power import switching_circuits as circuits
from firmware_model.power.averaged import LIMITS, AveragedStage
from firmware_model.power.averaged_layout import Floats, P, X
from firmware_model.power.control.adc import PHASE_CURRENT, VOLTAGE
from firmware_model.power.quasi_static import Dynamics, Losses, Rating
from firmware_model.power.ref30 import IGBT, Ref30
from firmware_model.power.stage import Delivered, Diverged, Load, Setpoint
from firmware_model.power.switching_circuits import B, F

SLICE_US = 25
FRONT_COLUMNS = ("time_s", "leg_a", "leg_b", "leg_c", "phase_a_a", "phase_b_a", "phase_c_a", "link_v")
"""What is kept of the front end at each edge, before and after it. Legs: 1 where high."""
BRIDGE_COLUMNS = ("time_s", "primary", "secondary", "inductor_a", "output_v", "choke_a")
"""The same of the bridge. Primary and secondary: sign of the bridge's voltage, 0 where neither conducts."""


class SwitchingStage(AveragedStage):
    """As `AveragedStage`, with every switching edge. Only modules with carriers of 10 kHz and 20 kHz (the IGBT set)."""

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
    ) -> None:
        if (module.front_end.carrier_hz, module.dab.carrier_hz, module.isr_us) != (10e3, 20e3, 50):
            raise ValueError(
                f"FrontEnd.carrier_hz = {module.front_end.carrier_hz} hz, Dab.carrier_hz = {module.dab.carrier_hz} hz: "
                "allowed 10000 and 20000 hz at this level"
            )
        super().__init__(
            rating, rng=rng, dynamics=dynamics, losses=losses, module=module, droop_ohm=droop_ohm, connected=connected
        )
        self.held_j = self.rating.modules * 0.5 * module.dab.inductance_h * module.dab.peak_a**2
        self._make_circuits(connected=connected)
        self._fitted: tuple[float, ...] = ()
        caps_f = np.array([module.output.terminal_f, module.output.bridge_f, module.output.damping_f])
        self._shares = caps_f / caps_f.sum()
        self._caps_f = np.zeros(3)
        self._terminals_v = 0.0
        self._tails: deque[float] = deque(maxlen=1)
        self._trace, self._edges = np.zeros((1, len(BRIDGE_COLUMNS))), np.zeros((1, len(FRONT_COLUMNS)))
        self._slices = 0

    def _make_circuits(self, *, connected: bool) -> None:
        """Matrices and state of both sides of the link. What is compiled is loaded only where this level is used."""
        from firmware_model.power import switching_kernel, switching_modulator, switching_steps

        self._switched, self._steps, modulator = switching_kernel, switching_steps, switching_modulator
        module, front = self.module, self.module.front_end
        self._front_a = circuits.front_end_matrices(module).transpose(0, 2, 1).copy()
        self._front_ladder = self._ladder(self._front_a)
        self._bridges = {
            ratio: circuits.bridge_matrices(module, ratio=ratio, modules=self.rating.modules)
            for ratio in (module.dab.ratio_low, module.dab.ratio_high)
        }
        self._zf, self._zb = np.zeros(len(F)), np.zeros(len(B))
        self._zf[F.LINK] = self._zb[B.LINK] = self._x[X.VDC]
        self._zf[F.COS] = 1.0
        if connected:
            self._zf[F.VA] = module.grid.phase_peak_v
        self._m = np.zeros(modulator.MEMORY)
        self._m[modulator.EDGES : modulator.PRIMARY] = -modulator.NONE
        self._m[modulator.MEAN] = self._m[modulator.MEAN_BEFORE] = self._x[X.VDC]
        self._carrier = np.array([0.5 / front.carrier_hz, front.dead_time_us * 1e-6, front.min_pulse_us * 1e-6])
        self._adc = np.array([PHASE_CURRENT.lsb, VOLTAGE.lsb])
        self._work = np.zeros((2, max(len(F), len(B))))
        self._sums = np.zeros(6)

    @property
    def link_v(self) -> float:
        """DC link voltage."""
        return float(self._zf[F.LINK])

    @property
    def stored_j(self) -> float:
        """Energy in links, filters and bridges of all modules, beyond what the terminals' own capacitance holds."""
        zf, zb, module, modules = self._zf, self._zb, self.module, self.rating.modules
        lcl = module.filter
        front = 0.75 * (
            (module.grid.inductance_h + lcl.grid_h) * (zf[F.GA] ** 2 + zf[F.GB] ** 2)
            + lcl.converter_h * (zf[F.IA] ** 2 + zf[F.IB] ** 2)
            + lcl.capacitor_f * (zf[F.VA] ** 2 + zf[F.VB] ** 2)
        )
        spread = self._caps_f @ (self._capacitors_v() ** 2 - self._terminals_v**2)
        filters = 0.5 * module.output.choke_h * modules * zb[B.CHOKE] ** 2 + 0.5 * spread
        bridge = 0.5 * module.dab.inductance_h * zb[B.L] ** 2
        return float(modules * (0.5 * module.link.capacitance_f * zf[F.LINK] ** 2 + front + filters + bridge))

    def _capacitors_v(self) -> Floats:
        """At the terminals, behind the bridge, in the damping branch."""
        return self._zb[[B.OUT, B.C1, B.DAMP]]

    def _ladder(self, a: Floats) -> Floats:
        """The exponentials of the matrices *a* that the kernel steps with."""
        made = np.zeros((len(a), self._steps.RUNGS, *a.shape[1:]))
        self._steps.climb(a, made)
        return made

    def link_response(self, power_w: Floats, *, feed_forward: bool, export_max_a: float) -> Floats:
        """The link's voltage (V) and the sampled i_d (A) of this module's front end at each interrupt, while *power_w* (W, one
        each interrupt) leaves the link. What bridge and output do is left out; the stage is used up by it.
        """
        trace = np.zeros((len(power_w), 2))
        self._p[P.FORWARD], self._p[P.EXPORT_A] = float(feed_forward), export_max_a
        self._p[P.MAINS], self._p[P.PEAK] = 1.0, self.module.grid.phase_peak_v
        self._switched.link_response(
            self._x, self._p, self._zf, self._m, self._adc, self._front_a, self._front_ladder, self._carrier, self._work,
            power_w, trace,
        )  # fmt: skip
        return trace

    def record(self, rows: int) -> None:
        """From now on keep the edges, at most *rows* of them on either side of the link."""
        self._trace, self._edges = np.zeros((rows + 1, len(BRIDGE_COLUMNS))), np.zeros((rows + 1, len(FRONT_COLUMNS)))

    def recorded(self) -> tuple[Floats, Floats]:
        """The rows since `record`: of the front end (`FRONT_COLUMNS`) and of the bridge (`BRIDGE_COLUMNS`)."""
        front, bridge = (trace[1 : int(trace[0, 0]) + 1].copy() for trace in (self._edges, self._trace))
        return front, bridge

    def advance(self, now: int, setpoint: Setpoint, load: Load) -> Delivered:
        """See `PowerStage`. Whole slices of 25 µs are lived; of the one under way the books take the last one's share."""
        dt_us = now - self._then
        if dt_us <= 0:
            return self._last._replace(voltage_v=load.voltage_v)
        self._then = now
        self._ask(setpoint, load)
        self._meet(load)
        self._fit(load)
        slices = now // SLICE_US - self._slices
        self._slices += slices
        amps, mains_w = self._last.current_a, self._last.power_ac_w
        stored_j, limit, dt_s = self.stored_j, self._last.limit, dt_us * 1e-6
        if slices:
            self._live(slices, load)
            lived_s, modules, sums = slices * SLICE_US * 1e-6, self.rating.modules, self._sums
            amps, mains_w = modules * float(sums[0]) / lived_s, modules * float(sums[1]) / lived_s
            amps = amps if abs(amps) > 1e-9 else 0.0  # the exact steps round at rest
            limit = LIMITS[int(sums[2])]
        self._terminals_v = after_v = load.after(dt_s, amps)
        delivered_w = amps * load.mean(dt_s, amps)
        heat_w = mains_w - delivered_w - (self.stored_j - stored_j) / dt_s
        self._warm(heat_w, dt_us)
        self._last = Delivered(after_v, amps, mains_w, heat_w, limit, self._settled(amps))
        return self._last

    def _live(self, slices: int, load: Load) -> None:
        """Let the kernel pass *slices*. It comes back earlier where the wiring of the secondaries has changed."""
        self._sums[:2] = 0.0
        begin = self._slices - slices
        while begin < self._slices:
            begin += self._pass(begin, self._slices - begin)
            self._fit(load)

    def _pass(self, begin: int, slices: int) -> int:
        """Live at most *slices* from slice *begin* on; how many it became."""
        dab = self.module.dab
        q = np.array(
            [
                self._x[X.N], dab.dead_time_us * 1e-6, dab.peak_a, 1.0 / dab.carrier_hz, float(len(self._trace) > 1),
                dab.inductance_h,
            ]
        )  # fmt: skip
        lived: int = self._switched.advance(
            self._x, self._p, self._zf, self._zb, self._m, self._caps_f, self._sums, q, self._adc, self._front_a,
            self._front_ladder, self._ba, self._bridge_ladder, self._carrier, slices, self._work, self._trace,
            begin * SLICE_US * 1e-6, self._edges,
        )  # fmt: skip
        if lived < 0:
            raise Diverged(f"switching stage at {self._then} us: not a number; {self.module}, {self._zf}, {self._zb}, {self._m}")
        self.interrupts += lived // 2
        return lived

    def _meet(self, load: Load) -> None:
        """Enter what happened to the terminals between two calls."""
        moved_v = load.voltage_v - self._terminals_v
        self._terminals_v = load.voltage_v
        for at in (B.C1, B.OUT, B.DAMP):
            self._zb[at] += moved_v

    def _fit(self, load: Load) -> None:
        """Enter load and wiring into the bridge's matrices."""
        modules, output = self.rating.modules, self.module.output
        self._zb[B.SOURCE] = load.source_a / modules
        fit = (float(self._x[X.N]), load.capacitance_f / modules, load.conductance_s / modules)
        if fit != self._fitted:
            self._fitted, found = fit, self._bridges[fit[0]]
            self._caps_f = self._shares * fit[1]
            out_f, c1_f, damp_f = self._caps_f.tolist()
            a = found.a.copy()
            a[:, B.C1] *= output.bridge_f / modules / c1_f
            a[:, B.DAMP] *= output.damping_f / modules / damp_f
            a[:, B.OUT] = found.port / out_f
            a[:, B.OUT, B.OUT] -= fit[2] / out_f
            a[:, B.OUT, B.SOURCE] = 1.0 / out_f
            self._ba = a.transpose(0, 2, 1).copy()
            self._bridge_ladder = self._ladder(self._ba)

    def _settled(self, amps: float) -> bool:
        """Whether the last two calls delivered the same."""
        same = bool(self._tails) and abs(amps - self._tails[0]) < 0.05 + 1e-3 * abs(amps)
        self._tails.append(amps)
        steady = abs(self._x[X.IREF] - self._x[X.ISLEW]) < 1e-3 and self._x[X.CHANGE] == 0.0
        return same and bool(steady)
