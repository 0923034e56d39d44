"""Each rule finds what it is for, names who did it, and the clause."""

import pytest

from hil.story.story import Severity


def found(story, word):
    """The findings whose words contain *word*."""
    return [f for f in (*story.findings, *(f for session in story.sessions for f in session.findings)) if word in f.what]


def up_to_charging(script):
    script.handshake()
    script.identification()
    script.configuration()
    return script


def test_padded_frames_are_breaches_and_read_all_the_same(script):
    script.whole()
    rows = [(t, frame._replace(data=frame.data.ljust(8, b"\xff"))) for t, frame in script.rows]

    story = script.story(rows)

    assert story.sessions[0].streams["BCL"].ranges["current_a"].high == 100
    (finding,) = found(story, "BCL of 8 bytes instead of 5")
    assert (finding.severity, finding.who, finding.count) == (Severity.BREACH, "vehicle", 100)
    assert "table 1" in finding.clause


def test_a_message_too_short_to_be_read_is_a_breach(script):
    up_to_charging(script).say("BCL", data=b"\x01\x02")

    assert "too short to be read" in found(script.story(), "BCL of 2 bytes")[0].what


def test_unused_bits_that_are_zero_are_noted(script):
    up_to_charging(script).charging()
    script.say("CCS", data=script.encode("CCS")[:6] + b"\x01")

    (finding,) = found(script.story(), "unused bits of CCS")
    assert finding.severity is Severity.NOTE and finding.count == 1 and "7.9" in finding.clause


@pytest.mark.parametrize(
    "name, values, word", [("BCL", {"mode": 7}, "BCL mode = 7"), ("BCS", {"soc_pct": 130}, "BCS soc = 130 %")]
)
def test_values_outside_the_standard_are_noted(script, name, values, word):
    up_to_charging(script).say(name, **values)

    assert found(script.story(), word)[0].who == "vehicle"


def test_a_time_that_is_not_bcd_is_a_breach(script):
    up_to_charging(script)
    script.say("CTS", data=bytes.fromhex("1a061415051714"))

    assert found(script.story(), "is not a time in BCD")


def test_a_time_that_is_not_available_is_none(script):
    script.handshake()
    script.identification()
    script.say("CTS", data=b"\xff" * 7)

    assert not found(script.story(), "CTS")


def test_a_late_frame_of_an_earlier_phase_is_a_breach_of_the_charger(script):
    up_to_charging(script).charging(seconds=2)
    script.say("CML")
    script.charging(seconds=2)

    (finding,) = found(script.story(), "one frame of CML after the first CRO")
    assert (finding.severity, finding.who, finding.count) == (Severity.BREACH, "charger", 1)


def test_a_frame_that_waited_for_the_bus_is_no_breach(script):
    up_to_charging(script).charging(seconds=2)
    script.say("BST")
    script.wait(1)
    script.say("BCL")
    script.wait(1)
    script.say("CCS")
    script.wait(2)
    script.vehicle_stops()
    script.statistics()

    assert script.story().sessions[0].findings == ()


def test_ccs_that_goes_on_after_bst_is_a_breach(script):
    up_to_charging(script).charging(seconds=2)
    script.say("BST")
    script.charging(seconds=1, bcl=False)

    assert found(script.story(), "20 CCS after the first BST")[0].who == "charger"


@pytest.mark.parametrize(
    "step, word",
    [("CRM AA", "CRM(0xAA) without any BRM"), ("CML", "CML without any BCP"), ("CRO", "CRO without any BRO(0xAA)")],
)
def test_a_step_without_the_one_it_answers_is_a_breach(script, step, word):
    script.handshake()
    script.say("CRM", result=0x00)
    script.wait(10)
    if step != "CRM AA":
        script.say("BRM")
    script.say("CRM", result=0xAA)
    if step == "CRO":
        script.say("BCP")
    if step != "CRM AA":
        script.say("CML")
    if step == "CRO":
        script.say("CRO", ready=0x00)

    assert found(script.story(), word)[0].who == "charger"


def test_ccs_before_the_first_complete_bcs_is_a_breach(script):
    up_to_charging(script)
    script.say("BCL")
    script.wait(10)
    script.say("CCS")
    script.wait(10)
    script.charging(seconds=1)

    (finding,) = found(script.story(), "CCS before the first BCS")
    assert "DN.3001" in finding.clause


def test_a_packet_that_the_recording_lost_blames_nobody(script):
    script.handshake()
    script.say("CRM", result=0x00)
    script.wait(5)
    script.transfer(0x0200, script.encode("BRM"), lost={3})
    script.say("CRM", result=0xAA)
    script.configuration()
    script.charging()
    script.vehicle_stops()
    script.statistics()

    story = script.story()

    (finding,) = story.sessions[0].findings
    assert (finding.severity, finding.who) == (Severity.NOTE, "recording")
    (broken,) = story.sessions[0].transfers.broken
    assert broken.name == "BRM" and "packet 3 missing" in broken.why


@pytest.mark.parametrize("silence_ms, breaks", [(900, False), (1200, True)])
def test_silence_of_the_demand_is_a_breach_beyond_its_limit(script, silence_ms, breaks):
    up_to_charging(script).charging(seconds=2)
    script.repeat("CCS", times=silence_ms // 50, every_ms=50)
    script.charging(seconds=2)

    findings = found(script.story(), "BCL silent")

    assert bool(findings) is breaks
    if breaks:
        assert findings[0].who == "vehicle" and "SPN 3925" in findings[0].clause


def test_an_error_message_is_held_against_what_was_missing(script):
    up_to_charging(script).charging(seconds=2)
    script.charging(seconds=1, ccs=False)
    script.repeat("BEM", times=5, every_ms=250, ccs=1)

    (finding,) = found(script.story(), "reported it missing with BEM")
    assert (finding.severity, finding.who) == (Severity.BREACH, "charger")
    assert "it stopped without CST" in finding.what and "SPN 3905" in finding.clause


def test_an_error_message_without_ground_is_noted_against_its_sender(script):
    up_to_charging(script).charging(seconds=2)
    script.repeat("BEM", times=5, every_ms=250, ccs=1)

    (finding,) = found(script.story(), "BEM says that CCS timed out")
    assert (finding.severity, finding.who) == (Severity.NOTE, "vehicle")


def test_an_answer_beyond_its_limit_is_a_breach_of_who_owes_it(script):
    script.handshake()
    script.repeat("CRM", times=24, every_ms=250, result=0x00)
    script.say("BRM")

    (finding,) = found(script.story(), "BRM came 6.0")
    assert finding.who == "vehicle" and "SPN 3921" in finding.clause


def test_an_answer_that_never_came_is_a_breach_too(script):
    script.handshake()
    script.repeat("CRM", times=24, every_ms=250, result=0x00)

    assert found(script.story(), "BRM had not come 5.75 s after the first CRM(0x00) (limit 5 s)")


@pytest.mark.parametrize("every_ms, breaks", [(54, False), (58, True)])
def test_a_period_is_judged_by_its_median(script, every_ms, breaks):
    script.repeat("BCL", times=50, every_ms=every_ms)

    assert bool(found(script.story(), "BCL every")) is breaks


def test_a_period_is_not_judged_by_stamps_coarser_than_its_tolerance(script):
    script.repeat("BCL", times=50, every_ms=60)
    rows = [(t // 100_000 * 100_000, frame) for t, frame in script.rows]

    story = script.story(rows)

    assert not found(story, "BCL every")
    (period,) = story.sessions[0].periods
    assert period.beyond is None and "steps of 100 ms" in period.why_not


def test_a_demand_beyond_charger_or_battery_is_noted(script):
    up_to_charging(script).charging(current_a=260)

    assert len(found(script.story(), "BCL asks for up to 260 A")) == 2


def test_current_beyond_the_demand_is_a_breach(script):
    up_to_charging(script).charging(current_a=50)

    (finding,) = found(script.story(), "CCS shows 100 A where at most 50 A was asked for")
    assert finding.who == "charger"


def test_an_output_that_was_not_precharged_is_a_breach(script):
    up_to_charging(script)
    script.say("BCL")
    script.say("BCS")
    script.say("CCS", voltage_v=4.2, current_a=0)

    (finding,) = found(script.story(), "no pre-charge")
    assert "B.3.4" in finding.clause


def test_current_while_the_battery_forbids_it_is_a_breach(script):
    up_to_charging(script).charging(seconds=1)
    for _ in range(10):
        script.say("BSM", permitted=0)
        script.repeat("CCS", times=5, every_ms=50)

    assert found(script.story(), "although BSM forbids charging")[0].who == "charger"


def test_a_pause_that_is_kept_is_told_and_breaks_nothing(script):
    up_to_charging(script).charging(seconds=1)
    for _ in range(10):
        script.say("BSM", permitted=0)
        for _ in range(5):
            script.say("BCL", current_a=0)
            script.say("CCS", current_a=0, permitted=0)
            script.wait(50)
    script.say("BSM")
    script.charging(seconds=1)

    (session,) = script.story().sessions

    assert not [f for f in session.findings if f.severity is Severity.BREACH]
    told = [milestone.what for milestone in session.milestones]
    assert "CCS: charging paused" in told and "BSM: charging forbidden for now" in told and "CCS: charging goes on" in told


@pytest.mark.parametrize(
    "can_id, fault",
    [
        (0x1826F4F4, None),
        (0x1C26F456, "CHM priority 7 instead of 6"),
        (0x1826FF56, "CHM sent to all nodes (0xFF)"),
        (0x182656F4, "CHM is not the vehicle's to send"),
    ],
)
def test_messages_under_a_wrong_identifier_are_breaches(script, can_id, fault):
    script.whole()
    script.frame(can_id, script.encode("CHM"))

    breaches = [f for f in script.story().findings if f.severity is Severity.BREACH]

    if fault:
        assert fault in breaches[0].what
    else:
        assert breaches[0].what == "1826F4F4: CHM is not the vehicle's to send"


def test_a_vehicle_at_its_second_address_is_told_like_any_other_and_named_once(script):
    script.whole()
    moved = {0x56F4: 0x56F5, 0xF456: 0xF556}
    rows = [(at, f._replace(can_id=f.can_id & ~0xFFFF | moved[f.can_id & 0xFFFF])) for at, f in script.rows]

    odd, usual = script.story(rows), script.story()

    (finding,) = odd.findings
    assert "vehicle address F5 instead of F4" in finding.what
    assert finding.count == sum(frame.can_id & 0xFF == 0xF5 for _, frame in rows)
    assert odd.sessions == usual.sessions and usual.findings == ()


def test_an_answer_to_bst_without_its_flag_is_a_breach(script):
    up_to_charging(script).charging()
    for _ in range(8):
        script.say("BST")
        script.say("CST")
        script.wait(10)
    script.statistics()

    (finding,) = found(script.story(), "CST answers BST without the flag")
    assert "DP.3006" in finding.clause


def test_an_all_zero_stop_of_the_vehicle_is_noted(script):
    up_to_charging(script).charging()
    script.vehicle_stops(soc_reached=0)
    script.statistics()

    story = script.story()

    assert found(story, "BST gives no reason")
    assert "no reason given" in story.sessions[0].ending.reason


def test_more_reconnections_than_allowed_are_noted(script):
    script.handshake()
    for _ in range(5):
        script.identification()
        script.repeat("CEM", times=2, every_ms=250, bcp=1)

    assert found(script.story(), "4 reconnections")


def test_a_session_without_its_handshake_is_noted(script):
    script.identification()
    script.say("BHM")  # a vehicle of 2015, then

    assert found(script.story(), "the session begins with CRM(0x00)")[0].severity is Severity.NOTE


def test_statistics_that_do_not_agree_with_what_was_delivered_are_noted(script):
    up_to_charging(script).charging(seconds=30)
    script.vehicle_stops()
    script.say("BSD")
    script.say("CSD", energy_kwh=1.5)

    assert found(script.story(), "CSD says 1.5 kWh, voltage and current of CCS sum up to 0.30 kWh")


@pytest.mark.parametrize("paused_s, breaks", [(590, False), (660, True)])
def test_a_pause_beyond_its_limit_is_a_breach(script, paused_s, breaks):
    up_to_charging(script).charging(seconds=1)
    for _ in range(paused_s // 10):
        script.say("BSM", permitted=0)
        script.say("BCL", current_a=0)
        script.say("CCS", current_a=0, permitted=0)
        script.wait(10_000)
    script.say("BSM")

    assert bool(found(script.story(), "charging paused for")) is breaks


@pytest.mark.parametrize(
    "state, code, breaks", [("overtemperature", 1, True), ("overtemperature", 2, False), ("cell_voltage", 2, True)]
)
def test_charging_on_with_an_unwell_battery_is_a_breach(script, state, code, breaks):
    up_to_charging(script).charging(seconds=1)
    script.say("BSM", **{state: code})
    script.charging(seconds=3)

    assert bool(found(script.story(), "charging goes on though BSM reports")) is breaks


def test_silence_between_not_ready_and_ready_is_noted(script):
    up_to_charging(script)
    rows = [(t + (2_300_000 if frame == (0x100AF456, b"\xaa", True) else 0), frame) for t, frame in script.rows]

    (finding,) = found(script.story(rows), "CRO silent for 2.55 s between 0x00 and 0xAA")
    assert finding.severity is Severity.NOTE


def test_a_vehicle_that_waits_too_long_for_identification_is_told(script):
    script.repeat("CHM", times=130, every_ms=250)
    script.identification()

    assert "SPN 3901" in found(script.story(), "CRM(0x00) came 32.5 s after the first CHM")[0].clause


def test_an_rts_without_an_answer_is_noted(script):
    script.handshake()
    script.say("CRM", result=0x00)
    for _ in range(3):
        script.frame(0x1CEC56F4, bytes.fromhex("10310007FF000200"))
        script.wait(250)
    script.frame(0x1CECF456, bytes.fromhex("FFFFFFFFFF000200"))

    story = script.story()

    assert found(story, "BRM: RTS without an answer")[0].count == 2
    assert found(story, "BRM: transfer aborted, reason 255")[0].who == "charger"
