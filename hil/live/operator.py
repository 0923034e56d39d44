"""The people at the bench: somebody who has to show that he is there."""

import sys
import threading
import time


class Operator:
    """Somebody who has to press Enter at least every *every_s*. Standard input that ends is a hand that has let go."""

    def __init__(self, every_s: float) -> None:
        if not 1.0 <= every_s <= 3600.0:
            raise ValueError(f"every_s = {every_s} s: 1..3600")
        self._every_s, self._until = every_s, time.monotonic() + every_s
        threading.Thread(target=self._watch, name="operator", daemon=True).start()

    def holds(self) -> bool:
        """Whether the last Enter is not too long ago."""
        return time.monotonic() < self._until

    def _watch(self) -> None:
        for _ in sys.stdin:
            self._until = time.monotonic() + self._every_s
        self._until = 0.0
