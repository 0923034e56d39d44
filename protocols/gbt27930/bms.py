"""The vehicle's side of a GB/T 27930 session, without clock, wire or hardware.

The rules are tables in `bms_rules`; here is what each message and command means, and what the vehicle's messages hold. The owner
(the vehicle's control unit) gives commands and answers `report`; see `protocols.core.session` for the face every session has.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final

from protocols.core.frame import Frame
from protocols.core.message import Message
from protocols.gbt27930 import bms_messages as write
from protocols.gbt27930.bms_messages import BatteryReport, VehicleIdentity
from protocols.gbt27930.bms_rules import ACTIVE, ERROR_FLAGS, PLAN, BmsGiven, BmsState, BmsStopCause
from protocols.gbt27930.conversation import Conversation
from protocols.gbt27930.editions import EDITIONS, Edition
from protocols.gbt27930.habits import VehicleHabits
from protocols.gbt27930.link import Link
from protocols.gbt27930.messages import BMS, CHARGER, CRM, CRO, NOT_READY, READY
from protocols.gbt27930.outcome import Ended
from protocols.j1939.transport import Transport

S, G = BmsState, BmsGiven


class BmsSession:
    """One plug-in of a vehicle. *now* is the caller's clock in µs; *report* is asked when a message needs measured values."""

    def __init__(
        self,
        now: int,
        *,
        report: Callable[[int], BatteryReport],
        edition: Edition = EDITIONS["2015"],
        habits: VehicleHabits | None = None,
        identity: VehicleIdentity | None = None,
        address: int = BMS,
    ) -> None:
        self.habits = habits or VehicleHabits()
        self.identity = identity or VehicleIdentity()
        self.end: Ended | None = None
        self.cause: BmsStopCause | None = None
        """Why charging stops or stopped, once it does."""
        self._own_edition = edition
        self._report = report
        self._flag: str | None = None
        link = Link(address, CHARGER, edition, Transport(address, habits=self.habits.transport), self.habits.raw)
        self._talk = Conversation(
            PLAN, S.ASLEEP, link, self.habits, build=self._builders(), entered=self._entered, alarm=self._alarm
        )

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

    def wake(self, now: int) -> None:
        """The auxiliary supply is on (or the connector was detected): wait for the charger."""
        self._talk.move(G.WAKE, now)

    def prepared(self, now: int) -> None:
        """K5/K6 are closed: the vehicle is ready to charge."""
        self._talk.move(G.PREPARED, now)

    def stop(self, cause: BmsStopCause, now: int) -> None:
        """End charging for *cause*; the first cause stays."""
        if self.state in ACTIVE:
            self.cause = self.cause or cause
            self._talk.move(G.STOP, now)

    def sleep(self, now: int) -> None:
        """The auxiliary supply is gone, or the connector was removed: forget everything."""
        self._talk.move(G.SLEEP, now)

    # ---- messages of the charger -----------------------------------------------------------------------------------

    def _hear_chm(self, _: Message, now: int) -> None:
        if self.edition.has_handshake:
            self._talk.move(G.CHM, now)

    def _hear_crm(self, crm: Message, now: int) -> None:
        assert isinstance(crm, CRM)
        if crm.result == READY:
            self._talk.move(G.CRM_AA, now)
        elif crm.result == NOT_READY and not self._talk.timers.running("hold"):
            self._talk.move(G.CRM_00, now)

    def _hear_cml(self, _: Message, now: int) -> None:
        self._talk.move(G.CML, now)

    def _hear_cro(self, cro: Message, now: int) -> None:
        assert isinstance(cro, CRO)
        if cro.ready == READY:
            self._talk.move(G.CRO_READY, now)
        else:
            self._talk.wait("CRO", now)

    def _hear_ccs(self, _: Message, now: int) -> None:
        self._talk.wait("CCS", now)

    def _hear_cst(self, _: Message, now: int) -> None:
        self._talk.move(G.CST, now)

    def _hear_csd(self, _: Message, now: int) -> None:
        if self.state is S.STATISTICS and self._talk.timers.running("CSD"):
            self._talk.timers.stop("CSD")
            self._talk.set_alarm("statistics", now + self.habits.statistics_hold_us)

    def _hear_cem(self, _: Message, now: int) -> None:
        self._talk.move(G.CEM, now)

    # ---- what follows a change of state ----------------------------------------------------------------------------

    def _entered(self, before: BmsState, given: BmsGiven, now: int) -> None:
        state = self.state
        if state is S.ERROR:
            self._flag = ERROR_FLAGS.get(given)
            if self._flag is None:
                self._talk.stop_sending("BEM")
            self._talk.set_alarm("hold", now + self.habits.error_hold_us)
        elif state is S.AWAKE:
            self.latest.clear()
            self.end = self.cause = self._flag = None
        elif state is S.IDENT and before is S.AWAKE and self.habits.falls_back:
            # CRM without CHM: a charger of 2011, or one that skips the handshake; its CRM cannot tell which.
            self._talk.link.use(EDITIONS["2011"])
        elif state is S.CONFIG and self.habits.repeats_brm:
            self._talk.link.send(write.brm(self.edition, self.identity), now)
        elif state is S.CHARGING:
            for _ in range(self.habits.extra_ready_frames):
                self._talk.link.send(write.bro(self.edition, ready=True), now)
        elif state is S.STOPPED_BY_CHARGER:
            self.cause = self.cause or BmsStopCause.BY_CHARGER
            self._talk.set_alarm("bst", now + self.habits.bst_hold_us)
        elif state is S.ASLEEP:
            self._talk.link.use(self._own_edition)
            if before is not S.END:
                self.end = Ended("lost the auxiliary supply before the end", False, PLAN.transitions[before, given].clause)
                self._talk.note(self.end)
        elif state is S.END:
            self.end = self._ending(before, given)
            self._talk.note(self.end)

    def _alarm(self, name: str, now: int) -> None:
        if name == "bst":
            self._talk.move(G.BST_SENT, now)
        elif name == "statistics":
            self._talk.move(G.STATISTICS_OVER, now)

    def _ending(self, before: BmsState, given: BmsGiven) -> Ended:
        clause = PLAN.transitions[before, given].clause
        if before is S.STATISTICS:
            cause = self.cause or BmsStopCause.OTHER
            by_charger = cause is BmsStopCause.BY_CHARGER
            return Ended("stopped by the charger" if by_charger else f"stopped by the vehicle: {_words(cause)}", True, clause)
        why = f"no {self._flag.upper()} in time" if self._flag else "the charger reported an error"
        return Ended(f"communication interrupted: {why}", False, clause)

    # ---- what is sent ----------------------------------------------------------------------------------------------

    def _builders(self) -> dict[str, Callable[[int], Message | None]]:
        me, report = self.identity, self._report
        return {
            "BHM": lambda _: write.bhm(self.edition, me),
            "BRM": lambda _: write.brm(self.edition, me),
            "BCP": lambda now: write.bcp(self.edition, me, report(now)),
            "BRO": lambda _: self._bro(),
            "BCL": lambda now: write.bcl(self.edition, report(now)),
            "BCS": lambda now: write.bcs(self.edition, report(now)),
            "BSM": lambda now: write.bsm(self.edition, report(now)),
            "BMV": lambda now: write.bmv(self.edition, report(now)),
            "BMT": lambda now: write.bmt(self.edition, report(now)),
            "BSP": lambda _: write.bsp(self.edition),
            "BST": lambda _: write.bst(self.edition, self.cause or BmsStopCause.OTHER),
            "BSD": lambda now: write.bsd(self.edition, report(now)),
            "BEM": lambda _: self._bem(),
        }

    def _bro(self) -> Message | None:
        if self.state is S.READY:
            return write.bro(self.edition, ready=True)
        waits = self.edition.waits_for_ready  # in 2011 BRO(0x00) means "cannot charge"
        return write.bro(self.edition, ready=False) if waits and self.habits.says_not_ready else None

    def _bem(self) -> Message | None:
        most = self.habits.error_frames
        enough = most is not None and self._talk.sent["BEM"] >= most
        return None if enough or self._flag is None else write.bem(self.edition, self._flag)


_HEAR: Final[dict[str, Callable[[BmsSession, Message, int], None]]] = {
    name: getattr(BmsSession, f"_hear_{name.lower()}") for name in ("CHM", "CRM", "CML", "CRO", "CCS", "CST", "CSD", "CEM")
}


def _words(cause: BmsStopCause) -> str:
    return cause.value.replace("_", " ")
