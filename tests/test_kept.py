"""Towers whose weights come with the package: there, small, as they were saved, and a clear error where damaged."""

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras import towers
from siamkeras.towers import _kept as kept

RNG = np.random.default_rng(5)


def test_a_tower_comes_back_nearly_as_it_was(tmp_path):
    """float16 keeps three decimals."""
    tower = towers.conv((16, 16, 1), embedding_dim=6, filters=(4, 5))
    tower.set_weights([RNG.random(weight.shape) + 0.1 for weight in tower.get_weights()])
    kept.save(tmp_path / "there" / "mine.npz", tower, seed=3)
    again = kept.load(tmp_path / "there" / "mine.npz")
    x = RNG.random((7, 16, 16, 1), dtype="float32")
    np.testing.assert_allclose(ops.convert_to_numpy(again(x)), ops.convert_to_numpy(tower(x)), atol=3e-3)
    assert again.name == "tower"


def test_what_would_come_back_as_another_tower_is_not_kept(tmp_path):
    large = towers.conv((8, 8, 1), embedding_dim=3, filters=(2,))
    large.set_weights([weight + 1e6 for weight in large.get_weights()])
    for tower in (towers.conv((8, 8, 1), embedding_dim=3, filters=(2,), normalize=False), large):
        tower.set_weights([3 * weight for weight in tower.get_weights()])
        with pytest.raises(ValueError, match="Only a `towers.conv` with embeddings of length 1, whose weights fit"):
            kept.save(tmp_path / "mine.npz", tower)
        assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="kept in a file `.npz`. Received: .*mine.weights"):
        kept.save(tmp_path / "mine.weights", towers.conv((8, 8, 1), embedding_dim=3, filters=(2,)))


def test_a_damaged_or_missing_file_is_named(tmp_path):
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK no zip")
    np.savez(tmp_path / "other.npz", about="{}")
    for path in (broken, tmp_path / "other.npz", tmp_path / "none.npz"):
        with pytest.raises(
            OSError, match=rf"The weights in .*{path.name} cannot be read: \w+ .*Install the package again"
        ):
            kept.load(path)


def test_the_omniglot_tower_is_small_and_embeds_characters():
    assert kept.KEPT["omniglot"].stat().st_size < 1_000_000
    tower = towers.pretrained("omniglot")
    assert isinstance(tower, keras.Model) and tower.name == "tower"
    found = ops.convert_to_numpy(tower(RNG.random((3, *tower.input_shape[1:]), dtype="float32")))
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-4)


@pytest.mark.parametrize("arguments", [{"weights": None}, {"embedding_dim": 8}, {"input_shape": (28, 28, 1)}])
def test_the_omniglot_tower_takes_no_other_argument(arguments):
    with pytest.raises(ValueError, match=r"kept as it was trained: `pretrained\('omniglot'\)` takes nothing else"):
        towers.pretrained("omniglot", **arguments)
