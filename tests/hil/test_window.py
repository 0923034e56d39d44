"""A short window of a run is drawn edge by edge."""

import json

import pytest

from hil.errors import BadInput
from hil.run import run_command
from hil.window import window_of


def test_a_window_of_a_charge_becomes_a_picture_beside_the_others(tmp_path, capsys):
    code = run_command(
        "short_charge", seed=1, out=tmp_path, changes=[], formats=[], chart=False, as_json=True, window=(14.0, 14.001)
    )

    text = (tmp_path / "window.svg").read_text(encoding="utf-8")
    assert code == 0 and json.loads(capsys.readouterr().out)["ended"] == "orderly"
    assert all(label in text for label in ("leg voltage / kV", "inductor / A", "link / V"))
    assert (tmp_path / "window.png").stat().st_size > 20_000


def test_a_moment_without_power_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"blocked at 0\.5 s"):
        run_command("short_charge", seed=1, out=tmp_path, changes=[], formats=[], chart=False, as_json=True, window=(0.5, 0.501))


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        ("switching", None),
        (None, "1..2"),
        ("coarse", "1..1.001"),
        ("switching", "12"),
        ("switching", "2..1"),
        ("switching", "1..2"),
        ("switching", "nan..1"),
        ("switching", "-1..0"),
    ],
)
def test_a_window_that_cannot_be_is_refused_with_an_example(detail, text):
    with pytest.raises(BadInput, match=r"--window|--detail"):
        window_of(detail, text)


def test_no_window_is_none_and_a_window_is_two_moments():
    assert window_of(None, None) is None and window_of("switching", "12.0..12.002") == (12.0, 12.002)
