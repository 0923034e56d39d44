"""Analogue instruments: each a view of the one physical truth, with its own errors."""

import numpy as np
from numpy.random import Generator

_BLOCK = 1024


class Sensor:
    """A transducer and a converter of *bits*: what is true goes in, counts come out, between 0 (*low*) and full scale (*high*).

    *gain*, *offset* (physical unit) and *frozen* may be set at any time. Noise (one sigma, in counts) is drawn from *rng* once
    per sample whether anybody reads it or not, so that reading never changes what others see; without *rng* there is none.
    """

    def __init__(self, low: float, high: float, *, bits: int = 12, noise_lsb: float = 2.0, rng: Generator | None = None) -> None:
        self.low, self.high = low, high
        self.full = (1 << bits) - 1
        self.lsb = (high - low) / self.full
        """Physical value of one count."""
        self.gain, self.offset, self.frozen = 1.0, 0.0, False
        self.noise_lsb = noise_lsb
        self._rng = rng
        self._noise: list[float] = []
        self.counts = self.to_counts(0.0)

    def sample(self, truth: float) -> None:
        """Take the instrument's next reading of *truth*."""
        if not self._noise:
            self._refill()
        wobble = self._noise.pop()
        if not self.frozen:
            counts = int((truth * self.gain + self.offset - self.low) / self.lsb + wobble)
            self.counts = 0 if counts < 0 else self.full if counts > self.full else counts

    def _refill(self) -> None:
        """Draw noise for the next samples, with the half count that makes truncation rounding."""
        noise = np.zeros(_BLOCK) if self._rng is None else self._rng.standard_normal(_BLOCK) * self.noise_lsb
        self._noise = (noise + 0.5).tolist()

    @property
    def value(self) -> float:
        """The last reading in physical units, as a perfectly scaled reader would show it."""
        return self.low + self.counts * self.lsb

    def to_counts(self, value: float) -> int:
        """The count nearest to *value*, without errors."""
        return min(max(round((value - self.low) / self.lsb), 0), self.full)
