"""Endless tf.data streams of episodes of one structure, and the fixed trials in which a network is measured."""

from typing import NamedTuple

import numpy as np

from siamkeras._validation import check_integer
from siamkeras.applications.segmentation.slices import Slices
from siamkeras.augmentation.checks import checked_share
from siamkeras.generators._batching import drawn, look_up_in, of_length


class Trials(NamedTuple):
    """Every slice that shows a structure, once as a query, with references of other subjects.

    Attributes:
        inputs: `{"query": (n, height, width, 1), "references": (n, references, height, width, 1), "masks": (n,
            references, height, width)}`, float32, as `few_shot_segmenter` takes them.
        truth: `(n, height, width)` float32: 1 inside the structure.
        subjects: `(n,)` integers: whose scan each query is of.
        structures: `(n,)` integers: which structure is asked for.
        places: `(n, 1 + references)`: which slices those are, the query first.
    """

    inputs: dict
    truth: np.ndarray
    subjects: np.ndarray
    structures: np.ndarray
    places: np.ndarray

    def __repr__(self):
        count, subjects = self.places.shape[1] - 1, len(np.unique(self.subjects))
        kinds = len(np.unique(self.structures))
        return (
            f"{len(self.truth):,} queries of {subjects} subjects for {kinds} structure{'s' if kinds > 1 else ''}, "
            f"{count} reference{'s' if count > 1 else ''} each"
        )


def episodes(
    slices,
    structures=None,
    references=1,
    batch_size=8,
    steps=None,
    seed=0,
    start=0,
    near=0.1,
    least=10,
    tasks=None,
    move=None,
    shade=None,
):
    """Batches of episodes: a query, references of other subjects with the mask of one structure, the query's mask.

    Each episode draws a structure, then subjects who show it, the query's and as many others as there are references,
    then a slice of each. The query's subject is never among those of its references.

    Args:
        slices: `slices.Slices`, such as `data.hippocampus()` or `synthetic.phantoms()` gives.
        structures: Which of the structures are drawn, a list of integers; None for all.
        references: References in an episode.
        batch_size: Episodes in a batch.
        steps: Batches in one pass, the same in each; None for an endless stream.
        seed: Whole number; together with a batch's number it decides everything that is random in that batch.
        start: Number of the first batch, to go on with a stream that was interrupted.
        near: A reference is that slice of its subject which lies nearest to the position of the query, after up to so
            much was added to it or taken from it; positions go from 0 to 1.
        least: Pixels of the structure that a slice has to show to be drawn.
        tasks: Function `(images, masks, seed) -> (images, masks)` of a whole episode, the query first, which makes
            another task of it, such as `segmentation.invented()`; or None.
        move: Function `(image, seed) -> image` that moves pixels, such as `augmentation.affine()`; image and mask are
            moved alike, and each image of an episode in its own way; what comes in from beyond the edge is outside.
            Or None.
        shade: Function `(image, seed) -> image` that changes values, such as `augmentation.color_jitter`, for each image in
            its own way, and not its mask; or None.

    Returns:
        A `tf.data.Dataset` of `({"query", "references", "masks"}, mask of the query)`: float32 `(batch_size, height,
        width, 1)`, `(batch_size, references, height, width, 1)`, `(batch_size, references, height, width)` and
        `(batch_size, height, width)`.

    Raises:
        ValueError: structures that the slices have not; one that too few subjects show; numbers out of range.

    >>> import numpy as np
    >>> from siamkeras import segmentation
    >>> from siamkeras.slices import Slices
    >>> images = np.arange(6).reshape(6, 1, 1, 1) / 10  # two slices of each of three subjects
    >>> few = Slices(images, np.ones((6, 1, 1), int), np.repeat([4, 5, 6], 2), np.tile([0.0, 1.0], 3), {1: "all"})
    >>> stream = segmentation.episodes(few, references=2, batch_size=1, least=1, seed=2)
    >>> inputs, mask = next(iter(stream))
    >>> (10 * inputs["query"].numpy().ravel()).round(), (10 * inputs["references"].numpy().ravel()).round()
    (array([5.], dtype=float32), array([1., 3.], dtype=float32))
    """
    import tensorflow as tf

    table = Table.of(slices, structures, references, least)
    batch_size, seed, start = (
        check_integer("batch_size", batch_size, 1),
        check_integer("seed", seed, 0),
        check_integer("start", start, 0),
    )
    steps = None if steps is None else check_integer("steps", steps, 1)
    near = checked_share("near", near)
    for name, change in (("tasks", tasks), ("move", move), ("shade", shade)):
        if change is not None and not callable(change):
            raise ValueError(f"`{name}` must be a function, or None. Received: {name}={change!r}.")
    images, labels = look_up_in(np.asarray(slices.images)), look_up_in(_small(slices.masks))
    shape, count = slices.images.shape[1:], table.references + 1

    def draw(step):
        keys = tf.random.split(tf.stack([seed, step]), 2)
        at, structure = table.drawn(batch_size, near, keys[0])
        return at, structure, tf.random.stateless_uniform((batch_size, 2), keys[1], None, None, tf.int32)

    def look_up(at, structure, keys):
        flat = tf.reshape(at, (-1,))
        found = tf.reshape(images(flat), (batch_size, count, *shape))
        inside = (
            tf.reshape(tf.cast(labels(flat), tf.int32), (batch_size, count, *shape[:2]))
            == structure[:, None, None, None]
        )
        return found, tf.cast(inside, tf.float32), keys

    def changed(found, inside, key):
        task, moving, shading = tf.unstack(tf.random.split(key, 3))
        if tasks is not None:
            found, inside = tasks(found, inside, task)
            found, inside = tf.ensure_shape(found, (count, *shape)), tf.ensure_shape(inside, (count, *shape[:2]))
        if move is not None:
            # What comes in from beyond the edge is alike in a mask and in its negative, and so is not inside.
            both = tf.concat([found, inside[..., None], 1.0 - inside[..., None]], axis=-1)
            both = _each(move, both, moving, count)
            found, within, without = both[..., :-2], both[..., -2], both[..., -1]
            inside = tf.cast((within > 0.5) & (within > without), tf.float32)
        if shade is not None:
            found = _each(shade, found, shading, count)
        return found, inside

    def named(found, inside, *_):
        return {"query": found[:, 0], "references": found[:, 1:], "masks": inside[:, 1:]}, inside[:, 0]

    batches = drawn(draw, start, steps).map(look_up, 2)
    if (tasks, move, shade) != (None, None, None):
        batches = batches.unbatch().map(changed, tf.data.AUTOTUNE).batch(batch_size, drop_remainder=True)
    options = tf.data.Options()
    options.experimental_optimization.apply_default_optimizations = False  # it would copy all images into the graph
    length = tf.data.INFINITE_CARDINALITY if steps is None else steps
    return batches.map(named).apply(of_length(length)).prefetch(2).with_options(options)


def trials(slices, structures=None, references=1, seed=0, least=10):
    """Every slice that shows a structure as a query, with references of other subjects at about its position.

    Args:
        slices: `slices.Slices` of subjects that were not in the training.
        structures: Which of `slices.names`: one, or a list of them, one after another; None for all.
        references: References of each query, of as many other subjects, drawn anew for each query.
        seed: The same seed gives the same references.
        least: Pixels of the structure that a slice has to show.

    Returns:
        `Trials`.

    Raises:
        ValueError: structures that the slices have not, or that too few subjects show; numbers out of range.
    """
    table = Table.of(slices, structures, references, least)
    rng, places = np.random.default_rng(check_integer("seed", seed, 0)), []
    for shown in table.shown:
        able = np.unique(table.subjects[shown])
        for query in np.flatnonzero(shown):
            others = rng.permutation(able[able != table.subjects[query]])[: table.references]
            far = np.abs(table.positions - table.positions[query])
            theirs = [np.where(shown & (table.subjects == other), far, np.inf).argmin() for other in others]
            places.append([query, *theirs])
    places, asked = np.array(places), np.repeat(table.structures, table.shown.sum(axis=1))
    images = np.asarray(slices.images)
    inside = (np.asarray(slices.masks)[places] == asked[:, None, None, None]).astype("float32")
    inputs = {"query": images[places[:, 0]], "references": images[places[:, 1:]], "masks": inside[:, 1:]}
    return Trials(inputs, inside[:, 0], np.asarray(slices.subjects)[places[:, 0]], asked, places)


class Table(NamedTuple):
    """Which slices show which structure, and of whom they are.

    Attributes:
        structures: `(k,)` integers.
        shown: `(k, n)` booleans: whether slice n shows structure k.
        subjects: `(n,)` numbers of subjects, from 0 on.
        has: `(k, subjects)` booleans: whether there is such a slice of that subject.
        positions: `(n,)` float32.
        references: How many an episode has.
    """

    structures: np.ndarray
    shown: np.ndarray
    subjects: np.ndarray
    has: np.ndarray
    positions: np.ndarray
    references: int

    @classmethod
    def of(cls, slices, structures, references, least):
        """The table of `slices`, checked.

        Raises:
            ValueError: structures that the slices have not, or that too few subjects show; numbers out of range.
        """
        if not isinstance(slices, Slices):
            raise ValueError(f"`slices` must be `slices.Slices`. Received: {type(slices).__name__}.")
        references, least = check_integer("references", references, 1), check_integer("least", least, 1)
        structures = structures.tolist() if isinstance(structures, np.ndarray) else structures
        alone = isinstance(structures, str) or not np.iterable(structures)
        structures = list(slices.names) if structures is None else [structures] if alone else list(structures)
        for structure in structures:
            slices.mask(structure)  # an error for what is none
        if not structures or len(set(structures)) < len(structures):
            raise ValueError(f"`structures` are different ones, at least one. Received: {structures}.")
        shown = np.array([slices.showing(structure, least) for structure in structures])
        names, subjects = np.unique(slices.subjects, return_inverse=True)
        has = np.array([np.bincount(subjects[each], minlength=len(names)) > 0 for each in shown])
        for structure, count in zip(structures, has.sum(axis=1), strict=True):
            if count <= references:
                raise ValueError(
                    f"A query and {references} references are of {references + 1} subjects. Received: {count} who show "
                    f"structure {structure} ({slices.names[structure]}) in at least {least} pixels."
                )
        positions = np.asarray(slices.positions, "float32")
        return cls(np.array(structures, "int32"), shown, subjects.reshape(-1), has, positions, references)

    def drawn(self, count, near, key):
        """Slices of `count` episodes, `(count, 1 + references)`, the query first, and their structures `(count,)`."""
        import tensorflow as tf

        which, who, where, offset = tf.unstack(tf.random.split(key, 4))
        structure = tf.random.stateless_uniform((count,), which, 0, len(self.structures), tf.int32)
        shown, subjects = tf.gather(tf.constant(self.shown), structure), tf.constant(self.subjects, tf.int32)
        chance = tf.random.stateless_uniform((count, self.has.shape[1]), who)
        chance = tf.where(tf.gather(tf.constant(self.has), structure), chance, -1.0)
        chosen = tf.math.top_k(chance, self.references + 1).indices  # random keys, sorted: nobody is there twice
        theirs = shown[:, None] & (subjects[None, None] == chosen[..., None])  # (count, 1 + references, slices)
        chance = tf.random.stateless_uniform((count, len(self.positions)), where)
        query = tf.argmax(tf.where(theirs[:, 0], chance, -1.0), axis=1)
        positions = tf.constant(self.positions)
        wanted = tf.gather(positions, query)[:, None] + tf.random.stateless_uniform(
            (count, self.references), offset, -near, near
        )
        far = tf.where(theirs[:, 1:], tf.abs(positions - wanted[..., None]), np.inf)
        return tf.concat([query[:, None], tf.argmin(far, axis=-1)], axis=1), tf.gather(self.structures, structure)


def _each(change, images, key, count):
    import tensorflow as tf

    keys = tf.random.split(key, count)
    return tf.stack([tf.ensure_shape(change(images[i], keys[i]), images.shape[1:]) for i in range(count)])


def _small(masks):
    masks = np.asarray(masks)
    return masks.astype("uint8" if masks.max() < 256 else "int32")
