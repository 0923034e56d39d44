"""The status flags of SLCAN (LAWICEL) adapters, which python-can does not ask for.

LAWICEL's manuals (CANUSB, CAN232), command F: bit 2 error warning, bit 3 data overrun, bit 5 error passive, bit 7 bus error; to
read them clears them. There is no flag for bus-off: such an adapter shows it by errors that go on; for us it stays error passive.
"""

import threading
import time
from typing import Any, Final

from hil.links.link import BusState

POLL_S: Final = 0.1
UNANSWERED_MAX: Final = 5
"""An adapter that leaves so many questions unanswered does not know the command and is not asked again."""
WARNING, OVERRUN, PASSIVE, BUS_ERROR = 0x04, 0x08, 0x20, 0x80
TROUBLE: Final = WARNING | PASSIVE | BUS_ERROR


class StatusFlags:
    """Asks python-can's slcan *bus* for the flags on the way. Raises what the bus raises."""

    def __init__(self, bus: Any) -> None:
        self.state = BusState.ACTIVE
        self.errors = 0
        """Answers that told of an error."""
        self._bus, self._say, self._hear = bus, bus._write, bus._read
        self._writing = threading.Lock()  # frames are sent by another thread
        bus._write, bus._read = self._write, self._read
        self._ask_s, self._unanswered = time.monotonic() + POLL_S, 0
        self._heard = False

    def poll(self) -> None:
        """Ask, if it is time to."""
        now = time.monotonic()
        if now >= self._ask_s and self._unanswered < UNANSWERED_MAX:
            self._ask_s = now + POLL_S
            self._unanswered += 1
            self._write("F")

    def leave(self) -> None:
        """Let the bus be as it was: in a circle of references a dead port would stay open."""
        del self._bus._write, self._bus._read

    def _write(self, text: str) -> None:
        with self._writing:
            self._say(text)

    def _read(self, timeout_s: float | None) -> str | None:
        text: str | None = self._hear(timeout_s)
        if not text or text[0] not in "FTtRr":
            return text
        if text[0] != "F":
            self._heard = True
            return text
        self._take(text)
        return None

    def _take(self, text: str) -> None:
        try:
            flags = int(text[1:3], 16)
        except ValueError:
            return  # cut short; the next one tells the same
        self._unanswered = 0
        self.errors += bool(flags & (TROUBLE | OVERRUN))
        if flags & PASSIVE:
            self.state = BusState.PASSIVE
        elif flags & WARNING and self.state is BusState.ACTIVE:
            self.state = BusState.WARNING
        elif not flags & TROUBLE and self._heard:
            # The flags are told once only: that frames come without an error since the last time is the way back.
            self.state = BusState.ACTIVE
        self._heard = False
