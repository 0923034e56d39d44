from itertools import product

import pytest

from firmware_model.cabinet.pilot import PilotLines

OPEN = float("inf")


def lines(**conditions):
    made = PilotLines()
    for name, value in conditions.items():
        setattr(made, name, value)
    return made


@pytest.mark.parametrize(
    "inserted, pressed, cc1_v, cc2_v", [(False, False, 6, 12), (False, True, 12, 12), (True, True, 6, 6), (True, False, 4, 6)]
)
def test_the_four_states_of_the_connection(inserted, pressed, cc1_v, cc2_v):
    pilot = lines(inserted=inserted, button_pressed=pressed)

    assert (pilot.cc1_v, pilot.cc2_v) == pytest.approx((cc1_v, cc2_v))


def test_every_tolerance_keeps_each_state_within_its_band():
    for r1, r2, r4, u1 in product((970.0, 1030.0), (970.0, 1030.0), (970.0, 1030.0), (11.4, 12.6)):
        pilot = lines(r1_ohm=r1, r2_ohm=r2, r4_ohm=r4, u1_v=u1, inserted=True)

        assert pilot.cc1_v == pytest.approx(4, abs=0.8)


@pytest.mark.parametrize(
    "conditions, cc1_v, cc2_v",
    [
        ({"r4_ohm": OPEN}, 6, 6),
        ({"r4_ohm": 0.0}, 0, 6),
        ({"r3_ohm": OPEN}, 4, 12),
        ({"r5_ohm": OPEN}, 4, 0),
        ({"r1_ohm": OPEN}, 0, 6),
        ({"earth_connected": False}, 6, 12),
        ({"u1_v": 0.0}, 0, 6),
        ({"r1_ohm": 0.0, "r2_ohm": 0.0}, 0, 6),
    ],
)
def test_broken_and_shorted_parts_show_on_their_line(conditions, cc1_v, cc2_v):
    pilot = lines(inserted=True, **conditions)

    assert (pilot.cc1_v, pilot.cc2_v) == pytest.approx((cc1_v, cc2_v))
