"""Frames to messages and back: identifiers, lengths, transfers, what is not for us."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.core.frame import Frame
from protocols.core.session import Malformed
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.habits import Habits, RawEdit
from protocols.gbt27930.link import UNDRAINED, Link
from protocols.gbt27930.messages import BCL, BCS, BMS, BRO, CCS, CHARGER
from protocols.gbt27930.strategies import as_frames
from protocols.j1939.habits import TransportHabits

DEMAND = BCL(voltage_v=400.0, current_a=100.0, mode=2)
STATUS = BCS(voltage_v=380.0, current_a=10.0, cell_voltage_max_v=3.9, cell_group=0, soc_pct=50, remaining_min=60)


def link(own=CHARGER, edition="2015", **habits) -> Link:
    return Link(own, BMS if own == CHARGER else CHARGER, EDITIONS[edition], Habits(**habits))


def test_a_short_message_is_one_frame_with_the_identifier_of_the_table():
    vehicle = link(BMS)

    assert vehicle.send(DEMAND, 0)

    assert vehicle.take() == (Frame(0x181056F4, bytes.fromhex("a00fb80b02")),)
    assert not vehicle.take()


@pytest.mark.parametrize("priority", range(8))
def test_a_message_is_known_whatever_its_priority(priority):
    assert link().receive(Frame(priority << 26 | 0x1056F4, DEMAND.encode()), 0) == DEMAND


@pytest.mark.parametrize("can_id", [0x181056F5, 0x181057F4, 0x1810F456, 0x1A1056F4, 0x191056F4, 0x18FF56F4])
def test_other_addresses_groups_and_pages_are_ignored(can_id):
    assert link().receive(Frame(can_id, DEMAND.encode()), 0) is None


def test_standard_frames_are_ignored():
    charger = link()
    charger.receive(Frame(0x181056F4, DEMAND.encode()), 0)

    assert charger.receive(Frame(0x181056F4, DEMAND.encode(), False), 0) is None


def test_the_same_payload_is_another_message_in_another_edition():
    charger = link()
    frame = Frame(0x101956F4, bytes((0, 0, 0x04, 0xF0)))

    first, second = charger.receive(frame, 0), charger.receive(frame, 1)
    charger.use(EDITIONS["2011"])
    third = charger.receive(frame, 2)

    assert first == second and first.hv_relay == 1
    assert third.other == 1 and third.hv_relay is None


def test_too_few_bytes_are_a_finding():
    got = link().receive(Frame(0x181056F4, b"\1\2"), 0)

    assert isinstance(got, Malformed) and got.can_id == 0x181056F4 and "BCL" in got.reason


@pytest.mark.parametrize("answer_us", [0, 1_500])
@pytest.mark.parametrize("grant", [1, 2, 255])
def test_a_long_message_arrives_whole_whenever_the_acknowledgement_is_sent(answer_us, grant):
    vehicle, charger = link(BMS), link(transport=TransportHabits(answer_us=answer_us, grant_packets=grant))
    assert vehicle.send(STATUS, 0) and not vehicle.send(STATUS, 0)

    got, now = [], 0
    while (
        due := min((d for d in (vehicle.deadline, charger.deadline) if d is not None), default=None)
    ) is not None or vehicle.out:
        now = max(now, due or 0) if not vehicle.out else now
        got += [charger.tick(now), vehicle.tick(now)]
        for frame in vehicle.take():
            got.append(charger.receive(frame, now))
        for frame in charger.take():
            got.append(vehicle.receive(frame, now))

    assert [message for message in got if message is not None] == [STATUS]
    assert vehicle.send(STATUS, now)


def test_reset_drops_transfers_without_a_word():
    vehicle = link(BMS)
    vehicle.send(STATUS, 0)
    vehicle.take()

    vehicle.reset()

    assert vehicle.deadline is None and not vehicle.take() and vehicle.send(STATUS, 0)


def test_a_flood_of_requests_is_answered_only_up_to_a_bound():
    charger = link()
    for _ in range(10_000):
        charger.receive(as_frames(STATUS, source=BMS)[0], 0)

    assert len(charger.take()) <= UNDRAINED


@given(
    data=st.binary(max_size=8), length=st.none() | st.integers(0, 10), clear=st.binary(max_size=10), add=st.binary(max_size=10)
)
def test_an_edit_sets_the_length_clears_and_sets_bits(data, length, clear, add):
    edited = RawEdit(length=length, clear=clear, set=add).apply(data)

    assert len(edited) == (len(data) if length is None else length)
    for n, byte in enumerate(edited):
        before = data[n] if n < len(data) else 0xFF
        assert byte == before & ~(clear[n] if n < len(clear) else 0) | (add[n] if n < len(add) else 0)


def test_a_value_beyond_the_wire_is_clamped():
    charger = link()

    charger.send(CCS(voltage_v=-1.0, current_a=9999.0, elapsed_min=0, permitted=1), 0)

    assert charger.take()[0].data == bytes.fromhex("0000 0000 0000 fd")


def test_the_edition_tells_the_layout():
    old = link(edition="2011")

    old.send(EDITIONS["2011"].messages["CCS"](voltage_v=380.0, current_a=0.0, elapsed_min=0), 0)

    assert old.take() == (Frame(0x1812F456, bytes.fromhex("d80e a00f 0000")),)
    assert old.receive(Frame(0x182756F4, b"\1\2"), 0) is None
    assert old.receive(Frame(0x100956F4, b"\xaa"), 0) == BRO(ready=0xAA)
