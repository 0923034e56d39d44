"""The Linux kernel's J1939 stack and our transport protocol understand each other, in both directions and all sizes."""

import importlib.util
import json
from pathlib import Path

import pytest

HERE = Path(__file__).parent
_spec = importlib.util.spec_from_file_location("guest", HERE / "guest.py")
guest = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(guest)


@pytest.mark.skipif(guest.missing() is not None, reason=guest.NEEDED)
def test_the_kernel_and_our_transport_exchange_messages_of_every_size_both_ways(tmp_path):
    text = guest.run(HERE / "kernel_j1939.py", tmp_path)

    told = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    assert [one["size"] for one in told] == [9, 14, 15, 49, 256, 1784, 1785]
    assert all(one["sent"] and one["by_kernel"] and one["by_us"] for one in told), told
