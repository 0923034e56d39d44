"""The command as people and programs use it, each in a process of its own."""

import json
import signal
import subprocess
import sys
import time

import can
import pytest


def pilebench(*args: str, cwd=None, **options) -> subprocess.CompletedProcess:
    command = [sys.executable, "-c", "from hil.cli import main; main()", *args]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, timeout=120, check=False, **options)


SHORT = ["--set", "vehicle.soc_target_pct=20.2"]


@pytest.fixture(scope="module")
def charged(tmp_path_factory):
    folder = tmp_path_factory.mktemp("charge")
    done = pilebench("run", "charge", *SHORT, "--json", "--out", str(folder), "--log", "blf", "--log", "asc")
    assert done.returncode == 0, done.stderr
    return folder, json.loads(done.stdout)


def test_run_writes_its_files(charged):
    folder, _ = charged

    names = sorted(path.name for path in folder.iterdir())

    logs, pictures = ["bus.asc", "bus.blf", "bus.log"], ["charge.png", "charge.svg", "report.html"]
    values = ["events.json", "junit.xml", "scenario.json", "signals.npz", "summary.json", "summary.md"]
    assert names == sorted([*logs, *pictures, *values])


def test_the_summary_on_stdout_is_the_file(charged):
    folder, summary = charged

    assert json.loads((folder / "summary.json").read_text()) == summary


def test_the_summary_tells_what_matters(charged):
    _, summary = charged

    keys = {
        "scenario",
        "seed",
        "ended",
        "stop_reason",
        "phases",
        "frames",
        "sim_s",
        "wall_s",
        "energy_wh",
        "digest",
        "expectations",
    }
    assert keys <= summary.keys()
    assert summary["ended"] == "orderly"
    assert all(expectation["held"] for expectation in summary["expectations"])


def test_the_digest_is_that_of_the_frame_log(charged):
    import hashlib

    folder, summary = charged

    assert hashlib.sha256((folder / "bus.log").read_bytes()).hexdigest() == summary["digest"]


def test_python_can_reads_every_frame_back(charged):
    folder, summary = charged

    counts = {name: sum(1 for _ in can.LogReader(folder / name)) for name in ("bus.log", "bus.blf", "bus.asc")}

    assert counts == dict.fromkeys(counts, summary["frames"])


def test_the_picture_shows_the_phases(charged):
    folder, _ = charged

    svg = (folder / "charge.svg").read_text()

    assert all(word in svg for word in ("voltage [V]", "current [A]", "state of charge", "temperature", "charging", "precharge"))


def test_the_report_for_people_has_phases_figures_and_verdicts(tmp_path):
    done = pilebench("run", "charger_stop", "--no-chart", "--out", str(tmp_path), env={"COLUMNS": "200", "PATH": "/bin"})

    assert done.returncode == 0, done.stderr
    for words in ("precharge", "energy", "peak output current", "held", "GB/T 27930-2015", "bus.log"):
        assert words in done.stdout


def test_a_failed_expectation_is_exit_code_1_with_the_clause(tmp_path):
    done = pilebench("run", "charger_stop", "--no-chart", "--out", str(tmp_path), "--set", "expect.reconnects=1")

    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "GB/T" in done.stdout


@pytest.mark.parametrize(
    "args, words",
    [
        (["run", "chrage"], ["no scenario 'chrage'", "charge"]),
        (["run", "--set", "vehicle.soc_pct=500"], ["vehicle.soc_pct = 500", "0..100"]),
        (["run", "--set", "nonsense"], ["--set 'nonsense'", "key=value"]),
        (["run", "--log", "db"], ["log format 'db'", "asc, blf"]),
        (["run", "--out", "/proc/nowhere"], ["/proc/nowhere", "--out"]),
        (["run", "--set", 'lose=[{message="XYZ"}]'], ["'wire/XYZ'", "did you mean"]),
        (["run", "--set", 'script=[{do="plug in", after="LUNCH"}]'], ["'LUNCH'", "CHARGING"]),
        (["decode", "/no/such/file"], ["/no/such/file"]),
        (["dbc", "1999"], ["'1999'", "2011, 2015, 2023A"]),
    ],
)
def test_misuse_is_one_line_and_exit_code_2(args, words, tmp_path):
    done = pilebench(*args, cwd=tmp_path, env={"PYTHONPATH": ":".join(sys.path), "PATH": "/bin"})

    assert done.returncode == 2, done.stdout + done.stderr
    assert done.stdout == ""
    assert len(done.stderr.strip().splitlines()) == 1
    assert all(word in done.stderr for word in words), done.stderr
    assert not list(tmp_path.rglob("summary.json"))


@pytest.mark.parametrize("args", [["run", "--seed", "-1"], ["runn"], ["run", "--nonsense"], ["decode"]])
def test_a_wrong_command_line_is_exit_code_2(args):
    done = pilebench(*args)

    assert done.returncode == 2
    assert "Usage: " in done.stderr and "Traceback" not in done.stderr


def test_an_interrupt_leaves_nothing_half_written(tmp_path):
    # A charge that takes some seconds, so that the interrupt comes before its results.
    long = ["--set", "vehicle.soc_pct=1", "--set", "vehicle.soc_target_pct=99"]
    command = [sys.executable, "-c", "from hil.cli import main; main()", "run", *long, "--out", str(tmp_path / "out")]
    running = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    deadline = time.monotonic() + 90
    while not (tmp_path / "out").exists() and time.monotonic() < deadline:
        time.sleep(0.01)

    running.send_signal(signal.SIGINT)
    _, stderr = running.communicate(timeout=30)

    assert running.returncode == 130
    # The interpreter may add what a library's destructors say on the way out.
    assert stderr.splitlines()[0] == "pilebench: interrupted; every file that was written is whole"
    assert list((tmp_path / "out").iterdir()) == []


def test_dbc_goes_to_standard_output_or_a_file(tmp_path):
    printed = pilebench("dbc", "2011")
    written = pilebench("dbc", "2011", "--out", str(tmp_path / "gbt.dbc"))

    assert written.returncode == printed.returncode == 0
    assert (tmp_path / "gbt.dbc").read_text() == printed.stdout
    assert "BO_ " in printed.stdout


def test_scenarios_are_listed_for_programs():
    listed = json.loads(pilebench("scenarios", "--json").stdout)

    assert {"charge", "vehicle_stop", "charger_stop", "emergency_stop", "vehicle_2011", "bcl_lost"} <= listed.keys()


def test_the_command_starts_in_under_three_seconds():
    began = time.perf_counter()

    pilebench("scenarios")

    assert time.perf_counter() - began < 3
