"""Cross-correlation against plain loops, as a function and as a layer."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras.applications import tracking
from siamkeras.applications.tracking.correlation import CrossCorrelation

RNG = np.random.default_rng(7)


def correlate_with_loops(template, search):
    (h, w, _), (height, width, _) = template.shape, search.shape
    result = np.zeros((height - h + 1, width - w + 1))
    for y in range(result.shape[0]):
        for x in range(result.shape[1]):
            for i in range(h):
                for j in range(w):
                    result[y, x] += float(template[i, j] @ search[y + i, x + j])
    return result


def random_maps(batch, h, w, height, width, channels):
    small, large = (batch, h, w, channels), (batch, height, width, channels)
    return RNG.normal(size=small).astype("float32"), RNG.normal(size=large).astype("float32")


@pytest.mark.parametrize(
    "sizes", [(3, 2, 3, 5, 7, 4), (1, 2, 2, 4, 4, 3), (2, 1, 1, 3, 2, 5), (2, 4, 3, 4, 3, 2), (2, 1, 4, 6, 5, 1)]
)
def test_cross_correlation_agrees_with_loops(sizes):
    """One template per search image, and one for all."""
    template, search = random_maps(*sizes)
    expected = [correlate_with_loops(t, s) for t, s in zip(template, search, strict=True)]
    result = ops.convert_to_numpy(tracking.cross_correlation(template, search))
    np.testing.assert_allclose(result, expected, rtol=1e-4, atol=1e-4)
    one = ops.convert_to_numpy(tracking.cross_correlation(template[:1], search))
    expected = [correlate_with_loops(template[0], each) for each in search]
    np.testing.assert_allclose(one, expected, rtol=1e-4, atol=1e-4)


def test_gradient_of_a_template_cell_is_the_sum_of_the_search_cells_under_it():
    template, search = random_maps(2, 2, 3, 4, 5, 2)
    gradient = oracles.gradient(lambda x: tracking.cross_correlation(x, search), template)
    expected = [[[each[i : i + 3, j : j + 3].sum(axis=(0, 1)) for j in range(3)] for i in range(2)] for each in search]
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-4)


def test_half_precision_is_summed_in_float32():
    """256 products of 16 * 16 are 65,536, which is infinite in float16."""
    cell = ops.cast(16 * np.ones((1, 1, 1, 256)), "float16")
    result = tracking.cross_correlation(cell, cell)
    assert keras.backend.standardize_dtype(result.dtype) == "float32"
    assert ops.convert_to_numpy(result).tolist() == [[[65536.0]]]


def test_learned_layer_scales_the_weighted_mean_and_adds_the_bias():
    """Two cells with a product of 3 and weights 2 and 1 have the mean 4.5; (4.5 + 0.5) * 10 = 50."""
    layer = CrossCorrelation()
    ones = np.ones((1, 1, 2, 3), "float32"), np.ones((1, 1, 3, 3), "float32")
    layer(ones)
    layer.set_weights([np.float32([[[2.0], [1.0]]]), np.float32(0.5)])
    assert ops.convert_to_numpy(layer(ones)).tolist() == [[[50.0, 50.0]]]


@pytest.mark.parametrize("size", [(5, 2), (2, 5)])
def test_a_template_larger_than_the_search_image_is_rejected(size):
    with pytest.raises(ValueError, match="is larger than its search image. Received: 4x4"):
        tracking.cross_correlation(np.ones((1, *size, 3)), np.ones((1, 4, 4, 3)))
