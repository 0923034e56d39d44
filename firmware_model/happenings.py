"""What happens to a bench from outside: people who do things, and the grid.

A moment is a time after the start, or after the pile's session first enters a phase.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from firmware_model.cabinet.auxiliary import Mains
from firmware_model.clock import Clock, Story
from firmware_model.pile import Pile
from firmware_model.vehicle import Vehicle
from protocols.core.errors import LocalError
from protocols.gbt27930.charger_rules import ChargerState

PRESS_US: Final = 200_000
"""How long a push button is held."""
NOMINAL_V: Final = Mains().voltage_v
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
    """Somebody does *what* (a key of `ACTIONS`) at *when*; what ends by itself (a key of `ENDS`) does so after *for_us*.

    *voltage_v* is what a mains dip leaves between two lines.
    """

    what: str
    when: Moment
    for_us: int = PRESS_US
    voltage_v: float = 0.0

    def __post_init__(self) -> None:
        if self.what not in ACTIONS:
            raise LocalError(f"nobody can do {self.what!r}: one of {', '.join(ACTIONS)}")


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


def _mains(pile: Pile, voltage_v: float, now: int) -> None:
    pile.circuit.poke(now)
    pile.mains.voltage_v = voltage_v
    pile.poke(now)


def _stop_button(pressed: bool) -> "Action":
    def act(pile: Pile, _: Vehicle, now: int) -> None:
        pile.stop_pressed = pressed
        pile.poke(now)

    return act


def _start_reserved(pile: Pile, vehicle: Vehicle, now: int) -> None:
    """The reserved time has come: the back office starts the charge, if the vehicle is there."""
    if vehicle.plugged:
        _start(pile, vehicle, now)


Action = Callable[[Pile, Vehicle, int], None]
ACTIONS: Final[Mapping[str, Action]] = {
    "plug in": _plug_in,
    "start": _start,
    "reserve": lambda *_: None,
    "stop": _stop_button(True),
    "vehicle stop": lambda _, vehicle, now: vehicle.stop(now),
    "emergency stop": _emergency,
    "forbid": lambda _, vehicle, now: vehicle.pause(True, now),
    "permit": lambda _, vehicle, now: vehicle.pause(False, now),
    "press button": _button(True),
    "release button": _button(False),
    "mains off": lambda pile, _, now: _mains(pile, 0.0, now),
    "mains on": lambda pile, _, now: _mains(pile, NOMINAL_V, now),
    "mains dip": lambda *_: None,
    "unplug": _unplug,
}
"""What people and the grid can do, by the words used in scenarios. A reserved charge starts at its end; a dip needs its depth."""
ENDS: Final[Mapping[str, Action]] = {
    "reserve": _start_reserved,
    "stop": _stop_button(False),
    "mains dip": ACTIONS["mains on"],
}
"""What comes after what lasts for a while."""


class Script:
    """The story of the people around the bench."""

    def __init__(self, clock: Clock, pile: Pile, vehicle: Vehicle, steps: Sequence[Step]) -> None:
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
        env, pile, vehicle = self._clock.env, self._pile, self._vehicle
        yield env.timeout(step.when.at_us)
        ACTIONS[step.what](pile, vehicle, int(env.now))
        if step.what == "mains dip":
            _mains(pile, step.voltage_v, int(env.now))
        if step.what in ENDS:
            yield env.timeout(step.for_us)
            ENDS[step.what](pile, vehicle, int(env.now))
        self._under_way -= 1
