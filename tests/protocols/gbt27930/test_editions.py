"""What differs between the editions, written down once more and compared."""

import pytest

from protocols.gbt27930.editions import EDITIONS, edition_2023a, supercharge
from protocols.gbt27930.messages import FROM_BMS, FROM_BOTH, FROM_CHARGER

ALL = {layout.title for layout in FROM_CHARGER + FROM_BMS + FROM_BOTH}

LENGTHS_2015 = {
    **{"CHM": 3, "BHM": 2, "CRM": 8, "BRM": 49, "BCP": 13, "CTS": 7, "CML": 8, "BRO": 1, "CRO": 1, "BCL": 5, "BCS": 9},
    **{"CCS": 7, "BSM": 7, "BMV": 512, "BMT": 128, "BSP": 16, "BST": 4, "CST": 4, "BSD": 7, "CSD": 8, "BEM": 4, "CEM": 4},
    **{"DM1": 1784, "DM2": 1784, "DM3": 2, "DM4": 0, "DM5": 0, "DM6": 1785},
}
SHORTER_2011 = {"BRM": 41, "CML": 6, "CCS": 6, "CSD": 5}
URGENT_2011 = ("BRM", "BCP", "BCS", "BMV", "BMT", "BSP")


def differences(one, other, attribute):
    return {
        title: getattr(other.messages[title], attribute)
        for title in one.messages.keys() & other.messages.keys()
        if getattr(one.messages[title], attribute) != getattr(other.messages[title], attribute)
    }


def absent(edition):
    return {f"{title}.{field.name}" for title, layout in edition.messages.items() for field in layout.fields if field.absent}


def test_the_editions_are_named_oldest_first():
    assert list(EDITIONS) == ["2011", "2015", "2023A"]
    assert [edition.name for edition in EDITIONS.values()] == list(EDITIONS)


def test_every_edition_has_every_message_but_2011_the_handshake():
    assert set(EDITIONS["2015"].messages) == set(EDITIONS["2023A"].messages) == ALL
    assert ALL - set(EDITIONS["2011"].messages) == {"CHM", "BHM"}


def test_lengths_are_those_of_the_printed_tables():
    assert {title: layout.length for title, layout in EDITIONS["2015"].messages.items()} == LENGTHS_2015
    assert differences(EDITIONS["2015"], EDITIONS["2011"], "length") == SHORTER_2011
    assert differences(EDITIONS["2015"], EDITIONS["2023A"], "length") == {}


def test_2011_sends_long_messages_at_priority_6_and_cells_every_second():
    assert differences(EDITIONS["2015"], EDITIONS["2011"], "priority") == dict.fromkeys(URGENT_2011, 6)
    assert differences(EDITIONS["2015"], EDITIONS["2011"], "period_us") == dict.fromkeys(("BMV", "BMT", "BSP"), 1_000_000)
    assert differences(EDITIONS["2015"], EDITIONS["2023A"], "priority") == {}
    assert differences(EDITIONS["2015"], EDITIONS["2023A"], "period_us") == {}


def test_parameter_group_numbers_are_the_same_in_all_editions_and_unique():
    for edition in EDITIONS.values():
        assert differences(EDITIONS["2015"], edition, "pgn") == {}
        assert len(edition.by_pgn) == len(edition.messages)
        assert all(edition.by_pgn[layout.pgn] is layout for layout in edition.messages.values())


def test_each_edition_lacks_the_fields_that_came_later():
    new_2023 = {"BST.parameter_mismatch", "CST.self_check", "CST.precharge", "CST.parameter_mismatch", "CEM.bsm"}
    new_2015 = {
        *(f"BRM.software_{part}" for part in ("serial", "day", "month", "year", "reserved")),
        *("CML.current_min_a", "CCS.permitted", "CST.bms_initiated"),
        *("BST.charger_initiated", "BST.hv_relay", "BST.detection_point_2"),
    }

    assert absent(EDITIONS["2023A"]) == set()
    assert absent(EDITIONS["2015"]) == new_2023
    assert absent(EDITIONS["2011"]) == new_2023 | new_2015


def test_the_same_bits_of_bst_mean_another_thing_in_2011():
    data = bytes((0, 0, 0x04, 0xF0))

    assert EDITIONS["2011"].messages["BST"].decode(data).other == 1
    assert EDITIONS["2015"].messages["BST"].decode(data).hv_relay == 1
    assert EDITIONS["2015"].messages["BST"].decode(data).other == 0


def test_crm_and_csd_of_2011_number_the_charger_in_one_byte():
    crm = EDITIONS["2011"].messages["CRM"].decode(bytes.fromhex("aa 07 31 32 33 34 35 36"))
    csd = EDITIONS["2011"].messages["CSD"].decode(bytes.fromhex("05 00 0a 00 07"))

    assert (crm.number, crm.area) == (7, "123456")
    assert csd.number == 7


@pytest.mark.parametrize(
    ("title", "flag", "data"),
    [
        ("BST", "parameter_mismatch", "00 00 00 d0"),
        ("CST", "self_check", "00 00 10 c0"),
        ("CST", "precharge", "00 00 40 c0"),
        ("CST", "parameter_mismatch", "00 00 00 d0"),
    ],
)
def test_the_new_flags_of_2023_are_where_two_sources_have_them(title, flag, data):
    message = EDITIONS["2023A"].messages[title].decode(bytes.fromhex(data))

    assert {name for name, value in message.as_dict().items() if value} == {flag}
    assert message.encode() == bytes.fromhex(data)


@pytest.mark.parametrize(("at", "data"), [("3.7", "fc f0 40 fc"), ("1.3", "f4 f0 c0 fc")])
def test_the_place_of_the_unpublished_bsm_flag_is_a_parameter(at, data):
    layout = edition_2023a(bsm_flag_at=at).messages["CEM"]
    flags = {field.name: 0 for field in layout.available() if field.name != "other"}

    assert layout(**flags | {"bsm": 1}).encode() == bytes.fromhex(data)


@pytest.mark.parametrize("edition", EDITIONS.values(), ids=EDITIONS)
def test_the_offset_of_more_than_400_a_moves_every_current_and_nothing_else(edition):
    wide = supercharge(edition)
    moved = {
        f"{title}.{field.name}" for title, layout in wide.messages.items() for field in layout.fields if field.offset == 3000
    }

    assert moved == {
        f"{title}.{field.name}" for title, layout in edition.messages.items() for field in layout.available() if field.unit == "A"
    }
    assert wide.messages["BCL"](voltage_v=400, current_a=600, mode=2).encode() == bytes.fromhex("a00f c05d 02")
    for title, layout in edition.messages.items():
        assert [(f.name, f.start, f.bits, f.absent) for f in wide.messages[title].fields] == [
            (f.name, f.start, f.bits, f.absent) for f in layout.fields
        ]


def test_2011_gives_100_ms_where_2015_gives_one_second():
    assert {name: EDITIONS["2011"].limits[name].us for name in ("BCL", "CCS")} == {"BCL": 100_000, "CCS": 100_000}
    assert {name: EDITIONS["2015"].limits[name].us for name in ("BCL", "CCS")} == {"BCL": 1_000_000, "CCS": 1_000_000}


def test_2023_waits_longer_for_bhm_and_watches_bsm():
    assert EDITIONS["2023A"].limits["BHM"].us == 10_000_000
    assert EDITIONS["2023A"].limits["BSM"].us == 5_000_000
    assert "BSM" not in EDITIONS["2015"].limits


def test_every_limit_is_positive_and_cites_its_clause():
    for edition in EDITIONS.values():
        for limit in edition.limits.values():
            assert limit.us > 0
            assert limit.clause.startswith("GB/T 27930-20")
