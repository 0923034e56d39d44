import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.board import NEVER
from firmware_model.mcu.tasks import Task, Tasks


@given(when=st.integers(0, 10**9), period=st.sampled_from([10_000, 100_000]), phase=st.integers(0, 999))
def test_the_grid_time_is_the_first_not_before(when, period, phase):
    grid = Task(lambda _: NEVER, period_us=period, phase_us=phase).grid(when)

    assert 0 <= grid - when < period and (grid - phase) % period == 0


def test_a_task_runs_only_when_asked_and_on_its_grid():
    ran = []
    task = Task(lambda now: ran.append(now) or NEVER, period_us=10_000)
    tasks = Tasks((task,))

    for now in range(0, 100_000, 1_000):
        if now == 23_000:
            task.ask(now)
        tasks.run(now)

    assert ran == [30_000]


def test_asking_on_the_grid_runs_at_once():
    ran = []
    task = Task(lambda now: ran.append(now) or NEVER, period_us=10_000)
    task.ask(40_000)

    assert Tasks((task,)).run(40_000) == NEVER
    assert ran == [40_000]


def test_a_task_that_asks_for_more_keeps_its_grid():
    ran = []
    task = Task(lambda now: ran.append(now) or now + 1, period_us=10_000, phase_us=300)
    tasks = Tasks((task,))
    task.ask(0)

    due = 0
    while due < 50_000:
        due = tasks.run(due if due else task.due)

    assert ran == [300, 10_300, 20_300, 30_300, 40_300]


def test_without_skipping_every_grid_time_runs_every_task():
    ran = []
    slow = [Task(lambda now, p=p: ran.append((p, now)) or NEVER, period_us=p) for p in (10_000, 100_000)]
    tasks = Tasks(slow, tickless=False)

    for now in range(0, 200_000, 1_000):
        tasks.run(now)

    assert [now for p, now in ran if p == 10_000] == list(range(0, 200_000, 10_000))
    assert [now for p, now in ran if p == 100_000] == [0, 100_000]


def test_a_task_must_not_be_late_to_miss_a_beat():
    task = Task(lambda now: now, period_us=10_000)
    task.ask(0)

    task.run(0)

    assert task.due == pytest.approx(10_000), "asking for the present means the next grid time"
