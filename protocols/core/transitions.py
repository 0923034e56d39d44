"""Rules of a session as a table: (state, input) -> (state, clause)."""

from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import Generic, NamedTuple, TypeVar

from protocols.core.errors import LocalError

State = TypeVar("State", bound=Hashable)
Input = TypeVar("Input", bound=Hashable)


class Edge(NamedTuple, Generic[State, Input]):
    """One rule: in *before*, *given* leads to *after*; *clause* names the rule's source."""

    before: State
    given: Input
    after: State
    clause: str


class Transitions(Mapping[tuple[State, Input], Edge[State, Input]]):
    """The whole rule book of a session. A pair that is not listed leaves the state as it is.

    Refuses two rules for one pair. Iterates in the order written, which docs and coverage reports follow.
    """

    def __init__(self, rules: Iterable[tuple[State | Iterable[State], Input, State, str]]) -> None:
        self._edges: dict[tuple[State, Input], Edge[State, Input]] = {}
        for befores, given, after, clause in rules:
            for before in _each(befores):
                if (before, given) in self._edges:
                    raise LocalError(f"two rules for {before} on {given}")
                self._edges[before, given] = Edge(before, given, after, clause)

    def __getitem__(self, key: tuple[State, Input]) -> Edge[State, Input]:
        return self._edges[key]

    def __iter__(self) -> Iterator[tuple[State, Input]]:
        return iter(self._edges)

    def __len__(self) -> int:
        return len(self._edges)

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram for the docs."""
        rows = (f"    {_label(e.before)} --> {_label(e.after)}: {_label(e.given)}" for e in self._edges.values())
        return "\n".join(["stateDiagram-v2", *rows])


def _each(states: State | Iterable[State]) -> Iterable[State]:
    return states if isinstance(states, (tuple, list, frozenset)) else (states,)


def _label(value: object) -> str:
    return str(getattr(value, "name", value))
