"""The reference design "REF-30", a bidirectional 30 kW module, as data: what every level of the model is built from.

Figures of the power stage specification, 1.4, 4.1, 4.2 and 4.3. Each group refuses values outside its physical range by name.
"""

from dataclasses import dataclass, fields
from math import isfinite, pi, sqrt

LIMITS: dict[str, tuple[float, float]] = {
    "v": (0.0, 2_000.0), "hz": (1.0, 1e6), "h": (1e-9, 1.0), "ohm": (0.0, 1e7), "f": (1e-12, 1.0), "a": (1e-3, 1e4),
    "w": (0.0, 1e6), "us": (0.0, 1e8), "s": (0.0, 1e3),
}  # fmt: skip
"""Allowed range of a field by the unit its name ends with."""
POSITIVE = frozenset({"v", "hz", "h", "f", "a"})
"""Units whose values must be greater than zero."""


def check(group: object) -> None:
    """Refuse a field of the dataclass *group* that is no number or lies outside its unit's range.

    Raises ValueError with the field's name, value, unit and allowed range.
    """
    for field in fields(group):  # type: ignore[arg-type]
        unit, value = field.name.rsplit("_", 1)[-1], getattr(group, field.name)
        if unit not in LIMITS or not isinstance(value, int | float):
            continue
        low, high = LIMITS[unit]
        if not isfinite(value) or not low <= value <= high or (unit in POSITIVE and value == 0.0):
            raise ValueError(f"{type(group).__name__}.{field.name} = {value} {unit}: allowed {low:g} .. {high:g} {unit}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """Mains at the module's terminals, star equivalent per phase."""

    line_v: float = 380.0
    """Line to line, rms."""
    frequency_hz: float = 50.0
    inductance_h: float = 77e-6
    r_ohm: float = 10e-3
    line_min_v: float = 260.0
    line_max_v: float = 475.0

    def __post_init__(self) -> None:
        check(self)

    @property
    def phase_peak_v(self) -> float:
        """Amplitude of the phase voltage."""
        return self.line_v * sqrt(2.0 / 3.0)

    @property
    def line_peak_v(self) -> float:
        """What a diode bridge charges the link to."""
        return self.line_v * sqrt(2.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Precharge:
    """Charging of the link through resistors in two phases, and the bypass."""

    r_ohm: float = 100.0
    bypass_at: float = 0.9
    """Share of the line's peak at which the bypass may close."""
    bypass_slope_v: float = 50.0
    """... once the link rises by less than this in a second."""

    def __post_init__(self) -> None:
        check(self)
        if not 0.5 <= self.bypass_at < 1.0:
            raise ValueError(f"Precharge.bypass_at = {self.bypass_at}: allowed 0.5 .. 1")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """LCL filter, per phase. The converter side is 1, the grid side 2; the damping resistor is in series with the capacitor."""

    converter_h: float = 1.0e-3
    converter_ohm: float = 20e-3
    capacitor_f: float = 10e-6
    damping_ohm: float = 1.36
    grid_h: float = 0.2e-3
    grid_ohm: float = 10e-3

    def __post_init__(self) -> None:
        check(self)

    @property
    def resonance_hz(self) -> float:
        """Of both inductors against the capacitor, without the grid's inductance."""
        parallel_h = self.converter_h * self.grid_h / (self.converter_h + self.grid_h)
        return 1.0 / (2.0 * pi * sqrt(parallel_h * self.capacitor_f))


@dataclass(frozen=True, slots=True, kw_only=True)
class FrontEnd:
    """Two-level six-switch front end, centre-aligned, updated twice a carrier period."""

    carrier_hz: float = 10e3
    dead_time_us: float = 2.0
    min_pulse_us: float = 3.0
    peak_a: float = 110.0
    """Comparator trip."""
    demand_max_a: float = 90.0
    """Greatest active current that the link voltage loop may ask for (peak of phase)."""
    export_max_a: float = 66.0
    """Greatest active current into the grid (peak of phase)."""

    def __post_init__(self) -> None:
        check(self)
        if self.dead_time_us >= 0.5e6 / self.carrier_hz:
            raise ValueError(
                f"FrontEnd.dead_time_us = {self.dead_time_us} us: allowed below half a period, {0.5e6 / self.carrier_hz:g} us"
            )


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """DC link between the two stages."""

    nominal_v: float = 750.0
    capacitance_f: float = 1.0e-3
    esr_ohm: float = 30e-3
    bleeder_ohm: float = 50e3
    discharge_ohm: float = 470.0
    over_v: float = 850.0
    under_v: float = 550.0
    ramp_s: float = 1.0
    """From the bypassed diode bridge to the nominal voltage."""

    def __post_init__(self) -> None:
        check(self)
        if not self.under_v < self.nominal_v < self.over_v:
            raise ValueError(f"Link.nominal_v = {self.nominal_v} V: allowed {self.under_v:g} .. {self.over_v:g} V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Dab:
    """Dual active bridge with one primary and two secondaries, 2:1 each."""

    carrier_hz: float = 20e3
    inductance_h: float = 60e-6
    """Leakage and external, on the primary side."""
    r_ohm: float = 50e-3
    """Everything in the inductor's path at 100 °C, on the primary side."""
    magnetising_h: float = 3e-3
    dead_time_us: float = 1.5
    peak_a: float = 180.0
    ratio_low: float = 2.0
    """Primary turns over secondary turns with the secondaries in parallel (LOW)."""
    ratio_high: float = 1.0
    """... in series (HIGH)."""
    low_max_a: float = 100.0
    high_max_a: float = 60.0
    up_v: float = 520.0
    down_v: float = 480.0
    change_us: float = 60_000.0
    """Changing the wiring, at zero current."""

    def __post_init__(self) -> None:
        check(self)
        if self.dead_time_us >= 0.5e6 / self.carrier_hz:
            raise ValueError(
                f"Dab.dead_time_us = {self.dead_time_us} us: allowed below half a period, {0.5e6 / self.carrier_hz:g} us"
            )
        if not self.down_v < self.up_v:
            raise ValueError(f"Dab.down_v = {self.down_v} V: allowed below up_v = {self.up_v:g} V")


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Output filter, discharge and limits."""

    bridge_f: float = 220e-6
    bridge_ohm: float = 2e-3
    choke_h: float = 20e-6
    choke_ohm: float = 5e-3
    terminal_f: float = 47e-6
    damping_f: float = 100e-6
    damping_ohm: float = 0.5
    bleeder_ohm: float = 100e3
    discharge_ohm: float = 1e3
    cable_h: float = 4e-6
    cable_ohm: float = 8e-3
    over_v: float = 1050.0
    """Hardware over-voltage trip."""
    over_a: float = 130.0
    """Hardware over-current trip."""

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gains:
    """Starting gains of the loops (4.2)."""

    pll_p: float = 0.573
    """rad/s per V."""
    pll_i: float = 50.9
    """rad/s² per V."""
    current_p: float = 6.03
    """V/A."""
    current_i: float = 251.0
    """V/(A s)."""
    link_p: float = 0.608
    """A/V."""
    link_i: float = 57.0
    """A/(V s)."""
    dab_p: float = 5e-4
    """1/A."""
    dab_i: float = 7.2
    """1/(A s)."""
    voltage_hz: float = 100.0
    """Bandwidth of the output voltage loop on the output's own capacitors."""
    feed_forward: bool = True
    """The link voltage loop is told the power that the DAB takes."""

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            if not isfinite(value) or not 0.0 <= value <= 1e5:
                raise ValueError(f"Gains.{field.name} = {value}: allowed 0 .. 100000")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ref30:
    """One module."""

    grid: Grid = Grid()
    precharge: Precharge = Precharge()
    filter: Filter = Filter()
    front_end: FrontEnd = FrontEnd()
    link: Link = Link()
    dab: Dab = Dab()
    output: Output = Output()
    gains: Gains = Gains()
    loop_ohm: float = 50e-3
    """Resistance per phase that the current loop sees: both chokes, grid, conducting switches."""
    isr_us: int = 50
    """Period of the control interrupts of both stages."""

    def __post_init__(self) -> None:
        check(self)


IGBT = Ref30()
"""The IGBT set, 10 kHz and 20 kHz."""
SIC = Ref30(
    filter=Filter(converter_h=200e-6),
    front_end=FrontEnd(carrier_hz=50e3, dead_time_us=0.3, min_pulse_us=0.5),
    dab=Dab(carrier_hz=100e3, inductance_h=12e-6, dead_time_us=0.2),
)
"""The SiC variant: the same product of frequency and inductance, hence the same map of phase shift to current."""
