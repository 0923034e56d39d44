"""Parts of an ideal switched circuit. Nodes are names; "0" is ground. SI units.

The current of a two-terminal part is positive from *plus* to *minus* through the part.
"""

from dataclasses import dataclass
from typing import Final

from firmware_model.power.circuits.limits import refuse_unphysical

GROUND: Final = "0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Resistor:
    """A resistance, never zero: an ideal wire is one node."""

    name: str
    plus: str
    minus: str
    r_ohm: float

    def __post_init__(self) -> None:
        refuse_unphysical(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Inductor:
    """An inductance; its current is a state."""

    name: str
    plus: str
    minus: str
    l_h: float
    initial_a: float = 0.0

    def __post_init__(self) -> None:
        refuse_unphysical(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Capacitor:
    """A capacitance; its voltage is a state."""

    name: str
    plus: str
    minus: str
    c_f: float
    initial_v: float = 0.0

    def __post_init__(self) -> None:
        refuse_unphysical(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class CoupledInductors:
    """Two windings on one core. *plus* and *second_plus* are the dotted ends; both currents are states."""

    name: str
    plus: str
    minus: str
    second_plus: str
    second_minus: str
    first_h: float
    second_h: float
    coupling: float
    initial_a: float = 0.0
    second_initial_a: float = 0.0

    def __post_init__(self) -> None:
        refuse_unphysical(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Transformer:
    """An ideal transformer, *turns_ratio* : 1, dots at *plus* and *second_plus*. It stores and loses nothing."""

    name: str
    plus: str
    minus: str
    second_plus: str
    second_minus: str
    turns_ratio: float

    def __post_init__(self) -> None:
        refuse_unphysical(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class VoltageSource:
    """*dc_v* plus a sine of *peak_v*; the voltage of *plus* against *minus*."""

    name: str
    plus: str
    minus: str
    dc_v: float = 0.0
    peak_v: float = 0.0
    frequency_hz: float = 50.0
    phase_deg: float = 0.0
    held: bool = False
    """Whether *dc_v* is only its first value, which `Simulation.hold` may change between two runs. No sine then."""

    def __post_init__(self) -> None:
        refuse_unphysical(self)
        _refuse_held_sine(self.name, self.peak_v, self.held)


@dataclass(frozen=True, slots=True, kw_only=True)
class CurrentSource:
    """*dc_a* plus a sine of *peak_a*, from *plus* to *minus* through the source."""

    name: str
    plus: str
    minus: str
    dc_a: float = 0.0
    peak_a: float = 0.0
    frequency_hz: float = 50.0
    phase_deg: float = 0.0
    held: bool = False
    """Whether *dc_a* is only its first value, which `Simulation.hold` may change between two runs. No sine then."""

    def __post_init__(self) -> None:
        refuse_unphysical(self)
        _refuse_held_sine(self.name, self.peak_a, self.held)


@dataclass(frozen=True, slots=True, kw_only=True)
class Switch:
    """A controlled switch that conducts both ways: a small resistance closed, a large one open."""

    name: str
    plus: str
    minus: str
    on_ohm: float = 10e-3
    off_ohm: float = 1e6
    closed: bool = False
    """Where no gate says otherwise."""

    def __post_init__(self) -> None:
        refuse_unphysical(self)
        _refuse_order(self.name, self.on_ohm, self.off_ohm)


@dataclass(frozen=True, slots=True, kw_only=True)
class Diode:
    """Conducts from *plus* (anode) to *minus* (cathode) above *forward_v*, then behind *on_ohm*."""

    name: str
    plus: str
    minus: str
    forward_v: float = 0.0
    on_ohm: float = 10e-3
    off_ohm: float = 1e6

    def __post_init__(self) -> None:
        refuse_unphysical(self)
        _refuse_order(self.name, self.on_ohm, self.off_ohm)
        if self.forward_v < 0.0:
            raise ValueError(f"Diode {self.name}.forward_v = {self.forward_v} v: allowed 0 .. 1e+09 v")


def _refuse_order(name: str, on_ohm: float, off_ohm: float) -> None:
    if on_ohm >= off_ohm:
        raise ValueError(f"{name}.on_ohm = {on_ohm} ohm: allowed below off_ohm = {off_ohm:g} ohm")


def _refuse_held_sine(name: str, peak: float, held: bool) -> None:
    if held and peak:
        raise ValueError(f"{name}.held = True: allowed without a sine, its peak is {peak:g}")


Pair = CoupledInductors | Transformer
Element = Resistor | Inductor | Capacitor | CoupledInductors | Transformer | VoltageSource | CurrentSource | Switch | Diode
