"""The few-shot segmenter: any number of references, training, saving, and the pretrained networks."""

import keras
import numpy as np
import pytest
from keras import ops

from siamkeras import towers
from siamkeras.applications import segmentation

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


@pytest.mark.parametrize("dense_scales", [0, 1, 2])
def test_the_output_is_a_probability_per_pixel(dense_scales):
    masks = numpy(small(dense_scales=dense_scales)(episodes()))
    assert masks.shape == (2, 8, 8) and ((masks >= 0) & (masks <= 1)).all()


def test_any_number_of_references_in_any_order():
    model = small()
    for count in (1, 3):
        inputs = episodes(references=count)
        reversed_order = inputs | {role: inputs[role][:, ::-1] for role in ("references", "masks")}
        np.testing.assert_allclose(numpy(model(inputs)), numpy(model(reversed_order)), atol=1e-5)


def test_padding_with_empty_references_changes_nothing():
    inputs, model = episodes(references=2), small()
    padded = {role: np.concatenate([inputs[role], 0 * inputs[role]], axis=1) for role in ("references", "masks")}
    np.testing.assert_allclose(numpy(model(inputs)), numpy(model(inputs | padded)), atol=1e-5)


def test_episodes_with_empty_masks_only_give_finite_probabilities():
    inputs = episodes()
    assert np.isfinite(numpy(small()(inputs | {"masks": 0 * inputs["masks"]}))).all()


def test_query_and_references_share_one_encoder():
    encoder = segmentation.encoder((8, 8, 1), filters=(3, 4))
    model = segmentation.few_shot_segmenter(encoder)
    assert [layer for layer in model.layers if isinstance(layer, keras.Model)] == [encoder]


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


def test_a_saved_segmenter_gives_the_same_masks(tmp_path):
    model, inputs = small(), episodes()
    model.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(segmentation.segment(loaded, inputs), numpy(model(inputs)), atol=1e-5)


def test_comparisons_are_float32_under_mixed_precision():
    keras.config.set_dtype_policy("mixed_float16")
    try:
        masks = small()(episodes())
    finally:
        keras.config.set_dtype_policy("float32")
    assert keras.backend.standardize_dtype(masks.dtype) == "float32" and np.isfinite(numpy(masks)).all()


def test_pretrained_segmenters_find_most_of_a_structure_of_an_unseen_anatomy():
    slices = segmentation.synthetic.phantoms(subjects=4, structures=5, size=48, slices=2)
    test = segmentation.evaluation_episodes(slices, structures=1, references=2)
    models = [segmentation.pretrained_segmenter(name) for name in ("phantoms", "anterior", "posterior")]
    kernels = [numpy(model.get_layer("inside").kernel) for model in models]
    assert (kernels[0] != kernels[1]).any() and (kernels[1] != kernels[2]).any()
    masks = segmentation.segment(models[0], test.inputs)
    dice = segmentation.dice_score(test.truth, masks).mean()
    assert dice > segmentation.dice_score(test.truth, segmentation.baselines.majority_mask(test.inputs)).mean() + 0.1


def named_maps():
    inputs = keras.Input((8, 8, 1))
    fine = keras.layers.Conv2D(3, 3, padding="same")(inputs)
    return keras.Model(inputs, {"fine": fine, "coarse": keras.layers.MaxPooling2D()(fine)})


def wrong_episodes(**changed):
    return lambda: segmentation.segment(small(), episodes() | changed)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: segmentation.encoder((9, 8, 1), (3, 4)), "divisible by 2.*Received: input_shape=.9, 8, 1."),
        (lambda: segmentation.encoder((8, 8, 1), (3,)), "at least two scales"),
        (lambda: segmentation.encoder((8, 8), (3, 4)), "`input_shape` must be 3 positive integers"),
        (lambda: segmentation.few_shot_segmenter(towers.dense((8, 8, 1))), "`encoder` must be a keras.Model"),
        (lambda: segmentation.few_shot_segmenter(named_maps()), "`encoder` must be a keras.Model"),
        (lambda: segmentation.few_shot_segmenter("encoder"), "Received: 'encoder'"),
        (lambda: small(dense_scales=3), "`dense_scales` must be an integer of at least 0 and at most 2"),
        (lambda: segmentation.pretrained_segmenter("liver"), "one of 'phantoms', 'anterior', 'posterior'"),
        (wrong_episodes(masks=np.zeros((2, 3, 8, 8))), "only empty masks in 2 of 2 episodes, the first is 0"),
        (wrong_episodes(references=np.zeros((2, 3, 4, 4, 1))), r"Received: \(2, 8, 8, 1\), \(2, 3, 4, 4, 1\)"),
        (wrong_episodes(query=np.full((2, 8, 8, 1), 200, "uint8")), "200 to 200. Divide uint8 images by 255"),
        (wrong_episodes(query=np.full((2, 8, 8, 1), np.nan)), "`query` must be in .0, 1.. Received: float64, nan"),
        (wrong_episodes(masks=np.full((2, 3, 8, 8), 2)), "`masks` must be in .0, 1.. Received: int64, 2 to 2"),
    ],
)
def test_wrong_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
