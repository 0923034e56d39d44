"""How regularly each message came, against its nominal period."""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from hil.story.model import Finding, Period, Severity
from hil.story.names import DECLARED
from hil.story.stretch import Stretch
from protocols.gbt27930.editions import Edition

TOLERANCE = 0.10
"""Of the nominal period, as conformance benches judge it (GB/T 34658-2017)."""

LEAST_JUDGED = 5
"""Gaps that make a verdict."""

CLAUSE = "GB/T 27930-2015 table 1 (period); GB/T 34658-2017 (tolerance 10 %)"


def periods(sessions: Sequence[Stretch], edition: Edition) -> Iterator[Period]:
    """The periods of every message that came at least twice in a session."""
    for title, declared in DECLARED.items():
        gaps = np.concatenate([gaps_us(session, title) for session in sessions]) if sessions else np.zeros(0, np.int64)
        if not len(gaps) or not sessions[0].timing.usable:
            continue
        layout = edition.messages.get(title, declared)
        count = sum(len(session.heard(title)) for session in sessions)
        yield _period(title, layout.period_us, count, gaps, sessions[0].timing.resolution_us)


def gaps_us(stretch: Stretch, title: str) -> NDArray[np.int64]:
    """Times between the beginnings of successive *title*; what a clock running backward spoils is left out."""
    gaps = np.diff(stretch.traffic.times_us[stretch.heard(title).begun])
    return gaps[gaps >= 0]


def _period(title: str, nominal: int | None, count: int, gaps: NDArray[np.int64], resolution: int) -> Period:
    outside = None
    if nominal is not None and resolution <= TOLERANCE * nominal:
        slack = TOLERANCE * nominal + (resolution if resolution > 1 else 0)
        outside = int(np.count_nonzero(np.abs(gaps - nominal) > slack))
    # The upper median: a gap that did occur.
    median = int(np.partition(gaps, len(gaps) // 2)[len(gaps) // 2])
    return Period(title, nominal, count, median, int(gaps.max()), outside)


def period_findings(found: Sequence[Period]) -> Iterator[Finding]:
    """Messages whose typical period is more than 10 % off."""
    for period in found:
        if period.outside is None or period.nominal_us is None or period.count <= LEAST_JUDGED:
            continue
        if abs(period.median_us - period.nominal_us) > TOLERANCE * period.nominal_us and 2 * period.outside > period.count:
            text = f"{period.title} comes every {period.median_us / 1000:g} ms instead of {period.nominal_us / 1000:g} ms"
            yield Finding(None, Severity.DEVIATION, text, CLAUSE)
