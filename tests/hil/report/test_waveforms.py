import numpy as np
import pytest

from firmware_model.power.stage import Load, Setpoint
from firmware_model.power.switching import TRACE_COLUMNS, SwitchingStage
from hil.report.waveforms import columns_of, draw


def test_a_window_of_switching_becomes_a_picture_in_both_forms(tmp_path):
    stage, volts = SwitchingStage(), 350.0
    for now in range(1_000, 152_001, 1_000):
        if now == 151_000:
            stage.record(2_000)
        volts = stage.advance(now, Setpoint(500.0, 60.0, True), Load(volts, 267e-6, 10.0, 3_500.0)).voltage_v
    rows = stage.recorded()

    svg, png = draw(rows, tmp_path / "window")

    assert columns_of(rows)["link_v"].mean() == pytest.approx(750, abs=3)
    for label in ("leg voltage / V", "inductor / A", "link / V"):
        assert label in svg.read_text(encoding="utf-8")
    assert png.read_bytes().startswith(b"\x89PNG")


def test_an_empty_window_is_refused(tmp_path):
    with pytest.raises(ValueError, match="no edges recorded"):
        draw(np.zeros((0, len(TRACE_COLUMNS))), tmp_path / "window")
