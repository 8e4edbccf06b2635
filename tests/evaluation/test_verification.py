"""Verification against plain loops, scikit-learn, and simulations with a known truth."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops
from PIL import Image
from sklearn.metrics import roc_auc_score, roc_curve

from siamkeras import data, distances, evaluation, generators, models, towers
from siamkeras.evaluation._bootstrap import resample_counts

RNG = np.random.default_rng(8)
IMAGES = np.float32([[0, 0], [0, 0.1], [5, 5], [5, 5.2], [9, 1], [9, 1.3]])
LABELS = [8, 8, 3, 3, 21, 21]


def simulated(n=400, shift=1.0, rng=RNG):
    """Normal distances of same pairs, and of different pairs with a mean larger by `shift`."""
    same = rng.random(n) < 0.4
    return rng.normal(size=n) + shift * ~same, same


def evaluate(*arguments, resamples=0, **options):
    return evaluation.verification_from_distances(*arguments, resamples=resamples, **options)


@pytest.fixture
def siamese():
    return models.siamese(towers.pixels((2,)))


@pytest.mark.parametrize("digits", [6, 1])
def test_auc_agrees_with_counting_and_with_scikit_learn(digits):
    """Rounded to one digit, many distances are equal."""
    distance, same = simulated()
    distance = distance.round(digits)
    report = evaluate(distance, same)
    assert report.auc == pytest.approx(oracles.auc(distance, same))
    assert report.auc == pytest.approx(roc_auc_score(same, -distance))


def test_the_curve_agrees_with_scikit_learn():
    distance, same = simulated(100)
    far, tar, _ = roc_curve(same, -distance.round(1), drop_intermediate=False)
    report = evaluate(distance.round(1), same)
    np.testing.assert_allclose(report.false_accept_rate, far)
    np.testing.assert_allclose(report.true_accept_rate, tar)


@pytest.mark.parametrize("digits", [6, 1])
def test_a_threshold_of_the_curve_gives_the_rates_of_its_point(digits):
    """Also with many equal distances, and in a second evaluation that is given the threshold."""
    distance, same = simulated(60)
    distance = distance.round(digits)
    report = evaluate(distance, same)
    assert report.thresholds[-1] == np.inf
    for far, tar, threshold in zip(report.false_accept_rate, report.true_accept_rate, report.thresholds, strict=True):
        false_accepts, false_rejects = oracles.rates(distance, same, threshold)
        assert (far, tar) == (pytest.approx(false_accepts), pytest.approx(1 - false_rejects))
    again = evaluate(distance, same, report.thresholds[5])
    assert (again.far, again.frr) == pytest.approx((report.false_accept_rate[5], 1 - report.true_accept_rate[5]))


def test_equal_error_rate_by_hand():
    """Up to 0.5, one of four different pairs is accepted and one of four same pairs rejected: 25 %. The threshold is
    halfway to the next distance, 0.6."""
    report = evaluate([0.1, 0.2, 0.3, 0.8, 0.5, 0.6, 0.7, 0.9], [1, 1, 1, 1, 0, 0, 0, 0])
    assert report.eer == pytest.approx(0.25)
    assert report.threshold == pytest.approx(0.55)
    assert (report.far, report.frr, report.accuracy) == (0.25, 0.25, 0.75)


def test_equal_error_rate_is_interpolated_between_two_points():
    """From (0, 1/2) to (1, 1/2) the curve crosses FAR = FRR at 1/2."""
    assert evaluate([0.1, 0.5, 0.9], [1, 0, 1]).eer == pytest.approx(0.5)


def test_equal_distances_are_uninformative():
    report = evaluate([0.5] * 4, [1, 1, 0, 0])
    assert (report.auc, report.eer) == (0.5, 0.5)
    assert np.isfinite(report.threshold)


def test_true_accept_rate_at_a_false_accept_rate_by_hand():
    """Different pairs have the distances 1 to 100. 10 % of them are those below 11, with three of four same pairs."""
    distance = [0.5, 0.7, 10.5, 11.5, *range(1, 101)]
    report = evaluate(distance, [1] * 4 + [0] * 100, far=(0.1, 0.09))
    assert report.tar_at_far[0.1] == 0.75
    assert np.isnan(report.tar_at_far[0.09])  # fewer than ten false accepts


@pytest.mark.parametrize("digits", [6, 1])
def test_the_threshold_at_a_false_accept_rate_accepts_the_most_same_pairs(digits):
    """Against a loop over all thresholds between two distances."""
    distance, same = simulated(400)
    distance = distance.round(digits)
    report = evaluate(distance, same)
    values = np.unique(distance)
    candidates = [(oracles.rates(distance, same, each), each) for each in (values[1:] + values[:-1]) / 2]
    for far in (0.05, 0.2):
        threshold = evaluation.threshold_at(report, far)
        again = evaluate(distance, same, threshold)
        fewest, smallest = min((rates[::-1], each) for rates, each in candidates if rates[0] <= far)
        assert (again.frr, again.far, threshold) == pytest.approx((*fewest, smallest))
    best = evaluate(distance, same, evaluation.best_threshold(report))
    assert best.accuracy == pytest.approx(1 - min(sum(rates) for rates, _ in candidates) / 2)


def test_thresholds_lie_halfway_to_the_next_distance_or_reject_all():
    """Different pairs at 1 to 100. Below 10 are three of four same pairs and nine different pairs, the last is 8.5."""
    report = evaluate([0.5, 0.7, 8.5, 50.5, *range(1, 101)], [1] * 4 + [0] * 100)
    assert evaluation.threshold_at(report, far=0.1) == evaluation.best_threshold(report) == 8.75
    assert evaluation.threshold_at(report, far=0.999) == 50.75
    reversed_report = evaluate([7.0] * 4 + [1.5] * 20, [1] * 4 + [0] * 20)
    assert evaluation.best_threshold(reversed_report) == 1.5  # accepts no pair
    assert evaluation.threshold_at(reversed_report, far=0.999) == 1.5


def test_a_threshold_needs_ten_false_accepts():
    report = evaluate([0.5, *range(1, 100)], [1] + [0] * 99)
    with pytest.raises(ValueError, match="far=0.1 needs at least 100 different pairs. Received: 99"):
        evaluation.threshold_at(report, 0.1)
    for far in (0, 1, "1%"):
        with pytest.raises(ValueError, match="`far` must be a number above 0 and below 1"):
            evaluation.threshold_at(report, far)


def test_similarities_evaluated_as_distances_raise_a_warning():
    distance, same = simulated()
    with pytest.warns(UserWarning, match="below 0.5.*similarity=True"):
        report = evaluate(1 - distance, same)
    assert report.auc == pytest.approx(1 - evaluate(distance, same).auc)
    assert evaluate([0.9, 0.8, 0.3, 0.2, 0.1], [1, 1, 0, 1, 0]).auc == pytest.approx(1 / 6)  # five pairs: chance


def test_a_model_of_similarities_is_evaluated_with_similarity():
    """The head is exp(-distance): the distance is 1 - exp(-distance), and "same" means a similarity above 0.5."""
    siamese = models.siamese(towers.pixels((2,)))
    model = keras.Model(siamese.input, ops.exp(-siamese.output))
    left, right = np.float32([[0, 0]] * 2), np.float32([[0.3, 0.4], [3, 4]])
    comparison = evaluation.compare(model, left, right, threshold=0.5, similarity=True)
    np.testing.assert_allclose(comparison.distance, [1 - np.exp(-0.5), 1 - np.exp(-5)], rtol=1e-5)
    assert comparison.same.tolist() == [True, False]
    report = evaluation.verification(model, [({"left": left, "right": right}, [1, 0])], similarity=True, resamples=0)
    assert report.auc == 1.0
    np.testing.assert_array_equal(report.distances, comparison.distance)


def test_labels_count_as_same_from_one_half():
    assert evaluate([0.1, 0.2, 0.8, 0.9], [0.9, 0.5, 0.4, 0.0]).same.tolist() == [True, True, False, False]


def test_a_distance_equal_to_the_threshold_is_rejected(siamese):
    """One rule everywhere: "same" is distance < threshold. The distance of (0, 0) and (3, 4) is 5."""
    report = evaluate([1.0, 5.0, 5.0, 6.0], [1, 1, 0, 0], 5.0)
    assert (report.far, report.frr) == (0.0, 0.5)
    for threshold, same in ((5.0, False), (5.01, True)):
        assert evaluation.compare(siamese, np.float32([0, 0]), np.float32([3, 4]), threshold).same.tolist() == [same]


def test_a_threshold_decides_alike_on_float32_distances_and_in_float64():
    """0.9 in float32 is below 0.9."""
    siamese = models.siamese(towers.pixels((1,)), "manhattan")
    zeros, points = np.zeros((3, 1), "float32"), np.float32([[0.9], [2], [1]])
    comparison = evaluation.compare(siamese, zeros, points, threshold=0.9)
    report = evaluation.verification(siamese, [({"left": zeros, "right": points}, [0, 1, 1])], 0.9, resamples=0)
    assert comparison.same.tolist() == [True, False, False] and report.far == 1.0


def test_the_threshold_of_validation_pairs_is_applied_to_test_pairs():
    validation = evaluate(*simulated())
    distance, same = simulated()
    report = evaluate(distance, same, validation.threshold)
    assert (validation.threshold_source, report.threshold_source) == ("these pairs", "given")
    assert report.threshold == validation.threshold
    assert (report.far, report.frr) == pytest.approx(oracles.rates(distance, same, validation.threshold))
    assert report.eer == evaluate(distance, same).eer


def test_a_threshold_of_0_is_a_threshold(siamese):
    report = evaluate([-1.0, 3.0], [1, 0], 0)  # equal error would be at 1
    assert (report.threshold, report.threshold_source, report.accuracy) == (0.0, "given", 1.0)
    assert evaluation.compare(siamese, IMAGES[:1], IMAGES[1:2], 0).same.tolist() == [False]


def test_the_interval_of_each_measure_is_that_of_its_resamples():
    """Each resample is written out as its pairs and evaluated anew."""
    distance, same = simulated(300, rng=np.random.default_rng(6))
    distance = distance.round(1)
    report = evaluate(distance, same, 0.4, far=(0.2, 0.01), resamples=50)
    measures = []
    for counts in np.concatenate(list(resample_counts(300, 50, seed=0, strata=same))):
        sample = np.repeat(np.arange(300), counts.astype(int))
        again = evaluate(distance[sample], same[sample], 0.4, far=(0.2,))
        measures.append([again.auc, again.eer, again.accuracy, again.tar_at_far[0.2]])
    ends = np.percentile(measures, [2.5, 97.5], axis=0).T
    assert list(report.interval) == ["auc", "eer", "accuracy", "tar_at_0.2"]  # too few different pairs for 1 %
    np.testing.assert_allclose(list(report.interval.values()), ends)
    other_seed = evaluate(distance, same, 0.4, far=(0.2, 0.01), resamples=50, seed=1)
    assert other_seed.interval != report.interval and evaluate(distance, same).interval == {}


@pytest.mark.parametrize("name", ["euclidean", "cosine", "manhattan"])
def test_every_pair_of_embeddings_is_evaluated_once(name):
    """Against the distance of each pair; the clusters are the two classes of a pair."""
    labels = np.array(["b", "a", "b", "c", "a", "c", "d", "e"])
    embeddings = np.random.default_rng(2).normal(size=(8, 3)).astype("float32")
    report = evaluation.verification_from_embeddings(embeddings, labels, 0.7, name, resamples=200, far=(0.5,))
    left, right, same = generators.all_pairs(labels)
    distance = ops.convert_to_numpy(distances.DISTANCES[name](embeddings[left], embeddings[right]))
    np.testing.assert_allclose(report.distances, distance, atol=1e-5)
    clusters = np.stack([labels[left], labels[right]], axis=1)
    expected = evaluate(report.distances, same, 0.7, far=(0.5,), clusters=clusters, resamples=200)
    assert (report.auc, report.interval, report.same.tolist()) == (expected.auc, expected.interval, same.tolist())
    assert report.threshold_source == "given" and len(report.same) == 28


def test_two_classes_are_too_few_for_an_interval():
    """Half of the resamples contain one class twice, and no different pair."""
    embeddings, labels = RNG.normal(size=(8, 2)), np.repeat([7, 3], 4)
    with pytest.raises(ValueError, match="bootstrap resamples have no same or no different pairs.*resamples=0"):
        evaluation.verification_from_embeddings(embeddings, labels)
    assert evaluation.verification_from_embeddings(embeddings, labels, resamples=0).interval == {}


def test_a_model_is_evaluated_on_a_stream(siamese):
    """Images of a class are at most 0.3 apart, classes at least 5."""
    stream = generators.pairs(IMAGES, LABELS, batch_size=7, steps=3)
    report = evaluation.verification(siamese, stream, resamples=10)
    assert (report.auc, len(report.same), report.same.sum()) == (1.0, 21, 10)
    assert 0.3 < report.threshold < 5


def test_streams_with_labels_among_the_inputs_and_of_own_pairs_are_evaluated(siamese):
    endpoint = models.contrastive(towers.pixels((2,)))
    stream = generators.same_as_input(generators.pairs(IMAGES, LABELS, batch_size=7, steps=3))
    assert evaluation.verification(endpoint, stream, resamples=0).auc == 1.0
    own = generators.from_pairs(IMAGES[:-1], IMAGES[1:], [1, 0, 1, 0, 1], batch_size=2, shuffle=False)
    report = evaluation.verification(siamese, own, resamples=0)
    np.testing.assert_allclose(report.distances[:1], [0.1], rtol=1e-5)
    assert report.same.tolist() == [True, False, True, False, True]


def test_batches_have_the_forms_that_keras_accepts(siamese):
    pair = {"left": IMAGES[:2], "right": IMAGES[1:3]}
    for batch in ((pair, [1, 0]), [pair, [1, 0]], (pair, [1, 0], [0.5, 0.5])):
        distance, same = evaluation.pair_distances(siamese, [batch])
        np.testing.assert_allclose(distance, [0.1, 7.0007], rtol=1e-4)
        assert same.tolist() == [1, 0]
    for batch in ((pair,), pair, (IMAGES, [1, 0])):
        with pytest.raises(ValueError, match=r"must be a stream of .*Received: list"):
            evaluation.pair_distances(siamese, [batch])


@pytest.mark.parametrize("build", [models.siamese, models.verifier])
def test_models_run_in_inference_mode(build):
    """In training mode, batch normalisation would use and update its statistics, and dropout would drop values."""
    inputs = keras.Input((2,))
    x = keras.layers.BatchNormalization()(keras.layers.Dropout(0.75)(inputs))
    model = build(keras.Model(inputs, x, name="tower"))
    left, right = IMAGES[:3], IMAGES[3:]
    expected = ops.convert_to_numpy(model({"left": left, "right": right}, training=False)).ravel()
    expected = -np.log(expected) if build is models.verifier else expected
    pairs = [({"left": left, "right": right}, [1, 0, 1])]
    np.testing.assert_allclose(evaluation.compare(model, left, right).distance, expected, rtol=1e-3)
    np.testing.assert_allclose(evaluation.pair_distances(model, pairs)[0], expected, rtol=1e-3)
    normalization = models.tower_of(model).layers[-1]
    np.testing.assert_array_equal(ops.convert_to_numpy(normalization.moving_mean), [0, 0])


@pytest.mark.parametrize("bias", [-40.0, -18.0, 0.0, 40.0, 110.0])
def test_the_distance_of_a_verifier_is_the_negative_log_probability(bias):
    """The logits bias - 1 and bias - 2 keep their order also where both probabilities round to 0 or 1."""
    inputs = keras.Input((1,))
    verifier = models.verifier(keras.Model(inputs, keras.layers.Identity()(inputs), name="tower"))
    verifier.get_layer("weighted_distance").set_weights([np.float32([[-1]]), np.float32([bias])])
    left, right = np.float32([[0], [0]]), np.float32([[1], [2]])
    comparison = evaluation.compare(verifier, left, right, threshold=np.log(2))
    np.testing.assert_allclose(comparison.distance, np.log1p(np.exp([1.0 - bias, 2.0 - bias])), rtol=1e-4)
    assert comparison.same.all() == (bias > 2)
    pairs = [({"left": left, "right": right}, np.float32([1, 0]))]
    assert evaluation.verification(verifier, pairs, resamples=0).auc == 1.0


def test_a_verifier_of_two_towers_uses_both():
    keras.utils.set_random_seed(0)
    verifier = models.verifier({role: towers.dense((3,), embedding_dim=4) for role in ("left", "right")})
    left, right = np.random.default_rng(0).random((2, 5, 3), "float32")
    expected = -np.log(ops.convert_to_numpy(verifier({"left": left, "right": right}))[:, 0])
    np.testing.assert_allclose(evaluation.compare(verifier, left, right).distance, expected, atol=1e-5)


def test_new_inputs_are_compared_one_or_many(siamese):
    """The distance of (0, 0) and (3, 4) is 5; 600 pairs need three batches."""
    one = evaluation.compare(siamese, np.float32([0, 0]), np.float32([3, 4]), threshold=6.0)
    assert (one.distance.tolist(), one.score.tolist(), one.same.tolist()) == ([5.0], [-5.0], [True])
    left, right = RNG.normal(size=(2, 600, 2)).astype("float32")
    many = evaluation.compare(siamese, left, right, threshold=1.0)
    np.testing.assert_allclose(many.distance, np.linalg.norm(left - right, axis=1), rtol=1e-4)
    assert (many.same == (many.distance < 1.0)).all() and (many.score == -many.distance).all()
    assert repr(one) == "distance 5.000: same"
    without = evaluation.compare(siamese, left, right)
    assert without.same is None and repr(without).splitlines()[-1] == "and 590 more"


def test_one_input_is_compared_with_many(siamese):
    """Also as a batch of one, in both orders, for more than one batch and for sentences."""
    many = RNG.normal(size=(600, 2)).astype("float32")
    expected = np.linalg.norm(many - many[7], axis=1)
    for one in (many[7], many[7:8]):
        for sides in ((one, many), (many, one)):
            comparison = evaluation.compare(siamese, *sides, threshold=1.0)
            np.testing.assert_allclose(comparison.distance, expected, rtol=1e-4, atol=1e-5)
            assert (comparison.same == (comparison.distance < 1.0)).all()
    text = models.siamese(towers.bag_of_ngrams(5, 4, buckets=64))
    tokens = RNG.integers(1, 9, (3, 5))
    expected = evaluation.compare(text, tokens[[1, 1, 1]], tokens).distance
    np.testing.assert_allclose(evaluation.compare(text, tokens, tokens[1]).distance, expected, atol=1e-6)
    if keras.backend.backend() == "tensorflow":
        text = models.siamese(towers.bag_of_ngrams(embedding_dim=None, buckets=64))
        sentences = ["A cat sleeps.", "A dog barks.", "A cat sleeps here."]
        distance = evaluation.compare(text, "A cat sleeps.", sentences).distance
        assert distance.argsort().tolist() == [0, 2, 1]
        np.testing.assert_allclose(evaluation.compare(text, sentences, sentences[:1]).distance, distance, atol=1e-6)


def test_inputs_of_different_towers_may_have_different_shapes():
    """A tower of two numbers and one that drops the third number."""
    inputs = keras.Input((3,))
    model = models.siamese({"left": towers.pixels((2,)), "right": keras.Model(inputs, inputs[:, :2])})
    distance = evaluation.compare(model, np.float32([[0, 0], [3, 0]]), np.float32([3, 4, 9])).distance
    np.testing.assert_allclose(distance, [5, 4], atol=1e-6)


def test_a_photo_is_compared_with_files(tmp_path):
    """Grey values 0, 51 and 255 in two by two pixels: distances 2 * 0.2 and 2 * 1."""
    paths = [tmp_path / f"{value}.png" for value in (0, 51, 255)]
    for path in paths:
        Image.fromarray(np.full((2, 2), int(path.stem), "uint8")).save(path)
    model, load = models.siamese(towers.pixels((2, 2, 1))), data.load_image((2, 2), channels=1)
    np.testing.assert_allclose(evaluation.compare(model, paths[0], paths[1:], load=load).distance, [0.4, 2], rtol=1e-6)
    distance = evaluation.compare(model, str(paths[0]), str(paths[2]), load=load).distance
    np.testing.assert_allclose(distance, [2], rtol=1e-6)


def test_uint8_images_are_divided_by_255_and_token_ids_are_not(siamese):
    """(0, 0) and (153, 204) have the distance 255, divided by 255."""
    for scale, distance in ((True, 1.0), (False, 255.0)):
        comparison = evaluation.compare(siamese, np.uint8([0, 0]), np.uint8([153, 204]), scale=scale)
        assert comparison.distance[0] == pytest.approx(distance)
    text = models.siamese(towers.bag_of_ngrams(5, 4, buckets=64))
    left, right = np.array([[1, 2, 3, 4, 5]]), np.array([[7, 8, 9, 4, 6]])
    expected = evaluation.compare(text, left, right).distance
    assert expected[0] > 0.1
    from_bytes = evaluation.compare(text, left.astype("uint8"), right.astype("uint8")).distance
    np.testing.assert_allclose(from_bytes, expected, atol=1e-6)


@pytest.mark.parametrize(
    "arguments, options, message",
    [
        (([0.1, 0.2], [1]), {}, r"one distance and one label, .*Received: shapes \(2,\) and \(1,\)"),
        ((np.zeros((2, 3)), np.zeros((3, 2))), {}, r"Received: shapes \(2, 3\) and \(3, 2\)"),
        ((np.zeros((1, 2)), [1, 0]), {}, r"Received: shapes \(1, 2\) and \(2,\)"),
        (([0.1, np.nan], [1, 0]), {}, "Distances must be finite. Received: nan"),
        (([0.1, 0.2], [1, 2]), {}, r"`same` must lie in \[0, 1\]"),
        (([0.1, 0.2], [1, 1]), {}, "Both same and different pairs are needed. Received: 2 same of 2"),
        (([0.1, 0.2], [1, 0]), {"far": (0,)}, "`far` must be a number above 0 and at most 1. Received: far=0"),
        (([0.1, 0.2], [1, 0]), {"threshold": float("nan")}, "`threshold` must be a number"),
    ],
)
def test_argument_errors_of_distances(arguments, options, message):
    with pytest.raises(ValueError, match=message):
        evaluate(*arguments, **options)


def test_errors_of_embeddings_streams_and_models(siamese):
    zeros = np.zeros((3, 2), "float32")
    batch = {"left": zeros, "right": zeros}, [1, 0, 1]
    triplet = keras.Model(siamese.input, siamese.input["left"])
    for call, message in (
        (lambda: evaluation.verification_from_embeddings(zeros, [1, 1]), "`labels` must have one entry for each"),
        (lambda: evaluation.verification(siamese, generators.pairs(IMAGES, LABELS)), "never ends. Give it a length"),
        (lambda: evaluation.verification(siamese, []), "The stream is empty"),
        (lambda: evaluation.verification(triplet, [batch]), r"one distance for each pair. .* 3 pairs, shape \(3, 2\)"),
        (lambda: evaluation.compare(models.siamese(towers.pixels((2,)), distance=None), zeros, zeros), "2 outputs"),
        (
            lambda: evaluation.compare(None, zeros, zeros),
            "`model` must be a built .* 'left' and 'right', .* Received: None",
        ),
        (lambda: evaluation.compare(towers.pixels((2,)), zeros, zeros), "`model` must be a built keras.Model with"),
        (lambda: evaluation.compare(models.triplet(towers.pixels((2,))), zeros, zeros), "siamese.*tower_of"),
        (lambda: evaluation.verification("siamese", [({"left": zeros, "right": zeros}, [1, 0, 1])]), "`model` must be"),
        (lambda: evaluation.compare(siamese, zeros, zeros[:2]), r"Received: shapes \(3, 2\) and \(2, 2\)"),
        (lambda: evaluation.compare(siamese, zeros[0], zeros[:0]), r"Received: shapes \(1, 2\) and \(0, 2\)"),
        (lambda: evaluation.compare(siamese, zeros[:0], zeros[:0]), r"Received: shapes \(0, 2\)"),
        (lambda: evaluation.compare(siamese, zeros, zeros * np.nan), "`right` must be finite. Received: NaN"),
        (lambda: evaluation.compare(siamese, zeros, zeros.astype(bool)), "float32 in .* or uint8 .* Received: bool"),
        (lambda: evaluation.compare(siamese, zeros, zeros.astype("int64")), "float32 in .* Received: int64"),
        (lambda: evaluation.compare(siamese, zeros, zeros.astype(complex)), "float32 in .* Received: complex128"),
        (lambda: evaluation.verification(siamese, [({"left": zeros, "right": np.uint8(zeros)}, [1, 0, 1])]), "uint8"),
    ):
        with pytest.raises(ValueError, match=message):
            call()
