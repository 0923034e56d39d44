"""A side of a recording is said again with its spacing, through the keeper, and followed by the safe end."""

import json
import threading
from itertools import pairwise

import can
import pytest

from hil.build import build
from hil.errors import BadInput
from hil.links.link import AdapterChoice
from hil.links.recorded import read
from hil.live.allow import safe_end
from hil.live.resend import Again, edition_of, frames_of, resend
from hil.live.roles import Part
from hil.logfiles import write_candump
from hil.scenario_files import load
from protocols.core.frame import Frame
from protocols.gbt27930.editions import EDITIONS

BHM = Frame(0x182756F4, (4100).to_bytes(2, "little"))
FRAMES = [(1_000_000 + 50_000 * n, BHM if n % 2 else Frame(0x1826F456, bytes((1, 1, 0)))) for n in range(20)]


@pytest.fixture
def recording(tmp_path):
    path = tmp_path / "bus.log"
    write_candump(path, iter(FRAMES))
    return path


def said(recording, channel, **how):
    """What a listener on the virtual bus hears, with times (s)."""
    found, over = [], threading.Event()

    def listen():
        with can.Bus(interface="virtual", channel=channel) as bus:
            ready.set()
            while not over.is_set():
                message = bus.recv(0.05)
                if message is not None:
                    found.append((message.timestamp, Frame(message.arbitration_id, bytes(message.data), message.is_extended_id)))

    ready = threading.Event()
    thread = threading.Thread(target=listen)
    thread.start()
    ready.wait()
    part = Part(armed=how.pop("armed", True), as_json=True)
    again = Again(source=recording, side=how.pop("side", "vehicle"), **how)
    resend(AdapterChoice(interface="virtual", channel=channel, silent=not part.armed), again, part)
    over.set()
    thread.join()
    return found


def test_one_side_comes_with_its_spacing_and_the_safe_end_behind_it(recording, capsys):
    found = said(recording, "replay once")
    frames = [frame for _, frame in found]
    times = [at for at, frame in found if frame == BHM]

    assert frames[:10] == [BHM] * 10 and set(frames[10:]) == {safe_end("vehicle", EDITIONS["2015"])}
    assert [b - a for a, b in pairwise(times)] == pytest.approx([0.1] * 9, abs=0.03)
    assert json.loads(capsys.readouterr().out)["said"] == 10


def test_faster_and_again(recording, capsys):
    times = [at for at, frame in said(recording, "replay twice", speed=5.0, times=2) if frame == BHM]

    assert len(times) == 20 and times[9] - times[0] == pytest.approx(0.18, abs=0.03)


def test_the_side_that_spoke_first_speaks_at_once_each_time(recording, capsys):
    found = said(recording, "replay first", side="pile", speed=10.0, times=3)

    assert [frame.can_id for _, frame in found[:30]] == [0x1826F456] * 30


def test_not_armed_nothing_is_sent(recording, capsys):
    assert said(recording, "replay silent", armed=False) == []
    assert json.loads(capsys.readouterr().out)["said"] == 10


@pytest.mark.parametrize("edition", list(EDITIONS))
def test_the_edition_is_the_recordings_unless_another_is_named(tmp_path, edition):
    changes = [f"{side}.edition={edition}" for side in ("vehicle", "pile")]
    bench = build(load("short_charge", changes), 1)
    bench.run(25_000_000, to_the_end=False)
    path = tmp_path / "bus.log"
    write_candump(path, bench.trace.log())
    recording = read(path)

    assert edition_of(Again(source=path, side="pile"), recording) == edition
    assert edition_of(Again(source=path, side="pile", edition="2011"), recording) == "2011"
    with pytest.raises(BadInput, match="--edition 1999: one of 2011"):
        edition_of(Again(source=path, side="pile", edition="1999"), recording)


def test_a_recording_without_that_side_is_one_line(tmp_path):
    path = tmp_path / "bus.log"
    write_candump(path, iter([(0, BHM)]))

    with pytest.raises(BadInput, match="no frame of the pile"):
        frames_of(Again(source=path, side="pile"), read(path))
