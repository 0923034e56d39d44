"""A circuit: its parts, and what makes it solvable. Everything that is not is refused by name when the circuit is made."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from firmware_model.power.circuits.elements import (
    GROUND,
    Capacitor,
    CoupledInductors,
    CurrentSource,
    Diode,
    Element,
    Inductor,
    Pair,
    Switch,
    VoltageSource,
)

Branch = tuple[str, str, str]
"""Name of the part, and its two nodes."""
LOOPS = {Capacitor: "capacitor loop", VoltageSource: "loop of ideal sources"}


@dataclass(frozen=True, kw_only=True)
class Circuit:
    """Parts between named nodes. Switches and diodes are what its configurations differ in, in this order."""

    name: str
    elements: tuple[Element, ...]

    def __post_init__(self) -> None:
        _refuse_twins(self)
        _refuse_floating(self)
        _refuse_cut_set(self)
        _refuse_loop(self)

    @cached_property
    def nodes(self) -> tuple[str, ...]:
        """All but ground, in order of appearance."""
        seen = dict.fromkeys(node for element in self.elements for _, *ends in branches(element) for node in ends)
        return tuple(node for node in seen if node != GROUND)

    @cached_property
    def switches(self) -> tuple[Switch, ...]:
        """The controlled switches; bit k of a configuration is number k here."""
        return tuple(element for element in self.elements if isinstance(element, Switch))

    @cached_property
    def diodes(self) -> tuple[Diode, ...]:
        """The diodes; their bits follow those of the switches."""
        return tuple(element for element in self.elements if isinstance(element, Diode))

    def describe(self, configuration: int) -> str:
        """Which switches and diodes conduct in *configuration*."""
        parts: Sequence[Switch | Diode] = (*self.switches, *self.diodes)
        return ", ".join(part.name for bit, part in enumerate(parts) if configuration >> bit & 1) or "none"


def branches(element: Element) -> Iterator[Branch]:
    """The two-terminal branches of *element*: one, or one for each winding."""
    yield element.name, element.plus, element.minus
    if isinstance(element, Pair):
        yield element.name, element.second_plus, element.second_minus


class _Groups:
    """Nodes joined by branches."""

    def __init__(self, joined: Iterable[Branch]) -> None:
        self._above: dict[str, str] = {}
        for _, plus, minus in joined:
            self._above[self.of(plus)] = self.of(minus)

    def of(self, node: str) -> str:
        """The name of *node*'s group."""
        while self._above.get(node, node) != node:
            node = self._above[node]
        return node


def _refuse_twins(circuit: Circuit) -> None:
    names = [element.name for element in circuit.elements]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"circuit {circuit.name}: {names.count(name)} parts are called {name}")
    for element in circuit.elements:
        for name, plus, minus in branches(element):
            if plus == minus:
                raise ValueError(f"circuit {circuit.name}: both ends of {name} are on node {plus}")


def _refuse_floating(circuit: Circuit) -> None:
    """Every node has a path to ground through something; the windings of a transformer do not join its sides."""
    groups = _Groups(branch for element in circuit.elements for branch in branches(element))
    floating = [node for node in circuit.nodes if groups.of(node) != groups.of(GROUND)]
    if floating:
        raise ValueError(f"circuit {circuit.name}: floating, no path to ground: node {', '.join(floating)}")


def _refuse_cut_set(circuit: Circuit) -> None:
    """No part of the circuit hangs on inductors and current sources alone: their currents could not be chosen freely."""
    feeding = (Inductor, CoupledInductors, CurrentSource)
    stiff = [branch for element in circuit.elements if not isinstance(element, feeding) for branch in branches(element)]
    groups = _Groups(stiff)
    for node in circuit.nodes:
        group = groups.of(node)
        if group == groups.of(GROUND):
            continue
        inside = [other for other in circuit.nodes if groups.of(other) == group]
        cut = [
            name
            for element in circuit.elements
            if isinstance(element, feeding)
            for name, plus, minus in branches(element)
            if (plus in inside) != (minus in inside)
        ]
        raise ValueError(
            f"circuit {circuit.name}: inductor cut-set: only {', '.join(dict.fromkeys(cut))} lead to node {', '.join(inside)}"
        )


def _refuse_loop(circuit: Circuit) -> None:
    """No loop of capacitors and voltage sources alone: their voltages could not be chosen freely."""
    done: list[Branch] = []
    for element in circuit.elements:
        if not isinstance(element, Capacitor | VoltageSource):
            continue
        path = _path(done, element.plus, element.minus)
        if path is not None:
            kinds = {type(part) for part in circuit.elements if part.name in (*path, element.name)}
            what = "loop of capacitors and ideal sources" if len(kinds) > 1 else LOOPS[type(element)]
            raise ValueError(f"circuit {circuit.name}: {what}: {', '.join((*path, element.name))}")
        done.append((element.name, element.plus, element.minus))


def _path(joined: Sequence[Branch], start: str, end: str) -> list[str] | None:
    """Names of the branches on the way from *start* to *end*, None where there is none. *joined* holds no loop."""
    ways: dict[str, list[str]] = {start: []}
    front = [start]
    while front:
        node = front.pop()
        if node == end:
            return ways[node]
        for name, plus, minus in joined:
            for here, there in ((plus, minus), (minus, plus)):
                if here == node and there not in ways:
                    ways[there] = [*ways[node], name]
                    front.append(there)
    return None
