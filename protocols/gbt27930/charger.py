"""The charger's side of a GB/T 27930 session, without clock, wire or hardware.

The rules are tables in `charger_rules`; here is what each message and command means. The owner (a controller) gives commands when
its hardware is ready and reads `state`, `demand` and `end`; see `protocols.core.session` for the face every session has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.gbt27930 import charger_messages as write
from protocols.gbt27930.charger_messages import ChargerRating, ChargerReport
from protocols.gbt27930.charger_rules import ACTIVE, DELIVERING, ERROR_FLAGS, PLAN, STOPS, ChargerState, Given, StopCause
from protocols.gbt27930.conversation import Conversation
from protocols.gbt27930.editions import EDITIONS, Edition, edition_of, supercharge
from protocols.gbt27930.habits import BcsTimer, ChargerHabits
from protocols.gbt27930.link import Link
from protocols.gbt27930.messages import BCL, BCP, BMS, BRM, BRO, BSM, CHARGER, CONSTANT_VOLTAGE, READY
from protocols.gbt27930.outcome import Ended
from protocols.j1939.transport import Transport

S, G = ChargerState, Given
SUPERCHARGE_VERSION: Final = 0x534331
"""BRM version bytes "1CS" of one maker: all currents with an offset of -3000 A (single source)."""


@dataclass(frozen=True, slots=True)
class Demand:
    """What to deliver now: the vehicle's demand within all limits. Zero current unless charging."""

    voltage_v: float
    current_a: float
    constant_voltage: bool


NO_DEMAND: Final = Demand(0.0, 0.0, False)


class ChargerSession:
    """One plug-in of a charger. *now* is the caller's clock in µs; *report* is asked when a message needs measured values.

    *clock_s* is the wall-clock time that CTS carries (seconds since 1970 at ``now == 0``).
    """

    def __init__(
        self,
        now: int,
        *,
        report: Callable[[int], ChargerReport],
        edition: Edition = EDITIONS["2015"],
        habits: ChargerHabits | None = None,
        rating: ChargerRating | None = None,
        clock_s: int = 1_700_000_000,
        bms_address: int = BMS,
    ) -> None:
        self.habits = habits or ChargerHabits()
        self.rating = rating or ChargerRating()
        self.reconnects = 0
        """How often this plug-in has started again at CRM(0x00)."""
        self.end: Ended | None = None
        self.cause: StopCause | None = None
        """Why the charger stops or stopped, once it does."""
        self._own_edition = edition
        self._report = report
        self._clock_s = clock_s
        self._charging_since: int | None = None
        self._charged_us = 0
        self._flag: str | None = None
        self._final = False
        self._safe = False
        self._output_ready = False
        self._permit = True
        link = Link(CHARGER, bms_address, edition, Transport(CHARGER, habits=self.habits.transport), self.habits.raw)
        self._talk = Conversation(
            PLAN, S.IDLE, link, self.habits, build=self._builders(), entered=self._entered, alarm=self._alarm
        )

    # ---- the face of a session -------------------------------------------------------------------------------------

    @property
    def state(self) -> ChargerState:
        return self._talk.state

    @property
    def edition(self) -> Edition:
        """The edition spoken now: the own one, until the vehicle turns out to be older."""
        return self._talk.link.edition

    @property
    def latest(self) -> dict[str, Message]:
        """The newest message of each name that the vehicle has sent in this session."""
        return self._talk.latest

    @property
    def deadline(self) -> int | None:
        return self._talk.deadline

    def receive(self, frame: Frame, now: int) -> None:
        message = self._talk.receive(frame, now)
        if message is not None:
            hear = _HEAR.get(message.title)
            if hear is not None:
                hear(self, message, now)

    def tick(self, now: int) -> None:
        self._talk.tick(now)

    def frames(self) -> Sequence[Frame]:
        return self._talk.link.take()

    def events(self) -> Sequence[Any]:
        return self._talk.take_events()

    # ---- commands of the owner -------------------------------------------------------------------------------------

    def start(self, now: int) -> None:
        """The connector is locked and the vehicle has its 12 V: begin."""
        self._talk.move(G.START if self.edition.has_handshake else G.START_WITHOUT_HANDSHAKE, now)

    def insulation_passed(self, now: int) -> None:
        """The insulation test is through and the output is below 60 V again."""
        self._talk.move(G.SELF_TEST_PASSED, now)

    def output_ready(self, now: int) -> None:
        """The output matches the battery and K1/K2 are closed: charging may begin."""
        self._output_ready = True
        self._try_ready(now)

    def stop(self, cause: StopCause, now: int) -> None:
        """End the session for *cause*, wherever it is; the first cause stays.

        Before identification the editions up to 2015 have no message for it and the session just ends.
        """
        if self.state in STOPS or self.state in (S.IDLE, S.STATISTICS, S.END):
            return
        self.cause = self.cause or cause
        if self.state is S.ERROR:
            self._final = True
        elif self.state in (S.HANDSHAKE, S.SELFTEST) and not self.edition.reports_self_check:
            self._talk.move(G.ABORT, now)
        else:
            self._talk.move(G.STOP, now)

    def output_safe(self, now: int) -> None:
        """After an error: the output is off, K1/K2 are open and the voltage is below 60 V. The session may start again."""
        self._safe = True
        if self.state is S.ERROR and not self._talk.timers.running("hold"):
            self._after_error(now)

    def unplug(self, now: int) -> None:
        """The connector was removed: forget everything about this vehicle."""
        self._talk.move(G.UNPLUG, now)

    # ---- what the owner may ask ------------------------------------------------------------------------------------

    @property
    def demand(self) -> Demand:
        """What to deliver now, the least of BCL, BCP, CML and rating; nothing unless charging is permitted."""
        if self.state is not S.CHARGING:
            return NO_DEMAND
        bcl, bcp = self.latest["BCL"], self.latest["BCP"]
        assert isinstance(bcl, BCL) and isinstance(bcp, BCP)
        rating = self.rating
        current_a = min(bcl.current_a, rating.current_max_a)
        if self.habits.heeds_bcp_current:
            current_a = min(current_a, bcp.current_max_a)
        voltage_v = min(bcl.voltage_v, rating.voltage_max_v)
        return Demand(voltage_v, max(current_a, 0.0), bcl.mode == CONSTANT_VOLTAGE)

    @property
    def permitting(self) -> bool:
        """Whether CCS says that charging is permitted (SPN 3929)."""
        since = self._charging_since
        return self.state is S.CHARGING and since is not None and self._permit

    # ---- messages of the vehicle -----------------------------------------------------------------------------------

    def _hear_bhm(self, _: Message, now: int) -> None:
        self._talk.move(G.BHM, now)

    def _hear_brm(self, brm: Message, now: int) -> None:
        assert isinstance(brm, BRM)
        if self.state is not S.IDENT_00:
            return
        link = self._talk.link
        if brm.version == SUPERCHARGE_VERSION:
            link.use(supercharge(link.edition))
        elif not link.edition.has_handshake or brm.version <= 0x000100:
            link.use(edition_of(brm, own=self._own_edition, answered_handshake="BHM" in self.latest))
        self._talk.move(G.BRM, now)

    def _hear_bcp(self, bcp: Message, now: int) -> None:
        assert isinstance(bcp, BCP)
        if not self._talk.move(G.BCP, now):
            return
        if bcp.voltage_max_v < self.rating.voltage_min_v or bcp.voltage_v > self.rating.voltage_max_v:
            # CML goes out first, so that the vehicle knows what did not match (GB/T 27930-2023 class A).
            self._talk.set_alarm("mismatch", now + 1)

    def _hear_bro(self, bro: Message, now: int) -> None:
        assert isinstance(bro, BRO)
        if bro.ready == READY:
            self._talk.move(G.BRO_READY, now)
            self._talk.wait("BRO", now)
        elif self.state is S.CONFIG:
            if not self.edition.waits_for_ready:
                self._talk.move(G.VEHICLE_REFUSED, now)
            self._talk.wait("BRO", now)
        elif self.state is S.PRECHARGE and self.edition.reports_self_check:
            self.stop(StopCause.PRECHARGE, now)

    def _hear_bcl(self, _: Message, now: int) -> None:
        self._talk.wait("BCL", now)
        if self.habits.bcs_timer is BcsTimer.BCL:
            self._talk.wait("BCS", now)
        if self.state is S.READY:
            self._try_charging(now)

    def _hear_bcs(self, _: Message, now: int) -> None:
        self._talk.wait("BCS", now)
        if self.state is S.READY:
            self._try_charging(now)

    def _hear_bsm(self, bsm: Message, now: int) -> None:
        assert isinstance(bsm, BSM)
        if self.state not in DELIVERING:
            return
        self._talk.wait("BSM", now)
        if bsm.abnormal:
            self.stop(StopCause.BMS_STATUS, now)
        elif self.edition.has_pause and bsm.permitted in (0, 1):
            self._talk.move(G.PERMITTED if bsm.permitted else G.FORBIDDEN, now)

    def _hear_bst(self, _: Message, now: int) -> None:
        delivering = self.state in DELIVERING
        self.cause = self.cause or (StopCause.BY_BMS if self.state in ACTIVE else None)
        if self._talk.move(G.BST, now):
            late_ccs = self.habits.extra_ccs_after_bst if delivering else 0
            for _repeat in range(late_ccs):
                self._talk.link.send(write.ccs(self.edition, self._report(now), self._elapsed_us(now), permitted=False), now)
        elif self.state is S.STOPPING:
            self._talk.timers.stop("BST")

    def _hear_bsd(self, _: Message, now: int) -> None:
        self._talk.move(G.BSD, now)
        if self.state is S.STATISTICS:
            self._talk.set_alarm("statistics", now + self.habits.statistics_hold_us)

    def _hear_bem(self, _: Message, now: int) -> None:
        self._talk.move(G.BEM, now)

    # ---- what follows a change of state ----------------------------------------------------------------------------

    def _entered(self, before: ChargerState, given: Given, now: int) -> None:
        state = self.state
        if state is S.ERROR:
            self._enter_error(before, given, now)
        elif state in (S.HANDSHAKE, S.SELFTEST) and before is S.IDLE:
            self._forget()
        elif state is S.IDLE:
            self._talk.link.use(self._own_edition)
            if before is not S.END:
                self.end = Ended("unplugged before the end", False, PLAN.transitions[before, given].clause)
                self._talk.note(self.end)
        elif state is S.CHARGING and before is S.READY:
            self._begin_charging(now)
        elif state is S.STOPPING and given is G.PAUSE_TOO_LONG:
            self.cause = self.cause or StopCause.PAUSE_TOO_LONG
        if given is G.NO_BHM:
            if not self.habits.falls_back:
                self._talk.move(G.GIVE_UP, now)
                return
            self._talk.link.use(EDITIONS["2011"])
            self._talk.stop_sending("CHM")
        if before in DELIVERING and state not in DELIVERING and self._charging_since is not None:
            self._charged_us += now - self._charging_since
            self._charging_since = None
        if state is S.PRECHARGE:
            self._output_ready = False
            self._talk.set_alarm("ready", now + self.habits.ready_delay_us)
        if state is S.IDENT_00:
            for name in tuple(self.latest.keys() - {"BHM"}):
                del self.latest[name]
        if state is S.END:
            self.end = self._ending(before, given)
            self._talk.note(self.end)

    def _enter_error(self, before: ChargerState, given: Given, now: int) -> None:
        """A limit ran out, or the vehicle says that one did: tell it by CEM, unless it has told us (annex C)."""
        self._flag = ERROR_FLAGS.get(given)
        self._safe = False
        # A time limit of the end phase, and BSM's of 2023, do not lead to a new attempt.
        self._final = before in STOPS or given is G.NO_BSM
        if self._flag is None:
            self._talk.stop_sending("CEM")
        self._talk.set_alarm("hold", now + self.habits.error_hold_us)

    def _after_error(self, now: int) -> None:
        if self._final or self.reconnects >= self.habits.reconnects:
            self._talk.move(G.GIVE_UP, now)
        else:
            self.reconnects += 1
            self._talk.move(G.RECONNECT, now)

    def _forget(self) -> None:
        self.latest.clear()
        self.reconnects = 0
        self.end = self.cause = self._flag = None
        self._charged_us = 0
        self._final = False

    def _alarm(self, name: str, now: int) -> None:
        if name == "hold" and self._safe:
            self._after_error(now)
        elif name == "statistics":
            self._talk.move(G.STATISTICS_OVER, now)
        elif name == "mismatch":
            self.stop(StopCause.PARAMETER_MISMATCH, now)
        elif name == "ready":
            self._try_ready(now)
        elif name == "silence over":
            self._talk.move(G.OUTPUT_READY, now)
        elif name == "permit":
            self._permit = True

    def _try_ready(self, now: int) -> None:
        if self.state is not S.PRECHARGE or not self._output_ready or self._talk.timers.running("ready"):
            return
        if self.habits.silence_before_ready_us:
            self._talk.stop_sending("CRO")
            self._talk.set_alarm("silence over", now + self.habits.silence_before_ready_us)
        else:
            self._talk.move(G.OUTPUT_READY, now)

    def _try_charging(self, now: int) -> None:
        if "BCL" in self.latest and ("BCS" in self.latest or self.habits.starts_on_bcl):
            self._talk.move(G.DEMAND_AND_STATUS, now)

    def _begin_charging(self, now: int) -> None:
        self._charging_since = now
        self._permit = self.habits.permits_after_us == 0
        if not self._permit:
            self._talk.set_alarm("permit", now + self.habits.permits_after_us)
        if self.habits.bcs_timer is BcsTimer.OFF:
            self._talk.timers.stop("BCS")

    def _ending(self, before: ChargerState, given: Given) -> Ended:
        clause = PLAN.transitions[before, given].clause
        if before is S.STATISTICS:
            return Ended(_ORDERLY.get(self.cause, f"stopped by the charger: {_words(self.cause)}"), True, clause)
        if before is S.ERROR:
            why = f"no {self._flag.upper()} in time" if self._flag else "the vehicle reported an error"
            return Ended(f"communication interrupted after {self.reconnects} reconnections: {why}", False, clause)
        return Ended(f"refused: {_words(self.cause)}" if self.cause else "refused by the vehicle", False, clause)

    # ---- what is sent ----------------------------------------------------------------------------------------------

    def _builders(self) -> dict[str, Callable[[int], Message | None]]:
        habits, rating = self.habits, self.rating
        return {
            "CHM": lambda _: write.chm(self.edition),
            "CRM": lambda _: write.crm(self.edition, habits, identified=self.state is not S.IDENT_00),
            "CTS": lambda now: write.cts(self.edition, habits.clock, self._clock_s + now // 1_000_000),
            "CML": lambda _: write.cml(self.edition, rating),
            "CRO": lambda _: self._cro(),
            "CCS": lambda now: write.ccs(self.edition, self._report(now), self._elapsed_us(now), permitted=self.permitting),
            "CST": lambda _: self._cst(),
            "CSD": lambda now: write.csd(self.edition, habits, self._report(now), self._elapsed_us(now)),
            "CEM": lambda _: write.cem(self.edition, self._flag) if self._flag else None,
        }

    def _cro(self) -> Message | None:
        if self.state is S.READY:
            return write.cro(self.edition, ready=True)
        most = self.habits.not_ready_frames
        return None if most is not None and self._talk.sent["CRO"] >= most else write.cro(self.edition, ready=False)

    def _cst(self) -> Message | None:
        most = self.habits.cst_frames
        enough = most is not None and self._talk.sent["CST"] >= most
        return None if enough else write.cst(self.edition, self.cause or StopCause.OTHER)

    def _elapsed_us(self, now: int) -> int:
        return self._charged_us + (now - self._charging_since if self._charging_since is not None else 0)


_HEAR: Final[dict[str, Callable[[ChargerSession, Message, int], None]]] = {
    name: getattr(ChargerSession, f"_hear_{name.lower()}")
    for name in ("BHM", "BRM", "BCP", "BRO", "BCL", "BCS", "BSM", "BST", "BSD", "BEM")
}
_ORDERLY: Final[dict[StopCause | None, str]] = {
    StopCause.BY_BMS: "stopped by the vehicle",
    StopCause.MANUAL: "stopped by the charger: operator",
}


def _words(cause: StopCause | None) -> str:
    return "unknown" if cause is None else cause.name.lower().replace("_", " ")
