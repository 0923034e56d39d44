"""A charger's and a vehicle's session face to face, over any channel, with hardware that does what it should after given times.

For tests and studies of the protocol alone: no bus, no electricity. Everything that happens is kept in `frames` and `events`.
"""

import heapq
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from protocols.core.frame import Frame
from protocols.core.session import TimedOut
from protocols.gbt27930.bms import BmsSession
from protocols.gbt27930.bms_messages import BatteryReport, VehicleIdentity
from protocols.gbt27930.bms_rules import BmsState
from protocols.gbt27930.charger import ChargerSession
from protocols.gbt27930.charger_messages import ChargerRating, ChargerReport
from protocols.gbt27930.charger_rules import ChargerState
from protocols.gbt27930.editions import EDITIONS, Edition
from protocols.gbt27930.habits import ChargerHabits, VehicleHabits

Channel = Callable[[Frame, int], Iterable[int]]
"""What becomes of a frame that is sent at a time (µs): when it arrives. Several times: duplicated; none: lost."""

LATENCY_US: Final = 500
CHARGER_NAME, BMS_NAME = "charger", "bms"
_TP_CM, _TP_DT = 0xEC, 0xEB
NEVER: Final = 1 << 62


@dataclass(frozen=True, slots=True, kw_only=True)
class Hardware:
    """How long the hardware on both sides takes (µs); None: it never gets ready."""

    insulation_us: int | None = 2_000_000
    match_us: int | None = 300_000
    """From BRO(0xAA) to an output that matches the battery, K1/K2 closed."""
    safe_us: int | None = 200_000
    """From an error to an output below 60 V."""
    prepare_us: int | None = 500_000
    """From CML to closed K5/K6."""


class Sent(NamedTuple):
    """A frame put on the wire by *who* at *now*; *name* is the message that it carries or belongs to."""

    now: int
    who: str
    name: str
    frame: Frame


class Happened(NamedTuple):
    """An event that *who* reported at *now*."""

    now: int
    who: str
    what: Any


REPORT: Final = ChargerReport(voltage_v=380.0, current_a=100.0, energy_wh=1234.0)
BATTERY: Final = BatteryReport(
    demand_v=400.0,
    demand_a=100.0,
    constant_voltage=False,
    voltage_v=380.0,
    current_a=100.0,
    soc_pct=50.0,
    cell_max_v=3.9,
    cell_min_v=3.8,
)


class Together:
    """One charger and one vehicle. `battery` and `measured` are what they report from now on; exchange them at any time."""

    def __init__(
        self,
        *,
        charger: Edition = EDITIONS["2015"],
        bms: Edition = EDITIONS["2015"],
        charger_habits: ChargerHabits | None = None,
        bms_habits: VehicleHabits | None = None,
        rating: ChargerRating | None = None,
        identity: VehicleIdentity | None = None,
        hardware: Hardware = Hardware(),
        channel: Channel | None = None,
        now: int = 0,
    ) -> None:
        self.now = now
        self.battery = BATTERY
        self.measured = REPORT
        self.frames: list[Sent] = []
        self.events: list[Happened] = []
        self.channel: Channel = channel or (lambda _, at: (at + LATENCY_US,))
        self.charger = ChargerSession(now, report=lambda _: self.measured, edition=charger, habits=charger_habits, rating=rating)
        self.bms = BmsSession(now, report=lambda _: self.battery, edition=bms, habits=bms_habits, identity=identity)
        self._acts = {
            ChargerState.SELFTEST: (hardware.insulation_us, self.charger.insulation_passed),
            ChargerState.PRECHARGE: (hardware.match_us, self.charger.output_ready),
            ChargerState.ERROR: (hardware.safe_us, self.charger.output_safe),
            BmsState.PREPARING: (hardware.prepare_us, self.bms.prepared),
        }
        self._owed: dict[str, tuple[int, Callable[[int], None]]] = {}
        self._seen: dict[str, object] = {CHARGER_NAME: self.charger.state, BMS_NAME: self.bms.state}
        self._wire: list[tuple[int, int, str, Frame]] = []

    # ---- what people do --------------------------------------------------------------------------------------------

    def plug_in(self) -> None:
        """Connect, lock, supply 12 V."""
        self.bms.wake(self.now)
        self.charger.start(self.now)
        self._settle()

    def unplug(self) -> None:
        """Tear the connector out: what is on the wire is lost."""
        self._wire.clear()
        self.charger.unplug(self.now)
        self.bms.sleep(self.now)
        self._settle()

    def hear(self, who: str, frame: Frame) -> None:
        """Let *who* hear *frame* now, wherever it comes from."""
        (self.charger if who == CHARGER_NAME else self.bms).receive(frame, self.now)
        self._settle()

    def act(self, command: Callable[..., None], *arguments: Any) -> None:
        """Give a session a command, now."""
        command(*arguments, self.now)
        self._settle()

    # ---- time ------------------------------------------------------------------------------------------------------

    def run(self, until: int) -> None:
        """Let time pass, in the order of time: first what arrives, then what is due, then what hardware has got done."""
        until = min(until, NEVER - 1)
        while (soonest := self.due) <= until:
            self.now = max(self.now, soonest)
            self._deliver()
            self._tick()
        self.now = max(self.now, until)

    def wait(self, us: int) -> None:
        """Let *us* pass."""
        self.run(self.now + us)

    def run_to(self, *states: ChargerState | BmsState, within_us: int = 120_000_000) -> None:
        """Let time pass until both sessions are in one of *states*, as far as *states* name one of theirs."""
        end = self.now + within_us
        while not self._reached(states):
            if (soonest := self.due) > end:
                raise AssertionError(f"{self.charger.state}, {self.bms.state} instead of {states} after {within_us} µs")
            self.run(soonest)

    # ---- what was seen ---------------------------------------------------------------------------------------------

    def times(self, name: str, data: bytes = b"") -> list[int]:
        """When message *name* was sent, or its request if it is long; only with payloads that begin with *data*."""
        return [sent.now for sent in self.frames if sent.name == name and sent.frame.data.startswith(data)]

    def timeouts(self, who: str) -> list[tuple[int, str]]:
        """When which limits of *who* ran out."""
        return [(event.now, event.what.timer) for event in self.events if event.who == who and isinstance(event.what, TimedOut)]

    def states(self, who: str) -> list[Any]:
        """The states that *who* went through."""
        return [event.what.after for event in self.events if event.who == who and hasattr(event.what, "after")]

    # ---- the mechanics ---------------------------------------------------------------------------------------------

    @property
    def due(self) -> int:
        """When something happens next (µs); `NEVER` if all is quiet."""
        dues = [due for due in (self.charger.deadline, self.bms.deadline) if due is not None]
        dues += [due for due, _ in self._owed.values()]
        if self._wire:
            dues.append(self._wire[0][0])
        return min(dues, default=NEVER)

    def _deliver(self) -> None:
        while self._wire and self._wire[0][0] <= self.now:
            _, __, to, frame = heapq.heappop(self._wire)
            (self.charger if to == CHARGER_NAME else self.bms).receive(frame, self.now)
            self._drain()

    def _tick(self) -> None:
        self.charger.tick(self.now)
        self.bms.tick(self.now)
        self._drain()
        for who, (due, command) in tuple(self._owed.items()):
            if due <= self.now:
                del self._owed[who]
                command(self.now)
                self._settle()

    def _settle(self) -> None:
        self._drain()
        self.charger.tick(self.now)
        self.bms.tick(self.now)
        self._drain()

    def _drain(self) -> None:
        self._take(CHARGER_NAME, BMS_NAME, self.charger.frames(), self.charger.events(), self.charger.state)
        self._take(BMS_NAME, CHARGER_NAME, self.bms.frames(), self.bms.events(), self.bms.state)

    def _take(self, who: str, to: str, frames: Sequence[Frame], events: Sequence[Any], state: Any) -> None:
        self.events.extend(Happened(self.now, who, event) for event in events)
        for frame in frames:
            self.frames.append(Sent(self.now, who, name_of(frame), frame))
            for at in self.channel(frame, self.now):
                heapq.heappush(self._wire, (max(at, self.now), len(self.frames), to, frame))
        if state is not self._seen[who]:
            self._seen[who] = state
            self._owed.pop(who, None)
            delay_us, command = self._acts.get(state, (None, None))
            if delay_us is not None and command is not None:
                self._owed[who] = self.now + delay_us, command

    def _reached(self, states: Sequence[ChargerState | BmsState]) -> bool:
        return all(
            state in states
            for state in (self.charger.state, self.bms.state)
            if any(isinstance(wanted, type(state)) for wanted in states)
        )


def name_of(frame: Frame) -> str:
    """The message that *frame* carries; for a request, grant or acknowledgement the long message that it is about."""
    group = frame.can_id >> 16 & 0xFF
    if group == _TP_DT:
        return "TP.DT"
    pgn = int.from_bytes(frame.data[5:8], "little") if group == _TP_CM else group << 8
    layout = EDITIONS["2015"].by_pgn.get(pgn)
    return layout.title if layout is not None else "?"
