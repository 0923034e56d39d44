"""A capacitor node with a resistor to the return line, perhaps a battery behind a resistance, and a constant current into
it.
"""

from math import acos, acosh, exp, sqrt
from typing import NamedTuple


class Flow(NamedTuple):
    """One interval of a node, integrated exactly. Balance: into_j = stored change + lost_j + out_j."""

    voltage_v: float
    """At the end."""
    current_a: float
    """Mean current into the battery."""
    into_j: float
    """Energy from the current source."""
    lost_j: float
    """Energy in the resistor to the return line."""
    out_j: float
    """Energy through the node's terminals towards the battery."""


def flow(
    voltage_v: float, dt_s: float, *, capacitance_f: float, leak_s: float, line_s: float, emf_v: float, current_a: float
) -> Flow:
    """Let *current_a* flow for *dt_s* into a node at *voltage_v* with *leak_s* (> 0) to the return and *line_s* (0: none) to
    *emf_v*.
    """
    total_s = leak_s + line_s
    settled_v = (current_a + line_s * emf_v) / total_s
    away_v = voltage_v - settled_v
    tau_s = capacitance_f / total_s
    kept = exp(-dt_s / tau_s)
    end_v = settled_v + away_v * kept
    faded = away_v * tau_s * (1.0 - kept)
    volt_s = settled_v * dt_s + faded
    square = settled_v * (volt_s + faded) + 0.5 * away_v * faded * (1.0 + kept)
    if not line_s:
        return Flow(end_v, 0.0, current_a * volt_s, leak_s * square, 0.0)
    charge = line_s * (volt_s - emf_v * dt_s)
    out_j = line_s * (square - emf_v * volt_s)
    return Flow(end_v, charge / dt_s, current_a * volt_s, leak_s * square, out_j)


def inrush_peak_a(difference_v: float, *, r_ohm: float, inductance_h: float, capacitance_f: float) -> float:
    """Peak current when a capacitor is connected to a source *difference_v* away: the first crest of the series circuit, its
    sign kept.
    """
    impedance = sqrt(inductance_h / capacitance_f)
    damping = r_ohm / (2.0 * impedance)
    if abs(damping - 1.0) < 1e-6:
        return difference_v / impedance * exp(-1.0)
    if damping < 1.0:
        return difference_v / impedance * exp(-damping / sqrt(1.0 - damping**2) * acos(damping))
    return difference_v / impedance * exp(-damping / sqrt(damping**2 - 1.0) * acosh(damping))
