"""What was recorded of a run: the state at both ends of every stretch between events and at the steps within."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from firmware_model.power.circuits.circuit import Circuit
from firmware_model.power.circuits.state_space import Matrix, StateSpace

SMOOTH = 0.3
"""Greatest share of the third order in a crest between two rows."""


@dataclass(frozen=True, kw_only=True)
class Trace:
    """Rows of a run. At an event there are two rows of the same time: before and after.

    Voltages and currents are read by name, ``v(node)``, ``u(part)``, ``i(part)``, and are exact at each row.
    """

    circuit: Circuit
    time_ps: NDArray[np.int64]
    configuration: NDArray[np.int64]
    z: Matrix
    books: Matrix
    spaces: dict[int, StateSpace]
    meters: tuple[str, ...]

    @property
    def time_s(self) -> Matrix:
        """Time of each row."""
        return np.asarray(self.time_ps * 1e-12, np.float64)

    def wave(self, name: str) -> Matrix:
        """The values of *name* at each row."""
        return self._read(lambda space: space.rows[name])

    def slope(self, name: str) -> Matrix:
        """Its derivative at each row, per second."""
        return self._read(lambda space: space.rows[name] @ space.a)

    def within(self, begin_s: float, end_s: float) -> "Trace":
        """The rows from *begin_s* to *end_s*."""
        keep = (self.time_ps >= round(begin_s * 1e12)) & (self.time_ps <= round(end_s * 1e12))
        return Trace(
            circuit=self.circuit, time_ps=self.time_ps[keep], configuration=self.configuration[keep], z=self.z[keep],
            books=self.books[keep], spaces=self.spaces, meters=self.meters,
        )  # fmt: skip

    def mean(self, meter: str) -> float:
        """The exact mean of *meter* from the first row to the last."""
        column = self.meters.index(meter)
        return float((self.books[-1, column] - self.books[0, column]) / (self.time_s[-1] - self.time_s[0]))

    def highest(self, name: str) -> tuple[float, float]:
        """The greatest value of *name*, also between rows, and its time (s)."""
        return _crest(self.time_s, self.wave(name), self.slope(name))

    def lowest(self, name: str) -> tuple[float, float]:
        """The least value of *name*, also between rows, and its time (s)."""
        value, time_s = _crest(self.time_s, -self.wave(name), -self.slope(name))
        return -value, time_s

    def crossing(self, name: str, level: float = 0.0) -> float:
        """When *name* first passes *level* between two rows of one stretch (s).

        Raises ValueError where it never does.
        """
        wave, slope, time_s = self.wave(name) - level, self.slope(name), self.time_s
        passed = np.nonzero((wave[:-1] * wave[1:] <= 0.0) & (np.diff(self.time_ps) > 0))[0]
        if not passed.size:
            raise ValueError(f"{name} never passes {level:g}")
        k = int(passed[0])
        h, rise = time_s[k + 1] - time_s[k], wave[k + 1] - wave[k]
        first, last = slope[k] * h, slope[k + 1] * h
        a, b = first + last - 2.0 * rise, 3.0 * rise - 2.0 * first - last
        low, high, sign = 0.0, 1.0, 1.0 if wave[k] < 0.0 else -1.0
        for _ in range(50):
            middle = 0.5 * (low + high)
            below = sign * (wave[k] + middle * (first + middle * (b + middle * a))) < 0.0
            low, high = (middle, high) if below else (low, middle)
        return float(time_s[k] + low * h)

    def peak_to_peak(self, name: str) -> float:
        """Highest less lowest."""
        return self.highest(name)[0] - self.lowest(name)[0]

    def _read(self, of: Callable[[StateSpace], Matrix]) -> Matrix:
        found, rows = np.unique(self.configuration, return_inverse=True)
        table = np.stack([of(self.spaces[int(configuration)]) for configuration in found])
        return np.asarray(np.einsum("ij,ij->i", table[rows], self.z))


def _crest(time_s: Matrix, wave: Matrix, slope: Matrix) -> tuple[float, float]:
    """Greatest value and its time, of the cubic through values and slopes of neighbouring rows."""
    at = int(np.argmax(wave))
    best, when = float(wave[at]), float(time_s[at])
    width = np.diff(time_s)
    inside = np.nonzero((slope[:-1] > 0.0) & (slope[1:] < 0.0) & (width > 0.0))[0]
    if not inside.size:
        return best, when
    h, rise = width[inside], wave[inside + 1] - wave[inside]
    first, last = slope[inside] * h, slope[inside + 1] * h
    a, b = first + last - 2.0 * rise, 3.0 * rise - 2.0 * first - last
    # The root of 3 a s² + 2 b s + first, in the form that does not cancel.
    share = first / (-b + np.sqrt(np.maximum(b * b - 3.0 * a * first, 0.0)))
    values = wave[inside] + share * (first + share * (b + share * a))
    # Where a fast mode dies away inside the step the cubic is no picture of the wave: rows alone count there.
    values = np.where(np.abs(a) <= SMOOTH * np.abs(b), values, -np.inf)
    top = int(np.argmax(values))
    if values[top] <= best:
        return best, when
    return float(values[top]), float(time_s[inside[top]] + share[top] * h[top])
