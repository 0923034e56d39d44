"""Both roles on emulated adapters, in real time and in processes of their own."""

import json
import subprocess
import sys

import pytest

from hil.errors import BadInput
from hil.links.link import AdapterChoice
from hil.links.recorded import read
from hil.live.monitor import monitor
from hil.live.roles import LIVE_LOG, Part, play
from hil.live.slcan_emulator import Segment
from hil.story.telling import tell

ADAPTER = ["--interface", "slcan", "--bitrate", "250000", "--option", "sleep_after_open=0"]


@pytest.fixture
def segment():
    found = Segment(2)
    yield found
    found.close()


def choice(channel, *, silent):
    options = (("sleep_after_open", "0"),)
    return AdapterChoice(interface="slcan", channel=channel, bitrate=250_000, options=options, silent=silent)


def started(side, channel, out, *more):
    command = [sys.executable, "-c", "from hil.cli import main; main()", "hil", side, "short_charge", "--channel", channel]
    return subprocess.Popen(
        [*command, "--out", str(out), "--json", *ADAPTER, *more], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


@pytest.mark.slow
def test_a_whole_charge_between_two_processes_through_two_slcan_adapters(segment, tmp_path):
    sides = dict(zip(("pile", "vehicle"), segment.channels, strict=True))
    running = {side: started(side, channel, tmp_path / side, "--arm") for side, channel in sides.items()}
    told = {side: json.loads(process.communicate(timeout=200)[0]) for side, process in running.items()}

    for summary in told.values():
        assert summary["ended"] == "orderly" and summary["timeouts"] == [] and summary["safe"]
        assert summary["timing"]["frames"]["count"] > 100
    first, second = (tell(read(tmp_path / side / "bus.log")).sessions[0] for side in sides)
    assert first.ending.outcome is second.ending.outcome and first.edition == second.edition
    assert [phase.name for phase in first.phases] == [phase.name for phase in second.phases]
    assert first.identity == second.identity
    for name in ("BCL", "CCS", "BCS", "BST", "CST"):
        assert abs(first.streams[name].count - second.streams[name].count) <= 2


def test_without_arm_nothing_is_sent(segment, tmp_path, capsys):
    part = Part(changes=["duration_s=3"], out=tmp_path, as_json=True)
    play("pile", "short_charge", choice(segment.channels[0], silent=True), part)

    told = json.loads(capsys.readouterr().out)
    assert segment.frames == 0 and segment.devices[0].sent == [] and not told["armed"]
    assert segment.devices[0].listens_only
    assert told["ended"] == "unfinished"


def test_the_log_is_written_while_it_runs(segment, tmp_path, capsys):
    """Armed and alone: nobody answers CHM, and what was heard of ourselves is in the log before the end."""
    part = Part(armed=True, changes=["duration_s=4"], out=tmp_path, as_json=True)
    play("pile", "short_charge", choice(segment.channels[0], silent=False), part)

    assert segment.frames >= 4 and len(read(tmp_path / LIVE_LOG)) >= 4
    sent = [frame.can_id for frame in segment.devices[0].sent]
    assert set(sent) == {0x1826F456, 0x101AF456} and sent[-1] == 0x101AF456  # given up in the middle: CST
    assert json.loads(capsys.readouterr().out)["timing"]["frames"]["count"] >= 4


@pytest.mark.slow
def test_a_monitor_hears_and_says_nothing(segment, tmp_path, capsys):
    process = started("pile", segment.channels[0], tmp_path / "pile", "--arm", "--set", "duration_s=6")
    monitor(choice(segment.channels[1], silent=True), seconds=9.0, formats=["asc"], out=tmp_path, as_json=True)
    process.communicate(timeout=60)

    assert json.loads(capsys.readouterr().out)["frames"] >= 4
    heard = {frame.can_id for _, frame in read(tmp_path / "bus.asc").frames()}
    assert segment.devices[1].sent == [] and 0x1826F456 in heard <= {0x1826F456, 0x101AF456}


def test_an_adapter_that_is_not_there_is_one_line_and_nothing_is_written(tmp_path):
    with pytest.raises(BadInput, match="nowhere"):
        play("vehicle", "short_charge", choice("/dev/nowhere", silent=True), Part(out=tmp_path / "out", as_json=True))


@pytest.mark.parametrize(("interface", "channel"), [("slcan", "/dev/ttyACM0"), ("socketcan", "can0"), ("pcan", "PCAN_USBBUS1")])
def test_a_real_adapter_is_armed_with_a_file_of_limits_only(tmp_path, interface, channel):
    armed = AdapterChoice(interface=interface, channel=channel, bitrate=250_000, silent=False)

    with pytest.raises(BadInput, match="--limits FILE"):
        play("pile", "short_charge", armed, Part(armed=True, out=tmp_path / "out", as_json=True))

    assert not (tmp_path / "out").exists()
