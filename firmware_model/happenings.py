"""What happens to a bench from outside: people who do things, and the grid.

A moment is a time after the start, or after the pile's session first enters a phase.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from firmware_model.clock import Clock, Story
from firmware_model.pile import Pile
from firmware_model.vehicle import Vehicle
from protocols.core.errors import LocalError
from protocols.gbt27930.charger_rules import ChargerState

PRESS_US: Final = 200_000
"""How long a push button is held."""
PHASES: Final = tuple(state.name for state in ChargerState)


@dataclass(frozen=True, slots=True)
class Moment:
    """*at_us* after the start, or after the pile first enters phase *after*."""

    at_us: int = 0
    after: str | None = None

    def __post_init__(self) -> None:
        if self.after is not None and self.after not in PHASES:
            raise LocalError(f"after {self.after!r}: one of {', '.join(PHASES)}")


@dataclass(frozen=True, slots=True)
class Step:
    """Somebody does *what* (a key of `ACTIONS`) at *when*."""

    what: str
    when: Moment


def _plug_in(_: Pile, vehicle: Vehicle, now: int) -> None:
    vehicle.plug_in(now)


def _unplug(pile: Pile, vehicle: Vehicle, now: int) -> None:
    pile.authorised = False
    vehicle.pull_out(now)


def _start(pile: Pile, _: Vehicle, now: int) -> None:
    pile.authorised = True
    pile.poke(now)


def _emergency(pile: Pile, _: Vehicle, now: int) -> None:
    pile.emergency.pressed = True
    pile.poke(now)


def _button(pressed: bool) -> "Action":
    def act(pile: Pile, vehicle: Vehicle, now: int) -> None:
        pile.pilot.button_pressed = pressed
        pile.poke(now)
        vehicle.poke(now)

    return act


def _mains(voltage_v: float) -> "Action":
    def act(pile: Pile, _: Vehicle, now: int) -> None:
        pile.circuit.poke(now)
        pile.mains.voltage_v = voltage_v
        pile.poke(now)

    return act


def _press_stop(pile: Pile, _: Vehicle, now: int) -> None:
    pile.stop_pressed = True
    pile.poke(now)


Action = Callable[[Pile, Vehicle, int], None]
ACTIONS: Final[Mapping[str, Action]] = {
    "plug in": _plug_in,
    "start": _start,
    "stop": _press_stop,
    "vehicle stop": lambda _, vehicle, now: vehicle.stop(now),
    "emergency stop": _emergency,
    "forbid": lambda _, vehicle, now: vehicle.pause(True, now),
    "permit": lambda _, vehicle, now: vehicle.pause(False, now),
    "press button": _button(True),
    "release button": _button(False),
    "mains off": _mains(0.0),
    "mains on": _mains(380.0),
    "unplug": _unplug,
}
"""What people and the grid can do, by the words used in scenarios."""


class Script:
    """The story of the people around the bench."""

    def __init__(self, clock: Clock, pile: Pile, vehicle: Vehicle, steps: Sequence[Step]) -> None:
        unknown = [step.what for step in steps if step.what not in ACTIONS]
        if unknown:
            raise LocalError(f"nobody can do {unknown[0]!r}: one of {', '.join(ACTIONS)}")
        self._clock, self._pile, self._vehicle = clock, pile, vehicle
        self._later = [step for step in steps if step.when.after is not None]
        self._under_way = 0
        for step in steps:
            if step.when.after is None:
                self._begin(step)

    @property
    def done(self) -> bool:
        """Whether everything that can still happen has happened. A step after a phase that never came does not count."""
        return self._under_way == 0

    def reached(self, phase: str, now: int) -> None:
        """The pile's session entered *phase* at *now*."""
        for step in [step for step in self._later if step.when.after == phase]:
            self._later.remove(step)
            self._begin(step)

    def _begin(self, step: Step) -> None:
        self._under_way += 1
        self._clock.tell(self._tell(step))

    def _tell(self, step: Step) -> Story:
        yield self._clock.env.timeout(step.when.at_us)
        ACTIONS[step.what](self._pile, self._vehicle, int(self._clock.env.now))
        if step.what == "stop":
            yield self._clock.env.timeout(PRESS_US)
            self._pile.stop_pressed = False
            self._pile.poke(int(self._clock.env.now))
        self._under_way -= 1
