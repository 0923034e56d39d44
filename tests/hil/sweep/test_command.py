"""A sweep gives the same table whoever computes it, however often it is interrupted, and whatever dies."""

import csv
import json
import os
import signal

import pytest

from hil.errors import BadInput
from hil.sweep.command import sweep_command
from hil.sweep.executors import CRASHED, compute, lanes
from hil.sweep.journal import Journal
from hil.sweep.plan import axis, jobs
from hil.sweep.work import work

SHORT = ['pile.level="quasi_static"', "duration_s=12"]
"""Only the beginning of a charge: the machinery is what is tested here, and no run needs to hold for it."""
VARY = ["vehicle.soc_pct=20..40:3"]


def sweep(out, **changes):
    given = {
        "vary": VARY,
        "changes": SHORT,
        "seeds": 2,
        "workers": 2,
        "executor": "local",
        "out": out,
        "format_": "csv",
        "metric": "soc_pct",
        "as_json": True,
    }
    return sweep_command("charge", **{**given, **changes})


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    out = tmp_path_factory.mktemp("sweep")
    assert sweep(out) == 1  # cut at 12 s, nothing holds
    return out


def table(folder):
    return (folder / "sweep.csv").read_bytes()


def csv_rows(folder):
    return list(csv.DictReader((folder / "sweep.csv").read_text().splitlines()))


def test_the_table_has_a_row_for_each_run_that_is_what_the_run_gives(finished):
    rows = csv_rows(finished)
    planned = jobs("charge", SHORT, [axis(text) for text in VARY], 2)

    assert [(row["vehicle.soc_pct"], row["seed"]) for row in rows] == [(job.values[0], str(job.seed)) for job in planned]
    alone = work(planned[3].scenario, planned[3].seed)
    assert rows[3]["frame_digest"] == alone["frame_digest"] and float(rows[3]["soc_pct"]) == alone["soc_pct"]
    assert len({row["frame_digest"] for row in rows}) == len(rows)
    assert (finished / "sweep.svg").read_bytes().startswith(b"<?xml")


def test_interrupted_and_resumed_gives_the_same_bytes(finished, tmp_path, capsys):
    lines = (finished / "runs.jsonl").read_text().splitlines(keepends=True)
    (tmp_path / "runs.jsonl").write_text("".join(lines[:2]) + lines[2][:40])  # killed in the middle of a line

    sweep(tmp_path, workers=1)

    assert json.loads(capsys.readouterr().out)["known_before"] == 2
    assert table(tmp_path) == table(finished)


def test_what_is_known_is_not_run_again(finished, tmp_path, monkeypatch):
    (tmp_path / "runs.jsonl").write_bytes((finished / "runs.jsonl").read_bytes())
    monkeypatch.setattr("hil.sweep.command.compute", lambda *_: pytest.fail("a known run was started"))

    sweep(tmp_path)

    assert table(tmp_path) == table(finished)


def test_a_killed_worker_loses_its_own_run_only(finished, tmp_path):
    planned = jobs("charge", SHORT, [axis(text) for text in VARY], 2)
    done = {}
    with Journal(tmp_path / "runs.jsonl") as journal, lanes("local", 2) as opened:
        for job, row in compute(planned, opened):
            if not done:
                (victim,) = opened[0].executor._processes
                os.kill(victim, signal.SIGKILL)
            done[job.index] = row
            journal.add(job.digest, row)

    lost = [index for index, row in done.items() if row["error"] == CRASHED]
    assert len(lost) == 1 and len(done) == len(planned)
    sweep(tmp_path)  # does the lost one
    assert table(tmp_path) == table(finished)


def test_parquet_holds_the_same_values(finished, tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs pyarrow: pip install 'pilebench[parquet]'")
    (tmp_path / "runs.jsonl").write_bytes((finished / "runs.jsonl").read_bytes())

    sweep(tmp_path, format_="parquet")

    rows = csv_rows(finished)
    found = parquet.read_table(tmp_path / "sweep.parquet").to_pylist()
    assert [row["frame_digest"] for row in found] == [row["frame_digest"] for row in rows]
    assert [row["soc_pct"] for row in found] == [float(row["soc_pct"]) for row in rows]


@pytest.mark.filterwarnings("ignore")
def test_a_cluster_gives_the_same_bytes(finished, tmp_path):
    distributed = pytest.importorskip("distributed", reason="needs Dask: pip install 'pilebench[cluster]'")
    options = {"n_workers": 1, "threads_per_worker": 1, "processes": False, "dashboard_address": None, "host": "127.0.0.1"}
    with distributed.LocalCluster(**options, protocol="tcp") as cluster:
        sweep(tmp_path, executor=f"dask://{cluster.scheduler_address.removeprefix('tcp://')}")

    assert table(tmp_path) == table(finished)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"executor": "ray"}, "dask://"),
        ({"metric": "joy"}, "energy_wh"),
        ({"format_": "xls"}, "parquet"),
        ({"vary": ["vehicle.soc=1,2"]}, "soc_pct"),
    ],
)
def test_misuse_is_refused_before_the_first_run(tmp_path, changes, words):
    with pytest.raises(BadInput, match=words):
        sweep(tmp_path / "out", **changes)
    assert not (tmp_path / "out" / "sweep.csv").exists()


def test_a_run_that_cannot_be_made_is_a_row_not_a_crash():
    (job,) = jobs("charge", ["vehicle.soc_pct=20"], [], 1)
    broken = type(job.scenario.script[0])(do="plug in", after="NEVER")

    row = work(type(job.scenario)(script=[broken]), 1)

    assert not row["held"] and "NEVER" in row["error"]
