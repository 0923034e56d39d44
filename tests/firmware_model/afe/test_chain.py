"""A chain as its master sees it: who answers, when, and what a wrong byte does."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.afe.chain import Chain, Timing
from firmware_model.afe.device import Device
from firmware_model.afe.driver import Driver, performed
from firmware_model.afe.line_noise import Flip
from firmware_model.afe.part import LTC6811, LTC6813
from protocols.ltc681x.commands import COMMANDS
from protocols.ltc681x.pec import intact, sealed

IDLE = b"\xff" * 8
CELLS_V = [3.0 + 0.05 * cell for cell in range(18)]
READ = COMMANDS["RDCFGA"].encode() + IDLE * 3


def made(count=3, part=LTC6811):
    return Chain([Device(part, lambda _: CELLS_V[: part.cells], seed=index, ideal=True) for index in range(count)])


def awake(count=3, part=LTC6811):
    chain = made(count, part)
    driver = Driver(chain, part, count)
    _, now = performed(driver.wake(), 0)
    return chain, driver, now


def test_sleeping_chips_are_woken_one_by_one_and_lose_the_frame():
    chain = made()

    assert chain.transfer(READ, 1_000)[4:] == IDLE * 3
    one = chain.transfer(READ, 1_000 + 300)
    assert one[4:12] == sealed(bytes.fromhex("F80000000000")) and one[12:] == IDLE * 2
    assert chain.transfer(READ, 1_000 + 900)[4:] == sealed(bytes.fromhex("F80000000000")) * 3


def test_an_idle_line_needs_a_pulse_first_and_keeps_what_was_written():
    chain, _driver, now = awake()
    later = now + 6_000

    assert chain.transfer(READ, later)[4:] == IDLE * 3
    assert chain.transfer(READ, later + 30)[4:12] == sealed(bytes.fromhex("FC0000000000"))


def test_without_commands_a_chip_sleeps_and_forgets():
    chain, _driver, now = awake()
    chain.transfer(READ, now + 2_100_000)

    answer = chain.transfer(READ, now + 2_101_000)

    assert answer[4:] == sealed(bytes.fromhex("F80000000000")) * 3


def test_a_wrong_command_is_ignored_and_a_wrong_block_leaves_its_chip_as_it_was():
    chain, _driver, now = awake()
    blocks = [bytes([0xFC, number, 0, 0, 0, 0]) for number in (1, 2, 3)]
    frame = COMMANDS["WRCFGA"].encode() + b"".join(map(sealed, reversed(blocks)))
    spoiled = bytearray(frame)
    spoiled[4 + 8 + 3] ^= 1  # of the chip in the middle

    chain.transfer(bytes(spoiled), now)
    answer = chain.transfer(READ, now + 1_000)
    assert [answer[at + 1] for at in (4, 12, 20)] == [1, 0, 3]

    spoiled = bytearray(frame)
    spoiled[3] ^= 2
    chain.transfer(bytes(spoiled), now + 2_000)
    assert chain.transfer(READ, now + 3_000) == answer


def test_behind_a_break_there_is_silence():
    chain, driver, now = awake()
    chain.broken_after = 2

    cells, _ = performed(driver.cells_v(), now)

    assert cells[:12] == pytest.approx(CELLS_V[:12]) and cells[24:] == [None] * 12
    assert driver.bad_answers == [0, 0, 4]


def test_polling_is_low_until_the_slowest_is_done():
    chain, _driver, now = awake(part=LTC6813)
    chain.transfer(COMMANDS["ADCV"].encode(mode=2), now)
    poll = COMMANDS["PLADC"].encode() + b"\xff" * 4
    done = now + 32 + 2_343

    assert chain.transfer(poll, now + 100)[4:] == bytes(4)
    assert chain.transfer(poll, done - 40)[4:] == b"\x00" + b"\xff" * 3
    assert chain.transfer(poll, done)[4:] == b"\xff" * 4


def test_a_read_before_the_time_is_up_gives_the_data_before():
    chain, _driver, now = awake(1)
    read = COMMANDS["RDCVA"].encode() + IDLE
    chain.transfer(COMMANDS["ADCV"].encode(mode=2), now)
    done = now + 32 + 2_335

    assert chain.transfer(read, done - 33)[4:10] == b"\xff" * 6
    assert chain.transfer(read, done - 32)[4:6] == round(CELLS_V[0] / 1e-4).to_bytes(2, "little")


@given(st.lists(st.binary(max_size=40), max_size=8), st.integers(0, 5_000_000))
def test_whatever_is_sent_as_much_comes_back(frames, pause_us):
    chain, now = made(2), 0
    for frame in frames:
        assert len(chain.transfer(frame, now)) == len(frame)
        now += pause_us


def test_nonsense_is_refused_by_name():
    with pytest.raises(ValueError, match="devices"):
        Chain([])
    with pytest.raises(ValueError, match="wake_us = 0"):
        Timing(wake_us=0)


@pytest.mark.parametrize("name", ["RDCVE", "RDCFGB", "RDPSB", "RDAUXC"])
def test_the_smaller_chip_does_not_answer_what_only_the_larger_knows(name):
    smaller, _driver, now = awake(1)
    larger, _driver, later = awake(1, LTC6813)

    assert smaller.transfer(COMMANDS[name].encode() + IDLE, now)[4:] == IDLE
    assert larger.transfer(COMMANDS[name].encode() + IDLE, later)[4:] != IDLE
    smaller.transfer(COMMANDS["MUTE"].encode(), now + 500)
    assert not smaller.devices[0].registers.mute


def test_a_chip_whose_discharge_timer_runs_does_not_sleep():
    chain, driver, now = awake(1)
    device = chain.devices[0]
    device.timer.pin = True
    performed(driver.write("CFGA", [bytes.fromhex("FC0000000120")]), now)
    performed(driver.convert("ADCV"), now + 1_000)

    assert chain.transfer(READ, now + 10_000_000)[4:12] == IDLE
    assert chain.transfer(READ, now + 10_000_030)[4:12] == sealed(bytes.fromhex("FA0000000120"))
    assert chain.transfer(COMMANDS["RDCVA"].encode() + IDLE, now + 10_001_000)[4:6] != b"\xff\xff"


class Planned:
    """A line whose wrong bits are told in advance: on the way down, then on the way up."""

    def __init__(self, *ways):
        self.ways = list(ways)

    def flips(self, hops, length):
        return self.ways.pop(0)


@pytest.mark.parametrize(
    ("down", "up", "right"),
    [
        ([], [], [True, True, True]),
        ([Flip(1, 2, 4)], [], [True, False, False]),
        ([], [Flip(1, 4 + 8 + 5, 1)], [True, False, True]),
        ([], [Flip(1, 4 + 5, 1)], [True, True, True]),
        ([Flip(2, 0, 1)], [Flip(0, 4, 1)], [False, True, False]),
    ],
    ids=["quiet", "command behind chip 0", "block of chip 1", "behind its chip", "both"],
)
def test_a_wrong_bit_hits_what_passes_its_hop(down, up, right):
    chain, _driver, now = awake()
    chain.noise = Planned(down, up)

    answer = chain.transfer(READ, now)

    assert [intact(answer[at : at + 8]) for at in (4, 12, 20)] == right


def test_a_wrong_bit_in_a_written_block_leaves_that_chip_only_as_it_was():
    chain, _driver, now = awake()
    frame = COMMANDS["WRCFGA"].encode() + b"".join(sealed(bytes([0xFC, 9, 0, 0, 0, 0])) for _ in range(3))
    chain.noise = Planned([Flip(0, 4 + 8 + 1, 2), Flip(2, 4 + 16, 1)], [])  # middle chip; nearest chip's block behind it

    chain.transfer(frame, now)
    chain.noise = None

    assert [chain.transfer(READ, now + 1_000)[at + 1] for at in (4, 12, 20)] == [9, 0, 9]


@pytest.mark.parametrize("count", [1, 3, 6, 12, 16])
@pytest.mark.parametrize("client", ["a pulse for each chip", "two pulses"])
def test_both_usual_ways_to_wake_a_chain_wake_all_of_it(count, client):
    """300 us for each chip, then 10 us for each: Linduino pulses once a chip, foxBMS twice in all."""
    chain, now = made(count), 0
    for pause_us in [310] * count if client == "a pulse for each chip" else [300 * count, 10 * count]:
        chain.transfer(b"\xff", now)
        now += pause_us + 8

    answer = chain.transfer(COMMANDS["RDCFGA"].encode() + IDLE * count, now)

    assert answer[4:] == sealed(bytes.fromhex("F80000000000")) * count
