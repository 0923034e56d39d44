"""The report shows what the results say, needs no network, and opens in a browser."""

import json
import re
import shutil
import subprocess

import numpy as np
import pytest

from hil.errors import BadInput
from hil.report.folder import read_results
from hil.report.page import make_page, write_report
from hil.run import run_command

CHROMIUM = next((path for name in ("chromium", "chromium-browser", "google-chrome") if (path := shutil.which(name))), None)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The results of a session that loses BCL and starts again, with an expectation that fails."""
    out = tmp_path_factory.mktemp("results")
    changes = ["expect.reconnects=2", "pile.level='quasi_static'"]
    assert run_command("reconnect", seed=1, out=out, changes=changes, formats=[], chart=True, as_json=True) == 1
    return out


def section(folder, key, **more):
    return next(s for s in make_page(read_results(folder), **more).sections if s.id == key)


def test_a_failed_expectation_stands_first_with_its_clause(folder):
    rows = section(folder, "verdicts").rows

    assert rows[0].mark == "bad" and rows[0].cells[:3] == ("FAILED", "reconnections: 2", "1")
    assert "GB/T 27930" in rows[0].cells[3]
    assert not make_page(read_results(folder)).held


def test_the_session_folds_repeats_and_packets_and_shows_both_ways(folder):
    lines = section(folder, "sequence").lines

    bcl = next(line for line in lines if line.name == "BCL")
    brm = next(line for line in lines if line.name == "BRM")
    assert bcl.way == "vehicle" and re.match(r"\d+ times until", bcl.folded)
    assert brm.folded.startswith("49 bytes in 7 packets")
    assert next(line for line in lines if line.name == "CHM").way == "pile"
    assert [line.words for line in lines if line.way == "late"] == ["charger: time limit BCL exceeded (1 s)"]
    assert [line.at_us for line in lines] == sorted(line.at_us for line in lines)


def test_a_time_limit_that_ran_out_is_on_the_time_line(folder):
    assert any("BCL exceeded" in row.cells[2] for row in section(folder, "faults").rows)


def test_a_baseline_names_the_first_frame_that_differs(folder, tmp_path):
    lines = (folder / "bus.log").read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if "181056F4#" in line)
    head, data = lines[at].split("#")
    lines[at] = f"{head}#{int(data[:2], 16) ^ 1:02X}{data[2:]}"
    (tmp_path / "bus.log").write_text("\n".join(lines) + "\n")

    found = section(folder, "baseline", baseline=tmp_path)

    assert f"after {at} equal frames" in found.lead and "BCL" in found.lead
    assert any(row.cells[0].startswith("voltage_v") for row in found.rows)
    assert "No divergence" in section(folder, "baseline", baseline=folder).lead


def test_same_results_same_bytes(folder):
    first = (folder / "report.html").read_bytes()

    assert write_report(folder).read_bytes() == first


def test_nothing_in_it_refers_to_a_network(folder):
    text = (folder / "report.html").read_text(encoding="utf-8")

    assert not re.search(r"""(?:src|href)\s*=\s*["'](?!data:|#)""", text)
    assert "<script" not in text and "@import" not in text and "url(" not in text


def test_words_of_a_scenario_cannot_become_markup(folder, tmp_path):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "scenario.json").write_text(json.dumps({"title": "<script>alert(1)</script>"}))

    assert "<script>" not in write_report(copy).read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["summary.json", "events.json", "signals.npz"])
def test_damaged_results_are_named(folder, tmp_path, name):
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / name).write_text("{")

    with pytest.raises(BadInput, match=re.escape(name)):
        write_report(copy)


def test_a_folder_without_results_is_refused(tmp_path):
    with pytest.raises(BadInput, match=r"summary\.json"):
        write_report(tmp_path)


@pytest.fixture(scope="module")
def browse(tmp_path_factory):
    """Opens a page in a browser that can reach no host: (what it complained about, what it prints)."""
    if CHROMIUM is None:
        pytest.skip("needs a headless Chromium: apt-get install chromium")
    profile = tmp_path_factory.mktemp("profile")
    options = ("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", f"--user-data-dir={profile}")
    alone = ("--host-resolver-rules=MAP * ~NOTFOUND", "--disable-background-networking", "--disable-component-update")

    def run(page, *more):
        command = [CHROMIUM, *options, *alone, "--enable-logging=stderr", *more, page.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
        return [line for line in done.stderr.splitlines() if ":CONSOLE" in line], done.stdout

    return run


def test_chromium_shows_verdicts_and_curves_without_error_or_request(folder, tmp_path, browse):
    from PIL import Image

    picture = tmp_path / "report.png"
    complaints, _ = browse(folder / "report.html", f"--screenshot={picture}", "--window-size=1280,2000")

    assert complaints == []  # a script error, or a request: the page forbids every one, and Chromium says what it refused
    pixels = np.asarray(Image.open(picture).convert("RGB")).astype(int)
    assert _share(pixels[:60], (179, 38, 30), 60) > 0.5, "the red header of a failed run"
    assert _share(pixels[200:900], (253, 240, 239), 4) > 0.01, "the row of the failed expectation"
    assert _share(pixels, (31, 78, 140), 30) > 2e-4, "the voltage curve"
    assert _share(pixels, (46, 125, 79), 30) > 5e-5, "the state of charge"
    _, shown = browse(folder / "report.html", "--dump-dom")
    assert "reconnections: 2" in shown and "FAILED" in shown


def test_chromium_would_tell_of_a_request(folder, tmp_path, browse):
    page = tmp_path / "report.html"
    text = (folder / "report.html").read_text(encoding="utf-8")
    page.write_text(text.replace("<main>", '<main><img src="http://localhost:9/x.png">'), encoding="utf-8")

    complaints, _ = browse(page, f"--screenshot={tmp_path / 'x.png'}")

    assert any("Content Security Policy" in line for line in complaints)


def _share(pixels, colour, tolerance):
    return float((np.abs(pixels - np.array(colour)).max(axis=2) <= tolerance).mean())
