from firmware_model.trace import Signal, Trace
from protocols.core.frame import Frame
from protocols.core.session import Moved


def test_a_signal_holds_its_value_until_the_next_entry():
    signal = Signal("voltage", "V")
    signal.append(10, 1.0)
    signal.append(20, 3.0)

    assert [signal.at(moment) for moment in (9, 10, 19, 20, 99)] == [None, 1.0, 1.0, 3.0, 3.0]
    assert signal.peak == 3.0


def test_frames_come_back_as_they_were():
    trace = Trace()
    frames = [Frame(0x1826F456, b"\1\1\0"), Frame(0x182756F4, b"")]
    for now, frame in enumerate(frames):
        trace.frame(now, frame, "pile")

    assert list(trace.log()) == list(enumerate(frames))
    assert len(trace) == 2


def test_phases_last_until_the_next_move():
    trace = Trace()
    went, stopped = Moved("a", "b", "go", "clause 1"), Moved("b", "c", "stop", "clause 2")
    trace.note(5, "charger", [went, "something else"])
    trace.note(9, "charger", [stopped])
    trace.note(9, "vehicle", [Moved("x", "y", "go", "")])

    assert trace.phases("charger", 20) == [(went, 5, 9), (stopped, 9, 20)]
