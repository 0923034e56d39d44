"""The timing certificate: how well a run kept in step with the wall clock, measured by the run itself."""

from bisect import bisect_left
from dataclasses import dataclass, field
from typing import Any, Final

EDGES_US: Final = tuple(round(10 ** (step / 20)) for step in range(0, 141))
"""Upper edges of the histogram's classes: 1 µs to 10 s, twenty a decade, so that a percentile is exact within 12 %."""


@dataclass(slots=True)
class Lateness:
    """How late things were done, as a histogram; memory does not grow with the run."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(EDGES_US) + 1))
    count: int = 0
    max_us: int = 0
    first_us: int = 0
    last_us: int = 0

    def add(self, late_us: int) -> None:
        """Something was done *late_us* after its time (µs)."""
        if not self.count:
            self.first_us = late_us
        self.count += 1
        self.last_us = late_us
        self.max_us = max(self.max_us, late_us)
        self.counts[bisect_left(EDGES_US, late_us)] += 1

    def percentile_us(self, percent: float) -> int:
        """The lateness (µs) that *percent* of all stayed within, rounded up to the class; 0 if nothing was measured."""
        wanted, seen = self.count * percent / 100, 0
        for edge, count in zip((*EDGES_US, self.max_us), self.counts, strict=True):
            seen += count
            if count and seen >= wanted:
                return min(edge, self.max_us)
        return 0

    def plain(self) -> dict[str, Any]:
        """As values for JSON, with the classes that are not empty."""
        edges = (*EDGES_US, self.max_us)
        return {
            "count": self.count,
            **{f"p{p:g}_us".replace(".", "_"): self.percentile_us(p) for p in (50, 99, 99.9)},
            "max_us": self.max_us,
            "histogram_us": {str(edge): count for edge, count in zip(edges, self.counts, strict=True) if count},
        }


@dataclass(slots=True)
class Certificate:
    """What a verdict about time may rest on: nothing finer than `resolution_us`."""

    frames: Lateness = field(default_factory=Lateness)
    """Our frames: from the moment they were due to the moment they were handed on."""
    answers: Lateness = field(default_factory=Lateness)
    """From the arrival of a frame to the moment the model had seen it and its answers were handed on."""
    steps: Lateness = field(default_factory=Lateness)
    """Everything the model did at a time of its own."""
    overruns: int = 0
    """How often the model was later than `OVERRUN_US`."""

    @property
    def resolution_us(self) -> int:
        """p99.9 of both frames and answers (µs): a difference in time smaller than this says nothing."""
        return max(self.frames.percentile_us(99.9), self.answers.percentile_us(99.9))

    def conclusive(self, margin_us: int) -> bool:
        """Whether a verdict that depends on *margin_us* may be drawn; otherwise it is "inconclusive"."""
        return margin_us > self.resolution_us

    def plain(self) -> dict[str, Any]:
        """As values for the summary of a run."""
        return {
            "resolution_us": self.resolution_us,
            "overruns": self.overruns,
            "frames": self.frames.plain(),
            "answers": self.answers.plain(),
            "steps": self.steps.plain(),
        }

    def words(self) -> str:
        """One line for people."""
        frames, answers = self.frames, self.answers
        return (
            f"timing certificate: {frames.count} frames late by p50 {frames.percentile_us(50)}, p99 {frames.percentile_us(99)}, "
            f"p99.9 {frames.percentile_us(99.9)}, max {frames.max_us} µs; answers p99 {answers.percentile_us(99)} µs; "
            f"{self.overruns} overruns; finer than {self.resolution_us} µs is inconclusive"
        )
