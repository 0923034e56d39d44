"""The whole pile: cabinet parts and output circuit, seen and driven by a circuit board with its controller."""

from collections.abc import Callable
from typing import Any, Final

from firmware_model.board import NEVER, SPANS, BusState, Channel, Controller, Din, Dout, Outputs, Span
from firmware_model.board_run import Board
from firmware_model.cabinet.auxiliary import AuxiliarySupply, EmergencyStop, Mains
from firmware_model.cabinet.insulation import Insulation, InsulationMonitor
from firmware_model.cabinet.lock import Lock
from firmware_model.cabinet.pilot import PilotLines
from firmware_model.circuit import OutputCircuit
from firmware_model.clock import Part
from firmware_model.mcu.controller import ChargingController
from firmware_model.mcu.settings import ControllerSettings
from firmware_model.power.stage import Setpoint
from firmware_model.wires.can_bus import CanBus
from firmware_model.wires.can_port import Port
from protocols.core.frame import Frame

MOVING_US: Final = 1_000
_CC1, _PLUG, _AUX = SPANS[Channel.CC1_V], SPANS[Channel.PLUG_POSITIVE_DEGC], SPANS[Channel.AUX_V]
_K1K2, _K3K4, _LOCK = int(Dout.K1K2), int(Dout.K3K4), int(Dout.LOCK)
_STAGE, _BLEEDER, _MONITOR = int(Dout.STAGE), int(Dout.BLEEDER), int(Dout.MONITOR)
_BITS: Final = tuple(int(bit) for bit in Din)
_MOST_KOHM: Final = 0xFFFF


class Pile:
    """A group of parts for the clock (`parts`): its circuit, its sensors, its board.

    Physical conditions are plain attributes of the parts: `emergency`, `mains`, `pilot`, `lock`, `auxiliary`, `insulation`, the
    circuit's contactors and plug, `authorised`, `stop_pressed`, `door_open`, `earth_ok`, `stage_fault`. Whoever changes one calls
    `poke` at that moment; the board sees it at the plant's next step, within 1 ms.
    """

    def __init__(
        self,
        circuit: OutputCircuit,
        bus: CanBus,
        *,
        controller: Controller | None = None,
        settings: ControllerSettings | None = None,
        record: Callable[[int, Any], None] | None = None,
        name: str = "pile",
        start_us: int = 0,
        phase_us: int = 0,
    ) -> None:
        self.circuit = circuit
        self.lock = Lock()
        self.auxiliary = AuxiliarySupply()
        self.pilot = PilotLines()
        self.emergency = EmergencyStop()
        self.mains = Mains()
        self.insulation = Insulation()
        self.monitor = InsulationMonitor(self.insulation)
        self.observe: Callable[[int], None] | None = None
        """Called after each step of the plant, for whoever records the physical truth."""
        self.authorised = self.stop_pressed = self.door_open = self.stage_fault = False
        self.earth_ok = True
        self.fan_on = self.alarm_on = False
        self.facts: tuple[float, ...] = (0, 0, 0.0)
        """Contacts and conditions that no sensor has touched, for whoever records the truth: see `firmware_model.recorder`."""
        self.controller = controller or ChargingController(
            settings, start_us=start_us, phase_us=phase_us, spans=spans_of(circuit), record=record
        )
        self.board = Board(self.controller, self._act, start_us=start_us, phase_us=phase_us)
        self.port = self._join(bus, name)
        self.say: Callable[[Frame, int], object] = self.port.send
        """Where the firmware's frames go; another function lets somebody else speak for the pile."""
        self.show_digital, self.show_analog = self.board.digital, self.board.analog
        self.show_insulation = self.board.insulation
        self.command_stage = circuit.command
        """Where what is sensed and what is wanted of the stage goes; others in their place hand on something else."""
        self._driven = 0
        self._millivolts = self._milliamps = 0
        self.due = start_us
        """When the sensors of lock, K3/K4 and insulation monitor are read next (µs)."""
        self._monitor_at = NEVER
        self._trip = circuit.stage.trip
        self._stirred = True  # something that is not the circuit's may have changed, or is about to
        self._pilot = self._aux = 0
        self._plug = (0, 0)
        self._plug_degc = (0.0, 0.0)
        circuit.after_step = self._stepped
        self._sense(start_us - 1)

    def _join(self, bus: CanBus, name: str) -> Port:
        """The board's CAN controller on *bus*: its error state goes to the firmware, which orders the return from bus-off."""
        port = bus.attach(name, self.board.receive, auto_recover=False)
        port.on_state = lambda state, now: self.board.bus(BusState[state.name], now)
        return port

    @property
    def parts(self) -> tuple[Part, ...]:
        """What the clock steps, in this order: the circuit, the pile's other sensors (the pile itself), the board."""
        return self.circuit, self, self.board

    def tick(self, now: int) -> None:
        """Read the sensors that are not the circuit's."""
        self._sense(now)

    def _stepped(self, now: int) -> None:
        """The circuit has taken a step."""
        if self.circuit.stage.trip is not self._trip:
            self._trip, self._stirred = self.circuit.stage.trip, True
        self._sense(now)
        if self.observe is not None:
            self.observe(now)

    def poke(self, now: int) -> None:
        """A physical condition is about to change, or just has, at *now*."""
        self.circuit.poke(now)
        self._stirred = True
        self.due = min(self.due, (now // MOVING_US + 1) * MOVING_US)

    # ---- from the physical truth to the board ------------------------------------------------------------------------

    def _sense(self, now: int) -> None:
        """Let the board see what is true now; nothing is seen between two calls."""
        if self._stirred:
            self.facts = self._look_around(now)
            stage, mains = self.circuit.stage, self.mains
            stage.mains_present = mains.present
            if mains.present:
                stage.grid_v = mains.voltage_v
            self.show_digital(self._inputs(now), now)
            self._pilot, self._aux = _CC1.counts(self.pilot.cc1_v), _AUX.counts(self.auxiliary.voltage_v(now))
            moving = self._travelling(now)
            self._stirred = moving or self.circuit.travelling(now)
            self.due = (now // MOVING_US + 1) * MOVING_US if moving else self._monitor_at
        self.show_analog(self._counts(), now)
        if self._monitor_at <= now:
            self._read_monitor(now)

    def _look_around(self, now: int) -> tuple[float, ...]:
        """What really is closed, what the world does to the pile, and the voltage of detection point 1."""
        circuit, auxiliary, pilot = self.circuit, self.auxiliary, self.pilot
        closed = (circuit.k1.closed(now), circuit.k2.closed(now), auxiliary.k3.closed(now), auxiliary.k4.closed(now))
        world = (not self.emergency.loop_closed, self.mains.present, self.earth_ok, pilot.button_pressed, pilot.inserted)
        contacts = sum(1 << place for place, is_so in enumerate((*closed, self.lock.locked(now))) if is_so)
        return contacts, sum(1 << place for place, is_so in enumerate(world) if is_so), int(pilot.cc1_v * 100) / 100

    def _inputs(self, now: int) -> int:
        circuit, auxiliary = self.circuit, self.auxiliary
        levels = (
            not self.emergency.loop_closed,
            self.authorised,
            self.stop_pressed,
            self.lock.feedback(now),
            circuit.k1.feedback(now),
            circuit.k2.feedback(now),
            auxiliary.k3.feedback(now),
            auxiliary.k4.feedback(now),
            self.mains.present,
            self.stage_fault or circuit.stage.trip is not None,
            self.door_open,
            self.earth_ok,
        )
        return sum(bit for bit, level in zip(_BITS, levels, strict=True) if level)

    def _counts(self) -> tuple[int, ...]:
        stage_v, interface_v, current_a = self.circuit.instruments
        plus_degc, minus_degc = self.circuit.plug.sensors_degc()
        if (plus_degc, minus_degc) != self._plug_degc:
            self._plug_degc = plus_degc, minus_degc
            self._plug = _PLUG.counts(plus_degc), _PLUG.counts(minus_degc)
        return (stage_v.counts, interface_v.counts, current_a.counts, self._pilot, *self._plug, self._aux)

    def _travelling(self, now: int) -> bool:
        """Whether lock or K3/K4 may change by themselves; the circuit knows about its own contactors."""
        auxiliary = self.auxiliary
        return now < self.lock.settles_at or auxiliary.k3.moving(now) or auxiliary.k4.moving(now)

    def _read_monitor(self, now: int) -> None:
        """Hand over a finished measurement and begin the next."""
        found = self.monitor.result(now, self.circuit.stage_v)
        if found is None:
            self.show_insulation(0, 0, now, valid=False)
        else:
            self.show_insulation(_kohm(found.plus_ohm), _kohm(found.minus_ohm), now, valid=True)
        self.monitor.start(now)
        self._monitor_at = now + self.monitor.measuring_us
        self.due = min(self.due, self._monitor_at) if self.due > now else self._monitor_at

    # ---- from the board to coils, stage and bus ----------------------------------------------------------------------

    def _act(self, now: int, outputs: Outputs) -> None:
        if outputs.gpio != self._driven:
            self._drive(outputs.gpio, now)
            self._command(now, outputs)
        if outputs.current_ma != self._milliamps or outputs.voltage_mv != self._millivolts:
            self._command(now, outputs)
        if outputs.bus_recover:
            self.port.abort()
            self.port.recover(now)
        for frame in outputs.tx:
            self.say(frame, now)

    def _command(self, now: int, outputs: Outputs) -> None:
        self._millivolts, self._milliamps = outputs.voltage_mv, outputs.current_ma
        enabled = bool(outputs.gpio & _STAGE)
        self.command_stage(Setpoint(self._millivolts / 1000, self._milliamps / 1000, enabled), now)

    def _drive(self, gpio: int, now: int) -> None:
        changed, self._driven = gpio ^ self._driven, gpio
        self._stirred = True
        circuit, contacts = self.circuit, bool(gpio & _K1K2)
        circuit.switch(circuit.k1, contacts, now)
        circuit.switch(circuit.k2, contacts, now)
        circuit.bleed(bool(gpio & _BLEEDER), now)
        if changed & (_K3K4 | _LOCK):
            self.auxiliary.command(bool(gpio & _K3K4), now)
            self.lock.command(bool(gpio & _LOCK), now)
            self.due = min(self.due, (now // MOVING_US + 1) * MOVING_US)
        if changed & _MONITOR:
            self._switch_monitor(bool(gpio & _MONITOR), now)
        self.fan_on, self.alarm_on = bool(gpio & Dout.FAN), bool(gpio & Dout.ALARM)

    def _switch_monitor(self, on: bool, now: int) -> None:
        if on:
            self.monitor.start(now)
            self._monitor_at = now + self.monitor.measuring_us
            self.due = min(self.due, self._monitor_at)
        else:
            self.monitor.stop()
            self._monitor_at = NEVER


def spans_of(circuit: OutputCircuit) -> tuple[Span, ...]:
    """The board's converter spans with the instruments that *circuit* has."""
    voltage, interface, current = (Span(sensor.low, sensor.high) for sensor in circuit.instruments)
    return (voltage, interface, current, *SPANS[3:])


def _kohm(r_ohm: float) -> int:
    return min(_MOST_KOHM, int(r_ohm / 1000))
