"""The log formats of python-can: the one place that knows its readers and writers."""

import gc
import logging
import re
import sqlite3
import struct
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from io import BytesIO, StringIO
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import can
from can.io.blf import BLFParseError
from can.io.generic import MessageReader

from hil.links.recording import Gathered, Told, Unreadable
from protocols.core.frame import Frame

BROKEN: tuple[type[Exception], ...] = (
    *(
        ValueError,
        LookupError,
        ArithmeticError,
        TypeError,
        AttributeError,
        AssertionError,
        RuntimeError,
        MemoryError,
        OSError,
        EOFError,
    ),
    *(struct.error, zlib.error, sqlite3.Error, BLFParseError),
)
"""What python-can's readers raise about files that are not whole."""

STEP = 4096
MF4_MISSING = "reading and writing MF4 needs the extra mf4: pip install asammdf"

_ASC = re.compile(r"\s*(date\s+\w+\s|base\s+(hex|dec)\b|begin triggerblock|\d+\.\d+\s+\d+\s+[0-9a-f]+x?\s+[rt]x\s+[dr]\b)", re.I)
_ASC_HEAD = re.compile(r"\s*(date\s|base\s|//|$)", re.I)
_ASC_EVENTS = re.compile(r"\s*(no\s+)?internal\s+events\s+logged", re.I)
_TRC = re.compile(r"\s*(;\$FILEVERSION|;.*PCAN|\d+\)\s+[\d.]+\s)")
_CSV = "timestamp,arbitration_id,extended,remote,error,dlc,data"


def claims_asc(lines: Sequence[str]) -> bool:
    """Whether *lines* begin a Vector ASC file."""
    return any(_ASC.match(line) for line in lines[:20])


def claims_trc(lines: Sequence[str]) -> bool:
    """Whether *lines* begin a PEAK trace."""
    return any(_TRC.match(line) for line in lines[:20])


def claims_csv(lines: Sequence[str]) -> bool:
    """Whether *lines* begin a table of python-can's CSV writer, whose data are base64."""
    return bool(lines) and lines[0].strip() == _CSV


def gather_asc(text: str, told: Told) -> Gathered:
    """All frames of an ASC file."""
    lines = text.splitlines(keepends=True)
    body = next((i for i, line in enumerate(lines) if not _ASC_HEAD.match(line)), len(lines))
    if body < len(lines) and not _ASC_EVENTS.match(lines[body]):
        lines.insert(body, "no internal events logged\n")  # else the reader takes the first frame for this line
    return _gathered(lambda: can.ASCReader(StringIO("".join(lines))), told, len(lines))


def gather_trc(text: str, told: Told) -> Gathered:
    """All frames of a PEAK trace."""
    return _gathered(lambda: can.TRCReader(StringIO(text)), told, text.count("\n"))


def gather_csv(text: str, told: Told) -> Gathered:
    """All frames of python-can's own table."""
    return _gathered(lambda: can.CSVReader(StringIO(text)), told, text.count("\n"))


def gather_blf(content: bytes, told: Told) -> Gathered:
    """All frames of a Vector BLF file; its head says how many objects there should be."""
    promised: list[int] = []

    def opened() -> MessageReader:
        reader = can.BLFReader(BytesIO(content))
        promised.append(reader.object_count)
        return reader

    found = _gathered(opened, told, len(content) // 40)
    short = promised[0] - len(found.ids) - found.remote_frames - found.error_frames - found.long_frames
    if short > 0 and len(content) < int.from_bytes(content[16:24], "little"):
        found.notes.append(f"The file is cut off: its head promises {promised[0]} objects, {short} more than were read.")
    return found


def gather_mf4(content: bytes, told: Told) -> Gathered:
    """All frames of an ASAM MF4 bus log."""
    if not has_mf4():
        raise Unreadable(MF4_MISSING)
    with _quiet_asammdf():
        return _gathered(lambda: can.MF4Reader(BytesIO(content)), told, len(content) // 20)


def gather_db(content: bytes, told: Told) -> Gathered:
    """All frames of python-can's SQLite database, read from a copy: SQLite may write to what it opens."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy.db"
        copy.write_bytes(content)
        reader = can.SqliteReader(copy)
        try:
            return _gathered(lambda: reader, told, len(content) // 40)
        finally:
            reader.stop()


def has_mf4() -> bool:
    """Whether asammdf is installed."""
    return find_spec("asammdf") is not None


def _mdf_errors() -> tuple[type[Exception], ...]:
    """What asammdf raises besides; nothing if it is not installed."""
    if not has_mf4():
        return ()
    from asammdf.blocks.utils import MdfException

    return (MdfException,)


@contextmanager
def _quiet_asammdf() -> Iterator[None]:
    """About a damaged file asammdf logs tracebacks, and its half-made object trips once more when it is collected."""
    log, hook = logging.getLogger("asammdf"), sys.unraisablehook
    level = log.level
    log.setLevel(logging.CRITICAL + 1)
    sys.unraisablehook = lambda _: None
    try:
        yield
    finally:
        gc.collect()
        log.setLevel(level)
        sys.unraisablehook = hook


class _Complaints(logging.Handler):
    """Counts what python-can's readers log about lines that they pass over, instead of letting it go to the screen."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.count = 0

    def emit(self, _: logging.LogRecord) -> None:
        """One more."""
        self.count += 1

    def __enter__(self) -> Self:
        """Listen."""
        self._log = logging.getLogger("can")
        self._log.addHandler(self)
        self._propagated, self._log.propagate = self._log.propagate, False
        return self

    def __exit__(self, *_: object) -> None:
        """Leave the logger as it was."""
        self._log.removeHandler(self)
        self._log.propagate = self._propagated


def _gathered(opened: Callable[[], Any], told: Told, expected: int) -> Gathered:
    """Whatever whole frames the reader hands out before it trips."""
    found, broken = Gathered(), BROKEN + _mdf_errors()
    try:
        with _Complaints() as complaints:
            for count, message in enumerate(opened(), 1):
                _add(message, found)
                if count % STEP == 0:
                    told(min(1.0, count / max(expected, 1)))
        if complaints.count:
            found.notes.append(f"{complaints.count} lines or objects could not be read.")
    except broken:
        found.notes.append("The file is damaged or cut off; what comes before that was read.")
        if found.ids:
            return found
    else:
        return found
    # Not raised above: the reader's exception would hold on to its half-made objects.
    raise Unreadable("damaged or cut off before the first whole frame")


def _add(message: can.Message, found: Gathered) -> None:
    if message.is_error_frame:
        found.error_frames += 1
    elif message.is_remote_frame:
        found.remote_frames += 1
    elif message.is_fd:
        found.long_frames += 1
    elif message.dlc == len(message.data):
        found.add(round(message.timestamp * 1e6), message.arbitration_id, bytes(message.data), message.is_extended_id)
    else:
        found.notes.append("A frame has fewer bytes than it says and was left out: the file is cut off there.")


def _writer(kind: str, path: Path) -> Any:
    if kind == "mf4" and not has_mf4():
        raise Unreadable(MF4_MISSING)
    writers: dict[str, Any] = {
        "asc": can.ASCWriter,
        "blf": can.BLFWriter,
        "csv": can.CSVWriter,
        "mf4": can.MF4Writer,
        "trc": can.TRCWriter,
    }
    return writers[kind](path)


def write(kind: str, path: Path, frames: Iterable[tuple[int, Frame]], *, title: str) -> None:
    """Write *frames* (time in µs, frame) to *path* in python-can's format *kind*: asc, blf, csv, mf4 or trc.

    *title* is the name that the file will have in the end; a PEAK trace mentions it.
    """
    with _writer(kind, path) as writer:
        if isinstance(writer, can.TRCWriter):
            writer.filepath = title
        for message in _messages(frames):
            writer.on_message_received(message)


def _messages(frames: Iterable[tuple[int, Frame]]) -> Iterator[can.Message]:
    for time_us, (can_id, data, extended) in frames:
        yield can.Message(
            timestamp=time_us / 1e6, arbitration_id=can_id, is_extended_id=extended, data=data, channel=0, is_rx=True
        )
