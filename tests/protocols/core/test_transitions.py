"""A rule book has one rule for a case, keeps its order and draws itself."""

from enum import Enum, auto

import pytest

from protocols.core.errors import LocalError
from protocols.core.transitions import Edge, Transitions


class State(Enum):
    IDLE = auto()
    BUSY = auto()
    DONE = auto()


class Input(Enum):
    GO = auto()
    STOP = auto()


RULES = Transitions(
    [
        (State.IDLE, Input.GO, State.BUSY, "1.1"),
        ((State.IDLE, State.BUSY), Input.STOP, State.DONE, "1.2"),
    ]
)


def test_a_rule_is_found_by_state_and_input_and_names_its_clause():
    assert RULES[State.IDLE, Input.GO] == Edge(State.IDLE, Input.GO, State.BUSY, "1.1")
    assert RULES[State.BUSY, Input.STOP].clause == "1.2"


def test_a_pair_that_is_not_listed_has_no_rule():
    assert (State.DONE, Input.GO) not in RULES
    assert RULES.get((State.DONE, Input.GO)) is None


def test_a_rule_for_several_states_is_one_edge_for_each_in_the_order_written():
    assert list(RULES) == [(State.IDLE, Input.GO), (State.IDLE, Input.STOP), (State.BUSY, Input.STOP)]
    assert len(RULES) == 3


@pytest.mark.parametrize("again", [State.IDLE, (State.DONE, State.IDLE)])
@pytest.mark.parametrize("after", [State.BUSY, State.DONE])
def test_two_rules_for_one_pair_are_refused(again, after):
    with pytest.raises(LocalError, match=r"two rules for State\.IDLE on Input\.GO"):
        Transitions([(State.IDLE, Input.GO, State.BUSY, "1"), (again, Input.GO, after, "2")])


def test_the_rule_book_cannot_be_changed():
    with pytest.raises(TypeError):
        RULES[State.DONE, Input.GO] = RULES[State.IDLE, Input.GO]


def test_the_rules_draw_themselves_as_a_mermaid_diagram():
    assert RULES.mermaid().split("\n") == [
        "stateDiagram-v2",
        "    IDLE --> BUSY: GO",
        "    IDLE --> DONE: STOP",
        "    BUSY --> DONE: STOP",
    ]
