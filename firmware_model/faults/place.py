"""Places that faults can be aimed at, and the kinds of fault that each can have."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from math import isfinite
from typing import Final

from numpy.random import Generator

from protocols.core.errors import LocalError

BIG: Final = 1e12


@dataclass(frozen=True, slots=True)
class Arg:
    """A number of a kind: its default, and the least and greatest value that make sense."""

    default: float
    low: float = -BIG
    high: float = BIG


@dataclass(frozen=True, slots=True)
class Injecting:
    """What a kind is given when its fault begins."""

    now: int
    args: Mapping[str, float]
    touched: Callable[[int], None]
    """To be called with the time whenever the fault makes a difference; cheap after the first time."""
    rng: Generator

    def __getitem__(self, name: str) -> float:
        return self.args[name]


Lift = Callable[[int], None]
"""Ends a fault at the given time."""
Inject = Callable[[Injecting], Lift]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of fault at one place. *inject* brings it into force and returns what ends it."""

    name: str
    line: str
    """What it is, in a line for people."""
    inject: Inject
    args: Mapping[str, Arg] = field(default_factory=dict)

    def complete(self, where: str, given: Mapping[str, float]) -> Mapping[str, float]:
        """*given* with defaults. Raises LocalError for an unknown name or a value out of range."""
        for name, value in given.items():
            arg = self.args.get(name)
            if arg is None:
                raise LocalError(f"{where} {self.name}: no argument {name!r}{near(name, self.args)}")
            if not (isfinite(value) and arg.low <= value <= arg.high):
                raise LocalError(f"{where} {self.name}: {name} = {value:g}: must be from {arg.low:g} to {arg.high:g}")
        return {name: given.get(name, arg.default) for name, arg in self.args.items()}


@dataclass(frozen=True, slots=True)
class Place:
    """Something that can fail. *what* says in words what it is."""

    where: str
    what: str
    kinds: tuple[Kind, ...]

    def kind(self, name: str) -> Kind:
        """The kind *name*. Raises LocalError with those that there are."""
        for kind in self.kinds:
            if kind.name == name:
                return kind
        raise LocalError(f"{self.where}: cannot be {name!r}; one of {', '.join(kind.name for kind in self.kinds)}")


class Places(dict[str, Place]):
    """All places of a bench by name."""

    def __init__(self, places: Iterable[Place]) -> None:
        super().__init__((place.where, place) for place in places)

    def find(self, where: str) -> Place:
        """The place *where*. Raises LocalError with near names."""
        place = self.get(where)
        if place is None:
            raise LocalError(f"no place {where!r} to aim a fault at{near(where, self) or '; `pilebench faults` lists them'}")
        return place


def near(name: str, names: Iterable[str]) -> str:
    """ "; did you mean ...?" with the nearest of *names*, whatever their case; empty if none is near."""
    known = {candidate.lower(): candidate for candidate in names}
    close = get_close_matches(name.lower(), known, n=3, cutoff=0.5)
    close += [low for low in known if low.rpartition("/")[2] == name.lower().rpartition("/")[2] and low not in close][:3]
    return f"; did you mean {' or '.join(known[low] for low in close)}?" if close else ""
