"""Training and evaluation episodes: subjects, structures, positions, seeds and shapes."""

import itertools

import numpy as np
import pytest
import tensorflow as tf

from siamkeras.applications import segmentation
from siamkeras.applications.segmentation import Slices, evaluation_episodes

# These slices have two structures, and their images must stay recognisable.
pytestmark = pytest.mark.filterwarnings("ignore:Training without synthetic tasks")


def training_episodes(*arguments, **options):
    return segmentation.training_episodes(*arguments, **{"augment": None, **options})


def make_slices(subjects=(4, 7, 7, 9, 9, 9, 12), structures=(3, 8), size=4):
    """Slice i has intensity i / 100; its left half is structure 3, or 8 for subjects 9 and 12."""
    subjects = np.array(subjects)
    masks = np.zeros((len(subjects), size, size), int)
    masks[:, :, : size // 2] = np.where(subjects < 9, structures[0], structures[-1])[:, None, None]
    masks[-1, -1, -1] = structures[0]  # a single pixel, fewer than `min_pixels`
    images = np.broadcast_to(np.arange(len(subjects))[:, None, None, None] / 100, (*masks.shape, 1))
    positions = np.linspace(0, 1, len(subjects))
    return Slices(images, masks, subjects, positions, {structures[0]: "first", structures[-1]: "second"})


def indices_of(batch):
    """The slices of a batch by their intensity, `(batch, 1 + references)`, the query first."""
    inputs, _ = batch
    images = np.concatenate([inputs["query"][:, None], inputs["references"]], axis=1)
    return np.rint(100 * images[..., 0, 0, 0]).astype(int)


def test_batches_have_the_shapes_that_the_model_takes_and_masks_of_one_structure():
    inputs, truth = next(iter(training_episodes(make_slices(), references=1, batch_size=5, min_pixels=2)))
    shapes = {role: tuple(values.shape) for role, values in inputs.items()}
    assert shapes == {"query": (5, 4, 4, 1), "references": (5, 1, 4, 4, 1), "masks": (5, 1, 4, 4)}
    assert tuple(truth.shape) == (5, 4, 4)
    assert {values.dtype for values in [*inputs.values(), truth]} == {tf.float32}
    assert (truth == [1.0, 1.0, 0.0, 0.0]).numpy().all() and (inputs["masks"] == [1.0, 1.0, 0.0, 0.0]).numpy().all()


def test_query_and_references_show_the_structure_and_are_of_different_subjects():
    """Structure 3 is visible in slices 0 to 2 of subjects 4, 7, 7; structure 8 in slices 3 to 6 of 9, 9, 9, 12."""
    slices, queries = make_slices(), set()
    for batch in training_episodes(slices, batch_size=16, min_pixels=2).take(30):
        indices = indices_of(batch)
        subjects = slices.subjects[indices]
        assert (subjects[:, 0] != subjects[:, 1]).all()
        assert ((indices < 3).all(axis=1) | (indices >= 3).all(axis=1)).all()
        queries |= set(indices[:, 0].tolist())
    assert queries == set(range(7))


def test_all_references_are_of_different_subjects():
    slices = make_slices(subjects=(1, 2, 2, 3, 4, 5, 6), structures=(5,))
    for batch in training_episodes(slices, references=3, batch_size=16, min_pixels=2).take(10):
        assert all(len(set(row)) == 4 for row in slices.subjects[indices_of(batch)].tolist())


def test_references_of_the_given_structure_are_near_the_position_of_the_query():
    """Query 6 is at position 1; slices 3, 4, 5 of subject 9 are at 3/6, 4/6 and 5/6, so that 5 is the nearest."""
    stream = training_episodes(make_slices(), [8], batch_size=16, min_pixels=2)
    indices = np.concatenate([indices_of(batch) for batch in stream.take(20)])
    assert indices.min() == 3
    assert set(indices[indices[:, 0] == 6, 1].tolist()) == {5}


def test_batches_depend_on_seed_and_step_only():
    def add_noise(images, masks, seed):
        return images + tf.random.stateless_uniform(images.shape, seed), masks

    def batches(**options):
        stream = training_episodes(make_slices(), batch_size=4, min_pixels=2, augment=add_noise, **options)
        return [tf.nest.map_structure(lambda x: x.numpy(), batch) for batch in itertools.islice(stream, 4)]

    first, later, other = batches(seed=3), batches(seed=3, start=2), batches(seed=4)
    tf.nest.map_structure(np.testing.assert_array_equal, first[2:], later[:2])
    assert all((a[0]["query"] != b[0]["query"]).any() for a, b in zip(first, other, strict=True))
    assert len({batch[0]["query"].tobytes() for batch in first}) == 4


def test_few_structures_without_synthetic_tasks_give_a_warning():
    slices, plain = make_slices(), segmentation.episode_augmentation(tasks=None)
    for augment in (None, plain):
        with pytest.warns(UserWarning, match="Training without synthetic tasks; number of structures: 2"):
            training_episodes(slices, min_pixels=2, augment=augment)
    many = segmentation.synthetic_phantoms(subjects=3, structures=5, size=16, slices=1)
    training_episodes(many, min_pixels=1)
    training_episodes(slices, min_pixels=2, augment=segmentation.synthetic_tasks())


def test_by_default_some_episodes_are_synthetic_tasks():
    """The structure is the left half; superpixels, cuts and flips give other masks."""
    slices = make_slices(size=16)
    _, masks = next(iter(segmentation.training_episodes(slices, batch_size=32, min_pixels=2)))
    halves = np.broadcast_to(np.arange(16) < 8, (32, 16, 16))
    overlap = segmentation.dice_score(halves, masks.numpy())
    assert (overlap > 0.9).any() and (overlap < 0.7).any()


def test_every_visible_slice_is_a_query_with_the_nearest_slice_of_another_subject():
    slices = make_slices()
    episodes = evaluation_episodes(slices, 8, min_pixels=2)
    assert episodes.indices[:, 0].tolist() == [3, 4, 5, 6]
    assert episodes.indices[:, 1].tolist() == [6, 6, 6, 5]  # subject 12 has one slice; 5 is the nearest of subject 9
    assert episodes.subjects.tolist() == [9, 9, 9, 12]
    np.testing.assert_array_equal(episodes.inputs["query"], slices.images[3:])
    assert repr(episodes) == "queries: 4, subjects: 2, structures: 1, references per query: 1"


def test_episodes_of_several_structures_are_ordered_by_structure():
    """The mask of each episode is the left half, of its own structure only."""
    episodes = evaluation_episodes(make_slices(), min_pixels=2)
    assert episodes.structures.tolist() == [3, 3, 3, 8, 8, 8, 8]
    assert episodes.indices[:, 0].tolist() == list(range(7))
    assert (episodes.truth == [1, 1, 0, 0]).all() and (episodes.inputs["masks"] == [1, 1, 0, 0]).all()


def test_the_seed_decides_on_the_reference_subjects():
    slices = make_slices(subjects=(1, 2, 2, 3, 4, 5, 6), structures=(5,))
    first, same, other = (evaluation_episodes(slices, 5, 3, seed, min_pixels=2).indices for seed in (0, 0, 1))
    assert (first == same).all() and (first != other).any()
    assert all(len(set(row)) == 4 for row in slices.subjects[first].tolist())


@pytest.mark.parametrize("function", [training_episodes, evaluation_episodes])
@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"structures": 3, "references": 2}, r"need 3 subjects that show structure 3 \(first\) .*Received: 2."),
        ({"structures": 3, "min_pixels": 99}, "in at least 99 pixels. Received: 0."),
        ({"structures": 5}, r"must be one of 3 \(first\), 8 \(second\). Received: 5"),
    ],
)
def test_invalid_arguments(function, options, message):
    with pytest.raises(ValueError, match=message):
        function(make_slices(), **{"min_pixels": 2, **options})
