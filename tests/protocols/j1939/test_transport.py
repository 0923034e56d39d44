import pytest

from protocols.core.errors import LocalError
from protocols.core.frame import Frame
from protocols.j1939 import control
from protocols.j1939.control import AbortReason
from protocols.j1939.habits import UNTIL_RELEASED, OnGap, OnRepeat, TransportHabits, TransportLimits, TransportTimers
from protocols.j1939.reports import (
    Aborted,
    Irregular,
    Irregularity,
    Received,
    Report,
    Role,
    Sent,
    Timer,
    TransferTimedOut,
)
from protocols.j1939.transport import Transport

CHARGER, BMS, BRM, BCP, BCS = 0x56, 0xF4, 0x0200, 0x0600, 0x1100
PAYLOAD = bytes(range(49))
TIMERS = TransportTimers()

CM_TO_CHARGER, CM_TO_BMS, DT_TO_CHARGER, DT_TO_BMS = 0x1CEC56F4, 0x1CECF456, 0x1CEB56F4, 0x1CEBF456
RTS = bytes.fromhex("10 31 00 07 ff 00 02 00")
CTS = bytes.fromhex("11 07 01 ff ff 00 02 00")
EOMA = bytes.fromhex("13 31 00 07 ff 00 02 00")


def charger(**habits: object) -> Transport:
    return Transport(CHARGER, habits=TransportHabits(**habits))  # type: ignore[arg-type]


def sending(payload: bytes = PAYLOAD, **habits: object) -> Transport:
    """A BMS whose RTS for *payload* has gone out at 0."""
    bms = Transport(BMS, habits=TransportHabits(**habits))  # type: ignore[arg-type]
    bms.send(BRM, payload, CHARGER, 0)
    assert len(bms.frames()) == 1
    return bms


def receiving(**habits: object) -> Transport:
    """A charger that has granted all packets of a BRM at 0."""
    session = charger(**habits)
    session.receive(Frame(CM_TO_CHARGER, RTS), 0)
    assert [frame.data[0] for frame in session.frames()] == [control.CTS]
    return session


def tell(session: Transport, data: bytes, now: int = 0) -> None:
    """Let the peer's control frame *data* arrive."""
    session.receive(Frame(CM_TO_CHARGER if session.address == CHARGER else CM_TO_BMS, data), now)


def packet(session: Transport, sequence: int, now: int = 0, payload: bytes = PAYLOAD) -> None:
    session.receive(Frame(DT_TO_CHARGER, control.dt(payload, sequence)), now)


def run_until(session: Transport, end: int) -> list[tuple[int, str]]:
    """Tick at every deadline up to *end*; what was sent, with its time."""
    said = []
    while session.deadline is not None and session.deadline <= end:
        now = session.deadline
        session.tick(now)
        said += [(now, str(frame)) for frame in session.frames()]
    return said


def ends(session: Transport) -> list[Report]:
    return [event for event in session.events() if not isinstance(event, Irregular)]


def findings(session: Transport) -> list[Irregularity]:
    return [event.reason for event in session.events() if isinstance(event, Irregular)]


# ------------------------------------------------------------------------------------------------- the usual transfer


def test_originator_sends_the_frames_of_a_recorded_brm_transfer_10_ms_apart() -> None:
    bms = Transport(BMS)

    bms.send(BRM, PAYLOAD, CHARGER, 1_000)
    assert bms.frames() == [Frame(CM_TO_CHARGER, RTS)]
    bms.receive(Frame(CM_TO_BMS, CTS), 2_000)
    said = run_until(bms, 80_000)
    bms.receive(Frame(CM_TO_BMS, EOMA), 81_000)

    assert said == [
        (10_000, "1CEB56F4#0100010203040506"),
        (20_000, "1CEB56F4#020708090A0B0C0D"),
        (30_000, "1CEB56F4#030E0F1011121314"),
        (40_000, "1CEB56F4#0415161718191A1B"),
        (50_000, "1CEB56F4#051C1D1E1F202122"),
        (60_000, "1CEB56F4#0623242526272829"),
        (70_000, "1CEB56F4#072A2B2C2D2E2F30"),
    ]
    assert bms.events() == [Sent(BRM, CHARGER)]
    assert bms.deadline is None


def test_responder_answers_a_recorded_brm_transfer_at_once() -> None:
    session = charger()

    session.receive(Frame(CM_TO_CHARGER, RTS), 0)
    assert session.frames() == [Frame(CM_TO_BMS, CTS)]
    for sequence in range(1, 8):
        assert session.events() == ()
        packet(session, sequence, 10_000 * sequence)

    assert session.frames() == [Frame(CM_TO_BMS, EOMA)]
    assert session.events() == [Received(BRM, PAYLOAD, BMS, CHARGER)]
    assert session.deadline is None


@pytest.mark.parametrize("grant", [1, 2, 100, 255])
@pytest.mark.parametrize("size", [9, 14, 15, 49, 1784, 1785])
def test_every_size_and_grant_arrives_whole(size: int, grant: int) -> None:
    payload = bytes(index * 7 & 0xFF for index in range(size))
    bms, session, now = Transport(BMS), charger(grant_packets=grant), 0

    bms.send(BCS, payload, CHARGER, now)
    sent, grants = 0, 0
    while bms.deadline is not None or session.deadline is not None:
        for frame in bms.frames():
            sent += frame.data[0] != control.RTS or frame.can_id != CM_TO_CHARGER
            session.receive(frame, now)
        for frame in session.frames():
            grants += frame.data[0] == control.CTS
            bms.receive(frame, now)
        if bms.deadline is not None:
            now = bms.deadline
            bms.tick(now)

    packets = -(-size // 7)
    assert bms.events() == [Sent(BCS, CHARGER)]
    assert session.events() == [Received(BCS, payload, BMS, CHARGER)]
    assert (sent, grants) == (packets, -(-packets // grant))


def test_nothing_is_allocated_for_an_empty_answer() -> None:
    session = charger()

    assert session.frames() is session.frames() and session.events() is session.events()
    assert session.frames() == () and session.deadline is None


@pytest.mark.parametrize(
    "frame",
    [
        Frame(0x1CEC57F4, RTS),  # to another node
        Frame(0x1DEC56F4, RTS),  # another data page
        Frame(CM_TO_CHARGER, RTS, False),  # no 29-bit frame
        Frame(0x1CEC5656, RTS),  # an echo of our own
        Frame(0x0070F4B5, bytes(8)),  # foreign frame in a recording
        Frame(0x181056F4, bytes(5)),
        Frame(0x1CEB5656, bytes(8)),
        Frame(DT_TO_CHARGER, bytes(8), False),
    ],
)
def test_frames_that_are_not_for_us_are_ignored(frame: Frame) -> None:
    session = charger()

    session.receive(frame, 0)

    assert (session.frames(), session.events(), session.open()) == ((), (), [])


def test_both_directions_and_several_peers_run_at_once() -> None:
    session = charger()
    session.send(BCP, PAYLOAD, BMS, 0)
    session.receive(Frame(CM_TO_CHARGER, RTS), 0)
    session.receive(Frame(0x1CEC5610, RTS), 0)

    assert set(session.open()) == {(Role.ORIGINATOR, BMS, BCP), (Role.RESPONDER, BMS, BRM), (Role.RESPONDER, 0x10, BRM)}
    for sequence in range(1, 8):
        session.receive(Frame(0x1CEB5610, control.dt(PAYLOAD[::-1], sequence)), 0)
        packet(session, sequence)

    assert session.events() == [
        Received(BRM, PAYLOAD[::-1], 0x10, CHARGER),
        Received(BRM, PAYLOAD, BMS, CHARGER),
    ]
    assert session.open() == [(Role.ORIGINATOR, BMS, BCP)]


# -------------------------------------------------------------------------------------------------------------- timers


def expiry(session: Transport, due: int, limit_us: int) -> Report:
    """Check that the timer ends the transfer exactly *limit_us* after *due*, with an Abort for reason 3; its event."""
    assert session.deadline == due + limit_us
    session.tick(due + limit_us - 1)
    assert (session.frames(), session.events()) == ((), ())

    session.tick(due + limit_us)

    (frame,), (event,) = session.frames(), session.events()
    assert frame.data == control.abort(BRM, reason=3)
    assert session.deadline is None and not session.open()
    return event


def test_t3_ends_an_rts_that_nobody_answers() -> None:
    bms = sending()

    assert expiry(bms, 0, 1_250_000) == TransferTimedOut(BRM, CHARGER, Timer.T3, Role.ORIGINATOR)


def test_t3_runs_again_from_the_last_packet_of_a_grant() -> None:
    bms = sending()
    tell(bms, control.cts(BRM, packets=2, first=1), 5_000)

    run_until(bms, 23_000)

    assert expiry(bms, 23_000, 1_250_000) == TransferTimedOut(BRM, CHARGER, Timer.T3, Role.ORIGINATOR)


def test_t4_ends_a_hold_that_is_not_repeated() -> None:
    bms = sending()
    tell(bms, control.cts(BRM, packets=0, first=1), 100_000)
    tell(bms, control.cts(BRM, packets=0, first=1), 600_000)

    assert expiry(bms, 600_000, 1_050_000) == TransferTimedOut(BRM, CHARGER, Timer.T4, Role.ORIGINATOR)


def test_t2_ends_a_grant_that_nobody_uses() -> None:
    session = receiving()

    assert expiry(session, 0, 1_250_000) == TransferTimedOut(BRM, BMS, Timer.T2, Role.RESPONDER)


def test_t1_ends_a_transfer_whose_packets_stop() -> None:
    session = receiving()
    packet(session, 1, 400_000)
    packet(session, 2, 900_000)

    assert expiry(session, 900_000, 750_000) == TransferTimedOut(BRM, BMS, Timer.T1, Role.RESPONDER)


def test_t2_runs_again_after_each_grant() -> None:
    session = receiving(grant_packets=1)
    packet(session, 1, 300_000)
    assert [frame.data for frame in session.frames()] == [control.cts(BRM, packets=1, first=2)]

    assert expiry(session, 300_000, 1_250_000) == TransferTimedOut(BRM, BMS, Timer.T2, Role.RESPONDER)


def test_th_repeats_a_hold_until_it_is_released() -> None:
    session = charger(hold_us=UNTIL_RELEASED)
    tell(session, RTS, 1_000)

    said = [*session.frames(), *(text for _, text in run_until(session, 1_600_000))]

    hold = Frame(CM_TO_BMS, control.cts(BRM, packets=0, first=1))
    assert said == [hold, *3 * [str(hold)]]
    assert session.deadline == 1_000 + 4 * 500_000
    session.release(BMS, 1_700_000)
    assert session.frames() == [Frame(CM_TO_BMS, CTS)]
    assert session.deadline == 1_700_000 + 1_250_000


def test_a_hold_of_given_length_ends_by_itself() -> None:
    session = charger(hold_us=700_000)
    tell(session, RTS)

    assert [frame.data[1] for frame in session.frames()] == [0]
    assert [(now, text[9:13]) for now, text in run_until(session, 700_000)] == [(500_000, "1100"), (700_000, "1107")]


def test_a_hold_between_grants_keeps_what_came() -> None:
    session = receiving(grant_packets=3)
    session.hold(BMS)
    for sequence in (1, 2, 3):
        packet(session, sequence)
    assert [frame.data for frame in session.frames()] == [control.cts(BRM, packets=0, first=4)]

    session.release(BMS, 100)

    assert [frame.data for frame in session.frames()] == [control.cts(BRM, packets=3, first=4)]


def test_originator_resumes_after_a_hold() -> None:
    bms = sending(first_us=3_000)
    tell(bms, control.cts(BRM, packets=7, first=1), 0)
    run_until(bms, 13_000)

    tell(bms, control.cts(BRM, packets=0, first=3), 15_000)
    assert run_until(bms, 900_000) == []
    tell(bms, control.cts(BRM, packets=1, first=3), 900_000)

    assert run_until(bms, 950_000) == [(903_000, f"1CEB56F4#{control.dt(PAYLOAD, 3).hex().upper()}")]


def test_tr_bounds_our_own_delays() -> None:
    for delay in ("answer_us", "first_us", "gap_us"):
        charger(**{delay: 200_000})
        with pytest.raises(LocalError, match="Tr"):
            charger(**{delay: 200_001})


def test_answers_come_after_the_usual_delay() -> None:
    session = charger(answer_us=1_500)
    tell(session, RTS, 1_000)
    assert session.frames() == ()
    assert [now for now, _ in run_until(session, 10_000)] == [2_500]
    for sequence in range(1, 8):
        packet(session, sequence, 20_000)

    assert session.events() == ()
    assert run_until(session, 30_000) == [(21_500, f"1CECF456#{EOMA.hex().upper()}")]
    assert session.events() == [Received(BRM, PAYLOAD, BMS, CHARGER)]


def test_timers_are_parameters() -> None:
    session = Transport(CHARGER, timers=TransportTimers(t2_us=77))
    session.receive(Frame(CM_TO_CHARGER, RTS), 0)

    assert session.deadline == 77
    with pytest.raises(LocalError):
        TransportTimers(t1_us=0)


# -------------------------------------------------------------------------------------------------- packets in disorder


def test_missing_packets_are_asked_for_at_the_end_of_the_grant() -> None:
    session = receiving()
    for sequence in (1, 2, 5, 7):
        packet(session, sequence)
    assert [frame.data for frame in session.frames()] == [control.cts(BRM, packets=2, first=3)]
    assert findings(session) == [Irregularity.MISSING]

    packet(session, 3)
    packet(session, 4)
    assert [frame.data for frame in session.frames()] == [control.cts(BRM, packets=1, first=6)]
    packet(session, 6)

    assert [frame.data for frame in session.frames()] == [EOMA]
    assert ends(session) == [Received(BRM, PAYLOAD, BMS, CHARGER)]


@pytest.mark.parametrize("rerequests", [0, 1, 2])
def test_missing_packets_are_asked_for_a_bounded_number_of_times(rerequests: int) -> None:
    session = receiving(rerequests=rerequests)

    # Of each grant only the last packet comes: 7, then 6, then 5.
    for times in range(rerequests):
        packet(session, 7 - times)
        assert [frame.data for frame in session.frames()] == [control.cts(BRM, packets=6 - times, first=1)]
    packet(session, 7 - rerequests)

    reason = AbortReason.TOO_MANY_RETRANSMISSIONS
    assert [frame.data for frame in session.frames()] == [control.abort(BRM, reason=reason)]
    assert ends(session) == [Aborted(BRM, BMS, reason, True, Role.RESPONDER)]


def test_packets_in_reversed_order_are_put_right() -> None:
    session = receiving(rerequests=20)

    for sequence in (7, 6, 5, 4, 3, 2, 1):
        packet(session, sequence)

    assert ends(session) == [Received(BRM, PAYLOAD, BMS, CHARGER)]


def test_a_gap_aborts_at_once_where_that_is_the_habit() -> None:
    session = receiving(on_gap=OnGap.ABORT)
    packet(session, 1)
    packet(session, 3)

    assert [frame.data for frame in session.frames()] == [control.abort(BRM, reason=AbortReason.BAD_SEQUENCE)]
    assert ends(session) == [Aborted(BRM, BMS, AbortReason.BAD_SEQUENCE, True, Role.RESPONDER)]


def test_a_repeated_packet_is_a_finding_and_the_first_one_counts() -> None:
    session = receiving()
    packet(session, 1)
    packet(session, 1, payload=bytes(49))
    assert findings(session) == [Irregularity.REPEATED]
    for sequence in range(2, 8):
        packet(session, sequence)

    assert ends(session) == [Received(BRM, PAYLOAD, BMS, CHARGER)]


def test_a_repeated_packet_aborts_where_that_is_the_habit() -> None:
    session = receiving(on_repeat=OnRepeat.ABORT)
    packet(session, 1)
    packet(session, 1)

    assert ends(session) == [Aborted(BRM, BMS, AbortReason.REPEATED_SEQUENCE, True, Role.RESPONDER)]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (control.dt(PAYLOAD, 3), Irregularity.UNGRANTED),
        (bytes(8), Irregularity.OUTSIDE),
        (b"\x08" + bytes(7), Irregularity.OUTSIDE),
        (b"\x01\x00\x00", Irregularity.SHORT_DATA),
        (b"", Irregularity.SHORT_DATA),
    ],
)
def test_packets_that_cannot_belong_are_findings_and_are_not_kept(data: bytes, reason: Irregularity) -> None:
    session = receiving(grant_packets=2)

    session.receive(Frame(DT_TO_CHARGER, data), 10)

    assert findings(session) == [reason]
    assert session.deadline == TIMERS.t2_us


@pytest.mark.parametrize(("length", "kept"), [(1, False), (2, False), (3, True), (7, True)])
def test_a_last_packet_that_is_not_filled_up_counts_if_it_has_its_bytes(length: int, kept: bool) -> None:
    session, payload = charger(), bytes(range(9))
    tell(session, control.rts(BCS, size=9))
    packet(session, 1, payload=payload)

    session.receive(Frame(DT_TO_CHARGER, control.dt(payload, 2)[:length]), 0)

    assert ends(session) == ([Received(BCS, payload, BMS, CHARGER)] if kept else [])


@pytest.mark.parametrize("habits", [{"answer_us": 1_500}, {"hold_us": 1_500}])
def test_a_late_packet_fills_its_hole_until_we_answer(habits: dict[str, int]) -> None:
    session = charger(**habits)
    tell(session, RTS, 0)
    run_until(session, 2_000)
    session.frames()
    if "hold_us" in habits:
        session.hold(BMS)
    for sequence in (1, 2, 4, 5, 6, 7):
        packet(session, sequence, 10_000)
    due = session.deadline

    packet(session, 3, 11_000)

    assert session.deadline == due
    run_until(session, due or 0)
    assert ends(session) == [Received(BRM, PAYLOAD, BMS, CHARGER)]


def test_a_repeated_packet_keeps_the_transfer_alive() -> None:
    session = receiving()
    packet(session, 1, 100_000)
    packet(session, 1, 200_000)

    assert session.deadline == 200_000 + TIMERS.t1_us


def test_asking_again_for_the_last_packet_counts_as_a_retransmission() -> None:
    bms = sending(retransmissions=0)
    tell(bms, CTS, 0)
    run_until(bms, 100_000)

    tell(bms, control.cts(BRM, packets=1, first=7), 100_000)

    assert ends(bms) == [Aborted(BRM, CHARGER, AbortReason.TOO_MANY_RETRANSMISSIONS, True, Role.ORIGINATOR)]


def test_an_acknowledgement_one_packet_early_is_a_finding() -> None:
    bms = sending()
    tell(bms, control.cts(BRM, packets=6, first=1), 0)
    run_until(bms, 100_000)

    tell(bms, EOMA, 100_000)

    assert findings(bms) == [Irregularity.EARLY_END]
    assert bms.busy(CHARGER)


def test_originator_repeats_what_it_is_asked_for_and_not_for_ever() -> None:
    bms = sending(retransmissions=2, gap_us=1_000, first_us=1_000)
    tell(bms, CTS, 0)
    assert len(run_until(bms, 100_000)) == 7

    for now in (200_000, 300_000):
        tell(bms, control.cts(BRM, packets=1, first=4), now)
        assert run_until(bms, now + 50_000) == [(now + 1_000, f"1CEB56F4#{control.dt(PAYLOAD, 4).hex().upper()}")]
    tell(bms, control.cts(BRM, packets=1, first=4), 400_000)

    assert [frame.data for frame in bms.frames()] == [
        control.abort(BRM, reason=AbortReason.TOO_MANY_RETRANSMISSIONS),
    ]
    assert bms.events() == [Aborted(BRM, CHARGER, AbortReason.TOO_MANY_RETRANSMISSIONS, True, Role.ORIGINATOR)]


def test_the_last_cts_counts_in_the_middle_of_a_grant() -> None:
    bms = sending()
    tell(bms, CTS, 0)
    run_until(bms, 30_000)

    tell(bms, control.cts(BRM, packets=1, first=2), 30_000)

    assert [text[9:11] for _, text in run_until(bms, 1_000_000)] == ["02"]


# --------------------------------------------------------------------------------------------------------------- limits


def test_our_rts_limits_what_the_peer_may_grant() -> None:
    bms = sending(announce_packets=2)
    tell(bms, CTS, 0)

    assert len(run_until(bms, 500_000)) == 2
    assert findings(bms) == [Irregularity.EXCESSIVE]


@pytest.mark.parametrize(("announce", "byte"), [(255, 0xFF), (None, 7), (1, 1)])
def test_rts_byte_5_is_a_habit(announce: int | None, byte: int) -> None:
    bms = Transport(BMS, habits=TransportHabits(announce_packets=announce))

    bms.send(BRM, PAYLOAD, CHARGER, 0)

    assert bms.frames()[0].data == control.rts(BRM, size=49, limit=byte)


@pytest.mark.parametrize(("limit", "granted"), [(1, 1), (3, 3), (7, 7), (255, 7), (0, 7)])
def test_the_limit_in_the_peers_rts_is_honoured(limit: int, granted: int) -> None:
    session = charger()

    tell(session, control.rts(BRM, size=49, limit=limit))

    assert session.frames()[0].data == control.cts(BRM, packets=granted, first=1)
    assert findings(session) == ([Irregularity.NO_LIMIT] if limit == 0 else [])


def test_a_grant_beyond_the_last_packet_is_cut_down() -> None:
    bms = sending()
    tell(bms, control.cts(BRM, packets=255, first=1), 0)

    assert len(run_until(bms, 500_000)) == 7
    assert findings(bms) == [Irregularity.EXCESSIVE]


def test_one_transfer_too_many_is_refused_as_busy() -> None:
    session = Transport(CHARGER, limits=TransportLimits(inbound=2, broadcasts=1))
    for source in (0x10, 0x11, 0x12):
        session.receive(Frame(0x1CEC5600 | source, RTS), 0)

    assert session.frames()[-1] == Frame(0x1CEC1256, control.abort(BRM, reason=AbortReason.BUSY))
    assert len(session.open()) == 2
    assert findings(session) == [Irregularity.NO_ROOM]
    for source in (0x10, 0x11):
        session.receive(Frame(0x1CECFF00 | source, control.bam(BRM, size=20)), 0)
    assert findings(session) == [Irregularity.NO_ROOM]


def test_findings_are_dropped_and_ends_are_kept_when_nobody_drains() -> None:
    session = Transport(CHARGER, limits=TransportLimits(undrained=5))
    tell(session, RTS)
    for _ in range(50):
        tell(session, EOMA)
    tell(session, control.rts(BCP, size=13))  # not answered any more
    tell(session, control.abort(BRM, reason=9))

    assert session.open() == []
    assert session.events() == [
        *5 * [Irregular(Irregularity.NO_CONNECTION, CM_TO_CHARGER, EOMA)],
        Aborted(BRM, BMS, 9, False, Role.RESPONDER),
    ]


# --------------------------------------------------------------------------------------------------- aborts and refusals


@pytest.mark.parametrize("reason", [1, 2, 3, 0, 250, 0xFF])
def test_the_peers_abort_ends_a_transfer_with_its_reason(reason: int) -> None:
    bms, session = sending(), receiving()

    tell(bms, control.abort(BRM, reason=reason))
    tell(session, control.abort(BRM, reason=reason))

    assert bms.events() == [Aborted(BRM, CHARGER, reason, False, Role.ORIGINATOR)]
    assert session.events() == [Aborted(BRM, BMS, reason, False, Role.RESPONDER)]
    assert (bms.frames(), session.frames(), bms.deadline, session.deadline) == ((), (), None, None)


def test_an_abort_ends_both_directions_if_both_carry_its_group() -> None:
    session = receiving()
    session.send(BRM, PAYLOAD, BMS, 0)

    tell(session, control.abort(BRM, reason=1))

    assert session.events() == [
        Aborted(BRM, BMS, 1, False, Role.RESPONDER),
        Aborted(BRM, BMS, 1, False, Role.ORIGINATOR),
    ]


def test_an_abort_for_another_group_ends_nothing() -> None:
    bms = sending()

    tell(bms, control.abort(BCP, reason=2))

    assert findings(bms) == [Irregularity.WRONG_PGN]
    assert bms.busy(CHARGER)


def test_an_unwanted_group_is_refused() -> None:
    session = charger(refuse=frozenset({BRM}), refuse_reason=0xFF)

    tell(session, RTS)

    assert session.frames() == [Frame(CM_TO_BMS, bytes.fromhex("ff ff ff ff ff 00 02 00"))]
    assert (session.events(), session.open()) == ((), [])


def test_we_can_abandon_a_transfer_of_either_direction() -> None:
    bms, session = sending(), receiving()

    bms.abandon(CHARGER, Role.ORIGINATOR)
    session.abandon(BMS, Role.RESPONDER, reason=0xFF)

    assert bms.frames() == [Frame(CM_TO_CHARGER, control.abort(BRM, reason=2))]
    assert session.frames() == [Frame(CM_TO_BMS, control.abort(BRM, reason=0xFF))]
    assert bms.events() == [Aborted(BRM, CHARGER, 2, True, Role.ORIGINATOR)]
    assert session.events() == [Aborted(BRM, BMS, 0xFF, True, Role.RESPONDER)]
    for role in Role:
        with pytest.raises(LocalError):
            bms.abandon(CHARGER, role)


def test_a_second_rts_replaces_the_open_transfer() -> None:
    session = receiving()
    packet(session, 1)

    tell(session, control.rts(BCP, size=13))
    for sequence in (1, 2):
        packet(session, sequence, payload=bytes(13))

    assert session.events() == [
        Aborted(BRM, BMS, None, False, Role.RESPONDER),
        Received(BCP, bytes(13), BMS, CHARGER),
    ]


def test_a_silent_timeout_is_a_habit() -> None:
    bms, session = sending(abort_on_timeout=False), receiving(abort_on_timeout=False)

    for transport in (bms, session):
        transport.tick(1_250_000)
        assert transport.frames() == ()
        assert len(transport.events()) == 1


# ------------------------------------------------------------------------------------------------------------- nonsense


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("10 31 00 07 ff 00 02", Irregularity.SHORT_CONTROL),
        ("10 08 00 02 ff 00 02 00", Irregularity.WRONG_SIZE),
        ("10 fa 06 ff ff 00 02 00", Irregularity.WRONG_SIZE),
        ("10 31 00 08 ff 00 02 00", Irregularity.WRONG_SIZE),
        ("10 31 00 07 ff 01 02 00", Irregularity.WRONG_PGN),
        ("10 31 00 07 ff 00 02 04", Irregularity.WRONG_PGN),
        ("11 07 01 ff ff 00 02 00", Irregularity.NO_CONNECTION),
        ("13 31 00 07 ff 00 02 00", Irregularity.NO_CONNECTION),
        ("ff 03 ff ff ff 00 02 00", Irregularity.NO_CONNECTION),
        ("20 31 00 07 ff 00 02 00", Irregularity.UNKNOWN_CONTROL),
        ("12 31 00 07 ff 00 02 00", Irregularity.UNKNOWN_CONTROL),
    ],
)
def test_nonsense_is_a_finding_and_is_not_answered(text: str, reason: Irregularity) -> None:
    session, data = charger(), bytes.fromhex(text)

    tell(session, data)

    assert session.events() == [Irregular(reason, CM_TO_CHARGER, data)]
    assert (session.frames(), session.open()) == ((), [])


@pytest.mark.parametrize("source", [0xFE, 0xFF])
def test_a_sender_without_address_is_not_answered(source: int) -> None:
    session = charger()

    session.receive(Frame(0x1CEC5600 | source, RTS), 0)

    assert findings(session) == [Irregularity.NO_ADDRESS]
    assert session.frames() == ()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (control.cts(BCP, packets=7, first=1), Irregularity.WRONG_PGN),
        (control.cts(BRM, packets=1, first=2), Irregularity.AHEAD),
        (control.cts(BRM, packets=1, first=0), Irregularity.AHEAD),
        (control.cts(BRM, packets=1, first=8), Irregularity.AHEAD),
        (EOMA, Irregularity.EARLY_END),
    ],
)
def test_answers_that_do_not_fit_are_findings_and_change_nothing(data: bytes, reason: Irregularity) -> None:
    bms = sending()

    tell(bms, data, 10)

    assert findings(bms) == [reason]
    assert bms.deadline == TIMERS.t3_us


def test_an_acknowledgement_with_a_wrong_size_ends_the_transfer_with_a_finding() -> None:
    bms = sending()
    tell(bms, CTS)
    run_until(bms, 100_000)

    tell(bms, control.eoma(BRM, size=48), 100_000)

    assert [type(event) for event in bms.events()] == [Irregular, Sent]


# ----------------------------------------------------------------------------------------------------------- broadcasts


def test_a_broadcast_is_received_whole() -> None:
    session = charger()
    for place, frame in enumerate(control.broadcast(0xFECA, PAYLOAD, source=0x21)):
        assert session.events() == ()
        session.receive(frame, 100_000 * place)

    assert session.events() == [Received(0xFECA, PAYLOAD, 0x21, 0xFF)]
    assert (session.frames(), session.deadline) == ((), None)


def test_a_broadcast_ends_by_t1_exactly_when_its_packets_stop() -> None:
    session = charger()
    frames = control.broadcast(0xFECA, PAYLOAD, source=0x21)
    for frame in [*frames[:3], *frames[4:-1]]:  # packet 3 is lost
        session.receive(frame, 1_000)
    session.receive(frames[-1], 51_000)

    session.tick(800_999)
    assert session.events() == ()
    session.tick(801_000)

    assert session.events() == [TransferTimedOut(0xFECA, 0x21, Timer.T1, Role.LISTENER)]
    assert (session.frames(), session.open()) == ((), [])


def test_a_second_announcement_replaces_the_broadcast() -> None:
    session = charger()
    first, second = (control.broadcast(pgn, PAYLOAD, source=0x21) for pgn in (0xFECA, 0xFECB))

    for frame in [*first[:4], *second]:
        session.receive(frame, 0)

    assert session.events() == [
        Aborted(0xFECA, 0x21, None, False, Role.LISTENER),
        Received(0xFECB, PAYLOAD, 0x21, 0xFF),
    ]


def test_a_broadcast_and_a_connection_of_one_peer_do_not_mix() -> None:
    session = receiving()
    frames = control.broadcast(0xFECA, PAYLOAD[::-1], source=BMS)
    session.receive(frames[0], 0)
    for sequence in range(1, 8):
        packet(session, sequence)
        session.receive(frames[sequence], 0)

    assert session.events() == [
        Received(BRM, PAYLOAD, BMS, CHARGER),
        Received(0xFECA, PAYLOAD[::-1], BMS, 0xFF),
    ]


def test_a_broadcast_is_built_for_9_to_1785_bytes() -> None:
    assert len(control.broadcast(0xFECA, bytes(1785), source=1)) == 256
    for size in (8, 1786):
        with pytest.raises(LocalError):
            control.broadcast(0xFECA, bytes(size), source=1)


# --------------------------------------------------------------------------------------------------------------- misuse


@pytest.mark.parametrize(
    ("pgn", "size", "destination", "priority"),
    [
        (BRM, 8, CHARGER, 7),
        (BRM, 1786, CHARGER, 7),
        (BRM, 9, BMS, 7),
        (BRM, 9, 0xFE, 7),
        (BRM, 9, 0xFF, 7),
        (BRM, 9, CHARGER, 8),
        (BRM + 1, 9, CHARGER, 7),
        (0x40000, 9, CHARGER, 7),
    ],
)
def test_what_no_transfer_can_carry_is_refused(pgn: int, size: int, destination: int, priority: int) -> None:
    bms = Transport(BMS)

    with pytest.raises(LocalError):
        bms.send(pgn, bytes(size), destination, 0, priority=priority)
    assert (bms.frames(), bms.deadline) == ((), None)


def test_a_second_transfer_to_one_peer_is_refused_or_replaces_the_first() -> None:
    bms = sending()
    assert bms.busy(CHARGER)
    with pytest.raises(LocalError, match="0x56"):
        bms.send(BCP, bytes(13), CHARGER, 0)
    assert bms.frames() == ()

    bms.send(BCP, bytes(13), CHARGER, 10, replace=True)

    assert bms.frames() == [Frame(CM_TO_CHARGER, control.rts(BCP, size=13))]
    assert bms.events() == [Aborted(BRM, CHARGER, None, True, Role.ORIGINATOR)]
    assert bms.deadline == 10 + 1_250_000


def test_priority_is_a_parameter() -> None:
    bms, session = Transport(BMS), charger(priority=6)

    bms.send(BRM, PAYLOAD, CHARGER, 0, priority=3)
    assert bms.frames()[0].can_id == 0x0CEC56F4
    bms.receive(Frame(CM_TO_BMS, CTS), 0)
    assert run_until(bms, 8_000)[0][1].startswith("0CEB56F4#")
    tell(session, RTS)
    assert session.frames()[0].can_id == 0x18ECF456


@pytest.mark.parametrize("priority", range(8))
def test_the_peers_priority_does_not_matter(priority: int) -> None:
    session = charger()

    session.receive(Frame(priority << 26 | CM_TO_CHARGER & 0x3FFFFFF, RTS), 0)

    assert session.frames() == [Frame(CM_TO_BMS, CTS)]


def test_impossible_settings_are_refused() -> None:
    for habits in (
        {"grant_packets": 0},
        {"grant_packets": 256},
        {"announce_packets": 0},
        {"priority": 8},
        {"refuse_reason": 256},
        {"gap_us": -1},
        {"rerequests": -1},
    ):
        with pytest.raises(LocalError):
            TransportHabits(**habits)  # type: ignore[arg-type]
    for address in (-1, 254, 255):
        with pytest.raises(LocalError):
            Transport(address)
    with pytest.raises(LocalError):
        TransportLimits(undrained=0)
    with pytest.raises(LocalError):
        Transport(BMS, limits=TransportLimits(outbound=0)).send(BRM, PAYLOAD, CHARGER, 0)
    with pytest.raises(LocalError):
        charger().release(BMS, 0)
