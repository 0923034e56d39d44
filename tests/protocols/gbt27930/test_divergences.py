"""What real chargers and vehicles do otherwise: each is a habit of the virtual ones, and the other side copes with it."""

import re
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from protocols.core.frame import Frame
from protocols.gbt27930.bms_messages import VehicleIdentity
from protocols.gbt27930.bms_rules import BmsState, BmsStopCause
from protocols.gbt27930.charger_messages import ChargerRating
from protocols.gbt27930.charger_rules import ChargerState, StopCause
from protocols.gbt27930.editions import EDITIONS, SUPERCHARGE_VERSION
from protocols.gbt27930.habits import BcsTimer, ChargerHabits, Clock, RawEdit, VehicleHabits
from protocols.gbt27930.together import BATTERY, LATENCY_US, Hardware, Together, name_of
from protocols.j1939.habits import TransportHabits

C, B = ChargerState, BmsState
DOCUMENT = Path(__file__).parents[3] / "docs" / "divergences.md"


@dataclass(frozen=True)
class Case:
    """A divergence of section *row*: who is odd and how, and what must be seen on the wire besides a whole charge."""

    row: str
    what: str
    options: dict[str, Any]
    sees: Any
    by_vehicle: bool = True
    limits: tuple[str, ...] = ()
    """Limits that run out on the way."""
    reconnects: int = 0
    battery: dict[str, Any] = field(default_factory=dict)


def car(**habits: Any) -> dict[str, Any]:
    return {"bms_habits": VehicleHabits(**habits)}


def pile(**habits: Any) -> dict[str, Any]:
    return {"charger_habits": ChargerHabits(**habits)}


def payloads(t: Together, name: str) -> set[str]:
    long = (0x11, 0x13)
    return {s.frame.data.hex() for s in t.frames if s.name == name and not (len(s.frame.data) == 8 and s.frame.data[0] in long)}


def gaps(t: Together, name: str) -> set[int]:
    times = t.times(name)
    return {b - a for a, b in pairwise(times)}


def rts(t: Together, name: str) -> list[str]:
    return [s.frame.data.hex() for s in t.frames if s.name == name and s.frame.data[0] == 0x10]


def pieces(t: Together, name: str) -> int:
    return sum(s.name == name and s.frame.data[0] == 0x11 for s in t.frames)


def after(t: Together, name: str, first: str) -> list[int]:
    """Times of *name* after the first *first*."""
    begin = t.times(first)[0]
    return [at for at in t.times(name) if at >= begin]


ONE_BY_ONE = TransportHabits(grant_packets=1, answer_us=1_500)
CASES = [
    Case("1", "vehicle of 2011", {"bms": EDITIONS["2011"]}, lambda t: rts(t, "BRM")[0][:8] == "10290006", limits=("BHM",)),
    Case(
        "2",
        "49-byte BRM without a handshake",
        {**pile(omit=frozenset({"CHM"})), **car(falls_back=False)},
        lambda t: not t.times("CHM") and rts(t, "BRM")[0][:8] == "10310007" and t.charger.edition.name == "2015",
    ),
    Case("2", "charger that skips CHM", pile(omit=frozenset({"CHM"})), lambda t: rts(t, "BRM")[0][:8] == "10290006"),
    Case("3", "no BRO(0x00)", car(says_not_ready=False), lambda t: payloads(t, "BRO") == {"aa"}),
    Case("4", "CRO(0x00) once", pile(not_ready_frames=1, ready_delay_us=900_000), lambda t: len(t.times("CRO", b"\0")) == 1),
    Case("4", "CRO(0x00) never", pile(not_ready_frames=0), lambda t: payloads(t, "CRO") == {"aa"}),
    Case(
        "5",
        "BRO(0xAA) during CML, 9.5 s of CRO(0x00)",
        {**car(says_not_ready=False), **pile(ready_delay_us=9_500_000), "hardware": Hardware(prepare_us=0)},
        lambda t: len(t.times("CRO", b"\0")) == 38 and len(t.times("CML")) == 1,
    ),
    Case("6", "CRO silent for 2.3 s", pile(silence_before_ready_us=2_300_000), lambda t: max(gaps(t, "CRO")) >= 2_300_000),
    Case(
        "7",
        "no BCS at all",
        {**car(omit=frozenset({"BCS"})), **pile(bcs_timer=BcsTimer.OFF, starts_on_bcl=True)},
        lambda t: not t.times("BCS"),
    ),
    Case(
        "7",
        "BCS timer fed by BCL",
        {**car(omit=frozenset({"BCS"})), **pile(bcs_timer=BcsTimer.BCL, starts_on_bcl=True)},
        lambda t: not t.times("BCS"),
    ),
    Case(
        "8",
        "slow periods",
        {
            **car(periods_us={"BCS": 315_000, "BCL": 53_000}),
            **pile(periods_us={"CCS": 105_000, "CST": 14_000, "CSD": 333_000}),
        },
        lambda t: (
            (gaps(t, "BCL"), gaps(t, "CCS"), gaps(t, "CSD")) == ({53_000}, {105_000}, {333_000}) and min(gaps(t, "CST")) == 14_000
        ),
    ),
    Case("9", "BCL at once, BSM late", car(first_delay_us={"BCL": 0, "BCS": 60_000, "BSM": 300_000}), lambda t: bcl_first(t)),
    Case("10", "no BMV, BMT", car(omit=frozenset({"BMV", "BMT", "BSP"})), lambda t: not t.times("BMV") and not t.times("BMT")),
    Case(
        "10",
        "BMV of 200 cells, BMT, BSP",
        car(omit=frozenset()),
        lambda t: rts(t, "BMV")[0][:8] == "1090013a" and t.times("BMT") and rts(t, "BSP"),
        battery={"cells_v": (3.8,) * 200, "temps_degc": (25.0,) * 8},
    ),
    *(
        Case("11", f"CTS {clock.value}", pile(clock=clock), lambda t, data=data: data in payloads(t, "CTS"))
        for clock, data in {
            Clock.UNAVAILABLE: "ffffffffffffff",
            Clock.BCD: "22132214112320",
            Clock.BINARY: "160d160e0be707",
            Clock.SWAPPED_YEAR: "22132214112023",
        }.items()
    ),
    Case("11", "no CTS", pile(clock=None), lambda t: not t.times("CTS")),
    Case("12", "number 0", pile(number=0, area="UA "), lambda t: "aa00000000554120" in payloads(t, "CRM")),
    Case("12", "number 0xFFFFFF01", pile(number=0xFFFFFF01), lambda t: "aa01ffffff202020" in payloads(t, "CRM")),
    Case("12", "no number, no area", pile(number=None, area=None), lambda t: "aaffffffffffffff" in payloads(t, "CRM")),
    Case("13", "CCS of 8 bytes", pile(raw={"CCS": RawEdit(length=8)}), lambda t: {len(p) for p in payloads(t, "CCS")} == {16}),
    Case(
        "13",
        "reserved bits of CCS 0",
        pile(raw={"CCS": RawEdit(clear=b"\0\0\0\0\0\0\xfc")}),
        lambda t: {p[12:] for p in payloads(t, "CCS")} == {"01"},
    ),
    Case(
        "14",
        "undefined bits of BSM 0",
        car(raw={"BSM": RawEdit(clear=b"\0\0\0\0\0\0\xc0")}),
        lambda t: {p[12:] for p in payloads(t, "BSM")} == {"10"},
    ),
    Case("15", "BST all zero", car(raw={"BST": RawEdit(clear=b"\xff" * 4)}), lambda t: payloads(t, "BST") == {"00000000"}),
    Case(
        "16",
        "BST byte 4 not filled",
        car(raw={"BST": RawEdit(clear=b"\0\0\0\xff")}),
        lambda t: payloads(t, "BST") == {"01000000"},
    ),
    Case(
        "17",
        "demand above BCP",
        {"identity": VehicleIdentity(current_max_a=60.0)},
        lambda t: t.seen_demand == (400.0, 60.0),
    ),
    Case(
        "17",
        "demand below the least",
        {"rating": ChargerRating(current_min_a=5.0)},
        lambda t: t.seen_demand == (400.0, 5.0),
        battery={"demand_a": 1.0},
    ),
    Case(
        "18",
        "meaningless BCP current",
        {"identity": VehicleIdentity(current_max_a=0.0), **pile(heeds_bcp_current=False)},
        lambda t: t.seen_demand == (400.0, 100.0),
    ),
    Case(
        "20",
        "RTS limit is the packet count",
        car(transport=TransportHabits(announce_packets=None)),
        lambda t: rts(t, "BRM")[0][8:10] == "07",
    ),
    Case("20", "one packet per CTS", pile(transport=ONE_BY_ONE), lambda t: pieces(t, "BRM") >= 7),
    Case(
        "20",
        "a hold before every grant",
        pile(transport=TransportHabits(hold_us=100_000)),
        lambda t: pieces(t, "BRM") >= 2,
        limits=(),
    ),
    Case("20", "one more BRM after CRM(0xAA)", car(repeats_brm=True), lambda t: len(rts(t, "BRM")) == 2),
    Case(
        "22", "insulation test of 16.5 s", {"hardware": Hardware(insulation_us=16_500_000)}, lambda t: len(t.times("CHM")) == 67
    ),
    Case(
        "23",
        "CCS says pause until the output is on",
        pile(permits_after_us=500_000),
        lambda t: [s.frame.data[6] for s in t.frames if s.name == "CCS"][:12] == [0xFC] * 10 + [0xFD] * 2,
    ),
    Case(
        "23",
        "CCS says pause before CST",
        pile(pauses_before_cst=True),
        lambda t: [s.frame.data[6] for s in t.frames if s.name == "CCS"][-2:] == [0xFD, 0xFC],
        by_vehicle=False,
    ),
    Case(
        "24",
        "CSD all ones, late",
        pile(number=None, first_delay_us={"CSD": 220_000}),
        lambda t: after(t, "CSD", "BSD")[0] - t.times("BSD")[0] >= 220_000,
    ),
    Case("24", "CST after BSD", pile(extra_cst_after_bsd=1), lambda t: len(after(t, "CST", "BSD")) >= 1),
    Case("24", "CSD all zero", pile(raw={"CSD": RawEdit(clear=b"\xff" * 8)}), lambda t: payloads(t, "CSD") == {"00" * 8}),
    Case(
        "24a",
        "CCS before BCS",
        {**pile(starts_on_bcl=True), **car(first_delay_us={"BCS": 200_000})},
        lambda t: t.times("CCS")[0] < t.times("BCS")[0],
    ),
    Case(
        "24b", "BRO(0xAA) after CRO(0xAA)", car(extra_ready_frames=1), lambda t: t.times("BRO")[-1] > t.times("CRO", b"\xaa")[0]
    ),
    Case("26", "CST for 0.5 s only", pile(cst_frames=50), lambda t: len(t.times("CST")) <= 50, by_vehicle=False),
    Case(
        "27",
        "offset of -3000 A",
        {
            "identity": VehicleIdentity(version=SUPERCHARGE_VERSION, current_max_a=600.0),
            "rating": ChargerRating(current_max_a=600.0),
        },
        lambda t: t.seen_demand == (400.0, 500.0) and "a00fa86102" in payloads(t, "BCL"),
        battery={"demand_a": 500.0},
    ),
    Case(
        "28",
        "vehicle address 0xF5",
        {"charger_habits": ChargerHabits(vehicle_address=0xF5), "bms_habits": VehicleHabits(address=0xF5)},
        lambda t: {s.frame.can_id & 0xFFFF for s in t.frames} == {0x56F5, 0xF556},
    ),
    Case("30", "one CCS too many after BST", pile(extra_ccs_after_bst=1), lambda t: after(t, "CCS", "BST")),
    Case("31", "CEM packed wrongly", pile(raw={"CEM": RawEdit(clear=b"\xff" * 4, set=b"\0\x01\0\0")}), lambda t: True),
]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.row}: {case.what}")
def test_the_other_side_copes(case: Case) -> None:
    t = Together(**case.options)
    t.battery = BATTERY._replace(**case.battery)
    t.plug_in()
    t.run_to(C.CHARGING, B.CHARGING)
    t.wait(5_500_000)
    t.seen_demand = (t.charger.demand.voltage_v, t.charger.demand.current_a)

    if case.by_vehicle:
        t.act(t.bms.stop, BmsStopCause.SOC_REACHED)
    else:
        t.act(t.charger.stop, StopCause.MANUAL)
    t.run_to(C.END, B.END)

    assert case.sees(t), sorted({(s.name, s.frame.data.hex()) for s in t.frames})
    assert t.charger.end.orderly and t.bms.end.orderly, (t.charger.end, t.bms.end)
    assert tuple(name for _, name in t.timeouts("charger") + t.timeouts("bms")) == case.limits
    assert t.charger.reconnects == case.reconnects


def bcl_first(t: Together) -> bool:
    ready = t.times("CRO", b"\xaa")[0]
    return t.times("BCL")[0] - ready < 30_000 < t.times("BCS")[0] - ready and t.times("BSM")[0] - ready >= 100_000


# ---- those that end otherwise ----------------------------------------------------------------------------------------


def test_19_the_sessions_do_not_compare_voltages() -> None:
    t = Together()
    t.battery, t.measured = BATTERY._replace(voltage_v=430.0), t.measured._replace(voltage_v=441.0)
    t.plug_in()

    t.run_to(C.CHARGING, B.CHARGING)


def test_20_a_charger_that_refuses_transfers_is_asked_again_each_period() -> None:
    t = Together(**pile(transport=TransportHabits(refuse=frozenset({0x0200}), refuse_reason=0xFF)))
    t.plug_in()
    t.run_to(C.ERROR)

    assert len(rts(t, "BRM")) == 20 and gaps(t, "BRM") >= {500, 249_500}
    assert next(s.frame.data.hex() for s in t.frames if s.name == "BRM" and s.who == "charger") == "ffffffffff000200"


@pytest.mark.parametrize("restarts", [False, True])
def test_20_an_unfinished_transfer_may_be_replaced_by_a_new_rts(restarts: bool) -> None:
    t = Together(**car(restarts_transfers=restarts))
    t.channel = lambda frame, at: () if frame.data[0] == 0x13 and name_of(frame) == "BRM" else (at + LATENCY_US,)
    t.plug_in()

    t.run_to(C.CHARGING, B.CHARGING)

    waited_us = t.times("BCP")[0] - t.times("CRM", b"\xaa")[0]
    assert waited_us <= 500 if restarts else 1_000_000 < waited_us < 1_260_000


def test_21_a_charger_that_goes_on_with_crm_is_answered_after_five_bem() -> None:
    patient = replace(
        EDITIONS["2015"], limits=EDITIONS["2015"].limits | {"BRM": replace(EDITIONS["2015"].limits["BRM"], us=60_000_000)}
    )
    t = Together(charger=patient, **pile(deaf_to=frozenset({"BEM"})), **car(error_frames=5))
    t.channel = lambda frame, at: () if name_of(frame) == "BRM" else (at + LATENCY_US,)
    t.plug_in()
    t.run_to(B.ERROR)
    t.channel = lambda frame, at: (at + LATENCY_US,)

    t.run_to(C.CHARGING, B.CHARGING)

    assert len(t.times("BEM")) == 5 and C.ERROR not in t.states("charger")


@pytest.mark.parametrize("count", [2, 3])
def test_25_the_number_of_reconnections_is_a_habit(count: int) -> None:
    t = Together(**pile(reconnects=count), **car(omit=frozenset({"BRM"})))
    t.plug_in()

    t.run_to(C.END)

    assert t.charger.reconnects == count


def test_29_foreign_frames_are_ignored() -> None:
    t = Together()
    t.plug_in()
    t.run_to(C.CHARGING, B.CHARGING)
    before = len(t.events)

    for who in ("charger", "bms"):
        for can_id in (0x0070F4B5, 0x0073F4B5, 0x1CEC56B5, 0x1CECFF56, 0x181056F5):
            t.hear(who, Frame(can_id, b"\x10\x09\x00\x02\xff\x00\x11\x00"))

    assert len(t.events) == before and t.frames[-1].name != "?"


def test_31_a_wrongly_packed_bem_is_an_error_all_the_same() -> None:
    t = Together(**car(raw={"BEM": RawEdit(clear=b"\xff" * 4, set=b"\x10\0\0\0")}))
    t.plug_in()
    t.run_to(C.CHARGING, B.CHARGING)
    t.channel = lambda frame, at: () if name_of(frame) == "CCS" else (at + LATENCY_US,)

    t.run_to(C.ERROR)

    assert not t.times("CEM")


def test_every_row_of_the_document_names_its_parameter_and_its_test() -> None:
    rows = re.findall(r"^\| (\d+[ab]?) \|[^|]*\| ([^|]+) \| ([^|]+) \|$", DOCUMENT.read_text(), re.MULTILINE)
    source = Path(__file__).read_text()
    tested = {case.row for case in CASES} | set(re.findall(r"^def test_(\d+[ab]?)_", source, re.MULTILINE))

    assert [row for row, _, _ in rows] == [str(n) for n in range(1, 24)] + ["24", "24a", "24b"] + [str(n) for n in range(25, 33)]
    assert {row for row, _, test in rows if "test_divergences" in test} == tested
    known = {name for habits in (ChargerHabits, VehicleHabits, TransportHabits) for name in habits.__dataclass_fields__}
    for _, parameter, _ in rows:
        for name in re.findall(r"`Habits\.(\w+)|`ChargerHabits\.(\w+)|`VehicleHabits\.(\w+)|`TransportHabits\.(\w+)", parameter):
            assert "".join(name) in known
