"""Few-shot classification: accuracy over many episodes of new classes."""

from typing import NamedTuple

import numpy as np

from siamkeras import models, retrieval
from siamkeras._validation import check_choice, check_embeddings, check_integer, check_labels
from siamkeras.evaluation import _classifiers, _tables
from siamkeras.evaluation._distances import tower_and_distance
from siamkeras.generators import _sampling as sampling


@_tables.as_table
class FewShot(NamedTuple):
    """The result of `few_shot_from_embeddings`, which documents it."""

    accuracy: float
    within: float | None
    interval: dict
    per_episode: dict
    way: int
    shot: int
    query: int
    method: str

    def columns(self):
        """One row of `evaluation.table`, `{heading: text}`."""
        cells = {"task": f"{self.way}-way {self.shot}-shot", "by": self.method.replace("_", " ")}
        for name, heading in (("within", "within group"), ("accuracy", "over all classes")):
            if name in self.per_episode:
                cells[heading] = f"{getattr(self, name):.1%}{_tables.interval(self, name, 100, 1)}"
        return cells | {"episodes": f"{len(self.per_episode['accuracy']):,}"}


def few_shot(model, images, labels, groups=None, scale=True, **options):
    """Evaluates few-shot classification of a model on images of new classes. Every image is embedded once.

    Args:
        model: A tower, or a model of `models` made from one. Of a verifier only `method="nearest"` is defined.
        images: `(n, ...)`.
        labels, groups: As for `few_shot_from_embeddings`.
        scale: As for `retrieval.embed`.
        **options: As for `few_shot_from_embeddings`. The default distance is the one of the model.

    Returns:
        As `few_shot_from_embeddings`.
    """
    tower, distance = tower_and_distance(model)
    method = options.get("method", "prototype")
    if models._verifier_head(model) is not None and method != "nearest":
        raise ValueError(f'A verifier compares pairs; use method="nearest". Received: method={method!r}.')
    if method in ("prototype", "nearest"):
        options["method_options"] = {"distance": distance} | (options.get("method_options") or {})
    return few_shot_from_embeddings(retrieval.embed(tower, images, scale=scale), labels, groups, **options)


def few_shot_from_embeddings(
    embeddings,
    labels,
    groups=None,
    way=5,
    shot=1,
    query=5,
    episodes=1000,
    method="prototype",
    method_options=None,
    seed=0,
):
    """Evaluates few-shot classification on the episodes that `generators.episodes` samples.

    | `method` | a query is assigned to | `method_options` |
    |---|---|---|
    | `"prototype"` | the nearest mean embedding of a class (Snell et al., 2017) | `distance` ("cosine") |
    | `"nearest"` | the class of the nearest support example | `distance` ("cosine") |
    | `"classifier"` | the class by logistic regression on the support (Tian et al., 2020) | `C` (10) |
    | `"fine_tuned"` | the class by a cosine softmax, initialised with the prototypes and trained on the support with |
    |  | `losses.FineTuningLoss` (Dhillon et al., 2020); transductive if `entropy` is above 0 | `steps` (30), |
    |  |  | `learning_rate` (0.01), `entropy` (0.1), `scale` (20) |

    Args:
        embeddings: `(n, dim)`, for example from `retrieval.embed`.
        labels: `(n,)` integers or strings.
        groups: `(n,)`, such as alphabets: evaluates also episodes within one group each.
        way: Classes per episode.
        shot: Support examples per class.
        query: Query examples per class.
        episodes: Number of episodes, at least 2.
        method: A name in the table.
        method_options: A dict with options of the method.
        seed: Integer; the same seed gives the same episodes.

    Returns:
        `FewShot`, a named tuple of

        - `accuracy`: Fraction of correct predictions, mean over episodes of any classes.
        - `within`: The same over episodes within one group each (harder); None without groups.
        - `interval`: `{"accuracy": (low, high), "within": (low, high)}`, 95 % by Student's t over episodes, for the
          choice of episodes from these images, not for the choice of classes.
        - `per_episode`: `{"accuracy": (episodes,), "within": (episodes,)}`.
        - `way`, `shot`, `query`, `method`: As passed.

    Raises:
        ValueError: fewer than `way` classes (in a group); a class with fewer than `shot + query` examples.

    >>> import numpy as np
    >>> from siamkeras import evaluation
    >>> embeddings, labels = np.repeat(np.eye(3), 4, axis=0), np.repeat([7, 3, 9], 4)
    >>> evaluation.few_shot_from_embeddings(embeddings, labels, way=3, query=2, episodes=10).accuracy
    1.0

    References: https://arxiv.org/abs/1703.05175, https://arxiv.org/abs/2003.11539, https://arxiv.org/abs/1909.02729
    """
    embeddings = check_embeddings(embeddings)
    labels = check_labels(labels, count=len(embeddings))
    episodes, seed = check_integer("episodes", episodes, 2), check_integer("seed", seed)
    check_choice("method", method, _classifiers.METHODS)
    predict = _classifiers.METHODS[method](**method_options or {})
    protocols = {"accuracy": None} if groups is None else {"accuracy": None, "within": groups}
    tables = {name: sampling.episode_table(labels, of, way, shot, query) for name, of in protocols.items()}
    per_episode = {name: _accuracies(predict, embeddings, *table, episodes, seed) for name, table in tables.items()}
    mean = {name: float(values.mean()) for name, values in per_episode.items()}
    interval = {name: _t_interval(values) for name, values in per_episode.items()}
    return FewShot(mean["accuracy"], mean.get("within"), interval, per_episode, way, shot, query, method)


def _accuracies(predict, embeddings, table, way, shot, query, episodes, seed):
    """Fraction of correct predictions in each episode, `(episodes,)`."""
    import tensorflow as tf

    def indices(step):
        return sampling.episode_indices(table, way, shot, query, seed, step)

    classes = np.repeat(np.arange(way), query)
    stream = tf.data.Dataset.range(episodes).map(indices, tf.data.AUTOTUNE).as_numpy_iterator()
    return np.array(
        [np.mean(predict(embeddings[support], embeddings[queries.ravel()]) == classes) for support, queries in stream]
    )


def _t_interval(values):
    """95 % interval of the mean of fractions by Student's t, clipped to [0, 1]."""
    from scipy.stats import t

    half = t.ppf(0.975, len(values) - 1) * values.std(ddof=1) / np.sqrt(len(values))
    return max(float(values.mean() - half), 0.0), min(float(values.mean() + half), 1.0)
