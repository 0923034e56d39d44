"""The story as plain values for JSON. Times in s, periods in ms; hexadecimal in the case people expect."""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

from hil.story.story import Finding, Session, Story

BCL_NAMES: Final = {"voltage_v": "requested_voltage_v", "current_a": "requested_current_a"}
CCS_NAMES: Final = {"voltage_v": "output_voltage_v", "current_a": "output_current_a", "elapsed_min": "elapsed_min"}
BCS_NAMES: Final = {"voltage_v": "measured_voltage_v", "current_a": "measured_current_a", "cell_voltage_max_v": "max_cell_v"}
BCS_FIRST_LAST: Final = {"soc_pct": "soc_first_last", "remaining_min": "remaining_min_first_last"}
WHOLE_NUMBERS: Final = frozenset({"elapsed_min", "soc_pct", "remaining_min", "mode", "permitted"})


def story_json(story: Story) -> dict[str, Any]:
    """*story* as one JSON object. The keys before "edition" are the same for every protocol."""
    told: dict[str, Any] = {
        "file": story.file,
        "format": story.format,
        "sha256": story.sha256,
        "protocol": story.protocol,
        "frames": story.frames,
        "remote_frames": story.remote_frames,
        "error_frames": story.error_frames,
        "duration_s": round(story.duration_us / 1e6, 3),
        "timestamps": story.stamps.value,
        "resolution_ms": story.resolution_us / 1000,
        "ids": story.ids,
        "notes": list(story.notes),
    }
    return told | _gbt(story) if story.sessions else told


def _gbt(story: Story) -> dict[str, Any]:
    all_sessions = story.sessions
    findings = [*story.findings, *(finding for session in all_sessions for finding in session.findings)]
    raw = _summed(session.raw for session in all_sessions)
    return {
        "edition": all_sessions[0].edition,
        "evidence": list(all_sessions[0].evidence),
        "foreign": story.foreign,
        "phases": sorted({phase.name for session in all_sessions for phase in session.phases}),
        "identification_attempts": sum(session.attempts for session in all_sessions),
        "sessions_with_current": sum(session.with_current for session in all_sessions),
        "tp_complete": dict(sum((Counter(session.transfers.complete) for session in all_sessions), Counter())),
        "tp_events": _events(all_sessions),
        "periods": _periods(all_sessions),
        **{
            key: value
            for key, value in (("bcl", _bcl(all_sessions)), ("ccs", _ccs(all_sessions)), ("bcs", _bcs(all_sessions)))
            if value
        },
        "raw": {name: counts for name, counts in raw.items() if name not in ("BRM", "BCP")},
        "brm": raw.get("BRM", {}),
        "bcp": raw.get("BCP", {}),
        "end_reason": all_sessions[-1].ending.reason,
        "findings": [_finding(finding) for finding in findings],
        "sessions": [_session(session) for session in all_sessions],
    }


def _events(sessions: Iterable[Session]) -> dict[str, int]:
    """Frames and ends of transfers; what did not occur is left out."""
    total: Counter[str] = Counter()
    for told in (session.transfers for session in sessions):
        total.update(cts=told.cts, eoma=told.eoma, abort=told.abort, broken=len(told.broken), open_at_end=told.open_at_end)
    return {name: count for name, count in total.items() if count}


def _periods(sessions: Iterable[Session]) -> dict[str, Any]:
    """The periods by message: of the session with the most of them."""
    longest: dict[str, Any] = {}
    for period in sorted((period for session in sessions for period in session.periods), key=lambda period: period.count):
        longest[period.message] = {
            "nominal_ms": period.nominal_us / 1000,
            "count": period.count,
            "median_ms": period.median_us / 1000,
            "max_ms": period.max_us / 1000,
            "beyond_10_pct": period.beyond,
            "not_judged": period.why_not or None,
        }
    return longest


def _bcl(sessions: Iterable[Session]) -> dict[str, Any]:
    return _merged(sessions, "BCL", BCL_NAMES) | _codes(sessions, "BCL", "mode", "mode")


def _ccs(sessions: Iterable[Session]) -> dict[str, Any]:
    told = _merged(sessions, "CCS", CCS_NAMES)
    if told:
        codes = _codes(sessions, "CCS", "permitted", "permit_values")
        told["permit_values"] = [str(code) for code in codes.get("permit_values", [])]
        told["dlc"] = sorted(
            {length for session in sessions if "CCS" in session.streams for length in session.streams["CCS"].lengths}
        )
    return told


def _bcs(sessions: Iterable[Session]) -> dict[str, Any]:
    told = _merged(sessions, "BCS", BCS_NAMES)
    for name, key in BCS_FIRST_LAST.items():
        ranges = [session.streams["BCS"].ranges[name] for session in sessions if name in _ranges(session, "BCS")]
        if ranges:
            told[key] = [int(ranges[0].first), int(ranges[-1].last)]
    return told


def _merged(sessions: Iterable[Session], title: str, names: dict[str, str]) -> dict[str, Any]:
    """Count and ranges of a message over all sessions; empty if it never came."""
    streams = [session.streams[title] for session in sessions if title in session.streams]
    if not streams:
        return {}
    told: dict[str, Any] = {"count": sum(stream.count for stream in streams)}
    for name, key in names.items():
        ranges = [stream.ranges[name] for stream in streams if name in stream.ranges]
        if ranges:
            kind = int if name in WHOLE_NUMBERS else float
            told[key] = [kind(min(each.low for each in ranges)), kind(max(each.high for each in ranges))]
    return told


def _codes(sessions: Iterable[Session], title: str, name: str, key: str) -> dict[str, Any]:
    """The values of a code that occur: all of them, for it has two or three."""
    seen = {code for session in sessions if title in session.streams for code in session.streams[title].codes.get(name, ())}
    return {key: sorted(seen)} if seen else {}


def _ranges(session: Session, title: str) -> dict[str, Any]:
    return session.streams[title].ranges if title in session.streams else {}


def _summed(counts: Iterable[dict[str, dict[str, int]]]) -> dict[str, dict[str, int]]:
    total: dict[str, Counter[str]] = {}
    for each in counts:
        for name, payloads in each.items():
            total.setdefault(name, Counter()).update(payloads)
    return {name: dict(payloads.most_common()) for name, payloads in total.items()}


def _session(session: Session) -> dict[str, Any]:
    return {
        "edition": session.edition,
        "evidence": list(session.evidence),
        "begin_s": session.begin_us / 1e6,
        "end_s": session.end_us / 1e6,
        "frames": session.frames,
        "from_beginning": session.from_beginning,
        "attempts": session.attempts,
        "with_current": session.with_current,
        "energy_wh": None if session.energy_wh is None else round(session.energy_wh, 1),
        "identity": session.identity,
        "phases": [
            {"name": p.name, "attempt": p.attempt, "begin_s": p.begin_us / 1e6, "end_s": p.end_us / 1e6, "messages": p.frames}
            for p in session.phases
        ],
        "milestones": [{"at_s": each.at_us / 1e6, "who": each.who, "what": each.what} for each in session.milestones],
        "messages": {
            name: {
                "count": stream.count,
                "lengths": list(stream.lengths),
                "ranges": {n: [r.low, r.high] for n, r in stream.ranges.items()},
            }
            for name, stream in session.streams.items()
        },
        "errors": [
            {
                "message": e.name,
                "who": e.who,
                "begin_s": e.begin_us / 1e6,
                "end_s": e.end_us / 1e6,
                "count": e.count,
                "flags": list(e.flags),
            }
            for e in session.errors
        ],
        "broken_transfers": [{"message": b.name, "at_s": b.at_us / 1e6, "why": b.why} for b in session.transfers.broken],
        "ending": {"outcome": session.ending.outcome.value, "reason": session.ending.reason, "clause": session.ending.clause},
        "findings": [_finding(finding) for finding in session.findings],
    }


def _finding(finding: Finding) -> dict[str, Any]:
    return {
        "severity": finding.severity.value,
        "who": finding.who,
        "what": finding.what,
        "clause": finding.clause,
        "at_s": None if finding.at_us is None else finding.at_us / 1e6,
        "count": finding.count,
    }
