"""Which runs a sweep is made of."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import BadInput
from hil.sweep.plan import Axis, axis, digest_of, jobs


def test_a_span_has_both_ends_and_a_list_keeps_its_words():
    assert axis("vehicle.soc_pct=20..80:4") == Axis("vehicle.soc_pct", ("20", "40", "60", "80"))
    assert axis("pile.power=60kW, 120kW") == Axis("pile.power", ("60kW", "120kW"))


@pytest.mark.parametrize("text", ["soc", "=1", "a=", "a=1..2", "a=1..2:1", "a=1..x:3", "a=1..inf:3", "a=1..2:3:4"])
def test_what_is_no_axis_is_refused_with_an_example(text):
    with pytest.raises(BadInput, match="--vary"):
        axis(text)


@given(st.integers(2, 50), st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_a_span_has_as_many_values_as_asked_for(count, low, high):
    values = axis(f"a={low!r}..{high!r}:{count}").values

    assert len(values) == count
    assert float(values[0]) == pytest.approx(low, rel=1e-9) and float(values[-1]) == pytest.approx(high, rel=1e-9)


def test_every_combination_with_every_seed():
    planned = jobs("charge", ["seed=5"], [axis("vehicle.soc_pct=20,30"), axis("pile.power=60kW,120kW")], 3)

    assert len(planned) == 12 and len({job.digest for job in planned}) == 12
    assert [job.seed for job in planned[:3]] == [5, 6, 7]
    assert planned[3].values == ("20", "120kW") and planned[3].scenario.pile.power == "120kW"


def test_a_bad_value_is_refused_before_anything_runs():
    with pytest.raises(BadInput, match="soc_pct"):
        jobs("charge", [], [axis("vehicle.soc_pct=20..200:3")], 1)
    with pytest.raises(BadInput, match="at most"):
        jobs("charge", [], [axis("vehicle.soc_pct=20..30:2")], 10**6)


def test_the_digest_depends_on_all_that_decides_the_result():
    plain, other = jobs("charge", [], [axis("vehicle.soc_pct=20,21")], 1)

    assert digest_of(plain.scenario, 1) == plain.digest
    assert len({plain.digest, other.digest, digest_of(plain.scenario, 2)}) == 3
