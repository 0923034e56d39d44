"""Brings faults into force when their time has come, lifts them again, and writes both into the trace."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from firmware_model.faults.catalogue import places_of
from firmware_model.faults.fault import Fault, Injected, Lifted, TookEffect
from firmware_model.faults.place import Injecting, Kind, Lift
from firmware_model.faults.rig import Rig
from firmware_model.faults.trigger import Wait

if TYPE_CHECKING:
    from firmware_model.bench import Bench

WHO = "fault"
"""Who speaks in the trace."""


class Running:
    """One fault of a run."""

    def __init__(self, rig: Rig, fault: Fault, number: int) -> None:
        place = places_of(rig).find(fault.where)
        self.fault = fault
        self._rig = rig
        self._kind: Kind = place.kind(fault.kind)
        self._args = self._kind.complete(fault.where, fault.args)
        self._path = f"fault/{number}/{fault.where}/{fault.kind}"
        self._lift: Lift | None = None
        self._touched = False
        self._wait = Wait(rig, fault.when, self._triggered) if fault.when is not None else None

    def arm(self, now: int) -> None:
        """The phase has come that the fault belongs to, or the run begins."""
        if self._wait is None:
            self._triggered(now)
        else:
            self._wait.start()

    def _triggered(self, now: int) -> None:
        fault, clock = self.fault, self._rig.clock
        if fault.at_us:
            clock.at(now + fault.at_us, self._begin)
        else:
            self._begin(now)
        if fault.until_us is not None:
            clock.at(now + fault.until_us, self._end)

    def _begin(self, now: int) -> None:
        self._rig.trace.note(now, WHO, (Injected(self.fault),))
        injecting = Injecting(now, self._args, self._touch, self._rig.draw(self._path))
        self._lift = self._kind.inject(injecting)

    def _end(self, now: int) -> None:
        if self._lift is not None:
            self._lift(now)
            self._lift = None
            self._rig.trace.note(now, WHO, (Lifted(self.fault),))

    def _touch(self, now: int) -> None:
        if not self._touched:
            self._touched = True
            self._rig.trace.note(now, WHO, (TookEffect(self.fault),))


class Engine:
    """All faults of a bench. Raises LocalError at once for a place, kind, argument or trigger that does not exist."""

    def __init__(self, bench: "Bench", faults: Sequence[Fault]) -> None:
        rig = Rig(bench)
        self._running = [Running(rig, fault, number) for number, fault in enumerate(faults)]
        self._waiting = [running for running in self._running if running.fault.after is not None]
        for running in self._running:
            if running.fault.after is None:
                running.arm(bench.clock.now)

    def reached(self, phase: str, now: int) -> None:
        """The pile's session entered *phase* at *now*."""
        for running in [running for running in self._waiting if running.fault.after == phase]:
            self._waiting.remove(running)
            running.arm(now)
