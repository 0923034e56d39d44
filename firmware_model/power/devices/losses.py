"""Conduction and switching losses (power stage specification, 2.4), and the budget of REF-30 built from them (5.4)."""

from dataclasses import dataclass
from math import pi, sin, sqrt
from typing import Final, NamedTuple

from firmware_model.power.averaged_layout import bridge_rms_a
from firmware_model.power.devices.checks import positive, within
from firmware_model.power.devices.part_list import FUJI_100
from firmware_model.power.devices.parts import Part
from firmware_model.power.ref30 import IGBT, Ref30

ANGLES: Final = 200
"""Points over a half wave; the mid-point rule is then good to 1e-5 of the energy."""


class Position(NamedTuple):
    """Mean losses of one switch position (W): the switch's and the diode's conduction, turn-on and turn-off, recovery."""

    switch_w: float
    diode_w: float
    switching_w: float
    recovery_w: float

    @property
    def total_w(self) -> float:
        """All of it."""
        return sum(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Modulation:
    """A leg under sinusoidal pulse width modulation."""

    peak_a: float
    """Of the leg's current."""
    link_v: float
    depth: float
    """Peak of the leg's voltage over half the link voltage."""
    cos_phi: float
    """+1 inverting, -1 rectifying."""
    carrier_hz: float
    temp_degc: float

    def __post_init__(self) -> None:
        within("Modulation.peak_a", self.peak_a, "A", low=0.0, high=1e5)
        positive("Modulation.link_v", self.link_v, "V", high=2e4)
        within("Modulation.depth", self.depth, "(none)", low=0.0, high=1.1547006)
        within("Modulation.cos_phi", self.cos_phi, "(none)", low=-1.0, high=1.0)
        positive("Modulation.carrier_hz", self.carrier_hz, "Hz", high=1e7)
        within("Modulation.temp_degc", self.temp_degc, "degC", low=-55.0, high=200.0)


def leg_position(part: Part, leg: Modulation) -> Position:
    """Losses of one position of a leg, averaged over a period of the mains."""
    switch, diode = part.switch_at(leg.temp_degc), part.diode_at(leg.temp_degc)
    i, swing = leg.peak_a, leg.depth * leg.cos_phi
    switch_w = switch[1] * i * (1 / (2 * pi) + swing / 8) + switch[2] * i * i * (1 / 8 + swing / (3 * pi))
    diode_w = diode[1] * i * (1 / (2 * pi) - swing / 8) + diode[2] * i * i * (1 / 8 - swing / (3 * pi))
    on_off_j = recovery_j = 0.0
    for index in range(ANGLES):
        energy = part.energy_at(leg.temp_degc, i * sin(pi * (index + 0.5) / ANGLES))
        on_off_j += (energy.on_j + energy.off_j) / ANGLES
        recovery_j += energy.recovery_j / ANGLES
    # A position switches during one half wave of two.
    volts, rate = leg.link_v / part.rated_v, 0.5 * leg.carrier_hz
    return Position(
        switch_w,
        diode_w,
        rate * on_off_j * volts**part.switching_exponent,
        rate * recovery_j * volts**part.recovery_exponent,
    )


def front_end_position(power_w: float, *, part: Part = FUJI_100, module: Ref30 = IGBT, temp_degc: float = 125.0) -> Position:
    """One position of the front end at unity power factor and *power_w* (negative: into the grid)."""
    phase_v = module.grid.phase_peak_v
    leg = Modulation(
        peak_a=abs(power_w) / (1.5 * phase_v),
        link_v=module.link.nominal_v,
        depth=2.0 * phase_v / module.link.nominal_v,
        cos_phi=-1.0 if power_w >= 0.0 else 1.0,
        carrier_hz=module.front_end.carrier_hz,
        temp_degc=temp_degc,
    )
    return leg_position(part, leg)


class Bridge(NamedTuple):
    """Losses of the dual active bridge's twelve switches (W)."""

    conduction_w: float
    turn_off_w: float
    turn_on_w: float


def dab_losses(
    power_w: float,
    output_v: float,
    *,
    part: Part = FUJI_100,
    module: Ref30 = IGBT,
    temp_degc: float = 125.0,
    snubber: float = 0.4,
    sine: bool = True,
) -> Bridge:
    """Losses at *power_w* (> 0) out to *output_v* (V). *snubber*: share of the turn-off energy left by 10 nF (assumed).

    *sine* takes the mean current of a sine of the same rms, as the published budget does; otherwise that of the true trapezoid,
    which is flatter and costs about 5 % more.
    """
    within("snubber", snubber, "(none)", low=0.0, high=1.0)
    positive("power_w", power_w, "W", high=1e6)
    positive("output_v", output_v, "V", high=2e3)
    dab, link_v = module.dab, module.link.nominal_v
    ratio = dab.ratio_low if output_v <= 0.5 * (dab.up_v + dab.down_v) else dab.ratio_high
    other_v = ratio * output_v
    share = 1.0 - 8.0 * dab.carrier_hz * dab.inductance_h * power_w / (link_v * other_v)
    if share < 0.0:
        raise ValueError(f"power_w = {power_w} W: beyond what the bridge can shift at {output_v} V")
    d = 0.5 * (1.0 - sqrt(share))
    size, four_f_l = 2 * d - 1, 4 * dab.carrier_hz * dab.inductance_h
    first_a, second_a = (link_v + size * other_v) / four_f_l, (other_v + size * link_v) / four_f_l
    rms_a = bridge_rms_a(link_v, other_v, d, carrier_hz=dab.carrier_hz, inductance_h=dab.inductance_h)
    mean_a = rms_a * 2 * sqrt(2) / pi if sine else trapezoid_mean_a(first_a, second_a, d)
    switch, diode = part.switch_at(temp_degc), part.diode_at(temp_degc)
    # Two devices in series in each of three bridges; the primary conducts in switches, the secondaries in diodes. In LOW each
    # secondary has half of twice the current, in HIGH the current itself: the same.
    conduction_w = 2 * (switch[1] * mean_a + switch[2] * rms_a**2) + 4 * (diode[1] * mean_a + diode[2] * rms_a**2)
    off_w = on_w = 0.0
    for amps, volts, count in ((first_a, link_v, 4), (second_a, 0.5 * other_v, 8)):
        energy = part.energy_at(temp_degc, abs(amps))
        scale = count * dab.carrier_hz
        if amps > 0.0:
            off_w += scale * energy.off_j * volts / part.rated_v * snubber
        else:  # the leg has lost its zero voltage switching
            ratio_v = volts / part.rated_v
            on_w += scale * (energy.on_j * ratio_v**part.switching_exponent + energy.recovery_j * ratio_v**part.recovery_exponent)
    return Bridge(conduction_w, off_w, on_w)


def trapezoid_mean_a(first_a: float, second_a: float, d: float) -> float:
    """Mean amount of the bridge current that runs from -first to +second over D and from second to first over 1 - D."""
    return d * _ramp_mean(-first_a, second_a) + (1 - d) * _ramp_mean(second_a, first_a)


def _ramp_mean(start: float, end: float) -> float:
    if start * end >= 0.0:
        return 0.5 * abs(start + end)
    return 0.5 * (start * start + end * end) / (abs(start) + abs(end))


def magnetics_w(power_w: float, *, rated_w: float = 30e3, full_w: float = 160.0) -> float:
    """Transformer and chokes; the budget knows full load only, so the share of copper (two thirds) is assumed."""
    return full_w * (1.0 + 2.0 * (power_w / rated_w) ** 2) / 3.0


def auxiliary_w(power_w: float, *, rated_w: float = 30e3) -> float:
    """Controllers, drivers, fan: 130 W and 80 W more at full load."""
    return 130.0 + 80.0 * (power_w / rated_w) ** 2
