"""The discharge timer: what it reads, and when it is over."""

import pytest

from firmware_model.afe.discharge_timer import DischargeTimer

MINUTE = 60_000_000


def started(code, *, pin=True):
    timer = DischargeTimer()
    timer.pin = pin
    timer.start(code, 0)
    return timer


@pytest.mark.parametrize(
    ("at_us", "shown"), [(0, 9), (5 * MINUTE, 8), (10 * MINUTE, 7), (19 * MINUTE, 2), (20 * MINUTE - 1, 1), (20 * MINUTE, 0)]
)
def test_it_reads_the_bucket_of_what_is_left(at_us, shown):
    assert started(9).left(at_us) == shown


def test_it_is_over_to_the_microsecond_and_until_it_is_stopped():
    timer = started(1)
    assert timer.runs(MINUTE // 2 - 1) and not timer.expired(MINUTE // 2 - 1)
    assert timer.expired(MINUTE // 2) and not timer.runs(MINUTE // 2)

    timer.stop()

    assert not timer.expired(MINUTE)


@pytest.mark.parametrize("timer", [started(0), started(5, pin=False), DischargeTimer()])
def test_disabled_it_never_runs(timer):
    assert not timer.runs(0) and not timer.expired(MINUTE) and timer.left(0) == 0
