"""A short circuit through one switch, event by event in closed form: current, energy in the chip, overshoot."""

from dataclasses import dataclass

from firmware_model.power.devices.checks import positive, within
from firmware_model.power.devices.gate_driver import GateDriver
from firmware_model.power.devices.parts import Part


@dataclass(frozen=True, slots=True, kw_only=True)
class Course:
    """Moments since the fault (s), current (A), energy in the chip (J), its highest voltage (V)."""

    saturated_s: float
    trip_s: float
    """The soft turn-off begins."""
    zero_s: float
    peak_a: float
    rise_a_per_s: float
    energy_j: float
    peak_v: float

    def survived(self, part: Part) -> bool:
        """Whether the chip was in saturation no longer than it withstands, and below its blocking voltage."""
        return self.zero_s - self.saturated_s <= part.withstand_s and self.peak_v <= 2.0 * part.rated_v


def short_circuit(
    part: Part,
    driver: GateDriver,
    *,
    link_v: float,
    loop_h: float = 50e-9,
    initial_a: float = 0.0,
    conducting: bool = False,
    temp_degc: float = 150.0,
) -> Course:
    """A short circuit of *loop_h* (H) on a link of *link_v*.

    Not *conducting*: the switch turns onto it (type I), and the leading edge is blanked out. *conducting*: it happens under a
    load of *initial_a* (type II); the blanking capacitor starts to charge when the switch leaves saturation.
    """
    positive("link_v", link_v, "V", high=2e4)
    positive("loop_h", loop_h, "H", high=1.0)
    within("initial_a", initial_a, "A", low=0.0, high=part.short_circuit_a)
    slope = link_v / loop_h
    saturated_s = (part.short_circuit_a - initial_a) / slope
    watched_s = saturated_s if conducting else max(saturated_s, driver.leading_edge_s)
    trip_s = watched_s + driver.blanking_s
    peak = part.short_circuit_a
    line = part.switch_at(temp_degc)
    rising_j = saturated_s * (
        line.threshold_v * 0.5 * (initial_a + peak) + line.slope_ohm * (initial_a**2 + initial_a * peak + peak**2) / 3
    )
    flat_j = link_v * peak * (trip_s - saturated_s)
    falling_v = link_v + loop_h * peak / driver.soft_off_s
    falling_j = 0.5 * falling_v * peak * driver.soft_off_s
    return Course(
        saturated_s=saturated_s,
        trip_s=trip_s,
        zero_s=trip_s + driver.soft_off_s,
        peak_a=peak,
        rise_a_per_s=slope,
        energy_j=rising_j + flat_j + falling_j,
        peak_v=falling_v,
    )
