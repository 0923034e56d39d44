"""A story as plain values for JSON. The keys of a recording's known facts come first; what only we tell follows."""

from dataclasses import asdict
from typing import Any

from hil.story.model import Finding, Period, Ranges, Session, Story

Plain = dict[str, Any]

LONG = ("BRM", "BCP")
"""Listed under their own keys."""

FIELDS = {
    "BCL": {"requested_voltage_v": "voltage_v", "requested_current_a": "current_a"},
    "CCS": {"output_voltage_v": "voltage_v", "output_current_a": "current_a", "elapsed_min": "elapsed_min"},
    "BCS": {"measured_voltage_v": "voltage_v", "measured_current_a": "current_a", "max_cell_v": "cell_voltage_max_v"},
}
"""Key and field, by message; each is [least, greatest]."""

WHOLE = ("elapsed_min", "soc_pct", "remaining_min")


def story_json(story: Story) -> Plain:
    """*story* for `json.dumps`."""
    known = {
        "file": story.path,
        "sha256": story.sha256,
        "protocol": story.protocol,
        "frames": story.frames,
        "duration_s": round(story.duration_us / 1e6, 3),
        "timestamps": story.clock.value,
        "ids": dict(story.ids),
    }
    rest = {
        "source_format": story.source_format,
        "notes": list(story.notes),
        "remote_frames": story.remote_frames,
        "error_frames": story.error_frames,
        "time_resolution_s": story.resolution_us / 1e6,
    }
    return known | (_gbt(story) if story.sessions else {}) | rest | {"findings": [_finding(f) for f in story.findings]}


def _gbt(story: Story) -> Plain:
    ranges = {title.lower(): _ranges(title, found) for title, found in story.ranges.items()}
    long = {title.lower(): dict(story.raw[title]) for title in LONG if title in story.raw}
    return {
        "edition": story.edition,
        "tp_complete": dict(story.transfers.complete),
        "tp_events": dict(story.transfers.events),
        "phases": story.phases,
        "periods": {period.title: _period(period) for period in story.periods},
        "identification_attempts": sum(session.attempts for session in story.sessions),
        "sessions_with_current": sum(session.with_current for session in story.sessions),
        **ranges,
        "raw": {title: dict(counts) for title, counts in story.raw.items() if title not in LONG},
        **long,
        "end_reason": story.end_reason,
        "sessions": [_session(session) for session in story.sessions],
    }


def _ranges(title: str, found: Ranges) -> Plain:
    spans = {key: _pair(field, found.spans[field]) for key, field in FIELDS[title].items() if field in found.spans}
    plain: Plain = {"count": found.count, **spans}
    if title == "BCL":
        plain["mode"] = list(found.values.get("mode", ()))
    elif title == "CCS":
        plain["permit_values"] = [str(value) for value in found.values.get("permitted", ())]
        plain["dlc"] = list(found.lengths)
    else:
        ends = {"soc_first_last": "soc_pct", "remaining_min_first_last": "remaining_min"}
        plain |= {key: _pair(field, found.ends[field]) for key, field in ends.items() if field in found.ends}
    return plain


def _pair(field: str, pair: tuple[float, float]) -> list[float]:
    return [int(value) if field in WHOLE else value for value in pair]


def _period(period: Period) -> Plain:
    return {
        "median_ms": period.median_us / 1000,
        "max_ms": period.max_us / 1000,
        "count": period.count,
        "nominal_ms": None if period.nominal_us is None else period.nominal_us / 1000,
        "outside_10_pct": period.outside,
        "judged": period.outside is not None,
    }


def _session(session: Session) -> Plain:
    plain = asdict(session)
    for key in ("begin", "end"):
        plain[f"{key}_s"] = _seconds(plain.pop(f"{key}_us"))
    plain["phases"] = [
        {"name": p.name, "attempt": p.attempt, "first_s": _seconds(p.first_us), "last_s": _seconds(p.last_us), "frames": p.frames}
        for p in session.phases
    ]
    plain["findings"] = [_finding(finding) for finding in session.findings]
    return plain


def _finding(finding: Finding) -> Plain:
    return {
        "at_s": _seconds(finding.at_us),
        "severity": finding.severity.value,
        "text": finding.text,
        "clause": finding.clause,
    }


def _seconds(time_us: int | None) -> float | None:
    return None if time_us is None else time_us / 1e6
