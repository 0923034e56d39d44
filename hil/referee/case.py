"""What lies before the referee: one session on the wires, and the physical truth that belongs to it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np

from hil.links.recording import Recording
from hil.referee.truth import Condition, Truth
from hil.story.cutting import attempts, sessions
from hil.story.ending import errors
from hil.story.excerpt import Excerpt
from hil.story.protocol import edition_of, is_gbt
from hil.story.sorting import Sorted, sort
from hil.story.story import ErrorReport, Stamps
from hil.story.telling import stamps_of
from protocols.gbt27930.editions import EDITIONS, Edition


class Lost(NamedTuple):
    """From *begin_us* to *end_us* the evidence is incomplete: all of it, or only what the receiver of *message* got of it."""

    begin_us: int
    end_us: int
    message: str = ""
    """Empty: the recording itself has a hole. Else the wire shows the message, but its receiver did not get it."""


@dataclass(frozen=True, eq=False)
class Case:
    """One session: its wires, its attempts, the truth around it. All times are µs since the first frame of the recording."""

    found: Sorted
    session: Excerpt
    attempts: Sequence[Excerpt]
    truth: Truth | None
    begin_us: int
    end_us: int
    """What belongs to the session lies between them: its frames, and the truth before, between and after."""
    tolerance_us: int
    """Two stamps may be wrong by so much against each other."""
    losses: Sequence[Lost]

    @property
    def edition(self) -> Edition:
        """The edition spoken."""
        return self.session.edition

    @property
    def timed(self) -> bool:
        """Whether the stamps measure anything."""
        return self.session.timed

    def sees(self, begin_us: int, end_us: int) -> bool:
        """Whether the recording is whole from *begin_us* to *end_us*."""
        return not any(loss.begin_us < end_us and begin_us < loss.end_us for loss in self.losses if not loss.message)

    def delivers(self, name: str, begin_us: int, end_us: int) -> bool:
        """Whether every *name* on the wire from *begin_us* to *end_us* reached its receiver, as far as is known."""
        title = name.partition(" ")[0]
        return not any(loss.begin_us < end_us and begin_us < loss.end_us for loss in self.losses if loss.message == title)

    @cached_property
    def unplugged_us(self) -> int | None:
        """When the connector was first pulled, if that is known."""
        if self.truth is None or not self.truth.has("conditions"):
            return None
        pulled = self.truth["conditions"].bits(int(Condition.INSERTED)).falls()
        return next((at for at in pulled if self.begin_us <= at < self.end_us), None)

    @cached_property
    def reports(self) -> Sequence[ErrorReport]:
        """The error messages of both sides in order of time."""
        return sorted(errors(self.session), key=lambda report: report.begin_us)

    def firsts(self, *names: str, since_us: int = -1) -> int | None:
        """When the first message of any of *names* came after *since_us*."""
        return min(self._firsts(names, since_us), default=None)

    def _firsts(self, names: Sequence[str], since_us: int) -> Iterator[int]:
        for name in names:
            times = self.session.track(name).times_us
            index = int(np.searchsorted(times, since_us, side="right"))
            if index < len(times):
                yield int(times[index])


def cases_of(recording: Recording, truth: Truth | None, *, tolerance_us: int | None, losses: Sequence[Lost]) -> list[Case]:
    """The sessions in *recording* as cases; *truth* and *losses* on the clock of the recording, moved to its first frame."""
    found = sort(recording, EDITIONS["2015"])
    if not is_gbt(found):
        return []
    stamps, resolution_us = stamps_of(recording.times_us)
    edges = sessions(found, len(recording))
    marks = [int(found.clock[begin]) for begin, _ in edges[1:]]
    last = int(found.clock.max()) if truth is None else max(truth.end_us, int(found.clock.max()))
    spans = zip([-(1 << 60), *marks], [*marks, last], strict=True)
    slack_us = resolution_us if tolerance_us is None else max(tolerance_us, resolution_us)
    made = []
    for (begin, end), (begin_us, end_us) in zip(edges, spans, strict=True):
        session = _excerpt(found, begin, end, stamps, resolution_us)
        made.append(Case(found, session, attempts(session), truth, begin_us, end_us, slack_us, losses))
    return made


def _excerpt(found: Sorted, begin: int, end: int, stamps: Stamps, resolution_us: int) -> Excerpt:
    edition, _ = edition_of(Excerpt(found, EDITIONS["2015"], begin, end, stamps, resolution_us))
    return Excerpt(found, edition, begin, end, stamps, resolution_us)
