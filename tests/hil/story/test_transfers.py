import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from hil.links.recording import Recording
from hil.story.transfers import hear
from protocols.j1939.listener import Listener

SIZES = {0x1100: 9, 0x0600: 13, 0x0200: 49, 0x1500: 200}


def positions(recording: Recording):
    return np.arange(len(recording), dtype=np.int64)


def heard_at_once(recording):
    found = hear(recording, positions(recording))
    regular = [
        (int(p), pgn, payload)
        for pgn, (began, _, payloads) in found.regular.items()
        for p, payload in zip(began, payloads, strict=True)
    ]
    return sorted([*regular, *((t.began_us, t.pgn, t.payload) for t in found.others if t.payload is not None)]), found


def heard_frame_by_frame(recording):
    listener = Listener()
    for index, (_, frame) in enumerate(recording.frames()):
        listener.receive(frame, index)
    listener.finish()
    transfers = listener.events()
    whole = sorted((t.began_us, t.pgn, t.payload) for t in transfers if t.payload is not None)
    return whole, sorted((t.began_us, t.pgn, t.cause.name) for t in transfers if t.payload is None)


@settings(deadline=None)
@given(data=st.data(), pgns=st.lists(st.sampled_from(sorted(SIZES)), min_size=1, max_size=8))
def test_transfers_heard_at_once_are_those_that_the_listener_hears(script_of, data, pgns):
    script = script_of()
    for pgn in pgns:
        script.transfer(pgn, data.draw(st.binary(min_size=SIZES[pgn], max_size=SIZES[pgn])))
    rows = list(script.rows)
    for _ in range(data.draw(st.integers(0, 4))):  # lose, repeat, swap
        index = data.draw(st.integers(0, max(0, len(rows) - 2)))
        kind = data.draw(st.sampled_from(("lose", "repeat", "swap")))
        if kind == "lose":
            del rows[index]
        elif kind == "repeat":
            rows.insert(index, rows[index])
        else:
            rows[index : index + 2] = rows[index : index + 2][::-1]
    recording = script.recording(rows)

    at_once, found = heard_at_once(recording)
    whole, broken = heard_frame_by_frame(recording)

    assert at_once == whole
    assert sorted((t.began_us, t.pgn, t.cause.name) for t in found.others if t.payload is None) == broken


def test_regular_transfers_need_no_listener(script):
    for _ in range(5):
        script.say("BCS")

    _, found = heard_at_once(script.recording())

    assert found.others == ()
    assert len(found.regular[0x1100][2]) == 5


def test_a_message_has_arrived_with_its_last_packet(script):
    script.transfer(0x1100, bytes(9))

    (_, arrived, _) = heard_at_once(script.recording())[1].regular[0x1100]

    assert arrived.tolist() == [3]  # RTS, CTS, packet, packet, acknowledgement
