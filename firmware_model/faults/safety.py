"""Whether a run with a fault ended safely, and in time: judged by the physical truth, not by what anybody reports."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from firmware_model.bench import Bench
from firmware_model.board import Dout
from firmware_model.faults.fault import Fault, Injected, TookEffect
from firmware_model.mcu.protection import Fault as PileFault

SAFE_V, SAFE_A, NO_A = 60.0, 5.0, 1.0
LOCKED_ALARMS: Final = frozenset({PileFault.PLUG_LIVE, PileFault.LOCK_STUCK})
"""With one of these the pile says itself why it keeps the plug."""
LOCK_US: Final = 300_000
"""The bolt's way (`firmware_model.cabinet.lock`)."""


@dataclass(frozen=True, slots=True)
class Row:
    """A fault whose place begins with *where*, of *kinds* (empty: of any), must bring the current to 5 A within *limit_us*."""

    where: str
    kinds: tuple[str, ...]
    limit_us: int
    clause: str


_TEST = "GB/T 34657.1-2017 "
ROWS: Final = (
    Row("actuator/lock", ("springs open", "feedback off"), 50_000, _TEST + "D0.4502: lock failed, 5 A within 50 ms"),
    Row("input/locked", ("stuck off",), 50_000, _TEST + "D0.4502: lock failed, 5 A within 50 ms"),
    Row("line/r2", ("open",), 50_000, _TEST + "D0.4502: switch S opened, 5 A within 50 ms"),
    Row("line/r1", ("open", "short"), 100_000, _TEST + "D0.4503: CC1 interrupted, K1/K2 open within 100 ms"),
    Row("line/r4", ("open", "short"), 100_000, _TEST + "D0.4503: CC1 interrupted, K1/K2 open within 100 ms"),
    Row("line/earth", ("open",), 100_000, _TEST + "D0.4503: CC1 interrupted, K1/K2 open within 100 ms"),
    Row("sensor/cc1_v", ("open", "short"), 100_000, _TEST + "D0.4503: CC1 interrupted, K1/K2 open within 100 ms"),
    Row("line/emergency_stop", (), 100_000, "GB/T 18487.1-2015 B.3.7: emergency stop, K1/K2 open within 100 ms"),
    Row("input/emergency_stop", ("stuck on",), 100_000, "GB/T 18487.1-2015 B.3.7: emergency stop, K1/K2 open within 100 ms"),
    Row("line/pile_earth", (), 100_000, _TEST + "D0.4505: protective earth lost, off within 100 ms"),
    Row("input/earth_ok", ("stuck off",), 100_000, _TEST + "D0.4505: protective earth lost, off within 100 ms"),
    Row("input/stage_fault", ("stuck on",), 100_000, "GB/T 18487.1-2015 B.3.7: fault, K1/K2 open within 100 ms"),
    Row("input/door_open", ("stuck on",), 150_000, "GB/T 18487.1-2015 B.3.7: fault, K1/K2 open within 100 ms of its detection"),
    Row("supply/mains", ("loss",), 1_000_000, _TEST + "D0.4506: mains lost, K1/K2 open within 1 s"),
    Row("supply/pile_mcu", (), 100_000, "GB/T 18487.1-2015 B.3.7: fault, K1/K2 open within 100 ms"),
    Row("timer/pile", ("frozen",), 100_000, "GB/T 18487.1-2015 B.3.7: fault, K1/K2 open within 100 ms"),
    Row("sensor/interface_v", ("open", "short"), 1_000_000, _TEST + "D0.4504: voltage wrong, off within 1 s"),
    Row("sensor/stage_v", ("open", "short"), 1_000_000, _TEST + "D0.4504: voltage wrong, off within 1 s"),
    Row("wire/BCL", ("drop", "wrong id", "wrong length"), 10_000_000, "GB/T 27930-2015 annex C: off within 10 s of a timeout"),
    Row("line/can_", ("open",), 11_000_000, "GB/T 27930-2015 annex C: no BCL for 1 s, off within 10 s of the timeout"),
)
"""The reactions that the standards time, by the fault that must cause them."""


def row_of(fault: Fault) -> Row | None:
    """The row that times the reaction to *fault*, if there is one."""
    return next((row for row in ROWS if fault.where.startswith(row.where) and (not row.kinds or fault.kind in row.kinds)), None)


def violations(bench: Bench, fault: Fault) -> Iterator[str]:
    """What was not safe in the finished run of *bench* with *fault*, each in words; nothing if it was safe."""
    yield from _end(bench)
    yield from _unlocked_live(bench)
    yield from _late(bench, fault)


def _end(bench: Bench) -> Iterator[str]:
    """K1/K2 open, no current, no voltage; locked only while the vehicle's side is live.

    A stage that cannot be discharged is safe behind open contacts if the pile has found out and blocks the next charge.
    """
    circuit, inlet, now = bench.pile.circuit, bench.vehicle.inlet, bench.clock.now
    live_from_vehicle = bench.vehicle.plugged and inlet.closed(now)
    if circuit.k1.closed(now) and circuit.k2.closed(now):
        yield "K1 and K2 are closed"
    if abs(circuit.current_a) > SAFE_A:
        yield f"{circuit.current_a:.1f} A flow"
    if circuit.stage_v >= SAFE_V and PileFault.BLEEDER not in bench.charger.latched:
        yield f"{circuit.stage_v:.0f} V at the stage, and nobody knows"
    if circuit.interface_v >= SAFE_V and not live_from_vehicle:
        yield f"{circuit.interface_v:.0f} V at the plug"
    if circuit.interface_v >= SAFE_V and not bench.pile.lock.locked(now):
        yield f"unlocked with {circuit.interface_v:.0f} V at the plug"
    if circuit.interface_v < SAFE_V and bench.pile.lock.locked(now) and not bench.charger.faults & LOCKED_ALARMS:
        yield "still locked, without an alarm"


def _unlocked_live(bench: Bench) -> Iterator[str]:
    """The pile lets go of the plug only below 60 V and without current (GB/T 18487.1-2015 9.6)."""
    coils, volts, amps = (bench.trace.signals[name] for name in ("coils", "output voltage", "output current"))
    before, ends = 0, [*coils.times_us[1:], bench.clock.now + LOCK_US]
    for at, value, end in zip(coils.times_us, coils.values, ends, strict=True):
        if before & Dout.LOCK and not int(value) & Dout.LOCK and end - at >= LOCK_US:  # else the bolt is called back
            voltage_v, current_a = volts.at(at) or 0.0, amps.at(at) or 0.0
            if voltage_v >= SAFE_V or abs(current_a) >= NO_A:
                yield f"unlocked at {at / 1e6:.3f} s with {voltage_v:.0f} V and {current_a:.1f} A"
        before = int(value)


def _late(bench: Bench, fault: Fault) -> Iterator[str]:
    row, off = row_of(fault), reaction_us(bench)
    if row is not None and off is not None and off > row.limit_us:
        yield f"above 5 A for {off / 1e3:.0f} ms, allowed {row.limit_us / 1e3:.0f} ms ({row.clause})"


def reaction_us(bench: Bench) -> int | None:
    """From the fault's effect to the last moment above 5 A; None without an effect or without current then."""
    began = next((happening.at for happening in bench.trace.of(TookEffect)), None)
    began = began if began is not None else next((happening.at for happening in bench.trace.of(Injected)), None)
    amps = bench.trace.signals["output current"]
    if began is None or abs(amps.at(began) or 0.0) <= SAFE_A:
        return None
    last = began
    ends = [*amps.times_us[1:], bench.clock.now]
    for value, end in zip(amps.values, ends, strict=False):
        if abs(value) > SAFE_A and end > last:
            last = end
    return last - began
