"""The people at the bench: who has to show that they are there, and how the system ends us."""

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Operator:
    """Somebody who has to press Enter at least every *every_s*. Standard input that ends is a hand that has let go."""

    def __init__(self, every_s: float) -> None:
        if not 1.0 <= every_s <= 3600.0:
            raise ValueError(f"every_s = {every_s} s: 1..3600")
        self._every_s, self._until = every_s, time.monotonic() + every_s
        threading.Thread(target=self._watch, name="operator", daemon=True).start()

    def holds(self) -> bool:
        """Whether the last Enter is not too long ago."""
        return time.monotonic() < self._until

    def _watch(self) -> None:
        for _ in sys.stdin:
            self._until = time.monotonic() + self._every_s
        self._until = 0.0


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """While this lasts, SIGTERM and a closed terminal (SIGHUP) end the process in order, as `sys.exit` does."""
    names = [name for name in ("SIGTERM", "SIGHUP") if hasattr(signal, name)]
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {name: signal.signal(getattr(signal, name), _leave) for name in names}
    try:
        yield
    finally:
        for name, handler in before.items():
            signal.signal(getattr(signal, name), handler)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
