import numpy as np
import pytest

from firmware_model.power.stage import Load, Setpoint
from firmware_model.power.switching import BRIDGE_COLUMNS, FRONT_COLUMNS, SwitchingStage
from hil.report.waveforms import columns_of, draw, link_current_a


def test_a_window_of_switching_becomes_a_picture_in_both_forms(tmp_path):
    stage, volts = SwitchingStage(), 350.0
    for now in range(1_000, 152_001, 1_000):
        if now == 151_000:
            stage.record(2_000)
        volts = stage.advance(now, Setpoint(500.0, 60.0, True), Load(volts, 267e-6, 10.0, 3_500.0)).voltage_v
    front, bridge = stage.recorded()

    svg, png = draw(front, bridge, tmp_path / "window")

    wave, other = columns_of(front, bridge)
    assert wave["link_v"].mean() == pytest.approx(750, abs=3)
    for times in (wave["time_s"], other["time_s"]):
        assert (
            (np.diff(times) >= -1e-12).all() and times[0] == pytest.approx(0.150) and times[-1] == pytest.approx(0.152, abs=5e-5)
        )
    assert np.trapezoid(link_current_a(wave), wave["time_s"]) / 2e-3 * 750 == pytest.approx(356 * 60, rel=0.1)
    edges = np.count_nonzero(np.diff(wave["leg_a"]))
    assert 36 <= edges <= 42, "two edges a carrier of 10 kHz in 2 ms"
    for label in ("leg voltage / kV", "inductor / A", "link / V"):
        assert label in svg.read_text(encoding="utf-8")
    assert png.read_bytes().startswith(b"\x89PNG")


def test_an_empty_window_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no edges recorded"):
        draw(np.zeros((0, len(FRONT_COLUMNS))), np.zeros((0, len(BRIDGE_COLUMNS))), tmp_path / "window")
