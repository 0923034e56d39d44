"""The named parts (power stage specification, 2.5). Fits and energies as in the data sheets, at their gate resistors.

The points below 50 A of the front end's part are own readings of the same data sheet's energy curves; a line from the origin
to 50 A would lose a third of the recovery at half load and half of it at a tenth.
"""

from typing import Final

from firmware_model.power.devices.parts import Energy, Line, Part


def _lines(*rows: tuple[float, float, float]) -> tuple[Line, ...]:
    """Rows of °C, V, mohm."""
    return tuple(Line(temp_degc, volts, milli * 1e-3) for temp_degc, volts, milli in rows)


def _energies(*rows: tuple[float, float, float, float, float]) -> tuple[Energy, ...]:
    """Rows of °C, A, and three energies in mJ."""
    return tuple(Energy(temp_degc, amps, on * 1e-3, off * 1e-3, rec * 1e-3) for temp_degc, amps, on, off, rec in rows)


def _typical(nominal_a: float, rows: tuple[tuple[float, float], ...], *, threshold_v: float) -> tuple[Line, ...]:
    """Lines from the typical drop at the nominal current where the sheet prints no fit: *threshold_v* assumed, slope follows."""
    return tuple(Line(temp_degc, threshold_v, (volts - threshold_v) / nominal_a) for temp_degc, volts in rows)


FUJI_100: Final = Part(
    name="2MBI100XAA120-50", rated_v=600.0, nominal_a=100.0, short_circuit_a=400.0, withstand_s=8e-6, foster="2MBI100XAA120-50",
    switch=_lines((25, 0.835, 5.60), (125, 0.746, 9.68), (150, 0.726, 10.63), (175, 0.705, 11.45)),
    diode=_lines((25, 1.026, 5.48), (125, 0.906, 7.15), (150, 0.861, 7.09), (175, 0.819, 7.59)),
    energies=_energies(
        (25, 50, 3.80, 4.24, 1.76), (25, 100, 8.63, 7.35, 2.47),
        (125, 2, 0.36, 0.31, 0.66), (125, 7, 1.28, 1.07, 1.51), (125, 10, 1.65, 1.52, 1.78),
        (125, 25, 3.16, 3.27, 2.71), (125, 50, 5.59, 5.79, 3.69), (125, 100, 12.65, 9.64, 4.85),
        (150, 10, 1.97, 1.70, 2.02), (150, 25, 3.36, 3.56, 3.09), (150, 50, 6.16, 6.09, 4.22), (150, 100, 13.82, 10.17, 5.47),
        (175, 10, 2.11, 1.86, 2.44), (175, 25, 3.86, 3.84, 3.70), (175, 50, 6.84, 6.54, 4.99), (175, 100, 15.30, 10.78, 6.46),
    ),
)  # fmt: skip
"""Front end and bridge of REF-30. Short-circuit strength: four times the nominal current, 8 µs (its chip generation)."""
FF200: Final = Part(
    name="FF200R12KE3", rated_v=600.0, nominal_a=200.0, short_circuit_a=800.0, withstand_s=10e-6, foster="FF200R12KE3",
    switch=_lines((25, 0.915, 3.81), (125, 0.838, 5.68)), diode=_lines((25, 1.029, 3.02), (125, 0.849, 3.92)),
    energies=_energies((125, 100, 8.06, 18.3, 12.5), (125, 200, 15.2, 34.7, 17.2)),
)  # fmt: skip
FF300: Final = Part(
    name="FF300R12KE3", rated_v=600.0, nominal_a=300.0, short_circuit_a=1200.0, withstand_s=10e-6,
    switch=_lines((125, 0.858, 3.78)), diode=_lines((125, 0.853, 2.61)), energies=_energies((125, 300, 25.3, 44.3, 26.0)),
)  # fmt: skip
CM200: Final = Part(
    name="CM200DY-24T", rated_v=600.0, nominal_a=200.0, short_circuit_a=800.0, withstand_s=8e-6, foster="CM200DY-24T",
    switch=_lines((125, 0.842, 4.55), (150, 0.824, 4.87)), diode=_lines((125, 0.946, 3.42), (150, 0.905, 3.63)),
    energies=_energies((125, 200, 13.4, 21.0, 13.2), (150, 200, 14.8, 22.7, 14.6)),
)  # fmt: skip
SKM400: Final = Part(
    name="SKM400GB12T4", rated_v=600.0, nominal_a=400.0, short_circuit_a=1600.0, withstand_s=10e-6,
    switch=_lines((25, 0.955, 2.46), (150, 0.828, 3.90)), diode=_lines((25, 1.381, 2.34), (150, 0.979, 3.22)),
    energies=_energies((150, 400, 32.3, 42.5, 31.0)),
)  # fmt: skip
FF450: Final = Part(
    name="FF450R12KT4", rated_v=600.0, nominal_a=450.0, short_circuit_a=1800.0, withstand_s=10e-6, foster="FF450R12KT4",
    switch=_typical(450.0, ((25, 1.75), (125, 2.05), (150, 2.10)), threshold_v=0.8),
    diode=_typical(450.0, ((25, 1.70), (125, 1.75), (150, 1.75)), threshold_v=0.9),
    energies=_energies((25, 450, 19, 26, 19), (125, 450, 30, 40, 35), (150, 450, 36, 43, 39)),
)  # fmt: skip
"""Stands in for FF450R12ME4 of the same chip class, whose sheet was not to be had."""
FF900: Final = Part(
    name="FF900R12IE4", rated_v=600.0, nominal_a=900.0, short_circuit_a=3600.0, withstand_s=10e-6, foster="FF900R12IE4",
    switch=_typical(900.0, ((25, 1.75), (125, 2.05), (150, 2.10)), threshold_v=0.8),
    diode=_typical(900.0, ((25, 1.90), (125, 1.85), (150, 1.80)), threshold_v=0.9),
    energies=_energies((25, 900, 55, 85, 40), (125, 900, 70, 120, 80), (150, 900, 80, 130, 90)),
)  # fmt: skip
SEMIX604: Final = Part(
    name="SEMiX604GB17E4s", rated_v=1200.0, nominal_a=600.0, short_circuit_a=2400.0, withstand_s=10e-6,
    switch=_lines((25, 1.1, 1.3), (150, 1.0, 2.1)), diode=_lines((25, 1.32, 1.1), (150, 1.08, 1.7)),
)  # fmt: skip
"""1700 V. Its sheet's turn-on energies contradict each other, so there are none here."""
CAB006: Final = Part(
    name="CAB006M12GM3", rated_v=600.0, nominal_a=200.0, short_circuit_a=1600.0, withstand_s=2.5e-6,
    switch=_lines((25, 0.0, 6.55), (150, 0.0, 9.81), (175, 0.0, 10.97)),
    diode=_lines((25, 0.0, 6.55), (150, 0.0, 9.81), (175, 0.0, 10.97)),
    energies=_energies((25, 200, 4.76, 0.44, 0.14), (125, 200, 5.12, 0.45, 0.45), (150, 200, 5.41, 0.46, 0.63)),
    switching_exponent=1.5,
)  # fmt: skip
"""SiC; package resistance included. Its channel conducts both ways, so the diode's line is the channel's. The short-circuit
current (8 times nominal) is assumed; SiC withstands 2 .. 3 µs."""

PARTS: Final = {part.name: part for part in (FUJI_100, FF200, FF300, CM200, SKM400, FF450, FF900, SEMIX604, CAB006)}
"""By name."""


def part(name: str) -> Part:
    """The part called *name*. Raises ValueError naming those there are."""
    if name not in PARTS:
        raise ValueError(f"part = {name!r}: allowed {', '.join(PARTS)}")
    return PARTS[name]
