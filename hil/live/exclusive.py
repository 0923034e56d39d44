"""One bench per adapter: a lock that the system takes back when its holder dies."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from hil.errors import BadInput
from hil.links.adapter import resolved
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
    if fcntl is None:
        yield
        return
    interface, channel = resolved(choice)
    path = lock_path(interface, f"{channel} {side}" if channel.startswith("vcan") else channel)
    try:
        file = os.fdopen(os.open(path, os.O_RDWR | os.O_CREAT, 0o666), "r+")
    except OSError as error:
        raise BadInput(f"{path}: the lock of {interface} {channel} cannot be opened: {error.strerror}; remove it") from None
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            holder = file.read().strip() or "unknown"
            raise BadInput(
                f"{interface} {channel}: another pilebench (process {holder}) is armed on it; end that first"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield


def lock_path(interface: str, channel: str) -> Path:
    """The lock of an adapter; links to a device share its lock."""
    real = str(Path(channel).resolve()) if channel.startswith("/") else channel
    return FOLDER / f"pilebench-{hashlib.sha256(f'{interface} {real}'.encode()).hexdigest()[:16]}.lock"
