"""Linux's driver of real CAN cards, in an emulated PC: `make test-qemu`. Slow, for the processor is emulated too."""

import importlib.util
import json
from pathlib import Path

import pytest

from hil.links.recorded import read
from hil.story.telling import tell

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("qemu", HERE / "qemu.py")
qemu = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(qemu)
pytestmark = [pytest.mark.qemu, pytest.mark.skipif(qemu.missing() is not None, reason=qemu.NEEDED)]


def told(text):
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def test_two_cards_carry_messages_of_every_size_between_the_kernel_and_our_transport(tmp_path):
    rows = told(qemu.run(HERE / "kernel_j1939.py", tmp_path, "can0", "can1"))

    assert [one["size"] for one in rows] == [9, 14, 15, 49, 256, 1784, 1785]
    assert all(one["sent"] and one["by_kernel"] and one["by_us"] for one in rows), rows


def test_pile_and_vehicle_speak_over_two_cards_and_end_safely(tmp_path):
    """They charge; but an emulated processor, twenty times too slow, does not let two benches keep limits of 1 s for long."""
    rows = told(qemu.run(HERE / "charge.py", tmp_path, tmp_path, "can0", "can1"))

    assert [one["side"] for one in rows] == ["pile", "vehicle"]
    assert all(one["safe"] and one["ended"] in ("orderly", "interrupted") for one in rows), rows
    assert all(one["frames"] > 100 for one in rows), rows
    for side in ("pile", "vehicle"):
        phases = [phase.name for phase in tell(read(tmp_path / side / "bus.log")).sessions[0].phases]
        assert phases[:4] == ["handshake", "identification", "configuration", "charging"]
