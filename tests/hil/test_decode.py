import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from hil.cli import app, main
from hil.decode import decode

LOGS = Path(__file__).resolve().parents[1] / "logs"
LOG = LOGS / "charge_2015.log"


def test_one_file_is_one_object(capsys):
    assert decode([LOG], as_json=True) == 0

    told = json.loads(capsys.readouterr().out)
    assert told["protocol"] == "GB/T 27930-2015"
    assert told["file"] == str(LOG)


def test_several_files_are_a_list(capsys):
    assert decode([LOG, LOG], as_json=True) == 0

    assert [told["frames"] for told in json.loads(capsys.readouterr().out)] == [len(LOG.read_text().splitlines())] * 2


def test_the_text_tells_phases_requests_and_the_end(capsys):
    assert decode([LOG], as_json=False) == 0

    text = capsys.readouterr().out
    for part in (
        "the vehicle stopped",
        "SOC target reached",
        "identification",
        "asked for (BCL)",
        "BRM",
        "Nothing in it breaks the standard",
    ):
        assert part in text


def test_a_bad_file_among_good_ones_is_named_and_the_others_are_told(tmp_path, capsys):
    missing = tmp_path / "missing.log"

    assert decode([missing, LOG], as_json=True) == 2

    captured = capsys.readouterr()
    assert captured.err.count("\n") == 1 and str(missing) in captured.err
    assert len(json.loads(captured.out)) == 1


@pytest.mark.parametrize("content", [b"", b"\x00\x01\x02\xff" * 100, b"nothing of a recording\n" * 20, bytes(1000)])
def test_what_is_no_recording_is_one_clear_line(tmp_path, capsys, content):
    path = tmp_path / "bad.log"
    path.write_bytes(content)

    assert decode([path], as_json=False) == 2

    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1 and str(path) in captured.err and "Traceback" not in captured.err


def test_a_file_cut_off_anywhere_is_told_or_refused(tmp_path, capsys):
    whole = (LOGS / "reconnect_2015.log").read_bytes()[:500]
    path = tmp_path / "cut.log"
    for length in range(len(whole)):
        path.write_bytes(whole[:length])

        assert decode([path], as_json=True) in (0, 2)
        assert "Traceback" not in capsys.readouterr().err


def test_the_command_ends_with_the_code_of_the_decoder():
    good = CliRunner().invoke(app, ["decode", str(LOG), "--json"])

    assert good.exit_code == 0 and json.loads(good.stdout)["edition"] == "2015"
    assert CliRunner().invoke(app, ["decode", "/nowhere.log"]).exit_code == 2
    assert callable(main)
