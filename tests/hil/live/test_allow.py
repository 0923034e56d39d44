"""What a role may say: whatever our own sides say in a charge, and nothing that is another's, too often, or above the limits."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.happenings import Moment, Step
from hil.live.allow import OFFERED_CURRENTS, OFFERED_VOLTAGES, RATE_MAX, Rules, safe_end
from hil.live.limits import EMULATED, Limits
from hil.live.roles import bench_within
from hil.scenario_files import load
from hil.sides import ADDRESSES, OTHER
from protocols.core.frame import Frame
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.messages import BCL, BCP, BST, CCS, CML, CST
from protocols.j1939 import control

S = 1_000_000
LOW = Limits(max_v=400.0, max_a=50.0, max_min=10.0)
TO_PILE, TO_VEHICLE = 0x56F4, 0xF456


@pytest.fixture(scope="module")
def charge():
    script = (Step("plug in", Moment()), Step("start", Moment(S)), Step("stop", Moment(10 * S, "CHARGING")))
    bench = Bench(PileSetup(level="quasi_static"), VehicleSetup(), seed=1, script=script)
    bench.run(60 * S)
    return list(bench.trace.log())


@pytest.mark.parametrize("side", ["pile", "vehicle"])
def test_a_whole_charge_passes_and_alarms_nobody(charge, side):
    rules = Rules(side, EDITIONS["2015"], EMULATED)
    ours = [(at, frame) for at, frame in charge if frame.can_id & 0xFF == ADDRESSES[side]]
    theirs = [frame for _, frame in charge if frame.can_id & 0xFF == ADDRESSES[OTHER[side]]]

    assert len(ours) > 100 and [why for at, frame in ours if (why := rules.refusal(frame, at))] == []
    assert [why for frame in theirs if (why := rules.alarm(frame))] == []


@pytest.mark.parametrize(
    "frame",
    [
        Frame(0x1812F456, CCS(voltage_v=380, current_a=10, elapsed_min=0, permitted=1).encode()),  # the pile's
        Frame(0x181056F4 & ~0xFF | 0x31, b"\0\0\xa0\x0f\x01"),  # from another address
        Frame(0x18FECA0B, bytes(8)),
        Frame(0x123, b"", False),
        Frame(0x1CEC56F4, control.rts(0x1234, size=20)),  # a transfer of a group that is not ours
    ],
)
def test_what_is_not_the_vehicles_is_refused(frame):
    assert Rules("vehicle", EDITIONS["2015"], EMULATED).refusal(frame, 0)


def bcl(volts, amperes):
    return Frame(0x18100000 | TO_PILE, BCL(voltage_v=volts, current_a=amperes, mode=1).encode())


@given(st.floats(0, 900), st.floats(0, 400))
def test_a_demand_passes_within_the_limits_and_only_there(volts, amperes):
    frame = bcl(volts, amperes)
    told = BCL.decode(frame.data)
    why = Rules("vehicle", EDITIONS["2015"], LOW).refusal(frame, 0)

    assert (why is None) == (told.voltage_v <= 400 and told.current_a <= 50)
    assert why is None or ("max_v = 400 V" in why) or ("max_a = 50 A" in why)


def test_a_demand_that_cannot_be_read_is_refused():
    assert "cannot be judged" in Rules("vehicle", EDITIONS["2015"], LOW).refusal(Frame(0x181056F4, b"\x01"), 0)


def long_bcp(volts):
    values = {
        "cell_voltage_max_v": 4.2,
        "current_max_a": 50,
        "energy_kwh": 50,
        "temp_max_degc": 55,
        "soc_pct": 50,
        "voltage_v": 350,
    }
    data = BCP(voltage_max_v=volts, **values).encode()
    request = Frame(0x1CEC0000 | TO_PILE, control.rts(0x0600, size=len(data)))
    return [request, *(Frame(0x1CEB0000 | TO_PILE, control.dt(data, number)) for number in (1, 2))]


def test_of_a_forbidden_long_message_the_last_packet_is_kept_back():
    for volts, refused in ((400, [False] * 3), (401, [False, False, True])):
        rules = Rules("vehicle", EDITIONS["2015"], LOW)
        assert [rules.refusal(frame, 0) is not None for frame in long_bcp(volts)] == refused


def test_too_many_frames_of_one_identifier_are_refused_until_time_has_passed():
    rules = Rules("vehicle", EDITIONS["2015"], LOW)

    assert [rules.refusal(bcl(300, 10), 0) for _ in range(RATE_MAX)] == [None] * RATE_MAX
    assert "more than" in rules.refusal(bcl(300, 10), 100_000)
    assert rules.refusal(bcl(300, 10), 200_001) is None


def test_after_the_allowed_minutes_nothing_passes():
    rules = Rules("vehicle", EDITIONS["2015"], LOW)

    assert rules.refusal(bcl(300, 10), 5 * S) is None
    assert rules.refusal(bcl(300, 10), 5 * S + 600 * S) is None
    assert "max_min = 10" in rules.refusal(bcl(300, 10), 5 * S + 600 * S + 1)


def test_measured_values_above_the_limits_raise_the_alarm():
    rules = Rules("vehicle", EDITIONS["2015"], LOW)

    good, bad = (
        Frame(0x1812F456, CCS(voltage_v=380, current_a=amperes, elapsed_min=0, permitted=1).encode()) for amperes in (49, 51)
    )
    assert rules.alarm(good) is None and "CCS.current_a = 51 A" in rules.alarm(bad)


@pytest.mark.parametrize("edition", list(EDITIONS))
def test_the_safe_end_is_allowed_and_says_fault(edition):
    for side, layout, flag in (("vehicle", BST, "other"), ("pile", CST, "fault")):
        frame = safe_end(side, EDITIONS[edition])
        assert Rules(side, EDITIONS[edition], LOW).refusal(frame, 0) is None
        assert getattr(EDITIONS[edition].layout(layout).decode(frame.data), flag) == 1


NO_DEMAND = {("CML", "voltage_min_v"), ("CML", "current_min_a"), ("BRM", "voltage_v")}
"""Least values, and a name plate."""


@pytest.mark.parametrize("edition", list(EDITIONS))
def test_every_voltage_and_current_that_we_say_is_limited_but_for_cells_least_values_and_name_plates(edition):
    fields = {
        (title, field.name)
        for title, layout in EDITIONS[edition].messages.items()
        for field in layout.fields
        if field.name.endswith(("_v", "_a")) and not field.name.startswith("cell_")
    }
    limited = {
        (title, name) for table in (OFFERED_VOLTAGES, OFFERED_CURRENTS) for title, names in table.items() for name in names
    }

    assert fields - limited == NO_DEMAND and len(fields) > 8


@pytest.mark.parametrize("side", ["pile", "vehicle"])
def test_a_bench_within_limits_says_nothing_above_them(side):
    limits = Limits(max_v=600.0, max_a=30.0, max_min=10.0)
    bench = bench_within(load("short_charge"), limits)
    bench.run(40 * S, to_the_end=False)
    rules = Rules(side, EDITIONS["2015"], limits)
    ours = [(at, frame) for at, frame in bench.trace.log() if frame.can_id & 0xFF == ADDRESSES[side]]

    assert [why for at, frame in ours if (why := rules.refusal(frame, at))] == []
    asked = [BCL.decode(frame.data).current_a for _, frame in bench.trace.log() if frame.can_id == 0x181056F4]
    assert max(asked) == pytest.approx(28.6)


def test_what_we_offer_is_limited_what_another_could_do_is_not():
    cml = Frame(0x1808F456, CML(voltage_max_v=400, voltage_min_v=50, current_max_a=51, current_min_a=0).encode())

    assert "CML.current_max_a = 51 A" in Rules("pile", EDITIONS["2015"], LOW).refusal(cml, 0)
    assert Rules("vehicle", EDITIONS["2015"], LOW).alarm(cml) is None


def test_another_transfer_in_between_hides_nothing():
    """A broadcast of our own between the request and the packets of BCP was enough to get any voltage through."""
    rules = Rules("vehicle", EDITIONS["2015"], LOW)
    request, *packets = long_bcp(900)
    elsewhere = Frame(0x1CECFFF4, bytes((0x20, 13, 0, 2, 0xFF, 0, 6, 0)))

    assert [rules.refusal(frame, 0) is not None for frame in (request, elsewhere, *packets)] == [False, False, False, True]
