"""The seam between the output circuit and a power stage of any fidelity."""

from enum import Enum, auto
from math import exp, expm1
from typing import NamedTuple, Protocol


class Setpoint(NamedTuple):
    """What the controller asks of a stage: deliver up to *current_a*, but not above *voltage_v*. Not enabled: gates blocked.

    A negative *current_a* discharges into the grid: sink up to its amount, but not below *voltage_v*.
    """

    voltage_v: float
    current_a: float
    enabled: bool


OFF = Setpoint(0.0, 0.0, False)
"""The set point of a stage that shall be silent."""


class Load(NamedTuple):
    """The linear one-port at the stage's terminals: a capacitance beside a Norton source.

    A battery of *emf_v* behind *r_ohm* is ``conductance_s = 1 / r_ohm`` and ``source_a = emf_v / r_ohm``. The conductance is
    never zero (there is always the fixed discharge resistor).
    """

    voltage_v: float
    """The terminal voltage at the moment of the last call."""
    capacitance_f: float
    conductance_s: float
    source_a: float

    def after(self, dt_s: float, current_a: float) -> float:
        """The terminal voltage after *dt_s* of constant *current_a*, exactly."""
        settled = (current_a + self.source_a) / self.conductance_s
        return settled + (self.voltage_v - settled) * exp(-dt_s * self.conductance_s / self.capacitance_f)

    def mean(self, dt_s: float, current_a: float) -> float:
        """The mean terminal voltage over *dt_s* > 0 of constant *current_a*, exactly."""
        settled, rate = (current_a + self.source_a) / self.conductance_s, self.conductance_s / self.capacitance_f
        return settled - (self.voltage_v - settled) * expm1(-dt_s * rate) / (dt_s * rate)


class Limit(Enum):
    """Which law held the stage at the end of the interval."""

    OFF = auto()
    CURRENT = auto()
    """The current set point (constant current)."""
    VOLTAGE = auto()
    """The voltage set point (constant voltage), or its ramp."""
    ENVELOPE = auto()
    """What the stage can do: rated current, power, fold-back, derating."""


class Trip(Enum):
    """A protection that has acted inside the stage. The values are the kernels' codes."""

    LINK_OVER_VOLTAGE = 1
    LINK_UNDER_VOLTAGE = 2
    OUTPUT_OVER_VOLTAGE = 3
    OUTPUT_OVER_CURRENT = 4
    FRONT_END_PEAK = 5
    BRIDGE_PEAK = 6
    DESATURATION = 7
    GATE_SUPPLY = 8
    OUTPUT_SHORT = 9
    THERMISTOR = 10


class Diverged(ArithmeticError):
    """A kernel's state is no number any more. The message holds the time, the state and the configuration."""


class Delivered(NamedTuple):
    """What a stage did over one interval."""

    voltage_v: float
    """Terminal voltage at the end of the interval."""
    current_a: float
    """Mean current over the interval: charge out of the terminals divided by its length."""
    power_ac_w: float
    """Mean active power taken from the mains; negative while it feeds the grid."""
    heat_w: float
    """Mean power lost inside the stage."""
    limit: Limit
    settled: bool
    """Whether the next interval would look like this one, if neither set point nor load changed."""


class PowerStage(Protocol):
    """A stage of any fidelity. All levels pass tests/contracts/test_power_stages.py.

    It is a current source into its `Load`; it integrates lazily from the last call, and nobody schedules its inner events.
    Faults are set from outside through plain attributes.
    """

    ripple_a: float
    """Peak deviation of the true current from the demanded one that this level produces (ripple, set-point error)."""
    held_j: float
    """Energy that inductors may hold. It comes from the terminals when the gates start, and arrives there within 1 ms after
    they are blocked; 0 where a level has none.
    """
    mains_present: bool
    """Without mains a stage delivers nothing."""
    grid_v: float
    """Line to line, rms, while there are mains. Below 85 % of the nominal 380 V the power falls with it."""

    @property
    def trip(self) -> Trip | None:
        """The protection that has blocked the gates; None also where a level knows none."""
        ...

    @property
    def stored_j(self) -> float:
        """Energy inside the stage. Mains energy is output energy, heat and its change."""
        ...

    def advance(self, now: int, setpoint: Setpoint, load: Load) -> Delivered:
        """Move on to *now* (µs, never backwards) with *setpoint* and *load* having held since the last call.

        The amount of the mean current never exceeds that of ``setpoint.current_a`` by more than *ripple_a* once the set point has
        held for 500 ms, nor before that the greater of set point and present current; with current 0 it reaches 0 A within
        100 ms, not enabled as soon as *held_j* has arrived; it sinks only if asked to, and a change of direction passes through
        zero. Charge does not depend on how an interval is divided into calls. At *now* equal to the last call nothing changes.
        """
        ...
