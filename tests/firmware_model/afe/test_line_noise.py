"""Wrong bits: how many, where, and the same for the same seed."""

import pytest

from firmware_model.afe.line_noise import Flip, LineNoise, spoiled


def test_as_many_frames_suffer_as_asked():
    noise = LineNoise(share=0.01, seed=1)

    count = sum(len(noise.flips(4, 28)) for _ in range(10_000))

    assert count == pytest.approx(400, rel=0.2)


def test_a_flip_is_one_bit_of_the_frame_and_goes_both_ways():
    noise = LineNoise(share=1.0, seed=1)
    frame = bytes(12)

    flips = noise.flips(3, 12)

    assert [flip.hop for flip in flips] == [0, 1, 2]
    assert all(sum(byte.bit_count() for byte in spoiled(frame, [flip])) == 1 for flip in flips)
    assert spoiled(spoiled(frame, flips), flips) == frame
    assert spoiled(b"\x00\x01", [Flip(0, 1, 0x80)]) == b"\x00\x81"


def test_the_same_seed_spoils_the_same_bits():
    def run(seed):
        noise = LineNoise(share=0.1, seed=seed)
        return [noise.flips(3, 20) for _ in range(50)]

    assert run(1) == run(1) != run(2)


def test_an_empty_frame_has_nothing_to_spoil():
    assert LineNoise(share=1.0, seed=1).flips(3, 0) == []


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_nonsense_is_refused_by_name(share):
    with pytest.raises(ValueError, match="share"):
        LineNoise(share=share, seed=1)
