"""Whole files or none, whenever the interrupt comes."""

import gc
import sys
from pathlib import Path

import pytest

from hil.errors import BadInput
from hil.files import ready_folder, whole


def interrupted_at(line: int, folder: Path) -> bool:
    """Try *folder* and interrupt at the *line*-th line that runs; whether there was such a line."""
    left = line

    def trace(_frame, event, _arg):
        nonlocal left
        left -= event == "line"
        if left == 0:
            raise KeyboardInterrupt
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        ready_folder(folder)
    except KeyboardInterrupt:
        return True
    finally:
        sys.settrace(before)
    return False


# The interrupt may come before the file is bound to a name: then its destructor closes it.
@pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
def test_an_interrupt_in_the_trial_of_a_folder_leaves_no_file_at_any_line(tmp_path):
    line = 1
    while interrupted_at(line, tmp_path / str(line)):
        line += 1

    gc.collect()
    assert line > 5
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_a_folder_that_is_a_file_is_refused_with_the_option_to_change(tmp_path):
    (tmp_path / "taken").touch()

    with pytest.raises(BadInput, match=r"taken: not a folder that can be written to: .*--out"):
        ready_folder(tmp_path / "taken")


def test_what_fails_half_way_leaves_the_old_file(tmp_path):
    path = tmp_path / "kept.txt"
    path.write_text("old")

    with pytest.raises(KeyboardInterrupt), whole(path) as part:
        part.write_text("half")
        raise KeyboardInterrupt

    assert path.read_text() == "old"
    assert [path] == list(tmp_path.iterdir())
