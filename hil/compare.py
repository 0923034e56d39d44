"""Where two runs or recordings part: the first frame that differs, and in it the field, with both values."""

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from rich.console import Console

from hil.links.recorded import read
from hil.links.recording import Recording
from hil.naming import FieldChange, changes_at, name_at
from hil.report.folder import LOG_NAME
from hil.story.sorting import text_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Divergence:
    """The first difference. Times are seconds since the first frame of each side; a side that has ended gives None."""

    index: int
    """How many frames agree before it."""
    reason: str
    message: str
    """The message's name, with the packet's number if a transfer carries it; empty for a foreign identifier. Where the
    identifiers differ, "BCL instead of CCS".
    """
    expected_s: float | None
    got_s: float | None
    expected: str | None
    """The frame in candump's form."""
    got: str | None
    fields: tuple[FieldChange, ...]


def compare_command(baseline: Path, other: Path, *, tolerance_ms: float, as_json: bool) -> int:
    """Print the first divergence of *other* from *baseline*; exit code 0: none, 1: there is one."""
    first, second = _recording(baseline), _recording(other)
    found = compare(first, second, tolerance_us=round(1000 * tolerance_ms))
    if as_json:
        print(json.dumps({"frames": [len(first), len(second)], "divergence": asdict(found) if found else None}, indent=1))
    else:
        print_divergence(Console(highlight=False, soft_wrap=True), found, frames=len(first))
    return 0 if found is None else 1


def compare_folders(baseline: Path, other: Path) -> Divergence | None:
    """The first divergence of one run or recording from another."""
    return compare(_recording(baseline), _recording(other))


def compare(first: Recording, second: Recording, *, tolerance_us: int = 0) -> Divergence | None:
    """The first frame of *second* that is another, or came more than *tolerance_us* earlier or later, than that of *first*."""
    count = min(len(first), len(second))
    late = np.abs(_since(first)[:count] - _since(second)[:count]) > tolerance_us
    other = first.keys[:count] != second.keys[:count]
    data = (first.payloads[:count] != second.payloads[:count]) | (first.lengths[:count] != second.lengths[:count])
    different = np.flatnonzero(late | other | data)
    if not len(different):
        return None if len(first) == len(second) else _ended(first, second, count)
    index = int(different[0])
    if other[index]:
        found = _divergence(first, second, index, reason="another identifier")
        return replace(found, message=f"{name_at(second, index) or 'a foreign frame'} instead of {found.message or 'another'}")
    if data[index]:
        return _divergence(first, second, index, reason="other data", fields=changes_at(first, second, index))
    return _divergence(first, second, index, reason="another time")


def _since(recording: Recording) -> np.typing.NDArray[np.int64]:
    return recording.times_us - recording.times_us[0] if len(recording) else recording.times_us


def _recording(path: Path) -> Recording:
    return read(path / LOG_NAME if path.is_dir() else path)


def _ended(first: Recording, second: Recording, index: int) -> Divergence:
    longer = "the baseline" if len(first) > len(second) else "the other"
    return _divergence(first, second, index, reason=f"only {longer} goes on")


def _divergence(
    first: Recording, second: Recording, index: int, *, reason: str, fields: tuple[FieldChange, ...] = ()
) -> Divergence:
    return Divergence(
        index=index,
        reason=reason,
        message=name_at(first if index < len(first) else second, index),
        expected_s=_seconds(first, index),
        got_s=_seconds(second, index),
        expected=_text(first, index),
        got=_text(second, index),
        fields=fields,
    )


def _seconds(recording: Recording, index: int) -> float | None:
    return int(_since(recording)[index]) / 1e6 if index < len(recording) else None


def _text(recording: Recording, index: int) -> str | None:
    return f"{text_of(int(recording.keys[index]))}#{recording.data[index].hex().upper()}" if index < len(recording) else None


# ---- for people ----------------------------------------------------------------------------------------------------------


def print_divergence(console: Console, found: Divergence | None, *, frames: int) -> None:
    """Tell where two recordings part, or that they do not."""
    if found is None:
        console.print(f"no divergence in {frames} frames")
        return
    console.print(
        f"first divergence after {found.index} equal frames: {found.reason}{f' in {found.message}' if found.message else ''}"
    )
    console.print(f"  expected  {_side(found.expected_s, found.expected)}")
    console.print(f"  got       {_side(found.got_s, found.got)}")
    for change in found.fields:
        console.print(f"  {change.name}: expected {_words(change.expected, change.unit)}, got {_words(change.got, change.unit)}")


def _side(seconds: float | None, frame: str | None) -> str:
    return f"{seconds:.6f} s  {frame}" if seconds is not None else "nothing: it has ended"


def _words(value: object, unit: str) -> str:
    return "not available" if value is None else f"{value} {unit}".rstrip()
