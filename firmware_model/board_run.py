"""A running circuit board: wakes its controller on the task grid, holds its inputs still, guards it by a watchdog."""

from collections.abc import Callable, Sequence

from firmware_model.board import MAILBOX_DEPTH, NEVER, Controller, Dout, Inputs, Mailboxes, Outputs, Wake
from protocols.core.frame import Frame

_RECEIVED, _DIGITAL, _ANALOG, _MONITOR, _BUS = map(int, (Wake.RECEIVED, Wake.DIGITAL, Wake.ANALOG, Wake.MONITOR, Wake.BUS))
_KEPT_BY_SAFE_STATE = int(Dout.LOCK)
_SAFE = int(Dout.BLEEDER | Dout.ALARM)


class Board:
    """Runs a controller at the grid times *phase_us* + n * *period_us* that can change something.

    Whatever is sensed at a moment is seen by the first activation after it (input synchronisers). Therefore the order of
    parts within one moment is no input of the firmware, and leaving out activations changes no byte.

    The watchdog expects a kick from every activation. A skipped activation counts as kicked (nothing was asked of the
    firmware); a frozen processor misses those of its grid, skipped or not, and trips *watchdog_us* after the last one it could
    have served. Then outputs are forced to the safe state until `restart`: all coils dropped, bleeder on, lock where it is.
    """

    def __init__(
        self,
        controller: Controller,
        act: Callable[[int, Outputs], None],
        *,
        start_us: int = 0,
        period_us: int = 1_000,
        phase_us: int = 0,
        watchdog_us: int = 50_000,
        mailbox_depth: int = MAILBOX_DEPTH,
    ) -> None:
        self.inputs = Inputs()
        self.outputs = Outputs()
        self.mailboxes = Mailboxes(mailbox_depth)
        self.activations = 0
        self.tripped = False
        """The watchdog has forced the safe state."""
        self.on_trip: Callable[[int], None] | None = None
        """Called then, for whoever can start a processor anew."""
        self.controller = controller
        """The processor with its firmware. Another one may be put before it, which hands on what it gets."""
        self._act = act
        self._period_us, self._phase_us, self._watchdog_us = period_us, phase_us, watchdog_us
        self._frozen = False
        self._trip_at = NEVER
        self._sensed_at = -1
        self._fresh = False
        self._wake = 0
        self._gpio = 0
        self._adc: Sequence[int] = self.inputs.adc
        self._judged = 0, False  # after how many activations the sample was compared, and whether it was outside
        self._monitor = (0, 0, 0, 0)
        self._bus = 0
        self.due = self._grid(start_us)

    # ---- what the hardware does to the inputs ------------------------------------------------------------------------

    def receive(self, frame: Frame, now: int) -> None:
        """The CAN receive interrupt."""
        self.mailboxes.put(frame, now)
        soonest = now + 1 + (self._phase_us - now - 1) % self._period_us  # `_wake_after`, in the path of every frame
        if soonest < self.due and not self._frozen and not self.tripped:
            self.due = soonest

    def digital(self, bits: int, now: int) -> None:
        """The digital inputs are *bits* (`Din`) from *now* on."""
        self._open(now)
        if bits != self._gpio:
            self._gpio = bits
            self._wake_after(now)

    def analog(self, counts: Sequence[int], now: int) -> None:
        """The converters show *counts* (by `Channel`; not changed afterwards) from *now* on."""
        self._open(now)
        self._adc = counts
        outside = self._outside(counts)
        self._judged = self.activations, outside
        if outside:
            self._wake_after(now)

    def insulation(self, plus_kohm: int, minus_kohm: int, now: int, *, valid: bool) -> None:
        """The insulation monitor has a result."""
        self._open(now)
        self._monitor = (plus_kohm, minus_kohm, int(valid), (self._monitor[3] + 1) & 0xFF)
        self._wake_after(now)

    def bus(self, state: int, now: int) -> None:
        """The CAN controller is in error state *state* (`BusState`) from *now* on."""
        self._open(now)
        if state != self._bus:
            self._bus = state
            self._wake_after(now)

    # ---- running -----------------------------------------------------------------------------------------------------

    def tick(self, now: int) -> None:
        """Activate the controller, or let the watchdog trip."""
        if now < self.due:
            return
        if self._frozen or now >= self._trip_at:
            self._trip(now)
            return
        inputs = self.inputs
        inputs.tick_us = now
        if self._fresh and self._sensed_at < now:
            self._publish()
        wake, self._wake = self._wake, 0
        mailboxes = self.mailboxes
        if mailboxes.waiting:
            inputs.rx = rx = mailboxes.take(now)
            inputs.overruns = mailboxes.overruns & 0xFFFF
            if rx:
                wake |= _RECEIVED
        elif inputs.rx:
            inputs.rx = ()
        inputs.wake = wake
        self.activations += 1
        self.outputs.kick = self.outputs.bus_recover = 0
        outputs = self.outputs = self.controller.step(now, inputs)
        following = now + self._period_us
        if not outputs.kick:
            self._trip_at = min(self._trip_at, now - self._period_us + self._watchdog_us)
            self.due = min(following, self._trip_at)
        else:
            self._trip_at = NEVER
            wanted = outputs.next_us
            if wanted <= following or mailboxes.waiting or (self._fresh and self._changed()):
                self.due = following
            else:  # `_grid`
                self.due = wanted + (self._phase_us - wanted) % self._period_us if wanted < NEVER else NEVER
        self._act(now, outputs)

    def freeze(self, now: int) -> None:
        """The processor hangs from *now* on."""
        if not self.tripped and not self._frozen:
            self._frozen = True
            served = self._grid(now) - self._period_us
            self.due = min(self._trip_at, served + self._watchdog_us)

    def power_off(self, now: int) -> None:
        """The board's own supply fails: nothing is driven, received or remembered (but for the NVM) until `restart`."""
        self._frozen, self.due = True, NEVER
        self._safe(Outputs(), now)

    def restart(self, controller: Controller, now: int) -> None:
        """Reset the processor, which starts *controller* at the next grid time with all outputs at power-up values."""
        self.controller, self._frozen, self.tripped, self._trip_at = controller, False, False, NEVER
        self.mailboxes = Mailboxes(self.mailboxes.depth)
        self._safe(Outputs(), now)
        self.inputs.nvm = list(self.outputs.nvm)
        self._wake_after(now)
        self.due = self._grid(now + 1)

    def _grid(self, when: int) -> int:
        """The first grid time at or after *when*."""
        return when + (self._phase_us - when) % self._period_us if when < NEVER else NEVER

    def _wake_after(self, now: int) -> None:
        soonest = self._grid(now + 1)
        if soonest < self.due and not self._frozen and not self.tripped:
            self.due = soonest

    # ---- holding the inputs still ------------------------------------------------------------------------------------

    def _open(self, now: int) -> None:
        """What was sensed before *now* can be published; begin to collect what is sensed at *now*."""
        if now > self._sensed_at:
            if self._fresh:
                self._publish()
            self._sensed_at = now
        self._fresh = True

    def _changed(self) -> bool:
        inputs = self.inputs
        digital = self._gpio != inputs.gpio or self._bus != inputs.bus_state
        return digital or self._monitor[3] != inputs.monitor_results or self._outside(self._adc)

    def _publish(self) -> None:
        inputs = self.inputs
        self._fresh = False
        if self._gpio != inputs.gpio:
            inputs.gpio = self._gpio
            self._wake |= _DIGITAL
        if self._monitor[3] != inputs.monitor_results:
            plus, minus, inputs.monitor_valid, inputs.monitor_results = self._monitor
            inputs.monitor_plus_kohm, inputs.monitor_minus_kohm = plus, minus
            self._wake |= _MONITOR
        if self._bus != inputs.bus_state:
            inputs.bus_state = self._bus
            self._wake |= _BUS
        inputs.adc = self._adc
        activations, outside = self._judged
        if activations != self.activations:  # only the controller moves windows
            outside = self._outside(self._adc)
        if outside:
            self._wake |= _ANALOG

    def _outside(self, counts: Sequence[int]) -> bool:
        for count, (low, high) in zip(counts, self.outputs.windows, strict=True):  # noqa: SIM110 - any() takes twice as long
            if count < low or count > high:
                return True
        return False

    def _trip(self, now: int) -> None:
        self.tripped = True
        self.due = NEVER
        safe = Outputs()
        safe.gpio = _SAFE
        self._safe(safe, now)
        if self.on_trip is not None:
            self.on_trip(now)

    def _safe(self, safe: Outputs, now: int) -> None:
        """Drive *safe* from now on; lock and NVM stay as they are."""
        safe.gpio |= self.outputs.gpio & _KEPT_BY_SAFE_STATE
        safe.nvm = list(self.outputs.nvm)
        self.outputs = safe
        self._act(now, safe)
