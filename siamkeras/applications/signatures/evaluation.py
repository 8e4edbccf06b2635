"""Signatures: is this the hand of the writer whose references are known?"""

from itertools import combinations
from typing import NamedTuple

import numpy as np
from keras import ops

from siamkeras import distances
from siamkeras._validation import check_embeddings, check_integer, check_labels, check_seed
from siamkeras.evaluation._bootstrap import percentile_intervals, resample_counts
from siamkeras.evaluation._roc import Curve, equal_error
from siamkeras.evaluation.verification import verification_from_distances

# A skilled forgery imitates the writer; a random forgery is the genuine signature of another writer.
FORGERIES = ("random", "skilled")
COMBINED = {"mean": np.mean, "nearest": np.min}


class Trials(NamedTuple):
    """Comparisons of signatures with writers.

    Attributes:
        distances: `(n,)`, small for alike.
        kinds: `(n,)` strings: "genuine", "random" or "skilled" (a forgery).
        writers: `(n,)`: with whom it is compared.
        authors: `(n,)`: the writer whose genuine signature a random forgery is; otherwise as `writers`.
    """

    distances: np.ndarray
    kinds: np.ndarray
    writers: np.ndarray
    authors: np.ndarray

    def __repr__(self):
        counts = [f"{np.sum(self.kinds == kind):,} {kind}" for kind in ("genuine", *FORGERIES)]
        return f"{len(self.kinds):,} trials of {len(np.unique(self.writers))} writers: {', '.join(counts)}"

    def of(self, chosen):
        """The trials at `chosen` (indices or a boolean mask)."""
        return Trials(*(values[chosen] for values in self))

    def against(self, forgeries="random", threshold=None, far=(0.1, 0.01), resamples=1000, seed=0):
        """What the distances are worth against one kind of forgery.

        Args:
            forgeries: "random" or "skilled".
            threshold: The distance below which a signature is accepted, chosen on other writers; None chooses the one
                of equal error on these trials.
            far: As for `verification_from_distances`.
            resamples: How many times writers are drawn again for the intervals; 0 for no intervals.
            seed: The same seed gives the same intervals.

        Returns:
            `Verification`. Its intervals say what to expect of other writers: whole writers are drawn again with
            replacement, each with all of their trials, and a random forgery counts as often as both of its writers
            were drawn.

        Raises:
            ValueError: an unknown kind; no genuine trials, or none of that kind; too few writers for an interval over
                them, unless `resamples=0`; and as `verification_from_distances`.
        """
        if forgeries not in FORGERIES:
            raise ValueError(f"`forgeries` must be one of {', '.join(map(repr, FORGERIES))}. Received: {forgeries!r}.")
        trials = self.of(np.isin(self.kinds, ["genuine", forgeries]))
        same = trials.kinds == "genuine"
        return verification_from_distances(trials.distances, same, threshold, far, trials.units, resamples, seed)

    @property
    def units(self):
        """Both writers of each trial, `(n, 2)`, on whom it hangs."""
        return np.stack([self.writers, self.authors], axis=1)


class Difference(NamedTuple):
    """By how much one equal error rate differs from another, and the 95 % interval over writers."""

    eer: float
    interval: tuple

    def __repr__(self):
        low, high = (f"{100 * end:+.1f}" for end in self.interval)
        return f"EER {100 * self.eer:+.1f} points [{low}, {high}]"


def eer_difference(one, other, forgeries="random", resamples=1000, seed=0):
    """The equal error rate of `one` less that of `other`, on the same trials of the same writers.

    A writer who is hard for one is mostly hard for the other. Two intervals side by side hold that against both; here
    the same writers are drawn again for both, and the difference is taken each time.

    Args:
        one, other: `Trials` of the same signatures in the same order, by two embeddings.
        forgeries, resamples, seed: As for `Trials.against`.

    Returns:
        `Difference`; below 0 where `one` is better. An interval without 0 says that it is not these writers alone.

    Raises:
        ValueError: trials that are not the same; too few writers for an interval; and as `Trials.against`.
    """
    if len(one.kinds) != len(other.kinds) or any(
        np.any(getattr(one, name) != getattr(other, name)) for name in ("kinds", "writers", "authors")
    ):
        raise ValueError(f"Both must be of the same trials in the same order. Received: {one} and {other}.")
    both = [each.against(forgeries, resamples=0) for each in (one, other)]
    trials = one.of(np.isin(one.kinds, ["genuine", forgeries]))
    curves, found = [Curve(report.distances, report.same) for report in both], []
    check_integer("resamples", resamples, 1)
    for weights in resample_counts(len(trials.kinds), resamples, seed, trials.units):
        rates = [equal_error(*curve.rates(weights)) for curve in curves]
        found.append([rates[0] - rates[1]])
    return Difference(both[0].eer - both[1].eer, percentile_intervals(found, "genuine trials or forgeries")[0])


def joined(several):
    """The trials of several folds as one: each with the embeddings of a tower that has not seen its writers."""
    return Trials(*(np.concatenate(values) for values in zip(*several, strict=True)))


def signature_pairs(embeddings, signatures):
    """Every pair of signatures: of one writer, of a writer and a forgery of that writer, of two writers.

    Args:
        embeddings: `(n, dim)`, of all signatures in their order.
        signatures: `data.Signatures`; only labels and genuine are read.

    Returns:
        `Trials`. Forgeries are compared with genuine signatures only.

    Raises:
        ValueError: another number of embeddings than of signatures; a writer with fewer than two genuine signatures;
            fewer than two writers.

    >>> import numpy as np
    >>> from siamkeras import data, evaluation
    >>> labels, genuine = np.repeat([0, 1], 3), np.array([True, True, False] * 2)
    >>> few = data.Signatures(np.zeros((6, 2, 2, 1), "float32"), labels, genuine, groups=labels)
    >>> evaluation.signature_pairs(np.array([[0.0], [1], [3], [6], [8], [5]]), few)
    10 trials of 2 writers: 2 genuine, 4 random, 4 skilled
    """
    distance, labels, genuine = _checked(embeddings, signatures, least=2)
    one, other = np.triu_indices(len(labels), 1)
    is_genuine, is_own = genuine[one] & genuine[other], labels[one] == labels[other]
    kinds = np.where(is_own, np.where(is_genuine, "genuine", "skilled"), "random")
    chosen = is_genuine | (is_own & (genuine[one] | genuine[other]))
    one, other = one[chosen], other[chosen]
    return Trials(distance[one, other], kinds[chosen], labels[one], labels[other])


def enrolled(embeddings, signatures, references=3, combine="mean", own_threshold=False, choices=10, seed=0):
    """Every writer enrols with a few references, and every other signature is compared with these.

    Args:
        embeddings, signatures: As for `signature_pairs`.
        references: How many genuine signatures each writer gives; the others, all forgeries of the writer and all
            genuine signatures of other writers are then questioned.
        combine: What a questioned signature is told by: its "mean" distance to the references, or that to the
            "nearest".
        own_threshold: Whether each writer gets a threshold of their own: the mean distance among the references is
            subtracted, so that 0 is as far as the references are from each other. One threshold for these differences
            is another distance for each writer. Needs two references or more.
        choices: How many different choices of references each writer is measured with, at most.
        seed: Decides which, where there are more.

    Returns:
        `Trials`.

    Raises:
        ValueError: numbers out of range; unknown `combine`; a writer with no genuine signature beyond the references;
            and as `signature_pairs`.

    >>> import numpy as np
    >>> from siamkeras import data, evaluation
    >>> labels, genuine = np.repeat([0, 1], 4), np.array([True, True, True, False] * 2)
    >>> few = data.Signatures(np.zeros((8, 2, 2, 1), "float32"), labels, genuine, groups=labels)
    >>> points = np.array([[0.0], [1], [3], [6], [20], [22], [21], [25]])
    >>> found = evaluation.enrolled(points, few, references=2, own_threshold=True)
    >>> found.distances[found.kinds == "genuine"].round(3).tolist()  # 3 is 2.5 from 0 and 1, which are 1 apart
    [1.5, -1.5, 0.0, -1.0, 0.5, 0.5]
    """
    check_integer("references", references, 2 if own_threshold else 1)
    check_integer("choices", choices, 1)
    if not isinstance(combine, str) or combine not in COMBINED:
        raise ValueError(f"`combine` must be one of {', '.join(map(repr, COMBINED))}. Received: {combine!r}.")
    distance, labels, genuine = _checked(embeddings, signatures, least=references + 1)
    rng, found = check_seed(seed), []
    for writer in np.unique(labels):
        own, is_other = np.flatnonzero(genuine & (labels == writer)), genuine & (labels != writer)
        asked = {"skilled": np.flatnonzero(~genuine & (labels == writer)), "random": np.flatnonzero(is_other)}
        for chosen in _choices(own, references, choices, rng):
            spread = 0.0
            if own_threshold:
                spread = np.mean([distance[pair] for pair in combinations(chosen, 2)])
            for kind, questioned in {"genuine": np.setdiff1d(own, chosen), **asked}.items():
                told = COMBINED[combine](distance[np.ix_(chosen, questioned)], axis=0) - spread
                whose = np.full(len(told), writer)
                authors = labels[questioned] if kind == "random" else whose
                found.append(Trials(told, np.full(len(told), kind), whose, authors))
    return joined(found)


def _choices(own, references, choices, rng):
    every = list(combinations(own.tolist(), references)) if len(own) <= 10 else None
    if every is None:
        return [rng.choice(own, references, replace=False).tolist() for _ in range(choices)]
    if len(every) <= choices:
        return every
    return [every[place] for place in rng.permutation(len(every))[:choices]]


def _checked(embeddings, signatures, least):
    embeddings, labels = check_embeddings(embeddings), check_labels(signatures.labels)
    genuine = np.asarray(signatures.genuine)
    if genuine.dtype != bool or genuine.shape != labels.shape:
        raise ValueError(
            f"`genuine` must be booleans, one for each of {len(labels)} labels: False is a forgery. Received: "
            f"{genuine.dtype}, shape {genuine.shape}."
        )
    if len(embeddings) != len(labels):
        raise ValueError(
            f"Every signature needs one embedding, (n, dim). Received: {len(embeddings)} embeddings, "
            f"{len(labels)} labels."
        )
    writers = np.unique(labels)
    counts = np.array([np.sum(genuine & (labels == writer)) for writer in writers])
    if len(writers) < 2 or counts.min() < least:
        raise ValueError(
            f"At least two writers are needed, with at least {least} genuine signatures each. Received: "
            f"{len(writers)} writers, the fewest signatures {counts.min() if len(counts) else 0}."
        )
    return ops.convert_to_numpy(distances.pairwise(embeddings, embeddings)), labels, genuine
