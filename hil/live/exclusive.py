"""One bench per adapter: locks that the system takes back when their holder dies."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final

from hil.errors import BadInput
from hil.links.adapter import Adapter, open_adapter, resolved
from hil.links.link import AdapterChoice

FOLDER: Final = Path("/tmp")
"""The same for all users, whatever their environment says: an adapter is one thing."""

try:
    import fcntl
except ImportError:  # Windows: its drivers refuse a second one by themselves
    fcntl = None  # type: ignore[assignment]


@contextmanager
def exclusive(choice: AdapterChoice, side: str) -> Iterator[None]:
    """Hold the adapter of *choice* for sending as *side* as long as this lasts. Raises `BadInput` if another process does. Both
    sides may share an adapter that only the kernel makes.
    """
    interface, channel = resolved(choice)
    with _held(interface, channel, f"{channel} {side}" if channel.startswith("vcan") else channel):
        yield


def open_to_listen(choice: AdapterChoice) -> Adapter:
    """The open adapter, for one who only listens. To share a network interface harms nobody, but whoever opens a serial port a
    second time sets up the adapter anew and takes half of what comes in: that is refused (`BadInput`).
    """
    interface, channel = resolved(choice)
    with ExitStack() as stack:
        if channel.startswith("/"):
            stack.enter_context(_held(interface, channel, channel))
        adapter = open_adapter(choice)
        adapter.held = stack.pop_all()
    return adapter


@contextmanager
def _held(interface: str, channel: str, key: str) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    path = lock_path(interface, key)
    try:
        file, ours = _opened(path)
    except OSError as error:
        raise BadInput(f"{path}: the lock of {interface} {channel} cannot be opened: {error.strerror}; remove it") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise BadInput(f"{interface} {channel}: another pilebench (process {holder}) uses it; end that first") from None
        if ours:
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
        yield


def _opened(path: Path) -> tuple[IO[str], bool]:
    """The file of a lock, and whether we may write into it: another user's can only be read, which is enough to lock it."""
    try:
        return os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o644), "r+"), True
    except PermissionError:
        return path.open(), False


def lock_path(interface: str, channel: str) -> Path:
    """The lock of an adapter; a device file has one for all links to it and all interfaces."""
    key = str(Path(channel.partition("@")[0]).resolve()) if channel.startswith("/") else f"{interface} {channel}"
    return FOLDER / f"pilebench-{hashlib.sha256(key.encode()).hexdigest()[:16]}.lock"
