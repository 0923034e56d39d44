"""The fast protections of REF-30 against their rows (4.3): when each acts and what it lets through, exact between events."""

from dataclasses import dataclass
from math import ceil, log, log2
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from firmware_model.power.devices.checks import positive
from firmware_model.power.devices.gate_driver import Comparator
from firmware_model.power.ntc import OPEN_BELOW_DEGC, Thermistor
from firmware_model.power.ref30 import IGBT, Ref30


class OutputShort(NamedTuple):
    """A dead short at the end of the cable: detection (s), crest (A, s), then what fuse and resistances see."""

    trip_s: float
    peak_a: float
    peak_s: float
    through_a2s: float
    """Integral of the squared current until the capacitors are empty; the switches cannot interrupt it."""
    lost_j: float
    """Energy in the fault path, resistances of filter and cable together."""
    stored_j: float
    """In the capacitors before."""


def output_short(
    voltage_v: float, *, r_ohm: float = 2e-3, comparator: Comparator | None = None, module: Ref30 = IGBT, until_s: float = 5e-3
) -> OutputShort:
    """Short the cable's end with *r_ohm* at *voltage_v*; the detector wants dU/dt < -50 V/ms and more than the over-current."""
    positive("voltage_v", voltage_v, "V", high=2e3)
    positive("r_ohm", r_ohm, "ohm", high=10.0)
    out, step_s = module.output, 0.1e-6
    # State: bridge capacitor V, choke A, terminal capacitor V, damping capacitor V, cable A.
    damp = 1.0 / out.damping_ohm
    matrix = np.array([
        [0.0, -1 / out.bridge_f, 0.0, 0.0, 0.0],
        [1 / out.choke_h, -(out.choke_ohm + out.bridge_ohm) / out.choke_h, -1 / out.choke_h, 0.0, 0.0],
        [0.0, 1 / out.terminal_f, -damp / out.terminal_f, damp / out.terminal_f, -1 / out.terminal_f],
        [0.0, 0.0, damp / out.damping_f, -damp / out.damping_f, 0.0],
        [0.0, 0.0, 1 / out.cable_h, 0.0, -(out.cable_ohm + r_ohm) / out.cable_h],
    ])  # fmt: skip
    advance = exponential(matrix * step_s)
    states = np.empty((ceil(until_s / step_s) + 1, 5))
    states[0] = voltage_v, 0.0, voltage_v, voltage_v, 0.0
    for index in range(1, len(states)):
        states[index] = advance @ states[index - 1]
    amps, slopes = states[:, 4], (states @ matrix.T)[:, 2]
    seen = int(np.argmax((amps > out.over_a) & (slopes < -50e3)))
    crest = int(np.argmax(amps))
    choke, damping = states[:, 1], (states[:, 2] - states[:, 3]) * damp
    power = (out.choke_ohm + out.bridge_ohm) * choke**2 + out.damping_ohm * damping**2 + (out.cable_ohm + r_ohm) * amps**2
    return OutputShort(
        trip_s=seen * step_s + (comparator or Comparator()).ramp_s,
        peak_a=float(amps[crest]),
        peak_s=crest * step_s,
        through_a2s=float(np.trapezoid(amps**2, dx=step_s)),
        lost_j=float(np.trapezoid(power, dx=step_s)),
        stored_j=0.5 * (out.bridge_f + out.terminal_f + out.damping_f) * voltage_v**2,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class SlowWatch:
    """How the controller finds a stopped fan and an open thermistor."""

    tacho_timeout_s: float = 0.5
    fan_task_s: float = 0.1
    pull_up_ohm: float = 4_700.0
    filter_s: float = 1e-3
    """Of the thermistor's input."""
    ntc_task_s: float = 1e-3
    ntc_samples: int = 3
    """Implausible readings in a row."""

    def __post_init__(self) -> None:
        for name, unit in (("tacho_timeout_s", "s"), ("fan_task_s", "s"), ("pull_up_ohm", "ohm"), ("filter_s", "s"),
                           ("ntc_task_s", "s"), ("ntc_samples", "samples")):  # fmt: skip
            positive(f"SlowWatch.{name}", getattr(self, name), unit, high=1e6)

    @property
    def fan_s(self) -> float:
        """The latest moment at which a stopped fan is known."""
        return self.tacho_timeout_s + self.fan_task_s

    def ntc_open_s(self, temp_degc: float = 25.0, *, thermistor: Thermistor | None = None) -> float:
        """The latest moment at which a sensor that opened at *temp_degc* is known: input filter, then samples in a row."""
        sensor = thermistor or Thermistor()
        before, limit = (r / (r + self.pull_up_ohm) for r in map(sensor.resistance_ohm, (temp_degc, OPEN_BELOW_DEGC)))
        return self.filter_s * log((1.0 - before) / (1.0 - limit)) + self.ntc_samples * self.ntc_task_s


def exponential(matrix: NDArray[np.float64]) -> NDArray[np.float64]:
    """e to the power of a square *matrix*: Taylor's series of a part small enough for it, then squared."""
    squarings = max(0, ceil(log2(max(float(np.abs(matrix).sum(axis=0).max()), 1e-300))) + 2)
    part, term = np.eye(len(matrix)), np.eye(len(matrix))
    for order in range(1, 15):
        term = term @ matrix / (order * 2.0**squarings)
        part = part + term
    for _ in range(squarings):
        part = part @ part
    return part
