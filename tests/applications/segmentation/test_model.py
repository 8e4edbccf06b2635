"""The few-shot segmenter: any number of references, training, saving, and the pretrained networks."""

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras import towers
from siamkeras.applications import segmentation
from siamkeras.applications.segmentation.model import _WEIGHTS, _dense_bytes

RNG = np.random.default_rng(3)


def numpy(x):
    return ops.convert_to_numpy(x)


def episodes(batch=2, references=3, size=8):
    return {
        "query": RNG.random((batch, size, size, 1)).astype("float32"),
        "references": RNG.random((batch, references, size, size, 1)).astype("float32"),
        "masks": (RNG.random((batch, references, size, size)) > 0.5).astype("float32"),
    }


def small(**options):
    return segmentation.few_shot_segmenter(segmentation.encoder((8, 8, 1), filters=(3, 4)), **options)


@pytest.fixture(scope="module")
def model():
    return small()


def test_the_output_is_a_probability_per_pixel_without_dense_comparison_too(model):
    for segmenter in (model, small(dense_scales=0)):
        masks = numpy(segmenter(episodes()))
        assert masks.shape == (2, 8, 8) and ((masks >= 0) & (masks <= 1)).all()


def test_any_number_of_references_in_any_order(model):
    for count in (1, 3):
        inputs = episodes(references=count)
        reversed_order = inputs | {role: inputs[role][:, ::-1] for role in ("references", "masks")}
        np.testing.assert_allclose(numpy(model(inputs)), numpy(model(reversed_order)), atol=1e-5)


def test_padding_with_empty_references_changes_nothing(model):
    inputs = episodes(references=2)
    padded = {role: np.concatenate([inputs[role], 0 * inputs[role]], axis=1) for role in ("references", "masks")}
    np.testing.assert_allclose(numpy(model(inputs)), numpy(model(inputs | padded)), atol=1e-5)


def test_episodes_with_empty_masks_only_give_finite_probabilities(model):
    inputs = episodes()
    assert np.isfinite(numpy(model(inputs | {"masks": 0 * inputs["masks"]}))).all()


def test_query_and_references_share_one_encoder(model):
    assert [layer.name for layer in model.layers if isinstance(layer, keras.Model)] == ["encoder"]


@pytest.mark.slow
def test_training_reduces_the_loss_and_changes_the_attention():
    model, inputs = small(), episodes(batch=4)
    truth = (RNG.random((4, 8, 8)) > 0.5).astype("float32")
    attention = model.get_layer("dense_2")
    before = [float(numpy(weight)) for weight in (attention.sharpness, attention.locality)]
    model.compile(keras.optimizers.Adam(0.02), segmentation.DiceCrossEntropyLoss(), jit_compile=False)
    history = model.fit(inputs, truth, epochs=12, batch_size=4, verbose=0).history["loss"]
    assert history[-1] < 0.8 * history[0]
    after = [float(numpy(weight)) for weight in (attention.sharpness, attention.locality)]
    assert before[0] != after[0] and before[1] != after[1]


def test_a_saved_segmenter_gives_the_same_masks(model, tmp_path):
    inputs = episodes()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(numpy(loaded(inputs)), numpy(model(inputs)), atol=1e-5)


def test_segment_predicts_in_batches_from_masks_of_any_dtype(model):
    inputs = episodes(batch=4)
    expected = numpy(model(inputs))
    predicted = segmentation.segment(model, inputs | {"masks": inputs["masks"].astype(bool)}, batch_size=2)
    np.testing.assert_allclose(predicted, expected, atol=1e-5)


def test_a_segmenter_of_any_size_agrees_with_one_of_a_fixed_size(model):
    inputs = episodes(size=8)
    any_size = segmentation.few_shot_segmenter(segmentation.encoder((None, None, 1), filters=(3, 4)))
    any_size.set_weights(model.get_weights())
    np.testing.assert_allclose(segmentation.segment(any_size, inputs), segmentation.segment(model, inputs), atol=1e-5)


def test_images_of_other_sizes_are_padded_and_predictions_cropped(tmp_path):
    """Three scales need multiples of 4: 10x13 is padded to 12x16 with black."""
    model = segmentation.few_shot_segmenter(segmentation.encoder((None, None, 1), filters=(2, 2, 3)))
    inputs = {
        role: values[..., :10, :, :] if role != "masks" else values[..., :10, :]
        for role, values in episodes(size=13).items()
    }
    padded = {
        role: np.pad(
            x, [(0, 0)] * (2 if role == "masks" else x.ndim - 3) + [(0, 2), (0, 3)] + [(0, 0)] * (role != "masks")
        )
        for role, x in inputs.items()
    }
    predicted = segmentation.segment(model, inputs)
    assert predicted.shape == (2, 10, 13)
    np.testing.assert_allclose(predicted, numpy(model(padded))[:, :10, :13], atol=1e-5)
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(segmentation.segment(loaded, inputs), predicted, atol=1e-5)


def test_batches_are_smaller_where_the_dense_comparison_needs_much_memory(model):
    """Scales 1 and 2 of 8x8 pixels with three references: six arrays of 64 x 3 * 64 float32 numbers."""
    assert _dense_bytes(model, (2, 3, 8, 8)) == 6 * 4 * 64 * 3 * 64
    assert _dense_bytes(small(dense_scales=1), (2, 3, 8, 8)) == 6 * 4 * 16 * 3 * 16
    assert _dense_bytes(small(dense_scales=0), (2, 3, 8, 8)) == 1


def test_comparisons_are_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        masks = small()(episodes())
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(masks.dtype) == "float32" and np.isfinite(numpy(masks)).all()


def test_a_pretrained_segmenter_finds_most_of_a_structure_of_an_unseen_anatomy():
    if keras.backend.backend() == "torch":
        pytest.skip("an eager call on torch keeps every activation for the gradient")
    slices = segmentation.synthetic_phantoms(subjects=4, structures=5, size=48, slices=2)
    test = segmentation.evaluation_episodes(slices, structures=1, references=2)
    masks = numpy(segmentation.pretrained_segmenter("phantoms")(test.inputs))
    dice = segmentation.dice_score(test.truth, masks).mean()
    assert dice > segmentation.dice_score(test.truth, segmentation.baselines.majority_mask(test.inputs)).mean() + 0.1


def test_the_pretrained_segmenters_have_different_weights():
    files = {(_WEIGHTS / f"{name}.weights.h5").read_bytes() for name in ("phantoms", "anterior", "posterior")}
    assert len(files) == 3


def named_maps():
    inputs = keras.Input((8, 8, 1))
    fine = keras.layers.Conv2D(3, 3, padding="same")(inputs)
    return keras.Model(inputs, {"fine": fine, "coarse": keras.layers.MaxPooling2D()(fine)})


def test_invalid_arguments(model):
    odd = segmentation.encoder((9, 8, 1), (3, 4))
    for encoder in (odd, towers.dense((8, 8, 1)), named_maps()):
        with pytest.raises(ValueError, match="`encoder` must map an image to a list of at least two feature maps"):
            segmentation.few_shot_segmenter(encoder)
    with pytest.raises(ValueError, match="`dense_scales` must be an integer of at least 0 and at most 2"):
        small(dense_scales=3)
    with pytest.raises(ValueError, match="one of 'phantoms', 'anterior', 'posterior'"):
        segmentation.pretrained_segmenter("liver")
    with pytest.raises(ValueError, match="only empty masks in 2 of 2 episodes, the first is 0"):
        segmentation.segment(model, episodes() | {"masks": np.zeros((2, 3, 8, 8))})
