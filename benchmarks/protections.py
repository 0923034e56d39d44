"""Protections of REF-30 against their rows: trip time and let-through energy of each fault; 1 where one is later than its row.

Corners of the parts' ranges that exceed a row are printed as such; they are not the design. ``--short`` changes nothing.
"""

import argparse
import sys
from collections.abc import Iterator
from typing import NamedTuple

from firmware_model.power.devices.gate_driver import Comparator, GateDriver
from firmware_model.power.devices.part_list import FUJI_100
from firmware_model.power.devices.protection import SlowWatch, output_short
from firmware_model.power.devices.short_circuit import short_circuit
from firmware_model.power.ref30 import IGBT


class Row(NamedTuple):
    """Trip time and limit (s), energy let through (J) and what it says besides."""

    what: str
    trip_s: float
    limit_s: float
    through_j: float | None
    note: str = ""
    corner: bool = False

    @property
    def held(self) -> bool:
        return self.trip_s <= self.limit_s


def rows() -> Iterator[Row]:
    """All faults, then the corners."""
    driver, link = GateDriver(), IGBT.link
    out = output_short(750.0)
    note = f"crest {out.peak_a:.0f} A, {out.through_a2s:.0f} A2s in fuse and cable: check it against the fuse"
    yield Row("short circuit at the output, 750 V", out.trip_s, 10e-6, out.lost_j, note)
    for what, loop_h, conducting in (("shoot-through (row of desaturation)", 50e-9, False),
                                     ("desaturation under 100 A, 1 uH", 1e-6, True)):  # fmt: skip
        course = short_circuit(FUJI_100, driver, link_v=link.nominal_v, loop_h=loop_h, initial_a=100.0 * conducting,
                               conducting=conducting)  # fmt: skip
        note = f"{course.peak_a:.0f} A, {course.peak_v:.0f} V, chip {'survives' if course.survived(FUJI_100) else 'is lost'}"
        yield Row(what, course.trip_s, 4e-6, course.energy_j, note)
    yield Row("all other gates off after desaturation", driver.all_off_s, 1e-6, None)
    yield Row("gate supply loss, from its threshold", driver.under_voltage_s, 10e-6, None)
    over_s = Comparator().ramp_s
    yield Row("link over-voltage, 40 A too much", over_s, 1e-6, link.over_v * 40.0 * over_s, "into the link beyond 850 V")
    watch = SlowWatch()
    yield Row("fan stop", watch.fan_s, 1.0, None, "derates")
    yield Row("NTC open", watch.ntc_open_s(), 10e-3, None)
    slow = GateDriver(blanking_f=220e-12, leading_edge_s=400e-9, under_filter_s=10e-6)
    yield Row("corner: blanking of 220 pF and 400 ns", slow.desaturation_s, 4e-6, None, corner=True)
    yield Row("corner: supply filter of 10 us", slow.under_voltage_s, 10e-6, None, corner=True)
    yield Row("corner: NTC in the 10 ms task", SlowWatch(ntc_task_s=10e-3).ntc_open_s(), 10e-3, None, corner=True)


def main() -> int:
    """Print every row, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    parser.parse_args()
    missed = 0
    print(f"{'':42} {'trip, us':>12} {'row, us':>12} {'of row':>7} {'let through, J':>15}")
    for row in rows():
        missed += not row.held and not row.corner
        through = "" if row.through_j is None else f"{row.through_j:.4g}"
        verdict = "" if row.held else "  beyond its row: not used" if row.corner else "  MISSED"
        print(f"{row.what:42} {row.trip_s * 1e6:12.4g} {row.limit_s * 1e6:12.4g} {row.trip_s / row.limit_s:7.2f} {through:>15}"
              f"  {row.note}{verdict}")  # fmt: skip
    print("held: none later than its row" if not missed else f"MISSED: {missed} rows")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
