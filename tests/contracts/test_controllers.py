"""What every controller behind the board seam must keep, whatever runs it: Python, a shared library, an emulated or a real one.

A controller is tested on a board against a toy pile of a few lines (first-order voltages, contacts with travel times) and a
vehicle that is a session and two contactors. Add a controller by adding its factory to CONTROLLERS.
"""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_model.board import SPANS, Channel, Din, Dout, Inputs
from firmware_model.board_layout import pack_inputs, pack_outputs
from firmware_model.board_run import Board
from firmware_model.mcu.controller import ChargingController
from protocols.core.frame import Frame
from protocols.gbt27930.bms import BmsSession
from protocols.gbt27930.bms_messages import BatteryReport, VehicleIdentity
from protocols.gbt27930.bms_rules import BmsState

CONTROLLERS = {
    "reference": ChargingController,
    "reference, every activation": lambda: ChargingController(tickless=False),
}
MS, S = 1_000, 1_000_000
BATTERY_V, MAX_V = 400.0, 450.0
LOCK_US, CONTACT_US, RESULT_US = 300 * MS, 20 * MS, 200 * MS
# Plain integers where they are used every millisecond: IntFlag is slow.
RESTING = int(Din.MAINS_OK | Din.EARTH_OK)
K1K2, K3K4, LOCKED = int(Din.K1_CLOSED | Din.K2_CLOSED), int(Din.K3_CLOSED | Din.K4_CLOSED), int(Din.LOCKED)
STAGE, BLEEDER, MONITOR, LOCK = int(Dout.STAGE), int(Dout.BLEEDER), int(Dout.MONITOR), int(Dout.LOCK)
FOLLOWERS = {LOCK: (LOCKED, LOCK_US), int(Dout.K1K2): (K1K2, CONTACT_US), int(Dout.K3K4): (K3K4, CONTACT_US)}
CLOSING = (BmsState.PREPARING, BmsState.READY, BmsState.CHARGING)


class Rig:
    """A board with a toy pile and vehicle, stepped every millisecond."""

    def __init__(self, make):
        self.now = 0
        self.board = Board(make(), self._act)
        self.pressed = 0
        self.plugged = False
        self.demand_a = 50.0
        self.plug_degc = 25.0
        self.values = ()
        self.stage_v = self.interface_v = self.current_a = 0.0
        self.insulation_kohm = 1_000
        self.moved = dict.fromkeys(FOLLOWERS, -LOCK_US)
        self.outputs_gpio = 0
        self.contacts = 0
        self.result_at = None
        self.unlocked_at_v = []
        self.stuck = 0
        self.car = BmsSession(0, report=self._report, identity=VehicleIdentity(voltage_max_v=MAX_V))
        self.car_closed = False
        self.car_deaf = False
        self._sense(-1)

    def _report(self, _):
        return BatteryReport(
            demand_v=420.0, demand_a=self.demand_a, constant_voltage=False, voltage_v=BATTERY_V,
            current_a=self.current_a, soc_pct=50.0, cell_max_v=3.7, cell_min_v=3.6,
        )  # fmt: skip

    def _act(self, now, outputs):
        pack_outputs(outputs)  # everything fits its word
        changed = self.outputs_gpio ^ outputs.gpio
        for coil in FOLLOWERS:
            if changed & coil:
                self.moved[coil] = now
        if changed & LOCK and not outputs.gpio & LOCK:
            self.unlocked_at_v.append(self.interface_v)
        self.outputs_gpio = outputs.gpio
        if not self.car_deaf and self.plugged:
            for frame in outputs.tx:
                self.car.receive(frame, now)

    def run(self, us):
        for _ in range(us // MS):
            self.now += MS
            self._move()
            self._drive_car()
            self._sense(self.now)
            self.board.tick(self.now)

    def _move(self):
        gpio, now = self.outputs_gpio, self.now
        for coil, (bits, travel_us) in FOLLOWERS.items():
            if now - self.moved[coil] >= travel_us:
                self.contacts = self.contacts | bits if gpio & coil else self.contacts & ~(bits & ~self.stuck)
        outputs = self.board.outputs
        joined = self.contacts & K1K2 == K1K2
        battery_v = BATTERY_V if self.car_closed and self.plugged else 0.0
        if joined and battery_v:
            self.stage_v = battery_v
        elif gpio & STAGE:
            self.stage_v += (outputs.voltage_mv / 1000 - self.stage_v) * 0.02
        elif gpio & BLEEDER:
            self.stage_v *= 0.99
        self.interface_v = self.stage_v if joined else battery_v
        wanted = outputs.current_ma / 1000 if joined and battery_v and gpio & STAGE else 0.0
        self.current_a = wanted if gpio & STAGE else 0.0

    def _drive_car(self):
        car, now = self.car, self.now
        powered = bool(self.contacts & K3K4) and self.plugged
        if powered and car.state is BmsState.ASLEEP:
            car.wake(now)
        elif not powered and car.state is not BmsState.ASLEEP:
            car.sleep(now)
        closing = car.state in CLOSING
        self.car_closed = closing or (self.car_closed and self.current_a > 5)
        if car.state is BmsState.PREPARING:
            car.prepared(now)
        car.tick(now)
        car.events()
        frames = car.frames()
        if not self.car_deaf and self.plugged:
            for frame in frames:
                self.board.receive(frame, now)

    def _sense(self, now):
        board = self.board
        board.digital((RESTING ^ self.pressed) | self.contacts, now)
        cc1_v = 4.0 if self.plugged else 6.0
        values = (self.stage_v, self.interface_v, self.current_a, cc1_v, self.plug_degc, 25.0, 12.0)
        if values != self.values:
            self.values = values
            board.analog([span.counts(value) for span, value in zip(SPANS, values, strict=True)], now)
        if not self.outputs_gpio & MONITOR:
            self.result_at = None
        elif self.result_at is None:
            self.result_at = now + RESULT_US
        elif now >= self.result_at:
            board.insulation(self.insulation_kohm, self.insulation_kohm, now, valid=True)
            self.result_at = now + RESULT_US


def press(bits):
    return lambda rig: setattr(rig, "pressed", rig.pressed | int(bits))


def release(bits):
    return lambda rig: setattr(rig, "pressed", rig.pressed & ~int(bits))


def put(**values):
    def deed(rig):
        for name, value in values.items():
            setattr(rig, name, value)

    return deed


DEEDS = {
    "authorise": press(Din.START),
    "withdraw": release(Din.START),
    "press stop": press(Din.STOP),
    "release stop": release(Din.STOP),
    "press emergency": press(Din.EMERGENCY_STOP),
    "release emergency": release(Din.EMERGENCY_STOP),
    "mains lost": press(Din.MAINS_OK),
    "mains back": release(Din.MAINS_OK),
    "stage fault": press(Din.STAGE_FAULT),
    "stage well": release(Din.STAGE_FAULT),
    "plug in": put(plugged=True),
    "pull out": put(plugged=False),
    "deaf": put(car_deaf=True),
    "hears": put(car_deaf=False),
    "more": put(demand_a=90.0),
    "none": put(demand_a=0.0),
    "hot": put(plug_degc=120.0),
    "cool": put(plug_degc=25.0),
    "leak": put(insulation_kohm=10),
    "welded": put(stuck=int(Din.K1_CLOSED)),
}
STORIES = st.lists(st.tuples(st.sampled_from(sorted(DEEDS)), st.sampled_from([1, 5, 20, 100, 500, 2_000])), max_size=6)
QUIET = settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(params=CONTROLLERS, scope="module")
def make(request):
    return CONTROLLERS[request.param]


def tell(rig, story):
    for deed, wait_ms in story:
        DEEDS[deed](rig)
        rig.run(wait_ms * MS)
    return rig


def beginning(lead_ms):
    return [("authorise", 1), ("plug in", lead_ms)]


def test_outputs_are_safe_at_power_up(make):
    rig = Rig(make)
    assert rig.board.outputs.gpio == 0 and not rig.board.outputs.tx

    rig.run(500 * MS)

    assert rig.outputs_gpio == 0
    assert rig.board.outputs.current_ma == 0 and not rig.board.outputs.tx


def test_a_charge_is_possible_at_all(make):
    rig = tell(Rig(make), beginning(8_000))

    assert rig.current_a == pytest.approx(50.0)

    tell(rig, [("press stop", 100), ("release stop", 10_000)])
    assert rig.outputs_gpio == 0 and not rig.contacts and rig.unlocked_at_v


def test_a_locked_connector_at_power_up_is_unlocked_only_when_safe(make):
    """A restart of the processor must not let go of a live connector."""
    rig = tell(Rig(make), beginning(8_000))
    assert rig.interface_v > 60

    rig.board.restart(make(), rig.now)
    assert not rig.outputs_gpio & ~LOCK
    rig.run(20_000 * MS)

    assert rig.unlocked_at_v and max(rig.unlocked_at_v) < 60


@QUIET
@given(story=STORIES, lead_ms=st.integers(0, 9_000))
def test_the_emergency_stop_always_opens_k1_k2_within_100_ms(make, story, lead_ms):
    rig = tell(Rig(make), beginning(lead_ms))
    tell(rig, story)

    rig.pressed |= int(Din.EMERGENCY_STOP)
    rig.run(100 * MS)

    assert not rig.outputs_gpio & int(Dout.K1K2 | Dout.STAGE)
    assert not rig.contacts & ~rig.stuck & K1K2
    assert rig.current_a == 0


@QUIET
@given(story=STORIES, lead_ms=st.integers(0, 9_000))
def test_unlocking_implies_less_than_60_v(make, story, lead_ms):
    rig = tell(Rig(make), [*beginning(lead_ms), *story])
    rig.run(1_000 * MS)

    assert all(volts < 60 for volts in rig.unlocked_at_v)


@QUIET
@given(story=STORIES, lead_ms=st.integers(0, 9_000))
def test_current_flows_only_through_a_locked_connected_plug(make, story, lead_ms):
    rig = Rig(make)
    for deed, wait_ms in [*beginning(lead_ms), *story]:
        DEEDS[deed](rig)
        rig.run(min(wait_ms, 60) * MS)
        for _ in range(max(0, wait_ms - 60) // 20):
            rig.run(20 * MS)
            if rig.current_a > 5:
                assert rig.plugged and rig.contacts & LOCKED
                assert not rig.pressed & ~int(Din.START | Din.MAINS_OK | Din.STOP)


frames = st.builds(
    Frame,
    st.sampled_from([0x182756F4, 0x1CEC56F4, 0x1CEB56F4, 0x100956F4, 0x181056F4, 0x181356F4, 0x101956F4, 0x181C56F4, 0x081E56F4])
    | st.integers(0, 0x1FFFFFFF),
    st.binary(max_size=8),
)


@QUIET
@given(bursts=st.lists(st.lists(frames, max_size=40), max_size=20), lead_ms=st.integers(0, 9_000))
def test_garbage_frames_never_crash_nor_switch_anything_on(make, bursts, lead_ms):
    rig = tell(Rig(make), [("plug in", 1)])
    for burst in bursts:
        for frame in burst:
            rig.board.receive(frame, rig.now)
        rig.run(5 * MS)
    assert rig.outputs_gpio == 0

    tell(rig, [("authorise", lead_ms)])
    for burst in bursts:
        for frame in burst:
            rig.board.receive(frame, rig.now)
        rig.run(50 * MS)
    assert len(rig.board.mailboxes.waiting) <= rig.board.mailboxes.depth


@QUIET
@given(
    gpio=st.integers(0, 0xFFFFFFFF),
    adc=st.lists(st.integers(0, 4095), min_size=len(Channel), max_size=len(Channel)),
    monitor=st.tuples(*[st.integers(0, 0xFFFF)] * 2, *[st.integers(0, 255)] * 2),
    nvm=st.lists(st.integers(0, 0xFFFFFFFF), min_size=8, max_size=8),
    steps=st.integers(1, 30),
)
def test_any_input_is_answered_with_kick_and_valid_outputs(make, gpio, adc, monitor, nvm, steps):
    controller, inputs = make(), Inputs()
    inputs.gpio, inputs.adc, inputs.nvm = gpio, adc, nvm
    inputs.monitor_plus_kohm, inputs.monitor_minus_kohm, inputs.monitor_valid, inputs.monitor_results = monitor
    for step in range(steps):
        inputs.tick_us, inputs.wake = step * 100 * MS, 0xF
        pack_inputs(inputs)

        outputs = controller.step(step * 100 * MS, inputs)

        assert outputs.kick and pack_outputs(outputs)
        assert outputs.next_us > 0
