"""The chain of cell-monitoring chips: checksums, conversion times, open wires, faults and their symptoms, speed.

Prints what was measured beside what the data sheet or the budget says. Exit code 1 if a row is missed. ``--short`` times fewer
transfers.
"""

import argparse
import sys
import time
from collections.abc import Callable, Iterator
from math import ceil

import simpy
from _afe_chains import Row, always, awake, chain, codes, examined, rising
from _afe_facts import CHOSEN, PATTERN, PATTERNS, PLAIN, SKEW_US, TOTAL_ERROR_MV, TOTAL_US, VECTORS

from firmware_model.afe.chain import Chain
from firmware_model.afe.device import Device
from firmware_model.afe.driver import Findings, performed
from firmware_model.afe.inputs import Divider, Multiplexer
from firmware_model.afe.line_noise import LineNoise
from firmware_model.afe.part import LTC6811, LTC6813, MODES
from firmware_model.afe.wiring import Filter
from protocols.ltc681x.commands import COMMANDS, decode
from protocols.ltc681x.pec import pec15, sealed

TRANSFERS_MIN = 20_000.0
READ = b"\xff" * 8


def vector_rows() -> Iterator[Row]:
    """Every vector, as the master makes it and as a chip understands it."""
    right = sum(pec15(bytes.fromhex(data)) == pec for data, pec in VECTORS.items())
    yield Row("PEC15 of data", f"{right} right", f"{len(VECTORS)} vectors", right == len(VECTORS))
    plain: dict[str, tuple[str, dict[str, int]]] = {
        frame: (name, {}) for name, frame in (pair.split() for pair in PLAIN.replace("\n", "  ").split("  "))
    }
    orders = CHOSEN | plain
    right = sum(COMMANDS[name].encode(**chosen) == bytes.fromhex(frame) for frame, (name, chosen) in orders.items())
    right += sum(decode(bytes.fromhex(frame)).command.name == name for frame, (name, _) in orders.items())
    yield Row("command frames, made and understood", f"{right} right", f"2 x {len(orders)} frames", right == 2 * len(orders))


def refusal_rows() -> Iterator[Row]:
    """A command with any one bit wrong is ignored, a written block with any one bit wrong refused by its chip alone."""
    tested = chain(count=2)
    driver, now = awake(tested)
    performed(driver.write("CFGA", [bytes((0xFC, 7, 0, 0, 0, 0))] * 2), now)
    read = COMMANDS["RDCFGA"].encode() + READ * 2
    frame = COMMANDS["WRCFGA"].encode() + sealed(bytes((0xFC, 1, 0, 0, 0, 0))) + sealed(bytes((0xFC, 2, 0, 0, 0, 0)))
    kept = 0
    for bit in range(8 * len(frame)):
        spoiled = bytearray(frame)
        spoiled[bit // 8] ^= 1 << bit % 8
        performed(driver.write("CFGA", [bytes((0xFC, 7, 0, 0, 0, 0))] * 2), now + 1_000)
        tested.transfer(bytes(spoiled), now + 2_000)
        answer = tested.transfer(read, now := now + 3_000)
        kept += [answer[5], answer[13]] == ([7, 7] if bit < 32 else [2, 7] if bit < 96 else [7, 1])
    yield Row(
        "a write with one wrong bit", f"{kept} refused where it was wrong", f"{8 * len(frame)} bits", kept == 8 * len(frame)
    )


def time_rows() -> Iterator[Row]:
    """A read over the line before the conversion is over gives what was measured before; one a microsecond later the new."""
    for part in (LTC6811, LTC6813):
        for (md, option), mode in MODES.items():
            cells_v = [3.0] * part.cells
            tested = Chain([Device(part, always(cells_v), seed=1)])
            driver, now = awake(tested, (md, option))
            _, now = performed(driver.cells_v(), now)
            tested.transfer(b"\xff", now)
            done = now + 50 + 32 + TOTAL_US[mode.name] + (8 if part is LTC6813 else 0)
            cells_v[:] = [3.5] * part.cells
            tested.transfer(COMMANDS["ADCV"].encode(mode=md), now + 50)
            seen = []
            for at in (done - 1, done):
                if at == done - 1:
                    tested.transfer(b"\xff", at - 32 - 50)  # the line may have gone idle
                answer = tested.transfer(COMMANDS["RDCVA"].encode() + READ, at - 32)
                seen.append(round(int.from_bytes(answer[4:6], "little") * 1e-4, 1))
            yield Row(f"{part.name} {mode.name}", f"{seen[0]} V, then {seen[1]} V", f"3.0, 3.5 at {done - now - 82} us",
                      seen == [3.0, 3.5])  # fmt: skip


def skew_row() -> Row:
    """A voltage that rises by 1 V in the time of the table shows how far apart the first and sixth cell are measured."""
    worst, start = 0.0, 1_000_000
    for (md, option), mode in MODES.items():
        table_us = SKEW_US.get(mode.name)
        if table_us is None:
            continue
        device = Device(LTC6811, rising(start, table_us), seed=1, ideal=True)
        device.write("CFGA", bytes((0xFC | option, 0, 0, 0, 0, 0)), start - 10_000)
        device.convert("ADCV", {"mode": md}, start)
        first, sixth = codes(device.read("CVA", start + 300_000))[0], codes(device.read("CVB", start + 300_000))[2]
        worst = max(worst, abs((sixth - first) * 1e-4 - 1.0))
    return Row("skew of cells 1 and 6, six modes", f"off by {worst:.2%} at most", "LTC6804 table 5, 1 %", worst <= 0.01)


def self_test_row() -> Row:
    """CVST, AXST and STATST give the codes of the data sheet in every mode, over the line."""
    right = 0
    for key, mode in MODES.items():
        driver, now = awake(chain(count=1), key)
        for name, group in (("CVST", "CVF"), ("AXST", "AUXA"), ("STATST", "STATA")):
            for test in (1, 2):
                _, now = performed(driver.convert(name, self_test=test), now)
                (block,), now = performed(driver.read(group), now)
                right += codes(block) == [PATTERNS.get(mode.name, PATTERN)[test - 1]] * 3
    return Row("self-tests, 3 kinds x 2 x 8 modes", f"{right} right", "48 codes", right == 48)


def flag_row() -> Row:
    """Flags change exactly one code beyond their limits."""
    low, high = 1_937, 2_625  # (VUV + 1) x 1.6 mV = 3.1008 V, VOV x 1.6 mV = 4.2 V
    cells_v = [3.1007, 3.1008, 3.1009, 4.1999, 4.2, 4.2001, *[3.5] * 6]
    device = Device(LTC6811, always(cells_v), seed=1, ideal=True)
    device.write("CFGA", bytes((0xFC, low & 0xFF, low >> 8 | (high & 0xF) << 4, high >> 4, 0, 0)), 0)
    device.convert("ADCV", {"mode": 2}, 10_000)
    flags = int.from_bytes(device.read("STATB", 20_000)[2:5], "little")
    return Row("flags one code beyond the limits", f"{flags:024b}", "cell 1 low, cell 6 high", flags == 1 | 2 << 10)


def error_rows() -> Iterator[Row]:
    """The worst of many chips against the data sheet's total error, 25 degC."""
    for key, mode in MODES.items():
        worst = []
        for volts, limit_mv in TOTAL_ERROR_MV.get(mode.name, {}).items():
            off_mv = 0.0
            for seed in range(60):
                device = Device(LTC6811, always([volts] * 12), seed=seed)
                device.convert("ADCV", {"mode": key[0]}, 0)
                off_mv = max(off_mv, *(abs(c * 0.1 - volts * 1e3) for g in "ABCD" for c in codes(device.read(f"CV{g}", 20_000))))
            worst.append((volts, off_mv, limit_mv))
        if worst:
            told = ", ".join(f"{off:.2f}" for _, off, _ in worst)
            limits = "/".join(f"{limit:g}" for *_, limit in worst)
            held = all(0.0 < off <= limit for _, off, limit in worst)
            yield Row(f"error at 2.0/3.3/4.2 V, {mode.name}", f"{told} mV, 720 cells each", f"{limits} mV", held)


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


def false_find_row() -> Row:
    """Whole chains in trouble of other kinds have no open wire: spread cells, discharging, ringing edges, age, heat, any mode."""
    found, count = 0, 0
    for seed, key in ((seed, key) for seed in range(5) for key in MODES):
        cells_v = [2.5 + (7 * cell + seed) % 18 * 0.1 for cell in range(18)]
        device = Device(LTC6813, always(cells_v), seed=seed)
        device.converters.switching, device.converters.age_h, device.die_degc = 1.0, 50_000.0, 80.0
        driver, now = awake(Chain([device]), key)
        _, now = performed(driver.write("CFGA", [bytes((0xFC | key[1], 0, 0, 0, 0x55 << seed % 2, 0))]), now)
        findings = Findings()
        performed(driver.open_wires(findings), now)
        found, count = found + len(findings.open_wires), count + 19
    return Row("open wires that there are not", f"{found} found", f"0 of {count}", found == 0)


def swing_row() -> Row:
    """A large filter needs as many conversions as 100 uA take to move it: 10 uF by 400 mV in 40 ms. Of the last conversion each
    way only what comes before the sample counts, and the second has to undo the first.
    """
    needed = 0
    for repeats in range(2, 40):
        tested = chain(count=1, board=Filter(c_farad=10e-6))
        tested.devices[0].wiring.cut(5)
        driver, now = awake(tested, repeats=repeats)
        findings = Findings()
        performed(driver.open_wires(findings), now)
        if findings.open_wires == {(0, 5)}:
            needed = repeats
            break
    board = Filter(c_farad=10e-6)
    lasts_us, sampled_us = TOTAL_US["7 kHz"] + 8, 814
    swing_v = 0.4 + 2.0 * board.r_ohm * board.pull_a  # whole wires are pulled too, through their filters
    law = 2 + (board.c_farad * swing_v / board.pull_a * 1e6 - 2 * sampled_us) / lasts_us
    return Row("C5 behind 10 uF", f"found with {needed} conversions each way", f"I t / C: {law:.1f}", needed == ceil(law))


def _flaw(chip: int, **given: object) -> Callable[[Chain], object]:
    def break_it(tested: Chain) -> None:
        for name, value in given.items():
            setattr(tested.devices[chip].converters.flaws, name, value)

    return break_it


FAULTS: dict[str, tuple[Callable[[Chain], object], Findings]] = {
    "nothing": (lambda chain: None, Findings()),
    "open wire C7 of chip 1": (lambda chain: chain.devices[1].wiring.cut(7), Findings(open_wires={(1, 7)})),
    "converter 1 of chip 2 stuck": (_flaw(2, stuck={1: 34_000}), Findings(overlaps={(2, 1), (2, 2)})),
    "converter 2 of chip 0 stuck far off": (_flaw(0, stuck={2: 20_000}), Findings(overlaps={(0, 2)}, sums={0})),
    "filter 1 of chip 2 has bit 15 set": (_flaw(2, filter_bits={1: 0x8000}), Findings(filters={(2, 1)})),
    "answers of chip 1 garbled": (lambda chain: chain.garbled.add(1), Findings(garbled={1})),
    "chain ends after chip 0": (lambda chain: setattr(chain, "broken_after", 1), Findings(silent={1, 2})),
    "reference of chip 0 off by 1 %": (_flaw(0, reference=0.01), Findings(references={0})),
    "reference of chip 2 off by -1 %": (_flaw(2, reference=-0.01), Findings(references={2})),
    "multiplexer of chip 2": (_flaw(2, mux_fails=True), Findings(multiplexers={2})),
    "filters of chip 1 disagree": (_flaw(1, redundancy_fails=True), Findings(redundancy={1})),
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


def silence_row() -> Row:
    """Chips forget their configuration after 2 s without a command, not before; the first frame to a sleeping one is lost."""
    seen = []
    for pause_us in (1_990_000, 2_010_000):
        tested = chain(count=1)
        _, now = awake(tested)
        read = COMMANDS["RDCFGA"].encode() + READ
        for at in (0, 1_000, 1_500):
            answer = tested.transfer(read, now + pause_us + at)
            seen.append(answer[4:5].hex())
    return Row("2 s without a command", " ".join(seen), "config kept, then lost", seen == ["ff", "fc", "fc", "ff", "f8", "f8"])


def noise_row(count: int) -> Row:
    """Over a line that turns over a bit in one frame of a hundred a hop, every value is right or missing."""
    tested = chain()
    driver, now = awake(tested)
    tested.noise = LineNoise(share=0.01, seed=1)
    wrong = lost = 0
    for _ in range(count):
        cells, now = performed(driver.cells_v(), now + 1_000)
        lost += cells.count(None)
        wrong += sum(v is not None and abs(v - 3.30 - 0.01 * (i % 18)) > 2.2e-3 for i, v in enumerate(cells))
    held = wrong == 0 < lost
    return Row("a bit wrong in 1 % of the frames", f"{wrong} wrong, {lost} missing of {54 * count}", "0 wrong", held)


def thermistor_rows() -> Iterator[Row]:
    """A broken or shorted thermistor reads as one, a corroded contact as colder; the others stay."""
    kinds: tuple[tuple[str, float | bool, Callable[[float], bool], str], ...] = (
        ("open", True, lambda read: read < -40.0, "below -40 degC"),
        ("shorted", True, lambda read: read > 150.0, "above 150 degC"),
        ("contact_ohm", 1_000.0, lambda read: abs(50.0 - read - 6.4) < 0.6, "43.6 degC"),
    )
    for attribute, value, expected, told in kinds:
        tested = chain()
        pin = tested.devices[1].pins[2]
        assert isinstance(pin, Divider)
        pin.temp_degc = 50.0
        setattr(pin, attribute, value)
        _, pins = examined(tested)
        temps = [[Divider().temp_of(volts, 3.0) for volts in (chip or [])[:4]] for chip in pins]
        wrong = [(c, p) for c, chip in enumerate(temps) for p, t in enumerate(chip) if abs(t - 20.0 - c) > 0.5]
        read = temps[1][2]
        yield Row(f"thermistor {attribute}, at 50 degC", f"{read:.1f} degC, others within 0.5 K", told,
                  wrong == [(1, 2)] and expected(read))  # fmt: skip


def multiplexer_row() -> Row:
    """A multiplexer that does not answer is told by its chip's COMM register, and repeats the channel before."""
    tested = Chain(
        [Device(LTC6813, lambda _: [3.3] * 18, seed=n, pins=[Multiplexer([Divider(10.0), Divider(40.0)])]) for n in range(2)]
    )
    driver, now = awake(tested)
    _, now = performed(driver.choose(0), now)
    broken = tested.devices[1].pins[0]
    assert isinstance(broken, Multiplexer)
    broken.absent = True
    answered, now = performed(driver.choose(1), now)
    pins, _ = performed(driver.inputs_v(), now)
    temps = [round(Divider().temp_of(chip[0], 3.0)) if chip else None for chip in pins]
    return Row("multiplexer of chip 1 dead on I2C", f"acknowledged {answered}, {temps} degC", "chip 1 not, old channel",
               answered == [True, False] and temps == [40, 10])  # fmt: skip


def timeouts_s(count: int) -> float:
    """What *count* bare SimPy timeouts take, one after the other."""
    env = simpy.Environment()

    def waits() -> Iterator[simpy.Event]:
        for _ in range(count):
            yield env.timeout(1)

    env.process(waits())  # type: ignore[arg-type]
    began = time.perf_counter()
    env.run()
    return time.perf_counter() - began


def speed_row(count: int) -> Row:
    """Reads of a group from three chips, beside the PEC15 of what they answer and beside bare SimPy timeouts."""
    tested = chain()
    _, now = awake(tested)
    frames = [COMMANDS[name].encode() + READ * 3 for name in ("RDCVA", "RDCVB", "RDAUXA", "RDSTATA")]
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
    measured = f"{count / took_s:,.0f}/s, {took_s / bare_s:.1f} x 3 PEC15, {took_s / timeouts_s(count):.1f} x SimPy timeout"
    return Row("transfers, 3 chips, 1 in 20 converts", measured, f"{TRANSFERS_MIN:,.0f}/s", count / took_s >= TRANSFERS_MIN)


def rows(*, short: bool) -> Iterator[Row]:
    """All checks."""
    yield from vector_rows()
    yield from refusal_rows()
    yield from time_rows()
    yield from (skew_row(), self_test_row(), flag_row())
    yield from error_rows()
    yield from wire_rows()
    yield from (false_find_row(), swing_row())
    yield from fault_rows()
    yield from (silence_row(), noise_row(20 if short else 200))
    yield from thermistor_rows()
    yield from (multiplexer_row(), speed_row(20_000 if short else 100_000))


def main() -> int:
    """Print, judge."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--short", action="store_true")
    held = True
    for row in rows(short=parser.parse_args().short):
        held &= row.held
        print(f"{row.what:36} {row.measured:56} {row.reference:24} {'held' if row.held else 'MISSED'}", flush=True)
    return 0 if held else 1


if __name__ == "__main__":
    sys.exit(main())
