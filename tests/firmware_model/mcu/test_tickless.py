"""Leaving out activations that cannot change anything changes no byte: not of the frames, the outputs, nor the events."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

S = 1_000_000

DEEDS = {
    "authorise": lambda b: b.set(b.pile, authorised=True),
    "withdraw": lambda b: b.set(b.pile, authorised=False),
    "plug in": lambda b: b.plug_in(),
    "pull out": lambda b: b.pull_out(),
    "press stop": lambda b: b.set(b.pile, stop_pressed=True),
    "release stop": lambda b: b.set(b.pile, stop_pressed=False),
    "emergency": lambda b: b.set(b.pile.emergency, pressed=True),
    "emergency over": lambda b: b.set(b.pile.emergency, pressed=False),
    "more": lambda b: setattr(b.car, "demand_a", 150.3),
    "less": lambda b: setattr(b.car, "demand_a", 7.7),
    "forbid": lambda b: setattr(b.car, "permitted", False),
    "permit": lambda b: setattr(b.car, "permitted", True),
    "deaf": lambda b: setattr(b.car, "deaf", True),
    "hears": lambda b: setattr(b.car, "deaf", False),
    "hot": lambda b: b.set(b.circuit.plug, plus_offset_k=72.0),
    "cool": lambda b: b.set(b.circuit.plug, plus_offset_k=0.0),
    "weld": lambda b: b.set(b.circuit.k1, welded=True),
    "mains lost": lambda b: b.set(b.pile.mains, voltage_v=0.0),
    "mains back": lambda b: b.set(b.pile.mains, voltage_v=380.0),
    "lost gain": lambda b: b.set(b.circuit.instruments.interface_v, gain=1.15),
    "vehicle stops": lambda b: b.car.stop(b.now),
    "button": lambda b: b.set(b.pile.pilot, button_pressed=True),
    "button up": lambda b: b.set(b.pile.pilot, button_pressed=False),
    "too much": lambda b: b.set(b.circuit.stage, gain=1.25),
}
WHOLE_CHARGE = [
    ("authorise", 3_000), ("plug in", 15 * S), ("less", 1_234_567), ("more", 3 * S), ("hot", 2 * S), ("cool", 2 * S),
    ("forbid", S), ("permit", 2 * S), ("deaf", 3 * S), ("hears", 12 * S), ("press stop", S // 10), ("release stop", 8 * S),
    ("pull out", S), ("plug in", 9 * S), ("vehicle stops", 6 * S),
]  # fmt: skip


def live(bench, story, *, tickless, phase_us):
    b = bench(tickless=tickless, phase_us=phase_us, rng=True)
    for deed, wait_us in story:
        DEEDS[deed](b)
        b.run(wait_us)
    return b


def assert_same(bench, story, phase_us):
    skipping, every = (live(bench, story, tickless=tickless, phase_us=phase_us) for tickless in (True, False))

    assert skipping.frames == every.frames
    assert skipping.outputs == every.outputs
    assert skipping.events == every.events
    return skipping, every


@pytest.mark.parametrize("phase_us", [1, 999])
def test_a_whole_charge_is_the_same_with_a_quarter_of_the_activations(bench, phase_us):
    skipping, every = assert_same(bench, WHOLE_CHARGE, phase_us)

    assert len(skipping.frames) > 1_500 and len(skipping.outputs) > 500
    assert skipping.pile.board.activations < every.pile.board.activations / 4


@settings(max_examples=15, deadline=None)
@given(
    story=st.lists(
        st.tuples(st.sampled_from(sorted(DEEDS)), st.integers(1, 2 * S) | st.integers(0, 50).map(lambda n: n * 1_000))
    ),
    phase_us=st.sampled_from([0, 250, 999]),
    lead_us=st.integers(0, 12 * S),
)
@example(story=[("weld", 1_000), ("press stop", S)], phase_us=0, lead_us=9 * S)
@example(story=[("lost gain", 10 * S)], phase_us=0, lead_us=9 * S)
@example(story=[("mains lost", 99_000), ("mains back", 300_000), ("mains lost", 10 * S)], phase_us=250, lead_us=9 * S)
def test_any_story_is_the_same(bench, story, phase_us, lead_us):
    assert_same(bench, [("authorise", 0), ("plug in", lead_us), *story], phase_us)


def test_a_steady_charge_needs_little_more_than_one_activation_per_frame(bench):
    b = bench().charge(10 * S)
    activations, frames = b.pile.board.activations, len(b.frames)

    b.run(20 * S)

    assert b.pile.board.activations - activations < 1.3 * (len(b.frames) - frames)
