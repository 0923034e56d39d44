"""One bench per adapter: a lock that the system takes back when its holder dies."""

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hil.errors import BadInput
from hil.links.adapter import resolved
from hil.links.link import AdapterChoice

try:
    import fcntl
except ImportError:  # Windows: its drivers refuse a second one by themselves
    fcntl = None  # type: ignore[assignment]


@contextmanager
def exclusive(choice: AdapterChoice) -> Iterator[None]:
    """Hold the adapter of *choice* for sending as long as this lasts. Raises `BadInput` if another process does."""
    if fcntl is None:
        yield
        return
    interface, channel = resolved(choice)
    if channel.startswith("vcan"):  # both sides of a bench may share one
        yield
        return
    path = lock_path(interface, channel)
    with path.open("a+") as file:
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
    folder = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    return folder / f"pilebench-{hashlib.sha256(f'{interface} {real}'.encode()).hexdigest()[:16]}.lock"
