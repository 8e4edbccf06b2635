"""Signatures against references: which trials there are, thresholds of one's own, intervals over writers."""

from itertools import combinations

import numpy as np
import pytest

from siamkeras import evaluation
from siamkeras.applications.signatures import Trials
from siamkeras.data import Signatures


def signatures(writers=3, genuine=4, forged=2, seed=0):
    """Points of the plane: writers far from each other, forgeries beside what they imitate."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(np.array([70, 30, 11, 5, 90, 8, 61, 12])[:writers], genuine + forged)
    is_genuine = np.tile(np.arange(genuine + forged) < genuine, writers)
    points = np.repeat(rng.normal(0, 3, (writers, 2)), genuine + forged, axis=0)
    points = points + rng.normal(0, 1, points.shape) + 1.5 * ~is_genuine[:, None]
    return Signatures(np.zeros((len(labels), 2, 2, 1), "float32"), labels, is_genuine, groups=labels), points


def test_every_pair_is_compared_once_with_its_kind():
    """As a plain loop: two forgeries are never compared, nor a forgery with another writer."""
    few, points = signatures()
    wanted = []
    for one, other in combinations(range(len(points)), 2):
        own = few.labels[one] == few.labels[other]
        both = few.genuine[one] and few.genuine[other]
        if both or (own and (few.genuine[one] or few.genuine[other])):
            kind = ("genuine" if both else "skilled") if own else "random"
            wanted.append((np.linalg.norm(points[one] - points[other]), kind, few.labels[one], few.labels[other]))
    found = evaluation.signature_pairs(points, few)
    distances, kinds, writers, authors = zip(*wanted, strict=True)
    assert np.allclose(found.distances, distances, atol=1e-3)
    assert found.kinds.tolist() == list(kinds)
    assert found.writers.tolist() == list(writers) and found.authors.tolist() == list(authors)
    assert repr(found) == "90 trials of 3 writers: 18 genuine, 48 random, 24 skilled"


@pytest.mark.parametrize("own_threshold", [False, True])
@pytest.mark.parametrize("combine, fold", [("mean", np.mean), ("nearest", np.min)])
def test_every_choice_of_references_meets_all_that_is_left(combine, fold, own_threshold):
    """As a plain loop over the four choices of three of four: one genuine, two skilled, eight random forgeries."""
    few, points = signatures()
    wanted = []
    for writer in np.unique(few.labels):
        own = np.flatnonzero(few.genuine & (few.labels == writer))
        for chosen in combinations(own, 3):
            spread = np.mean([np.linalg.norm(points[a] - points[b]) for a, b in combinations(chosen, 2)])
            for at in range(len(points)):
                if at in chosen or (not few.genuine[at] and few.labels[at] != writer):
                    continue
                told = fold([np.linalg.norm(points[at] - points[reference]) for reference in chosen])
                kind = "random" if few.labels[at] != writer else "genuine" if few.genuine[at] else "skilled"
                wanted.append((kind, writer, few.labels[at], round(told - own_threshold * spread, 3)))
    found = evaluation.enrolled(points, few, 3, combine, own_threshold)
    told = [*zip(found.kinds, found.writers, found.authors, found.distances, strict=True)]
    assert len(told) == 3 * 4 * 11
    for (*one, distance), (*other, expected) in zip(sorted(told), sorted(wanted), strict=True):
        assert one == other and abs(distance - expected) < 2e-3


def test_choices_of_references_are_limited_different_and_decided_by_the_seed():
    few, points = signatures(genuine=6)
    one, again, other = (evaluation.enrolled(points, few, 3, choices=5, seed=seed) for seed in (1, 1, 2))
    assert np.sum(one.kinds == "genuine") == 3 * 5 * 3
    assert (one.distances == again.distances).all() and (one.distances != other.distances).any()
    many = signatures(genuine=12)
    assert np.sum(evaluation.enrolled(many[1], many[0], 3, choices=4).kinds == "genuine") == 3 * 4 * 9


def test_a_report_is_that_of_the_genuine_and_one_kind():
    few, points = signatures(writers=5)
    trials = evaluation.signature_pairs(points, few)
    for kind in ("random", "skilled"):
        chosen = (trials.kinds == "genuine") | (trials.kinds == kind)
        plain = evaluation.verification_from_distances(
            trials.distances[chosen], trials.kinds[chosen] == "genuine", resamples=0
        )
        report = trials.against(kind, resamples=20)
        assert (report.eer, report.auc, report.threshold) == (plain.eer, plain.auc, plain.threshold)
        assert set(report.interval) >= {"auc", "eer", "accuracy"}
        assert trials.against(kind, threshold=1.0, resamples=0).chosen == "given"


def test_whole_writers_are_drawn_again():
    """Each resample of five writers by a plain loop: a trial counts as often as its writer was drawn, a random
    forgery as often as both were. The equal error rate of the resample is that of the trials repeated so often."""
    few, points = signatures(writers=5)
    trials = evaluation.signature_pairs(points, few)
    drawn = np.random.default_rng(4).multinomial(5, [1 / 5] * 5, 40)
    names, found = np.unique(few.labels).tolist(), []
    for counts in drawn:
        repeats = [
            counts[names.index(writer)] * (1 if writer == author else counts[names.index(author)])
            for writer, author in zip(trials.writers, trials.authors, strict=True)
        ]
        again = Trials(*(np.repeat(values, repeats) for values in trials))
        if np.sum(again.kinds == "random") and np.sum(again.kinds == "genuine"):
            found.append(again.against("random", resamples=0).eer)
    expected = np.percentile(found, [2.5, 97.5])
    assert np.allclose(trials.against("random", resamples=40, seed=4).interval["eer"], expected, atol=1e-9)


def test_to_repeat_trials_makes_nobody_surer():
    """Ten times the same trials: over writers the interval stays as it is, over trials it would shrink by the square
    root of ten, 3.2."""
    few, points = signatures(writers=8)
    once = evaluation.enrolled(points, few)
    often = evaluation.joined([once] * 10)
    interval = once.against("skilled").interval
    assert np.allclose(interval["eer"], often.against("skilled").interval["eer"])
    widths = []
    for trials in (once, often):
        chosen = np.isin(trials.kinds, ["genuine", "skilled"])
        report = evaluation.verification_from_distances(trials.distances[chosen], trials.kinds[chosen] == "genuine")
        widths.append(np.diff(report.interval["eer"]).item())
    assert widths[0] > 2 * widths[1]


def test_the_difference_is_taken_among_the_same_writers():
    """Random forgeries at 0.4 of their distance are told worse. Resamples by a plain loop, both of the same writers."""
    few, points = signatures(writers=4)
    one = evaluation.signature_pairs(points, few)
    other = one._replace(distances=one.distances * np.where(one.kinds == "random", 0.4, 1.0))
    drawn = np.random.default_rng(4).multinomial(4, [1 / 4] * 4, 30)
    names, found = np.unique(few.labels).tolist(), []
    for counts in drawn:
        repeats = [
            counts[names.index(writer)] * (1 if writer == author else counts[names.index(author)])
            for writer, author in zip(one.writers, one.authors, strict=True)
        ]
        both = [Trials(*(np.repeat(values, repeats) for values in trials)) for trials in (one, other)]
        if np.sum(both[0].kinds == "random") and np.sum(both[0].kinds == "genuine"):
            rates = [trials.against("random", resamples=0).eer for trials in both]
            found.append(rates[0] - rates[1])
    difference = evaluation.eer_difference(one, other, resamples=30, seed=4)
    assert difference.eer == one.against("random", resamples=0).eer - other.against("random", resamples=0).eer < 0
    assert np.allclose(difference.interval, np.percentile(found, [2.5, 97.5]), atol=1e-9)
    assert repr(difference).startswith(f"EER {100 * difference.eer:+.1f} points [")


def test_nothing_differs_from_itself_and_other_trials_are_refused():
    few, points = signatures()
    trials = evaluation.signature_pairs(points, few)
    assert evaluation.eer_difference(trials, trials, "skilled", resamples=20) == (0, (0, 0))
    for other in (trials.of(np.arange(5)), trials._replace(kinds=trials.kinds[::-1])):
        with pytest.raises(ValueError, match="the same trials in the same order"):
            evaluation.eer_difference(trials, other)


def test_genuine_is_nothing_but_booleans():
    """Strings are all true, as are 1 and 2: no forgery would be left."""
    few, points = signatures()
    for genuine in (np.where(few.genuine, "True", "False"), np.where(few.genuine, 1, 2), few.genuine[:3]):
        with pytest.raises(ValueError, match="`genuine` must be booleans, one for each of 18 labels"):
            evaluation.signature_pairs(points, few._replace(genuine=genuine))
    assert repr(few._replace(genuine=few.genuine.astype(int))) == repr(few)


def test_two_writers_are_too_few_for_an_interval_of_a_difference():
    few, points = signatures(writers=2)
    trials = evaluation.signature_pairs(points, few)
    with pytest.raises(ValueError, match="of the resamples lack genuine trials or forgeries: 2 units are too few"):
        evaluation.eer_difference(trials, trials)


def test_folds_are_joined_one_after_the_other():
    (few, points), (more, others) = signatures(2), signatures(3, seed=1)
    one, other = evaluation.signature_pairs(points, few), evaluation.signature_pairs(others, more)
    both = evaluation.joined([one, other])
    assert len(both.kinds) == len(one.kinds) + len(other.kinds)
    assert (both.of(np.arange(len(both.kinds)) >= len(one.kinds)).distances == other.distances).all()


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"references": 0}, "references"),
        ({"references": 1, "own_threshold": True}, "references"),
        ({"references": 4}, "at least 5 genuine signatures each. Received: 3 writers, the fewest signatures 4"),
        ({"combine": "median"}, "'mean', 'nearest'. Received: 'median'"),
        ({"choices": 0}, "choices"),
        ({"combine": ["mean"]}, "'mean', 'nearest'. Received: ..mean"),
        ({"embeddings": np.zeros((3, 2))}, "one embedding"),
        ({"embeddings": np.zeros(18)}, "numbers .n, dim."),
        ({"embeddings": np.full((18, 2), np.nan)}, "finite"),
    ],
)
def test_enrolment_that_cannot_be_is_refused(arguments, message):
    few, points = signatures()
    with pytest.raises(ValueError, match=message):
        evaluation.enrolled(**{"embeddings": points, "signatures": few, **arguments})


def test_pairs_and_reports_that_cannot_be_are_refused():
    few, points = signatures()
    with pytest.raises(ValueError, match="At least two writers"):
        evaluation.signature_pairs(points[:6], few.take(np.arange(6)))
    with pytest.raises(ValueError, match="'random', 'skilled'. Received: 'clever'"):
        evaluation.signature_pairs(points, few).against("clever")
    only = few.take(few.genuine)
    with pytest.raises(ValueError, match="Both same and different pairs"):
        evaluation.signature_pairs(points[few.genuine], only).against("skilled")
