import pytest
from hypothesis import given
from hypothesis import strategies as st

from hil.errors import BadInput
from hil.scenario import Scenario
from hil.scenario_files import check, load, shipped


def complaint(table: dict) -> str:
    with pytest.raises(BadInput) as caught:
        check(table, "f.toml")
    return str(caught.value)


def test_every_shipped_scenario_loads_and_has_a_title_of_its_own():
    titles = [load(name).title for name in shipped()]

    assert len(titles) >= 10
    assert len(set(titles)) == len(titles)


def test_an_empty_file_is_the_default_scenario():
    assert check({}, "f.toml") == Scenario()


@pytest.mark.parametrize(
    "table, words",
    [
        ({"vehicle": {"soc_pct": 120}}, ["f.toml", "vehicle.soc_pct = 120", "0..100"]),
        ({"vehicle": {"socpct": 20}}, ["vehicle.socpct", "did you mean 'soc_pct'?"]),
        ({"vehicle": {"pack": "boat"}}, ["vehicle", "'boat'", "eu500"]),
        ({"vehicle": 3}, ["vehicle = 3"]),
        ({"pile": {"settings": {"cc1_lw_v": 9}}}, ["pile.settings.cc1_lw_v", "did you mean 'cc1_low_v'?"]),
        ({"pile": {"settings": {"cc1_low_v": 9}}}, ["pile.settings", "cc1_low_v must be below cc1_high_v"]),
        ({"pile": {"habits": {"clock": "bdc"}}}, ["pile.habits.clock = 'bdc'", "bcd, binary"]),
        ({"pile": {"habits": {"transport": {"grant_packets": 0}}}}, ["grant_packets is 1..255"]),
        ({"script": [{"do": "dance"}]}, ["script[0].do = 'dance'", "plug in", "emergency stop"]),
        ({"script": [{"dog": 1}]}, ["script[0].dog", "did you mean 'do'?"]),
        ({"vehicle": {"habits": {"raw": {"BST": {"clear": "xyz"}}}}}, ["BST.clear = 'xyz'", "hexadecimal"]),
        ({"duration_s": 0}, ["duration_s = 0", "more than 0..1e+06"]),
        ({"seed": -1}, ["seed = -1", "0 and more"]),
    ],
)
def test_a_complaint_names_file_key_value_and_what_is_allowed(table, words):
    said = complaint(table)

    assert all(word in said for word in words), said
    assert "\n" not in said


def test_set_overrides_a_value_by_its_path():
    scenario = load("charge", ["vehicle.soc_pct=42.5", "vehicle.pack=compact", 'pile.habits.clock="binary"'])

    assert scenario.vehicle.soc_pct == 42.5
    assert scenario.vehicle.pack == "compact"
    assert scenario.pile.habits.clock.value == "binary"


def test_set_takes_a_number_for_a_word_where_the_key_takes_words():
    assert load("charge", ["pile.edition=2011"]).pile.edition == "2011"


@pytest.mark.parametrize("override", ["vehicle.soc_pct", "=3", "title.x=3"])
def test_a_malformed_override_is_refused(override):
    with pytest.raises(BadInput, match="--set"):
        load("charge", [override])


def test_an_unknown_scenario_is_told_what_there_is():
    with pytest.raises(BadInput, match=r"did you mean .charge..*bcl_lost"):
        load("chrage")


@pytest.mark.parametrize("content", [b"\xff\xfe\x00binary", b"a = = b", b"[vehicle\n"])
def test_garbage_for_a_file_is_one_line(tmp_path, content):
    path = tmp_path / "mine.toml"
    path.write_bytes(content)

    with pytest.raises(BadInput) as caught:
        load(str(path))

    assert "mine.toml" in str(caught.value)


def test_payload_edits_are_hexadecimal():
    scenario = check({"vehicle": {"habits": {"raw": {"BST": {"clear": "ffff ffff", "length": 4}}}}}, "f.toml")

    assert scenario.vehicle.habits.raw["BST"].clear == b"\xff" * 4


tables = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["vehicle", "pile", "script", "do", "habits"]), inner)
    ),
    max_leaves=6,
)


@given(st.dictionaries(st.sampled_from(["vehicle", "pile", "script", "lose", "expect", "seed", "x"]), tables, max_size=3))
def test_no_table_whatever_makes_anything_but_a_scenario_or_one_line(table):
    try:
        assert isinstance(check(table, "f.toml"), Scenario)
    except BadInput as error:
        assert "f.toml" in str(error)


def test_a_scenario_lays_its_own_values_over_those_of_its_base(tmp_path):
    (tmp_path / "mine.toml").write_text('base = "charger_stop"\n[vehicle]\nsoc_target_pct = 60\n')
    (tmp_path / "next.toml").write_text('base = "mine.toml"\nscript = [{do = "plug in"}]\n[vehicle]\nsoc_pct = 40\n')

    found, ours = load(str(tmp_path / "next.toml")), load("charger_stop")

    assert (found.vehicle.soc_pct, found.vehicle.soc_target_pct) == (40, 60)
    assert len(found.script) == 1 and found.expect == ours.expect and found.duration_s == ours.duration_s


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('base = "charge_stop"', "did you mean"),
        ("base = 3", "name of a scenario"),
        ('base = "a.toml"', "leads back to itself"),
        ('base = "b.toml"', "leads back to itself"),
        ('base = "none.toml"', "none.toml"),
    ],
)
def test_a_base_that_cannot_be_is_refused(tmp_path, text, words):
    (tmp_path / "a.toml").write_text(text)
    (tmp_path / "b.toml").write_text('base = "a.toml"')

    with pytest.raises(BadInput, match=words):
        load(str(tmp_path / "a.toml"))
