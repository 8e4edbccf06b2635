"""Layers against loops and hand-derived numbers, and the losses that endpoint layers add."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import distances, layers

ONE, TWO = np.ones(1, "float32"), np.ones((1, 2), "float32")


def numpy(x):
    return ops.convert_to_numpy(x)


def test_dark_ink_is_inverted_image_by_image():
    """Means of 0.7 (dark ink), 0.3 and exactly 0.5."""
    images = np.float32([[0.4, 1.0], [0.6, 0.0], [0.5, 0.5]])[..., None]
    expected = np.float32([[0.6, 0.0], [0.6, 0.0], [0.5, 0.5]])[..., None]
    np.testing.assert_allclose(numpy(layers.InvertDarkInk()(images)), expected, atol=1e-6)


@pytest.mark.parametrize("name", sorted(distances.DISTANCES))
def test_the_distance_layer_agrees_with_the_loop(name):
    x, y = np.random.default_rng(1).normal(size=(2, 6, 4)).astype("float32")
    expected = [oracles.distance(name, a, b) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(numpy(layers.Distance(name)([x, y])), expected, rtol=1e-5)


def test_the_contrastive_endpoint_returns_distances_and_adds_the_mean_loss():
    same, distance = np.float32([1, 0, 0.4]), np.float32([0.5, 0.25, 0.7])
    layer = layers.ContrastiveLossLayer(margin=0.8)
    assert numpy(layer([same, distance])).tolist() == distance.tolist()
    expected = np.mean([oracles.contrastive(s, d, 0.8) for s, d in zip(same, distance, strict=True)])
    assert [float(ops.convert_to_numpy(loss)) for loss in layer.losses] == pytest.approx([expected], rel=1e-5)


def test_the_triplet_endpoint_returns_both_distances_and_adds_the_mean_loss():
    """0.5 - 0.4 + 0.2 and 0: 0.15 on average, with one of two active."""
    d_pos, d_neg = np.float32([0.5, 0.5]), np.float32([0.4, 0.8])
    layer = layers.TripletLossLayer(margin=0.2)
    np.testing.assert_array_equal(numpy(layer([d_pos, d_neg])), np.stack([d_pos, d_neg], axis=1))
    assert [float(ops.convert_to_numpy(loss)) for loss in layer.losses] == pytest.approx([0.15])
    if keras.backend.backend() != "jax":
        assert float(layer.active.result()) == 0.5


def test_the_in_batch_softmax_endpoint_returns_distances_and_adds_the_mean_loss():
    """Orthogonal pairs at temperature 0.5: log(1 + e^-2)."""
    x = np.float32([[1, 0], [0, 1]])
    layer = layers.InBatchSoftmaxLossLayer(temperature=0.5)
    np.testing.assert_allclose(numpy(layer([x, x])), [0, 0], atol=1e-6)
    assert [float(ops.convert_to_numpy(loss)) for loss in layer.losses] == pytest.approx(
        [np.log(1 + np.exp(-2))], rel=1e-5
    )


def test_the_cosine_classifier_agrees_with_values_by_hand():
    """(3, 4) has cosine 0.6 to the proxy (1, 0) and -0.8 to (0, -3)."""
    layer = layers.CosineClassifier(2, scale=10.0)
    layer.build((None, 2))
    layer.set_weights([np.float32([[1, 0], [0, -3]])])
    np.testing.assert_allclose(numpy(layer(np.float32([[3, 4]]))), [[6.0, -8.0]], rtol=1e-5)


def test_the_weighted_distance_agrees_with_values_by_hand_and_is_symmetric():
    """Differences 3 and 4, weights 0.5 and -0.25, bias 0.1: 1.5 - 1 + 0.1 = 0.6, whose sigmoid is 0.6457."""
    layer = layers.WeightedDistance()
    x, y = np.float32([[1, 2]]), np.float32([[4, -2]])
    layer.build([(None, 2), (None, 2)])
    layer.set_weights([np.float32([[0.5], [-0.25]]), np.float32([0.1])])
    np.testing.assert_allclose(numpy(layer.logits([x, y])), [[0.6]], rtol=1e-5)
    for pair in ([x, y], [y, x]):
        np.testing.assert_allclose(numpy(layer(pair)), [[0.645656]], rtol=1e-5)


def test_the_weighted_distance_adds_its_regularisation_loss():
    """0.1 * (2^2 + 1^2)."""
    layer = layers.WeightedDistance(keras.regularizers.L2(0.1))
    layer.build([(None, 2), (None, 2)])
    layer.set_weights([np.float32([[2], [1]]), np.float32([0])])
    assert [float(numpy(loss)) for loss in layer.losses] == pytest.approx([0.5])


def test_prototype_logits_agree_with_values_by_hand():
    """Prototypes (1, 0) and (0, 4). The query (1, 1) has squared distances 1 and 10, (0, 4) has 17 and 0."""
    support = np.float32([[0, 0], [2, 0], [0, 3], [0, 5]])
    logits = layers.PrototypeLogits(2, scale=0.5)([support, np.float32([[1, 1], [0, 4]])])
    np.testing.assert_allclose(numpy(logits), [[-0.5, -5.0], [-8.5, 0.0]], atol=1e-5)
    logits = layers.PrototypeLogits(2, "euclidean")([support, np.float32([[1, 1]])])
    np.testing.assert_allclose(numpy(logits), [[-1.0, -(10**0.5)]], rtol=1e-5)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: layers.Distance("hamming"), "Received: 'hamming'"),
        (lambda: layers.Distance(keras.Sequential(name="tower")), "or a function. Received: <Sequential name=tower"),
        (lambda: layers.Distance()([TWO, ONE[None]]), "`Distance` expects two embeddings"),
        (lambda: layers.Distance()([TWO] * 3), "`Distance` expects two embeddings"),
        (lambda: layers.Distance(lambda x, y: x - y)([TWO, TWO]), r"shape \(batch,\). Received: \(1, 2\)"),
        (lambda: layers.WeightedDistance()([TWO, ONE[None]]), "`WeightedDistance` expects two embeddings"),
        (lambda: layers.ContrastiveLossLayer(margin=-2), "Received: margin=-2"),
        (lambda: layers.TripletLossLayer(margin="hard"), "Received: margin='hard'"),
        (lambda: layers.InBatchSoftmaxLossLayer(0), "Received: temperature=0"),
        (lambda: layers.PrototypeLogits(1), "`way` must be an integer of at least 2. Received: way=1"),
        (lambda: layers.PrototypeLogits(2, scale=-1), "Received: scale=-1"),
        (lambda: layers.PrototypeLogits(2)([np.ones((3, 2)), TWO]), "for each of 2 classes. Received: 3 embeddings"),
        (lambda: layers.CosineClassifier(2.5), "`classes` must be an integer of at least 2. Received: classes=2.5"),
    ],
)
def test_invalid_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
