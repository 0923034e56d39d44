"""The declared messages against the standard's tables, the bytes that it and real sessions print, and themselves."""

import csv
import math
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.core.errors import DecodeError, LocalError
from protocols.gbt27930 import messages as m
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.strategies import messages

SPECS = Path(__file__).parents[4] / "shared" / "specs"
PRINTED = EDITIONS["2015"]
LAYOUTS = [
    pytest.param(layout, id=f"{name}-{title}") for name, edition in EDITIONS.items() for title, layout in edition.messages.items()
]


def table(name):
    path = SPECS / name
    if not path.exists():
        pytest.skip(f"{name} is not beside the repository")
    with path.open(newline="") as lines:
        return list(csv.DictReader(lines))


def layout_of(row):
    return (EDITIONS["2023A"] if "2023" in row["name"] else PRINTED).messages[row["message"]]


def first_bit(row):
    """Where the row's item starts, counted from 0; of a repeated group that of its first element."""
    byte = {"n": 1, "2n-1": 1, "2n": 2}.get(row["start_byte_1based"]) or int(row["start_byte_1based"])
    return 8 * (byte - 1) + int(row["start_bit_1based"]) - 1


def declared(row):
    return fields_of(layout_of(row))[first_bit(row)]


def fields_of(layout):
    """The fields by their first bit; those of the first element of a repeated group."""
    fields = [inner for field in layout.available() for inner in (field.group.fields if field.group else (field,))]
    return {field.start: field for field in fields}


# ---- against the tables ----------------------------------------------------------------------------------------------


def test_every_row_of_the_signal_table_is_declared_with_its_place_width_scale_and_sign():
    for row in table("gbt27930_signals.csv"):
        field = declared(row)
        scale, offset = float(row["scale"] or 1), float(row["offset"] or 0)
        turned = offset == -400  # charging current is negative in the standard and positive here

        assert field.bits == int(row["length_bits"]), row
        assert (field.lsb, field.offset) == ((-scale, -offset) if turned else (scale, offset)), row
        assert field.is_text is ("ASCII" in row["enum"]), row


def test_every_declared_field_has_its_row_in_the_signal_table():
    rows = {}
    for row in table("gbt27930_signals.csv"):
        rows.setdefault(row["message"], set()).add(first_bit(row))
    new = {"CEM": {22}}  # 2023: the new flag, whose place is not public

    for title, layout in EDITIONS["2023A"].messages.items():
        if not title.startswith("DM"):
            assert set(fields_of(layout)) == rows[title] | new.get(title, set()), title


def test_every_spn_of_the_signal_table_is_declared():
    for row in table("gbt27930_signals.csv"):
        layout = layout_of(row)
        first, _, last = row["spn"].partition("..")
        group = layout.fields[0] if layout.fields[0].group else None
        spn = group.spn if group else declared(row).spn

        assert spn == (int(first) if first else None), row
        if group:
            assert group.spn + group.most - 1 == int(last), row


def test_every_code_of_the_signal_table_is_a_choice_and_nothing_more():
    newer = {0x000102}  # the version of 2023
    for row in table("gbt27930_signals.csv"):
        codes = {int(code, 0) for code in re.findall(r"(?:^|;)(0x[0-9A-F]+|\d+)=", row["enum"]) if not code.startswith("0xFFFF")}
        if not codes or "BCD" in row["enum"] or "ASCII" in row["enum"]:
            continue

        assert set(declared(row).choices) - newer == codes, row


UNRANGED = {
    ("BCS", "current_a"): "a measured current may be a little negative",
    ("CCS", "current_a"): "a measured current may be a little negative",
    ("BRM", "software_serial"): "vehicles send 0",
}


def test_every_range_of_the_signal_table_is_declared():
    for row in table("gbt27930_signals.csv"):
        layout = layout_of(row)
        field = declared(row)
        if not row["max"] or (layout.title, field.name) in UNRANGED:
            continue
        ends = float(row["min"]), float(row["max"])
        ends = (-ends[1], -ends[0]) if row["offset"] == "-400" else ends
        if field.default is None:
            ends = ends[0], min(ends[1], field.carried[1])

        assert field.bounds == ends, row


def test_optional_items_are_those_of_the_signal_table():
    for row in table("gbt27930_signals.csv"):
        layout = layout_of(row)
        field = declared(row)
        if layout.fields[0].group is None:
            assert field.optional is (row["optional"] == "yes"), row


def test_pgn_priority_length_and_period_are_those_of_the_message_table():
    for row in table("gbt27930_messages.csv"):
        if row["message"].startswith("TP"):
            continue
        layout = PRINTED.messages[row["message"]]

        assert layout.pgn == int(row["pgn_hex"], 16), row
        assert layout.priority == int(row["priority"]), row
        assert layout.period_us == (None if row["period_ms"] == "event" else int(row["period_ms"]) * 1000), row
        if row["length_bytes"] != "variable":
            shortest, _, longest = (
                row["length_bytes"].rpartition("..") if ".." in row["length_bytes"] else ("", "", row["length_bytes"])
            )
            assert layout.length == int(longest), row
            assert not shortest or layout.shortest == int(shortest), row


def test_the_message_table_has_every_message():
    assert {row["message"] for row in table("gbt27930_messages.csv")} - {"TP.CM", "TP.DT"} == set(PRINTED.messages)


# ---- bytes that the standard and recorded sessions print -------------------------------------------------------------

BRM_SOFTWARE = "000101 03 e803 a00f ffffffff ffffffff ffffff ffffff ff ff" + "ff" * 17 + "000104e707ffff00"

VECTORS = [
    ("2015", "CHM", "01 01 00", {"version": 0x000101}),
    ("2015", "CHM", "00 01 00", {"version": 0x000100}),
    ("2015", "BHM", "a5 10", {"voltage_max_v": 426.1}),
    ("2015", "CRM", "aa 01 01 01 01 31 32 33", {"result": 0xAA, "number": 0x01010101, "area": "123"}),
    (
        "2015",
        "BRM",
        BRM_SOFTWARE,
        {"software_serial": 0, "software_day": 1, "software_month": 4, "software_year": 2023, "software_reserved": 0x00FFFF},
    ),
    ("2011", "BRM", "000100" + "00" * 38, {"version": 0x000100, "vin": "\0" * 17, "software_year": None}),
    (
        "2015",
        "BCP",
        "72 01 da 05 2a 02 a5 10 73 08 03 c6 0e",
        {
            "cell_voltage_max_v": 3.70,
            "current_max_a": 250.2,
            "energy_kwh": 55.4,
            "voltage_max_v": 426.1,
            "temp_max_degc": 65,
            "soc_pct": 77.6,
            "voltage_v": 378.2,
        },
    ),
    (
        "2015",
        "CTS",
        "36 24 08 16 05 15 20",
        {"second": 0x36, "minute": 0x24, "hour": 0x08, "day": 0x16, "month": 0x05, "year": 0x2015},
    ),
    ("2015", "CTS", "ff" * 7, dict.fromkeys(("second", "minute", "hour", "day", "month", "year"))),
    (
        "2015",
        "CML",
        "1c 25 7c 01 dc 05 a0 0f",
        {"voltage_max_v": 950.0, "voltage_min_v": 38.0, "current_max_a": 250.0, "current_min_a": 0.0},
    ),
    ("2011", "CML", "1c 25 7c 01 dc 05", {"current_max_a": 250.0, "current_min_a": None}),
    ("2015", "BRO", "00", {"ready": m.NOT_READY}),
    ("2015", "BRO", "aa", {"ready": m.READY}),
    ("2015", "CRO", "aa", {"ready": m.READY}),
    (
        "2015",
        "BCS",
        "c5 0e a0 0f 4c 61 4d 00 00",
        {"voltage_v": 378.1, "current_a": 0.0, "cell_voltage_max_v": 3.32, "cell_group": 6, "soc_pct": 77, "remaining_min": 0},
    ),
    ("2011", "BCS", "c5 0e a0 0f 4c 61 4d 00 00", {"cell_group": 7}),
    ("2015", "CCS", "c5 0e f0 0a 00 00 fd", {"current_a": 120.0, "permitted": 1}),
    ("2015", "CCS", "c5 0e f0 0a 00 00 fc", {"permitted": 0}),
    ("2011", "CCS", "c5 0e f0 0a 00 00", {"current_a": 120.0, "permitted": None}),
    (
        "2015",
        "BSM",
        "00 73 01 64 02 00 d0",
        {"cell_voltage_max_number": 1, "temp_max_degc": 65, "temp_max_point": 2, "permitted": 1},
    ),
    ("2015", "BSM", "ff 73 01 64 02 00 c0", {"cell_voltage_max_number": 256, "insulation": 0, "connector": 0, "permitted": 0}),
    ("2015", "BST", "40 00 00 f0", {"charger_initiated": 1, "soc_reached": 0}),
    ("2015", "CST", "04 00 f0 f0", {"manual": 1, "fault": 0, "bms_initiated": 0}),
    ("2015", "CST", "40 00 f0 f0", {"bms_initiated": 1, "manual": 0}),
    ("2015", "CST", "10 00 f1 f0", {"fault": 1, "emergency_stop": 1, "manual": 0}),
    ("2011", "BST", "c0 00 f4 f0", {"other": 1, "hv_relay": None, "charger_initiated": None, "battery_overtemperature": 0}),
    ("2015", "BST", "00 00 04 f0", {"other": 0, "hv_relay": 1}),
    ("2015", "BEM", "f0 f0 f0 fc", {"crm_00": 0, "other": None}),
    ("2015", "BEM", "f4 f0 f0 fc", {"crm_aa": 1, "crm_00": 0}),
    ("2015", "BEM", "f0 f1 f0 fc", {"cml": 1, "cro": 0}),
    ("2015", "BEM", "f0 f0 f1 fc", {"ccs": 1, "cst": 0}),
    ("2015", "CEM", "fc f0 c0 fc", {"brm": 0, "other": None}),
    ("2015", "CEM", "fd f0 c0 fc", {"brm": 1}),
    ("2015", "CEM", "fc f1 c0 fc", {"bcp": 1}),
    ("2015", "CEM", "fc f4 c0 fc", {"bro": 1}),
    ("2015", "CEM", "fc f0 c1 fc", {"bcs": 1}),
    ("2015", "CEM", "fc f0 c4 fc", {"bcl": 1}),
    ("2015", "CEM", "fc f0 d0 fc", {"bst": 1}),
    ("2015", "CEM", "fc f0 c0 fd", {"bsd": 1}),
    ("2015", "DM3", "02 05", {"current": 2, "historic": 5}),
]


@pytest.mark.parametrize(("edition", "title", "data", "values"), VECTORS)
def test_printed_bytes_read_as_printed_and_are_written_again(edition, title, data, values):
    message = EDITIONS[edition].messages[title].decode(bytes.fromhex(data))

    assert {name: getattr(message, name) for name in values} == values
    assert message.encode() == bytes.fromhex(data)


UNRULY = [
    ("CCS", "c5 0e f0 0a 00 00 01", {"permitted": 1}),  # log-D: unused bits sent as zero
    ("CCS", "c5 0e f0 0a 00 00 00", {"permitted": 0}),
    ("CCS", "c5 0e f0 0a 00 00 fd ff", {"permitted": 1}),  # log-B: 8 bytes
    ("CCS", "c5 0e f0 0a 00 00", {"current_a": 120.0, "permitted": None}),  # a charger of 2011
    ("BSM", "00 73 01 64 02 00 10", {"permitted": 1, "insulation": 0}),  # log-A: unused bits sent as zero
    ("BST", "40 00 00 00", {"charger_initiated": 1, "voltage_abnormal": 0}),  # log-A
    ("BRM", "000101 03 e803 a00f", {"version": 0x010100, "capacity_ah": 100.0, "voltage_v": 400.0, "vin": None}),
    ("BRM", "00" * 41, {"vin": "\0" * 17, "software_serial": None, "software_year": None}),
    ("CML", "1c 25 7c 01 dc 05", {"voltage_max_v": 950.0, "current_max_a": 250.0, "current_min_a": None}),
    ("CSD", "05 00 0a 00 07", {"elapsed_min": 5, "energy_kwh": 1.0, "number": None}),
    ("CRM", "aa", {"result": 0xAA, "number": None, "area": None}),
]


@pytest.mark.parametrize(("title", "data", "values"), UNRULY)
def test_what_is_sent_in_the_field_against_the_table_still_reads(title, data, values):
    message = PRINTED.messages[title].decode(bytes.fromhex(data))

    assert {name: getattr(message, name) for name in values} == values


SHORTEST = {
    **{"CHM": 3, "BHM": 2, "CRM": 1, "BRM": 8, "BCP": 13, "CTS": 7, "CML": 6, "BRO": 1, "CRO": 1, "BCL": 5, "BCS": 9},
    **{"CCS": 6, "BSM": 7, "BMV": 2, "BMT": 1, "BSP": 1, "BST": 4, "CST": 4, "BSD": 7, "CSD": 5, "BEM": 4, "CEM": 4, "DM3": 2},
}


@pytest.mark.parametrize(("title", "shortest"), SHORTEST.items())
def test_one_byte_less_than_the_mandatory_items_is_malformed(title, shortest):
    layout = PRINTED.messages[title]

    layout.decode(bytes(shortest))
    with pytest.raises(DecodeError, match=title):
        layout.decode(bytes(shortest - 1))


# ---- against themselves ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("edition", EDITIONS)
@given(data=st.data())
def test_every_message_survives_the_wire(edition, data):
    message = data.draw(messages(EDITIONS[edition]))

    assert type(message).decode(message.encode()) == message


@pytest.mark.parametrize("layout", [case for case in LAYOUTS if not case.values[0].fields or not case.values[0].fields[0].group])
@given(data=st.data())
def test_defined_bits_survive_and_undefined_bits_are_sent_as_one(layout, data):
    raw = data.draw(st.binary(min_size=layout.length, max_size=layout.length))
    undefined = (1 << 8 * layout.length) - 1
    for field in layout.available():
        undefined &= ~(field.ones << field.start)

    again = layout.decode(raw).encode()

    assert int.from_bytes(again, "little") == int.from_bytes(raw, "little") | undefined


def zeros(layout):
    """The message of nothing but zero bits, as keywords."""
    message = layout.decode(bytes(layout.length))
    return {field.name: getattr(message, field.name) for field in layout.available()}


NUMBERS = [
    pytest.param(layout.values[0], field, id=f"{layout.id}-{field.name}")
    for layout in LAYOUTS
    for field in layout.values[0].available()
    if field.group is None and not field.is_text
]


@pytest.mark.parametrize(("layout", "field"), NUMBERS)
def test_no_number_beyond_the_wire_wraps(layout, field):
    low, high = field.carried
    for value in (low - 1, high + 1, 1e30, -(10**30), math.nan, math.inf, "1", *(() if field.optional else (None,))):
        with pytest.raises(LocalError) as error:
            layout(**zeros(layout) | {field.name: value}).encode()

        assert f"{layout.title}.{field.name} = " in str(error.value)
        assert f"{low:.12g}..{high:.12g}" in str(error.value)


@pytest.mark.parametrize(("layout", "field"), [case for case in NUMBERS if case.values[1].optional])
def test_an_optional_number_of_all_ones_is_not_available_both_ways(layout, field):
    message = layout.decode((field.ones << field.start).to_bytes(layout.length, "little"))
    given_none = layout(**zeros(layout) | {field.name: None}).encode()

    assert getattr(message, field.name) is None
    assert int.from_bytes(given_none, "little") >> field.start & field.ones == field.ones


@pytest.mark.parametrize("layout", LAYOUTS)
def test_names_are_those_of_the_standard_and_fit_into_a_database(layout):
    assert re.fullmatch(r"[A-Z]{3}|DM[1-6]", layout.title)
    assert all(len(field.name) + 4 <= 32 for field in layout.fields)
    assert layout.__doc__.rstrip().endswith((".", ")"))


@given(first=messages(PRINTED), second=messages(PRINTED))
def test_messages_are_equal_only_as_the_same_message_with_the_same_values(first, second):
    same = type(first) is type(second) and first.as_dict() == second.as_dict()

    assert (first == second) is same
    assert not same or hash(first) == hash(second)


def test_the_same_bytes_in_two_messages_are_not_equal():
    assert m.BRO(ready=m.READY) != m.CRO(ready=m.READY)


@pytest.mark.parametrize(
    ("given", "abnormal"),
    [
        ({}, []),
        ({"cell_voltage": 2, "soc": 1}, ["cell_voltage", "soc"]),
        ({"insulation": 1, "connector": 2, "overcurrent": 3}, ["insulation"]),
        ({"permitted": 0}, []),
    ],
)
def test_bsm_tells_abnormal_states_and_ignores_untrusted_ones(given, abnormal):
    places = {"cell_voltage_max_number": 1, "temp_max_degc": 25, "temp_max_point": 1, "temp_min_degc": 25, "temp_min_point": 1}

    assert m.BSM(**places, **given).abnormal == abnormal


@pytest.mark.parametrize(("cells", "size"), [(1, 2), (4, 8), (5, 10), (256, 512)])
def test_bmv_has_two_bytes_for_each_cell(cells, size):
    data = m.BMV(cells=tuple(m.Cell(voltage_v=3.3, group=n % 16) for n in range(cells))).encode()

    assert len(data) == size
    assert data[:2] == bytes((0x4A, 0x01))


def test_bmt_has_one_byte_for_each_point():
    assert m.BMT.decode(bytes((75, 50))).points == (m.TemperaturePoint(temp_degc=25), m.TemperaturePoint(temp_degc=0))


def test_a_trouble_code_is_packed_as_annex_b_draws_it():
    code = m.DTC(spn=0x70F4D, failure=3, occurrences=5, conversion=0)

    assert code.encode() == bytes((0x4D, 0x0F, 3 << 3 | 0x7, 5))
    assert m.DM1(codes=()).encode() == b""
    assert m.DM6(codes=(m.FreezeFrame(frame_length=9, spn=0x70F4D, failure=3, occurrences=5, conversion=0),)).encode() == (
        b"\x09" + code.encode()
    )
