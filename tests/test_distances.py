"""Distances against plain loops, hand-derived numbers and the limits of floating point."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import distances

NAMES = sorted(distances.DISTANCES)
RNG = np.random.default_rng(3)
X, Y = RNG.normal(size=(7, 5)).astype("float32"), RNG.normal(size=(4, 5)).astype("float32")


def numpy(x):
    return ops.convert_to_numpy(x)


def manhattan_of_pairs(x, y):
    """A distance that reduces the last axis of `(batch, dim)` by its index."""
    return ops.sum(ops.abs(x - y), axis=1)


@pytest.mark.parametrize("name", NAMES)
def test_distances_agree_with_loops(name):
    expected = [oracles.distance(name, a, b) for a, b in zip(X[:4], Y, strict=True)]
    np.testing.assert_allclose(numpy(distances.get(name)(X[:4], Y)), expected, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_pairwise_agrees_with_a_double_loop(name):
    expected = [[oracles.distance(name, a, b) for b in Y] for a in X]
    np.testing.assert_allclose(numpy(distances.pairwise(X, Y, name)), expected, rtol=1e-4, atol=1e-5)


def test_distances_agree_with_values_by_hand():
    """(1, 2) and (4, -2): differences 3 and 4. (1, 0) is at a right angle to (0, 2) and opposite to (-3, 0)."""
    x, y = [1.0, 2.0], [4.0, -2.0]
    assert float(distances.squared_euclidean(x, y)) == 25.0
    assert float(distances.euclidean(x, y)) == 5.0
    assert float(distances.manhattan(x, y)) == 7.0
    assert float(distances.exponential_manhattan([0.0, 0.0], [0.5, 0.2])) == pytest.approx(1 - np.exp(-0.7))
    assert numpy(distances.cosine([[1.0, 0.0]] * 3, [[0.0, 2.0], [-3.0, 0.0], [5.0, 0.0]])).tolist() == [1.0, 2.0, 0.0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("embedding", [[0.0, 0.0], [0.6, 0.8]])
def test_equal_embeddings_have_a_finite_gradient(name, embedding):
    gradient = oracles.gradient(lambda x: distances.get(name)(x, ops.convert_to_tensor([embedding])), [embedding])
    assert np.isfinite(gradient).all()
    gradient = oracles.gradient(lambda x: distances.pairwise(x, x, name), [embedding] * 2)
    assert np.isfinite(gradient).all()


def test_the_gradient_of_euclidean_is_the_unit_vector_between_the_embeddings():
    """(x - y) / |x - y| from (3, 4) to the origin, also in `pairwise`."""
    for distance in (distances.euclidean, distances.pairwise):
        gradient = oracles.gradient(lambda x, distance=distance: distance(x, ops.zeros((1, 2))), [[3.0, 4.0]])
        np.testing.assert_allclose(gradient, [[0.6, 0.8]], rtol=1e-6)


def test_the_gradient_of_unit_length_is_tangent_to_the_sphere():
    """The first component of x / |x| at (3, 4): (1/5 - 9/125, -12/125)."""
    gradient = oracles.gradient(lambda x: distances.unit_length(x)[:, 0], [[3.0, 4.0]])
    np.testing.assert_allclose(gradient, [[0.128, -0.096]], rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e30])
def test_unit_length_works_for_very_short_and_very_long_vectors(scale):
    x = distances.unit_length(np.float32([[3.0 * scale, -4.0 * scale]]))
    np.testing.assert_allclose(numpy(x), [[0.6, -0.8]], rtol=1e-5)


def test_a_zero_vector_stays_zero_and_has_cosine_distance_1():
    assert numpy(distances.unit_length([[0.0, 0.0]])).tolist() == [[0.0, 0.0]]
    assert float(distances.cosine([0.0, 0.0], [3.0, 4.0])) == 1.0


def test_narrow_dtypes_are_cast_to_float32():
    """400 squared is 160,000, more than the largest float16; 1 - 2 is 255 in uint8."""
    distance = distances.euclidean(np.float16([[400, 0]]), np.float16([[0, 0]]))
    assert keras.backend.standardize_dtype(distance.dtype) == "float32"
    assert float(distance[0]) == 400.0
    assert float(distances.manhattan(np.uint8([1]), np.uint8([2]))) == 1.0


def test_pairwise_is_exact_far_from_the_origin():
    """Without centring, squares of 1e6 would leave nothing of distances around 1."""
    far = X + np.float32(1000)
    expected = [[oracles.distance("euclidean", a, b) for b in far] for a in far]
    np.testing.assert_allclose(numpy(distances.pairwise(far, far)), expected, atol=1e-2)


def test_pairwise_is_the_same_in_blocks(monkeypatch):
    """45 values are two rows of 4 x 5, so that seven rows need four blocks."""
    sizes = []

    def spy(a, b):
        sizes.append(int(a.shape[0]))
        return distances.manhattan(a, b)

    monkeypatch.setattr(distances, "_BLOCK", 45)
    np.testing.assert_array_equal(
        numpy(distances.pairwise(X, Y, spy)), numpy(ops.stack([distances.manhattan(x, Y) for x in X]))
    )
    assert sizes == [8, 8, 8, 4]


def test_pairwise_works_for_an_unknown_number_of_rows():
    class Pairwise(keras.layers.Layer):
        def call(self, x):
            return distances.pairwise(x, Y, "manhattan")

        def compute_output_shape(self, input_shape):
            return (input_shape[0], len(Y))

    inputs = keras.Input((5,))
    table = keras.Model(inputs, Pairwise()(inputs)).predict(X, verbose=0)
    np.testing.assert_allclose(table, numpy(distances.pairwise(X, Y, "manhattan")), rtol=1e-5)


def test_a_distance_written_for_pairs_works_in_pairwise():
    """Also for a square matrix, whose shape does not show that the wrong axis was reduced."""
    table = numpy(distances.pairwise(X[:5], X[:5], manhattan_of_pairs))
    np.testing.assert_allclose(table, numpy(distances.pairwise(X[:5], X[:5], "manhattan")), rtol=1e-5)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: distances.get(np.str_("euclidian")), "Received: 'euclidian'"),
        (lambda: distances.get("euclidian"), r"one of \['cosine', 'euclidean', .*Received: 'euclidian'"),
        (lambda: distances.pairwise(X, Y[:, :3]), r"\(n, dim\) and \(m, dim\). Received: shapes \(7, 5\) and \(4, 3\)"),
        (lambda: distances.pairwise(X[0], Y), r"Received: shapes \(5,\) and \(4, 5\)"),
    ],
)
def test_invalid_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
