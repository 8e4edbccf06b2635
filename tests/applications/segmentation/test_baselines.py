"""Baselines without training: majority masks, registration, prototypes of pixel features."""

import numpy as np
import pytest

from siamkeras.applications.segmentation import baselines, dice_score
from siamkeras.applications.segmentation.baselines import _register

RNG = np.random.default_rng(11)
SIZE = 32
BASELINES = [baselines.majority_mask, baselines.registered_nearest, baselines.prototype_matching]


def scene(*discs):
    """A noisy image with discs `(row, column, radius, intensity)`, and the mask of the first one."""
    y, x = np.mgrid[:SIZE, :SIZE]
    image = 0.3 + 0.02 * RNG.standard_normal((SIZE, SIZE))
    masks = [np.hypot(y - row, x - column) <= radius for row, column, radius, _ in discs]
    for mask, (*_, intensity) in zip(reversed(masks), reversed(discs), strict=True):
        image[mask] = intensity
    return image.clip(0, 1).astype("float32")[..., None], masks[0]


def episode(query, *references):
    """The inputs of one episode, and the true mask."""
    images, masks = zip(*references, strict=True)
    inputs = {"query": query[0][None], "references": np.stack(images)[None], "masks": np.stack(masks)[None]}
    return inputs, query[1][None]


def dice(baseline, inputs, truth):
    return dice_score(truth, baseline(inputs))[0]


def test_the_majority_mask_is_inside_at_least_half_of_the_masks():
    """Pixels 1, 2 and 3 are inside one, two and three of four masks."""
    masks = np.zeros((1, 4, 2, 2))
    masks[0, :1, 0, 0] = masks[0, :2, 0, 1] = masks[0, :3, 1, 0] = 1
    inputs = {"query": np.zeros((1, 2, 2, 1)), "references": np.zeros((1, 4, 2, 2, 1)), "masks": masks}
    assert baselines.majority_mask(inputs).tolist() == [[[False, True], [True, False]]]


def test_a_registered_mask_follows_the_structure():
    """The disc moves down by 1 and left by 2 pixels, at most 1/16 of the size."""
    inputs, truth = episode(scene((11, 18, 4, 0.9)), scene((10, 20, 4, 0.9)))
    np.testing.assert_array_equal(baselines.registered_nearest(inputs), truth)
    assert dice(baselines.majority_mask, inputs, truth) < 0.8
    reference, mask, query = inputs["references"][0, 0, ..., 0], inputs["masks"][0, 0], inputs["query"][0, ..., 0]
    correlation, shift = _register(reference, mask, query)
    assert shift == (1, -2) and 0.95 < correlation <= 1


def test_registration_agrees_with_a_loop_over_shifts(monkeypatch):
    reference, query = RNG.random((2, 16, 16))
    mask = np.zeros((16, 16), bool)
    mask[5:9, 6:11] = True
    region = mask.copy()  # and its direct neighbours
    region[4:10, 6:11] = region[5:9, 5:12] = True
    correlations = {}
    for down in range(-4, 5):
        for right in range(-4, 5):
            pairs = [(reference[y, x], query[y + down, x + right]) for y, x in np.argwhere(region)]
            correlations[down, right] = np.corrcoef(np.array(pairs).T)[0, 1]
    monkeypatch.setattr(baselines, "MAX_SHIFT", 4 / 16)
    monkeypatch.setattr(baselines, "MARGIN", 1 / 16)
    correlation, shift = _register(reference, mask, query)
    assert shift == max(correlations, key=correlations.get)
    assert correlation == pytest.approx(correlations[shift])


def test_the_most_similar_reference_is_used():
    inputs, truth = episode(scene((16, 17, 6, 0.9)), *(scene((16, 16, radius, 0.9)) for radius in (3, 6, 9)))
    assert dice(baselines.registered_nearest, inputs, truth) == 1.0


def test_without_contrast_the_mask_does_not_move():
    flat, masks = np.full((1, SIZE, SIZE, 1), 0.5), np.zeros((1, 1, SIZE, SIZE), bool)
    masks[..., 3:9, 4:12] = True
    inputs = {"query": flat, "references": flat[None], "masks": masks}
    np.testing.assert_array_equal(baselines.registered_nearest(inputs), masks[0])


def test_prototypes_match_intensity_near_the_position():
    """The disc of the query is larger and farther away than registration allows; a similar disc is far away."""
    far = (26, 5, 3, 0.9)
    inputs, truth = episode(scene((12, 20, 6, 0.9), far), scene((10, 18, 4, 0.9), far))
    assert dice(baselines.prototype_matching, inputs, truth) > 0.85 > dice(baselines.majority_mask, inputs, truth)
    assert not baselines.prototype_matching(inputs)[0, 23:30, 2:9].any()


@pytest.mark.parametrize("baseline", BASELINES)
def test_episodes_are_independent_and_inputs_unchanged(baseline):
    first, _ = episode(scene((11, 18, 4, 0.9)), scene((10, 20, 4, 0.9)), scene((13, 20, 3, 0.8)))
    second, _ = episode(scene((21, 8, 5, 0.1)), scene((20, 9, 4, 0.1)), scene((20, 7, 6, 0.15)))
    both = {role: np.concatenate([first[role], second[role]]) for role in first}
    before = {role: values.copy() for role, values in both.items()}
    masks = baseline(both)
    np.testing.assert_array_equal(masks, np.concatenate([baseline(first), baseline(second)]))
    assert masks.dtype == bool and all((both[role] == before[role]).all() for role in both)


@pytest.mark.parametrize("baseline", BASELINES[1:])
def test_a_reference_with_an_empty_mask_is_ignored(baseline):
    query, reference, other = scene((11, 18, 4, 0.9)), scene((10, 20, 4, 0.9)), scene((10, 20, 4, 0.9))
    inputs, _ = episode(query, reference, (other[0], np.zeros_like(other[1])))
    single, _ = episode(query, reference)
    np.testing.assert_array_equal(baseline(inputs), baseline(single))


def wrong(**changed):
    masks = np.zeros((2, 1, 8, 8))
    masks[:, :, 2:4, 2:4] = 1
    return {"query": np.zeros((2, 8, 8, 1)), "references": np.zeros((2, 1, 8, 8, 1)), "masks": masks, **changed}


@pytest.mark.parametrize(
    ("baseline", "inputs", "message"),
    [
        (baselines.registered_nearest, wrong(query=np.zeros((2, 9, 8, 1))), r"Received: \(2, 9, 8, 1\), \(2, 1, 8, 8"),
        (baselines.majority_mask, wrong(references=np.zeros((2, 8, 8, 1))), r"\(2, 8, 8, 1\) and \(2, 1, 8, 8\)"),
        (baselines.majority_mask, wrong(query=np.full((2, 8, 8, 1), 200, "uint8")), "200 to 200. Divide uint8 images"),
        (baselines.majority_mask, wrong(query=np.full((2, 8, 8, 1), np.nan)), "`query` must be in .0, 1.. .*, nan"),
        (baselines.prototype_matching, wrong(masks=np.full((2, 1, 8, 8), 2)), "`masks` must be in .0, 1..*, 2 to 2"),
        (baselines.majority_mask, wrong(masks=np.zeros((2, 1, 8, 8))), "only empty masks in 2 of 2 episodes"),
        (baselines.prototype_matching, wrong(masks=np.ones((2, 1, 8, 8))), "only full masks in episode 0"),
    ],
)
def test_invalid_episodes(baseline, inputs, message):
    with pytest.raises(ValueError, match=message):
        baseline(inputs)
