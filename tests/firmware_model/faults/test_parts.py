"""Sensors, clocks, supplies, memory and stage: each kind of fault does what its line says, and is gone afterwards."""

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.board import FULL_SCALE, Channel, Din
from firmware_model.faults.catalogue import catalogue
from firmware_model.faults.clocks import LocalClock
from firmware_model.faults.fault import Fault
from firmware_model.happenings import Moment, Step
from firmware_model.mcu.memory import VARIABLES
from firmware_model.mcu.protection import Fault as PileFault
from firmware_model.mcu.sequence import PileState

S = 1_000_000
SCRIPT = (Step("plug in", Moment()), Step("start", Moment(S)), Step("stop", Moment(3 * S, "CHARGING")))


def bench_with(*faults: Fault) -> Bench:
    return Bench(PileSetup(level="quasi_static"), VehicleSetup(), seed=1, script=SCRIPT, faults=faults)


def counts(bench: Bench, channel: Channel) -> int:
    return bench.pile.board.inputs.adc[channel]


def in_counts(temp_degc: float) -> float:
    return (temp_degc + 50.0) / 250.0 * FULL_SCALE


@pytest.mark.parametrize(
    ("kind", "args", "shown"),
    [
        ("open", {}, 0),
        ("short", {}, FULL_SCALE),
        ("stuck at", {"value": 40.0}, in_counts(40.0)),
        ("offset", {"offset": -10.0}, in_counts(15.0)),
        ("gain", {"gain": 2.0}, in_counts(50.0)),
    ],
)
def test_a_sensor_shows_what_its_fault_says_and_then_the_truth_again(kind: str, args: dict[str, float], shown: float) -> None:
    bench = bench_with(Fault(2 * S, 3 * S, "sensor/plug_positive_degc", kind, args))
    bench.run(int(2.1 * S))
    assert counts(bench, Channel.PLUG_POSITIVE_DEGC) == pytest.approx(shown, abs=3)
    bench.run(int(3.5 * S))
    assert counts(bench, Channel.PLUG_POSITIVE_DEGC) == pytest.approx(in_counts(25.0), abs=3)


def test_a_stale_sensor_shows_the_past() -> None:
    bench = bench_with(Fault(0, None, "sensor/stage_v", "stale", {"age_s": 0.1}))
    bench.run(2 * S)  # the output rises at 500 V/s for the insulation test
    shown_v = counts(bench, Channel.STAGE_V) / FULL_SCALE * 1200.0
    assert bench.pile.circuit.stage_v - shown_v == pytest.approx(50.0, abs=5.0)


def test_two_faults_of_one_sensor_add_up_and_end_in_any_order() -> None:
    first = Fault(2 * S, 3 * S, "sensor/plug_negative_degc", "gain", {"gain": 2.0})
    second = Fault(int(2.2 * S), 4 * S, "sensor/plug_negative_degc", "offset", {"offset": 10.0})
    bench = bench_with(first, second)
    for until_s, temp_degc in ((2.15, 50.0), (2.5, 60.0), (3.5, 35.0), (4.5, 25.0)):
        bench.run(int(until_s * S))
        assert counts(bench, Channel.PLUG_NEGATIVE_DEGC) == pytest.approx(in_counts(temp_degc), abs=4)


def test_a_digital_input_is_stuck_for_a_while() -> None:
    bench = bench_with(Fault(2 * S, 2 * S + 2_000, "input/locked", "stuck off"))
    bench.run(2 * S + 1_500)
    assert not bench.pile.board.inputs.gpio & Din.LOCKED
    bench.run(3 * S)
    assert bench.pile.board.inputs.gpio & Din.LOCKED, "shorter than the debounce time: nothing happened"
    assert bench.charger.state is PileState.TEST_MEASURE


def test_a_lying_insulation_monitor_refuses_a_healthy_vehicle() -> None:
    bench = bench_with(Fault(0, None, "sensor/insulation", "stuck at", {"kohm": 10}))
    bench.run(20 * S)
    assert PileFault.INSULATION in bench.charger.faults


def test_a_leak_to_earth_refuses_the_charge() -> None:
    bench = bench_with(Fault(0, None, "insulation/minus", "leaks"))
    bench.run(20 * S)
    assert PileFault.INSULATION in bench.charger.faults


@given(since=st.integers(0, 10**9), ppm=st.floats(-200_000, 200_000), ahead=st.integers(0, 10**10))
def test_a_local_clock_maps_back_to_the_first_moment_that_shows_at_least_that(since: int, ppm: float, ahead: int) -> None:
    clock = LocalClock(since, ppm)
    local = clock.local(since + ahead)
    moment = clock.true(local)
    assert clock.local(moment) >= local and moment <= since + ahead
    assert clock.local(since) == since


def test_a_fast_clock_sends_more_often() -> None:
    def gaps(*faults: Fault) -> float:
        bench = bench_with(*faults)
        bench.run(11 * S)
        times = [at for at, frame in bench.trace.log() if frame.can_id == 0x181056F4]
        return (times[-1] - times[0]) / (len(times) - 1)

    fast = gaps(Fault(0, None, "timer/vehicle", "drift", {"ppm": 100_000.0}))
    assert gaps() / fast == pytest.approx(1.1, rel=0.01)


def test_a_brown_out_forgets_everything_but_the_nvm_and_does_not_let_go_of_a_live_plug() -> None:
    bench = bench_with(Fault(S, None, "supply/pile_mcu", "brown-out", {"off_s": 0.5}, after="CHARGING"))
    before = bench.charger
    bench.run(30 * S)
    assert bench.charger is not before
    assert bench.charger.state is PileState.FINISHED
    assert bench.pile.circuit.stage_v < 60


def test_a_frozen_processor_is_started_anew_by_the_watchdog() -> None:
    bench = bench_with(Fault(S, None, "timer/pile", "frozen", after="CHARGING"))
    before = bench.charger
    bench.run(30 * S)
    assert bench.charger is not before and not bench.pile.board.tripped
    assert bench.charger.state is PileState.FINISHED


def test_every_declared_variable_can_be_flipped_and_flipped_back() -> None:
    controller = bench_with().charger
    for variable in VARIABLES:
        was = variable.read(controller)
        variable.flip(controller, 0)
        assert variable.read(controller) == was ^ 1, variable.name
        variable.flip(controller, 0)
        assert variable.read(controller) == was, variable.name


def test_a_stage_that_does_not_follow_is_found_out_by_its_current() -> None:
    bench = bench_with(Fault(S, None, "actuator/stage", "current gain", {"factor": 2.0}, after="CHARGING"))
    bench.run(30 * S)
    assert PileFault.OVER_CURRENT in bench.charger.faults


def test_a_weak_cell_is_healed_when_the_fault_is_lifted() -> None:
    bench = bench_with(Fault(2 * S, 3 * S, "battery/cell", "resistive", {"number": 5, "factor": 10.0}))
    healthy = bench.vehicle.pack.r_ohm
    bench.run(int(2.5 * S))
    assert bench.vehicle.pack.r_ohm > 1.05 * healthy
    bench.run(4 * S)
    assert bench.vehicle.pack.r_ohm == pytest.approx(healthy, rel=0.02)


def test_the_catalogue_has_every_part_of_the_model_once() -> None:
    entries = list(catalogue())
    names = [entry.name for entry in entries]
    assert len(set(names)) == len(names)
    classes = {entry.place.where.partition("/")[0] for entry in entries}
    expected = "wire sensor input actuator supply line timer memory battery bms afe insulation isolation"
    assert classes == set(expected.split())
    assert all(entry.place.what and entry.kind.line for entry in entries)


def test_without_faults_nothing_of_them_is_loaded() -> None:
    code = (
        "import sys; from firmware_model.bench import Bench, PileSetup, VehicleSetup;"
        "b = Bench(PileSetup(level='quasi_static'), VehicleSetup(), seed=1); b.run(1000);"
        "assert b.bus.corruptor is None and 'firmware_model.faults.engine' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
