import pytest
from hypothesis import given
from hypothesis import strategies as st

from protocols.core.errors import LocalError
from protocols.j1939.identifier import GLOBAL, Identifier, addressed, join, split


@pytest.mark.parametrize(
    ("can_id", "parts"),
    [
        (0x1CEC56F4, Identifier(7, 0xEC00, 0x56, 0xF4)),
        (0x1CECF456, Identifier(7, 0xEC00, 0xF4, 0x56)),
        (0x181056F4, Identifier(6, 0x1000, 0x56, 0xF4)),
        (0x081E56F4, Identifier(2, 0x1E00, 0x56, 0xF4)),
        (0x18FECA21, Identifier(6, 0xFECA, GLOBAL, 0x21)),
        (0x19F00F03, Identifier(6, 0x1F00F, GLOBAL, 0x03)),
    ],
)
def test_known_identifiers_are_split_and_joined(can_id: int, parts: Identifier) -> None:
    assert split(can_id) == parts
    assert join(parts.pgn, priority=parts.priority, destination=parts.destination, source=parts.source) == can_id


@given(st.integers(0, (1 << 29) - 1))
def test_every_identifier_survives_a_round_trip(can_id: int) -> None:
    priority, pgn, destination, source = split(can_id)

    assert join(pgn, priority=priority, destination=destination, source=source) == can_id


@pytest.mark.parametrize("pdu_format, is_addressed", [(0x00, True), (0xEF, True), (0xF0, False), (0xFF, False)])
def test_pdu_format_240_begins_the_groups_without_address(pdu_format: int, is_addressed: bool) -> None:
    assert addressed(pdu_format << 8) is is_addressed
    assert (split(pdu_format << 16 | 0x5600 | 0xF4).destination == 0x56) is is_addressed


@pytest.mark.parametrize(
    ("pgn", "priority", "destination", "source"),
    [
        (0x1000, 8, 0x56, 0xF4),
        (0x1000, -1, 0x56, 0xF4),
        (0x1000, 6, 0x100, 0xF4),
        (0x1000, 6, 0x56, 0x100),
        (0x1001, 6, 0x56, 0xF4),
        (0x40000, 6, 0x56, 0xF4),
        (0xFECA, 6, 0x56, 0xF4),
    ],
)
def test_parts_that_fit_into_no_identifier_are_refused(pgn: int, priority: int, destination: int, source: int) -> None:
    with pytest.raises(LocalError):
        join(pgn, priority=priority, destination=destination, source=source)
