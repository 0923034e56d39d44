"""The connection confirmation lines CC1 and CC2 (GB/T 18487.1-2015 annex B, mode 4 connection C)."""


def _parallel(*resistors_ohm: float) -> float:
    """The resistance of several paths to earth; infinity where there is none."""
    conductance = 0.0
    for r_ohm in resistors_ohm:
        if r_ohm == 0.0:
            return 0.0
        conductance += 1.0 / r_ohm
    return 1.0 / conductance if conductance else float("inf")


class PilotLines:
    """Resistors, switch and sources of both lines. All attributes may be set at any time; infinity is an open wire, 0 a short.

    CC1: U1 (pile) - R1 - detection point 1; to earth through R2 and the release-button switch S in the plug, and R4 in the
    inlet. CC2: U2 (vehicle) - R5 - detection point 2; to earth through R3 in the plug.
    """

    def __init__(self) -> None:
        self.r1_ohm = self.r2_ohm = self.r3_ohm = self.r4_ohm = self.r5_ohm = 1000.0
        self.u1_v = self.u2_v = 12.0
        self.button_pressed = False
        """Pressing the release button opens S."""
        self.inserted = False
        self.earth_connected = True
        """The protective conductor between pile and vehicle."""

    @property
    def cc1_v(self) -> float:
        """Detection point 1, seen by the pile: 6 V unplugged, 4 V connected, 12 V and 6 V with the button pressed."""
        button = float("inf") if self.button_pressed else self.r2_ohm
        inlet = self.r4_ohm if self.inserted and self.earth_connected else float("inf")
        return _divided(self.u1_v, self.r1_ohm, _parallel(button, inlet))

    @property
    def cc2_v(self) -> float:
        """Detection point 2, seen by the vehicle: 12 V unplugged, 6 V connected."""
        plug = self.r3_ohm if self.inserted and self.earth_connected else float("inf")
        return _divided(self.u2_v, self.r5_ohm, plug)


def _divided(source_v: float, upper_ohm: float, lower_ohm: float) -> float:
    """The voltage at the middle of a divider of *source_v* to earth."""
    if lower_ohm == float("inf"):
        return source_v if upper_ohm != float("inf") else 0.0
    if upper_ohm == 0.0 and lower_ohm == 0.0:
        return 0.0
    return source_v * lower_ohm / (upper_ohm + lower_ohm)
