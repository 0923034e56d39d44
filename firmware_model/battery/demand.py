"""What a battery management system asks of the charger: constant current then constant voltage, or stages by cell voltage."""

from bisect import bisect_right
from dataclasses import dataclass, field
from typing import NamedTuple

from firmware_model.battery.packs import PackType

SOC_BOUNDS_PCT = (20, 50, 70, 80, 90, 95)
TEMP_BOUNDS_DEGC = (-20, -10, 0, 5, 10, 15, 25, 45, 50, 55)
ACCEPTANCE_C = (
    (0, 0, 0, 0, 0, 0, 0),
    (0.05, 0.05, 0.05, 0.03, 0, 0, 0),
    (0.15, 0.12, 0.1, 0.08, 0.05, 0.05, 0),
    (0.3, 0.25, 0.2, 0.15, 0.1, 0.1, 0.05),
    (0.5, 0.45, 0.35, 0.25, 0.2, 0.1, 0.1),
    (0.8, 0.7, 0.6, 0.45, 0.3, 0.2, 0.1),
    (1.3, 1.2, 1.0, 0.7, 0.5, 0.3, 0.15),
    (1.8, 1.6, 1.3, 0.9, 0.6, 0.33, 0.15),
    (1.0, 0.9, 0.7, 0.5, 0.3, 0.2, 0.1),
    (0.5, 0.5, 0.3, 0.2, 0.1, 0.1, 0),
    (0, 0, 0, 0, 0, 0, 0),
)
"""Greatest charge current as a multiple of C, by temperature band (rows) and state of charge (columns). An engineering default,
not a vehicle's.
"""

HOT_BAND = 8
"""From this row on the warmest cell decides."""

NMC_STAGES = ((4.05, 1.5), (4.12, 1.0), (4.15, 0.7), (4.18, 0.5), (4.20, 0.33))
LFP_STAGES = ((3.45, 1.5), (3.50, 1.0), (3.55, 0.5), (3.60, 0.33), (3.65, 0.1))
STAGES = {"NMC": NMC_STAGES, "LFP": LFP_STAGES}
"""Constant-current stages: (cell voltage that ends the stage, multiple of C). The last one's end is the end of charge."""

DECIDE_US = 250_000
"""How often the target is worked out anew; between, the request only moves along its ramp."""


class Reading(NamedTuple):
    """What the management system measures."""

    current_a: float
    cell_max_v: float
    cell_mean_v: float
    soc_pct: float
    temp_min_degc: float
    temp_max_degc: float


class Demand(NamedTuple):
    """What BCL carries, and whether the battery is full by its own rule."""

    voltage_v: float
    current_a: float
    constant_voltage: bool
    full: bool


NOTHING = Demand(0.0, 0.0, False, False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How a vehicle wants to be charged."""

    staged: bool = False
    """Stages by the highest cell instead of one voltage limit."""
    cell_limit_v: float | None = None
    """Charge end voltage of the highest cell; None means the chemistry's limit."""
    current_max_a: float = 200.0
    c_rate_max: float = 1.5
    end_c: float = 0.05
    """Below this multiple of C at the voltage limit the battery is full."""
    ramp_a_per_s: float = 20.0
    hysteresis_k: float = 1.0
    """How far the temperature must come back before a band is left again."""


@dataclass(slots=True)
class DemandCurve:
    """The request of one charge. `ask` is called whenever a BCL is built; it is cheap between two decisions."""

    kind: PackType
    plan: Plan = field(default_factory=Plan)
    _target: Demand = NOTHING
    _current_a: float = 0.0
    _decided: int | None = None
    _asked: int = 0
    _stage: int = 0
    _band: int | None = None

    def ask(self, now: int, reading: Reading) -> Demand:
        """The request at *now*: the target, approached at no more than the plan's ramp."""
        if self.due(now):
            self._target = self._decide(reading)
            self._decided = now
        target_a, most = self._target.current_a, self.plan.ramp_a_per_s * (now - self._asked) * 1e-6
        self._asked = now
        if self._current_a == target_a:
            return self._target
        self._current_a = min(max(target_a, self._current_a - most), self._current_a + most)
        return self._target._replace(current_a=self._current_a)

    @property
    def moving(self) -> bool:
        """Whether the request is still on its way to the target."""
        return self._current_a != self._target.current_a

    def due(self, now: int) -> bool:
        """Whether the next `ask` looks at its reading; if not, any reading will do."""
        return self._decided is None or now - self._decided >= DECIDE_US

    def begin(self, now: int) -> None:
        """Start the ramp at zero, as at the begin of charging and after a pause."""
        self._current_a, self._asked, self._decided = 0.0, now, None

    def _decide(self, reading: Reading) -> Demand:
        kind, plan = self.kind, self.plan
        limit_v = plan.cell_limit_v or kind.chemistry.cell_max_v
        most_c = min(self._accepted_c(reading), plan.c_rate_max)
        at_limit = reading.cell_max_v >= limit_v - 0.005
        full = at_limit and reading.current_a < plan.end_c * kind.capacity_ah
        if plan.staged:
            most_c, full = self._staged(reading, most_c)
        # Constant voltage leaves room for the cell ahead of the mean: the charger only sees the sum. Stages end by that cell.
        ahead_v = 0.0 if plan.staged else max(reading.cell_max_v - reading.cell_mean_v, 0.0)
        voltage_v = kind.series * (limit_v - ahead_v)
        current_a = 0.0 if full else min(most_c * kind.capacity_ah, plan.current_max_a)
        return Demand(round(voltage_v, 1), round(current_a, 1), at_limit and not plan.staged, full)

    def _accepted_c(self, reading: Reading) -> float:
        """The acceptance map at the worse of the two temperatures."""
        if reading.temp_min_degc < self.kind.chemistry.least_charging_degc or reading.temp_max_degc > TEMP_BOUNDS_DEGC[-1]:
            return 0.0
        column = bisect_right(SOC_BOUNDS_PCT, reading.soc_pct)
        self._band = self._cold_band(reading.temp_min_degc)
        hot = bisect_right(TEMP_BOUNDS_DEGC, reading.temp_max_degc)
        # The table's lower rows are about too cold, its last three about too hot.
        bands = (self._band, hot) if hot >= HOT_BAND else (self._band,)
        return min(ACCEPTANCE_C[band][column] for band in bands)

    def _cold_band(self, temp_degc: float) -> int:
        """The row for *temp_degc*: a colder one at once, a warmer one only when that much warmer."""
        band, margin = bisect_right(TEMP_BOUNDS_DEGC, temp_degc), self.plan.hysteresis_k
        if self._band is None or band <= self._band:
            return band
        return max(self._band, bisect_right(TEMP_BOUNDS_DEGC, temp_degc - margin))

    def _staged(self, reading: Reading, most_c: float) -> tuple[float, bool]:
        """The stage's current; a stage that has been left is not entered again."""
        stages = STAGES[self.kind.chemistry.name]
        while self._stage < len(stages) and reading.cell_max_v >= stages[self._stage][0]:
            self._stage += 1
        if self._stage == len(stages):
            return 0.0, True
        return min(most_c, stages[self._stage][1]), False
