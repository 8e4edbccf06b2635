"""Towers: embeddings of length 1, sizes as asked for, what is frozen stays as it is, and clear refusals."""

import warnings

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import models, towers
from siamkeras.data import _downloads as downloads
from siamkeras.towers import pretrained as transfer

RNG = np.random.default_rng(2)
on_tensorflow = pytest.mark.skipif(
    keras.backend.backend() != "tensorflow", reason="is the same on every backend, and slow on some"
)


def test_dense_tower_gives_embeddings_of_length_one():
    tower = towers.dense((8, 8, 1), embedding_dim=10, units=(16,))
    found = ops.convert_to_numpy(tower(RNG.normal(size=(5, 8, 8, 1)).astype("float32")))
    assert found.shape == (5, 10)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-5)


def test_conv_tower_gives_embeddings_of_length_one():
    tower = towers.conv((16, 20, 3), embedding_dim=12, filters=(4, 8))
    found = ops.convert_to_numpy(tower(RNG.normal(size=(3, 16, 20, 3)).astype("float32")))
    assert found.shape == (3, 12)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-5)


def test_towers_are_plain_models_named_tower():
    for tower in (towers.dense(9), towers.conv((16, 16, 1)), towers.pixels((4, 4, 1)), towers.histogram((4, 4, 1))):
        assert type(tower).__name__ == "Functional"
        assert tower.name == "tower"


def test_conv_tower_has_the_weights_of_conv_4():
    """3x3 convolutions 1-64-64-64-64 without bias: 576 + 3 x 36,864; 4 x 4 x 64 of normalisation; 2 x 2 x 64 features
    of a 35x35 image to 64 with bias: 16,448."""
    assert towers.conv((35, 35, 1)).count_params() == 576 + 3 * 36_864 + 1_024 + 16_448


def test_without_normalisation_lengths_are_free():
    tower = towers.dense(4, embedding_dim=3, units=(), normalize=False)
    found = ops.convert_to_numpy(tower(np.float32([[1, 2, 3, 4], [2, 4, 6, 8]])))
    np.testing.assert_allclose(found[1], 2 * found[0], rtol=1e-5)


@pytest.mark.parametrize("normalize", [True, False])
@pytest.mark.parametrize("policy", ["mixed_float16", "mixed_bfloat16"])
def test_embeddings_are_float32_under_mixed_precision(policy, normalize):
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy(policy)
    try:
        tower = towers.conv((8, 8, 1), filters=(4,), normalize=normalize)
        embedding = tower(np.ones((2, 8, 8, 1), "float32"))
        assert tower.get_layer("conv_1").compute_dtype == policy.removeprefix("mixed_")
    finally:
        keras.config.set_dtype_policy(before)
    assert keras.backend.standardize_dtype(embedding.dtype) == "float32"


def test_a_blank_image_has_a_finite_gradient():
    tower = towers.dense(4, units=())
    assert np.isfinite(oracles.gradient(tower, np.zeros((1, 4)))).all()


def test_pixels_are_the_image_itself():
    image = RNG.uniform(size=(2, 3, 3, 1)).astype("float32")
    tower = towers.pixels((3, 3, 1))
    assert tower.count_params() == 0
    np.testing.assert_array_equal(ops.convert_to_numpy(tower(image)), image.reshape(2, 9))


def test_features_may_be_the_embedding_themselves():
    """16 x 16 halved once is 8 x 8, by 5 filters 320."""
    image = RNG.uniform(size=(2, 16, 16, 1)).astype("float32")
    unit = towers.conv((16, 16, 1), embedding_dim=None, filters=(5,))
    free = towers.conv((16, 16, 1), embedding_dim=None, filters=(5,), normalize=False)
    free.set_weights(unit.get_weights())
    found, lengths = ops.convert_to_numpy(unit(image)), np.linalg.norm(ops.convert_to_numpy(free(image)), axis=1)
    assert found.shape == (2, 320)
    np.testing.assert_allclose(found * lengths[:, None], ops.convert_to_numpy(free(image)), rtol=1e-4, atol=1e-5)


# --- How much of each colour


def test_a_histogram_is_the_root_of_the_share_of_each_colour():
    """2 bins, 4 pixels: black twice is colour 0; red and half blue (1, 0, 1) is 5; white is 7; last channel fastest."""
    image = np.float32([[[0, 0, 0], [0.1, 0.2, 0.49]], [[0.9, 0, 0.5], [1, 1, 1]]])
    found = ops.convert_to_numpy(towers.histogram((2, 2, 3), bins=2)(image[None]))
    np.testing.assert_allclose(found, np.sqrt([[0.5, 0, 0, 0, 0, 0.25, 0, 0.25]]), atol=1e-6)


@pytest.mark.parametrize("channels, bins", [(1, 8), (2, 5), (3, 4), (3, 8)])
def test_a_histogram_is_the_one_of_numpy(channels, bins):
    """512 colours of 20 x 30 pixels are 600 counts; one value of 1.0 belongs to the last bin, in numpy too."""
    images = RNG.uniform(size=(3, 20, 30, channels)).astype("float32")
    images[0, 0, 0], images[1, 0, 0] = 1.0, 0.0
    found = ops.convert_to_numpy(towers.histogram((20, 30, channels), bins)(images))
    assert found.shape == (3, bins**channels)
    for one, image in zip(found, images.reshape(3, -1, channels), strict=True):
        counts, _ = np.histogramdd(image, bins=bins, range=[(0, 1)] * channels)
        np.testing.assert_allclose(600 * one**2, counts.ravel(), atol=1e-3)


def test_distance_of_histograms_is_that_of_hellinger():
    """Shares (3/4, 1/4) and (1/4, 3/4): the squared distance is 2 - 2 * 2 * sqrt(3/16) = 2 - sqrt(3)."""
    images = np.float32([[0, 0, 0, 1], [0, 1, 1, 1]]).reshape(2, 2, 2, 1)
    one, other = ops.convert_to_numpy(towers.histogram((2, 2, 1), bins=2)(images))
    assert np.square(one - other).sum() == pytest.approx(2 - 3**0.5, abs=1e-6)
    assert np.linalg.norm(one) == pytest.approx(1.0)


def test_values_beyond_0_and_1_go_to_the_last_bins():
    found = ops.convert_to_numpy(towers.histogram((1, 2, 1), bins=4)(np.float32([-0.3, 1.7]).reshape(1, 1, 2, 1)))
    np.testing.assert_allclose(found, [[0.5**0.5, 0, 0, 0.5**0.5]], atol=1e-6)


def test_a_histogram_is_saved_has_no_weights_and_is_float32_under_mixed_precision(tmp_path):
    image = RNG.uniform(size=(2, 8, 8, 3)).astype("float32")
    image[0, 0] = 0.24999  # just below the second quarter; the next float16 is 0.25
    expected = ops.convert_to_numpy(towers.histogram((8, 8, 3), bins=4)(image))
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_float16")
    try:
        tower = towers.histogram((8, 8, 3), bins=4)
        tower.save(tmp_path / "tower.keras")
    finally:
        keras.config.set_dtype_policy(before)
    assert tower.count_params() == 0
    for model in (tower, keras.saving.load_model(tmp_path / "tower.keras")):
        assert keras.backend.standardize_dtype(model(image).dtype) == "float32"
        np.testing.assert_allclose(ops.convert_to_numpy(model(image)), expected, atol=1e-6)


# --- What was learned elsewhere


@pytest.fixture(scope="module")
def untrained():
    """The smallest of them, and 7 numbers as its embedding."""
    return towers.pretrained("MobileNetV3Small", weights=None, input_shape=(32, 40, 3), embedding_dim=7)


@pytest.fixture
def small(untrained):
    """The same, with every layer learning."""
    return towers.unfreeze(untrained, batch_norm=True)


PHOTOS = np.random.default_rng(4).uniform(size=(4, 32, 40, 3)).astype("float32")


def test_an_application_is_a_tower(small):
    assert type(small).__name__ == "Functional" and small.name == "tower"
    found = ops.convert_to_numpy(small(PHOTOS))
    assert found.shape == (4, 7)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, rtol=1e-5)
    assert not [layer for layer in small.layers if type(layer).__name__ == "Lambda"]


@pytest.mark.parametrize("name", transfer.APPLICATIONS)
def test_each_application_gets_what_its_own_preprocessing_would_make_of_bytes(name):
    """The module of each has `preprocess_input`, for values from 0 to 255; compared before the network itself."""
    module = {
        "MobileNetV3Small": keras.applications.mobilenet_v3,
        "MobileNetV3Large": keras.applications.mobilenet_v3,
        "EfficientNetB0": keras.applications.efficientnet,
        "EfficientNetV2B0": keras.applications.efficientnet_v2,
        "ResNet50V2": keras.applications.resnet_v2,
        "ConvNeXtTiny": keras.applications.convnext,
    }[name]
    scale, offset, _ = transfer.APPLICATIONS[name]
    values = np.float32([0, 51, 255]).reshape(1, 1, 3)
    ours = scale * values / 255 + offset
    np.testing.assert_allclose(ours, module.preprocess_input(values.copy()), atol=1e-5)


def test_the_preprocessing_is_inside_the_tower(monkeypatch):
    """The network between is replaced by its average over places: 0.5 becomes 2 * 0.5 - 1 = 0, and 0.75 becomes 0.5."""
    monkeypatch.setattr(transfer, "_body", lambda *_: keras.layers.GlobalAveragePooling2D())
    tower = towers.pretrained("ResNet50V2", weights=None, input_shape=(32, 32, 3), normalize=False)
    found = ops.convert_to_numpy(tower(np.broadcast_to(np.float32([0.5, 0.75, 0.0]), (1, 32, 32, 3))))
    np.testing.assert_allclose(found, [[0.0, 0.5, -1.0]], atol=1e-6)
    grey = towers.pretrained("ResNet50V2", weights=None, input_shape=(32, 40, 1), normalize=False)
    np.testing.assert_allclose(ops.convert_to_numpy(grey(np.full((1, 32, 40, 1), 0.75))), [[0.5] * 3], atol=1e-6)
    assert towers.pretrained("ResNet50V2", weights=None).input_shape == (None, 224, 224, 3)


def test_a_tower_of_an_application_is_saved_and_loaded_with_what_is_frozen(small, tmp_path):
    towers.unfreeze(small, layers=3)
    small.save(tmp_path / "tower.keras")
    loaded = keras.saving.load_model(tmp_path / "tower.keras")
    np.testing.assert_allclose(
        ops.convert_to_numpy(loaded(PHOTOS)), ops.convert_to_numpy(small(PHOTOS)), rtol=1e-4, atol=1e-5
    )
    assert [weight.path for weight in loaded.trainable_weights] == [weight.path for weight in small.trainable_weights]


def test_weights_of_an_application_come_from_a_file(small, tmp_path):
    """As many embeddings as features, 576; a file of the network's own weights gives it what another has."""
    path = str(tmp_path / "small.weights.h5")
    small.get_layer("MobileNetV3Small").save_weights(path)
    tower = towers.pretrained("MobileNetV3Small", weights=path, input_shape=(32, 40, 3), normalize=False)
    features = keras.Model(small.inputs[0], small.get_layer("embedding").input)
    found = ops.convert_to_numpy(tower(PHOTOS))
    assert found.shape == (4, 576)
    np.testing.assert_allclose(found, ops.convert_to_numpy(features(PHOTOS)), rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="weights"):
        towers.pretrained("MobileNetV3Small", weights=str(tmp_path / "none.h5"), input_shape=(32, 40, 3))


def test_an_application_is_float32_at_its_end_under_mixed_precision():
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        for options in ({"embedding_dim": 5}, {"normalize": False}):
            tower = towers.pretrained("MobileNetV3Small", weights=None, input_shape=(32, 32, 3), **options)
            assert tower.get_layer("MobileNetV3Small").layers[2].compute_dtype == "bfloat16"
            assert keras.backend.standardize_dtype(tower.outputs[0].dtype) == "float32"
    finally:
        keras.config.set_dtype_policy(before)


# --- ImageNet, without a network


@pytest.fixture
def no_network(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    monkeypatch.setattr(downloads, "probe", lambda url: ConnectionError("there is no network in tests"))
    return tmp_path / "models"


def test_without_a_network_one_sentence_says_what_is_missing_and_what_to_do(no_network, monkeypatch):
    monkeypatch.setattr(transfer, "_body", None)
    with pytest.raises(ConnectionError) as caught:
        towers.pretrained("ResNet50V2")
    file = "resnet50v2_weights_tf_dim_ordering_tf_kernels_notop.h5"
    url = f"https://storage.googleapis.com/tensorflow/keras-applications/resnet/{file}"
    assert str(caught.value) == (
        f"The ImageNet weights of ResNet50V2 are not in {no_network / file}, and storage.googleapis.com does not "
        f"answer: ConnectionError (there is no network in tests). Where there is a network, {url} can be fetched to "
        "that place; weights=None begins without."
    )


def test_weights_that_keras_has_fetched_need_no_network(no_network, monkeypatch):
    asked = []
    monkeypatch.setattr(transfer, "_body", lambda *given: asked.append(given) or keras.layers.GlobalAveragePooling2D())
    no_network.mkdir()
    (no_network / "efficientnetb0_notop.h5").write_bytes(b"")
    towers.pretrained("EfficientNetB0", input_shape=(40, 32, 1))
    assert asked == [("EfficientNetB0", "imagenet", (40, 32, 3))]


def test_a_download_of_weights_that_breaks_off_says_so(no_network, monkeypatch):
    def break_off(*_):
        raise RuntimeError("URL fetch failure")

    probed = []
    monkeypatch.setattr(downloads, "probe", probed.append)
    monkeypatch.setattr(transfer, "_body", break_off)
    words = r"their download failed: RuntimeError \(URL fetch failure\)\. Where"
    with pytest.raises(ConnectionError, match=words):
        towers.pretrained("ConvNeXtTiny")
    assert probed == [transfer.APPLICATIONS["ConvNeXtTiny"][-1]]


@on_tensorflow
@pytest.mark.parametrize("name", ["MobileNetV3Small", "EfficientNetB0", "EfficientNetV2B0", "ResNet50V2"])
def test_keras_asks_for_weights_where_we_look_for_them(name, monkeypatch):
    """What each application gives to `get_file` is the file that we name; images of 32x48 cause no warning."""
    from keras.src.utils import file_utils

    class Asked(Exception):
        pass

    def get_file(file, origin, cache_subdir, **_):
        raise Asked(file, origin, cache_subdir)

    monkeypatch.setattr(file_utils, "get_file", get_file)
    *_, url = transfer.APPLICATIONS[name]
    with warnings.catch_warnings(), pytest.raises(Asked) as caught:
        warnings.simplefilter("error")
        transfer._body(name, "imagenet", (32, 48, 3))
    assert caught.value.args == (url.rpartition("/")[2], url, "models")


def test_the_place_of_fetched_weights_is_the_one_of_keras(monkeypatch, tmp_path):
    monkeypatch.setenv("KERAS_HOME", str(tmp_path))
    place, is_there = downloads.kept_by_keras("https://example.org/models/some.h5?download=1")
    assert (place, is_there) == (str(tmp_path / "models" / "some.h5"), False)
    monkeypatch.delenv("KERAS_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    (tmp_path / ".keras" / "models").mkdir(parents=True)
    (tmp_path / ".keras" / "models" / "some.h5").write_bytes(b"")
    assert downloads.kept_by_keras("https://example.org/some.h5") == (
        str(tmp_path / ".keras" / "models" / "some.h5"),
        True,
    )


# --- What learns, and what stays


def toy():
    """Two convolutions with batch normalisation in a model of their own, and an embedding."""
    inside = [keras.layers.Conv2D(3, 3, name="first"), keras.layers.BatchNormalization(name="first_norm")]
    inside += [keras.layers.Conv2D(3, 3, name="second"), keras.layers.BatchNormalization(name="second_norm")]
    inside += [keras.layers.Flatten(name="flat")]
    body = keras.Sequential([keras.Input((6, 6, 1)), *inside], name="body")
    inputs = keras.Input((6, 6, 1))
    x = keras.layers.Rescaling(2.0, name="preprocessing")(inputs)
    return keras.Model(inputs, keras.layers.Dense(2, name="embedding")(body(x)), name="tower")


def changed(tower):
    """Names of layers of which a step of training changes any weight, moving means and variances too."""
    before = {weight.path: ops.convert_to_numpy(weight) for weight in tower.weights}
    tower.compile(keras.optimizers.SGD(0.1), loss="mse")
    x, y = RNG.normal(3.0, size=(8, 6, 6, 1)).astype("float32"), RNG.normal(size=(8, 2)).astype("float32")
    tower.fit(x, y, epochs=1, batch_size=8, verbose=0, shuffle=False)
    moved = [
        weight for weight in tower.weights if not np.array_equal(before[weight.path], ops.convert_to_numpy(weight))
    ]
    return {weight.path.split("/")[-2] for weight in moved}


def switched_off(tower):
    """The body within it too, which then hides its layers."""
    tower.trainable = False
    return tower


EVERY = {"first", "first_norm", "second", "second_norm", "embedding"}


@pytest.mark.parametrize(
    "choose, learning",
    [
        (lambda tower: tower, EVERY),
        (towers.freeze, {"embedding"}),
        (lambda tower: towers.freeze(tower, until="body"), {"embedding"}),
        (lambda tower: towers.freeze(tower, until="first_norm"), {"second", "second_norm", "embedding"}),
        (lambda tower: towers.freeze(tower, until="first"), EVERY - {"first"}),
        (lambda tower: towers.freeze(tower, until="preprocessing"), EVERY),
        (lambda tower: towers.unfreeze(towers.freeze(tower)), EVERY - {"first_norm", "second_norm"}),
        (lambda tower: towers.unfreeze(towers.freeze(tower), batch_norm=True), EVERY),
        (lambda tower: towers.unfreeze(towers.freeze(tower), layers=1), {"embedding"}),
        (lambda tower: towers.unfreeze(towers.freeze(tower), layers=2), {"embedding", "second"}),
        (lambda tower: towers.unfreeze(tower, layers=2, batch_norm=True), {"embedding", "second_norm"}),
        (lambda tower: towers.freeze(towers.unfreeze(tower, layers=2)), {"embedding"}),
        (lambda tower: towers.unfreeze(switched_off(tower), layers=2), {"embedding", "second"}),
    ],
)
def test_a_step_of_training_changes_what_is_not_frozen_and_nothing_else(choose, learning):
    """Means and variances of batch normalisation count as its weights: frozen, they stay."""
    tower = toy()
    assert choose(tower) is tower
    assert changed(tower) == learning


def test_a_frozen_application_works_in_training_as_at_inference(small):
    towers.freeze(small)
    assert len(small.trainable_weights) == 2
    np.testing.assert_array_equal(
        ops.convert_to_numpy(small(PHOTOS, training=True)), ops.convert_to_numpy(small(PHOTOS, training=False))
    )


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: towers.freeze("tower"), r"`tower` must be a keras.Model. Received: 'tower'\."),
        (lambda: towers.unfreeze(None), r"`tower` must be a keras.Model. Received: None\."),
        (
            lambda: towers.freeze(toy(), until="third"),
            r"no layer named 'third'. Layers with weights: first, first_norm, second, second_norm, embedding\.",
        ),
        (
            lambda: towers.freeze(towers.dense(4, units=[2] * 9), until="x"),
            r"weights: dense_1, dense_2, dense_3, dense_4, \.\.\., dense_7, dense_8, dense_9, embedding\.",
        ),
        (lambda: towers.unfreeze(toy(), layers=0), r"`layers` must be a whole number from 1 to 3. Received: layers=0"),
        (lambda: towers.unfreeze(toy(), layers=6, batch_norm=True), r"from 1 to 5. Received: layers=6"),
        (lambda: towers.unfreeze(toy(), layers="second"), r"Received: layers='second'"),
        (lambda: towers.unfreeze(toy(), layers=True), r"Received: layers=True"),
        (
            lambda: towers.pretrained("VGG16"),
            r"`name` must be one of omniglot, MobileNetV3Small, .*ConvNeXtTiny. Received: 'VGG16'",
        ),
        (lambda: towers.pretrained("ResNet50V2", None, (31, 64, 3)), r"at least 32 pixels a side.*\(31, 64, 3\)"),
        (
            lambda: towers.pretrained("ResNet50V2", None, (64, 64, 4)),
            r"with 1 or 3 channels. Received: .*\(64, 64, 4\)",
        ),
        (lambda: towers.pretrained("ResNet50V2", None, (64, 64)), r"\(height, width, channels\). Received: \(64, 64\)"),
        (lambda: towers.histogram((8, 8)), r"\(height, width, channels\). Received: \(8, 8\)"),
        (
            lambda: towers.histogram((8, 8, 3), bins=0),
            r"`bins` must be made of positive whole numbers. Received: \[0\]",
        ),
        (
            lambda: towers.histogram((8, 8, 3), bins=33),
            r"at most 32,768 colours apart. Received: shape \(None, 8, 8, 3\) with bins=33\.",
        ),
        (lambda: towers.ColourHistogram(2)(np.ones((4, 3))), r"takes images .* Received: shape \(4, 3\) with bins=2"),
    ],
)
def test_what_makes_no_tower_or_no_layer_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    "build, message",
    [
        (lambda: towers.conv((28, 28)), r"\(height, width, channels\). Received: \(28, 28\)"),
        (lambda: towers.conv((8, 28, 1)), r"at least 16 pixels a side. Received: input_shape=\(8, 28, 1\)"),
        (
            lambda: towers.conv((28, 28, 1), embedding_dim=0),
            r"`embedding_dim` .* positive whole numbers. Received: \[0\]",
        ),
        (lambda: towers.conv((28, 28, 1), filters=(8, -1)), r"`filters` .* Received: \[8, -1\]"),
        (lambda: towers.dense((None, 3)), r"`input_shape` .* Received: \[None, 3\]"),
        (lambda: towers.dense(8, units=(2.5,)), r"`units` .* Received: \[2.5\]"),
        (lambda: towers.dense(8, units="64"), r"`units` .* Received: \['6', '4'\]"),
    ],
)
def test_sizes_that_make_no_tower_are_refused(build, message):
    with pytest.raises(ValueError, match=message):
        build()


@on_tensorflow
def test_koch_is_the_published_network():
    """Filters 10x10x64, 7x7x128, 4x4x128, 4x4x256 with biases: 6,464 + 401,536 + 262,272 + 524,544. Of 105 pixels 96,
    48, 42, 21, 18, 9 and 6 remain: 6 * 6 * 256 = 9,216 features, and 9,217 * 4,096 = 37,752,832 for the units. With
    the 4,097 of the comparison that is 38,951,745."""
    tower = towers.koch()
    assert tower.input_shape == (None, 105, 105, 1) and tower.output_shape == (None, 4096)
    assert tower.count_params() == 38_947_648
    assert models.verifier(tower).count_params() == 38_951_745
    assert [tower.get_layer(f"conv_{n}").count_params() for n in (1, 2, 3, 4)] == [6464, 401536, 262272, 524544]
    kernels = [tower.get_layer(name).kernel for name in ("conv_2", "units")]
    biases = np.concatenate([ops.convert_to_numpy(tower.get_layer(n).bias) for n in ("conv_1", "conv_4", "units")])
    spread = [float(ops.std(ops.convert_to_tensor(kernel))) for kernel in kernels]
    assert spread == pytest.approx([0.01, 0.2], rel=0.02)
    assert [biases.mean(), biases.std()] == pytest.approx([0.5, 0.01], rel=0.1)
    assert len({float(ops.convert_to_numpy(tower.get_layer(f"conv_{n}").bias)[0]) for n in (1, 2, 3, 4)}) == 4
    squares = [float(ops.sum(ops.square(tower.get_layer(f"conv_{n}").kernel))) for n in (1, 2, 3, 4)]
    squares.append(float(ops.sum(ops.square(kernels[1]))))
    assert float(sum(tower.losses)) == pytest.approx(2e-4 * sum(squares), rel=1e-3)


def test_koch_takes_a_penalty_for_each_layer_and_images_of_65_pixels():
    tower = towers.koch((65, 65, 1), l2=(0, 0, 0, 0.1, 0))
    (penalty,) = tower.losses
    kernel = ops.convert_to_numpy(tower.get_layer("conv_4").kernel)
    assert ops.convert_to_numpy(penalty) == pytest.approx(0.1 * np.sum(kernel**2), rel=1e-4)
    with pytest.raises(
        ValueError, match=r"at least 65 pixels a side.*Received: input_shape=\(64, 105, 1\).*koch_small"
    ):
        towers.koch((64, 105, 1))
    for l2 in ((1e-4,) * 4, (-1, 0, 0, 0, 0), 1e-4, None, "abcde"):
        with pytest.raises(ValueError, match="a penalty for each of five layers, at least 0"):
            towers.koch(l2=l2)


def test_the_small_koch_has_sigmoid_units_and_another_size():
    tower = towers.koch_small((20, 16, 3), filters=(4, 5, 6, 7), units=9)
    found = ops.convert_to_numpy(tower(np.random.default_rng(0).random((5, 20, 16, 3), "float32")))
    assert found.shape == (5, 9) and 0 < found.min() and found.max() < 1
    assert [tower.get_layer(f"conv_{n}").kernel.shape[-1] for n in (1, 2, 3, 4)] == [4, 5, 6, 7]
    assert tower.get_layer("conv_4").output.shape[1:3] == (2, 2)
    with pytest.raises(ValueError, match=r"four convolutions.*Received: filters=\(4, 5\)"):
        towers.koch_small(filters=(4, 5))
    with pytest.raises(ValueError, match=r"at least 8 pixels a side. Received: .*input_shape=\(7, 9, 1\)"):
        towers.koch_small((7, 9, 1))
    with pytest.raises(ValueError, match="`units` must be made of positive whole numbers"):
        towers.koch_small(units=0)


@pytest.mark.parametrize("wrong", [np.array(16.5), np.array([8, 8]), 4.0, True, "16"])
def test_a_size_that_is_no_whole_number_is_refused_also_in_an_array(wrong):
    with pytest.raises(ValueError, match="`units` must be made of positive whole numbers. Received: "):
        towers.dense(4, units=[wrong])
    assert towers.dense(4, units=[np.int64(3), np.array(5)]).count_params() == 4 * 3 + 3 + 3 * 5 + 5 + 5 * 64 + 64
