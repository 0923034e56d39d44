"""The microcontroller's converter: range, gain, offset, counts, noise, sampling instant and the filter before it."""

from dataclasses import dataclass
from math import exp, isfinite, pi

from numpy.random import Generator


@dataclass(frozen=True, slots=True, kw_only=True)
class AdcChannel:
    """One 12-bit channel. Sampling at the carrier's top or bottom reads the current's average."""

    low: float
    high: float
    bits: int = 12
    gain: float = 0.0
    """Error, usually within ±0.5 %."""
    offset_lsb: float = 0.0
    """Usually within ±2 counts."""
    noise_lsb: float = 0.0
    """Rms; 2 counts are usual."""
    corner_hz: float = 50e3
    """First-order anti-alias filter: 50 kHz for phase currents, 5 kHz for the output voltage."""

    def __post_init__(self) -> None:
        if not (isfinite(self.low) and isfinite(self.high)) or self.low >= self.high:
            raise ValueError(f"AdcChannel.low = {self.low}: allowed below high = {self.high}")
        if not 1 <= self.bits <= 24:
            raise ValueError(f"AdcChannel.bits = {self.bits}: allowed 1 .. 24")
        if not isfinite(self.corner_hz) or self.corner_hz <= 0.0:
            raise ValueError(f"AdcChannel.corner_hz = {self.corner_hz} Hz: allowed above 0 Hz")
        if not isfinite(self.noise_lsb) or self.noise_lsb < 0.0:
            raise ValueError(f"AdcChannel.noise_lsb = {self.noise_lsb}: allowed 0 and above")

    @property
    def lsb(self) -> float:
        """One count, in the channel's unit."""
        return (self.high - self.low) / (1 << self.bits)

    def counts(self, value: float, rng: Generator | None = None) -> int:
        """What the converter reads for *value*; with noise only if a generator is passed."""
        noise = self.noise_lsb * float(rng.standard_normal()) if rng is not None else 0.0
        raw = ((1.0 + self.gain) * value - self.low) / self.lsb + self.offset_lsb + noise
        return min(max(round(raw), 0), (1 << self.bits) - 1)

    def read(self, value: float, rng: Generator | None = None) -> float:
        """*value* as the software sees it."""
        return self.low + self.counts(value, rng) * self.lsb

    def lagged(self, before: float, value: float, dt_s: float) -> float:
        """The filter's output *dt_s* after it was *before*, its input having been *value*."""
        return value + (before - value) * exp(-2.0 * pi * self.corner_hz * dt_s)


PHASE_CURRENT = AdcChannel(low=-150.0, high=150.0)
VOLTAGE = AdcChannel(low=0.0, high=1200.0, corner_hz=5e3)


def mid_point_error_a(late_s: float, *, voltage_v: float, inductance_h: float) -> float:
    """What sampling *late_s* off the carrier's mid-point adds to a current's average."""
    return voltage_v / inductance_h * late_s
