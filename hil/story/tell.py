"""From a recording to its story."""

from collections.abc import Iterator, Sequence

import numpy as np

from hil.links.recording import Recording
from hil.story.bus import bus_findings, name_of, transfers
from hil.story.errors import ending, error_findings, stop_findings
from hil.story.limits import limit_findings
from hil.story.model import Clock, Finding, Phase, Ranges, Session, Severity, Story, Transfers
from hil.story.names import DECLARED, PHASES
from hil.story.order import order_findings
from hil.story.periods import period_findings, periods
from hil.story.protocol import GBT, edition_of, protocol_of
from hil.story.shape import shape_findings
from hil.story.stretch import Stretch, Timing, attempts, sessions, timing_of
from hil.story.traffic import Heard, Traffic
from hil.story.waits import wait_findings
from protocols.gbt27930.editions import EDITIONS, Edition

RAW = ("CHM", "BHM", "CRM", "CTS", "CML", "BRO", "CRO", "BST", "CST", "BSD", "CSD", "BEM", "CEM", "BRM", "BCP")
"""Messages of which every distinct payload is listed."""

RANGED = ("BCL", "CCS", "BCS")

CURRENT_A = 0.5
"""A session has had current if either side measured more than this."""

RECONNECTS = 3
RECONNECT_CLAUSE = "GB/T 27930-2015 annex C note 2: three reconnects, then the connector is to be plugged again"

_EMPTY = Transfers({}, {})


def tell(recording: Recording) -> Story:
    """The story of *recording*, whatever it holds."""
    traffic = Traffic(recording)
    timing = timing_of(traffic)
    protocol = protocol_of(traffic)
    if protocol != GBT:
        return _story(traffic, timing, protocol=protocol, edition="")
    stretches = sessions(traffic, timing)
    editions = [edition_of(session) for session in stretches]
    first = editions[0][0]
    measured = tuple(periods(stretches, first))
    whole = Stretch(traffic, timing, 0, len(traffic))
    return _story(
        traffic,
        timing,
        protocol=EDITIONS[first.name.partition("+")[0]].title,
        edition=first.name,
        sessions=tuple(_session(s, e, evidence) for s, (e, evidence) in zip(stretches, editions, strict=True)),
        transfers=transfers(traffic),
        periods=measured,
        ranges={title: _ranges(heard, first) for title in RANGED if len(heard := traffic.heard(title))},
        raw={title: heard.counts() for title in RAW if len(heard := traffic.heard(title))},
        findings=(*bus_findings(whole), *period_findings(measured)),
    )


def _story(
    traffic: Traffic,
    timing: Timing,
    *,
    protocol: str,
    edition: str,
    sessions: tuple[Session, ...] = (),
    transfers: Transfers = _EMPTY,
    periods: tuple = (),
    ranges: dict[str, Ranges] | None = None,
    raw: dict[str, dict[str, int]] | None = None,
    findings: tuple[Finding, ...] = (),
) -> Story:
    """What every recording has, and what only GB/T 27930 has."""
    recording = traffic.recording
    counts = sorted(zip(traffic.keys, traffic.key_counts, strict=True), key=lambda pair: (-pair[1], pair[0]))
    return Story(
        path=str(recording.path),
        sha256=recording.sha256,
        source_format=recording.format,
        notes=(*recording.notes, *_clock_notes(traffic, timing)),
        protocol=protocol,
        edition=edition,
        frames=len(recording),
        remote_frames=recording.remote_frames,
        error_frames=recording.error_frames,
        duration_us=int(traffic.times_us.max()) if len(traffic) else 0,
        clock=timing.clock,
        resolution_us=timing.resolution_us,
        ids={name_of(key): count for key, count in counts},
        sessions=sessions,
        transfers=transfers,
        periods=periods,
        ranges=ranges or {},
        raw=raw or {},
        findings=findings,
    )


def _clock_notes(traffic: Traffic, timing: Timing) -> Iterator[str]:
    if timing.clock is Clock.CONSTANT:
        yield "All time stamps are the same: the order is kept, durations and periods are not told."
    elif timing.clock is Clock.BACKWARD:
        steps = int(np.count_nonzero(np.diff(traffic.times_us) < 0))
        yield f"The time stamps run backward {steps} times: the order of the file is kept, time limits are not judged."


def _session(session: Stretch, edition: Edition, evidence: tuple[str, ...]) -> Session:
    parts = attempts(session)
    ended_by, reason = ending(parts, edition)
    return Session(
        begin_us=session.time_us(session.begin),
        end_us=session.time_us(session.end - 1),
        edition=edition.name,
        evidence=evidence,
        attempts=_identifications(parts),
        phases=tuple(_phases(parts)),
        with_current=_with_current(session, edition),
        ended_by=ended_by,
        end_reason=reason,
        findings=tuple(sorted(_findings(session, parts, edition), key=lambda f: (f.at_us is None, f.at_us))),
    )


def _identifications(parts: Sequence[Stretch]) -> int:
    return sum(bool(len(part.heard("CRM 00"))) for part in parts)


def _with_current(session: Stretch, edition: Edition) -> bool:
    return any(
        bool((np.abs(heard.column(edition.messages[title], "current_a")) > CURRENT_A).any())
        for title in ("CCS", "BCS")
        if len(heard := session.heard(title))
    )


def _phases(parts: Sequence[Stretch]) -> Iterator[Phase]:
    """The phases of every attempt in order of their beginnings."""
    for number, part in enumerate(parts, 1):
        found = []
        for name, titles in PHASES.items():
            heard = [h for title in titles if len(h := part.heard(title))]
            if heard:
                first, last = min(int(h.begun[0]) for h in heard), max(int(h.at[-1]) for h in heard)
                phase = Phase(name, number, part.time_us(first), part.time_us(last), sum(map(len, heard)))
                found.append((first, phase))
        yield from (phase for _, phase in sorted(found, key=lambda pair: pair[0]))


def _findings(session: Stretch, parts: Sequence[Stretch], edition: Edition) -> Iterator[Finding]:
    yield from shape_findings(session, edition)
    for part in parts:
        yield from order_findings(part, edition)
        yield from wait_findings(part, edition)
        yield from error_findings(part, edition)
        yield from stop_findings(part, edition)
        yield from limit_findings(part, edition)
    count = _identifications(parts)
    if count > RECONNECTS + 1:
        yield Finding(None, Severity.VIOLATION, f"{count - 1} reconnects", RECONNECT_CLAUSE)


def _ranges(heard: Heard, edition: Edition) -> Ranges:
    layout = edition.messages.get(heard.title, DECLARED[heard.title])
    spans, ends, values = {}, {}, {}
    for field in layout.available():
        column = heard.column(layout, field.name)
        column = column[~np.isnan(column)]
        if not len(column):
            continue
        spans[field.name] = float(column.min()), float(column.max())
        ends[field.name] = float(column[0]), float(column[-1])
        if field.choices is not None:
            values[field.name] = tuple(int(value) for value in np.unique(column))
    lengths = tuple(int(length) for length in np.unique(heard.lengths))
    return Ranges(len(heard), spans, ends, values, lengths)
