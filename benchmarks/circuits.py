"""The circuit engine against exact figures and against ngspice: accuracy on three circuits, and speed on the same circuits.

Accuracy: the figures that an exact solution gives (stored beside ngspice's; leakage of open switches neglected there): averages
within 1e-4, ripple and peaks within 5e-3. Stored instants are whole microseconds, so they can only be held to within one;
the instants are also compared, within 100 ns, with a second solution made here: scipy's matrix exponential on equations written
down by hand, leakage included. Speed: each circuit at least 25 times faster than ngspice on its netlist in the same run, ngspice
by its own analysis time (no start, no output), ours from the circuit's data to the figures. Energy: the books of each run close.

Exit code 1 where a row is missed or cannot be shown. ``--data DIR``: where netlists and figures are. ``--no-ngspice``: leave
the comparison of speed out. ``--short``: one repetition.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from scipy.linalg import expm
from scipy.optimize import brentq

from firmware_model.power.circuits.anchors import BUCK, DAB, PRECHARGE, Anchor
from firmware_model.power.circuits.simulation import Simulation
from firmware_model.power.circuits.trace import Trace

DATA = Path(__file__).resolve().parents[2] / "shared" / "data" / "spice"
AVERAGE, CREST, INSTANT_S, ROUNDED_S, FASTER, BOOKS = 1e-4, 5e-3, 100e-9, 1e-6, 25.0, 1e-9
Row = tuple[str, float, float]
"""Name as stored, measured, and the budget (relative; for times, seconds)."""


def buck_rows(trace: Trace) -> list[Row]:
    """Figures of circuit 01, over the last half millisecond."""
    last = trace.within(59.5e-3, 60e-3)
    return [
        ("vavg", last.mean("v"), AVERAGE), ("iavg", last.mean("i"), AVERAGE), ("irms", last.mean("ii") ** 0.5, AVERAGE),
        ("vrip", last.peak_to_peak("v(o2)"), CREST), ("irip", last.peak_to_peak("i(L1)"), CREST),
    ]  # fmt: skip


def dab_rows(trace: Trace) -> list[Row]:
    """Figures of circuit 02, over the last millisecond."""
    last = trace.within(9e-3, 10e-3)
    return [
        ("vavg", last.mean("v"), AVERAGE), ("irms", last.mean("ii") ** 0.5, AVERAGE),
        ("pin_avg", -last.mean("drawn"), AVERAGE), ("pout_avg", last.mean("delivered"), AVERAGE),
        ("vrip", last.peak_to_peak("v(o)"), CREST), ("ipk", last.highest("i(LS)")[0], CREST),
        ("iL_at_period_start", float(last.wave("i(LS)")[0]), CREST),
    ]  # fmt: skip


def precharge_rows(trace: Trace) -> list[Row]:
    """Figures of circuit 03."""
    bypass, step, release = trace.within(0.6, 0.65), trace.within(0.7, 0.75), trace.within(0.75, 0.8)
    surge, dip, load, over = bypass.highest("i(LS)"), step.lowest("v(b)"), step.highest("i(LS)"), release.highest("v(b)")
    settled, waves = trace.within(0.745, 0.7499), (trace.time_s, trace.wave("v(b)"))
    return [
        *((f"v_{ms}ms", float(np.interp(1e-3 * ms, *waves)), AVERAGE) for ms in (100, 200, 500, 599)),
        ("v_ld_ss", settled.mean("v"), AVERAGE), ("i_ld_ss", float(step.wave("i(LS)")[-1]), AVERAGE),
        ("iby_pk", surge[0], CREST), ("v_dip", dip[0], CREST), ("i_ld_pk", load[0], CREST), ("v_ovs", over[0], CREST),
        ("t_iby_pk_after_close", surge[1] - 0.6, ROUNDED_S), ("t_dip_after_step", dip[1] - 0.7, ROUNDED_S),
        ("t_i_ld_pk_after_step", load[1] - 0.7, ROUNDED_S), ("t_ovs_after_release", over[1] - 0.75, ROUNDED_S),
    ]  # fmt: skip


CIRCUITS: tuple[tuple[str, Anchor, Callable[[Trace], list[Row]]], ...] = (
    ("01", BUCK, buck_rows), ("02", DAB, dab_rows), ("03", PRECHARGE, precharge_rows),
)  # fmt: skip


# ---- a second solution, by hand ------------------------------------------------------------------------------------------


def linked(path_ohm: float, load_ohm: float) -> tuple[np.ndarray, np.ndarray]:
    """Circuit 03 with *path_ohm* between choke and link: dz/dt = A z for z = [i, v of the capacitor, 1]; and the link's row."""
    total_s = 1.0 / 0.03 + 1.0 / 50e3 + 1.0 / load_ohm
    link = np.array([1.0, 1.0 / 0.03, 0.0]) / total_s
    a = np.zeros((3, 3))
    a[0] = (np.array([0.0, 0.0, 537.4]) - np.array([0.1 + path_ohm, 0.0, 0.0]) - link) / 200e-6
    a[1] = (link - np.array([0.0, 1.0, 0.0])) / 0.03 / 1e-3
    return a, link


def crests() -> dict[str, float]:
    """When the peaks and dips of circuit 03 come (s after the contact), each the first zero of a derivative after *near*."""
    off, shut = 10e6, 5e-3

    def around(ohm: float) -> float:
        return ohm * 100.0 / (ohm + 100.0)

    stages = [(0.6, around(off), off + 19.2), (0.1, around(shut), off + 19.2), (0.05, around(shut), shut + 19.2)]
    z, states = np.array([0.0, 0.0, 1.0]), []
    for length_s, path, load in stages:
        z = expm(linked(path, load)[0] * length_s) @ z
        states.append(z)

    def crest(state: np.ndarray, path: float, load: float, *, link: bool, near_s: float) -> float:
        a, row = linked(path, load)
        watched = (row if link else np.array([1.0, 0.0, 0.0])) @ a
        return float(brentq(lambda t: watched @ expm(a * t) @ state, 0.8 * near_s, 1.2 * near_s, xtol=1e-12))

    closed, loaded = (around(shut), off + 19.2), (around(shut), shut + 19.2)
    return {
        "t_iby_pk_after_close": crest(states[0], *closed, link=False, near_s=641e-6),
        "t_dip_after_step": crest(states[1], *loaded, link=True, near_s=713e-6),
        "t_i_ld_pk_after_step": crest(states[1], *loaded, link=False, near_s=1391e-6),
        "t_ovs_after_release": crest(states[2], *closed, link=True, near_s=718e-6),
    }


def zero_s() -> float:
    """When the inductor current of circuit 02 first passes zero (s), both bridges still opposed; leakage neglected."""
    to_out = np.array([-2.0, 1.0 / 2e-3, 0.0]) / (1.0 / 2e-3 + 1.0 / 4.6875)
    a = np.zeros((3, 3))  # of z = [current of the inductor, voltage of the capacitor, 1]
    a[0] = (np.array([-0.03 - 4.0 * 0.02, 0.0, 750.0]) + 2.0 * to_out) / 60e-6
    a[1] = (to_out - np.array([0.0, 1.0, 0.0])) / 2e-3 / 220e-6
    start = np.array([-47.1, 375.0, 1.0])
    return float(brentq(lambda t: (expm(a * t) @ start)[0], 1e-6, 3.7e-6, xtol=1e-13))


def surge_crest_s() -> float:
    """When the inductor current of circuit 01 is highest (s): at the end of a half period, so the 11th edge of the start-up."""
    return 10.5 * 50e-6


# ---- the comparison ------------------------------------------------------------------------------------------------------


class Report:
    """Rows: measured, reference, error, and whether within the budget."""

    def __init__(self) -> None:
        self.missed = 0
        print(f"{'':34}{'measured':>14}{'reference':>14}{'error':>11}{'budget':>11}")

    def row(self, name: str, measured: float, reference: float, budget: float) -> None:
        """Relative error; of a time the difference (s)."""
        error = abs(measured - reference) / (1.0 if name[3:].startswith("t_") else abs(reference))
        self._print(name, f"{measured:14.7g}{reference:14.7g}", error, budget, held=error <= budget)

    def at_least(self, name: str, ours_s: float, theirs_s: float, budget: float) -> None:
        """A ratio that must be reached."""
        self._print(name, f"{ours_s:14.4f}{theirs_s:14.4f}", theirs_s / ours_s, budget, held=theirs_s / ours_s >= budget)

    def _print(self, name: str, figures: str, error: float, budget: float, *, held: bool) -> None:
        self.missed += not held
        print(f"{name:34}{figures}{error:11.3g}{budget:11.3g}{'' if held else '  MISSED'}")


def accuracy(report: Report, folder: Path) -> None:
    """All stored figures, and the instants by hand."""
    by_hand = {"03": crests(), "02": {"t_zero": zero_s()}, "01": {"t_ipk": surge_crest_s()}}
    for number, anchor, rows in CIRCUITS:
        sim = anchor.run()
        trace, stored = sim.trace, json.loads((folder / f"{number}_summary.json").read_text())["exact_reference"]
        measured = {name: value for name, value, _ in rows(trace)}
        for name, value, budget in rows(trace):
            report.row(f"{number} {name}", value, stored[name], budget)
        if number == "02":
            measured["t_zero"] = trace.crossing("i(LS)")
        elif number == "01":
            measured["t_ipk"] = trace.highest("i(L1)")[1]
        for name, instant_s in by_hand[number].items():
            report.row(f"{number} {name}, by hand", measured[name], instant_s, INSTANT_S)
        balance = sim.balance
        report.row(
            f"{number} energy given, J", balance.supplied_j, balance.dissipated_j + balance.stored_j - balance.initial_j, BOOKS
        )


def ngspice_s(netlist: Path) -> float:
    """Analysis time that ngspice states for *netlist*, without its writing of waveforms."""
    with tempfile.TemporaryDirectory() as folder:
        lines = [line for line in netlist.read_text().splitlines() if not line.startswith("wrdata")]
        copy = Path(folder) / "circuit.cir"
        copy.write_text("\n".join(lines) + "\n")
        said = subprocess.run(["ngspice", "-b", str(copy)], capture_output=True, text=True, check=False, cwd=folder).stdout
    found = re.search(r"Total analysis time \(seconds\) = ([\d.]+)", said)
    if found is None:
        raise RuntimeError(f"ngspice did not finish {netlist.name}")
    return float(found[1])


def took_s(work: Callable[[], object]) -> float:
    """Wall time of one go."""
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def speed(report: Report, folder: Path, repetitions: int) -> None:
    """Seconds of ours and of ngspice, in turns."""
    print(f"{'':34}{'ours s':>14}{'ngspice s':>14}{'ratio':>11}{'at least':>11}")
    for number, anchor, rows in CIRCUITS:
        (netlist,) = folder.glob(f"{number}_*.cir")
        ours, theirs = [], []
        for _ in range(repetitions):
            ours.append(min(took_s(lambda: rows(anchor.run().trace)) for _ in range(3)))  # noqa: B023
            theirs.append(ngspice_s(netlist))
        report.at_least(f"{number} {anchor.circuit.name}", min(ours), min(theirs), FASTER)


def compiled_s() -> float:
    """Wall time until the kernel is there: compiled the first time on a machine, loaded later."""
    return took_s(lambda: Simulation(PRECHARGE.circuit).run(1))


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--no-ngspice", action="store_true")
    options = parser.parse_args(arguments)
    if not options.data.is_dir():
        print(f"MISSED: no figures to compare with at {options.data}")
        return 1
    print(f"kernel there after {compiled_s():.2f} s (compiled the first time on a machine)")
    report = Report()
    accuracy(report, options.data)
    if options.no_ngspice:
        print("speed against ngspice: left out")
    elif shutil.which("ngspice") is None:
        report.missed += 1
        print("MISSED: ngspice is not installed")
    else:
        speed(report, options.data, 1 if options.short else 3)
    print("held" if not report.missed else f"MISSED {report.missed}")
    return 1 if report.missed else 0


if __name__ == "__main__":
    sys.exit(main())
