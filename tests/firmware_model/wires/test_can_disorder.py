"""Whatever nodes do and whatever the wire suffers, the bus keeps its books."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from firmware_model.clock import NEVER
from firmware_model.wires.can_bus import CanBus
from firmware_model.wires.can_errors import Corruption, ErrorState
from firmware_model.wires.can_frame import frame_bits
from protocols.core.frame import Frame

NAMES = ("a", "b", "c")
names = st.sampled_from(NAMES)
someone = st.none() | st.frozensets(names)


class Disorder(RuleBasedStateMachine):
    def __init__(self):
        super().__init__()
        self.now, self.free = 0, 0
        self.bus = CanBus()
        self.bus.corruptor = lambda frame, sender, now: self.wrong.pop(0) if self.wrong else None
        self.wrong, self.taken, self.wiped, self.good = [], 0, 0, []
        self.ports = {name: self.bus.attach(name, self.receiver(name), tx_depth=3) for name in NAMES}
        self.bus.tap(self.tapped)

    def receiver(self, name):
        def receive(frame, now):
            port = self.ports[name]
            assert port.online
            assert now >= self.now
            if frame.data[:1] == b"?":
                self.taken += port.send(Frame(0x40 | NAMES.index(name), b"!"), now)

        return receive

    def tapped(self, now, frame, name):
        start = now - (frame_bits(frame) - 3) * 4
        assert start >= self.free
        self.free = now + 12
        self.good.append((name, frame))

    @rule(name=names, low=st.integers(0, 3), data=st.sampled_from([b"", b"?", b"data"]), shared=st.booleans())
    def send(self, name, low, data, shared):
        # A shared identifier may collide; the others carry their node.
        can_id = 0x400 if shared else low << 8 | NAMES.index(name)
        self.taken += self.ports[name].send(Frame(can_id, data, False), self.now)

    @rule(name=names, what=st.sampled_from(["attach", "detach", "power_up", "recover"]))
    def change(self, name, what):
        getattr(self.ports[name], what)(self.now)

    @rule(name=names, what=st.sampled_from(["reset", "power_down"]))
    def wipe(self, name, what):
        self.wiped += self.ports[name].pending
        getattr(self.ports[name], what)(self.now)

    @rule(bit=st.integers(0, 40), seen_by=someone, held=st.sampled_from([0, 0, 9]))
    def disturb(self, bit, seen_by, held):
        self.wrong.append(Corruption(bit=bit, seen_by=seen_by, held_bits=held))

    @rule(name=names)
    def wear_out(self, name):
        """Almost bus-off: the next error decides."""
        if not self.ports[name].errors.bus_off:
            self.ports[name].errors.add(tec=250 - self.ports[name].tec)
            self.bus._troubled = True

    @rule(us=st.integers(0, 3) | st.integers(0, 700) | st.just(10_000))
    def wait(self, us):
        end = self.now + us
        while self.bus.due <= end:
            assert self.bus.due >= self.now
            self.now = self.bus.due
            self.bus.tick(self.now)
            assert self.bus.due >= self.now
        self.now = end

    @invariant()
    def no_frame_appears_or_disappears(self):
        ports = self.ports.values()
        assert sum(port.sent for port in ports) + sum(port.pending for port in ports) == self.taken - self.wiped
        assert self.bus.frames == len(self.good)

    @invariant()
    def the_load_is_a_share(self):
        assert 0 <= self.bus.load(self.now) <= 1

    @invariant()
    def a_node_that_could_send_makes_the_bus_due(self):
        ports = self.ports.values()
        if any(port.online and port.pending for port in ports):
            assert self.bus.due < NEVER
        if any(port.state is ErrorState.BUS_OFF and port.powered for port in ports):
            assert self.bus.due < NEVER

    def teardown(self):
        """Once all is well again everything that waits is sent (unless two nodes insist on one identifier)."""
        self.wrong.clear()
        for port in self.ports.values():
            port.power_up(self.now)
            port.attach(self.now)
        shared = [port for port in self.ports.values() if any(entry[0] == 0x400 << 20 for entry in port.box)]
        self.wait(100_000)
        assert len(shared) > 1 or not any(port.pending for port in self.ports.values())


TestDisorder = Disorder.TestCase
TestDisorder.settings = settings(deadline=None, max_examples=60, stateful_step_count=40)
