"""Few-shot and one-shot accuracy: against loops over the same episodes, by hand, and for what is refused."""

from typing import NamedTuple

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from siamkeras import data, evaluation, generators, models, towers
from siamkeras.evaluation.few_shot import METHODS as METHOD_OF

RNG = np.random.default_rng(12)
LABELS = np.repeat([7, 3, 40, 11, 5, 9], 6)
GROUPS = np.where(np.isin(LABELS, [7, 3, 40]), 2, 1)
CENTRES = RNG.normal(size=(41, 3))
POINTS = (CENTRES[LABELS] + 0.8 * RNG.normal(size=(36, 3))).astype("float32")
METHODS = ("prototype", "nearest", "classifier", "fine_tuned")


def identity(dim=3):
    inputs = keras.Input((dim,))
    return keras.Model(inputs, keras.layers.Identity()(inputs), name="tower")


def cosine(a, b):
    return 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def by_loops(support, asked, method, distance):
    """Classes that queries are told to be of: `support` (way, shot, dim), `asked` (way, query, dim)."""
    told = []
    for query in asked.reshape(-1, asked.shape[-1]):
        if method == "prototype":
            found = [distance(query, np.mean(known, axis=0)) for known in support]
        else:
            found = [min(distance(query, each) for each in known) for known in support]
        told.append(int(np.argmin(found)))
    return told


@pytest.mark.parametrize("method", ["prototype", "nearest"])
@pytest.mark.parametrize("name, distance", [("cosine", cosine), ("euclidean", lambda a, b: np.linalg.norm(a - b))])
def test_accuracy_is_that_of_a_loop_over_the_same_episodes(method, name, distance):
    """The streams of `generators.episodes` are the episodes that are measured."""
    report = evaluation.few_shot(
        identity(), POINTS, LABELS, GROUPS, way=3, shot=2, query=3, episodes=20, method=method, distance=name, seed=4
    )
    for protocol, groups in (("accuracy", None), ("within", GROUPS)):
        stream = generators.episodes(POINTS, LABELS, way=3, shot=2, query=3, steps=20, seed=4, groups=groups)
        expected = []
        for inputs, number in stream:
            support, asked = (inputs[role].numpy().reshape(3, -1, 3) for role in ("support", "query"))
            expected.append(np.mean(np.array(by_loops(support, asked, method, distance)) == number.numpy()))
        np.testing.assert_allclose(report.per_episode[protocol], expected)
        mean, error = np.mean(expected), np.std(expected, ddof=1) / np.sqrt(20)
        assert getattr(report, protocol) == pytest.approx(mean)
        half = 2.093 * error  # Student's t of 19 degrees of freedom
        assert report.interval[protocol] == pytest.approx((mean - half, min(mean + half, 1.0)), rel=1e-3)


@pytest.mark.parametrize("method", ["nearest", "classifier"])
def test_embeddings_that_are_there_give_the_same(method):
    arguments = {"way": 3, "shot": 2, "query": 3, "episodes": 8, "seed": 2, "method": method}
    embedded = evaluation.few_shot(identity(), POINTS, LABELS, GROUPS, **arguments)
    given = evaluation.few_shot_from_embeddings(POINTS, LABELS, GROUPS, **arguments)
    for name in ("accuracy", "within"):
        np.testing.assert_array_equal(given.per_episode[name], embedded.per_episode[name])
    with pytest.raises(ValueError, match="finite"):
        evaluation.few_shot_from_embeddings(POINTS * np.nan, LABELS, **arguments)
    with pytest.raises(ValueError, match="Received: 'hamming'|leave `distance` out"):
        evaluation.few_shot_from_embeddings(POINTS, LABELS, **arguments, distance="hamming")


def test_the_penalty_of_the_classifier_is_an_option():
    """As scikit-learn's own on the same vectors of length 1, for two penalties that tell some queries differently."""
    rng, told = np.random.default_rng(3), []
    support, asked = rng.normal(size=(5, 4, 3)), rng.normal(size=(5, 20, 3))
    known, wanted = (
        part.reshape(-1, 3) / np.linalg.norm(part.reshape(-1, 3), axis=1)[:, None] for part in (support, asked)
    )
    for C in (0.05, 200.0):
        told.append(METHOD_OF["classifier"](None, C=C)(support, asked))
        expected = LogisticRegression(C=C, max_iter=1000).fit(known, np.repeat(np.arange(5), 4)).predict(wanted)
        np.testing.assert_array_equal(told[-1], expected)
    assert np.any(told[0] != told[1])
    with pytest.raises(ValueError, match="`C` must be a number above 0"):
        evaluation.few_shot_from_embeddings(POINTS, LABELS, way=3, query=2, method="classifier", C=0)


@pytest.mark.parametrize("method", METHODS)
def test_every_method_tells_clusters_apart_and_guesses_at_noise(method):
    """Three of each of five classes around far centres: all right. Labels that mean nothing: one of five."""
    centres = 10 * np.eye(5)
    labels = np.repeat(np.arange(5) * 3, 10)
    apart = (centres[labels // 3] + RNG.normal(size=(50, 5))).astype("float32")
    arguments = {"way": 5, "shot": 3, "query": 5, "method": method}
    options = {"steps": 20} if method == "fine_tuned" else {}
    assert evaluation.few_shot(identity(5), apart, labels, episodes=4, **arguments, **options).accuracy == 1.0
    noise = RNG.normal(size=(50, 5)).astype("float32")
    found = evaluation.few_shot(identity(5), noise, labels, episodes=12, **arguments, **options).accuracy
    assert 0.05 < found < 0.35


def test_a_collapsed_tower_has_the_accuracy_of_a_guess():
    report = evaluation.few_shot(identity(), np.ones_like(POINTS), LABELS, way=4, query=2, episodes=10)
    assert report.accuracy == 0.25 and report.interval["accuracy"] == (0.25, 0.25)


def test_fine_tuning_without_steps_is_the_prototypes_and_forgets_the_episode_before():
    """By cosine similarity to the mean of embeddings of length 1; and in any order the episodes give the same."""
    unit = POINTS / np.linalg.norm(POINTS, axis=1, keepdims=True)
    arguments = {"way": 3, "shot": 2, "query": 3, "episodes": 6, "seed": 1}
    by_prototype = evaluation.few_shot(identity(), unit, LABELS, **arguments)
    untouched = evaluation.few_shot(identity(), POINTS, LABELS, method="fine_tuned", steps=0, **arguments)
    np.testing.assert_array_equal(untouched.per_episode["accuracy"], by_prototype.per_episode["accuracy"])
    tell = evaluation.adapting.by_fine_tuning(None, steps=15, learning_rate=0.5, entropy=0.1, scale=10.0)
    support, asked = (unit[:24].reshape(4, 6, 3)[:, part] for part in (slice(0, 2), slice(2, 6)))
    alone = tell(support, asked)
    tell(asked[:, :2], support)
    np.testing.assert_array_equal(tell(support, asked), alone)


def test_fine_tuning_moves_the_border_to_where_the_labels_are():
    """Class 0 lies at 0, 0, 0 and 45 degrees, class 1 at 80, 80, 80 and 55: the border between their means is at 42,
    and on its wrong side one of the support itself, which training takes back."""
    angle = np.deg2rad([[0, 0, 0, 45], [80, 80, 80, 55]])
    support = np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype("float32")
    told = {}
    for steps in (0, 200):
        tell = evaluation.adapting.by_fine_tuning(None, steps=steps, learning_rate=0.1, entropy=0.0, scale=10.0)
        told[steps] = np.sum(tell(support, support) == np.repeat([0, 1], 4))
    assert told == {0: 7, 200: 8}


class Runs(NamedTuple):
    support: np.ndarray
    queries: np.ndarray
    answers: np.ndarray
    alphabets: tuple | None


def test_one_shot_runs_by_hand():
    """Two runs of three points in the plane, at 0, 45 and 90 degrees. Of the first all queries are right, of the second
    the one at 40 degrees is asked for as 0: five of six. Wilson's interval of 5 of 6 is [0.436, 0.970]."""
    angle = np.deg2rad([[0, 45, 90], [10, 50, 80], [0, 45, 90], [80, 40, 50]])
    points = np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype("float32")
    runs = Runs(points[::2], points[1::2], np.array([[0, 1, 2], [2, 0, 1]]), ("Greek", "Latin"))
    report = evaluation.one_shot(identity(2), runs)
    assert report.told.tolist() == [[0, 1, 2], [2, 1, 1]]
    assert report.accuracy == pytest.approx(5 / 6)
    assert report.interval["accuracy"] == pytest.approx((0.4365, 0.9699), abs=1e-3)
    assert report.per_run.tolist() == [1.0, pytest.approx(2 / 3)]
    assert report.per_alphabet == {"Greek": 1.0, "Latin": pytest.approx(2 / 3)}
    assert str(evaluation.table({"mine": report})).splitlines()[1].split()[:2] == ["mine", "83.3%"]
    assert evaluation.one_shot(identity(2), runs._replace(alphabets=None)).per_alphabet == {}


def test_a_verifier_compares_by_what_it_has_learned():
    """A weight of -1 on the first component alone: only that one counts, and the nearest there is told."""
    verifier = models.verifier(identity(2))
    verifier.get_layer("weighted_distance").set_weights([np.float32([[-1], [0]]), np.float32([3.0])])
    runs = Runs(np.float32([[[0, 0], [5, 0]]]), np.float32([[[1, 9], [4, -9]]]), np.array([[0, 1]]), None)
    assert evaluation.one_shot(verifier, runs).told.tolist() == [[0, 1]]
    # All probabilities are 1 in float32, and the logits still tell.
    verifier.get_layer("weighted_distance").set_weights([np.float32([[-1], [0]]), np.float32([90.0])])
    assert evaluation.one_shot(verifier, runs).told.tolist() == [[0, 1]]
    found = evaluation.few_shot(verifier, POINTS[:, :2], LABELS, way=3, episodes=5, method="nearest")
    first = np.column_stack([POINTS[:, 0], 0 * POINTS[:, 0]])
    alone = evaluation.few_shot(identity(2), first, LABELS, way=3, episodes=5, method="nearest", distance="euclidean")
    np.testing.assert_array_equal(found.per_episode["accuracy"], alone.per_episode["accuracy"])


@pytest.mark.parametrize("bias", [-40.0, -18.0, 0.0, 40.0, 110.0])
def test_the_distance_of_a_verifier_is_the_negative_log_of_its_probability(bias):
    """The logits bias - 1 and bias - 2 keep their order also where both probabilities round to 0 or 1."""
    verifier = models.verifier(identity(1))
    verifier.get_layer("weighted_distance").set_weights([np.float32([[-1]]), np.float32([bias])])
    left, right = np.float32([[0], [0]]), np.float32([[1], [2]])
    found = evaluation.compare(verifier, left, right, threshold=np.log(2))
    np.testing.assert_allclose(found.distance, np.log1p(np.exp([1.0 - bias, 2.0 - bias])), rtol=1e-4)
    assert found.same.all() == (bias > 2)
    pairs = generators.from_pairs(left, right, np.float32([1, 0]), batch_size=2, shuffle=False)
    assert evaluation.verification(verifier, pairs, resamples=0).auc == 1.0


def test_what_stands_behind_the_head_of_a_verifier_is_refused():
    verifier = models.verifier(identity(1))
    flat = keras.Model(verifier.input, keras.layers.Reshape((), name="flat")(verifier.output))
    for measure in (
        lambda: evaluation.compare(flat, np.float32([[0]]), np.float32([[1]])),
        lambda: evaluation.few_shot(flat, POINTS[:, :1], LABELS, method="nearest"),
    ):
        with pytest.raises(ValueError, match="must be its last layer. Received: 'flat' behind"):
            measure()


def test_a_model_compares_by_its_own_distance():
    """From (2, 2) the point (1, 0) is nearer than (9, 9), which lies in the same direction."""
    runs = Runs(np.float32([[[1, 0], [9, 9]]]), np.float32([[[2, 2]]]), np.array([[0]]), None)
    assert evaluation.one_shot(models.siamese(identity(2), "euclidean"), runs).told.tolist() == [[0]]
    assert evaluation.one_shot(models.prototypical(identity(2), way=2), runs).told.tolist() == [[0]]
    assert evaluation.one_shot(models.siamese(identity(2), "cosine"), runs).told.tolist() == [[1]]
    assert evaluation.one_shot(identity(2), runs).told.tolist() == [[1]]
    assert evaluation.one_shot(identity(2), runs, distance="manhattan").told.tolist() == [[0]]


def test_equal_distances_are_no_answer():
    """A tower that gives the same for everything is right in no trial, though all answers are the first."""
    runs = Runs(np.ones((2, 3, 2), "float32"), np.ones((2, 4, 2), "float32"), np.zeros((2, 4), int), None)
    assert evaluation.one_shot(identity(2), runs).accuracy == 0.0


def test_bytes_are_divided_in_both_halves_of_a_run():
    points = np.uint8([[[250, 0], [10, 10]]])
    runs = Runs(points, points.astype("float32") / 255, np.array([[0, 1]]), None)
    assert evaluation.one_shot(identity(2), runs, distance="euclidean").accuracy == 1.0


HALF = np.ones((2, 3, 2), "float32")


@pytest.mark.parametrize(
    "runs, message",
    [
        (Runs(HALF, HALF[:1], np.zeros((2, 3), int), None), r"Received: \(2, 3, 2\), \(1, 3, 2\) and \(2, 3\)"),
        (Runs(HALF, HALF[..., :1], np.zeros((2, 3), int), None), r"and answers \(runs, trials\)"),
        (Runs(HALF, HALF, np.zeros(3, int), None), r"and answers \(runs, trials\)"),
        (Runs(HALF[0], HALF[0], np.zeros((3, 2), int), None), r"and answers \(runs, trials\)"),
        (Runs(HALF, HALF, np.full((2, 3), 3), None), "from 0 to 2. Received: int64, from 3 to 3"),
        (Runs(HALF, HALF, np.full((2, 3), -1), None), "from 0 to 2"),
        (Runs(HALF, HALF, np.zeros((2, 3)), None), "from 0 to 2. Received: float64"),
        (Runs(HALF, HALF, np.zeros((2, 3), int), ("Greek",)), "Received: 2 runs, 1 alphabets"),
        (Runs(HALF * np.nan, HALF, np.zeros((2, 3), int), None), "`support` must be finite"),
    ],
)
def test_runs_that_do_not_belong_together_are_refused(runs, message):
    with pytest.raises(ValueError, match=message):
        evaluation.one_shot(identity(2), runs)


def test_a_broken_tower_is_no_result():
    inputs = keras.Input((3,))
    broken = keras.Model(inputs, keras.layers.Rescaling(float("inf"))(inputs), name="tower")
    with pytest.raises(ValueError, match="Embeddings must be finite. Received: NaN or infinity for image 0"):
        evaluation.few_shot(broken, POINTS, LABELS, way=3)


def test_a_distance_of_ones_own_is_asked_for_whole_embeddings_only():
    def weighted(x, y):
        return keras.ops.sum(keras.ops.matmul(keras.ops.abs(x - y), np.float32([[1], [2], [3]])), axis=-1)

    found = evaluation.few_shot(identity(), POINTS, LABELS, way=3, episodes=5, distance=weighted)
    scaled = evaluation.few_shot(identity(), POINTS * [1, 2, 3], LABELS, way=3, episodes=5, distance="manhattan")
    np.testing.assert_array_equal(found.per_episode["accuracy"], scaled.per_episode["accuracy"])


def test_measuring_draws_nothing_from_the_generator_of_keras():
    """What is drawn after it, as in a training that goes on, is what would have been drawn without it."""
    drawn = []
    for measured in (False, True):
        keras.utils.set_random_seed(0)
        if measured:
            evaluation.few_shot(identity(), POINTS, LABELS, way=3, episodes=2, method="fine_tuned", steps=1)
        drawn.append(float(keras.random.normal(())))
    assert drawn[0] == drawn[1]


def test_several_views_are_averaged_before_they_are_compared():
    """As it is, the query (3, 2.5) is nearer to (4, 0) than to (0, 4). Every second view has its first component turned
    round: the mean of the query, (0, 2.5), is nearer to that of (0, 4), which stays, than to (0, 0)."""
    runs = Runs(np.float32([[[4, 0], [0, 4]]]), np.float32([[[3, 2.5]]]), np.array([[1]]), None)
    turned = {"views": 2, "augment": lambda point, seed: point * np.float32([-1, 1])}
    assert evaluation.one_shot(identity(2), runs, distance="euclidean").told.tolist() == [[0]]
    assert evaluation.one_shot(identity(2), runs, distance="euclidean", **turned).told.tolist() == [[1]]


def test_both_protocols_stand_in_the_table():
    report = evaluation.few_shot(identity(), POINTS, LABELS, GROUPS, way=3, episodes=5)
    heading, line = str(report).splitlines()
    assert heading.split("  ")[0] == "" and "within group" in heading and "over all classes" in heading
    assert "3-way 1-shot" in line and "prototype" in line
    assert "within group" not in str(evaluation.few_shot(identity(), POINTS, LABELS, way=3, episodes=5))


@pytest.mark.parametrize(
    "arguments, message",
    [
        ({"way": 7}, "An episode of 7 classes needs as many. Received: 6 in `labels`"),
        ({"way": 4, "groups": GROUPS}, "4 classes needs as many in each group. Received: 3 in group 1"),
        ({"shot": 5}, "at least 7 examples, shot=5 and query=2. Received: class 3 with 6"),
        ({"episodes": 1}, "`episodes` must be a whole number, at least 2"),
        ({"method": "best"}, "`method` must be one of .*'prototype'.* Received: 'best'"),
        ({"distance": "hamming"}, "Received: 'hamming'"),
        ({"steps": 3}, "method='prototype' has no options. Received: steps"),
        ({"method": "classifier", "steps": 3}, "has the options C. Received: steps"),
        ({"method": "fine_tuned", "rate": 3}, "has the options steps, .*Received: rate"),
        ({"method": "fine_tuned", "entropy": -1}, "Received: entropy=-1"),
        ({"method": "fine_tuned", "steps": -1}, "`steps` must be a whole number of at least 0"),
        ({"labels": LABELS[:-1]}, "36 images, 35 labels"),
        ({"images": np.ones((36, 4), "float32")}, r"takes images of shape \(3,\).* Received: images of shape \(4,\)"),
        ({"views": 2}, "Several views need `augment`"),
        ({"seed": -1}, "`seed` must be a whole number, at least 0"),
        ({"method": "classifier", "distance": "cosine"}, "takes cosine similarity: leave `distance` out"),
        ({"images": np.array(["a.png"] * 36)}, "takes images in memory. Received: <U5"),
        ({"model": "tower"}, "Expected a built keras.Model. Received: 'tower'"),
        ({"way": 4, "groups": np.array([f"g{g}" for g in GROUPS], dtype=object)}, "Received: 3 in group 'g1'"),
    ],
)
def test_few_shot_refuses_what_cannot_be(arguments, message):
    given = {"model": identity(), "images": POINTS, "labels": LABELS, "way": 3, "query": 2, "episodes": 5} | arguments
    with pytest.raises(ValueError, match=message):
        evaluation.few_shot(**given)


def test_a_verifier_has_no_prototypes_and_no_other_distance():
    verifier = models.verifier(towers.dense(3, embedding_dim=2, units=(4,)))
    with pytest.raises(ValueError, match='A verifier compares couples: method="nearest"'):
        evaluation.few_shot(verifier, POINTS, LABELS, way=3)
    with pytest.raises(ValueError, match="has learned how to compare: leave `distance` out"):
        evaluation.few_shot(verifier, POINTS, LABELS, way=3, method="nearest", distance="cosine")


@pytest.mark.parametrize("kind", [models.verifier, models.siamese])
def test_siblings_of_two_kinds_have_no_tower_for_all_images(kind):
    """Support and queries would both go through the left tower, and the right one would count for nothing."""
    mixed = kind({"left": identity(), "right": towers.dense((3,), embedding_dim=3)})
    images = np.zeros((1, 2, 3), "float32")
    runs = data.OneShotRuns(images, images, np.array([[0, 1]]), alphabets=None, source="zeros")
    with pytest.raises(ValueError, match="has towers of left, right: which of them"):
        evaluation.few_shot(mixed, POINTS, LABELS, method="nearest", episodes=2)
    with pytest.raises(ValueError, match="has towers of left, right: which of them"):
        evaluation.one_shot(mixed, runs)
