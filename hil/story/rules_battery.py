"""Rules on what the vehicle says of its battery (BSM), and what the charger makes of it."""

from collections.abc import Iterator
from typing import Final

import numpy as np

from hil.story.excerpt import Excerpt
from hil.story.rules import STANDARD, breach
from hil.story.story import Finding
from hil.story.tracks import Track
from hil.story.words import seconds

REACTION_US: Final = 1_000_000
"""How long the charger is given to react to a BSM."""

BAD: Final = {
    "cell_voltage": (1, 2),
    "soc": (1, 2),
    "overcurrent": (1,),
    "overtemperature": (1,),
    "insulation": (1,),
    "connector": (1,),
}
"""The states of BSM that are abnormal; untrusted ones (10) are ignored (GB/T 27930-2015 C.3)."""


def forbidden(attempt: Excerpt) -> Iterator[Finding]:
    """Current that flows more than a second after BSM has forbidden charging."""
    status, given = attempt.track("BSM"), attempt.track("CCS")
    if not attempt.timed or not len(status) or not _may_pause(attempt):
        return
    permitted = status.column("permitted")
    index = np.searchsorted(status.times_us, given.times_us - 1_000_000, side="right") - 1
    newest = np.searchsorted(status.at, given.at) - 1
    both = (index >= 0) & (permitted[np.maximum(index, 0)] == 0) & (permitted[np.maximum(newest, 0)] == 0)
    steady = both & (np.cumsum(np.append(0, permitted == 1))[newest + 1] == np.cumsum(np.append(0, permitted == 1))[index + 1])
    places = np.flatnonzero(steady & (given.column("current_a") > 5))
    if len(places):
        what, clause = "current flows although BSM forbids charging (SPN 3096)", f"{STANDARD} BSM; GB/T 34658-2017 DP.3004"
        yield breach(attempt, "CCS", what, clause, position=int(given.at[places[0]]), count=len(places))


def _may_pause(attempt: Excerpt) -> bool:
    """Whether the edition lets BSM pause charging, which CCS then tells in a field of its own."""
    return any(field.name == "permitted" for field in attempt.edition.messages["CCS"].available())


def pauses(attempt: Excerpt) -> Iterator[Finding]:
    """A pause longer than the charger may wait."""
    status, limit = attempt.track("BSM"), attempt.edition.limits.get("pause")
    if not attempt.timed or limit is None or not len(status) or not _may_pause(attempt):
        return
    forbidden_now = status.column("permitted") == 0
    begin: int | None = None
    for index in np.flatnonzero(np.diff(forbidden_now, prepend=False, append=False)).tolist():
        if begin is None:
            begin = index
            continue
        waited = int(status.times_us[min(index, len(status) - 1)] - status.times_us[begin])
        if waited > limit.us + limit.us // 20:
            position = int(status.at[begin])
            yield breach(attempt, "CCS", f"charging paused for {seconds(waited)} without CST", limit.clause, position=position)
        begin = None


def alarms(attempt: Excerpt) -> Iterator[Finding]:
    """Charging that goes on although the battery is not well."""
    status, given = attempt.track("BSM"), attempt.track("CCS")
    if not attempt.timed or not len(given):
        return
    for state, codes in BAD.items():
        abnormal = np.flatnonzero(np.isin(status.column(state), codes))
        if not len(abnormal):
            continue
        position = int(status.at[abnormal[0]])
        end = min((at for at in (attempt.first("CST"), attempt.first("BST")) if at is not None), default=attempt.end)
        flows = _flows(given, attempt.time_us(position) + REACTION_US, end)
        if flows:
            what = f"charging goes on though BSM reports {state.replace('_', ' ')}"
            clause = f"{STANDARD} BSM; GB/T 34658-2017 DP.3005: stop with CST"
            yield breach(attempt, "CCS", what, clause, position=position, count=flows)


def _flows(given: Track, since_us: int, end: int) -> int:
    """How many CCS show current from *since_us* on and before the position *end*."""
    return int(((given.times_us > since_us) & (given.at < end) & (given.column("current_a") > 0)).sum())
