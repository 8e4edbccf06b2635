"""Verification: are these two of the same class?"""

import numbers
from typing import NamedTuple

import numpy as np
from keras import ops

from siamkeras import models
from siamkeras._validation import check_embeddings, check_input_kind, check_integer, check_seed
from siamkeras.distances import pairwise
from siamkeras.evaluation import _tables as tables
from siamkeras.evaluation._roc import (
    Curve,
    area,
    balanced_accuracy,
    equal_error,
    interval_ends,
    resampled,
    true_accepts,
)
from siamkeras.generators._sampling import all_pairs

FALSE_ACCEPT_RATES = (0.1, 0.01)
# A rate that rests on fewer is mostly chance.
FEWEST_FALSE_ACCEPTS = 10


class Verification(NamedTuple):
    """What a network that tells same from different is worth on a set of pairs.

    Attributes:
        auc: Area under the ROC curve: how often a same pair is closer than a different pair (a tie counts half).
        eer: Equal error rate: where as many same pairs are called different as different pairs are called same.
        threshold: The distance below which a pair is called same.
        accuracy: Mean of the shares of same and of different pairs that this threshold decides rightly.
        false_accepts: Share of the different pairs that this threshold calls same (FAR).
        false_rejects: Share of the same pairs that this threshold calls different (FRR).
        tar_at_far: `{FAR: TAR}`: share of same pairs accepted where at most that share of different pairs is; NaN
            where the different pairs are too few for ten false accepts.
        interval: `{name: (low, high)}`, bootstrap 95 % intervals of auc, eer, accuracy, and of the rates in
            `tar_at_far` that are not NaN: `tar_at_0.1` at a FAR of 0.1.
        false_accept_rate: ROC curve, x: from 0 to 1, `(k,)`.
        true_accept_rate: ROC curve, y, `(k,)`.
        thresholds: The distance up to which pairs are accepted at each point of the curve, `(k,)`; the first is below
            all distances.
        distances: `(n,)`, in the order of the pairs.
        same: `(n,)` booleans.
        chosen: Where the threshold comes from: "these pairs" (its rates are then optimistic) or "given".
    """

    auc: float
    eer: float
    threshold: float
    accuracy: float
    false_accepts: float
    false_rejects: float
    tar_at_far: dict
    interval: dict
    false_accept_rate: np.ndarray
    true_accept_rate: np.ndarray
    thresholds: np.ndarray
    distances: np.ndarray
    same: np.ndarray
    chosen: str

    def __repr__(self):
        return tables.table({"": self})

    def columns(self):
        """The line of a table: `{heading: text}`."""
        rates = {
            f"TAR@{100 * far:.3g}%": "too few" if np.isnan(tar) else f"{tar:.1%}"
            for far, tar in self.tar_at_far.items()
        }
        return {
            "AUC": f"{self.auc:.3f}{tables.interval(self, 'auc', 1, 3)}",
            "EER": f"{self.eer:.1%}{tables.interval(self, 'eer', 100, 1)}",
            **rates,
            "threshold": f"{self.threshold:.3f}{' given' if self.chosen == 'given' else ''}",
            "FAR": f"{self.false_accepts:.1%}",
            "FRR": f"{self.false_rejects:.1%}",
            "pairs": f"{len(self.same):,}",
        }


def verification(model, pairs, threshold=None, **options):
    """Measures how well a model of pairs verifies: are these two of the same class?

    Args:
        model: A `models.siamese`, or any model from `{"left", "right"}` to a distance `(batch,)`; or a
            `models.verifier`, whose distance is -log of the probability of "same": log 2 = 0.693 where that is 1/2.
        pairs: A finite stream of `({"left", "right"}, same)`, as `generators.pairs(..., steps=k)` and
            `generators.from_pairs(..., shuffle=False)` give it.
        threshold: The distance below which a pair is called same, chosen beforehand on validation pairs:
            `verification(model, validation_pairs).threshold`. None chooses the one of equal error on these pairs.
        **options: `far`, `units`, `resamples`, `seed` of `verification_from_distances`.

    Returns:
        `Verification`.

    Raises:
        ValueError: an endless stream; a model that gives anything but one distance for each pair; and as
            `verification_from_distances`.
    """
    found, labels = pair_distances(model, pairs)
    return verification_from_distances(found, labels, threshold, **options)


def pair_distances(model, pairs):
    """The model's distance of each pair and its label, in order: `(n,)`, `(n,)`.

    Raises:
        ValueError: an endless stream; no pairs; a model that gives anything but one distance for each pair.
    """
    if hasattr(pairs, "cardinality") and int(pairs.cardinality()) == -1:
        raise ValueError("These pairs never end. Give the stream a length: `generators.pairs(..., steps=50)`.")
    found, labels = [], []
    for batch in pairs:
        inputs, same = (batch, batch.get("same")) if isinstance(batch, dict) else (*batch, None)[:2]
        if not isinstance(inputs, dict) or same is None:
            raise ValueError("A batch must be ({'left', 'right'}, same), or a dict with all three.")
        distance = _distance(model, inputs)
        same = np.asarray(same).reshape(-1)
        if distance.size != same.size:
            raise ValueError(
                f"The model must give one distance for each pair. Received: {same.size} pairs, output {distance.shape}."
            )
        found.append(distance.reshape(-1))
        labels.append(same)
    if not found:
        raise ValueError("There are no pairs to measure.")
    return np.concatenate(found), np.concatenate(labels)


def verification_from_distances(
    distances, same, threshold=None, far=FALSE_ACCEPT_RATES, units=None, resamples=1000, seed=0
):
    """Measures how well distances tell same pairs from different ones.

    Intervals are percentile bootstrap intervals: pairs are drawn again with replacement, same and different pairs
    apart, and every number is computed anew, the equal error rate with its own threshold. Pairs that share a class are
    not independent of each other; with `units` whole units are drawn again, and the interval is the wider, honest one.
    With a unit for the left and one for the right of each pair, such as two people, a pair within a unit counts as
    often as that was drawn, and a pair of two units as often as both were: the product. The intervals then speak of
    other people; with ten or twenty of them they are still a little too narrow (they held the truth in 86 % of
    simulated cases, those over pairs in half of them).

    Args:
        distances: `(n,)`, small for alike; any finite numbers.
        same: `(n,)` 1 = same, 0 = different; a degree of sameness counts as same from 0.5.
        threshold: The distance below which a pair is called same; None chooses the one of equal error on these pairs.
        far: False accept rates at which the true accept rate is told.
        units: `(n,)`, what each pair hangs on, such as the class of its left image; or `(n, 2)`, the unit of its left
            and of its right, such as the two people; or None.
        resamples: How many times pairs are drawn again; 0 for no intervals.
        seed: The same seed gives the same intervals.

    Returns:
        `Verification`.

    Raises:
        ValueError: different lengths; NaN; labels outside [0, 1]; no same or no different pair; far outside (0, 1];
            units too few for an interval over them, or that do not mix same and different pairs.

    >>> import numpy as np
    >>> from siamkeras import evaluation
    >>> report = evaluation.verification_from_distances([0.1, 0.2, 0.6, 0.5, 0.8, 0.9], [1, 1, 1, 0, 0, 0])
    >>> round(report.auc, 3)  # 8 of the 9 pairs of a same and a different pair are in the right order
    0.889

    Reference: https://doi.org/10.1016/j.patrec.2005.10.010 (ROC); Efron and Tibshirani, An Introduction to the
    Bootstrap (1993), chapter 13 (percentile intervals).
    """
    distances, is_same = _checked_pairs(distances, same)
    if not isinstance(far, (list, tuple)) or any(
        isinstance(rate, bool) or not isinstance(rate, numbers.Real) or not 0 < rate <= 1 for rate in far
    ):
        raise ValueError(f"False accept rates lie in (0, 1], one or more. Received: far={far!r}.")
    resamples, rng = check_integer("resamples", resamples, 0), check_seed(seed)
    curve = Curve(distances, is_same)
    rates = curve.rates(np.ones((1, len(distances))))
    eer, at_eer = float(equal_error(*rates)[0]), curve.equal_error_threshold(*rates)
    chosen = "these pairs" if threshold is None else "given"
    threshold = at_eer if threshold is None else _checked_threshold(threshold)
    accepted = distances < threshold
    false_accepts, false_rejects = accepted[~is_same].mean(), 1 - accepted[is_same].mean()
    enough = [rate for rate in far if rate * np.sum(~is_same) >= FEWEST_FALSE_ACCEPTS]
    samples = []
    for weights in resampled(is_same, units, resamples, rng):
        again = curve.rates(weights)
        accepts = [true_accepts(*again, rate) for rate in enough]
        samples.append((area(*again), equal_error(*again), balanced_accuracy(weights, is_same, accepted), *accepts))
    remedy = "Use resamples=0, or units that mix same and different pairs."
    ends = interval_ends(samples, "same or different pairs", units, remedy)
    names = ("auc", "eer", "accuracy", *(f"tar_at_{rate:g}" for rate in enough))
    return Verification(
        auc=float(area(*rates)[0]),
        eer=eer,
        threshold=threshold,
        accuracy=float(1 - (false_accepts + false_rejects) / 2),
        false_accepts=float(false_accepts),
        false_rejects=float(false_rejects),
        tar_at_far={rate: float(true_accepts(*rates, rate)[0]) if rate in enough else float("nan") for rate in far},
        interval=dict(zip(names, map(tuple, ends), strict=False)),
        false_accept_rate=rates[0][0],
        true_accept_rate=rates[1][0],
        thresholds=curve.thresholds,
        distances=distances,
        same=is_same,
        chosen=chosen,
    )


def verification_from_embeddings(embeddings, labels, threshold=None, distance="euclidean", **options):
    """Measures how well embeddings verify, on every pair of them: for sets of up to some thousand examples.

    No pair is drawn, so there is no chance in the numbers; and the intervals are over classes, both of each pair: they
    tell what to expect of other classes. The pairs are those of `all_pairs(labels)`, in its order.

    Args:
        embeddings: `(n, dim)`, as `retrieval.embed` gives them.
        labels: `(n,)` integers or strings, the class of each.
        threshold: As for `verification_from_distances`.
        distance: A name in `distances.DISTANCES`, or a function of the same kind.
        **options: `far`, `resamples`, `seed` of `verification_from_distances`; and `units`, `(n (n - 1) / 2, 2)`, in place of the
            two classes of each pair.

    Returns:
        `Verification`.

    Raises:
        ValueError: embeddings that are not finite numbers `(n, dim)`, one for each label; an unknown distance; two or
            three classes, too few for an interval over them, unless `resamples=0`; and as `verification_from_distances`.

    >>> from siamkeras import evaluation
    >>> report = evaluation.verification_from_embeddings([[0, 0], [0, 1], [5, 5], [5, 6]], [7, 7, 3, 3], resamples=0)
    >>> len(report.same), report.auc  # 2 same pairs, 4 different ones
    (6, 1.0)
    """
    embeddings = check_embeddings(embeddings)
    left, right, same = all_pairs(labels)
    labels = np.asarray(labels)
    if len(labels) != len(embeddings):
        raise ValueError(
            f"Every embedding needs one label. Received: {len(embeddings)} embeddings, {len(labels)} labels."
        )
    found = ops.convert_to_numpy(pairwise(embeddings, embeddings, distance))[left, right]
    options = {"units": np.stack([labels[left], labels[right]], axis=1)} | options
    return verification_from_distances(found, same, threshold, **options)


class Comparison(NamedTuple):
    """What a model says of new pairs: `distance` `(n,)`, `score` = -distance `(n,)`, and `same` `(n,)` or None."""

    distance: np.ndarray
    score: np.ndarray
    same: np.ndarray | None

    def __repr__(self):
        lines = [f"distance {distance:.3f}" for distance in self.distance[:10]]
        if self.same is not None:
            lines = [f"{line}: {'same' if same else 'different'}" for line, same in zip(lines, self.same, strict=False)]
        more = [f"and {len(self.distance) - 10} more"] if len(self.distance) > 10 else []
        return "\n".join(lines + more)


def compare(model, left, right, threshold=None):
    """How alike new inputs are: a distance, a score that is large for alike, and a decision.

    Args:
        model: A `models.siamese`, or any model from `{"left", "right"}` to a distance `(batch,)`; or a
            `models.verifier`, whose distance is as in `verification`.
        left: One input, or `(n, ...)` of them; uint8 is divided by 255, as `generators` do, unless the model takes
            whole numbers there, such as tokens.
        right: As many, of the same shape; `right[i]` is compared with `left[i]`.
        threshold: The distance below which two are called same, from `verification` on validation pairs; None for no
            decision.

    Returns:
        `Comparison`, with arrays `(n,)`; for one input on each side, n = 1.

    Raises:
        ValueError: inputs that do not fit the model, or each other.
    """
    left, right = np.asarray(left), np.asarray(right)
    threshold = None if threshold is None else _checked_threshold(threshold)
    shape = tuple(model.inputs[0].shape[1:])
    if left.ndim == right.ndim == len(shape):
        left, right = left[None], right[None]
    fits = len(left.shape) == len(shape) + 1 and all(
        want in (None, side) for want, side in zip(shape, left.shape[1:], strict=True)
    )
    if left.shape != right.shape or not fits or len(left) == 0:
        raise ValueError(
            f"Expected two inputs of shape {shape}, or as many such on the left as on the right. "
            f"Received: {left.shape} and {right.shape}."
        )
    batches = [{"left": left[at : at + 256], "right": right[at : at + 256]} for at in range(0, len(left), 256)]
    distance = np.concatenate([_distance(model, batch) for batch in batches])
    if distance.shape != (len(left),) or not np.isfinite(distance).all():
        raise ValueError(
            f"The model must give one finite distance for each pair. Received: {len(left)} pairs, output "
            f"{distance.shape}, {np.sum(~np.isfinite(distance))} of them not finite."
        )
    return Comparison(distance, -distance, None if threshold is None else distance < threshold)


def _distance(model, inputs):
    """The model's output for a dict of inputs, as numpy; bytes are divided by 255, as the streams do."""
    if sorted(inputs) != sorted(model.input if isinstance(model.input, dict) else inputs):
        raise ValueError(f"The model takes {sorted(model.input)}. Received: {sorted(inputs)}.")
    ready, named = {}, isinstance(model.input, dict)
    for role, value in inputs.items():
        value = np.asarray(value)
        if named:
            check_input_kind(value, model.input[role].dtype, role)
        is_image = value.dtype == np.uint8 and not (named and "int" in model.input[role].dtype)
        ready[role] = ops.convert_to_tensor(value.astype("float32") / 255 if is_image else value)
    head = models.head_of(model)
    if head is not None:
        logits = head.logits([models.tower_of(model, role)(ready[role], training=False) for role in ("left", "right")])
        # From the logit, in float64: the probability itself rounds to 0 and 1, where all pairs would be equally far.
        return np.logaddexp(0.0, -ops.convert_to_numpy(logits).astype("float64")).reshape(-1)
    found = model(ready, training=False)
    if isinstance(found, (dict, list, tuple)):
        raise ValueError(f"The model must give one distance for each pair. Received: {len(found)} outputs.")
    return ops.convert_to_numpy(found)


def _checked_threshold(threshold):
    if isinstance(threshold, bool) or not isinstance(threshold, numbers.Real) or np.isnan(threshold):
        raise ValueError(f"`threshold` is a distance, a number. Received: {threshold!r}.")
    return float(threshold)


def checked_degrees(distances, same):
    """Distances and labels of any degree as float64, `(n,)` each.

    Raises:
        ValueError: different lengths; distances that are not finite; labels outside [0, 1].
    """
    distances, same = np.asarray(distances, "float64").reshape(-1), np.asarray(same, "float64").reshape(-1)
    if len(distances) != len(same):
        raise ValueError(f"Every pair needs one distance and one label. Received: {len(distances)} and {len(same)}.")
    if not np.isfinite(distances).all():
        raise ValueError(f"Distances must be finite. Received: {distances[~np.isfinite(distances)][0]}.")
    if not ((same >= 0) & (same <= 1)).all():
        raise ValueError("`same` must lie in [0, 1]: 1 = same, 0 = different.")
    return distances, same


def _checked_pairs(distances, same):
    distances, same = checked_degrees(distances, same)
    is_same = same >= 0.5
    if is_same.all() or not is_same.any():
        raise ValueError(f"Both same and different pairs are needed. Received: {is_same.sum()} same of {len(is_same)}.")
    return distances, is_same
