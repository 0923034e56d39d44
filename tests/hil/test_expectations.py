"""Expectations over a trace hold when they should and fail when they should, with what was got."""

from functools import cache

import pytest

from hil.errors import BadInput
from hil.run import simulate
from hil.scenario import Expect
from hil.scenario_files import check, load
from hil.verdict import judge


@cache
def stopped():
    return simulate(load("charger_stop"))


def verdict_of(**rule):
    ((kind, values),) = rule.items()
    expect = check({"expect": {kind: [values]}}, "f.toml").expect
    return judge(expect, stopped())[-1]


GOOD = [
    {"within": {"first": "CST", "then": "BST", "within_s": 0.1}},
    {"within": {"first": "CRO.ready == 0xAA", "then": "CCS", "within_s": 1.0}},
    {"within": {"first": "STOPPING", "then": "output current <= 5", "within_s": 1.5}},
    {"limits": {"signal": "output current", "least": -20, "most": 250}},
    {"limits": {"signal": "output current", "most": 0.5, "after": "END"}},
    {"never": {"what": "CEM"}},
    {"never": {"what": "CCS", "after": "CST"}},
    {"order": {"moments": ["BRM", "CRM.result == 0xAA", "BCP", "CHARGING", "CST", "BST", "BSD", "CSD"]}},
]
BAD = [
    ({"within": {"first": "CST", "then": "BST", "within_s": 0.0}}, " s"),
    ({"within": {"first": "CST", "then": "BST", "within_s": 5, "at_least_s": 4}}, " s"),
    ({"within": {"first": "CEM", "then": "BST", "within_s": 5}}, "CEM never came"),
    ({"within": {"first": "CST", "then": "BRM", "within_s": 5}}, "BRM never followed"),
    ({"limits": {"signal": "output current", "most": 5}}, ".."),
    ({"limits": {"signal": "output current", "most": 5, "after": "fault"}}, "fault never came"),
    ({"never": {"what": "CCS"}}, "at "),
    ({"order": {"moments": ["CST", "BRM"]}}, "BRM is missing"),
]


@pytest.mark.parametrize("rule", GOOD)
def test_what_is_so_holds(rule):
    assert verdict_of(**rule).held, verdict_of(**rule)


@pytest.mark.parametrize("rule, got", BAD)
def test_what_is_not_so_fails_and_tells_what_was_got(rule, got):
    verdict = verdict_of(**rule)

    assert not verdict.held
    assert got in verdict.got


def test_a_rule_brings_its_own_clause_or_takes_the_scenarios():
    rules = [{"what": "CEM", "clause": "annex A"}, {"what": "BEM"}]
    expect = check({"expect": {"clause": "whole", "never": rules}}, "f.toml").expect

    assert [verdict.clause for verdict in judge(expect, stopped())[-2:]] == ["annex A", "whole"]


@pytest.mark.parametrize(
    "rule, words",
    [
        ({"never": [{"what": "CCX"}]}, ["'CCX'", "CCS"]),
        ({"never": [{"what": "CRO.redy == 1"}]}, ["'redy'", "ready"]),
        ({"never": [{"what": "BRM.version == 1"}]}, ["packets"]),
        ({"never": [{"what": "output current <= x"}]}, ["'x' is no number"]),
        ({"limits": [{"signal": "outputcurrent", "most": 1}]}, ["output current"]),
        ({"limits": [{"signal": "output current"}]}, ["least, most"]),
        ({"within": [{"first": "CST", "then": "BST", "within_s": 1, "at_least_s": 2}]}, ["at_least_s"]),
        ({"within": [{"first": "CST", "then": "BST", "within_s": -1}]}, ["expect.within[0].within_s = -1"]),
    ],
)
def test_a_rule_that_makes_no_sense_is_refused_before_the_run(rule, words):
    with pytest.raises(BadInput) as caught:
        check({"expect": rule}, "f.toml")

    assert all(word in str(caught.value) for word in words), str(caught.value)


def test_nothing_stated_is_nothing_checked():
    assert len(judge(Expect(), stopped())) == 2
