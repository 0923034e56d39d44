"""The keeper: the only one who may send to a real wire, and the dead man's switch of whoever asks it to.

It owns the adapter in a process of its own. The bench hands it frames and signs of life; frames that the rules allow go out. When
the bench falls silent, dies, asks for something forbidden, or when the bus or the other side leaves what was agreed, the keeper
sends the safe end of its role (BST or CST) for a while and then nothing any more.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final

from hil.live.allow import Rules, safe_end
from hil.live.limits import Limits
from hil.live.supervisor import LinkState
from protocols.core.frame import Frame
from protocols.gbt27930.editions import Edition

PATIENCE_US: Final = 150_000
"""A bench that gives no sign of life for so long hangs. An adapter that takes nothing holds us up by `SEND_S` (40 ms) more, so
that the first frame of the safe end comes within 200 ms.
"""
END_PERIOD_US: Final = 10_000
END_LASTS_US: Final = 500_000
"""BST and CST are repeated every 10 ms; the other side has 5 s to answer, which nobody waits for any more."""
WRONG: Final = frozenset({LinkState.PASSIVE, LinkState.BUS_OFF})
"""Error states of our own controller in which what we send is not to be relied on."""


class Phase(Enum):
    """What the keeper does."""

    WATCHING = "watching"
    ENDING = "ending"
    SILENT = "silent"


class Keeper:
    """The rules and times of the keeper of *side*, without clock and wire: *now* is in µs, *send* puts a frame on the wire."""

    def __init__(
        self,
        side: str,
        edition: Edition,
        limits: Limits,
        send: Callable[[Frame], None],
        now: int,
        *,
        patience_us: int = PATIENCE_US,
    ) -> None:
        if not 20_000 <= patience_us <= 10_000_000:
            raise ValueError(f"patience_us = {patience_us} µs: 20000..10000000")
        self.phase = Phase.WATCHING
        self.reason = ""
        """Why it did not go on."""
        self.passed = self.refused = 0
        """Frames of the bench that went out, and that did not."""
        self._rules = Rules(side, edition, limits)
        self._end_frame = safe_end(side, edition)
        self._send, self._patience_us = send, patience_us
        self._alive_us = self._due = now
        self._until = 0

    @property
    def deadline(self) -> int | None:
        """When `tick` is to be called at the latest; None: never."""
        if self.phase is Phase.SILENT:
            return None
        return self._alive_us + self._patience_us if self.phase is Phase.WATCHING else self._due

    def beat(self, said_us: int) -> None:
        """The bench was alive at *said_us* (µs, of the clock of *now*); what it said earlier may come late."""
        self._alive_us = max(self._alive_us, said_us)

    def pass_on(self, frame: Frame, now: int, *, said_us: int | None = None) -> None:
        """The bench wanted to send *frame* at *said_us* (None: now). What a bench left behind that hangs now is not sent."""
        self.beat(now if said_us is None else min(said_us, now))
        self._end_a_hung_bench(now)
        if self.phase is not Phase.WATCHING:
            self.refused += 1
            return
        why = self._rules.refusal(frame, now)
        if why is not None:
            self.refused += 1
            self.end(f"forbidden: {why}", now)
            return
        self.passed += 1
        self._send(frame)

    def heard(self, frame: Frame, now: int) -> None:
        """The other side has sent *frame*."""
        why = self._rules.alarm(frame)
        if why is not None and self.phase is Phase.WATCHING:
            self.end(f"the other side: {why}", now)

    def follow(self, state: LinkState, now: int) -> None:
        """The adapter is in *state*."""
        if state in WRONG and self.phase is Phase.WATCHING:
            self.end(f"our CAN controller is {state.value}", now)

    def finish(self) -> None:
        """The bench has come to its own end: nothing more is sent, not even the safe end."""
        if self.phase is Phase.WATCHING:
            self.phase = Phase.SILENT

    def end(self, reason: str, now: int) -> None:
        """Stop passing on, and begin the safe end; whoever has sent nothing yet has nothing to end."""
        if self.phase is not Phase.WATCHING:
            return
        self.reason = reason
        if not self.passed:
            self.phase = Phase.SILENT
            return
        self.phase, self._due, self._until = Phase.ENDING, now, now + END_LASTS_US
        self.tick(now)

    def tick(self, now: int) -> None:
        """Do what is due."""
        self._end_a_hung_bench(now)
        while self.phase is Phase.ENDING and self._due <= now:
            if self._due >= self._until:
                self.phase = Phase.SILENT
                return
            self._send(self._end_frame)
            self._due = max(self._due + END_PERIOD_US, now + 1)

    def _end_a_hung_bench(self, now: int) -> None:
        if self.phase is Phase.WATCHING and now - self._alive_us >= self._patience_us:
            self.end(f"no sign of life of the bench for {(now - self._alive_us) / 1e3:.0f} ms", now)
