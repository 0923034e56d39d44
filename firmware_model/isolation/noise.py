"""How often the stage's own switching falsifies a bit (power stage facts, section 6.3).

Two ways lead from a switching edge to a wrong bit: the barrier gives way to the common-mode step (CMTI), or the noise between the
two wires hits the sample point.
"""

from dataclasses import dataclass
from math import exp
from typing import Final

from firmware_model.isolation.parts import Isolator, check


@dataclass(frozen=True, slots=True, kw_only=True)
class Edges:
    """What a power stage throws at its surroundings while it switches."""

    rate_per_s: float = 300e3
    """REF-30: front end 3 legs at 20 kHz, bridges 6 legs at 40 kHz."""
    slope_v_per_us: float = 4500.0
    """FF450R12KT4 at 150 °C; SiC 20 to 50 kV/µs."""

    def __post_init__(self) -> None:
        check("Edges.rate_per_s", self.rate_per_s, "1/s", 0.0, 1e8)
        check("Edges.slope_v_per_us", self.slope_v_per_us, "V/µs", 0.0, 500e3)


REFERENCE: Final = Edges()
"""The switching that the error rates of `Profile` were stated for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Barrier:
    """How much of an edge reaches the part, and for how long it then shows a wrong level."""

    share: float = 1.0
    """Of the step across the barrier, 0.1 to 1."""
    spread: float = 0.1
    """Of the immunity: how soft the limit is."""
    upset_us: float = 5.0
    """Until the next edge or refresh, 1 to 10 µs."""

    def __post_init__(self) -> None:
        check("Barrier.share", self.share, "", 0.0, 1.0)
        check("Barrier.spread", self.spread, "", 1e-3, 1.0)
        check("Barrier.upset_us", self.upset_us, "µs", 0.01, 1e3)


def upset_probability(part: Isolator, barrier: Barrier, slope_v_per_us: float) -> float:
    """That one common-mode edge of *slope_v_per_us* upsets *part*: a soft step at its immunity."""
    limit = part.immunity_v_per_us
    return 1.0 / (1.0 + exp(min(700.0, (limit - barrier.share * slope_v_per_us) / (barrier.spread * limit))))


def upset_rate(part: Isolator, barrier: Barrier, edges: Edges) -> float:
    """Per bit: that an upset covers the sample point."""
    hits = edges.rate_per_s * upset_probability(part, barrier, edges.slope_v_per_us) * barrier.upset_us * 1e-6
    return 1.0 - exp(-hits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """An installation by the bit errors that differential noise makes in it, at 250 kbit/s and with `REFERENCE` switching.

    A pulse of *width_us* that is above the margin of the receiver errs if it covers the sample point; the profile's rate fixes
    the probability to be above. The amplitude is taken to fall off exponentially and to grow with the slope of the edges.
    """

    name: str
    ber: float
    width_us: float = 0.1

    def __post_init__(self) -> None:
        check("Profile.width_us", self.width_us, "µs", 1e-3, 10.0)
        check("Profile.ber", self.ber, "", 0.0, REFERENCE.rate_per_s * self.width_us * 1e-6)

    def rate(self, edges: Edges) -> float:
        """Per bit, with other *edges* than the reference."""
        if not self.ber or not edges.rate_per_s or not edges.slope_v_per_us:
            return 0.0
        above = self.ber / (REFERENCE.rate_per_s * self.width_us * 1e-6)
        above = float(above ** (REFERENCE.slope_v_per_us / edges.slope_v_per_us))
        return min(1.0, edges.rate_per_s * self.width_us * 1e-6 * above)


PROFILES: Final = {
    profile.name: profile
    for profile in (
        Profile(name="clean", ber=1e-11),
        Profile(name="normal", ber=1e-8),
        Profile(name="noisy", ber=1e-6),
        Profile(name="bad shield", ber=1e-4),
    )
}
"""By name; the last is the worst."""
