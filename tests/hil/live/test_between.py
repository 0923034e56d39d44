"""The man in the middle: a fault changes exactly the frames it is aimed at, the others pass at once and as they were."""

import json
import subprocess
import sys
import threading
import time

import can
import pytest

from firmware_model.bench import Bench, PileSetup
from firmware_model.faults.fault import Fault
from firmware_model.faults.place import Places
from firmware_model.faults.selector import Selector
from firmware_model.faults.telling import TALKATIVE
from firmware_model.faults.wire import wire_places
from firmware_model.happenings import Moment, Step
from hil.errors import BadInput
from hil.links.adapter import open_adapter
from hil.links.link import AdapterChoice, LinkLost
from hil.links.recorded import read
from hil.live.between import Between, Wires
from hil.live.between_command import Middle, between
from hil.live.limits import EMULATED, Limits
from hil.live.slcan_emulator import Segment
from hil.live.supervisor import LinkState
from protocols.core.frame import Frame
from protocols.gbt27930.messages import BCL

S = 1_000_000


@pytest.fixture(scope="module")
def charge():
    script = (Step("plug in", Moment()), Step("start", Moment(S)), Step("stop", Moment(12 * S, "CHARGING")))
    bench = Bench(PileSetup(level="quasi_static"), TALKATIVE, seed=1, script=script)
    bench.run(60 * S)
    return list(bench.trace.log())


def host_of(frame):
    return "pile" if frame.can_id & 0xFF == 0x56 else "vehicle"


def through(charge, *faults):
    """What comes out at the other side for each frame that goes in, in order; and what comes by itself, with times."""
    out = []
    wires = Wires("2015", 1, lambda frame, now, host: out.append((now, frame, host)))
    wires.load(faults)
    passed = []
    for at, frame in charge:
        wires.clock.run(at)
        late, out[:] = list(out), []
        passed.append((late, None))
        wires.take(frame, host_of(frame), at)
        passed.append((list(out), frame))
        out.clear()
    return passed


PLACES = Places(wire_places(Wires("2015", 1, lambda *_: None)))
SENT_BY_OTHERS = {"extra sender", "replay"}
CASES = [(place.where, kind.name) for place in list(PLACES.values())[::3] for kind in place.kinds if kind.name != "corrupt bit"]


@pytest.mark.parametrize(("where", "kind"), CASES[::5])
def test_a_fault_changes_the_frames_it_is_aimed_at_and_no_others(charge, where, kind):
    title = where.removeprefix("wire/").partition(".")[0].partition("#")[0]
    part = where.partition("#")[2] or None
    selector = Selector(Wires("2015", 1, lambda *_: None).layouts[title], part)
    for out, frame in through(charge, Fault(0, None, where, kind)):
        if frame is None:  # late frames, and those of a third speaker
            assert kind in {"delay", *SENT_BY_OTHERS} or not out
            continue
        aimed = selector(frame) is not None
        frames = [sent for _, sent, _ in out]
        if not aimed or kind in SENT_BY_OTHERS:
            assert frames == [frame]
        elif kind in ("drop", "delay"):
            assert frames == []
        elif kind == "duplicate":
            assert frames == [frame, frame]
        elif kind == "wrong id":
            assert [sent.data for sent in frames] == [frame.data] and frames[0].can_id == frame.can_id ^ 1
        else:
            assert len(frames) == 1 and frames[0].can_id == frame.can_id


def test_a_delay_is_as_long_as_it_says(charge):
    bcl = [(at, frame) for at, frame in charge if frame.can_id == 0x181056F4]
    passed = through(charge, Fault(0, None, "wire/BCL", "delay", {"delay_s": 0.3}))
    late = [(now, frame) for out, _ in passed for now, frame, _ in out if frame.can_id == 0x181056F4]

    assert late[:50] == [(at + 300_000, frame) for at, frame in bcl[:50]]


def test_a_value_is_replaced_from_a_message_on_and_only_so_often(charge):
    fault = Fault(0, None, "wire/BCL.current_a", "replace", {"value": 5.0, "count": 3}, when="BCL#10")
    demands = [
        BCL.decode(sent.data).current_a for out, _ in through(charge, fault) for _, sent, _ in out if sent.can_id == 0x181056F4
    ]
    asked = [BCL.decode(frame.data).current_a for _, frame in charge if frame.can_id == 0x181056F4]

    changed = [n for n, (now, before) in enumerate(zip(demands, asked, strict=True)) if now != before]
    assert changed == [9, 10, 11] or changed == [10, 11, 12]
    assert all(demands[n] == 5.0 for n in changed)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault(0, None, "sensor/stage_v", "open"), "under wire/"),
        (Fault(0, None, "wire/BCL", "corrupt bit"), "flip bit"),
        (Fault(0, None, "wire/BCL", "drop", after="CHARGING"), "when ="),
        (Fault(0, None, "wire/BCX", "drop"), "did you mean"),
        (Fault(0, None, "wire/BCL", "drop", when="current_a > 5"), "use a message"),
    ],
)
def test_what_cannot_be_done_between_two_devices_is_said(fault, words):
    with pytest.raises(BadInput, match=words):
        Wires("2015", 1, lambda *_: None).load([fault])


# ---- on two buses --------------------------------------------------------------------------------------------------------


def standing(name, seconds, *, armed=True, limits=EMULATED, faults=(), same=False):
    """A man between two virtual buses for *seconds*, and a bus at each end."""
    channels = {side: name if same else f"{name} {side}" for side in ("pile", "vehicle")}
    links = {
        side: open_adapter(AdapterChoice(interface="virtual", channel=channel, silent=False))
        for side, channel in channels.items()
    }
    ends = {side: can.Bus(interface="virtual", channel=channel) for side, channel in channels.items()}
    man, errors = Between(links, armed=armed, limits=limits, faults=faults), []

    def run():
        try:
            man.run(seconds)
        except (BadInput, LinkLost) as error:
            errors.append(str(error))

    thread = threading.Thread(target=run)
    thread.start()
    return man, ends, thread, links, errors


def ended(ends, thread, links):
    thread.join()
    for link in links.values():
        link.close()
    heard = {}
    for side, bus in ends.items():
        heard[side] = []
        while (message := bus.recv(0)) is not None:
            heard[side].append(Frame(message.arbitration_id, bytes(message.data)))
        bus.shutdown()
    return heard


def test_frames_pass_both_ways_and_the_latency_is_measured(charge):
    man, ends, thread, links, errors = standing("between both", 2.5)
    sent = {"pile": [], "vehicle": []}
    for _, frame in charge[-300:]:
        ends[host_of(frame)].send(can.Message(arbitration_id=frame.can_id, data=frame.data))
        sent[host_of(frame)].append(frame)
        time.sleep(0.006)
    heard = ended(ends, thread, links)

    assert errors == [] and heard == {"pile": sent["vehicle"], "vehicle": sent["pile"]}
    assert man.latency.count == 300 and man.latency.percentile_us(50) <= 2_000


def test_not_armed_nothing_passes(charge):
    man, ends, thread, links, _ = standing("between silent", 0.5, armed=False)
    for _, frame in charge[:20]:
        ends[host_of(frame)].send(can.Message(arbitration_id=frame.can_id, data=frame.data))
    heard = ended(ends, thread, links)

    assert heard == {"pile": [], "vehicle": []} and sum(man.heard.values()) == 20


def test_beyond_the_limits_it_ends_and_passes_nothing_more():
    _, ends, thread, links, errors = standing("between limits", 5.0, limits=Limits(max_v=500, max_a=50, max_min=5))
    for amperes in (40, 60, 40):
        data = BCL(voltage_v=400, current_a=amperes, mode=1).encode()
        ends["vehicle"].send(can.Message(arbitration_id=0x181056F4, data=data))
    heard = ended(ends, thread, links)

    assert len(heard["pile"]) == 1 and "BCL.current_a = 60 A is above max_a" in errors[0]


def test_who_hung_passes_nothing_of_what_waited():
    man, ends, thread, links, errors = standing("between hang", 5.0)
    man.wires.tap(lambda *_: time.sleep(0.3))
    for _ in range(3):
        ends["vehicle"].send(can.Message(arbitration_id=0x181056F4, data=bytes(5)))
    heard = ended(ends, thread, links)

    assert len(heard["pile"]) == 1 and "we hung for 3" in errors[0]


def test_after_the_allowed_minutes_nothing_passes():
    _, ends, thread, links, errors = standing("between minutes", 5.0, limits=Limits(max_v=500, max_a=50, max_min=0.001))
    heard = ended(ends, thread, links)

    assert heard["pile"] == [] and "max_min = 0.001" in errors[0]


def test_with_a_controller_in_trouble_nothing_passes():
    man, ends, thread, links, errors = standing("between passive", 5.0)
    man._links["pile"].state = LinkState.PASSIVE
    ended(ends, thread, links)

    assert errors == ["our CAN controller at the pile is passive"]


def test_a_side_without_an_adapter_is_said(tmp_path):
    middle = Middle(armed=False, limits=None, seconds=1.0, changes=[], out=tmp_path / "out", as_json=True)
    choices = {
        side: AdapterChoice(interface="virtual", channel=channel) for side, channel in (("pile", "here"), ("vehicle", None))
    }
    with pytest.raises(BadInput, match="no adapter at the vehicle: name it with --vehicle-channel"):
        between("charge", choices, middle)
    assert not (tmp_path / "out").exists()


def test_two_adapters_on_one_bus_are_found_out():
    _, ends, thread, links, errors = standing("between one bus", 5.0, same=True)
    ends["pile"].send(can.Message(arbitration_id=0x1826F456, data=bytes((1, 1, 0))))
    ended(ends, thread, links)

    assert "both adapters hear the same bus" in errors[0]


@pytest.mark.slow
@pytest.mark.parametrize(("where", "kind"), CASES)
def test_every_fault_of_the_wire_changes_its_frames_only(charge, where, kind):
    test_a_fault_changes_the_frames_it_is_aimed_at_and_no_others(charge, where, kind)


@pytest.mark.slow
def test_two_processes_charge_through_the_man_in_the_middle_and_its_latency_is_told(tmp_path):
    """Pile, vehicle and the man each in a process, on four serial adapters; from the fiftieth demand on he asks for 5 A."""
    near, far = Segment(2), Segment(2)
    adapter = ["--interface", "slcan", "--bitrate", "250000", "--option", "sleep_after_open=0", "--arm", "--json"]
    role = [sys.executable, "-c", "from hil.cli import main; main()", "hil"]
    fault = 'faults=[{where="wire/BCL.current_a",kind="replace",args={value=5.0},when="BCL#50"}]'
    commands = {
        "between": [
            "between",
            "short_charge",
            "--set",
            fault,
            "--channel",
            near.channels[1],
            "--vehicle-channel",
            far.channels[0],
        ],
        "pile": ["pile", "short_charge", "--channel", near.channels[0]],
        "vehicle": ["vehicle", "short_charge", "--channel", far.channels[1]],
    }
    commands["between"] += ["--seconds", "60"]
    running = {
        who: subprocess.Popen([*role, *command, *adapter, "--out", str(tmp_path / who)], stdout=subprocess.PIPE, text=True)
        for who, command in commands.items()
    }
    try:
        told = {who: json.loads(process.communicate(timeout=120)[0]) for who, process in running.items()}
    finally:
        for process in running.values():
            process.kill()
        near.close()
        far.close()

    assert told["pile"]["ended"] == told["vehicle"]["ended"] == "orderly"
    assert told["between"]["sent"] == told["between"]["heard"] and told["between"]["latency"]["p50_us"] <= 2_000
    asked, arrived = (
        [BCL.decode(frame.data).current_a for _, frame in read(tmp_path / who / "bus.log").frames() if frame.can_id == 0x181056F4]
        for who in ("vehicle", "pile")
    )
    assert max(asked[60:-5]) > 5.0 and set(arrived[60:-5]) == {5.0} and arrived[:45] == asked[:45]
