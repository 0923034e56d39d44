"""The verdict of the insulation test, GB/T 18487.1-2015 B.4.1."""

from enum import Enum, auto

from firmware_model.mcu.settings import ControllerSettings


class Verdict(Enum):
    """What a measured resistance means."""

    GOOD = auto()
    WARNING = auto()
    """Between 100 and 500 Ω/V: charging is allowed, with a warning."""
    FAULT = auto()


def judge(plus_kohm: int, minus_kohm: int, test_mv: int, settings: ControllerSettings) -> Verdict:
    """The verdict on the lesser of two resistances at a test voltage."""
    ohm_per_v = min(plus_kohm, minus_kohm) * 1e6 / max(test_mv, 1)
    if ohm_per_v >= settings.insulation_good_ohm_per_v:
        return Verdict.GOOD
    return Verdict.WARNING if ohm_per_v > settings.insulation_fault_ohm_per_v else Verdict.FAULT


class InsulationTest:
    """Collects verdicts until enough equal ones follow each other."""

    def __init__(self, settings: ControllerSettings) -> None:
        self._settings = settings
        self._count = 0
        self._seen = 0
        self.last: Verdict | None = None
        """The newest verdict, None before the first."""

    def begin(self, results: int) -> None:
        """Start anew; *results* is the monitor's counter now, older results do not count."""
        self._seen, self._count, self.last = results, 0, None

    def result(self, results: int, plus_kohm: int, minus_kohm: int, test_mv: int, *, valid: bool) -> Verdict | None:
        """The final verdict once there is one. The same result of the monitor counts once."""
        if results == self._seen:
            return None
        self._seen = results
        if not valid:
            self._count = 0
            return None
        verdict = judge(plus_kohm, minus_kohm, test_mv, self._settings)
        self._count = self._count + 1 if verdict is self.last else 1
        self.last = verdict
        return verdict if self._count >= self._settings.equal_verdicts else None
