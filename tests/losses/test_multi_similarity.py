"""The multi-similarity loss against plain sums and hand-derived numbers."""

import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import losses

LABELS = np.array([7, 3, 40, 7, 7, 11, 3, 7, 40, 5, 7, 3])
EMBEDDINGS = np.random.default_rng(4).normal(size=(12, 4)).astype("float32")


@pytest.mark.parametrize("labels", [LABELS, [4] * 12, list(range(12)), [9] * 11 + [2]])
def test_a_batch_agrees_with_plain_sums(labels):
    expected = oracles.multi_similarity(labels, EMBEDDINGS, 3.0, 20.0, 0.3)
    assert float(losses.MultiSimilarityLoss(3.0, 20.0, 0.3)(labels, EMBEDDINGS)) == pytest.approx(expected, rel=1e-4)


def test_the_gradient_agrees_with_central_differences_of_plain_sums():
    gradient = oracles.gradient(lambda x: losses.MultiSimilarityLoss(3.0, 20.0, 0.3)(LABELS, x), EMBEDDINGS)
    for index in [(0, 0), (5, 2), (8, 3)]:
        slope = oracles.slope(lambda x: oracles.multi_similarity(LABELS, x, 3.0, 20.0, 0.3), EMBEDDINGS, index)
        assert gradient[index] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_three_examples_agree_with_values_by_hand():
    """Anchor 0: similarity 1 to its positive and 0 to the negative; alpha = beta = 2 and base 0.5 give
    log(1 + e^-1) / 2 twice. Anchor 2 has two negatives and no positive: log(1 + 2 e^-1) / 2."""
    values = losses.multi_similarity([5, 5, 8], np.float32([[1, 0], [1, 0], [0, 1]]), alpha=2.0, beta=2.0, base=0.5)
    expected = [np.log(1 + 1 / np.e)] * 2 + [np.log(1 + 2 / np.e) / 2]
    np.testing.assert_allclose(ops.convert_to_numpy(values), expected, rtol=1e-5)


def test_sharp_sums_do_not_overflow():
    gradient = oracles.gradient(lambda x: losses.MultiSimilarityLoss(1e3, 1e3)(LABELS, x), EMBEDDINGS)
    assert np.isfinite(gradient).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"alpha": -1}, "`alpha` must be a number above 0. Received: alpha=-1"),
        ({"beta": float("nan")}, "Received: beta=nan"),
        ({"base": 2.0}, "`base` must be a number of at least -1 and at most 1. Received: base=2.0"),
    ],
)
def test_invalid_arguments_raise(arguments, message):
    for call in (losses.MultiSimilarityLoss, lambda **more: losses.multi_similarity(LABELS, EMBEDDINGS, **more)):
        with pytest.raises(ValueError, match=message):
            call(**arguments)
