"""Whatever a recording holds, it is told; nothing in it is an exception."""

import json
from functools import cache

from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from hil.story.as_json import story_json
from hil.story.story import Story
from hil.story.text import print_story
from hil.story.voices import TITLES, identifier
from protocols.core.frame import Frame

IDS = [identifier(name, source) for source, titles in TITLES.items() for name in titles.values()]
TRANSPORT = [0x1CEC56F4, 0x1CECF456, 0x1CEB56F4, 0x1CEBF456]
CONTROL = st.builds(
    lambda kind, size, pgn: bytes([kind, size, 0, -(-size // 7), 0xFF, 0, pgn, 0]),
    st.sampled_from((0x10, 0x11, 0x13, 0xFF)),
    st.integers(0, 60),
    st.sampled_from((0x02, 0x06, 0x11, 0x15)),
)
CHOSEN = st.sampled_from((b"\x00", b"\xaa", b"\xff" * 8, bytes(8), b"\x01\x01\x00"))
FRAMES = st.one_of(
    st.builds(Frame, st.sampled_from(IDS), st.binary(max_size=8) | CHOSEN, st.just(True)),
    st.builds(Frame, st.sampled_from(TRANSPORT), st.binary(max_size=8) | CONTROL, st.just(True)),
    st.builds(Frame, st.integers(0, 0x7FF), st.binary(max_size=8), st.just(False)),
    st.builds(Frame, st.integers(0, (1 << 29) - 1), st.binary(max_size=8), st.just(True)),
)
ROWS = st.lists(st.tuples(st.integers(-(10**9), 10**12) | st.just(0), FRAMES), max_size=60)
STILL = Console(quiet=True, width=160)


def told_both_ways(story: Story):
    print_story(STILL, story)
    return json.loads(json.dumps(story_json(story), allow_nan=False))


@settings(deadline=None)
@given(rows=ROWS, in_order=st.booleans())
def test_any_frames_in_any_order_are_told(script_of, rows, in_order):
    rows = sorted(rows, key=lambda row: row[0]) if in_order else rows

    told = told_both_ways(script_of().story(rows))

    assert told["frames"] == len(rows) == sum(told["ids"].values())
    assert sum(session["frames"] for session in told.get("sessions", ())) in (0, len(rows))


@settings(deadline=None)
@given(data=st.data())
def test_any_part_of_a_session_is_told(script_of, data):
    rows = whole_session(script_of, data.draw(st.sampled_from(("2011", "2015", "2023A"))))
    begin, end = sorted(data.draw(st.tuples(st.integers(0, len(rows)), st.integers(0, len(rows)))))
    step = data.draw(st.sampled_from((1, 1, 1, 2, 7)))

    told = told_both_ways(script_of().story(rows[begin:end:step]))

    assert told["frames"] == len(rows[begin:end:step])


@cache
def whole_session(script_of, edition):
    return script_of(edition).whole().rows


@settings(deadline=None)
@given(cut=st.integers(0, 60))
def test_a_session_whose_first_frames_are_lost_breaks_nothing(script_of, cut):
    """The recorder was switched on too late, or lost frames: that is not the fault of charger or vehicle."""
    story = script_of().story(whole_session(script_of, "2015")[cut:])

    assert [f.what for session in story.sessions for f in session.findings if f.severity.value == "breach"] == []
