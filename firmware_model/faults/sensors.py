"""Faults of what the pile senses: converter channels, digital inputs, the insulation monitor. Applied between truth and board."""

from collections import deque
from collections.abc import Callable, Iterator, Sequence

from firmware_model.board import FULL_SCALE, Channel, Din, Span
from firmware_model.clock import Story
from firmware_model.faults.place import Arg, Inject, Injecting, Kind, Lift, Place
from firmware_model.faults.rig import Rig
from firmware_model.pile import spans_of

Read = Callable[[int, int], int]
"""(counts, now) -> counts."""


def sensor_places(rig: Rig) -> Iterator[Place]:
    """Every channel, every digital input, the insulation monitor."""
    analog, digital, monitor = _Analog(rig), _Digital(rig), _Monitor(rig)
    for channel, span in zip(Channel, spans_of(rig.pile.circuit), strict=True):
        yield Place(
            f"sensor/{channel.name.lower()}",
            f"what the pile measures as {channel.name.lower()}",
            tuple(analog.kinds(channel, span)),
        )
    for bit in Din:
        assert bit.name is not None
        yield Place(f"input/{bit.name.lower()}", f"digital input {bit.name} of the pile", tuple(digital.kinds(bit)))
    yield Place("sensor/insulation", "the pile's insulation monitor", tuple(monitor.kinds()))


class _Analog:
    """The converter channels."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._reads: list[tuple[int, Read]] = []
        self._show: Callable[[Sequence[int], int], None] | None = None

    def kinds(self, channel: Channel, span: Span) -> Iterator[Kind]:
        unit, width = channel.name.rpartition("_")[2].lower(), span.high - span.low
        lsb, value = width / FULL_SCALE, Arg((span.low + span.high) / 2, span.low, span.high)

        def kind(name: str, line: str, make: Callable[[Injecting], Read], **args: Arg) -> Kind:
            return Kind(name, line, self._inject(int(channel), make), args)

        yield kind("stuck", "shows for ever what it showed", _stuck)
        yield kind("stuck at", "shows *value*", lambda given: _fixed(span.counts(given["value"])), value=value)
        offset = Arg(0.1 * width, -width, width)
        yield kind(
            "offset", f"shows *offset* [{unit}] too much", lambda given: _linear(1.0, given["offset"] / lsb), offset=offset
        )
        zero = -span.low / lsb
        yield kind(
            "gain",
            "shows *gain* times the truth",
            lambda given: _linear(given["gain"], zero * (1 - given["gain"])),
            gain=Arg(1.2, 0.0, 10.0),
        )
        yield kind(
            "noise", f"one sigma of *sigma* [{unit}]", lambda given: _noise(given, lsb), sigma=Arg(0.02 * width, 0.0, width)
        )
        yield kind("open", "lowest count", lambda _: _fixed(0))
        yield kind("short", "greatest count", lambda _: _fixed(FULL_SCALE))
        yield kind("stale", "shows what was true *age_s* before", _stale, age_s=Arg(2.0, 0.0, 3600.0))

    def _inject(self, channel: int, make: Callable[[Injecting], Read]) -> Inject:
        def inject(injecting: Injecting) -> Lift:
            self._install()
            read = make(injecting)

            def noticed(counts: int, now: int) -> int:
                shown = read(counts, now)
                if shown != counts:
                    injecting.touched(now)
                return shown

            entry = (channel, noticed)
            self._reads.append(entry)
            self._rig.pile.poke(injecting.now)

            def lift(now: int) -> None:
                self._reads.remove(entry)
                self._rig.pile.poke(now)

            return lift

        return inject

    def _install(self) -> None:
        if self._show is None:
            pile = self._rig.pile
            self._show, pile.show_analog = pile.show_analog, self._shown

    def _shown(self, counts: Sequence[int], now: int) -> None:
        assert self._show is not None
        if self._reads:
            changed = list(counts)
            for channel, read in self._reads:
                changed[channel] = read(changed[channel], now)
            counts = tuple(changed)
        self._show(counts, now)


def _clip(counts: float) -> int:
    return min(FULL_SCALE, max(0, round(counts)))


def _fixed(shown: int) -> Read:
    return lambda _, __: shown


def _stuck(_: Injecting) -> Read:
    held: int | None = None

    def read(counts: int, _: int) -> int:
        nonlocal held
        held = counts if held is None else held
        return held

    return read


def _linear(gain: float, offset: float) -> Read:
    return lambda counts, _: _clip(counts * gain + offset)


def _noise(injecting: Injecting, lsb: float) -> Read:
    sigma, rng = injecting["sigma"] / lsb, injecting.rng
    return lambda counts, _: _clip(counts + sigma * float(rng.standard_normal()))


def _stale(injecting: Injecting) -> Read:
    age_us, seen = round(injecting["age_s"] * 1e6), deque[tuple[int, int]]()

    def read(counts: int, now: int) -> int:
        seen.append((now, counts))
        while len(seen) > 1 and seen[1][0] <= now - age_us:
            seen.popleft()
        return seen[0][1]

    return read


class _Digital:
    """The digital inputs."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._forced: list[tuple[int, bool, Injecting]] = []
        self._show: Callable[[int, int], None] | None = None

    def kinds(self, bit: Din) -> Iterator[Kind]:
        yield Kind("stuck on", "always reads 1", self._inject(int(bit), forced=True))
        yield Kind("stuck off", "always reads 0", self._inject(int(bit), forced=False))
        yield Kind("chatter", "changes every *period_s*", self._chatter(int(bit)), {"period_s": Arg(0.02, 0.001, 60.0)})

    def _inject(self, bit: int, *, forced: bool) -> Inject:
        def inject(injecting: Injecting) -> Lift:
            return self._force(bit, injecting, forced=forced)

        return inject

    def _force(self, bit: int, injecting: Injecting, *, forced: bool, now: int | None = None) -> Lift:
        if self._show is None:
            pile = self._rig.pile
            self._show, pile.show_digital = pile.show_digital, self._shown
        entry = (bit, forced, injecting)
        self._forced.append(entry)
        self._rig.pile.poke(injecting.now if now is None else now)

        def lift(when: int) -> None:
            self._forced.remove(entry)
            self._rig.pile.poke(when)

        return lift

    def _chatter(self, bit: int) -> Inject:
        clock = self._rig.clock

        def inject(injecting: Injecting) -> Lift:
            running, period_us = True, round(injecting["period_s"] * 1e6)

            def tell() -> Story:
                level = True
                while running:
                    end = self._force(bit, injecting, forced=level, now=int(clock.env.now))
                    yield clock.env.timeout(period_us)
                    end(int(clock.env.now))
                    level = not level

            def lift(_: int) -> None:
                nonlocal running
                running = False

            clock.tell(tell())
            return lift

        return inject

    def _shown(self, bits: int, now: int) -> None:
        assert self._show is not None
        for bit, forced, injecting in self._forced:
            shown = bits | bit if forced else bits & ~bit
            if shown != bits:
                injecting.touched(now)
            bits = shown
        self._show(bits, now)


Find = Callable[[Injecting, tuple[int, int]], tuple[int, int] | None]
"""What becomes of a finding (kΩ of plus and minus); None: no finding."""


class _Monitor:
    """The insulation monitor's results. A resistance counts in kΩ, at most 65535."""

    def __init__(self, rig: Rig) -> None:
        self._rig = rig
        self._changes: list[tuple[Find, Injecting]] = []
        self._show: Callable[..., None] | None = None

    def kinds(self) -> Iterator[Kind]:
        kohm = {"kohm": Arg(65535, 0, 65535)}
        yield Kind(
            "stuck at", "always finds *kohm* at both poles", self._inject(lambda given, _: (int(given["kohm"]),) * 2), kohm
        )
        yield Kind("gain", "finds *gain* times the truth", self._inject(_scaled), {"gain": Arg(5.0, 0.0, 1e4)})
        yield Kind("open", "finds nothing", self._inject(lambda _, __: None))

    def _inject(self, change: Find) -> Inject:
        def inject(injecting: Injecting) -> Lift:
            pile, entry = self._rig.pile, (change, injecting)
            if self._show is None:
                self._show, pile.show_insulation = pile.show_insulation, self._shown
            self._changes.append(entry)
            return lambda _: self._changes.remove(entry)

        return inject

    def _shown(self, plus_kohm: int, minus_kohm: int, now: int, *, valid: bool) -> None:
        assert self._show is not None
        found = (plus_kohm, minus_kohm) if valid else None
        for change, injecting in self._changes:
            before, found = found, found and change(injecting, found)
            if found != before:
                injecting.touched(now)
        self._show(*(found or (0, 0)), now, valid=found is not None)


def _scaled(injecting: Injecting, found: tuple[int, int]) -> tuple[int, int]:
    plus, minus = (min(65535, round(kohm * injecting["gain"])) for kohm in found)
    return plus, minus
