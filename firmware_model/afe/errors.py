"""What a chip adds to the truth: offset and gain of each converter, references, temperature, age, noise, disturbances, faults."""

from dataclasses import dataclass, field
from math import hypot, pi, sin, sqrt
from typing import Final

import numpy as np

from firmware_model.afe.part import CLEARED, Mode, Part
from protocols.ltc681x.groups import LSB_V

REFERENCE_V: Final = 3.0
"""The second reference, measured like an input."""
NOMINAL_DEGC: Final = 25.0
GAIN, OFFSET_V = 1e-4, 0.1e-3
"""Bounds of what a converter is drawn from, and typical for the data sheet's total error."""
REFERENCE_PER_K, GAIN_PER_K, OFFSET_V_PER_K = 3e-6, 0.5e-6, 0.2e-6
SECOND_PER_K: Final = 10e-6
"""Of the second reference."""
AGED, SECOND_AGED = 20e-6, 60e-6
"""Shares by which the two references have drifted after 1000 h; it goes with the square root of time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disturbance:
    """An alternating voltage on top of every cell, as inverters make it."""

    amplitude_v: float
    frequency_hz: float

    def __post_init__(self) -> None:
        if not 0.0 <= self.amplitude_v <= 10.0:
            raise ValueError(f"amplitude_v = {self.amplitude_v} V: 0..10")
        if not 0.0 < self.frequency_hz <= 1e9:
            raise ValueError(f"frequency_hz = {self.frequency_hz} Hz: above 0, at most 1e9")

    def left_v(self, mode: Mode, at_us: int) -> float:
        """What of it is in a result of *mode* that was sampled at *at_us*."""
        return self.amplitude_v * mode.passes(self.frequency_hz) * sin(2.0 * pi * self.frequency_hz * at_us * 1e-6)


@dataclass(slots=True)
class Flaws:
    """What is broken in a chip; may be set at any time and counts from the next result on."""

    stuck: dict[int, int] = field(default_factory=dict)
    """Converters (0 is the one of the cells 1 to 6, of inputs and status) that give one code only. Their digital
    filters are whole, so the self-test of those passes.
    """
    filter_bits: dict[int, int] = field(default_factory=dict)
    """Bits that the digital filter of a converter has always set."""
    reference: float = 0.0
    """Relative error of the first reference, which every result is divided by: 0.01 is 1 %."""
    mux_fails: bool = False
    """The multiplexer's self-test does not pass, and the results of the first converter are those of its neighbour's slot."""
    redundancy_fails: bool = False
    """The two digital filters of ADAXD and ADSTATD disagree."""


class Converters:
    """The converters of one chip: from a voltage to a code. Everything random comes from *seed*."""

    def __init__(self, part: Part, *, seed: int, ideal: bool = False) -> None:
        self._random = np.random.default_rng(seed)
        draw = self._random.uniform
        bound = 0.0 if ideal else 1.0
        self._gains = [1.0 + bound * float(draw(-GAIN, GAIN)) for _ in range(part.converters)]
        self._offsets_v = [bound * float(draw(-OFFSET_V, OFFSET_V)) for _ in range(part.converters)]
        self._per_k = bound * float(draw(-1.0, 1.0))
        self._noisy = not ideal
        draw = np.random.default_rng((seed, 1)).uniform
        self._ages, self._second_ages, self._second_per_k = (bound * float(draw(-1.0, 1.0)) for _ in range(3))
        self.age_h = 0.0
        """Hours in use; the references drift with it."""
        self.switching = 0.0
        """How much of their full power inverters and chargers nearby switch, 0 to 1: their edges ring, and alias into results."""
        self.flaws = Flaws()
        self.disturbance: Disturbance | None = None

    def second_reference_v(self, die_degc: float) -> float:
        """What the second reference, which supplies the thermistors too, really is."""
        share = self._second_per_k * SECOND_PER_K * (die_degc - NOMINAL_DEGC)
        return REFERENCE_V * (1.0 + share + self._second_ages * SECOND_AGED * sqrt(self.age_h / 1000.0))

    def code(self, volts: float, converter: int, mode: Mode, *, at_us: int, die_degc: float, exposed: bool = False) -> int:
        """What *converter* makes of *volts*; *exposed* to the disturbance or not."""
        stuck, bits = self.flaws.stuck.get(converter), self.flaws.filter_bits.get(converter, 0)
        if stuck is not None:
            return stuck | bits
        warmer_k = die_degc - NOMINAL_DEGC
        gain = self._gains[converter] * (1.0 + self._per_k * (REFERENCE_PER_K + GAIN_PER_K) * warmer_k)
        reference = self.flaws.reference + (self._ages * AGED * sqrt(self.age_h / 1000.0) if self.age_h else 0.0)
        measured_v = volts * gain / (1.0 + reference)
        measured_v += self._offsets_v[converter] + self._per_k * OFFSET_V_PER_K * warmer_k
        if exposed and self.disturbance is not None:
            measured_v += self.disturbance.left_v(mode, at_us)
        if exposed and self.switching:
            measured_v += hypot(mode.noise_v * self._noisy, self.switching * mode.ringing_v) * self._random.standard_normal()
        elif self._noisy:
            measured_v += mode.noise_v * self._random.standard_normal()
        return min(max(round(measured_v / LSB_V), 0), CLEARED) | bits

    def pattern(self, converter: int, mode: Mode, test: int) -> int:
        """The result of self-test *test* (1 or 2) of the digital filter behind *converter*."""
        return mode.patterns[test - 1] | self.flaws.filter_bits.get(converter, 0)
