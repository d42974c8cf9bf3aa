"""Features as bytes."""

import numpy as np
import pytest

from hashtag_archive.indexer.features.codec import (
    Features,
    pack_rows,
    require_finite,
    searchable,
    unpack_rows,
)

EVERY_HALF = np.arange(1 << 16, dtype=np.uint16).view(np.float16)


def like_a_network(rows: int, columns: int) -> Features:
    """Rows like the pooled output of a ReLU network: none below zero, a fifth of them zero."""
    drawn = np.random.default_rng(0).normal(0.4, 0.5, (rows, columns))
    return np.maximum(drawn, 0).astype(np.float16)


def same(one: Features, other: Features) -> bool:
    """Whether two arrays have the same bits: NaN is not equal to itself, and -0 is equal to 0."""
    return one.shape == other.shape and bool((one.view(np.uint16) == other.view(np.uint16)).all())


@pytest.mark.parametrize("shape", [(1, 1 << 16), (1 << 16, 1), (256, 256), (64, 1024)])
def test_every_half_comes_back_bit_by_bit(shape: tuple[int, int]) -> None:
    features = EVERY_HALF.reshape(shape)
    assert same(unpack_rows(pack_rows(features), *shape), features)


def test_a_networks_features_take_three_quarters_of_their_size_at_the_most() -> None:
    features = like_a_network(128, 1280)
    packed = pack_rows(features)
    assert same(unpack_rows(packed, 128, 1280), features)
    assert len(packed) < 0.75 * features.nbytes


def test_rows_that_are_all_zero_come_back() -> None:
    features = np.zeros((128, 1280), np.float16)
    assert same(unpack_rows(pack_rows(features), 128, 1280), features)


def test_a_search_for_bytes_finds_the_rows_that_are_packed() -> None:
    features = like_a_network(8, 640)
    packed = pack_rows(features)
    assert all(len(run) > 300 and run in packed for run in searchable(features))
    assert not any(run in pack_rows(features[:4]) for run in searchable(features[4:]))


@pytest.mark.parametrize("number", [np.inf, -np.inf, np.nan])
def test_numbers_that_are_not_finite_are_found_without_unpacking(number: float) -> None:
    features = like_a_network(8, 640)
    require_finite(pack_rows(features), 8, 640)
    features[5, 3] = number
    with pytest.raises(ValueError, match="not finite"):
        require_finite(pack_rows(features), 8, 640)


def test_damaged_bytes_are_never_anything_but_rows_or_an_error() -> None:
    packed = pack_rows(like_a_network(4, 64))
    draw = np.random.default_rng(1)
    refused = 0
    for _ in range(2000):
        damaged = bytearray(packed)
        for _ in range(int(draw.integers(1, 4))):
            damaged[int(draw.integers(len(damaged)))] ^= int(draw.integers(1, 256))
        cut = (
            bytes(damaged[: int(draw.integers(len(damaged) + 1))]) if draw.random() < 0.2 else bytes(damaged)
        )
        try:
            assert unpack_rows(cut, 4, 64).shape == (4, 64)
        except ValueError:
            refused += 1
    assert refused > 300


@pytest.mark.parametrize("shape", [(4, 63), (4, 65), (5, 64), (1 << 20, 1 << 12)])
def test_another_shape_than_was_packed_is_refused_before_memory_is_taken(shape: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="missing"):
        unpack_rows(pack_rows(like_a_network(4, 64)), *shape)
