"""python-can's interface "pilebench": any python-can program is one more node on the bus of a virtual bench.

``can.Bus(interface="pilebench", channel="short_charge")`` builds the scenario of that name. In lock-step (the default) the bench
lives while the program waits in `recv`, as fast as it can; with ``pace="wall"`` it keeps the pace of the wall clock.
"""

import time
from collections import deque
from typing import Any, Final, Literal

import can

from hil.build import build
from hil.errors import BadInput
from hil.scenario_files import load
from hil.sides import OTHER, port_of, silence
from protocols.core.frame import Frame

PACES: Final = ("lockstep", "wall")
SLICE_US: Final = 1_000
"""How finely the bench lives between two looks at what was heard."""


class PilebenchBus(can.BusABC):
    """A node on the bench of scenario *channel*. With *side* ("pile" or "vehicle") the program speaks for that side, whose own
    firmware is not heard any more. Times of messages are the bench's. Raises CanInitializationError for what makes no sense.
    """

    def __init__(
        self,
        channel: str = "charge",
        *,
        pace: Literal["lockstep", "wall"] = "lockstep",
        side: str | None = None,
        seed: int | None = None,
        **options: Any,
    ) -> None:
        if pace not in PACES:
            raise can.CanInitializationError(f"pace = {pace!r}: one of {', '.join(PACES)}")
        if side is not None and side not in OTHER:
            raise can.CanInitializationError(f"side = {side!r}: one of {', '.join(OTHER)}")
        try:
            scenario = load(str(channel))
            self.bench = build(scenario, scenario.seed if seed is None else int(seed))
        except BadInput as error:
            raise can.CanInitializationError(str(error)) from None
        self.channel_info = f"pilebench {channel}"
        self._heard: deque[can.Message] = deque()
        self._paced = pace == "wall"
        self._begin_s = time.monotonic()
        if side is None:
            self._port = self.bench.bus.attach("program", self._hear)
        else:
            silence(self.bench, side)
            self._port = port_of(self.bench, side)
            self._hear_as_well()
        super().__init__(channel=channel, **options)

    def send(self, msg: can.Message, timeout: float | None = None) -> None:
        """Put *msg* into a mailbox of our node, at the bench's present time."""
        frame = Frame(msg.arbitration_id, bytes(msg.data), msg.is_extended_id)
        if not self._port.send(frame, self.bench.clock.now):
            raise can.CanOperationError("no free mailbox, or the node has no supply")

    def _recv_internal(self, timeout: float | None) -> tuple[can.Message | None, bool]:
        clock = self.bench.clock
        until = clock.now + round((timeout if timeout is not None else 1e6) * 1e6)
        while not self._heard and clock.now < until:
            step = min(until, max(clock.now + SLICE_US, min(clock.deadline, until)))
            if self._paced:
                step = min(step, clock.now + 10 * SLICE_US)
                time.sleep(max(0.0, step / 1e6 - (time.monotonic() - self._begin_s)))
            clock.run(step)
        return (self._heard.popleft() if self._heard else None), False

    def _hear(self, frame: Frame, now: int) -> None:
        self._heard.append(
            can.Message(timestamp=now / 1e6, arbitration_id=frame.can_id, data=frame.data, is_extended_id=frame.extended)
        )

    def _hear_as_well(self) -> None:
        """The firmware of the side that we speak for goes on hearing: its hardware follows it."""
        before = self._port.receive

        def both(frame: Frame, now: int) -> None:
            before(frame, now)
            self._hear(frame, now)

        self._port.receive = both

    @staticmethod
    def _detect_available_configs() -> list[Any]:
        return []
