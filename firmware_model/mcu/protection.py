"""What must not be: one table of guarded conditions with debounce times and reactions, and the watch over them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Final, NamedTuple

from firmware_model.board import NEVER, Din, Dout
from firmware_model.mcu.drivers import (
    AUX_LOW,
    BUS_LOST,
    CONNECTED,
    OVER_CURRENT,
    OVER_VOLTAGE,
    PLUG_HOT,
    PLUG_SENSOR,
    VOLTAGES_APART,
)
from firmware_model.mcu.sequence import COILS, POWERED, STARTED, PileState, Step
from firmware_model.mcu.settings import ControllerSettings
from protocols.gbt27930.charger_rules import StopCause

S, G, C = PileState, Step, StopCause


class Fault(Enum):
    """Why the pile stopped or refused, in words for the display."""

    EMERGENCY_STOP = "emergency stop"
    EARTH = "protective earth lost"
    OVER_VOLTAGE = "output voltage above the vehicle's maximum"
    OVER_CURRENT = "output current above the set point"
    CONNECTOR = "connector not fully connected"
    LOCK = "connector lock not confirmed"
    LOCK_STUCK = "connector lock does not open"
    STAGE = "power stage fault"
    MAINS = "mains lost"
    DOOR = "door open"
    CONTACTS_DROPPED = "K1/K2 open though driven"
    CONTACTS_WELDED = "K1/K2 closed though not driven"
    CONTACTS_SLOW = "K1/K2 do not follow"
    AUX_DROPPED = "K3/K4 open though driven"
    AUX_STUCK = "K3/K4 closed though not driven"
    VOLTAGE_SENSOR = "voltage sensors contradict each other"
    PLUG_LIVE = "voltage or current at the plug after switching off"
    AUX_VOLTAGE = "auxiliary supply too low"
    PLUG_HOT = "plug overtemperature"
    PLUG_SENSOR = "plug temperature sensor broken"
    OUTSIDE_VOLTAGE = "voltage outside K1/K2 before the insulation test"
    VEHICLE_VOLTAGE = "the vehicle's maximum voltage is below the output range"
    SHORT_CIRCUIT = "test voltage not reached"
    INSULATION = "insulation fault"
    BATTERY_VOLTAGE = "battery voltage does not match"
    PRECHARGE = "pre-charge failed"
    RAMP = "current does not fall"
    BLEEDER = "output does not discharge"
    COMMUNICATION = "communication with the vehicle interrupted"
    SESSION = "the session did not end"
    BUS = "off the CAN bus too often"


LATE_FAULTS: Final[Mapping[PileState, tuple[Fault, StopCause]]] = {
    S.LOCKING: (Fault.LOCK, C.CONNECTOR),
    S.AUX_ON: (Fault.AUX_DROPPED, C.OTHER),
    S.TEST_RAMP: (Fault.SHORT_CIRCUIT, C.SELF_CHECK),
    S.TEST_CLOSE: (Fault.CONTACTS_SLOW, C.SELF_CHECK),
    S.TEST_MEASURE: (Fault.INSULATION, C.SELF_CHECK),
    S.TEST_BLEED: (Fault.BLEEDER, C.SELF_CHECK),
    S.TEST_OPEN: (Fault.CONTACTS_WELDED, C.SELF_CHECK),
    S.MATCH: (Fault.BATTERY_VOLTAGE, C.PRECHARGE),
    S.PRECHARGE: (Fault.PRECHARGE, C.PRECHARGE),
    S.CLOSE: (Fault.CONTACTS_SLOW, C.PRECHARGE),
    S.RAMP_DOWN: (Fault.RAMP, C.OTHER),
    S.BLEED: (Fault.BLEEDER, C.OTHER),
    S.CUT_BLEED: (Fault.BLEEDER, C.OTHER),
    S.SETTLED: (Fault.SESSION, C.OTHER),
    S.AUX_OFF: (Fault.PLUG_LIVE, C.OTHER),
    S.UNLOCK: (Fault.LOCK_STUCK, C.OTHER),
}
"""What it means that a state lasted too long. TRIP is missing: opening under current is its purpose, not a fault of its own."""

LATCHED: Final = frozenset({Fault.CONTACTS_WELDED, Fault.BLEEDER, Fault.AUX_STUCK})
"""Faults of the pile itself: no new charge until service clears them."""


class Guard(NamedTuple):
    """One condition: all *bits* have to be *good* in *states*; wrong for the time of setting *hold*, it leads to *step*."""

    bits: int
    good: bool
    states: frozenset[PileState]
    hold: str
    step: Step
    fault: Fault | None
    """None for the operator's wish, which is no fault."""
    cause: StopCause
    clause: str


_CLOSED = frozenset({S.TEST_MEASURE, S.TEST_BLEED, S.READY, S.CHARGE, S.PAUSE, S.RAMP_DOWN})
_OPEN = frozenset(S) - _CLOSED - {S.TEST_CLOSE, S.CLOSE, S.TRIP, S.CUT_TRIP}
_REGULATING = frozenset({S.CHARGE, S.RAMP_DOWN})
_LIVE = POWERED - {S.SETTLED}
_UNPOWERED = frozenset(state for state in S if not COILS[state] & Dout.K3K4)
_EMERGENCY, _EARTH, _LOCKED, _STAGE = int(Din.EMERGENCY_STOP), int(Din.EARTH_OK), int(Din.LOCKED), int(Din.STAGE_FAULT)
_MAINS, _DOOR, _STOP = int(Din.MAINS_OK), int(Din.DOOR_OPEN), int(Din.STOP)
_K1K2, _K3K4 = int(Din.K1_CLOSED | Din.K2_CLOSED), int(Din.K3_CLOSED | Din.K4_CLOSED)
_B33, _B36, _B37 = (f"GB/T 18487.1-2015 {clause}" for clause in ("B.3.3", "B.3.6", "B.3.7"))
_COMM = "GB/T 27930-2015 annex C: output off, K1/K2 open on a communication error"
_D0 = "GB/T 34657.1-2017 D0."

GUARDS: Final[tuple[Guard, ...]] = (
    Guard(_EMERGENCY, False, STARTED, "emergency_debounce_us", G.FAULT, Fault.EMERGENCY_STOP, C.EMERGENCY_STOP, _B37),
    Guard(_EARTH, True, STARTED, "input_debounce_us", G.CUT, Fault.EARTH, C.OTHER, _D0 + "4505"),
    Guard(OVER_VOLTAGE, False, _LIVE, "over_voltage_us", G.CUT, Fault.OVER_VOLTAGE, C.VOLTAGE_ABNORMAL, _D0 + "4504"),
    Guard(CONNECTED, True, STARTED - {S.AUX_OFF}, "plug_out_debounce_us", G.FAULT, Fault.CONNECTOR, C.CONNECTOR, _D0 + "4503"),
    Guard(_LOCKED, True, POWERED | {S.AUX_ON}, "input_debounce_us", G.FAULT, Fault.LOCK, C.CONNECTOR, _D0 + "4502"),
    Guard(_STAGE, False, _LIVE, "input_debounce_us", G.FAULT, Fault.STAGE, C.OTHER, _B37),
    Guard(_MAINS, True, STARTED, "mains_debounce_us", G.FAULT, Fault.MAINS, C.OTHER, _D0 + "4506"),
    Guard(_DOOR, False, STARTED, "door_debounce_us", G.FAULT, Fault.DOOR, C.OTHER, _B37),
    Guard(OVER_CURRENT, False, _REGULATING, "over_current_us", G.FAULT, Fault.OVER_CURRENT, C.CURRENT_MISMATCH, _B37),
    Guard(VOLTAGES_APART, False, _CLOSED, "voltage_apart_us", G.FAULT, Fault.VOLTAGE_SENSOR, C.VOLTAGE_ABNORMAL, _B37),
    Guard(_K1K2, True, _CLOSED, "contact_debounce_us", G.FAULT, Fault.CONTACTS_DROPPED, C.OTHER, _B37),
    Guard(_K1K2, False, _OPEN, "contactor_limit_us", G.FAULT, Fault.CONTACTS_WELDED, C.SELF_CHECK, _B33),
    Guard(_K3K4, True, POWERED, "contact_debounce_us", G.FAULT, Fault.AUX_DROPPED, C.OTHER, _B37),
    Guard(_K3K4, False, _UNPOWERED, "contactor_limit_us", G.FAULT, Fault.AUX_STUCK, C.OTHER, _B36),
    Guard(BUS_LOST, False, STARTED, "input_debounce_us", G.FAULT, Fault.BUS, C.OTHER, _COMM),
    Guard(AUX_LOW, False, POWERED, "aux_low_us", G.FAULT, Fault.AUX_VOLTAGE, C.OTHER, _B37),
    Guard(PLUG_SENSOR, False, _LIVE, "input_debounce_us", G.CANCEL, Fault.PLUG_SENSOR, C.CONNECTOR, "GB/T 20234.1"),
    Guard(PLUG_HOT, False, _LIVE, "input_debounce_us", G.CANCEL, Fault.PLUG_HOT, C.OVERTEMPERATURE, "GB/T 20234.1"),
    Guard(_STOP, False, STARTED, "button_debounce_us", G.CANCEL, None, C.MANUAL, _B36),
)
"""All guards, the severest first. Clauses name where the reaction or its limit is written."""


@dataclass(frozen=True, slots=True)
class Faulted:
    """A guard or a limit was violated: *fault* in *state*; *clause* says where the rule is written."""

    fault: Fault
    state: PileState
    clause: str


class _Watch(NamedTuple):
    """The guards of one state: wrong bits are ``(word ^ good) & mask``."""

    good: int
    mask: int
    guards: tuple[tuple[int, Guard, int], ...]
    """Index in `GUARDS`, guard, debounce time (µs)."""


class Guards:
    """Debounces the guarded conditions of the present state."""

    def __init__(self, settings: ControllerSettings) -> None:
        self._watches = {state: _watch(state, settings) for state in S}
        self._since: dict[int, int] = {}
        self._reported: set[int] = set()
        self.due = NEVER
        """When the first debounce time ends."""

    def check(self, state: PileState, word: int, now: int) -> Sequence[Guard]:
        """The guards newly violated at *now*; *word* holds the conditions. Each is reported once until it was good again."""
        watch = self._watches[state]
        wrong = (word ^ watch.good) & watch.mask
        self.due = NEVER
        if not wrong:
            if self._since:
                self._since.clear()
                self._reported.clear()
            return ()
        return self._examine(watch, wrong, now)

    def startable(self, word: int) -> bool:
        """Whether a charge may begin: nothing guarded at the start of the sequence is wrong."""
        watch = self._watches[S.LOCKING]
        return not (word ^ watch.good) & watch.mask

    def _examine(self, watch: _Watch, wrong: int, now: int) -> Sequence[Guard]:
        fired, since = [], {}
        for index, guard, hold_us in watch.guards:
            if not wrong & guard.bits:
                self._reported.discard(index)
                continue
            began = since[index] = self._since.get(index, now)
            if index in self._reported:
                continue
            if now - began >= hold_us:
                self._reported.add(index)
                fired.append(guard)
            elif began + hold_us < self.due:
                self.due = began + hold_us
        self._since = since
        return fired


def _watch(state: PileState, settings: ControllerSettings) -> _Watch:
    guards = tuple((i, g, int(getattr(settings, g.hold))) for i, g in enumerate(GUARDS) if state in g.states)
    good = mask = 0
    for _, guard, _ in guards:
        good |= guard.bits if guard.good else 0
        mask |= guard.bits
    return _Watch(good, mask, guards)
