"""The stage's switching as the CAN bus beside it feels it: wrong bits while the gates are driven, none while they are blocked."""

from collections.abc import Callable
from typing import Final

from firmware_model.isolation.noise import Barrier, Edges, Profile, upset_rate
from firmware_model.isolation.parts import CAN_TRANSCEIVERS, CanTransceiver
from firmware_model.power.stage import PowerStage, Setpoint

SHARP: Final = Barrier(spread=0.03)
"""With the facts' own softness of 0.1 even a flat edge would upset a part once in 20 000 times, and an IGBT stage would do so as
often as the worst shield; the same facts say that IGBT edges upset none."""


class SwitchingNoise:
    """The bit error rate that *edges* of a stage make in installation *profile* and in *part*, as long as *switching* says so.

    *factor* times as much as the profile has; never above one half, where a bit tells nothing any more.
    """

    def __init__(
        self,
        switching: Callable[[], bool],
        profile: Profile,
        *,
        part: CanTransceiver = CAN_TRANSCEIVERS["ISO1042"],
        barrier: Barrier = SHARP,
        edges: Edges | None = None,
        factor: float = 1.0,
    ) -> None:
        if not 0.0 <= factor <= 1e6:
            raise ValueError(f"factor = {factor}: 0..1e6")
        edges = edges or Edges()
        self._switching = switching
        self._rate = min(0.5, factor * profile.rate(edges) + upset_rate(part, barrier, edges))

    def __call__(self, _: int) -> float:
        """Per bit, now."""
        return self._rate if self._switching() else 0.0


def drives(stage: PowerStage, setpoint: Setpoint) -> bool:
    """Whether *stage* switches with *setpoint*: gates enabled, mains there, no protection has blocked them."""
    return setpoint.enabled and stage.mains_present and stage.trip is None
