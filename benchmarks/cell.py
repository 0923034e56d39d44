"""The cell model against full-order charge curves, its speed against PyBaMM's SPMe, and the cost of a pack's step.

Accuracy: each recorded charge (constant current, hold, rest) is followed under its recorded current. Budgets, 5..95 % of charge:
8 mV rms, 25 mV at most; temperature of the NMC cell within 0.5 K. Constant-current time, total charge and peak temperature are of
our own closed-loop charge. Speed: the same charge, at least 20 times faster than a repeat solve of SPMe in the same run (extra
``bench``); a 96s pack with spread takes at most 30 us a step. Exit code 1 where a budget is missed or cannot be shown.

``--data DIR``: where the curves are. ``--no-pybamm``: leave the comparison of speed out. ``--fit``: find the parameters again.
``--short``: fewer repetitions.
"""

import argparse
import sys
import time
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from _cell_fit import FITTED, fitted
from numpy.random import default_rng

from firmware_model.battery.cell import CHEN2020, PRADA2013, CellType
from firmware_model.battery.electrodes import Floats
from firmware_model.battery.pack import Pack
from firmware_model.battery.packs import PACKS

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "battery"
RMS_MV, MOST_MV, TEMP_K, FASTER, STEP_US = 8.0, 25.0, 0.5, 20.0, 30.0


class Run(NamedTuple):
    """A recorded charge and the cell that made it."""

    label: str
    file: str
    kind: CellType
    current_a: float
    end_a: float
    parameters: str


RUNS = (
    Run("NMC 0.5C", "nmc_chen2020_dfn_0p5C_25C.csv", CHEN2020, 2.5, 0.25, "Chen2020"),
    Run("NMC 1C", "nmc_chen2020_dfn_1C_25C.csv", CHEN2020, 5.0, 0.25, "Chen2020"),
    Run("LFP 0.5C", "lfp_prada2013_dfn_0p5C_25C.csv", PRADA2013, 1.15, 0.115, "Prada2013"),
    Run("LFP 1C", "lfp_prada2013_dfn_1C_25C.csv", PRADA2013, 2.3, 0.115, "Prada2013"),
)


def verdict(held: bool) -> str:
    """As it is printed."""
    return "held" if held else "MISSED"


def recorded(run: Run, folder: Path) -> Floats:
    """Columns of a recorded charge: s, A, V, open-circuit V, Ah, °C."""
    return np.loadtxt(folder / run.file, delimiter=",", skiprows=1).T


def accurate(run: Run, folder: Path) -> bool:
    """Print one curve's row; whether its budgets hold."""
    time_s, amps, volts, _, charge_ah, temp_degc = recorded(run, folder)
    curve = run.kind.follow(time_s, charge_ah, current_a=amps, soc=0.02)
    soc = 0.02 + charge_ah / run.kind.capacity_ah
    error_mv = 1e3 * (curve.voltage_v - volts)[(soc >= 0.05) & (soc <= 0.95)]
    rms, most, kelvin = np.sqrt(np.mean(error_mv**2)), np.abs(error_mv).max(), np.abs(curve.temp_degc - temp_degc).max()
    ours = charge(run)
    cc_s = time_s[amps > 0.999 * run.current_a][-1]
    held = bool(rms <= RMS_MV and most <= MOST_MV and kelvin <= TEMP_K)
    print(
        f"{run.label:9} {rms:5.2f} {most:6.2f} {kelvin:6.2f}"
        f"   {ours.cc_s:7.1f} {cc_s:7.1f} {100 * (ours.cc_s / cc_s - 1):+5.2f} %"
        f"   {ours.charge_ah[-1]:.4f} {charge_ah[-1]:.4f}   {ours.temp_degc.max():5.2f} {temp_degc.max():5.2f}   {verdict(held)}"
    )
    return held


def charge(run: Run) -> Any:
    """The same charge, by our cell alone."""
    return run.kind.charge(run.current_a, soc=0.02, end_a=run.end_a, rest_s=1800.0)


def best_s(work: Callable[[], object], repetitions: int) -> float:
    """Least wall time of *work*."""
    times = []
    for _ in range(repetitions):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times)


def spme(run: Run, pybamm: Any) -> Callable[[], Any]:
    """A solve of PyBaMM's SPMe on the same charge; its first one, which compiles, is done."""
    nmc = run.parameters == "Chen2020"
    limit_v, rate = run.kind.chemistry.cell_max_v, "1C" if run.label.endswith(" 1C") else "C/2"
    steps = [f"Charge at {rate} until {limit_v} V", f"Hold at {limit_v} V until C/20", "Rest for 30 minutes"]
    simulation = pybamm.Simulation(
        pybamm.lithium_ion.SPMe({"thermal": "lumped"} if nmc else {}),
        parameter_values=pybamm.ParameterValues(run.parameters),
        experiment=pybamm.Experiment(steps, period="5 seconds"),
    )

    def solve() -> Any:
        return simulation.solve(initial_soc=0.02)

    solve()
    return solve


def fast(run: Run, pybamm: Any, repetitions: int) -> bool:
    """Print the speed of one charge against SPMe's repeat solve; whether the budget holds."""
    solve = spme(run, pybamm)
    theirs_s = best_s(solve, max(2, repetitions // 4))
    ours = charge(run)
    ours_s = best_s(lambda: charge(run), repetitions)
    simulated_s = ours.time_s[-1]
    ratio = theirs_s / ours_s
    print(
        f"{run.label:9} {simulated_s / ours_s:12,.0f} {simulated_s / theirs_s:12,.0f} simulated s/s   {ratio:6.1f} x"
        f" (budget {FASTER:g})   {verdict(ratio >= FASTER)}"
    )
    return ratio >= FASTER


def cheap(repetitions: int) -> bool:
    """Print what a step of a 96s pack costs; whether the budget holds."""
    costs = []
    for step_us in (1_000, 200_000):
        pack, steps, now = Pack(PACKS["compact"], soc_pct=20, rng=default_rng(1)), range(500), [0]

        def work(pack: Pack = pack, steps: range = steps, now: list[int] = now, step_us: int = step_us) -> None:
            for count in steps:
                now[0] += step_us
                pack.advance(now[0], 10.0 + 10.0 * (count % 2))  # a changing current: no step may be put off

        costs.append(1e6 * best_s(work, repetitions) / len(steps))
    held = max(costs) <= STEP_US
    print(
        f"96s pack with spread: {costs[0]:.1f} us a step of 1 ms, {costs[1]:.1f} us of 200 ms (budget {STEP_US:g})   "
        f"{verdict(held)}"
    )
    return held


def print_fit(folder: Path) -> None:
    """The parameters that the fit finds, beside those in use."""
    for runs in (RUNS[:2], RUNS[2:]):
        kind = runs[0].kind
        curves = [tuple(recorded(run, folder)[[0, 1, 2, 4]]) for run in runs]
        lags = fitted(kind, runs[1].current_a, curves)
        print(f"{kind.chemistry.name}: {len(FITTED)} parameters")
        for item in fields(lags):
            if item.name in FITTED:
                print(
                    f"  {item.name:16} {getattr(lags, item.name):10.4g}   in use {getattr(kind.chemistry.lags, item.name):10.4g}"
                )


def main() -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    for flag in ("--short", "--no-pybamm", "--fit"):
        parser.add_argument(flag, action="store_true")
    parser.add_argument("--data", type=Path, default=DATA)
    given = parser.parse_args()
    missing = [run.file for run in RUNS if not (given.data / run.file).exists()]
    if missing:
        print(f"no curves in {given.data}: {', '.join(missing)}; say where they are with --data")
        return 1
    if given.fit:
        print_fit(given.data)
        return 0
    print("           rms    max   temp   constant current: ours, reference (s)   charge (Ah)     peak (°C)")
    held = [accurate(run, given.data) for run in RUNS]
    repetitions = 8 if given.short else 40
    held.append(cheap(repetitions))
    if not given.no_pybamm:
        try:
            import pybamm
        except ImportError:
            print("speed: PyBaMM is not installed: pip install 'pilebench[bench]', or leave the comparison out with --no-pybamm")
            return 1
        print("                  ours         SPMe (repeat solve)")
        held += [fast(run, pybamm, repetitions) for run in RUNS]
    print(verdict(all(held)))
    return 0 if all(held) else 1


if __name__ == "__main__":
    sys.exit(main())
