"""Text of candump: the log form of -L and the columns form, with or without time stamps."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime

from hil.links.recording import Gathered, Told

ERROR_FLAG = 0x20000000

_LOG = re.compile(r"\(?(-?\d+\.\d+)\)?\s+\S+\s+([0-9A-Fa-f]{1,8})#(\S*)(?:\s+[RTrt])?$")
_COLUMNS = re.compile(
    r"(?:\(?([-\d.: ]+?)\)?\s+)?([A-Za-z]\w*)\s+(?:[RT]X\b[-\sBE]*\s+)?([0-9A-Fa-f]{3,8})\s+\[(\d+)\](?:\s+(.*?))?(?:\s+'.*)?$"
)
STEP = 4096


def claims(lines: Sequence[str]) -> bool:
    """Whether most of *lines* look like candump's."""
    seen = sum(bool(_LOG.match(line) or _COLUMNS.match(line)) for line in map(str.strip, lines))
    return seen * 2 > len(lines)


def gather(text: str, told: Told) -> Gathered:
    """All frames of *text*."""
    found, lines = Gathered(), text.splitlines()
    for number, line in enumerate(lines, 1):
        line = line.strip()
        match = _LOG.match(line)
        if line and not (_logged(match, found) if match else _in_columns(line, number, found)):
            found.unread.append(number)
        if number % STEP == 0:
            told(number / len(lines))
    if not text.endswith("\n"):
        found.drop_cut_frame()
    if found.times_us and not any(found.times_us):
        found.notes.append("The lines carry no time stamps.")
    return found


def _logged(match: re.Match[str], found: Gathered) -> bool:
    stamp, name, data = match.groups()
    can_id = int(name, 16)
    if len(name) == 8 and can_id & ERROR_FLAG:
        found.error_frames += 1
    elif data[:1] in ("R", "r"):
        found.remote_frames += 1
    elif data[:1] == "#":
        found.long_frames += 1
    else:
        try:
            payload = bytes.fromhex(data.replace(".", ""))
        except ValueError:
            return False
        found.add(round(float(stamp) * 1e6), can_id, payload, len(name) > 3)
    return True


def _in_columns(line: str, number: int, found: Gathered) -> bool:
    match = _COLUMNS.match(line)
    if match is None:
        return False
    stamp, _, name, length, data = match.groups()
    if data and "remote" in data:
        found.remote_frames += 1
        return True
    try:
        payload, time_us = bytes.fromhex(data or ""), _time_us(stamp)
    except ValueError:
        return False
    can_id = int(name, 16)
    if "ERRORFRAME" in line or (len(name) == 8 and can_id & ERROR_FLAG):
        found.error_frames += 1
    elif int(length) != len(payload):
        return False
    else:
        found.add(time_us, can_id, payload, len(name) > 3)
    return True


def _time_us(stamp: str | None) -> int:
    """Seconds (candump -t a, d, z) or date and time (-t A)."""
    if stamp is None:
        return 0
    if ":" in stamp:
        return round(datetime.fromisoformat(stamp.strip()).replace(tzinfo=UTC).timestamp() * 1e6)
    return round(float(stamp) * 1e6)
