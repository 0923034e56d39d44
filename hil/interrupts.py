"""How we are ended: by signals of the system, and by Ctrl-C, also where Python loses it.

Raised in a destructor or in a callback of compiled code, an exception is only printed. So the handler notes it as well, and long
work asks `check` between two pieces.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_noted = False


@contextmanager
def noticed() -> Iterator[None]:
    """While this lasts, Ctrl-C raises KeyboardInterrupt as ever, and is remembered for `check`. For the main thread."""
    global _noted
    _noted = False
    before = signal.signal(signal.SIGINT, _note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def check() -> None:
    """Raise the KeyboardInterrupt that somebody swallowed."""
    if _noted:
        raise KeyboardInterrupt


def _note(_number: int, _frame: FrameType | None) -> None:
    global _noted
    _noted = True
    raise KeyboardInterrupt


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
