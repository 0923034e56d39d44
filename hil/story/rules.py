"""What rules yield, and the little that they share."""

from collections.abc import Callable, Iterator
from typing import Final

from hil.story.excerpt import Excerpt, sender_of
from hil.story.story import Finding, Severity

Rule = Callable[[Excerpt], Iterator[Finding]]
"""Looks at one attempt (or a whole session) and tells what is wrong."""

STANDARD: Final = "GB/T 27930-2015"


def breach(excerpt: Excerpt, name: str, what: str, clause: str, *, position: int, count: int = 1) -> Finding:
    """The sender of *name* broke the standard."""
    at_us = excerpt.time_us(position)
    return Finding(severity=Severity.BREACH, who=sender_of(name), what=what, clause=clause, at_us=at_us, count=count)


def note(excerpt: Excerpt, name: str, what: str, clause: str, *, position: int, count: int = 1) -> Finding:
    """Something about *name* is worth knowing."""
    at_us = excerpt.time_us(position)
    return Finding(severity=Severity.NOTE, who=sender_of(name), what=what, clause=clause, at_us=at_us, count=count)


def frames(count: int) -> str:
    """A number of frames in words."""
    return "one frame" if count == 1 else f"{count} frames"


def plainly(name: str) -> str:
    """ "CRM AA" as the standard writes it."""
    title, _, value = name.partition(" ")
    return f"{title}(0x{value})" if value else title
