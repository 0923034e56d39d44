"""A link that outlives its adapter: receives in a thread of its own, tells what happens to the adapter, and opens it again.

Nothing is silent: every change of state is an event, every time in which nothing could be heard is a gap with begin and end, and
a frame that could not be sent is counted and forgotten, because an old control frame is worse than none.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final

from hil.errors import BadInput
from hil.links.link import BusState, Heard, Link, LinkLost, host_us
from protocols.core.frame import Frame

DEPTH: Final = 16_384
"""Frames that wait at most: two seconds of a full bus at 1 Mbit/s."""
LISTEN_S: Final = 0.05
"""How long the thread waits for a frame in one piece."""
JOIN_S: Final = 5.0
"""How long `close` waits for the thread."""


class LinkState(Enum):
    """What becomes of an adapter."""

    CLOSED = "closed"
    OPENING = "opening"
    ACTIVE = "active"
    WARNING = "warning"
    PASSIVE = "passive"
    BUS_OFF = "bus-off"
    LOST = "lost"


DEAF: Final = frozenset({LinkState.CLOSED, LinkState.OPENING, LinkState.BUS_OFF, LinkState.LOST})
"""States in which nothing is heard."""


@dataclass(frozen=True, slots=True)
class LinkEvent:
    """The link is in *state* since *at_us* (host's monotonic clock, µs); *words* say why."""

    at_us: int
    state: LinkState
    words: str = ""


@dataclass(slots=True)
class Gap:
    """Nothing could be heard from *begin_us* to *end_us* (None: still)."""

    begin_us: int
    end_us: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How a lost adapter is opened again: first after *first_s*, then each time *factor* later, never more than *most_s* apart;
    given up after *give_up_s*.
    """

    first_s: float = 0.1
    factor: float = 2.0
    most_s: float = 2.0
    give_up_s: float = 60.0

    def __post_init__(self) -> None:
        limits = {"first_s": (0.001, 60.0), "factor": (1.0, 10.0), "most_s": (0.001, 600.0), "give_up_s": (0.0, 1e6)}
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"Patience.{name} = {value}: {low:g}..{high:g}")


class Supervisor:
    """A `Link` over whatever *open_link* opens. The first opening is done here, and what it raises is the caller's; later ones
    are the supervisor's own business. *on_event* is called in the receive thread.
    """

    def __init__(
        self,
        open_link: Callable[[], Link],
        *,
        patience: Patience | None = None,
        on_event: Callable[[LinkEvent], None] | None = None,
    ) -> None:
        self.events: list[LinkEvent] = []
        """Everything that has happened, in order."""
        self.gaps: list[Gap] = [Gap(host_us())]
        self.unsent = 0
        """Frames that could not be sent."""
        self.overflowed = 0
        """Frames that nobody fetched in time."""
        self.reopened = 0
        """How often the adapter came back."""
        self._open_link, self._patience, self._on_event = open_link, patience or Patience(), on_event
        self._frames: deque[Heard] = deque()
        self._arrived = threading.Condition()
        self._stopping = threading.Event()
        self.state = LinkState.CLOSED
        self._say(LinkState.OPENING)
        self._link: Link | None = open_link()
        self._say(LinkState.ACTIVE)
        self._thread = threading.Thread(target=self._live, name="supervisor", daemon=True)
        self._thread.start()

    def recv(self, timeout_s: float) -> Heard | None:
        """The next frame, waited for at most *timeout_s*. Raises `LinkLost` once the adapter is given up and nothing is left."""
        with self._arrived:
            if not self._frames and timeout_s > 0:
                self._arrived.wait_for(lambda: self._frames or not self._thread.is_alive(), timeout_s)
            if self._frames:
                return self._frames.popleft()
        if not self._thread.is_alive():
            raise LinkLost(self.events[-1].words or self.state.value)
        return None

    def send(self, frame: Frame) -> None:
        """Send *frame*, or count it as unsent if there is no adapter now."""
        link = self._link
        if link is None or self.state is LinkState.BUS_OFF:
            self.unsent += 1
            return
        try:
            link.send(frame)
        except LinkLost:
            self.unsent += 1  # the receive thread finds out by itself

    def close(self) -> None:
        """Stop listening and let the adapter go; a second time does nothing."""
        self._stopping.set()
        self._thread.join(JOIN_S)

    def plain(self) -> dict[str, Any]:
        """What happened, as values for a summary (times in s since the first event)."""
        began = self.events[0].at_us

        def since(at_us: int | None) -> float | None:
            return None if at_us is None else round((at_us - began) / 1e6, 6)

        return {
            "state": self.state.value,
            "reopened": self.reopened,
            "unsent": self.unsent,
            "overflowed": self.overflowed,
            "events": [{"at_s": since(event.at_us), "state": event.state.value, "why": event.words} for event in self.events],
            "gaps": [[since(gap.begin_us), since(gap.end_us)] for gap in self.gaps[1:]],
        }

    # ---- the receive thread ------------------------------------------------------------------------------------------

    def _live(self) -> None:
        words = "the receive thread has died"
        try:
            while not self._stopping.is_set():
                if self._link is None and not self._reopen():
                    words = f"given up after {self._patience.give_up_s:g} s: {self.events[-1].words}"
                    return
                self._listen()
            words = "closed"
        finally:
            link, self._link = self._link, None
            if link is not None:
                link.close()
            self._say(LinkState.CLOSED if self._stopping.is_set() else LinkState.LOST, words)
            with self._arrived:
                self._arrived.notify_all()

    def _listen(self) -> None:
        link = self._link
        if link is None:
            return
        try:
            heard = link.recv(LISTEN_S)
        except LinkLost as error:
            self._link = None
            link.close()
            self._say(LinkState.LOST, str(error))
            return
        self._follow(link)
        if heard is None:
            return
        with self._arrived:
            if len(self._frames) >= DEPTH:
                self._frames.popleft()
                self.overflowed += 1
            self._frames.append(heard)
            self._arrived.notify()

    def _follow(self, link: Link) -> None:
        """Take over the error state that the adapter tells."""
        told = getattr(link, "state", BusState.ACTIVE)
        if told.value != self.state.value:
            self._say(LinkState(told.value))

    def _reopen(self) -> bool:
        """Open the adapter again; False when patience or the run is over."""
        patience, wait_s = self._patience, self._patience.first_s
        end = time.monotonic() + patience.give_up_s
        while not self._stopping.wait(wait_s):
            self._say(LinkState.OPENING)
            try:
                self._link = self._open_link()
            except (BadInput, LinkLost) as error:
                self._say(LinkState.LOST, str(error))
            else:
                self.reopened += 1
                self._say(LinkState.ACTIVE, "came back")
                return True
            if time.monotonic() >= end:
                return False
            wait_s = min(wait_s * patience.factor, patience.most_s)
        return True

    def _say(self, state: LinkState, words: str = "") -> None:
        was_deaf, is_deaf = self.state in DEAF, state in DEAF
        event = LinkEvent(host_us(), state, words)
        if is_deaf and not was_deaf:
            self.gaps.append(Gap(event.at_us))
        elif was_deaf and not is_deaf:
            self.gaps[-1].end_us = event.at_us
        self.state = state
        self.events.append(event)
        if self._on_event is not None:
            self._on_event(event)
