"""From a finished bench to its `Outcome`."""

from firmware_model.bench import REST, Bench
from firmware_model.mcu.sequence import PileState
from firmware_model.trace import Trace
from hil.outcome import Ending, Outcome, Phase
from hil.scenario import Scenario
from protocols.core.session import TimedOut
from protocols.gbt27930.charger_rules import ChargerState, Given
from protocols.gbt27930.outcome import Ended

SAFE_V, SAFE_A = 60.0, 5.0
PEAKS = {
    "output_voltage_v": "output voltage",
    "output_current_a": "output current",
    "battery_temperature_degc": "battery temperature",
    "plug_temperature_degc": "plug temperature",
}


def summarise(bench: Bench, scenario: Scenario) -> Outcome:
    """What came of the run, from the trace and the physical end state."""
    trace, now = bench.trace, bench.clock.now
    ended, reason, clause = _ending(bench)
    safe, end_state = _end_state(bench)
    return Outcome(
        ended=ended,
        stop_reason=reason,
        clause=clause,
        phases=_phases(trace, now),
        timeouts=[f"{h.who}: {h.what.timer}" for h in trace.of(TimedOut)],
        reconnects=bench.charger.session.reconnects,
        safe=safe,
        end_state=end_state,
        stage_v=bench.pile.circuit.stage_v,
        sim_s=now / 1e6,
        frames=len(trace),
        error_frames=bench.bus.error_frames,
        bus_load_pct=round(100 * bench.bus.load(now), 3),
        energy_wh=bench.pile.circuit.energy_wh,
        energy_ac_wh=bench.pile.circuit.mains_j / 3600,
        soc_start_pct=scenario.vehicle.soc_pct,
        soc_pct=100 * bench.vehicle.pack.soc,
        soc_target_pct=scenario.vehicle.soc_target_pct,
        peaks={name: trace.signals[signal].peak for name, signal in PEAKS.items()},
        simpy_events=bench.clock.events,
        wakes=bench.clock.wakes,
        trace=trace,
    )


def _phases(trace: Trace, now: int) -> list[Phase]:
    return [
        Phase(move.after.name, begin / 1e6, end / 1e6, move.given.name, move.clause)
        for move, begin, end in trace.phases("charger", now)
        if isinstance(move.after, ChargerState) and isinstance(move.given, Given)
    ]


def _ending(bench: Bench) -> tuple[Ending, str, str]:
    """How it ended, why, and the clause. What the pile found wrong itself is said before what the session knows of it."""
    session = bench.charger.session
    end = session.end
    if end is None:
        faults = sorted(fault.name.lower().replace("_", " ") for fault in bench.charger.faults)
        charged = any(move.after is ChargerState.CHARGING for move, _, _ in bench.trace.phases("charger", bench.clock.now))
        kind: Ending = "interrupted" if charged else "refused"
        if faults:
            return kind, f"{kind}: {', '.join(faults)}", ""
        if bench.charger.state in REST:
            return kind, f"{kind}: cut off before the session's end", ""
        return "unfinished", f"not over at {bench.clock.now / 1e6:.0f} s: pile in {bench.charger.state.name.lower()}", ""
    return _kind(end), end.reason, end.clause


def _kind(end: Ended) -> Ending:
    if end.orderly:
        return "orderly"
    if end.reason.startswith("unplugged"):
        return "unplugged"
    return "refused" if end.reason.startswith("refused") else "interrupted"


def _end_state(bench: Bench) -> tuple[bool, str]:
    """Whether the physical end is safe (GB/T 18487.1-2015 B.3.7), and in words."""
    circuit, now = bench.pile.circuit, bench.clock.now
    # What stays on the stage behind open contactors touches nobody; whether it is gone is said apart.
    open_ = not (circuit.k1.closed(now) and circuit.k2.closed(now))
    unlocked = not bench.pile.lock.feedback(now)
    quiet = abs(circuit.current_a) <= SAFE_A and circuit.interface_v < SAFE_V
    resting = bench.charger.state in (PileState.IDLE, PileState.FINISHED)
    words = (
        f"K1/K2 {'open' if open_ else 'CLOSED'}, {circuit.current_a:.1f} A, {circuit.interface_v:.0f} V, "
        f"{'unlocked' if unlocked else 'LOCKED'}, sequence {bench.charger.state.name.lower()}"
    )
    return open_ and unlocked and quiet and resting, words
