"""Writes frame logs: candump text quickly, for every run, and the formats of python-can on request."""

from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from itertools import islice
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hil.errors import BadInput
from hil.files import whole
from hil.links.recording import Unreadable
from protocols.core.errors import LocalError
from protocols.core.frame import Frame

Log = Iterable[tuple[int, Frame]]
"""Frames with their times (µs), in the order of the wire."""

LOG_FORMATS: Final[Mapping[str, str]] = MappingProxyType({name: f".{name}" for name in ("asc", "blf", "mf4", "csv", "trc")})
"""What `write_log` can write, and the suffix of each. No .db: python-can's writer loses frames when it is stopped at once."""

CHUNK: Final = 8192
"""Frames turned into text at once."""


def write_candump(path: Path, log: Log, *, channel: str = "can0", epoch_s: int = 0) -> str:
    """Write *log* as ``candump -L`` does, its times counted from *epoch_s*; the sha256 of the bytes written, in hex.

    No time may come out negative. *path* exists only if all of *log* was written.
    """
    digest = sha256()
    with whole(path) as part, part.open("wb") as file:
        for chunk in candump_chunks(log, channel=channel, epoch_s=epoch_s):
            file.write(chunk)
            digest.update(chunk)
    return digest.hexdigest()


def candump_digest(log: Log, *, channel: str = "can0", epoch_s: int = 0) -> str:
    """What `write_candump` returns for *log*, without a file."""
    digest = sha256()
    for chunk in candump_chunks(log, channel=channel, epoch_s=epoch_s):
        digest.update(chunk)
    return digest.hexdigest()


def candump_chunks(log: Log, *, channel: str = "can0", epoch_s: int = 0) -> Iterator[bytes]:
    """The lines ``(<s>.<µs>) <channel> <ID>#<DATA>`` of *log*, some thousand at a time; an ID has 8 digits or 3."""
    if channel.split() != [channel]:
        raise LocalError(f"channel {channel!r}: one word is needed")
    heads = _Heads(channel, digits=3), _Heads(channel, digits=8)
    rest, epoch_us = iter(log), epoch_s * 1_000_000
    while lines := _lines(islice(rest, CHUNK), heads, epoch_us):
        yield "".join(lines).encode()


def _lines(log: Log, heads: tuple["_Heads", "_Heads"], epoch_us: int) -> list[str]:
    standard, extended = heads
    lines = []
    for now, (can_id, data, is_extended) in log:
        # The digits of the whole number, cut in two: quicker than a division and two formats, and as exact.
        stamp = str(now + epoch_us)
        if len(stamp) < 7 or stamp[0] == "-":
            stamp = _padded(now + epoch_us)
        lines.append(f"({stamp[:-6]}.{stamp[-6:]}{(extended if is_extended else standard)[can_id]}{data.hex().upper()}\n")
    return lines


def _padded(time_us: int) -> str:
    """*time_us* with a digit at least before the last six."""
    if time_us < 0:
        raise LocalError(f"time {time_us} µs: candump knows no times before 1970; give a later epoch_s")
    return f"{time_us:07d}"


class _Heads(dict[int, str]):
    """What stands between time and data, for each identifier met so far."""

    def __init__(self, channel: str, *, digits: int) -> None:
        super().__init__()
        self._channel, self._digits = channel, digits

    def __missing__(self, can_id: int) -> str:
        self[can_id] = head = f") {self._channel} {can_id:0{self._digits}X}#"
        return head


def check_format(log_format: str) -> None:
    """Complain now, before any work is done, about a format that `write_log` does not know or cannot write here."""
    if log_format not in LOG_FORMATS:
        raise BadInput(f"log format {log_format!r}: one of {', '.join(LOG_FORMATS)}")
    if log_format == "mf4":
        from hil.links.python_can_logs import MF4_MISSING, has_mf4

        if not has_mf4():
            raise BadInput(f"log format 'mf4': {MF4_MISSING}")


def write_log(path: Path, log: Log, log_format: str) -> None:
    """Write *log* to *path* in one of `LOG_FORMATS`; *path* exists only if all of it was written.

    All keep times to 1 µs. ASC, BLF and TRC count from (near) the first frame; CSV and MF4 from 1970.
    """
    check_format(log_format)
    from hil.links import python_can_logs  # takes half a second to import, and most runs write no such log

    with whole(path) as part:
        try:
            python_can_logs.write(log_format, part, log, title=path.name)
        except Unreadable as error:
            raise BadInput(f"{path}: {error}") from None
