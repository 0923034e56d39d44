"""A circuit under way: gates, comparators and meters on it, its configurations built when they first occur."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Any

import numpy as np

from firmware_model.power.circuits.circuit import Circuit
from firmware_model.power.circuits.elements import (
    Capacitor,
    CoupledInductors,
    CurrentSource,
    Diode,
    Inductor,
    Resistor,
    Switch,
    VoltageSource,
)
from firmware_model.power.circuits.gates import PS_PER_US, Pattern, words
from firmware_model.power.circuits.powers import powers
from firmware_model.power.circuits.state_space import Layout, Matrix, StateSpace, state_space
from firmware_model.power.circuits.trace import Trace
from firmware_model.power.stage import Diverged

NEVER_PS = 1 << 62
TINY = 1e-9
"""A diode changes when its current or voltage is on the wrong side by more than this (A, V)."""
LOST = ("supplied", "dissipated")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparator:
    """Opens *opens* as soon as *of* (``i(part)``, ``v(node)``, ``u(part)``) rises above *above*, or falls below *below*.

    They close again with their next closing edge, unless *latching*.
    """

    name: str
    of: str
    opens: tuple[str, ...]
    above: float | None = None
    below: float | None = None
    latching: bool = False

    def __post_init__(self) -> None:
        given = [limit for limit in (self.above, self.below) if limit is not None]
        if len(given) != 1 or not isfinite(given[0]):
            raise ValueError(f"Comparator {self.name}: above = {self.above}, below = {self.below}: allowed one finite number")

    def row(self, space: StateSpace, one: Matrix) -> Matrix:
        """Positive where the comparator has seen enough."""
        if self.above is not None:
            return space.rows[self.of] - self.above * one
        assert self.below is not None
        return self.below * one - space.rows[self.of]


@dataclass(frozen=True, slots=True, kw_only=True)
class Meter:
    """The mean of *of* times *by* over a window: a mean (*by* None), a power, a mean square. Names as in `Trace`."""

    name: str
    of: str
    by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Balance:
    """Energy since the start (J): what sources gave, what was lost, what is stored and what was stored at the start."""

    supplied_j: float
    dissipated_j: float
    stored_j: float
    initial_j: float

    @property
    def residual_j(self) -> float:
        """What cannot be accounted for."""
        return self.supplied_j - self.dissipated_j - (self.stored_j - self.initial_j)


class Simulation:
    """*circuit* with its gates. `run` moves on; `trace` and `balance` read what happened, also after `Diverged`.

    *longest_us*: steps are powers of two of a picosecond up to this. Guards are looked at after each step, so a current that
    crosses zero twice within one step may be missed; a tenth of the fastest oscillation is a good choice.
    *window_us*: what is recorded, by default everything.
    """

    def __init__(
        self,
        circuit: Circuit,
        *,
        gates: Sequence[Pattern] = (),
        comparators: Sequence[Comparator] = (),
        meters: Sequence[Meter] = (),
        longest_us: float = 1.0,
        window_us: tuple[float, float] = (0.0, NEVER_PS / PS_PER_US),
    ) -> None:
        from firmware_model.power.circuits import kernel  # compiled: loaded only where circuits are run

        if not isfinite(longest_us) or not 1e-3 <= longest_us <= 1e6:
            raise ValueError(f"Simulation.longest_us = {longest_us} us: allowed 0.001 .. 1e+06 us")
        self._kernel: Any = kernel
        self.circuit, self._gates = circuit, tuple(gates)
        self._comparators, self._meters = tuple(comparators), tuple(meters)
        self._layout = Layout(circuit=circuit)
        self._levels = int(longest_us * PS_PER_US).bit_length()
        self._spaces: dict[int, StateSpace] = {}
        self._z = self._layout.initial()
        self._books = np.zeros(len(LOST) + len(self._meters))
        self._initial_j = self._stored_j()
        self._at = np.zeros(kernel.SIZE, np.int64)
        self._at[kernel.FROM], self._at[kernel.TO] = (min(round(us * PS_PER_US), NEVER_PS) for us in window_us)
        self._at[kernel.LONGEST] = self._levels - 1
        self._opens = np.array([self._mask(comparator) for comparator in self._comparators], np.int64)
        self._latching = np.array([comparator.latching for comparator in self._comparators], np.bool_)
        self._tripped = np.full(len(self._comparators), -1, np.int64)
        self._known = np.zeros(0, np.int64)
        n, guards = self._layout.size, len(circuit.diodes) + len(self._comparators)
        self._steps = np.zeros((0, self._levels, n, n))
        self._integrals = np.zeros((0, self._levels, len(self._books), n, n))
        self._guards = np.zeros((0, guards, n))
        self._rows: list[Any] = []
        self._grow(1 << 12)

    @property
    def now_us(self) -> float:
        """How far the run has come."""
        return float(self._at[self._kernel.NOW]) / PS_PER_US

    @property
    def configurations(self) -> int:
        """How many have occurred."""
        return len(self._spaces)

    def tripped_us(self, name: str) -> float | None:
        """When the comparator *name* first tripped, None if it never did."""
        names = [comparator.name for comparator in self._comparators]
        at_ps = int(self._tripped[names.index(name)])
        return None if at_ps < 0 else at_ps / PS_PER_US

    def run(self, until_us: int) -> None:
        """Move on to *until_us*.

        Raises `Diverged` with time, state and configuration where a number overflows or diodes find no consistent state; what
        was recorded up to there is kept.
        """
        k, at = self._kernel, self._at
        at[k.END] = until_us * PS_PER_US
        edge_ps, edge_word = words(self.circuit, self._gates, int(at[k.END]))
        while True:
            why = k.walk(
                self._z, self._books, at, self._known, self._steps, self._integrals, self._guards, edge_ps, edge_word,
                self._opens, self._latching, self._tripped, len(self.circuit.switches), *self._rows,
            )  # fmt: skip
            if why == k.DONE:
                return
            if why == k.UNKNOWN:
                self._build(int(at[k.WANTED]))
            elif why == k.FULL:
                self._grow(2 * len(self._rows[0]))
            else:
                self._refuse(why)

    @property
    def trace(self) -> Trace:
        """What has been recorded."""
        rows = int(self._at[self._kernel.ROWS])
        time_ps, slot, z, books = (column[:rows].copy() for column in self._rows)
        return Trace(
            circuit=self.circuit, time_ps=time_ps, configuration=self._known[slot], z=z, books=books, spaces=dict(self._spaces),
            meters=(*LOST, *(meter.name for meter in self._meters)),
        )  # fmt: skip

    @property
    def balance(self) -> Balance:
        """Energy since the start."""
        supplied, dissipated = self._books[: len(LOST)].tolist()
        return Balance(supplied_j=supplied, dissipated_j=dissipated, stored_j=self._stored_j(), initial_j=self._initial_j)

    def hold(self, name: str, value: float) -> None:
        """Give the held source *name* a new value (V or A), in force from now."""
        self._z[len(self._layout.states) + self._layout.held.index(name)] = value

    def state(self) -> dict[str, float]:
        """The states by name."""
        return dict(zip(self._layout.states, self._z.tolist(), strict=False))

    # ---- configurations --------------------------------------------------------------------------------------------

    def _build(self, configuration: int) -> None:
        """Make the steps of a configuration that occurs for the first time."""
        space = state_space(self._layout, configuration)
        steps, integrals = powers(space.a, self._forms(space), self._levels)
        self._spaces[configuration] = space
        self._known = np.append(self._known, configuration)
        self._steps = np.concatenate([self._steps, steps[None]])
        self._integrals = np.concatenate([self._integrals, integrals[None]])
        self._guards = np.concatenate([self._guards, self._guard_rows(space, configuration)[None]])
        self._at[self._kernel.COUNT] += 1

    def _forms(self, space: StateSpace) -> Matrix:
        """The quadratic forms of supplied and dissipated power and of the meters."""
        lossy, one = (Resistor, Switch, Diode), self._one()
        forms = np.zeros((len(self._books), self._layout.size, self._layout.size))
        for element in self.circuit.elements:
            if isinstance(element, VoltageSource | CurrentSource):
                forms[0] -= np.outer(space.rows[f"u({element.name})"], space.rows[f"i({element.name})"])
            elif isinstance(element, lossy):
                forms[1] += np.outer(space.rows[f"u({element.name})"], space.rows[f"i({element.name})"])
        for number, meter in enumerate(self._meters, len(LOST)):
            forms[number] = np.outer(space.rows[meter.of], one if meter.by is None else space.rows[meter.by])
        return 0.5 * (forms + forms.transpose(0, 2, 1))

    def _guard_rows(self, space: StateSpace, configuration: int) -> Matrix:
        """One row for each diode and comparator, positive where it has to act."""
        one, rows = self._one(), []
        for bit, diode in enumerate(self.circuit.diodes, len(self.circuit.switches)):
            if configuration >> bit & 1:
                rows.append(-space.rows[f"i({diode.name})"] - TINY * one)
            else:
                rows.append(space.rows[f"u({diode.name})"] - (diode.forward_v + TINY) * one)
        rows += [comparator.row(space, one) for comparator in self._comparators]
        return np.array(rows).reshape(-1, self._layout.size)

    def _one(self) -> Matrix:
        row = np.zeros(self._layout.size)
        row[self._layout.one] = 1.0
        return row

    def _mask(self, comparator: Comparator) -> int:
        names = [switch.name for switch in self.circuit.switches]
        for name in comparator.opens:
            if name not in names:
                raise ValueError(f"Comparator {comparator.name}.opens = {name}: allowed {', '.join(names) or 'no switch'}")
        return sum(1 << names.index(name) for name in comparator.opens)

    # ---- the rest --------------------------------------------------------------------------------------------------

    def _stored_j(self) -> float:
        """Energy in capacitors and inductors."""
        total, states = 0.0, self.state()
        for element in self.circuit.elements:
            if isinstance(element, Capacitor):
                total += 0.5 * element.c_f * states[f"v({element.name})"] ** 2
            elif isinstance(element, Inductor):
                total += 0.5 * element.l_h * states[f"i({element.name})"] ** 2
            elif isinstance(element, CoupledInductors):
                first, second = states[f"i({element.name})"], states[f"i({element.name}.2)"]
                mutual = element.coupling * (element.first_h * element.second_h) ** 0.5
                total += 0.5 * element.first_h * first**2 + 0.5 * element.second_h * second**2 + mutual * first * second
        return total

    def _grow(self, rows: int) -> None:
        """Make room for *rows* of trace."""
        shapes: list[tuple[tuple[int, ...], Any]] = [
            ((rows,), np.int64), ((rows,), np.int64), ((rows, self._layout.size), np.float64),
            ((rows, len(self._books)), np.float64),
        ]  # fmt: skip
        grown = [np.zeros(shape, kind) for shape, kind in shapes]
        for new, old in zip(grown, self._rows, strict=False):
            new[: len(old)] = old
        self._rows = grown

    def _refuse(self, why: int) -> None:
        what = "overflow" if why == self._kernel.LOST else "diodes find no consistent state"
        state = ", ".join(f"{name} = {value:g}" for name, value in self.state().items())
        conducting = self.circuit.describe(int(self._at[self._kernel.WANTED]))
        raise Diverged(f"circuit {self.circuit.name} at {self.now_us:.6f} us: {what}; {state}; conducting: {conducting}")
