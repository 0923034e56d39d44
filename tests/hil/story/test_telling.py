import pytest

from hil.story.story import Outcome, Severity, Stamps


def breaches(story, number=0):
    return [f for f in story.sessions[number].findings if f.severity is Severity.BREACH]


def whats(findings):
    return [finding.what for finding in findings]


def test_an_orderly_session_breaks_nothing_and_is_told_whole(script):
    story = script.whole().story()

    (session,) = story.sessions
    assert story.protocol == "GB/T 27930-2015"
    assert session.findings == () and story.findings == ()
    assert [phase.name for phase in session.phases] == [
        "handshake",
        "identification",
        "configuration",
        "charging",
        "stop",
        "statistics",
    ]
    assert session.ending.outcome is Outcome.VEHICLE_STOP
    assert "SOC target reached" in session.ending.reason and "0 min, 0.1 kWh" in session.ending.reason
    assert session.attempts == 1 and session.with_current and session.from_beginning
    assert session.transfers.complete == {"BRM": 1, "BCP": 1, "BCS": 20}


def test_phases_have_the_times_of_their_first_and_last_message(script):
    script.wait(1000)
    begin = script.now
    script.handshake()
    last = script.rows[-1][0]
    script.identification()

    phases = {phase.name: phase for phase in script.story().sessions[0].phases}

    assert (phases["handshake"].begin_us, phases["handshake"].end_us) == (0, last - begin)
    assert phases["handshake"].frames == 16


def test_requests_and_deliveries_have_their_ranges(script):
    script.identification()
    script.configuration()
    script.charging(seconds=2, current_a=80)
    script.charging(seconds=2, current_a=20, voltage_v=390)

    streams = script.story().sessions[0].streams

    asked = streams["BCL"].ranges
    assert (asked["current_a"].low, asked["current_a"].high, asked["current_a"].first, asked["current_a"].last) == (
        20,
        80,
        80,
        20,
    )
    assert (asked["voltage_v"].low, asked["voltage_v"].high) == (390, 400)
    assert streams["BCL"].codes["mode"] == (2,)


def test_a_session_of_2011_is_recognised_and_judged_by_its_own_layouts(script_of):
    story = script_of("2011").whole().story()

    (session,) = story.sessions
    assert session.edition == "2011" and story.protocol == "GB/T 27930-2011"
    assert {"BRM of 41 bytes", "CML of 6 bytes", "CCS of 6 bytes"} <= set(session.evidence)
    assert session.findings == ()


def test_a_vehicle_that_does_not_answer_the_handshake_is_of_2011(script_of):
    script = script_of("2011")
    script.repeat("CHM", times=20, every_ms=250)
    story = script.whole().story()

    assert story.sessions[0].edition == "2011"
    assert len(story.sessions) == 1


@pytest.mark.parametrize("name, flag", [("CST", "self_check"), ("BST", "parameter_mismatch")])
def test_a_flag_of_2023_tells_its_edition(script_of, name, flag):
    script = script_of("2023A")
    script.handshake()
    script.identification()
    script.say(name, **{flag: 1})

    assert script.story().sessions[0].edition == "2023A"


def test_a_recording_that_starts_in_the_middle_is_not_blamed_for_what_it_lacks(script):
    script.charging()
    script.vehicle_stops()
    script.statistics()

    (session,) = script.story().sessions
    assert not session.from_beginning
    assert breaches(script.story()) == []
    assert [phase.name for phase in session.phases] == ["charging", "stop", "statistics"]


def test_two_sessions_in_one_file_are_told_apart(script):
    script.whole()
    first = len(script.rows)
    script.wait(30_000)
    script.whole()

    story = script.story()

    assert [session.frames for session in story.sessions] == [first, first]
    assert [session.attempts for session in story.sessions] == [1, 1]
    assert all(not breaches(story, number) for number in (0, 1))


@pytest.mark.parametrize("times, every_ms", [(1, 5), (2, 5), (3, 60), (5, 250)])
def test_chm_in_the_midst_of_a_session_is_no_new_one(script, times, every_ms):
    script.up_to_charging()
    script.charging()
    script.repeat("CHM", times=times, every_ms=every_ms)
    script.charging()
    script.vehicle_stops()
    script.statistics()

    assert len(script.story().sessions) == 1


def test_a_stray_chm_between_stop_and_statistics_is_no_new_session(script):
    script.up_to_charging()
    script.charging()
    script.vehicle_stops()
    script.repeat("CHM", times=2, every_ms=5)
    script.statistics()

    assert len(script.story().sessions) == 1


@pytest.mark.parametrize("ended", [True, False])
@pytest.mark.parametrize("answered", [True, False])
def test_a_second_handshake_is_a_new_session_even_if_the_recording_ends_in_it(script, ended, answered):
    script.up_to_charging()
    script.charging()
    if ended:
        script.vehicle_stops()
        script.statistics()
    script.wait(20_000)
    begin = len(script.rows)
    script.repeat("CHM", times=6, every_ms=250)
    if answered:
        script.identification()

    sessions = script.story().sessions
    assert [session.frames for session in sessions] == [begin, len(script.rows) - begin]


def test_sessions_of_2011_are_told_apart_by_their_statistics(script_of):
    script = script_of("2011").whole().whole()

    assert len(script.story().sessions) == 2


def test_a_reconnection_is_another_attempt_of_the_same_session(script):
    script.handshake()
    script.identification()
    script.configuration()
    script.charging(seconds=2)
    script.charging(seconds=2, bcl=False, ccs=False)
    script.repeat("CEM", times=5, every_ms=250, bcl=1)
    script.identification()
    script.configuration()
    script.charging()
    script.vehicle_stops()
    script.statistics()

    (session,) = script.story().sessions

    assert session.attempts == 2
    assert [(phase.name, phase.attempt) for phase in session.phases if phase.name == "charging"] == [
        ("charging", 1),
        ("charging", 2),
    ]
    assert session.ending.outcome is Outcome.VEHICLE_STOP and session.ending.reason.startswith("After 1 reconnection:")
    (error,) = session.errors
    assert (error.name, error.count, error.flags) == ("CEM", 5, ("BCL timed out (SPN 3925)",))


def test_a_bem_while_the_charger_goes_on_asking_is_no_new_attempt(script):
    script.handshake()
    for _ in range(12):
        script.say("CRM", result=0x00)
        script.wait(125)
        script.say("BEM", crm_aa=1)
        script.wait(125)

    assert script.story().sessions[0].attempts == 1


@pytest.mark.parametrize(
    "reason, words",
    [
        ({"manual": 1}, "manual stop"),
        ({"fault": 1, "emergency_stop": 1}, "fault, emergency stop"),
        ({"condition_reached": 1}, "charging condition reached"),
    ],
)
def test_a_stop_by_the_charger_is_told_with_its_reason(script, reason, words):
    script.handshake()
    script.identification()
    script.configuration()
    script.charging()
    for _ in range(8):
        script.say("CST", **reason)
        script.wait(4)
        script.say("BST", soc_reached=0, charger_initiated=1)
        script.wait(6)
    script.statistics()

    (session,) = script.story().sessions

    assert session.ending.outcome is Outcome.CHARGER_STOP
    assert f"({words})" in session.ending.reason
    assert session.findings == ()


def test_a_recording_that_ends_during_charging_says_so(script):
    script.handshake()
    script.identification()
    script.configuration()
    script.charging(seconds=2)
    script.charging(seconds=3, ccs=False)

    ending = script.story().sessions[0].ending

    assert ending.outcome is Outcome.OPEN
    assert "during charging" in ending.reason and "The charger fell silent before" in ending.reason


def test_a_recording_that_ends_before_charging_names_the_furthest_step(script):
    script.handshake()

    assert "BHM (last at 1.754 s); CRM did not follow" in script.story().sessions[0].ending.reason


def test_constant_stamps_are_survived_and_nothing_is_judged_by_them(script):
    rows = [(5_000_000, frame) for _, frame in script.whole().rows]

    story = script.story(rows)

    assert story.stamps is Stamps.CONSTANT and story.duration_us == 0
    assert breaches(story) == []
    assert {period.beyond for period in story.sessions[0].periods} == {None}
    assert story.sessions[0].transfers.complete["BCS"] == 20


def test_backward_stamps_are_survived_and_durations_go_from_least_to_greatest(script):
    rows = script.whole().rows
    middle = len(rows) // 2
    rows = [(time_us - (60_000_000 if index > middle else 0), frame) for index, (time_us, frame) in enumerate(rows)]

    story = script.story(rows)

    times = [time_us for time_us, _ in rows]
    assert story.stamps is Stamps.BACKWARD
    assert story.duration_us == max(times) - min(times)
    assert breaches(story) == []
    assert "run backward" in story.sessions[0].periods[0].why_not


def test_foreign_frames_are_counted_and_ignored(script):
    script.frame(0x0070F4B5, bytes(8))
    script.whole()
    script.frame(0x123, bytes(4), extended=False)

    story = script.story()

    assert story.foreign == {"0070F4B5": 1, "123": 1}
    assert story.sessions[0].findings == ()
    assert whats(story.findings) == ["foreign frame 0070F4B5, ignored", "foreign frame 123, ignored"]


def test_a_recording_without_gbt_has_no_sessions(script):
    script.frame(0x18FEF100, bytes(8))

    story = script.story()

    assert (story.protocol, story.sessions, story.ids) == ("unknown", (), {"18FEF100": 1})


def test_the_extension_for_more_current_is_decoded_with_its_offset(script):
    script.identification()
    script.say("BRM", version=int.from_bytes(b"1CS", "little"))
    script.say("BCL", data=(4000).to_bytes(2, "little") + (30000 - 5000).to_bytes(2, "little") + b"\x02")

    assert script.story().sessions[0].streams["BCL"].ranges["current_a"].high == 500
