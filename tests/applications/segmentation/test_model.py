"""Segmenters whose weights come with the package: small, as they were saved, and a clear error where damaged."""

import numpy as np
import pytest
from keras import ops

from siamkeras import towers
from siamkeras.applications import segmentation
from siamkeras.applications.segmentation import _kept as kept

RNG = np.random.default_rng(5)


def small(**arguments):
    return segmentation.few_shot_segmenter(segmentation.maps_tower((8, 8, 1), filters=(3, 4)), **arguments)


def episode(size=8):
    inputs = {"query": RNG.random((2, size, size, 1)), "references": RNG.random((2, 3, size, size, 1))}
    inputs["masks"] = RNG.random((2, 3, size, size)) > 0.5
    return {role: values.astype("float32") for role, values in inputs.items()}


@pytest.mark.parametrize("dense", [0, 2])
def test_a_segmenter_comes_back_nearly_as_it_was(tmp_path, dense):
    """float16 keeps three decimals."""
    model = small(dense=dense)
    kept.save(tmp_path / "there" / "mine.npz", model, seed=3)
    again, inputs = kept.load(tmp_path / "there" / "mine.npz"), episode()
    np.testing.assert_allclose(ops.convert_to_numpy(again(inputs)), ops.convert_to_numpy(model(inputs)), atol=0.01)


def test_what_would_come_back_as_another_model_is_not_kept(tmp_path):
    large = small()
    large.set_weights([weight + 1e6 for weight in large.get_weights()])
    with pytest.raises(ValueError, match="Only a `few_shot_segmenter` of a `maps_tower`, whose weights fit float16"):
        kept.save(tmp_path / "mine.npz", large)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="kept in a file `.npz`. Received: .*mine.weights"):
        kept.save(tmp_path / "mine.weights", large)


def test_a_damaged_or_missing_file_is_named(tmp_path):
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"PK no zip")
    for path in (broken, tmp_path / "none.npz"):
        with pytest.raises(OSError, match=rf"The weights in .*{path.name} cannot be read: .*Install the package again"):
            kept.load(path)
    with pytest.raises(
        ValueError, match="`name` must be one of 'phantoms', 'anterior', 'posterior'. Received: 'liver'"
    ):
        segmentation.pretrained("liver")


@pytest.mark.parametrize("name", kept.KEPT)
def test_those_of_the_package_are_small_and_give_masks(name):
    assert kept.KEPT[name].stat().st_size < 2_000_000
    found = segmentation.segment(segmentation.pretrained(name), episode(48))
    assert found.shape == (2, 48, 48)
    assert ((found >= 0) & (found <= 1)).all()


def test_what_a_segmenter_is_given_is_checked_before_it_is_asked():
    model, inputs = small(references=3), episode()
    assert segmentation.segment(model, inputs).shape == (2, 8, 8)
    with pytest.raises(ValueError, match="This model takes references .* .3, 8, 8, 1.. Received: .2, 8, 8, 1."):
        segmentation.segment(
            model, {**inputs, "references": inputs["references"][:, :2], "masks": inputs["masks"][:, :2]}
        )
    with pytest.raises(ValueError, match="of the same size, masks"):
        segmentation.segment(model, {**inputs, "references": np.zeros((2, 3, 4, 4, 1), "float32")})
    with pytest.raises(ValueError, match="Received: empty masks alone in episode 1"):
        segmentation.segment(model, {**inputs, "masks": inputs["masks"] * np.float32([1, 0])[:, None, None, None]})
    with pytest.raises(ValueError, match="Episodes are a dict of 'query', 'references', 'masks'. Received: .'query'"):
        segmentation.segment(model, {"query": inputs["query"]})
    with pytest.raises(ValueError, match=r"takes references .number, height, width, channels. .'any', 8, 8, 1."):
        segmentation.segment(small(), episode(16))


def test_only_a_model_of_one_tower_is_a_segmenter():
    with pytest.raises(ValueError, match="`tower` must be"):
        segmentation.few_shot_segmenter(towers.conv((8, 8, 1), filters=(3,)))


def test_a_good_file_stays_where_a_model_cannot_be_kept(tmp_path):
    model, path = small(), tmp_path / "mine.npz"
    kept.save(path, model, seed=np.int64(3), dice=np.float32(0.5))
    before = path.read_bytes()
    model.set_weights([weight + 1e6 for weight in model.get_weights()])
    for other in (model, segmentation.maps_tower((8, 8, 1), filters=(3, 4)), None):
        with pytest.raises(ValueError, match="Only a `few_shot_segmenter` of a `maps_tower`"):
            kept.save(path, other)
    with pytest.raises(ValueError, match="What is to be known of a model is numbers and words"):
        kept.save(path, small(), what=object())
    assert path.read_bytes() == before
    with pytest.raises(ValueError, match="`name` must be one of 'phantoms'"):
        segmentation.pretrained(["phantoms"])


def test_a_segmenter_is_asked_only_for_images_of_its_kind():
    model, inputs = small(), episode()
    for role in ("query", "references"):
        for wrong in ((255 * inputs[role]).astype("uint8"), 255 * inputs[role], inputs[role] - 1):
            with pytest.raises(ValueError, match=rf"sees images in \[0, 1\]; bytes are divided by 255.* as '{role}'"):
                segmentation.segment(model, {**inputs, role: wrong})
    for other in (None, segmentation.maps_tower((8, 8, 1), filters=(3, 4))):
        with pytest.raises(ValueError, match="`model` must be a `few_shot_segmenter`. Received: "):
            segmentation.segment(other, inputs)
    for size in (0, 1.5):
        with pytest.raises(ValueError, match="`batch_size` must be a whole number, at least 1"):
            segmentation.segment(model, inputs, batch_size=size)
