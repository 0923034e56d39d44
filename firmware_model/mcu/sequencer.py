"""Runs the hardware sequence: what each state waits for, and what entering it does."""

from collections.abc import Callable
from typing import Any, Final

from firmware_model.board import NEVER, Din
from firmware_model.mcu.drivers import CONNECTED, Readings
from firmware_model.mcu.insulation import InsulationTest, Verdict
from firmware_model.mcu.output import SetPoints
from firmware_model.mcu.protection import LATE_FAULTS, Fault, Faulted
from firmware_model.mcu.sequence import LIMITS, MOVING, SESSION_STEPS, TRANSITIONS, PileState, Step
from firmware_model.mcu.settings import ControllerSettings
from protocols.core.session import Moved
from protocols.gbt27930.charger import ChargerSession
from protocols.gbt27930.charger_rules import ChargerState, StopCause
from protocols.gbt27930.messages import BCP, BHM

S, G = PileState, Step
_START, _LOCKED = int(Din.START), int(Din.LOCKED)
_K1K2, _K3K4 = int(Din.K1_CLOSED | Din.K2_CLOSED), int(Din.K3_CLOSED | Din.K4_CLOSED)
ACTIVATION_US: Final = 1_000


def milli(value: float) -> int:
    """A value in V or A as mV or mA."""
    return round(value * 1000)


class Sequencer:
    """The one place that assigns the state. *note* takes events for the trace; *startable* tells whether a charge may begin."""

    def __init__(
        self,
        settings: ControllerSettings,
        session: ChargerSession,
        readings: Readings,
        points: SetPoints,
        *,
        note: Callable[[Any], None],
        startable: Callable[[], bool],
    ) -> None:
        self.state = self.copy = S.IDLE
        """The state twice: a difference is a bit that fell over, and then nothing can be trusted."""
        self.due = 0
        """When the sequence wants to be looked at again if nothing happens (µs)."""
        self.faults: set[Fault] = set()
        """What went wrong since the last start."""
        self.word = 0
        """The conditions of this activation: digital inputs and comparator bits."""
        self.insulation = InsulationTest(settings)
        self.test_mv = 0
        self._settings = settings
        self._session = session
        self._readings = readings
        self._points = points
        self._note = note
        self._startable = startable
        self._refused = False
        self._limit_at = NEVER
        self._held_since = NEVER
        self._held_until = NEVER
        self._failed = False
        self._watch = {state: getattr(self, f"_in_{state.name.lower()}", _nothing) for state in S}
        self._enter = {state: getattr(self, f"_enter_{state.name.lower()}", _no_entry) for state in S}

    # ---- running -----------------------------------------------------------------------------------------------------

    def run(self, now: int) -> None:
        """Take at most one step, and set `due`."""
        state = self.state
        self._held_until = NEVER
        step = self._session_step() or self._watch[state](now)
        if step is None and now >= self._limit_at:
            self._limit_at = NEVER
            self._fail_late(now)
            step = G.LATE
        if (step is not None and self.move(step, now)) or state in MOVING:
            self.due = now + ACTIVATION_US
        else:
            self.due = min(self._limit_at, self._held_until)

    def move(self, step: Step, now: int) -> bool:
        """Follow the rule for *step* in this state; False if there is none."""
        edge = TRANSITIONS.get((self.state, step))
        if edge is None:
            return False
        before, self.state, self.copy = self.state, edge.after, edge.after
        self._note(Moved(before, edge.after, step, edge.clause))
        limit = LIMITS.get(edge.after)
        self._limit_at = NEVER if limit is None else now + int(getattr(self._settings, limit))
        self._held_since = NEVER
        self._enter[edge.after](before, now)
        return True

    def fail(self, fault: Fault, cause: StopCause, now: int, *, clause: str) -> None:
        """Note *fault* and tell the session to stop for *cause*."""
        self._blame(fault, clause)
        self._session.stop(cause, now)

    def resume(self, now: int) -> None:
        """Power-up with a locked connector: whatever happened before, it is bled, and unlocked only when that is safe."""
        self.state = self.copy = S.CUT_BLEED
        self._limit_at = now + self._settings.bleed_limit_us
        self.due = now

    def _fail_late(self, now: int) -> None:
        late = LATE_FAULTS.get(self.state)
        if late is not None:
            self.fail(*late, now, clause=f"time limit of {self.state.name}")

    def _blame(self, fault: Fault, clause: str) -> None:
        self.faults.add(fault)
        self._note(Faulted(fault, self.state, clause))

    def _session_step(self) -> Step | None:
        step = SESSION_STEPS.get(self._session.state)
        if step is None or (self.state, step) not in TRANSITIONS:
            return None
        return step

    def _held(self, condition: bool, hold_us: int, now: int) -> bool:
        """Whether *condition* has been true at every activation for *hold_us* in this state."""
        if not condition:
            self._held_since = NEVER
            return False
        if self._held_since == NEVER:
            self._held_since = now
        self._held_until = self._held_since + hold_us
        return now >= self._held_until

    def _safe(self, measured: bool, now: int) -> bool:
        """Whether a *measured* safe state can be believed; sensors that contradict each other must wait for what time does."""
        settings = self._settings
        hold_us = settings.blind_bleed_us if Fault.VOLTAGE_SENSOR in self.faults else settings.safe_hold_us
        return self._held(measured, hold_us, now)

    # ---- what each state waits for -----------------------------------------------------------------------------------

    def _in_idle(self, now: int) -> Step | None:
        connected = self._held(bool(self.word & CONNECTED), self._settings.plug_in_debounce_us, now)
        if connected:
            self._held_until = NEVER
        return G.START if connected and self.word & _START and self._startable() else None

    def _in_locking(self, _: int) -> Step | None:
        return G.LOCKED if self.word & _LOCKED else None

    def _in_aux_on(self, _: int) -> Step | None:
        return G.AUX_CLOSED if self.word & _K3K4 == _K3K4 else None

    def _in_handshake(self, now: int) -> Step | None:
        if self._session.state is not ChargerState.SELFTEST:
            return None
        settings, bhm = self._settings, self._session.latest.get("BHM")
        if self._readings.interface_mv >= milli(settings.outside_voltage_max_v):
            self.fail(Fault.OUTSIDE_VOLTAGE, StopCause.SELF_CHECK, now, clause="GB/T 18487.1-2015 B.3.3")
            return G.CANCEL
        if isinstance(bhm, BHM) and bhm.voltage_max_v < settings.voltage_min_v:
            self.fail(Fault.VEHICLE_VOLTAGE, StopCause.PARAMETER_MISMATCH, now, clause="GB/T 18487.1-2015 B.3.3")
            return G.CANCEL
        return G.VEHICLE_HEARD

    def _in_test_ramp(self, now: int) -> Step | None:
        near = abs(self._readings.stage_mv - self.test_mv) <= self.test_mv * self._settings.test_stable_ratio
        return G.STABLE if self._held(near, self._settings.test_stable_us, now) else None

    def _in_test_close(self, _: int) -> Step | None:
        return G.CONTACTS_CLOSED if self.word & _K1K2 == _K1K2 else None

    def _in_test_measure(self, now: int) -> Step | None:
        inputs = self._readings.inputs
        verdict = self.insulation.result(
            inputs.monitor_results,
            inputs.monitor_plus_kohm,
            inputs.monitor_minus_kohm,
            self.test_mv,
            valid=bool(inputs.monitor_valid),
        )
        if verdict is None:
            return None
        if verdict is not Verdict.FAULT:
            return G.INSULATED
        self._refused = True
        self._blame(Fault.INSULATION, "GB/T 18487.1-2015 B.4.1")
        return G.LEAKING

    def _in_test_bleed(self, now: int) -> Step | None:
        safe = milli(self._settings.safe_voltage_v)
        if not self._safe(self._readings.stage_mv < safe and self._readings.interface_mv < safe, now):
            return None
        return G.FAILED_DISCHARGED if self._refused else G.DISCHARGED

    def _in_test_open(self, _: int) -> Step | None:
        return None if self.word & _K1K2 else G.CONTACTS_OPEN

    def _in_match(self, now: int) -> Step | None:
        bcp, settings, outside_mv = self._session.latest.get("BCP"), self._settings, self._readings.interface_mv
        if not isinstance(bcp, BCP):
            return None
        told_mv = milli(bcp.voltage_v)
        matches = abs(outside_mv - told_mv) <= told_mv * settings.match_ratio and milli(
            settings.voltage_min_v
        ) < outside_mv < milli(settings.voltage_max_v)
        return G.MATCHED if self._held(matches, settings.match_stable_us, now) else None

    def _in_precharge(self, now: int) -> Step | None:
        below_mv = self._readings.interface_mv - self._readings.stage_mv
        settings = self._settings
        near = milli(settings.precharge_nearest_v) <= below_mv <= milli(settings.precharge_furthest_v)
        return G.STABLE if self._held(near, settings.precharge_stable_us, now) else None

    def _in_close(self, _: int) -> Step | None:
        return G.CONTACTS_CLOSED if self.word & _K1K2 == _K1K2 else None

    def _in_ramp_down(self, _: int) -> Step | None:
        return G.CURRENT_GONE if self._readings.current_ma <= milli(self._settings.open_below_a) else None

    _in_trip = _in_cut_trip = _in_ramp_down

    def _in_bleed(self, now: int) -> Step | None:
        open_and_low = not self.word & _K1K2 and self._readings.stage_mv < milli(self._settings.safe_voltage_v)
        return G.DISCHARGED if self._safe(open_and_low, now) else None

    _in_cut_bleed = _in_bleed

    def _in_settled(self, now: int) -> Step | None:
        failed = self._session.state is ChargerState.ERROR
        if failed and not self._failed:
            self._session.output_safe(now)
        self._failed = self._failed or failed
        return None

    def _in_aux_off(self, now: int) -> Step | None:
        readings, settings = self._readings, self._settings
        low = readings.interface_mv < milli(settings.safe_voltage_v)
        return G.SAFE if self._safe(low and abs(readings.current_ma) < milli(settings.unlock_below_a), now) else None

    def _in_unlock(self, _: int) -> Step | None:
        return None if self.word & _LOCKED else G.UNLOCKED

    def _in_finished(self, now: int) -> Step | None:
        gone = self._held(not self.word & CONNECTED, self._settings.plug_in_debounce_us, now)
        return G.UNPLUGGED if gone else None

    # ---- what entering a state does ----------------------------------------------------------------------------------

    def _enter_locking(self, _: PileState, __: int) -> None:
        self._refused = False

    def _enter_handshake(self, _: PileState, now: int) -> None:
        self._session.start(now)

    def _enter_test_ramp(self, _: PileState, __: int) -> None:
        bhm, settings = self._session.latest.get("BHM"), self._settings
        wanted_v = bhm.voltage_max_v if isinstance(bhm, BHM) else settings.fallback_test_v
        self.test_mv = milli(min(wanted_v, settings.voltage_max_v))
        self._points.drive(self.test_mv, milli(settings.test_current_a))

    def _enter_test_measure(self, _: PileState, __: int) -> None:
        self.insulation.begin(self._readings.inputs.monitor_results)

    def _enter_identify(self, before: PileState, now: int) -> None:
        if before is S.TEST_OPEN:
            self._session.insulation_passed(now)

    def _enter_precharge(self, _: PileState, __: int) -> None:
        settings = self._settings
        below_mv = self._readings.interface_mv - milli(settings.precharge_below_v)
        self._points.drive(below_mv, milli(settings.precharge_current_a))

    def _enter_ready(self, _: PileState, now: int) -> None:
        self._session.output_ready(now)

    def _enter_ramp_down(self, _: PileState, __: int) -> None:
        self._points.fall_to_zero(self._settings.stop_a_per_s)

    def _enter_bleed(self, _: PileState, now: int) -> None:
        if self._refused:
            self._session.stop(StopCause.SELF_CHECK, now)

    def _enter_settled(self, _: PileState, __: int) -> None:
        self._failed = False

    def _enter_aux_off(self, before: PileState, _: int) -> None:
        if before is S.SETTLED and self._failed:
            self._blame(Fault.COMMUNICATION, "GB/T 27930-2015 annex C: communication interrupted")

    def _enter_idle(self, _: PileState, now: int) -> None:
        self._session.unplug(now)


def _nothing(_: int) -> Step | None:
    return None


def _no_entry(_: PileState, __: int) -> None:
    pass
