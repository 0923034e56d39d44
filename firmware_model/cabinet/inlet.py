"""The vehicle's end of the power circuit: inlet, contactors K5/K6 and battery."""

from firmware_model.battery.pack import Pack
from firmware_model.cabinet.contactor import Contactor


class Inlet:
    """What hangs on the connector's DC pins while it is plugged in. *harness_ohm* may be set at any time."""

    def __init__(self, pack: Pack, *, k5: Contactor | None = None, k6: Contactor | None = None) -> None:
        self.pack = pack
        self.k5 = k5 or Contactor("K5")
        self.k6 = k6 or Contactor("K6")
        self.harness_ohm = 0.010
        """Cable, fuse and contactors between inlet and pack (assumption)."""

    def feedback(self, now: int) -> bool:
        """Whether both auxiliary contacts report closed."""
        return self.k5.feedback(now) and self.k6.feedback(now)

    def closed(self, now: int) -> bool:
        """Whether the battery is on the pins."""
        return self.k5.closed(now) and self.k6.closed(now)

    def moving(self, now: int) -> bool:
        """Whether a contactor travels."""
        return self.k5.moving(now) or self.k6.moving(now)
