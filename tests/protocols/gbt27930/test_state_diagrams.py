"""docs/state_diagrams.md shows the tables as they are."""

from pathlib import Path

import pytest

from protocols.gbt27930 import bms_rules, charger_rules
from protocols.gbt27930.state_diagrams import document

DOCUMENT = Path(__file__).parents[3] / "docs" / "state_diagrams.md"


def test_the_document_is_what_the_tables_say():
    """To renew it: ``python -m protocols.gbt27930.state_diagrams > docs/state_diagrams.md``."""
    assert DOCUMENT.read_text() == document()


@pytest.mark.parametrize(("rules", "start"), [(charger_rules, "IDLE"), (bms_rules, "ASLEEP")], ids=["charger", "vehicle"])
def test_every_state_can_be_reached_and_left_and_every_input_is_used(rules, start):
    edges = [rules.TRANSITIONS[key] for key in rules.TRANSITIONS]
    states = type(edges[0].before)

    assert {edge.after for edge in edges} == {edge.before for edge in edges} == set(states)
    reached = {states[start]}
    for _ in states:
        reached |= {edge.after for edge in edges if edge.before in reached}
    assert reached == set(states)
    assert {edge.given for edge in edges} == set(type(edges[0].given))
    assert all(edge.clause for edge in edges)


@pytest.mark.parametrize("rules", [charger_rules, bms_rules], ids=["charger", "vehicle"])
def test_every_limit_that_is_waited_for_has_a_rule_in_that_state(rules):
    for state, names in rules.PLAN.waits.items():
        for name in names:
            assert (state, rules.PLAN.limits[name]) in rules.TRANSITIONS, f"{name} in {state}"
