"""Named timers behave as a dictionary of due times would, whatever the order of calls."""

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from protocols.core.timers import Timers

NAMES = st.sampled_from(["BCL", "BCS", "BSM", "status"])


class AnyUse(RuleBasedStateMachine):
    """The cached deadline never differs from the smallest due time."""

    def __init__(self):
        super().__init__()
        self.now, self.timers, self.model = 0, Timers(), {}

    @rule(name=NAMES, after=st.integers(0, 5))
    def start(self, name, after):
        self.timers.start(name, self.now + after)
        self.model[name] = self.now + after

    @rule(names=st.lists(NAMES, max_size=3))
    def stop(self, names):
        self.timers.stop(*names)
        for name in names:
            self.model.pop(name, None)

    @rule(name=NAMES)
    def cancel(self, name):
        self.timers.cancel(name)
        self.model.pop(name, None)

    @rule(us=st.integers(0, 4))
    def wait(self, us):
        self.now += us

        expired = self.timers.expired(self.now)

        assert expired == sorted((due, name) for name, due in self.model.items() if due <= self.now)
        self.model = {name: due for name, due in self.model.items() if due > self.now}

    @rule()
    def look(self):
        """Asked only now and then: a wrong cache must not be mended by asking all the time."""
        assert self.timers.deadline == min(self.model.values(), default=None)

    @invariant()
    def the_same_timers_run(self):
        assert {name for name in ("BCL", "BCS", "BSM", "status") if self.timers.running(name)} == set(self.model)


TestAnyUse = AnyUse.TestCase


@pytest.mark.parametrize(("now", "expired"), [(999, []), (1000, [(1000, "BCL")]), (1001, [(1000, "BCL")])])
def test_a_timer_runs_out_exactly_when_due_and_once(now, expired):
    timers = Timers()
    timers.start("BCL", 1000)

    assert timers.expired(now) == expired
    assert timers.running("BCL") is not bool(expired)
    assert timers.expired(999) == []


def test_timers_run_out_earliest_first_then_by_name():
    timers = Timers()
    for name, due in (("b", 5), ("c", 3), ("a", 5)):
        timers.start(name, due)

    assert timers.expired(10) == [(3, "c"), (5, "a"), (5, "b")]
    assert timers.deadline is None
