from firmware_model.cabinet.lock import Lock

MS = 1_000


def test_the_bolt_takes_its_travel_both_ways():
    lock = Lock()
    lock.command(True, 0)
    assert [lock.locked(at) for at in (299 * MS, 300 * MS)] == [False, True]

    lock.command(False, 1_000 * MS)

    assert [lock.feedback(at) for at in (1_299 * MS, 1_300 * MS)] == [True, False]


def test_a_jammed_bolt_stays_and_only_the_emergency_release_opens_it():
    lock = Lock()
    lock.command(True, 0)
    lock.locked(400 * MS)
    lock.jammed = True
    lock.command(False, 500 * MS)
    assert lock.locked(2_000 * MS)

    lock.release(2_000 * MS)

    assert not lock.locked(2_000 * MS)
