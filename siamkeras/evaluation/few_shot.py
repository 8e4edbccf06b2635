"""Few-shot: classes never seen, told apart by a few examples of each, over many episodes."""

from typing import NamedTuple

import numpy as np
from keras import ops

from siamkeras import distances, layers, models, retrieval
from siamkeras._validation import check_choice, check_embeddings, check_images
from siamkeras.evaluation import _classifiers as adapting
from siamkeras.evaluation import _tables as tables
from siamkeras.generators import _sampling as sampling


class FewShot(NamedTuple):
    """Accuracy over episodes of classes that the network has never seen.

    Attributes:
        accuracy: Share of the queries that are told rightly, mean over episodes of any classes.
        within: The same over episodes within one group each, such as an alphabet: the harder task. None where the
            examples have no groups.
        interval: `{"accuracy": (low, high), "within": (low, high)}`, 95 %, by Student's t over episodes: how sure the
            mean is for *these* images. Other classes would differ by more, however many episodes are drawn.
        per_episode: `{"accuracy": (episodes,), "within": (episodes,)}`, share of the queries of each.
        way, shot, query: Classes of an episode; examples of each in its support; others of each that were asked for.
        method: How a query was told: `"prototype"`, `"nearest"`, `"classifier"`, `"fine_tuned"`.
    """

    accuracy: float
    within: float | None
    interval: dict
    per_episode: dict
    way: int
    shot: int
    query: int
    method: str

    def __repr__(self):
        return tables.table({"": self})

    def columns(self):
        """The line of a table: `{heading: text}`."""
        found = {"task": f"{self.way}-way {self.shot}-shot", "by": self.method.replace("_", " ")}
        for name, heading in (("within", "within group"), ("accuracy", "over all classes")):
            if name in self.per_episode:
                found[heading] = f"{getattr(self, name):.1%}{tables.interval(self, name, 100, 1)}"
        return found | {"episodes": f"{len(self.per_episode['accuracy']):,}"}


def few_shot(
    model,
    images,
    labels,
    groups=None,
    way=5,
    shot=1,
    query=5,
    episodes=1000,
    method="prototype",
    distance=None,
    seed=0,
    views=1,
    augment=None,
    **options,
):
    """Measures few-shot classification: of each query, to which class of the support does it belong?

    Every image is embedded once; the episodes are drawn from the embeddings, as `generators.episodes` draws them.

    | `method` | a query belongs to the class |
    |---|---|
    | `"prototype"` | whose mean embedding is nearest (Snell et al., 2017) |
    | `"nearest"` | of the nearest support example |
    | `"classifier"` | that logistic regression says, fitted on the support (Tian et al., 2020) |
    | `"fine_tuned"` | that a softmax over cosine similarities says, which began as the prototypes and was trained on |
    |  | the support, with `losses.FineTuningLoss` (Dhillon et al., 2020): transductive, where `entropy` is above 0 |

    Args:
        model: A tower; or a model of this package made from one. `models.verifier` compares by what it has learned.
        images: `(n, ...)`, of classes that the tower has not been trained on.
        labels: `(n,)` integers or strings.
        groups: `(n,)`, such as alphabets: episodes within one group are then measured too.
        way: Classes in an episode.
        shot: Examples of each class in the support.
        query: Other examples of each class that are asked for.
        episodes: How many, for each of the two protocols.
        method: A name from the table; a verifier knows "nearest" only.
        distance: A name in `distances.DISTANCES`, or a function, for "prototype" and "nearest"; None for that of the
            model, or else "cosine".
        seed: Whole number; the same gives the same episodes.
        views, augment: As for `retrieval.embed`.
        **options: Of `"fine_tuned"`: `steps` (30), `learning_rate` (0.01), `entropy` (0.1), `scale` (20). Of
            `"classifier"`: `C` (10), the inverse of the penalty on its weights.

    Returns:
        `FewShot`.

    Raises:
        ValueError: fewer than `way` classes, in all or in a group; a class with fewer than `shot + query` images;
            unknown method or option; what does not fit the tower; siblings of different kinds; embeddings that
            are not finite.

    References: https://arxiv.org/abs/1703.05175, https://arxiv.org/abs/2003.11539, https://arxiv.org/abs/1909.02729
    """
    check_choice("method", method, METHODS)
    tower, measure, is_verifier = comparison(model, distance)
    if is_verifier and method != "nearest":
        raise ValueError(f'A verifier compares couples: method="nearest". Received: method={method!r}.')
    images = np.asarray(images)
    if images.dtype.kind in "USO":
        raise ValueError(f"`few_shot` takes images in memory. Received: {images.dtype}, shape {images.shape}.")
    images = check_images(images)
    _check_distance(method, distance)
    measured = _plan(len(images), labels, groups, way, shot, query, episodes, method, measure, seed, options)
    return measured(_embedded(tower, images, views, augment, seed))


def few_shot_from_embeddings(
    embeddings,
    labels,
    groups=None,
    way=5,
    shot=1,
    query=5,
    episodes=1000,
    method="prototype",
    distance=None,
    seed=0,
    **options,
):
    """`few_shot` of embeddings that are there already, `(n, dim)`; all else as there, with "cosine" unless told.

    >>> import numpy as np
    >>> from siamkeras import evaluation
    >>> embeddings = np.repeat(np.eye(3), 4, axis=0)  # three classes of four, each in one point
    >>> evaluation.few_shot_from_embeddings(embeddings, np.repeat([7, 3, 9], 4), way=3, query=2, episodes=10).accuracy
    1.0
    """
    check_choice("method", method, METHODS)
    embeddings = check_embeddings(embeddings)
    _check_distance(method, distance)
    measure = _measure("cosine" if distance is None else distance)
    return _plan(len(embeddings), labels, groups, way, shot, query, episodes, method, measure, seed, options)(
        embeddings
    )


def _check_distance(method, distance):
    if method in ("classifier", "fine_tuned") and distance is not None:
        raise ValueError(f"method={method!r} takes cosine similarity: leave `distance` out. Received: {distance!r}.")


def _plan(count, labels, groups, way, shot, query, episodes, method, measure, seed, options):
    """A function from embeddings `(count, dim)` to `FewShot`, after all that it needs has been checked."""
    episodes, seed = sampling.whole("episodes", episodes, 2), sampling.whole("seed", seed, 0)
    tell = METHODS[method](measure, **adapting.checked_options(method, options))
    labels = sampling.checked_labels(labels)
    if count != len(labels):
        raise ValueError(f"Every image needs one label. Received: {count} images, {len(labels)} labels.")
    protocols = {"accuracy": None} | ({} if groups is None else {"within": groups})
    tables_of = {name: sampling.episode_table(labels, of, way, shot, query) for name, of in protocols.items()}

    def measured(embeddings):
        found = {}
        for name, (table, *numbers) in tables_of.items():
            number = np.repeat(np.arange(way), query)
            drawn = _drawn(table, *numbers, episodes, seed)
            scores = [np.mean(tell(embeddings[support], embeddings[asked]) == number) for support, asked in drawn]
            found[name] = np.array(scores)
        mean = {name: float(values.mean()) for name, values in found.items()}
        interval = {name: _interval(values) for name, values in found.items()}
        return FewShot(mean["accuracy"], mean.get("within"), interval, found, way, shot, query, method)

    return measured


class OneShot(NamedTuple):
    """Accuracy on one-shot runs: in each, every query is of one class of the support.

    Attributes:
        accuracy: Share of the trials that are told rightly.
        interval: `{"accuracy": (low, high)}`, 95 %, by Wilson: for trials that do not depend on one another. Those of
            one run do, having one support: the standard error of pixels over the official runs is 1.2 times as large.
        per_run: `(runs,)` share of each.
        per_alphabet: `{alphabet: share}`, where the alphabets are known.
        told: `(runs, trials)` which of the support each query was told to be.
        right: `(runs, trials)` booleans.
    """

    accuracy: float
    interval: dict
    per_run: np.ndarray
    per_alphabet: dict
    told: np.ndarray
    right: np.ndarray

    def __repr__(self):
        return tables.table({"": self})

    def columns(self):
        """The line of a table: `{heading: text}`."""
        runs, trials = self.right.shape
        return {
            "accuracy": f"{self.accuracy:.1%}{tables.interval(self, 'accuracy', 100, 1)}",
            "wrong": f"{np.sum(~self.right)} of {runs * trials}",
            "worst run": f"{self.per_run.min():.0%}",
        }


def one_shot(model, runs, distance=None, views=1, augment=None, seed=0):
    """Measures one-shot classification on fixed runs, such as the official twenty of Omniglot.

    Each query is told to be of the class of the nearest support image, and is right where no other is as near.

    Args:
        model: As for `few_shot`.
        runs: `data.OneShotRuns`, as `data.omniglot_runs` gives them.
        distance, views, augment, seed: As for `few_shot`.

    Returns:
        `OneShot`.

    Raises:
        ValueError: support, queries, answers or alphabets that do not belong together; images of another shape than the
            tower takes; siblings of different kinds; embeddings that are not finite; unknown distance.

    Reference: https://doi.org/10.1126/science.aab3050
    """
    from scipy.stats import binomtest

    tower, measure, _ = comparison(model, distance)
    support, queries, answers = _checked_runs(runs)
    number, trials, way = len(support), queries.shape[1], support.shape[1]
    both = np.concatenate([each.reshape(-1, *each.shape[2:]) for each in (support, queries)])
    embeddings = _embedded(tower, both, views, augment, seed)
    of_support, of_queries = np.split(embeddings, [number * way])
    of_support, of_queries = of_support.reshape(number, way, -1), of_queries.reshape(number, trials, -1)
    found = np.array([measure(asked, known) for asked, known in zip(of_queries, of_support, strict=True)])
    told = found.argmin(axis=2)
    as_near = found <= np.take_along_axis(found, answers[..., None], axis=2)
    right = np.sum(as_near, axis=2) == 1  # the answer alone: nothing is gained by the same embedding for everything
    interval = binomtest(int(right.sum()), right.size).proportion_ci(method="wilson")
    alphabets = np.array([] if runs.alphabets is None else runs.alphabets)
    return OneShot(
        accuracy=float(right.mean()),
        interval={"accuracy": (float(interval.low), float(interval.high))},
        per_run=right.mean(axis=1),
        per_alphabet={name: float(right[alphabets == name].mean()) for name in dict.fromkeys(alphabets.tolist())},
        told=told,
        right=right,
    )


def comparison(model, distance=None):
    """What a model compares with: `(tower, measure, is_verifier)`.

    `measure` takes embeddings `(q, dim)` and `(s, dim)` and gives distances `(q, s)`, as numpy; of a verifier they are
    logits with their sign changed.
    """
    tower, head = models.tower_of(model), models.head_of(model)
    if head is not None:
        if distance is not None:
            raise ValueError(f"A verifier has learned how to compare: leave `distance` out. Received: {distance!r}.")

        def logits(left, right):
            return -head.logits([left, right])[:, 0]

        return tower, lambda queries, support: ops.convert_to_numpy(distances.pairwise(queries, support, logits)), True
    if distance is None:
        # A model of several distances stacks them behind its layer.
        own = [layer.distance for layer in model.layers if isinstance(layer, (layers.Distance, layers.PrototypeLogits))]
        distance = own[0] if own else "cosine"

    return tower, _measure(distance), False


def _measure(distance):
    known = distances.get(distance)  # an unknown name, before anything is embedded
    return lambda queries, support: ops.convert_to_numpy(distances.pairwise(queries, support, known))


def _embedded(tower, images, views, augment, seed):
    embeddings = retrieval.embed(tower, images, views=views, augment=augment, seed=seed)
    finite = np.isfinite(embeddings).all(axis=1)
    if not finite.all():
        raise ValueError(f"Embeddings must be finite. Received: NaN or infinity for image {finite.argmin()}.")
    return embeddings


def _checked_runs(runs):
    """Support and queries as float32 `(runs, n, ...)`, answers as integers `(runs, trials)`."""
    halves = []
    for name in ("support", "queries"):
        images = check_images(getattr(runs, name), name=name)
        halves.append(images.astype("float32") / 255 if images.dtype == np.uint8 else images)
    (support, queries), answers = halves, np.asarray(runs.answers)
    runs_and_images = [(half.shape[:1], half.shape[2:]) for half in halves if half.ndim >= 3]
    if runs_and_images != [(answers.shape[:1], support.shape[2:])] * 2 or answers.shape != queries.shape[:2]:
        raise ValueError(
            "Runs have a support (runs, way, ...), queries (runs, trials, ...) and answers (runs, trials). "
            f"Received: {support.shape}, {queries.shape} and {answers.shape}."
        )
    if answers.dtype.kind not in "iu" or answers.min() < 0 or answers.max() >= support.shape[1]:
        raise ValueError(
            f"Answers are whole numbers of the support, from 0 to {support.shape[1] - 1}. "
            f"Received: {answers.dtype}, from {answers.min()} to {answers.max()}."
        )
    if runs.alphabets is not None and len(runs.alphabets) != len(support):
        raise ValueError(f"Every run has one alphabet. Received: {len(support)} runs, {len(runs.alphabets)} alphabets.")
    return support, queries, answers


def _drawn(table, way, shot, query, episodes, seed):
    """Pairs of indices `(way, shot)` and `(way, query)`, one for each episode."""
    import tensorflow as tf

    steps = tf.data.Dataset.range(episodes)
    drawn = steps.map(lambda step: sampling.episode_indices(table, way, shot, query, seed, step), tf.data.AUTOTUNE)
    return drawn.as_numpy_iterator()


def _interval(values):
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return max(float(values.mean() - half), 0.0), min(float(values.mean() + half), 1.0)


def _by_prototype(measure):
    def tell(support, asked):
        return measure(_flat(asked), support.mean(axis=1)).argmin(axis=1)

    return tell


def _by_nearest(measure):
    def tell(support, asked):
        found = measure(_flat(asked), _flat(support))
        return found.reshape(len(found), *support.shape[:2]).min(axis=2).argmin(axis=1)

    return tell


def _flat(embeddings):
    return embeddings.reshape(-1, embeddings.shape[-1])


METHODS = {
    "classifier": adapting.by_classifier,
    "fine_tuned": adapting.by_fine_tuning,
    "nearest": _by_nearest,
    "prototype": _by_prototype,
}
