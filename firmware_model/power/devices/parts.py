"""Named switches as data: conduction lines, switching energies, short-circuit strength (power stage specification, 2.5).

Conduction lines are fits over 0.2 .. 1.5 of the nominal current. Energies belong to *rated_v* and the data sheet's gate resistor.
"""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from firmware_model.power.devices.checks import positive, within


class Line(NamedTuple):
    """Forward drop at one junction temperature: *threshold_v* + *slope_ohm* * current."""

    temp_degc: float
    threshold_v: float
    slope_ohm: float


class Energy(NamedTuple):
    """Energies of one turn-on, turn-off and recovery (J) at one junction temperature and current."""

    temp_degc: float
    current_a: float
    on_j: float
    off_j: float
    recovery_j: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One switch with its diode. Tables ascend by temperature, then current."""

    name: str
    rated_v: float
    """Link voltage at which the energies were measured."""
    nominal_a: float
    switch: tuple[Line, ...]
    diode: tuple[Line, ...]
    energies: tuple[Energy, ...] = ()
    """Empty: the sheet's energies are unusable or missing."""
    short_circuit_a: float
    """Saturation current with the gate fully on."""
    withstand_s: float
    """How long the chip survives it."""
    switching_exponent: float = 1.4
    """K_v of turn-on and turn-off over the link voltage; application literature gives 1.3 .. 1.4."""
    recovery_exponent: float = 0.6
    foster: str | None = None
    """Prefix in `FOSTER_SETS`, if a usable set is known."""

    def __post_init__(self) -> None:
        for field, unit in (("rated_v", "V"), ("nominal_a", "A"), ("short_circuit_a", "A"), ("withstand_s", "s")):
            positive(f"{self.name}.{field}", getattr(self, field), unit, high=1e5)
        for field in ("switching_exponent", "recovery_exponent"):
            within(f"{self.name}.{field}", getattr(self, field), "(none)", low=0.0, high=3.0)
        for which, lines in (("switch", self.switch), ("diode", self.diode)):
            if not lines or list(lines) != sorted(lines):
                raise ValueError(f"{self.name}.{which}: {len(lines)} lines, allowed at least 1, ascending by temperature")
            for line in lines:
                within(f"{self.name}.{which}.threshold_v", line.threshold_v, "V", low=0.0, high=20.0)
                positive(f"{self.name}.{which}.slope_ohm", line.slope_ohm, "ohm", high=100.0)
        for energy in self.energies:
            positive(f"{self.name}.energies.current_a", energy.current_a, "A", high=1e5)
            for field, value in zip(energy._fields[2:], energy[2:], strict=True):
                within(f"{self.name}.energies.{field}", value, "J", low=0.0, high=10.0)

    def switch_at(self, temp_degc: float) -> Line:
        """The switch's conduction line at a junction temperature; constant beyond the table's ends."""
        return _line_at(self.switch, temp_degc)

    def diode_at(self, temp_degc: float) -> Line:
        """The diode's."""
        return _line_at(self.diode, temp_degc)

    def energy_at(self, temp_degc: float, current_a: float) -> Energy:
        """Energies at *current_a*: straight between the table's points, through the origin below the first, on beyond the last.

        Raises ValueError where the part has none.
        """
        if not self.energies:
            raise ValueError(f"{self.name}.energies: no usable switching energies in its data sheet")
        temps = sorted({energy.temp_degc for energy in self.energies})
        below, above, share = _bracket(temps, temp_degc)
        low, high = (self._at(temps[index], current_a) for index in (below, above))
        return Energy(temp_degc, current_a, *(max(a + share * (b - a), 0.0) for a, b in zip(low, high, strict=True)))

    def _at(self, temp_degc: float, current_a: float) -> tuple[float, ...]:
        points = [Energy(temp_degc, 0.0, 0.0, 0.0, 0.0), *(e for e in self.energies if e.temp_degc == temp_degc)]
        above = min(max(bisect_right([point.current_a for point in points], current_a), 1), len(points) - 1)
        low, high = points[above - 1], points[above]
        share = (current_a - low.current_a) / (high.current_a - low.current_a)
        return tuple(a + share * (b - a) for a, b in zip(low[2:], high[2:], strict=True))


def _bracket(grid: Sequence[float], value: float) -> tuple[int, int, float]:
    """Indices around *value* and how far it is between them, ends held."""
    above = min(bisect_right(grid, value), len(grid) - 1)
    below = max(above - 1, 0)
    if above == below:
        return below, above, 0.0
    share = (value - grid[below]) / (grid[above] - grid[below])
    return below, above, min(max(share, 0.0), 1.0)


def _line_at(lines: tuple[Line, ...], temp_degc: float) -> Line:
    below, above, share = _bracket([line.temp_degc for line in lines], temp_degc)
    low, high = lines[below], lines[above]
    return Line(temp_degc, low[1] + share * (high[1] - low[1]), low[2] + share * (high[2] - low[2]))
