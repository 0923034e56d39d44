"""Faults of what moves or heats: contactors, lock, bleeder. Their physical conditions are attributes of the parts themselves."""

from collections.abc import Callable, Iterator
from typing import Any

from firmware_model.cabinet.contactor import Contactor
from firmware_model.faults.place import Arg, Inject, Injecting, Kind, Lift, Place
from firmware_model.faults.rig import Rig


def actuator_places(rig: Rig) -> Iterator[Place]:
    """K1..K6, the lock, the bleeder."""
    for contactor in contactors_of(rig):
        name, side = contactor.name, "vehicle" if contactor.name in ("K5", "K6") else "pile"
        yield Place(f"actuator/{name}", f"contactor {name} of the {side}", tuple(_contactor_kinds(rig, contactor)))
    yield Place("actuator/lock", "the connector's lock", tuple(_lock_kinds(rig)))
    yield Place("actuator/bleeder", "the discharge resistor and its switch", tuple(_bleeder_kinds(rig)))


def contactors_of(rig: Rig) -> tuple[Contactor, ...]:
    """K1 to K6."""
    circuit, auxiliary, inlet = rig.pile.circuit, rig.pile.auxiliary, rig.vehicle.inlet
    return circuit.k1, circuit.k2, auxiliary.k3, auxiliary.k4, inlet.k5, inlet.k6


def condition(
    rig: Rig, part: Any, name: str, value: Callable[[Injecting], Any], differs: Callable[[int], bool] = lambda _: True
) -> Inject:
    """A kind that sets the physical condition *name* of *part*, and restores it afterwards.

    *differs* tells whether the condition makes a difference at a time; it is asked after each step of the plant.
    """

    def inject(injecting: Injecting) -> Lift:
        active = True
        rig.poke(injecting.now)
        before = getattr(part, name)
        setattr(part, name, value(injecting))

        def look(now: int) -> bool:
            if active and differs(now):
                injecting.touched(now)
                return True
            return not active

        def lift(now: int) -> None:
            nonlocal active
            active = False
            rig.poke(now)
            setattr(part, name, before)

        rig.watch(look)
        return lift

    return inject


def _contactor_kinds(rig: Rig, contactor: Contactor) -> Iterator[Kind]:
    def differs(now: int) -> bool:
        return not contactor.moving(now) and contactor.closed(now) is not contactor.wanted

    def lies(now: int) -> bool:
        return contactor.feedback_stuck is not None and contactor.feedback_stuck is not contactor.closed(now)

    def kind(
        name: str, line: str, attribute: str, value: Callable[[Injecting], Any], when: Callable[[int], bool], **args: Arg
    ) -> Kind:
        return Kind(name, line, condition(rig, contactor, attribute, value, when), args)

    yield kind("welded", "its main contact does not open", "welded", lambda _: True, differs)
    yield kind("stuck open", "does not close", "stuck_open", lambda _: True, differs)
    slow = Arg(20.0, 0.1, 1000.0)
    yield kind("slow", "takes *factor* times as long", "slowness", lambda given: given["factor"], contactor.moving, factor=slow)
    bounce = Arg(0.06, 0.0, 1.0)
    yield kind(
        "bounce",
        "bounces for *bounce_s*",
        "bounce_us",
        lambda given: round(given["bounce_s"] * 1e6),
        contactor.moving,
        bounce_s=bounce,
    )
    yield kind("feedback on", "its auxiliary contact always says closed", "feedback_stuck", lambda _: True, lies)
    yield kind("feedback off", "its auxiliary contact always says open", "feedback_stuck", lambda _: False, lies)


def _lock_kinds(rig: Rig) -> Iterator[Kind]:
    lock = rig.pile.lock

    def moving(now: int) -> bool:
        return now < lock.settles_at

    def lies(now: int) -> bool:
        return lock.feedback(now) is not lock.locked(now)

    yield Kind("jammed", "stays where it is", condition(rig, lock, "jammed", lambda _: True, moving))
    yield Kind(
        "slow",
        "takes *factor* times as long",
        condition(rig, lock, "slowness", lambda g: g["factor"], moving),
        {"factor": Arg(20.0, 0.1, 1000.0)},
    )
    yield Kind("feedback on", "its switch always says locked", condition(rig, lock, "feedback_stuck", lambda _: True, lies))
    yield Kind("feedback off", "its switch always says open", condition(rig, lock, "feedback_stuck", lambda _: False, lies))
    yield Kind("springs open", "its bolt is out of the plug at once", _spring(rig))


def _spring(rig: Rig) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        if rig.pile.lock.locked(injecting.now):
            injecting.touched(injecting.now)
        rig.poke(injecting.now)
        rig.pile.lock.release(injecting.now)
        return lambda _: None

    return inject


def _bleeder_kinds(rig: Rig) -> Iterator[Kind]:
    bleeder = rig.pile.circuit.bleeder
    yield Kind("open", "its resistor is burnt", condition(rig, bleeder, "burnt", lambda _: True, lambda _: bleeder.on))
    yield Kind("welded", "its switch does not open", condition(rig, bleeder, "welded", lambda _: True, lambda _: not bleeder.on))
