"""Every limit of the charging controller, with its unit and its source."""

from dataclasses import dataclass

from protocols.core.errors import LocalError


@dataclass(frozen=True, slots=True, kw_only=True)
class ControllerSettings:
    """Limits and times of the hardware sequence of GB/T 18487.1-2015 annex B. Fields not marked otherwise are project values.

    Reaction limits of the standard run from the event to open contacts; what stands here leaves room for one task period, the
    contactors' travel and the stage's shut-down.
    """

    # ---- rating
    voltage_max_v: float = 1000.0
    voltage_min_v: float = 50.0
    current_max_a: float = 100.0

    # ---- connector (GB/T 18487.1-2015 B.3.2, table of detection point 1)
    cc1_low_v: float = 3.2
    """Must refuse below; must charge from 3.65 V."""
    cc1_high_v: float = 4.8
    """Must refuse above; must charge up to 4.37 V."""
    plug_in_debounce_us: int = 200_000
    plug_out_debounce_us: int = 5_000
    """Part of the 50 ms from the opened switch S to 5 A (GB/T 34657.1-2017 D0.4502)."""
    lock_limit_us: int = 5_000_000
    """Lock command to feedback (GB/T 27930-2015 annex A)."""
    aux_limit_us: int = 5_000_000
    """K3/K4 command to feedback."""
    contactor_limit_us: int = 300_000
    """K1/K2 command to feedback, travel and bounce included; beyond it a contactor is stuck or welded."""

    # ---- insulation test (GB/T 18487.1-2015 B.3.3, B.4.1)
    outside_voltage_max_v: float = 10.0
    """Voltage outside K1/K2 above which no test may begin."""
    fallback_test_v: float = 500.0
    """Test voltage for a vehicle of 2011, which sends no BHM."""
    test_current_a: float = 2.0
    test_stable_ratio: float = 0.02
    test_stable_us: int = 300_000
    test_ramp_limit_us: int = 11_000_000
    test_measure_limit_us: int = 11_000_000
    insulation_good_ohm_per_v: float = 505.0
    """500 Ω/V of the standard and 1 % for the monitor's error."""
    insulation_fault_ohm_per_v: float = 108.0
    """100 Ω/V of the standard and 8 % for the monitor's error; at or below, charging is refused."""
    equal_verdicts: int = 3

    # ---- pre-charge (GB/T 18487.1-2015 B.3.4)
    match_ratio: float = 0.05
    """Greatest difference between measured voltage and BCP."""
    match_stable_us: int = 100_000
    match_limit_us: int = 60_000_000
    """The vehicle guards the same 60 s (GB/T 27930-2015 annex A, SPN 3904)."""
    precharge_below_v: float = 5.0
    """The output is brought this far below the battery."""
    precharge_nearest_v: float = 1.0
    precharge_furthest_v: float = 10.0
    precharge_current_a: float = 5.0
    precharge_stable_us: int = 50_000
    precharge_limit_us: int = 11_000_000

    # ---- charging and stopping
    rise_a_per_s: float = 25.0
    """GB/T 34657.1-2017 D0.4103 asks for 20 A/s from demand to output; a quarter more makes up for the stage's lag."""
    fall_a_per_s: float = 100.0
    stop_a_per_s: float = 200.0
    """At least 100 A/s (GB/T 34657.1-2017 D0.5101)."""
    open_below_a: float = 5.0
    """K1/K2 open at or below it in a normal stop (GB/T 18487.1-2015 B.3.6)."""
    stop_limit_us: int = 3_000_000
    fault_open_after_us: int = 40_000
    """On a fault K1/K2 open this long after the stage was blocked, whatever flows: contacts must be open within 100 ms."""
    energy_limit_wh: int = 0
    """The charger ends the charge at this energy; 0 for never."""

    # ---- discharging and unlocking (GB/T 18487.1-2015 B.3.3, B.3.7)
    safe_voltage_v: float = 60.0
    bleed_limit_us: int = 3_500_000
    """Bleeder on to 60 V, then an alarm. Tests ask for 1 s after separation."""
    unlock_below_a: float = 1.0
    safe_hold_us: int = 10_000
    """How long a voltage must be below the safe one before it is believed: a noisy sensor dips below it much earlier."""
    blind_bleed_us: int = 2_000_000
    """How long is bled and waited when the voltage sensors contradict each other: 7 time constants of output and bleeder."""
    unlock_wait_us: int = 10_000_000
    """Voltage or current at the plug so long after everything was switched off is an alarm; the connector stays locked."""
    unlock_limit_us: int = 5_000_000
    end_limit_us: int = 60_000_000
    """Longest wait for the session's end after the output is off."""

    # ---- CAN controller
    bus_off_pause_us: int = 50_000
    """From bus-off to the order to return, which itself takes 128 times eleven recessive bits (ISO 11898-1)."""
    bus_off_limit: int = 3
    """So many times within *bus_off_window_us*, and the charge ends."""
    bus_off_window_us: int = 10_000_000

    # ---- protections
    emergency_debounce_us: int = 2_000
    input_debounce_us: int = 5_000
    contact_debounce_us: int = 20_000
    """Longer than the bounce of an auxiliary contact."""
    door_debounce_us: int = 50_000
    button_debounce_us: int = 20_000
    mains_debounce_us: int = 100_000
    """K1/K2 must be open 1 s after the mains are lost (GB/T 34657.1-2017 D0.4506)."""
    over_voltage_ratio: float = 1.02
    """Of the vehicle's maximum, for the converters' error."""
    over_voltage_us: int = 2_000
    over_current_ratio: float = 1.1
    over_current_margin_a: float = 5.0
    over_current_us: int = 20_000
    over_current_hold_us: int = 500_000
    """How long the old limit stays after the set point fell."""
    voltage_apart_ratio: float = 0.05
    voltage_apart_v: float = 15.0
    """With K1/K2 closed both voltage sensors see the same; further apart than both limits together, one of them is wrong."""
    voltage_apart_us: int = 150_000
    """Two samples of the 100 ms task."""
    aux_low_v: float = 10.8
    aux_low_us: int = 200_000
    plug_warn_degc: float = 90.0
    """From here the current is reduced, linearly to nothing at *plug_stop_degc*."""
    plug_stop_degc: float = 105.0
    plug_sensor_low_degc: float = -38.0
    """Outside the two sensor limits a plug sensor is broken (an open one shows -40 °C)."""
    plug_sensor_high_degc: float = 180.0
    fan_on_a: float = 10.0
    meter_start_a: float = 0.2
    """The meter does not run below it, as a real one's starting current; it is more than two counts of the converter."""

    def __post_init__(self) -> None:
        if not self.cc1_low_v < self.cc1_high_v:
            raise LocalError("cc1_low_v must be below cc1_high_v")
        if not self.precharge_nearest_v <= self.precharge_below_v <= self.precharge_furthest_v:
            raise LocalError("precharge_below_v must lie between precharge_nearest_v and precharge_furthest_v")
        if not self.insulation_fault_ohm_per_v < self.insulation_good_ohm_per_v:
            raise LocalError("insulation_fault_ohm_per_v must be below insulation_good_ohm_per_v")
        if min(self.rise_a_per_s, self.fall_a_per_s, self.stop_a_per_s) <= 0 or self.equal_verdicts < 1:
            raise LocalError("rise_a_per_s, fall_a_per_s and stop_a_per_s must be positive and equal_verdicts at least 1")
        if self.bus_off_pause_us < 0 or self.bus_off_limit < 1 or self.bus_off_window_us < 1:
            raise LocalError("bus_off_pause_us must be 0 or more, bus_off_limit and bus_off_window_us at least 1")
        if not self.plug_warn_degc < self.plug_stop_degc < self.plug_sensor_high_degc:
            raise LocalError("plug temperatures must rise: warn, stop, sensor limit")
