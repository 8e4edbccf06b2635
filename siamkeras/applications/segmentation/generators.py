"""Training and evaluation episodes: a query slice, and annotated reference slices of other subjects."""

import warnings
from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_integer
from siamkeras.applications.segmentation.tasks import DEFAULT, episode_augmentation

FEW_STRUCTURES = 5  # fewer are memorised without synthetic tasks
POSITION_JITTER = 0.1  # how far the position of a training reference may deviate from the query's


class EvaluationEpisodes(NamedTuple):
    """Every slice that shows a structure as a query, with references of other subjects.

    `inputs` are the inputs of `few_shot_segmenter`, float32: `{"query": (n, height, width, 1), "references": (n,
    references, height, width, 1), "masks": (n, references, height, width)}`.
    """

    inputs: dict
    truth: np.ndarray  # (n, height, width) float32, true masks of the queries
    subjects: np.ndarray  # (n,) subject of each query
    structures: np.ndarray  # (n,) structure to segment
    indices: np.ndarray  # (n, 1 + references) indices of the slices, the query first

    def __repr__(self):
        return (
            f"queries: {len(self.truth):,}, subjects: {len(np.unique(self.subjects))}, "
            f"structures: {len(np.unique(self.structures))}, references per query: {self.indices.shape[1] - 1}"
        )


def training_episodes(
    slices, structures=None, references=1, batch_size=8, seed=0, start=0, min_pixels=10, augment=DEFAULT
):
    """Endless stream of batches of random episodes for `fit`.

    An episode consists of a random structure, a random slice that shows it, and references of other random subjects:
    their slices closest to the position of the query, with a random offset of at most 0.1. By default, part of the
    episodes become synthetic tasks. Without them, a network trained on few structures memorises these and no longer
    depends on the references, which the training loss does not show.

    Args:
        slices: `Slices` of the training set.
        structures: Structures to sample from, a list of keys of `slices.names`; None for all.
        references: References per episode.
        batch_size: Episodes per batch.
        seed: Seed; batch number i is a function of `(seed, i)`.
        start: Number of the first batch, to resume an interrupted training run.
        min_pixels: Slices that show fewer pixels of the structure are not sampled.
        augment: Function `(images, masks, seed) -> (images, masks)` of one episode, the query first; by default
            `episode_augmentation()`, with synthetic tasks. None for no augmentation.

    Returns:
        A `tf.data.Dataset` of `({"query", "references", "masks"}, mask)`, float32, with the shapes that
        `few_shot_segmenter` expects and returns.

    >>> from siamkeras.applications import segmentation
    >>> slices = segmentation.synthetic_phantoms(subjects=4, structures=3, size=16, slices=1)
    >>> stream = segmentation.training_episodes(slices, references=2, min_pixels=1)
    >>> inputs, masks = next(iter(stream))
    >>> tuple(inputs["references"].shape), tuple(masks.shape)
    ((8, 2, 16, 16, 1), (8, 16, 16))
    """
    import tensorflow as tf

    index = _EpisodeIndex(slices, structures, references, min_pixels)
    batch_size = check_integer("batch_size", batch_size, 1)
    seed, start = check_integer("seed", seed), check_integer("start", start)
    augment = episode_augmentation() if augment is DEFAULT else augment
    if len(index.structures) < FEW_STRUCTURES and not getattr(augment, "makes_tasks", False):
        warnings.warn(
            f"Training without synthetic tasks; number of structures: {len(index.structures)}. The network can "
            "memorise them and ignore the references. Use `augment=episode_augmentation()`, and add phantoms.",
            stacklevel=2,
        )
    images, masks = tf.constant(slices.images), tf.constant(slices.masks, tf.int32)

    def sample(step):
        keys = tf.random.split(tf.stack([seed, step]), 2)
        indices, structure = index.sample(batch_size, keys[0])
        inside = tf.cast(tf.gather(masks, indices) == structure[:, None, None, None], tf.float32)
        keys = tf.random.stateless_uniform((batch_size, 2), keys[1], None, None, tf.int32)
        return tf.gather(images, indices), inside, keys

    def augment_episode(episode_images, episode_masks, key):
        new_images, new_masks = augment(episode_images, episode_masks, key)
        return tf.ensure_shape(new_images, episode_images.shape), tf.ensure_shape(new_masks, episode_masks.shape)

    def name_roles(batch_images, batch_masks, *_):
        inputs = {"query": batch_images[:, 0], "references": batch_images[:, 1:], "masks": batch_masks[:, 1:]}
        return inputs, batch_masks[:, 0]

    episodes = tf.data.Dataset.counter(start).map(sample, tf.data.AUTOTUNE)
    if augment is not None:
        episodes = episodes.unbatch().map(augment_episode, tf.data.AUTOTUNE).batch(batch_size, drop_remainder=True)
    episodes = episodes.map(name_roles)
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False  # would copy all images into the graph
    return episodes.prefetch(2).with_options(options)


def evaluation_episodes(slices, structures=None, references=1, seed=0, min_pixels=10):
    """One episode for every slice that shows a structure, with references at the closest position.

    Args:
        slices: `Slices` of test subjects.
        structures: One structure or a list of them, keys of `slices.names`; None for all.
        references: References per query, each of another subject, sampled at random for each query.
        seed: Seed of the choice of reference subjects.
        min_pixels: Slices that show fewer pixels of the structure are not used.

    Returns:
        `EvaluationEpisodes`, ordered by structure and slice.
    """
    index = _EpisodeIndex(slices, structures, references, min_pixels)
    rng, episodes = np.random.default_rng(check_integer("seed", seed)), []
    for visible in index.visible:
        candidates = np.unique(slices.subjects[visible])
        for query in np.flatnonzero(visible):
            others = rng.permutation(candidates[candidates != slices.subjects[query]])[: index.references]
            distance = np.abs(slices.positions - slices.positions[query])
            closest = [np.where(visible & (slices.subjects == other), distance, np.inf).argmin() for other in others]
            episodes.append([query, *closest])
    indices, structure_of = np.array(episodes), np.repeat(index.structures, index.visible.sum(axis=1))
    images = slices.images[indices]
    masks = (slices.masks[indices] == structure_of[:, None, None, None]).astype("float32")
    inputs = {"query": images[:, 0], "references": images[:, 1:], "masks": masks[:, 1:]}
    return EvaluationEpisodes(inputs, masks[:, 0], slices.subjects[indices[:, 0]], structure_of, indices)


class _EpisodeIndex:
    """The slices and subjects that show each structure."""

    def __init__(self, slices, structures, references, min_pixels):
        self.references = check_integer("references", references, 1)
        min_pixels = check_integer("min_pixels", min_pixels, 1)
        structures = list(slices.names) if structures is None else np.atleast_1d(structures).tolist()
        self.visible = np.array([slices.showing(structure, min_pixels) for structure in structures])
        self.structures = np.array(structures, "int32")
        names, subjects = np.unique(slices.subjects, return_inverse=True)
        self.subjects, self.positions = subjects.reshape(-1).astype("int32"), slices.positions
        # (structures, subjects): whether the subject has a slice that shows the structure
        self.has_slice = np.array([np.bincount(subjects[row], minlength=len(names)) > 0 for row in self.visible])
        for structure, count in zip(structures, self.has_slice.sum(axis=1), strict=True):
            if count <= self.references:
                raise ValueError(
                    f"{self.references} references need {self.references + 1} subjects that show structure {structure} "
                    f"({slices.names[structure]}) in at least {min_pixels} pixels. Received: {count}."
                )

    def sample(self, count, key):
        """Slices of `count` random episodes, `(count, 1 + references)`, the query first, and structures `(count,)`."""
        import tensorflow as tf

        keys = tf.unstack(tf.random.split(key, 4))
        row = tf.random.stateless_uniform((count,), keys[0], 0, len(self.structures), tf.int32)
        visible = tf.gather(tf.constant(self.visible), row)
        # The subjects with the largest random values are a sample without replacement.
        values = tf.random.stateless_uniform((count, self.has_slice.shape[1]), keys[1])
        values = tf.where(tf.gather(tf.constant(self.has_slice), row), values, -1.0)
        chosen = tf.math.top_k(values, self.references + 1).indices
        candidates = visible[:, None] & (tf.constant(self.subjects) == chosen[..., None])  # (count, subjects, slices)
        values = tf.random.stateless_uniform((count, len(self.positions)), keys[2])
        query = tf.argmax(tf.where(candidates[:, 0], values, -1.0), axis=1)
        positions = tf.constant(self.positions)
        offsets = tf.random.stateless_uniform((count, self.references), keys[3], -POSITION_JITTER, POSITION_JITTER)
        distance = tf.abs(positions - (tf.gather(positions, query)[:, None] + offsets)[..., None])
        closest = tf.argmin(tf.where(candidates[:, 1:], distance, np.inf), axis=-1)
        return tf.concat([query[:, None], closest], axis=1), tf.gather(self.structures, row)
