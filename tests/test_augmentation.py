"""Image augmentation: the documented transformation, its ranges and probabilities, and a function of the seed."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from siamkeras import augmentation

RNG = np.random.default_rng(5)
IMAGE = RNG.random((7, 9, 3), dtype="float32")
SEED = (3, -8)
IDENTITY = {"rotation": 0, "shear": 0, "scale": (1, 1), "shift": 0, "probability": 1}
AUGMENTS = {
    "affine": augmentation.affine(),
    "elastic": augmentation.elastic(),
    "erase": augmentation.erase(1.0),
    "stroke_width": augmentation.stroke_width(),
    "flip": augmentation.flip(),
    "crop": augmentation.crop(),
    "color_jitter": augmentation.color_jitter(0.5, (0, 3), (0, 3)),
    "compose": augmentation.compose(augmentation.crop(), augmentation.affine(), augmentation.color_jitter()),
}
every_augment = pytest.mark.parametrize("augment", AUGMENTS.values(), ids=AUGMENTS)


def apply(augment, image, count=400):
    """`count` augmented copies of an image, with seeds (0, 7), (1, 7), ..."""
    stream = tf.data.Dataset.range(count).map(lambda i: augment(image, tf.stack([tf.cast(i, tf.int32), 7])), 2)
    return stream.batch(count).get_single_element().numpy()


def ramps(height, width):
    """An image with the channels (column / (width - 1), row / (height - 1)), which show where a pixel came from."""
    rows, columns = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    return np.stack([columns, rows], axis=-1).astype("float32")


def sources(results):
    """The column and row in `ramps` from which each pixel of `(n, height, width, 2)` came."""
    height, width = results.shape[1:3]
    return results * (width - 1, height - 1)


def dot(height, width, *places):
    """A black image with white pixels at places (right, down) relative to the centre."""
    image = np.zeros((height, width, 1), "float32")
    for right, down in places:
        image[height // 2 + down, width // 2 + right] = 1
    return image


def bilinear(image, x, y):
    """The image at one position as a weighted sum of all pixels; 0 outside the image."""
    value = np.zeros(image.shape[2])
    for row, column in np.ndindex(image.shape[:2]):
        value += max(0.0, 1 - abs(x - column)) * max(0.0, 1 - abs(y - row)) * image[row, column]
    return value


@every_augment
def test_results_are_images_in_0_1_and_a_function_of_both_values_of_the_seed(augment):
    extreme = apply(augment, np.rint(IMAGE), 100)
    assert extreme.shape[1:] == IMAGE.shape and extreme.dtype == np.float32
    assert extreme.min() >= 0 and extreme.max() <= 1
    results = apply(augment, IMAGE, 30)
    np.testing.assert_array_equal(results, apply(augment, IMAGE, 30))
    np.testing.assert_allclose(results[4], augment(IMAGE, (4, 7)), atol=1e-5)
    assert len(np.unique(results.reshape(30, -1), axis=0)) > 1
    assert any(np.abs(results[i] - augment(IMAGE, (i, 8))).max() > 1e-3 for i in range(30))


@pytest.mark.parametrize(
    "augment",
    [
        augmentation.affine(**IDENTITY),
        augmentation.affine(90, 0.5, (2, 2), 5, probability=0),
        augmentation.elastic(strength=0),
        augmentation.elastic(strength=5, probability=0),
        augmentation.stroke_width(0, 0),
        augmentation.crop(min_fraction=1),
        augmentation.color_jitter(0, (1, 1), (1, 1)),
    ],
)
@pytest.mark.parametrize("shape", [(7, 9, 3), (1, 1, 3)])
def test_empty_ranges_leave_the_image_unchanged(augment, shape):
    image = RNG.random(shape, dtype="float32")
    np.testing.assert_allclose(apply(augment, image, 20), np.broadcast_to(image, (20, *shape)), atol=1e-6)


@pytest.mark.parametrize("side", [6, 7])
@pytest.mark.parametrize("degrees, quarters", [(90, 1), (180, 2)])
def test_rotation_is_counter_clockwise(side, degrees, quarters):
    image = RNG.random((side, side, 2), dtype="float32")
    rotated = augmentation.affine(**{**IDENTITY, "rotation": (degrees, degrees)})(image, SEED)
    np.testing.assert_allclose(rotated, np.rot90(image, quarters), atol=1e-5)


@pytest.mark.parametrize("shape", [(7, 9, 3), (8, 6, 1)])
def test_affine_is_equal_to_a_plain_loop(shape):
    image = RNG.random(shape, dtype="float32")
    degrees, shear, scale, shift = 25.0, 0.2, 0.8, 1.3
    ranges = ((number, number) for number in (degrees, shear, scale, shift))
    result = augmentation.affine(*ranges, probability=1)(image, SEED)
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])  # y points down
    inverse = np.linalg.inv(rotation @ np.array([[1, shear], [shear, 1]]) * scale)
    centre = np.array([shape[1] - 1, shape[0] - 1]) / 2
    for row, column in np.ndindex(shape[:2]):
        x, y = inverse @ (np.array([column, row]) - centre - shift) + centre
        np.testing.assert_allclose(result[row, column], bilinear(image, x, y), atol=1e-4)


@pytest.mark.parametrize("name, forced", [("shear", (0.5, 0.5)), ("scale", (2, 2)), ("shift", (2, 2))])
def test_transformations_along_x_and_y_are_applied_independently_with_their_probability(name, forced):
    """A dot at (2, 2) moves to one of four places: with probability 0.2, 256, 64, 64 and 16 of 400."""
    results = apply(augmentation.affine(**{**IDENTITY, name: forced, "probability": 0.2}), dot(13, 11, (2, 2)))
    moved = {"shear": 3, "scale": 4, "shift": 4}[name]
    places = [(right, down) for right in (2, moved) for down in (2, moved)]
    is_at = np.array([results[:, 6 + down, 5 + right, 0] > 1 - 1e-4 for right, down in places])
    assert (is_at.sum(axis=0) == 1).all()
    np.testing.assert_allclose(is_at.mean(axis=1), np.outer([0.8, 0.2], [0.8, 0.2]).ravel(), atol=0.08)


def sampled_affine(**ranges):
    """The matrices `(400, 2, 2)` and shifts `(400, 2)` of 400 transformations, from `ramps` near the centre."""
    places = sources(apply(augmentation.affine(**{**IDENTITY, **ranges}), ramps(41, 31)))
    centre, right, below = places[:, 20, 15], places[:, 20, 16], places[:, 21, 15]
    matrix = np.linalg.inv(np.stack([right - centre, below - centre], axis=-1))
    return matrix, np.einsum("nij,nj->ni", matrix, np.array([15, 20]) - centre)


@pytest.mark.parametrize("name", ["rotation", "shear", "scale", "shift"])
def test_parameters_are_uniform_in_their_range_and_independent(name):
    """400 uniform numbers: none outside, some near both ends, the mean within four standard errors."""
    ranges = {"rotation": 10, "shear": (-0.1, 0.3), "scale": (0.8, 1.2), "shift": 2.0}
    matrix, shift = sampled_affine(**{name: ranges[name]})
    low, high = {**ranges, "rotation": (-10, 10), "shift": (-2, 2)}[name]
    values = {
        "rotation": np.degrees(np.arctan2(matrix[:, :1, 1], matrix[:, :1, 0])),
        "shear": np.stack([matrix[:, 0, 1], matrix[:, 1, 0]], axis=1),
        "scale": np.stack([matrix[:, 0, 0], matrix[:, 1, 1]], axis=1),
        "shift": shift,
    }[name]
    assert values.min() > low - 1e-3 and values.max() < high + 1e-3
    assert (values.min(axis=0) < low + 0.03 * (high - low)).all()
    assert (values.max(axis=0) > high - 0.03 * (high - low)).all()
    deviation = (high - low) / np.sqrt(12)
    np.testing.assert_allclose(values.mean(axis=0), (low + high) / 2, atol=4 * deviation / 20)
    if name != "rotation":
        assert abs(np.corrcoef(values.T)[0, 1]) < 0.2


def test_the_sampled_value_is_independent_of_whether_it_is_applied():
    """Of 400 shifts from -2 to 2 about 200 are applied, and these are uniform."""
    for shifts in sampled_affine(shift=2.0, probability=0.5)[1].T:
        applied = shifts[np.abs(shifts) > 1e-3]
        assert 160 < len(applied) < 240
        assert applied.min() < -1.8 and applied.max() > 1.8 and abs(applied.mean()) < 0.35


def displacements(height, width, strength, smoothness, margin=4):
    """Displacements (right, down) of the inner pixels in 400 images."""
    places = sources(apply(augmentation.elastic(strength, smoothness), ramps(height, width)))
    moved = places - sources(ramps(height, width)[None])
    return moved[:, margin : height - margin, margin : width - margin]


def test_elastic_displacements_have_the_standard_deviation_everywhere():
    """0.7 at each pixel, with a standard error of 3.5 %; the largest of 500 errors is below 16 %."""
    moved = displacements(20, 24, strength=0.7, smoothness=3)
    np.testing.assert_allclose(moved.std(axis=0), 0.7, rtol=0.16)
    np.testing.assert_allclose(moved.std(), 0.7, rtol=0.03)
    np.testing.assert_allclose(moved.mean(axis=0), 0, atol=0.7 / 20 * 4.5)
    right, down = moved.reshape(-1, 2).T
    assert abs(np.corrcoef(right, down)[0, 1]) < 0.05


@pytest.mark.parametrize("axis", [1, 2])
def test_elastic_displacements_have_the_documented_correlation(axis):
    """exp(-(d / 3)^2 / 4) at 2, 4 and 8 pixels."""
    moved = displacements(22, 24, strength=0.7, smoothness=3)
    count = moved.shape[axis]
    for distance, expected in [(2, 0.8948), (4, 0.6412), (8, 0.1690)]:
        one, two = np.take(moved, range(count - distance), axis), np.take(moved, range(distance, count), axis)
        np.testing.assert_allclose(np.mean(one * two) / 0.7**2, expected, atol=0.05)


def test_elastic_is_equal_to_a_plain_loop():
    """Two channels are ramps, which show where a pixel of the third came from."""
    image = np.concatenate([ramps(14, 12), RNG.random((14, 12, 1), dtype="float32")], axis=-1)
    results = apply(augmentation.elastic(1.0, 3), image, 5)
    places = sources(results[..., :2])
    for i, row, column in np.ndindex(5, 8, 6):
        at = i, row + 3, column + 3
        np.testing.assert_allclose(results[at][2], bilinear(image[..., 2:], *places[at])[0], atol=1e-4)


def test_pixels_from_outside_the_image_are_0():
    white = np.ones((9, 9, 1), "float32")
    assert np.mean(apply(augmentation.elastic(500, 2), white, 50) == 0) > 0.98
    edge = apply(augmentation.elastic(1, 2), white, 50)[:, [0, -1]]
    assert 0.2 < np.mean((edge > 0.01) & (edge < 0.99)) < 0.7  # interpolated


def test_elastic_treats_all_edges_equally():
    """A white image on black: the edge has the value min(1 + z, 1), or 0 below z = -1, for a standard normal z; with
    mean 1/2 + (P(0) - P(-1)) - (p(0) - p(1)) = 0.6844."""
    mean = apply(augmentation.elastic(1, 2), np.ones((15, 17, 1), "float32"))[..., 0].mean(axis=0)
    sides = [mean[0, 5:-5].mean(), mean[-1, 5:-5].mean(), mean[5:-5, 0].mean(), mean[5:-5, -1].mean()]
    np.testing.assert_allclose(sides, 0.6844, atol=0.06)


def test_elastic_is_applied_with_its_probability():
    """280 of 400 unchanged, standard deviation 9; the others are equal to those with probability 1."""
    some, all_images = (apply(augmentation.elastic(1, 2, probability=p), IMAGE) for p in (0.3, 1))
    unchanged = (some == IMAGE).all(axis=(1, 2, 3))
    assert abs(unchanged.mean() - 0.7) < 0.1
    np.testing.assert_allclose(some[~unchanged], all_images[~unchanged], atol=1e-6)


def test_stroke_width_mixes_the_image_with_its_dilation_or_erosion():
    """The 3 x 3 rim of a dilated dot has the value w; the rim of an eroded 3 x 3 square has 1 - w."""
    square = np.zeros((7, 7, 1), "float32")
    square[2:5, 2:5] = 1
    one = dot(7, 7, (0, 0))
    for image, limits, is_dilation in [(one, (0.8, 0), True), (square, (0, 0.6), False)]:
        results = apply(augmentation.stroke_width(*limits), image)
        rim = results[:, 2, 2, 0]
        np.testing.assert_allclose(results, one + (square - one)[None] * rim[:, None, None, None], atol=1e-6)
        weight, largest = rim if is_dilation else 1 - rim, max(limits)
        assert 0.95 * largest < weight.max() <= largest and weight.min() < 0.05 * largest
        np.testing.assert_allclose(weight.mean(), largest / 2, atol=0.1 * largest)


def test_stroke_width_ignores_pixels_outside_the_image():
    white = np.ones((4, 4, 1), "float32")
    np.testing.assert_allclose(apply(augmentation.stroke_width(1, 1), white, 20), 1)
    np.testing.assert_allclose(apply(augmentation.stroke_width(1, 1), 1 - white, 20), 0)


def test_half_of_the_images_are_flipped():
    results = apply(augmentation.flip(), IMAGE)
    is_flipped = (results == IMAGE[:, ::-1]).all(axis=(1, 2, 3))
    assert (is_flipped | (results == IMAGE).all(axis=(1, 2, 3))).all()
    assert abs(is_flipped.mean() - 0.5) < 0.1


def test_a_crop_has_a_uniform_size_and_position():
    """The ends of resized ramps show the crop: sides from 24 to 40 pixels of 40, 32 on average."""
    results = apply(augmentation.crop(0.6), ramps(40, 40) * np.float32(39 / 40) + np.float32(0.5 / 40))
    inner = results[:, 10, 10], results[:, 29, 29]
    side = (inner[1] - inner[0]) * 40 / 19 * 40  # the slope of a ramp, 1 / 40 per pixel, times side / 40
    np.testing.assert_allclose(side, np.rint(side), atol=0.02)
    np.testing.assert_array_equal(np.rint(side[:, 0]), np.rint(side[:, 1]))
    assert side.min() >= 23.9 and side.max() <= 40.1 and side.min() < 25 and side.max() > 39
    np.testing.assert_allclose(side.mean(), 32, atol=1)
    centre = (results[:, 19, 19] + results[:, 20, 20]) / 2 * 40
    first = centre - side / 2
    np.testing.assert_allclose(first, np.rint(first), atol=0.02)
    is_small = side[:, 0] < 37
    place = first[is_small] / (40 - side[is_small])
    assert place.min() > -0.01 and place.max() < 1.01
    np.testing.assert_allclose(place.mean(axis=0), 0.5, atol=0.07)


def test_color_jitter_changes_saturation_then_contrast_then_brightness():
    """Half saturation of red (1, 0, 0) is (1, 0.5, 0.5), white is unchanged. Half contrast about the channel means 1,
    0.75 and 0.75 gives (1, 0.625, 0.625) and (1, 0.875, 0.875). The brightness adds the same number everywhere."""
    image = np.array([[[1, 0, 0], [1, 1, 1]]], "float32")
    result = augmentation.color_jitter(0, (0.5, 0.5), (0.5, 0.5))(image, SEED)
    np.testing.assert_allclose(result, [[[1, 0.625, 0.625], [1, 0.875, 0.875]]], atol=1e-6)
    gray = augmentation.color_jitter(0, (1, 1), (0, 0))(IMAGE, SEED)
    np.testing.assert_allclose(gray, np.repeat(IMAGE.max(axis=-1, keepdims=True), 3, axis=-1), atol=1e-6)


def test_brightness_and_contrast_are_uniform_and_independent():
    """Of the values 0.4 and 0.6 the mean shows the brightness, and the difference the contrast."""
    image = np.array([[[0.4], [0.6]]], "float32")
    results = apply(augmentation.color_jitter(0.15, (0.5, 1.5), saturation=(1, 1)), image)[:, 0, :, 0]
    brightness, contrast = results.mean(axis=1) - 0.5, (results[:, 1] - results[:, 0]) / 0.2
    assert -0.15 - 1e-5 < brightness.min() < -0.14 and 0.14 < brightness.max() < 0.15 + 1e-5
    assert 0.5 - 1e-5 < contrast.min() < 0.53 and 1.47 < contrast.max() < 1.5 + 1e-5
    np.testing.assert_allclose([brightness.mean(), contrast.mean()], [0, 1], atol=0.06)
    assert abs(np.corrcoef(brightness, contrast)[0, 1]) < 0.2


def test_compose_applies_the_first_augmentation_first():
    """(0.5 + 0.25) / 2."""
    augment = augmentation.compose(lambda image, seed: image + 0.25, lambda image, seed: image / 2)
    np.testing.assert_allclose(augment(np.full((2, 2, 1), 0.5, "float32"), SEED), 0.375)


def test_compose_gives_each_augmentation_a_seed_of_its_own():
    def add_noise(channel):
        return lambda image, seed: image + tf.random.stateless_uniform((), seed) * tf.one_hot(channel, 3)

    black = np.zeros((1, 1, 3), "float32")
    composed = apply(augmentation.compose(*map(add_noise, range(3))), black)[:, 0, 0]
    alone = apply(add_noise(0), black)[:, 0, 0, :1]
    correlation = np.corrcoef(np.concatenate([composed, alone], axis=1).T)
    assert np.abs(correlation - np.eye(4)).max() < 0.2


@pytest.mark.parametrize(
    "name, arguments, message",
    [
        ("affine", {"rotation": -3}, "`rotation` must be .* Received: rotation="),
        ("affine", {"shear": 1}, "`shear` must be between -1 and 1. Received: shear=1"),
        ("affine", {"shear": (-1, 0)}, "`shear` must be between"),
        ("affine", {"scale": (1.2, 0.8)}, r"`scale` must be a range .* Received: scale=\(1.2, 0.8\)"),
        ("affine", {"probability": 1.5}, "`probability` must be a number .* Received: probability=1.5"),
        ("elastic", {"strength": -1}, "`strength` must be"),
        ("elastic", {"smoothness": 0.5}, "`smoothness` must be"),
        ("elastic", {"probability": np.nan}, "`probability` must be"),
        ("stroke_width", {"thicker": 1.1}, "`thicker` must be"),
        ("crop", {"min_fraction": 1.5}, "`min_fraction` must be"),
        ("color_jitter", {"brightness": -0.1}, "`brightness` must be"),
        ("color_jitter", {"contrast": (-1, 1)}, "`contrast` must be"),
        ("color_jitter", {"saturation": (2, 1)}, "`saturation` must be"),
    ],
)
def test_invalid_arguments_raise(name, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(augmentation, name)(**arguments)


@pytest.mark.parametrize(
    "shape, dtype", [((5, 5), "float32"), ((2, 5, 5, 1), "float32"), ((None, 5, 1), "float32"), ((5, 5, 1), "uint8")]
)
def test_arrays_other_than_float_images_raise_at_tracing(shape, dtype):
    with pytest.raises(ValueError, match=f"known shape, float32.* Received: {dtype}"):
        augment = tf.function(lambda image: augmentation.flip()(image, SEED))
        augment.get_concrete_function(tf.TensorSpec(shape, dtype))


def test_saturation_needs_rgb_images():
    image = RNG.random((5, 5, 1), dtype="float32")
    with pytest.raises(ValueError, match=r"Saturation needs RGB .* Set `saturation=\(1, 1\)`"):
        augmentation.color_jitter()(image, SEED)
    assert augmentation.color_jitter(saturation=(1, 1))(image, SEED).shape == (5, 5, 1)


def test_an_erased_part_is_a_rectangle_of_one_colour():
    """On 20 x 40 pixels, sides of 0.25 to 0.5 are 5 to 10 rows and 10 to 20 columns, unless cut off at the border."""
    results = apply(augmentation.erase(1.0, side=(0.25, 0.5)), np.ones((20, 40, 3), "float32"), 300)
    heights, widths, colors = [], [], set()
    for result in results:
        changed = (result != 1).any(axis=-1)
        rows, columns = np.flatnonzero(changed.any(axis=1)), np.flatnonzero(changed.any(axis=0))
        assert changed.sum() == len(rows) * len(columns) and len(np.unique(result[changed], axis=0)) == 1
        assert len(rows) == rows[-1] - rows[0] + 1 and len(columns) == columns[-1] - columns[0] + 1
        colors.add(tuple(result[changed][0]))
        if rows[0] > 0 and rows[-1] < 19 and columns[0] > 0 and columns[-1] < 39:
            heights.append(len(rows))
            widths.append(len(columns))
    assert (min(heights), max(heights)) == (5, 10) and (min(widths), max(widths)) == (10, 20)
    assert len(heights) > 100 and len(colors) == 300


def test_the_probability_of_erasing():
    changed = (apply(augmentation.erase(0.3), np.ones((10, 10, 1), "float32"), 1000) != 1).any(axis=(1, 2, 3))
    assert 0.25 < changed.mean() < 0.35
    assert not (apply(augmentation.erase(0.0), np.ones((10, 10, 1), "float32"), 20) != 1).any()


@pytest.mark.parametrize("options", [{"probability": 1.5}, {"side": (0.4, 0.2)}, {"side": (-0.1, 0.2)}])
def test_invalid_options_of_erasing(options):
    with pytest.raises(ValueError, match=f"`{next(iter(options))}` must be"):
        augmentation.erase(**options)


def test_augmentation_layers_in_a_tower_change_both_images_of_a_pair_in_training_only():
    """As in the docstring of the module."""
    from siamkeras import models

    augment = keras.layers.RandomTranslation(0.5, 0.5, fill_mode="constant", seed=1)
    tower = keras.Sequential([keras.Input((6, 6, 1)), augment, keras.layers.Flatten()])
    model = models.siamese(tower, distance="manhattan")
    images = np.random.default_rng(0).random((8, 6, 6, 1), "float32")
    pairs = {"left": images, "right": images}
    assert np.all(model(pairs, training=True).numpy() > 0.01)  # each image of a pair is moved differently
    np.testing.assert_allclose(model(pairs, training=False), 0)
