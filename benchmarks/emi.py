"""A charge in the noise of its own power stage: with the worst installation of the facts, with ten and with a hundred times that.

While the stage switches, bits on the CAN bus are wrong at the rate of the profile "bad shield" times a factor. The worst profile
must not disturb the charge; ten times that must lead to bus-off, which the firmware gets over; a hundred times that must end the
charge. In no case may more flow than was asked for, or a contact be unsafe at the end. Exit code 1 if a row is missed.
``--short``: two seeds instead of five.
"""

import argparse
import sys
from itertools import pairwise
from typing import NamedTuple

from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.faults.fault import Fault
from firmware_model.faults.safety import violations
from firmware_model.happenings import Moment, Step
from firmware_model.isolation.noise import PROFILES
from firmware_model.mcu.protection import Fault as PileFault
from firmware_model.mcu.settings import ControllerSettings
from firmware_model.wires.can_errors import ErrorState
from protocols.core.session import Moved
from protocols.gbt27930.charger_rules import ChargerState

S = 1_000_000
CHARGE_S = 2_100
OVER_RATIO, OVER_A = 1.1, 5.0
"""What the pile itself calls over-current."""
RETURN_MAX_US = ControllerSettings().bus_off_pause_us + 128 * (160 + 31) * 4
"""From bus-off to the bus: the firmware's pause, then 128 times eleven recessive bits. Meanwhile the vehicle, to which nobody
acknowledges, repeats its frame without end: each attempt (160 bits, 31 of error frame, 4 us a bit) holds one such sequence.
"""


class Run(NamedTuple):
    """What came of one charge."""

    frames: int
    errors: int
    offs: int
    slowest_return_us: int
    over_a: float
    unsafe: list[str]
    completed: bool
    faults: frozenset[PileFault]


def charged(factor: float, seed: int) -> Run:
    """One charge of 35 minutes with *factor* times the worst profile."""
    fault = Fault(0, None, "isolation/can_wires", "stage noise", {"ber": PROFILES["bad shield"].ber, "factor": factor})
    script = (Step("plug in", Moment()), Step("start", Moment(S)), Step("stop", Moment(CHARGE_S * S, "CHARGING")))
    bench = Bench(PileSetup(level="quasi_static"), VehicleSetup(), seed=seed, script=script, faults=[fault])
    port, states = bench.pile.port, list[tuple[ErrorState, int]]()
    inform = port.on_state
    assert inform is not None

    def note(state: ErrorState, now: int) -> None:
        states.append((state, now))
        inform(state, now)

    port.on_state = note
    bench.run(2 * CHARGE_S * S)
    returns = [later[1] - at for (state, at), later in pairwise(states) if state is ErrorState.BUS_OFF]
    asked, flowed = bench.trace.signals["demanded current"], bench.trace.signals["output current"]
    limit_a = OVER_RATIO * asked.peak + OVER_A
    charged_to_the_end = any(
        h.what.before is ChargerState.CHARGING and h.at >= CHARGE_S * S for h in bench.trace.of(Moved, "charger")
    )
    return Run(
        len(bench.trace),
        bench.bus.error_frames,
        sum(state is ErrorState.BUS_OFF for state, _ in states),
        max(returns, default=0),
        flowed.peak - limit_a,
        list(violations(bench, fault)),
        charged_to_the_end and bench.at_rest,
        bench.charger.faults,
    )


def verdict(factor: float, runs: list[Run]) -> tuple[str, bool]:
    """What is asked of the charges with *factor*, and whether it held."""
    safe = all(not run.unsafe and run.over_a <= 0 for run in runs)
    if factor <= 1:
        return "all completed, no bus-off", safe and all(run.completed and not run.offs for run in runs)
    if factor <= 10:
        back = all(run.slowest_return_us <= RETURN_MAX_US for run in runs)
        return f"bus-off in each, back within {RETURN_MAX_US / 1e3:.0f} ms", safe and back and all(run.offs for run in runs)
    ended = all(run.faults & {PileFault.BUS, PileFault.COMMUNICATION} for run in runs)
    return "each ended for its bus or its communication", safe and ended and not any(run.completed for run in runs)


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    seeds = range(2 if parser.parse_args().short else 5)
    good = True
    for factor in (1.0, 10.0, 100.0):
        runs = [charged(factor, seed) for seed in seeds]
        for seed, run in zip(seeds, runs, strict=True):
            ends = "completed" if run.completed else f"ended: {', '.join(sorted(fault.value for fault in run.faults))}"
            print(
                f"{factor:4g} x, seed {seed}   {run.frames} frames, {run.errors} error frames, {run.offs} times bus-off, slowest "
                f"return {run.slowest_return_us / 1e3:.1f} ms; {ends}; {'; '.join(run.unsafe) or 'safe'}"
            )
        asked, held = verdict(factor, runs)
        good = good and held
        print(
            f"{factor:4g} x {PROFILES['bad shield'].ber:g} a bit: {asked}, no over-current, safe: {'held' if held else 'MISSED'}"
        )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
