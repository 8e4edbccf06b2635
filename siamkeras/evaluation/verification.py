"""Verification: do two inputs belong to the same class?"""

import math
import warnings
from typing import NamedTuple

import numpy as np
from keras import ops

from siamkeras import distances as distance_functions
from siamkeras._validation import check_embeddings, check_labels, check_number, check_sentences
from siamkeras.evaluation import _roc, _tables
from siamkeras.evaluation._bootstrap import percentile_intervals, resample_counts
from siamkeras.evaluation._distances import check_distances, pair_distance, pair_inputs
from siamkeras.generators import all_pairs

# A true accept rate at a FAR with fewer false accepts than this is mostly chance.
FEWEST_FALSE_ACCEPTS = 10


@_tables.as_table
class Verification(NamedTuple):
    """The result of `verification`, which documents it."""

    auc: float
    eer: float
    threshold: float
    accuracy: float
    far: float
    frr: float
    tar_at_far: dict
    interval: dict
    false_accept_rate: np.ndarray
    true_accept_rate: np.ndarray
    thresholds: np.ndarray
    distances: np.ndarray
    same: np.ndarray
    threshold_source: str

    def columns(self):
        """One row of `evaluation.table`, `{heading: text}`."""
        rates = {
            f"TAR at {100 * far:.3g} % FAR": "too few" if np.isnan(tar) else f"{tar:.1%}"
            for far, tar in sorted(self.tar_at_far.items())
        }
        smallest = dict(list(rates.items())[:1])
        return {
            "AUC": f"{self.auc:.3f}{_tables.interval(self, 'auc', 1, 3)}",
            "EER": f"{self.eer:.1%}{_tables.interval(self, 'eer', 100, 1)}",
            **smallest,
            "threshold": f"{self.threshold:.3f}{' given' if self.threshold_source == 'given' else ''}",
            "FAR / FRR": f"{self.far:.1%} / {self.frr:.1%}",
        }


def verification(model, pairs, threshold=None, similarity=False, scale=True, **options):
    """Evaluates a model that compares pairs on a finite stream of pairs.

    Args:
        model: A `models.siamese`, or any model from `{"left", "right"}` to a distance `(batch,)`; or a
            `models.verifier`, whose distance is -log(probability): log 2 = 0.693 at probability 1/2.
        pairs: A finite stream of `({"left", "right"}, same)`, such as `generators.pairs(..., steps=k)` or
            `generators.from_pairs(..., shuffle=False)`.
        threshold: Pairs with `distance < threshold` are accepted. Choose it on validation pairs:
            `verification(model, validation_pairs).threshold`, or with `threshold_at` or `best_threshold`. None chooses
            the threshold of equal error rate on these pairs, which is optimistic.
        similarity: Whether the model returns similarities, such as the probability of "same" from your own head. The
            distance is then `1 - similarity`, and `threshold` applies to this distance.
        scale: False allows images outside [0, 1], which otherwise cause a warning; see `generators.pairs`.
        **options: `far`, `clusters`, `resamples`, `seed` of `verification_from_distances`.

    Returns:
        `Verification`, displayed as a table with the smallest `far`, a named tuple of

        - `auc`: Area under the ROC curve: probability that a same pair has a smaller distance than a different pair.
        - `eer`: Equal error rate: the error rate at the threshold where FAR = FRR.
        - `threshold`: The decision threshold; `threshold_source` is "given" or, for the threshold of equal error rate,
          "these pairs".
        - `far`, `frr`: False accept and false reject rate at the threshold.
        - `accuracy`: Balanced accuracy at the threshold, `1 - (far + frr) / 2`.
        - `tar_at_far`: `{FAR: TAR}`, the largest true accept rate at a false accept rate of at most `FAR`; NaN if
          `FAR * (number of different pairs)` is below 10.
        - `interval`: `{name: (low, high)}`, bootstrap 95 % intervals of "auc", "eer", "accuracy", "tar_at_0.1" etc.
        - `false_accept_rate`, `true_accept_rate`, `thresholds`: The points of the ROC curve, `(k,)` each.
          At point i the pairs with `distance < thresholds[i]` are accepted; the last threshold is infinity.
        - `distances`, `same`: Distance and label of each pair, in the order of the pairs.
    """
    return verification_from_distances(*pair_distances(model, pairs, similarity, scale), threshold, **options)


def pair_distances(model, pairs, similarity=False, scale=True):
    """Computes the distances of the pairs of a stream, in order. Arguments are those of `verification`.

    Returns:
        Distances `(n,)` and labels `same` `(n,)`.
    """
    if hasattr(pairs, "cardinality") and int(pairs.cardinality()) == -1:
        raise ValueError("This stream never ends. Give it a length: `generators.pairs(..., steps=50)`.")
    distances, labels = [], []
    for batch in pairs:
        inputs, same = (batch, batch.get("same")) if isinstance(batch, dict) else (*batch, None)[:2]
        if not isinstance(inputs, dict) or same is None:
            raise ValueError(
                "`pairs` must be a stream of ({'left', 'right'}, same), or of a dict with all three, such as "
                f"`generators.pairs(..., steps=50)`. Received: {type(pairs).__name__}."
            )
        if any(array.dtype == np.uint8 for array in inputs.values()):
            raise ValueError(
                "The stream must yield float32 images. Received: uint8, which `fit` does not divide by 255. Convert "
                "them to float32, and divide by 255 unless the tower does."
            )
        distances.append(pair_distance(model, inputs, similarity, scale))
        labels.append(np.asarray(same).reshape(-1))
    if not distances:
        raise ValueError("The stream is empty.")
    return np.concatenate(distances), np.concatenate(labels)


def verification_from_distances(
    distances, same, threshold=None, *, far=(0.1, 0.01), clusters=None, resamples=1000, seed=0
):
    """Computes ROC, AUC, equal error rate and decision errors of distances.

    Intervals are percentile bootstrap intervals over pairs, with same and different pairs resampled separately. Pairs
    that share a class or person are not independent: with `clusters` whole clusters are resampled, which gives wider
    intervals that hold for new clusters.

    Args:
        distances: `(n,)`, small = similar.
        same: `(n,)`, 1 = same, 0 = different; values in between count as same from 0.5 upwards.
        threshold: As for `verification`.
        far: False accept rates in (0, 1] at which the true accept rate is reported.
        clusters: `(n,)`: the cluster of each pair, such as its class. Or `(n, 2)`: the clusters of its two sides, such
            as two people. In a resample that contains these people a and b times, the pair counts a * b times, or a
            times if both sides are the same person. None resamples single pairs.
        resamples: Number of bootstrap resamples; 0 for no intervals.
        seed: Integer seed of the bootstrap.

    Returns:
        As `verification`.

    Raises:
        ValueError: different numbers of distances and labels; distances that are not finite; only same or only
            different pairs; fewer than two clusters; too many resamples without same or without different pairs.

    >>> from siamkeras import evaluation
    >>> report = evaluation.verification_from_distances([0.1, 0.2, 0.6, 0.5, 0.8, 0.9], [1, 1, 1, 0, 0, 0])
    >>> round(report.auc, 3)  # 8 of the 9 combinations of a same and a different pair are in order
    0.889

    Reference: https://doi.org/10.1016/j.patrec.2005.10.010 (Fawcett, 2006)
    """
    distances, same = check_distances(distances, same)
    same = same >= 0.5
    if same.all() or not same.any():
        raise ValueError(f"Both same and different pairs are needed. Received: {same.sum()} same of {len(same)}.")
    far = [check_number("far", limit, above=0, maximum=1) for limit in far]
    curve = _roc.Curve(distances, same)
    rates = curve.rates(np.ones((1, len(distances))))
    source = "these pairs" if threshold is None else "given"
    threshold = curve.equal_error_threshold(*rates) if threshold is None else check_number("threshold", threshold)
    auc = float(_roc.area_under_curve(*rates)[0])
    deviation = np.sqrt((len(same) + 1) / (12 * same.sum() * (~same).sum()))  # of the AUC of random distances
    if auc < 0.5 - 4 * deviation:
        warnings.warn(
            f"The AUC is {auc:.3f}, below 0.5: same pairs have larger values than different pairs. If the "
            "values are similarities, pass `similarity=True` to `verification`, or `1 - similarity` as the distances.",
            stacklevel=2,
        )
    accepted = distances < threshold
    false_accepts, false_rejects = float(accepted[~same].mean()), float(1 - accepted[same].mean())
    reliable = [limit for limit in far if limit * np.sum(~same) >= FEWEST_FALSE_ACCEPTS]
    counts = resample_counts(len(same), resamples, seed, clusters, strata=same)
    return Verification(
        auc=auc,
        eer=float(_roc.equal_error_rate(*rates)[0]),
        threshold=threshold,
        accuracy=1 - (false_accepts + false_rejects) / 2,
        far=false_accepts,
        frr=false_rejects,
        tar_at_far={x: float(_roc.true_accept_rate(*rates, x)[0]) if x in reliable else float("nan") for x in far},
        interval=_intervals(curve, counts, same, accepted, reliable),
        false_accept_rate=rates[0][0],
        true_accept_rate=rates[1][0],
        thresholds=curve.thresholds,
        distances=distances,
        same=same,
        threshold_source=source,
    )


def _intervals(curve, counts, same, accepted, far):
    """`{name: (low, high)}` of AUC, EER, accuracy and TAR at each FAR over blocks of resample counts."""
    blocks = []
    for weights in counts:
        rates = curve.rates(weights)
        areas, errors = _roc.area_under_curve(*rates), _roc.equal_error_rate(*rates)
        accuracy = _roc.balanced_accuracy(weights, same, accepted)
        blocks.append(np.stack([areas, errors, accuracy, *(_roc.true_accept_rate(*rates, limit) for limit in far)]))
    names = ("auc", "eer", "accuracy", *(f"tar_at_{limit:g}" for limit in far))
    return dict(zip(names, percentile_intervals(blocks, "same or no different pairs"), strict=False))


def verification_from_embeddings(embeddings, labels, threshold=None, distance="euclidean", **options):
    """Evaluates all n (n - 1) / 2 pairs of embeddings; intervals resample classes.

    The distance matrix is in memory, so use it for up to a few thousand embeddings.

    Args:
        embeddings: `(n, dim)`, for example from `retrieval.embed`.
        labels: `(n,)` integers or strings.
        threshold: As for `verification`.
        distance: A name in `distances.DISTANCES`, or a function.
        **options: `far`, `resamples`, `seed` of `verification_from_distances`; and `clusters`, by default both classes
            of each pair. The pairs are those of `generators.all_pairs(labels)`, in its order.

    Returns:
        As `verification`.

    Raises:
        ValueError: embeddings that are not finite; different numbers of labels and embeddings; fewer than about four
            classes, unless `resamples=0`.

    >>> from siamkeras import evaluation
    >>> report = evaluation.verification_from_embeddings([[0, 0], [0, 1], [5, 5], [5, 6]], [7, 7, 3, 3], resamples=0)
    >>> len(report.same), report.auc  # 2 same pairs, 4 different ones
    (6, 1.0)
    """
    embeddings = check_embeddings(embeddings)
    labels = check_labels(labels, count=len(embeddings))
    left, right, same = all_pairs(labels)
    distances = ops.convert_to_numpy(distance_functions.pairwise(embeddings, embeddings, distance))[left, right]
    options = {"clusters": np.stack([labels[left], labels[right]], axis=1)} | options
    return verification_from_distances(distances, same, threshold, **options)


def threshold_at(report, far=0.01):
    """Finds the decision threshold with the largest true accept rate at a false accept rate of at most `far`.

    Args:
        report: `Verification` of validation pairs, from `verification` or its variants.
        far: False accept rate, above 0 and below 1.

    Returns:
        A float for the decision `distance < threshold`, halfway between the last accepted distance and the next.

    Raises:
        ValueError: `far * (number of different pairs)` is below 10.

    >>> from siamkeras import evaluation
    >>> report = evaluation.verification_from_distances([1, 4, 50] + [*range(5, 105)], [1] * 3 + [0] * 100)
    >>> evaluation.threshold_at(report, far=0.1)  # 4 is accepted, 5 is not
    4.5
    """
    far = check_number("far", far, above=0, below=1)
    different = int(np.sum(~report.same))
    if far * different < FEWEST_FALSE_ACCEPTS:
        raise ValueError(
            f"A threshold at far={far:g} needs at least {math.ceil(FEWEST_FALSE_ACCEPTS / far):,} different pairs. "
            f"Received: {different:,}. Use more pairs or a larger `far`."
        )
    rates = _roc.rates_within(report.false_accept_rate, report.true_accept_rate, far)
    return _roc.decision_threshold(report.thresholds, np.argmax(rates))


def best_threshold(report):
    """Finds the decision threshold with the highest balanced accuracy, `1 - (far + frr) / 2`; see `threshold_at`.

    >>> from siamkeras import evaluation
    >>> report = evaluation.verification_from_distances([1, 2, 3, 10, 5, 7, 8, 9], [1, 1, 1, 1, 0, 0, 0, 0])
    >>> evaluation.best_threshold(report)  # 3 of 4 same pairs are accepted and all different pairs rejected
    4.0
    """
    balanced = report.true_accept_rate - report.false_accept_rate
    return _roc.decision_threshold(report.thresholds, np.argmax(balanced))


class Comparison(NamedTuple):
    """The result of `compare`, which documents it."""

    distance: np.ndarray
    score: np.ndarray
    same: np.ndarray | None

    def __repr__(self):
        decisions = [""] * 10 if self.same is None else [": same" if same else ": different" for same in self.same]
        lines = [f"distance {x:.3f}{decision}" for x, decision in zip(self.distance[:10], decisions, strict=False)]
        return "\n".join(lines + ([f"and {len(self.distance) - 10} more"] if len(self.distance) > 10 else []))


def compare(model, left, right, threshold=None, similarity=False, scale=True, load=None):
    """Compares new inputs: distance, score and, with a threshold, the decision "same" for `distance < threshold`.

    Args:
        model: As for `verification`.
        left: One input, or `(n, ...)`; images are float32 in [0, 1] or uint8 in 0-255, or file paths with `load`.
        right: The same number of inputs: `right[i]` is compared with `left[i]`. A single input on either side is
            compared with each input on the other.
        threshold: Decision threshold from `verification` on validation pairs; None for no decision.
        similarity: As for `verification`.
        scale: Whether uint8 images are divided by 255, see `generators.pairs`.
        load: Function that reads a file, such as `data.load_image(size)`.

    Returns:
        `Comparison`, a named tuple of `distance`; `score`, the negative distance, for tools that expect large =
        similar; and `same` (booleans, or None), each `(n,)`. One input on each side gives n = 1.

    >>> import numpy as np
    >>> from siamkeras import evaluation, models, towers
    >>> siamese = models.siamese(towers.pixels((2,)))
    >>> evaluation.compare(siamese, np.float32([0, 0]), np.float32([[3, 4], [0, 1]]), threshold=2)
    distance 5.000: different
    distance 1.000: same
    """
    sides = {"left": left, "right": right}
    for (name, side), template in zip(sides.items(), pair_inputs(model), strict=False):
        if load is not None:
            side = np.stack([load(path) for path in np.atleast_1d(np.asarray(side, object))])
        elif template.dtype == "string":
            side = check_sentences([side] if isinstance(side, str) else side, name)
        side = np.asarray(side)
        sides[name] = side[None] if side.ndim == len(template.shape) - 1 else side
    left, right = sides.values()
    threshold = None if threshold is None else check_number("threshold", threshold)
    count = max(left.shape[:1] + right.shape[:1], default=1)
    left, right = (np.repeat(side, count, axis=0) if side.shape[:1] == (1,) else side for side in (left, right))
    if left.shape[:1] != right.shape[:1] or not left.ndim or not left.size:
        raise ValueError(
            "`left` and `right` must have the same number of inputs, or one of them a single input. "
            f"Received: shapes {left.shape} and {right.shape}."
        )
    starts = range(0, len(left), 256)
    batches = [{"left": left[start : start + 256], "right": right[start : start + 256]} for start in starts]
    distance = np.concatenate([pair_distance(model, batch, similarity, scale) for batch in batches])
    if not np.isfinite(distance).all():
        raise ValueError(f"The model must return finite distances. Received: {distance[~np.isfinite(distance)][0]}.")
    return Comparison(distance, -distance, None if threshold is None else distance.astype("float64") < threshold)
