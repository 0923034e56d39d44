import pytest

from firmware_model.cabinet.contactor import Contactor

MS = 1_000


def closed_contactor():
    contactor = Contactor("K1")
    contactor.command(True, 0)
    return contactor


@pytest.mark.parametrize("at_us, closed", [(19_999, False), (20_000, True), (20_700, False), (21_999, False), (22_000, True)])
def test_contact_closes_after_its_travel_and_bounces_once(at_us, closed):
    assert closed_contactor().closed(at_us) is closed


@pytest.mark.parametrize("at_us, closed", [(100_000, True), (109_999, True), (110_000, False)])
def test_contact_opens_after_its_travel(at_us, closed):
    contactor = closed_contactor()
    assert contactor.closed(90 * MS)

    contactor.command(False, 100 * MS)

    assert contactor.closed(at_us) is closed


def test_asking_often_or_once_gives_the_same_answer():
    asked, silent = closed_contactor(), closed_contactor()
    for at in range(0, 30 * MS, 100):
        asked.closed(at)
    for contactor in (asked, silent):
        contactor.command(False, 30 * MS)

    assert [asked.closed(at) for at in (35 * MS, 40 * MS)] == [silent.closed(at) for at in (35 * MS, 40 * MS)] == [True, False]


def test_a_command_taken_back_before_the_touch_leaves_the_contact_open():
    contactor = closed_contactor()

    contactor.command(False, 10 * MS)

    assert not any(contactor.closed(at) for at in range(10 * MS, 60 * MS, MS))


def test_feedback_follows_when_bouncing_is_over():
    contactor = closed_contactor()

    assert [contactor.feedback(at) for at in (20 * MS, 21 * MS, 22 * MS)] == [False, False, True]


def test_moving_until_bouncing_is_over():
    contactor = closed_contactor()

    assert contactor.moving(21_999) and not contactor.moving(22_000)


def test_a_welded_contact_stays_closed_and_its_mirror_contact_says_so():
    contactor = closed_contactor()
    contactor.welded = True

    contactor.command(False, 100 * MS)

    assert contactor.closed(500 * MS) and contactor.feedback(500 * MS)


def test_a_contact_stuck_open_never_conducts():
    contactor = Contactor("K1")
    contactor.stuck_open = True
    contactor.command(True, 0)

    assert not contactor.closed(500 * MS) and not contactor.feedback(500 * MS)


def test_a_slow_contact_takes_longer():
    contactor = Contactor("K1")
    contactor.slowness = 5.0
    contactor.command(True, 0)

    assert not contactor.closed(99 * MS) and contactor.closed(102 * MS)


@pytest.mark.parametrize("shown", [True, False])
def test_a_stuck_auxiliary_contact_lies(shown):
    contactor = Contactor("K1")
    contactor.feedback_stuck = shown

    assert contactor.feedback(0) is shown and not contactor.closed(0)


def test_operations_count_closings():
    contactor = Contactor("K1")
    for at, closed in enumerate((True, True, False, True)):
        contactor.command(closed, at * 100 * MS)

    assert contactor.operations == 2
