"""The hardware sequence of a charge as tables: states, what may happen in them, what is driven in them, how long they may last.

GB/T 18487.1-2015 annex B. The outputs are a function of the state alone, so a look at `COILS` tells what can ever be closed
together; set points are the business of `firmware_model.mcu.output`.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Final

from firmware_model.board import Dout
from protocols.core.transitions import Transitions
from protocols.gbt27930.charger_rules import ChargerState


class PileState(Enum):
    """Steps of the hardware sequence."""

    IDLE = auto()
    LOCKING = auto()
    AUX_ON = auto()
    """12 V to the vehicle, waiting for the contacts of K3/K4."""
    HANDSHAKE = auto()
    """CHM, waiting for BHM or the 2011 fall-back."""
    TEST_RAMP = auto()
    """Insulation test: output to the test voltage, K1/K2 open."""
    TEST_CLOSE = auto()
    TEST_MEASURE = auto()
    TEST_BLEED = auto()
    """Stage off, bleeding with K1/K2 closed."""
    TEST_OPEN = auto()
    IDENTIFY = auto()
    """Identification and configuration; nothing to drive."""
    MATCH = auto()
    """The vehicle is ready: compare the voltage at the interface with BCP."""
    PRECHARGE = auto()
    CLOSE = auto()
    READY = auto()
    """CRO(0xAA), waiting for the first demand."""
    CHARGE = auto()
    PAUSE = auto()
    RAMP_DOWN = auto()
    TRIP = auto()
    """A fault while K1/K2 are closed: stage blocked, contacts wait a moment for the current to vanish."""
    CUT_TRIP = auto()
    """As TRIP, for faults that cut the auxiliary supply too."""
    BLEED = auto()
    CUT_BLEED = auto()
    """As BLEED, with K3/K4 open."""
    SETTLED = auto()
    """Output off and discharged; the session finishes or starts again."""
    AUX_OFF = auto()
    """K3/K4 open; still locked until the interface is safe."""
    UNLOCK = auto()
    FINISHED = auto()
    """Unlocked; nothing starts again before the connector was removed."""


class Step(Enum):
    """What moves the sequence on."""

    START = auto()
    LOCKED = auto()
    AUX_CLOSED = auto()
    CONTACTS_CLOSED = auto()
    CONTACTS_OPEN = auto()
    STABLE = auto()
    INSULATED = auto()
    LEAKING = auto()
    DISCHARGED = auto()
    FAILED_DISCHARGED = auto()
    """Discharged after a failed test."""
    MATCHED = auto()
    CURRENT_GONE = auto()
    SAFE = auto()
    """Interface below 60 V and no current."""
    UNLOCKED = auto()
    UNPLUGGED = auto()
    LATE = auto()
    """The state lasted too long."""
    CANCEL = auto()
    """An orderly stop of our own."""
    FAULT = auto()
    """Current to zero at once, K1/K2 open within 100 ms."""
    CUT = auto()
    """As FAULT, and K3/K4 open within 1 s."""
    # the session's states, as far as the hardware follows them
    VEHICLE_HEARD = auto()
    SESSION_IDENTIFIES = auto()
    VEHICLE_READY = auto()
    SESSION_CHARGES = auto()
    SESSION_PAUSES = auto()
    SESSION_STOPS = auto()
    SESSION_FAILED = auto()
    SESSION_OVER = auto()


S, G = PileState, Step

SESSION_STEPS: Final[Mapping[ChargerState, Step]] = {
    ChargerState.IDENT_00: G.SESSION_IDENTIFIES,
    ChargerState.PRECHARGE: G.VEHICLE_READY,
    ChargerState.CHARGING: G.SESSION_CHARGES,
    ChargerState.PAUSED: G.SESSION_PAUSES,
    ChargerState.STOPPING: G.SESSION_STOPS,
    ChargerState.STOPPED_BY_BMS: G.SESSION_STOPS,
    ChargerState.STATISTICS: G.SESSION_STOPS,
    ChargerState.ERROR: G.SESSION_FAILED,
    ChargerState.END: G.SESSION_OVER,
}
"""What a state of the session says to the sequence, for as long as it lasts. SELFTEST is missing: the controller first checks
what the vehicle said and the voltage outside the contactors."""

BEFORE_CONTACTS: Final = (S.HANDSHAKE, S.TEST_RAMP, S.TEST_OPEN, S.IDENTIFY, S.MATCH, S.PRECHARGE)
TESTING_CLOSED: Final = (S.TEST_CLOSE, S.TEST_MEASURE, S.TEST_BLEED)
NO_DEMAND_YET: Final = (S.CLOSE, S.READY, S.PAUSE)
CLOSED: Final = (*TESTING_CLOSED, *NO_DEMAND_YET, S.CHARGE, S.RAMP_DOWN)
_NATIONAL = "GB/T 18487.1-2015 "
_B33, _B34, _B36, _B37 = (_NATIONAL + clause for clause in ("B.3.3", "B.3.4", "B.3.6", "B.3.7"))
_COMM = "GB/T 27930-2015 annex C: output off, K1/K2 open on a communication error"

TRANSITIONS: Final = Transitions[PileState, Step](
    [
        (S.IDLE, G.START, S.LOCKING, _NATIONAL + "B.3.2: connected and authorised, lock the connector"),
        (S.LOCKING, G.LOCKED, S.AUX_ON, _NATIONAL + "B.3.2: lock confirmed, K3/K4 close"),
        (S.AUX_ON, G.AUX_CLOSED, S.HANDSHAKE, _B33 + ": auxiliary supply on, handshake"),
        (S.HANDSHAKE, G.VEHICLE_HEARD, S.TEST_RAMP, _B33 + ": insulation test"),
        # insulation test
        (S.TEST_RAMP, G.STABLE, S.TEST_CLOSE, _B33 + ": stable output, K1/K2 close"),
        (S.TEST_CLOSE, G.CONTACTS_CLOSED, S.TEST_MEASURE, _B33 + ": measure the insulation"),
        (S.TEST_MEASURE, G.INSULATED, S.TEST_BLEED, _B33 + ": insulated, discharge"),
        (S.TEST_MEASURE, G.LEAKING, S.TEST_BLEED, _NATIONAL + "B.4.1: insulation fault, charging refused"),
        (S.TEST_BLEED, G.DISCHARGED, S.TEST_OPEN, _B33 + ": below 60 V, K1/K2 open"),
        (S.TEST_BLEED, G.FAILED_DISCHARGED, S.BLEED, _NATIONAL + "B.4.1: refused; below 60 V, K1/K2 open"),
        (S.TEST_OPEN, G.CONTACTS_OPEN, S.IDENTIFY, _B33 + ": test passed"),
        # pre-charge and charging
        (S.IDENTIFY, G.VEHICLE_READY, S.MATCH, _B34 + ": K5/K6 closed, measure the battery"),
        (S.MATCH, G.MATCHED, S.PRECHARGE, _B34 + ": within 5 % of BCP and the output range"),
        (S.PRECHARGE, G.STABLE, S.CLOSE, _B34 + ": 1..10 V below the battery, K1/K2 close"),
        (S.CLOSE, G.CONTACTS_CLOSED, S.READY, _B34 + ": K1/K2 closed, CRO(0xAA)"),
        ((S.READY, S.PAUSE), G.SESSION_CHARGES, S.CHARGE, _NATIONAL + "B.3.5: follow the demand"),
        ((S.READY, S.CHARGE), G.SESSION_PAUSES, S.PAUSE, "GB/T 27930-2015 BSM SPN 3096: output off, session alive"),
        # orderly stops
        ((S.LOCKING, S.AUX_ON), G.CANCEL, S.AUX_OFF, _B36 + ": stopped before the session began"),
        (BEFORE_CONTACTS, G.CANCEL, S.BLEED, _B36 + ": stopped before charging"),
        (BEFORE_CONTACTS, G.SESSION_STOPS, S.BLEED, _B36 + ": stopped before charging"),
        (TESTING_CLOSED, G.CANCEL, S.TRIP, _B36 + ": stopped during the test"),
        (TESTING_CLOSED, G.SESSION_STOPS, S.TRIP, _B36 + ": stopped during the test"),
        (NO_DEMAND_YET, G.CANCEL, S.TRIP, _B36 + ": stopped, no current flows"),
        (NO_DEMAND_YET, G.SESSION_STOPS, S.TRIP, _B36 + ": stopped, no current flows"),
        (S.CHARGE, G.CANCEL, S.RAMP_DOWN, _B36 + ": ramp at 100 A/s or more"),
        (S.CHARGE, G.SESSION_STOPS, S.RAMP_DOWN, _B36 + ": ramp at 100 A/s or more"),
        (S.RAMP_DOWN, G.CURRENT_GONE, S.BLEED, _B36 + ": at or below 5 A, K1/K2 open"),
        # faults
        ((S.LOCKING, S.AUX_ON), G.FAULT, S.AUX_OFF, _B37),
        ((S.LOCKING, S.AUX_ON), G.CUT, S.AUX_OFF, _B37),
        (BEFORE_CONTACTS, G.FAULT, S.BLEED, _B37),
        (BEFORE_CONTACTS, G.CUT, S.CUT_BLEED, _B37 + ": K1..K4 open within 1 s"),
        (CLOSED, G.FAULT, S.TRIP, _B37 + ": K1/K2 open within 100 ms"),
        ((*CLOSED, S.TRIP), G.CUT, S.CUT_TRIP, _B37 + ": K1..K4 open within 1 s"),
        ((S.BLEED, S.SETTLED), G.CUT, S.CUT_BLEED, _B37 + ": K1..K4 open within 1 s"),
        (BEFORE_CONTACTS, G.SESSION_FAILED, S.BLEED, _COMM),
        (CLOSED, G.SESSION_FAILED, S.TRIP, _COMM),
        (BEFORE_CONTACTS, G.SESSION_OVER, S.BLEED, "GB/T 27930-2015: the session ended before charging"),
        (CLOSED, G.SESSION_OVER, S.TRIP, "GB/T 27930-2015: the session ended"),
        (S.TRIP, G.CURRENT_GONE, S.BLEED, _B37 + ": at or below 5 A, K1/K2 open"),
        (S.CUT_TRIP, G.CURRENT_GONE, S.CUT_BLEED, _B37 + ": at or below 5 A, K1..K4 open"),
        # limits
        (S.LOCKING, G.LATE, S.AUX_OFF, _NATIONAL + "B.3.2: lock not confirmed"),
        (S.AUX_ON, G.LATE, S.AUX_OFF, "auxiliary supply not confirmed"),
        ((S.TEST_RAMP, S.TEST_OPEN, S.MATCH, S.PRECHARGE), G.LATE, S.BLEED, _B37),
        ((S.TEST_CLOSE, S.TEST_MEASURE, S.TEST_BLEED, S.CLOSE, S.RAMP_DOWN), G.LATE, S.TRIP, _B37),
        (S.TRIP, G.LATE, S.BLEED, _B37 + ": K1/K2 open within 100 ms, whatever flows"),
        (S.CUT_TRIP, G.LATE, S.CUT_BLEED, _B37 + ": K1..K4 open, whatever flows"),
        (S.BLEED, G.LATE, S.SETTLED, "not discharged in time: alarm"),
        (S.CUT_BLEED, G.LATE, S.AUX_OFF, "not discharged in time: alarm"),
        (S.SETTLED, G.LATE, S.AUX_OFF, "the session did not end"),
        (S.UNLOCK, G.LATE, S.FINISHED, "the lock did not open: alarm"),
        # the end
        (S.BLEED, G.DISCHARGED, S.SETTLED, _B36 + ": below 60 V"),
        (S.CUT_BLEED, G.DISCHARGED, S.AUX_OFF, _B36 + ": below 60 V"),
        (S.SETTLED, G.SESSION_IDENTIFIES, S.IDENTIFY, "GB/T 27930-2015 annex C: start again at CRM(0x00)"),
        (S.SETTLED, G.SESSION_OVER, S.AUX_OFF, _B36 + ": statistics exchanged, K3/K4 open"),
        (S.AUX_OFF, G.SAFE, S.UNLOCK, _NATIONAL + "9.6: unlock below 60 V and without current"),
        (S.UNLOCK, G.UNLOCKED, S.FINISHED, _NATIONAL + "9.6: unlocked"),
        (S.FINISHED, G.UNPLUGGED, S.IDLE, _B36 + ": connector removed"),
    ]
)

_LOCKED, _AUX = int(Dout.LOCK), int(Dout.LOCK | Dout.K3K4)
_STAGE, _CONTACTS, _BLEEDER = int(Dout.STAGE), int(Dout.K1K2), int(Dout.BLEEDER)

COILS: Final[Mapping[PileState, int]] = {
    S.IDLE: 0,
    S.LOCKING: _LOCKED,
    S.AUX_ON: _AUX,
    S.HANDSHAKE: _AUX,
    S.TEST_RAMP: _AUX | _STAGE,
    S.TEST_CLOSE: _AUX | _STAGE | _CONTACTS,
    S.TEST_MEASURE: _AUX | _STAGE | _CONTACTS | int(Dout.MONITOR),
    S.TEST_BLEED: _AUX | _CONTACTS | _BLEEDER,
    S.TEST_OPEN: _AUX,
    S.IDENTIFY: _AUX,
    S.MATCH: _AUX,
    S.PRECHARGE: _AUX | _STAGE,
    S.CLOSE: _AUX | _STAGE | _CONTACTS,
    S.READY: _AUX | _STAGE | _CONTACTS,
    S.CHARGE: _AUX | _STAGE | _CONTACTS,
    S.PAUSE: _AUX | _CONTACTS,
    S.RAMP_DOWN: _AUX | _STAGE | _CONTACTS,
    S.TRIP: _AUX | _CONTACTS,
    S.CUT_TRIP: _AUX | _CONTACTS,
    S.BLEED: _AUX | _BLEEDER,
    S.CUT_BLEED: _LOCKED | _BLEEDER,
    S.SETTLED: _AUX,
    S.AUX_OFF: _LOCKED,
    S.UNLOCK: 0,
    S.FINISHED: 0,
}
"""`Dout` bits driven in each state; fan and alarm are added by the controller."""

LIMITS: Final[Mapping[PileState, str]] = {
    S.LOCKING: "lock_limit_us",
    S.AUX_ON: "aux_limit_us",
    S.TEST_RAMP: "test_ramp_limit_us",
    S.TEST_CLOSE: "contactor_limit_us",
    S.TEST_MEASURE: "test_measure_limit_us",
    S.TEST_BLEED: "bleed_limit_us",
    S.TEST_OPEN: "contactor_limit_us",
    S.MATCH: "match_limit_us",
    S.PRECHARGE: "precharge_limit_us",
    S.CLOSE: "contactor_limit_us",
    S.RAMP_DOWN: "stop_limit_us",
    S.TRIP: "fault_open_after_us",
    S.CUT_TRIP: "fault_open_after_us",
    S.BLEED: "bleed_limit_us",
    S.CUT_BLEED: "bleed_limit_us",
    S.SETTLED: "end_limit_us",
    S.AUX_OFF: "unlock_wait_us",
    S.UNLOCK: "unlock_limit_us",
}
"""The setting that limits each state; the others wait for the session or for people."""

MOVING: Final = frozenset(
    {
        S.TEST_RAMP,
        S.TEST_CLOSE,
        S.TEST_BLEED,
        S.TEST_OPEN,
        S.MATCH,
        S.PRECHARGE,
        S.CLOSE,
        S.RAMP_DOWN,
        S.TRIP,
        S.CUT_TRIP,
        S.BLEED,
        S.CUT_BLEED,
        S.AUX_OFF,
    }
)
"""States that watch an analogue value on its way: they ask for every activation."""
STARTED: Final = frozenset(S) - {S.IDLE, S.UNLOCK, S.FINISHED}
POWERED: Final = STARTED - {S.LOCKING, S.AUX_ON, S.AUX_OFF, S.CUT_BLEED}
"""States in which K3/K4 are confirmed closed."""
DRIVING: Final = frozenset(state for state in S if COILS[state] & _STAGE)
"""States in which the stage may drive the output."""
