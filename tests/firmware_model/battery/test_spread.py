import numpy as np
import pytest
from numpy.random import default_rng

from firmware_model.battery.spread import AGED, NEW, Spread, drawn


def test_without_a_seed_all_cells_are_alike():
    off = drawn(NEW, 96, None)

    assert set(off.capacity) == set(off.resistance) == {1.0} and set(off.soc) == {0.0}


def test_draws_have_the_asked_sigma_and_correlation():
    off = drawn(NEW, 20_000, default_rng(1))

    assert off.capacity.std() == pytest.approx(0.004, rel=0.05)
    assert off.resistance.std() == pytest.approx(0.025, rel=0.05)
    assert np.corrcoef(off.capacity, off.resistance)[0, 1] == pytest.approx(-0.3, abs=0.03)
    assert abs(off.soc.mean()) < 1e-12 and np.abs(off.soc).max() < 3.1 * NEW.soc


def test_an_aged_pack_has_a_few_much_weaker_cells():
    capacity = drawn(AGED, 5_000, default_rng(1)).capacity

    assert capacity.std() == pytest.approx(0.03, rel=0.05)
    assert np.median(capacity) > capacity.mean() and 1 - capacity.min() > 1.1 * (capacity.max() - 1)


def test_the_seed_alone_decides():
    assert (drawn(NEW, 96, default_rng(7)).soc == drawn(NEW, 96, default_rng(7)).soc).all()


@pytest.mark.parametrize("field, value", [("capacity", -0.1), ("correlation", 2.0), ("temp_k", float("nan"))])
def test_spreads_that_cannot_be_are_refused_by_name(field, value):
    with pytest.raises(ValueError, match=field):
        Spread(**{field: value})
