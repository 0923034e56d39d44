"""The charger's rules as tables: states, inputs, transitions, what is sent and waited for (GB/T 27930-2015, annexes A, C)."""

from dataclasses import replace
from enum import Enum, auto
from typing import Final

from protocols.core.transitions import Transitions
from protocols.gbt27930.conversation import Plan


class ChargerState(Enum):
    """Phases of a session, seen from the charger."""

    IDLE = auto()
    HANDSHAKE = auto()
    SELFTEST = auto()
    IDENT_00 = auto()
    IDENT_AA = auto()
    CONFIG = auto()
    PRECHARGE = auto()
    READY = auto()
    CHARGING = auto()
    PAUSED = auto()
    STOPPING = auto()
    STOPPED_BY_BMS = auto()
    STATISTICS = auto()
    ERROR = auto()
    END = auto()


class Given(Enum):
    """What can move the charger's session: commands, messages of the vehicle, limits."""

    START = auto()
    START_WITHOUT_HANDSHAKE = auto()
    SELF_TEST_PASSED = auto()
    OUTPUT_READY = auto()
    STOP = auto()
    ABORT = auto()
    RECONNECT = auto()
    GIVE_UP = auto()
    UNPLUG = auto()
    BHM = auto()
    BRM = auto()
    BCP = auto()
    BRO_READY = auto()
    VEHICLE_REFUSED = auto()
    DEMAND_AND_STATUS = auto()
    FORBIDDEN = auto()
    PERMITTED = auto()
    BST = auto()
    BSD = auto()
    BEM = auto()
    NO_BHM = auto()
    NO_VEHICLE = auto()
    NO_BRM = auto()
    NO_BCP = auto()
    NO_BRO = auto()
    NO_BCL = auto()
    NO_BCS = auto()
    NO_BSM = auto()
    NO_BST = auto()
    NO_BSD = auto()
    PAUSE_TOO_LONG = auto()
    STATISTICS_OVER = auto()
    NOT_SAFE = auto()


S, G = ChargerState, Given
BEFORE_CHARGING: Final = (S.IDENT_00, S.IDENT_AA, S.CONFIG, S.PRECHARGE, S.READY)
DELIVERING: Final = (S.CHARGING, S.PAUSED)
STOPS: Final = (S.STOPPING, S.STOPPED_BY_BMS)
ACTIVE: Final = (*BEFORE_CHARGING, *DELIVERING)
_2015 = "GB/T 27930-2015 "

TRANSITIONS: Final = Transitions[ChargerState, Given](
    [
        (S.IDLE, G.START, S.HANDSHAKE, _2015 + "handshake: CHM after the auxiliary supply is on"),
        (S.IDLE, G.START_WITHOUT_HANDSHAKE, S.SELFTEST, "GB/T 27930-2011: no handshake messages"),
        (S.HANDSHAKE, G.BHM, S.SELFTEST, _2015 + "handshake; GB/T 18487.1 B.3.3: insulation test"),
        (S.HANDSHAKE, G.NO_BHM, S.SELFTEST, "edition fall-back to GB/T 27930-2011"),
        (S.HANDSHAKE, G.NO_VEHICLE, S.END, _2015 + "handshake: no BHM"),
        ((S.HANDSHAKE, S.SELFTEST), G.ABORT, S.END, "GB/T 18487.1 B.3.3: self-check failed, charging refused"),
        ((S.HANDSHAKE, S.SELFTEST), G.STOP, S.STOPPING, "GB/T 27930-2023 class A: CST from the handshake phase"),
        (S.SELFTEST, G.SELF_TEST_PASSED, S.IDENT_00, _2015 + "identification: CRM(0x00)"),
        (S.IDENT_00, G.BRM, S.IDENT_AA, _2015 + "identification: CRM(0xAA)"),
        (S.IDENT_00, G.NO_BRM, S.ERROR, _2015 + "annex A, CEM SPN 3921"),
        (S.IDENT_AA, G.BCP, S.CONFIG, _2015 + "configuration: CML, CTS"),
        (S.IDENT_AA, G.NO_BCP, S.ERROR, _2015 + "annex A, CEM SPN 3922"),
        (S.CONFIG, G.BRO_READY, S.PRECHARGE, _2015 + "configuration: CRO(0x00)"),
        (S.CONFIG, G.NO_BRO, S.ERROR, _2015 + "annex A, CEM SPN 3923"),
        ((S.CONFIG, S.PRECHARGE), G.VEHICLE_REFUSED, S.END, "GB/T 27930-2011: BRO(0x00) means cannot charge"),
        (S.PRECHARGE, G.OUTPUT_READY, S.READY, _2015 + "CRO(0xAA); GB/T 18487.1 B.3.4"),
        (S.PRECHARGE, G.NO_BRO, S.ERROR, "GB/T 34658-2017 amendment 1, DN.2007: CEM SPN 3923"),
        (S.READY, G.DEMAND_AND_STATUS, S.CHARGING, _2015 + "charging: CCS after BCL and BCS (DN.3001, DN.3002)"),
        ((S.READY, *DELIVERING), G.NO_BCL, S.ERROR, _2015 + "annex A, CEM SPN 3925"),
        ((S.READY, *DELIVERING), G.NO_BCS, S.ERROR, _2015 + "annex A, CEM SPN 3924"),
        (DELIVERING, G.NO_BSM, S.ERROR, "GB/T 27930-2023 class A: BSM time limit"),
        (S.CHARGING, G.FORBIDDEN, S.PAUSED, _2015 + "BSM SPN 3096 = 00: pause"),
        (S.PAUSED, G.PERMITTED, S.CHARGING, _2015 + "BSM SPN 3096 = 01: resume"),
        (S.PAUSED, G.PAUSE_TOO_LONG, S.STOPPING, _2015 + "BSM pause longer than 10 min: CST"),
        (ACTIVE, G.STOP, S.STOPPING, _2015 + "end of charging: CST"),
        (ACTIVE, G.BST, S.STOPPED_BY_BMS, _2015 + "end of charging: CST answers BST"),
        (ACTIVE, G.BEM, S.ERROR, _2015 + "annex C: the BMS reports an error"),
        (STOPS, G.BSD, S.STATISTICS, _2015 + "end of charging: CSD answers BSD"),
        (S.STOPPING, G.NO_BST, S.ERROR, _2015 + "annex A, CEM SPN 3926"),
        (STOPS, G.NO_BSD, S.ERROR, _2015 + "annex A, CEM SPN 3927"),
        (STOPS, G.BEM, S.ERROR, _2015 + "annex C: the BMS reports an error"),
        (S.STATISTICS, G.STATISTICS_OVER, S.END, _2015 + "end of charging: statistics exchanged"),
        (S.ERROR, G.RECONNECT, S.IDENT_00, _2015 + "annex C: start again at CRM(0x00)"),
        (S.ERROR, G.GIVE_UP, S.END, _2015 + "annex C note 2: communication interrupted, plug in again"),
        (S.ERROR, G.NOT_SAFE, S.END, _2015 + "annex C: too late for the BMS, which waits 30 s for a new CRM"),
        (tuple(s for s in S if s is not S.IDLE), G.UNPLUG, S.IDLE, "GB/T 18487.1 B.3.6: connector removed"),
    ]
)

PLAN: Final = Plan(
    transitions=TRANSITIONS,
    sends={
        S.HANDSHAKE: ("CHM",),
        S.SELFTEST: ("CHM",),
        S.IDENT_00: ("CRM",),
        S.IDENT_AA: ("CRM",),
        S.CONFIG: ("CTS", "CML"),
        S.PRECHARGE: ("CRO",),
        S.READY: ("CRO",),
        S.CHARGING: ("CCS",),
        S.PAUSED: ("CCS",),
        S.STOPPING: ("CST",),
        S.STOPPED_BY_BMS: ("CST",),
        S.STATISTICS: ("CSD",),
        S.ERROR: ("CEM",),
    },
    at_once=frozenset({S.IDENT_AA, S.READY}),
    waits={
        S.HANDSHAKE: ("BHM",),
        S.IDENT_00: ("BRM",),
        S.IDENT_AA: ("BCP",),
        S.CONFIG: ("BRO", "BRO ready"),
        S.PRECHARGE: ("BRO",),
        S.READY: ("BCL", "BCS"),
        S.CHARGING: ("BCL", "BCS", "BSM"),
        S.PAUSED: ("BCL", "BCS", "BSM", "pause"),
        S.STOPPING: ("BST", "BSD"),
        S.STOPPED_BY_BMS: ("BSD",),
        S.ERROR: ("output safe",),
    },
    from_first=frozenset({"BSM"}),
    limits={
        "BHM": G.NO_BHM,
        "BRM": G.NO_BRM,
        "BCP": G.NO_BCP,
        "BRO": G.NO_BRO,
        "BRO ready": G.NO_BRO,
        "BCL": G.NO_BCL,
        "BCS": G.NO_BCS,
        "BSM": G.NO_BSM,
        "BST": G.NO_BST,
        "BSD": G.NO_BSD,
        "pause": G.PAUSE_TOO_LONG,
        "output safe": G.NOT_SAFE,
    },
    resting=frozenset({S.IDLE, S.END}),
    steady=frozenset({S.CHARGING, S.PAUSED}),
)


def plan_of(*, falls_back: bool, times_bcs: bool) -> Plan[ChargerState, Given]:
    """The rules of a charger that *falls_back* to the 2011 edition where CHM is not answered, and *times_bcs*; or does not."""
    limits = dict(PLAN.limits) if falls_back else {**PLAN.limits, "BHM": G.NO_VEHICLE}
    waits = {state: tuple(name for name in names if name != "BCS" or times_bcs) for state, names in PLAN.waits.items()}
    return replace(PLAN, limits=limits, waits=waits)


ERROR_FLAGS: Final = {
    G.NO_BRM: "brm",
    G.NO_BCP: "bcp",
    G.NO_BRO: "bro",
    G.NO_BCL: "bcl",
    G.NO_BCS: "bcs",
    G.NO_BSM: "bsm",
    G.NO_BST: "bst",
    G.NO_BSD: "bsd",
}
"""The CEM flag of each limit (GB/T 27930-2015, CEM)."""


class StopCause(Enum):
    """Why a charger stops, with the CST fields that say so. Several are not distinguished by the 2015 edition."""

    MANUAL = ("manual",)
    CONDITION_REACHED = ("condition_reached",)
    EMERGENCY_STOP = ("fault", "emergency_stop")
    CONNECTOR = ("fault", "connector")
    OVERTEMPERATURE = ("fault", "overtemperature")
    INTERNAL_OVERTEMPERATURE = ("fault", "internal_overtemperature")
    ENERGY = ("fault", "energy")
    CURRENT_MISMATCH = ("fault", "current_mismatch")
    VOLTAGE_ABNORMAL = ("fault", "voltage_abnormal")
    SELF_CHECK = ("fault", "self_check")
    PRECHARGE = ("fault", "precharge")
    PARAMETER_MISMATCH = ("fault", "parameter_mismatch")
    BMS_STATUS = ("fault", "other", "bsm")
    PAUSE_TOO_LONG = ("fault", "other", "pause")
    OTHER = ("fault", "other")
    BY_BMS = ("bms_initiated",)
