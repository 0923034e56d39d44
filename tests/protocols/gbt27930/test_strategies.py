"""What the strategies draw is what they say: messages of the edition and the sender, frames that a wire can carry."""

import pytest
from hypothesis import HealthCheck, Phase, find, given, settings
from hypothesis import strategies as st

from protocols.core.frame import valid
from protocols.gbt27930.editions import EDITIONS
from protocols.gbt27930.messages import BMS, BMV, CHARGER, Cell
from protocols.gbt27930.strategies import as_frames, foreign_frames, frames, layouts, traffic, valid_messages

EDITION_NAMES = st.sampled_from(list(EDITIONS))
SOURCES = st.sampled_from((CHARGER, BMS))
REPEATABLE = settings(max_examples=3000, derandomize=True, database=None, phases=[Phase.generate])


@given(edition=EDITION_NAMES, source=SOURCES, data=st.data())
def test_valid_messages_are_within_the_declared_ranges_and_survive_the_wire(edition, source, data):
    message = data.draw(valid_messages(EDITIONS[edition], source=source))

    assert type(message) in layouts(EDITIONS[edition], source=source)
    assert not list(message.beyond_range())
    assert type(message).decode(message.encode()) == message


@given(edition=EDITION_NAMES, source=SOURCES, data=st.data())
def test_frames_are_sendable_and_come_from_their_source(edition, source, data):
    drawn = data.draw(frames(EDITIONS[edition], source=source))

    assert drawn
    assert all(valid(frame) and frame.can_id & 0xFF == source for frame in drawn)


def test_a_short_message_is_one_frame_and_a_long_one_a_transfer():
    four = BMV(cells=(Cell(voltage_v=3.3, group=0),) * 4)
    five = BMV(cells=(Cell(voltage_v=3.3, group=0),) * 5)

    assert [str(frame) for frame in as_frames(four, source=BMS)] == ["1C1556F4#4A014A014A014A01"]
    assert [str(frame) for frame in as_frames(five, source=BMS)] == [
        "1CEC56F4#100A0002FF001500",
        "1CEB56F4#014A014A014A014A",
        "1CEB56F4#02014A01FFFFFFFF",
    ]


@settings(max_examples=30, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(edition=EDITION_NAMES, source=SOURCES, data=st.data())
def test_traffic_is_sendable_and_time_never_runs_back(edition, source, data):
    drawn = data.draw(traffic(EDITIONS[edition], source=source, gap_us=1000))

    assert all(valid(frame) and 0 <= gap <= 1000 for gap, frame in drawn)


@pytest.mark.parametrize("extended", [True, False])
def test_foreign_frames_come_in_both_formats(extended):
    assert find(foreign_frames(), lambda frame: frame.extended is extended, settings=REPEATABLE).extended is extended


@pytest.mark.parametrize("source", [CHARGER, BMS])
def test_all_layouts_of_an_edition_are_sent_by_someone(source):
    for edition in EDITIONS.values():
        own = {layout.title for layout in layouts(edition, source=source)}
        assert own < {layout.title for layout in layouts(edition)} == set(edition.messages)
