import pytest
import simpy
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.clock import NEVER, Clock


class Ticker:
    """A part that is due at the given times, and logs when it was ticked."""

    def __init__(self, *times, log=None, name="part"):
        self.times = list(times)
        self.log = [] if log is None else log
        self.name = name
        self.due = self.times[0] if self.times else NEVER

    def tick(self, now):
        self.log.append((now, self.name))
        while self.times and self.times[0] <= now:
            self.times.pop(0)
        self.due = self.times[0] if self.times else NEVER


def test_parts_are_ticked_when_they_are_due_and_not_otherwise():
    clock, part = Clock(), Ticker(10, 20, 1000)
    clock.add(part)

    clock.run(until=100)

    assert part.log == [(10, "part"), (20, "part")]
    assert part.due == 1000
    assert clock.now == 100


@given(st.lists(st.lists(st.integers(0, 1000), max_size=10).map(sorted), max_size=5), st.lists(st.integers(0, 1000), max_size=10))
def test_time_never_runs_backward_and_nothing_is_skipped(parts, stories):
    clock, log = Clock(), []
    for number, times in enumerate(parts):
        clock.add(Ticker(*times, log=log, name=number))
    for when in stories:
        clock.at(when, lambda now: log.append((now, "story")))

    clock.run(until=1000)

    assert [now for now, _ in log] == sorted(now for now, _ in log)
    for number, times in enumerate(parts):
        assert [now for now, name in log if name == number] == sorted(set(times))
    assert [now for now, name in log if name == "story"] == sorted(stories)


def test_at_one_moment_stories_go_first_and_parts_in_the_order_they_were_added():
    clock, log = Clock(), []
    clock.add(Ticker(50, log=log, name="first"))
    clock.add(Ticker(50, log=log, name="second"))
    clock.at(50, lambda now: log.append((now, "story")))

    clock.run(until=50)

    assert [name for _, name in log] == ["story", "first", "second"]


def test_until_is_included():
    clock, part, told = Clock(), Ticker(100, 101), []
    clock.add(part)
    clock.at(100, told.append)
    clock.at(101, told.append)

    clock.run(until=100)

    assert part.log == [(100, "part")]
    assert told == [100]


def test_running_in_pieces_is_the_same_as_running_at_once():
    def log_of(*ends):
        clock, log = Clock(), []
        clock.add(Ticker(*range(0, 1000, 7), log=log))

        def story():
            while True:
                yield clock.env.timeout(13)
                log.append((int(clock.env.now), "story"))

        clock.tell(story())
        for end in ends:
            clock.run(until=end)
        return log

    assert log_of(1000) == log_of(1, 7, 13, 500, 999, 1000)


def test_a_part_may_make_an_earlier_part_due_at_the_same_moment():
    clock, log = Clock(), []
    early = Ticker(log=log, name="early")

    class Late:
        due = 30

        def tick(self, now):
            self.due, early.due = NEVER, now

    clock.add(early)
    clock.add(Late())

    clock.run(until=30)

    assert log == [(30, "early")]


def test_a_story_that_a_part_starts_begins_at_that_moment():
    clock, log = Clock(), []

    def story():
        log.append(int(clock.env.now))
        yield clock.env.timeout(5)
        log.append(int(clock.env.now))

    class Starter:
        due = 40

        def tick(self, now):
            self.due = NEVER
            clock.tell(story())

    clock.add(Starter())
    clock.add(Ticker(42))

    clock.run(until=100)

    assert log == [40, 45]


def test_a_story_that_waits_for_a_part_goes_on_at_the_moment_of_the_part():
    clock, log = Clock(), []
    happened = clock.env.event()

    def story():
        yield happened
        log.append(int(clock.env.now))
        yield clock.env.timeout(5)
        log.append(int(clock.env.now))

    class Contactor:
        due = 40

        def tick(self, now):
            self.due = NEVER
            happened.succeed()

    clock.tell(story())
    clock.add(Contactor())

    clock.run(until=100)

    assert log == [40, 45]


def test_what_happens_between_two_runs_happens_at_the_end_of_the_first():
    clock, log = Clock(), []

    def story():
        yield clock.env.timeout(5)
        log.append(int(clock.env.now))

    clock.run(until=100)
    clock.env.process(story())
    clock.run(until=200)

    assert log == [105]


def test_a_part_added_late_is_not_ticked_in_the_past():
    clock, part = Clock(), Ticker(10)
    clock.run(until=500)
    clock.add(part)

    clock.run(until=600)

    assert part.log == [(500, "part")]
    assert clock.now == 600


def test_a_part_that_another_adds_is_ticked_in_the_same_run():
    clock, log = Clock(), []

    class Adder(Ticker):
        def tick(self, now):
            super().tick(now)
            clock.add(Ticker(now + 5, log=log, name="added"))

    clock.add(Adder(10, log=log, name="adder"))

    clock.run(20)

    assert log == [(10, "adder"), (15, "added")]


def test_a_callback_in_the_past_comes_at_once():
    clock, told = Clock(), []
    clock.run(until=500)
    clock.at(10, told.append)

    clock.run(until=500)

    assert told == [500]


def test_it_costs_one_wake_for_each_tick_and_one_event_for_each_callback():
    clock = Clock()
    clock.add(Ticker(10, 20, 30))
    clock.add(Ticker(10, 30))
    clock.at(20, lambda now: None)

    clock.run(until=100)

    assert (clock.wakes, clock.events) == (5, 1)


@pytest.mark.parametrize("part_at, story_at, expected", [(50, 70, 50), (70, 50, 50), (NEVER, 50, 50), (50, None, 50)])
def test_the_deadline_is_the_next_thing_of_either_kind(part_at, story_at, expected):
    clock = Clock()
    clock.add(Ticker(part_at))
    if story_at is not None:
        clock.at(story_at, lambda now: None)

    assert clock.deadline == expected


def test_an_empty_clock_has_nothing_due():
    assert Clock().deadline >= NEVER


def test_an_error_in_a_story_reaches_the_caller():
    clock = Clock()

    def story():
        yield clock.env.timeout(5)
        raise simpy.Interrupt("broken")

    clock.tell(story())
    with pytest.raises(simpy.Interrupt):
        clock.run(until=100)
