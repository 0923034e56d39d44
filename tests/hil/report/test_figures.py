"""What the figures of a report show, against what the simulated bus counted."""

import pytest

from hil.build import build
from hil.links.recording import Recording
from hil.report.figures import bus_load
from hil.scenario_files import load


@pytest.mark.parametrize("bitrate", [50_000, 250_000])
def test_the_load_in_a_report_is_that_of_the_bus(bitrate):
    # Without CHM nobody speaks before the vehicle is awake, so that no attempt fails: recordings hold no failed ones.
    bench = build(load("short_charge", [f"wires.bitrate={bitrate}", 'pile.habits.omit=["CHM"]']), 1)
    bench.run(30_000_000)

    _, load_pct, width_s = bus_load(Recording.of_frames(bench.trace.log()), bitrate=bitrate)

    assert bench.bus.error_frames == 0 and bench.bus.frames > 500
    assert 1e4 * width_s * float(load_pct.sum()) == pytest.approx(bench.bus.busy_us(bench.clock.now), rel=1e-9)
