"""The strategies reach the ends of what they promise and never leave it."""

import pytest
from hypothesis import Phase, find, given, settings

from protocols.core.fields import many, text, u
from protocols.core.message import Message
from protocols.core.strategies import messages, payloads, valid_messages

REPEATABLE = settings(max_examples=5000, derandomize=True, database=None, phases=[Phase.generate])


class Reading(Message, shortest=2):
    temp_degc: int | None = u(8, offset=-50, low=-40, high=60, default=None)
    current_a: float = u(16, lsb=-0.1, offset=400, low=0, high=250)
    state: int = u(8, choices={0: "off", 0xAA: "on"})
    name: str | None = text(2)


class Readings(Message, shortest=10):
    readings: tuple[Reading, ...] = many(Reading, most=4)


@given(message=valid_messages(Reading))
def test_valid_messages_are_within_every_declared_range(message):
    assert not list(message.beyond_range())
    assert Reading.decode(message.encode()) == message


@given(message=messages(Readings))
def test_a_repeated_group_has_a_legal_number_of_elements(message):
    assert 2 <= len(message.readings) <= 4
    assert Readings.decode(message.encode()) == message


@given(message=valid_messages(Readings))
def test_elements_of_valid_groups_are_valid(message):
    assert not [found for reading in message.readings for found in reading.beyond_range()]


@given(data=payloads(Reading))
def test_payloads_have_a_length_that_decodes(data):
    assert Reading.shortest <= len(data) <= Reading.length
    Reading.decode(data)


@pytest.mark.parametrize(
    "wanted",
    [
        lambda m: m.temp_degc is None,
        lambda m: m.temp_degc == 204,
        lambda m: m.current_a < -6000,
        lambda m: m.state == 1,
        lambda m: m.name is None,
        lambda m: m.name is not None and m.name > "\x80",
    ],
)
def test_messages_reach_values_that_the_standard_does_not_allow(wanted):
    assert wanted(find(messages(Reading), wanted, settings=REPEATABLE))


@pytest.mark.parametrize("end", [-40, 60, None])
def test_valid_messages_reach_both_ends_and_none(end):
    found = find(valid_messages(Reading), lambda m: m.temp_degc == end, settings=REPEATABLE)

    assert found.temp_degc == end


@given(message=messages(Reading))
def test_no_text_is_mistaken_for_not_available(message):
    assert message.name != "\xff\xff"
