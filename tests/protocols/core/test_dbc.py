"""The DBC text of declared messages, read back by cantools."""

import cantools
import pytest

from protocols.core.dbc import Entry, dbc
from protocols.core.fields import ABSENT, flag, many, text, u
from protocols.core.message import Message


class Cell(Message):
    voltage_v: float = u(12, lsb=0.01, unit="V", low=0, high=24)
    group: int = u(4)


class Cells(Message, pgn=0x1500, period_us=10_000_000):
    """All cells,
    of a "pack"."""

    cells: tuple[Cell, ...] = many(Cell, most=3, spn=3101)


class Status(Message, pgn=0x1000, period_us=50_000, length=16):
    """The state."""

    current_a: float = u(16, lsb=-0.1, offset=400, unit="A", low=0, high=400, spn=3073)
    fault: int = flag(spn=3090)
    temp_degc: int | None = u(8, offset=-50, default=None, at="4.1")
    name: str | None = text(3, spn=2562)
    serial: int = u(48)


class Old(Message):
    """A message of another world."""

    value: int = u(8)


NODES = {"Charger": 0x56, "BMS": 0xF4}
ENTRIES = (
    Entry(layout=Cells, can_id=0x1C1556F4, sender="BMS", receiver="Charger"),
    Entry(layout=Status, can_id=0x181056F4, sender="BMS", receiver="Charger"),
    Entry(layout=Old, can_id=0x102, sender="Charger", receiver="BMS", extended=False, name="Renamed"),
)


@pytest.fixture(scope="module")
def database():
    return cantools.database.load_string(dbc("Test 1", ENTRIES, nodes=NODES, comment='Say "once".'), "dbc", strict=True)


def test_title_nodes_and_addresses_are_in_the_database(database):
    assert database.version == "Test 1"
    assert {node.name: node.dbc.attributes["NmStationAddress"].value for node in database.nodes} == NODES


def test_identifier_format_and_direction_are_those_of_the_entry(database):
    status, renamed = database.get_message_by_name("Status"), database.get_message_by_name("Renamed")

    assert (status.frame_id, status.is_extended_frame, status.senders, status.receivers) == (
        0x181056F4,
        True,
        ["BMS"],
        {"Charger"},
    )
    assert (renamed.frame_id, renamed.is_extended_frame, renamed.senders) == (0x102, False, ["Charger"])
    assert status.protocol == "j1939"
    assert renamed.protocol is None


def test_period_and_docstring_go_with_the_message(database):
    cells = database.get_message_by_name("Cells")

    assert cells.cycle_time == 10_000
    assert cells.comment == "All cells, of a 'pack'."
    assert database.get_message_by_name("Renamed").cycle_time in (None, 0)


def test_scale_range_unit_and_spn_go_with_the_signal(database):
    current = database.get_message_by_name("Status").get_signal_by_name("current_a")

    assert (current.start, current.length, current.byte_order, current.is_signed) == (0, 16, "little_endian", False)
    assert (current.scale, current.offset, current.minimum, current.maximum) == (-0.1, 400, 0, 400)
    assert (current.unit, current.spn) == ("A", 3073)
    assert current.comment == "SPN 3073. The raw value falls as the physical value rises."


def test_choices_and_not_available_are_value_tables(database):
    status = database.get_message_by_name("Status")

    assert {k: str(v) for k, v in status.get_signal_by_name("fault").choices.items()} == {
        0: "normal",
        1: "active",
        2: "untrusted",
    }
    assert {k: str(v) for k, v in status.get_signal_by_name("temp_degc").choices.items()} == {255: "not available"}


def test_text_and_wide_numbers_are_exported_per_byte(database):
    status = database.get_message_by_name("Status")
    starts = {signal.name: (signal.start, signal.length) for signal in status.signals}

    assert [starts[f"name_{n}"] for n in (1, 2, 3)] == [(32, 8), (40, 8), (48, 8)]
    assert [starts[f"serial_{n}"] for n in range(1, 7)] == [(56 + 8 * n, 8) for n in range(6)]
    assert {"name", "serial"}.isdisjoint(starts)


def test_a_repeated_group_is_expanded_with_its_own_spns(database):
    cells = database.get_message_by_name("Cells")

    assert [(s.name, s.start, s.length, s.spn) for s in cells.signals] == [
        (f"{name}_{n}", 16 * (n - 1) + place, bits, 3100 + n)
        for n in (1, 2, 3)
        for name, place, bits in (("voltage_v", 0, 12), ("group", 12, 4))
    ]
    assert cells.length == 6


def test_fewer_elements_make_a_shorter_message():
    entry = Entry(layout=Cells, can_id=1, sender="BMS", receiver="Charger", elements=2)

    assert [signal.name for signal in entry.signals] == ["voltage_v_1", "group_1", "voltage_v_2", "group_2"]
    assert entry.size == 4


def test_an_absent_field_is_left_out():
    layout = Status.variant(fields={"fault": ABSENT})

    assert "fault" not in [s.name for s in Entry(layout=layout, can_id=1, sender="A", receiver="B").signals]


def test_the_comment_stands_in_the_header_without_its_quotes(database):
    assert "CM_ \"Say 'once'.\";" in dbc("Test", ENTRIES, nodes=NODES, comment='Say "once".')
    assert database.buses == [] or database.buses[0].comment == "Say 'once'."


def test_the_same_declarations_give_the_same_text():
    assert dbc("Test", ENTRIES, nodes=NODES) == dbc("Test", ENTRIES, nodes=NODES)
