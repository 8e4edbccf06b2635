"""What a segmentation network has to beat: copied masks, registered masks, prototypes with no decoder."""

import numpy as np
import pytest

from siamkeras import evaluation
from siamkeras.applications.segmentation import baselines

RANDOM = np.random.default_rng(11)
SIDE = 32


def scene(*blobs, side=SIDE):
    """An image with faint noise and discs in it, `(row, column, radius, brightness)`, and the mask of the first."""
    y, x = np.mgrid[:side, :side]
    image = 0.3 + 0.02 * RANDOM.standard_normal((side, side))
    inside = [np.hypot(y - row, x - column) <= radius for row, column, radius, _ in blobs]
    for disc, (*_, brightness) in zip(reversed(inside), reversed(blobs), strict=True):
        image[disc] = brightness
    return image.clip(0, 1).astype("float32")[..., None], inside[0]


def episode(query, *references):
    """One episode of scenes, and the true mask of its query."""
    images, masks = zip(*references, strict=True)
    inputs = {"query": query[0][None], "references": np.stack(images)[None], "masks": np.stack(masks)[None]}
    return inputs, query[1][None]


def score(baseline, asked):
    return evaluation.dice(baseline(asked[0]), asked[1])[0]


BASELINES = {name: getattr(baselines, name) for name in ("copied", "nearest", "prototypes")}


# --- Copied


def test_what_half_of_the_references_hold_is_inside():
    """Of the three pixels 1, 2 and 3 of four references hold the first, second, third: from two on they are inside."""
    masks = np.zeros((1, 4, 2, 2))
    masks[0, :1, 0, 0] = masks[0, :2, 0, 1] = masks[0, :3, 1, 0] = 1
    inputs = {"query": np.zeros((1, 2, 2, 1)), "references": np.zeros((1, 4, 2, 2, 1)), "masks": masks}
    assert baselines.copied(inputs).tolist() == [[[False, True], [True, False]]]


# --- Nearest


def test_a_mask_moves_along_with_what_it_is_of():
    """The disc is one pixel further down and two to the left; a sixteenth of 32 pixels is 2."""
    asked = episode(scene((11, 18, 4, 0.9)), scene((10, 20, 4, 0.9)))
    np.testing.assert_array_equal(baselines.nearest(asked[0])[0], asked[1][0])
    assert score(baselines.copied, asked) < 0.8
    correlation, shift = baselines.registered(
        *[asked[0]["references"][0, 0, ..., 0], asked[0]["masks"][0, 0]], asked[0]["query"][0, ..., 0]
    )
    assert shift == (1, -2) and 0.95 < correlation <= 1


def test_the_most_alike_of_the_references_is_taken():
    """The second has a disc of the query's size; the others smaller and larger ones."""
    references = [scene((16, 16, radius, 0.9)) for radius in (3, 6, 9)]
    asked = episode(scene((16, 17, 6, 0.9)), *references)
    assert score(baselines.nearest, asked) == 1.0


def test_registration_agrees_with_a_plain_loop():
    """Every shift by hand: the correlation of the pixels of the part that are still in the image."""
    reference, query = RANDOM.random((2, 16, 16))
    mask = np.zeros((16, 16), bool)
    mask[2:6, 9:15] = True
    found, shift = baselines.registered(reference, mask, query, farthest=0.25, around=1 / 16)
    part = mask.copy()  # a pixel around it, not over corners
    part[1:7, 9:15] = part[2:6, 8:16] = True
    scores = {}
    for down in range(-4, 5):
        for right in range(-4, 5):
            pairs = [
                (reference[y, x], query[y + down, x + right])
                for y, x in np.argwhere(part)
                if 0 <= y + down < 16 and 0 <= x + right < 16
            ]
            scores[down, right] = np.corrcoef(np.array(pairs).T)[0, 1]
    assert shift == max(scores, key=scores.get)
    assert found == pytest.approx(scores[shift], abs=1e-6)


def test_where_nothing_is_to_be_seen_a_mask_stays():
    """Intensities that are all the same fit everywhere alike; the smallest shift is none."""
    flat, mask = np.full((1, SIDE, SIDE, 1), 0.5), np.zeros((1, 1, SIDE, SIDE), bool)
    mask[..., 3:9, 4:12] = True
    inputs = {"query": flat, "references": flat[None], "masks": mask}
    np.testing.assert_array_equal(baselines.nearest(inputs), mask[0])


def test_what_leaves_the_image_is_lost():
    mask = np.arange(9).reshape(3, 3) > 4  # the lower row, and the last pixel of the middle one
    assert baselines.moved(mask, (1, 0)).tolist() == [[False] * 3, [False] * 3, [False, False, True]]
    assert baselines.moved(mask, (-1, 1)).tolist() == [[False] * 3, [False, True, True], [False] * 3]
    assert baselines.moved(mask, (0, 0)).tolist() == mask.tolist()
    assert not baselines.moved(mask, (5, 0)).any()


# --- Prototypes


def test_prototypes_follow_brightness_near_the_place():
    """The disc is larger, and moved by more than registration follows; another of its brightness lies far away."""
    far = (26, 5, 3, 0.9)
    asked = episode(scene((12, 20, 6, 0.9), far), scene((10, 18, 4, 0.9), far))
    assert score(baselines.prototypes, asked) > 0.85 > score(baselines.copied, asked)
    found = baselines.prototypes(asked[0])[0]
    assert not found[23:30, 2:9].any()


def test_one_prototype_of_either_kind_is_the_nearest_mean():
    """With one cell and no place: inside is what is nearer to the mean inside (0.9) than to that outside (0.3)."""
    asked = episode(scene((20, 9, 5, 0.8)), scene((10, 20, 4, 0.9)))

    def intensity(images):
        return images

    found = baselines.prototypes(asked[0], intensity, cells=1, place=0)
    np.testing.assert_array_equal(found[0], asked[0]["query"][0, ..., 0] > 0.6)
    np.testing.assert_array_equal(found, asked[1])


def test_coarse_features_of_a_tower_are_enlarged():
    """Means over 4x4 pixels, as a tower might give: the answer has the size of the query and finds its disc."""
    import keras

    asked = episode(scene((12, 20, 7, 0.9)), scene((12, 19, 7, 0.9)))
    inputs = keras.Input((SIDE, SIDE, 1))
    tower = keras.Model(inputs, keras.layers.AveragePooling2D(4)(inputs))
    found = baselines.prototypes(asked[0], tower)
    assert found.shape == (1, SIDE, SIDE) and score(lambda _: found, asked) > 0.75


def test_an_episode_does_not_depend_on_those_beside_it():
    """Two episodes at once give what each gives alone, and the inputs stay as they were."""
    pair = [
        episode(scene((11, 18, 4, 0.9)), scene((10, 20, 4, 0.9)), scene((13, 20, 3, 0.8))),
        episode(scene((21, 8, 5, 0.1)), scene((20, 9, 4, 0.1)), scene((20, 7, 6, 0.15))),
    ]
    both = {role: np.concatenate([asked[0][role] for asked in pair]) for role in pair[0][0]}
    before = {role: values.copy() for role, values in both.items()}
    for baseline in BASELINES.values():
        alone = np.concatenate([baseline(asked[0]) for asked in pair])
        np.testing.assert_array_equal(baseline(both), alone)
        assert alone.dtype == bool
    assert all((both[role] == before[role]).all() for role in both)
    with_channel = {**both, "masks": both["masks"][..., None].astype("float32")}
    np.testing.assert_array_equal(baselines.nearest(with_channel), baselines.nearest(both))


# --- What cannot be asked


def changed(**more):
    masks = np.zeros((2, 1, 8, 8))
    masks[:, :, 2:4, 2:4] = 1
    return {"query": np.zeros((2, 8, 8, 1)), "references": np.zeros((2, 1, 8, 8, 1)), "masks": masks, **more}


@pytest.mark.parametrize("name", BASELINES)
@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        ([1, 2], "a dict of 'query', 'references', 'masks'. Received: list."),
        ({"query": 1}, r"Received: \['query'\]."),
        (
            changed(query=np.zeros((2, 9, 8, 1))),
            r"of the same size.* \(2, 9, 8, 1\), \(2, 1, 8, 8, 1\), \(2, 1, 8, 8\)",
        ),
        (changed(masks=np.zeros((2, 2, 8, 8))), r"Received: .* \(2, 2, 8, 8\)"),
        (changed(query=np.zeros((0, 8, 8, 1)), references=np.zeros((0, 1, 8, 8, 1))), r"Received: \(0, 8, 8, 1\)"),
        (changed(query=np.full((2, 8, 8, 1), np.nan)), "finite numbers. Received: float64 that are none as 'query'"),
        (changed(references=np.full((2, 1, 8, 8, 1), np.inf)), "none as 'references'"),
        (changed(query=np.full((2, 8, 8, 1), "a")), "Received: <U1 that are none as 'query'"),
        (changed(masks=np.full((2, 1, 8, 8), None)), "Masks are booleans, or numbers from 0 to 1. Received: object"),
        (changed(masks=np.full((2, 1, 8, 8), 2)), r"lie in \[0, 1\]. Received: values from 2 to 2."),
        (changed(masks=np.full((2, 1, 8, 8), np.nan)), "values from nan to nan"),
        (changed(masks=np.zeros((2, 1, 8, 8))), "empty masks alone in episode 0, and in 2 of 2."),
    ],
)
def test_episodes_that_are_none_are_refused(name, inputs, message):
    with pytest.raises(ValueError, match=message):
        BASELINES[name](inputs)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"cells": 0}, "`cells`"),
        ({"place": -1}, "`place` is a number of at least 0. Received: place=-1"),
        (
            {"features": lambda images: images[..., 0]},
            r"must give finite \(2, rows, columns, dim\) .* shape \(2, 8, 8\)",
        ),
        ({"features": lambda images: images * np.nan}, "must give finite"),
    ],
)
def test_prototypes_of_no_features_are_refused(more, message):
    with pytest.raises(ValueError, match=message):
        baselines.prototypes(changed(), **more)


def test_references_that_show_nothing_else_are_refused():
    with pytest.raises(ValueError, match="something beside what is looked for. Received: episode 0."):
        baselines.prototypes(changed(masks=np.ones((2, 1, 8, 8))))


def test_a_reference_with_an_empty_mask_is_passed_over():
    asked = episode(scene((11, 18, 4, 0.9)), scene((10, 20, 4, 0.9)), scene((10, 20, 4, 0.9)))
    asked[0]["masks"][0, 0] = False
    assert score(baselines.nearest, asked) == 1.0
    assert 0 < score(baselines.prototypes, asked) < 1
