"""How real chargers and vehicles differ from the standard, as parameters of the virtual ones.

The defaults are a well-behaved peer with the latencies seen in recordings. The numbers in comments are the rows of the list of
field divergences that docs/divergences.md explains.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Final

from protocols.gbt27930.messages import BMS, VEHICLES
from protocols.j1939.habits import TransportHabits


@dataclass(frozen=True, slots=True)
class RawEdit:
    """What a peer does wrong to a payload after encoding it: cut or pad to *length*, clear and set bits, byte by byte."""

    length: int | None = None
    clear: bytes = b""
    set: bytes = b""

    def apply(self, data: bytes) -> bytes:
        """*data* as this peer sends it."""
        if self.length is not None:
            data = data[: self.length].ljust(self.length, b"\xff")
        size = len(data)
        clear, add = self.clear[:size].ljust(size, b"\0"), self.set[:size].ljust(size, b"\0")
        return bytes(byte & ~off & 0xFF | on for byte, off, on in zip(data, clear, add, strict=True))


class Clock(Enum):
    """What a charger's CTS holds (11)."""

    BCD = "bcd"
    BINARY = "binary"
    SWAPPED_YEAR = "swapped year"
    UNAVAILABLE = "unavailable"


class BcsTimer(Enum):
    """What restarts a charger's BCS timer (7)."""

    BCS = "bcs"
    BCL = "bcl"
    OFF = "off"


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What charger and vehicle have in common. Times in µs."""

    periods_us: Mapping[str, int] = field(default_factory=dict)
    """Periods other than the edition's, by message name (8)."""
    first_delay_us: Mapping[str, int] = field(default_factory=dict)
    """How long after entering a phase the first frame of a message follows, by name (9)."""
    omit: frozenset[str] = frozenset()
    """Messages never sent, by name (2: a charger without CHM; 7, 10)."""
    deaf_to: frozenset[str] = frozenset()
    """Messages of the peer that are received but not heeded, by name (21: a charger that goes on with CRM after BEM)."""
    raw: Mapping[str, RawEdit] = field(default_factory=dict)
    """What happens to a payload after encoding, by message name (13, 14, 15, 16, 31)."""
    error_hold_us: int = 1_250_000
    """How long an error message is sent at least before the session starts again: five frames, as in recordings (21)."""
    transport: TransportHabits = field(default_factory=TransportHabits)
    """Grant size, RTS limit byte and spacing of long messages (20)."""
    restarts_transfers: bool = False
    """Begins an unfinished transfer again by a new RTS when the next long message is due, instead of waiting for its end (20)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargerHabits(Habits):
    """A charger's own ways."""

    vehicle_address: int = BMS
    """The node address at which it expects the vehicle (28)."""
    reconnects: int = 3
    """How often a plug-in may start again at CRM(0x00) (25). Sources give 2 and 3."""
    falls_back: bool = True
    """Takes a vehicle that does not answer CHM for one of 2011 (2.4)."""
    number: int | None = 1
    """Charger number in CRM and CSD; None for "not available" (12)."""
    area: str | None = "   "
    """Area code in CRM (12)."""
    clock: Clock | None = Clock.BCD
    """Contents of CTS; None: CTS is not sent (11)."""
    not_ready_frames: int | None = None
    """How many CRO(0x00) at most; None: one each period until ready (4)."""
    silence_before_ready_us: int = 0
    """Silence between the last CRO(0x00) and the first CRO(0xAA) (6)."""
    ready_delay_us: int = 0
    """CRO(0xAA) not before this time after entering the pre-charge phase (5)."""
    bcs_timer: BcsTimer = BcsTimer.BCS
    """What restarts the BCS timer (7)."""
    starts_on_bcl: bool = False
    """Starts CCS after BCL, without waiting for BCS (24a)."""
    permits_after_us: int = 0
    """CCS says "pause" for this long after charging began (23)."""
    heeds_bcp_current: bool = True
    """Limits the current by BCP too, not only by BCL (18)."""
    extra_ccs_after_bst: int = 0
    """CCS frames still sent after BST, as a polling firmware does (30)."""
    pauses_before_cst: bool = False
    """A last CCS says "pause" before an own CST (23)."""
    extra_cst_after_bsd: int = 0
    """CST frames still sent after the first BSD (24)."""
    cst_frames: int | None = None
    """How many CST at most; None: until BSD or the time limit (26)."""
    statistics_hold_us: int = 1_000_000
    """How long CSD is sent after the last BSD; ten seconds after the first one it ends in any case."""

    def __post_init__(self) -> None:
        _check_address(self.vehicle_address, "vehicle_address")


def _check_address(address: int, key: str) -> None:
    if address not in VEHICLES:
        raise ValueError(f"{key} = {address}: a vehicle has address {BMS} (0x{BMS:X}), or, as in field divergence 28, 245 (0xF5)")


RECORDED_DELAYS_US: Final[Mapping[str, int]] = {
    "BCL": 20_000,
    "BCS": 30_000,
    "BSM": 300_000,
    "BMV": 2_000_000,
    "BMT": 3_000_000,
    "BSP": 4_000_000,
    "BSD": 250_000,
}
"""BCL 27 ms after CRO(0xAA), BCS 8 ms later, BSM after 0.1..0.3 s, BSD 0.26 s after the last BST, as recorded (9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VehicleHabits(Habits):
    """A vehicle's own ways. BMV, BMT and BSP are optional and were never seen in recordings (10)."""

    address: int = BMS
    """Its node address (28)."""
    first_delay_us: Mapping[str, int] = field(default_factory=lambda: dict(RECORDED_DELAYS_US))
    omit: frozenset[str] = frozenset({"BSP"})
    falls_back: bool = True
    """Takes a charger that sends CRM without CHM for one of 2011 (2)."""
    says_not_ready: bool = True
    """Sends BRO(0x00) while it prepares (3); never in the 2011 edition, where that means "cannot charge"."""
    repeats_brm: bool = False
    """One more BRM transfer after CRM(0xAA) (20)."""
    extra_ready_frames: int = 0
    """BRO(0xAA) frames still sent after CRO(0xAA) (24b)."""
    bst_hold_us: int = 100_000
    """How long BST answers a CST before the statistics begin."""
    statistics_hold_us: int = 1_000_000
    """How long BSD is still sent after the first CSD (24)."""
    error_frames: int | None = None
    """How many BEM at most; None: until the session starts again (21)."""

    def __post_init__(self) -> None:
        _check_address(self.address, "address")
