"""Baselines: majority masks, registration with label fusion, a forest of pixels, prototypes of pixel features."""

import numpy as np
import pytest

from siamkeras.applications.segmentation import baselines, dice_score

pytest.importorskip("skimage")
RNG = np.random.default_rng(11)
SIZE = 32
BASELINES = [
    baselines.majority_mask,
    baselines.prototype_matching,
    baselines.pixel_forest,
    baselines.registered_fusion,
]


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
    """The disc moves down by 1 and left by 2 pixels."""
    inputs, truth = episode(scene((11, 18, 4, 0.9)), scene((10, 20, 4, 0.9)))
    assert dice(baselines.registered_fusion, inputs, truth) > 0.9 > 0.8 > dice(baselines.majority_mask, inputs, truth)


def test_label_fusion_without_motion_is_the_weighted_mean_of_the_masks(monkeypatch):
    """At each pixel the weights are exp(-d / scale), with the squared difference d of the images."""
    monkeypatch.setattr(baselines, "_register", lambda query, reference: np.indices(query.shape))
    monkeypatch.setattr(baselines, "FUSION_BLUR", 0.0)
    query, first, second = RNG.random((3, 6, 6)).astype("float32")
    masks = RNG.random((1, 2, 6, 6)) > 0.5
    images = np.stack([first, second])[None, ..., None]
    fused = baselines.registered_fusion({"query": query[None, ..., None], "references": images, "masks": masks})
    for y in range(6):
        for x in range(6):
            weights = [
                np.exp(-((image[y, x] - query[y, x]) ** 2) / baselines.FUSION_SCALE) for image in (first, second)
            ]
            expected = (weights[0] * masks[0, 0, y, x] + weights[1] * masks[0, 1, y, x]) / sum(weights)
            assert fused[0, y, x] == pytest.approx(expected, abs=1e-4)


def test_a_forest_finds_bright_pixels_near_the_position():
    """The disc of the query is larger than that of the reference; equally bright pixels are far away."""
    far = (26, 5, 3, 0.9)
    inputs, truth = episode(scene((12, 20, 6, 0.9), far), scene((10, 18, 4, 0.9), far))
    assert dice(baselines.pixel_forest, inputs, truth) > 0.7
    assert not (baselines.pixel_forest(inputs)[0, 23:30, 2:9] >= 0.5).any()


def test_queries_with_the_same_references_share_a_forest(monkeypatch):
    from sklearn import ensemble

    first, _ = episode(scene((11, 18, 4, 0.9)), scene((10, 20, 4, 0.9)))
    both = {role: np.concatenate([values, values]) for role, values in first.items()}
    trained = []

    class Forest(ensemble.RandomForestClassifier):
        def fit(self, *arguments):
            trained.append(self)
            return super().fit(*arguments)

    monkeypatch.setattr(ensemble, "RandomForestClassifier", Forest)
    masks = baselines.pixel_forest(both)
    assert len(trained) == 1 and (masks[0] == masks[1]).all()


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
    assert masks.min() >= 0 and masks.max() <= 1 and all((both[role] == before[role]).all() for role in both)


def test_prototypes_ignore_a_reference_with_an_empty_mask():
    baseline = baselines.prototype_matching
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
        (baselines.registered_fusion, wrong(query=np.zeros((2, 9, 8, 1))), r"Received: \(2, 9, 8, 1\), \(2, 1, 8, 8"),
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
