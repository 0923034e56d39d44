"""Faults of supplies and lines: mains, auxiliary 12 V, processors, pilot lines, earth, emergency loop, CAN cable."""

from collections.abc import Callable, Iterator

from firmware_model.faults.actuators import condition
from firmware_model.faults.isolation import unplugged
from firmware_model.faults.place import Arg, Inject, Injecting, Kind, Lift, Place
from firmware_model.faults.rig import Rig

OPEN_OHM, SHORT_OHM = float("inf"), 0.0


def supply_places(rig: Rig) -> Iterator[Place]:
    """What feeds the parts of the bench."""
    yield Place("supply/mains", "the three-phase supply of the pile", tuple(_mains_kinds(rig)))
    yield Place("supply/aux_12v", "the pile's 12 V for the vehicle", tuple(_auxiliary_kinds(rig)))
    back = {"off_s": Arg(0.2, 0.001, 3600.0)}
    yield Place("supply/pile_mcu", "the supply of the pile's processor", (
        Kind("brown-out", "off for *off_s*, then started anew; all but the NVM is forgotten", _brown_out(rig), back),
        Kind("reset", "started anew at once; all but the NVM is forgotten", _reset(rig)),
    ))  # fmt: skip
    kinds = (Kind("reset", "its control unit is started anew; the session is forgotten", _reset_vehicle(rig)),)
    yield Place("supply/vehicle_mcu", "the supply of the vehicle's control unit", kinds)


def line_places(rig: Rig) -> Iterator[Place]:
    """The wires between pile and vehicle, and the safety loop."""
    pilot = rig.pile.pilot
    for name, what in PILOT.items():
        yield Place(f"line/{name}", what, tuple(_resistor_kinds(rig, f"{name}_ohm")))
    broken = condition(rig, pilot, "earth_connected", lambda _: False)
    yield Place("line/earth", "protective conductor in the cable", (Kind("open", "broken", broken),))
    lost = condition(rig, rig.pile, "earth_ok", lambda _: False)
    yield Place("line/pile_earth", "protective earth of the pile", (Kind("open", "lost; the pile's relay sees it", lost),))
    pressed = condition(rig, rig.pile.emergency, "wire_broken", lambda _: True)
    yield Place("line/emergency_stop", "safety loop of the emergency stop", (Kind("open", "broken: as if pressed", pressed),))
    for host in ("pile", "vehicle"):
        yield Place(
            f"line/can_{host}", f"CAN wires of the {host}", (Kind("open", "neither hears nor is heard", unplugged(rig, host)),)
        )


PILOT = {
    "r1": "CC1, source resistor R1 in the pile",
    "r2": "CC1, resistor R2 behind switch S in the plug",
    "r3": "CC2, resistor R3 in the plug",
    "r4": "CC1, resistor R4 in the inlet",
    "r5": "CC2, source resistor R5 in the vehicle",
}
"""The resistors of the connection confirmation (GB/T 18487.1-2015 annex B)."""


def _resistor_kinds(rig: Rig, attribute: str) -> Iterator[Kind]:
    def kind(name: str, line: str, value: Callable[[Injecting], float], **args: Arg) -> Kind:
        return Kind(name, line, condition(rig, rig.pile.pilot, attribute, value), args)

    yield kind("open", "broken wire", lambda _: OPEN_OHM)
    yield kind("short", "bridged", lambda _: SHORT_OHM)
    yield kind("other value", "*r_ohm* instead of 1 kΩ", lambda given: given["r_ohm"], r_ohm=Arg(1500.0, 0.0, 1e9))


def _mains_kinds(rig: Rig) -> Iterator[Kind]:
    yield Kind("loss", "0 V", condition(rig, rig.pile.mains, "voltage_v", lambda _: 0.0))
    volts = {"voltage_v": Arg(200.0, 0.0, 1000.0)}
    line = "*voltage_v* between the lines; the stage works from 260 to 475 V"
    yield Kind("level", line, condition(rig, rig.pile.mains, "voltage_v", lambda given: given["voltage_v"]), volts)


def _auxiliary_kinds(rig: Rig) -> Iterator[Kind]:
    auxiliary = rig.pile.auxiliary
    volts = {"voltage_v": Arg(7.0, 0.0, 30.0)}
    yield Kind(
        "level", "*voltage_v* at its source", condition(rig, auxiliary, "supply_v", lambda given: given["voltage_v"]), volts
    )
    yield Kind("open", "a broken wire", condition(rig, auxiliary, "wire_broken", lambda _: True))
    amps = {"current_a": Arg(12.0, 0.0, 100.0)}
    line = "the vehicle takes *current_a*; beyond 10 A the supply shuts down"
    yield Kind("overload", line, condition(rig, auxiliary, "load_a", lambda given: given["current_a"]), amps)


def _brown_out(rig: Rig) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        pile, off = rig.pile, True
        pile.board.power_off(injecting.now)
        pile.port.power_down(injecting.now)
        injecting.touched(injecting.now)

        def back(now: int) -> None:
            nonlocal off
            if off:
                off = False
                pile.port.power_up(now)
                rig.bench.restart_pile(now)

        rig.clock.at(injecting.now + round(injecting["off_s"] * 1e6), back)
        return back

    return inject


def _reset(rig: Rig) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        rig.pile.port.reset(injecting.now)
        rig.bench.restart_pile(injecting.now)
        injecting.touched(injecting.now)
        return _nothing

    return inject


def _reset_vehicle(rig: Rig) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        if rig.vehicle.port.powered:
            injecting.touched(injecting.now)
        rig.vehicle.restart(injecting.now)
        return _nothing

    return inject


def _nothing(_: int) -> None:
    pass
