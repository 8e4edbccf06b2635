"""Verification against counting one by one, scikit-learn, and simulations whose truth is known."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops
from sklearn.metrics import roc_auc_score, roc_curve

from siamkeras import distances, evaluation, generators, models, towers

RNG = np.random.default_rng(8)


def drawn(n=400, apart=1.0, rng=RNG):
    """Distances of same pairs around 0 and of different pairs `apart` further, both with deviation 1."""
    same = rng.random(n) < 0.4
    return rng.normal(size=n) + apart * ~same, same


def report_of(*arguments, resamples=0, **options):
    return evaluation.verification_from_distances(*arguments, resamples=resamples, **options)


@pytest.mark.parametrize("digits", [6, 1])
def test_auc_agrees_with_counting_and_with_scikit_learn(digits):
    """Rounded to one digit, many distances are equal."""
    distances, same = drawn()
    distances = distances.round(digits)
    found = report_of(distances, same)
    assert found.auc == pytest.approx(oracles.auc(distances, same))
    assert found.auc == pytest.approx(roc_auc_score(same, -distances))


def test_curve_agrees_with_scikit_learn():
    distances, same = drawn(100)
    distances = distances.round(1)
    far, tar, _ = roc_curve(same, -distances, drop_intermediate=False)
    found = report_of(distances, same)
    np.testing.assert_allclose(found.false_accept_rate, far)
    np.testing.assert_allclose(found.true_accept_rate, tar)


def test_each_point_of_the_curve_is_its_threshold_counted():
    distances, same = drawn(60)
    found = report_of(distances, same)
    for far, tar, threshold in zip(found.false_accept_rate, found.true_accept_rate, found.thresholds, strict=True):
        false_accepts, false_rejects = oracles.rates(distances, same, np.nextafter(threshold, np.inf))
        assert (far, tar) == (pytest.approx(false_accepts), pytest.approx(1 - false_rejects))


def test_a_perfect_and_an_upside_down_comparison():
    """A score of the wrong sign would turn these round."""
    perfect = report_of([0.1, 0.2, 0.8, 0.9], [1, 1, 0, 0])
    assert (perfect.auc, perfect.eer, perfect.accuracy) == (1.0, 0.0, 1.0)
    assert perfect.threshold == pytest.approx(0.5)
    upside_down = report_of([0.1, 0.2, 0.8, 0.9], [0, 0, 1, 1])
    assert (upside_down.auc, upside_down.eer) == (0.0, 1.0)


def test_equal_error_rate_by_hand():
    """Accepting up to 0.5 lets in one of four different pairs and keeps out one of four same ones: 25 %. The threshold
    is halfway to the next distance, 0.6."""
    found = report_of([0.1, 0.2, 0.3, 0.8, 0.5, 0.6, 0.7, 0.9], [1, 1, 1, 1, 0, 0, 0, 0])
    assert found.eer == pytest.approx(0.25)
    assert found.threshold == pytest.approx(0.55)
    assert (found.false_accepts, found.false_rejects) == (0.25, 0.25)
    assert found.accuracy == 0.75


def test_equal_error_rate_lies_on_the_line_between_two_points():
    """One same pair of two and no different pair of one is accepted up to 0.1; all up to 0.5. From (0, 1/2) to (1, 1/2)
    the curve meets FAR = FRR at 1/2."""
    assert report_of([0.1, 0.5, 0.9], [1, 0, 1]).eer == pytest.approx(0.5)


def test_all_distances_alike_tell_nothing():
    found = report_of([0.5] * 4, [1, 1, 0, 0])
    assert (found.auc, found.eer) == (0.5, 0.5)
    assert np.isfinite(found.threshold)


def test_threshold_is_carried_from_validation_to_test():
    validation = report_of(*drawn())
    distances, same = drawn()
    found = report_of(distances, same, validation.threshold)
    assert (validation.chosen, found.chosen) == ("these pairs", "given")
    assert found.threshold == validation.threshold
    assert (found.false_accepts, found.false_rejects) == pytest.approx(
        oracles.rates(distances, same, validation.threshold)
    )
    assert found.eer == report_of(distances, same).eer


def test_true_accepts_at_a_false_accept_rate_by_hand():
    """A hundred different pairs, 1 to 100. At most 10 % of them are ten, so all below 11, three of four same pairs."""
    distances = [0.5, 0.7, 10.5, 11.5, *range(1, 101)]
    found = report_of(distances, [1] * 4 + [0] * 100, far=(0.1, 0.09))
    assert found.tar_at_far[0.1] == 0.75
    assert np.isnan(found.tar_at_far[0.09])  # Nine false accepts are mostly chance.


def test_the_interval_of_a_true_accept_rate_is_that_of_its_resamples():
    """Each resample is written out as the pairs that it drew, and their rate is counted anew."""
    from siamkeras.evaluation import _roc as curve

    rng = np.random.default_rng(6)
    distances, same = drawn(300, rng=rng)
    distances = distances.round(1)
    found = evaluation.verification_from_distances(distances, same, far=(0.2, 0.01), resamples=50)
    rates = []
    for weights in np.concatenate(list(curve.resampled(same, None, 50, np.random.default_rng(0)))):
        again = np.repeat(np.arange(300), weights.astype(int))
        rates.append(report_of(distances[again], same[again], far=(0.2,)).tar_at_far[0.2])
    assert found.interval["tar_at_0.2"] == pytest.approx(np.percentile(rates, [2.5, 97.5]))
    assert set(found.interval) == {"auc", "eer", "accuracy", "tar_at_0.2"}  # 1 % of the different pairs are too few


def test_intervals_cover_the_truth_as_often_as_they_say():
    """Two normal distributions 1 apart: AUC = Phi(1 / sqrt 2) = 0.7602. Of 100 intervals of 95 %, 95 should cover it,
    with a deviation of 2.2; between 86 and 100 is four of them."""
    rng = np.random.default_rng(3)
    covered = 0
    for seed in range(100):
        low, high = evaluation.verification_from_distances(*drawn(300, rng=rng), resamples=200, seed=seed).interval[
            "auc"
        ]
        covered += low <= 0.7602 <= high
    assert 86 <= covered <= 100


def test_intervals_hold_their_estimate_and_repeat_from_a_seed():
    distances, same = drawn()
    one, again, other = (evaluation.verification_from_distances(distances, same, seed=seed) for seed in (1, 1, 2))
    for name in ("auc", "eer", "accuracy"):
        low, high = one.interval[name]
        assert low < getattr(one, name) < high
    assert one.interval == again.interval
    assert one.interval != other.interval


def test_intervals_are_wider_where_pairs_hang_together():
    """Ten units, each of which shifts all of its pairs."""
    rng = np.random.default_rng(5)
    units = np.repeat(np.arange(10) + 40, 60)
    distances, same = drawn(600, rng=rng)
    distances = distances + np.where(same, rng.normal(size=10)[units - 40], 0)

    def width(**options):
        low, high = evaluation.verification_from_distances(distances, same, **options).interval["auc"]
        return high - low

    assert width(units=units) > 1.5 * width()


def test_a_pair_of_two_units_is_drawn_as_often_as_they_meet():
    """By plain loops over the people drawn: each brings the pairs within itself, and each two of them their pairs."""
    from siamkeras.evaluation import _roc as curve

    units = np.array([[7, 7], [3, 3], [7, 3], [3, 9], [9, 9], [9, 7], [3, 7]])
    is_same = units[:, 0] == units[:, 1]
    weights = np.concatenate(list(curve.resampled(is_same, units, 50, np.random.default_rng(0))))
    drawn = np.random.default_rng(0).multinomial(3, np.full(3, 1 / 3), 50)
    for row, counts in zip(weights, drawn, strict=True):
        people = np.repeat([3, 7, 9], counts)
        expected = np.zeros(len(units))
        for place, one in enumerate(people):
            expected += (units == one).all(axis=1)
            for other in people[:place]:
                if one != other:
                    expected += (np.sort(units, axis=1) == sorted((one, other))).all(axis=1)
        assert row.tolist() == expected.tolist()


def test_one_unit_is_the_same_unit_on_both_sides():
    from siamkeras.evaluation import _roc as curve

    units = np.array(["b", "a", "c", "a"])
    one = list(curve.resampled(np.ones(4, bool), units, 9, np.random.default_rng(0)))
    both = list(curve.resampled(np.ones(4, bool), np.stack([units, units], axis=1), 9, np.random.default_rng(0)))
    np.testing.assert_array_equal(one, both)


def test_intervals_over_people_hold_the_truth_nearly_as_often_as_they_say_and_those_over_pairs_do_not():
    """Twenty people, four photos of each; some are hard to recognise, some are taken for others. A distance has
    a share of both people, and noise. The truth is the AUC of 400 people. Of 80 samples the interval over people holds
    it in 67 (95 % would be 76), that over pairs in 34; with two other seeds 68 and 72, and 35 and 44."""

    def everybody(people, photos, rng):
        labels = np.repeat(np.arange(people), photos)
        left, right, same = generators.all_pairs(labels)
        far, alike = rng.normal(size=(2, people))
        own, noise = far[labels[left]] + far[labels[right]], rng.normal(size=len(left))
        distance = np.where(same, 0.7 * alike[labels[left]], 1.5 + 0.4 * own) + 0.7 * noise
        return distance, same, np.stack([labels[left], labels[right]], axis=1)

    rng = np.random.default_rng(1)
    truth = report_of(*everybody(400, 2, rng)[:2]).auc
    held = {"people": 0, "pairs": 0}
    for _ in range(80):
        distance, same, units = everybody(20, 4, rng)
        for name, given in (("people", units), ("pairs", None)):
            low, high = report_of(distance, same, units=given, resamples=100).interval["auc"]
            held[name] += low <= truth <= high
    assert held["people"] >= 60 and held["pairs"] <= 50, held


@pytest.mark.parametrize("name", ["euclidean", "cosine", "manhattan"])
def test_among_embeddings_every_pair_is_measured_once(name):
    """Against the distance of each pair on its own; intervals are those over the two classes of each."""
    rng = np.random.default_rng(2)
    labels = np.array(["b", "a", "b", "c", "a", "c", "d", "e"])
    embeddings = rng.normal(size=(8, 3)).astype("float32")
    found = evaluation.verification_from_embeddings(embeddings, labels, 0.7, name, resamples=200, far=(0.5,))
    left, right, same = generators.all_pairs(labels)
    distance = ops.convert_to_numpy(distances.DISTANCES[name](embeddings[left], embeddings[right]))
    np.testing.assert_allclose(found.distances, distance, atol=1e-5)
    units = np.stack([labels[left], labels[right]], axis=1)
    expected = evaluation.verification_from_distances(found.distances, same, 0.7, (0.5,), units, resamples=200)
    assert (found.auc, found.interval, found.same.tolist()) == (expected.auc, expected.interval, same.tolist())
    assert found.chosen == "given" and len(found.same) == 28


def test_embeddings_that_are_no_embeddings_are_refused():
    with pytest.raises(ValueError, match="one label. Received: 3 embeddings, 2 labels"):
        evaluation.verification_from_embeddings(np.zeros((3, 2)), [1, 1])
    with pytest.raises(ValueError, match=r"`embeddings` must be finite.* Received: nan in row 1"):
        evaluation.verification_from_embeddings([[0, 1], [np.nan, 0]], [1, 1])
    with pytest.raises(ValueError, match="Both same and different pairs are needed. Received: 0 same of 3"):
        evaluation.verification_from_embeddings(np.zeros((3, 2)), [7, 3, 11])


def test_resampling_in_blocks_changes_nothing_but_memory(monkeypatch):
    from siamkeras.evaluation import _roc as curve

    rng = np.random.default_rng(0)
    is_same = np.arange(50) % 2 == 0
    weights = np.concatenate(list(curve.resampled(is_same, None, 40, rng)))
    assert weights.shape == (40, 50)
    assert (weights[:, is_same].sum(axis=1) == 25).all()
    assert (weights[:, ~is_same].sum(axis=1) == 25).all()
    monkeypatch.setattr(curve, "BLOCK", 500)
    blocks = list(curve.resampled(is_same, None, 40, rng))
    assert [len(block) for block in blocks] == [10] * 4


def test_degrees_of_sameness_count_from_a_half():
    found = report_of([0.1, 0.2, 0.8, 0.9], [0.9, 0.5, 0.4, 0.0])
    assert found.same.tolist() == [True, True, False, False]


@pytest.mark.parametrize(
    "arguments, message",
    [
        (([0.1, 0.2], [1]), "one distance and one label. Received: 2 and 1"),
        (([0.1, np.nan], [1, 0]), "Distances must be finite. Received: nan"),
        (([0.1, 0.2], [1, 2]), r"`same` must lie in \[0, 1\]"),
        (([0.1, 0.2], [1, 1]), "Both same and different pairs are needed. Received: 2 same of 2"),
        (([], []), "Both same and different pairs are needed. Received: 0 same of 0"),
    ],
)
def test_pairs_that_cannot_be_measured_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        report_of(*arguments)


def test_options_that_make_no_sense_are_refused():
    with pytest.raises(ValueError, match=r"lie in \(0, 1\], one or more. Received: far=\(0,\)"):
        report_of([0.1, 0.2], [1, 0], far=(0,))
    with pytest.raises(ValueError, match=r"one unit, or one for its left .* Received: 2 pairs, units of shape \(3,\)"):
        report_of([0.1, 0.2], [1, 0], units=[1, 2, 3], resamples=5)
    with pytest.raises(ValueError, match=r"one for its left and one for its right. Received: 2 pairs.*\(2, 3\)"):
        report_of([0.1, 0.2], [1, 0], units=[[1, 2, 3]] * 2, resamples=5)


@pytest.fixture
def siamese():
    return models.siamese(towers.pixels((2,)))


IMAGES = np.float32([[0, 0], [0, 0.1], [5, 5], [5, 5.2], [9, 1], [9, 1.3]])
LABELS = [8, 8, 3, 3, 21, 21]


def test_verification_measures_a_model_on_a_stream(siamese):
    """Images of a class are at most 0.3 apart, classes at least 5."""
    found = evaluation.verification(siamese, generators.pairs(IMAGES, LABELS, batch_size=7, steps=3), resamples=10)
    assert (found.auc, len(found.same), found.same.sum()) == (1.0, 21, 10)
    assert 0.3 < found.threshold < 5


def test_verification_takes_the_pairs_of_an_endpoint_and_of_a_user(siamese):
    endpoint = models.contrastive(towers.pixels((2,)))
    stream = generators.pairs(IMAGES, LABELS, batch_size=7, steps=3, endpoint=True)
    assert evaluation.verification(endpoint, stream, resamples=0).auc == 1.0
    mine = generators.from_pairs(IMAGES[:-1], IMAGES[1:], [1, 0, 1, 0, 1], batch_size=2, shuffle=False)
    found = evaluation.verification(siamese, mine, resamples=0)
    np.testing.assert_allclose(found.distances[:1], [0.1], rtol=1e-5)
    assert found.same.tolist() == [True, False, True, False, True]


def test_streams_and_models_that_cannot_be_measured_are_refused(siamese):
    with pytest.raises(ValueError, match="never end. Give the stream a length"):
        evaluation.verification(siamese, generators.pairs(IMAGES, LABELS))
    with pytest.raises(ValueError, match="no pairs to measure"):
        evaluation.verification(siamese, [])
    embeddings = keras.Model(
        siamese.inputs, siamese.inputs["left"] if isinstance(siamese.inputs, dict) else siamese.inputs[0]
    )
    with pytest.raises(ValueError, match=r"one distance for each pair. Received: 7 pairs, output \(7, 2\)"):
        evaluation.verification(embeddings, generators.pairs(IMAGES, LABELS, batch_size=7, steps=1))


def test_two_new_inputs_are_compared(siamese):
    """From (0, 0) to (3, 4) is 5."""
    found = evaluation.compare(siamese, np.float32([0, 0]), np.float32([3, 4]), threshold=6.0)
    assert (found.distance.tolist(), found.score.tolist(), found.same.tolist()) == ([5.0], [-5.0], [True])
    assert evaluation.compare(siamese, np.float32([0, 0]), np.float32([3, 4])).same is None


def test_strings_are_not_compared_by_a_model_of_numbers(siamese):
    with pytest.raises(ValueError, match=r"takes numbers \(float32\). Received: strings in `left`"):
        evaluation.compare(siamese, [["a", "b"]], [["c", "d"]])


def test_many_new_inputs_are_compared_in_batches(siamese):
    left, right = RNG.normal(size=(2, 600, 2)).astype("float32")
    found = evaluation.compare(siamese, left, right, threshold=1.0)
    expected = np.linalg.norm(left - right, axis=1)
    np.testing.assert_allclose(found.distance, expected, rtol=1e-4)
    assert (found.same == (found.distance < 1.0)).all()


@pytest.mark.parametrize("left, right", [((3,), (3,)), ((4, 2), (5, 2)), ((2,), (1, 2)), ((0, 2), (0, 2))])
def test_inputs_that_do_not_fit_are_refused(siamese, left, right):
    with pytest.raises(ValueError, match=r"two inputs of shape \(2,\), or as many such on the left as on the right"):
        evaluation.compare(siamese, np.zeros(left, "float32"), np.zeros(right, "float32"))


def test_table_has_a_line_for_each_report():
    distances, same = drawn(3000)
    mine, other = evaluation.verification_from_distances(distances, same), report_of(distances, same, 0.5)
    lines = repr(evaluation.table({"mine": mine, "other": other})).splitlines()
    assert len(lines) == 3
    assert lines[0].split()[:2] == ["AUC", "EER"]
    assert lines[1].startswith(f"mine   {mine.auc:.3f} [{mine.interval['auc'][0]:.3f}, {mine.interval['auc'][1]:.3f}]")
    assert f"{other.eer:.1%} " in lines[2]
    assert "0.500 given" in lines[2]
    assert "TAR@10%" in lines[0] and "TAR@1%" in lines[0]
    assert max(map(len, lines)) <= 105  # A page is that wide.


def test_comparison_says_what_it_found(siamese):
    found = evaluation.compare(siamese, IMAGES[:2], IMAGES[1:3], threshold=1.0)
    assert repr(found) == "distance 0.100: same\ndistance 7.001: different"
    assert repr(evaluation.compare(siamese, IMAGES[0], IMAGES[1])) == "distance 0.100"
    many = evaluation.compare(siamese, np.zeros((12, 2), "float32"), np.zeros((12, 2), "float32"))
    assert repr(many).splitlines()[-1] == "and 2 more"


def test_table_of_one_report_is_its_repr():
    mine = report_of(*drawn())
    assert repr(mine) == repr(evaluation.table({"": mine}))
    assert repr(mine).splitlines()[1].strip().startswith(f"{mine.auc:.3f}")


def test_scores_are_distances_with_the_sign_changed():
    model = models.siamese(towers.dense(2, units=()))
    found = evaluation.compare(model, IMAGES, IMAGES[::-1])
    np.testing.assert_array_equal(found.score, -found.distance)
    np.testing.assert_allclose(
        found.distance, ops.convert_to_numpy(model({"left": IMAGES, "right": IMAGES[::-1].copy()}))
    )


def test_bytes_are_compared_as_the_streams_give_them(siamese):
    """(0, 0) to (153, 204) is 255 in bytes, and 1 in shares of 255."""
    found = evaluation.compare(siamese, np.uint8([0, 0]), np.uint8([153, 204]))
    assert found.distance[0] == pytest.approx(1.0)


def test_towers_of_any_image_size_compare_new_images():
    inputs = keras.Input((None, None, 1))
    siamese = models.siamese(keras.Model(inputs, keras.layers.GlobalAveragePooling2D()(inputs)))
    zeros, ones = np.zeros((4, 5, 1), "float32"), np.ones((4, 5, 1), "float32")
    assert evaluation.compare(siamese, zeros, ones).distance[0] == pytest.approx(1.0)


def test_what_cannot_be_compared_is_refused(siamese):
    nan, fine = np.float32([np.nan, 0]), np.float32([0, 0])
    with pytest.raises(ValueError, match="one finite distance for each pair"):
        evaluation.compare(siamese, nan, fine)
    for threshold in (float("nan"), "0.5"):
        with pytest.raises(ValueError, match="`threshold` is a distance, a number"):
            evaluation.compare(siamese, fine, fine, threshold)
        with pytest.raises(ValueError, match="`threshold` is a distance, a number"):
            report_of([0.1, 0.2], [1, 0], threshold)
    with pytest.raises(ValueError, match=r"The model takes \['a', 'b'\]. Received: \['left', 'right'\]"):
        evaluation.compare(models.siamese(towers.pixels((2,)), roles=("a", "b")), fine, fine)
    with pytest.raises(ValueError, match="Received: 2 outputs"):
        evaluation.compare(models.siamese(towers.pixels((2,)), distance=None), fine, fine)


def test_batches_are_taken_as_keras_takes_them(siamese):
    pair = {"left": IMAGES[:2], "right": IMAGES[1:3]}
    for batch in ((pair, [1, 0]), [pair, [1, 0]], (pair, [1, 0], [0.5, 0.5])):
        found, same = evaluation.pair_distances(siamese, [batch])
        np.testing.assert_allclose(found, [0.1, 7.0007], rtol=1e-4)
        assert same.tolist() == [1, 0]
    for batch in ((pair,), pair, (IMAGES, [1, 0])):
        with pytest.raises(ValueError, match=r"A batch must be \(\{'left', 'right'\}, same\)"):
            evaluation.pair_distances(siamese, [batch])


@pytest.mark.parametrize("units", [np.zeros(60), np.where(np.arange(60) % 2, np.nan, 1.0)])
def test_units_that_are_none_are_refused(units):
    with pytest.raises(ValueError, match="At least two units are needed, none of them NaN"):
        evaluation.verification_from_distances(RNG.random(60), np.arange(60) % 2, units=units)


def test_units_that_do_not_mix_the_kinds_give_no_interval():
    same = np.arange(60) % 2
    with pytest.raises(ValueError, match="of the resamples lack same or different pairs"):
        evaluation.verification_from_distances(RNG.random(60), same, units=same)


def test_options_of_the_wrong_kind_are_refused():
    with pytest.raises(ValueError, match="one or more. Received: far=0.1"):
        report_of([0.1, 0.2], [1, 0], far=0.1)
    with pytest.raises(ValueError, match="`resamples` must be a whole number, at least 0. Received: -1"):
        report_of([0.1, 0.2], [1, 0], resamples=-1)
    with pytest.raises(ValueError, match="`seed` must be a whole number, at least 0. Received: -1"):
        evaluation.verification_from_distances([0.1, 0.2], [1, 0], seed=-1)
    with pytest.raises(ValueError, match=r"one or more. Received: far=\['a'\]"):
        report_of([0.1, 0.2], [1, 0], far=["a"])


def test_a_table_needs_reports_that_fit_together():
    one, other = report_of(*drawn(), far=(0.1,)), report_of(*drawn(), far=(0.5,))
    with pytest.raises(ValueError, match="same false accept rates"):
        evaluation.table({"one": one, "other": other})
    with pytest.raises(ValueError, match="A table needs reports"):
        evaluation.table({})


@pytest.mark.parametrize("scale", [1.0, 1e-11, 1e160, 1.7e308])
def test_correlation_does_not_depend_on_the_scale_of_distances(scale):
    same = np.random.default_rng(0).random(50)
    report = evaluation.correlation_from_distances((1 - same) * scale, same, resamples=0)
    assert report.pearson == pytest.approx(1) and report.spearman == pytest.approx(1)


def test_a_resample_without_different_labels_has_no_correlation():
    """One unit of ten has the label 1: it is missing in (9/10)^10 = 35 % of the resamples, which is too many to leave
    out. With five of ten it is 2 * 0.5^10, and no correlation of 0 comes in."""
    unit = np.repeat(np.arange(10), 10)
    noise = np.random.default_rng(0).normal(0, 0.01, 100)
    with pytest.raises(ValueError, match="3.% of the resamples lack labels that differ: 10 units are too few"):
        evaluation.correlation_from_distances(1 - (unit == 0) + noise, (unit == 0) * 1.0, units=unit)
    report = evaluation.correlation_from_distances(1 - (unit < 5) + noise, (unit < 5) * 1.0, units=unit)
    assert report.interval["pearson"][0] > 0.99


def test_a_verifier_of_two_kinds_is_measured_with_both():
    """The distance is -log of the model's own probability, whichever tower is on which side."""
    keras.utils.set_random_seed(0)
    verifier = models.verifier({role: towers.dense((3,), embedding_dim=4) for role in ("left", "right")})
    left, right = np.random.default_rng(0).random((2, 5, 3), "float32")
    own = -np.log(ops.convert_to_numpy(verifier({"left": left, "right": right}))[:, 0])
    np.testing.assert_allclose(evaluation.compare(verifier, left, right).distance, own, atol=1e-5)


def test_small_whole_numbers_are_no_bytes_to_a_tower_of_words():
    siamese = models.siamese(towers.bag_of_ngrams(5, 4, buckets=64))
    left, right = np.array([[1, 2, 3, 4, 5]]), np.array([[7, 8, 9, 4, 6]])
    wanted = evaluation.compare(siamese, left, right).distance
    found = evaluation.compare(siamese, left.astype("uint8"), right.astype("uint8")).distance
    assert wanted[0] > 0.1
    np.testing.assert_allclose(found, wanted, atol=1e-6)


def test_an_interval_over_two_classes_is_refused_with_their_number():
    """Half of the resamples draw one class twice, and have no different pair."""
    embeddings, labels = RNG.normal(size=(8, 2)), np.repeat([7, 3], 4)
    with pytest.raises(ValueError, match="2 units are too few for an interval over them. Use resamples=0, or units"):
        evaluation.verification_from_embeddings(embeddings, labels)
    assert evaluation.verification_from_embeddings(embeddings, labels, resamples=0).interval == {}
