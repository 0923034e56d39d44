"""REF-30 edge by edge, stepped with the matrices of its circuits, under the control of the averaged level.

Front end and bridge switch with their dead times, the current and voltage samples are quantised as the converter does it and
taken at the carrier's turning points, and new duties and phase shifts take effect one period later. While the front end is
blocked (before synchronising, after a trip) it is modelled as at the averaged level. Modules in parallel switch in step.

Not yet one of the bench's levels: of the contract of power stages it fails the constant voltage of 60 V without load (it rests at
63.7 V), the exact zero in the first millisecond after blocking (the inductors' charge still arrives), the 20 ms of exact zero
at a change of direction, and the energy balance at discharge (0.23 % instead of 0.1 %).
"""

from collections import deque

import numpy as np
from numpy.random import Generator

from firmware_model.power import switching_circuits as circuits
from firmware_model.power.averaged import LIMITS, AveragedStage
from firmware_model.power.averaged_layout import Floats, X
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
        from firmware_model.power import switching_kernel  # compiled: loaded only where this level is used

        self._switched = switching_kernel
        self._front = circuits.front_end_matrices(module)
        self._front_a = self._front.a.transpose(0, 2, 1).copy()
        self._bridges = {
            ratio: circuits.bridge_matrices(module, ratio=ratio, modules=self.rating.modules)
            for ratio in (module.dab.ratio_low, module.dab.ratio_high)
        }
        self._zf, self._zb = np.zeros(len(F)), np.zeros(len(B))
        self._zf[F.LINK] = self._zb[B.LINK] = self._x[X.VDC]
        self._zf[F.COS] = 1.0
        if connected:
            self._zf[F.VA] = module.grid.phase_peak_v
        self._m = np.zeros(24)
        self._m[3:12] = -1.0
        front = module.front_end
        self._carrier = np.array([0.5 / front.carrier_hz, front.dead_time_us * 1e-6, front.min_pulse_us * 1e-6, 0.0])
        self._adc = np.array([PHASE_CURRENT.lsb, VOLTAGE.lsb])
        self._work = np.zeros((3, max(len(F), len(B))))
        self._sums = np.zeros(7)
        self._fitted: tuple[float, ...] = ()
        self._reported_v: float | None = None
        self._tails: deque[float] = deque(maxlen=1)
        self._trace, self._edges = np.zeros((1, len(BRIDGE_COLUMNS))), np.zeros((1, len(FRONT_COLUMNS)))
        self._slices = 0

    @property
    def link_v(self) -> float:
        """DC link voltage."""
        return float(self._zf[F.LINK])

    @property
    def stored_j(self) -> float:
        """Energy in links, filters and bridges of all modules, beyond what the terminals' own capacitance holds."""
        zf, zb, module, modules = self._zf, self._zb, self.module, self.rating.modules
        lcl, out = module.filter, module.output
        front = 0.75 * (
            (module.grid.inductance_h + lcl.grid_h) * (zf[F.GA] ** 2 + zf[F.GB] ** 2)
            + lcl.converter_h * (zf[F.IA] ** 2 + zf[F.IB] ** 2)
            + lcl.capacitor_f * (zf[F.VA] ** 2 + zf[F.VB] ** 2)
        )
        filters = 0.5 * out.choke_h * modules * zb[B.CHOKE] ** 2 + 0.5 * out.damping_f / modules * zb[B.DAMP] ** 2
        bridge = 0.5 * module.dab.inductance_h * zb[B.L] ** 2
        return float(modules * (0.5 * module.link.capacitance_f * zf[F.LINK] ** 2 + front + filters + bridge))

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
        slices = now // SLICE_US - self._slices
        self._slices += slices
        sums, modules = self._sums, self.rating.modules
        sums[:3] = 0.0
        damped_v = float(self._zb[B.DAMP])
        if slices:
            self._live(slices)
            damped = self.module.output.damping_f * (float(self._zb[B.DAMP]) - damped_v)
            dt_s = slices * SLICE_US * 1e-6
            amps = float(modules * sums[0] - damped) / dt_s
            amps = amps if abs(amps) > 1e-9 else 0.0  # the exact steps round at rest
            limit = LIMITS[int(sums[3])]
            settled = self._settled(amps)
            self._last = Delivered(0.0, amps, float(modules * sums[1]) / dt_s, float(modules * sums[2]) / dt_s, limit, settled)
        after_v = load.after(dt_us * 1e-6, self._last.current_a)
        self._reported_v = after_v
        self._last = self._last._replace(voltage_v=after_v)
        return self._last

    def _live(self, slices: int) -> None:
        """Let the kernel pass *slices*, changing matrices where the secondaries' wiring changes."""
        output, modules = self.module.output, self.rating.modules
        fit = self._fitted
        lumps = np.array([fit[1], fit[2], output.damping_f / modules])
        q = self._bridge_data()
        why = self._switched.advance(
            self._x, self._p, self._zf, self._zb, self._m, lumps, self._sums, q, self._adc, self._front_a, self._front.lost,
            self._ba, self._bl, self._carrier, slices, self._work, self._trace, (self._slices - slices) * 25e-6, self._edges,
        )  # fmt: skip
        if why < 0:
            raise Diverged(f"switching stage at {self._then} us: not a number; {self.module}, {self._zf}, {self._zb}, {self._m}")

    def _bridge_data(self) -> Floats:
        dab = self.module.dab
        return np.array(
            [
                self._x[X.N], dab.dead_time_us * 1e-6, self._longest_s, dab.peak_a, self.losses.hard_j_per_a,
                1.0 / dab.carrier_hz, float(len(self._trace) > 1), dab.inductance_h,
            ]
        )  # fmt: skip

    def _meet(self, load: Load) -> None:
        """Enter the load, and what happened to the terminals between two calls, into the bridge's matrices and state."""
        modules, output = self.rating.modules, self.module.output
        film_f = output.bridge_f / (output.bridge_f + output.terminal_f)
        c1_f, out_f = film_f * load.capacitance_f / modules, (1.0 - film_f) * load.capacitance_f / modules
        self._zb[B.SOURCE] = load.source_a / modules
        moved_v = load.voltage_v - (self._reported_v if self._reported_v is not None else 0.0)
        if self._reported_v is None or abs(moved_v) > 1e-9:
            for at in (B.C1, B.OUT, B.DAMP):
                self._zb[at] += moved_v
        fit = (float(self._x[X.N]), out_f, c1_f, load.conductance_s / modules)
        if fit == self._fitted:
            return
        self._fitted, found = fit, self._bridges[fit[0]]
        self._ba, self._bl = found.a.copy(), found.lost
        self._ba[:, B.C1] *= output.bridge_f / modules / c1_f
        self._ba[:, B.OUT] = found.port / out_f
        self._ba[:, B.OUT, B.OUT] -= fit[3] / out_f
        self._ba[:, B.OUT, B.SOURCE] = 1.0 / out_f
        self._ba = self._ba.transpose(0, 2, 1).copy()
        rate = max(float(np.abs(np.linalg.eigvals(matrix)).max()) for matrix in self._ba[3:5])
        self._longest_s = 1.0 / rate

    def _settled(self, amps: float) -> bool:
        """Whether the last two calls delivered the same."""
        same = bool(self._tails) and abs(amps - self._tails[0]) < 0.05 + 1e-3 * abs(amps)
        self._tails.append(amps)
        steady = abs(self._x[X.IREF] - self._x[X.ISLEW]) < 1e-3 and self._x[X.CHANGE] == 0.0
        return same and bool(steady)
