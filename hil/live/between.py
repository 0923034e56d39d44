"""`pilebench hil between`: two adapters, and everything that a pile and a vehicle say to each other passes through us.

What the fault engine does to frames on the model's wire it does here to frames of real devices: the same places, kinds, arguments
and triggers. Only what needs more than a frame in the hand is missing: inverted bits on the wire, and phases nobody tells us.
"""

import queue
import sys
import threading
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final, cast

import numpy as np
from numpy.random import Generator

from firmware_model.clock import NEVER, Clock
from firmware_model.faults.engine import Running
from firmware_model.faults.fault import Fault
from firmware_model.faults.place import Places
from firmware_model.faults.rig import Disturb, Outlet, Rig
from firmware_model.faults.wire import wire_places
from firmware_model.trace import Trace
from hil.errors import BadInput
from hil.links.link import Heard, Link, LinkLost, host_us
from hil.live.allow import Rules
from hil.live.certificate import Lateness
from hil.live.keeper import WRONG
from hil.live.limits import Limits
from hil.live.supervisor import LinkState
from hil.sides import ADDRESSES, OTHER
from protocols.core.errors import LocalError
from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.gbt27930.editions import EDITIONS

PULSE_US: Final = 40_000
HANG_US: Final = 200_000
"""Who was away for so long has old frames in his hands. They are not passed on: a late command is worse than none."""
LISTEN_S: Final = 0.05
SWITCH_S: Final = 0.0002
"""How long a thread may keep the others waiting: Python's own 5 ms would be added to the latency."""
ECHO_US: Final = 4_000
ECHOES_MAX: Final = 10
"""So many of our own frames back within `ECHO_US`, and both adapters are on one bus."""
Tap = Callable[[int, Frame, str], None]


class Wires:
    """The two wires as the fault engine sees a bench: what it needs for faults of frames, and nothing else."""

    def __init__(self, edition: str, seed: int, out: Callable[[Frame, int, str], None]) -> None:
        self.clock, self.trace = Clock(), Trace()
        self.layouts: dict[str, type[Message]] = {
            layout.title: layout for layout in EDITIONS[edition].messages.values() if layout.pgn is not None
        }
        self.bus = self
        self.vehicle_address = ADDRESSES["vehicle"]
        self.places: Places | None = None
        self._seed, self._out = seed, out
        self._outlets = {host: Outlet(self._wire(host)) for host in OTHER}
        self._disturbs: list[Disturb] = []
        self._taps: list[Tap] = []

    def load(self, faults: Sequence[Fault]) -> None:
        """Arm *faults*. Raises `BadInput` for what a man in the middle cannot do."""
        rig = cast(Rig, self)
        self.places = Places(wire_places(rig))
        for number, fault in enumerate(faults):
            if not fault.where.startswith("wire/"):
                raise BadInput(f"fault at {fault.where}: between two devices there are only frames; choose a place under wire/")
            if fault.kind == "corrupt bit":
                raise BadInput(f"{fault.where} corrupt bit: we cannot invert a bit on a real wire; 'flip bit' changes the data")
            if fault.after is not None:
                raise BadInput(f'{fault.where}: after = {fault.after!r}: nobody tells us phases; use when = "CRO.ready == 0xAA"')
            try:
                Running(rig, fault, number).arm(0)
            except LocalError as error:
                raise BadInput(str(error)) from None

    def take(self, frame: Frame, host: str, now: int) -> None:
        """*host* has said *frame*: let the faults have it, and what they leave go out."""
        for tap in tuple(self._taps):
            tap(now, frame, host)
        self.trace.frame(now, frame, host)
        self._outlets[host](frame, now)

    # ---- what the fault engine asks for ------------------------------------------------------------------------------

    def outlet(self, host: str) -> Outlet:
        """Where the frames of *host* come out."""
        return self._outlets[host]

    def disturb(self, how: Disturb) -> Callable[[], None]:
        """Ask *how* whether a frame reaches its receiver."""
        self._disturbs.append(how)
        return lambda: self._disturbs.remove(how)

    def tap(self, callback: Tap) -> None:
        """Tell every frame as it comes."""
        self._taps.append(callback)

    def intrude(self) -> Any:
        """A third speaker: its frames go to whom they are for."""
        return _Intruder(self._out)

    def draw(self, path: str) -> Generator:
        """As a bench's."""
        return np.random.default_rng([self._seed, *path.encode()])

    def watch(self, _look: object) -> None:
        """There is no plant here."""
        raise BadInput("a signal of the plant triggers nothing between two devices; use a message, for example BCL#100")

    def _wire(self, host: str) -> Callable[[Frame, int], None]:
        def say(frame: Frame, now: int) -> None:
            if not any(done.dropped_at for how in self._disturbs if (done := how(frame, host, now)) is not None):
                self._out(frame, now, host)

        return say


class _Intruder:
    """A node that is not there."""

    room = 1
    """Mailboxes that are free: always one."""

    def __init__(self, out: Callable[[Frame, int, str], None]) -> None:
        self._out = out

    def send(self, frame: Frame, now: int) -> bool:
        """Speak as the side whose address the frame has."""
        self._out(frame, now, "pile" if frame.can_id & 0xFF == 0x56 else "vehicle")
        return True


class Between:
    """Passes frames between *links* by side ("pile": the adapter at the pile). Not *armed*: hears both and passes nothing."""

    def __init__(
        self,
        links: dict[str, Link],
        *,
        armed: bool,
        limits: Limits,
        faults: Sequence[Fault] = (),
        edition: str = "2015",
        seed: int = 1,
    ) -> None:
        self.latency = Lateness()
        """From the arrival of a frame to the moment it was handed to the other adapter, where no fault held it back (µs)."""
        self.heard = dict.fromkeys(OTHER, 0)
        self.sent = dict.fromkeys(OTHER, 0)
        """Frames by the side that said them."""
        self.stale = 0
        """Frames that had waited too long, as those do that came while the other adapter was being opened; they do not pass."""
        self.wires = Wires(edition, seed, self._out)
        self._links, self._armed, self._max_min = links, armed, limits.max_min
        self._rules = {side: Rules(OTHER[side], EDITIONS[edition], limits) for side in OTHER}
        self._arrived: queue.SimpleQueue[tuple[str, Heard] | LinkLost] = queue.SimpleQueue()
        self._recent: deque[tuple[int, str, Frame]] = deque(maxlen=64)
        self._echoes = 0
        self._began_us = self._awake_us = host_us()
        self._stopping = threading.Event()
        self.wires.load(faults)

    def run(self, seconds: float, pulse: Callable[[], None] = lambda: None) -> None:
        """Pass on for *seconds*. Raises `LinkLost` when an adapter is lost for good or we hung, `BadInput` when it must not go
        on.
        """
        before_s = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH_S)
        threads = [threading.Thread(target=self._listen, args=(side,), daemon=True) for side in self._links]
        for thread in threads:
            thread.start()
        clock, until = self.wires.clock, round(seconds * 1e6)
        self._awake_us = host_us()
        try:
            while clock.now < until:
                pulse()
                due = min(clock.deadline, until)
                wait_us = PULSE_US if due >= NEVER else min(PULSE_US, max(0, due - self._model_us()))
                self._step(wait_us)
        finally:
            self._stopping.set()
            sys.setswitchinterval(before_s)
            for thread in threads:
                thread.join(1.0)

    def _look_after_ourselves(self) -> None:
        """Raise `LinkLost` if we must not go on passing: called after each wait, before anything passes."""
        slept_us, self._awake_us = host_us() - self._awake_us, host_us()
        if not self._armed:
            return
        if slept_us > HANG_US:
            raise LinkLost(f"we hung for {slept_us / 1e3:.0f} ms; what waits is too old to be passed on")
        if self.wires.clock.now > self._max_min * 60e6:
            raise LinkLost(f"it has lasted longer than max_min = {self._max_min:g} min")
        for side, link in self._links.items():
            state = getattr(link, "state", LinkState.ACTIVE)
            if state in WRONG:
                raise LinkLost(f"our CAN controller at the {side} is {state.value}")

    def _model_us(self) -> int:
        return host_us() - self._began_us

    def _step(self, wait_us: int) -> None:
        try:
            item = self._arrived.get(timeout=wait_us / 1e6) if wait_us else self._arrived.get_nowait()
        except queue.Empty:
            self._look_after_ourselves()
            self.wires.clock.run(self._model_us())
            return
        self._look_after_ourselves()
        if isinstance(item, LinkLost):
            raise item
        side, heard = item
        if host_us() - heard.at_us > HANG_US:
            self.stale += 1
            return
        now = max(self.wires.clock.now, self._model_us())
        self.wires.clock.run(now)
        self._look_for_echo(side, heard)
        self.heard[side] += 1
        before = self.sent[side]
        self.wires.take(heard.frame, side, now)
        if self.sent[side] > before:
            self.latency.add(host_us() - heard.at_us)

    def _listen(self, side: str) -> None:
        while not self._stopping.is_set():
            try:
                heard = self._links[side].recv(LISTEN_S)
            except LinkLost as error:
                self._arrived.put(LinkLost(f"the {side}'s adapter: {error}"))
                return
            if heard is not None:
                self._arrived.put((side, heard))

    def _out(self, frame: Frame, _now: int, host: str) -> None:
        """*host*'s frame goes to the other side."""
        why = self._rules[host].alarm(frame)
        if why is not None:
            raise BadInput(f"the {host}: {why}; nothing is passed on any more")
        if not self._armed:
            return
        self.sent[host] += 1
        self._recent.append((host_us(), OTHER[host], frame))
        self._links[OTHER[host]].send(frame)

    def _look_for_echo(self, side: str, heard: Heard) -> None:
        """Stop when what we send out on one adapter comes in on the other, again and again."""
        at = heard.at_us
        echo = any(sent == heard.frame and out != side and 0 <= at - sent_us < ECHO_US for sent_us, out, sent in self._recent)
        self._echoes = self._echoes + 1 if echo else 0
        if self._echoes >= ECHOES_MAX:
            raise BadInput("both adapters hear the same bus: what goes out on one comes in on the other; cut the bus in two")
