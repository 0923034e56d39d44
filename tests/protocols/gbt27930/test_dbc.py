"""The exported databases of all editions, as cantools reads them, against the table of identifiers."""

import csv
from pathlib import Path

import cantools
import pytest

from protocols.gbt27930.dbc import TROUBLE_CODES, edition_dbc, entries
from protocols.gbt27930.editions import EDITIONS

SPECS = Path(__file__).parents[4] / "shared" / "specs"


def load(edition):
    return cantools.database.load_string(edition_dbc(EDITIONS[edition]), "dbc", strict=True)


@pytest.fixture(scope="module")
def databases():
    return {edition: load(edition) for edition in EDITIONS}


def test_identifier_sender_receiver_length_and_period_are_those_of_the_message_table(databases):
    path = SPECS / "gbt27930_messages.csv"
    if not path.exists():
        pytest.skip(f"{path.name} is not beside the repository")
    nodes = {"charger": "Charger", "bms": "BMS"}
    with path.open(newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if not row["message"].startswith("TP")]

    for row in rows:
        message = databases["2015"].get_message_by_frame_id(int(row["can_id_hex"], 16))
        sender, _, receiver = row["direction"].partition("->")

        assert message.name.split("_")[0] == row["message"], row
        assert message.is_extended_frame
        assert (message.senders, message.receivers or {nodes[receiver]}) == ([nodes[sender]], {nodes[receiver]}), row
        assert (message.cycle_time or "event") == (int(row["period_ms"]) if row["period_ms"].isdigit() else "event"), row
        if row["length_bytes"] != "variable":
            assert message.length == int(row["length_bytes"].split("..")[-1]), row
    assert len(databases["2015"].messages) == len(rows)


@pytest.mark.parametrize(("edition", "brm"), [("2011", 0x180256F4), ("2015", 0x1C0256F4), ("2023A", 0x1C0256F4)])
def test_the_identifier_of_a_long_message_has_the_priority_of_its_edition(databases, edition, brm):
    assert databases[edition].get_message_by_frame_id(brm).name == "BRM"


@pytest.mark.parametrize(("edition", "count"), [("2011", 32), ("2015", 34), ("2023A", 34)])
def test_every_message_of_an_edition_is_there_and_diagnosis_once_for_each_sender(databases, edition, count):
    names = {message.name for message in databases[edition].messages}

    assert len(names) == len(databases[edition].messages) == count
    assert {name.split("_")[0] for name in names} == set(EDITIONS[edition].messages)
    assert {f"DM{n}_{node}" for n in range(1, 7) for node in ("Charger", "BMS")} <= names


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_nodes_have_their_addresses(databases, edition):
    addresses = {node.name: node.dbc.attributes["NmStationAddress"].value for node in databases[edition].nodes}

    assert addresses == {"Charger": 0x56, "BMS": 0xF4}


@pytest.mark.parametrize("edition", EDITIONS)
def test_every_message_is_marked_as_j1939_and_explained(databases, edition):
    for message in databases[edition].messages:
        assert message.protocol == "j1939"
        assert message.comment


@pytest.mark.parametrize("edition", EDITIONS)
def test_names_fit_into_the_tools(databases, edition):
    for message in databases[edition].messages:
        assert len(message.name) <= 32
        assert all(len(signal.name) <= 32 and signal.length <= 32 for signal in message.signals)


@pytest.mark.parametrize("edition", EDITIONS)
def test_charging_current_is_positive_and_the_header_says_so(databases, edition):
    signal = databases[edition].get_message_by_name("BCL").get_signal_by_name("current_a")
    header = edition_dbc(EDITIONS[edition]).partition("CM_ BO_")[0]

    assert (signal.scale, signal.offset, signal.minimum, signal.maximum) == (-0.1, 400, 0, 400)
    assert "charging is positive in this database (factor -0.1, offset 400)" in header
    assert "offset -400 A, charging negative" in header


def test_cells_are_expanded_with_their_spns(databases):
    bmv = databases["2015"].get_message_by_name("BMV")

    assert bmv.get_signal_by_name("voltage_v_256").start == 16 * 255
    assert bmv.get_signal_by_name("voltage_v_256").spn == 3356
    assert bmv.get_signal_by_name("group_1").spn == 3101
    assert databases["2015"].get_message_by_name("BMT").get_signal_by_name("temp_degc_128").spn == 3488
    assert databases["2015"].get_message_by_name("BSP").get_signal_by_name("value_16").spn == 3506
    assert len(databases["2015"].get_message_by_name("DM1_BMS").signals) == 4 * TROUBLE_CODES


def test_fields_that_an_edition_lacks_are_not_in_its_database(databases):
    names = {
        edition: {(message.name, signal.name) for message in database.messages for signal in message.signals}
        for edition, database in databases.items()
    }

    assert ("CCS", "permitted") not in names["2011"]
    assert ("CCS", "permitted") in names["2015"]
    assert ("CEM", "bsm") not in names["2015"]
    assert ("CEM", "bsm") in names["2023A"]


def test_a_recorded_frame_reads_with_named_values(databases):
    bst = databases["2015"].decode_message("BST", bytes.fromhex("40 00 00 f0"))
    bcp = databases["2015"].decode_message("BCP", bytes.fromhex("72 01 da 05 2a 02 a5 10 73 08 03 c6 0e"))

    assert str(bst["charger_initiated"]) == "active"
    assert bcp["current_max_a"] == pytest.approx(250.2)


@pytest.mark.parametrize("edition", EDITIONS)
def test_no_two_messages_share_an_identifier(edition):
    ids = [entry.can_id for entry in entries(EDITIONS[edition])]

    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("edition", EDITIONS)
def test_the_same_edition_gives_the_same_text(edition):
    assert edition_dbc(EDITIONS[edition]) == edition_dbc(EDITIONS[edition])
