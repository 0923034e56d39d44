"""Faults of the battery, of what its management measures and reports, and of the insulation against earth."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import fields
from math import inf
from typing import Any, Final

from firmware_model.battery.monitor import Errors
from firmware_model.faults.actuators import condition
from firmware_model.faults.place import Arg, Inject, Injecting, Kind, Lift, Place
from firmware_model.faults.rig import Rig

WRONG: Final[Mapping[str, float]] = {"gain": 1.2, "a": 20.0, "pct": 15.0, "v": 0.2, "k": 20.0}
"""A telling error by the last word of its name."""


def battery_places(rig: Rig) -> Iterator[Place]:
    """Cells, cooling, temperature."""
    pack, kind = rig.vehicle.pack, rig.vehicle.pack.kind
    number = Arg(1, 1, kind.series * kind.parallel)
    capacity, resistance = Arg(0.6, 0.01, 1.0), Arg(8.0, 0.1, 1000.0)
    kinds = (
        Kind("weak", "has *factor* of its capacity", _spoil(rig, "capacity"), {"number": number, "factor": capacity}),
        Kind(
            "resistive", "has *factor* times its resistance", _spoil(rig, "resistance"), {"number": number, "factor": resistance}
        ),
        Kind("leaks", "discharges itself with *leak_a*", _leak(rig), {"number": number, "leak_a": Arg(2.0, 0.0, 100.0)}),
    )
    yield Place("battery/cell", "one cell of the battery", kinds)
    degrees = {"temp_degc": Arg(70.0, -40.0, 150.0)}
    hot = condition(rig, pack, "coolant_degc", lambda given: given["temp_degc"])
    yield Place("battery/coolant", "the coolant of the battery", (Kind("wrong temperature", "has *temp_degc*", hot, degrees),))
    yield Place(
        "battery/temperature",
        "all cells of the battery",
        (Kind("jumps", "are at *temp_degc* at once", _heat(rig), {"temp_degc": Arg(62.0, -40.0, 150.0)}),),
    )


def bms_places(rig: Rig) -> Iterator[Place]:
    """What the management system measures wrongly, and the alarms that it may raise in BSM."""
    for item in fields(Errors):
        value = Arg(WRONG[item.name.rpartition("_")[2]], -1e4, 1e4)
        wrong = condition(rig, rig.vehicle.monitor.errors, item.name, lambda given: given["value"])
        yield Place(
            f"bms/{item.name}", f"{item.name} of the vehicle's measuring", (Kind("wrong", "is *value*", wrong, {"value": value}),)
        )
    for field in rig.layouts["BSM"].available():
        if field.choices is not None and field.name != "permitted":
            yield Place(
                f"bms/{field.name}",
                f"flag {field.name} of the vehicle",
                (Kind("alarm", "is reported in BSM", _alarm(rig, field.name)),),
            )


def insulation_places(rig: Rig) -> Iterator[Place]:
    """The paths to earth."""
    for pole in ("plus", "minus", "both"):
        what = "both DC poles" if pole == "both" else f"DC {pole}"
        ohms = {"r_ohm": Arg(20e3, 0.0, 1e9)}
        kind = Kind("leaks", "has a path of *r_ohm* to earth", _earth(rig, pole), ohms)
        yield Place(f"insulation/{pole}", what, (kind,))


def _spoil(rig: Rig, what: str) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        pack, number, factor = rig.vehicle.pack, int(injecting["number"]), injecting["factor"]
        rig.poke(injecting.now)
        pack.spoil(number, **{what: factor})
        injecting.touched(injecting.now)

        def lift(now: int) -> None:
            rig.poke(now)
            pack.spoil(number, **{what: 1.0 / factor})

        return lift

    return inject


def _leak(rig: Rig) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        pack, number, leak_a = rig.vehicle.pack, int(injecting["number"]), injecting["leak_a"]
        rig.poke(injecting.now)
        pack.spoil(number, leak_a=leak_a)
        injecting.touched(injecting.now)

        def lift(now: int) -> None:
            rig.poke(now)
            pack.spoil(number, leak_a=-leak_a)

        return lift

    return inject


def _heat(rig: Rig) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        rig.poke(injecting.now)
        rig.vehicle.pack.temp_degc = injecting["temp_degc"]
        rig.vehicle.pack.refresh()
        injecting.touched(injecting.now)
        return lambda _: None

    return inject


def _alarm(rig: Rig, name: str) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        monitor = rig.vehicle.monitor
        _set_alarms(monitor, lambda alarms: alarms | {name})
        injecting.touched(injecting.now)
        return lambda _: _set_alarms(monitor, lambda alarms: alarms - {name})

    return inject


def _set_alarms(monitor: Any, change: Callable[[frozenset[str]], frozenset[str]]) -> None:
    monitor.alarms = change(monitor.alarms)
    monitor.renew()


def _earth(rig: Rig, pole: str) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        insulation, name, r_ohm = rig.pile.insulation, f"fault of {pole}", injecting["r_ohm"]
        rig.poke(injecting.now)
        insulation.set(name, plus_ohm=inf if pole == "minus" else r_ohm, minus_ohm=inf if pole == "plus" else r_ohm)
        injecting.touched(injecting.now)

        def lift(now: int) -> None:
            rig.poke(now)
            insulation.remove(name)

        return lift

    return inject
