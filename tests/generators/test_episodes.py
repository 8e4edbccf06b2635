"""Streams of episodes."""

import numpy as np
import pytest

from siamkeras import generators

LABELS = np.repeat([7, 3, 40, 11, 5, 9, 2, 8], 3)
IMAGES = np.arange(24, dtype="float32").reshape(24, 1)


def test_support_and_query_are_ordered_by_class():
    for inputs, classes in generators.episodes(IMAGES, LABELS, way=4, shot=1, query=2, steps=20, seed=3):
        support, query = (inputs[role].numpy()[:, 0].astype(int) for role in ("support", "query"))
        assert support.shape == (4,) and query.shape == (8,)
        assert classes.numpy().tolist() == [0, 0, 1, 1, 2, 2, 3, 3]
        assert (LABELS[support][classes] == LABELS[query]).all()
        assert len(set(support) | set(query)) == 12


def test_classes_need_shot_plus_query_images():
    with pytest.raises(ValueError, match=r"at least 6 examples \(shot=1 \+ query=5\)"):
        generators.episodes(IMAGES, LABELS, query=5)
