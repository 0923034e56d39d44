"""Both sessions back to back on a good wire: whole charges, both ways to stop, pauses, reconnections, every edition."""

import pytest

from protocols.gbt27930.bms_messages import VehicleIdentity
from protocols.gbt27930.bms_rules import BmsState, BmsStopCause
from protocols.gbt27930.charger_messages import ChargerRating
from protocols.gbt27930.charger_rules import ACTIVE, BEFORE_CHARGING, ChargerState, StopCause
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.habits import ChargerHabits, Clock, RawEdit, VehicleHabits
from protocols.gbt27930.together import BATTERY, LATENCY_US, Hardware, Together, name_of

C, B = ChargerState, BmsState
S = 1_000_000
CHARGING = (C.CHARGING, B.CHARGING)
SLOW = Hardware(insulation_us=400_000, match_us=400_000, prepare_us=400_000)
COMBINATIONS = [
    ("2015", "2015", "2015"),
    ("2015", "2011", "2011"),
    ("2023A", "2023A", "2023A"),
    ("2023A", "2015", "2023A"),
    ("2015", "2023A", "2015"),
    ("2023A", "2011", "2011"),
    ("2011", "2011", "2011"),
    ("2011", "2015", "2011"),
]


def lose(*names: str):
    return lambda frame, at: () if name_of(frame) in names else (at + LATENCY_US,)


def charging(**options) -> Together:
    t = Together(**options)
    t.plug_in()
    t.run_to(*CHARGING)
    t.wait(S)
    return t


def phase(state: ChargerState, **options) -> Together:
    """In the middle of phase *state*."""
    t = Together(hardware=SLOW, **options)
    t.plug_in()
    if state is C.PAUSED:
        t.battery = BATTERY._replace(permitted=False)
    t.run_to(state)
    return t


# ---- a whole charge --------------------------------------------------------------------------------------------------

RECORDED = """
CHM 010100
BHM a510
CRM 0001010101313233
BRM 1031000 7ff000200
CRM aa01010101313233
BCP 100d0002ff000600
CML 1c257c01dc05a00f
CTS ffffffffffffff
BRO 00
BRO aa
CRO 00
CRO aa
BCL bd10c40902
BCS 10090002ff001100
CCS c60ea00f0000fd
BSM 604b014b000010
CST 0400f0f0
BST 40000000
BSD 4d4a014c014b4b
CSD 00000000 01010101
"""
"""The messages of one recorded session in the order of their first appearance, a long one as its request to send."""


def test_a_charge_goes_as_recorded_byte_for_byte():
    t = Together(
        rating=ChargerRating(voltage_max_v=950.0, voltage_min_v=38.0, current_max_a=250.0, current_min_a=0.0),
        identity=VehicleIdentity(
            voltage_max_v=426.1, cell_voltage_max_v=3.7, current_max_a=250.2, energy_kwh=55.4, temp_max_degc=65
        ),
        charger_habits=ChargerHabits(number=0x01010101, area="123", clock=Clock.UNAVAILABLE),
        bms_habits=VehicleHabits(raw={"BST": RawEdit(clear=b"\0\0\0\xff"), "BSM": RawEdit(clear=b"\0\0\0\0\0\0\xc0")}),
    )
    t.measured = t.measured._replace(voltage_v=378.2, current_a=0.0, energy_wh=0.0)
    t.battery = BATTERY._replace(
        **{"voltage_v": 378.2, "current_a": 0.0, "soc_pct": 77.6, "cell_max_v": 3.32, "cell_min_v": 3.30, "cell_max_number": 97},
        **{"demand_v": 428.5, "demand_a": 150.0, "temp_max_point": 2, "temp_min_point": 1},
    )
    t.plug_in()
    t.run_to(*CHARGING)
    t.wait(S)
    t.act(t.charger.stop, StopCause.MANUAL)
    t.run_to(C.END, B.END)

    first = dict.fromkeys(
        (s.name, s.frame.data.hex()) for s in t.frames if s.name != "TP.DT" and s.frame.data[0] not in (0x11, 0x13)
    )

    expected = [tuple(line.split(" ", 1)) for line in RECORDED.split("\n") if line]
    assert [*first] == [(name, data.replace(" ", "")) for name, data in expected]
    bcp, bcs = t.charger.latest.get("BCP"), t.charger.latest.get("BCS")
    assert bcp.encode() == bytes.fromhex("7201 da05 2a02 a510 73 0803 c60e")
    assert bcs.encode() == bytes.fromhex("c60e a00f 4c61 4d 0000")


@pytest.mark.parametrize(("charger", "bms", "spoken"), COMBINATIONS)
@pytest.mark.parametrize("by_vehicle", [False, True], ids=["charger stops", "vehicle stops"])
def test_every_pair_of_editions_charges_and_stops_both_ways(charger, bms, spoken, by_vehicle):
    t = charging(charger=EDITIONS[charger], bms=EDITIONS[bms])
    assert t.charger.demand.current_a == 100.0

    if by_vehicle:
        t.act(t.bms.stop, BmsStopCause.SOC_REACHED)
    else:
        t.act(t.charger.stop, StopCause.MANUAL)
    t.run_to(C.END, B.END)

    assert t.charger.edition.name == spoken
    assert t.charger.end.orderly and t.bms.end.orderly
    assert t.charger.end.reason == ("stopped by the vehicle" if by_vehicle else "stopped by the charger: operator")
    assert t.bms.end.reason == ("stopped by the vehicle: soc reached" if by_vehicle else "stopped by the charger")
    assert t.timeouts("bms") == [] and [name for _, name in t.timeouts("charger")] in ([], ["BHM"])


def test_a_vehicle_without_handshake_is_refused_by_a_charger_that_does_not_fall_back():
    t = Together(bms=EDITIONS["2011"], charger_habits=ChargerHabits(falls_back=False))
    t.plug_in()

    t.run_to(C.END)

    assert t.now == 5 * S
    assert t.charger.end.reason == "refused: no answer to CHM" and C.SELFTEST not in t.states("charger")


# ---- stops from every phase ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", ACTIVE, ids=lambda state: state.name)
def test_the_charger_can_stop_in_every_phase(state):
    t = phase(state)
    stopped_at = t.now

    t.act(t.charger.stop, StopCause.EMERGENCY_STOP)

    assert t.times("CST", bytes.fromhex("1000f1f0"))[0] == stopped_at and t.charger.demand.current_a == 0
    t.run_to(C.END, B.END)
    assert t.charger.end.orderly and t.charger.end.reason == "stopped by the charger: emergency stop"
    assert not [
        s
        for s in t.frames
        if s.name in ("CRM", "CML", "CRO", "CCS") and s.now > stopped_at and s.frame.data[0] not in (0x11, 0x13)
    ]


@pytest.mark.parametrize("state", ACTIVE, ids=lambda state: state.name)
def test_the_vehicle_can_stop_in_every_phase(state):
    t = phase(state)

    t.act(t.bms.stop, BmsStopCause.INSULATION)
    t.run_to(C.END, B.END)

    if B.STOPPING in t.states("bms"):
        assert t.charger.cause is StopCause.BY_BMS and t.charger.end.orderly
        assert set(t.times("CST", bytes.fromhex("4000f0f0"))) == set(t.times("CST"))
    else:  # before its BRM the vehicle can only fall silent
        assert state is C.IDENT_00 and t.bms.end.reason == "refused: insulation"


@pytest.mark.parametrize("state", [state for state in C if state is not C.IDLE], ids=lambda state: state.name)
def test_unplugging_ends_everything_at_once_wherever_it_is(state):
    """Invariant 14."""
    t = (
        phase(C.CHARGING if state not in (C.HANDSHAKE, C.SELFTEST, *ACTIVE) else state)
        if state is not C.HANDSHAKE
        else Together()
    )
    if state is C.HANDSHAKE:
        t.channel = lose("CHM")
        t.plug_in()
    elif state is C.STOPPED_BY_BMS:
        t.act(t.bms.stop, BmsStopCause.OTHER)
    elif state in (C.STOPPING, C.STATISTICS, C.END):
        t.act(t.charger.stop, StopCause.MANUAL)
    elif state is C.ERROR:
        t.channel = lose("BCL")
    t.run_to(state)

    t.unplug()
    sent = len(t.frames)
    t.wait(100 * S)

    assert (t.charger.state, t.bms.state) == (C.IDLE, B.ASLEEP) and len(t.frames) == sent
    assert t.charger.deadline is None and t.bms.deadline is None and t.charger.end is not None
    t.channel = lose()
    t.plug_in()
    t.run_to(*CHARGING)


@pytest.mark.parametrize("edition", ["2011", "2015", "2023A"])
@pytest.mark.parametrize("state", [C.HANDSHAKE, C.SELFTEST], ids=lambda state: state.name)
def test_before_identification_only_2023_says_why_it_stops(state, edition):
    t = Together(charger=EDITIONS[edition], bms=EDITIONS[edition], hardware=SLOW, channel=lose("BHM"))
    t.plug_in()
    if state is C.SELFTEST and edition != "2011":
        t.channel = lose()
        t.run_to(state)
    else:
        state = t.charger.state

    t.act(t.charger.stop, StopCause.SELF_CHECK)
    t.wait(300_000)

    if edition == "2023A":
        assert t.charger.state in (C.STOPPING, C.STATISTICS) and set(t.times("CST")) == set(
            t.times("CST", bytes.fromhex("100010c0"))
        )
    else:
        assert t.charger.state is C.END and not t.times("CST") and t.charger.end.reason == "refused: self check"


# ---- pauses ----------------------------------------------------------------------------------------------------------


def test_forbidding_pauses_and_permitting_resumes():
    """Invariant 13; DP.3004."""
    t = charging()
    t.battery = BATTERY._replace(permitted=False)
    t.run_to(C.PAUSED)
    paused_at = t.now

    t.wait(100 * S)
    assert t.charger.state is C.PAUSED and t.charger.demand.current_a == 0 and not t.charger.permitting
    assert {s.frame.data[6] for s in t.frames if s.name == "CCS" and s.now > paused_at} == {0xFC}
    t.battery = BATTERY
    t.run_to(C.CHARGING)
    resumed_at = t.now
    t.wait(S)

    assert t.charger.demand.current_a == 100.0
    assert {s.frame.data[6] for s in t.frames if s.name == "CCS" and s.now > resumed_at} == {0xFD}
    gaps = [b - a for a, b in zip(t.times("CCS"), t.times("CCS")[1:], strict=False)]
    assert set(gaps) == {50_000}


@pytest.mark.parametrize("edition", EDITIONS)
def test_a_charge_does_not_begin_while_the_vehicle_forbids_it(edition):
    early = VehicleHabits(first_delay_us={"BSM": 0, "BCS": 30_000})
    t = Together(charger=EDITIONS[edition], bms=EDITIONS[edition], bms_habits=early)
    t.battery = BATTERY._replace(permitted=False)
    t.plug_in()

    t.run_to(C.PAUSED)

    assert t.charger.demand.current_a == 0 and not t.times("CCS", b"")[1:]


def test_a_second_pause_has_ten_minutes_again():
    t = charging()
    for _ in range(2):
        t.battery = BATTERY._replace(permitted=False)
        t.run_to(C.PAUSED)
        t.charger._talk.timers.start("pause", t.now + 2 * S)
        t.battery = BATTERY
        t.run_to(C.CHARGING)
        t.wait(3 * S)

    assert t.charger.state is C.CHARGING
    t.battery = BATTERY._replace(permitted=False)
    t.run_to(C.PAUSED)
    assert t.charger._talk.timers._due["pause"] == t.now + 600 * S


# ---- errors and reconnections ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["BRM", "BCP", "BRO", "BCL", "BCS"])
def test_a_reconnection_begins_at_crm_00_and_charges_again(name):
    t = Together(channel=lose(name))
    t.plug_in()
    t.run_to(C.ERROR)
    failed_at = t.now
    t.channel = lose()

    t.run_to(*CHARGING)

    assert t.charger.reconnects == 1
    assert [s for s in t.states("charger") if s in (C.HANDSHAKE, C.SELFTEST, C.IDENT_00)].count(C.IDENT_00) == 2
    assert max(t.times("CHM")) < failed_at
    assert len([at for at in t.times("CEM") if at < min(at for at in t.times("CRM") if at > failed_at)]) >= (name != "BCS")


@pytest.mark.parametrize("count", [0, 2, 3])
def test_the_charger_gives_up_after_the_configured_number_of_reconnections(count):
    t = Together(channel=lose("BCP"), charger_habits=ChargerHabits(reconnects=count))
    t.plug_in()

    t.run_to(C.END)

    assert t.states("charger").count(C.IDENT_00) == 1 + count and t.charger.reconnects == count
    assert t.charger.end.reason == f"communication interrupted after {count} reconnections: no BCP in time"
    assert not t.charger.end.orderly
    t.run_to(B.END)


def test_who_is_told_of_an_error_sends_none_itself():
    """Annex C: CEM is not sent in answer to BEM, nor BEM in answer to CEM."""
    t = charging()
    t.channel = lose("CCS")
    t.run_to(C.ERROR, B.ERROR)
    t.wait(S)
    assert t.times("BEM") and not t.times("CEM") and not t.timeouts("charger")

    t = charging()
    t.channel = lose("BCL")
    t.run_to(C.ERROR, B.ERROR)
    t.wait(S)
    assert t.times("CEM") and not t.times("BEM") and not t.timeouts("bms")


@pytest.mark.parametrize("name", ["BST", "BSD", "CST", "CSD"])
@pytest.mark.parametrize("by_vehicle", [False, True], ids=["charger stops", "vehicle stops"])
def test_an_error_in_the_end_phase_ends_the_session(name, by_vehicle):
    t = charging()
    t.channel = lose(name)
    stop = (t.bms.stop, BmsStopCause.SOC_REACHED) if by_vehicle else (t.charger.stop, StopCause.MANUAL)

    t.act(*stop)
    t.run_to(C.END, B.END)

    assert t.states("bms").count(B.IDENT) == 1
    if (name, by_vehicle) != ("BST", True):  # then the charger sees only that BCL has ended, in the middle of charging
        assert t.charger.reconnects == 0 and t.states("charger").count(C.IDENT_00) == 1


def test_a_bsm_time_limit_of_2023_ends_the_session():
    t = charging(charger=EDITIONS["2023A"], bms=EDITIONS["2023A"])
    t.channel = lose("BSM")

    t.run_to(C.END, B.END)

    assert t.charger.reconnects == 0 and t.charger.end.reason.endswith("no BSM in time")


def test_a_reconnection_waits_for_a_safe_output():
    t = Together(hardware=Hardware(safe_us=7_100_000))
    t.plug_in()
    t.run_to(*CHARGING)
    t.channel = lose("BCL")
    t.run_to(C.ERROR)
    failed_at = t.now
    t.channel = lose()

    t.run_to(*CHARGING)

    assert min(at for at in t.times("CRM", b"\0") if at > failed_at) == failed_at + 7_100_000
    assert len(t.times("CEM")) == 29


def test_a_stop_during_an_error_forbids_the_reconnection():
    t = charging()
    t.channel = lose("BCL")
    t.run_to(C.ERROR)

    t.act(t.charger.stop, StopCause.EMERGENCY_STOP)
    t.run_to(C.END)

    assert t.charger.reconnects == 0 and t.charger.cause is StopCause.EMERGENCY_STOP


@pytest.mark.parametrize("state", [*BEFORE_CHARGING, C.CHARGING], ids=lambda state: state.name)
def test_when_the_wire_dies_both_sides_come_to_their_end(state):
    """Invariant 14: within the sum of the limits."""
    t = phase(state)
    t.channel = lambda frame, at: ()

    t.run_to(C.END, B.END, within_us=200 * S)

    assert not t.charger.end.orderly and not t.bms.end.orderly
