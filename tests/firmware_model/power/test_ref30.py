import pytest

from firmware_model.power.ref30 import IGBT, Dab, Filter, FrontEnd, Gains, Grid, Link


def test_the_filter_resonates_where_the_design_says():
    assert Filter().resonance_hz == pytest.approx(3898, abs=1)


def test_peak_of_the_line_is_537_v():
    assert IGBT.grid.line_peak_v == pytest.approx(537.4, abs=0.1)


@pytest.mark.parametrize(
    "make, name",
    [
        (lambda: Filter(converter_h=0.0), "Filter.converter_h = 0.0 h"),
        (lambda: Grid(r_ohm=-1.0), "Grid.r_ohm = -1.0 ohm"),
        (lambda: Link(capacitance_f=float("nan")), "Link.capacitance_f = nan f"),
        (lambda: FrontEnd(dead_time_us=50.0), "FrontEnd.dead_time_us = 50.0 us: allowed below half a period, 50 us"),
        (lambda: Dab(dead_time_us=25.0), "Dab.dead_time_us"),
        (lambda: Link(nominal_v=900.0), "Link.nominal_v = 900.0 V: allowed 550 .. 850 V"),
        (lambda: Gains(link_p=-0.1), "Gains.link_p"),
    ],
)
def test_what_cannot_be_is_refused_by_name(make, name):
    with pytest.raises(ValueError, match=name):
        make()
