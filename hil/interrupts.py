"""Ctrl-C, also where Python loses it: raised in a destructor or in a callback of compiled code, the exception is only printed.

So the handler notes it as well, and long work asks `check` between two pieces.
"""

import signal
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
