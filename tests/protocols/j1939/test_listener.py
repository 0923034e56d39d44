from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from protocols.core.frame import Frame
from protocols.j1939 import control
from protocols.j1939.habits import TransportHabits
from protocols.j1939.listener import PAIRS_MAX, Listener
from protocols.j1939.transport import Transport
from protocols.j1939.watched import UNKNOWN_PGN, Cause, Transfer

CHARGER, BMS, BRM, BCS = 0x56, 0xF4, 0x0200, 0x1100
PAYLOAD = bytes(range(49))
CM_TO_CHARGER, CM_TO_BMS, DT_TO_CHARGER = 0x1CEC56F4, 0x1CECF456, 0x1CEB56F4

RECORDING = Path(__file__).parents[4] / "shared/data/captures/normalised/gbt_fsae_bms_3a_soc97_ccs_stops.log"


def transfer(payload: bytes = PAYLOAD, pgn: int = BRM, *, grant: int = 255) -> list[Frame]:
    """All frames of a good transfer, in order: RTS, CTS, packets, ..., acknowledgement."""
    bms, charger = Transport(BMS), Transport(CHARGER, habits=TransportHabits(grant_packets=grant))
    said, now = [], 0
    bms.send(pgn, payload, CHARGER, now)
    while bms.deadline is not None:
        for frame in bms.frames():
            said.append(frame)
            charger.receive(frame, now)
        for frame in charger.frames():
            said.append(frame)
            bms.receive(frame, now)
        now = bms.deadline or now
        bms.tick(now)
    return said


def listen(frames: list[Frame], *, finish: bool = True) -> list[Transfer]:
    listener = Listener()
    for place, frame in enumerate(frames):
        listener.receive(frame, 1_000 * place)
    if finish:
        listener.finish()
    return list(listener.events())


def without(frames: list[Frame], *places: int) -> list[Frame]:
    return [frame for place, frame in enumerate(frames) if place not in places]


def test_a_transfer_is_reported_whole_with_its_account() -> None:
    assert listen(transfer(), finish=False) == [
        Transfer(
            pgn=BRM,
            source=BMS,
            destination=CHARGER,
            size=49,
            payload=PAYLOAD,
            cause=None,
            missing=(),
            began_us=0,
            ended_us=9_000,
            packets=7,
            cts_count=1,
            acknowledged=True,
            rts_seen=True,
        )
    ]


@pytest.mark.parametrize(("size", "grant"), [(9, 1), (49, 1), (49, 3), (1785, 1), (1785, 255)])
def test_grants_are_counted(size: int, grant: int) -> None:
    (seen,) = listen(transfer(bytes(size), grant=grant))

    packets = -(-size // 7)
    assert (seen.payload, seen.packets, seen.cts_count) == (bytes(size), packets, -(-packets // grant))


def test_frames_of_each_kind_are_counted() -> None:
    listener = Listener()
    for frame in [*transfer(), *control.broadcast(0xFECA, PAYLOAD, source=1), Frame(CM_TO_BMS, bytes(8))]:
        listener.receive(frame, 0)

    assert listener.counts == {
        "rts": 1, "cts": 1, "eoma": 1, "abort": 0, "bam": 1, "dt": 14, "malformed": 1
    }  # fmt: skip


@given(st.sets(st.integers(2, 8), min_size=1))
def test_missing_packets_are_named_and_no_payload_is_reported(lost: set[int]) -> None:
    (seen,) = listen(without(transfer(), *lost))

    assert (seen.payload, seen.cause) == (None, Cause.MISSING)
    assert seen.missing == tuple(place - 1 for place in sorted(lost))
    assert seen.acknowledged and seen.packets == 7 - len(lost)


def test_a_missing_acknowledgement_is_tolerated() -> None:
    silent = transfer()[:-1]

    assert listen(silent, finish=False) == []
    first, second = listen([*silent, *transfer(PAYLOAD[::-1])])

    assert (first.payload, first.acknowledged) == (PAYLOAD, False)
    assert (second.payload, second.acknowledged) == (PAYLOAD[::-1], True)


def test_the_rts_decides_the_size_where_the_acknowledgement_states_another() -> None:
    frames = transfer()

    (seen,) = listen([*frames[:-1], Frame(CM_TO_BMS, control.eoma(BRM, size=9))])

    assert (seen.size, seen.payload, seen.acknowledged) == (49, PAYLOAD, True)


def test_a_transfer_whose_rts_is_missing_is_whole_when_the_acknowledgement_tells_its_size() -> None:
    for lost in ([0], [0, 1]):
        (seen,) = listen(without(transfer(), *lost))
        assert (seen.payload, seen.pgn, seen.rts_seen) == (PAYLOAD, BRM, False)


def test_a_recording_that_begins_in_the_middle_names_what_lacks() -> None:
    (seen,) = listen(transfer()[4:])
    assert (seen.pgn, seen.missing, seen.cause) == (BRM, (1, 2), Cause.MISSING)

    (seen,) = listen(transfer()[4:-1])
    assert (seen.pgn, seen.size, seen.missing, seen.cause) == (UNKNOWN_PGN, 0, (1, 2), Cause.OPEN)


def test_a_recording_that_ends_in_the_middle_names_what_lacks() -> None:
    (seen,) = listen(transfer()[:5])

    assert (seen.pgn, seen.missing, seen.cause) == (BRM, (4, 5, 6, 7), Cause.OPEN)


@pytest.mark.parametrize(("can_id", "sender"), [(CM_TO_CHARGER, BMS), (CM_TO_BMS, CHARGER)])
def test_an_abort_of_either_side_is_reported_with_its_sender(can_id: int, sender: int) -> None:
    (seen,) = listen([*transfer()[:4], Frame(can_id, control.abort(BRM, reason=0xFF))])

    assert (seen.cause, seen.reason, seen.aborted_by) == (Cause.ABORTED, 0xFF, sender)
    assert seen.missing == (3, 4, 5, 6, 7)


def test_an_abort_for_another_group_ends_nothing() -> None:
    frames = transfer()

    (seen,) = listen([*frames[:4], Frame(CM_TO_CHARGER, control.abort(BCS, reason=2)), *frames[4:]])

    assert seen.payload == PAYLOAD


def test_a_second_rts_replaces_the_transfer() -> None:
    rts = transfer()[0]

    seen = listen([rts, rts, *transfer()])

    assert [(each.cause, each.payload) for each in seen] == [
        (Cause.REPLACED, None),
        (Cause.REPLACED, None),
        (None, PAYLOAD),
    ]


def test_packets_asked_for_again_belong_to_the_transfer() -> None:
    frames = transfer()
    again = Frame(CM_TO_BMS, control.cts(BRM, packets=2, first=3))

    (seen,) = listen([*frames[:-1], again, frames[4], frames[5], frames[-1]])

    assert (seen.payload, seen.packets, seen.cts_count) == (PAYLOAD, 9, 2)


def test_a_packet_may_come_again_only_as_often_as_it_was_asked_for() -> None:
    frames = transfer()
    again = Frame(CM_TO_BMS, control.cts(BRM, packets=1, first=3))

    broken, rest = listen([*frames[:5], again, frames[4], frames[5], frames[4]])

    assert (broken.cause, broken.packets) == (Cause.RESTARTED, 5)
    assert (rest.pgn, rest.packets) == (UNKNOWN_PGN, 1)


def test_a_packet_that_comes_again_with_other_bytes_is_of_another_transfer() -> None:
    frames = transfer()

    broken, rest = listen([*frames[:5], Frame(DT_TO_CHARGER, b"\x03" + bytes(7))])

    assert (broken.cause, broken.missing, rest.packets) == (Cause.RESTARTED, (4, 5, 6, 7), 1)


def test_a_frame_recorded_twice_is_tolerated() -> None:
    frames = transfer()

    (seen,) = listen([*frames[:4], frames[3], *frames[4:]])

    assert (seen.payload, seen.packets) == (PAYLOAD, 8)


@pytest.mark.parametrize("other", [PAYLOAD, PAYLOAD[::-1]])
def test_packets_of_a_transfer_whose_rts_and_cts_are_missing_never_fill_holes_of_the_one_before(other: bytes) -> None:
    first, second = transfer(), transfer(other)

    broken, whole = listen([*without(first[:-1], 5), *second[2:]])

    assert (broken.payload, broken.missing, broken.cause) == (None, (4,), Cause.RESTARTED)
    assert (whole.payload, whole.rts_seen) == (other, False)


def test_a_cts_from_the_start_begins_another_transfer_after_a_whole_one() -> None:
    seen = listen([*transfer()[:-1], *transfer(PAYLOAD[::-1])[1:]])

    assert [each.payload for each in seen] == [PAYLOAD, PAYLOAD[::-1]]


def test_foreign_traffic_and_other_pairs_do_not_disturb() -> None:
    back = [Frame(frame.can_id & ~0xFFFF | (frame.can_id & 0xFF) << 8 | frame.can_id >> 8 & 0xFF, frame.data)
            for frame in transfer(PAYLOAD[::-1])]  # fmt: skip
    mixed = [frame for pair in zip(transfer(), back, strict=True) for frame in pair]
    noise = [Frame(0x181056F4, bytes(5)), Frame(0x1DEB56F4, bytes(8)), Frame(0x100, bytes(8), False)]

    seen = listen([frame for each in mixed for frame in (*noise, each)])

    assert [(each.source, each.payload) for each in seen] == [(BMS, PAYLOAD), (CHARGER, PAYLOAD[::-1])]


@settings(max_examples=50)
@given(st.lists(st.integers(-(10**12), 10**12), min_size=10, max_size=10))
def test_stamps_may_stand_still_or_run_backward(stamps: list[int]) -> None:
    listener = Listener()
    for frame, stamp in zip(transfer(), stamps, strict=True):
        listener.receive(frame, stamp)

    (seen,) = listener.events()
    assert (seen.payload, seen.began_us, seen.ended_us) == (PAYLOAD, stamps[0], stamps[-1])


def test_a_broadcast_is_reported_with_its_last_packet() -> None:
    frames = control.broadcast(0xFECA, PAYLOAD, source=0x21)

    assert listen(frames[:-1], finish=False) == []
    (seen,) = listen(frames, finish=False)

    assert (seen.pgn, seen.source, seen.destination, seen.payload) == (0xFECA, 0x21, 0xFF, PAYLOAD)


@pytest.mark.parametrize(("length", "whole"), [(8, True), (3, True), (2, False), (1, False)])
def test_a_last_packet_that_is_not_filled_up_counts_if_it_has_its_bytes(length: int, whole: bool) -> None:
    frames = transfer(bytes(9), BCS)
    frames[3] = Frame(DT_TO_CHARGER, frames[3].data[:length])

    (seen,) = listen(frames)

    assert (seen.payload == bytes(9), seen.missing) == (whole, () if whole else (2,))


contents = [frame.data for frame in (*transfer(), *transfer(bytes(9), BCS), Frame(0, control.abort(BRM, reason=1)))]
frames_of_any_kind = st.builds(
    Frame,
    st.one_of(st.sampled_from([CM_TO_CHARGER, CM_TO_BMS, DT_TO_CHARGER, 0x1CEBFFF4, 0x1CECFFF4]), st.integers(0, (1 << 29) - 1)),
    st.one_of(
        st.binary(max_size=8),
        st.sampled_from(
            [frame.data for frame in [*transfer(), *transfer(bytes(9), BCS), Frame(0, control.abort(BRM, reason=1))]]
        ),
    ),
)


@settings(max_examples=200, deadline=None)
@given(st.lists(frames_of_any_kind, max_size=60))
def test_no_recording_raises_and_a_payload_is_only_reported_with_all_its_packets(frames: list[Frame]) -> None:
    for seen in listen(frames):
        if seen.payload is None:
            assert seen.cause is not None
        else:
            assert (len(seen.payload), seen.missing, seen.cause) == (seen.size, (), None)
            assert seen.packets >= -(-seen.size // 7)


def test_random_addresses_fill_no_memory() -> None:
    listener = Listener()
    for pair in range(2 * PAIRS_MAX):
        listener.receive(Frame(0x1CEB0000 | pair, b"\x01" + bytes(7)), 0)

    listener.finish()

    assert len(listener.events()) == PAIRS_MAX
    assert listener.counts["malformed"] == PAIRS_MAX


@pytest.mark.skipif(not RECORDING.exists(), reason=f"recording not here: {RECORDING}")
def test_the_transfers_of_a_real_charge_are_found() -> None:
    listener = Listener()
    for line in RECORDING.read_text().splitlines():
        stamp, _, frame = line.split()[:3]
        can_id, data = frame.split("#")
        listener.receive(Frame(int(can_id, 16), bytes.fromhex(data)), int(float(stamp.strip("()")) * 1e6))
    listener.finish()
    seen = listener.events()

    whole = [each.pgn for each in seen if each.payload is not None]
    assert {pgn: whole.count(pgn) for pgn in whole} == {BRM: 1, 0x0600: 1, BCS: 62}
    assert [each.cause for each in seen if each.payload is None] == [Cause.OPEN]
    assert (listener.counts["cts"], listener.counts["eoma"]) == (64, 63)
    assert seen[0].payload is not None and seen[0].payload.hex().startswith("01010006b40039134b4c4945")
