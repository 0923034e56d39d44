"""Both roles of the bench charge over the Linux kernel's CAN stack."""

import importlib.util
import json
from pathlib import Path

import pytest

from hil.links.recorded import read
from hil.story.telling import tell

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("guest", HERE / "guest.py")
guest = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(guest)


@pytest.mark.slow
@pytest.mark.skipif(guest.missing() is not None, reason=guest.NEEDED)
def test_pile_and_vehicle_charge_over_vcan0(tmp_path):
    text = guest.run(HERE / "charge.py", tmp_path, tmp_path, timeout=175)

    told = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert [one["side"] for one in told] == ["pile", "vehicle"]
    assert all(one["ended"] == "orderly" and one["safe"] and one["timeouts"] == [] for one in told), told
    first, second = (tell(read(tmp_path / side / "bus.log")).sessions[0] for side in ("pile", "vehicle"))
    assert first.ending.outcome is second.ending.outcome
    assert [phase.name for phase in first.phases] == [phase.name for phase in second.phases]
