"""What the master measures and finds out: exactly the fault that there is (all of them: benchmarks/afe.py)."""

import pytest

from firmware_model.afe.chain import Chain
from firmware_model.afe.device import Device
from firmware_model.afe.driver import Driver, Findings, performed
from firmware_model.afe.inputs import Divider, Loose, Multiplexer
from firmware_model.afe.line_noise import LineNoise
from firmware_model.afe.part import LTC6811, LTC6813
from firmware_model.afe.wiring import Filter, Wiring
from protocols.ltc681x.commands import COMMANDS

CELLS_V = [3.30 + 0.01 * cell for cell in range(18)]


def chain(part=LTC6813, count=2, board=None, pins=()):
    return Chain(
        [
            Device(part, lambda _: CELLS_V[: part.cells], seed=index, wiring=Wiring(part.cells, board), pins=pins)
            for index in range(count)
        ]
    )


def started(tested):
    driver = Driver(tested, tested.devices[0].part, len(tested.devices))
    return driver, performed(driver.wake(), 0)[1]


def examined(tested):
    driver, now = started(tested)
    return performed(driver.examine(), now)[0]


@pytest.mark.parametrize("part", [LTC6811, LTC6813], ids=lambda part: part.name)
def test_a_healthy_chain_measures_its_cells_and_has_no_findings(part):
    tested = chain(part)
    driver, now = started(tested)

    cells, _ = performed(driver.cells_v(), now)

    assert cells == pytest.approx(CELLS_V[: part.cells] * 2, abs=1.6e-3)
    assert not examined(chain(part))


@pytest.mark.parametrize("node", [0, 1, 6, 17, 18])
def test_an_open_wire_is_found_and_no_other(node):
    tested = chain()
    tested.devices[1].wiring.cut(node)

    assert examined(tested) == Findings(open_wires={(1, node)})


def test_two_open_wires_are_both_found_and_a_mended_one_is_not():
    tested = chain()
    for node in (3, 9):
        tested.devices[0].wiring.cut(node)
    assert examined(tested) == Findings(open_wires={(0, 3), (0, 9)})

    tested.devices[0].wiring.mend(3)
    assert examined(tested) == Findings(open_wires={(0, 9)})


def test_a_large_filter_hides_an_open_wire_from_too_few_conversions():
    """100 uA move 10 uF by 23 mV in a conversion of 2.3 ms."""
    tested = chain(board=Filter(c_farad=10e-6))
    tested.devices[0].wiring.cut(5)

    assert not examined(tested)


@pytest.mark.parametrize(
    ("break_it", "expected"),
    [
        (
            lambda c: c.devices[1].converters.flaws.stuck.update({1: 34_000}),
            Findings(overlaps={(1, 1), (1, 2)}),
        ),
        # 3.2768 V and more have that bit anyway: only the self-test shows it.
        (lambda c: c.devices[1].converters.flaws.filter_bits.update({1: 0x8000}), Findings(filters={(1, 1)})),
        (lambda c: c.devices[1].converters.flaws.stuck.update({2: 20_000}), Findings(overlaps={(1, 2)}, sums={1})),
        (lambda c: c.garbled.add(0), Findings(garbled={0})),
        (lambda c: setattr(c, "broken_after", 1), Findings(silent={1})),
        (lambda c: setattr(c.devices[0].converters.flaws, "reference", -0.01), Findings(references={0})),
        (lambda c: setattr(c.devices[1].converters.flaws, "mux_fails", True), Findings(multiplexers={1})),
        (lambda c: setattr(c.devices[0].converters.flaws, "redundancy_fails", True), Findings(redundancy={0})),
    ],
    ids=["stuck", "filter", "far off", "garbled", "broken", "reference", "multiplexer", "redundancy"],
)
def test_each_fault_has_its_symptom_and_no_other(break_it, expected):
    tested = chain()
    break_it(tested)

    assert examined(tested) == expected


def test_thermistors_are_read_directly_and_behind_a_multiplexer():
    near = Divider(temp_degc=45.0)
    far = [Divider(temp_degc=10.0 * channel) for channel in range(8)]
    tested = chain(count=1, pins=[near, Multiplexer(list(far))])
    driver, now = started(tested)

    for channel in (0, 3, 7):
        answered, now = performed(driver.choose(channel), now)
        ((volts, behind, *_),), now = performed(driver.inputs_v(), now)
        assert answered == [True]
        assert near.temp_of(volts, 3.0) == pytest.approx(45.0, abs=0.1)
        assert far[channel].temp_of(behind, 3.0) == pytest.approx(10.0 * channel, abs=0.1)


def test_a_multiplexer_that_is_not_there_does_not_acknowledge():
    tested = chain(count=1, pins=[Multiplexer([], absent=True)])
    driver, now = started(tested)

    assert performed(driver.choose(1), now)[0] == [False]


def test_a_loose_pin_follows_the_open_wire_current_and_a_thermistor_hardly():
    tested = chain(count=1, pins=[Divider(), Loose()])
    driver, now = started(tested)
    seen = []
    for pull_up in (1, 0):
        _, now = performed(driver.convert("AXOW", pull_up=pull_up), now)
        blocks, now = performed(driver.read("AUXA"), now)
        seen.append([int.from_bytes(blocks[0][at : at + 2], "little") * 1e-4 for at in (0, 2)])

    assert seen[0][1] > 4.9 and seen[1][1] < 0.01
    assert seen[0][0] - seen[1][0] == pytest.approx(2 * 100e-6 * 5_000, abs=0.05)


@pytest.mark.parametrize("lost", ["ADCV", "ADAX"])
def test_a_chip_that_did_not_hear_the_command_has_no_result_instead_of_an_old_one(lost):
    tested = chain()

    class Deaf:
        """The line, with the command *lost* behind the nearest chip."""

        def transfer(self, tx, now):
            tested.broken_after = 1 if COMMANDS[lost].encode(mode=2) == tx else None
            return tested.transfer(tx, now)

    driver, now = started(tested)
    _, now = performed(driver.cells_v(), now)
    _, now = performed(driver.inputs_v(), now)
    deaf = Driver(Deaf(), LTC6813, 2)

    cells, now = performed(deaf.cells_v(), now)
    inputs, _ = performed(deaf.inputs_v(), now)

    assert [cells[0] is None, cells[18] is None] == [False, lost == "ADCV"]
    assert [chip is None for chip in inputs] == [False, lost == "ADAX"]


def test_over_a_noisy_line_nothing_wrong_is_taken_for_right():
    tested = chain()
    driver, now = started(tested)
    tested.noise = LineNoise(share=0.05, seed=4)
    lost = 0

    for _ in range(100):
        cells, now = performed(driver.cells_v(), now + 1_000)
        assert [volts for volts in cells if volts is not None] == pytest.approx(
            [CELLS_V[i % 18] for i, volts in enumerate(cells) if volts is not None], abs=1.6e-3
        )
        lost += cells.count(None)

    assert 100 < lost < 1_000 and sum(driver.bad_answers) > 20


@pytest.mark.parametrize("mode", [(2, 0), (0, 0), (3, 0)], ids=["7 kHz", "422 Hz", "26 Hz"])
def test_a_conversion_that_outlasts_the_line_is_still_waited_for(mode):
    """The line idles meanwhile; ones from an idle line are no end of a conversion. Ten inputs take longer than the cells."""
    tested = chain(pins=[Divider() for _ in range(9)])
    driver = Driver(tested, LTC6813, 2, mode=mode)
    _, now = performed(driver.wake(), 0)

    inputs, _ = performed(driver.inputs_v(), now)

    assert [chip is not None and chip[:5] == pytest.approx([1.5] * 5, abs=2e-3) for chip in inputs] == [True, True]
