import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.cabinet.insulation import BIG_OHM, Insulation, InsulationMonitor

S = 1_000_000


def finding(truth, voltage_v=500.0, **conditions):
    monitor = InsulationMonitor(truth)
    for name, value in conditions.items():
        setattr(monitor, name, value)
    monitor.start(0)
    return monitor.result(2 * S, voltage_v)


def test_paths_on_one_side_are_in_parallel():
    truth = Insulation()
    truth.set("vehicle", plus_ohm=20e6, minus_ohm=float("inf"))

    assert 1 / truth.plus_s == pytest.approx(10e6)
    assert 1 / truth.minus_s == pytest.approx(20e6)
    truth.remove("vehicle")
    assert 1 / truth.plus_s == pytest.approx(20e6)


@given(
    st.floats(20e3, 2e6),
    st.floats(20e3, 2e6),
    st.sampled_from([200.0, 500.0, 1000.0]),
)
def test_the_deciding_side_is_found_within_three_percent(plus_ohm, minus_ohm, voltage_v):
    truth = Insulation()
    truth.set("fault", plus_ohm=plus_ohm, minus_ohm=minus_ohm)

    found = finding(truth, voltage_v)

    smaller = min(1 / truth.plus_s, 1 / truth.minus_s)
    assert found.r_ohm == pytest.approx(smaller, rel=0.03)


def test_the_smaller_side_decides():
    truth = Insulation()
    truth.set("fault", plus_ohm=400e3, minus_ohm=45e3)

    found = finding(truth)

    assert found.r_ohm == found.minus_ohm == pytest.approx(45e3, rel=0.02)
    assert found.plus_ohm == pytest.approx(392e3, rel=0.02)


def test_a_dead_short_on_one_side_is_found():
    truth = Insulation()
    truth.set("fault", plus_ohm=0.0, minus_ohm=float("inf"))

    assert finding(truth).plus_ohm < 500


def test_no_path_at_all_reads_as_the_largest_value():
    truth = Insulation()
    truth.remove("pile")

    assert finding(truth).r_ohm == BIG_OHM


@pytest.mark.parametrize("at_us, ready", [(1_199_999, False), (1_200_000, True)])
def test_a_finding_takes_its_measuring_time(at_us, ready):
    monitor = InsulationMonitor(Insulation())
    monitor.start(0)

    assert (monitor.result(at_us, 500) is not None) is ready


def test_no_finding_while_stopped_or_without_voltage():
    monitor = InsulationMonitor(Insulation())
    assert monitor.result(5 * S, 500) is None and not monitor.active

    monitor.start(5 * S)

    assert monitor.result(10 * S, 20) is None and monitor.active
    monitor.stop()
    assert monitor.result(20 * S, 500) is None


def test_a_finding_holds_until_the_next_start():
    truth = Insulation()
    monitor = InsulationMonitor(truth)
    monitor.start(0)
    before = monitor.result(2 * S, 500)
    truth.set("fault", plus_ohm=1e3, minus_ohm=1e6)

    assert monitor.result(3 * S, 500) == before
    monitor.start(3 * S)
    assert monitor.result(5 * S, 500).r_ohm < 2e3


def test_a_wrong_instrument_finds_a_wrong_value():
    truth = Insulation()
    truth.set("fault", plus_ohm=100e3, minus_ohm=100e3)

    assert finding(truth, error=0.05).r_ohm != pytest.approx(finding(truth).r_ohm, rel=0.01)
