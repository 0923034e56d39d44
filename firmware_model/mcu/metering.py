"""The energy meter of the pile: sums on the 100 ms grid, in integers, over the charge and over its life."""

from collections.abc import MutableSequence

PERIOD_US = 100_000
_UNITS_PER_WH = 3_600_000_000
"""mW·ms in a watt-hour."""
SAVE_EVERY_WH = 100
"""Non-volatile memory wears; this much energy may be lost in a power failure."""


class EnergyMeter:
    """Adds up measured voltage times current. Non-volatile words 0 and 1 hold the pile's total (Wh, low word first)."""

    def __init__(self) -> None:
        self._sum = 0
        self._before_wh = 0
        self._saved_wh = 0

    def restore(self, nvm: MutableSequence[int]) -> None:
        """Continue from what the memory held at power-up."""
        self._before_wh = self._saved_wh = nvm[0] | nvm[1] << 32

    @property
    def energy_wh(self) -> float:
        """Energy of this charge."""
        return self._sum / _UNITS_PER_WH

    @property
    def whole_wh(self) -> int:
        """Energy of this charge, rounded down."""
        return self._sum // _UNITS_PER_WH

    def begin(self) -> None:
        """Start a new charge."""
        self._before_wh += self.whole_wh
        self._sum = 0

    def add(self, voltage_mv: int, current_ma: int) -> None:
        """Take one sample to stand for a whole period."""
        self._sum += voltage_mv * current_ma // 1000 * (PERIOD_US // 1000)

    def save(self, nvm: MutableSequence[int], *, whatever: bool = False) -> None:
        """Write the total to *nvm* if it has grown enough, or at all events."""
        total = self._before_wh + self.whole_wh
        if whatever or total - self._saved_wh >= SAVE_EVERY_WH:
            self._saved_wh = total
            nvm[0], nvm[1] = total & 0xFFFF_FFFF, total >> 32
