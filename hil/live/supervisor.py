"""A link that outlives its adapter: receives in a thread of its own, tells what happens to the adapter, and opens it again.

Nothing is silent: every change of state is an event, every time in which nothing could be heard is a gap with begin and end, and
a frame that could not be sent is told, counted and forgotten, because an old control frame is worse than none.
"""

import sys
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
BUSY_S: Final = 1.0
"""How long a sender may still be at work with an adapter that is let go."""
if sys.platform == "win32":
    _OF_TERMINALS: tuple[type[Exception], ...] = ()
else:
    import termios

    _OF_TERMINALS = (termios.error,)  # pyserial lets it through, and it is no OSError
TROUBLES: Final[tuple[type[Exception], ...]] = (
    *(LinkLost, BadInput, OSError, EOFError, ValueError, TypeError),
    *(AttributeError, LookupError, ArithmeticError, RuntimeError, *_OF_TERMINALS),
)
"""What a link may raise in use. A driver's answer that was cut short turns up as any of these; all of them mean: open it anew."""


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
    given up after *give_up_s* without it, as is a controller that stays bus-off so long. An adapter that goes again within
    *settled_s* has not come back: the waits go on growing, and so does the time until it is given up.
    """

    first_s: float = 0.1
    factor: float = 2.0
    most_s: float = 2.0
    give_up_s: float = 60.0
    settled_s: float = 1.0

    def __post_init__(self) -> None:
        limits = {
            "first_s": (0.001, 60.0),
            "factor": (1.0, 10.0),
            "most_s": (0.001, 600.0),
            "give_up_s": (0.0, 1e6),
            "settled_s": (0.0, 600.0),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"Patience.{name} = {value}: {low:g}..{high:g}")


class Supervisor:
    """A `Link` over whatever *open_link* opens. The first opening is done here, and what it raises is the caller's; later ones
    are the supervisor's own business. *on_event* is called in the thread that notices, the sender's or our own.
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
        self.gaps: list[Gap] = []
        """When nothing could be heard, the first opening included, or what was heard was dropped."""
        self.unsent = 0
        """Frames that could not be sent."""
        self.overflowed = 0
        """Frames that nobody fetched in time."""
        self.reopened = 0
        """How often the adapter came back."""
        self._open_link, self._patience, self._on_event = open_link, patience or Patience(), on_event
        self._frames: deque[Heard] = deque()
        self._arrived, self._telling, self._sending = threading.Condition(), threading.Lock(), threading.Lock()
        self._stopping = threading.Event()
        self._over = self._waiting = False
        self._unsent_now = self._spilt_now = 0
        self._hearing_us = host_us()
        """The last moment of which we know that we heard."""
        self._outage: Gap | None = Gap(self._hearing_us)
        self._spill: Gap | None = None
        self.gaps.append(self._outage)
        self.state = LinkState.CLOSED
        self._say(LinkState.OPENING)
        self._link: Link | None = open_link()
        self._disbelieved: tuple[LinkState, int] | None = None
        self._wait_s = self._patience.first_s
        self._opened_s = self._trouble_s = time.monotonic()
        self._tries = 0
        self._say(LinkState.ACTIVE)
        self._thread = threading.Thread(target=self._live, name="supervisor", daemon=True)
        self._thread.start()

    def recv(self, timeout_s: float) -> Heard | None:
        """The next frame, waited for at most *timeout_s*. Raises `LinkLost` once the adapter is given up and nothing is left."""
        if not self._frames and timeout_s > 0:
            with self._arrived:
                self._waiting = True
                self._arrived.wait_for(lambda: self._frames or self._over, timeout_s)
                self._waiting = False
        over = self._over
        try:
            return self._frames.popleft()
        except IndexError:
            if over:
                raise LinkLost(self._last_words) from None
            return None

    def send(self, frame: Frame) -> None:
        """Send *frame*, or tell that it was not sent: it is not kept for later."""
        with self._sending:
            link = self._link
            if link is None or self.state in DEAF:
                self._missed(frame, "the adapter is not there")
                return
            try:
                link.send(frame)
            except TROUBLES as error:
                self._missed(frame, _words(error))  # whether it is lost, the receive thread finds out
                return
            if self._unsent_now:
                self._say(None, f"sending again; not sent: {self._unsent_now} frames")
                self._unsent_now = 0

    def close(self) -> None:
        """Stop listening and let the adapter go; a second time does nothing."""
        self._stopping.set()
        if threading.current_thread() is not self._thread:
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
        self._last_words = "the receive thread has died"
        try:
            while not self._stopping.is_set():
                if (self._link is None and not self._reopen()) or self._off_too_long():
                    self._last_words = f"given up after {self._patience.give_up_s:g} s: {self.events[-1].words}"
                    return
                self._listen()
            self._last_words = "closed"
        finally:
            self._let_go()
            self._say(LinkState.CLOSED if self._stopping.is_set() else LinkState.LOST, self._last_words)
            with self._arrived:
                self._over = True
                self._arrived.notify_all()

    def _listen(self) -> None:
        link = self._link
        if link is None:
            return
        try:
            heard = link.recv(LISTEN_S)
        except TROUBLES as error:
            words = _words(error)
            self._say(LinkState.LOST, words)
            self._let_go()
            if time.monotonic() - self._opened_s >= self._patience.settled_s:
                self._wait_s, self._trouble_s, self._tries = self._patience.first_s, time.monotonic(), 0
            return
        self._follow(link, heard)
        self._hearing_us = host_us()
        if heard is not None:
            self._keep(heard)

    def _keep(self, heard: Heard) -> None:
        """Queue *heard*; if nobody fetches, the oldest is dropped: who is late wants to know how things are now."""
        frames = self._frames
        if len(frames) >= DEPTH:
            self._drop_oldest()
        elif self._spill is not None and len(frames) <= DEPTH // 2:
            self._say(None, f"frames are fetched again; {self._spilt_now} were dropped")
            self._spill, self._spilt_now = None, 0
        frames.append(heard)
        if self._waiting:
            with self._arrived:
                self._arrived.notify()

    def _drop_oldest(self) -> None:
        try:
            at_us = self._frames.popleft().at_us
        except IndexError:
            return  # fetched in this very moment
        self.overflowed += 1
        self._spilt_now += 1
        if self._spill is None:
            self._spill = Gap(at_us)
            self.gaps.append(self._spill)
            self._say(None, f"overflow: {DEPTH} frames wait and nobody fetches them; the oldest are dropped")
        self._spill.end_us = at_us + 1

    def _follow(self, link: Link, heard: Heard | None) -> None:
        """Take over the error state that the adapter tells; but who hears frames is not bus-off, whatever was told before."""
        told = LinkState(getattr(link, "state", BusState.ACTIVE).value)
        if told is LinkState.ACTIVE and self.state is LinkState.ACTIVE:
            return
        reports = told, getattr(link, "error_frames", 0)
        if told is LinkState.BUS_OFF and heard is not None:
            self._disbelieved = reports
        if reports == self._disbelieved:
            told = LinkState.ACTIVE
        if told is not self.state:
            if told is LinkState.BUS_OFF:
                self._trouble_s = time.monotonic()
            self._say(told, "a frame was heard" if reports == self._disbelieved else "")

    def _off_too_long(self) -> bool:
        return self.state is LinkState.BUS_OFF and time.monotonic() - self._trouble_s >= self._patience.give_up_s

    def _reopen(self) -> bool:
        """Open the adapter again; False when patience is over. True without an adapter when the run is."""
        patience = self._patience
        while True:
            if self._tries and time.monotonic() - self._trouble_s >= patience.give_up_s:
                return False
            if self._stopping.wait(self._wait_s):
                return True
            self._tries += 1
            self._wait_s = min(self._wait_s * patience.factor, patience.most_s)
            self._say(LinkState.OPENING)
            try:
                link = self._open_link()
            except TROUBLES as error:
                self._say(LinkState.LOST, _words(error))
            else:
                self._opened_s, self._link, self._disbelieved = time.monotonic(), link, None
                self.reopened += 1
                self._say(LinkState.ACTIVE, "came back")
                return True

    def _let_go(self) -> None:
        """Close the adapter, but not under the hands of a sender: its descriptor may be another file's a moment later."""
        link, self._link = self._link, None
        if link is None:
            return
        free = self._sending.acquire(timeout=BUSY_S)
        try:
            link.close()
        except TROUBLES as error:
            self._say(None, f"closing it: {_words(error)}")
        finally:
            if free:
                self._sending.release()

    # ---- either thread -----------------------------------------------------------------------------------------------

    def _missed(self, frame: Frame, why: str) -> None:
        self.unsent += 1
        self._unsent_now += 1
        if self._unsent_now == 1:
            self._say(None, f"frame {frame.can_id:X} was not sent: {why}")

    def _say(self, state: LinkState | None, words: str = "") -> None:
        """Tell that the link is in *state* now; None: as before, but something has happened."""
        with self._telling:
            state = state or self.state  # who was told to stop listening has no gap
            event = LinkEvent(host_us(), state, words)
            if state in DEAF and self._outage is None and not self._stopping.is_set():
                self._outage = Gap(min(event.at_us, self._hearing_us))
                self.gaps.append(self._outage)
            elif state not in DEAF and self._outage is not None:
                self._outage.end_us, self._outage = event.at_us, None
            self.state = state
            self.events.append(event)
        if self._on_event is not None:
            self._on_event(event)


def _words(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
