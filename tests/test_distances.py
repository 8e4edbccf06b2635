"""Distances against plain loops, hand-derived numbers and the edges of floating point."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import distances

NAMES = sorted(distances.DISTANCES)


def numpy(x):
    return ops.convert_to_numpy(x)


@pytest.fixture
def embeddings():
    rng = np.random.default_rng(3)
    return rng.normal(size=(7, 5)).astype("float32"), rng.normal(size=(4, 5)).astype("float32")


@pytest.mark.parametrize("name", NAMES)
def test_distance_of_each_pair_agrees_with_the_loop(name, embeddings):
    x, y = embeddings[0][:4], embeddings[1]
    expected = [oracles.distance(name, a, b) for a, b in zip(x, y, strict=True)]
    np.testing.assert_allclose(numpy(distances.get(name)(x, y)), expected, rtol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_pairwise_agrees_with_the_double_loop(name, embeddings):
    x, y = embeddings
    expected = [[oracles.distance(name, a, b) for b in y] for a in x]
    np.testing.assert_allclose(numpy(distances.pairwise(x, y, name)), expected, rtol=1e-4, atol=1e-5)


def test_pairwise_takes_blocks_of_rows_without_changing_anything(embeddings, monkeypatch):
    """4 columns x 5 components: 45 numbers are two rows, eight couples; seven rows need four blocks, one shorter."""
    x, y = embeddings
    whole = numpy(distances.pairwise(x, y, "manhattan"))
    monkeypatch.setattr(distances, "BLOCK", 45)
    widths = []

    def spy(a, b):
        widths.append(int(a.shape[0]))
        return distances.manhattan(a, b)

    np.testing.assert_array_equal(numpy(distances.pairwise(x, y, spy)), whole)
    assert widths == [8, 8, 8, 4]


def test_pairwise_of_an_unknown_number_of_rows_agrees_too(embeddings):
    inputs = keras.Input((5,))
    model = keras.Model(inputs, ops.sum(distances.pairwise(inputs, embeddings[1], "manhattan"), axis=1))
    expected = numpy(distances.pairwise(*embeddings, "manhattan")).sum(axis=1)
    np.testing.assert_allclose(numpy(model(embeddings[0])), expected, rtol=1e-5)


def test_hand_derived_distances():
    """(1, 2) to (4, -2): differences 3 and 4, so 25, 5, 7. From (1, 0) to (0, 2) is a right angle, (-3, 0) opposite."""
    x, y = [1.0, 2.0], [4.0, -2.0]
    assert float(distances.squared_euclidean(x, y)) == 25.0
    assert float(distances.euclidean(x, y)) == 5.0
    assert float(distances.manhattan(x, y)) == 7.0
    assert numpy(distances.absolute_difference(x, y)).tolist() == [3.0, 4.0]
    assert numpy(distances.cosine([[1.0, 0.0]] * 3, [[0.0, 2.0], [-3.0, 0.0], [5.0, 0.0]])).tolist() == [1.0, 2.0, 0.0]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("point", [[0.0, 0.0], [0.6, 0.8]])
def test_equal_embeddings_have_a_finite_gradient(name, point):
    gradient = oracles.gradient(lambda x: distances.get(name)(x, ops.convert_to_tensor([point])), [point])
    assert np.isfinite(gradient).all()


def test_gradient_of_euclidean_is_the_unit_vector_between_the_points():
    """d|x - y|/dx = (x - y)/|x - y|: from (3, 4) to the origin (0.6, 0.8)."""
    gradient = oracles.gradient(lambda x: distances.euclidean(x, ops.zeros((1, 2))), [[3.0, 4.0]])
    np.testing.assert_allclose(gradient, [[0.6, 0.8]], rtol=1e-6)


def test_gradient_of_unit_length_is_tangent_to_the_sphere():
    """The first component of x/|x| at (3, 4): (1/5 - 9/125, -12/125) = (0.128, -0.096), along the circle."""
    gradient = oracles.gradient(lambda x: distances.unit_length(x)[:, 0], [[3.0, 4.0]])
    np.testing.assert_allclose(gradient, [[0.128, -0.096]], rtol=1e-5)


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1.0, 1e30])
def test_unit_length_whatever_the_length(scale):
    found = numpy(distances.unit_length(np.float32([[3.0 * scale, -4.0 * scale]])))
    np.testing.assert_allclose(found, [[0.6, -0.8]], rtol=1e-5)


def test_a_vector_of_no_length_stays_zero_and_is_at_distance_one():
    assert numpy(distances.unit_length([[0.0, 0.0]])).tolist() == [[0.0, 0.0]]
    assert float(distances.cosine([0.0, 0.0], [3.0, 4.0])) == 1.0
    assert np.isfinite(oracles.gradient(distances.unit_length, [[0.0, 0.0]])).all()


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_is_computed_in_float32(dtype):
    """400 squared is 160,000, beyond what float16 holds (65,504)."""
    x = ops.cast(ops.convert_to_tensor([[400.0, 0.0]]), dtype)
    found = distances.euclidean(x, ops.zeros_like(x))
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert float(found[0]) == 400.0


def test_bytes_do_not_wrap_around():
    """1 - 2 in uint8 is 255; the distance of two pixels one step apart is 1."""
    assert float(distances.manhattan(np.uint8([1]), np.uint8([2]))) == 1.0


def test_pairwise_distance_to_itself_is_almost_zero(embeddings):
    x = numpy(distances.unit_length(embeddings[0]))
    assert np.abs(np.diag(numpy(distances.pairwise(x, x)))).max() < 1e-3


def test_unknown_distance_is_named():
    with pytest.raises(ValueError, match=r"one of \['cosine', 'euclidean', .*Received: 'euclidian'"):
        distances.get("euclidian")


def test_embeddings_of_other_length_are_refused():
    with pytest.raises(ValueError, match=r"\(n, dim\) and \(m, dim\). Received: shapes \(2, 3\) and \(2, 4\)"):
        distances.pairwise(np.zeros((2, 3)), np.zeros((2, 4)))


def by_column(x, y):
    """Reduces the last axis of `(batch, dim)` by its number, as a distance for `layers.Distance` may."""
    return ops.sum(ops.abs(x - y), axis=1)


def test_a_distance_written_for_pairs_serves_all_couples_too():
    """Also where there are as many embeddings as they have numbers, and the shapes would not tell."""
    x = np.random.default_rng(0).normal(size=(4, 4)).astype("float32")
    expected = ops.convert_to_numpy(distances.pairwise(x, x, "manhattan"))
    np.testing.assert_allclose(ops.convert_to_numpy(distances.pairwise(x, x, by_column)), expected, rtol=1e-5)


def test_a_distance_that_gives_more_than_one_number_is_refused():
    with pytest.raises(ValueError, match=r"one number for each couple, .* Received: \(6, 4\) for 6 couples"):
        distances.pairwise(np.ones((2, 4)), np.ones((3, 4)), distances.absolute_difference)
