"""The pile joins board and plant: what the firmware sees is the physical truth, what it drives moves the parts."""

import pytest

from firmware_model.board import SPANS, Channel, Din, Dout, Outputs
from firmware_model.circuit import OutputCircuit
from firmware_model.clock import Clock
from firmware_model.pile import Pile
from firmware_model.power.quasi_static import QuasiStaticStage
from firmware_model.wires.can_bus import CanBus
from protocols.core.frame import Frame

MS = 1_000


class Scripted:
    """Firmware that drives what it is told and notes what it sees."""

    def __init__(self):
        self.outputs = Outputs()
        self.inputs = None

    def step(self, now, inputs):
        self.inputs = inputs
        self.outputs.kick, self.outputs.next_us = 1, now + MS
        return self.outputs


@pytest.fixture
def rig():
    clock, bus, firmware = Clock(), CanBus(), Scripted()
    pile = Pile(OutputCircuit(QuasiStaticStage()), bus, controller=firmware)
    clock.add(bus)
    clock.add(*pile.parts)
    clock.run(5 * MS)
    return clock, pile, firmware, bus


RESTING = Din.MAINS_OK | Din.EARTH_OK


def test_at_rest_the_firmware_sees_an_idle_pile(rig):
    _, _, firmware, _ = rig

    assert firmware.inputs.gpio == RESTING
    assert SPANS[Channel.CC1_V].value(firmware.inputs.adc[Channel.CC1_V]) == pytest.approx(6.0, abs=0.01)
    assert SPANS[Channel.PLUG_NEGATIVE_DEGC].value(firmware.inputs.adc[Channel.PLUG_NEGATIVE_DEGC]) == pytest.approx(25, abs=0.1)
    assert firmware.inputs.adc[Channel.STAGE_V] == firmware.inputs.adc[Channel.AUX_V] == 0


@pytest.mark.parametrize(
    ("part", "name", "value", "bits"),
    [
        ("emergency", "pressed", True, RESTING | Din.EMERGENCY_STOP),
        ("emergency", "wire_broken", True, RESTING | Din.EMERGENCY_STOP),
        ("mains", "voltage_v", 0.0, Din.EARTH_OK),
        (None, "authorised", True, RESTING | Din.START),
        (None, "stop_pressed", True, RESTING | Din.STOP),
        (None, "door_open", True, RESTING | Din.DOOR_OPEN),
        (None, "stage_fault", True, RESTING | Din.STAGE_FAULT),
        (None, "earth_ok", False, Din.MAINS_OK),
    ],
)
def test_every_condition_reaches_the_firmware_within_2_ms(rig, part, name, value, bits):
    clock, pile, firmware, _ = rig
    clock.run(777 * MS + 123)

    setattr(getattr(pile, part) if part else pile, name, value)
    pile.poke(clock.now)
    clock.run(clock.now + 2 * MS)

    assert firmware.inputs.gpio == bits


@pytest.mark.parametrize(
    ("coil", "feedback"),
    [(Dout.LOCK, Din.LOCKED), (Dout.K1K2, Din.K1_CLOSED | Din.K2_CLOSED), (Dout.K3K4, Din.K3_CLOSED | Din.K4_CLOSED)],
)
def test_what_is_driven_moves_and_reports_back_after_its_travel(rig, coil, feedback):
    clock, _, firmware, _ = rig

    firmware.outputs.gpio = int(coil)
    clock.run(clock.now + 5 * MS)
    assert not firmware.inputs.gpio & feedback
    clock.run(clock.now + 400 * MS)
    assert firmware.inputs.gpio == RESTING | feedback

    firmware.outputs.gpio = 0
    clock.run(clock.now + 400 * MS)
    assert firmware.inputs.gpio == RESTING


def test_the_stage_follows_its_set_point_and_the_bleeder_discharges(rig):
    clock, pile, firmware, _ = rig
    out = firmware.outputs
    out.gpio, out.voltage_mv, out.current_ma = int(Dout.STAGE), 400_000, 2_000
    clock.run(clock.now + 2_000 * MS)
    assert pile.circuit.stage_v == pytest.approx(400, abs=1)
    assert SPANS[Channel.STAGE_V].value(firmware.inputs.adc[Channel.STAGE_V]) == pytest.approx(400, abs=1)

    out.gpio = int(Dout.BLEEDER)
    clock.run(clock.now + 1_000 * MS)

    assert pile.circuit.stage_v < 60


def test_the_insulation_monitor_reports_repeatedly_while_it_is_switched_on(rig):
    clock, pile, firmware, _ = rig
    out = firmware.outputs
    pile.insulation.set("fault", plus_ohm=100e3, minus_ohm=20e6)
    out.gpio, out.voltage_mv, out.current_ma = int(Dout.STAGE), 400_000, 2_000
    clock.run(clock.now + 2_000 * MS)

    out.gpio |= int(Dout.MONITOR)
    clock.run(clock.now + 2_700 * MS)

    assert firmware.inputs.monitor_results == 2 and firmware.inputs.monitor_valid == 1
    assert firmware.inputs.monitor_plus_kohm == pytest.approx(99, abs=3)
    out.gpio &= ~int(Dout.MONITOR)
    clock.run(clock.now + 5_000 * MS)
    assert firmware.inputs.monitor_results == 2


def test_a_monitor_without_voltage_says_that_its_result_is_not_valid(rig):
    clock, _, firmware, _ = rig

    firmware.outputs.gpio = int(Dout.MONITOR)
    clock.run(clock.now + 1_400 * MS)

    assert firmware.inputs.monitor_results == 1 and firmware.inputs.monitor_valid == 0


def test_frames_go_out_on_the_bus_and_come_in_from_it(rig):
    clock, _, firmware, bus = rig
    heard = []
    other = bus.attach("other", lambda frame, now: heard.append(frame))
    ours, theirs = Frame(0x1826F456, b"\x01\x01\x00"), Frame(0x182756F4, b"\xa5\x10")
    firmware.outputs.tx = [ours]
    clock.run(clock.now + 1 * MS)
    firmware.outputs.tx = []

    other.send(theirs, clock.now)
    seen = []
    for _ in range(3):
        clock.run(clock.now + MS)
        seen += firmware.inputs.rx

    assert heard[0] == ours and seen == [theirs]


def test_a_frozen_processor_leaves_the_pile_safe(rig):
    clock, pile, firmware, _ = rig
    out = firmware.outputs
    out.gpio, out.voltage_mv, out.current_ma = int(Dout.LOCK | Dout.K3K4 | Dout.STAGE | Dout.K1K2), 400_000, 2_000
    clock.run(clock.now + 2_000 * MS)
    assert pile.lock.locked(clock.now)

    pile.board.freeze(clock.now)
    clock.run(clock.now + 1_200 * MS)

    assert not pile.circuit.k1.closed(clock.now) and pile.auxiliary.voltage_v(clock.now) == 0
    assert pile.circuit.stage_v < 60 and pile.lock.locked(clock.now) and pile.alarm_on


def test_an_idle_pile_is_left_alone():
    clock, bus = Clock(), CanBus()
    pile = Pile(OutputCircuit(QuasiStaticStage()), bus)
    clock.add(bus)
    clock.add(*pile.parts)

    clock.run(60_000 * MS)

    assert pile.board.activations <= 2
    assert clock.wakes <= 620, "the settled plant looks ten times a second"
