"""Our own recordings replay without divergence; those of others say what our side lacks."""

import json
import shutil
from pathlib import Path

import pytest

from hil.compare import compare
from hil.errors import BadInput
from hil.links.recorded import read
from hil.links.recording import Recording
from hil.replay.command import replay_command
from hil.replay.cues import Cues
from hil.replay.stage import open_loop
from hil.run import run_command
from protocols.core.frame import Frame
from protocols.gbt27930.messages import CHARGER

SHARED = Path(__file__).resolve().parents[4] / "shared/data/captures/normalised"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A charge with a lost BCL and a reconnection."""
    out = tmp_path_factory.mktemp("own")
    run_command("reconnect", seed=3, out=out, changes=["pile.level='quasi_static'"], formats=[], chart=False, as_json=True)
    return out


def replay(source, capsys, *, mode="diff", out=None, scenario=None, changes=()):
    capsys.readouterr()
    code = replay_command(source, mode=mode, scenario_name=scenario, changes=changes, out=out, chart=False, as_json=True)
    return code, json.loads(capsys.readouterr().out)


def test_our_own_log_in_diff_mode_has_no_divergence(folder, capsys):
    code, told = replay(folder, capsys)

    assert code == 0 and told["divergence"] == {"pile": None, "vehicle": None} and told["frames"] > 2000


def test_diff_mode_names_the_field_that_our_pile_would_not_have_sent(folder, tmp_path, capsys):
    other = tmp_path / "other"
    shutil.copytree(folder, other)
    lines = (other / "bus.log").read_text().splitlines()
    at = next(i for i, line in enumerate(lines) if "1812F456#" in line)  # the first CCS
    head, data = lines[at].split("#")
    lines[at] = f"{head}#{int(data[:2], 16) ^ 1:02X}{data[2:]}"
    (other / "bus.log").write_text("\n".join(lines) + "\n")

    code, told = replay(other, capsys)

    found = told["divergence"]["pile"]
    assert code == 1 and found["index"] == at and found["message"] == "CCS"
    assert [field["name"] for field in found["fields"]] == ["voltage_v"]


@pytest.mark.parametrize("side", ["vehicle", "pile"])
def test_one_side_from_the_recording_gives_the_whole_conversation_again(folder, tmp_path, capsys, side):
    code, told = replay(folder, capsys, mode=side, out=tmp_path)

    assert code == 0 and told["waits_for"] is None
    assert (tmp_path / "bus.log").read_bytes() == (folder / "bus.log").read_bytes()


def test_another_vehicle_of_the_recording_is_judged_by_the_scenario_given(folder, tmp_path, capsys):
    code, told = replay(folder, capsys, mode="vehicle", out=tmp_path, scenario="charger_stop", changes=["seed=3"])

    assert code == 1 and told["scenario"] == tmp_path.name
    assert any(not one["held"] for one in told["expectations"])


def test_open_loop_puts_every_frame_on_the_wire_in_its_order(folder):
    recording = read(folder / "bus.log")

    again = Recording.of_frames(open_loop(recording).log())

    assert compare(recording, again) is None


def test_a_repeated_message_is_no_cue_and_a_changed_meaning_is():
    cues = Cues(CHARGER)
    crm = [Frame(0x1801F456, bytes([kind, 1, 0, 0, 0, 0, 0, 0])) for kind in (0x00, 0xAA)]
    said = [cues.of(crm[0], 0), cues.of(crm[0], 250_000), cues.of(crm[1], 500_000), cues.of(crm[0], 5_000_000)]

    assert said == [(0x0100, 0x00), None, (0x0100, 0xAA), (0x0100, 0x00)]
    assert cues.of(Frame(0x182756F4, b"\x8e\x17"), 0) is None  # the other side's


def test_misuse_is_refused(folder, tmp_path):
    for given in ({"mode": "mirror"}, {"mode": "diff", "changes": ["seed=2"]}):
        with pytest.raises(BadInput):
            replay_command(
                folder, **{"scenario_name": None, "changes": (), "out": tmp_path, "chart": False, "as_json": True, **given}
            )


@pytest.mark.skipif(not SHARED.is_dir(), reason="needs the shared recordings beside the project")
def test_a_real_vehicle_is_played_up_to_where_our_pile_measures_another_battery(tmp_path, capsys):
    (real,) = SHARED.glob("gbt_*.log")

    _, told = replay(real, capsys, mode="vehicle", out=tmp_path, changes=["pile.level='quasi_static'"])

    assert "PRECHARGE" in [phase["name"] for phase in told["phases"]]
    assert told["waits_for"] == "CRO 0xAA"
