"""Adapters through python-can: a real serial port with an emulated SLCAN adapter behind it, and everything that is not there."""

import os
import time
import tty

import pytest

from hil.errors import BadInput
from hil.links.adapter import SEND_S, StampClock, _ReadAhead, open_adapter, resolved
from hil.links.link import AdapterChoice, LinkLost
from hil.live.slcan_emulator import Segment
from protocols.core.frame import Frame

QUICK = (("sleep_after_open", "0"),)


def slcan(channel, *, silent=False, bitrate=250_000):
    return AdapterChoice(interface="slcan", channel=channel, bitrate=bitrate, options=QUICK, silent=silent)


@pytest.fixture
def segment():
    segment = Segment(2)
    yield segment
    segment.close()


def test_frames_go_from_one_adapter_to_the_other(segment):
    one, two = (open_adapter(slcan(channel)) for channel in segment.channels)
    frames = [Frame(0x1826F456, b"\1\1\0"), Frame(0x123, b""), Frame(0x100856F4, bytes(range(8)))]
    for frame in frames:
        one.send(frame)
    heard = []
    while len(heard) < len(frames):
        found = two.recv(1.0)
        if found is not None:
            heard.append(found)
    one.close()
    two.close()

    assert [found.frame for found in heard] == frames
    assert [found.at_us for found in heard] == sorted(found.at_us for found in heard)


def test_a_silent_adapter_is_opened_listen_only(segment):
    adapter = open_adapter(slcan(segment.channels[0], silent=True))
    adapter.recv(0.05)

    assert adapter.silent and segment.devices[0].listens_only
    adapter.close()


def test_opening_transmits_nothing(segment):
    open_adapter(slcan(segment.channels[0])).close()

    assert segment.frames == 0 and segment.devices[0].sent == []


def test_another_bit_rate_hears_nothing(segment):
    one, two = open_adapter(slcan(segment.channels[0])), open_adapter(slcan(segment.channels[1], bitrate=500_000))
    one.send(Frame(1, b""))

    assert two.recv(0.05) is None
    one.close()
    two.close()


def test_a_closed_adapter_says_so_and_closes_twice():
    adapter = open_adapter(AdapterChoice(interface="virtual", channel="closed"))
    adapter.close()
    adapter.close()

    with pytest.raises(LinkLost):
        adapter.recv(0.0)
    with pytest.raises(LinkLost):
        adapter.send(Frame(1, b""))


@pytest.mark.parametrize(
    ("choice", "cause", "fix"),
    [
        ({}, "no adapter named", "--interface"),
        ({"interface": "nope", "channel": "x"}, "no such interface", "slcan"),
        ({"interface": "slcan", "channel": "/dev/nothere", "bitrate": 250_000}, "No such file", "plug it in"),
        ({"interface": "slcan"}, "channel", "name its --channel"),
        ({"interface": "pcan", "channel": "PCAN_USBBUS1"}, "library not found", "driver"),
        ({"interface": "kvaser", "channel": "0"}, "missing", "install"),
        ({"interface": "socketcand", "channel": "can0"}, "'host' and 'port'", "--option NAME=VALUE"),
        ({"interface": "canalystii", "channel": "0", "bitrate": 250_000}, "missing", "install"),
    ],
)
def test_what_cannot_be_opened_is_one_line_with_cause_and_fix(choice, cause, fix, monkeypatch):
    for name in ("CAN_INTERFACE", "CAN_CHANNEL", "CAN_BITRATE", "CAN_CONFIG"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BadInput) as found:
        open_adapter(AdapterChoice(**choice))

    text = str(found.value)
    assert cause in text and fix in text and "\n" not in text


def test_a_bit_rate_that_the_adapter_does_not_have_is_refused(segment):
    with pytest.raises(BadInput, match="--bitrate"):
        open_adapter(slcan(segment.channels[0], bitrate=123_456))


@pytest.mark.parametrize("bitrate", [0, -250_000, 10_000_000])
def test_an_absurd_bit_rate_is_refused_with_its_unit(bitrate):
    with pytest.raises(ValueError, match=rf"bitrate = {bitrate} bit/s"):
        AdapterChoice(bitrate=bitrate)


def test_the_environment_of_python_can_counts(monkeypatch):
    monkeypatch.setenv("CAN_INTERFACE", "virtual")
    monkeypatch.setenv("CAN_CHANNEL", "bench")

    assert resolved(AdapterChoice()) == ("virtual", "bench")


def test_stamps_of_an_adapter_lose_the_hosts_delays():
    clock = StampClock()
    delays = [300, 5_000, 200, 900, 200, 3_000]
    mapped = [clock.map(7_000_000 + 10_000 * n, 50_000_000 + 10_000 * n + delay) for n, delay in enumerate(delays)]

    assert mapped[2:] == [50_000_200 + 10_000 * n for n in range(2, 6)]


def test_a_drifting_clock_is_followed():
    clock = StampClock()
    for second in range(120):
        arrived = 1_000_000 * second + 50 * second + 100
        assert abs(clock.map(1_000_000 * second, arrived) - arrived) <= 1_100


class Port:
    """A serial port with *data* that arrive in pieces."""

    def __init__(self, *pieces):
        self.pieces, self.reads, self.timeout = list(pieces), 0, 0.1

    @property
    def in_waiting(self):
        return len(self.pieces[0]) if self.pieces else 0

    def read(self, size):
        self.reads += 1
        if not self.pieces:
            return b""
        taken, self.pieces[0] = self.pieces[0][:size], self.pieces[0][size:]
        if not self.pieces[0]:
            self.pieces.pop(0)
        return taken


def test_reading_ahead_gives_every_byte_once_and_in_order_with_a_call_a_piece():
    port = Port(b"T181056F450\r", b"t1230\rt1", b"240\r")
    ahead = _ReadAhead(port)
    found = b""
    while piece := ahead.read(1):
        found += piece
        assert ahead.in_waiting >= 0

    assert found == b"T181056F450\rt1230\rt1240\r" and port.reads == 4
    assert ahead.timeout == 0.1 and ahead.flush() is None


def test_an_adapter_that_takes_nothing_any_more_is_a_lost_link_and_does_not_hang_us():
    master, slave = os.openpty()
    tty.setraw(master)
    adapter = open_adapter(slcan(os.ttyname(slave)))
    began = time.monotonic()

    with pytest.raises(LinkLost):
        for _ in range(20_000):
            refused = time.monotonic()
            adapter.send(Frame(0x123, bytes(8)))

    assert SEND_S <= time.monotonic() - refused < SEND_S + 0.1 and time.monotonic() - began < 3.0
    adapter.close()
    os.close(master)
    os.close(slave)


def polled(adapter, seconds=0.1):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        adapter.recv(0.005)


@pytest.fixture
def often(monkeypatch):
    monkeypatch.setattr("hil.links.lawicel.POLL_S", 0.01)


@pytest.mark.usefixtures("often")
def test_the_status_flags_of_a_serial_adapter_become_error_states(segment):
    adapter, device = open_adapter(slcan(segment.channels[0])), segment.devices[0]
    for flags, state, errors in ((0x04, "warning", 1), (0x20, "passive", 2), (0x80, "passive", 3), (0x08, "passive", 4)):
        device.flags = flags
        polled(adapter)
        assert (adapter.state.value, adapter.error_frames, device.flags) == (state, errors, 0)
    device.deliver(Frame(1, b"", False))
    polled(adapter)

    assert adapter.state.value == "active" and adapter.error_frames == 4
    adapter.close()


@pytest.mark.usefixtures("often")
def test_an_adapter_that_does_not_know_the_flags_is_left_alone_soon(segment):
    segment.devices[0].flags = None
    adapter = open_adapter(slcan(segment.channels[0]))
    polled(adapter)
    segment.devices[0].flags = 0x20
    polled(adapter)

    assert adapter.state.value == "active" and segment.devices[0].flags == 0x20
    adapter.close()


def test_an_adapter_that_tells_our_own_frames_back_is_refused():
    choice = AdapterChoice(interface="virtual", channel="own", options=(("receive_own_messages", "true"),))
    with pytest.raises(BadInput, match="we would hear ourselves"):
        open_adapter(choice)
