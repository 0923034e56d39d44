"""Bits that turn over on the line between the chips, as fast edges beside it make them."""

from typing import NamedTuple

import numpy as np


class Flip(NamedTuple):
    """One wrong bit: *mask* in byte *place* of a frame, from the chip behind *hop* on (0: between master and nearest chip)."""

    hop: int
    place: int
    mask: int


class LineNoise:
    """Turns over one bit of a *share* of the frames that pass a hop, each way. Everything random comes from *seed*."""

    def __init__(self, *, share: float, seed: int) -> None:
        if not 0.0 <= share <= 1.0:
            raise ValueError(f"share = {share} of the frames: 0..1; field measurements are 1e-6 to 1e-3")
        self.share = share
        self._random = np.random.default_rng(seed)

    def flips(self, hops: int, length: int) -> list[Flip]:
        """What one frame of *length* bytes suffers on *hops* hops, one way."""
        hit = np.flatnonzero(self._random.random(hops) < self.share) if length else ()
        return [Flip(int(hop), int(self._random.integers(length)), 1 << int(self._random.integers(8))) for hop in hit]


def spoiled(frame: bytes, flips: list[Flip]) -> bytes:
    """*frame* with all *flips* in it."""
    changed = bytearray(frame)
    for flip in flips:
        changed[flip.place] ^= flip.mask
    return bytes(changed)
