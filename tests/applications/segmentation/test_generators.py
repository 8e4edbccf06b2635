"""Episodes of one structure: who may be in one, what is moved with what, and structures that nobody has drawn."""

import numpy as np
import pytest
import tensorflow as tf

from siamkeras import augmentation, generators, synthetic
from siamkeras.applications import segmentation
from siamkeras.applications.segmentation.slices import Slices, joined
from siamkeras.applications.segmentation.tasks import part_of, superpixel_of


def numbered(subjects=(4, 7, 7, 9, 9, 9, 12), structures=(3, 8)):
    """Slice i is of brightness i / 100; the left half is structure 3, but 8 in those of subjects 9 and 12."""
    subjects = np.array(subjects)
    masks = np.zeros((len(subjects), 4, 4), int)
    masks[:, :, :2] = np.where(subjects < 9, structures[0], structures[-1])[:, None, None]
    masks[-1, 3, 3] = structures[0]  # one pixel: too few to count
    images = np.broadcast_to(np.arange(len(subjects))[:, None, None, None] / 100, (len(subjects), 4, 4, 1))
    positions = np.linspace(0, 1, len(subjects))
    return Slices(images, masks, subjects, positions, {structures[0]: "one", structures[-1]: "other"})


def places(images):
    """Which slices these are, by their brightness."""
    return np.rint(100 * images.numpy()[..., 0, 0, 0]).astype(int)


def of(batch):
    inputs, truth = batch
    return np.concatenate([places(inputs["query"])[:, None], places(inputs["references"])], axis=1), inputs, truth


def test_a_batch_has_the_shapes_that_the_model_takes():
    stream = segmentation.episodes(numbered(), references=1, batch_size=5, steps=2, least=2)
    assert len(stream) == 2
    inputs, truth = next(iter(stream))
    shapes = {role: tuple(each.shape) for role, each in inputs.items()}
    assert shapes == {"query": (5, 4, 4, 1), "references": (5, 1, 4, 4, 1), "masks": (5, 1, 4, 4)}
    assert tuple(truth.shape) == (5, 4, 4)
    assert {each.dtype for each in [*inputs.values(), truth]} == {tf.float32}


def test_the_query_is_never_of_a_subject_of_its_references_and_all_show_the_structure():
    """Structure 3 is shown by slices 0 to 2 of subjects 4, 7, 7; structure 8 by slices 3 to 6 of 9, 9, 9, 12."""
    slices = numbered()
    seen = set()
    for batch in segmentation.episodes(slices, references=1, batch_size=16, steps=30, least=2):
        at, _, _ = of(batch)
        subjects = slices.subjects[at]
        assert (subjects[:, 0] != subjects[:, 1]).all()
        assert ((at < 3).all(axis=1) | (at >= 3).all(axis=1)).all()
        seen |= set(at[:, 0].tolist())
    assert seen == set(range(7))


def test_no_subject_is_twice_among_the_references():
    slices = numbered(subjects=(1, 2, 2, 3, 4, 5, 6), structures=(5,))
    for batch in segmentation.episodes(slices, references=3, batch_size=16, steps=10, least=2):
        subjects = slices.subjects[of(batch)[0]]
        assert all(len(set(row)) == 4 for row in subjects.tolist())


def test_masks_are_of_the_structure_that_was_drawn():
    """The left half of every image, whichever of the two structures it is; nothing else."""
    _, inputs, truth = of(next(iter(segmentation.episodes(numbered(), batch_size=12, least=2))))
    expected = np.repeat([[1.0, 1.0, 0.0, 0.0]], 4, axis=0)
    assert (truth.numpy() == expected).all() and (inputs["masks"].numpy() == expected).all()


def test_only_structures_that_are_asked_for_are_drawn():
    for batch in segmentation.episodes(numbered(), structures=[8], batch_size=16, steps=5, least=2):
        assert of(batch)[0].min() >= 3


def test_a_reference_lies_nearest_to_the_position_of_the_query():
    """Subject 9 has slices at 3/6, 4/6, 5/6 and subject 12 one at 1. Asked from 12, the last of 9 is nearest; with
    `near=1` all three come."""
    slices = numbered()

    def found(near):
        rows = [of(batch)[0] for batch in segmentation.episodes(slices, [8], batch_size=16, steps=20, near=near)]
        rows = np.concatenate(rows)
        return set(rows[rows[:, 0] == 6, 1].tolist())

    slices = numbered()
    slices = Slices(
        np.repeat(np.repeat(slices.images, 2, 1), 2, 2),
        np.repeat(np.repeat(slices.masks, 2, 1), 2, 2),
        slices.subjects,
        slices.positions,
        slices.names,
    )
    assert found(near=0.05) == {5}
    assert found(near=1) == {3, 4, 5}


def test_chance_is_a_function_of_seed_and_step():
    slices = numbered()

    def rows(**arguments):
        stream = segmentation.episodes(slices, batch_size=4, least=2, move=augmentation.affine(), **arguments)
        return [tf.nest.map_structure(lambda x: x.numpy(), batch) for batch in stream]

    one, again, later = rows(steps=4, seed=3), rows(steps=4, seed=3), rows(steps=2, seed=3, start=2)
    tf.nest.map_structure(np.testing.assert_array_equal, one, again)
    tf.nest.map_structure(np.testing.assert_array_equal, one[2:], later)
    other = rows(steps=4, seed=4)
    assert any((a[0]["query"] != b[0]["query"]).any() for a, b in zip(one, other, strict=True))


def test_an_image_and_its_mask_move_alike_and_each_in_its_own_way():
    """Images that are their own masks stay so, up to the interpolation at 0.5."""
    masks = np.zeros((6, 16, 16), int)
    masks[:, 4:12, 5:10] = 1
    slices = Slices(masks[..., None].astype(float), masks, np.arange(6), np.zeros(6), {1: "box"})
    move = augmentation.affine(30, 0.2, (0.7, 1.3), 3, probability=1)
    inputs, truth = next(iter(segmentation.episodes(slices, references=2, batch_size=8, move=move)))
    assert ((inputs["query"].numpy()[..., 0] > 0.5) == truth.numpy()).all()
    assert ((inputs["references"].numpy()[..., 0] > 0.5) == inputs["masks"].numpy()).all()
    assert all(
        (a != b).any() and (a != c).any() for a, (b, c) in zip(truth.numpy(), inputs["masks"].numpy(), strict=True)
    )


def test_shading_leaves_masks_alone():
    stream = segmentation.episodes(numbered(), batch_size=12, least=2, shade=lambda image, seed: 0.5 - image / 2)
    inputs, truth = next(iter(stream))
    assert (inputs["query"].numpy() > 0.4).all()
    assert set(np.unique(truth)) == {0, 1}


def test_streams_are_mixed_batch_by_batch():
    one, other = (segmentation.episodes(numbered(), [which], batch_size=3, least=2, steps=2) for which in (3, 8))
    batches = [of(batch)[0] for batch in generators.concat_batches(one, other)]
    assert len(batches) == 2
    assert all((at[:3] < 3).all() and (at[3:] >= 3).all() for at in batches)
    with pytest.raises(ValueError, match="Streams to be mixed have one structure, and the same shapes"):
        generators.concat_batches(one, segmentation.episodes(numbered((1, 2, 3), (5,)), references=2, least=1))


def test_trials_ask_for_every_slice_once_with_the_nearest_of_other_subjects():
    slices = numbered()
    found = segmentation.trials(slices, 8, references=1, least=2)
    assert found.places[:, 0].tolist() == [3, 4, 5, 6]
    assert found.places[:, 1].tolist() == [6, 6, 6, 5]  # subject 12 has one slice; of 9, the last is nearest to it
    assert found.subjects.tolist() == [9, 9, 9, 12]
    np.testing.assert_array_equal(found.inputs["query"], slices.images[3:])
    assert found.truth.sum() == 4 * 8
    assert repr(found) == "4 queries of 2 subjects for 1 structure, 1 reference each"


def test_trials_of_several_structures_follow_one_another():
    slices = numbered()
    found, parts = segmentation.trials(slices, least=2), [segmentation.trials(slices, each, least=2) for each in (3, 8)]
    assert found.structures.tolist() == [3, 3, 3, 8, 8, 8, 8]
    assert found.places[:, 0].tolist() == list(range(7))
    np.testing.assert_array_equal(found.truth, np.concatenate([part.truth for part in parts]))


def test_trials_draw_other_references_with_another_seed():
    slices = synthetic.phantoms(subjects=8, structures=2, size=24, slices=2)
    one, again, other = (segmentation.trials(slices, 1, 3, seed=seed, least=2).places for seed in (0, 0, 1))
    assert (one == again).all() and (one != other).any()
    assert all(len(set(row)) == 4 for row in slices.subjects[one].tolist())


@pytest.mark.parametrize("call", [segmentation.episodes, segmentation.trials])
def test_what_cannot_be_drawn_is_refused(call):
    slices = numbered()
    one = {"structures": [3]}
    with pytest.raises(ValueError, match="2 references are of 3 subjects. Received: 2 who show structure 3 .one."):
        call(slices, **one, references=2, least=2)
    with pytest.raises(ValueError, match="The structures are 3 .one., 8 .other.. Received: 5"):
        call(slices, structures=5, least=2)
    with pytest.raises(ValueError, match="`references` must be a whole number, at least 1"):
        call(slices, **one, references=0)
    with pytest.raises(ValueError, match="Received: 0 who show structure 3 .one. in at least 99 pixels"):
        call(slices, **one, least=99)


@pytest.mark.parametrize("near", [-0.1, 2, "0.1", None])
def test_numbers_that_make_no_sense_are_refused(near):
    with pytest.raises(ValueError, match="`near` must be a number from 0 to 1. Received: near="):
        segmentation.episodes(numbered(), near=near, least=2)
    with pytest.raises(ValueError, match="`structures` are different ones, at least one"):
        segmentation.episodes(numbered(), [3, 3], least=2)


def test_a_part_is_one_side_of_each_mask_in_the_same_direction():
    """A cut through the middle leaves half of a disc, the same half of it at another place; an empty mask stays so."""
    y, x = np.mgrid[:31, :31]
    discs = np.stack([(y - row) ** 2 + (x - 15) ** 2 < 50 for row in (10, 18)] + [np.zeros((31, 31))]).astype("float32")
    halves = set()
    for seed in range(12):
        parts = part_of(tf.constant(discs), [seed, 5], off=0.0).numpy()
        assert 0.4 < parts[0].sum() / discs[0].sum() < 0.6
        assert parts[2].sum() == 0
        assert np.abs(parts[0][2:20] - parts[1][10:28]).sum() <= 3  # pixels on the very line go either way
        halves.add(parts[0].tobytes())
    assert len(halves) == 12


def test_a_superpixel_is_near_in_place_and_intensity():
    """Left half dark, right half bright: a patch stays in its half, and within its radius."""
    image = np.zeros((24, 24, 1), "float32")
    image[:, 12:] = 1
    for seed in range(20):
        patch = superpixel_of(tf.constant(image), [seed, 1]).numpy()
        rows, columns = np.nonzero(patch)
        assert len(rows) >= 1
        assert (columns < 13).all() or (columns > 10).all()
        assert np.ptp(rows) <= 2 * 0.35 * 24


def test_invented_tasks_are_what_their_chances_say():
    images = tf.random.stateless_uniform((3, 16, 16, 1), [1, 2])
    masks = tf.cast(tf.random.stateless_uniform((3, 16, 16), [1, 3]) > 0.5, tf.float32)
    as_it_was = segmentation.invented(0, 0, 0, 0)(images, masks, [1, 2])
    tf.nest.map_structure(np.testing.assert_array_equal, as_it_was, (images, masks))
    turned = segmentation.invented(0, 0, 1, 1)(images, masks, [1, 2])
    np.testing.assert_allclose(turned[0], 1 - images[:, ::-1, ::-1])
    np.testing.assert_array_equal(turned[1], masks[:, ::-1, ::-1])
    patched, patches = segmentation.invented(0, 1, 0, 0)(images, masks, [1, 2])
    assert (patched.numpy() == images[:1].numpy()).all() and (patches.numpy() == patches[:1].numpy()).all()
    cut = segmentation.invented(1, 0, 0, 0)(images, masks, [1, 2])[1].numpy()
    assert (cut <= masks.numpy()).all() and (cut.sum(axis=(1, 2)) < masks.numpy().sum(axis=(1, 2))).all()
    with pytest.raises(ValueError, match="cut"):
        segmentation.invented(cut=2)


def test_sets_are_joined_with_structures_and_subjects_of_their_own():
    one, other = numbered(), numbered((4, 5), (3,))
    both = joined(one, other)
    assert both.subjects.tolist() == [0, 1, 1, 2, 2, 2, 3, 4, 5]
    assert both.names == {1: "one, part 1", 2: "other, part 1", 3: "other, part 2"}
    np.testing.assert_array_equal(both.mask(3)[7:], other.mask(3))
    assert not both.mask(3)[:7].any()
    np.testing.assert_array_equal(both.mask(2)[:7], one.mask(8))
    with pytest.raises(ValueError, match="Sets to be joined are of one size, at least one set"):
        joined(one, synthetic.phantoms(2, 1, 16, 1))


def test_a_segmenter_learns_from_the_stream():
    """Six bodies of three structures: the loss falls within thirty steps."""
    import keras

    from siamkeras import losses

    keras.utils.set_random_seed(0)
    slices = synthetic.phantoms(subjects=6, structures=3, size=16, slices=1)
    model = segmentation.few_shot_segmenter(segmentation.maps_tower((16, 16, 1), (4, 6)))
    model.compile(keras.optimizers.Adam(0.01), losses.DiceCrossEntropyLoss())
    stream = segmentation.episodes(slices, references=2, batch_size=8, least=3)
    history = model.fit(stream, steps_per_epoch=10, epochs=3, shuffle=False, verbose=0).history["loss"]
    assert history[-1] < history[0]


def test_what_comes_in_from_beyond_the_edge_is_outside_whatever_its_colour():
    """White beyond the edge is 1 in the image, and still no part of the structure: the masks are those of black."""
    phantoms = synthetic.phantoms(subjects=3, structures=1, size=16, slices=2)
    truth = {}
    for fill in (0.0, 0.7, 1.0):
        move = augmentation.affine(shift=6.0, probability=1.0, fill=fill)
        stream = segmentation.episodes(phantoms, batch_size=8, steps=1, least=1, move=move)
        truth[fill] = next(iter(stream))[1].numpy()
        assert truth[fill][:, 0].max() == 0  # a phantom leaves the rim free
    for fill in (0.7, 1.0):
        assert (truth[fill] != truth[0.0]).mean() < 0.01  # only pixels that the edge cuts through


def test_what_is_no_slices_no_structure_no_function_and_no_stream_is_told():
    slices = numbered()
    for nothing in (None, slices.images, [slices]):
        with pytest.raises(ValueError, match="`slices` must be `slices.Slices`. Received: "):
            segmentation.episodes(nothing)
        with pytest.raises(ValueError, match="`slices` must be `slices.Slices`. Received: "):
            segmentation.trials(nothing)
    for wrong in ([[3], [8]], [[3], [3, 8]], "one", [3, {8}], 5):
        with pytest.raises(ValueError, match="The structures are 3 .one., 8 .other.. Received: "):
            segmentation.episodes(slices, wrong, least=2)
    for name in ("tasks", "move", "shade"):
        with pytest.raises(ValueError, match=f"`{name}` must be a function, or None. Received: {name}=5"):
            segmentation.episodes(slices, least=2, **{name: 5})


def test_structures_may_be_an_array_a_set_or_one():
    for asked in (3, np.int64(3), np.array(3), np.array([3]), {3}):
        assert set(segmentation.trials(numbered(), asked, least=2).structures.tolist()) == {3}
    assert next(iter(segmentation.episodes(numbered(), least=2, near=np.float32(0.1))))
