"""What drives the switches, as data: carriers with duty, phase shift and dead time; sine references; written schedules.

Every pattern says at which picosecond a switch opens or closes. Edges are exact; nothing is compared with a carrier during a run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, floor, pi, radians, sin
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_model.power.circuits.circuit import Circuit
from firmware_model.power.circuits.limits import refuse_unphysical

PS_PER_US = 1_000_000


class Edge(NamedTuple):
    """At *at_ps* the switch of that name becomes *closed*."""

    at_ps: int
    switch: str
    closed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A switch that closes and opens at written times (s), in turns, beginning with closing."""

    switch: str
    times_s: tuple[float, ...]

    def __post_init__(self) -> None:
        if any(not 0.0 <= time < 1e6 for time in self.times_s) or sorted(self.times_s) != list(self.times_s):
            raise ValueError(f"Schedule {self.switch}.times_s = {self.times_s} s: allowed rising, 0 .. 1e+06 s")

    def edges(self, until_ps: int) -> list[Edge]:
        """All edges up to *until_ps*."""
        marks = [round(time * 1e12) for time in self.times_s]
        return [Edge(at, self.switch, number % 2 == 0) for number, at in enumerate(marks) if at <= until_ps]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pwm:
    """Groups of switches in complement on a carrier: *high* conducts for *duty_duty* of the period, *low* for the rest.

    The rising edge of *high* is *start_shift* of a period after the period's beginning (phase shift: twice as much of a half
    period). With *dead_us* each group closes that much later than the other opens; at most half a period.
    """

    high: tuple[str, ...]
    low: tuple[str, ...] = ()
    carrier_hz: float
    duty: float = 0.5
    start_shift: float = 0.0
    dead_us: float = 0.0

    def __post_init__(self) -> None:
        refuse_unphysical(self)
        half_us = 0.5e6 / self.carrier_hz
        if self.dead_us > half_us:
            raise ValueError(f"Pwm.dead_us = {self.dead_us} us: allowed 0 .. {half_us:g} us, half a period")

    def edges(self, until_ps: int) -> list[Edge]:
        """All edges up to *until_ps*; before the first one the groups stand as in a run that has long been going."""
        period, dead = 1e12 / self.carrier_hz, self.dead_us * PS_PER_US
        marks: list[tuple[float, bool]] = []
        for number in range(-2, floor(until_ps / period) + 2):
            begin = (number + self.start_shift) * period
            marks += [(begin, True), (begin + self.duty * period, False)]
        if self.duty in (0.0, 1.0):
            marks = [(0.0, self.duty == 1.0)]
        return complementary(self.high, self.low, marks, dead_ps=dead, until_ps=until_ps)


@dataclass(frozen=True, slots=True, kw_only=True)
class SinePwm:
    """A leg on a triangular carrier against a sine: *high* conducts while *depth_duty* times the sine is above the carrier.

    The carrier runs from -1 at the period's beginning to 1 at its middle and back.
    """

    high: tuple[str, ...]
    low: tuple[str, ...] = ()
    carrier_hz: float
    reference_hz: float
    depth_duty: float
    phase_deg: float = 0.0
    dead_us: float = 0.0

    def __post_init__(self) -> None:
        refuse_unphysical(self)
        half_us = 0.5e6 / self.carrier_hz
        if self.dead_us > half_us:
            raise ValueError(f"SinePwm.dead_us = {self.dead_us} us: allowed 0 .. {half_us:g} us, half a period")
        if self.reference_hz * 4.0 > self.carrier_hz:
            raise ValueError(f"SinePwm.reference_hz = {self.reference_hz} hz: allowed up to {self.carrier_hz / 4:g} hz")

    def edges(self, until_ps: int) -> list[Edge]:
        """All edges up to *until_ps*."""
        half = 0.5 / self.carrier_hz
        marks = [(0.0, self._reference(0.0) > -1.0)]
        for number in range(floor(until_ps * 1e-12 / half) + 1):
            rising = number % 2 == 0
            marks.append((self._crossing(number * half, half, rising=rising) * 1e12, not rising))
        return complementary(self.high, self.low, marks, dead_ps=self.dead_us * PS_PER_US, until_ps=until_ps)

    def _reference(self, time_s: float) -> float:
        return self.depth_duty * sin(2 * pi * self.reference_hz * time_s + radians(self.phase_deg))

    def _crossing(self, begin_s: float, half_s: float, *, rising: bool) -> float:
        """When the reference meets the carrier in the half period from *begin_s*, by Newton's method."""
        slope, time_s = (2.0 if rising else -2.0) / half_s, begin_s + 0.5 * half_s
        turn = 2 * pi * self.reference_hz
        for _ in range(8):
            away = self._reference(time_s) - (-slope * 0.5 * half_s + slope * (time_s - begin_s))
            time_s -= away / (self.depth_duty * turn * cos(turn * time_s + radians(self.phase_deg)) - slope)
        return time_s


Pattern = Schedule | Pwm | SinePwm


def complementary(
    high: Sequence[str], low: Sequence[str], marks: Sequence[tuple[float, bool]], *, dead_ps: float, until_ps: int
) -> list[Edge]:
    """Edges of two groups that follow *marks* (time in ps, whether *high* is to conduct): opening at once, closing after the dead
    time. What lies before 0 stands at 0.
    """
    edges = []
    for group, when in ((high, True), (low, False)):
        before = False
        mine: list[tuple[int, bool]] = []
        for at, raised in marks:
            closed = raised is when
            mine.append((round(at + dead_ps) if closed else round(at), closed))
        for at_ps, closed in sorted(mine, key=lambda edge: edge[0]):
            if at_ps <= 0:
                before = closed
            elif at_ps <= until_ps:
                edges += [Edge(at_ps, switch, closed) for switch in group]
        edges += [Edge(0, switch, before) for switch in group]
    return edges


def words(circuit: Circuit, patterns: Sequence[Pattern], until_ps: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Times (ps) and the gates from then on, one bit for each switch of *circuit*, up to *until_ps*; the first time is 0.

    Raises ValueError where a pattern drives a switch that is not there, or two drive the same.
    """
    bits = {switch.name: 1 << bit for bit, switch in enumerate(circuit.switches)}
    driven: list[str] = []
    for pattern in patterns:
        driven += [pattern.switch] if isinstance(pattern, Schedule) else [*pattern.high, *pattern.low]
    for name in driven:
        if name not in bits:
            raise ValueError(f"circuit {circuit.name}: no switch {name}: one of {', '.join(bits) or 'none'}")
        if driven.count(name) > 1:
            raise ValueError(f"circuit {circuit.name}: {driven.count(name)} patterns drive {name}")
    word = sum(bits[switch.name] for switch in circuit.switches if switch.closed)
    found: dict[int, int] = {0: word}
    for edge in sorted(edge for pattern in patterns for edge in pattern.edges(until_ps)):
        word = word | bits[edge.switch] if edge.closed else word & ~bits[edge.switch]
        found[edge.at_ps] = word
    return np.fromiter(found.keys(), np.int64), np.fromiter(found.values(), np.int64)
