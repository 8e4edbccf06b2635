"""The triplet loss and its mining against the triple loop, hand-derived numbers, and everything that a batch can be."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import losses

RNG = np.random.default_rng(3)
# Ragged classes: 7 five times, 3 three times, 40 twice, 11 and 5 once.
LABELS = np.array([7, 3, 40, 7, 7, 11, 3, 7, 40, 5, 7, 3])
EMBEDDINGS = RNG.normal(size=(12, 4)).astype("float32")
UNIT = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)


def numpy(x):
    return ops.convert_to_numpy(x)


def test_triplet_by_hand():
    """0.5 - 0.4 + 0.2; 0.5 - 0.6 + 0.2; in order by 0.3, which is more than the margin."""
    found = numpy(losses.triplet([0.5, 0.5, 0.5], [0.4, 0.6, 0.8], margin=0.2))
    np.testing.assert_allclose(found, [0.3, 0.1, 0.0], atol=1e-6)


def test_soft_margin_by_hand():
    """log(1 + e^0) = log 2; log(1 + e^-2) = 0.1269; log(1 + e^100) = 100."""
    found = numpy(losses.triplet([1.0, 0.0, 100.0], [1.0, 2.0, 0.0], margin="soft"))
    np.testing.assert_allclose(found, [np.log(2), 0.126928, 100.0], rtol=1e-5)


def test_only_the_order_matters_to_a_triplet():
    """d/d_pos = 1 and d/d_neg = -1 while active, both 0 beyond."""
    d_neg = np.float32([0.6, 0.8])
    np.testing.assert_array_equal(oracles.gradient(lambda d: losses.triplet(d, d_neg), [0.5, 0.5]), [1, 0])
    np.testing.assert_array_equal(oracles.gradient(lambda d: losses.triplet([0.5, 0.5], d), d_neg), [-1, 0])


def test_distances_of_other_shapes_are_refused():
    with pytest.raises(ValueError, match=r"one d_pos and one d_neg. Received: shapes \(3, 1\) and \(3,\)"):
        losses.triplet(np.ones((3, 1)), np.ones(3))


@pytest.mark.parametrize("average", losses.AVERAGES)
@pytest.mark.parametrize("mining", losses.MINING)
@pytest.mark.parametrize("margin", [0.05, 0.4, 2.0, "soft"])
def test_a_batch_agrees_with_the_triple_loop(margin, mining, average):
    value, gradient = oracles.triplet_loss(LABELS, UNIT, margin, mining, average)
    loss = losses.TripletLoss(margin, mining, average=average)
    assert float(loss(LABELS, UNIT)) == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(oracles.gradient(lambda x: loss(LABELS, x), UNIT), gradient, atol=1e-5)


@pytest.mark.parametrize("mining", losses.MINING)
@pytest.mark.parametrize("distance", ["cosine", "manhattan", "squared_euclidean"])
def test_any_distance_serves(distance, mining):
    value, _ = oracles.triplet_loss(LABELS, EMBEDDINGS, 0.3, mining, name=distance)
    assert float(losses.TripletLoss(0.3, mining, distance)(LABELS, EMBEDDINGS)) == pytest.approx(value, rel=1e-4)


def test_a_larger_batch_agrees_with_the_triple_loop_too():
    """60 embeddings in classes of 1 to 9: 21 thousand triplets, about."""
    rng = np.random.default_rng(8)
    x, labels = rng.normal(size=(60, 3)), rng.integers(0, 12, 60) * 5 - 20
    value, gradient = oracles.triplet_loss(labels, x, 0.5)
    loss = losses.TripletLoss(0.5)
    assert float(loss(labels, x)) == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(oracles.gradient(lambda x: loss(labels, x), x), gradient, atol=1e-5)


def test_all_triplets_of_a_batch_by_hand():
    """On a line: 0 and 1 are of class 7, 1.5 of class 4. Anchor 0: 1 - 1.5 + 0.2 < 0. Anchor 1: 1 - 0.5 + 0.2 = 0.7.
    Anchor 1.5 has no positive. Active: one, so the mean over the batch of three is 0.7; over all: 0.35."""
    batch = [7, 7, 4], [[0.0], [1.0], [1.5]]
    np.testing.assert_allclose(numpy(losses.batch_triplet(*batch)), [0, 2.1, 0], rtol=1e-5)
    np.testing.assert_allclose(numpy(losses.batch_triplet(*batch, average="all")), [0, 1.05, 0], rtol=1e-5)
    assert float(losses.active_fraction(*batch)) == 0.5


def test_a_negative_just_at_the_edge_is_not_active():
    """d_pos = 1, margin 0.5, negatives at exactly 1.5 from anchor 0; from anchor 1 the negative is 0.5 away: active."""
    batch = [7, 7, 4], [[0.0], [1.0], [1.5]]
    assert float(losses.active_fraction(*batch, margin=0.5)) == 0.5
    np.testing.assert_allclose(numpy(losses.batch_triplet(*batch, margin=0.5)), [0, 3.0, 0], rtol=1e-5)


@pytest.mark.parametrize("mining", losses.MINING)
@pytest.mark.parametrize("margin", [0.3, "soft"])
@pytest.mark.parametrize(
    "labels", [[4] * 6, [1, 2, 3, 4, 5, 6], [9, 9, 9, 9, 9, 2]], ids=["one class", "all alone", "one other"]
)
def test_partnerless_anchors_count_for_nothing_and_cost_no_nan(labels, margin, mining):
    loss = losses.TripletLoss(margin, mining)
    value, gradient = oracles.triplet_loss(labels, UNIT[:6], margin, mining)
    assert float(loss(labels, UNIT[:6])) == pytest.approx(value, rel=1e-5)
    np.testing.assert_allclose(oracles.gradient(lambda x: loss(labels, x), UNIT[:6]), gradient, atol=1e-5)


@pytest.mark.parametrize("mining", losses.MINING)
def test_a_collapsed_batch_stands_at_the_margin_with_a_finite_gradient(mining):
    """All distances equal: every triplet costs the margin."""
    x = np.ones((6, 3), "float32")
    loss = losses.TripletLoss(0.3, mining)
    assert float(loss([7, 7, 3, 3, 3, 11], x)) == pytest.approx(0.3, abs=1e-5)
    assert np.isfinite(oracles.gradient(lambda x: loss([7, 7, 3, 3, 3, 11], x), x)).all()


@pytest.mark.parametrize("mining", losses.MINING)
def test_a_batch_of_one_is_fine(mining):
    loss = losses.TripletLoss(mining=mining)
    assert float(loss([5], UNIT[:1])) == 0
    assert np.isfinite(oracles.gradient(lambda x: loss([5], x), UNIT[:1])).all()


def test_column_labels_are_labels():
    assert float(losses.TripletLoss()(LABELS[:, None], UNIT)) == float(losses.TripletLoss()(LABELS, UNIT))


def test_one_value_per_anchor_and_sample_weights_reach_it():
    """Weight 0 on anchor 1, the only active one of the hand-derived batch, leaves nothing; weight 3 triples it."""
    batch, loss = ([7, 7, 4], np.float32([[0.0], [1.0], [1.5]])), losses.TripletLoss()
    assert tuple(loss.call(*batch).shape) == (3,)
    assert float(loss(*batch, sample_weight=np.float32([1, 0, 1]))) == 0
    assert float(loss(*batch, sample_weight=np.float32([1, 3, 1]))) == pytest.approx(2.1)


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
@pytest.mark.parametrize("mining", losses.MINING)
def test_half_precision_embeddings_give_a_float32_loss(mining, dtype):
    """A difference of 400 squared is beyond float16; the loss casts up first. Classes 257 and 258 are one bfloat16."""
    x = ops.cast(ops.convert_to_tensor([[0.0], [400.0], [0.0]]), dtype)
    loss = losses.TripletLoss(0.5, mining)([257, 257, 258], x)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    value, _ = oracles.triplet_loss([257, 257, 258], [[0.0], [400.0], [0.0]], 0.5, mining)
    assert float(loss) == pytest.approx(value, rel=1e-4)


def test_the_active_share_is_that_of_the_loop():
    table = [[oracles.distance("euclidean", a, b) for b in UNIT] for a in UNIT]
    every = oracles.triplets(LABELS)
    active = sum(table[a][p] - table[a][q] + 0.2 > 0 for a, p, q in every)
    assert float(losses.active_fraction(LABELS, UNIT, margin=0.2)) == pytest.approx(active / len(every))


@pytest.mark.parametrize("margin", [0, -1.0, float("nan"), float("inf"), "hard", None, True])
def test_a_margin_that_is_none_is_refused(margin):
    for make in (losses.TripletLoss, lambda margin: losses.triplet([1.0], [1.0], margin)):
        with pytest.raises(ValueError, match=r"`margin` .* above 0, or \"soft\". Received: margin="):
            make(margin)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"mining": "hardest"}, "`mining` must be one of 'all', 'hard', 'semi_hard'. Received: mining='hardest'"),
        ({"mining": None}, "`mining` must be one of .* Received: mining=None"),
        ({"average": "mean"}, "`average` must be one of 'active', 'all'. Received: average='mean'"),
        ({"distance": "taxi"}, "`distance` must be one of .* Received: 'taxi'"),
    ],
)
def test_unknown_choices_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        losses.TripletLoss(**arguments)
    with pytest.raises(ValueError, match=message):
        losses.batch_triplet(LABELS, UNIT, **arguments)


@pytest.mark.parametrize(
    "labels, embeddings, message",
    [
        (LABELS[:5], UNIT, r"one label, .* Received: labels \(5,\), embeddings \(12, 4\)"),
        (np.eye(12), UNIT, r"its class number, .* Received: labels \(12, 12\)"),
        (LABELS, UNIT[:, 0], r"A batch of embeddings is \(batch, dim\). Received: shape \(12,\)"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, embeddings, message):
    with pytest.raises(ValueError, match=message):
        losses.batch_triplet(labels, embeddings)


def halved(x, y):
    return ops.sum(ops.abs(x - y), axis=-1) / 2


def test_a_distance_of_ones_own_serves():
    value, _ = oracles.triplet_loss(LABELS, EMBEDDINGS / 2, 0.3, name="manhattan")
    assert float(losses.TripletLoss(0.3, distance=halved)(LABELS, EMBEDDINGS)) == pytest.approx(value, rel=1e-4)


def test_loss_survives_a_round_trip():
    loss = losses.TripletLoss("soft", "semi_hard", "cosine", "all", name="mine", reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, losses.TripletLoss)
    assert again.get_config() == loss.get_config()
    assert (again.margin, again.mining, again.distance, again.average) == ("soft", "semi_hard", "cosine", "all")
    assert (again.name, again.reduction) == ("mine", "sum")
