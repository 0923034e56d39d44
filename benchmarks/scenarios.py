"""Every shipped scenario on two processes: what it asserts, by which clause, what came of it, and how long all of them took.

    python benchmarks/scenarios.py [--short]

At least 60, all held, in less than 60 s. The whole charge from 20 to 80 % is cut at 22 % (it is `make run`).
--short changes nothing.
"""

import sys
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from hil.run import simulate
from hil.scenario_files import load, shipped
from hil.verdict import judge

LEAST, LIMIT_S, WORKERS = 60, 60.0, 2
CUT = {"charge": ["vehicle.soc_target_pct=22"]}


def main() -> int:
    names = list(shipped())
    began = time.perf_counter()
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        results = list(pool.map(run, names))
    wall_s = time.perf_counter() - began
    for name, held, words, clause, seconds in results:
        print(f"{'held  ' if held else 'FAILED'} {name:34} {seconds:5.1f} s  {words[:70]:70}  {clause}")
    simulated_s = sum(seconds for *_, seconds in results)
    failed = sum(not held for _, held, *_ in results)
    rows = (
        ("scenarios", str(len(names)), f">= {LEAST}", len(names) >= LEAST),
        ("failed", str(failed), "0", failed == 0),
        ("all on two processes", f"{wall_s:.1f} s", f"< {LIMIT_S:.0f} s", wall_s < LIMIT_S),
    )
    for what, measured, budget, good in rows:
        print(f"{what:24} {measured:>10}   {budget:8} {'held' if good else 'MISSED'}")
    print(f"work {simulated_s:.1f} s, {simulated_s / wall_s:.2f} times the time it took")
    return 0 if all(good for *_, good in rows) else 1


def run(name: str) -> tuple[str, bool, str, str, float]:
    """Name, whether everything held, how it ended or what did not hold, the clause, and the seconds it took."""
    began = time.perf_counter()
    scenario = load(name, CUT.get(name, []))
    outcome = simulate(scenario)
    missed = [verdict for verdict in judge(scenario.expect, outcome) if not verdict.held]
    words = "; ".join(f"{verdict.what}: {verdict.got}" for verdict in missed) or f"{outcome.ended}: {outcome.stop_reason}"
    return name, not missed, words, scenario.expect.clause, time.perf_counter() - began


if __name__ == "__main__":
    sys.exit(main())
