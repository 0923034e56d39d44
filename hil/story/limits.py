"""Whether what was asked for and what was delivered kept to what the other side had said it can take."""

from collections.abc import Iterator

import numpy as np

from hil.story.model import Finding, Severity
from hil.story.stretch import Stretch
from protocols.gbt27930.editions import Edition

CURRENT_STEP_A, VOLTAGE_STEP_V = 0.1, 0.1
CURRENT_TOLERANCE, CURRENT_TOLERANCE_A = 0.01, 0.3
"""Of the demand from 30 A on, and below (NB/T 33001; GB/T 34657.1 D0.4102)."""
VOLTAGE_TOLERANCE = 0.005
"""GB/T 34657.1 D0.4101."""


def limit_findings(attempt: Stretch, edition: Edition) -> Iterator[Finding]:
    """Demands beyond BCP and CML; deliveries beyond the greatest demand."""
    greatest: dict[str, float] = {}
    for name, unit, step in (("voltage", "V", VOLTAGE_STEP_V), ("current", "A", CURRENT_STEP_A)):
        field = f"{name}_{unit.lower()}"
        demand = attempt.heard("BCL")
        if not len(demand):
            return
        asked = demand.column(edition.messages["BCL"], field)
        greatest[name] = float(np.nanmax(asked)) if not np.isnan(asked).all() else np.inf
        for title, clause in (("BCP", "SPN 2817, 2819"), ("CML", "SPN 2824, 2826")):
            allowed = _first(attempt, edition, title, f"{name}_max_{unit.lower()}")
            if greatest[name] > allowed + step / 2:
                at = attempt.time_us(int(demand.at[int(np.nanargmax(asked))]))
                text = f"BCL asks for {greatest[name]:g} {unit}, {title} allows {allowed:g} {unit}"
                yield Finding(at, Severity.DEVIATION, text, f"GB/T 27930-2015 {clause}")
    yield from _deliveries(attempt, edition, greatest)


def _deliveries(attempt: Stretch, edition: Edition, greatest: dict[str, float]) -> Iterator[Finding]:
    delivered = attempt.heard("CCS")
    if not len(delivered):
        return
    voltage, current = greatest["voltage"], greatest["current"]
    over_current = max(current * CURRENT_TOLERANCE, CURRENT_TOLERANCE_A)
    for field, unit, most, over, clause in (
        ("voltage_v", "V", voltage, voltage * VOLTAGE_TOLERANCE, "GB/T 34657.1-2017 D0.4101"),
        ("current_a", "A", current, over_current, "GB/T 34657.1-2017 D0.4102"),
    ):
        values = delivered.column(edition.messages["CCS"], field)
        beyond = values > most + over
        if beyond.any():
            first = int(np.argmax(beyond))
            text = f"CCS reports {np.nanmax(values):g} {unit}, more than the {most:g} {unit} ever asked for"
            yield Finding(attempt.time_us(int(delivered.at[first])), Severity.VIOLATION, text, clause)


def _first(attempt: Stretch, edition: Edition, title: str, field: str) -> float:
    """What the first *title* says, or no limit."""
    heard = attempt.heard(title)
    message = heard.decoded(edition.messages[title], 0) if len(heard) else None
    value = getattr(message, field, None)
    return np.inf if value is None else float(value)
