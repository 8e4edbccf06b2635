"""Volumes: parts and their references, volumetric Dice, and the Hausdorff distance against plain loops."""

import itertools

import numpy as np
import pytest

from siamkeras.applications import segmentation

RNG = np.random.default_rng(5)


def make_slices(visible, size=4, spacing=(3, 1, 2)):
    """One volume for each string of `visible`: slices with a 1 show structure 7 in their left half."""
    shown = np.array([int(character) for volume in visible for character in volume])
    masks = np.zeros((len(shown), size, size), int)
    masks[shown == 1, :, : size // 2] = 7
    images = np.broadcast_to(np.arange(len(shown))[:, None, None, None] / 100, (*masks.shape, 1))
    positions = np.concatenate([np.linspace(0, 1, len(volume)) for volume in visible])
    subjects = np.repeat(np.arange(len(visible)), [len(volume) for volume in visible])
    return segmentation.Slices(images, masks, subjects, positions, {7: "organ", 8: "other"}, spacing=spacing)


def test_parts_of_the_structure_and_the_middle_slices_of_the_reference():
    """Volume 0 shows slices 1 to 6: parts (1, 2), (3, 4), (5, 6). Volume 1 shows 8 to 10, one slice per part."""
    slices = make_slices(["01111110", "1110"])
    episodes = segmentation.volume_episodes(slices, 7, parts=3)
    assert episodes.indices.tolist() == [[1, 8], [2, 8], [3, 9], [4, 9], [5, 10], [6, 10], [8, 2], [9, 4], [10, 6]]
    np.testing.assert_array_equal(episodes.inputs["query"], slices.images[episodes.indices[:, 0]])
    np.testing.assert_array_equal(episodes.inputs["masks"][:, 0], slices.mask(7)[episodes.indices[:, 1]])
    assert episodes.subjects.tolist() == [0] * 6 + [1] * 3 and set(episodes.structures) == {7}


def test_the_order_of_the_slices_is_that_of_their_positions():
    slices = make_slices(["01111110", "1110"])
    mixed = RNG.permutation(len(slices))
    episodes, shuffled = (segmentation.volume_episodes(each, 7) for each in (slices, slices.take(mixed)))
    assert sorted(mixed[shuffled.indices].tolist()) == episodes.indices.tolist()


def test_parts_of_the_volume_without_the_structure_in_most_references_have_no_episodes():
    """Four parts of one slice; part 0 is visible in one of two references, part 3 in none, whatever the query shows."""
    slices = make_slices(["1110", "1110", "0110"])
    episodes = segmentation.volume_episodes(slices, 7, references=2, parts=4, extent="volume")
    queries = {subject: episodes.indices[episodes.subjects == subject, 0].tolist() for subject in range(3)}
    assert queries == {0: [1, 2], 1: [5, 6], 2: [8, 9, 10]}
    for query, *references in episodes.indices:
        assert {index % 4 for index in references} == {query % 4}
        assert len({index // 4 for index in (query, *references)}) == 3


def test_every_subject_is_a_reference_equally_often_and_the_seed_decides():
    slices = make_slices(["111"] * 6)
    first, same, other = (segmentation.volume_episodes(slices, 7, 2, 1, seed=seed).indices for seed in (0, 0, 1))
    assert (np.bincount(slices.subjects[first[:, 1:]].ravel()) == 6).all()
    assert (first == same).all() and (first != other).any()


def test_scores_of_a_volume_by_hand():
    """Volume 0: 16 true voxels, of which 8 are predicted, and 4 others. Dice 2 * 8 / (16 + 12)."""
    slices = make_slices(["110", "110"])
    episodes = segmentation.volume_episodes(slices, 7, parts=1)
    masks = episodes.truth.copy()
    masks[1], masks[1, :, 3] = 0, 1  # the second slice of volume 0
    report = segmentation.volume_scores(slices, episodes, masks, resamples=0)
    assert report.by_subject == pytest.approx([16 / 28, 1]) and report.dice == pytest.approx((16 / 28 + 1) / 2)
    assert report.hd95_by_subject[1] == 0 and report.subjects.tolist() == [0, 1]
    predicted = np.zeros((3, 4, 4), bool)
    predicted[:2] = masks[:2] > 0
    distance = segmentation.hausdorff_95(slices.mask(7)[:3], predicted, (3, 1, 2))
    assert report.hd95_by_subject[0] == pytest.approx(distance)
    assert list(report.columns()) == ["Dice", "HD95 (mm)", "worst Dice", "subjects"]


def test_false_positives_in_slices_without_the_structure_count():
    slices = make_slices(["1110", "1111"])
    episodes = segmentation.volume_episodes(slices, 7, parts=1, extent="volume")
    report = segmentation.volume_scores(slices, episodes, np.ones_like(episodes.truth))
    assert report.by_subject == pytest.approx([2 * 24 / (24 + 64), 2 * 32 / (32 + 64)])
    low, high = report.interval["dice"]
    assert low == pytest.approx(report.by_subject.min()) and high == pytest.approx(report.by_subject.max())


def test_a_volume_without_episodes_is_predicted_to_be_empty():
    """The only subject in whose references the structure is not visible has a Dice of 0 and the largest distance."""
    slices = make_slices(["01", "10", "10"])
    episodes = segmentation.volume_episodes(slices, 7, references=2, parts=2, extent="volume")
    report = segmentation.volume_scores(slices, episodes, episodes.truth, resamples=0)
    assert report.by_subject.tolist() == [0, 0, 0]
    assert report.hd95_by_subject == pytest.approx([np.linalg.norm([2 * 3, 4 * 1, 4 * 2])] * 3)


def test_reports_of_volumes_are_compared_in_pairs():
    slices = make_slices(["110", "110", "110"])
    episodes = segmentation.volume_episodes(slices, 7)
    half = episodes.truth * (np.arange(4) < 1)
    first, second = (segmentation.volume_scores(slices, episodes, masks) for masks in (episodes.truth, half))
    assert first.minus(second)[0] == pytest.approx(1 - 2 / 3)


def test_only_the_largest_part_of_each_volume_is_kept():
    """Volume 0: five voxels connected across two slices, and four in one slice; volume 1: one voxel."""
    slices = make_slices(["110", "110"])
    episodes = segmentation.volume_episodes(slices, 7, parts=1)
    masks, expected = np.zeros((2, 4, 4, 4))
    masks[0, 0, :3], masks[1, 0, 1:3], masks[1, 3, :] = 0.5, 0.9, 0.7
    masks[0, 2, 0], masks[2, 1, 1] = 0.4, 0.6
    expected[:] = masks
    expected[1, 3, :] = 0
    np.testing.assert_array_equal(segmentation.largest_component(slices, episodes, masks), expected)
    assert segmentation.largest_component(slices, episodes, masks >= 0.5).dtype == bool


def surface(mask):
    """Surface voxels by a plain loop: inside, with one of six neighbours outside of the mask or of the image."""
    steps = [step for step in itertools.product((-1, 0, 1), repeat=3) if np.abs(step).sum() == 1]
    found = []
    for voxel in np.argwhere(mask):
        neighbours = [tuple(voxel + step) for step in steps]
        limits = [all(0 <= i < n for i, n in zip(each, mask.shape, strict=True)) for each in neighbours]
        if not all(limit and mask[each] for limit, each in zip(limits, neighbours, strict=True)):
            found.append(voxel)
    return np.array(found)


@pytest.mark.parametrize("spacing", [(1, 1, 1), (7.7, 2.5, 1.2)])
def test_the_hausdorff_distance_agrees_with_a_loop(spacing):
    z, y, x = np.mgrid[:7, :11, :12]
    first = (z - 3) ** 2 + (y - 5) ** 2 + (x - 4) ** 2 < 12
    second = ((z - 3) ** 2 + (y - 6) ** 2 / 2 + (x - 7) ** 2 < 9) | (RNG.random(first.shape) > 0.99)
    points = [surface(mask) * spacing for mask in (first, second)]
    table = np.linalg.norm(points[0][:, None] - points[1][None], axis=-1)
    expected = np.percentile(np.concatenate([table.min(axis=0), table.min(axis=1)]), 95)
    assert segmentation.hausdorff_95(first, second, spacing) == pytest.approx(expected)
    assert segmentation.hausdorff_95(second, first, spacing) == pytest.approx(expected)


def test_the_hausdorff_distance_of_empty_volumes():
    empty, full = np.zeros((2, 3, 4), bool), np.ones((2, 3, 4), bool)
    assert segmentation.hausdorff_95(empty, empty, (1, 1, 1)) == 0
    assert segmentation.hausdorff_95(empty, full, (2, 1, 1)) == pytest.approx(np.linalg.norm([4, 3, 4]))


def scored(**changed):
    slices = make_slices(["110", "110"], **changed)
    return slices, segmentation.volume_episodes(slices, 7)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: segmentation.volume_episodes(make_slices(["11", "00"]), 7), "need 2 subjects that .* Received: 1."),
        (lambda: segmentation.volume_episodes(make_slices(["11", "11"]), 5), "must be one of 7 .organ., 8 .other."),
        (lambda: segmentation.volume_episodes(make_slices(["1", "1"]), 7, extent="all"), "'structure', 'volume'"),
        (lambda: segmentation.volume_episodes(make_slices(["100"] * 2), 7, 1, 1, "volume"), "Use more parts"),
        (lambda: segmentation.volume_scores(*scored(), np.zeros((4, 2, 2))), r"masks \(4, 2, 2\) instead of \(4, 4, 4"),
        (lambda: segmentation.volume_scores(*scored(spacing=None), np.zeros((4, 4, 4))), "spacing unknown"),
        (lambda: segmentation.hausdorff_95(np.zeros((2, 2)), np.zeros((2, 2)), (1, 1, 1)), r"Received: \(2, 2\)"),
    ],
)
def test_invalid_arguments(call, message):
    with pytest.raises(ValueError, match=message):
        call()
