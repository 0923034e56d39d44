"""What drives the switches, as data: carriers with duty, phase shift and dead time; sine references; written schedules.

Every pattern says at which picosecond a switch opens or closes. Edges are exact; nothing is compared with a carrier during a run.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor, pi, radians
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_model.power.circuits.circuit import Circuit
from firmware_model.power.circuits.limits import refuse_unphysical

PS_PER_US = 1_000_000
Times = NDArray[np.int64]
Flags = NDArray[np.bool_]
Reals = NDArray[np.float64]


class Track(NamedTuple):
    """Switches that act together: from each of the times (ps, rising, the first is 0) they are closed or not."""

    switches: tuple[str, ...]
    at_ps: Times
    closed: Flags


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """A switch that closes and opens at written times (s), in turns, beginning with closing."""

    switch: str
    times_s: tuple[float, ...]

    def __post_init__(self) -> None:
        if any(not 0.0 <= time < 1e6 for time in self.times_s) or sorted(self.times_s) != list(self.times_s):
            raise ValueError(f"Schedule {self.switch}.times_s = {self.times_s} s: allowed rising, 0 .. 1e+06 s")

    @property
    def switches(self) -> tuple[str, ...]:
        """What it drives."""
        return (self.switch,)

    def tracks(self, until_ps: int) -> list[Track]:
        """All edges up to *until_ps*."""
        at = np.array(self.times_s) * 1e12
        return [track(self.switches, at, np.arange(at.size) % 2 == 0, until_ps)]


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

    @property
    def switches(self) -> tuple[str, ...]:
        """What it drives."""
        return (*self.high, *self.low)

    def tracks(self, until_ps: int) -> list[Track]:
        """All edges up to *until_ps*; before the first one the groups stand as in a run that has long been going."""
        period, dead = 1e12 / self.carrier_hz, self.dead_us * PS_PER_US
        if self.duty in (0.0, 1.0):
            marks, raised = np.zeros(1), np.array([self.duty == 1.0])
        else:
            begins = (np.arange(-2, floor(until_ps / period) + 2) + self.start_shift) * period
            marks = np.stack([begins, begins + self.duty * period], axis=1).ravel()
            raised = np.arange(marks.size) % 2 == 0
        return complementary(self.high, self.low, marks, raised, dead_ps=dead, until_ps=until_ps)


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

    @property
    def switches(self) -> tuple[str, ...]:
        """What it drives."""
        return (*self.high, *self.low)

    def tracks(self, until_ps: int) -> list[Track]:
        """All edges up to *until_ps*."""
        half = 0.5 / self.carrier_hz
        numbers = np.arange(floor(until_ps * 1e-12 / half) + 1)
        marks = np.append(-1.0, self._crossings(numbers, half) * 1e12)
        raised = np.append(True, numbers % 2 == 1)
        return complementary(self.high, self.low, marks, raised, dead_ps=self.dead_us * PS_PER_US, until_ps=until_ps)

    def _crossings(self, numbers: NDArray[np.int64], half_s: float) -> Reals:
        """When the reference meets the carrier in half period *numbers*, by Newton's method."""
        slope, turn, phase = np.where(numbers % 2 == 0, 2.0, -2.0) / half_s, 2 * pi * self.reference_hz, radians(self.phase_deg)
        middle = (numbers + 0.5) * half_s
        time_s = middle
        for _ in range(8):
            angle = turn * time_s + phase
            away = self.depth_duty * np.sin(angle) - slope * (time_s - middle)
            time_s = time_s - away / (self.depth_duty * turn * np.cos(angle) - slope)
        return np.asarray(time_s, np.float64)


Pattern = Schedule | Pwm | SinePwm


def track(switches: tuple[str, ...], at_ps: Reals, closed: Flags, until_ps: int) -> Track:
    """What lies before 0 stands at 0; before the first edge the switches are open."""
    order = np.argsort(at_ps, kind="stable")
    times, states = np.rint(at_ps[order]).astype(np.int64), closed[order]
    early = int(np.searchsorted(times, 0, side="right"))
    late = int(np.searchsorted(times, until_ps, side="right"))
    before = bool(early) and bool(states[early - 1])
    return Track(switches, np.append(0, times[early:late]), np.append(before, states[early:late]))


def complementary(
    high: tuple[str, ...], low: tuple[str, ...], marks_ps: Reals, raised: Flags, *, dead_ps: float, until_ps: int
) -> list[Track]:
    """Two groups that follow the marks (whether *high* conducts from then on): opening at once, closing after the dead time.

    A pulse shorter than the dead time does not happen.
    """
    tracks, room = [], np.append(np.diff(marks_ps), np.inf) > dead_ps
    for group, closed in ((high, raised), (low, ~raised)):
        keep = ~closed | room
        tracks.append(track(group, (marks_ps + np.where(closed, dead_ps, 0.0))[keep], closed[keep], until_ps))
    return tracks


def words(circuit: Circuit, patterns: Sequence[Pattern], until_ps: int) -> tuple[Times, Times]:
    """Times (ps) and the gates from then on, one bit for each switch of *circuit*, up to *until_ps*; the first time is 0.

    Raises ValueError where a pattern drives a switch that is not there, or two drive the same.
    """
    bits = {switch.name: 1 << bit for bit, switch in enumerate(circuit.switches)}
    driven = [name for pattern in patterns for name in pattern.switches]
    for name in driven:
        if name not in bits:
            raise ValueError(f"circuit {circuit.name}: no switch {name}: one of {', '.join(bits) or 'none'}")
        if driven.count(name) > 1:
            raise ValueError(f"circuit {circuit.name}: {driven.count(name)} patterns drive {name}")
    tracks = [found for pattern in patterns for found in pattern.tracks(until_ps)]
    times = np.unique(np.concatenate([[0], *(found.at_ps for found in tracks)]))
    still = sum(bits[switch.name] for switch in circuit.switches if switch.closed and switch.name not in driven)
    gates = np.full(times.size, still, np.int64)
    for switches, at_ps, closed in tracks:
        now = closed[np.searchsorted(at_ps, times, side="right") - 1]
        gates |= np.where(now, sum(bits[name] for name in switches), 0)
    return times.astype(np.int64), gates
