import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.story.tracks import Track, numbers
from protocols.core.errors import DecodeError
from protocols.gbt27930.editions import EDITIONS

LAYOUTS = [
    layout
    for edition in EDITIONS.values()
    for layout in edition.messages.values()
    if layout.fields and not layout.fields[0].group
]


def track_of(layout, payloads):
    """The track that single frames or transfers with *payloads* make."""
    width = max(8, *map(len, payloads))
    raw = np.frombuffer(b"".join(data.ljust(width, b"\0") for data in payloads), dtype=np.uint8).reshape(-1, width)
    at = np.arange(len(payloads), dtype=np.int64)
    return Track(layout, at, at, raw, np.array([len(data) for data in payloads], dtype=np.int64), 1000 * at)


@settings(deadline=None)
@given(st.data())
def test_a_column_is_what_the_decoder_makes_of_each_message(data):
    layout = data.draw(st.sampled_from(LAYOUTS))
    payloads = data.draw(st.lists(st.binary(max_size=layout.length + 2), min_size=1, max_size=5))

    track = track_of(layout, payloads)

    for field in numbers(layout):
        assert [none_for_nan(value) for value in track.column(field.name).tolist()] == [
            decoded(layout, payload, field.name) for payload in payloads
        ]


def none_for_nan(value):
    return None if value != value else value


def decoded(layout, payload, name):
    try:
        return getattr(layout.decode(payload), name)
    except DecodeError:
        return None


@settings(deadline=None)
@given(st.lists(st.binary(min_size=1, max_size=8), min_size=1, max_size=20), st.integers(0, 20), st.integers(0, 20))
def test_a_part_holds_the_messages_between_two_positions(payloads, begin, end):
    track = track_of(EDITIONS["2015"].messages["CRO"], payloads)

    part = track.part(begin, max(begin, end))

    assert list(part.payloads()) == payloads[begin : max(begin, end)]
