"""A file of limits is complete and sensible, or refused with file, line, key and range."""

import pytest

from hil.errors import BadInput
from hil.live.limits import Limits, load_limits


def test_a_good_file(tmp_path):
    path = tmp_path / "bench.toml"
    path.write_text("max_v = 500\nmax_a = 32.5\nmax_min = 30\n")

    assert load_limits(path) == Limits(max_v=500, max_a=32.5, max_min=30)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("max_v = 500\nmax_a = 50\n", ["max_min"]),
        ("max_v = 500\nmax_a = -3\nmax_min = 30\n", ["line 2", "max_a = -3", "more than 0..1000"]),
        ("max_v = 9999\nmax_a = 5\nmax_min = 30\n", ["line 1", "max_v = 9999", "..1500"]),
        ("max_v = 500\nmax_amps = 5\nmax_min = 30\n", ["line 2", "unknown key 'max_amps'", "did you mean 'max_a'"]),
        ("max_v = 'high'\nmax_a = 5\nmax_min = 30\n", ["line 1", "max_v = 'high'"]),
        ("max_v = nan\nmax_a = 5\nmax_min = 30\n", ["max_v = nan"]),
        ("max_v 500", ["not TOML"]),
    ],
)
def test_a_bad_one_is_one_line(tmp_path, text, words):
    path = tmp_path / "bench.toml"
    path.write_text(text)

    with pytest.raises(BadInput) as found:
        load_limits(path)

    assert all(word in str(found.value) for word in [*words, str(path)]) and "\n" not in str(found.value)


def test_no_file_is_one_line(tmp_path):
    with pytest.raises(BadInput, match=r"none\.toml"):
        load_limits(tmp_path / "none.toml")
