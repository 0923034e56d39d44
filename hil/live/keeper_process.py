"""The keeper's process: holds the adapter, serves its bench, and leaves the wire safe whatever becomes of that."""

import json
import select
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Final

from hil.errors import BadInput
from hil.links.adapter import open_adapter
from hil.links.link import Link, LinkLost, host_us
from hil.live.exclusive import exclusive
from hil.live.keeper import Keeper, Phase
from hil.live.keeper_line import BEAT, BEATEN, DONE, END, FINISH, HEARD, READY, REFUSED, SEND, STATE, Charge, packed, unpacked
from hil.live.supervisor import LISTEN_S, LinkEvent, Supervisor
from protocols.gbt27930.editions import EDITIONS

LEAVE_S: Final = 2.0
"""How long the end waits for the other thread."""


def keep(line: Connection, charge: Charge, open_link: Callable[[], Link] | None = None) -> None:
    """Serve *line* until its other end is done or gone, and leave the wire safe. The body of the keeper's process."""
    held = exclusive(charge.choice, charge.side)
    try:
        with held:
            supervisor = Supervisor(open_link or (lambda: open_adapter(charge.choice)))
            try:
                _Service(line, charge, supervisor).run()
            finally:
                supervisor.close()
    except (BadInput, LinkLost) as error:
        with suppress(OSError):
            line.send_bytes(REFUSED + str(error).encode())
    finally:
        line.close()


def keep_alone(line: Connection, charge: Charge) -> None:
    """`keep` as the main function of a process: what is meant for the bench's terminal does not stop the keeper."""
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    keep(line, charge)


class _Service:
    """A keeper with its line, its wire and two threads: this one obeys the bench, the other hands on what is heard."""

    def __init__(self, line: Connection, charge: Charge, supervisor: Supervisor) -> None:
        self._line, self._supervisor = line, supervisor
        self._lock = threading.Lock()
        self._writing = threading.Lock()
        self._told = 0
        self._terminated = False  # by a signal, which must not touch what a lock guards
        self._keeper = Keeper(
            charge.side, EDITIONS[charge.edition], charge.limits, supervisor.send, host_us(), patience_us=charge.patience_us
        )

    def run(self) -> None:
        self._say(READY)
        self._terminable()
        with self._lock:
            self._keeper.beat(host_us())
        listener = threading.Thread(target=self._listen, name="keeper listens", daemon=True)
        listener.start()
        while self._keeper.phase is not Phase.SILENT:
            self._obey()
            with self._lock:
                if self._terminated:
                    self._keeper.end("terminated", host_us())
                self._keeper.tick(host_us())
        plain = {"reason": self._keeper.reason, "passed": self._keeper.passed, "refused": self._keeper.refused}
        self._say(DONE + json.dumps({**plain, "link": self._supervisor.plain()}).encode())
        listener.join(LEAVE_S)

    def _terminable(self) -> None:
        """SIGTERM is an order to end safely, too."""
        if threading.current_thread() is threading.main_thread():
            signal.signal(signal.SIGTERM, lambda *_: setattr(self, "_terminated", True))

    def _obey(self) -> None:
        """Take the bench's next record, if one comes before something else is due."""
        deadline = self._keeper.deadline
        wait_s = 0.0 if deadline is None else max(0.0, (deadline - host_us()) / 1e6)
        try:
            record = self._line.recv_bytes() if self._line.poll(wait_s) else None
        except (EOFError, OSError):
            with self._lock:
                self._keeper.end("the bench is gone", host_us())
            time.sleep(max(0.0, ((self._keeper.deadline or 0) - host_us()) / 1e6))
            return
        if record is None:
            return
        now, letter = host_us(), record[:1]
        with self._lock:
            if letter == SEND:
                frame, said_us = unpacked(record)
                self._keeper.pass_on(frame, now, said_us=said_us)
            elif letter == BEAT:
                self._keeper.beat(min(BEATEN.unpack(record)[1], now))
            elif letter == END:
                self._keeper.end(record[1:].decode(), now)
            elif letter == FINISH:
                self._keeper.finish()

    def _listen(self) -> None:
        while self._keeper.phase is not Phase.SILENT:
            try:
                heard = self._supervisor.recv(LISTEN_S)
            except LinkLost as error:
                with self._lock:
                    self._keeper.end(str(error), host_us())
                return
            self._tell_states()
            if heard is None:
                continue
            with self._lock:
                self._keeper.heard(heard.frame, host_us())
            self._say(packed(HEARD, heard.frame, heard.at_us))

    def _tell_states(self) -> None:
        for event in self._supervisor.events[self._told :]:
            self._told += 1
            with self._lock:
                self._keeper.follow(event.state, event.at_us)
            self._say(STATE + _event_text(event))

    def _say(self, record: bytes) -> None:
        with self._writing, suppress(OSError):  # nobody is there any more: the other thread has noticed, too
            if not _has_room(self._line):
                return  # the bench hangs; waiting for it would keep the adapter from the next one
            self._line.send_bytes(record)


def _has_room(line: Connection) -> bool:
    """Whether a record can be written without waiting for the other end; taken for granted where the system cannot tell."""
    try:
        return bool(select.select([], [line], [], 0)[1])
    except (OSError, ValueError):
        return True


def _event_text(event: LinkEvent) -> bytes:
    return json.dumps([event.at_us, event.state.value, event.words]).encode()
