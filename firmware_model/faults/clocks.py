"""Faults of timers: clocks that run fast or slow, tasks that hang or take too long."""

from collections.abc import Iterator
from typing import Any, cast

from firmware_model.board import NEVER, Controller, Inputs, Outputs
from firmware_model.faults.place import Arg, Inject, Injecting, Kind, Lift, Place
from firmware_model.faults.rig import Rig
from protocols.core.frame import Frame

PPM = {"ppm": Arg(20_000.0, -200_000.0, 200_000.0)}
"""Positive: fast. 20 000 ppm is a watch-less RC oscillator at its worst."""


def timer_places(rig: Rig) -> Iterator[Place]:
    """The clocks and tasks of both sides."""
    yield Place("timer/pile", "the processor of the pile", (
        Kind("drift", "its clock is fast by *ppm*", _drift_pile(rig), PPM),
        Kind("frozen", "it hangs; the watchdog finds out", _freeze_pile(rig)),
        Kind("overrun", "each activation takes *busy_s*", _overrun(rig), {"busy_s": Arg(0.02, 0.001, 10.0)}),
    ))  # fmt: skip
    yield Place("timer/vehicle", "the control unit of the vehicle", (
        Kind("drift", "its clock is fast by *ppm*", _drift_vehicle(rig), PPM),
        Kind("frozen", "its software hangs: it neither hears nor says anything", _freeze_vehicle(rig)),
    ))  # fmt: skip
    for name in rig.bench.charger.slow_tasks:
        yield Place(
            f"timer/{name}", f"task {name} of the pile's firmware", (Kind("frozen", "is never run", _freeze_task(rig, name)),)
        )


class LocalClock:
    """A clock that is right at *since* and then fast by *ppm*, until it is told to go right again; its error stays."""

    def __init__(self, since: int, ppm: float) -> None:
        self._since, self._local, self._rate = since, since, 1.0 + ppm * 1e-6

    def go_right(self, now: int) -> None:
        """From now on with the true rate."""
        self._since, self._local, self._rate = now, self.local(now), 1.0

    def local(self, now: int) -> int:
        """What it shows at *now*."""
        return self._local + int((now - self._since) * self._rate)

    def true(self, local: int) -> int:
        """The first moment at which it shows at least *local*."""
        moment = self._since + int((local - self._local) / self._rate)
        while self.local(moment) < local:
            moment += 1
        return moment


class DriftingProcessor:
    """Stands before a controller and tells it the wrong time."""

    def __init__(self, inner: Controller, clock: LocalClock) -> None:
        self._inner, self._clock = inner, clock

    def step(self, now: int, inputs: Inputs) -> Outputs:
        clock = self._clock
        inputs.tick_us = local = clock.local(now)
        outputs = self._inner.step(local, inputs)
        if outputs.next_us < NEVER:
            outputs.next_us = max(clock.true(outputs.next_us), now + 1)
        return outputs


class BusyProcessor:
    """Stands before a controller that takes *busy_us* for each activation: others in the meantime do not take place."""

    def __init__(self, inner: Controller, busy_us: int) -> None:
        self._inner, self._busy_us = inner, busy_us
        self._free_at = 0
        self._held: list[Frame] = []
        self._wake = 0
        self._waiting = Outputs()
        self.skipped = 0

    def step(self, now: int, inputs: Inputs) -> Outputs:
        self._held.extend(inputs.rx)
        self._wake |= inputs.wake
        if now < self._free_at:
            self.skipped += 1
            return self._waiting
        inputs.rx, self._held = tuple(self._held), []
        inputs.wake, self._wake = self._wake, 0
        self._free_at = now + self._busy_us
        outputs = self._inner.step(now, inputs)
        self._waiting = _held_outputs(outputs)
        return outputs


def _held_outputs(outputs: Outputs) -> Outputs:
    """What stays on the pins while the firmware is busy: nothing is sent, the watchdog is not served."""
    held = Outputs()
    for name in ("gpio", "voltage_mv", "current_ma", "windows", "nvm", "next_us"):
        setattr(held, name, getattr(outputs, name))
    held.tx, held.kick = (), 0
    return held


def _before(rig: Rig, injecting: Injecting, processor: Any) -> Lift:
    """Put *processor* before the pile's controller."""
    board, inner = rig.pile.board, rig.pile.board.controller
    board.controller = processor
    injecting.touched(injecting.now)
    rig.pile.poke(injecting.now)

    def lift(now: int) -> None:
        if board.controller is processor:
            board.controller = inner
            rig.pile.poke(now)

    return lift


def _drift_pile(rig: Rig) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        clock = LocalClock(injecting.now, injecting["ppm"])
        _before(rig, injecting, DriftingProcessor(rig.pile.board.controller, clock))
        return clock.go_right

    return inject


def _overrun(rig: Rig) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        return _before(rig, injecting, BusyProcessor(rig.pile.board.controller, round(injecting["busy_s"] * 1e6)))

    return inject


def _freeze_pile(rig: Rig) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        rig.pile.board.freeze(injecting.now)
        injecting.touched(injecting.now)
        return lambda _: None

    return inject


def _freeze_task(rig: Rig, name: str) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        task = rig.bench.charger.slow_tasks[name]
        body = task.body

        def hang(now: int) -> int:
            injecting.touched(now)
            return NEVER

        task.body = hang

        def lift(now: int) -> None:
            task.body = body
            task.ask(now + 1)

        return lift

    return inject


class DriftingSession:
    """Stands before a vehicle's session and tells it the wrong time."""

    def __init__(self, inner: Any, clock: LocalClock) -> None:
        self._inner, self._clock = inner, clock
        self.timers = self

    @property
    def deadline(self) -> int | None:
        """As of the session's timers, in true time."""
        local = self._inner.timers.deadline
        return None if local is None else self._clock.true(local)

    def receive(self, frame: Frame, now: int) -> None:
        self._inner.receive(frame, self._clock.local(now))

    def tick(self, now: int) -> None:
        self._inner.tick(self._clock.local(now))

    def stop(self, cause: Any, now: int) -> None:
        self._inner.stop(cause, self._clock.local(now))

    def sleep(self, now: int) -> None:
        self._inner.sleep(self._clock.local(now))

    def wake(self, now: int) -> None:
        self._inner.wake(self._clock.local(now))

    def prepared(self, now: int) -> None:
        self._inner.prepared(self._clock.local(now))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


class DeadSession:
    """Stands before a vehicle's session that hangs: nothing reaches it, nothing comes from it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.timers = self
        self.deadline = None
        self.outbox: tuple[Frame, ...] = ()
        self.reports: tuple[Any, ...] = ()

    def receive(self, frame: Frame, now: int) -> None:
        pass

    def tick(self, now: int) -> None:
        pass

    sleep = wake = prepared = tick

    def stop(self, cause: Any, now: int) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


def _drift_vehicle(rig: Rig) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        vehicle, clock = rig.vehicle, LocalClock(injecting.now, injecting["ppm"])
        drifting = cast(Any, DriftingSession(vehicle.session, clock))
        vehicle.speak_through(drifting, injecting.now)
        injecting.touched(injecting.now)

        def lift(now: int) -> None:
            clock.go_right(now)
            vehicle.speak_through(vehicle.session, now)

        return lift

    return inject


def _freeze_vehicle(rig: Rig) -> Inject:
    def inject(injecting: Injecting) -> Lift:
        vehicle, inner = rig.vehicle, rig.vehicle.session
        dead = cast(Any, DeadSession(inner))
        vehicle.speak_through(dead, injecting.now)
        injecting.touched(injecting.now)

        def lift(now: int) -> None:
            if vehicle.session is dead:
                vehicle.speak_through(inner, now)

        return lift

    return inject
