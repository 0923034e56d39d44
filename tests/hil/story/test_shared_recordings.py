"""Recordings of real chargers and vehicles, and the facts that other people's decoder found in them."""

import json
from functools import cache
from pathlib import Path

import pytest

from hil.links.recorded import read
from hil.story.as_json import story_json
from hil.story.telling import tell

CAPTURES = Path(__file__).resolve().parents[4] / "shared" / "data" / "captures"
pytestmark = pytest.mark.skipif(not CAPTURES.is_dir(), reason="the shared recordings (../shared/data/captures) are not here")

EXPECTED = json.loads((CAPTURES / "expected.json").read_text(encoding="utf-8")) if CAPTURES.is_dir() else {}
GBT = [name for name in EXPECTED if name.startswith("gbt27930/")]
OTHERS = [name for name in EXPECTED if name not in GBT]

PROVENANCE = {"origin", "origin_path", "licence", "normalised", "normalised_frames"}
WORDS_OF_THEIR_OWN = {"end_reason"}


@cache
def told(path):
    return json.loads(json.dumps(story_json(tell(read(path)))))


def files(names):
    """Original and normalised file of each recording, with what is expected of it."""
    params = []
    for name in names:
        facts = EXPECTED[name]
        params.append(pytest.param(CAPTURES / name, facts, id=f"{Path(name).stem}-original"))
        params.append(pytest.param(CAPTURES / facts["normalised"], facts, id=f"{Path(name).stem}-normalised"))
    return params


@pytest.mark.parametrize("path, facts", files(GBT))
def test_every_fact_of_a_gbt_recording_is_found_again(path, facts):
    story = told(path)

    for key in facts.keys() - PROVENANCE - WORDS_OF_THEIR_OWN - {"sha256", "periods"}:
        assert story[key] == facts[key], key
    for message, figures in facts["periods"].items():
        assert {key: story["periods"][message][key] for key in figures} == figures, message


@pytest.mark.parametrize("path, facts", files(GBT))
def test_the_end_is_told_with_its_cause(path, facts):
    reason = told(path)["end_reason"]

    for part in (
        "CCS is at 18.6 s (first at 1.9 s)",
        "BCL until 19.5 s",
        "CCS timed out (SPN 3905)",
        "45 times",
        "recording ends",
    ):
        assert part in reason
    assert "No BST, CST, BSD, CSD or CEM" in reason


@pytest.mark.parametrize("path, facts", files(GBT))
def test_what_broke_the_standard_is_named_with_its_clause(path, facts):
    findings = {(f["who"], f["what"].partition(":")[0]): f for f in told(path)["findings"] if f["severity"] == "breach"}

    assert {what for _, what in findings} == {
        "CRO(0xAA) without any CRO(0x00) before it",
        "CCS of 8 bytes instead of 7",
        "the first CCS after CRO(0xAA) shows 4.2 V while BCP has the battery at 490 V",
        "CCS silent for 0.9 s when the vehicle reported it missing with BEM; it stopped without CST",
    }
    assert {who for who, _ in findings} == {"charger"}
    assert all(finding["clause"] for finding in findings.values())


@pytest.mark.parametrize("name", sorted(EXPECTED))
def test_the_checksum_is_that_of_the_file(name):
    assert told(CAPTURES / name)["sha256"] == EXPECTED[name]["sha256"]


@pytest.mark.parametrize("path, facts", files(OTHERS))
def test_another_protocol_is_named_and_counted(path, facts):
    story = told(path)

    assert story["protocol"] == facts["protocol"]
    assert "GB/T" not in story["protocol"]
    for key in ("frames", "duration_s", "timestamps", "ids"):
        assert story[key] == facts[key], key
    assert "sessions" not in story
