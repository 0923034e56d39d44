"""One hour of charging with every frame: how much wall time a frame costs, in bare SimPy timeouts measured in the same run.

Budgets: at most 12 bare timeouts of wall time and 2 SimPy events a frame, at most 250 MB of memory. Exit code 1 if one is missed.
``--short`` charges for five minutes instead.
"""

import argparse
import resource
import sys
import time

import simpy

from firmware_model.battery.packs import PACKS
from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.happenings import Moment, Step
from firmware_model.vehicle import Owner
from protocols.gbt27930.charger_rules import ChargerState

S = 1_000_000
TIMEOUTS_MAX, EVENTS_MAX, MEMORY_MAX_MB = 12.0, 2.0, 250.0
PARTS = 12
"""The hour is cut into parts, each timed between two measurements of the reference, because machines change their pace."""


def bare_timeout_s(count: int = 200_000) -> float:
    """Wall time of one bare SimPy timeout."""
    env = simpy.Environment()

    def ticking() -> simpy.events.ProcessGenerator:
        for _ in range(count):
            yield env.timeout(1)

    env.process(ticking())
    began = time.perf_counter()
    env.run()
    return (time.perf_counter() - began) / count


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    hour_s = 300 if parser.parse_args().short else 3600
    vehicle = VehicleSetup(pack=PACKS["bus"], soc_pct=10, owner=Owner(soc_target_pct=99))
    script = [Step("plug in", Moment()), Step("start", Moment(S))]
    bench = Bench(PileSetup(level="quasi_static"), vehicle, seed=1, script=script)
    while bench.charger.session.state is not ChargerState.CHARGING:
        bench.run(bench.clock.now + S)

    frames, events, wakes, began_us = len(bench.trace), bench.clock.events, bench.clock.wakes, bench.clock.now
    wall_s, ratios, reference_s = 0.0, [], bare_timeout_s()
    for part in range(PARTS):
        before, start = len(bench.trace), time.perf_counter()
        bench.run(began_us + hour_s * S * (part + 1) // PARTS)
        took_s, last_s, reference_s = time.perf_counter() - start, reference_s, bare_timeout_s()
        wall_s += took_s
        ratios.append(took_s / (len(bench.trace) - before) / ((last_s + reference_s) / 2))
    assert bench.charger.session.state is ChargerState.CHARGING, "the battery was full before the hour was over"

    frames, events, wakes = len(bench.trace) - frames, bench.clock.events - events, bench.clock.wakes - wakes
    memory_mb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    ratio = sorted(ratios)[len(ratios) // 2]
    print(f"charging        {hour_s} s, {frames} frames, BMV and BMT included")
    print(f"wall time       {wall_s:.2f} s, {hour_s / wall_s:.0f} x real time, {1e6 * wall_s / frames:.2f} us a frame")
    rows = (
        ("in timeouts", f"{ratio:.1f} bare SimPy timeouts a frame (median of {PARTS} parts)", ratio, TIMEOUTS_MAX),
        (
            "SimPy events",
            f"{events / frames:.4f} a frame; moments lived {wakes / frames:.2f} a frame",
            events / frames,
            EVENTS_MAX,
        ),
        ("peak memory", f"{memory_mb:.0f} MB", memory_mb, MEMORY_MAX_MB),
    )
    for name, words, value, budget in rows:
        print(f"{name:15} {words}; budget {budget:g}: {'held' if value <= budget else 'MISSED'}")
    return 0 if all(value <= budget for _, _, value, budget in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
