"""Batches concatenated from several streams."""

import numpy as np
import pytest

from siamkeras import generators

LABELS = np.repeat([7, 3, 40], 4)
IMAGES = np.arange(12, dtype="float32").reshape(12, 1)


def test_batches_are_concatenated_until_the_shortest_stream_ends():
    first = generators.pairs(IMAGES, LABELS, batch_size=2, steps=4, seed=1)
    second = generators.pairs(IMAGES + 100, LABELS, batch_size=3, steps=2, seed=2)
    batches = list(generators.concat_batches(first, second))
    assert len(batches) == 2
    for (inputs, same), one, two in zip(batches, first, second, strict=False):
        for role in ("left", "right"):
            np.testing.assert_array_equal(inputs[role], np.concatenate([one[0][role], two[0][role]]))
        np.testing.assert_array_equal(same, np.concatenate([one[1], two[1]]))


def test_streams_of_different_shape_or_structure_and_episodes_raise():
    stream = generators.balanced(IMAGES, LABELS, 2, 2)
    with pytest.raises(ValueError, match="in both shapes must be equal"):
        generators.concat_batches(stream, generators.balanced(np.repeat(IMAGES, 2, axis=1), LABELS, 2, 2))
    with pytest.raises((TypeError, ValueError), match="structure"):
        generators.concat_batches(stream, generators.triplets(IMAGES, LABELS))
    episodes = generators.episodes(IMAGES, LABELS, way=2, query=1)
    with pytest.raises(ValueError, match="Episodes cannot be concatenated"):
        generators.concat_batches(episodes, episodes)
