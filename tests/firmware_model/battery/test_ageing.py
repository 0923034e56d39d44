import pytest

from firmware_model.battery.ageing import AGEING, AS_NEW, Ageing


def test_a_new_battery_is_whole():
    assert AGEING["NMC"].health() == AS_NEW


@pytest.mark.parametrize("name, cycles", [("LFP", 3_500), ("NMC", 1_750)])
def test_a_cycle_life_costs_a_fifth_and_raises_resistance(name, cycles):
    health = AGEING[name].health(full_cycles=cycles)

    assert health.capacity == pytest.approx(0.8) and health.resistance == pytest.approx(1.75)


def test_a_year_costs_two_to_three_percent_and_more_when_warm():
    ageing = AGEING["LFP"]

    assert 0.97 <= ageing.health(years=1).capacity <= 0.98
    assert ageing.health(years=1, temp_degc=40).capacity < ageing.health(years=1).capacity
    assert 1 - ageing.health(years=4).capacity == pytest.approx(2 * (1 - ageing.health(years=1).capacity))


@pytest.mark.parametrize("use", [{"years": -1.0}, {"full_cycles": float("nan")}, {"years": 2000.0}])
def test_impossible_lives_are_refused(use):
    with pytest.raises(ValueError, match=next(iter(use))):
        AGEING["NMC"].health(**use)


def test_impossible_ageing_is_refused_by_name():
    with pytest.raises(ValueError, match="cycle_life"):
        Ageing(cycle_life=0)
