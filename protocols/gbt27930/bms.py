"""The vehicle's side of a GB/T 27930 session, without clock, wire or hardware.

The rules are tables in `bms_rules`; here is what each message and command means, and what the vehicle's messages hold. The owner
(the vehicle's control unit) gives commands and answers `report`; see `protocols.core.session` for the face every session has.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Any, Final

from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.core.timers import Timers
from protocols.gbt27930 import bms_messages as write
from protocols.gbt27930.bms_messages import BatteryReport, VehicleIdentity
from protocols.gbt27930.bms_rules import ERROR_FLAGS, PLAN, STOPS, TRANSITIONS, BmsGiven, BmsState, BmsStopCause
from protocols.gbt27930.conversation import Conversation
from protocols.gbt27930.editions import EDITIONS, SUPERCHARGE_VERSION, Edition, supercharge
from protocols.gbt27930.habits import VehicleHabits
from protocols.gbt27930.link import Link
from protocols.gbt27930.messages import CEM, CHARGER, CRM, CRO, NOT_READY, READY
from protocols.gbt27930.outcome import Ended

S, G = BmsState, BmsGiven


class BmsSession:
    """One plug-in of a vehicle. *now* is the caller's clock in µs; *report* is asked when a message needs measured values."""

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
        report: Callable[[int], BatteryReport],
        edition: Edition = EDITIONS["2015"],
        habits: VehicleHabits | None = None,
        identity: VehicleIdentity | None = None,
    ) -> None:
        self.habits = habits = habits or VehicleHabits()
        self.identity = identity or VehicleIdentity()
        self.end: Ended | None = None
        self.cause: BmsStopCause | None = None
        """Why charging stops or stopped, once it does."""
        self._own_edition = edition
        self._report = report
        self._flag: str | None = None
        self._final = False
        self._asked: tuple[BatteryReport, Message] | None = None
        self._talk = Conversation(
            PLAN,
            S.ASLEEP,
            Link(habits.address, CHARGER, edition, habits),
            habits,
            build=self._builders(),
            hear={name: getattr(self, f"_hear_{name.lower()}") for name in _HEARD if name not in habits.deaf_to},
            feeds={} if "CCS" in habits.deaf_to else {"CCS": ("CCS",)},
            entered=self._entered,
            alarm=self._alarm,
        )
        talk = self._talk
        self.timers, self.outbox, self.reports = talk.timers, talk.link.out, talk.events
        self.receive, self.tick, self.frames, self.events = talk.receive, talk.tick, talk.link.take, talk.take_events

    # ---- the face of a session -------------------------------------------------------------------------------------

    @property
    def state(self) -> BmsState:
        return self._talk.state

    @property
    def edition(self) -> Edition:
        """The edition spoken now."""
        return self._talk.link.edition

    @property
    def latest(self) -> dict[str, Message]:
        """The newest message of each name that the charger has sent in this session."""
        return self._talk.latest

    @property
    def deadline(self) -> int | None:
        return self.timers.deadline

    # ---- commands of the owner -------------------------------------------------------------------------------------

    def wake(self, now: int) -> None:
        """The auxiliary supply is on (or the connector was detected): wait for the charger."""
        self._talk.move(G.WAKE, now)

    def prepared(self, now: int) -> None:
        """K5/K6 are closed: the vehicle is ready to charge."""
        self._talk.move(G.PREPARED, now)

    def stop(self, cause: BmsStopCause, now: int) -> None:
        """End charging for *cause*, wherever the session is; the first cause stays."""
        if self.state in STOPS or self.state in (S.ASLEEP, S.END):
            return
        self.cause = self.cause or cause
        if self.state is not S.ERROR:
            self._talk.move(G.STOP, now)
        elif not self._final:
            self._give_up_after_error(now)

    def sleep(self, now: int) -> None:
        """The auxiliary supply is gone, or the connector was removed: forget everything."""
        self._talk.move(G.SLEEP, now)

    # ---- messages of the charger -----------------------------------------------------------------------------------

    def _hear_chm(self, _: Message, now: int) -> None:
        if self.edition.has_handshake:
            self._talk.move(G.CHM, now)

    def _hear_crm(self, crm: CRM, now: int) -> None:
        if crm.result == READY:
            self._talk.move(G.CRM_AA, now)
        elif crm.result == NOT_READY and not self._talk.timers.running("hold"):
            self._talk.move(G.CRM_00, now)

    def _hear_cml(self, _: Message, now: int) -> None:
        self._talk.move(G.CML, now)

    def _hear_cro(self, cro: CRO, now: int) -> None:
        """An invalid readiness counts for nothing."""
        if cro.ready == READY:
            self._talk.move(G.CRO_READY, now)
        elif cro.ready == NOT_READY:
            self._talk.wait("CRO", now)

    def _hear_cst(self, _: Message, now: int) -> None:
        self._talk.move(G.CST, now)

    def _hear_csd(self, _: Message, now: int) -> None:
        if self.state is S.STATISTICS and self._talk.timers.running("CSD"):
            self._talk.timers.stop("CSD")
            self._talk.set_alarm("statistics", now + self.habits.statistics_hold_us)

    def _hear_cem(self, cem: CEM, now: int) -> None:
        no_new_attempt = cem.bst == 1 or cem.bsd == 1 or cem.bsm == 1
        if self._talk.move(G.CEM, now) and no_new_attempt:
            self._final = True

    # ---- what follows a change of state ----------------------------------------------------------------------------

    def _entered(self, before: BmsState, given: BmsGiven, now: int) -> None:
        enter = _ENTER.get(self.state)
        if enter is not None:
            enter(self, before, given, now)

    def _enter_awake(self, _: BmsState, __: BmsGiven, ___: int) -> None:
        self.end = self.cause = None

    def _enter_identification(self, _: BmsState, __: BmsGiven, ___: int) -> None:
        """CRM without CHM: a charger of 2011, or one that skips the handshake; its CRM cannot tell which."""
        for name in tuple(self.latest.keys() - {"CHM", "CRM"}):
            del self.latest[name]
        older = self.habits.falls_back and self._own_edition.has_handshake and "CHM" not in self.latest
        self._speak(EDITIONS["2011"] if older else self._own_edition)

    def _enter_configuration(self, _: BmsState, __: BmsGiven, now: int) -> None:
        if self.habits.repeats_brm:
            self._talk.link.send(write.brm(self.edition, self.identity), now)
        if self.identity.version == SUPERCHARGE_VERSION:
            self._speak(supercharge(self.edition))

    def _enter_charging(self, _: BmsState, __: BmsGiven, now: int) -> None:
        self._asked = None
        for _repeat in range(self.habits.extra_ready_frames):
            self._talk.link.send(write.bro(self.edition, ready=True), now)

    def _enter_stopped(self, _: BmsState, __: BmsGiven, now: int) -> None:
        self.cause = self.cause or BmsStopCause.BY_CHARGER
        self._talk.set_alarm("bst", now + self.habits.bst_hold_us)

    def _enter_error(self, before: BmsState, given: BmsGiven, now: int) -> None:
        """A limit ran out, or the charger says that one did: tell it by BEM, unless it has told us (annex C)."""
        self._flag = ERROR_FLAGS.get(given)
        self._final = before in STOPS
        self._talk.set_alarm("hold", now + self.habits.error_hold_us)

    def _enter_end(self, before: BmsState, given: BmsGiven, _: int) -> None:
        self._end(self._ending(before, given, TRANSITIONS[before, given].clause))

    def _enter_asleep(self, before: BmsState, given: BmsGiven, _: int) -> None:
        clause = TRANSITIONS[before, given].clause
        if before is S.STATISTICS and "CSD" in self.latest:
            self._end(self._ending(before, given, clause))
        elif before is not S.END:
            self._end(Ended("lost the auxiliary supply before the end", False, clause))
        self.latest.clear()
        self._flag = None
        self._final = False
        self._speak(self._own_edition)

    def _speak(self, edition: Edition) -> None:
        if edition is not self.edition:
            self._talk.speak(edition)

    def _give_up_after_error(self, now: int) -> None:
        self._final = True
        if not self._talk.timers.running("hold"):
            self._talk.move(G.GIVE_UP, now)

    def _alarm(self, name: str, now: int) -> None:
        if name == "bst":
            self._talk.move(G.BST_SENT, now)
        elif name == "statistics":
            self._talk.move(G.STATISTICS_OVER, now)
        elif name == "hold" and self._final:
            self._talk.move(G.GIVE_UP, now)

    def _end(self, end: Ended) -> None:
        self.end = end
        self._talk.note(end)

    def _ending(self, before: BmsState, given: BmsGiven, clause: str) -> Ended:
        cause = self.cause or BmsStopCause.OTHER
        if before is S.STATISTICS:
            by_charger = cause is BmsStopCause.BY_CHARGER
            return Ended("stopped by the charger" if by_charger else f"stopped by the vehicle: {_words(cause)}", True, clause)
        if given is G.STOP:
            return Ended(f"refused: {_words(cause)}", False, clause)
        why = f"no {self._flag.replace('_', ' ').upper()} in time" if self._flag else "the charger reported an error"
        return Ended(f"communication interrupted: {why}", False, clause)

    # ---- what is sent ----------------------------------------------------------------------------------------------

    def _builders(self) -> dict[str, Callable[[int], Message | None]]:
        me, report = self.identity, self._report
        return {
            "BHM": lambda _: write.bhm(self.edition, me),
            "BRM": lambda _: write.brm(self.edition, me),
            "BCP": lambda now: write.bcp(self.edition, me, report(now)),
            "BRO": lambda _: self._bro(),
            "BCL": self._bcl,
            "BCS": lambda now: write.bcs(self.edition, report(now)),
            "BSM": lambda now: write.bsm(self.edition, report(now)),
            "BMV": lambda now: write.bmv(self.edition, report(now)),
            "BMT": lambda now: write.bmt(self.edition, report(now)),
            "BSP": lambda _: write.bsp(self.edition),
            "BST": lambda _: write.bst(self.edition, self.cause or BmsStopCause.OTHER),
            "BSD": lambda now: write.bsd(self.edition, report(now)),
            "BEM": lambda _: self._bem(),
        }

    def _bcl(self, now: int) -> Message:
        """The same object again while the report is the same, so that it need not be encoded again."""
        report = self._report(now)
        if self._asked is None or self._asked[0] is not report:
            self._asked = report, write.bcl(self.edition, report)
        return self._asked[1]

    def _bro(self) -> Message | None:
        if self.state is S.READY:
            return write.bro(self.edition, ready=True)
        waits = self.edition.waits_for_ready  # in 2011 BRO(0x00) means "cannot charge"
        return write.bro(self.edition, ready=False) if waits and self.habits.says_not_ready else None

    def _bem(self) -> Message | None:
        most = self.habits.error_frames
        enough = most is not None and self._talk.sent["BEM"] >= most
        return None if enough or self._flag is None else write.bem(self.edition, self._flag)


_HEARD: Final = ("CHM", "CRM", "CML", "CRO", "CST", "CSD", "CEM")
_ENTER: Final[dict[BmsState, Callable[[BmsSession, BmsState, BmsGiven, int], None]]] = {
    S.AWAKE: BmsSession._enter_awake,
    S.IDENT: BmsSession._enter_identification,
    S.CONFIG: BmsSession._enter_configuration,
    S.CHARGING: BmsSession._enter_charging,
    S.STOPPED_BY_CHARGER: BmsSession._enter_stopped,
    S.ERROR: BmsSession._enter_error,
    S.END: BmsSession._enter_end,
    S.ASLEEP: BmsSession._enter_asleep,
}


def _words(cause: BmsStopCause) -> str:
    return cause.value.replace("_", " ")
