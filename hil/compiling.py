"""Says so when kernels are compiled: the first use on a machine takes seconds, later ones load what was compiled."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from numba.core.event import Listener, install_listener
from rich.console import Console

NOTICE = "compiling the kernels of power stage and battery, once; this takes up to half a minute"


class _Announcer(Listener):
    """Prints the notice at the first function that is not in numba's cache."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._said = False

    def on_start(self, event: Any) -> None:
        if not self._said:
            self._said = True
            self._console.print(NOTICE)

    def on_end(self, event: Any) -> None:
        pass


@contextmanager
def announced(console: Console) -> Iterator[None]:
    """While this lasts, the first compilation is announced on *console*."""
    with install_listener("numba:compile", _Announcer(console)):
        yield
