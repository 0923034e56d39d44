"""Keeps a model in step with the wall clock, awake to the wire: it waits in `recv`, never in `sleep`.

One pacer serves one adapter. Deadlines are absolute, so nothing drifts: what was late once does not make the next thing late.
"""

import gc
from collections.abc import Callable
from typing import Final

from firmware_model.clock import Clock
from hil.links.link import Link, host_us
from hil.live.certificate import Certificate
from hil.live.sharp_timers import sharpen
from protocols.core.frame import Frame

OVERRUN_US: Final = 50_000
"""Later than this, the model is not in step any more: an overrun."""
EARLY_MAX_US: Final = 300
"""The pacer aims ahead by what it usually oversleeps, but never by more than this."""
LEARN_US: Final = 8
"""How fast it learns that."""
PULSE_US: Final = 40_000
"""The pacer never waits longer than this in one piece, so that it can show that it lives."""


class Pacer:
    """Lets *clock* live at the speed of the wall clock and hands what *link* receives to *hear* (frame, model's time in µs).

    *spin_us*: so long before a deadline it stops sleeping and looks at the clock instead, for less lateness and more load.
    *pulse* is called at least every `PULSE_US`, between two steps of the model.
    """

    def __init__(
        self,
        clock: Clock,
        link: Link,
        hear: Callable[[Frame, int], None],
        *,
        spin_us: int = 0,
        pulse: Callable[[], None] | None = None,
    ) -> None:
        if not 0 <= spin_us <= 10_000:
            raise ValueError(f"spin_us = {spin_us} µs: 0..10000")
        self.certificate = Certificate()
        spare_the_collector()
        self.begin_us = host_us() - clock.now
        """The moment of the wall clock at which the model's time is 0."""
        self._clock, self._link, self._hear = clock, link, hear
        self._spin_us, self._pulse = spin_us, pulse
        self._early_us = 0.0  # what nine of ten waits oversleep less than

    def send(self, frame: Frame, due: int) -> None:
        """Hand *frame*, due at *due* of the model's time, to the link."""
        self._link.send(frame)
        self.certificate.frames.add(max(0, self.now() - due))

    def now(self) -> int:
        """What the model's time should be (µs)."""
        return host_us() - self.begin_us

    def run(self, until: int) -> None:
        """Live until the model's time is *until* (µs). Raises `LinkLost` when the link does."""
        sharpen()
        clock = self._clock
        while clock.now < until:
            if self._pulse is not None:
                self._pulse()
            due, now = min(clock.deadline, until), self.now()
            if due <= now:
                self._step(due)
                now = self.now()
                due = min(clock.deadline, until)
            self._listen(max(0, min(due - now, PULSE_US)))

    def _step(self, due: int) -> None:
        """Live the moment *due*."""
        late = self.now() - due
        self.certificate.steps.add(late)
        self.certificate.overruns += late > OVERRUN_US
        self._clock.run(due)

    def _listen(self, patience_us: int) -> None:
        """Wait for a frame, at most *patience_us*, and let the model have it at the moment that it is then."""
        begin, ahead_us = host_us(), self._spin_us + round(self._early_us)
        wait_us = max(0, patience_us - ahead_us)
        heard = self._link.recv(wait_us / 1e6)
        if heard is None:
            self._learn(host_us() - begin - wait_us)
            while host_us() < begin + patience_us and patience_us < PULSE_US:
                pass  # at most what was aimed ahead
            return
        now = max(self._clock.now, self.now())
        self._clock.run(now)
        self._hear(heard.frame, now)
        self.certificate.answers.add(max(0, host_us() - heard.at_us))

    def _learn(self, overslept_us: int) -> None:
        """Move towards the ninth decile of what a wait oversleeps."""
        step_us = 0.9 * LEARN_US if overslept_us > self._early_us else -0.1 * LEARN_US
        self._early_us = min(max(self._early_us + step_us, 0.0), EARLY_MAX_US)


def spare_the_collector() -> None:
    """Let no later garbage collection look through what is there already: a built bench takes it 0.1 s each time, in which
    nothing is answered. It does not collect first: by now a keeper may be waiting for our first sign of life.
    """
    gc.freeze()
