"""Time stamps of tables: numbers in some unit, clock times, dates."""

from collections.abc import Sequence
from datetime import UTC, datetime
from itertools import pairwise
from statistics import median

HOUR_US, DAY_US = 3_600_000_000, 86_400_000_000
UNITS_US = {"s": 1e6, "ms": 1e3, "µs": 1.0, "ns": 1e-3}
EPOCHS = (("s", 1e9), ("ms", 1e12), ("µs", 1e15), ("ns", 1e18))
"""What the present is in each unit since 1970, to the order of magnitude."""


def clock_us(stamp: str) -> int:
    """µs of ``m:s``, ``h:m:s`` or ``h:m:s:ms``. ValueError if it is none."""
    parts = stamp.strip().split(":")
    if not 2 <= len(parts) <= 4:
        raise ValueError(stamp)
    ms = int(parts.pop()) if len(parts) == 4 else 0
    seconds = 0.0
    for part in parts:
        seconds = seconds * 60 + float(part)
    return round(seconds * 1e6) + 1000 * ms


def date_us(stamp: str) -> int:
    """µs since 1970 of a date with time. ValueError if it is none."""
    return round(datetime.fromisoformat(stamp.strip().replace("/", "-")).replace(tzinfo=UTC).timestamp() * 1e6)


def unwrapped(times_us: Sequence[int], period_us: int) -> list[int]:
    """Clock times made to go on where the clock begins anew; smaller steps back stay as they are."""
    turns, before = 0, 0
    out: list[int] = []
    for time in times_us:
        if out and before - time > period_us // 2:
            turns += 1
        before = time
        out.append(time + turns * period_us)
    return out


def times_us(stamps: Sequence[str], *, unit: str | None) -> tuple[list[int], str]:
    """All *stamps* in µs and what was assumed, in words (empty if nothing). *unit* is what the heading says, if it does."""
    first = stamps[0].strip() if stamps else "0"
    if ("-" in first[1:] and ":" in first) or first.count("/") == 2:
        return [date_us(stamp) for stamp in stamps], ""
    if ":" in first:
        period = HOUR_US if first.count(":") == 1 else DAY_US
        return unwrapped([clock_us(stamp) for stamp in stamps], period), ""
    numbers = [float(stamp) for stamp in stamps]
    guessed = unit or _guess(numbers, fractions=any("." in stamp for stamp in stamps))
    scale = UNITS_US[guessed]
    assumed = "" if unit else f"The unit of the time stamps is not said; taken as {guessed}."
    return [round(number * scale) for number in numbers], assumed


def _guess(numbers: Sequence[float], *, fractions: bool) -> str:
    """The unit in which the typical gap between frames is a few milliseconds, or in which the numbers are the present."""
    typical = sorted(abs(number) for number in numbers)[len(numbers) // 2] if numbers else 0
    for unit, now in EPOCHS:
        if now <= typical < 3 * now:
            return unit
    gaps = [b - a for a, b in pairwise(numbers) if b > a]
    gap = median(gaps) if gaps else 0
    if gap < 0.5 or (fractions and gap < 1):
        return "s"
    return "ms" if gap < 500 else "µs" if gap < 2e6 else "ns"
