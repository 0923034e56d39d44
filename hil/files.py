"""Whole files or none: everything is written beside its final name and then renamed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

from hil.errors import BadInput


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """A name to write to; it becomes *path* if the block ends well, and is removed otherwise. The suffix is kept."""
    part = path.with_name(f".{path.stem}.part{path.suffix}")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise BadInput(f"{path}: cannot be written: {error.strerror}") from None
    finally:
        part.unlink(missing_ok=True)


def ready_folder(path: Path) -> Path:
    """*path* as an existing folder that can be written to; complains before any work is done."""
    try:
        path.mkdir(parents=True, exist_ok=True)
        # Without a name where the system can: an interrupt in between leaves nothing.
        with TemporaryFile(dir=path):
            pass
    except OSError as error:
        raise BadInput(f"{path}: not a folder that can be written to: {error.strerror}; choose another with --out") from None
    return path
