"""Two or three transport sessions over a channel that loses, repeats, delays and reorders."""

import heapq
from collections import deque
from collections.abc import Iterator

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from protocols.core.errors import LocalError
from protocols.core.frame import Frame
from protocols.j1939 import control
from protocols.j1939.habits import OnGap, OnRepeat, TransportHabits
from protocols.j1939.reports import Aborted, Irregular, Received, Report, Role, Sent, TransferTimedOut
from protocols.j1939.transport import Transport

CHARGER, BMS, THIRD, PGN = 0x56, 0xF4, 0x10, 0x1100
DELAY_MAX_US = 40_000

habits = st.builds(
    TransportHabits,
    answer_us=st.sampled_from([0, 1_500]),
    first_us=st.sampled_from([0, 8_000]),
    gap_us=st.sampled_from([0, 1_000, 10_000]),
    grant_packets=st.sampled_from([1, 2, 3, 7, 255]),
    announce_packets=st.sampled_from([None, 1, 5, 255]),
    hold_us=st.sampled_from([0, 0, 300_000, 600_000]),
    on_gap=st.sampled_from(OnGap),
    on_repeat=st.sampled_from(OnRepeat),
    rerequests=st.integers(0, 3),
    retransmissions=st.integers(0, 3),
    abort_on_timeout=st.booleans(),
)
payloads = st.one_of(st.binary(min_size=9, max_size=60), st.integers(9, 1785).map(bytes))

# What happens to one frame: after how long each copy of it arrives. No copy: it is lost.
intact = st.just((300,))
fates = st.one_of(
    intact,
    intact,
    intact,
    st.just(()),
    st.tuples(st.integers(0, DELAY_MAX_US)),
    st.tuples(st.integers(0, DELAY_MAX_US), st.integers(0, DELAY_MAX_US)),
)


class Channel:
    """Virtual time, two sessions, and a list of what happens to each frame in turn; frames beyond it arrive intact."""

    def __init__(self, nodes: list[Transport], doom: list[tuple[int, ...]]) -> None:
        self.now = 0
        self.nodes = {node.address: node for node in nodes}
        self.events: dict[int, list[Report]] = {node.address: [] for node in nodes}
        self.requests_heard = 0
        self._doom = iter(doom)
        self._flying: list[tuple[int, int, Frame]] = []
        self._count = 0

    def settle(self) -> None:
        """Let time pass until nobody has anything to say or to wait for."""
        while (due := min(self._dues(), default=None)) is not None:
            self.now = max(self.now, due)
            for node in self.nodes.values():
                node.tick(self.now)
                self.collect(node)
            while self._flying and self._flying[0][0] <= self.now:
                _, _, frame = heapq.heappop(self._flying)
                node = self.nodes[frame.can_id >> 8 & 0xFF]
                self.requests_heard += frame.data[0] == control.RTS and frame.can_id >> 16 & 0xFF == 0xEC
                node.receive(frame, self.now)
                self.collect(node)

    def collect(self, node: Transport) -> None:
        self.events[node.address] += node.events()
        for frame in node.frames():
            for delay in next(self._doom, (300,)):
                self._count += 1
                heapq.heappush(self._flying, (self.now + delay, self._count, frame))

    def ends(self, address: int, role: Role) -> list[Report]:
        return [event for event in self.events[address] if role_of(event) is role]

    def _dues(self) -> Iterator[int]:
        yield from (node.deadline for node in self.nodes.values() if node.deadline is not None)
        yield from (arrival for arrival, _, _ in self._flying[:1])


def role_of(event: Report) -> Role | None:
    """Our part in the transfer that *event* ended; None if it ended none."""
    match event:
        case Irregular():
            return None
        case Sent():
            return Role.ORIGINATOR
        case Received():
            return Role.RESPONDER
        case Aborted(role=role) | TransferTimedOut(role=role):
            return role


def pair(bms: TransportHabits, charger: TransportHabits, doom: list[tuple[int, ...]]) -> Channel:
    return Channel([Transport(BMS, habits=bms), Transport(CHARGER, habits=charger)], doom)


@settings(max_examples=300, deadline=None)
@given(bms=habits, charger=habits, payload=payloads, doom=st.lists(fates, max_size=40))
def test_a_transfer_ends_exactly_once_on_each_side_whatever_the_channel_does(
    bms: TransportHabits, charger: TransportHabits, payload: bytes, doom: list[tuple[int, ...]]
) -> None:
    channel = pair(bms, charger, doom)
    channel.nodes[BMS].send(PGN, payload, CHARGER, 0)
    channel.collect(channel.nodes[BMS])

    channel.settle()

    sent, received = channel.ends(BMS, Role.ORIGINATOR), channel.ends(CHARGER, Role.RESPONDER)
    assert len(sent) == 1
    assert len(received) == channel.requests_heard
    whole = [event for event in received if isinstance(event, Received)]
    assert all(event == Received(PGN, payload, BMS, CHARGER) for event in whole)
    if isinstance(sent[0], Sent):
        assert whole
    assert not channel.nodes[BMS].open() and not channel.nodes[CHARGER].open()


@settings(max_examples=100, deadline=None)
@given(
    transfers=st.lists(st.tuples(st.booleans(), payloads), min_size=1, max_size=4),
    habits_of_both=st.tuples(habits, habits),
    doom=st.lists(fates, max_size=60),
)
def test_transfers_one_after_the_other_never_mix(
    transfers: list[tuple[bool, bytes]],
    habits_of_both: tuple[TransportHabits, TransportHabits],
    doom: list[tuple[int, ...]],
) -> None:
    channel = pair(*habits_of_both, doom)
    for from_bms, payload in transfers:
        sender, receiver = (BMS, CHARGER) if from_bms else (CHARGER, BMS)
        before = len(channel.ends(receiver, Role.RESPONDER))
        node = channel.nodes[sender]
        node.send(PGN, payload, receiver, channel.now)
        channel.collect(node)
        channel.settle()
        channel.now += DELAY_MAX_US

        news = channel.ends(receiver, Role.RESPONDER)[before:]
        assert all(event.payload == payload for event in news if isinstance(event, Received))


@settings(max_examples=100, deadline=None)
@given(bms=habits, charger=habits, there=payloads, back=payloads)
def test_a_good_channel_loses_nothing_in_either_direction(
    bms: TransportHabits, charger: TransportHabits, there: bytes, back: bytes
) -> None:
    channel = pair(bms, charger, [])
    for sender, receiver, payload in ((BMS, CHARGER, there), (CHARGER, BMS, back)):
        channel.nodes[sender].send(PGN, payload, receiver, 0)
        channel.collect(channel.nodes[sender])

    channel.settle()

    assert sorted(map(str, channel.events[BMS])) == sorted(map(str, [Sent(PGN, CHARGER), Received(PGN, back, CHARGER, BMS)]))
    assert sorted(map(str, channel.events[CHARGER])) == sorted(map(str, [Sent(PGN, BMS), Received(PGN, there, BMS, CHARGER)]))


@settings(max_examples=100, deadline=None)
@given(lost=st.sets(st.integers(1, 7), max_size=4), grant=st.integers(1, 7))
def test_lost_packets_are_made_good_unless_the_end_of_a_grant_is_lost(lost: set[int], grant: int) -> None:
    bms, charger = TransportHabits(), TransportHabits(grant_packets=grant, rerequests=10)
    ends_of_grants = {*range(grant, 7, grant), 7}
    grants_before = [-(-sequence // grant) for sequence in range(1, 8)]
    doom: list[tuple[int, ...]] = [(300,)]  # the RTS
    for sequence in range(1, 8):
        if sequence == 1 or grants_before[sequence - 1] != grants_before[sequence - 2]:
            doom.append((300,))  # a CTS
        doom.append(() if sequence in lost else (300,))
        if sequence in lost and sequence in ends_of_grants:
            break
        if sequence in ends_of_grants and any(grants_before[other - 1] == grants_before[sequence - 1] for other in lost):
            break  # From here on the repetition is intact.
    channel = pair(bms, charger, doom)
    channel.nodes[BMS].send(PGN, bytes(range(49)), CHARGER, 0)
    channel.collect(channel.nodes[BMS])

    channel.settle()

    ended = [type(event) for event in channel.ends(CHARGER, Role.RESPONDER)]
    first_trouble = min((-(-sequence // grant) for sequence in lost), default=0)
    end_is_lost = min(7, first_trouble * grant) in lost
    assert ended == [TransferTimedOut if end_is_lost else Received]


class AnyOrder(RuleBasedStateMachine):
    """Three nodes on a bus that keeps the order of frames but may lose or repeat them; owners who do what they like.

    Each transfer has a PGN of its own, so that every end can be told from every other.
    """

    def __init__(self) -> None:
        super().__init__()
        self.now = 0
        self.nodes = {address: Transport(address) for address in (BMS, CHARGER, THIRD)}
        self.bus: deque[Frame] = deque()
        self.payloads: dict[int, bytes] = {}
        self.ended: dict[tuple[int, Role, int], int] = {}
        self.opened: dict[tuple[int, Role, int], int] = {}

    @rule(
        sender=st.sampled_from([BMS, CHARGER, THIRD]),
        receiver=st.sampled_from([BMS, CHARGER, THIRD]),
        payload=st.binary(min_size=9, max_size=40),
        replace=st.booleans(),
    )
    def send(self, sender: int, receiver: int, payload: bytes, replace: bool) -> None:
        pgn = len(self.payloads) + 1 << 8
        try:
            self.nodes[sender].send(pgn, payload, receiver, self.now, replace=replace)
        except LocalError:
            return
        self.payloads[pgn] = payload
        self.note(self.opened, sender, Role.ORIGINATOR, pgn)
        self.drain()

    @precondition(lambda self: self.bus)
    @rule(copies=st.sampled_from([1, 1, 1, 1, 0, 2]))
    def carry(self, copies: int) -> None:
        frame = self.bus.popleft()
        node = self.nodes[frame.can_id >> 8 & 0xFF]
        for _ in range(copies):
            if frame.can_id >> 16 & 0xFF == 0xEC and frame.data[0] == control.RTS:
                self.note(self.opened, node.address, Role.RESPONDER, control.pgn_of(frame.data))
            node.receive(frame, self.now)
            self.drain()

    @precondition(lambda self: self.bus)
    @rule()
    def carry_all(self) -> None:
        while self.bus:
            self.carry(1)

    @rule(us=st.one_of(st.integers(0, 30_000), st.integers(0, 1_500_000)))
    def wait(self, us: int) -> None:
        end = self.now + us
        while (due := self.due()) is not None and due <= end:
            self.now = max(self.now, due)
            for node in self.nodes.values():
                node.tick(self.now)
            self.drain()
        self.now = end

    @rule(node=st.sampled_from([BMS, CHARGER, THIRD]), peer=st.sampled_from([BMS, CHARGER, THIRD]), release=st.booleans())
    def hold_or_release(self, node: int, peer: int, release: bool) -> None:
        try:
            if release:
                self.nodes[node].release(peer, self.now)
            else:
                self.nodes[node].hold(peer)
        except LocalError:
            return
        self.drain()

    @rule(
        node=st.sampled_from([BMS, CHARGER, THIRD]),
        peer=st.sampled_from([BMS, CHARGER, THIRD]),
        role=st.sampled_from(Role),
    )
    def abandon(self, node: int, peer: int, role: Role) -> None:
        try:
            self.nodes[node].abandon(peer, role)
        except LocalError:
            return
        self.drain()

    @invariant()
    def each_transfer_is_open_or_has_ended_once(self) -> None:
        still_open: dict[tuple[int, Role, int], int] = {}
        for address, node in self.nodes.items():
            for role, _, pgn in node.open():
                self.note(still_open, address, role, pgn)
        for key, count in self.opened.items():
            assert count == self.ended.get(key, 0) + still_open.get(key, 0), (key, self.now)
        assert self.ended.keys() <= self.opened.keys()

    def teardown(self) -> None:
        for address, node in self.nodes.items():
            for role, peer, _ in node.open():
                if role is Role.RESPONDER:
                    node.release(peer, self.now)
            assert address == node.address
        self.drain()
        while self.bus or self.due() is not None:
            self.carry_all()
            self.wait(1_000)
        assert not any(node.open() for node in self.nodes.values())

    def drain(self) -> None:
        for address, node in self.nodes.items():
            self.bus.extend(node.frames())
            for event in node.events():
                role = role_of(event)
                if role is not None and not isinstance(event, Irregular):
                    self.note(self.ended, address, role, event.pgn)
                if isinstance(event, Received):
                    assert event.payload == self.payloads[event.pgn]

    def due(self) -> int | None:
        return min((node.deadline for node in self.nodes.values() if node.deadline is not None), default=None)

    @staticmethod
    def note(book: dict[tuple[int, Role, int], int], address: int, role: Role, pgn: int) -> None:
        book[address, role, pgn] = book.get((address, role, pgn), 0) + 1


TestAnyOrder = AnyOrder.TestCase
TestAnyOrder.settings = settings(max_examples=80, stateful_step_count=50, deadline=None)
