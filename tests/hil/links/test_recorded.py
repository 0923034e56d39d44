"""Recordings are read whatever wrote them, and what cannot be read is said in one line."""

import gzip
import json
import random
import sqlite3
from collections import Counter
from pathlib import Path

import pytest

from hil.errors import BadInput
from hil.links.recorded import read
from hil.logfiles import LOG_FORMATS, write_candump, write_log
from protocols.core.frame import Frame

CAPTURES = Path(__file__).resolve().parents[4] / "shared" / "data" / "captures"
EXPECTED = CAPTURES / "expected.json"


def charge(count=40):
    for n in range(count):
        extended = n % 4 > 0
        yield 500_123 + n * 10_007, Frame(0x181056F4 + n % 3 if extended else 0x102, bytes(range(n, n + 3 + n % 6)), extended)


LOG = list(charge())
FRAMES = [frame for _, frame in LOG]


def written(folder, name):
    path = folder / f"bus{LOG_FORMATS.get(name, '.log')}"
    write_candump(path, LOG) if name == "candump" else write_log(path, LOG, name)
    return path


def frames_of(recording):
    return [frame for _, frame in recording.frames()]


def steps(times_us):
    return [int(time - times_us[0]) for time in times_us]


@pytest.fixture(params=["candump", *LOG_FORMATS])
def log(request, tmp_path):
    """A log in every format that can be written."""
    return written(tmp_path, request.param)


def test_every_format_that_is_written_is_read_back(log):
    recording = read(log)

    assert frames_of(recording) == FRAMES
    assert steps(recording.times_us) == steps([now for now, _ in LOG])
    assert recording.notes == ()


def test_the_content_tells_the_format_and_not_the_name(log):
    renamed = log.rename(log.with_suffix(".dat"))

    assert frames_of(read(renamed)) == FRAMES


def test_gzip_is_unpacked(log):
    packed = log.with_suffix(".gz")
    packed.write_bytes(gzip.compress(log.read_bytes()))

    assert frames_of(read(packed)) == FRAMES


@pytest.mark.parametrize("name", ["candump", "asc", "blf", "csv", "trc"])
def test_a_log_cut_anywhere_gives_its_beginning_or_bad_input(name, tmp_path):
    content, cut = written(tmp_path, name).read_bytes(), tmp_path / "cut"
    for length in range(1, len(content), 7):
        cut.write_bytes(content[:length])
        try:
            got = read(cut)
        except BadInput as error:
            assert len(str(error).splitlines()) == 1
        else:
            whole = frames_of(got)[
                :-1
            ]  # candump and tables: a last frame that is its identifier's first may be cut, which is noted
            assert whole == FRAMES[: len(whole)]
            assert frames_of(got) == FRAMES[: len(got)] or got.notes


def test_a_cut_mf4_is_bad_input_without_a_word_on_the_screen(tmp_path, capfd):
    content, cut = written(tmp_path, "mf4").read_bytes(), tmp_path / "cut.mf4"
    for length in range(70, len(content), 997):
        cut.write_bytes(content[:length])
        with pytest.raises(BadInput, match="damaged or cut off"):
            read(cut)

    assert capfd.readouterr() == ("", "")


def test_a_cut_gzip_file_gives_what_it_holds(tmp_path):
    path = tmp_path / "bus.log.gz"
    path.write_bytes(gzip.compress(written(tmp_path, "candump").read_bytes())[:-12])

    recording = read(path)

    assert frames_of(recording)[:5] == FRAMES[:5]
    assert "The gzip file is cut off; what it holds was read." in recording.notes


def test_a_byte_changed_anywhere_never_trips_a_reader(log):
    if log.suffix == ".mf4":
        pytest.skip("asammdf's compiled code does not survive every damage to an MF4 file")
    content, rng = log.read_bytes(), random.Random(1)
    for _ in range(150):
        at = rng.randrange(len(content))
        log.write_bytes(content[:at] + rng.randbytes(1) + content[at + 1 :])
        try:
            read(log)
        except BadInput as error:
            assert len(str(error).splitlines()) == 1


@pytest.mark.parametrize(
    "start", [b"", b"LOGG", b"MDF     4.10", b"SQLite format 3\0", b"\x1f\x8b", b"date Mon\n", b"(1.0) can0 "]
)
def test_garbage_is_one_line_of_bad_input(start, tmp_path):
    path = tmp_path / "garbage"
    for seed in range(20):
        path.write_bytes(start + random.Random(seed).randbytes(700))
        with pytest.raises(BadInput) as caught:
            read(path)
        assert str(path) in str(caught.value)
        assert len(str(caught.value).splitlines()) == 1


def test_missing_empty_and_folder_are_named(tmp_path):
    (tmp_path / "empty").touch()
    for name, words in [("missing", "No such file"), ("empty", "is empty. Known formats"), ("", "is a folder")]:
        with pytest.raises(BadInput, match=words):
            read(tmp_path / name)


def test_a_text_of_something_else_names_the_known_formats(tmp_path):
    path = tmp_path / "story.txt"
    path.write_text("Once upon a time\nthere was a pile.\n")

    with pytest.raises(BadInput, match=r"known format.*candump"):
        read(path)


def test_remote_error_and_long_frames_are_counted_and_left_out(tmp_path):
    path = tmp_path / "bus.log"
    path.write_text("(1.0) can0 123#R\n(1.1) can0 20000080#00\n(1.2) can0 123##1001122\n(1.3) can0 123#01\n")

    recording = read(path)

    assert (recording.remote_frames, recording.error_frames, len(recording)) == (1, 1, 1)
    assert len(recording.notes) == 3


def test_a_database_of_python_can_is_read_and_not_written_to(tmp_path):
    path = tmp_path / "bus.db"
    with sqlite3.connect(path) as base:
        base.execute(
            "CREATE TABLE messages (ts REAL, arbitration_id INT, extended INT, remote INT, error INT, dlc INT, data BLOB)"
        )
        base.execute("INSERT INTO messages VALUES (1.5, 0x1826F456, 1, 0, 0, 3, x'010100')")
    base.close()
    before = path.read_bytes()

    recording = read(path)

    assert list(recording.frames()) == [(1_500_000, Frame(0x1826F456, b"\1\1\0"))]
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    "times, note", [((5, 5, 5), "All frames carry the same time."), ((5, 3, 4), "The time runs backward 1 times")]
)
def test_times_that_stand_or_run_backward_keep_the_order_and_are_noted(times, note, tmp_path):
    path = tmp_path / "bus.log"
    path.write_text("".join(f"({time}.000000) can0 12{time}#0{n}\n" for n, time in enumerate(times)))

    recording = read(path)

    assert recording.times_us.tolist() == [time * 1_000_000 for time in times]
    assert [frame.data[0] for frame in frames_of(recording)] == [0, 1, 2]
    assert any(text.startswith(note) for text in recording.notes)


def test_a_time_beyond_all_clocks_is_bad_input(tmp_path):
    path = tmp_path / "bus.log"
    path.write_text("(99999999999999999999999.0) can0 123#00\n")

    with pytest.raises(BadInput, match="no clock shows"):
        read(path)


def captures():
    return json.loads(EXPECTED.read_text(encoding="utf-8")) if EXPECTED.exists() else {}


@pytest.mark.skipif(not EXPECTED.exists(), reason="the shared recordings are not here")
@pytest.mark.parametrize("form", ["original", "normalised"])
@pytest.mark.parametrize("name", captures())
def test_a_shared_recording_has_its_frames_identifiers_and_duration(name, form):
    expected = captures()[name]

    recording = read(CAPTURES / (name if form == "original" else expected["normalised"]))

    ids = Counter(f"{frame.can_id:08X}" if frame.extended else f"{frame.can_id:X}" for frame in frames_of(recording))
    assert len(recording) == expected["frames"]
    assert ids == expected["ids"]
    assert round((recording.times_us.max() - recording.times_us.min()) / 1e6, 3) == expected["duration_s"]
    assert form == "normalised" or recording.sha256 == expected["sha256"]
