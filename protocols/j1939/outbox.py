"""Where the connections of one session put their frames and reports until the owner fetches them."""

from collections.abc import Sequence
from typing import NamedTuple

from protocols.core.frame import Frame
from protocols.j1939.habits import TransportTimers
from protocols.j1939.reports import Irregular, Irregularity, Report


class Outbox:
    """Frames and reports in the order in which they arose.

    How transfers end is never dropped; findings are, once *bound* reports wait, because a peer can cause any number.
    """

    __slots__ = ("_bound", "frames", "reports")

    def __init__(self, bound: int) -> None:
        self.frames: list[Frame] = []
        self.reports: list[Report] = []
        self._bound = bound

    @property
    def full(self) -> bool:
        """Whether the owner is so far behind that nothing new should be begun."""
        return len(self.frames) >= self._bound or len(self.reports) >= self._bound

    def find(self, reason: Irregularity, can_id: int, data: bytes) -> None:
        """Report that a peer's frame was irregular."""
        if len(self.reports) < self._bound:
            self.reports.append(Irregular(reason, can_id, data))

    def take_frames(self) -> Sequence[Frame]:
        """Hand out the frames; an empty answer costs nothing."""
        if not self.frames:
            return ()
        taken, self.frames = self.frames, []
        return taken

    def take_reports(self) -> Sequence[Report]:
        """Hand out the reports; an empty answer costs nothing."""
        if not self.reports:
            return ()
        taken, self.reports = self.reports, []
        return taken


class Node(NamedTuple):
    """What the connections of one node share."""

    address: int
    timers: TransportTimers
    outbox: Outbox
