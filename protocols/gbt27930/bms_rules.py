"""The vehicle's rules as tables: states, inputs, transitions, what is sent and waited for (GB/T 27930-2015, annexes A, C)."""

from enum import Enum, auto
from typing import Final

from protocols.core.transitions import Transitions
from protocols.gbt27930.conversation import Plan


class BmsState(Enum):
    """Phases of a session, seen from the vehicle."""

    ASLEEP = auto()
    AWAKE = auto()
    HANDSHAKE = auto()
    IDENT = auto()
    CONFIG = auto()
    PREPARING = auto()
    READY = auto()
    CHARGING = auto()
    STOPPING = auto()
    STOPPED_BY_CHARGER = auto()
    STATISTICS = auto()
    ERROR = auto()
    END = auto()


class BmsGiven(Enum):
    """What can move the vehicle's session: commands, messages of the charger, limits."""

    WAKE = auto()
    PREPARED = auto()
    STOP = auto()
    SLEEP = auto()
    CHM = auto()
    CRM_00 = auto()
    CRM_AA = auto()
    CML = auto()
    CRO_READY = auto()
    CST = auto()
    CEM = auto()
    BST_SENT = auto()
    STATISTICS_OVER = auto()
    NO_CHM = auto()
    NO_CRM_00 = auto()
    NO_CRM_AA = auto()
    NO_CML = auto()
    NO_CRO = auto()
    NO_CCS = auto()
    NO_CST = auto()
    NO_CSD = auto()
    NO_CRM_AGAIN = auto()
    GIVE_UP = auto()


S, G = BmsState, BmsGiven
BEFORE_CHARGING: Final = (S.IDENT, S.CONFIG, S.PREPARING, S.READY)
ACTIVE: Final = (*BEFORE_CHARGING, S.CHARGING)
STOPS: Final = (S.STOPPING, S.STOPPED_BY_CHARGER, S.STATISTICS)
_2015 = "GB/T 27930-2015 "

TRANSITIONS: Final = Transitions[BmsState, BmsGiven](
    [
        (S.ASLEEP, G.WAKE, S.AWAKE, "GB/T 18487.1 annex B: auxiliary supply A+/A-"),
        (S.AWAKE, G.CHM, S.HANDSHAKE, _2015 + "handshake: BHM answers CHM"),
        (S.AWAKE, G.NO_CHM, S.ERROR, _2015 + "annex A, BEM SPN 3901"),
        ((S.AWAKE, S.HANDSHAKE), G.CRM_00, S.IDENT, _2015 + "identification: BRM answers CRM(0x00)"),
        ((S.HANDSHAKE,), G.NO_CRM_00, S.ERROR, _2015 + "annex A, BEM SPN 3901"),
        (S.IDENT, G.CRM_AA, S.CONFIG, _2015 + "configuration: BCP answers CRM(0xAA)"),
        (S.IDENT, G.NO_CRM_AA, S.ERROR, _2015 + "annex A, BEM SPN 3902"),
        (S.CONFIG, G.CML, S.PREPARING, _2015 + "configuration: BRO answers CML"),
        (S.CONFIG, G.NO_CML, S.ERROR, _2015 + "annex A, BEM SPN 3903"),
        (S.PREPARING, G.PREPARED, S.READY, _2015 + "configuration: BRO(0xAA), K5/K6 closed"),
        (S.READY, G.CRO_READY, S.CHARGING, _2015 + "charging: BCL and BCS answer CRO(0xAA)"),
        (S.READY, G.NO_CRO, S.ERROR, _2015 + "annex A, BEM SPN 3904"),
        (S.CHARGING, G.NO_CCS, S.ERROR, _2015 + "annex A, BEM SPN 3905"),
        ((S.AWAKE, S.HANDSHAKE), G.STOP, S.END, "no message before identification: the vehicle stays silent"),
        (ACTIVE, G.STOP, S.STOPPING, _2015 + "end of charging: BST"),
        ((S.HANDSHAKE, *ACTIVE), G.CST, S.STOPPED_BY_CHARGER, _2015 + "end of charging: BST answers CST"),
        (S.STOPPING, G.CST, S.STATISTICS, _2015 + "end of charging: BSD after CST"),
        (S.STOPPED_BY_CHARGER, G.BST_SENT, S.STATISTICS, _2015 + "end of charging: BSD"),
        (S.STATISTICS, G.STATISTICS_OVER, S.END, _2015 + "end of charging: statistics exchanged"),
        (S.STOPPING, G.NO_CST, S.ERROR, _2015 + "annex A, BEM SPN 3906"),
        (STOPS, G.NO_CSD, S.ERROR, _2015 + "annex A, BEM SPN 3907"),
        ((S.HANDSHAKE, *ACTIVE, *STOPS), G.CEM, S.ERROR, _2015 + "annex C: the charger reports an error"),
        (S.ERROR, G.CRM_00, S.IDENT, _2015 + "annex C: start again at CRM(0x00)"),
        (S.ERROR, G.NO_CRM_AGAIN, S.END, _2015 + "annex C: communication interrupted"),
        (S.ERROR, G.GIVE_UP, S.END, _2015 + "annex C: no new attempt in the end phase"),
        (tuple(s for s in S if s is not S.ASLEEP), G.SLEEP, S.ASLEEP, "GB/T 18487.1 annex B: auxiliary supply off"),
    ]
)

PLAN: Final = Plan(
    transitions=TRANSITIONS,
    sends={
        S.HANDSHAKE: ("BHM",),
        S.IDENT: ("BRM",),
        S.CONFIG: ("BCP",),
        S.PREPARING: ("BRO",),
        S.READY: ("BRO",),
        S.CHARGING: ("BCL", "BCS", "BSM", "BMV", "BMT", "BSP"),
        S.STOPPING: ("BST",),
        S.STOPPED_BY_CHARGER: ("BST",),
        S.STATISTICS: ("BSD",),
        S.ERROR: ("BEM",),
    },
    at_once=frozenset({S.READY}),
    waits={
        S.AWAKE: ("CHM",),
        S.HANDSHAKE: ("CRM",),
        S.IDENT: ("CRM AA",),
        S.CONFIG: ("CML",),
        S.READY: ("CRO", "CRO ready"),
        S.CHARGING: ("CCS",),
        S.STOPPING: ("CST", "CSD"),
        S.STOPPED_BY_CHARGER: ("CSD",),
        S.STATISTICS: ("CSD",),
        S.ERROR: ("CRM again",),
    },
    from_first=frozenset(),
    limits={
        "CHM": G.NO_CHM,
        "CRM": G.NO_CRM_00,
        "CRM AA": G.NO_CRM_AA,
        "CML": G.NO_CML,
        "CRO": G.NO_CRO,
        "CRO ready": G.NO_CRO,
        "CCS": G.NO_CCS,
        "CST": G.NO_CST,
        "CSD": G.NO_CSD,
        "CRM again": G.NO_CRM_AGAIN,
    },
    resting=frozenset({S.ASLEEP, S.END}),
    steady=frozenset({S.CHARGING}),
)

ERROR_FLAGS: Final = {
    G.NO_CHM: "crm_00",
    G.NO_CRM_00: "crm_00",
    G.NO_CRM_AA: "crm_aa",
    G.NO_CML: "cml",
    G.NO_CRO: "cro",
    G.NO_CCS: "ccs",
    G.NO_CST: "cst",
    G.NO_CSD: "csd",
}
"""The BEM flag of each limit (GB/T 27930-2015, BEM)."""


class BmsStopCause(Enum):
    """Why a vehicle stops: the BST field that says so."""

    SOC_REACHED = "soc_reached"
    VOLTAGE_REACHED = "voltage_reached"
    CELL_VOLTAGE_REACHED = "cell_voltage_reached"
    INSULATION = "insulation"
    CONNECTOR_OVERTEMPERATURE = "connector_overtemperature"
    COMPONENT_OVERTEMPERATURE = "component_overtemperature"
    CONNECTOR = "connector"
    BATTERY_OVERTEMPERATURE = "battery_overtemperature"
    HV_RELAY = "hv_relay"
    DETECTION_POINT_2 = "detection_point_2"
    OTHER = "other"
    EXCESSIVE_CURRENT = "excessive_current"
    VOLTAGE_ABNORMAL = "voltage_abnormal"
    PARAMETER_MISMATCH = "parameter_mismatch"
    BY_CHARGER = "charger_initiated"
