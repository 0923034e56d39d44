"""Nodes between cells and pins: what a loose one does, and what the whole ones show."""

import pytest

from firmware_model.afe.wiring import Filter, Wiring

CELLS_V = [3.0, 3.3, 3.6]


def cut(node, board=None):
    wiring = Wiring(3, board)
    wiring.cut(node)
    return wiring


def test_a_loose_node_moves_by_current_times_time_over_capacitance_and_its_cells_keep_their_sum():
    wiring = cut(1, Filter(r_ohm=0.0, c_farad=1e-6))

    wiring.drift(CELLS_V, 4_000, pull=1)

    seen_v = wiring.seen_v(CELLS_V, pull=1)
    assert seen_v == pytest.approx([3.4, 2.9, 3.6]) and sum(seen_v) == pytest.approx(sum(CELLS_V))


def test_the_current_drops_in_the_filters_of_whole_wires_too():
    """10 mV at 100 ohm: beside a loose node it shows, between whole ones not."""
    wiring = cut(1)

    assert wiring.seen_v(CELLS_V, pull=1) == pytest.approx([2.99, 3.31, 3.6])
    assert Wiring(3).seen_v(CELLS_V, pull=1) == CELLS_V


@pytest.mark.parametrize(("pull", "seen_v"), [(1, [6.6, -0.3, 3.6]), (-1, [-0.3, 6.6, 3.6])])
def test_diodes_keep_a_loose_node_near_its_neighbours(pull, seen_v):
    wiring = cut(1, Filter(r_ohm=0.0))

    wiring.drift(CELLS_V, 10_000_000, pull=pull)

    assert wiring.seen_v(CELLS_V, pull=pull) == pytest.approx(seen_v)


def test_between_measurements_it_leaks():
    wiring = cut(1, Filter(c_farad=1e-6))

    wiring.drift(CELLS_V, 1_000_000)

    assert wiring.seen_v(CELLS_V) == pytest.approx([3.0 - 0.01, 3.3 + 0.01, 3.6])


def test_a_mended_wire_is_whole_at_once():
    wiring = cut(2)
    wiring.drift(CELLS_V, 1_000, pull=1)

    wiring.mend(2)

    assert wiring.seen_v(CELLS_V) == CELLS_V and not wiring.broken


def test_nonsense_is_refused_by_name():
    with pytest.raises(ValueError, match=r"node 4: 0\.\.3"):
        cut(4)
    with pytest.raises(ValueError, match=r"Filter\.c_farad = 0\.0"):
        Filter(c_farad=0.0)
