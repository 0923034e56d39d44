"""A stretch of a bus: a session, or one identification attempt in it."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from hil.story.model import Clock
from hil.story.names import CODES, END, PHASES
from hil.story.traffic import Heard, Indices, Traffic
from protocols.gbt27930.messages import NOT_READY, READY

SILENCE_US = 30_000_000
"""A bus silent for so long has forgotten its session: the longest that a vehicle waits for a new CRM (3.4, annex C)."""

DECADES_US = (1_000_000, 100_000, 10_000, 1_000, 100, 10)


@dataclass(frozen=True, eq=False)
class Timing:
    """What the recording's clock can tell."""

    clock: Clock
    resolution_us: int

    @property
    def usable(self) -> bool:
        """Whether durations mean anything."""
        return self.clock is not Clock.CONSTANT


def timing_of(traffic: Traffic) -> Timing:
    """Kind of clock, and the coarsest power of ten of which all stamps are multiples (from the first)."""
    steps = np.diff(traffic.times_us)
    if len(traffic) < 2 or not steps.any():
        return Timing(Clock.CONSTANT if len(traffic) > 1 else Clock.MONOTONIC, 1)
    common = int(np.gcd.reduce(steps))
    resolution = next((decade for decade in DECADES_US if common % decade == 0), 1)
    return Timing(Clock.BACKWARD if (steps < 0).any() else Clock.MONOTONIC, resolution)


@dataclass(frozen=True, eq=False)
class Stretch:
    """Frames *begin* to *end* (not included) of *traffic*."""

    traffic: Traffic
    timing: Timing
    begin: int
    end: int

    def heard(self, title: str) -> Heard:
        """The occurrences of *title* in this stretch; ``CRM 00`` and ``BRO AA`` name one code of a message."""
        name, _, code = title.partition(" ")
        found = self.traffic.heard(name).between(self.begin, self.end)
        return found.saying({"00": NOT_READY, "AA": READY}[code]) if code else found

    def time_us(self, index: int | None) -> int | None:
        """The time of a frame; None if there is none or the clock stands still."""
        return None if index is None or not self.timing.usable else int(self.traffic.times_us[index])

    @cached_property
    def last_us(self) -> int:
        """The time of the last frame of this stretch."""
        return int(self.traffic.times_us[self.end - 1]) if self.end > self.begin else 0

    def part(self, begin: int, end: int) -> "Stretch":
        """Frames *begin* to *end* of the same traffic."""
        return Stretch(self.traffic, self.timing, begin, end)


def sessions(traffic: Traffic, timing: Timing) -> list[Stretch]:
    """The recording cut into sessions: one begins with a handshake, or in 2011 with CRM(0x00), after another has gone further."""
    whole = Stretch(traffic, timing, 0, len(traffic))
    cuts = [0]
    for begin, code, length in _charger_runs(traffic):
        before = whole.part(cuts[-1], begin)
        if code == CODES["CHM"]:
            opens = _went_beyond_handshake(before) and (length > 1 or _was_over(before))
        else:
            opens = _was_over(before)
        if opens or (_long_silence(traffic, timing, begin) and begin > cuts[-1]):
            cuts.append(begin)
    # What lies before a session's first charger frame (a vehicle's last words, foreign frames) stays with the one before.
    return [whole.part(a, b) for a, b in zip(cuts, [*cuts[1:], len(traffic)], strict=True)]


def attempts(session: Stretch) -> list[Stretch]:
    """*session* cut where identification begins anew: at CRM(0x00) after anything later or after an error message."""
    crm = session.heard("CRM")
    identified = crm.raw & np.uint64(0xFF) if len(crm) else crm.raw
    cuts, before = [session.begin], -1
    later = np.sort(np.concatenate([session.heard(t).at for t in ("CML", "CRO", "CCS", "CST", "CEM", "BEM")]))
    for at, code in zip(crm.at.tolist(), identified.tolist(), strict=True):
        if code == NOT_READY and before >= 0:
            since = later[(later > before) & (later < at)]
            previous = int(identified[np.searchsorted(crm.at, before)])
            if len(since) or previous != NOT_READY:
                cuts.append(at)
        before = at
    return [session.part(a, b) for a, b in zip(cuts, [*cuts[1:], session.end], strict=True)]


def _charger_runs(traffic: Traffic) -> list[tuple[int, int, int]]:
    """Runs of CHM and CRM(0x00) among the charger's frames: (first frame, code, length)."""
    chm, crm = CODES["CHM"], CODES["CRM"]
    own = [CODES[title] for title in ("CHM", "CRM", "CML", "CTS", "CRO", "CCS", "CST", "CSD", "CEM")]
    if not (traffic.codes == chm).any() and not (traffic.codes == crm).any():
        return []
    at = np.flatnonzero(np.isin(traffic.codes, own))
    codes = traffic.codes[at]
    starts: Indices = np.concatenate(([0], np.flatnonzero(np.diff(codes)) + 1))
    ends = np.concatenate((starts[1:], [len(codes)]))
    return [
        (int(at[a]), int(codes[a]), int(b - a))
        for a, b in zip(starts.tolist(), ends.tolist(), strict=True)
        if codes[a] == chm or (codes[a] == crm and traffic.recording.payloads[at[a]] & np.uint64(0xFF) == NOT_READY)
    ]


def _went_beyond_handshake(stretch: Stretch) -> bool:
    return any(len(stretch.heard(title)) for title in ("CRM", "CML", "CRO", "CCS", "CST", "CSD", "CEM", "BEM", "BCL"))


def _was_over(stretch: Stretch) -> bool:
    return any(len(stretch.heard(title)) for title in PHASES[END])


def _long_silence(traffic: Traffic, timing: Timing, at: int) -> bool:
    return timing.usable and at > 0 and int(traffic.times_us[at] - traffic.times_us[at - 1]) > SILENCE_US
