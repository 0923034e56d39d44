"""A thread that paces asks the kernel for short sleeps."""

import sys
import threading
from pathlib import Path

import pytest

from hil.live.sharp_timers import SLACK_NS, sharpen


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has a timer slack")
def test_it_holds_for_the_thread_that_asks():
    found = []

    def look():
        sharpen()
        path = Path(f"/proc/self/task/{threading.get_native_id()}/timerslack_ns")
        found.append(path.read_text().strip() if path.exists() else str(SLACK_NS))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    assert found == [str(SLACK_NS)]
