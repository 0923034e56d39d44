"""Every fault of the catalogue, one injection each under current: does the run end safely, and how fast are the timed reactions?

Prints for each row of the reaction table the slowest reaction of its faults (from the effect to the last moment above 5 A) beside
the time that the standard allows, then for each class of places how many faults were injected, had an effect, and ended safely.

Budget: every timed reaction within its row, every run safe. Exit code 1 if not. ``--short``: timed faults and every ninth other.
"""

import argparse
import sys
from collections import Counter, defaultdict
from typing import NamedTuple

from firmware_model.bench import Bench, PileSetup
from firmware_model.faults.catalogue import Entry, catalogue
from firmware_model.faults.fault import Fault, TookEffect
from firmware_model.faults.safety import Row, reaction_us, row_of, violations
from firmware_model.faults.telling import telling, vehicle_of
from firmware_model.happenings import Moment, Step

S = 1_000_000
EVERY_SHORT = 9
SCRIPT = (
    Step("plug in", Moment()),
    Step("start", Moment(S)),
    Step("stop", Moment(2 * S, "CHARGING")),
    Step("vehicle stop", Moment(3 * S, "CHARGING")),
)


class Result(NamedTuple):
    """What came of one injection."""

    entry: Entry
    row: Row | None
    took_us: int | None
    effective: bool
    unsafe: list[str]


def inject(entry: Entry) -> Result:
    """One charge with this fault at its most telling moment."""
    faults = telling(entry)
    bench = Bench(PileSetup(level="quasi_static"), vehicle_of(*faults), seed=1, script=SCRIPT, faults=faults)
    bench.run(90 * S)
    effective = any(happening.what.fault == faults[0] for happening in bench.trace.of(TookEffect))
    return Result(entry, row_of(faults[0]), reaction_us(bench), effective, list(violations(bench, faults[0])))


def chosen(*, short: bool) -> list[Entry]:
    """All faults, or a share with all that are timed."""
    entries = list(catalogue())
    if not short:
        return entries
    timed = [entry for entry in entries if row_of(Fault(0, None, entry.place.where, entry.kind.name))]
    return timed + [entry for entry in entries if entry not in timed][::EVERY_SHORT]


def print_reactions(results: list[Result]) -> None:
    slowest: dict[Row, Result] = {}
    for result in results:
        if result.row is not None and result.took_us is not None:
            before = slowest.get(result.row)
            if before is None or result.took_us > (before.took_us or 0):
                slowest[result.row] = result
    print(f"{'slowest fault of the row':36} {'measured':>10} {'allowed':>10} {'share':>6}  clause")
    for row, result in slowest.items():
        took_us = result.took_us or 0
        share = took_us / row.limit_us
        print(f"{result.entry.name:36} {took_us / 1e3:7.1f} ms {row.limit_us / 1e3:7.0f} ms {share:6.2f}  {row.clause}")


def print_classes(results: list[Result]) -> None:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for result in results:
        kind = result.entry.place.where.partition("/")[0]
        counts[kind].update(injected=1, effective=int(result.effective), safe=int(not result.unsafe))
    print(f"\n{'class':12} {'injected':>8} {'effective':>9} {'safe':>8}")
    for kind, count in (*counts.items(), ("all", sum(counts.values(), Counter[str]()))):
        print(f"{kind:12} {count['injected']:8} {count['effective']:9} {count['safe']:8}")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--short", action="store_true", help="the timed faults and every ninth other")
    results = [inject(entry) for entry in chosen(short=parser.parse_args().short)]
    print_reactions(results)
    print_classes(results)
    unsafe = [result for result in results if result.unsafe]
    for result in unsafe:
        print(f"NOT SAFE  {result.entry.name}: {'; '.join(result.unsafe)}")
    return 1 if unsafe else 0


if __name__ == "__main__":
    sys.exit(main())
