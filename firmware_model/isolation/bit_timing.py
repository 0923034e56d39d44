"""Whether a bit is long enough for the way there and back: delays of transceivers and cable against the sample point.

In arbitration and in the acknowledge slot a node must read, at its own sample point, what another one has driven in answer to it.
The round trip through both transceivers and twice the cable has to end before (ISO 11898-1: propagation segment).
"""

from dataclasses import dataclass
from typing import Final

from firmware_model.isolation.parts import CanTransceiver, check
from protocols.core.errors import LocalError

CABLE_US_PER_M: Final = 0.005
"""One way along a twisted pair."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BitTiming:
    """How a controller divides a bit: *segments* quanta in all, the sample after *sample_at* of them, *jump* to resynchronise."""

    bitrate: int = 250_000
    segments: int = 20
    sample_at: int = 16
    jump: int = 2

    def __post_init__(self) -> None:
        check("BitTiming.bitrate", self.bitrate, "bit/s", 1e3, 1e6)
        check("BitTiming.segments", self.segments, "quanta", 8, 25)
        check("BitTiming.sample_at", self.sample_at, "quanta", 2, self.segments - 1)
        check("BitTiming.jump", self.jump, "quanta", 1, min(4, self.segments - self.sample_at))

    @property
    def sample_us(self) -> float:
        """From the start of a bit to its sample."""
        return 1e6 / self.bitrate * self.sample_at / self.segments

    @property
    def clock_tolerance(self) -> float:
        """The greatest relative error of each node's clock that resynchronisation makes good."""
        return self.jump / (20 * self.segments)


def round_trip_us(a: CanTransceiver, b: CanTransceiver, *, cable_m: float) -> float:
    """The latest moment at which the answer of a node with *b* is seen by one with *a*, *cable_m* away, after its own edge."""
    check("cable_m", cable_m, "m", 0.0, 10e3)
    return a.delay.greatest_us + b.delay.greatest_us + 2 * CABLE_US_PER_M * cable_m


def longest_cable_m(a: CanTransceiver, b: CanTransceiver, timing: BitTiming) -> float:
    """The cable at which the round trip ends on the sample point; negative when the parts alone are too slow."""
    return (timing.sample_us - round_trip_us(a, b, cable_m=0.0)) / (2 * CABLE_US_PER_M)


def verify(a: CanTransceiver, b: CanTransceiver, timing: BitTiming, *, cable_m: float) -> float:
    """The time (µs) left between round trip and sample point.

    Raises LocalError when the sample point is passed, or when a dominant time-out would end a legal frame.
    """
    trip_us = round_trip_us(a, b, cable_m=cable_m)
    if trip_us > timing.sample_us + 1e-9:
        longest_m = max(0.0, longest_cable_m(a, b, timing))
        raise LocalError(
            f"{timing.bitrate} bit/s: the round trip {a.name}, {cable_m:g} m, {b.name} takes {trip_us:.3f} µs and passes the "
            f"sample point at {timing.sample_us:.3f} µs; allowed are cables up to {longest_m:.0f} m"
        )
    for part in (a, b):
        timeout = part.dominant_timeout
        if timeout is not None and timing.bitrate < timeout.least_bitrate:
            least = f"{timeout.least_bitrate:.0f} bit/s"
            raise LocalError(f"{timing.bitrate} bit/s: the dominant time-out of {part.name} allows no less than {least}")
    return timing.sample_us - trip_us
