"""In-batch softmax, supervised contrastive and multi-similarity loss against plain sums, and degenerate batches."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import losses

RNG = np.random.default_rng(4)
LABELS = np.array([7, 3, 40, 7, 7, 11, 3, 7, 40, 5, 7, 3])  # 11 and 5 are alone
EMBEDDINGS = RNG.normal(size=(12, 4)).astype("float32")
LOSSES = [
    losses.InBatchSoftmaxLoss(temperature=0.2),
    losses.SupervisedContrastiveLoss(temperature=0.2),
    losses.MultiSimilarityLoss(alpha=3.0, beta=20.0, base=0.3),
]
EXPECTED = {
    "in_batch_softmax_loss": lambda labels, x: oracles.batch_softmax(labels, x, 0.2, everybody=False),
    "supervised_contrastive_loss": lambda labels, x: oracles.batch_softmax(labels, x, 0.2, everybody=True),
    "multi_similarity_loss": lambda labels, x: oracles.multi_similarity(labels, x, 3.0, 20.0, 0.3),
}
every_loss = pytest.mark.parametrize("loss", LOSSES, ids=lambda loss: loss.name)


@every_loss
@pytest.mark.parametrize(
    "labels",
    [LABELS, [4] * 12, list(range(12)), [9] * 11 + [2]],
    ids=["ragged", "one class", "all alone", "one other"],
)
def test_a_batch_agrees_with_plain_sums(loss, labels):
    assert float(loss(labels, EMBEDDINGS)) == pytest.approx(EXPECTED[loss.name](labels, EMBEDDINGS), rel=1e-4, abs=1e-6)


@every_loss
@pytest.mark.parametrize("labels", [LABELS, [4] * 12, list(range(12))], ids=["ragged", "one class", "all alone"])
def test_gradient_is_the_slope_of_the_plain_sums(loss, labels):
    """Central differences of step 1e-4 in double precision."""
    gradient = oracles.gradient(lambda x: loss(labels, x), EMBEDDINGS)
    for place in [(0, 0), (5, 2), (8, 3)]:
        moved = [EMBEDDINGS.astype("float64") for _ in range(2)]
        moved[0][place] += 1e-4
        moved[1][place] -= 1e-4
        slope = np.diff([EXPECTED[loss.name](labels, x) for x in reversed(moved)])[0] / 2e-4
        assert gradient[place] == pytest.approx(slope, rel=1e-3, abs=1e-5)


def test_softmax_of_pairs_by_hand():
    """Two orthogonal pairs, temperature 1: -log(e / (e + 1)). Rights exchanged: -log(1 / (e + 1))."""
    left = np.float32([[1, 0], [0, 1]])
    straight, crossed = (losses.info_nce(left, right, 1.0) for right in (left, left[::-1]))
    np.testing.assert_allclose(ops.convert_to_numpy(straight), [np.log(1 + np.exp(-1))] * 2, rtol=1e-5)
    np.testing.assert_allclose(ops.convert_to_numpy(crossed), [np.log(1 + np.exp(1))] * 2, rtol=1e-5)


def test_softmax_of_pairs_agrees_with_plain_sums():
    left, right = EMBEDDINGS[:6], EMBEDDINGS[6:]
    similarity = np.array([[1 - oracles.distance("cosine", a, b) for b in right] for a in left]) / 0.3
    expected = [np.log(np.exp(row).sum()) - row[i] for i, row in enumerate(similarity)]
    found = losses.info_nce(left, right, temperature=0.3)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-4)


def test_a_single_pair_has_nothing_to_be_told_from():
    assert float(losses.info_nce(EMBEDDINGS[:1], EMBEDDINGS[1:2])[0]) == pytest.approx(0, abs=1e-6)


def test_two_of_each_class_are_pairs_in_both_directions():
    """With two examples of each class the in-batch softmax compares each with its partner and the other classes."""
    labels = [3, 9, 3, 9]
    x = EMBEDDINGS[:4]
    s = np.array([[1 - oracles.distance("cosine", a, b) for b in x] for a in x]) / 0.1
    by_hand = [np.log(np.exp(s[a, p]) + np.exp(s[a, q]) + np.exp(s[a, r])) - s[a, p]
               for a, p, q, r in [(0, 2, 1, 3), (1, 3, 0, 2), (2, 0, 1, 3), (3, 1, 0, 2)]]  # fmt: skip
    assert float(losses.InBatchSoftmaxLoss()(labels, x)) == pytest.approx(np.mean(by_hand), rel=1e-4)


@every_loss
def test_a_collapsed_batch_has_a_finite_gradient(loss):
    x = np.ones((6, 3), "float32")
    assert np.isfinite(oracles.gradient(lambda x: loss([7, 7, 3, 3, 3, 11], x), x)).all()


@every_loss
@pytest.mark.parametrize("scale", [0.0, 1e-20, 1e18])
def test_lengths_do_not_matter_and_cost_no_nan(loss, scale):
    found = float(loss(LABELS, EMBEDDINGS * np.float32(scale)))
    assert np.isfinite(found)
    if scale:
        assert found == pytest.approx(float(loss(LABELS, EMBEDDINGS)), rel=1e-4)


@every_loss
def test_a_small_temperature_or_sharp_sum_does_not_overflow(loss):
    sharp = {"temperature": 1e-3} if "temperature" in loss.get_config() else {"alpha": 1e3, "beta": 1e3}
    assert np.isfinite(oracles.gradient(lambda x: type(loss)(**sharp)(LABELS, x), EMBEDDINGS)).all()


@every_loss
def test_one_value_per_anchor_column_labels_and_sample_weights(loss):
    values = ops.convert_to_numpy(loss.call(LABELS, EMBEDDINGS))
    assert values.shape == (12,)
    weights = np.arange(12, dtype="float32")
    weighed = float(loss(LABELS[:, None], EMBEDDINGS, sample_weight=weights))
    assert weighed == pytest.approx(np.mean(values * weights), rel=1e-5)


@every_loss
@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_embeddings_give_a_float32_loss(loss, dtype):
    """Classes 257 and 258 are one bfloat16."""
    x = ops.cast(ops.convert_to_tensor(EMBEDDINGS), dtype)
    found = loss(LABELS + 250, x)
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    again = ops.convert_to_numpy(ops.cast(x, "float32"))
    assert float(found) == pytest.approx(EXPECTED[loss.name](LABELS, again), rel=1e-4)


@every_loss
def test_loss_survives_a_round_trip(loss):
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert type(again) is type(loss)
    assert again.get_config() == loss.get_config()
    assert float(again(LABELS, EMBEDDINGS)) == float(loss(LABELS, EMBEDDINGS))


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: losses.InBatchSoftmaxLoss(0.0), "`temperature` must be a number above 0. Received: temperature=0.0"),
        (lambda: losses.SupervisedContrastiveLoss("1"), "`temperature` must be .* Received: temperature='1'"),
        (lambda: losses.MultiSimilarityLoss(alpha=-1), "`alpha` must be .* Received: alpha=-1"),
        (lambda: losses.MultiSimilarityLoss(beta=float("nan")), "`beta` must be .* Received: beta=nan"),
        (lambda: losses.MultiSimilarityLoss(base=2.0), "`base` is a cosine similarity, .* Received: base=2.0"),
        (lambda: losses.info_nce(EMBEDDINGS, EMBEDDINGS[:3]), r"shapes \(12, 4\) and \(3, 4\)"),
        (lambda: losses.info_nce(EMBEDDINGS[0], EMBEDDINGS[0]), r"\(batch, dim\). Received: shapes \(4,\)"),
        (lambda: losses.info_nce(EMBEDDINGS, EMBEDDINGS, -1.0), "`temperature` must be"),
        (lambda: losses.in_batch_softmax(LABELS[:3], EMBEDDINGS), r"labels \(3,\), embeddings \(12, 4\)"),
        (lambda: losses.supervised_contrastive(LABELS, EMBEDDINGS, 0), "`temperature` must be"),
        (lambda: losses.multi_similarity(np.eye(12), EMBEDDINGS), r"class number, .* labels \(12, 12\)"),
    ],
)
def test_bad_arguments_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_numpy_numbers_are_arguments_too():
    assert losses.MultiSimilarityLoss(base=np.float32(0.5)).base == 0.5
