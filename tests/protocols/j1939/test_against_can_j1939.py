"""Our transport session against can-j1939, another implementation, over python-can's virtual bus, in real time."""

import queue
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from protocols.core.frame import Frame
from protocols.j1939.habits import TransportHabits
from protocols.j1939.reports import Received, Report, Sent
from protocols.j1939.transport import Transport

can = pytest.importorskip("can", reason="python-can is not installed: pip install python-can")
j1939 = pytest.importorskip("j1939", reason="can-j1939 is not installed: pip install can-j1939")

CHARGER, BMS, PGN = 0x56, 0xF4, 0x0200
SIZES = [9, 49, 200, 1785]
PATIENCE_S = 10.0

# No gaps: 255 packets at 10 ms would take 2.6 s, and the other side does not measure them.
QUICK = TransportHabits(first_us=0, gap_us=0)


class Peer:
    """The other implementation at address *address*, with what it has received."""

    def __init__(self, ecu: Any, address: int) -> None:
        self.address = address
        self.received: queue.Queue[tuple[int, int, bytes]] = queue.Queue()
        name = j1939.Name(identity_number=1, manufacturer_code=666)
        self._application = j1939.ControllerApplication(name, address, bypass_address_claim=True)
        ecu.add_ca(controller_application=self._application)
        self._application.subscribe(self._heard)

    def send(self, destination: int, payload: bytes) -> None:
        # It refuses while its own thread has not yet seen the end of the transfer before.
        end = time.monotonic() + PATIENCE_S
        while not self._application.send_pgn(0, PGN >> 8, destination, 6, list(payload)):
            assert time.monotonic() < end, "it never became ready to send"
            time.sleep(0.001)

    def _heard(self, priority: int, pgn: int, source: int, timestamp: float, data: bytearray) -> None:
        self.received.put((pgn, source, bytes(data)))


class Ours:
    """Our session on a bus of its own, driven by the test's thread."""

    def __init__(self, bus: Any, transport: Transport) -> None:
        self.transport = transport
        self.said: list[Frame] = []
        self.heard: list[Frame] = []
        self.events: list[Report] = []
        self._bus = bus

    @property
    def now(self) -> int:
        return time.monotonic_ns() // 1_000

    def run_until(self, done: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        self._drain()
        while not done():
            assert time.monotonic() < end, f"{self.events} after {PATIENCE_S} s"
            deadline = self.transport.deadline
            wait_us = 50_000 if deadline is None else max(0, deadline - self.now)
            message = self._bus.recv(min(wait_us, 50_000) / 1e6)
            if message is not None:
                frame = Frame(message.arbitration_id, bytes(message.data), message.is_extended_id)
                self.heard.append(frame)
                self.transport.receive(frame, self.now)
            self.transport.tick(self.now)
            self._drain()

    def grants(self, frames: list[Frame]) -> list[int]:
        return [frame.data[1] for frame in frames if frame.can_id >> 16 & 0xFF == 0xEC and frame.data[0] == 0x11]

    def _drain(self) -> None:
        for frame in self.transport.frames():
            self.said.append(frame)
            self._bus.send(can.Message(arbitration_id=frame.can_id, data=frame.data, is_extended_id=frame.extended))
        self.events += self.transport.events()


Wire = Callable[..., tuple[Ours, Peer]]


@pytest.fixture(scope="module")
def peers() -> Iterator[Callable[[int, int], tuple[str, Peer]]]:
    """The other side at an address, granting so many packets: its channel, and itself.

    Kept for the whole module, because each takes a second to stop.
    """
    known: dict[tuple[int, int], tuple[str, Peer]] = {}
    stops = []

    def peer(address: int, packets_per_cts: int) -> tuple[str, Peer]:
        key = address, packets_per_cts
        if key not in known:
            channel = f"{__name__} {key}"
            ecu = j1939.ElectronicControlUnit(max_cmdt_packets=packets_per_cts)
            stops.append(ecu.stop)
            ecu.connect(interface="virtual", channel=channel)
            stops.append(ecu.disconnect)
            known[key] = channel, Peer(ecu, address)
        return known[key]

    yield peer
    for stop in reversed(stops):
        stop()


@pytest.fixture
def wire(peers: Callable[[int, int], tuple[str, Peer]]) -> Iterator[Wire]:
    """Our side at an address, on the channel of the other side at the other address."""
    buses = []

    def build(address: int, packets_per_cts: int, *, habits: TransportHabits = QUICK) -> tuple[Ours, Peer]:
        channel, peer = peers(CHARGER + BMS - address, packets_per_cts)
        buses.append(can.Bus(interface="virtual", channel=channel))
        return Ours(buses[-1], Transport(address, habits=habits)), peer

    yield build
    for bus in buses:
        bus.shutdown()


@pytest.mark.parametrize("packets_per_cts", [1, 255])
@pytest.mark.parametrize("size", SIZES)
def test_we_send_to_the_other_implementation(wire: Wire, size: int, packets_per_cts: int) -> None:
    ours, peer = wire(BMS, packets_per_cts)
    payload = bytes(index * 5 & 0xFF for index in range(size))

    ours.transport.send(PGN, payload, CHARGER, ours.now)
    ours.run_until(lambda: bool(ours.events))

    assert ours.events == [Sent(PGN, CHARGER)]
    assert peer.received.get(timeout=PATIENCE_S) == (PGN, BMS, payload)
    packets = -(-size // 7)
    assert len(ours.grants(ours.heard)) == (packets if packets_per_cts == 1 else 1)


@pytest.mark.parametrize(("it_allows", "we_grant"), [(1, 255), (255, 1), (255, 255)])
@pytest.mark.parametrize("size", SIZES)
def test_we_receive_from_the_other_implementation(wire: Wire, size: int, it_allows: int, we_grant: int) -> None:
    ours, peer = wire(CHARGER, it_allows, habits=TransportHabits(grant_packets=we_grant))
    payload = bytes(index * 11 & 0xFF for index in range(size))

    peer.send(CHARGER, payload)
    ours.run_until(lambda: bool(ours.events))

    assert ours.events == [Received(PGN, payload, BMS, CHARGER)]
    packets = -(-size // 7)
    assert len(ours.grants(ours.said)) == (packets if 1 in (it_allows, we_grant) else 1)


@pytest.mark.parametrize("ours_is", [CHARGER, BMS])
def test_both_directions_run_at_once_with_its_defaults(wire: Wire, ours_is: int) -> None:
    ours, peer = wire(ours_is, 1)
    there, back = bytes(range(49)), bytes(range(200, 60, -1))

    peer.send(ours_is, back)
    ours.transport.send(PGN, there, peer.address, ours.now)
    ours.run_until(lambda: len(ours.events) >= 2)

    assert set(ours.events) == {Sent(PGN, peer.address), Received(PGN, back, peer.address, ours_is)}
    assert peer.received.get(timeout=PATIENCE_S) == (PGN, ours_is, there)


def test_the_recorded_pace_of_10_ms_is_kept(wire: Wire) -> None:
    ours, peer = wire(BMS, 255, habits=TransportHabits())
    began = ours.now

    ours.transport.send(PGN, bytes(49), CHARGER, began)
    ours.run_until(lambda: bool(ours.events))

    assert ours.events == [Sent(PGN, CHARGER)]
    assert ours.now - began >= 8_000 + 6 * 10_000
    assert peer.received.get(timeout=PATIENCE_S) == (PGN, BMS, bytes(49))
