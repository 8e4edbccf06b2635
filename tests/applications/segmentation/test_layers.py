"""Layers of few-shot segmentation: plain loops, values by hand, empty masks, and inputs that would broadcast."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras.applications import segmentation
from siamkeras.applications.segmentation import layers

RNG = np.random.default_rng(3)


def numpy(x):
    return ops.convert_to_numpy(x)


def random_features(*shape):
    return RNG.normal(size=shape).astype("float32")


def random_masks(*shape):
    return (RNG.random(shape) > 0.5).astype("float32")


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_masked_average_pooling_agrees_with_a_loop(factor):
    features, masks = random_features(2, 3, 2, 3, 5), random_masks(2, 3, 2 * factor, 3 * factor)
    masks[..., 0, 0], masks[..., -1, -1] = 1, 0  # neither empty nor full
    for outside, chosen in ((False, masks), (True, 1 - masks)):
        pooled = segmentation.MaskedAveragePooling(outside=outside)([features, masks])
        expected = [
            oracles.masked_average(f.tolist(), m.tolist(), factor) for f, m in zip(features, chosen, strict=True)
        ]
        np.testing.assert_allclose(numpy(pooled), expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("outside", [False, True])
def test_empty_masks_are_ignored_or_give_a_zero_prototype_with_finite_gradients(outside):
    features, masks = random_features(2, 3, 4, 4, 5), random_masks(2, 3, 8, 8)
    masks[:, 2] = 0
    pool, cosine = segmentation.MaskedAveragePooling(outside=outside), segmentation.CosineMap()
    two = pool([features[:, :2], masks[:, :2]])
    np.testing.assert_allclose(numpy(pool([features, masks])), numpy(two), rtol=1e-4, atol=1e-6)

    def maps(features):
        return cosine([features[:, 0], pool([features, 0 * masks])])

    assert (numpy(maps(ops.convert_to_tensor(features))) == 0).all()
    for values in (features, np.zeros_like(features)):
        assert np.isfinite(oracles.gradient(maps, values)).all()


def test_cosine_maps_of_parallel_orthogonal_opposite_and_zero_features():
    features = np.float32([[3, 4], [4, -3], [-6, -8], [0, 0]]).reshape(1, 2, 2, 2)
    maps = segmentation.CosineMap()([features, np.float32([[3, 4]])])
    np.testing.assert_allclose(numpy(maps).ravel(), [1, 0, -1, 0], atol=1e-6)


def test_dense_comparison_of_two_positions_by_hand():
    """The left position has features (1, 0) and is inside, the right one (0, 1) and is outside.

    The similarity is 1 for equal and 0.5 for orthogonal features. The logits of the attention are 10 * cosine -
    8.17 * squared distance, with the distance 1/2 between the positions: exp(2.3) = 9.97, exp(2.1) = 8.17.
    """
    features = np.float32([[1, 0], [0, 1]]).reshape(1, 1, 2, 2)
    maps = layers.DenseComparison()([features, features[:, None], np.float32([[[[1, 0]]]])])
    left = 1 / (1 + np.exp(-(np.exp(2.3) + np.exp(2.1) / 4)))
    np.testing.assert_allclose(numpy(maps)[0, 0], [[1, 0.5, left], [0.5, 1, 1 - left]], atol=1e-5)


def test_dense_comparison_agrees_with_a_loop():
    query, references, masks = random_features(2, 2, 3, 4), random_features(2, 3, 2, 3, 4), random_masks(2, 3, 4, 6)
    masks[1, 1] = 0
    expected = [
        oracles.dense_comparison(q, r, m, np.exp(2.3), np.exp(2.1))
        for q, r, m in zip(query, references, masks, strict=True)
    ]
    maps = layers.DenseComparison()([query, references, masks])
    np.testing.assert_allclose(numpy(maps), expected, rtol=1e-4, atol=1e-5)


def test_dense_comparison_of_empty_masks_is_0_with_a_finite_gradient():
    empty, layer = np.zeros((1, 2, 4, 4), "float32"), layers.DenseComparison()
    features = random_features(1, 2, 2, 2, 3)
    assert (numpy(layer([features[:, 0], features, empty])) == 0).all()
    gradient = oracles.gradient(lambda f: layer([f[:, 0], f, empty]), np.zeros_like(features))
    assert np.isfinite(gradient).all()


def test_the_mean_reference_mask_ignores_empty_masks():
    """2x2 blocks: the first mask fills the left block, the second a quarter of the right one, the third is empty."""
    masks = np.zeros((1, 3, 2, 4), "float32")
    masks[0, 0, :, :2], masks[0, 1, 0, 3] = 1, 1
    coarse = layers.DownsampleMasks(2)(masks)
    np.testing.assert_allclose(numpy(coarse)[0, :, 0], [[1, 0], [0, 0.25], [0, 0]])
    np.testing.assert_allclose(numpy(layers.MeanReferenceMask()(coarse))[0, 0, :, 0], [0.5, 0.125])
    assert (numpy(layers.MeanReferenceMask()(0 * masks)) == 0).all()


@pytest.mark.parametrize("dtype", [bool, "uint8"])
def test_masks_of_any_dtype_give_the_same_result(dtype):
    features, masks = random_features(2, 3, 4, 4, 5), random_masks(2, 3, 4, 4)
    dense = layers.DenseComparison()
    for layer, inputs in (
        (segmentation.MaskedAveragePooling(outside=True), lambda m: [features, m]),
        (layers.MeanReferenceMask(), lambda m: m),
        (layers.DownsampleMasks(2), lambda m: m),
        (dense, lambda m: [features[:, 0], features, m]),
    ):
        np.testing.assert_allclose(numpy(layer(inputs(masks.astype(dtype)))), numpy(layer(inputs(masks))), rtol=1e-5)


def test_maps_of_twice_the_size_agree_with_bilinear_interpolation():
    maps = random_features(2, 3, 5, 4)
    expected = keras.layers.UpSampling2D(2, interpolation="bilinear")(maps)
    np.testing.assert_allclose(numpy(layers.Upsample()(maps)), numpy(expected), rtol=1e-5, atol=1e-6)


FEATURES, MASKS = (2, 3, 4, 4, 5), (2, 3, 8, 8)


@pytest.mark.parametrize(
    ("layer", "shapes"),
    [
        (segmentation.MaskedAveragePooling, [FEATURES, (2, 1, 8, 8)]),
        (segmentation.MaskedAveragePooling, [FEATURES, (1, 3, 8, 8)]),
        (segmentation.MaskedAveragePooling, [FEATURES, (2, 3, 8, 4)]),
        (segmentation.MaskedAveragePooling, [FEATURES, (2, 3, 2, 2)]),
        (segmentation.CosineMap, [FEATURES[1:], (3, 1)]),
        (segmentation.CosineMap, [FEATURES[1:], (1, 5)]),
        (layers.DenseComparison, [(2, 4, 4, 5), FEATURES, (2, 1, 8, 8)]),
        (layers.DenseComparison, [(1, 4, 4, 5), FEATURES, MASKS]),
        (layers.DenseComparison, [(2, 2, 2, 5), FEATURES, MASKS]),
    ],
)
def test_shapes_that_would_broadcast_are_rejected(layer, shapes):
    with pytest.raises(ValueError, match=f"`{layer.__name__}` needs inputs of the shapes"):
        layer()([np.ones(shape, "float32") for shape in shapes])
