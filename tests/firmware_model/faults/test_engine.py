"""Faults as data: they begin and end when they should, where they should, and leave no trace when there are none."""

import pytest

from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.faults.fault import Fault, Injected, Lifted, TookEffect
from firmware_model.happenings import Moment, Step
from firmware_model.mcu.protection import Fault as PileFault
from firmware_model.mcu.sequence import PileState
from protocols.core.errors import LocalError
from protocols.core.session import TimedOut

S = 1_000_000
SCRIPT = (Step("plug in", Moment()), Step("start", Moment(S)), Step("stop", Moment(3 * S, "CHARGING")))


def bench_with(*faults: Fault) -> Bench:
    return Bench(PileSetup(level="quasi_static"), VehicleSetup(), seed=1, script=SCRIPT, faults=faults)


def ran(*faults: Fault, until_us: int = 60 * S) -> Bench:
    bench = bench_with(*faults)
    bench.run(until_us)
    return bench


def times(bench: Bench, kind: type) -> list[int]:
    return [happening.at for happening in bench.trace.of(kind, "fault")]


def entered(bench: Bench, phase: str) -> int:
    return next(begin for move, begin, _ in bench.trace.phases("charger", bench.clock.now) if move.after.name == phase)


def test_a_fault_that_never_begins_changes_no_byte() -> None:
    plain, faulted = ran(), ran(Fault(3600 * S, None, "wire/BCL", "drop"))
    assert list(faulted.trace.log()) == list(plain.trace.log())
    assert faulted.clock.now == plain.clock.now


def test_begin_and_end_are_in_the_trace_with_the_time_after_the_phase() -> None:
    fault = Fault(500_000, 700_000, "wire/BCL", "drop", after="CHARGING")
    bench = ran(fault)
    charging = entered(bench, "CHARGING")
    assert times(bench, Injected) == [charging + 500_000]
    assert times(bench, Lifted) == [charging + 700_000]
    assert [h.what.fault for h in bench.trace.of(TookEffect)] == [fault]


def test_a_short_loss_is_survived_and_a_long_one_is_a_timeout() -> None:
    short = ran(Fault(0, 800_000, "wire/BCL", "drop", after="CHARGING"))
    assert short.charger.session.end is not None and short.charger.session.end.reason == "stopped by the charger: operator"
    long = ran(Fault(0, None, "wire/BCL", "drop", after="CHARGING"))
    assert "BCL" in [happening.what.timer for happening in long.trace.of(TimedOut, "charger")]


def test_a_fault_begins_when_a_message_with_a_value_was_sent() -> None:
    bench = ran(Fault(0, None, "wire/BCL", "drop", when="CRO.ready == 0xAA"))
    ready = next(at for at, frame in bench.trace.log() if str(frame) == "100AF456#AA")
    assert times(bench, Injected) == [ready]


def test_a_fault_begins_at_the_nth_frame_of_a_message() -> None:
    bench = ran(Fault(0, None, "wire/BCL", "drop", when="BCL#20"))
    sent = [at for at, frame in bench.trace.log() if frame.can_id & 0x3FFFFFF == 0x01056F4 | 0x10 << 16]
    assert times(bench, Injected) == [sent[19]]


def test_a_fault_begins_when_a_signal_passes_a_limit() -> None:
    bench = ran(Fault(0, None, "actuator/lock", "springs open", when="current_a > 30"))
    (at,) = times(bench, Injected)
    current = bench.trace.signals["output current"].at(at)
    assert current is not None and 30 <= current < 35
    assert PileFault.LOCK in bench.charger.faults


def test_a_replaced_value_goes_over_the_wire() -> None:
    bench = ran(Fault(0, 2 * S, "wire/BCL.current_a", "replace", {"value": 10.0}, after="CHARGING"))
    began, ended = entered(bench, "CHARGING"), times(bench, Lifted)[0]
    raw = {f.data[2:4] for at, f in bench.trace.log() if f.can_id == 0x181056F4 and began < at <= ended}
    assert raw == {(3900).to_bytes(2, "little")}
    assert bench.trace.signals["demanded current"].peak > 10.0, "after the fault the demand is followed again"


def test_a_field_of_a_long_message_is_replaced_in_the_packets_that_carry_it() -> None:
    bench = ran(Fault(0, None, "wire/BCP.voltage_max_v", "replace", {"value": 450.0}))
    assert bench.charger.session.latest["BCP"].voltage_max_v == 450.0  # type: ignore[attr-defined]


def test_a_welded_contactor_is_detected_and_blocks_the_next_charge() -> None:
    bench = ran(Fault(0, None, "actuator/K1", "welded", when="current_a > 20"))
    assert PileFault.CONTACTS_WELDED in bench.charger.latched
    assert bench.charger.state is PileState.FINISHED
    assert not bench.pile.circuit.k2.closed(bench.clock.now)


@pytest.mark.parametrize(
    ("where", "kind", "args", "complaint"),
    [
        ("wire/BCX", "drop", {}, "did you mean wire/BC"),
        ("wire/BCL.curent_a", "replace", {}, "wire/BCL.current_a"),
        ("K1", "welded", {}, "did you mean actuator/K1"),
        ("wire/BCL", "welded", {}, "one of drop, delay, duplicate"),
        ("wire/BCL", "delay", {"delay_s": -1.0}, "delay_s = -1: must be from 0 to 600"),
        ("wire/BCL", "delay", {"dely_s": 1.0}, "no argument 'dely_s'; did you mean delay_s"),
        ("sensor/interface_v", "offset", {"offset": float("nan")}, "offset = nan"),
    ],
)
def test_an_aim_that_does_not_exist_is_refused_with_near_names(
    where: str, kind: str, args: dict[str, float], complaint: str
) -> None:
    with pytest.raises(LocalError, match=complaint.replace("?", ".")):
        bench_with(Fault(0, None, where, kind, args))


@pytest.mark.parametrize(
    "when",
    ["CRX", "CRO.redy == 1", "current_a", "current_a > fast", "CRO ==", "BRM.version == 1", "CRO > 3", "", "#0", ".x == 1"],
)
def test_a_trigger_that_makes_no_sense_is_refused(when: str) -> None:
    with pytest.raises(LocalError, match="when ="):
        bench_with(Fault(0, None, "wire/BCL", "drop", when=when))


def test_impossible_times_and_phases_are_refused() -> None:
    for wrong in ({"at_us": -1}, {"until_us": 0}, {"after": "CHARGNG"}):
        with pytest.raises(LocalError):
            Fault(**({"at_us": 0, "until_us": None, "where": "wire/BCL", "kind": "drop"} | wrong))  # type: ignore[arg-type]
