"""Whatever fails: K1/K2 open, at most 5 A, below 60 V, the lock as it must be, in the time of the reaction table."""

from collections import defaultdict
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from firmware_model.bench import Bench, PileSetup
from firmware_model.faults.catalogue import Entry, catalogue
from firmware_model.faults.fault import PHASES, Fault, Injected
from firmware_model.faults.safety import ROWS, reaction_us, row_of, violations
from firmware_model.faults.telling import telling, vehicle_of
from firmware_model.happenings import Moment, Step
from firmware_model.mcu.memory import VARIABLES
from firmware_model.mcu.protection import LATCHED
from firmware_model.mcu.protection import Fault as PileFault
from firmware_model.mcu.sequence import PileState

S = 1_000_000
SCRIPT = (
    Step("plug in", Moment()),
    Step("start", Moment(S)),
    Step("stop", Moment(2 * S, "CHARGING")),
    Step("vehicle stop", Moment(3 * S, "CHARGING")),  # for a stop button that is broken
)
ENTRIES = list(catalogue())


def group_of(entry: Entry) -> str:
    """What kinds take turns in: messages, fields, parts of transfers, or another class of places."""
    where = entry.place.where
    if not where.startswith("wire/"):
        return where.partition("/")[0]
    return "field" if "." in where else "part" if "#" in where else "message"


STRIDE = {
    "message": 3,
    "field": 40,
    "part": 20,
    "memory": 12,
    "line": 4,
    "input": 4,
    "actuator": 2,
    "sensor": 2,
    "bms": 4,
    "afe": 8,
}


def representatives() -> Iterator[Entry]:
    """One kind for each of (a share of) the places, so that the kinds take turns."""
    groups: dict[str, dict[str, list[Entry]]] = defaultdict(lambda: defaultdict(list))
    for entry in ENTRIES:
        groups[group_of(entry)][entry.place.where].append(entry)
    for group, places in groups.items():
        for turn, entries in enumerate(list(places.values())[:: STRIDE.get(group, 1)]):
            yield entries[turn % len(entries)]


def ran(*faults: Fault, script: tuple[Step, ...] = SCRIPT) -> Bench:
    bench = Bench(PileSetup(level="quasi_static"), vehicle_of(*faults), seed=1, script=script, faults=faults)
    bench.run(90 * S)
    return bench


def assert_safe(*faults: Fault) -> None:
    """The first of *faults* began, and the run with them ends safely."""
    bench = ran(*faults)
    assert [happening for happening in bench.trace.of(Injected) if happening.what.fault == faults[0]], "the fault never began"
    assert not list(violations(bench, faults[0]))


@pytest.mark.parametrize("entry", list(representatives()), ids=lambda entry: entry.name)
def test_a_run_with_any_fault_ends_safely(entry: Entry) -> None:
    assert_safe(*telling(entry))


@pytest.mark.slow
@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_a_run_with_every_fault_ends_safely(entry: Entry) -> None:
    assert_safe(*telling(entry))


STATE_BITS = [(v.name, bit) for v in VARIABLES if v.choices and not v.mask for bit in range(v.bits)]


@pytest.mark.parametrize(("name", "bit"), STATE_BITS[::2])
def test_any_flipped_bit_of_a_state_ends_safely(name: str, bit: int) -> None:
    assert_safe(Fault(1 * S, None, f"memory/{name}", "bit flip", {"bit": bit}, after="CHARGING"))


def drawn(entries: list[Entry], phases: tuple[str | None, ...]) -> st.SearchStrategy[Fault]:
    """Any of *entries* in any of *phases*, for a while or for ever."""

    def made(entry: Entry, phase: str | None, at_us: int, lasts_us: int | None) -> Fault:
        until_us = None if lasts_us is None else at_us + lasts_us
        return Fault(at_us, until_us, entry.place.where, entry.kind.name, after=phase)

    lasts = st.none() | st.integers(1, 5 * S)
    return st.builds(made, st.sampled_from(entries), st.sampled_from(phases), st.integers(0, 2 * S), lasts)


WHENEVER = drawn(ENTRIES, (None, *PHASES))


def whenever(fault: Fault) -> None:
    """Without the reaction times: they are of faults under current."""
    bench = ran(fault)
    assert not [words for words in violations(bench, fault) if "allowed" not in words]


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fault=WHENEVER)
def test_a_fault_at_any_time_for_any_while_ends_safely(fault: Fault) -> None:
    whenever(fault)


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(fault=WHENEVER)
def test_many_faults_at_any_time_for_any_while_end_safely(fault: Fault) -> None:
    whenever(fault)


AGAIN = (
    *SCRIPT,
    Step("unplug", Moment(20 * S)),
    Step("plug in", Moment(22 * S)),
    Step("start", Moment(23 * S)),
)


@pytest.mark.parametrize(
    ("where", "kind", "found"),
    [
        ("actuator/K1", "welded", PileFault.CONTACTS_WELDED),
        ("actuator/K2", "feedback on", PileFault.CONTACTS_WELDED),
        ("actuator/bleeder", "open", PileFault.BLEEDER),
        ("actuator/K3", "welded", PileFault.AUX_STUCK),
    ],
)
def test_what_the_pile_cannot_switch_off_is_found_and_blocks_the_next_charge(where: str, kind: str, found: PileFault) -> None:
    fault = Fault(1 * S, None, where, kind, after="CHARGING")
    bench = ran(fault, script=AGAIN)
    assert found in bench.charger.latched and found in LATCHED
    assert bench.charger.state is PileState.IDLE, "plugged in and authorised again, but refused"
    assert not list(violations(bench, fault))


def test_what_blocks_survives_a_reset_of_the_processor() -> None:
    welded = Fault(1 * S, None, "actuator/K1", "welded", after="CHARGING")
    bench = ran(welded, Fault(21 * S, None, "supply/pile_mcu", "reset"), script=AGAIN)
    assert PileFault.CONTACTS_WELDED in bench.charger.latched
    assert bench.charger.state is PileState.IDLE


def test_every_row_of_the_reaction_table_is_met_by_a_fault_of_the_catalogue() -> None:
    met = {row for entry in ENTRIES if (row := row_of(telling(entry)[0])) is not None}
    assert met == set(ROWS)


def test_a_reaction_runs_from_the_effect_to_the_last_moment_above_5_a() -> None:
    bench = ran(Fault(1 * S, None, "line/emergency_stop", "open", after="CHARGING"))
    took = reaction_us(bench)
    assert took is not None and 0 < took <= 100_000


def test_an_unsafe_end_is_seen() -> None:
    """The judge itself: a run that is cut off under current, and one whose bolt was let go by hand."""
    fault = Fault(1 * S, None, "input/start", "stuck on", after="CHARGING")
    bench = Bench(PileSetup(level="quasi_static"), vehicle_of(fault), seed=1, script=SCRIPT, faults=[fault])
    bench.run(10 * S, to_the_end=False)
    bench.pile.lock.release(bench.clock.now)
    words = " / ".join(violations(bench, fault))
    assert "K1 and K2 are closed" in words and "A flow" in words and "unlocked with" in words
