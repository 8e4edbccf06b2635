"""Tests of the trials of signature verification and of intervals over writers."""

from itertools import combinations

import numpy as np
import pytest

from siamkeras import evaluation
from siamkeras.applications import signatures
from siamkeras.applications.signatures import Signatures, Trials


def example(writers=3, genuine=4, forged=2, seed=0):
    """Signatures and embeddings in the plane: writers far apart, forgeries close to the imitated writer."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.array([70, 30, 11, 5, 90, 8, 61, 12])[:writers], genuine + forged)
    is_genuine = np.tile(np.arange(genuine + forged) < genuine, writers)
    embeddings = np.repeat(rng.normal(0, 3, (writers, 2)), genuine + forged, axis=0)
    embeddings = embeddings + rng.normal(0, 1, embeddings.shape) + 1.5 * ~is_genuine[:, None]
    return embeddings, Signatures(np.zeros((len(labels), 2, 2, 1), "float32"), labels, is_genuine, groups=labels)


def test_pair_trials_are_all_pairs_with_a_genuine_signature():
    """As a plain loop: two forgeries are not compared, nor a forgery with another writer."""
    embeddings, few = example()
    expected = []
    for i, j in combinations(range(len(embeddings)), 2):
        same_writer = few.labels[i] == few.labels[j]
        both_genuine = few.genuine[i] and few.genuine[j]
        if both_genuine or (same_writer and (few.genuine[i] or few.genuine[j])):
            kind = ("genuine" if both_genuine else "skilled") if same_writer else "random"
            distance = np.linalg.norm(embeddings[i] - embeddings[j])
            expected.append((distance, kind, few.labels[i], few.labels[j]))
    trials = signatures.pair_trials(embeddings, few)
    distances, kinds, writers, authors = zip(*expected, strict=True)
    assert np.allclose(trials.distances, distances, atol=1e-3)
    assert trials.kinds.tolist() == list(kinds)
    assert trials.writers.tolist() == list(writers) and trials.authors.tolist() == list(authors)


@pytest.mark.parametrize("writer_dependent", [False, 0.5, True])
@pytest.mark.parametrize("fusion, fuse", [("mean", np.mean), ("min", np.min)])
def test_reference_trials_agree_with_a_loop(fusion, fuse, writer_dependent):
    """Four selections of three of four references: one genuine signature, two skilled, eight random forgeries each."""
    embeddings, few = example()
    expected = []
    for writer in np.unique(few.labels):
        own = np.flatnonzero(few.genuine & (few.labels == writer))
        for selected in combinations(own, 3):
            spread = np.mean([np.linalg.norm(embeddings[i] - embeddings[j]) for i, j in combinations(selected, 2)])
            for index in range(len(embeddings)):
                if index in selected or (not few.genuine[index] and few.labels[index] != writer):
                    continue
                distance = fuse([np.linalg.norm(embeddings[index] - embeddings[reference]) for reference in selected])
                is_writer = few.labels[index] == writer
                kind = ("genuine" if few.genuine[index] else "skilled") if is_writer else "random"
                expected.append((kind, writer, few.labels[index], distance - writer_dependent * spread))
    trials = signatures.reference_trials(embeddings, few, 3, fusion, writer_dependent)
    rows = sorted(zip(trials.kinds, trials.writers, trials.authors, trials.distances, strict=True))
    assert len(rows) == 3 * 4 * 11
    for (*names, distance), (*expected_names, expected_distance) in zip(rows, sorted(expected), strict=True):
        assert names == expected_names and abs(distance - expected_distance) < 2e-3


def test_selections_of_references_are_limited_and_depend_on_the_seed():
    embeddings, few = example(genuine=6)
    first, again, other = (
        signatures.reference_trials(embeddings, few, 3, selections=5, seed=seed) for seed in (1, 1, 2)
    )
    assert np.sum(first.kinds == "genuine") == 3 * 5 * 3
    assert (first.distances == again.distances).all() and (first.distances != other.distances).any()
    many = signatures.reference_trials(*example(genuine=12), 3, selections=4)
    assert np.sum(many.kinds == "genuine") == 3 * 4 * 9


def test_verification_uses_the_genuine_trials_and_one_kind_of_forgery():
    trials = signatures.pair_trials(*example(writers=5))
    for kind in ("random", "skilled"):
        chosen = trials.take((trials.kinds == "genuine") | (trials.kinds == kind))
        expected = evaluation.verification_from_distances(chosen.distances, chosen.kinds == "genuine", resamples=0)
        report = trials.verification(kind, resamples=20)
        assert (report.eer, report.auc, report.threshold) == (expected.eer, expected.auc, expected.threshold)
        assert set(report.interval) >= {"auc", "eer", "accuracy"}
        assert trials.verification(kind, threshold=1.0, resamples=0).threshold == 1.0


def resample(trials, counts):
    """The trials repeated as often as their writer is in the resample; random forgeries as often as both writers."""
    count = dict(zip(np.unique(trials.writers).tolist(), counts.tolist(), strict=True))
    repeats = [
        count[writer] * (1 if writer == author else count[author])
        for writer, author in zip(trials.writers.tolist(), trials.authors.tolist(), strict=True)
    ]
    return Trials(*(np.repeat(values, repeats) for values in trials))


def test_intervals_resample_whole_writers():
    trials = signatures.pair_trials(*example(writers=5))
    eers = []
    for counts in np.random.default_rng(4).multinomial(5, [1 / 5] * 5, 40):
        again = resample(trials, counts)
        if {"random", "genuine"} <= set(again.kinds):
            eers.append(again.verification("random", resamples=0).eer)
    interval = trials.verification("random", resamples=40, seed=4).interval["eer"]
    assert np.allclose(interval, np.percentile(eers, [2.5, 97.5]), atol=1e-9)
    assert trials.verification("random", resamples=40, seed=4, clusters=None).interval["eer"] != interval


def test_repeated_trials_do_not_narrow_the_interval():
    once = signatures.reference_trials(*example(writers=8))
    repeated = Trials.concatenate([once] * 10)
    intervals = [trials.verification("skilled").interval["eer"] for trials in (once, repeated)]
    assert np.allclose(*intervals)


def test_the_interval_of_a_difference_resamples_the_same_writers_for_both():
    """Scaling the distances of random forgeries by 0.4 makes them harder to detect."""
    first = signatures.pair_trials(*example(writers=4))
    second = first._replace(distances=first.distances * np.where(first.kinds == "random", 0.4, 1.0))
    differences = []
    for counts in np.random.default_rng(4).multinomial(4, [1 / 4] * 4, 30):
        both = [resample(trials, counts) for trials in (first, second)]
        if {"random", "genuine"} <= set(both[0].kinds):
            eers = [trials.verification("random", resamples=0).eer for trials in both]
            differences.append(eers[0] - eers[1])
    difference = signatures.eer_difference(first, second, resamples=30, seed=4)
    eers = [trials.verification("random", resamples=0).eer for trials in (first, second)]
    assert difference.eer == eers[0] - eers[1] < 0
    assert np.allclose(difference.interval, np.percentile(differences, [2.5, 97.5]), atol=1e-9)
    assert signatures.eer_difference(first, first, "skilled", resamples=20) == (0, (0, 0))


EMBEDDINGS, FEW = example()
TRIALS = signatures.pair_trials(EMBEDDINGS, FEW)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: signatures.reference_trials(EMBEDDINGS, FEW, 1, writer_dependent=True), "`references` must be"),
        (lambda: signatures.reference_trials(EMBEDDINGS, FEW, 4), r"at least 5 genuine signatures. .*11 \(4\)"),
        (lambda: signatures.pair_trials(FEW, "CEDAR"), "`signatures` must have `labels` .* Received: str"),
        (lambda: signatures.reference_trials(FEW, EMBEDDINGS), "`signatures` must have .* Received: ndarray"),
        (lambda: signatures.pair_trials(EMBEDDINGS[:3], FEW), "`labels` must have one entry for each of the 3"),
        (lambda: signatures.pair_trials(EMBEDDINGS[:6], FEW.take(np.arange(6))), "At least two writers"),
        # The integers 1 and 2 are both true: no forgery would be left.
        (lambda: signatures.pair_trials(EMBEDDINGS, FEW._replace(genuine=2 - FEW.genuine)), "must be booleans"),
        (lambda: TRIALS.take(TRIALS.kinds != "skilled").verification("skilled"), "same and different pairs"),
        (lambda: signatures.eer_difference(TRIALS, TRIALS.take(np.arange(5))), "same trials in the same order"),
        (lambda: signatures.eer_difference(TRIALS, TRIALS._replace(kinds=TRIALS.kinds[::-1])), "in the same order"),
        (lambda: signatures.eer_difference(*[signatures.pair_trials(*example(2))] * 2), "no genuine trials or no"),
    ],
)
def test_invalid_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
