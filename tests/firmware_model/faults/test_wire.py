"""What faults of the wire do to frames: seen on the bus, in the order and at the times of the bus."""

from functools import cache

import pytest

from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.faults.fault import Fault
from firmware_model.faults.selector import Selector
from firmware_model.happenings import Moment, Step
from protocols.core.frame import Frame
from protocols.gbt27930.editions import EDITIONS

S = 1_000_000
SCRIPT = (Step("plug in", Moment()), Step("start", Moment(S)), Step("stop", Moment(S, "CHARGING")))
MESSAGES = EDITIONS["2015"].messages
Log = list[tuple[int, Frame]]


@cache
def ran(*faults: tuple[str, str, tuple[tuple[str, float], ...]]) -> Bench:
    made = [Fault(0, None, where, kind, dict(args)) for where, kind, args in faults]
    bench = Bench(PileSetup(level="quasi_static"), VehicleSetup(), seed=1, script=SCRIPT, faults=made)
    bench.run(30 * S)
    return bench


def sent(bench: Bench, name: str, part: str | None = None) -> Log:
    selector = Selector(MESSAGES[name], part)
    return [(at, frame) for at, frame in bench.trace.log() if selector(frame) is not None]


def test_a_delayed_message_comes_that_much_later() -> None:
    plain, late = sent(ran(), "BHM"), sent(ran(("wire/BHM", "delay", (("delay_s", 0.1),))), "BHM")
    assert late[0][0] - plain[0][0] == pytest.approx(100_000, abs=2_000)
    assert late[0][1] == plain[0][1]


def test_a_duplicate_follows_at_once() -> None:
    frames = sent(ran(("wire/CHM", "duplicate", (("count", 1),))), "CHM")
    assert frames[0][1] == frames[1][1] and frames[1][0] - frames[0][0] < 1_000


def test_a_wrong_length_is_on_the_bus() -> None:
    frames = sent(ran(("wire/CML", "wrong length", (("bytes", 5.0),))), "CML")
    assert {len(frame.data) for _, frame in frames} == {5}


def test_a_long_message_announces_the_wrong_length() -> None:
    frames = sent(ran(("wire/BRM", "wrong length", (("bytes", 7.0),))), "BRM", "RTS")
    assert {int.from_bytes(frame.data[1:3], "little") for _, frame in frames} == {7}


def test_a_wrong_identifier_differs_in_the_bits_that_were_asked_for() -> None:
    bench = ran(("wire/BHM", "wrong id", (("flip", 0x10),)))
    assert not sent(bench, "BHM")
    assert 0x182756F4 ^ 0x10 in {frame.can_id for _, frame in bench.trace.log()}


def test_only_so_many_frames_are_hit() -> None:
    data = [frame.data for _, frame in sent(ran(("wire/CRO.ready", "replace", (("count", 2), ("value", 0xFF)))), "CRO")]
    assert data[0] == b"\xff" and data[2] != b"\xff"


def test_a_flipped_bit_of_a_field_is_the_only_difference() -> None:
    plain, flipped = sent(ran(), "CML")[0][1], sent(ran(("wire/CML.voltage_min_v", "flip bit", (("bit", 3),))), "CML")[0][1]
    assert int.from_bytes(plain.data, "little") ^ int.from_bytes(flipped.data, "little") == 1 << 16 + 3


@pytest.mark.parametrize("field", [field for field in MESSAGES["BRM"].available() if not field.is_text], ids=lambda f: f.name)
def test_a_field_of_a_long_message_is_replaced_wherever_its_packets_cut_it(field) -> None:  # type: ignore[no-untyped-def]
    raw = (0x5A5A5A5A5A & field.ones) if field.bits > 1 else 1
    packets = sent(ran((f"wire/BRM.{field.name}", "replace", (("value", field.physical(raw)),))), "BRM")
    data = b"".join(frame.data[1:] for _, frame in packets if frame.can_id >> 16 & 0xFF == 0xEB)[:49]
    plain = b"".join(frame.data[1:] for _, frame in sent(ran(), "BRM") if frame.can_id >> 16 & 0xFF == 0xEB)[:49]
    difference = int.from_bytes(data, "little") ^ int.from_bytes(plain, "little")
    assert int.from_bytes(data, "little") >> field.start & field.ones == raw
    assert not difference & ~(field.ones << field.start)


def test_a_lost_packet_is_asked_for_again() -> None:
    bench = ran(("wire/BRM#3", "drop", (("count", 1),)))
    assert bench.charger.session.end is not None and bench.charger.session.end.orderly
    assert len(sent(bench, "BRM", "3")) == 2


def test_an_extra_sender_sends_between_the_others() -> None:
    extra = ran(("wire/CHM", "extra sender", (("byte", 7), ("period_s", 0.2))))
    assert {frame.data for _, frame in sent(extra, "CHM")} == {bytes([7, 7, 7]), b"\x01\x01\x00"}


def test_a_replay_repeats_what_was_sent_before_to_the_byte() -> None:
    fault = Fault(S // 2, None, "wire/BCL", "replay", {"period_s": 0.03, "back_s": 0.3}, after="CHARGING")
    bench = Bench(PileSetup(level="quasi_static"), VehicleSetup(), seed=1, script=SCRIPT, faults=[fault])
    bench.run(30 * S)
    frames = sent(bench, "BCL")
    begin = next(begin for move, begin, _ in bench.trace.phases("charger", bench.clock.now) if move.after.name == "CHARGING")
    old = [frame for at, frame in frames if at <= begin + S // 5][-1]
    assert sum(1 for at, frame in frames if at > begin + S // 2 and frame == old) >= 10


def test_selectors_of_packets_and_control_frames_keep_apart() -> None:
    parts = {part: len(sent(ran(), "BRM", part)) for part in ("RTS", "1", "7", "EOM")}
    assert set(parts.values()) == {parts["RTS"]} and parts["RTS"] >= 1
