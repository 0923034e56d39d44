"""The set points of the power stage and how fast they may move."""

from firmware_model.board import NEVER, Outputs

RAMP_PERIOD_US = 10_000


class SetPoints:
    """Voltage at once, current along a ramp on the 10 ms grid. mV and mA; the ramp's slopes are mA per 10 ms."""

    def __init__(self, outputs: Outputs, *, rise_a_per_s: float, fall_a_per_s: float) -> None:
        self._outputs = outputs
        self._rise, self._fall = _per_step(rise_a_per_s), _per_step(fall_a_per_s)
        self._slope_down = self._fall
        self.target_ma = 0

    @property
    def moving(self) -> bool:
        """Whether the current set point is not where it shall be."""
        return self._outputs.current_ma != self.target_ma

    def drive(self, voltage_mv: int, current_ma: int) -> None:
        """Set both at once, without a ramp."""
        self._outputs.voltage_mv = voltage_mv
        self._outputs.current_ma = self.target_ma = current_ma
        self._slope_down = self._fall

    def follow(self, voltage_mv: int, current_ma: int) -> None:
        """Set the voltage, and let the current move to *current_ma*."""
        self._outputs.voltage_mv = voltage_mv
        self.target_ma = current_ma

    def fall_to_zero(self, slope_a_per_s: float) -> None:
        """Let the current fall at *slope_a_per_s*; the voltage stays."""
        self.target_ma = 0
        self._slope_down = _per_step(slope_a_per_s)

    def ramp(self, now: int) -> int:
        """One step of the 10 ms task."""
        present, target = self._outputs.current_ma, self.target_ma
        if present == target:
            return NEVER
        if present < target:
            present = min(target, present + self._rise)
        else:
            present = max(target, present - self._slope_down)
        self._outputs.current_ma = present
        return NEVER if present == target else now + RAMP_PERIOD_US


def _per_step(slope_a_per_s: float) -> int:
    return max(1, round(slope_a_per_s * RAMP_PERIOD_US / 1000))
