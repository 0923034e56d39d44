"""The bench's link to the wire through its keeper."""

import json
import multiprocessing
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final

from hil.errors import BadInput
from hil.links.link import Heard, Link, LinkLost, host_us
from hil.live.keeper_line import BEAT, BEATEN, DONE, END, FINISH, HEARD, READY, REFUSED, SEND, STATE, Charge, packed, unpacked
from hil.live.keeper_process import LEAVE_S, keep, keep_alone
from protocols.core.frame import Frame

BEAT_US: Final = 20_000
START_S: Final = 30.0
"""The keeper's process has to be there after this."""


class KeeperLink:
    """The bench's `Link` through a keeper. Call `beat` often, `finish` at a good end and `end` at any other; dying is as good."""

    def __init__(self, charge: Charge, *, open_link: Callable[[], Link] | None = None) -> None:
        """Start the keeper: a process, or a thread if *open_link* is something that only this process has. Raises `BadInput`."""
        self.told: dict[str, Any] = {}
        """What the keeper said at its end."""
        self.states: list[tuple[int, str, str]] = []
        """What became of the adapter: time (µs), state, words."""
        self._line, theirs = multiprocessing.Pipe()
        self._beaten_us = 0
        if open_link is None:
            self._runner: Any = multiprocessing.get_context("spawn").Process(
                target=keep_alone, args=(theirs, charge), daemon=False
            )
            self._runner.start()
            theirs.close()
        else:
            self._runner = threading.Thread(target=keep, args=(theirs, charge, open_link), daemon=True)
            self._runner.start()
        self._await_ready()

    @property
    def pid(self) -> int | None:
        """The keeper's process, None for a thread."""
        pid: int | None = getattr(self._runner, "pid", None)
        return pid

    def recv(self, timeout_s: float) -> Heard | None:
        """The next frame from the wire. Raises `LinkLost` when the keeper has ended or is gone."""
        end = time.monotonic() + timeout_s
        while True:
            record = self._record(max(0.0, end - time.monotonic()))
            if record is None:
                return None
            if record[:1] == HEARD:
                return unpacked(record)
            self._take(record)

    def send(self, frame: Frame) -> None:
        """Ask the keeper to send *frame*."""
        self._write(packed(SEND, frame, host_us()))

    def beat(self) -> None:
        """Tell the keeper that we live; cheap enough for every step."""
        now = host_us()
        if now - self._beaten_us >= BEAT_US:
            self._beaten_us = now
            self._write(BEATEN.pack(BEAT, now))

    def finish(self) -> None:
        """The charge has ended in order: let the keeper go."""
        self._leave(FINISH)

    def end(self, reason: str) -> None:
        """Let the keeper end the charge safely, and wait until it has."""
        self._leave(END + reason.encode())

    def close(self) -> None:
        """As `end`, if neither `finish` nor `end` came before."""
        if not self.told:
            self.end("the bench has stopped")

    def _leave(self, record: bytes) -> None:
        with suppress(LinkLost):
            self._write(record)
            end = time.monotonic() + LEAVE_S
            while not self.told and (left := end - time.monotonic()) > 0:
                record = self._record(left) or b""
                if record[:1] != HEARD:
                    self._take(record)
        self.told = self.told or {"reason": "the keeper did not answer"}
        self._line.close()
        self._runner.join(LEAVE_S)

    def _await_ready(self) -> None:
        try:
            record = self._line.recv_bytes() if self._line.poll(START_S) else REFUSED + b"its process does not start"
        except (EOFError, OSError):
            record = REFUSED + b"its process has died"
        if record[:1] != READY:
            self._line.close()
            self._runner.join(LEAVE_S)
            raise BadInput(record[1:].decode())

    def _record(self, timeout_s: float) -> bytes | None:
        try:
            return self._line.recv_bytes() if self._line.poll(timeout_s) else None
        except (EOFError, OSError):
            raise LinkLost("the keeper is gone; it sends nothing any more") from None

    def _take(self, record: bytes) -> None:
        if record[:1] == STATE:
            self.states.append(tuple(json.loads(record[1:])))
        elif record[:1] == DONE:
            self.told = json.loads(record[1:])
            if self.told["reason"]:
                raise LinkLost(self.told["reason"])

    def _write(self, record: bytes) -> None:
        try:
            self._line.send_bytes(record)
        except (OSError, ValueError):
            raise LinkLost(self.told.get("reason") or "the keeper is gone; it sends nothing any more") from None
