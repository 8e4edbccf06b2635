"""One-shot classification on fixed runs, such as the official twenty of Omniglot."""

from typing import NamedTuple

import numpy as np
from keras import ops

from siamkeras import distances, retrieval
from siamkeras._arrays import to_float
from siamkeras._validation import check_embeddings, check_images
from siamkeras.evaluation import _tables
from siamkeras.evaluation._distances import tower_and_distance


@_tables.as_table
class OneShot(NamedTuple):
    """The result of `one_shot`, which documents it."""

    accuracy: float
    interval: dict
    per_run: np.ndarray
    per_alphabet: dict
    predicted: np.ndarray
    correct: np.ndarray

    def columns(self):
        """One row of `evaluation.table`, `{heading: text}`."""
        return {
            "accuracy": f"{self.accuracy:.1%}{_tables.interval(self, 'accuracy', 100, 1)}",
            "wrong": f"{np.sum(~self.correct)} of {self.correct.size}",
            "worst run": f"{self.per_run.min():.0%}",
        }


def one_shot(model, runs, distance=None, views=1, augment=None, seed=0, scale=True):
    """Evaluates one-shot classification: each query gets the class of the nearest support image.

    A tie between the correct support image and another one counts as wrong.

    Args:
        model: A tower, or a model of `models` made from one.
        runs: Such as `data.omniglot_runs()`.
        distance: A name in `distances.DISTANCES`, or a function; None for that of the model, else cosine.
        views, augment, seed, scale: As for `retrieval.embed`.

    Returns:
        `OneShot`, a named tuple of

        - `accuracy`: Fraction of correct trials.
        - `interval`: `{"accuracy": (low, high)}`, 95 % by Wilson, which assumes independent trials. Those of one run
          share a support: for pixel distances the standard error over the official runs is 1.2 times as large.
        - `per_run`: Accuracy of each run, `(runs,)`.
        - `per_alphabet`: `{alphabet: accuracy}`; empty if the alphabets are unknown.
        - `predicted`: Index of the nearest support image, `(runs, trials)`.
        - `correct`: Booleans, `(runs, trials)`.

    Reference: Lake et al., https://doi.org/10.1126/science.aab3050
    """
    from scipy.stats import binomtest

    tower, distance = tower_and_distance(model, distance)
    support, queries, targets = _check_runs(runs, scale)
    images = np.concatenate([support.reshape(-1, *support.shape[2:]), queries.reshape(-1, *queries.shape[2:])])
    embeddings = check_embeddings(retrieval.embed(tower, images, views=views, augment=augment, seed=seed, scale=scale))
    of_support, of_queries = np.split(embeddings, [support.shape[0] * support.shape[1]])
    of_support, of_queries = of_support.reshape(*support.shape[:2], -1), of_queries.reshape(*targets.shape, -1)
    pairs = zip(of_queries, of_support, strict=True)
    to_support = np.array([ops.convert_to_numpy(distances.pairwise(*pair, distance)) for pair in pairs])
    no_farther = to_support <= np.take_along_axis(to_support, targets[..., None], axis=2)
    correct = np.sum(no_farther, axis=2) == 1  # only the target
    interval = binomtest(int(correct.sum()), correct.size).proportion_ci(method="wilson")
    alphabets = np.array([] if runs.alphabets is None else runs.alphabets)
    return OneShot(
        accuracy=float(correct.mean()),
        interval={"accuracy": (float(interval.low), float(interval.high))},
        per_run=correct.mean(axis=1),
        per_alphabet={name: float(correct[alphabets == name].mean()) for name in dict.fromkeys(alphabets.tolist())},
        predicted=to_support.argmin(axis=2),
        correct=correct,
    )


def _check_runs(runs, scale):
    """Support and queries as float32 `(runs, n, ...)`, targets as integers `(runs, trials)`."""
    support, queries = (
        to_float(check_images(getattr(runs, name), name=name, scale=False), scale) for name in ("support", "queries")
    )
    targets, way = np.asarray(runs.targets), support.shape[1]
    if targets.shape != queries.shape[:2] or not np.isin(targets, np.arange(way)).all():
        raise ValueError(
            f"`targets` must be integers from 0 to {way - 1}, (runs, trials) = {queries.shape[:2]}. "
            f"Received: shape {targets.shape}, values {np.unique(targets)}."
        )
    return support, queries, targets
