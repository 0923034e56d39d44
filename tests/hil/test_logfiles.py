"""Logs hold every frame with its time, and python-can reads all of them back."""

import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import can
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import BadInput
from hil.links import python_can_logs
from hil.logfiles import CHUNK, LOG_FORMATS, candump_digest, write_candump, write_log
from protocols.core.errors import LocalError
from protocols.core.frame import Frame

ROOT = Path(__file__).resolve().parents[2]


def charge(count=500):
    """Frames of both formats, all lengths, with times that no binary fraction hits."""
    for n in range(count):
        extended = n % 3 > 0
        yield 1_234_567 + n * 10_007, Frame(0x181056F4 + n % 5 if extended else 0x102, bytes([n % 256] * (n % 9)), extended)


def by_python_can(path):
    with can.LogReader(path) as reader:
        return [(round(m.timestamp * 1e6), Frame(m.arbitration_id, bytes(m.data), m.is_extended_id)) for m in reader]


def after_the_first(log):
    log = list(log)
    return [(now - log[0][0], frame) for now, frame in log]


@pytest.mark.parametrize("name", LOG_FORMATS)
def test_python_can_reads_back_every_log_frame_for_frame(name, tmp_path):
    path = tmp_path / f"bus{LOG_FORMATS[name]}"

    write_log(path, charge(), name)

    assert after_the_first(by_python_can(path)) == after_the_first(charge())


def test_python_can_reads_back_candump_with_its_times(tmp_path):
    write_candump(tmp_path / "bus.log", charge())

    assert by_python_can(tmp_path / "bus.log") == list(charge())


frames = st.builds(Frame, st.integers(0, 0x7FF), st.binary(max_size=8), st.just(False)) | st.builds(
    Frame, st.integers(0, (1 << 29) - 1), st.binary(max_size=8)
)


@given(st.lists(st.tuples(st.integers(0, 4_000_000_000_000_000), frames)), st.integers(0, 2_000_000_000))
def test_a_candump_line_has_the_exact_time_and_the_frame(tmp_path_factory, log, epoch_s):
    path = tmp_path_factory.mktemp("log") / "bus.log"

    write_candump(path, log, channel="can1", epoch_s=epoch_s)

    assert path.read_text() == "".join(
        f"({epoch_s + now // 1_000_000}.{now % 1_000_000:06d}) can1 {frame}\n" for now, frame in log
    )


def test_the_digest_is_that_of_the_bytes_in_the_file(tmp_path):
    path, log = tmp_path / "bus.log", list(charge(CHUNK + 1))

    digest = write_candump(path, log)

    assert digest == sha256(path.read_bytes()).hexdigest()
    assert digest == candump_digest(log)
    assert digest != candump_digest(log[:-1])


def test_an_empty_log_is_an_empty_file(tmp_path):
    assert write_candump(tmp_path / "bus.log", []) == sha256().hexdigest()
    assert (tmp_path / "bus.log").read_bytes() == b""


def torn():
    yield from charge(CHUNK + 1)
    raise RuntimeError("the source fails")


@pytest.mark.parametrize("name", ["candump", *LOG_FORMATS])
def test_a_log_that_cannot_be_finished_leaves_nothing(name, tmp_path):
    path = tmp_path / "bus"
    with pytest.raises(RuntimeError, match="source fails"):
        write_candump(path, torn()) if name == "candump" else write_log(path, torn(), name)

    assert list(tmp_path.iterdir()) == []


def test_a_log_that_fails_keeps_the_one_of_before(tmp_path):
    path = tmp_path / "bus.log"
    write_candump(path, charge(3))

    with pytest.raises(RuntimeError):
        write_candump(path, torn())

    assert by_python_can(path) == list(charge(3))


def test_an_unknown_format_names_those_there_are(tmp_path):
    with pytest.raises(BadInput, match=r"'db': one of asc, blf, mf4, csv, trc"):
        write_log(tmp_path / "bus.db", charge(), "db")


def test_mf4_without_asammdf_names_the_extra(tmp_path, monkeypatch):
    monkeypatch.setattr(python_can_logs, "has_mf4", lambda: False)

    with pytest.raises(BadInput, match="pip install asammdf"):
        write_log(tmp_path / "bus.mf4", charge(), "mf4")

    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_not_there_is_bad_input(tmp_path):
    with pytest.raises(BadInput, match="cannot be written"):
        write_candump(tmp_path / "nowhere" / "bus.log", charge())


@pytest.mark.parametrize("wrong", [{"channel": "can 0"}, {"channel": ""}, {"epoch_s": -2}])
def test_what_candump_cannot_say_is_refused(wrong):
    with pytest.raises(LocalError):
        candump_digest(charge(1), **wrong)


def test_a_trace_names_itself_and_not_the_file_it_was_written_beside(tmp_path):
    write_log(tmp_path / "bus.trc", charge(), "trc")

    assert ".part" not in (tmp_path / "bus.trc").read_text()


def test_candump_does_not_wait_for_python_can():
    code = "import sys, hil.logfiles as logs; logs.candump_digest([]); sys.exit('can' in sys.modules)"

    assert subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False).returncode == 0
