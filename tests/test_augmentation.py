"""Distortions: what they do is what they say, to no more than their ranges, and again with the same seed."""

import numpy as np
import pytest
import tensorflow as tf

from siamkeras import augmentation, generators

RNG = np.random.default_rng(5)
# Neither square nor of one channel, so that a mix-up of sides shows; unlike at every pixel.
IMAGE = RNG.random((7, 9, 3), dtype="float32")
SEED = (3, -8)
STILL = {"rotation": 0, "shear": 0, "scale": (1, 1), "shift": 0, "chance": 1}
GREY = {"saturation": (1, 1)}
EVERY = {
    "affine": augmentation.affine(),
    "affine, filled": augmentation.affine(rotation=180, shift=3, chance=1, fill=0.3),
    "elastic": augmentation.elastic(),
    "elastic, filled": augmentation.elastic(3, 2, chance=0.5, fill=0.3),
    "stroke": augmentation.stroke_width(),
    "mirror": augmentation.flip(),
    "crop": augmentation.crop(),
    "light": augmentation.color_jitter(0.5, (0, 3), (0, 3)),
    "chain": augmentation.compose(augmentation.crop(), augmentation.affine(), augmentation.color_jitter()),
}
every_one = pytest.mark.parametrize("augment", EVERY.values(), ids=EVERY)


def draws(augment, image, count=400):
    """`count` distortions of one image, seeds (0, 7), (1, 7), ..."""
    stream = tf.data.Dataset.range(count).map(lambda i: augment(image, tf.stack([tf.cast(i, tf.int32), 7])), 2)
    return stream.batch(count).get_single_element().numpy()


def shares(outcomes, expected):
    """How many of the outcomes are each of the expected images; every one must be one of them."""
    near = np.array([[np.abs(outcome - image).max() < 1e-4 for image in expected] for outcome in outcomes])
    assert (near.sum(axis=1) == 1).all()
    return near.mean(axis=0)


def ramps(height, width):
    """An image whose channels tell the place: (column / (width - 1), row / (height - 1))."""
    rows, columns = np.meshgrid(np.linspace(0, 1, height), np.linspace(0, 1, width), indexing="ij")
    return np.stack([columns, rows], axis=-1).astype("float32")


def sources(outcomes):
    """Where in ramps `(n, height, width, 2)` each pixel came from: column and row."""
    height, width = outcomes.shape[1:3]
    return outcomes * (width - 1, height - 1)


def dot(height, width, *places):
    """A black image with bright pixels, at places (right, down) from its centre."""
    image = np.zeros((height, width, 1), "float32")
    for right, down in places:
        image[height // 2 + down, width // 2 + right] = 1
    return image


def bilinear(image, x, y, fill):
    """The image at one place, as a sum over all pixels within one pixel of it, and of `fill` where there are none."""
    height, width, _ = image.shape
    value, weight = np.zeros(image.shape[2]), 0.0
    for row in range(height):
        for column in range(width):
            share = max(0.0, 1 - abs(x - column)) * max(0.0, 1 - abs(y - row))
            value, weight = value + share * image[row, column], weight + share
    return value + (1 - weight) * fill


@every_one
def test_every_distortion_keeps_shape_and_dtype_and_values_between_zero_and_one(augment):
    """Also of an image of nothing but 0 and 1, where any overshooting would show."""
    for image in (IMAGE, np.rint(IMAGE)):
        outcomes = draws(augment, image)
        assert outcomes.shape[1:] == image.shape and outcomes.dtype == np.float32
        assert outcomes.min() >= 0 and outcomes.max() <= 1


@every_one
def test_a_seed_decides_everything(augment):
    outcomes = draws(augment, IMAGE, 30)
    np.testing.assert_array_equal(outcomes, draws(augment, IMAGE, 30))
    np.testing.assert_allclose(outcomes[4], augment(IMAGE, (4, 7)), atol=1e-5)
    assert len(np.unique(outcomes.reshape(30, -1), axis=0)) > 1


@pytest.mark.parametrize("name", ["affine, filled", "elastic", "stroke", "crop", "light", "chain"])
def test_another_seed_is_another_image(name):
    """Where no chance leaves images as they are; both numbers of the seed count."""
    assert len(np.unique(draws(EVERY[name], IMAGE, 50).reshape(50, -1), axis=0)) == 50
    assert np.abs(EVERY[name](IMAGE, (4, 7)) - EVERY[name](IMAGE, (4, 8))).max() > 1e-3


@every_one
def test_streams_of_pairs_are_distorted_and_can_be_resumed(augment):
    images, labels = RNG.random((6, 5, 4, 3), dtype="float32"), [7, 7, 7, 3, 3, 3]
    arguments = {"batch_size": 4, "seed": 2, "augment": augment}
    whole = list(generators.pairs(images, labels, steps=4, **arguments))
    rest = list(generators.pairs(images, labels, steps=2, start=2, **arguments))
    for (batch, _), (again, _) in zip(whole[2:], rest, strict=True):
        for role in ("left", "right"):
            np.testing.assert_array_equal(batch[role], again[role])
    found = np.concatenate([np.concatenate([batch["left"], batch["right"]]) for batch, _ in whole])
    assert any(np.abs(images - image).max(axis=(1, 2, 3)).min() > 1e-3 for image in found)


@pytest.mark.parametrize(
    "augment",
    [
        augmentation.affine(**STILL, fill=0.5),
        augmentation.affine(90, 0.5, (2, 2), 5, chance=0, fill=0.5),
        augmentation.elastic(strength=0, fill=0.5),
        augmentation.elastic(strength=5, chance=0, fill=0.5),
        augmentation.stroke_width(0, 0),
        augmentation.flip(chance=0),
        augmentation.crop(smallest=1),
        augmentation.color_jitter(0, (1, 1), (1, 1)),
    ],
)
@pytest.mark.parametrize("shape", [(7, 9, 3), (8, 6, 1), (1, 1, 3)])
def test_ranges_of_nothing_give_the_image_back(augment, shape):
    image = RNG.random(shape, dtype="float32")
    np.testing.assert_allclose(draws(augment, image, 20), np.broadcast_to(image, (20, *shape)), atol=1e-6)


@pytest.mark.parametrize("augment", [augmentation.affine(**STILL), augmentation.elastic(0), augmentation.crop(1)])
def test_what_is_not_moved_is_the_same_to_the_last_bit(augment):
    np.testing.assert_array_equal(augment(IMAGE, SEED), IMAGE)


@pytest.mark.parametrize("side", [6, 7])
@pytest.mark.parametrize("degrees, turns", [(90, 1), (-90, -1), (180, 2)])
def test_rotation_is_counter_clockwise_in_degrees(side, degrees, turns):
    image = RNG.random((side, side, 2), dtype="float32")
    turned = augmentation.affine(**{**STILL, "rotation": (degrees, degrees)})(image, SEED)
    np.testing.assert_allclose(turned, np.rot90(image, turns), atol=1e-5)


def test_shift_is_to_the_right_and_down_and_uncovers_the_fill():
    """By 2: the last rows and columns leave, two of 0.25 come."""
    shifted = augmentation.affine(**{**STILL, "shift": (2, 2)}, fill=0.25)(IMAGE, SEED)
    expected = np.full_like(IMAGE, 0.25)
    expected[2:, 2:] = IMAGE[:-2, :-2]
    np.testing.assert_allclose(shifted, expected, atol=1e-6)


def test_scale_enlarges_about_the_centre():
    """By 2: a dot (1, 1) from the centre comes to (2, 2); beside it is a half of it, diagonally a quarter."""
    enlarged = augmentation.affine(**{**STILL, "scale": (2, 2)})(dot(9, 7, (1, 1)), SEED)
    expected = np.zeros((9, 7))
    expected[5:8, 4:7] = [[0.25, 0.5, 0.25], [0.5, 1, 0.5], [0.25, 0.5, 0.25]]
    np.testing.assert_allclose(enlarged[..., 0], expected, atol=1e-6)


def test_shear_moves_by_half_the_distance_from_the_centre():
    """By 0.5 both ways: (x, y) comes to (x + y / 2, y + x / 2), so (2, 0) to (2, 1), (0, 2) to (1, 2), and so on."""
    sheared = augmentation.affine(**{**STILL, "shear": (0.5, 0.5)})(dot(9, 9, (2, 0), (0, 2), (-2, 2)), SEED)[..., 0]
    for right, down in [(2, 1), (1, 2), (-1, 1)]:
        np.testing.assert_allclose(sheared[4 + down, 4 + right], 1, atol=1e-5)
    for right, down in [(2, 0), (0, 2), (-2, 2)]:
        assert sheared[4 + down, 4 + right] < 0.9


@pytest.mark.parametrize("shape", [(7, 9, 3), (8, 6, 1)])
@pytest.mark.parametrize("fill", [0.0, 0.75])
def test_affine_is_what_a_plain_loop_gives(shape, fill):
    """Scaled, then sheared, then turned, then shifted; each pixel of the outcome is looked for on the way back."""
    image = RNG.random(shape, dtype="float32")
    degrees, shear, scale, shift = 25.0, 0.2, 0.8, 1.3
    ranges = ((number, number) for number in (degrees, shear, scale, shift))
    found = augmentation.affine(*ranges, chance=1, fill=fill)(image, SEED)
    angle = np.radians(degrees)
    # Counter-clockwise, where y points down.
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    back = np.linalg.inv(turn @ np.array([[1, shear], [shear, 1]]) * scale)
    centre = np.array([shape[1] - 1, shape[0] - 1]) / 2
    for row in range(shape[0]):
        for column in range(shape[1]):
            x, y = back @ (np.array([column, row]) - centre - shift) + centre
            np.testing.assert_allclose(found[row, column], bilinear(image, x, y, fill), atol=1e-4)


def test_half_of_the_images_are_turned():
    """By 180 degrees or not at all: 200 of 400, with a deviation of 10."""
    outcomes = draws(augmentation.affine(**{**STILL, "rotation": (180, 180), "chance": 0.5}), IMAGE)
    share = shares(outcomes, [IMAGE, IMAGE[::-1, ::-1]])
    assert abs(share[1] - 0.5) < 0.1


@pytest.mark.parametrize("chance", [0.5, 0.2])
@pytest.mark.parametrize("name, forced", [("shear", (0.5, 0.5)), ("scale", (2, 2)), ("shift", (2, 2))])
def test_along_x_and_along_y_are_left_out_apart(name, forced, chance):
    """A dot at (2, 2) comes to one of four places: with chance 0.5, 100 each of 400, with a deviation of 9."""
    outcomes = draws(augmentation.affine(**{**STILL, name: forced, "chance": chance}), dot(13, 11, (2, 2)))
    moved = {"shear": 3, "scale": 4, "shift": 4}[name]
    places = [(right, down) for right in (2, moved) for down in (2, moved)]
    at = np.array([outcomes[:, 6 + down, 5 + right, 0] for right, down in places])
    assert ((at > 1 - 1e-4).sum(axis=0) == 1).all()
    expected = np.outer([1 - chance, chance], [1 - chance, chance]).ravel()
    np.testing.assert_allclose((at > 1 - 1e-4).mean(axis=1), expected, atol=0.1)


def drawn_affine(**ranges):
    """The numbers drawn in 400 images: of the map `(400, 2, 2)` of places around the centre, and the shift `(400, 2)`.

    Read from ramps, at the centre and one pixel beside and below: there the way back is plain to see.
    """
    found = sources(draws(augmentation.affine(**{**STILL, **ranges}), ramps(41, 31)))
    middle, right, below = found[:, 20, 15], found[:, 20, 16], found[:, 21, 15]
    there = np.linalg.inv(np.stack([right - middle, below - middle], axis=-1))
    return there, np.einsum("nij,nj->ni", there, np.array([15, 20]) - middle)


@pytest.mark.parametrize("name", ["rotation", "shear", "scale", "shift"])
def test_numbers_are_drawn_uniformly_from_their_range(name):
    """400 uniform numbers: none outside, some near both ends, the mean within four deviations of the middle."""
    ranges = {"rotation": 10, "shear": (-0.1, 0.3), "scale": (0.8, 1.2), "shift": 2.0}
    there, shift = drawn_affine(**{name: ranges[name]})
    low, high = {**ranges, "rotation": (-10, 10), "shift": (-2, 2)}[name]
    values = {
        "rotation": np.degrees(np.arctan2(there[:, :1, 1], there[:, :1, 0])),
        "shear": np.stack([there[:, 0, 1], there[:, 1, 0]], axis=1),
        "scale": np.stack([there[:, 0, 0], there[:, 1, 1]], axis=1),
        "shift": shift,
    }[name]
    assert values.min() > low - 1e-3 and values.max() < high + 1e-3
    assert (values.min(axis=0) < low + 0.03 * (high - low)).all()
    assert (values.max(axis=0) > high - 0.03 * (high - low)).all()
    deviation = (high - low) / np.sqrt(12)
    np.testing.assert_allclose(values.mean(axis=0), (low + high) / 2, atol=4 * deviation / 20)
    np.testing.assert_allclose(values.std(axis=0), deviation, rtol=0.1)
    if name != "rotation":
        assert abs(np.corrcoef(values.T)[0, 1]) < 0.2


def test_what_is_drawn_does_not_depend_on_whether_it_is_used():
    """Of 400 shifts from -2 to 2 the 200 that are used, with a chance of 0.5, are uniform as well."""
    _, shift = drawn_affine(shift=2.0, chance=0.5)
    for along in shift.T:
        used = along[np.abs(along) > 1e-3]
        assert 160 < len(used) < 240
        assert used.min() < -1.8 and used.max() > 1.8
        assert abs(used.mean()) < 0.35


def displacements(height, width, strength, smoothness, count=400, margin=4):
    """How far each inner pixel was moved, `(count, height - 2 margin, width - 2 margin, 2)`, right and down."""
    found = sources(draws(augmentation.elastic(strength, smoothness), ramps(height, width), count))
    moved = found - sources(ramps(height, width)[None])
    return moved[:, margin : height - margin, margin : width - margin]


def test_elastic_displacements_are_as_large_as_said_everywhere():
    """The deviation over 400 images, at each pixel: 0.7, with an error of 3.5 %; one of 500 numbers may be 4.5 off."""
    moved = displacements(20, 24, strength=0.7, smoothness=3)
    np.testing.assert_allclose(moved.std(axis=0), 0.7, rtol=0.16)
    np.testing.assert_allclose(moved.std(), 0.7, rtol=0.03)
    np.testing.assert_allclose(moved.mean(axis=0), 0, atol=0.7 / 20 * 4.5)
    right, down = moved.reshape(-1, 2).T
    assert abs(np.corrcoef(right, down)[0, 1]) < 0.05


@pytest.mark.parametrize("axis", [1, 2])
@pytest.mark.parametrize("distance, expected", [(2, 0.8948), (4, 0.6412), (8, 0.1690)])
def test_elastic_displacements_are_as_smooth_as_said(axis, distance, expected):
    """exp(-(d / 3)^2 / 4) at 2, 4 and 8 pixels, along rows and along columns."""
    moved = displacements(22, 24, strength=0.7, smoothness=3)
    count = moved.shape[axis]
    here, there = np.take(moved, range(count - distance), axis), np.take(moved, range(distance, count), axis)
    np.testing.assert_allclose(np.mean(here * there) / 0.7**2, expected, atol=0.05)


def test_elastic_images_are_what_a_plain_loop_gives():
    """Two channels are ramps, which tell where each pixel came from; the third must show what lies there."""
    image = np.concatenate([ramps(14, 12), RNG.random((14, 12, 1), dtype="float32")], axis=-1)
    found = draws(augmentation.elastic(1.0, 3), image, 5)
    places = sources(found[..., :2])
    for which, row, column in np.ndindex(5, 8, 6):
        at = which, row + 3, column + 3
        np.testing.assert_allclose(found[at][2], bilinear(image[..., 2:], *places[at], 0.0)[0], atol=1e-4)


def test_what_comes_from_beyond_the_edge_is_filled():
    """Moved by about 500 pixels, nearly nothing of a bright image of 9 pixels is left; bright fill on bright is all."""
    bright = np.ones((9, 9, 1), "float32")
    outcomes = draws(augmentation.elastic(500, 2, fill=0.25), bright, 50)
    assert np.mean(outcomes == 0.25) > 0.98
    np.testing.assert_allclose(draws(augmentation.elastic(2, 2, fill=1), bright, 50), 1)
    np.testing.assert_allclose(draws(augmentation.affine(90, chance=1, fill=1), bright, 50), 1, atol=1e-6)


def test_between_edge_and_fill_lies_a_mean():
    """Bright or dark, with the other as fill: what the two show adds up to 1, at every pixel and by any share."""
    bright = np.ones((9, 9, 1), "float32")
    light_in_dark = draws(augmentation.elastic(1, 2, fill=0), bright, 50)
    dark_in_light = draws(augmentation.elastic(1, 2, fill=1), 1 - bright, 50)
    np.testing.assert_allclose(light_in_dark + dark_in_light, 1, atol=1e-6)
    edge = light_in_dark[:, [0, -1]]
    assert 0.2 < np.mean((edge > 0.01) & (edge < 0.99)) < 0.7
    np.testing.assert_allclose(light_in_dark[:, 4, 4], 1)


def test_every_side_of_an_image_fades_alike():
    """A bright image on dark fill, displaced by z, of deviation 1: the edge shows min(1 + z, 1), or 0 below z = -1.

    Its mean is 1/2 + (P(0) - P(-1)) - (p(0) - p(1)) = 0.6844, with P and p the normal distribution and its density.
    """
    seen = draws(augmentation.elastic(1, 2), np.ones((15, 17, 1), "float32"))[..., 0].mean(axis=0)
    sides = [seen[0, 5:-5].mean(), seen[-1, 5:-5].mean(), seen[5:-5, 0].mean(), seen[5:-5, -1].mean()]
    np.testing.assert_allclose(sides, 0.6844, atol=0.06)


def test_elastic_leaves_images_out_by_chance():
    """A chance of 0.3: 280 of 400 stay as they are, with a deviation of 9; the others are bent as with chance 1."""
    some, all_of_them = (draws(augmentation.elastic(1, 2, chance=chance), IMAGE) for chance in (0.3, 1))
    same = (some == IMAGE).all(axis=(1, 2, 3))
    assert abs(same.mean() - 0.7) < 0.1
    np.testing.assert_allclose(some[~same], all_of_them[~same], atol=1e-6)


def test_a_thicker_dot_has_a_rim_and_a_thinner_square_a_faint_one():
    """One pixel and its dilation, 3 x 3, mixed by w: the rim is w. A square and its erosion, one pixel: it is 1 - w."""
    square = np.zeros((7, 7, 1), "float32")
    square[2:5, 2:5] = 1
    one = dot(7, 7, (0, 0))
    for image, stroke, sign in [(one, (0.8, 0), 1), (square, (0, 0.6), -1)]:
        outcomes = draws(augmentation.stroke_width(*stroke), image)
        weight = outcomes[:, 2, 2, 0] if sign > 0 else 1 - outcomes[:, 2, 2, 0]
        rim = (square - one)[None] * (weight if sign > 0 else 1 - weight)[:, None, None, None]
        np.testing.assert_allclose(outcomes, one + rim, atol=1e-6)
        most = max(stroke)
        assert 0.95 * most < weight.max() <= most and weight.min() < 0.05 * most
        np.testing.assert_allclose(weight.mean(), most / 2, atol=0.1 * most)


def test_strokes_grow_and_shrink_as_often_as_their_weights_say():
    """Weights from -0.2 to 0.6: three quarters grow, 300 of 400 with a deviation of 9."""
    total = draws(augmentation.stroke_width(0.6, 0.2), IMAGE).sum(axis=(1, 2, 3))
    assert abs(np.mean(total > IMAGE.sum()) - 0.75) < 0.09


def test_the_edge_of_an_image_neither_feeds_nor_eats_a_stroke():
    bright = np.ones((4, 4, 1), "float32")
    np.testing.assert_allclose(draws(augmentation.stroke_width(1, 1), bright, 20), 1)
    np.testing.assert_allclose(draws(augmentation.stroke_width(1, 1), 1 - bright, 20), 0)


def test_half_of_the_images_are_mirrored():
    share = shares(draws(augmentation.flip(), IMAGE), [IMAGE, IMAGE[:, ::-1]])
    assert abs(share[1] - 0.5) < 0.1
    np.testing.assert_array_equal(augmentation.flip(chance=1)(IMAGE, SEED), IMAGE[:, ::-1])


def test_a_crop_is_a_part_of_the_image_as_large_as_drawn_and_anywhere():
    """Ramps stay ramps: their ends tell where the part lies. Sides from 0.6 to 1, of mean 0.8; free places uniform."""
    outcomes = draws(augmentation.crop(0.6), ramps(11, 21))
    begin, end = outcomes[:, 0, 0], outcomes[:, -1, -1]
    expected = begin[:, None, None] + ramps(11, 21) * (end - begin)[:, None, None]
    np.testing.assert_allclose(outcomes, expected, atol=1e-5)
    side = end - begin
    np.testing.assert_allclose(side[:, 0], side[:, 1], atol=1e-5)
    assert 0.6 - 1e-5 < side.min() < 0.62 and 0.98 < side.max() <= 1
    np.testing.assert_allclose(side.mean(), 0.8, atol=0.03)
    free = begin[side[:, 0] < 0.95] / (1 - side[side[:, 0] < 0.95])
    assert free.min() > -1e-4 and free.max() < 1 + 1e-4
    np.testing.assert_allclose(free.mean(axis=0), 0.5, atol=0.07)
    assert abs(np.corrcoef(free.T)[0, 1]) < 0.2


def test_a_crop_never_shows_what_is_not_there():
    """A bright image stays bright, also where rounding leads a little beyond its edge."""
    np.testing.assert_allclose(draws(augmentation.crop(0.999), np.ones((28, 35, 1), "float32"), 2000), 1, atol=1e-5)


def test_light_changes_colours_then_contrast_then_brightness():
    """Half the colour, then half the contrast, then 0.1 brighter; by hand, of a red and a white pixel.

    Grey of red is 0.299, so red becomes (0.6495, 0.1495, 0.1495); white stays. The mean of all six is 0.65808.
    """
    pair = np.array([[[1, 0, 0], [1, 1, 1]]], "float32")
    found = augmentation.color_jitter((0.1, 0.1), (0.5, 0.5), (0.5, 0.5))(pair, SEED)
    mean = (0.6495 + 2 * 0.1495 + 3) / 6
    expected = [[[(value + mean) / 2 + 0.1 for value in pixel] for pixel in ((0.6495, 0.1495, 0.1495), (1, 1, 1))]]
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_without_colour_all_channels_are_grey():
    grey = augmentation.color_jitter(0, (1, 1), (0, 0))(IMAGE, SEED)
    np.testing.assert_allclose(grey, np.repeat(IMAGE @ np.float32([[0.299], [0.587], [0.114]]), 3, axis=-1), atol=1e-6)


def test_brightness_and_contrast_are_drawn_from_their_ranges_apart():
    """Of values 0.4 and 0.6: the mean tells what was added, the difference how much was stretched."""
    image = np.array([[[0.4], [0.6]]], "float32")
    outcomes = draws(augmentation.color_jitter(0.15, (0.5, 1.5), **GREY), image)[:, 0, :, 0]
    added, stretch = outcomes.mean(axis=1) - 0.5, (outcomes[:, 1] - outcomes[:, 0]) / 0.2
    assert -0.15 - 1e-5 < added.min() < -0.14 and 0.14 < added.max() < 0.15 + 1e-5
    assert 0.5 - 1e-5 < stretch.min() < 0.53 and 1.47 < stretch.max() < 1.5 + 1e-5
    np.testing.assert_allclose([added.mean(), stretch.mean()], [0, 1], atol=0.06)
    assert abs(np.corrcoef(added, stretch)[0, 1]) < 0.2


def test_a_chain_applies_the_first_first():
    """(0.5 + 0.25) / 2, not 0.5 / 2 + 0.25."""
    chain = augmentation.compose(lambda image, seed: image + 0.25, lambda image, seed: image / 2)
    np.testing.assert_allclose(chain(np.full((2, 2, 1), 0.5, "float32"), SEED), 0.375)


def test_every_link_of_a_chain_draws_for_itself():
    """Three equal links write what they draw into channels of their own: unlike each other, and unlike a lone one."""

    def write(channel):
        return lambda image, seed: image + tf.random.stateless_uniform((), seed) * tf.one_hot(channel, 3)

    chained = draws(augmentation.compose(*map(write, range(3))), np.zeros((1, 1, 3), "float32"))[:, 0, 0]
    alone = draws(write(0), np.zeros((1, 1, 3), "float32"))[:, 0, 0, :1]
    correlation = np.corrcoef(np.concatenate([chained, alone], axis=1).T)
    assert np.abs(correlation - np.eye(4)).max() < 0.2
    np.testing.assert_allclose(chained.mean(axis=0), 0.5, atol=0.06)


@pytest.mark.parametrize(
    "make, arguments, message",
    [
        ("affine", {"rotation": -3}, r"`rotation` .* at least 0, or a range \(low, high\). Received: rotation=-3"),
        ("affine", {"rotation": np.nan}, "`rotation` must be .* Received: rotation=nan"),
        ("affine", {"rotation": "ten"}, "Received: rotation='ten'"),
        ("affine", {"rotation": True}, "Received: rotation=True"),
        ("affine", {"shear": 1}, "`shear` .* all of it between -1 and 1. Received: shear=1"),
        ("affine", {"shear": (0.3, -0.3)}, r"`shear` must be .* Received: shear=\(0.3, -0.3\)"),
        ("affine", {"shear": (-1, 0)}, r"`shear` must be .* Received: shear=\(-1, 0\)"),
        ("affine", {"scale": (1.2, 0.8)}, r"`scale` .* \(low, high\), 0 < low <= high. Received: scale=\(1.2, 0.8\)"),
        ("affine", {"scale": (0, 1)}, "`scale` must be"),
        ("affine", {"scale": (0.5, np.inf)}, "`scale` must be"),
        ("affine", {"scale": 1.2}, "`scale` must be a range .* Received: scale=1.2"),
        ("affine", {"scale": (1, 1, 1)}, "`scale` must be"),
        ("affine", {"shift": (1, None)}, "`shift` must be"),
        ("affine", {"chance": 1.5}, "`chance` must be a number from 0 to 1. Received: chance=1.5"),
        ("affine", {"fill": -0.1}, "`fill` must be a number from 0 to 1. Received: fill=-0.1"),
        ("elastic", {"strength": -1}, "`strength` must be a number, at least 0. Received: strength=-1"),
        ("elastic", {"smoothness": 0.5}, "`smoothness` must be a number, at least 1. Received: smoothness=0.5"),
        ("elastic", {"smoothness": np.inf}, "`smoothness` must be"),
        ("elastic", {"chance": np.nan}, "`chance` must be"),
        ("elastic", {"fill": 255}, "`fill` must be"),
        ("stroke", {"thicker": 1.1}, "`thicker` must be a number from 0 to 1. Received: thicker=1.1"),
        ("stroke", {"thinner": -0.1}, "`thinner` must be"),
        ("mirror", {"chance": None}, "`chance` must be"),
        ("crop", {"smallest": 0}, "`smallest` must be a number above 0, up to 1. Received: smallest=0"),
        ("crop", {"smallest": 1.5}, "`smallest` must be"),
        ("light", {"brightness": -0.1}, "`brightness` must be"),
        ("light", {"contrast": 0.3}, r"`contrast` must be a range \(low, high\), 0 <= low <= high. Received: .*=0.3"),
        ("light", {"contrast": (-1, 1)}, "`contrast` must be"),
        ("light", {"saturation": (2, 1)}, "`saturation` must be"),
    ],
)
def test_ranges_that_cannot_be_drawn_from_are_refused_at_once(make, arguments, message):
    with pytest.raises(ValueError, match=message):
        getattr(augmentation, make)(**arguments)


def test_a_chain_of_nothing_or_of_what_cannot_be_called_is_refused():
    with pytest.raises(ValueError, match="`chain` needs at least one distortion. Received: none"):
        augmentation.compose()
    with pytest.raises(ValueError, match="takes functions .* Received: 0.5 at position 1"):
        augmentation.compose(augmentation.flip(), 0.5)
    with pytest.raises(ValueError, match="at position 0"):
        augmentation.compose([augmentation.flip()])


@pytest.mark.parametrize(
    "shape, dtype, told",
    [
        ((5, 5), "float32", r"Received: float32, shape \(5, 5\)"),
        ((2, 5, 5, 1), "float32", r"Received: float32, shape \(2, 5, 5, 1\)"),
        ((None, 5, 1), "float32", r"Received: float32, shape \(None, 5, 1\). Let `load` fix"),
        (None, "float32", "Received: float32, shape unknown"),
        ((5, 5, 1), "uint8", r"Received: uint8, shape \(5, 5, 1\)"),
        ((5, 5, 1), "float64", "Received: float64"),
    ],
)
@every_one
def test_what_is_no_image_is_refused_when_the_stream_is_made(augment, shape, dtype, told):
    with pytest.raises(ValueError, match=told):
        tf.function(lambda image: augment(image, SEED)).get_concrete_function(tf.TensorSpec(shape, dtype))


def test_colours_are_only_changed_where_there_are_some():
    images, labels = RNG.random((4, 5, 5, 1), dtype="float32"), [0, 0, 1, 1]
    with pytest.raises(
        ValueError, match=r"`saturation` needs .* Received: shape \(5, 5, 1\). Set `saturation=\(1, 1\)`"
    ):
        generators.pairs(images, labels, augment=augmentation.color_jitter())
    next(iter(generators.pairs(images, labels, augment=augmentation.color_jitter(**GREY))))
