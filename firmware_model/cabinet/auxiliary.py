"""Low-voltage supply of the vehicle's management system through K3/K4, emergency stop and mains."""

from firmware_model.cabinet.contactor import Contactor


class AuxiliarySupply:
    """12 V ± 0.6 V, 10 A at A+/A- (GB/T 18487.1-2015 annex B). *supply_v*, *load_a* and *wire_broken* may be set at any
    time.
    """

    def __init__(self) -> None:
        self.k3 = Contactor("K3", close_us=10_000, open_us=5_000, bounce_us=1_000)
        self.k4 = Contactor("K4", close_us=10_000, open_us=5_000, bounce_us=1_000)
        self.supply_v = 12.0
        self.source_ohm = 0.03
        self.limit_a = 10.0
        self.load_a = 1.5
        self.wire_broken = False

    def command(self, closed: bool, now: int) -> None:
        """Drive both contactors."""
        self.k3.command(closed, now)
        self.k4.command(closed, now)

    def feedback(self, now: int) -> bool:
        """Whether both auxiliary contacts report closed."""
        return self.k3.feedback(now) and self.k4.feedback(now)

    def voltage_v(self, now: int) -> float:
        """Between A+ and A- at the plug; zero when open, broken or overloaded (the supply shuts down)."""
        if self.wire_broken or self.load_a > self.limit_a or not (self.k3.closed(now) and self.k4.closed(now)):
            return 0.0
        return self.supply_v - self.source_ohm * self.load_a


class EmergencyStop:
    """A latching mushroom button with a normally closed contact: a broken wire looks like a pressed button."""

    def __init__(self) -> None:
        self.pressed = False
        self.wire_broken = False

    @property
    def loop_closed(self) -> bool:
        """Whether the safety loop is intact."""
        return not (self.pressed or self.wire_broken)


class Mains:
    """The three-phase supply, as the controller's relay sees it."""

    def __init__(self) -> None:
        self.voltage_v = 380.0
        """Line to line, rms. The stage works from 260 to 475 V."""

    @property
    def present(self) -> bool:
        """Whether the stage can work."""
        return 260.0 <= self.voltage_v <= 475.0
