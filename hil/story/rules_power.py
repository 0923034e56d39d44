"""Rules on what was asked for, allowed and delivered."""

from collections.abc import Iterator
from typing import Any, Final

import numpy as np

from hil.story.excerpt import Excerpt
from hil.story.measure import energy_wh
from hil.story.rules import STANDARD, breach, note
from hil.story.story import Finding
from hil.story.tracks import Floats, Ints

MATCH_CLAUSE: Final = "GB/T 18487.1 B.3.4: battery voltage within 5 % of BCP, output 1..10 V below it before CRO(0xAA)"
CLAMP_CLAUSE: Final = f"{STANDARD} BCL: within CML and BCP"
ERROR_CLAUSE: Final = "NB/T 33001: voltage within 0.5 %, current within 1 % (0.3 A below 30 A) of the demand; judged from 1 A on"
ENERGY_SLACK_WH: Final = 200
"""CSD counts in 100 Wh."""

HELD_US: Final = 10_000_000
"""A delivery is compared with the greatest demand of this time before it: current need not fall faster than 20 A/s."""


def demand(attempt: Excerpt) -> Iterator[Finding]:
    """Demands beyond what the charger or the battery can."""
    track = attempt.track("BCL")
    for name, fields in (
        ("CML", (("voltage_v", "voltage_max_v", "V"), ("current_a", "current_max_a", "A"))),
        ("BCP", (("voltage_v", "voltage_max_v", "V"), ("current_a", "current_max_a", "A"))),
    ):
        limits: Any = attempt.track(name).message(-1)
        if limits is None:
            continue
        for asked, most, unit in fields:
            column, limit = track.column(asked), getattr(limits, most)
            places = np.flatnonzero(column > limit + 0.05)
            if len(places):
                whose = "the charger can (CML)" if name == "CML" else "the battery allows (BCP)"
                what = f"BCL asks for up to {np.nanmax(column):g} {unit}, {whose} {limit:g} {unit}"
                yield note(attempt, "BCL", what, CLAMP_CLAUSE, position=int(track.at[places[0]]), count=len(places))


def delivery(attempt: Excerpt) -> Iterator[Finding]:
    """Voltage or current above the demand, by more than an ordinary sensor is wrong (1 A)."""
    asked, given = attempt.track("BCL"), attempt.track("CCS")
    if not len(asked) or not len(given):
        return
    times_us = asked.times_us if attempt.timed else None
    for name, unit, share, least in (("voltage_v", "V", 0.005, 0.0), ("current_a", "A", 0.01, 1.0)):
        allowed = _greatest(asked.column(name), asked.at, times_us, given.at)
        values = given.column(name)
        over = values > allowed + np.maximum(share * allowed, least) + 0.1
        if name == "voltage_v":
            over &= given.column("current_a") > 0
        places = np.flatnonzero(over)
        if len(places):
            worst = int(places[np.argmax(values[places] - allowed[places])])
            what = f"CCS shows {values[worst]:g} {unit} where at most {allowed[worst]:g} {unit} was asked for"
            yield breach(attempt, "CCS", what, ERROR_CLAUSE, position=int(given.at[places[0]]), count=len(places))


def _greatest(values: Floats, at: Ints, times_us: Ints | None, wanted: Ints) -> Floats:
    """The greatest of *values* in the time before each position *wanted*; infinite before the first."""
    values = np.where(np.isnan(values), np.inf, values)
    if values.min() == values.max() or times_us is None:
        greatest = np.full(len(values), values.max())
    else:
        begin = np.searchsorted(times_us, times_us - HELD_US)
        edges = np.column_stack([begin, np.arange(1, len(values) + 1)]).ravel()
        greatest = np.maximum.reduceat(np.append(values, -np.inf), edges)[::2]
    index = np.searchsorted(at, wanted) - 1
    return np.where(index >= 0, greatest[np.maximum(index, 0)], np.inf)


def precharge(attempt: Excerpt) -> Iterator[Finding]:
    """An output that was not brought to the battery's voltage although CRO(0xAA) says so."""
    bcp: Any = attempt.track("BCP").message(-1)
    ready, given = attempt.first("CRO AA"), attempt.track("CCS")
    if bcp is None or ready is None or not len(given) or not bcp.voltage_v:
        return
    voltage = float(given.column("voltage_v")[0])
    if abs(voltage - bcp.voltage_v) > 0.05 * bcp.voltage_v:
        what = (
            f"the first CCS after CRO(0xAA) shows {voltage:g} V while BCP has the battery at {bcp.voltage_v:g} V: no pre-charge"
        )
        yield breach(attempt, "CCS", what, MATCH_CLAUSE, position=int(given.at[0]))


def capability(attempt: Excerpt) -> Iterator[Finding]:
    """A battery outside the charger's range, charged all the same."""
    bcp: Any = attempt.track("BCP").message(-1)
    cml: Any = attempt.track("CML").message(-1)
    if bcp is None or cml is None or attempt.first("CRO AA") is None:
        return
    if not cml.voltage_min_v <= bcp.voltage_v <= cml.voltage_max_v:
        what = f"battery at {bcp.voltage_v:g} V, charger can {cml.voltage_min_v:g}..{cml.voltage_max_v:g} V, and yet CRO(0xAA)"
        position = int(attempt.track("CRO AA").at[0])
        yield breach(attempt, "CRO", what, MATCH_CLAUSE, position=position)


def energy(attempt: Excerpt) -> Iterator[Finding]:
    """A CSD that does not agree with the CCS before it."""
    told: Any = attempt.track("CSD").message(-1)
    summed = energy_wh(attempt)
    if told is None or summed is None or attempt.first("CRO") is None:
        return
    if abs(told.energy_kwh * 1000 - summed) > max(ENERGY_SLACK_WH, 0.05 * summed):
        what = f"CSD says {told.energy_kwh:g} kWh, voltage and current of CCS sum up to {summed / 1000:.2f} kWh"
        yield note(attempt, "CSD", what, f"{STANDARD} CSD, SPN 3612", position=int(attempt.track("CSD").at[-1]))
