"""Layers where towers meet: what they compute, that they stay float32, and that they come back from a file."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import distances, layers, losses

ONE, TWO = np.ones(1, "float32"), np.ones((1, 2), "float32")


@pytest.fixture
def mixed_precision():
    policy = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    yield
    keras.config.set_dtype_policy(policy)


@keras.saving.register_keras_serializable("tests")
def chebyshev(x, y):
    return ops.max(ops.abs(x - y), axis=-1)


def round_trip(layer):
    return keras.layers.deserialize(keras.layers.serialize(layer))


@pytest.mark.parametrize("name", sorted(distances.DISTANCES))
def test_distance_layer_is_the_function_of_that_name(name):
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(2, 6, 4)).astype("float32")
    expected = [oracles.distance(name, a, b) for a, b in zip(x, y, strict=True)]
    found = layers.Distance(name)([x, y])
    assert tuple(found.shape) == (6,)
    np.testing.assert_allclose(ops.convert_to_numpy(found), expected, rtol=1e-5)


@pytest.mark.parametrize("distance", ["manhattan", chebyshev])
def test_distance_layer_survives_a_round_trip(distance):
    """|1 - 4| = 3 and |2 - (-2)| = 4: Manhattan 7, Chebyshev 4."""
    again = round_trip(layers.Distance(distance, name="mine"))
    assert (again.name, again.distance) == ("mine", distance)
    expected = 7.0 if distance == "manhattan" else 4.0
    assert float(again([np.float32([[1, 2]]), np.float32([[4, -2]])])[0]) == expected


def test_distance_layer_refuses_an_unknown_name_and_embeddings_that_do_not_match():
    with pytest.raises(ValueError, match="Received: 'hamming'"):
        layers.Distance("hamming")
    with pytest.raises(ValueError, match="two embeddings of the same shape"):
        layers.Distance()([keras.Input((3,)), keras.Input((4,))])
    with pytest.raises(ValueError, match="two embeddings of the same shape"):
        layers.Distance()([keras.Input((3,))] * 3)


def test_a_distance_of_ours_given_as_a_function_comes_back_by_its_name():
    assert round_trip(layers.Distance(distances.manhattan)).distance == "manhattan"


def test_a_distance_that_is_none_is_refused():
    with pytest.raises(ValueError, match=r"one number for each pair, \(batch,\). Received: \(2, 3\)"):
        layers.Distance(distances.absolute_difference)([np.ones((2, 3), "float32"), np.ones((2, 3), "float32")])


def test_layers_compute_in_float32_under_mixed_precision(mixed_precision):
    """400 squared is infinite in float16."""
    x = ops.cast(ops.convert_to_tensor([[400.0, 0.0]]), "float16")
    for found in (
        layers.Distance()([x, ops.zeros_like(x)]),
        layers.UnitLength()(x) * 400.0,
        layers.ContrastiveLossLayer()([np.float32([1.0]), ops.convert_to_tensor([400.0])]),
        layers.TripletLossLayer()([ops.convert_to_tensor([400.0]), ops.convert_to_tensor([1.0])]),
        layers.InBatchSoftmaxLossLayer()([x, -x]) * 200.0,
        layers.CosineClassifier(2, scale=400.0)(np.float16([[1.0]])),
    ):
        assert keras.backend.standardize_dtype(found.dtype) == "float32"
        assert ops.convert_to_numpy(ops.max(found)) == 400.0


def test_unit_length_layer_has_a_finite_gradient_at_zero_where_keras_has_none():
    zeros = np.zeros((2, 3), "float32")
    assert np.isfinite(oracles.gradient(layers.UnitLength(), zeros)).all()


def test_unit_length_layer_scales_and_reloads():
    again = round_trip(layers.UnitLength(name="mine"))
    np.testing.assert_allclose(
        ops.convert_to_numpy(again(np.float32([[3, 4], [0, 0]]))), [[0.6, 0.8], [0, 0]], rtol=1e-6
    )
    assert again.name == "mine"


def test_endpoint_passes_distances_on_and_adds_the_mean_of_the_loss():
    same, distance = np.float32([1, 0, 0.4]), np.float32([0.5, 0.25, 0.7])
    layer = layers.ContrastiveLossLayer(margin=0.8)
    assert ops.convert_to_numpy(layer([same, distance])).tolist() == distance.tolist()
    expected = np.mean([oracles.contrastive(s, d, 0.8) for s, d in zip(same, distance, strict=True)])
    assert len(layer.losses) == 1
    assert float(layer.losses[0]) == pytest.approx(expected, rel=1e-5)
    assert float(losses.ContrastiveLoss(0.8)(same, distance)) == pytest.approx(expected, rel=1e-5)


def test_endpoint_survives_a_round_trip():
    again = round_trip(layers.ContrastiveLossLayer(margin=0.3, name="mine"))
    assert (again.margin, again.name) == (0.3, "mine")


def test_endpoint_refuses_a_negative_margin_and_missing_inputs():
    with pytest.raises(ValueError, match="Received: margin=-2"):
        layers.ContrastiveLossLayer(margin=-2)
    with pytest.raises(ValueError, match=r"takes \[same, distance\]"):
        layers.ContrastiveLossLayer()([np.float32([1])])


def test_triplet_endpoint_passes_both_distances_on_and_adds_the_mean_of_the_loss():
    """0.5 - 0.4 + 0.2 and 0: 0.15 on average, half of them active."""
    d_pos, d_neg = np.float32([0.5, 0.5]), np.float32([0.4, 0.8])
    layer = layers.TripletLossLayer(margin=0.2)
    np.testing.assert_array_equal(ops.convert_to_numpy(layer([d_pos, d_neg])), np.stack([d_pos, d_neg], axis=1))
    assert float(layer.losses[0]) == pytest.approx(0.15)
    assert float(layer.losses[0]) == pytest.approx(ops.convert_to_numpy(losses.triplet(d_pos, d_neg)).mean())
    if keras.backend.backend() != "jax":
        assert float(layer.active.result()) == 0.5


def test_triplet_endpoint_of_a_batch_is_the_loss_of_that_batch():
    """Three points, two of class 9, have two triplets: as such, and found in the batch, they cost the same."""
    x = np.float32([[0.0, 0.0], [1.0, 0.0], [0.8, 0.9]])
    layer = layers.TripletLossLayer(margin=0.5)
    d_neg = [oracles.distance("euclidean", x[anchor], x[2]) for anchor in (0, 1)]
    layer([np.float32([1.0, 1.0]), np.float32(d_neg)])
    mined = losses.TripletLoss(0.5, average="all")([9, 9, 4], x)
    assert float(mined) == pytest.approx(float(layer.losses[0]), rel=1e-5)


def test_in_batch_softmax_endpoint_gives_the_distance_and_adds_the_mean_of_the_loss():
    left, right = np.random.default_rng(2).normal(size=(2, 4, 3)).astype("float32")
    layer = layers.InBatchSoftmaxLossLayer(temperature=0.3)
    expected = [oracles.distance("cosine", a, b) for a, b in zip(left, right, strict=True)]
    np.testing.assert_allclose(ops.convert_to_numpy(layer([left, right])), expected, rtol=1e-4)
    loss = ops.convert_to_numpy(losses.info_nce(left, right, 0.3)).mean()
    assert float(layer.losses[0]) == pytest.approx(loss, rel=1e-5)


def test_cosine_classifier_is_the_scaled_cosine_to_each_proxy():
    """Against the proxies (1, 0) and (0, -3), the embedding (3, 4) has cosines 0.6 and -0.8."""
    layer = layers.CosineClassifier(2, scale=10.0)
    layer.build((None, 2))
    layer.set_weights([np.float32([[1, 0], [0, -3]])])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(np.float32([[3, 4]]))), [[6.0, -8.0]], rtol=1e-5)
    assert np.isfinite(oracles.gradient(layer, np.zeros((1, 2)))).all()


def test_weighted_distance_by_hand():
    """|1 - 4| = 3 and |2 - (-2)| = 4, weights 0.5 and -0.25, bias 0.1: 1.5 - 1 + 0.1 = 0.6, sigmoid 0.6457."""
    layer = layers.WeightedDistance()
    x, y = np.float32([[1, 2]]), np.float32([[4, -2]])
    layer.build([(None, 2), (None, 2)])
    layer.set_weights([np.float32([[0.5], [-0.25]]), np.float32([0.1])])
    assert ops.convert_to_numpy(layer.logits([x, y])) == pytest.approx(np.array([[0.6]]), rel=1e-5)
    for couple in ([x, y], [y, x]):
        np.testing.assert_allclose(ops.convert_to_numpy(layer(couple)), [[0.645656]], rtol=1e-5)


def test_weighted_distance_carries_its_penalty():
    layer = layers.WeightedDistance(kernel_initializer="ones", kernel_regularizer=keras.regularizers.L2(0.1))
    layer([TWO, TWO])
    assert ops.convert_to_numpy(layer.losses[0]) == pytest.approx(0.2)  # 0.1 * (1 + 1)
    again = round_trip(layer)
    again([TWO, TWO])
    assert ops.convert_to_numpy(again.losses[0]) == pytest.approx(0.2)


def test_prototype_logits_by_hand():
    """Class 0 has (0, 0) and (2, 0), middle (1, 0); class 1 (0, 3) and (0, 5), middle (0, 4). From (1, 1): 1 and 10."""
    support = np.float32([[0, 0], [2, 0], [0, 3], [0, 5]])
    found = layers.PrototypeLogits(2, scale=0.5)([support, np.float32([[1, 1], [0, 4]])])
    np.testing.assert_allclose(ops.convert_to_numpy(found), [[-0.5, -5.0], [-8.5, 0.0]], atol=1e-5)


@pytest.mark.parametrize(
    "layer, kept",
    [
        (layers.PrototypeLogits(5, "cosine", 3.0, name="mine"), {"way": 5, "distance": "cosine", "scale": 3.0}),
        (layers.PrototypeLogits(5, chebyshev, name="mine"), {"distance": chebyshev}),
        (layers.TripletLossLayer("soft", name="mine"), {"margin": "soft"}),
        (layers.InBatchSoftmaxLossLayer(0.3, name="mine"), {"temperature": 0.3}),
        (layers.CosineClassifier(7, 20.0, name="mine"), {"classes": 7, "scale": 20.0}),
    ],
    ids=lambda value: type(value).__name__,
)
def test_later_layers_survive_a_round_trip(layer, kept):
    again = round_trip(layer)
    assert type(again) is type(layer)
    assert {name: getattr(again, name) for name in ("name", *kept)} == {"name": "mine", **kept}


@pytest.mark.parametrize(
    "make, message",
    [
        (lambda: layers.TripletLossLayer(margin=-2), "Received: margin=-2"),
        (lambda: layers.TripletLossLayer()([ONE]), r"takes \[d_pos, d_neg\]"),
        (lambda: layers.TripletLossLayer()([ONE, TWO]), r"takes \[d_pos, d_neg\]"),
        (lambda: layers.InBatchSoftmaxLossLayer(0), "Received: temperature=0"),
        (lambda: layers.InBatchSoftmaxLossLayer()([TWO, TWO, TWO]), r"takes \[left, right\]"),
        (lambda: layers.InBatchSoftmaxLossLayer()([TWO, np.ones((1, 3), "float32")]), r"takes \[left, right\]"),
        (lambda: layers.WeightedDistance()([TWO]), "compares two embeddings of the same shape"),
        (lambda: layers.WeightedDistance()([ONE[None], TWO]), "compares two embeddings of the same shape"),
        (lambda: layers.PrototypeLogits(1), "`way` must be a whole number of at least 2. Received: way=1"),
        (lambda: layers.PrototypeLogits(2, scale=-1), "Received: scale=-1"),
        (lambda: layers.PrototypeLogits(2, "hamming"), "Received: 'hamming'"),
        (lambda: layers.PrototypeLogits(2)([TWO]), r"takes \[support, query\]"),
        (
            lambda: layers.PrototypeLogits(2)([np.ones((4, 3)), np.ones((1, 2))]),
            r"takes \[support, query\] of one length",
        ),
        (lambda: layers.PrototypeLogits(2)([np.ones((3, 2)), TWO]), "as many embeddings of each. Received: 3"),
        (lambda: layers.CosineClassifier(1), "`classes` must be a whole number of at least 2. Received: classes=1"),
        (lambda: layers.CosineClassifier(2.5), "Received: classes=2.5"),
        (lambda: layers.CosineClassifier(3, scale=0), "Received: scale=0"),
    ],
)
def test_later_layers_refuse_bad_arguments(make, message):
    with pytest.raises(ValueError, match=message):
        make()
