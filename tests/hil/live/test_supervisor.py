"""An adapter that goes and comes back: every outage is told, nothing leaks, nothing old is sent."""

import os
import random
import threading
import time
from pathlib import Path

import can
import pytest

from hil.errors import BadInput
from hil.links.adapter import open_adapter
from hil.links.link import AdapterChoice, BusState, Heard, LinkLost
from hil.live.slcan_emulator import Device, Segment
from hil.live.supervisor import LinkState, Patience, Supervisor, host_us
from protocols.core.frame import Frame

QUICK = Patience(first_s=0.005, most_s=0.02, give_up_s=0.3)
FRAME = Frame(0x123, b"\x01", False)


class Adapter:
    """An adapter in a drawer: *plugged* says whether it is there."""

    def __init__(self):
        self.plugged, self.opened, self.waiting, self.sent = True, 0, [], []
        self.state = BusState.ACTIVE

    def open(self):
        if not self.plugged:
            raise BadInput("no such adapter; plug it in")
        self.opened += 1
        self.state = BusState.ACTIVE
        return self

    def recv(self, timeout_s):
        if not self.plugged:
            raise LinkLost("gone")
        if self.waiting:
            return Heard(self.waiting.pop(0), host_us())
        time.sleep(min(timeout_s, 0.002))
        return None

    def send(self, frame):
        if not self.plugged:
            raise LinkLost("gone")
        self.sent.append(frame)

    def close(self):
        self.opened -= 1


@pytest.fixture
def adapter():
    return Adapter()


@pytest.fixture
def supervisor(adapter):
    made = Supervisor(adapter.open, patience=QUICK)
    yield made
    made.close()


def descriptors_open():
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def until(condition, timeout_s=5.0):
    end = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < end, "did not happen"
        time.sleep(0.001)


def until_given_up(supervisor, words):
    end = time.monotonic() + 5.0
    with pytest.raises(LinkLost, match=words):
        while time.monotonic() < end:
            supervisor.recv(0.05)


def test_frames_pass_both_ways(adapter, supervisor):
    adapter.waiting.append(FRAME)

    assert supervisor.recv(1.0).frame == FRAME
    supervisor.send(FRAME)
    assert adapter.sent == [FRAME] and supervisor.recv(0.0) is None


def test_an_outage_is_told_and_what_was_to_be_sent_meanwhile_is_not_sent_later(adapter, supervisor):
    adapter.plugged = False
    until(lambda: supervisor.state is LinkState.LOST)
    supervisor.send(FRAME)
    adapter.plugged = True
    until(lambda: supervisor.state is LinkState.ACTIVE)

    assert adapter.sent == [] and supervisor.unsent == 1 and supervisor.reopened == 1 and adapter.opened == 1
    gap = supervisor.gaps[-1]
    assert gap.begin_us < gap.end_us <= host_us()
    lost, unsent = supervisor.events[2:4]
    assert [event.state for event in supervisor.events][:2] == [LinkState.OPENING, LinkState.ACTIVE]
    assert lost.state is LinkState.LOST and lost.words == "gone" and "123 was not sent" in unsent.words
    supervisor.send(FRAME)
    assert adapter.sent == [FRAME] and supervisor.events[-1].words == "sending again; not sent: 1 frames"


def test_it_gives_up_in_the_end_and_says_so(adapter, supervisor):
    adapter.plugged = False

    until_given_up(supervisor, r"given up after 0.3 s.*plug it in")
    assert supervisor.gaps[-1].end_us is None and adapter.opened == 0


def test_passive_and_bus_off_are_followed_and_bus_off_is_a_gap(adapter, supervisor):
    for state in (BusState.WARNING, BusState.PASSIVE, BusState.BUS_OFF):
        adapter.state = state
        until(lambda state=state: supervisor.state.value == state.value)
    supervisor.send(FRAME)
    adapter.state = BusState.ACTIVE
    until(lambda: supervisor.state is LinkState.ACTIVE)

    assert adapter.sent == [] and supervisor.unsent == 1 and supervisor.gaps[-1].end_us is not None


def test_error_frames_of_an_interface_change_the_state():
    """As SocketCAN tells them: controller passive, then bus-off, then restarted."""
    choice = AdapterChoice(interface="virtual", channel="error frames")
    supervisor = Supervisor(lambda: open_adapter(choice))
    with can.Bus(interface="virtual", channel="error frames") as other:
        for kind, data, state in ((0x04, 0x20, LinkState.PASSIVE), (0x40, 0, LinkState.BUS_OFF), (0x100, 0, LinkState.ACTIVE)):
            other.send(can.Message(arbitration_id=kind, data=[0, data, 0, 0, 0, 0, 0, 0], is_error_frame=True))
            until(lambda state=state: supervisor.state is state)
    supervisor.close()


def test_the_oldest_are_lost_when_nobody_fetches_and_that_is_counted(adapter, supervisor, monkeypatch):
    monkeypatch.setattr("hil.live.supervisor.DEPTH", 10)
    adapter.waiting += [Frame(number, b"", False) for number in range(25)]
    until(lambda: not adapter.waiting)
    until(lambda: supervisor.overflowed == 15)

    assert supervisor.recv(0.0).frame.can_id == 15


def test_closing_ends_the_thread_and_lets_the_adapter_go(adapter):
    before = threading.active_count()
    supervisor = Supervisor(adapter.open, patience=QUICK)
    supervisor.close()
    supervisor.close()

    assert threading.active_count() == before and adapter.opened == 0 and supervisor.state is LinkState.CLOSED
    with pytest.raises(LinkLost):
        supervisor.recv(0.1)


def test_the_first_opening_is_the_callers_business(adapter):
    adapter.plugged = False
    with pytest.raises(BadInput, match="plug it in"):
        Supervisor(adapter.open)


@pytest.mark.parametrize("wrong", [{"first_s": 0}, {"factor": 0.5}, {"most_s": -1}, {"give_up_s": float("nan")}])
def test_senseless_patience_is_refused(wrong):
    with pytest.raises(ValueError, match=f"Patience.{next(iter(wrong))}"):
        Patience(**wrong)


def test_dropping_is_an_event_and_a_gap_and_so_is_its_end(adapter, supervisor, monkeypatch):
    monkeypatch.setattr("hil.live.supervisor.DEPTH", 10)
    adapter.waiting += [Frame(number, b"", False) for number in range(30)]
    until(lambda: supervisor.overflowed == 20)
    kept = [supervisor.recv(0.0) for _ in range(10)]
    adapter.waiting.append(FRAME)
    until(lambda: supervisor.recv(0.01) is not None)

    began, over = supervisor.events[2:]
    assert "overflow" in began.words and "20 were dropped" in over.words
    gap = supervisor.gaps[-1]
    assert len(supervisor.gaps) == 2 and gap.begin_us < gap.end_us <= kept[0].at_us + 1


@pytest.mark.parametrize(
    "error", [ValueError("cut short"), IndexError("cut short"), OSError(5, "cut short"), RuntimeError("cut short")]
)
def test_whatever_a_driver_raises_is_an_event_and_the_adapter_is_opened_anew(adapter, supervisor, error):
    def broken(_):
        del adapter.recv
        raise error

    adapter.recv = broken
    until(lambda: supervisor.reopened == 1)

    assert "cut short" in supervisor.events[2].words and supervisor.events[2].state is LinkState.LOST
    assert adapter.opened == 1


def test_a_gap_begins_when_we_last_heard_and_not_when_the_loss_was_noticed(adapter, supervisor):
    until(lambda: supervisor.state is LinkState.ACTIVE)

    def stuck(_):
        del adapter.recv
        time.sleep(0.05)
        raise LinkLost("gone")

    adapter.recv = stuck
    until(lambda: supervisor.reopened == 1)

    lost = next(event for event in supervisor.events if event.state is LinkState.LOST)
    assert lost.at_us - supervisor.gaps[-1].begin_us >= 50_000


def test_an_adapter_that_comes_and_goes_at_once_is_given_up_too(adapter):
    supervisor = Supervisor(adapter.open, patience=QUICK)

    def flickering(_):
        raise LinkLost("loose contact")

    adapter.recv = flickering
    until_given_up(supervisor, r"given up after 0.3 s.*loose contact")
    assert 3 < supervisor.reopened < 40 and adapter.opened == 0
    assert len(supervisor.gaps) == supervisor.reopened + 2


def test_a_controller_that_stays_bus_off_is_given_up(adapter, supervisor):
    adapter.state = BusState.BUS_OFF

    until_given_up(supervisor, r"given up after 0.3 s")


def test_who_hears_frames_is_not_bus_off_until_it_is_told_again(adapter, supervisor):
    adapter.error_frames, adapter.state = 1, BusState.BUS_OFF
    until(lambda: supervisor.state is LinkState.BUS_OFF)
    adapter.waiting.append(FRAME)
    until(lambda: supervisor.state is LinkState.ACTIVE)
    time.sleep(0.02)

    assert supervisor.state is LinkState.ACTIVE and supervisor.gaps[-1].end_us is not None
    adapter.error_frames = 2
    until(lambda: supervisor.state is LinkState.BUS_OFF)


def test_an_adapter_that_cannot_be_sent_to_takes_no_charge_down(adapter, supervisor):
    def full(_):
        raise LinkLost("transmit buffer full")

    adapter.send = full
    for _ in range(100):
        supervisor.send(FRAME)

    assert supervisor.unsent == 100 and supervisor.state is LinkState.ACTIVE
    assert [event.words for event in supervisor.events[2:]] == ["frame 123 was not sent: transmit buffer full"]


@pytest.mark.parametrize("times", [4, pytest.param(100, marks=pytest.mark.slow)])
def test_a_serial_adapter_is_pulled_and_put_back_again_and_again(tmp_path, times):
    """A real pty each time, behind the name that the system gives the adapter: no gap is silent, nothing leaks."""
    pause, name = random.Random(1), tmp_path / "ttyACM0"
    choice = AdapterChoice(
        interface="slcan", channel=str(name), bitrate=250_000, options=(("sleep_after_open", "0"),), silent=False
    )

    def put_in():
        segment = Segment(2)
        name.symlink_to(segment.channels[0])
        return segment

    segment = put_in()
    supervisor = Supervisor(lambda: open_adapter(choice), patience=Patience(first_s=0.01, most_s=0.05, settled_s=0.0))
    descriptors, threads = descriptors_open(), threading.active_count()
    for number in range(times):
        time.sleep(pause.uniform(0.0, 0.05))
        name.unlink()
        segment.close()
        until(lambda number=number: sum(event.state is LinkState.LOST for event in supervisor.events) > number)
        supervisor.send(FRAME)
        segment = put_in()
        until(lambda number=number: supervisor.reopened == number + 1)
        segment.devices[0].open = True
        segment.devices[0].deliver(FRAME)
        until(lambda: supervisor.recv(0.01) is not None)

    assert supervisor.reopened == times and supervisor.unsent == times
    outages = supervisor.gaps[1:]
    assert len(outages) == times and all(gap.end_us for gap in outages)
    assert descriptors_open() == descriptors and threading.active_count() == threads
    supervisor.close()
    segment.close()


def opened(channel, *, silent, patience=QUICK):
    options = (("sleep_after_open", "0"),)
    choice = AdapterChoice(interface="slcan", channel=channel, bitrate=250_000, options=options, silent=silent)
    return Supervisor(lambda: open_adapter(choice), patience=patience)


@pytest.mark.parametrize("garbage", [b"T\r", b"Tzzzzzzzz8\r", b"\xff\xfe\r", b"t1239\r", b"T181056F48\r", b"d123F\r", b"\r\a\r"])
def test_what_a_confused_adapter_says_ends_nothing(garbage):
    segment = Segment(1)
    supervisor = opened(segment.channels[0], silent=True, patience=Patience(first_s=0.005, settled_s=0.0))
    device = segment.devices[0]
    until(lambda: device.open)
    for _ in range(3):
        os.write(device.master, garbage)
        time.sleep(0.02)
    until(lambda: supervisor.state is LinkState.ACTIVE and device.open)
    device.deliver(FRAME)
    heard = []
    until(lambda: FRAME in heard or heard.append((supervisor.recv(0.05) or Heard(None, 0)).frame))
    supervisor.close()
    segment.close()

    lost = sum(event.state is LinkState.LOST for event in supervisor.events)
    assert len(supervisor.gaps) == 1 + lost == 1 + supervisor.reopened and all(gap.end_us for gap in supervisor.gaps)


def test_an_adapter_that_hangs_holds_nobody_up_and_what_it_does_not_take_is_told():
    """Nobody reads the far end of its serial line: the system's buffer is full after some hundred frames."""
    device = Device()
    supervisor, longest_s = opened(device.channel, silent=False), 0.0
    end = time.monotonic() + 5.0
    while supervisor.unsent < 2:
        began = time.monotonic()
        supervisor.send(FRAME)
        longest_s = max(longest_s, time.monotonic() - began)
        assert time.monotonic() < end
    waking = threading.Thread(target=device.commands)  # it wakes up, so that it can be let go
    waking.start()
    supervisor.close()
    waking.join()
    device.close()

    assert longest_s < 0.5 and sum("was not sent" in event.words for event in supervisor.events) == 1
