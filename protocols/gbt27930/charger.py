"""The charger's side of a GB/T 27930 session, without clock, wire or hardware.

The rules are tables in `charger_rules`; here is what each message and command means. The owner (a controller) gives commands when
its hardware is ready and reads `state`, `demand` and `end`; see `protocols.core.session` for the face every session has.
"""

from collections import deque
from collections.abc import Callable, Sequence
from operator import attrgetter
from typing import Any, Final

from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.core.timers import Timers
from protocols.gbt27930 import charger_messages as write
from protocols.gbt27930 import charger_rules as rules
from protocols.gbt27930.charger_messages import ChargerRating, ChargerReport
from protocols.gbt27930.charger_rules import ACTIVE, DELIVERING, STOPS, TRANSITIONS, ChargerState, Given, StopCause
from protocols.gbt27930.conversation import Conversation
from protocols.gbt27930.editions import EDITIONS, Edition, edition_of
from protocols.gbt27930.habits import BcsTimer, ChargerHabits
from protocols.gbt27930.limits import NO_DEMAND, Demand, demand_within, mismatch, must_stop
from protocols.gbt27930.link import Link
from protocols.gbt27930.messages import BCL, BCP, BEM, BRM, BRO, BSM, CHARGER, NOT_READY, READY
from protocols.gbt27930.outcome import Ended

S, G = ChargerState, Given
MINUTE_US: Final = 60_000_000
STATISTICS_AT_MOST_US: Final = 10_000_000
"""CSD is not sent for longer, even if BSD never ends: the BMS waits no longer for it (GB/T 27930-2015 annex A, SPN 3907)."""


class ChargerSession:
    """One plug-in of a charger. *now* is the caller's clock in µs; *report* is asked when a message needs measured values.

    *clock_s* is the wall-clock time that CTS carries (seconds since 1970 at ``now == 0``).
    """

    receive: Callable[[Frame, int], None]
    tick: Callable[[int], None]
    frames: Callable[[], Sequence[Frame]]
    events: Callable[[], Sequence[Any]]
    # The face of a session (`protocols.core.session`) as bound methods of the parts that do the work: a call less a frame.
    timers: Timers
    outbox: list[Frame]
    reports: deque[Any]
    # To be looked at only, by owners in a hurry: is something due, is there anything for `frames` or `events` to hand out?

    def __init__(
        self,
        now: int,
        *,
        report: Callable[[int], ChargerReport],
        edition: Edition = EDITIONS["2015"],
        habits: ChargerHabits | None = None,
        rating: ChargerRating | None = None,
        clock_s: int = 1_700_000_000,
    ) -> None:
        self.habits = habits = habits or ChargerHabits()
        self.rating = rating or ChargerRating()
        self.reconnects = 0
        """How often this plug-in has started again at CRM(0x00)."""
        self.end: Ended | None = None
        self.cause: StopCause | None = None
        """Why the charger stops or stopped, once it does."""
        self._own_edition = edition
        self._fallen_back = False
        self._report = report
        self._clock_s = clock_s
        self._charging_since: int | None = None
        self._charged_us = 0
        self._permit_at = 0
        self._flag: str | None = None
        self._final = self._safe = self._output_ready = False
        self._told: tuple[ChargerReport, Message] | None = None
        self._told_until = 0
        self._judged_bcl: Message | None = None
        self._judged_bsm: Message | None = None
        heard = [name for name in _HEARD if name not in habits.deaf_to]
        feeds: dict[str, tuple[str, ...]] = {"BCL": ("BCL",), "BCS": ("BCS",), "BSM": ("BSM",)}
        if habits.bcs_timer is BcsTimer.BCL:
            feeds |= {"BCL": ("BCL", "BCS"), "BCS": ()}
        self._talk = Conversation(
            rules.plan_of(falls_back=habits.falls_back, times_bcs=habits.bcs_timer is not BcsTimer.OFF),
            S.IDLE,
            Link(CHARGER, habits.vehicle_address, edition, habits),
            habits,
            build=self._builders(),
            hear={name: getattr(self, f"_hear_{name.lower()}") for name in heard},
            feeds={name: limits for name, limits in feeds.items() if name in heard},
            entered=self._entered,
            alarm=self._alarm,
        )
        talk = self._talk
        self.timers, self.outbox, self.reports = talk.timers, talk.link.out, talk.events
        self.receive, self.tick, self.frames, self.events = talk.receive, talk.tick, talk.link.take, talk.take_events

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
        """The newest message of each name that the vehicle has sent since identification began, and its BHM."""
        return self._talk.latest

    @property
    def deadline(self) -> int | None:
        return self.timers.deadline

    # ---- commands of the owner -------------------------------------------------------------------------------------

    def start(self, now: int) -> None:
        """The connector is locked and the vehicle has its 12 V: begin."""
        shakes_hands = self.edition.has_handshake and "CHM" not in self.habits.omit
        self._talk.move(G.START if shakes_hands else G.START_WITHOUT_HANDSHAKE, now)

    def insulation_passed(self, now: int) -> None:
        """The insulation test is through and the output is below 60 V again."""
        self._talk.move(G.SELF_TEST_PASSED, now)

    def output_ready(self, now: int) -> None:
        """The output matches the battery and K1/K2 are closed: charging may begin."""
        if self.state is S.PRECHARGE and not self._output_ready:
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
        if self.state is S.ERROR:
            self._safe = True
            if not self._talk.timers.running("hold"):
                self._after_error(now)

    def unplug(self, now: int) -> None:
        """The connector was removed: forget everything about this vehicle; `end` and `cause` stay until the next start."""
        self._talk.move(G.UNPLUG, now)

    # ---- what the owner may ask ------------------------------------------------------------------------------------

    @property
    def demand(self) -> Demand:
        """What to deliver now, the least of BCL, BCP, CML and rating; nothing unless charging is permitted."""
        if self.state is not S.CHARGING:
            return NO_DEMAND
        bcl, bcp = self.latest["BCL"], self.latest["BCP"]
        assert isinstance(bcl, BCL) and isinstance(bcp, BCP)
        return demand_within(self.rating, bcl, bcp, heeds_bcp_current=self.habits.heeds_bcp_current)

    @property
    def permitting(self) -> bool:
        """Whether CCS says that charging is permitted (SPN 3929)."""
        return self.state is S.CHARGING and not self._talk.timers.running("permit")

    # ---- messages of the vehicle -----------------------------------------------------------------------------------

    def _hear_bhm(self, _: Message, now: int) -> None:
        self._talk.move(G.BHM, now)

    def _hear_brm(self, brm: BRM, now: int) -> None:
        if self.state is S.IDENT_00:
            edition = edition_of(brm, own=self._own_edition, spoken=self.edition)
            if edition is not self.edition:
                self._talk.speak(edition)
            self._talk.move(G.BRM, now)

    def _hear_bcp(self, bcp: BCP, now: int) -> None:
        if self._talk.move(G.BCP, now) and mismatch(self.edition, self.rating, bcp):
            # CML goes out first, so that the vehicle knows what did not match (GB/T 27930-2023 class A).
            self._talk.set_alarm("mismatch", now + 1)

    def _hear_bro(self, bro: BRO, now: int) -> None:
        """An invalid readiness counts for nothing; BRO(0x00) counts while it means "wait", but not after BRO(0xAA) (DN.2009)."""
        if bro.ready == READY:
            self._talk.move(G.BRO_READY, now)
            self._talk.wait("BRO", now)
        elif bro.ready != NOT_READY or self.state not in (S.CONFIG, S.PRECHARGE):
            return
        elif not self.edition.waits_for_ready:
            self._talk.move(G.VEHICLE_REFUSED, now)
        elif self.state is S.CONFIG:
            self._talk.wait("BRO", now)
        elif self.edition.reports_self_check:
            self.stop(StopCause.PRECHARGE, now)

    def _hear_bcl(self, bcl: Message, now: int) -> None:
        if bcl is not self._judged_bcl:
            self._judge_demand(now)

    def _hear_bcs(self, _: Message, now: int) -> None:
        if self.state is S.READY:
            self._try_charging(now)

    def _hear_bsm(self, bsm: Message, now: int) -> None:
        if bsm is not self._judged_bsm:
            self._judge_status(now)

    def _hear_bst(self, _: Message, now: int) -> None:
        state = self.state
        if state in ACTIVE:
            self.cause = self.cause or StopCause.BY_BMS
            self._talk.move(G.BST, now)
            if state in DELIVERING:
                self._send_late("CCS", self.habits.extra_ccs_after_bst, now)
        elif state is S.STOPPING:
            self._talk.timers.stop("BST")

    def _hear_bsd(self, _: Message, now: int) -> None:
        self._talk.move(G.BSD, now)
        if self.state is S.STATISTICS:
            self._talk.set_alarm("statistics", now + self.habits.statistics_hold_us)

    def _hear_bem(self, bem: BEM, now: int) -> None:
        in_end_phase = bem.cst == 1 or bem.csd == 1
        if self._talk.move(G.BEM, now) and in_end_phase:
            self._final = True

    # ---- what messages and time make of each other -----------------------------------------------------------------

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

    def _judge_demand(self, now: int) -> None:
        """A changed demand: the first one may begin charging; in 2023 one below the charger's minimum ends it."""
        if self.state is S.READY:
            self._try_charging(now)
        bcl = self.latest["BCL"]
        if self.state is not S.CHARGING or bcl is self._judged_bcl:
            return
        self._judged_bcl = bcl
        assert isinstance(bcl, BCL)
        if must_stop(self.edition, self.rating, bcl):
            self.stop(StopCause.PARAMETER_MISMATCH, now)

    def _judge_status(self, now: int) -> None:
        """A changed battery status: abnormal, forbidden or permitted. An untrusted code leaves things as they are (C.3)."""
        if self.state not in (S.READY, *DELIVERING):
            return
        self._judged_bsm = bsm = self.latest["BSM"]
        assert isinstance(bsm, BSM)
        if any(_STATES(bsm)) and bsm.abnormal:
            self.stop(StopCause.BMS_STATUS, now)
        elif bsm.permitted in (0, 1):
            self._talk.move(G.PERMITTED if bsm.permitted else G.FORBIDDEN, now)

    def _after_error(self, now: int) -> None:
        if self._final or self.reconnects >= self.habits.reconnects:
            self._talk.move(G.GIVE_UP, now)
        else:
            self.reconnects += 1
            self._talk.move(G.RECONNECT, now)

    def _alarm(self, name: str, now: int) -> None:
        self._told = None  # "permit" is one
        if name == "hold" and self._safe:
            self._after_error(now)
        elif name in ("statistics", "statistics at most"):
            self._talk.move(G.STATISTICS_OVER, now)
        elif name == "mismatch":
            self.stop(StopCause.PARAMETER_MISMATCH, now)
        elif name == "ready":
            self._try_ready(now)
        elif name == "silence over":
            self._talk.move(G.OUTPUT_READY, now)

    # ---- what follows a change of state ----------------------------------------------------------------------------

    def _entered(self, before: ChargerState, given: Given, now: int) -> None:
        self._told = None
        if before in DELIVERING and self.state not in DELIVERING and self._charging_since is not None:
            self._charged_us += now - self._charging_since
            self._charging_since = None
        enter = _ENTER.get(self.state)
        if enter is not None:
            enter(self, before, given, now)

    def _enter_start(self, before: ChargerState, given: Given, _: int) -> None:
        if before is S.IDLE:
            self.end = self.cause = None
        elif given is G.NO_BHM:
            self._talk.speak(EDITIONS["2011"])
            self._talk.stop_sending("CHM")
            self._fallen_back = True

    def _enter_identification(self, _: ChargerState, __: Given, ___: int) -> None:
        """What was heard before an error does not count any more, nor does the edition that a BRM told."""
        for name in tuple(self.latest.keys() - {"BHM"}):
            del self.latest[name]
        edition = EDITIONS["2011"] if self._fallen_back else self._own_edition
        if edition is not self.edition:
            self._talk.speak(edition)

    def _enter_precharge(self, _: ChargerState, __: Given, now: int) -> None:
        self._output_ready = False
        if self.habits.ready_delay_us:
            self._talk.set_alarm("ready", now + self.habits.ready_delay_us)

    def _enter_ready(self, _: ChargerState, __: Given, ___: int) -> None:
        """Demand and status count from CRO(0xAA) on."""
        for name in ("BCL", "BCS", "BSM"):
            self.latest.pop(name, None)
        self._judged_bcl = self._judged_bsm = None

    def _enter_charging(self, before: ChargerState, _: Given, now: int) -> None:
        if before is S.READY:
            self._charging_since = now
            self._permit_at = now + self.habits.permits_after_us
        if now < self._permit_at:
            self._talk.set_alarm("permit", self._permit_at)
        if before is S.READY and "BSM" in self.latest:
            self._talk.wait("BSM", now)
            self._judge_status(now)
        self._judge_demand(now)

    def _enter_stopping(self, before: ChargerState, given: Given, now: int) -> None:
        if given is G.PAUSE_TOO_LONG:
            self.cause = self.cause or StopCause.PAUSE_TOO_LONG
        if before in DELIVERING and self.habits.pauses_before_cst:
            self._send_late("CCS", 1, now)

    def _enter_statistics(self, _: ChargerState, __: Given, now: int) -> None:
        self._talk.set_alarm("statistics at most", now + STATISTICS_AT_MOST_US)
        self._send_late("CST", self.habits.extra_cst_after_bsd, now)

    def _enter_error(self, before: ChargerState, given: Given, now: int) -> None:
        """A limit ran out, or the vehicle says that one did: tell it by CEM, unless it has told us (annex C)."""
        self._flag = rules.ERROR_FLAGS.get(given)
        self._safe = False
        # A time limit of the end phase, and BSM's of 2023, do not lead to a new attempt.
        self._final = before in STOPS or given is G.NO_BSM
        self._talk.set_alarm("hold", now + self.habits.error_hold_us)

    def _enter_end(self, before: ChargerState, given: Given, _: int) -> None:
        self._end(self._ending(before, given, TRANSITIONS[before, given].clause))

    def _enter_idle(self, before: ChargerState, given: Given, _: int) -> None:
        clause = TRANSITIONS[before, given].clause
        if before is S.STATISTICS:
            self._end(self._ending(before, given, clause))
        elif before is not S.END:
            self._end(Ended("unplugged before the end", False, clause))
        self.latest.clear()
        self.reconnects = self._charged_us = 0
        self._flag = None
        self._final = self._fallen_back = False
        self._talk.speak(self._own_edition)

    def _end(self, end: Ended) -> None:
        self.end = end
        self._talk.note(end)

    def _ending(self, before: ChargerState, given: Given, clause: str) -> Ended:
        if before is S.STATISTICS:
            return Ended(_ORDERLY.get(self.cause, f"stopped by the charger: {_words(self.cause)}"), True, clause)
        if given is G.NOT_SAFE:
            return Ended("communication interrupted, and the output did not become safe in time", False, clause)
        if before is S.ERROR:
            why = f"no {self._flag.upper()} in time" if self._flag else "the vehicle reported an error"
            return Ended(f"communication interrupted after {self.reconnects} reconnections: {why}", False, clause)
        if given is G.NO_VEHICLE:
            return Ended("refused: no answer to CHM", False, clause)
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
            "CCS": self._ccs,
            "CST": lambda _: self._cst(),
            "CSD": lambda now: write.csd(self.edition, habits, self._report(now), self._elapsed_us(now)),
            "CEM": lambda _: write.cem(self.edition, self._flag) if self._flag else None,
        }

    def _ccs(self, now: int) -> Message:
        """The same object again within a minute while nothing has changed, so that it need not be encoded again."""
        report, told = self._report(now), self._told
        if told is None or told[0] is not report or now >= self._told_until:
            elapsed_us = self._elapsed_us(now)
            told = self._told = report, write.ccs(self.edition, report, elapsed_us, permitted=self.permitting)
            self._told_until = now + MINUTE_US - elapsed_us % MINUTE_US
        return told[1]

    def _cro(self) -> Message | None:
        if self.state is S.READY:
            return write.cro(self.edition, ready=True)
        most = self.habits.not_ready_frames
        return None if most is not None and self._talk.sent["CRO"] >= most else write.cro(self.edition, ready=False)

    def _cst(self) -> Message | None:
        most = self.habits.cst_frames
        enough = most is not None and self._talk.sent["CST"] >= most
        return None if enough else write.cst(self.edition, self.cause or StopCause.OTHER)

    def _send_late(self, name: str, times: int, now: int) -> None:
        """A message of the phase before, as some chargers still send it."""
        for _ in range(times):
            if name == "CCS":
                late = write.ccs(self.edition, self._report(now), self._elapsed_us(now), permitted=False)
            else:
                late = write.cst(self.edition, self.cause or StopCause.OTHER)
            self._talk.link.send(late, now)

    def _elapsed_us(self, now: int) -> int:
        return self._charged_us + (now - self._charging_since if self._charging_since is not None else 0)


_HEARD: Final = ("BHM", "BRM", "BCP", "BRO", "BCL", "BCS", "BSM", "BST", "BSD", "BEM")
_STATES: Final = attrgetter("cell_voltage", "soc", "overcurrent", "overtemperature", "insulation", "connector")
_ENTER: Final[dict[ChargerState, Callable[[ChargerSession, ChargerState, Given, int], None]]] = {
    S.HANDSHAKE: ChargerSession._enter_start,
    S.SELFTEST: ChargerSession._enter_start,
    S.IDENT_00: ChargerSession._enter_identification,
    S.PRECHARGE: ChargerSession._enter_precharge,
    S.READY: ChargerSession._enter_ready,
    S.CHARGING: ChargerSession._enter_charging,
    S.STOPPING: ChargerSession._enter_stopping,
    S.STATISTICS: ChargerSession._enter_statistics,
    S.ERROR: ChargerSession._enter_error,
    S.END: ChargerSession._enter_end,
    S.IDLE: ChargerSession._enter_idle,
}
_ORDERLY: Final[dict[StopCause | None, str]] = {
    StopCause.BY_BMS: "stopped by the vehicle",
    StopCause.MANUAL: "stopped by the charger: operator",
}


def _words(cause: StopCause | None) -> str:
    return "unknown" if cause is None else cause.name.lower().replace("_", " ")
