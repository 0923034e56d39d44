"""The switched discharge resistor at the pile's output."""


class Bleeder:
    """1 kΩ: 1000 V on 267 µF fall to 60 V in 0.75 s (GB/T 18487.1-2015 B.3.3 wants less than 1 s).

    Conditions: *burnt* (open circuit), *welded* (its switch never opens). `on` is the command.
    """

    def __init__(self, *, r_ohm: float = 1000.0) -> None:
        self.r_ohm = r_ohm
        self.on = False
        self.burnt = False
        self.welded = False

    @property
    def conductance_s(self) -> float:
        """What it adds to the output node."""
        return 1.0 / self.r_ohm if (self.on or self.welded) and not self.burnt else 0.0
