"""Starters, explanations and the schema say what the program does."""

import json
import tomllib

import pytest

from hil.errors import BadInput
from hil.scenario_files import load, shipped
from hil.scenario_help import explain, new, schema
from hil.toml_lines import line_of


def test_a_new_scenario_is_one_that_runs_and_nothing_is_overwritten(tmp_path):
    path = new(tmp_path / "my_first", base="short_charge")

    assert path.name == "my_first.toml" and load(str(path)).title == "my first"
    with pytest.raises(BadInput, match="exists already"):
        new(path, base="charge")
    with pytest.raises(BadInput, match="did you mean"):
        new(tmp_path / "other", base="charg")


def test_explain_tells_values_where_they_come_from_and_when_what_happens(capsys):
    explain("double_lost_and_lost_again", ["vehicle.soc_pct=55"], as_json=True)

    told = json.loads(capsys.readouterr().out)
    values = told["values"]
    assert values["vehicle.soc_pct"] == {"value": 55.0, "from": "--set"}
    assert values["pile.level"] == {"value": "quasi_static", "from": "short_charge"}
    assert values["expect.reconnects"] == {"value": 2, "from": "double_lost_and_lost_again"}
    assert values["seed"]["from"] == "default"
    assert [entry["when"] for entry in told["timeline"]] == ["0 s", "1 s", "CHARGING + 5 s", "CHARGING + 13 s", "300 s"]
    assert "wire/BCL: drop" in told["timeline"][2]["what"]


def test_explain_for_people_names_the_base(capsys):
    explain("timer_pause", [], as_json=False)

    assert "short_charge" in (text := capsys.readouterr().out) and "CHARGING + 7 s" in text


def test_the_schema_knows_every_key_that_shipped_scenarios_use():
    definitions = schema()["$defs"]
    top = definitions["Scenario"]["properties"]

    for path in shipped().values():
        assert set(tomllib.loads(path.read_text(encoding="utf-8"))) <= set(top)
    soc = definitions["Vehicle"]["properties"]["soc_pct"]
    assert (soc["minimum"], soc["maximum"]) == (0, 100)
    json.dumps(schema())


TEXT = """\
title = "x"
[vehicle]
soc_pct = 20  # a comment
habits.omit = ["BSP"]
[[script]]
do = "plug in"
[[script]]
do = "start"
at_s = 1
"""


@pytest.mark.parametrize(
    ("keys", "line"),
    [
        (["title"], 1),
        (["vehicle", "soc_pct"], 3),
        (["vehicle", "habits", "omit"], 4),
        (["script", 1, "at_s"], 9),
        (["script", 0, "at_s"], 5),
        (["vehicle", "pack"], 2),
        (["pile", "level"], None),
    ],
)
def test_the_line_of_a_key_or_of_the_table_around_it(keys, line):
    assert line_of(TEXT, keys) == line


def test_a_complaint_names_file_line_key_and_range(tmp_path):
    path = tmp_path / "bad.toml"
    path.write_text('base = "charge"\n\n[vehicle]\nsoc_pct = 120\n')
    with pytest.raises(BadInput, match=r"bad\.toml, line 4: vehicle\.soc_pct = 120.*0\.\.100"):
        load(str(path))
    path.write_text('base = "charge"\n\n[vehicle]\nsoc_pc = 20\n')
    with pytest.raises(BadInput, match=r"line 4: unknown key 'vehicle\.soc_pc': did you mean 'soc_pct'"):
        load(str(path))


def test_the_schema_tells_sentence_unit_and_range_of_a_field():
    known = schema()["$defs"]

    assert (
        known["ControllerSettings"]["properties"]["cc1_low_v"]["description"] == "Must refuse below; must charge from 3.65 V. [V]"
    )
    assert known["Vehicle"]["properties"]["soc_pct"] == {
        "type": "number", "minimum": 0, "maximum": 100, "default": 20.0, "description": "[%]",
    }  # fmt: skip
    assert known["ChargerHabits"]["properties"]["omit"]["description"].startswith("Messages never sent")
    assert known["Within"]["properties"]["within_s"]["description"] == "[s]"
