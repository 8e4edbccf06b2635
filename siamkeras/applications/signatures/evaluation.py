"""Evaluation of signature verification: trials against genuine signatures or enrolled references."""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from keras import ops

from siamkeras._validation import (
    check_choice,
    check_embeddings,
    check_integer,
    check_labels,
    check_number,
    check_seed,
)
from siamkeras.applications.signatures.examples import check_signatures
from siamkeras.distances import pairwise
from siamkeras.evaluation import _roc, verification_from_distances
from siamkeras.evaluation._bootstrap import percentile_intervals, resample_counts

FORGERIES = ("random", "skilled")
FUSIONS = {"mean": np.mean, "min": np.min}


class Trials(NamedTuple):
    """Comparisons of a questioned signature with genuine signatures of a writer.

    A skilled forgery imitates the writer. A random forgery is a genuine signature of another writer.

    Attributes:
        distances: `(n,)`, small = similar.
        kinds: `(n,)`, "genuine", "random" or "skilled": the kind of the questioned signature.
        writers: `(n,)`: the claimed writer.
        authors: `(n,)`: the label of the questioned signature; differs from `writers` for random forgeries.
    """

    distances: np.ndarray
    kinds: np.ndarray
    writers: np.ndarray
    authors: np.ndarray

    def __repr__(self):
        counts = [f"{np.sum(self.kinds == kind):,} {kind}" for kind in ("genuine", *FORGERIES)]
        return f"{len(self.kinds):,} trials of {len(np.unique(self.writers))} writers: {', '.join(counts)}"

    @staticmethod
    def concatenate(parts):
        """The trials of several folds as one `Trials`."""
        return Trials(*(np.concatenate(values) for values in zip(*parts, strict=True)))

    def take(self, indices):
        """The trials at `indices` (integers or a boolean mask)."""
        return Trials(*(values[indices] for values in self))

    def verification(self, forgeries="random", threshold=None, **options):
        """Evaluates the genuine trials against one kind of forgery.

        Args:
            forgeries: "random" or "skilled".
            threshold: As for `evaluation.verification_from_distances`.
            **options: `far`, `resamples`, `seed`, `clusters` of that function; the default clusters are both writers.

        Returns:
            The report of `evaluation.verification`. Its intervals resample whole writers; a random forgery counts as
            often as the product of the counts of its two writers.
        """
        trials, clusters = self._select(forgeries)
        same = trials.kinds == "genuine"
        return verification_from_distances(trials.distances, same, threshold, **{"clusters": clusters, **options})

    def _select(self, forgeries):
        """The genuine trials and those of one kind of forgery, and the two writers of each, `(n, 2)`."""
        check_choice("forgeries", forgeries, FORGERIES)
        trials = self.take(np.isin(self.kinds, ["genuine", forgeries]))
        return trials, np.stack([trials.writers, trials.authors], axis=1)


class Difference(NamedTuple):
    """A difference of equal error rates with its 95 % interval over writers."""

    eer: float
    interval: tuple

    def __repr__(self):
        low, high = (f"{100 * end:+.1f}" for end in self.interval)
        return f"EER {100 * self.eer:+.1f} points [{low}, {high}]"


def eer_difference(first, second, forgeries="random", resamples=1000, seed=0):
    """The equal error rate of `first` minus that of `second`, with a paired bootstrap interval over writers.

    Args:
        first, second: `Trials` of the same signatures in the same order, from two embeddings.
        forgeries: "random" or "skilled".
        resamples: Number of bootstrap resamples of the writers.
        seed: Integer seed of the bootstrap.

    Returns:
        `Difference` with `eer` and `interval`; `eer` is negative if `first` is better.
    """
    if not all(np.array_equal(values, others) for values, others in zip(first[1:], second[1:], strict=True)):
        raise ValueError(f"Both must contain the same trials in the same order. Received: {first} and {second}.")
    check_integer("resamples", resamples, 1)
    reports = [trials.verification(forgeries, resamples=0) for trials in (first, second)]
    curves = [_roc.Curve(report.distances, report.same) for report in reports]
    clusters, blocks = first._select(forgeries)[1], []
    for counts in resample_counts(len(clusters), resamples, seed, clusters):
        first_eer, second_eer = (_roc.equal_error_rate(*curve.rates(counts)) for curve in curves)
        blocks.append([first_eer - second_eer])
    (interval,) = percentile_intervals(blocks, "genuine trials or no forgeries")
    return Difference(reports[0].eer - reports[1].eer, interval)


def pair_trials(embeddings, signatures):
    """Trials of all pairs of a genuine signature with a genuine signature or a skilled forgery of it.

    Args:
        embeddings: `(n, dim)`, one for each signature.
        signatures: `Signatures`, or an object with `labels` and `genuine`.

    Returns:
        `Trials`.
    """
    distances, labels, genuine = _pairwise_distances(embeddings, signatures, 2)
    left, right = np.triu_indices(len(labels), 1)
    both_genuine, same_writer = genuine[left] & genuine[right], labels[left] == labels[right]
    kinds = np.where(same_writer, np.where(both_genuine, "genuine", "skilled"), "random")
    is_trial = both_genuine | (same_writer & (genuine[left] | genuine[right]))
    return Trials(distances[left, right], kinds, labels[left], labels[right]).take(is_trial)


def reference_trials(
    embeddings, signatures, references=3, fusion="mean", writer_dependent=False, selections=10, seed=0
):
    """Trials of enrolment: every writer enrols with references, and the other signatures are compared with them.

    These are the remaining genuine signatures of the writer, the skilled forgeries, and the genuine signatures of all
    other writers.

    Args:
        embeddings, signatures: As for `pair_trials`.
        references: Number of references of each writer.
        fusion: How the distances to the references are combined: "mean" or "min".
        writer_dependent: Weight, from 0 to 1, of the mean distance among the references, at least two, that is
            subtracted: a threshold on the difference is a writer-dependent threshold on the distance. False is 0, True
            is 1. The spread of a few references is a noisy estimate, so weights between can be better.
        selections: Largest number of random selections of references of each writer.
        seed: Integer seed of the selections.

    Returns:
        `Trials`.

    Raises:
        ValueError: a writer with no genuine signature left for the trials.

    >>> import numpy as np
    >>> from siamkeras.applications import signatures
    >>> labels, genuine = np.repeat([0, 1], 4), np.array([True, True, True, False] * 2)
    >>> few = signatures.Signatures(np.zeros((8, 2, 2, 1), "float32"), labels, genuine, groups=labels)
    >>> embeddings = np.array([[0.0], [1], [3], [6], [20], [22], [21], [25]])
    >>> trials = signatures.reference_trials(embeddings, few, references=2, writer_dependent=True)
    >>> trials.distances[0].item()  # the mean distance of 3 to the references 0 and 1, minus the distance of these
    1.5
    """
    weight = check_number("writer_dependent", float(writer_dependent), minimum=0, maximum=1)
    check_integer("references", references, 2 if weight else 1)
    check_integer("selections", selections, 1)
    fuse = FUSIONS[check_choice("fusion", fusion, FUSIONS)]
    distances, labels, genuine = _pairwise_distances(embeddings, signatures, references + 1)
    rng, parts = check_seed(seed), []
    for writer in np.unique(labels):
        is_writer = labels == writer
        own, skilled, random = map(np.flatnonzero, (genuine & is_writer, ~genuine & is_writer, genuine & ~is_writer))
        for selected in _select_references(own, references, selections, rng):
            remaining = np.setdiff1d(own, selected)
            questioned = np.concatenate([remaining, skilled, random])
            kinds = np.repeat(["genuine", "skilled", "random"], [len(remaining), len(skilled), len(random)])
            fused = fuse(distances[np.ix_(selected, questioned)], axis=0)
            if weight:
                fused = fused - weight * np.mean([distances[pair] for pair in combinations(selected, 2)])
            parts.append(Trials(fused, kinds, np.full(len(kinds), writer), labels[questioned]))
    return Trials.concatenate(parts)


def _select_references(genuine, references, selections, rng):
    """At most `selections` sets of references: distinct sets where all can be listed."""
    if len(genuine) > 10:
        return [rng.choice(genuine, references, replace=False).tolist() for _ in range(selections)]
    sets = list(combinations(genuine.tolist(), references))
    if len(sets) <= selections:
        return sets
    return [sets[index] for index in rng.permutation(len(sets))[:selections]]


def _pairwise_distances(embeddings, signatures, minimum_genuine):
    """Distances of all embeddings `(n, n)`, labels and genuine `(n,)`."""
    if not (hasattr(signatures, "labels") and hasattr(signatures, "genuine")):
        raise ValueError(f"`signatures` must have `labels` and `genuine`. Received: {type(signatures).__name__}.")
    embeddings = check_embeddings(embeddings)
    labels = check_labels(signatures.labels, count=len(embeddings))
    genuine = check_signatures(labels, signatures.genuine, minimum_genuine)
    return ops.convert_to_numpy(pairwise(embeddings, embeddings)), labels, genuine
