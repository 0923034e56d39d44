"""Tells the story of a recording."""

from collections.abc import Callable, Iterator
from typing import Final

import numpy as np

from hil.links.recording import Recording
from hil.story import rules_battery, rules_bus, rules_format, rules_order, rules_power, rules_time
from hil.story.course import milestones, phases
from hil.story.cutting import attempts as cut
from hil.story.cutting import identifications, sessions
from hil.story.ending import ending, errors
from hil.story.excerpt import Excerpt
from hil.story.measure import energy_wh, periods, raw, streams, transfers
from hil.story.protocol import edition_of, foreign_protocol, is_gbt
from hil.story.rules import Rule
from hil.story.sorting import sort, text_of
from hil.story.story import Finding, Session, Severity, Stamps, Story
from hil.story.tracks import Ints
from hil.story.words import describe
from protocols.gbt27930.editions import EDITIONS

GBT: Final = "GB/T 27930"
STEPS_US: Final = (1_000_000, 100_000, 10_000, 1_000, 100, 10)

SESSION_RULES: Final[tuple[Rule, ...]] = (
    rules_format.lengths,
    rules_format.fill,
    rules_format.values,
    rules_format.reasons,
    rules_format.clock,
)
ATTEMPT_RULES: Final[tuple[Rule, ...]] = (
    rules_order.stray,
    rules_order.missing_steps,
    rules_order.after_stop,
    rules_order.statistics,
    rules_order.handshake,
    rules_time.waits,
    rules_time.silences,
    rules_time.accusations,
    rules_time.changeovers,
    rules_power.demand,
    rules_power.delivery,
    rules_power.precharge,
    rules_power.capability,
    rules_power.energy,
    rules_battery.forbidden,
    rules_battery.pauses,
    rules_battery.alarms,
    rules_bus.transfers,
)

IDENTITY: Final = ("CHM", "BHM", "CRM", "BRM", "BCP", "CTS", "CML")


def tell(recording: Recording, *, told: Callable[[float], None] = lambda _: None) -> Story:
    """What *recording* tells. Never raises for anything a recording can hold. *told* hears how much is done, 0..1."""
    found = sort(recording, EDITIONS["2015"])
    told(0.3)
    stamps, resolution_us = stamps_of(recording.times_us)
    gbt = is_gbt(found)
    told_sessions: list[Session] = []
    edges = sessions(found, len(recording)) if gbt else []
    for begin, end in edges:
        told_sessions.append(_session(Excerpt(found, EDITIONS["2015"], begin, end, stamps, resolution_us)))
        told(0.3 + 0.7 * end / len(recording))
    counts = sorted(found.ids.items(), key=lambda item: -item[1])
    return Story(
        file=str(recording.path),
        format=recording.format,
        sha256=recording.sha256,
        protocol=f"{GBT}-{_year(told_sessions)}" if gbt else foreign_protocol(found.ids),
        frames=len(recording),
        remote_frames=recording.remote_frames,
        error_frames=recording.error_frames,
        duration_us=int(found.clock.max(initial=0)),
        stamps=stamps,
        resolution_us=resolution_us,
        ids={text_of(key): count for key, count in counts},
        foreign={text_of(key): count for key, count in counts if key in found.strangers} if gbt else {},
        sessions=tuple(told_sessions),
        findings=tuple(rules_bus.identifiers(found)) if gbt else (),
        notes=recording.notes,
    )


def _year(told: list[Session]) -> str:
    """The edition of the first session with its evidence; sessions of other editions say so themselves."""
    return told[0].edition if told else "2015"


def _session(session: Excerpt) -> Session:
    edition, evidence = edition_of(session)
    session = Excerpt(session.whole, edition, session.begin, session.end, session.stamps, session.resolution_us)
    attempts = cut(session)
    return Session(
        edition=edition.name,
        evidence=evidence,
        begin_us=session.time_us(session.begin),
        end_us=session.last_us,
        frames=session.end - session.begin,
        attempts=len(identifications(session)),
        with_current=_has_current(session),
        energy_wh=energy_wh(session),
        from_beginning=_from_beginning(session),
        identity=_identity(session),
        phases=tuple(phases(attempts)),
        milestones=tuple(milestones(attempts)),
        streams=streams(session),
        raw=raw(session),
        periods=tuple(periods(attempts)),
        transfers=transfers(session),
        errors=tuple(errors(session)),
        ending=ending(attempts),
        findings=tuple(_findings(session, attempts)),
    )


def _findings(session: Excerpt, attempts: list[Excerpt]) -> list[Finding]:
    """What all rules find, breaches first, then by time."""

    def found() -> Iterator[Finding]:
        for rule in SESSION_RULES:
            yield from rule(session)
        for attempt in attempts:
            for rule in ATTEMPT_RULES:
                yield from rule(attempt)
        yield from rules_time.slow(attempts)
        yield from rules_bus.reconnections(attempts)

    return sorted(found(), key=lambda f: (f.severity is not Severity.BREACH, f.at_us is None, f.at_us or 0))


def _has_current(session: Excerpt) -> bool:
    return any(bool((session.track(name).column("current_a") > 0).any()) for name in ("CCS", "BCS"))


def _from_beginning(session: Excerpt) -> bool:
    """Whether the first thing heard of the charger is how a session begins."""
    firsts = [
        (session.track(name).began[0], name)
        for name in ("CHM", "CRM 00", "CRM AA", "CML", "CRO", "CCS", "CST", "CSD")
        if len(session.track(name))
    ]
    return bool(firsts) and min(firsts)[1] in ("CHM", "CRM 00")


def _identity(session: Excerpt) -> dict[str, str]:
    messages = {name: session.track(name).message(-1) for name in IDENTITY}
    return {name: describe(message) for name, message in messages.items() if message is not None}


def stamps_of(times_us: Ints) -> tuple[Stamps, int]:
    """What the stamps are good for, and the coarsest step that they share (µs)."""
    if not len(times_us):
        return Stamps.CONSTANT, 0
    if (times_us == times_us[0]).all():
        return (Stamps.CONSTANT if len(times_us) > 1 else Stamps.MONOTONIC), 0
    stamps = Stamps.MONOTONIC if (np.diff(times_us) >= 0).all() else Stamps.BACKWARD
    since = times_us - times_us.min()
    return stamps, next((step for step in STEPS_US if not (since % step).any()), 1)
