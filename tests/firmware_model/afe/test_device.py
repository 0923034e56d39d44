"""One chip: registers, flags, moments of sampling, discharge switches, errors."""

import pytest

from firmware_model.afe.device import Device
from firmware_model.afe.errors import Disturbance
from firmware_model.afe.inputs import Divider
from firmware_model.afe.part import LTC6811, LTC6813, MODES
from protocols.ltc681x.groups import SCALES, Configuration, Status

NOW = 1_000_000


def device(part=LTC6811, *, truth=None, ideal=True, seed=1):
    d = Device(part, truth or (lambda _: [3.3] * part.cells), seed=seed, ideal=ideal)
    d.write("CFGA", bytes.fromhex("FC0000000000"), NOW - 10_000)
    d.heard_us = NOW
    return d


def codes(d, group, at):
    data = d.read(group, at)
    return [int.from_bytes(data[i : i + 2], "little") for i in (0, 2, 4)]


def test_each_cell_is_sampled_in_its_slot():
    """A ramp of 1 V/s shows the skew of the timing table: t6M - t1M between the first and the sixth cell."""
    d = device(truth=lambda at: [3.0 + (at - NOW) * 1e-6] * 12)
    d.convert("ADCV", {"mode": 3}, NOW)

    first, sixth = codes(d, "CVA", NOW + 300_000)[0], codes(d, "CVB", NOW + 300_000)[2]

    assert first == pytest.approx(30_000 + 298, abs=1) and sixth - first == pytest.approx(1_490, abs=2)


def test_without_reference_a_conversion_waits_for_it():
    d = Device(LTC6811, lambda _: [3.3] * 12, seed=1, ideal=True)
    d.convert("ADCV", {"mode": 2}, NOW)

    assert d.busy(NOW + 3_500 + 2_334) and not d.busy(NOW + 3_500 + 2_335)


def test_limits_flag_cells_when_they_are_measured():
    volts = [3.0, 3.3, 4.3, *[3.3] * 9]
    d = device(truth=lambda _: volts)
    low, high = 3.1, 4.2
    vuv, vov = round(low / 1.6e-3) - 1, round(high / 1.6e-3)
    d.write("CFGA", bytes((0xFC, vuv & 0xFF, vuv >> 8 | (vov & 0xF) << 4, vov >> 4, 0, 0)), NOW)
    d.convert("ADCV", {"mode": 2}, NOW)

    assert d.read("STATB", NOW + 5_000)[2:5] == bytes((0b00_10_00_01, 0, 0))


def test_sums_and_die_temperature_have_their_scales():
    for part in (LTC6811, LTC6813):
        d = device(part)
        d.die_degc = 60.0
        d.convert("ADSTAT", {"mode": 2}, NOW)
        sum_code, die_code, _ = codes(d, "STATA", NOW + 5_000)

        assert sum_code * 1e-4 * part.scale.sum_of_cells == pytest.approx(3.3 * part.cells, abs=2e-3)
        assert die_code * 1e-4 / part.scale.die_v_per_k - part.scale.die_zero_k == pytest.approx(60.0, abs=0.02)


def test_the_total_error_stays_within_the_data_sheet():
    """7 kHz at 25 °C: at most 0.8, 1.2 and 1.6 mV at 2.0, 3.3 and 4.2 V (noise of four sigma is part of it)."""
    for volts, limit in ((2.0, 8), (3.3, 12), (4.2, 16)):
        worst = 0
        for seed in range(40):
            d = device(truth=lambda _, volts=volts: [volts] * 12, ideal=False, seed=seed)
            d.convert("ADCV", {"mode": 2}, NOW)
            worst = max(worst, *(abs(code - round(volts * 1e4)) for code in codes(d, "CVA", NOW + 5_000)))
        assert 1 <= worst <= limit


def test_the_same_seed_gives_the_same_codes():
    def run(seed):
        d = device(ideal=False, seed=seed)
        d.convert("ADCV", {"mode": 1}, NOW)
        return [codes(d, group, NOW + 5_000) for group in ("CVA", "CVB", "CVC", "CVD")]

    assert run(1) == run(1) != run(2)


def test_a_slow_mode_lets_little_of_a_disturbance_through():
    found = {}
    for mode in (1, 2, 3):
        d = device()
        d.converters.disturbance = Disturbance(amplitude_v=0.5, frequency_hz=15_100.0)
        d.convert("ADCV", {"mode": mode}, NOW)
        found[mode] = max(abs(code - 33_000) for code in codes(d, "CVA", NOW + 300_000))

    assert found[1] > 1_000 > found[2] > 5 and found[3] <= 1
    assert MODES[2, 0].passes(6_800.0) == pytest.approx(0.57, abs=0.02)


def test_switches_conduct_by_duty_and_not_while_measuring_unless_permitted():
    d = device()
    d.write("CFGA", bytes.fromhex("FC0000000500"), NOW)
    d.write("PWM", bytes.fromhex("8F0FFFFFFFFF"), NOW)

    amperes = d.discharging(NOW)
    assert amperes[0] == pytest.approx(3.3 / 43.02, rel=1e-3) and amperes[1] == 0.0 and amperes[2] > 0
    d.convert("ADCV", {"mode": 2}, NOW)
    assert not any(d.discharging(NOW + 100))
    d.convert("ADCV", {"mode": 2, "permit": 1}, NOW)
    assert d.discharging(NOW + 100)[0] > 0
    d.settle(NOW + 10_000)
    assert not any(d.discharging(NOW + 2_100_000))


def test_measuring_while_discharging_costs_the_wires_voltage():
    found = {}
    for permit in (0, 1):
        d = device()
        d.write("CFGA", bytes.fromhex("FC0000000200"), NOW)
        d.convert("ADCV", {"mode": 2, "permit": permit}, NOW)
        found[permit] = codes(d, "CVA", NOW + 5_000)

    drop = round(3.3 / 43.02 * 0.01 / 1e-4)
    assert found[0] == [33_000] * 3 and found[1] == pytest.approx([33_000 + drop, 33_000 - 2 * drop, 33_000 + drop], abs=1)


def test_the_larger_chip_mutes_and_tells():
    d = device(LTC6813)
    d.write("CFGB", bytes.fromhex("0F0300000000"), NOW)
    assert d.discharging(NOW)[16] > 0 and d.discharging(NOW)[17] > 0
    d.order("MUTE", NOW)
    assert not any(d.discharging(NOW)) and d.read("CFGB", NOW)[1] == 0x83
    d.order("UNMUTE", NOW)
    assert d.discharging(NOW)[16] > 0


def test_only_cells_being_measured_pause_and_inputs_pause_none():
    d = device()
    d.write("CFGA", bytes.fromhex("FC000000FF0F"), NOW)

    d.convert("ADAX", {"mode": 2}, NOW)
    assert all(d.discharging(NOW + 100))
    d.convert("ADCV", {"mode": 2, "channel": 3}, NOW)
    assert [cell for cell, current_a in enumerate(d.discharging(NOW + 100), 1) if not current_a] == [2, 3, 4, 8, 9, 10]


@pytest.mark.parametrize("pin", [False, True])
def test_the_timer_keeps_discharging_without_commands_if_its_pin_is_high(pin):
    d = device()
    d.timer.pin = pin
    d.write("CFGA", bytes.fromhex("FC0A00000120"), NOW)  # cell 1, one minute

    assert bool(d.discharging(NOW + 2_100_000)[0]) is pin
    assert d.unheard(NOW + 2_100_000) is not pin
    assert d.read("CFGA", NOW + 3_000_000)[:6] == bytes.fromhex("FA0000000120" if pin else "F80000000000")
    assert d.read("CFGA", NOW + 45_000_000)[5] >> 4 == (1 if pin else 0)
    assert d.discharging(NOW + 60_000_001)[0] == 0.0
    assert d.read("CFGA", NOW + 60_000_001)[4:6] == bytes(2)


def test_a_hot_chip_forgets_its_configuration_and_says_so_once():
    d = device()
    d.write("CFGA", bytes.fromhex("FC0000000100"), NOW)
    d.order("CLRSTAT", NOW)
    d.read("STATB", NOW)
    assert d.discharging(NOW)[0] > 0 and not d.read("STATB", NOW)[5] & 1

    d.die_degc = 155.0
    assert d.discharging(NOW)[0] == 0.0
    d.die_degc = 90.0
    assert d.read("CFGA", NOW)[:6] == bytes.fromhex("F80000000000")
    assert [d.read("STATB", NOW)[5] & 1 for _ in range(2)] == [1, 0]


def test_an_input_that_is_pulled_down_reads_nothing():
    d = device(LTC6813)
    d.pins = [Divider() for _ in range(9)]
    d.write("CFGA", bytes.fromhex("EC0000000000"), NOW)  # GPIO 2
    d.write("CFGB", bytes.fromhex("0E0000000000"), NOW)  # GPIO 6
    d.convert("ADAX", {"mode": 2}, NOW)

    assert codes(d, "AUXA", NOW + 9_000) == [15_000, 0, 15_000] and codes(d, "AUXC", NOW + 9_000)[0] == 0


def test_a_measurement_given_up_has_pulled_so_far():
    """A loose pin moves by I x t / C also while a measurement runs whose results never come."""
    d = device()
    d.wiring.cut(5)
    d.convert("ADOW", {"mode": 2, "pull_up": 1}, NOW)
    before_v = d.wiring.shifts(pull=0, discharging_a=())[5]

    d.convert("ADCV", {"mode": 2}, NOW + 100)

    assert d.wiring.shifts(pull=0, discharging_a=())[5] - before_v == pytest.approx(100e-6 * 100e-6 / 10e-9)


@pytest.mark.parametrize(("mode", "option", "skew_us"), [(1, 0, 208), (1, 1, 310), (2, 0, 543), (2, 1, 1_009), (3, 1, 1_939)])
def test_currents_are_measured_in_the_middle_of_the_cells(mode, option, skew_us):
    """ADCVAX: farthest apart are GPIO 2 and the first cell, and GPIO 1 and the sixth (LTC6804 table 5). At 27 kHz the
    table does not fit its own slots better than by 11 %.
    """
    d, moments = device(), []
    d.write("CFGA", bytes((0xFC | option, 0, 0, 0, 0, 0)), NOW - 9_000)
    d.convert("ADCVAX", {"mode": mode}, NOW)

    while (due := d.deadline) is not None:
        moments.append(due - NOW)
        d.settle(due)

    *sampled, done = moments
    assert len(sampled) == 8 and done == MODES[mode, option].mixed_us
    assert sampled[4] - sampled[0] == pytest.approx(skew_us, rel=0.12 if mode == 1 else 0.02)
    assert sampled[7] - sampled[3] == pytest.approx(skew_us, rel=0.12 if mode == 1 else 0.02)


def test_the_fourth_cell_waits_for_the_currents():
    """A ramp of 1 V/ms: between the third and the fourth cell are three slots instead of one."""
    gaps = {}
    for name in ("ADCV", "ADCVAX"):
        d = device(truth=lambda at: [max(at - NOW, 0) * 1e-3] * 12)
        d.convert(name, {"mode": 2}, NOW)
        gaps[name] = codes(d, "CVB", NOW + 4_000)[0] - codes(d, "CVA", NOW + 4_000)[2]

    assert gaps["ADCV"] == pytest.approx(1_340, abs=15) and gaps["ADCVAX"] == pytest.approx(3 * 1_340, abs=15)


@pytest.mark.parametrize(
    ("key", "first_us", "sixth_us", "done_us"),
    [((1, 0), 57, 290, 1_113), ((1, 1), 86, 465, 1_288), ((2, 0), 144, 814, 2_335), ((2, 1), 260, 1_512, 3_033),
     ((3, 1), 493, 2_908, 4_430), ((3, 0), 29_817, 178_850, 201_317)],
)  # fmt: skip
def test_cells_are_sampled_at_the_instants_of_the_table(key, first_us, sixth_us, done_us):
    """t1M, t6M and t6C of LTC6804 table 5."""
    d, moments = device(), []
    d.write("CFGA", bytes((0xFC | key[1], 0, 0, 0, 0, 0)), NOW - 9_000)
    d.convert("ADCV", {"mode": key[0]}, NOW)

    while (due := d.deadline) is not None:
        moments.append(due - NOW)
        d.settle(due)

    assert len(moments) == 7
    assert (moments[0], moments[5], moments[6]) == (first_us, sixth_us, done_us)


def test_a_failing_multiplexer_confuses_neighbours_of_the_first_converter():
    volts = [3.0 + 0.1 * cell for cell in range(12)]
    d = device(truth=lambda _: volts)
    d.converters.flaws.mux_fails = True
    d.convert("ADCV", {"mode": 2}, NOW)
    d.settle(NOW + 5_000)

    seen = [code * 1e-4 for group in ("CVA", "CVB", "CVC") for code in codes(d, group, NOW + 5_000)]

    assert seen[:6] == pytest.approx([volts[cell] for cell in (1, 0, 3, 2, 5, 4)])
    assert seen[6:] == pytest.approx(volts[6:9])


def test_flags_change_exactly_one_code_beyond_their_limits():
    volts = [3.1007, 3.1008, 3.1009, 4.1999, 4.2, 4.2001, *[3.5] * 6]
    d = device(truth=lambda _: volts)
    d.write("CFGA", Configuration(reference_on=True, low_v=3.1008, high_v=4.2).pack_a(), NOW)
    d.convert("ADCV", {"mode": 2}, NOW)

    status = Status.unpack(bytes(6), d.read("STATB", NOW + 5_000)[:6], SCALES["LTC6811"])

    assert (status.low, status.high) == ({1}, {6})
