"""Random generators, and the seeds of all synthetic data."""

import numpy as np
import pytest

from siamkeras import _random, plotting
from siamkeras.applications import segmentation, signatures, tracking
from siamkeras.applications.faces.synthetic import synthetic_faces
from siamkeras.applications.text.synthetic import synthetic_sentence_pairs


def test_paths_are_independent_and_repeatable():
    draws = [_random.generator(seed, *path).random() for seed, *path in ((3,), (3, 0), (3, 0, 1), (4, 0), (3, 0))]
    assert len(set(draws)) == 4 and draws[1] == draws[4]


@pytest.mark.parametrize("seed", [-1, 1.5, True, None, "1"])
@pytest.mark.parametrize(
    "call",
    [
        lambda seed: synthetic_faces(1, 1, seed=seed),
        lambda seed: segmentation.synthetic_phantoms(2, 1, 16, 1, seed=seed),
        lambda seed: signatures.synthetic_signatures(1, 1, 1, seed=seed),
        lambda seed: synthetic_sentence_pairs(1, seed=seed),
        lambda seed: tracking.synthetic_videos(1, seed=seed),
        lambda seed: plotting.embedding(np.eye(4), [1, 1, 2, 2], "tsne", seed=seed),
    ],
)
def test_seeds_other_than_non_negative_integers_raise(call, seed):
    with pytest.raises(ValueError, match=f"`seed` must be an integer of at least 0.* Received: seed={seed!r}"):
        call(seed)
