"""State equations of a circuit in one configuration, by modified nodal analysis.

Capacitors stand for their voltage and inductors for their current, so that what remains is resistive and solved once. The state
is augmented with what drives it, z = [states, held sources, 1, sine, cosine of each frequency], so that dz/dt = A z holds with
nothing else. Every voltage and current of the circuit is a row r with value r·z.
"""

from dataclasses import dataclass
from functools import cached_property
from math import cos, pi, radians, sin

import numpy as np
from numpy.typing import NDArray

from firmware_model.power.circuits.circuit import Circuit
from firmware_model.power.circuits.elements import (
    GROUND,
    Capacitor,
    CoupledInductors,
    CurrentSource,
    Diode,
    Element,
    Inductor,
    Resistor,
    Switch,
    Transformer,
    VoltageSource,
)

Matrix = NDArray[np.float64]
Source = VoltageSource | CurrentSource


@dataclass(frozen=True, kw_only=True)
class Layout:
    """Where things are in z and among the unknowns of the resistive network."""

    circuit: Circuit

    @cached_property
    def states(self) -> tuple[str, ...]:
        """Names of the states: ``v(C1)``, ``i(L1)``; a pair's windings are ``i(T1)`` and ``i(T1.2)``."""
        names: list[str] = []
        for element in self.circuit.elements:
            if isinstance(element, Capacitor):
                names.append(f"v({element.name})")
            elif isinstance(element, Inductor):
                names.append(f"i({element.name})")
            elif isinstance(element, CoupledInductors):
                names += [f"i({element.name})", f"i({element.name}.2)"]
        return tuple(names)

    @cached_property
    def held(self) -> tuple[str, ...]:
        """Names of the held sources, whose values follow the states in z."""
        return tuple(e.name for e in self.circuit.elements if isinstance(e, Source) and e.held)

    @property
    def one(self) -> int:
        """Where z is 1."""
        return len(self.states) + len(self.held)

    @cached_property
    def frequencies(self) -> tuple[float, ...]:
        """Of the sine sources, each once (Hz)."""
        sources = [element for element in self.circuit.elements if isinstance(element, Source)]
        return tuple(dict.fromkeys(source.frequency_hz for source in sources if peak(source)))

    @property
    def size(self) -> int:
        """Length of z."""
        return self.one + 1 + 2 * len(self.frequencies)

    def unit(self, name: str) -> Matrix:
        """The row that reads state *name*."""
        row = np.zeros(self.size)
        row[self.states.index(name)] = 1.0
        return row

    def drive(self, source: Source) -> Matrix:
        """The row that reads what *source* gives."""
        row, one = np.zeros(self.size), self.one
        if source.held:
            row[len(self.states) + self.held.index(source.name)] = 1.0
            return row
        row[one] = source.dc_v if isinstance(source, VoltageSource) else source.dc_a
        if peak(source):
            at, angle = one + 1 + 2 * self.frequencies.index(source.frequency_hz), radians(source.phase_deg)
            row[at], row[at + 1] = peak(source) * cos(angle), peak(source) * sin(angle)
        return row

    def initial(self) -> Matrix:
        """z at time 0."""
        z = np.zeros(self.size)
        for element in self.circuit.elements:
            if isinstance(element, Capacitor):
                z += element.initial_v * self.unit(f"v({element.name})")
            elif isinstance(element, Inductor | CoupledInductors):
                z += element.initial_a * self.unit(f"i({element.name})")
            if isinstance(element, CoupledInductors):
                z += element.second_initial_a * self.unit(f"i({element.name}.2)")
            if isinstance(element, Source) and element.held:
                at = len(self.states) + self.held.index(element.name)
                z[at] = element.dc_v if isinstance(element, VoltageSource) else element.dc_a
        z[self.one] = 1.0
        z[self.one + 2 :: 2] = 1.0
        return z


def peak(source: Source) -> float:
    """Amplitude of the sine in *source*."""
    return source.peak_v if isinstance(source, VoltageSource) else source.peak_a


@dataclass(frozen=True, kw_only=True)
class StateSpace:
    """One configuration: dz/dt = *a* z, and the rows of all its node voltages, currents and voltages across parts."""

    a: Matrix
    rows: dict[str, Matrix]
    """``v(node)``, ``i(part)``, ``u(part)`` (across it), and the states' names."""


def state_space(layout: Layout, configuration: int) -> StateSpace:
    """Build the equations of *configuration* (bit k: switch or diode k conducts).

    Raises ValueError that names the nodes and parts whose values nothing decides.
    """
    network = _Network(layout, configuration)
    for element in layout.circuit.elements:
        network.add(element)
    rows = network.solved()
    return StateSpace(a=_derivatives(layout, rows), rows=rows)


class _Network:
    """The resistive network of one configuration while it is put together."""

    def __init__(self, layout: Layout, configuration: int) -> None:
        circuit = layout.circuit
        self._layout = layout
        parts: tuple[Switch | Diode, ...] = (*circuit.switches, *circuit.diodes)
        self._on = {part.name: bool(configuration >> bit & 1) for bit, part in enumerate(parts)}
        self._names = [f"v({node})" for node in circuit.nodes]
        self._names += [f"i({e.name})" for e in circuit.elements if isinstance(e, Capacitor | VoltageSource | Transformer)]
        self._index = {name: number for number, name in enumerate(self._names)}
        self._left = np.zeros((len(self._names), len(self._names)))
        self._right = np.zeros((len(self._names), layout.size))
        self._rules: list[tuple[str, float, Matrix, str, str]] = []

    def add(self, element: Element) -> None:
        """Enter *element* into the equations."""
        match element:
            case Resistor():
                self._conduct(element.name, element.plus, element.minus, 1.0 / element.r_ohm, 0.0)
            case Switch() | Diode():
                on = self._on[element.name]
                forward_v = element.forward_v if on and isinstance(element, Diode) else 0.0
                ohm = element.on_ohm if on else element.off_ohm
                self._conduct(element.name, element.plus, element.minus, 1.0 / ohm, forward_v)
            case Inductor():
                self._push(element.plus, element.minus, self._layout.unit(f"i({element.name})"))
            case CoupledInductors():
                self._push(element.plus, element.minus, self._layout.unit(f"i({element.name})"))
                self._push(element.second_plus, element.second_minus, self._layout.unit(f"i({element.name}.2)"))
            case CurrentSource():
                self._push(element.plus, element.minus, self._layout.drive(element))
            case Capacitor():
                self._hold(element.name, element.plus, element.minus, self._layout.unit(f"v({element.name})"))
            case VoltageSource():
                self._hold(element.name, element.plus, element.minus, self._layout.drive(element))
            case Transformer():
                self._transform(element)

    def solved(self) -> dict[str, Matrix]:
        """All rows of the configuration."""
        self._refuse_undecided()
        values = np.linalg.solve(self._left, self._right)
        rows = dict(zip(self._names, values, strict=True))
        rows["v(0)"] = np.zeros(self._layout.size)
        for name in self._layout.states:
            rows[name] = self._layout.unit(name)
        for name, conductance, forward, plus, minus in self._rules:
            rows[f"i({name})"] = conductance * (rows[f"v({plus})"] - rows[f"v({minus})"] - forward)
        for element in self._layout.circuit.elements:
            rows[f"u({element.name})"] = rows[f"v({element.plus})"] - rows[f"v({element.minus})"]
            if isinstance(element, CurrentSource):
                rows[f"i({element.name})"] = self._layout.drive(element)
            if isinstance(element, CoupledInductors):
                rows[f"u({element.name}.2)"] = rows[f"v({element.second_plus})"] - rows[f"v({element.second_minus})"]
        return rows

    def _refuse_undecided(self) -> None:
        scale = np.abs(self._left).max(axis=1, keepdims=True)
        _, sizes, directions = np.linalg.svd(self._left / np.where(scale > 0.0, scale, 1.0))
        if sizes.size and sizes[-1] < 1e-16 * sizes[0]:
            shares = np.abs(directions[-1])
            names = [name for name, share in zip(self._names, shares, strict=True) if share > 1e-3 * shares.max()]
            raise ValueError(f"circuit {self._layout.circuit.name}: nothing decides {', '.join(names)}")

    def _at(self, node: str) -> int | None:
        return None if node == GROUND else self._index[f"v({node})"]

    def _ends(self, plus: str, minus: str) -> list[tuple[int, float]]:
        """Rows of the two nodes with the sign of a current from *plus* to *minus*; ground has none."""
        ends = ((self._at(plus), 1.0), (self._at(minus), -1.0))
        return [(node, sign) for node, sign in ends if node is not None]

    def _conduct(self, name: str, plus: str, minus: str, conductance: float, forward_v: float) -> None:
        ends = self._ends(plus, minus)
        forward = np.zeros(self._layout.size)
        forward[self._layout.one] = forward_v
        for here, sign in ends:
            for there, other in ends:
                self._left[here, there] += sign * other * conductance
            self._right[here] += sign * conductance * forward
        self._rules.append((name, conductance, forward, plus, minus))

    def _push(self, plus: str, minus: str, row: Matrix) -> None:
        for node, sign in self._ends(plus, minus):
            self._right[node] -= sign * row

    def _hold(self, name: str, plus: str, minus: str, row: Matrix) -> None:
        own = self._index[f"i({name})"]
        for node, sign in self._ends(plus, minus):
            self._left[node, own] += sign
            self._left[own, node] += sign
        self._right[own] = row

    def _transform(self, element: Transformer) -> None:
        """v1 = ratio v2; the second winding's current is -ratio times the first's. The unknown is the first's current."""
        own, ratio = self._index[f"i({element.name})"], element.turns_ratio
        for node, sign in self._ends(element.plus, element.minus):
            self._left[node, own] += sign
            self._left[own, node] += sign
        for node, sign in self._ends(element.second_plus, element.second_minus):
            self._left[node, own] -= sign * ratio
            self._left[own, node] -= sign * ratio


def _derivatives(layout: Layout, rows: dict[str, Matrix]) -> Matrix:
    """A of dz/dt = A z."""
    a, at = np.zeros((layout.size, layout.size)), 0
    for element in layout.circuit.elements:
        if isinstance(element, Capacitor):
            a[at] = rows[f"i({element.name})"] / element.c_f
            at += 1
        elif isinstance(element, Inductor):
            a[at] = rows[f"u({element.name})"] / element.l_h
            at += 1
        elif isinstance(element, CoupledInductors):
            mutual = element.coupling * (element.first_h * element.second_h) ** 0.5
            inductance = np.array([[element.first_h, mutual], [mutual, element.second_h]])
            across = np.stack([rows[f"u({element.name})"], rows[f"u({element.name}.2)"]])
            a[at : at + 2] = np.linalg.solve(inductance, across)
            at += 2
    for number, frequency in enumerate(layout.frequencies):
        row = layout.one + 1 + 2 * number
        a[row, row + 1], a[row + 1, row] = 2 * pi * frequency, -2 * pi * frequency
    return a
