from hypothesis import given
from hypothesis import strategies as st

from firmware_model.board import NEVER, Outputs
from firmware_model.mcu.metering import SAVE_EVERY_WH, EnergyMeter
from firmware_model.mcu.output import SetPoints


@given(
    targets=st.lists(st.integers(0, 250_000), min_size=1, max_size=5),
    rise=st.floats(1, 500),
    fall=st.floats(1, 500),
)
def test_the_set_point_arrives_without_overshoot_and_within_its_slopes(targets, rise, fall):
    outputs = Outputs()
    points = SetPoints(outputs, rise_a_per_s=rise, fall_a_per_s=fall)
    now = 0
    for target in targets:
        points.follow(400_000, target)
        while points.moving:
            before = outputs.current_ma
            due = points.ramp(now)
            now += 10_000
            change = outputs.current_ma - before
            assert -fall * 10 - 1 <= change <= rise * 10 + 1
            assert min(before, target) <= outputs.current_ma <= max(before, target)
            assert (due == NEVER) == (not points.moving)
        assert outputs.current_ma == target


def test_a_ramp_at_its_target_does_nothing():
    outputs = Outputs()
    points = SetPoints(outputs, rise_a_per_s=20, fall_a_per_s=100)
    points.drive(400_000, 10_000)

    assert points.ramp(0) == NEVER and outputs.current_ma == 10_000 and outputs.voltage_mv == 400_000


def test_a_stop_uses_its_own_slope_until_the_next_drive():
    outputs = Outputs()
    points = SetPoints(outputs, rise_a_per_s=20, fall_a_per_s=100)
    points.drive(400_000, 100_000)
    points.fall_to_zero(200)

    points.ramp(0)
    assert outputs.current_ma == 98_000

    points.drive(400_000, 100_000)
    points.follow(400_000, 0)
    points.ramp(0)
    assert outputs.current_ma == 99_000


@given(st.lists(st.tuples(st.integers(0, 1_000_000), st.integers(0, 250_000)), max_size=50))
def test_the_meter_adds_up_power_over_its_periods(samples):
    meter = EnergyMeter()
    meter.begin()
    for millivolts, milliamps in samples:
        meter.add(millivolts, milliamps)

    exact = sum(v * a for v, a in samples) * 1e-6 * 0.1 / 3600
    assert abs(meter.energy_wh - exact) <= 1e-3 * 0.1 / 3600 * len(samples) + 1e-9


def test_the_total_survives_a_restart_and_is_written_rarely():
    memory, writes = [0xFFFF_FFF0, 1, 0], []
    meter = EnergyMeter()
    meter.restore(memory)
    for _ in range(36_000):  # one hour at 10 kW
        meter.add(400_000, 25_000)
        before = list(memory)
        meter.save(memory)
        if memory != before:
            writes.append(meter.whole_wh)

    assert len(writes) == 10_000 // SAVE_EVERY_WH
    meter.save(memory, whatever=True)
    again = EnergyMeter()
    again.restore(memory)
    again.save(memory, whatever=True)
    assert memory[0] | memory[1] << 32 == 0x1_FFFF_FFF0 + 10_000
