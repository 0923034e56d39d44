import numpy as np
import pytest

from firmware_model.power import switching_steps as steps


def exponential(a, h):
    """By the eigenvalues; the library of the kernel has no part in it."""
    values, vectors = np.linalg.eig(a)
    return (vectors @ np.diag(np.exp(values * h)) @ np.linalg.inv(vectors)).real


@pytest.mark.parametrize("h", [1e-7, steps.STEP_S, 3.3e-6, 24.9e-6, steps.LONGEST_S])
@pytest.mark.parametrize("spare", [0, 1])
def test_a_state_moves_by_the_exponential_whatever_room_there_is_to_work(h, spare):
    a = np.array([[-2e5, 3e4, 0.0], [-1e4, -50.0, 7e3], [20.0, -9e3, -10.0]])
    ladder = np.zeros((1, steps.RUNGS, 3, 3))
    steps.climb(a.T[None].copy(), ladder)
    before = np.array([1.0, -2.0, 0.5])
    # What lies behind the state in a longer working row is not part of it: it once was taken for one.
    z, work = before.copy(), np.full((2, 3 + spare), 1e9)

    steps.move(a.T.copy(), ladder[0], z, h, work)

    assert z == pytest.approx(exponential(a, h) @ before, rel=1e-6, abs=1e-9)
