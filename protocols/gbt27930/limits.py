"""What a charger makes of the vehicle's limits and demands, given its own: numbers only, no time and no state."""

from dataclasses import dataclass
from typing import Final

from protocols.gbt27930.charger_messages import ChargerRating
from protocols.gbt27930.editions import Edition
from protocols.gbt27930.messages import BCL, BCP, CONSTANT_VOLTAGE


@dataclass(frozen=True, slots=True)
class Demand:
    """What to deliver now: the vehicle's demand within all limits. Zero current unless charging."""

    voltage_v: float
    current_a: float
    constant_voltage: bool


NO_DEMAND: Final = Demand(0.0, 0.0, False)


def demand_within(rating: ChargerRating, bcl: BCL, bcp: BCP, *, heeds_bcp_current: bool) -> Demand:
    """The demand *bcl*, cut to what the battery (*bcp*) and the charger allow.

    A demand below the charger's minimum is raised to it, but never above the vehicle's own maximum (field divergence 17).
    """
    most_a = min(rating.current_max_a, bcp.current_max_a) if heeds_bcp_current else rating.current_max_a
    current_a = min(max(bcl.current_a, rating.current_min_a), most_a)
    voltage_v = min(max(bcl.voltage_v, rating.voltage_min_v), bcp.voltage_max_v, rating.voltage_max_v)
    return Demand(voltage_v, max(current_a, 0.0), bcl.mode == CONSTANT_VOLTAGE)


def must_stop(edition: Edition, rating: ChargerRating, bcl: BCL) -> bool:
    """Whether a demand is so low that *edition* has the charger stop."""
    below = bcl.current_a < rating.current_min_a or bcl.voltage_v < rating.voltage_min_v
    return below and edition.stops_below_minimum


def mismatch(edition: Edition, rating: ChargerRating, bcp: BCP) -> bool:
    """Whether a charger of this *rating* cannot charge a battery with these parameters."""
    too_low = edition.checks_present_voltage and bcp.voltage_v < rating.voltage_min_v
    return too_low or bcp.voltage_max_v < rating.voltage_min_v or bcp.voltage_v > rating.voltage_max_v
