"""Tests of the streams of genuine and forged pairs."""

import numpy as np
import pytest

from siamkeras.applications.signatures import genuine_forged_pairs

WRITERS = np.array([7, 7, 7, 3, 3, 3, 11, 11, 11, 3])
GENUINE = np.array([True, False, True, True, True, False, True, False, True, True])
IMAGES = np.arange(10, dtype="float32").reshape(10, 1)  # image i contains the value i


def read(**options):
    """Indices of the left and right images and `same` of one batch."""
    stream = genuine_forged_pairs(IMAGES, WRITERS, GENUINE, **{"batch_size": 2000, "steps": 1, **options})
    (inputs, same), *_ = stream
    left, right = (inputs[side].numpy()[:, 0].astype(int) for side in ("left", "right"))
    return left, right, same.numpy() == 1


def test_pairs_are_genuine_or_skilled_or_random_forgeries():
    left, right, same = read(seed=1)
    same_writer, skilled = WRITERS[left] == WRITERS[right], ~GENUINE[right]
    assert GENUINE[left].all()
    assert same.sum() == 1000 and (same_writer & ~skilled)[same].all() and (left != right)[same].all()
    assert (same_writer[~same] == skilled[~same]).all()
    assert skilled.sum() == 500
    # Every writer has the same probability, 1 / 3, and all signatures occur.
    assert np.allclose([np.mean(WRITERS[left] == writer) for writer in (3, 7, 11)], 1 / 3, atol=0.05)
    assert set(left) == set(np.flatnonzero(GENUINE)) and set(right) == set(range(10))


@pytest.mark.parametrize("forged", [0, 0.4, 1])
def test_the_fraction_of_skilled_forgeries_is_exact(forged):
    _, right, same = read(forged_fraction=forged)
    assert same.sum() == 1000 and (~GENUINE[right]).sum() == 1000 * forged


def test_batches_depend_on_the_seed_only():
    first, again, other = (read(batch_size=50, seed=seed) for seed in (4, 4, 5))
    np.testing.assert_array_equal(first, again)
    assert (first[0] != other[0]).any()


@pytest.mark.parametrize(
    "changed, message",
    [
        ({"genuine": GENUINE & (WRITERS != 3)}, r"at least 2 genuine signatures. Received: 3 \(0\)"),
        ({"genuine": GENUINE | (WRITERS == 7)}, r"at least 1 forgeries. Received: 7 \(0\)"),
        ({"genuine": GENUINE.astype(int)}, "`genuine` must be booleans"),
        ({"genuine": GENUINE[:3]}, r"`genuine` must be booleans \(10,\)"),
        ({"writers": np.full(10, 7)}, "At least two writers"),
        ({"forged_fraction": 1.5}, "`forged_fraction` must be"),
    ],
)
def test_invalid_arguments_raise(changed, message):
    with pytest.raises(ValueError, match=message):
        genuine_forged_pairs(**{"images": IMAGES, "writers": WRITERS, "genuine": GENUINE} | changed)
