"""The monitor: hears everything, loses next to nothing when it is killed, and draws no verdict from what it could not hear."""

import json
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager

import can
import pytest

from firmware_model.bench import Bench, PileSetup, VehicleSetup
from firmware_model.happenings import Moment, Step
from hil.errors import BadInput
from hil.links.adapter import open_adapter
from hil.links.link import AdapterChoice, Heard, LinkLost, host_us
from hil.links.python_can_logs import has_mf4
from hil.links.recorded import read
from hil.links.recording import Recording
from hil.live.holes import DOUBT, cautious, doubted, lost_in_gaps
from hil.live.livelog import LiveLog
from hil.live.monitor import listen, monitor
from hil.live.shown import Shown
from hil.live.slcan_emulator import Segment
from hil.live.supervisor import Gap, Supervisor
from hil.referee.case import Lost
from hil.referee.referee import judge
from hil.referee.ruling import Verdict
from hil.story.story import Severity
from hil.story.telling import tell
from protocols.core.frame import Frame
from protocols.gbt27930.messages import BCL

S = 1_000_000
DEMAND = Frame(0x181056F4, BCL(voltage_v=380, current_a=20, mode=1).encode())


@pytest.fixture(scope="module")
def charge():
    script = (Step("plug in", Moment()), Step("start", Moment(S)), Step("stop", Moment(10 * S, "CHARGING")))
    bench = Bench(PileSetup(level="quasi_static"), VehicleSetup(), seed=1, script=script)
    bench.run(60 * S)
    return list(bench.trace.log())


@contextmanager
def talking(channel, frames, *, per_s):
    """Somebody who says *frames* at a steady rate."""

    def talk():
        with can.Bus(interface="virtual", channel=channel) as bus:
            said, began = 0, time.monotonic()
            while said < len(frames):
                for frame in frames[said : int((time.monotonic() - began) * per_s)]:
                    bus.send(can.Message(arbitration_id=frame.can_id, data=frame.data, is_extended_id=frame.extended))
                    said += 1
                time.sleep(0.001)

    thread = threading.Thread(target=talk)
    thread.start()
    yield
    thread.join()


def virtual(channel):
    return AdapterChoice(interface="virtual", channel=channel)


@pytest.mark.parametrize("seconds", [0.5, pytest.param(60, marks=pytest.mark.slow)])
def test_of_8000_frames_a_second_none_is_lost(tmp_path, seconds):
    frames = [Frame(0x181056F4, number.to_bytes(5, "little")) for number in range(int(8000 * seconds))]
    link, shown = Supervisor(lambda: open_adapter(virtual("fast"))), Shown()
    with talking("fast", frames, per_s=8000), LiveLog(tmp_path / "log") as log:
        count, lost = listen(
            link, log, shown.take, seconds=1.2 * seconds + 0.3, began_us=host_us(), show=lambda: shown.table() and None
        )
    link.close()

    assert (count, lost, link.overflowed) == (len(frames), "", 0)
    assert [frame for _, frame in read(tmp_path / "log").frames()] == frames


KILLED = """
import sys, threading, time
from pathlib import Path
import can
from hil.links.adapter import open_adapter
from hil.links.link import AdapterChoice, host_us
from hil.live.livelog import LiveLog
from hil.live.monitor import listen
from hil.live.supervisor import Supervisor

def talk():
    with can.Bus(interface="virtual", channel="killed") as bus:
        for number in range(10**6):
            bus.send(can.Message(arbitration_id=number & 0x7FF, data=number.to_bytes(4, "little"), is_extended_id=False))
            print(number, flush=True)
            time.sleep(0.002)

link = Supervisor(lambda: open_adapter(AdapterChoice(interface="virtual", channel="killed")))
threading.Thread(target=talk, daemon=True).start()
with LiveLog(Path(sys.argv[1])) as log:
    listen(link, log, lambda frame: None, seconds=60, began_us=host_us())
"""


def test_a_killed_monitor_has_lost_no_more_than_a_second(tmp_path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path / "log")], stdout=subprocess.PIPE, text=True)
    said = []
    while not said or said[-1][1] - said[0][1] < 0.8:
        said.append((int(process.stdout.readline()), time.monotonic()))
    process.send_signal(signal.SIGKILL)
    process.communicate()

    logged = int.from_bytes(list(read(tmp_path / "log").frames())[-1][1].data, "little")
    assert said[-1][1] - said[logged][1] < 1.0


def test_one_json_object_tells_everything_and_the_formats_are_written(tmp_path, capsys, charge):
    frames = [frame for _, frame in charge]
    formats = ["asc", "blf", *(["mf4"] if has_mf4() else [])]
    with talking("json", frames, per_s=5000):
        monitor(virtual("json"), seconds=len(frames) / 5000 + 2.0, formats=formats, out=tmp_path, as_json=True)

    out, err = capsys.readouterr()
    told = json.loads(out)
    assert told["frames"] == len(frames) and told["link"]["gaps"] == [] and told["lost"] == ""
    assert told["story"]["protocol"].startswith("GB/T 27930") and told["verdict"] in {v.value for v in Verdict}
    assert all([f for _, f in read(tmp_path / f"bus.{name}").frames()] == frames for name in ["log", *formats])
    assert "listening on virtual json" in err


def test_nothing_heard_is_a_result_too(tmp_path, capsys):
    assert monitor(virtual("nobody there"), seconds=0.1, formats=[], out=tmp_path, as_json=True) == 0

    assert json.loads(capsys.readouterr().out)["frames"] == 0


def test_an_unknown_format_is_told_before_listening(tmp_path):
    with pytest.raises(BadInput, match="log format"):
        monitor(virtual("x"), seconds=1e6, formats=["wav"], out=tmp_path, as_json=True)


def test_without_a_terminal_changed_messages_are_lines(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("hil.live.monitor.LINES_S", 0.1)
    with talking("lines", [DEMAND] * 40, per_s=100):
        monitor(virtual("lines"), seconds=0.6, formats=[], out=tmp_path, as_json=False)

    lines = [line for line in capsys.readouterr().out.splitlines() if "BCL from F4:" in line]
    assert len(lines) == 1 and "voltage_v 380" in lines[0]


def test_changes_are_told_once():
    shown = Shown()
    shown.take(DEMAND)

    assert len(list(shown.changes())) == 1 and list(shown.changes()) == []
    shown.take(DEMAND._replace(data=BCL(voltage_v=381, current_a=20, mode=1).encode()))
    assert len(list(shown.changes())) == 1


class Scripted:
    """A link that gives what it was given, and then raises *end*."""

    def __init__(self, heard, end):
        self.heard, self.end = list(heard), end

    def recv(self, _):
        if self.heard:
            return self.heard.pop(0)
        raise self.end


@pytest.mark.parametrize(("end", "words"), [(KeyboardInterrupt(), ""), (LinkLost("gone"), "gone")])
def test_however_it_ends_what_was_heard_is_kept_and_time_never_runs_back(tmp_path, end, words):
    heard = [Heard(DEMAND, at) for at in (-5, 100, 90, 200)]
    with LiveLog(tmp_path / "log") as log:
        assert listen(Scripted(heard, end), log, lambda _: None, seconds=5, began_us=0) == (4, words)

    assert read(tmp_path / "log").times_us.tolist() == [0, 100, 100, 200]


def with_a_hole(charge, begin_us, end_us):
    return Recording.of_frames([(at, frame) for at, frame in charge if not begin_us <= at < end_us])


def breaches(story):
    findings = [*story.findings, *(finding for session in story.sessions for finding in session.findings)]
    return [finding for finding in findings if finding.severity is Severity.BREACH]


def heard_with_a_gap(charge, *, before_end_us, lasts_us):
    """Story and judgement of a charge of which the time from *before_end_us* before its last frame was not heard."""
    begin_us = charge[-1][0] - before_end_us
    gaps = [Gap(begin_us, begin_us + lasts_us)]
    recording = with_a_hole(charge, begin_us, begin_us + lasts_us)
    losses = lost_in_gaps(gaps, int(recording.times_us[0]))
    return recording, tell(recording), judge(recording, losses=lost_in_gaps(gaps, 0)), losses


@pytest.mark.parametrize(("before_end_s", "lasts_s"), [(6, 3), (9, 1.5), (12, 11), (11, 8)])
def test_nobody_is_accused_of_what_a_gap_may_explain(charge, before_end_s, lasts_s):
    recording, story, judgement, losses = heard_with_a_gap(charge, before_end_us=before_end_s * S, lasts_us=int(lasts_s * S))

    assert judge(Recording.of_frames(charge)).broken() == [] and breaches(tell(Recording.of_frames(charge))) == []
    assert judge(recording).broken() and breaches(story)  # deaf without knowing it, somebody would be to blame
    careful, told = cautious(judgement, story.sessions, losses), doubted(story, losses)
    assert careful.broken() == [] and breaches(told) == []
    assert any(finding.what.startswith(DOUBT) for session in told.sessions for finding in session.findings)
    assert any(ruling.verdict is Verdict.INCONCLUSIVE and ruling.count for ruling in careful.rulings)


def test_a_breach_in_a_session_that_was_over_before_the_gap_stays_one(charge):
    recording, story, _, _ = heard_with_a_gap(charge, before_end_us=6 * S, lasts_us=3 * S)
    end_us = charge[-1][0] - charge[0][0]
    later, earlier = [Lost(end_us + S, end_us + 2 * S)], [Lost(-2 * S, -S)]

    assert doubted(story, later) == story and doubted(story, []) == story
    blamed = [ruling.rule for ruling in judge(recording).broken()]
    assert [ruling.rule for ruling in cautious(judge(recording), story.sessions, later).broken()] == blamed
    assert breaches(doubted(story, earlier)) == []


def test_an_adapter_that_is_pulled_leaves_a_gap_that_is_told(tmp_path, capsys):
    segment, name = Segment(2), tmp_path / "ttyACM0"
    name.symlink_to(segment.channels[0])
    options = (("sleep_after_open", "0"),)

    def pull_and_put():
        time.sleep(0.25)
        segment.devices[0].deliver(DEMAND)
        time.sleep(0.2)
        name.unlink()
        segment.pull(0)
        time.sleep(0.2)
        name.symlink_to(segment.put(0))
        time.sleep(0.4)
        segment.devices[0].deliver(DEMAND)

    thread = threading.Thread(target=pull_and_put)
    thread.start()
    choice = AdapterChoice(interface="slcan", channel=str(name), bitrate=250_000, options=options)
    monitor(choice, seconds=1.3, formats=[], out=tmp_path / "out", as_json=True)
    thread.join()
    segment.close()

    out, err = capsys.readouterr()
    told = json.loads(out)
    ((begin_s, end_s),) = told["link"]["gaps"]
    assert told["frames"] == 2 and 0.2 <= end_s - begin_s <= 0.8 and told["link"]["reopened"] == 1
    assert "adapter lost" in err and "came back" in err and "nothing was heard from" in err
