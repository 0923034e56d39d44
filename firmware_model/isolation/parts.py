"""Named isolators and isolated transceivers, with what their data sheets say (power stage facts, table 6.1).

Times in µs (a few ns matter: they are floats), common-mode immunity in V/µs. Values that were not retrieved from a data sheet, or
of which only a class is known, are marked "class" beside the part.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Delay:
    """A delay of a part (µs): least, typical, greatest."""

    least_us: float
    typical_us: float
    greatest_us: float

    def __post_init__(self) -> None:
        for name in ("least_us", "typical_us", "greatest_us"):
            check(f"Delay.{name}", getattr(self, name), "µs", 0.0, 1e3)
        if not self.least_us <= self.typical_us <= self.greatest_us:
            raise ValueError(f"Delay: {self.least_us} <= {self.typical_us} <= {self.greatest_us} µs does not hold")


@dataclass(frozen=True, slots=True, kw_only=True)
class DominantTimeout:
    """When a transceiver lets the bus go though its TXD stays dominant (µs): never before *least_us*, at the latest *most_us*."""

    least_us: float
    most_us: float

    def __post_init__(self) -> None:
        check("DominantTimeout.least_us", self.least_us, "µs", 1.0, 1e6)
        check("DominantTimeout.most_us", self.most_us, "µs", self.least_us, 1e6)

    @property
    def least_bitrate(self) -> float:
        """The slowest rate (bit/s) that it allows: 11 dominant bits may follow each other (5 of data, 6 of an error flag)."""
        return 11e6 / self.least_us


@dataclass(frozen=True, slots=True, kw_only=True)
class Isolator:
    """What every part across the barrier has."""

    name: str
    delay: Delay
    """Through the barrier once; of a CAN transceiver the loop from TXD to RXD."""
    immunity_v_per_us: float
    """Common-mode transient immunity, the guaranteed least."""
    withstand_v: float
    """Effective value for one minute."""
    leak_ohm: float = 1e12
    """Across the healthy barrier (class)."""

    def __post_init__(self) -> None:
        check(f"{self.name}.immunity_v_per_us", self.immunity_v_per_us, "V/µs", 1e3, 1e6)
        check(f"{self.name}.withstand_v", self.withstand_v, "V", 100.0, 20e3)
        check(f"{self.name}.leak_ohm", self.leak_ohm, "ohm", 1.0, 1e15)


@dataclass(frozen=True, slots=True, kw_only=True)
class CanTransceiver(Isolator):
    """An isolated CAN transceiver."""

    dominant_timeout: DominantTimeout | None
    """None: the part has none, and a stuck TXD blocks the bus for as long as it lasts."""
    supply_recovery_us: int = 300
    """From the return of the bus side's supply to a driver that drives."""
    bitrate_max: int = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Rs485Transceiver(Isolator):
    """An isolated half-duplex RS-485 transceiver."""

    bitrate_max: int
    enable_us: float
    """From the driver enable to a driven bus; what is sent meanwhile is lost."""

    def __post_init__(self) -> None:
        Isolator.__post_init__(self)
        check(f"{self.name}.enable_us", self.enable_us, "µs", 0.0, 1e3)


def check(name: str, value: float, unit: str, low: float, high: float) -> None:
    """Raise ValueError unless *value* is a number within *low*..*high*."""
    if not (isfinite(value) and low <= value <= high):
        raise ValueError(f"{name} = {value} {unit}: allowed {low:g} .. {high:g} {unit}")


def _delay(least_ns: float, typical_ns: float, greatest_ns: float) -> Delay:
    return Delay(least_us=least_ns / 1e3, typical_us=typical_ns / 1e3, greatest_us=greatest_ns / 1e3)


_CAN = (
    CanTransceiver(
        name="ISO1050",
        delay=_delay(112, 150, 210),
        immunity_v_per_us=25e3,
        withstand_v=2500.0,
        dominant_timeout=DominantTimeout(least_us=300.0, most_us=700.0),  # class; 37 kbit/s in the early revision
    ),
    CanTransceiver(
        name="ISO1042",
        delay=_delay(70, 152, 215),  # dominant to recessive, the slower edge
        immunity_v_per_us=85e3,
        withstand_v=5000.0,
        dominant_timeout=DominantTimeout(least_us=1200.0, most_us=3800.0),
    ),
    CanTransceiver(
        name="ADM3053",
        delay=_delay(100, 150, 250),  # class; only 1 Mbit/s is stated
        immunity_v_per_us=25e3,
        withstand_v=2500.0,
        dominant_timeout=None,
    ),
    CanTransceiver(
        name="ADM3050E",
        delay=_delay(90, 120, 145),  # the greatest is stated, the others are class
        immunity_v_per_us=75e3,
        withstand_v=5700.0,
        dominant_timeout=DominantTimeout(least_us=1175.0, most_us=4000.0),  # class
    ),
)
_DIGITAL = (
    Isolator(name="ADuM130x", delay=_delay(20, 27, 100), immunity_v_per_us=25e3, withstand_v=2500.0),
    Isolator(name="ISO7741", delay=_delay(6, 10.7, 16), immunity_v_per_us=85e3, withstand_v=5000.0),  # class
)
_RS485 = (
    Rs485Transceiver(
        name="ADM2587E",
        delay=_delay(250, 500, 700),  # class
        immunity_v_per_us=25e3,
        withstand_v=2500.0,
        bitrate_max=500_000,
        enable_us=2.5,  # class
    ),
    Rs485Transceiver(
        name="ADM2582E",
        delay=_delay(30, 63, 100),  # class
        immunity_v_per_us=25e3,
        withstand_v=2500.0,
        bitrate_max=16_000_000,
        enable_us=0.12,  # class
    ),
)

CAN_TRANSCEIVERS: Final[Mapping[str, CanTransceiver]] = {part.name: part for part in _CAN}
DIGITAL_ISOLATORS: Final[Mapping[str, Isolator]] = {part.name: part for part in _DIGITAL}
RS485_TRANSCEIVERS: Final[Mapping[str, Rs485Transceiver]] = {part.name: part for part in _RS485}
