"""What a tracker is made of: cross-correlation, the loss of score maps, tower and model, the weights that are kept."""

import math

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras.applications import tracking
from siamkeras.applications.tracking import _kept as kept
from siamkeras.applications.tracking import model as networks

RNG = np.random.default_rng(7)


def numpy(x):
    return ops.convert_to_numpy(x)


def loop(template, search):
    """Cross-correlation of one example, product by product."""
    (h, w, _), (height, width, _) = template.shape, search.shape
    found = np.zeros((height - h + 1, width - w + 1))
    for y in range(found.shape[0]):
        for x in range(found.shape[1]):
            for i in range(h):
                for j in range(w):
                    found[y, x] += float(template[i, j] @ search[y + i, x + j])
    return found


def maps(batch, h, w, height, width, channels):
    small, large = (batch, h, w, channels), (batch, height, width, channels)
    return RNG.normal(size=small).astype("float32"), RNG.normal(size=large).astype("float32")


# --- cross-correlation


@pytest.mark.parametrize(
    "sizes", [(3, 2, 3, 5, 7, 4), (1, 2, 2, 4, 4, 3), (2, 1, 1, 3, 2, 5), (2, 4, 3, 4, 3, 2), (2, 1, 4, 6, 5, 1)]
)
def test_cross_correlation_agrees_with_the_loop(sizes):
    template, search = maps(*sizes)
    expected = [loop(t, s) for t, s in zip(template, search, strict=True)]
    np.testing.assert_allclose(numpy(tracking.cross_correlation(template, search)), expected, rtol=1e-4, atol=1e-4)


def test_cross_correlation_is_the_convolution_of_keras_example_by_example():
    """What Keras calls a convolution does not turn its kernel round."""
    template, search = maps(3, 3, 2, 8, 9, 5)
    found = numpy(tracking.cross_correlation(template, search))
    for number in range(3):
        expected = numpy(ops.conv(search[number : number + 1], template[number][..., None]))[0, ..., 0]
        np.testing.assert_allclose(found[number], expected, rtol=1e-4, atol=1e-4)


def test_one_template_is_compared_with_every_search():
    template, search = maps(4, 2, 2, 5, 6, 3)
    found = numpy(tracking.cross_correlation(template[:1], search))
    np.testing.assert_allclose(found, [loop(template[0], each) for each in search], rtol=1e-4, atol=1e-4)


def test_the_gradient_of_a_template_is_the_sum_of_what_it_met():
    """d(sum of the map)/d template[i, j] is the sum of search over the places that cell has been at."""
    template, search = maps(2, 2, 3, 4, 5, 2)
    gradient = oracles.gradient(lambda x: tracking.cross_correlation(x, search), template)
    expected = [[[each[i : i + 3, j : j + 3].sum(axis=(0, 1)) for j in range(3)] for i in range(2)] for each in search]
    np.testing.assert_allclose(gradient, expected, rtol=1e-4, atol=1e-4)


def test_half_precision_is_summed_in_float32():
    """256 products of 16 * 16 are 65,536, which is infinite in float16."""
    one = ops.cast(16 * np.ones((1, 1, 1, 256)), "float16")
    found = tracking.CrossCorrelation()([one, one])
    assert keras.backend.standardize_dtype(found.dtype) == "float32"
    assert numpy(found).tolist() == [[[65536.0]]]


def test_learned_weights_and_bias_are_of_the_mean():
    """Two cells of 3 products of 1, of weight 2 and 1: a mean of 4.5, and 0.5; ten times that."""
    layer = tracking.CrossCorrelation(learned=True)
    ones = np.ones((1, 1, 2, 3), "float32"), np.ones((1, 1, 3, 3), "float32")
    layer(ones)
    layer.set_weights([np.float32([[[2.0], [1.0]]]), np.float32(0.5)])
    assert numpy(layer(ones)).tolist() == [[[50.0, 50.0]]]
    assert len(layer.trainable_weights) == 2 and not tracking.CrossCorrelation().trainable_weights


def test_correlation_layer_survives_a_round_trip_and_knows_its_shape():
    layer = keras.layers.deserialize(keras.layers.serialize(tracking.CrossCorrelation(learned=True, name="mine")))
    assert (layer.name, layer.learned) == ("mine", True)
    assert layer.compute_output_shape([(None, 6, 5, 8), (None, 22, 9, 8)]) == (None, 17, 5)


def test_sizes_that_are_not_known_beforehand_are_fine():
    inputs = [keras.Input((2, 2, 3)), keras.Input((None, None, 3))]
    if keras.backend.backend() == "jax":  # whose shapes are always known while it computes
        return
    model = keras.Model(inputs, tracking.CrossCorrelation()(inputs))
    for height, width in ((4, 5), (7, 3)):
        template, search = maps(2, 2, 2, height, width, 3)
        expected = [loop(t, s) for t, s in zip(template, search, strict=True)]
        np.testing.assert_allclose(numpy(model([template, search])), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "template, search, told",
    [
        ((1, 2, 2), (1, 4, 4, 3), r"\(batch, height, width, channels\). Received: shapes \(1, 2, 2\)"),
        ((1, 2, 2, 3), (1, 4, 4, 5), "as many channels. Received: 3 and 5"),
        ((2, 2, 2, 3), (3, 4, 4, 3), "2 templates, 3 searches"),
        (
            (1, 5, 2, 3),
            (1, 4, 4, 3),
            r"at least as large as its template. Received: template \(5, 2\), search \(4, 4\)",
        ),
    ],
)
def test_maps_that_cannot_be_compared_are_refused(template, search, told):
    with pytest.raises(ValueError, match=told):
        tracking.cross_correlation(np.ones(template, "float32"), np.ones(search, "float32"))
    with pytest.raises(ValueError, match=told):
        tracking.CrossCorrelation()([np.ones(template, "float32"), np.ones(search, "float32")])


def test_a_correlation_of_one_and_a_switch_that_is_none_are_refused():
    with pytest.raises(ValueError, match=r"takes \[template, search\]"):
        tracking.CrossCorrelation()([np.ones((1, 2, 2, 3), "float32")] * 3)
    with pytest.raises(ValueError, match="size of the template must be known"):
        tracking.CrossCorrelation(learned=True)([keras.Input((None, None, 3)), keras.Input((9, 9, 3))])
    with pytest.raises(ValueError, match="`learned` must be True or False. Received: learned=1"):
        tracking.CrossCorrelation(learned=1)


# --- the loss of score maps


def plain_loss(labels, scores, share):
    """One example, cell by cell."""
    near = [math.log1p(math.exp(-s)) for y, s in zip(labels.flat, scores.flat, strict=True) if y == 1]
    far = [math.log1p(math.exp(s)) for y, s in zip(labels.flat, scores.flat, strict=True) if y == 0]
    return share * (sum(near) / len(near) if near else 0) + (1 - share) * (sum(far) / len(far) if far else 0)


@pytest.mark.parametrize("share", [0.5, 0.2])
def test_score_map_loss_agrees_with_the_loop(share):
    labels = RNG.choice([0.0, 0.5, 1.0], (6, 4, 3), p=[0.6, 0.2, 0.2]).astype("float32")
    labels[0], labels[1], labels[2] = 0, 1, 0.5  # one kind alone, or none
    scores = RNG.normal(scale=3, size=labels.shape).astype("float32")
    expected = [plain_loss(y, s, share) for y, s in zip(labels, scores, strict=True)]
    assert expected[2] == 0
    np.testing.assert_allclose(numpy(tracking.score_map(labels, scores, share)), expected, rtol=1e-5)


def test_the_object_weighs_as_much_as_all_the_rest():
    """One cell of four: at scores of 0 its gradient is -1/2 / 2, that of each of the others 1/2 / 2 / 3."""
    labels = np.float32([[[1, 0], [0, 0]]])
    gradient = oracles.gradient(lambda scores: tracking.score_map(labels, scores), np.zeros((1, 2, 2)))
    np.testing.assert_allclose(gradient, [[[-1 / 4, 1 / 12], [1 / 12, 1 / 12]]], rtol=1e-5)


def test_what_is_neutral_has_no_gradient():
    gradient = oracles.gradient(lambda scores: tracking.score_map([[[1.0, 0.5, 0.0]]], scores), np.zeros((1, 1, 3)))
    assert gradient[0, 0].tolist() == [-0.25, 0.0, 0.25]


def test_large_scores_overflow_nowhere():
    """log(1 + exp(1000)) is 1000 where the map is wrong, and 0 where it is right."""
    found = numpy(tracking.score_map([[[1.0, 0.0]], [[1.0, 0.0]]], [[[1000.0, -1000.0]], [[-1000.0, 1000.0]]]))
    assert found.tolist() == [0.0, 1000.0]


def test_labels_of_the_paper_are_found_out():
    """There elsewhere is -1, which would otherwise count for nothing."""
    found = numpy(tracking.score_map([[[1.0, -1.0]], [[1.0, 0.0]]], [[[0.0, 0.0]], [[0.0, 0.0]]]))
    assert np.isnan(found[0]) and np.isfinite(found[1])


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_half_precision_scores_give_a_float32_loss(dtype):
    """300 cells at a score of 300: their sum, 90,000, is infinite in float16, their mean is 300."""
    scores = ops.cast(300.0 * np.ones((1, 300, 1)), dtype)
    loss = tracking.ScoreMapLoss()(np.zeros((1, 300, 1)), scores)
    assert keras.backend.standardize_dtype(loss.dtype) == "float32"
    assert float(loss) == pytest.approx(150.0, rel=0.01)


def test_one_value_per_example_and_sample_weights_reach_it():
    """log 2 / 2 for each map of one kind; weights 3 and 0 over two examples."""
    labels, scores = np.zeros((2, 3, 3), "float32"), np.zeros((2, 3, 3), "float32")
    loss = tracking.ScoreMapLoss()
    assert tuple(loss.call(labels, scores).shape) == (2,)
    assert float(loss(labels, scores, sample_weight=np.float32([3, 0]))) == pytest.approx(3 * math.log(2) / 4)


def test_a_column_of_channels_does_not_become_a_square():
    labels, scores = np.zeros((2, 3, 3, 1), "float32"), np.ones((2, 3, 3), "float32")
    assert tuple(tracking.score_map(labels, scores).shape) == (2,)


@pytest.mark.parametrize("labels, scores", [((2, 3, 3), (2, 3, 4)), ((2, 9), (2, 9)), ((3, 3, 3), (2, 3, 3))])
def test_maps_of_other_shape_than_their_labels_are_refused(labels, scores):
    with pytest.raises(ValueError, match="a label map of its size"):
        tracking.score_map(np.zeros(labels, "float32"), np.zeros(scores, "float32"))


@pytest.mark.parametrize("share", [0, 1, -0.5, None, True, float("nan"), "0.5"])
def test_a_share_that_is_none_is_refused(share):
    with pytest.raises(ValueError, match="`object_share` must be a number between 0 and 1. Received: object_share="):
        tracking.ScoreMapLoss(share)


def test_score_map_loss_survives_a_round_trip():
    loss = tracking.ScoreMapLoss(0.3, name="mine", reduction="sum")
    again = keras.losses.deserialize(keras.losses.serialize(loss))
    assert isinstance(again, tracking.ScoreMapLoss) and again.get_config() == loss.get_config()


# --- label maps


def test_the_middle_cell_is_the_centre_and_a_radius_of_two_cells_makes_thirteen():
    """Cells at (0, 0), four at 1, four at the diagonal 1.41, four at 2: thirteen within two strides."""
    found = tracking.label_map(17, radius=8, stride=4)
    assert found.sum() == 13 and found[8, 8] == 1 and found[8, 10] == 1 and found[8, 11] == 0
    assert found.dtype == np.float32


def test_the_label_map_follows_the_object():
    """12 pixels to the right and 8 up are three columns on and two rows before, at 4 pixels a cell."""
    moved = tracking.label_map(17, radius=8, stride=4, at=(12, -8))
    np.testing.assert_array_equal(np.roll(tracking.label_map(17, radius=8, stride=4), (-2, 3), (0, 1)), moved)


def test_an_object_that_is_not_there_has_no_cell():
    assert tracking.label_map(5, radius=8, at=None).tolist() == np.zeros((5, 5)).tolist()


@pytest.mark.parametrize(
    "change, told",
    [
        ({"size": 0}, "`size` must be a whole number"),
        ({"radius": 0}, "`radius` must be a number above 0"),
        ({"stride": -1}, "`stride` must be a number above 0"),
        ({"neutral": -1}, "`neutral` must be a number of pixels, at least 0"),
        ({"at": (1, 2, 3)}, "`at` must be a place"),
        ({"at": (float("nan"), 0)}, "`at` must be a place"),
    ],
)
def test_label_maps_of_nothing_are_refused(change, told):
    with pytest.raises(ValueError, match=told):
        tracking.label_map(**{"size": 5, "radius": 1.0, **change})


# --- tower and model


@pytest.fixture(scope="module")
def small():
    keras.utils.set_random_seed(1)
    return tracking.siamese(tracking.tower((4, 5), (3, 3), (2, 1)), template=16, search=32)


def test_what_moves_by_a_stride_is_embedded_one_cell_on():
    tower = tracking.tower((4, 5, 6), (5, 3, 3), (2, 2, 1))
    image = RNG.random((1, 48, 48, 3), dtype="float32")
    whole, later = numpy(tower(image)), numpy(tower(image[:, 4:, 8:]))
    np.testing.assert_allclose(whole[:, 1:, 2:], later, atol=1e-5)


def test_embeddings_have_length_1_unless_they_are_not_to():
    image = RNG.random((1, 16, 16, 3), dtype="float32")
    lengths = {}
    for normalize in (True, False):
        keras.utils.set_random_seed(1)
        found = numpy(tracking.tower((4, 5), (3, 3), (2, 1), normalize=normalize)(image))
        lengths[normalize] = np.linalg.norm(found, axis=-1)
    np.testing.assert_allclose(lengths[True], 1, rtol=1e-4)
    assert np.ptp(lengths[False]) > 0.1


def test_the_middle_of_a_score_map_is_the_centre_of_the_search(small):
    """A template that is put into the middle of a search gives, there, its correlation with itself."""
    tower, head, template, search, cells = networks.parts_of(small)
    assert (template, search, cells, tracking.stride_of(small)) == (16, 32, 9, 2)
    image = RNG.random((1, 32, 32, 3), dtype="float32")
    at_centre = image[:, 8:24, 8:24]
    found = numpy(small.predict_on_batch({"template": at_centre, "search": image}))
    itself = numpy(head([tower(at_centre), tower(at_centre)]))
    np.testing.assert_allclose(found[0, 4, 4], itself[0, 0, 0], rtol=1e-4, atol=1e-5)


def test_the_comparison_is_the_model_without_its_template(small):
    tower, *_ = networks.parts_of(small)
    template, search = RNG.random((2, 16, 16, 3), "float32"), RNG.random((2, 32, 32, 3), "float32")
    expected = numpy(small.predict_on_batch({"template": template, "search": search}))
    found = networks.comparison(small).predict_on_batch([numpy(tower(template)), search])
    np.testing.assert_allclose(numpy(found), expected, rtol=1e-4, atol=1e-5)


def test_model_is_saved_loaded_and_goes_on(tmp_path, small):
    small.compile("sgd", tracking.ScoreMapLoss())
    batch = {"template": RNG.random((2, 16, 16, 3), "float32"), "search": RNG.random((2, 32, 32, 3), "float32")}
    small.save(tmp_path / "tracker.keras")
    again = keras.saving.load_model(tmp_path / "tracker.keras")
    np.testing.assert_allclose(numpy(again(batch)), numpy(small(batch)), rtol=1e-5, atol=1e-5)
    labels = np.repeat(tracking.label_map(9, radius=4, stride=2)[None], 2, axis=0)
    assert np.isfinite(again.train_on_batch(batch, labels))


@pytest.mark.parametrize(
    "sizes, told",
    [
        ((16, 31), "larger than `template` by an even number of strides"),
        ((16, 16), "larger than `template` by an even number of strides"),
        ((16, 18), "larger than `template` by an even number of strides"),
        ((3, 32), "too small for this tower|larger than `template`"),
        ((0, 32), "`template` must be a whole number"),
    ],
)
def test_sizes_without_a_middle_are_refused(sizes, told):
    with pytest.raises(ValueError, match=told):
        tracking.siamese(tracking.tower((4, 5), (3, 3), (2, 1)), *sizes)


def test_what_is_no_tower_is_refused():
    flat = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten()])
    with pytest.raises(ValueError, match=r"from images to maps of embeddings.*outputs \[\(None, 192\)\]"):
        tracking.siamese(flat)
    with pytest.raises(ValueError, match="Received: 'conv'"):
        tracking.siamese("conv")
    with pytest.raises(ValueError, match="Expected a model of `tracking.siamese`"):
        tracking.stride_of(flat)
    with pytest.raises(ValueError, match="Every block has its filters, a kernel and a stride"):
        tracking.tower((4, 5), (3,), (1, 1))
    with pytest.raises(ValueError, match="`filters` must be a whole number of at least 1. Received: filters=0"):
        tracking.tower((0,), (3,), (1,))


# --- weights that are kept


def test_a_model_comes_back_nearly_as_it_was(tmp_path, small):
    tracking.keep(tmp_path / "there" / "mine.npz", small, seed=3)
    again = tracking.pretrained(tmp_path / "there" / "mine.npz")
    batch = {"template": RNG.random((2, 16, 16, 3), "float32"), "search": RNG.random((2, 32, 32, 3), "float32")}
    np.testing.assert_allclose(numpy(again(batch)), numpy(small(batch)), atol=0.02)


def test_what_would_come_back_as_another_model_is_not_kept(tmp_path):
    model = tracking.siamese(tracking.tower((4, 5), (3, 3), (2, 1)), template=16, search=32)
    model.set_weights([weight + 1e6 for weight in model.get_weights()])
    with pytest.raises(ValueError, match="Only a `tracking.siamese` of a `tracking.tower`, whose weights fit float16"):
        tracking.keep(tmp_path / "mine.npz", model)
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match="kept in a file `.npz`"):
        tracking.keep(tmp_path / "mine.keras", model)


def test_a_good_file_stays_where_a_model_cannot_be_kept(tmp_path):
    model, path = tracking.siamese(tracking.tower((4, 5), (3, 3), (2, 1)), template=16, search=32), tmp_path / "a.npz"
    tracking.keep(path, model, success=np.float32(0.5), seed=np.int64(3))
    before = path.read_bytes()
    with pytest.raises(ValueError, match="What is to be known of a model is numbers and words"):
        tracking.keep(path, model, what=object())
    model.set_weights([weight + 1e6 for weight in model.get_weights()])
    with pytest.raises(ValueError, match="whose weights fit float16"):
        tracking.keep(path, model)
    assert path.read_bytes() == before


def test_damaged_weights_are_named(tmp_path):
    (tmp_path / "broken.npz").write_bytes(b"PK no zip")
    for name in ("broken", "none"):
        with pytest.raises(OSError, match=rf"The weights in .*{name}.npz cannot be read"):
            tracking.pretrained(tmp_path / f"{name}.npz")


def test_the_tracker_of_the_package_is_small():
    assert kept.KEPT.stat().st_size < 2_000_000
    model = tracking.pretrained()
    assert model.name == "tracker" and set(model.input) == {"template", "search"}


# --- what makes no sense


def test_towers_for_images_of_one_size_or_with_named_outputs_are_refused():
    fixed = keras.Sequential([keras.Input((31, 31, 3)), keras.layers.Conv2D(4, 3)])
    with pytest.raises(ValueError, match=r"must take images of any size.*images of \(31, 31\)"):
        tracking.siamese(fixed, 31, 63)
    inputs = keras.Input((None, None, 3))
    with pytest.raises(ValueError, match="`tower` must be a built keras.Model from images to maps"):
        tracking.siamese(keras.Model(inputs, {"map": keras.layers.Conv2D(4, 3)(inputs)}), 31, 63)
    assert tracking.tower(8, 3, 1).output_shape == (None, None, None, 8)
    with pytest.raises(ValueError, match="`filters` must be a whole number of at least 1. Received: filters=True"):
        tracking.tower(True, 3, 1)


def test_learned_weights_are_for_templates_of_one_size():
    """A weight for one cell would broadcast over a template of four."""
    layer = tracking.CrossCorrelation(learned=True)
    layer([np.ones((1, 1, 1, 2)), np.ones((1, 4, 4, 2))])
    with pytest.raises(ValueError, match=r"The weights are for templates of \(1, 1\) cells. Received: \(2, 2\)"):
        layer([np.ones((1, 2, 2, 2)), np.ones((1, 4, 4, 2))])


@pytest.mark.parametrize("at", [("a", "b"), [[1], [2, 3]], "ab", 5, (1,), (math.nan, 0)])
def test_a_place_that_is_none_is_told(at):
    with pytest.raises(ValueError, match=r"`at` must be a place \(x, y\) in pixels, or None. Received: at="):
        tracking.label_map(5, 4, at=at)
