"""Faults between board and power stage, and of the stage's fan."""

from collections.abc import Callable, Iterator
from typing import Any

from firmware_model.faults.actuators import condition
from firmware_model.faults.place import Arg, Inject, Injecting, Kind, Lift, Place
from firmware_model.faults.rig import Rig
from firmware_model.power.stage import OFF, Setpoint

Command = Callable[[Setpoint], Setpoint]


def stage_places(rig: Rig) -> Iterator[Place]:
    """The set points on their way to the stage, and the fan."""
    commands = _Commands(rig)
    factor = {"factor": Arg(1.3, 0.0, 3.0)}
    yield Place("actuator/stage", "the power stage, as it obeys its set points", (
        Kind("stuck", "keeps the last set point", commands.inject(lambda _: lambda __: rig.pile.circuit.setpoint)),
        Kind("does not switch off", "stays enabled", commands.inject(lambda _: lambda wanted: wanted._replace(enabled=True))),
        Kind("dead", "delivers nothing", commands.inject(lambda _: lambda __: OFF)),
        Kind("current gain", "takes *factor* times the current", commands.inject(_current), factor),
        Kind("voltage gain", "takes *factor* times the voltage", commands.inject(_voltage), factor),
    ))  # fmt: skip
    stage: Any = rig.pile.circuit.stage
    warmer = condition(rig, stage, "ambient_degc", lambda given: stage.ambient_degc + given["rise_k"])
    line = "stands still: the air at the modules is *rise_k* warmer"
    yield Place("actuator/fan", "the fan of the cabinet", (Kind("dead", line, warmer, {"rise_k": Arg(45.0, 0.0, 150.0)}),))


def _current(injecting: Injecting) -> Command:
    return lambda wanted: wanted._replace(current_a=wanted.current_a * injecting["factor"])


def _voltage(injecting: Injecting) -> Command:
    return lambda wanted: wanted._replace(voltage_v=wanted.voltage_v * injecting["factor"])


class _Commands:
    """The set points pass the changes in force, in the order they came."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._changes: list[tuple[Command, Injecting]] = []
        self._obey: Callable[[Setpoint, int], None] | None = None
        self._wanted = OFF

    def inject(self, make: Callable[[Injecting], Command]) -> Inject:
        def inject(injecting: Injecting) -> Lift:
            pile = self._rig.pile
            if self._obey is None:
                self._obey, pile.command_stage, self._wanted = pile.command_stage, self._passing, pile.circuit.setpoint
            entry = make(injecting), injecting
            self._changes.append(entry)
            self._passing(self._wanted, injecting.now)

            def lift(now: int) -> None:
                self._changes.remove(entry)
                self._passing(self._wanted, now)

            return lift

        return inject

    def _passing(self, setpoint: Setpoint, now: int) -> None:
        assert self._obey is not None
        self._wanted = setpoint
        for change, injecting in self._changes:
            changed = change(setpoint)
            if changed != setpoint:
                injecting.touched(now)
            setpoint = changed
        self._obey(setpoint, now)
