"""The chain of cell-monitoring chips: checksums, conversion times, open wires, faults and their symptoms, speed.

Prints what was measured beside what the data sheet or the budget says. Exit code 1 if a row is missed. ``--short`` times fewer
transfers.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

from firmware_model.afe.chain import Chain
from firmware_model.afe.device import Device
from firmware_model.afe.driver import Driver, Findings, performed
from firmware_model.afe.inputs import Divider
from firmware_model.afe.part import LTC6811, LTC6813, MODES, Part
from firmware_model.afe.wiring import Filter, Wiring
from protocols.ltc681x.commands import COMMANDS
from protocols.ltc681x.pec import pec15

TRANSFERS_MIN = 20_000.0
VECTORS = {
    "01": 0xAB32, "0360": 0xF46C, "FFFFFFFFFFFF": 0x664C, "000000000000": 0xC212, "010203040506": 0x22EE,
    "E80CE80CE80C": 0x34AC, "FC0000000000": 0x4F82, "E40D28A00100": 0xAD6A,
}  # fmt: skip
"""PEC15 of data, as vendor code and boards have it."""
ORDERS: dict[str, tuple[str, dict[str, int]]] = {
    "00013D6E": ("WRCFGA", {}), "00200000": ("WRPWM", {}), "000407C2": ("RDCVA", {}), "000B4836": ("RDCVF", {}),
    "0010ED72": ("RDSTATA", {}), "0360F46C": ("ADCV", {"mode": 2}), "0370AF42": ("ADCV", {"mode": 2, "permit": 1}),
    "02E03806": ("ADCV", {"mode": 1}), "03681C62": ("ADOW", {"mode": 2, "pull_up": 1}), "0328FBE8": ("ADOW", {"mode": 2}),
    "0560D3A0": ("ADAX", {"mode": 2}), "05683BAE": ("ADSTAT", {"mode": 2}),
    "0327B41C": ("CVST", {"mode": 2, "self_test": 1}), "0714F36C": ("PLADC", {}),
    "05503ED2": ("AXOW", {"mode": 2, "pull_up": 1}), "0715785E": ("DIAGN", {}), "0723B9E4": ("STCOMM", {}),
}  # fmt: skip
"""Whole command frames, as the tables of two drivers have them."""


class Row(NamedTuple):
    """One check."""

    what: str
    measured: str
    reference: str
    held: bool


def chain(part: Part = LTC6813, count: int = 3, board: Filter | None = None) -> Chain:
    """Chips over cells of different voltages, each chip with four thermistors."""
    cells_v = [3.30 + 0.01 * cell for cell in range(part.cells)]
    return Chain(
        [
            Device(
                part,
                lambda _: cells_v,
                seed=index,
                wiring=Wiring(part.cells, board),
                pins=[Divider(temp_degc=20.0 + index) for _ in range(4)],
            )
            for index in range(count)
        ]
    )


def examined(tested: Chain, *, repeats: int = 2) -> tuple[Findings, list[list[float] | None]]:
    """What the master finds out about *tested*, and the voltages of the GPIO pins."""
    driver = Driver(tested, tested.devices[0].part, len(tested.devices), repeats=repeats)
    _, now = performed(driver.wake(), 0)
    found, now = performed(driver.examine(), now)
    return found, performed(driver.inputs_v(), now)[0]


def vector_rows() -> Iterator[Row]:
    """Every vector."""
    right = sum(pec15(bytes.fromhex(data)) == pec for data, pec in VECTORS.items())
    yield Row("PEC15 of data", f"{right} right", f"{len(VECTORS)} vectors", right == len(VECTORS))
    right = sum(COMMANDS[name].encode(**chosen) == bytes.fromhex(frame) for frame, (name, chosen) in ORDERS.items())
    yield Row("command frames", f"{right} right", f"{len(ORDERS)} frames", right == len(ORDERS))


def time_rows() -> Iterator[Row]:
    """A read before the conversion is over gives the old data; the first after it the new."""
    for part in (LTC6811, LTC6813):
        for (md, option), mode in MODES.items():
            tested = chain(part, 1)
            driver = Driver(tested, part, 1, mode=(md, option))
            _, now = performed(driver.wake(), 0)
            tested.transfer(COMMANDS["ADCV"].encode(mode=md), now)
            began, read = now + 32, COMMANDS["RDCVA"].encode() + b"\xff" * 8
            early = tested.devices[0].read("CVA", began + mode.all_us + part.extra_us - 1)
            late = tested.devices[0].read("CVA", began + mode.all_us + part.extra_us)
            held = early[:6] == b"\xff" * 6 and late[:6] != b"\xff" * 6 and len(tested.transfer(read, now)) == len(read)
            yield Row(f"{part.name} {mode.name}", "old, then new data", f"at {mode.all_us + part.extra_us} us", held)


def wire_rows() -> Iterator[Row]:
    """Each open wire of each chip is found, alone, with small and with large filters; a healthy chain has none."""
    for part in (LTC6811, LTC6813):
        for farad, repeats in ((10e-9, 2), (100e-9, 4)):
            right = 0
            for node in range(part.cells + 1):
                tested = chain(part, 2, Filter(c_farad=farad))
                tested.devices[1].wiring.cut(node)
                right += examined(tested, repeats=repeats)[0] == Findings(open_wires={(1, node)})
            healthy = not examined(chain(part, 2, Filter(c_farad=farad)), repeats=repeats)[0]
            what = f"{part.name} C0..C{part.cells}, {farad * 1e9:.0f} nF, {repeats} times"
            yield Row(what, f"{right} found alone, healthy {'none' if healthy else 'some'}", f"{part.cells + 1} wires",
                      right == part.cells + 1 and healthy)  # fmt: skip


FAULTS: dict[str, tuple[Callable[[Chain], object], Findings]] = {
    "nothing": (lambda chain: None, Findings()),
    "open wire C7 of chip 1": (lambda chain: chain.devices[1].wiring.cut(7), Findings(open_wires={(1, 7)})),
    "converter 1 of chip 2 stuck": (
        lambda chain: chain.devices[2].converters.flaws.stuck.update({1: 34_000}),
        Findings(overlaps={(2, 1), (2, 2)}),
    ),
    "answers of chip 1 garbled": (lambda chain: chain.garbled.add(1), Findings(garbled={1})),
    "chain ends after chip 0": (lambda chain: setattr(chain, "broken_after", 1), Findings(silent={1, 2})),
    "reference of chip 0 off by 1 %": (
        lambda chain: setattr(chain.devices[0].converters.flaws, "reference", 0.01),
        Findings(references={0}),
    ),
    "multiplexer of chip 2": (
        lambda chain: setattr(chain.devices[2].converters.flaws, "mux_fails", True),
        Findings(multiplexers={2}),
    ),
    "filters of chip 1 disagree": (
        lambda chain: setattr(chain.devices[1].converters.flaws, "redundancy_fails", True),
        Findings(redundancy={1}),
    ),
}
"""A fault, and exactly what the master may find then."""


def fault_rows() -> Iterator[Row]:
    """Each fault gives its symptom and no other."""
    for what, (break_it, expected) in FAULTS.items():
        tested = chain()
        break_it(tested)
        found, _ = examined(tested)
        shown = {name: value for name in found.__slots__ if (value := getattr(found, name))}
        yield Row(what, str(shown or "nothing found"), "exactly that", found == expected)


def thermistor_rows() -> Iterator[Row]:
    """A broken or shorted thermistor reads as one, the others stay."""
    for attribute in ("open", "shorted"):
        tested = chain()
        pin = tested.devices[1].pins[2]
        assert isinstance(pin, Divider)
        setattr(pin, attribute, True)
        _, pins = examined(tested)
        temps = [[Divider().temp_of(volts, 3.0) for volts in (chip or [])[:4]] for chip in pins]
        wrong = [(c, p) for c, chip in enumerate(temps) for p, t in enumerate(chip) if abs(t - 20.0 - c) > 0.5]
        bad = temps[1][2]
        beyond = bad < -40.0 if attribute == "open" else bad > 150.0
        yield Row(f"thermistor {attribute}", f"{bad:.0f} degC, others within 0.5 K", "beyond -40..150 degC",
                  wrong == [(1, 2)] and beyond)  # fmt: skip


def speed_row(count: int) -> Row:
    """Reads of a group from three chips, beside the PEC15 of what they answer."""
    tested = chain()
    driver = Driver(tested, LTC6813, 3)
    _, now = performed(driver.wake(), 0)
    frames = [COMMANDS[name].encode() + b"\xff" * 24 for name in ("RDCVA", "RDCVB", "RDAUXA", "RDSTATA")]
    convert = COMMANDS["ADCV"].encode(mode=2)
    began = time.perf_counter()
    for turn in range(count):
        now += 300
        tested.transfer(convert if turn % 20 == 0 else frames[turn % 4], now)
    took_s = time.perf_counter() - began
    data, began = bytes(range(6)), time.perf_counter()
    for _ in range(3 * count):
        pec15(data)
    bare_s = time.perf_counter() - began
    measured = f"{count / took_s:,.0f} transfers/s, {took_s / bare_s:.1f} x three PEC15"
    return Row("3 chips, a conversion in 20", measured, f"{TRANSFERS_MIN:,.0f} transfers/s", count / took_s >= TRANSFERS_MIN)


def main() -> int:
    """Print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    count = 20_000 if parser.parse_args().short else 100_000
    rows = [*vector_rows(), *time_rows(), *wire_rows(), *fault_rows(), *thermistor_rows(), speed_row(count)]
    for row in rows:
        print(f"{row.what:36} {row.measured:52} {row.reference:22} {'held' if row.held else 'MISSED'}")
    return 0 if all(row.held for row in rows) else 1


if __name__ == "__main__":
    sys.exit(main())
