"""Bit flips in the memory of the pile's processor."""

from collections.abc import Iterator

from firmware_model.faults.place import Arg, Inject, Injecting, Kind, Lift, Place
from firmware_model.faults.rig import Rig
from firmware_model.mcu.memory import VARIABLES, Trap, Variable


def memory_places(rig: Rig) -> Iterator[Place]:
    """Every declared variable."""
    for variable in VARIABLES:
        bit = {"bit": Arg(default_bit(variable), 0, variable.bits - 1)}
        kind = Kind("bit flip", "*bit* is inverted once", _flip(rig, variable), bit)
        yield Place(
            f"memory/{variable.name}", f"variable {variable.name} of the pile's controller, {variable.bits} bits", (kind,)
        )


def default_bit(variable: Variable) -> int:
    """A bit that hurts: of a number in milli-units about 65 units, of a time in µs 17 minutes, else the lowest."""
    return {32: 16, 64: 30}.get(variable.bits, 0)


def _flip(rig: Rig, variable: Variable) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        try:
            variable.flip(rig.bench.charger, int(injecting["bit"]))
        except Trap:
            rig.pile.board.freeze(injecting.now)
        injecting.touched(injecting.now)
        return lambda _: None

    return inject
