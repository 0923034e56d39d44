"""What may still be said about traffic that was not heard all the time: nobody is accused of what a gap may explain."""

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from hil.links.link import host_us
from hil.live.supervisor import Gap
from hil.referee.case import Lost
from hil.referee.referee import Judgement
from hil.referee.ruling import Ruling, Verdict
from hil.story.story import Finding, Session, Severity, Story
from protocols.gbt27930.editions import EDITIONS

DOUBT: Final = "not certain, for there was a time when nothing was heard: "
AHEAD_US: Final = max(limit.us for edition in EDITIONS.values() for limit in edition.limits.values()) * 21 // 20
"""What happened earlier than this before a gap is not judged by anything in it: the longest limit, and its tolerance."""


def lost_in_gaps(gaps: Sequence[Gap], began_us: int) -> list[Lost]:
    """The holes in what was heard, from *began_us* on, as the referee takes them."""
    return [Lost(gap.begin_us - began_us, (gap.end_us or host_us()) - began_us) for gap in gaps]


def doubted(story: Story, losses: Sequence[Lost]) -> Story:
    """*story* with the breaches that one of *losses* (µs since the first frame) may explain told as notes."""
    doubt = _Doubt(story.sessions, losses)
    sessions = tuple(replace(session, findings=doubt.findings(session.findings)) for session in story.sessions)
    return replace(story, findings=doubt.findings(story.findings), sessions=sessions)


def cautious(judgement: Judgement, sessions: Sequence[Session], losses: Sequence[Lost]) -> Judgement:
    """*judgement* on *sessions* with the failures that one of *losses* (µs since the first frame) may explain left open."""
    doubt = _Doubt(sessions, losses)
    return Judgement(tuple(doubt.ruling(ruling) for ruling in judgement.rulings))


class _Doubt:
    """Whether *losses* leave a breach certain: it has to be over long before a gap, in a session without an earlier one. Time
    between two sessions counts to the second: its beginning may have been missed.
    """

    def __init__(self, sessions: Sequence[Session], losses: Sequence[Lost]) -> None:
        self._ends, self._losses = [session.end_us for session in sessions], losses

    def certain(self, at_us: int | None) -> bool:
        """Whether what was seen at *at_us* (None: all the time) would be a breach whatever was said in the gaps."""
        if at_us is None:
            return not self._losses
        since_us = max((end for end in self._ends if end < at_us), default=-math.inf)
        until_us = min((end for end in self._ends if end >= at_us), default=math.inf)
        until_us = min(until_us, at_us + AHEAD_US)
        return not any(loss.begin_us < until_us and loss.end_us > since_us for loss in self._losses)

    def findings(self, findings: Sequence[Finding]) -> tuple[Finding, ...]:
        """*findings* with the uncertain breaches as notes."""
        return tuple(
            replace(finding, severity=Severity.NOTE, what=DOUBT + finding.what)
            if finding.severity is Severity.BREACH and not self.certain(finding.at_us)
            else finding
            for finding in findings
        )

    def ruling(self, ruling: Ruling) -> Ruling:
        """*ruling*, inconclusive if it is a failure without certain evidence."""
        if ruling.verdict is not Verdict.FAIL or not self._losses:
            return ruling
        if sure := tuple(seen for seen in ruling.evidence if self.certain(seen.at_us)):
            return replace(ruling, evidence=sure)
        open_ = tuple(seen._replace(verdict=Verdict.INCONCLUSIVE, what=DOUBT + seen.what) for seen in ruling.evidence)
        return replace(ruling, verdict=Verdict.INCONCLUSIVE, evidence=open_)
