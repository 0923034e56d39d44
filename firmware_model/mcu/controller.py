"""The charging controller: joins the session with the vehicle and the hardware sequence of the pile.

Three tasks on their grids: 1 ms (mailboxes, session, protections, sequence), 10 ms (current ramp), 100 ms (metering,
temperatures, fan). Every activation runs the 1 ms task; the others when they asked for it. An activation that the board leaves
out would have changed nothing: decisions depend on time limits (announced in `Outputs.next_us`), on digital inputs and comparator
bits (the board wakes on their change), or on analogue values in states that ask for every activation.
"""

from collections.abc import Callable, Sequence
from typing import Any

from firmware_model.board import NEVER, SPANS, Din, Dout, Inputs, Outputs, Span, Wake
from firmware_model.mcu.bus import BusWatch
from firmware_model.mcu.drivers import BUS_LOST, Comparators, Readings
from firmware_model.mcu.insulation import Verdict
from firmware_model.mcu.metering import PERIOD_US as SAMPLE_PERIOD_US
from firmware_model.mcu.output import RAMP_PERIOD_US, SetPoints
from firmware_model.mcu.protection import LATCHED, Fault, Guard, Guards
from firmware_model.mcu.sequence import COILS, DRIVING, STARTED, PileState
from firmware_model.mcu.sequencer import ACTIVATION_US, Sequencer, milli
from firmware_model.mcu.settings import ControllerSettings
from firmware_model.mcu.supervision import Supervision
from firmware_model.mcu.tasks import Task, Tasks
from protocols.core.message import Message
from protocols.gbt27930.charger import ChargerSession
from protocols.gbt27930.charger_messages import ChargerRating, ChargerReport
from protocols.gbt27930.charger_rules import StopCause
from protocols.gbt27930.editions import EDITIONS, Edition
from protocols.gbt27930.habits import ChargerHabits
from protocols.gbt27930.messages import BCP, BHM

S = PileState
_CHANGED = int(Wake.DIGITAL | Wake.ANALOG | Wake.MONITOR | Wake.BUS)
_ALARM = int(Dout.ALARM)
_LOCKED = int(Din.LOCKED)
_FAULTS = tuple(Fault)
_LATCHED_WORD = 2
"""The word of the non-volatile memory that keeps latched faults; 0 and 1 are the meter's."""


class ChargingController:
    """The firmware of a one-connector pile. See `firmware_model.board.Controller` for the obligations.

    *record* is told the time and every event of the session and of the sequence, for the trace. *spans* describe the board's
    converters. With *tickless* off every activation of the grid is asked for and runs every task: the reference for tests.
    """

    def __init__(
        self,
        settings: ControllerSettings | None = None,
        *,
        start_us: int = 0,
        phase_us: int = 0,
        edition: Edition = EDITIONS["2015"],
        habits: ChargerHabits | None = None,
        spans: Sequence[Span] = SPANS,
        tickless: bool = True,
        record: Callable[[int, Any], None] | None = None,
    ) -> None:
        self.settings = settings = settings or ControllerSettings()
        self.outputs = Outputs()
        self.latched: set[Fault] = set()
        """Faults of the pile itself, kept until `service`."""
        self._record = record
        self._notes: list[Any] = []
        self._readings = Readings(spans)
        cc1_mv = {"cc1_low_mv": milli(settings.cc1_low_v), "cc1_high_mv": milli(settings.cc1_high_v)}
        self._comparators = Comparators(self._readings.converters, **cc1_mv)
        self._points = SetPoints(self.outputs, rise_a_per_s=settings.rise_a_per_s, fall_a_per_s=settings.fall_a_per_s)
        self._supervision = Supervision(settings, self._readings, self._comparators)
        self._guards = Guards(settings)
        self._bus = BusWatch(settings)
        self.session = ChargerSession(start_us, report=self._report, edition=edition, habits=habits, rating=_rating(settings))
        self._sequencer = Sequencer(
            settings, self.session, self._readings, self._points, note=self._notes.append, startable=self._startable
        )
        self._ramp = Task(self._ramp_step, period_us=RAMP_PERIOD_US, phase_us=phase_us)
        self._sample = Task(self._sample_step, period_us=SAMPLE_PERIOD_US, phase_us=phase_us)
        self.slow_tasks = {"ramp": self._ramp, "sample": self._sample}
        """The tasks besides the fast one, by name."""
        self._tasks = Tasks(tuple(self.slow_tasks.values()), tickless=tickless)
        self._every = not tickless
        self._attend_at = 0
        self._slow_at = NEVER
        self._seen_state = self.session.state
        self._heard = self.session.latest
        """What the vehicle has said; always the same mapping."""
        self._demanded: Message | None = None
        self._restored = False
        self._reported_adc: Sequence[int] | None = None
        self._report_now = ChargerReport(voltage_v=0.0, current_a=0.0, energy_wh=0.0)

    @property
    def state(self) -> PileState:
        """The step of the hardware sequence."""
        return self._sequencer.state

    @property
    def faults(self) -> frozenset[Fault]:
        """What went wrong in this charge, and what is latched."""
        return frozenset(self._sequencer.faults | self.latched)

    @property
    def energy_wh(self) -> float:
        """Energy delivered in this charge, as metered."""
        return self._supervision.meter.energy_wh

    @property
    def insulation(self) -> Verdict | None:
        """The last verdict of the insulation test, None before the first."""
        return self._sequencer.insulation.last

    def service(self) -> None:
        """Clear latched faults, as a technician does."""
        self.latched.clear()
        self.outputs.nvm[_LATCHED_WORD] = 0

    # ---- one activation ----------------------------------------------------------------------------------------------

    def step(self, now: int, inputs: Inputs) -> Outputs:
        # Most activations bring one frame or send one: for them nothing else is asked, and what cannot have changed not at all.
        session, outputs, every, rx = self.session, self.outputs, self._every, inputs.rx
        timers = session.timers
        self._readings.inputs = inputs
        if self._sequencer.state is not self._sequencer.copy:
            outputs.tx = ()  # and no kick: the watchdog brings everything into the safe state and starts the processor anew
            return outputs
        for frame in rx:
            session.receive(frame, now)
        deadline = timers.deadline
        if every or (deadline is not None and deadline <= now):
            session.tick(now)
        # The session reports every change of its state, so that one who has nothing to report is still in the same.
        if (
            every
            or now >= self._attend_at
            or inputs.wake & _CHANGED
            or (session.reports and session.state is not self._seen_state)
        ):
            self._attend(now, inputs)
        if self._sequencer.state is S.CHARGE and self._heard.get("BCL") is not self._demanded:
            self._follow(now)
        if every or now >= self._slow_at:
            self._slow_at = self._tasks.run(now)
        outputs.tx = session.frames() if session.outbox else ()
        if session.reports or self._notes:
            self._tell(session.events(), now)
        outputs.kick = 1
        following, slow, deadline = self._attend_at, self._slow_at, timers.deadline
        if every:
            following = now + ACTIVATION_US
        elif slow < following:
            following = slow
        outputs.next_us = deadline if deadline is not None and deadline < following else following
        return outputs

    def _tell(self, events: Sequence[Any], now: int) -> None:
        if self._record is not None:
            for event in (*self._notes, *events):
                self._record(now, event)
        self._notes.clear()

    # ---- 1 ms: protections and sequence ------------------------------------------------------------------------------

    def _attend(self, now: int, inputs: Inputs) -> None:
        sequencer, session = self._sequencer, self.session
        if not self._restored:
            self._restore(now, inputs)
        before, said, known = sequencer.state, session.state, len(sequencer.faults)
        self._notes.extend(session.events())  # what was heard comes before what is made of it
        self._look(inputs, now)
        fired = self._guards.check(before, sequencer.word, now)
        for guard in fired:
            self._react(guard, now)
        if not fired:
            sequencer.run(now)
        self._seen_state = session.state
        if fired or sequencer.state is not before or len(sequencer.faults) != known:
            self._entered(before, now, inputs)
        elif session.state is said:
            self._drive_coils()  # whatever has become of their image
            self._attend_at = min(sequencer.due, self._guards.due, self._bus.due)
            return
        self._attend_at = now + ACTIVATION_US

    def _look(self, inputs: Inputs, now: int) -> None:
        """Put all conditions into one word, and look after the CAN controller."""
        bits = self._comparators.compare(inputs.adc, self.outputs)
        if self._bus.look(inputs.bus_state, now):
            self.outputs.bus_recover = 1
        self._sequencer.word = inputs.gpio | bits | self._supervision.bits | (BUS_LOST if self._bus.lost else 0)

    def _react(self, guard: Guard, now: int) -> None:
        if guard.fault is None:
            self.session.stop(guard.cause, now)
        else:
            self._sequencer.fail(guard.fault, guard.cause, now, clause=guard.clause)
        self._sequencer.move(guard.step, now)

    def _startable(self) -> bool:
        return not self.latched and self._guards.startable(self._sequencer.word)

    def _entered(self, before: PileState, now: int, inputs: Inputs) -> None:
        """What a new state or fault means for coils, set points, limits and the slow tasks."""
        state = self._sequencer.state
        if state is not before:
            self._take_state(state, now)
        self.latched |= self._sequencer.faults & LATCHED
        self.outputs.nvm[_LATCHED_WORD] = sum(1 << _FAULTS.index(fault) for fault in self.latched)
        self._drive_coils()
        self._comparators.limit_voltage(milli(self._voltage_limit_v() * self.settings.over_voltage_ratio))
        self._comparators.compare(inputs.adc, self.outputs)

    def _take_state(self, state: PileState, now: int) -> None:
        if state is S.LOCKING:
            self._sequencer.faults.clear()
            self._supervision.meter.begin()
        elif state is S.AUX_OFF:
            self._supervision.meter.save(self.outputs.nvm, whatever=True)
        if state not in DRIVING:
            self._points.drive(0, 0)
        elif state is S.READY:
            self._points.drive(self.outputs.voltage_mv, 0)
        self._demanded = None
        if state in STARTED:
            self._ask(self._sample, now)
        if self._points.moving:
            self._ask(self._ramp, now)

    def _drive_coils(self) -> None:
        state = self._sequencer.state
        alarm = _ALARM if self._sequencer.faults or self.latched else 0
        self.outputs.gpio = COILS[state] | alarm | self._supervision.fan

    def _voltage_limit_v(self) -> float:
        """The vehicle's maximum as far as it is known, within the own rating."""
        most = self.settings.voltage_max_v
        told = self._heard.get("BCP") or self._heard.get("BHM")
        if isinstance(told, BCP | BHM):
            return min(told.voltage_max_v, most)
        return most

    def _follow(self, now: int) -> None:
        """Take over a new demand."""
        self._demanded = self._heard.get("BCL")
        demand = self.session.demand
        self._points.follow(milli(demand.voltage_v), min(milli(demand.current_a), self._supervision.derated_ma))
        if self._points.moving:
            self._ask(self._ramp, now)

    # ---- 10 ms and 100 ms --------------------------------------------------------------------------------------------

    def _ask(self, task: Task, now: int) -> None:
        task.ask(now)
        if task.due < self._slow_at:
            self._slow_at = task.due

    def _ramp_step(self, now: int) -> int:
        before = self.outputs.current_ma
        due = self._points.ramp(now)
        if self.outputs.current_ma != before:
            self._supervision.set_point_moved(self.outputs.current_ma, now)
            self._attend_at = now + ACTIVATION_US
        return due

    def _sample_step(self, now: int) -> int:
        state = self._sequencer.state
        if state not in STARTED:
            return NEVER
        changed = self._supervision.sample(self.outputs.current_ma, now)
        self._drive_coils()
        if changed:
            self._demanded = None
            self._attend_at = now + ACTIVATION_US
        meter, limit_wh = self._supervision.meter, self.settings.energy_limit_wh
        meter.save(self.outputs.nvm)
        if limit_wh and state is S.CHARGE and meter.whole_wh >= limit_wh:
            self.session.stop(StopCause.CONDITION_REACHED, now)
            self._attend_at = now + ACTIVATION_US
        return now + SAMPLE_PERIOD_US

    # ---- start and measured values -----------------------------------------------------------------------------------

    def _restore(self, now: int, inputs: Inputs) -> None:
        self._restored = True
        if inputs.gpio & _LOCKED:
            self._sequencer.resume(now)
            self._drive_coils()
        self.outputs.nvm[:] = inputs.nvm
        self.latched |= {fault for index, fault in enumerate(_FAULTS) if inputs.nvm[_LATCHED_WORD] >> index & 1} & LATCHED
        self._supervision.meter.restore(inputs.nvm)

    def _report(self, _: int) -> ChargerReport:
        adc = self._readings.inputs.adc
        if adc is not self._reported_adc:  # the board hands over a new tuple for each sample
            self._reported_adc = adc
            self._report_now = self._compose_report()
        return self._report_now

    def _compose_report(self) -> ChargerReport:
        readings = self._readings
        return ChargerReport(
            voltage_v=readings.interface_mv / 1000,
            current_a=max(readings.current_ma, 0) / 1000,
            energy_wh=self._supervision.meter.energy_wh,
        )


def _rating(settings: ControllerSettings) -> ChargerRating:
    return ChargerRating(
        voltage_max_v=settings.voltage_max_v,
        voltage_min_v=settings.voltage_min_v,
        current_max_a=settings.current_max_a,
    )
