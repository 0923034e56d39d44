import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware_model.power.lifetime import Cips08, Cycle, Lesit, Reference, cycles_of, damage

LAWS = [Lesit(), Cips08(), Cips08(reference=Reference.GREATEST)]


def test_every_cycle_of_a_triangle_is_counted():
    found = list(cycles_of([60.0, 110.0] * 10 + [60.0]))

    assert {cycle.range_k for cycle in found} == {50.0}
    assert sum(cycle.count for cycle in found) == 10.0


@pytest.mark.parametrize("law", LAWS)
@given(range_k=st.floats(5.0, 150.0), mean_degc=st.floats(20.0, 120.0))
def test_larger_and_hotter_cycles_wear_more(law, range_k, mean_degc):
    life = law.cycles_to_failure(Cycle(range_k, mean_degc, 1.0))

    assert law.cycles_to_failure(Cycle(range_k * 1.1, mean_degc + 0.05 * range_k, 1.0)) < life
    assert law.cycles_to_failure(Cycle(range_k, mean_degc + 5.0, 1.0)) < life


@pytest.mark.parametrize("law", LAWS)
def test_a_constant_temperature_wears_nothing(law):
    assert damage([80.0, 80.0, 80.0], law) == 0.0


def test_a_part_has_failed_after_as_many_cycles_as_the_law_says():
    law = Lesit()
    count = 1000

    spent = damage([60.0, 110.0] * count + [60.0], law)

    assert spent == pytest.approx(count / law.cycles_to_failure(Cycle(50.0, 85.0, 1.0)))


def test_heating_beyond_15_s_counts_as_15_s():
    cycle = Cycle(50.0, 85.0, 1.0)

    assert Cips08(on_time_s=60.0).cycles_to_failure(cycle) == Cips08(on_time_s=15.0).cycles_to_failure(cycle)


def test_volts_instead_of_the_voltage_class_are_refused():
    with pytest.raises(ValueError, match=r"voltage_class = 1200.* must be 6..33"):
        Cips08(voltage_class=1200.0)
