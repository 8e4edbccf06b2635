"""The triplet loss and its mining against loops over all triplets and hand-derived numbers."""

import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import losses
from siamkeras.losses import _mining
from siamkeras.losses._all_triplets import sums_by_sorting
from siamkeras.losses.triplet import _sums_by_definition

MINING = ("all", "hard", "semi_hard")
RNG = np.random.default_rng(3)
# Classes of different sizes: 7 five times, 3 three times, 40 twice, 11 and 5 once.
LABELS = np.array([7, 3, 40, 7, 7, 11, 3, 7, 40, 5, 7, 3])
EMBEDDINGS = RNG.normal(size=(12, 4)).astype("float32")
UNIT = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
# On a line. Anchor 0: d_pos 1, d_neg 1.5. Anchor 1: d_pos 1, d_neg 0.5. Anchor 2 has no positive.
LINE = [7, 7, 4], [[0.0], [1.0], [1.5]]


def numpy(x):
    return ops.convert_to_numpy(x)


def test_the_formula_agrees_with_values_by_hand():
    """0.5 - 0.4 + 0.2; 0.5 - 0.6 + 0.2; 0.5 - 0.8 + 0.2 < 0."""
    values = losses.triplet([0.5, 0.5, 0.5], [0.4, 0.6, 0.8], margin=0.2)
    np.testing.assert_allclose(numpy(values), [0.3, 0.1, 0.0], atol=1e-6)


def test_the_soft_margin_agrees_with_values_by_hand():
    """log(1 + e^0) = log 2; log(1 + e^-2) = 0.1269; log(1 + e^100) = 100."""
    values = losses.triplet([1.0, 0.0, 100.0], [1.0, 2.0, 0.0], margin="soft")
    np.testing.assert_allclose(numpy(values), [np.log(2), 0.126928, 100.0], rtol=1e-5)


def test_only_active_triplets_have_a_gradient():
    """Active: 1 for d_pos and -1 for d_neg. Beyond the margin: 0."""
    d_neg = np.float32([0.6, 0.8])
    np.testing.assert_array_equal(oracles.gradient(lambda d: losses.triplet(d, d_neg), [0.5, 0.5]), [1, 0])
    np.testing.assert_array_equal(oracles.gradient(lambda d: losses.triplet([0.5, 0.5], d), d_neg), [-1, 0])


@pytest.mark.parametrize("average", ["active", "all"])
@pytest.mark.parametrize("mining", MINING)
@pytest.mark.parametrize("margin", [0.05, 0.4, 2.0, "soft"])
def test_a_batch_agrees_with_the_loop_in_value_and_gradient(margin, mining, average):
    value, gradient = oracles.triplet_loss(LABELS, UNIT, margin, mining, average)
    loss = losses.TripletLoss(margin, mining, average=average)
    assert float(loss(LABELS, UNIT)) == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(oracles.gradient(lambda x: loss(LABELS, x), UNIT), gradient, atol=1e-5)


def test_a_larger_batch_agrees_with_the_loop():
    """60 embeddings in classes of 1 to 9: about 21 thousand triplets."""
    rng = np.random.default_rng(8)
    x, labels = rng.normal(size=(60, 3)), rng.integers(0, 12, 60) * 5 - 20
    value, gradient = oracles.triplet_loss(labels, x, 0.5)
    loss = losses.TripletLoss(0.5)
    assert float(loss(labels, x)) == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(oracles.gradient(lambda x: loss(labels, x), x), gradient, atol=1e-5)


@pytest.mark.parametrize("margin", [0.5, 1.0, 3.0])
def test_the_sorting_algorithm_agrees_with_the_definition(margin):
    """Integer distances give many ties, among them triplets with a loss of exactly 0."""
    distance = np.random.default_rng(1).integers(0, 5, (12, 12)).astype("float32")
    masks = _mining.positives(LABELS), _mining.negatives(LABELS)
    by_sorting, by_definition = (
        [numpy(part) for part in sums(ops.convert_to_tensor(distance), *masks, margin)]
        for sums in (sums_by_sorting, _sums_by_definition)
    )
    np.testing.assert_allclose(by_sorting, by_definition, rtol=1e-5)


@pytest.mark.parametrize("mining", MINING)
@pytest.mark.parametrize("distance", ["cosine", "manhattan", "squared_euclidean"])
def test_other_distances_agree_with_the_loop(distance, mining):
    value, _ = oracles.triplet_loss(LABELS, EMBEDDINGS, 0.3, mining, name=distance)
    assert float(losses.TripletLoss(0.3, mining, distance)(LABELS, EMBEDDINGS)) == pytest.approx(value, rel=1e-4)


def test_a_batch_agrees_with_values_by_hand():
    """Loss of anchor 0: 1 - 1.5 + 0.2 < 0; of anchor 1: 0.7. The mean of the batch is 0.7 over the active triplet,
    and 0.35 over both triplets."""
    np.testing.assert_allclose(numpy(losses.batch_triplet(*LINE)), [0, 2.1, 0], rtol=1e-5)
    np.testing.assert_allclose(numpy(losses.batch_triplet(*LINE, average="all")), [0, 1.05, 0], rtol=1e-5)


@pytest.mark.parametrize("mining", MINING)
def test_a_triplet_with_loss_0_is_not_averaged(mining):
    """With margin 0.5 the triplet of anchor 0 has loss 1 - 1.5 + 0.5 = 0; that of anchor 1 has 1."""
    np.testing.assert_allclose(numpy(losses.batch_triplet(*LINE, margin=0.5, mining=mining)), [0, 3.0, 0], rtol=1e-5)


@pytest.mark.parametrize("mining", MINING)
@pytest.mark.parametrize("margin", [0.3, "soft"])
@pytest.mark.parametrize("labels", [[4] * 6, [1, 2, 3, 4, 5, 6], [9, 9, 9, 9, 9, 2]])
def test_anchors_without_a_positive_or_a_negative_have_no_weight(labels, margin, mining):
    loss = losses.TripletLoss(margin, mining)
    value, gradient = oracles.triplet_loss(labels, UNIT[:6], margin, mining)
    assert float(loss(labels, UNIT[:6])) == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(oracles.gradient(lambda x: loss(labels, x), UNIT[:6]), gradient, atol=1e-5)


@pytest.mark.parametrize("mining", MINING)
def test_a_collapsed_batch_has_the_margin_as_its_loss(mining):
    loss = losses.TripletLoss(0.3, mining)([7, 7, 3, 3, 3, 11], np.ones((6, 3), "float32"))
    assert float(loss) == pytest.approx(0.3, abs=1e-5)


@pytest.mark.parametrize(
    "arguments, message",
    [
        *[({"margin": margin}, "`margin` must be a number above 0") for margin in (0, float("nan"), "hard")],
        ({"mining": "hardest"}, "`mining` must be one of 'all', 'hard', 'semi_hard'. Received: mining='hardest'"),
        ({"average": "mean"}, "`average` must be one of 'active', 'all'. Received: average='mean'"),
        ({"distance": "taxi"}, "`distance` must be one of .* Received: 'taxi'"),
    ],
)
def test_invalid_arguments_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        losses.TripletLoss(**arguments)
    with pytest.raises(ValueError, match=message):
        losses.batch_triplet(LABELS, UNIT, **arguments)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: losses.triplet(np.ones((3, 1)), np.ones(3)), r"Received: shapes \(3, 1\) and \(3,\)"),
        (lambda: losses.batch_triplet(LABELS[:5], UNIT), r"labels of shape \(5,\), embeddings of shape \(12, 4\)"),
        (lambda: losses.batch_triplet(np.eye(12), UNIT), r"class index, .* labels of shape \(12, 12\)"),
        (lambda: losses.batch_triplet(LABELS, UNIT[:, 0]), r"embeddings \(batch, dim\). Received: shape \(12,\)"),
        (lambda: losses.TripletLoss()(LABELS[:5], UNIT), r"labels of shape \(5,\)"),
    ],
)
def test_shapes_that_do_not_match_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
