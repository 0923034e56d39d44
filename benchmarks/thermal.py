"""Thermal networks, thermistor and lifetime against the printed figures of data sheets and literature.

Each row must agree to the digits that the reference prints. Exit code 1 if one does not. ``--short`` changes nothing.
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from firmware_model.power.foster_sets import FOSTER_SETS
from firmware_model.power.lifetime import Cips08, Cycle, Lesit, Reference, cycles_of
from firmware_model.power.ntc import Thermistor
from firmware_model.power.thermal import FosterState, HeatSink, LadderState


class Row(NamedTuple):
    """One comparison; *step* is one unit in the last printed digit of the reference."""

    what: str
    measured: float
    reference: float
    step: float

    @property
    def held(self) -> bool:
        return abs(self.measured - self.reference) <= 0.5 * self.step * (1.0 + 1e-9)


STEPS = {
    "FF450R12KT4 IGBT": (0.00192, 0.01571, 0.05256, 0.06200),
    "FF450R12KT4 diode": (0.00341, 0.02787, 0.09326, 0.11000),
    "FF900R12IE4 IGBT": (0.00170, 0.00808, 0.02484, 0.02907),
    "2MBI100XAA120-50 IGBT": (0.01359, 0.05755, 0.18946, 0.27788),
    "2MBI100XAA120-50 diode": (0.02662, 0.11275, 0.37116, 0.54436),
}
"""K/W after 1 ms, 10 ms, 100 ms and 1 s."""

LADDERS = {
    "FF450R12KT4 IGBT": ("0.5072 1.572 4.209 47.68", "0.03963 0.01276 0.00808 0.00153"),
    "FF900R12IE4 IGBT": ("0.4228 0.8321 3.674 320.3", "0.002916 0.01594 0.008797 0.001842"),
    "2MBI100XAA120-50 IGBT": ("0.06218 0.2958 5.487 10.37", "0.0451 0.1885 0.03844 0.008569"),
    "2MBI100XAA120-50 diode": ("0.03174 0.151 2.801 5.295", "0.08835 0.3693 0.07529 0.01679"),
}
"""Capacities (J/K) and resistances (K/W), junction first, as printed."""


def step_rows() -> Iterator[Row]:
    """A step of power, by the running update and by the ladder on a case of constant temperature."""
    for name, references in STEPS.items():
        foster = FOSTER_SETS[name]
        for after_s, reference in zip((0.001, 0.01, 0.1, 1.0), references, strict=True):
            state = FosterState(foster)
            for _ in range(10):
                state.advance(0.1 * after_s, 1.0)
            yield Row(f"{name} after {after_s:g} s, K/W", sum(state.rises_k), reference, 1e-5)
            ladder = LadderState(foster.cauer(), temp_degc=0.0)
            yield Row(f"{name} as a ladder", ladder.advance(after_s, 1.0, 0.0), reference, 1e-5)


def ladder_rows() -> Iterator[Row]:
    """Foster set to Cauer ladder."""
    for name, (capacities, resistances) in LADDERS.items():
        cauer = FOSTER_SETS[name].cauer()
        for values, printed, unit in ((cauer.c_j_per_k, capacities, "J/K"), (cauer.r_k_per_w, resistances, "K/W")):
            for index, (value, text) in enumerate(zip(values, printed.split(), strict=True)):
                yield Row(f"{name} rung {index + 1}, {unit}", value, float(text), last_digit(text))


def ntc_rows() -> Iterator[Row]:
    """5 kohm, B 3375; and B25/100 at 125 °C."""
    for temp_degc, text in ((25, "5000"), (50, "2082.8"), (80, "857.7"), (100, "513.9"), (125, "291.2")):
        yield Row(f"NTC at {temp_degc} degC, ohm", Thermistor().resistance_ohm(temp_degc), float(text), last_digit(text))
    yield Row("NTC at 125 degC with B 3433, ohm", Thermistor(b_k=3433).resistance_ohm(125), 277.3, 0.1)


def lifetime_rows() -> Iterator[Row]:
    """Rainflow counting, CIPS08 and LESIT."""
    found: defaultdict[float, float] = defaultdict(float)
    for cycle in cycles_of([60, 110, 70, 95, 60, 130, 65]):
        found[cycle.range_k] += cycle.count
    for (range_k, count), reference in zip(sorted(found.items()), [(25, 1.0), (50, 1.0), (65, 0.5), (70, 0.5)], strict=True):
        yield Row(f"rainflow: range counted {count:g} times, K", range_k, reference[0], 1e-9)
        yield Row(f"rainflow: count of {range_k:g} K", count, reference[1], 1e-9)
    cips = ((30, Reference.LEAST, "1.396e7"), (30, Reference.GREATEST, "1.015e7"), (50, Reference.LEAST, "1.463e6"))
    cips += ((50, Reference.GREATEST, "8.842e5"), (80, Reference.LEAST, "1.836e5"), (80, Reference.GREATEST, "8.698e4"))
    for range_k, end, text in cips:
        life = Cips08(reference=end).cycles_to_failure(Cycle(range_k, 60 + range_k / 2, 1.0))
        yield Row(f"CIPS08 {range_k} K from 60 degC, {end.value} temperature", life, float(text), last_digit(text))
    life = Cips08(reference=Reference.GREATEST, on_time_s=15.0).cycles_to_failure(Cycle(50, 85, 1.0))
    yield Row("CIPS08 50 K, greatest temperature, 15 s", life, 3.479e5, 1e2)
    for range_k, mean_degc, text in ((30, 80, "9.08e6"), (50, 85, "4.87e5"), (80, 100, "1.62e4")):
        yield Row(
            f"LESIT {range_k} K around {mean_degc} degC",
            Lesit().cycles_to_failure(Cycle(range_k, mean_degc, 1.0)),
            float(text),
            last_digit(text),
        )


def steady_rows() -> Iterator[Row]:
    """REF-30 rectifying 30 kW in air of 50 °C: 648 W into the front end's sink, 68 W into an IGBT."""
    sink = 50.0 + 648.0 * HeatSink().resistance_k_per_w(1.0)
    yield Row("heat sink of the front end, degC", sink, 79.0, 1.0)
    igbt = FosterState(FOSTER_SETS["2MBI100XAA120-50 IGBT"]).advance(1e6, 68.0)
    diode = FosterState(FOSTER_SETS["2MBI100XAA120-50 diode"]).advance(1e6, 40.0)
    yield Row("IGBT junction, degC", 79.0 + 11.0 + igbt, 109.0, 1.0)
    yield Row("diode junction, degC", 79.0 + 11.0 + diode, 112.0, 1.0)


def last_digit(text: str) -> float:
    """One unit of the last digit that *text* prints."""
    mantissa, _, exponent = text.partition("e")
    return 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))


def main() -> int:
    """Print every row, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.parse_args()
    missed = 0
    print(f"{'':52} {'measured':>12} {'reference':>12} {'error':>10}")
    for rows in (step_rows, ladder_rows, ntc_rows, lifetime_rows, steady_rows):
        for row in rows():
            missed += not row.held
            verdict = "" if row.held else "  MISSED"
            print(f"{row.what:52} {row.measured:12.6g} {row.reference:12.6g} {row.measured / row.reference - 1.0:10.1e}{verdict}")
    print("held: every row to its printed digits" if not missed else f"MISSED: {missed} rows")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
