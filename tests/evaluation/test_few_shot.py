"""Few-shot accuracy against loops over the same episodes, and by hand."""

import keras
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from siamkeras import evaluation, generators, models
from siamkeras.evaluation import _classifiers
from siamkeras.evaluation.few_shot import _t_interval

RNG = np.random.default_rng(12)
LABELS = np.repeat([7, 3, 40, 11, 5, 9], 6)
GROUPS = np.where(np.isin(LABELS, [7, 3, 40]), 2, 1)
EMBEDDINGS = (RNG.normal(size=(41, 3))[LABELS] + 0.8 * RNG.normal(size=(36, 3))).astype("float32")


def identity(dim=3):
    inputs = keras.Input((dim,))
    return keras.Model(inputs, keras.layers.Identity()(inputs), name="tower")


def evaluate(embeddings=EMBEDDINGS, labels=LABELS, *arguments, **options):
    options = {"way": 3, "shot": 2, "query": 3, "episodes": 5} | options
    return evaluation.few_shot_from_embeddings(embeddings, labels, *arguments, **options)


def cosine(a, b):
    return 1 - a @ b / np.linalg.norm(a) / np.linalg.norm(b)


def euclidean(a, b):
    return np.linalg.norm(a - b)


def predict_by_loops(support, queries, method, distance):
    """Predicted class of each query: `support` (way, shot, dim), `queries` (n, dim)."""
    predicted = []
    for query in queries:
        if method == "prototype":
            to_class = [distance(query, np.mean(examples, axis=0)) for examples in support]
        else:
            to_class = [min(distance(query, example) for example in examples) for examples in support]
        predicted.append(int(np.argmin(to_class)))
    return np.array(predicted)


@pytest.mark.parametrize("method, distance", [("prototype", cosine), ("nearest", euclidean)])
def test_accuracy_is_that_of_loops_over_the_episodes_of_the_generator(method, distance):
    options = {"method": method, "method_options": {"distance": distance.__name__}, "episodes": 20, "seed": 4}
    report = evaluate(EMBEDDINGS, LABELS, GROUPS, **options)
    for protocol, groups in (("accuracy", None), ("within", GROUPS)):
        stream = generators.episodes(EMBEDDINGS, LABELS, way=3, shot=2, query=3, steps=20, seed=4, groups=groups)
        expected = []
        for inputs, classes in stream:
            support, queries = inputs["support"].numpy().reshape(3, 2, 3), inputs["query"].numpy()
            expected.append(np.mean(predict_by_loops(support, queries, method, distance) == classes.numpy()))
        np.testing.assert_allclose(report.per_episode[protocol], expected)
        mean, error = np.mean(expected), np.std(expected, ddof=1) / np.sqrt(20)
        assert getattr(report, protocol) == pytest.approx(mean)
        half = 2.093 * error  # Student's t with 19 degrees of freedom
        assert report.interval[protocol] == pytest.approx((mean - half, min(mean + half, 1.0)), rel=1e-3)


@pytest.mark.parametrize("accuracies, end", [([1.0, 1.0, 0.9, 1.0], 1.0), ([0.0, 0.0, 0.1, 0.0], 0.0)])
def test_the_interval_of_an_accuracy_stays_within_0_and_1(accuracies, end):
    """0.975 +- 3.18 * 0.025 and 0.025 +- 3.18 * 0.025."""
    low, high = _t_interval(np.array(accuracies))
    assert end in (low, high) and 0 <= low < high <= 1
    assert high - low == pytest.approx(0.025 + 3.182 * 0.025, rel=1e-3)


def test_a_model_uses_its_own_distance():
    options = {"way": 3, "episodes": 8}
    report = evaluation.few_shot(models.siamese(identity(), "manhattan"), EMBEDDINGS, LABELS, **options)
    other = evaluation.few_shot(identity(), EMBEDDINGS, LABELS, method_options={"distance": "manhattan"}, **options)
    np.testing.assert_array_equal(report.per_episode["accuracy"], other.per_episode["accuracy"])


def test_uint8_images_are_not_divided_by_255_without_scale():
    """The tower subtracts 100 and clips at 0: divided by 255, all embeddings are 0."""
    inputs = keras.Input((3,))
    tower = keras.Model(inputs, keras.layers.ReLU()(inputs - 100))
    images, labels = np.repeat(200 * np.eye(3, dtype="uint8"), 6, axis=0), np.repeat([7, 3, 9], 6)
    options = {"way": 3, "query": 5, "episodes": 3}
    assert evaluation.few_shot(tower, images, labels, scale=False, **options).accuracy == 1.0
    assert evaluation.few_shot(tower, images, labels, **options).accuracy == pytest.approx(1 / 3)


def test_a_verifier_uses_its_learned_distance():
    """A weight of -1 on the first component alone: the distance is the difference in it."""
    verifier = models.verifier(identity(2))
    verifier.get_layer("weighted_distance").set_weights([np.float32([[-1], [0]]), np.float32([3.0])])
    options = {"way": 3, "episodes": 5, "method": "nearest"}
    report = evaluation.few_shot(verifier, EMBEDDINGS[:, :2], LABELS, **options)
    first = np.column_stack([EMBEDDINGS[:, 0], 0 * EMBEDDINGS[:, 0]])
    expected = evaluate(first, shot=1, query=5, method="nearest", method_options={"distance": "euclidean"})
    np.testing.assert_array_equal(report.per_episode["accuracy"], expected.per_episode["accuracy"])


@pytest.mark.parametrize("method", ["classifier", "fine_tuned"])
def test_a_trained_classifier_separates_clusters_and_is_at_chance_on_noise(method):
    """Five classes around distant centres: accuracy 1. Labels without meaning: one in five."""
    labels = np.repeat(np.arange(5) * 3, 10)
    noise = RNG.normal(size=(50, 5)).astype("float32")
    options = {"way": 5, "shot": 3, "query": 5, "method": method}
    options |= {"method_options": {"steps": 20}} if method == "fine_tuned" else {}
    assert evaluate(10 * np.eye(5)[labels // 3] + noise, labels, episodes=4, **options).accuracy == 1.0
    assert 0.05 < evaluate(noise, labels, episodes=8, **options).accuracy < 0.35


@pytest.mark.parametrize("C", [0.05, 200.0])
def test_the_classifier_is_logistic_regression_on_unit_length_embeddings(C):
    rng = np.random.default_rng(3)
    support, queries = rng.normal(size=(5, 4, 3)), rng.normal(size=(100, 3))
    unit_support, unit_queries = (x / np.linalg.norm(x, axis=-1, keepdims=True) for x in (support, queries))
    model = LogisticRegression(C=C, max_iter=1000).fit(unit_support.reshape(-1, 3), np.repeat(np.arange(5), 4))
    predicted = _classifiers.logistic_regression(C)(support, queries)
    np.testing.assert_array_equal(predicted, model.predict(unit_queries))


def test_fine_tuning_starts_at_the_prototypes_in_every_episode():
    """Without steps it is the nearest prototype of unit-length embeddings; and an episode leaves no trace."""
    unit = EMBEDDINGS / np.linalg.norm(EMBEDDINGS, axis=1, keepdims=True)
    untrained = evaluate(EMBEDDINGS, method="fine_tuned", method_options={"steps": 0})
    np.testing.assert_array_equal(untrained.per_episode["accuracy"], evaluate(unit).per_episode["accuracy"])
    options = {"steps": 15, "learning_rate": 0.5, "scale": 10.0}
    predict, classes = _classifiers.fine_tuned(**options), unit[:24].reshape(4, 6, 3)
    support, queries = classes[:, :2], classes[:, 2:].reshape(-1, 3)
    first = predict(support, queries)
    predict(classes[:, 4:], queries)
    np.testing.assert_array_equal(predict(support, queries), first)


def test_fine_tuning_moves_the_decision_boundary_to_fit_the_support():
    """Class 0 lies at 0, 0, 0 and 45 degrees, class 1 at 80, 80, 80 and 55. The boundary between the means is at 42
    degrees, with one support example on its wrong side, until training moves it."""
    angle = np.deg2rad([[0, 0, 0, 45], [80, 80, 80, 55]])
    support = np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype("float32")
    correct = {}
    for steps in (0, 200):
        options = {"steps": steps, "learning_rate": 0.1, "entropy": 0.0, "scale": 10.0}
        predict = _classifiers.fine_tuned(**options)
        correct[steps] = np.sum(predict(support, support.reshape(-1, 2)) == np.repeat([0, 1], 4))
    assert correct == {0: 7, 200: 8}


def test_evaluation_does_not_advance_the_random_state_of_keras():
    """So that training continues as it would have without the evaluation."""
    values = []
    for evaluated in (False, True):
        keras.utils.clear_session()  # until Keras 3.11, the seed does not reset the global random generator
        keras.utils.set_random_seed(0)
        if evaluated:
            evaluate(episodes=2, method="fine_tuned", method_options={"steps": 1})
        values.append(float(keras.random.normal(())))
    assert values[0] == values[1]


def test_a_table_has_a_column_for_each_protocol():
    both, over_all = evaluate(EMBEDDINGS, LABELS, GROUPS), evaluate()
    heading, row = str(both).splitlines()
    assert "within group" in heading and "over all classes" in heading and "within group" not in str(over_all)
    assert row.split()[:3] == ["3-way", "2-shot", "prototype"]


@pytest.mark.parametrize(
    "options, message",
    [
        ({"way": 7}, "7 classes"),
        ({"way": 4, "groups": GROUPS}, "group"),
        ({"shot": 5}, "at least 8 examples"),
        ({"episodes": 1}, "`episodes` must be an integer of at least 2"),
        ({"labels": LABELS[:-1]}, "`labels` must have one entry for each of the 36 examples. Received: 35"),
        ({"embeddings": EMBEDDINGS * np.nan}, "`embeddings` must be finite"),
        ({"method": "best"}, "`method` must be one of 'prototype', 'nearest', 'classifier', 'fine_tuned'"),
        ({"method_options": {"distance": "hamming"}}, "'hamming'"),
    ],
)
def test_argument_errors(options, message):
    with pytest.raises(ValueError, match=message):
        evaluate(**options)


def test_prototypes_of_a_verifier_and_models_of_two_towers_are_rejected():
    with pytest.raises(ValueError, match='A verifier compares pairs; use method="nearest"'):
        evaluation.few_shot(models.verifier(identity()), EMBEDDINGS, LABELS)
    with pytest.raises(ValueError, match="several towers"):
        evaluation.few_shot(models.siamese({"left": identity(), "right": identity()}), EMBEDDINGS, LABELS)
