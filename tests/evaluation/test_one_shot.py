"""One-shot accuracy on fixed runs, by hand."""

from types import SimpleNamespace

import keras
import numpy as np
import pytest

from siamkeras import evaluation, models

ONES = np.ones((2, 3, 2), "float32")


def identity(dim=2):
    inputs = keras.Input((dim,))
    return keras.Model(inputs, keras.layers.Identity()(inputs), name="tower")


def make_runs(support, queries, targets, alphabets=None):
    return SimpleNamespace(support=support, queries=queries, targets=np.asarray(targets), alphabets=alphabets)


def test_one_shot_accuracy_by_hand():
    """Two runs of three points, at 0, 45 and 90 degrees. All queries of the first are correct; of the second the one at
    40 degrees has target 0. Five of six, with Wilson's interval [0.436, 0.970]."""
    angle = np.deg2rad([[0, 45, 90], [10, 50, 80], [0, 45, 90], [80, 40, 50]])
    points = np.stack([np.cos(angle), np.sin(angle)], axis=-1).astype("float32")
    runs = make_runs(points[::2], points[1::2], [[0, 1, 2], [2, 0, 1]], ("Greek", "Latin"))
    report = evaluation.one_shot(identity(), runs)
    assert report.predicted.tolist() == [[0, 1, 2], [2, 1, 1]]
    assert report.correct.tolist() == [[True, True, True], [True, False, True]]
    assert report.accuracy == pytest.approx(5 / 6)
    assert report.interval["accuracy"] == pytest.approx((0.4365, 0.9699), abs=1e-3)
    assert report.per_run.tolist() == [1.0, pytest.approx(2 / 3)]
    assert report.per_alphabet == {"Greek": 1.0, "Latin": pytest.approx(2 / 3)}
    row = str(evaluation.table({"mine": report})).splitlines()[1]
    assert row.split()[:2] == ["mine", "83.3%"] and "1 of 6" in row and "67%" in row
    runs.alphabets = None
    assert evaluation.one_shot(identity(), runs).per_alphabet == {}


def test_a_verifier_predicts_by_its_logits():
    """The weights are -1 and 0. With a bias of 90 all probabilities round to 1, but the logits differ."""
    runs = make_runs(np.float32([[[0, 0], [5, 0]]]), np.float32([[[1, 9], [4, -9]]]), [[0, 1]])
    verifier = models.verifier(identity())
    for bias in (3.0, 90.0):
        verifier.get_layer("weighted_distance").set_weights([np.float32([[-1], [0]]), np.float32([bias])])
        assert evaluation.one_shot(verifier, runs).predicted.tolist() == [[0, 1]]


def test_a_model_uses_its_own_distance():
    """From (2, 2), (1, 0) is nearer than (9, 9), which has the same direction."""
    runs = make_runs(np.float32([[[1, 0], [9, 9]]]), np.float32([[[2, 2]]]), [[0]])
    assert evaluation.one_shot(models.siamese(identity(), "euclidean"), runs).predicted.tolist() == [[0]]
    assert evaluation.one_shot(models.prototypical(identity(), way=2), runs).predicted.tolist() == [[0]]
    assert evaluation.one_shot(models.siamese(identity(), "cosine"), runs).predicted.tolist() == [[1]]
    assert evaluation.one_shot(identity(), runs).predicted.tolist() == [[1]]
    assert evaluation.one_shot(identity(), runs, distance="manhattan").predicted.tolist() == [[0]]


def test_a_tie_counts_as_wrong():
    """A collapsed tower has accuracy 0, although every target is the first support image."""
    runs = make_runs(ONES, np.ones((2, 4, 2), "float32"), np.zeros((2, 4), int))
    assert evaluation.one_shot(identity(), runs).accuracy == 0.0


def test_uint8_images_are_divided_by_255():
    points = np.uint8([[[250, 0], [10, 10]]])
    runs = make_runs(points, points.astype("float32") / 255, [[0, 1]])
    assert evaluation.one_shot(identity(), runs, distance="euclidean").accuracy == 1.0
    assert evaluation.one_shot(identity(), runs, distance="euclidean", scale=False).accuracy == 0.5


def test_views_are_averaged_before_they_are_compared():
    """The query (3, 2.5) is nearer to (4, 0) than to (0, 4). The second view negates the first component: the mean of
    the query, (0, 2.5), is nearer to that of (0, 4) than to that of (4, 0), which is (0, 0)."""
    runs = make_runs(np.float32([[[4, 0], [0, 4]]]), np.float32([[[3, 2.5]]]), [[1]])
    views = {"views": 2, "augment": lambda point, seed: point * np.float32([-1, 1])}
    assert evaluation.one_shot(identity(), runs, distance="euclidean").predicted.tolist() == [[0]]
    assert evaluation.one_shot(identity(), runs, distance="euclidean", **views).predicted.tolist() == [[1]]


def test_the_tower_runs_in_inference_mode():
    """Dropout in training mode would destroy the match of equal points."""
    inputs = keras.Input((40,))
    tower = keras.Model(inputs, keras.layers.Dropout(0.9)(inputs), name="tower")
    points = np.random.default_rng(0).normal(size=(2, 20, 40)).astype("float32")
    runs = make_runs(points, points, [np.arange(20)] * 2)
    assert evaluation.one_shot(tower, runs).accuracy == 1.0


@pytest.mark.parametrize(
    "targets, message",
    [
        (np.zeros((1, 3), int), r"\(runs, trials\) = \(2, 3\). Received: shape \(1, 3\)"),
        (np.full((2, 3), 3), r"`targets` must be integers from 0 to 2.* Received: .* values \[3\]"),
        (np.full((2, 3), -1), "from 0 to 2"),
    ],
)
def test_targets_must_be_indices_of_the_support(targets, message):
    with pytest.raises(ValueError, match=message):
        evaluation.one_shot(identity(), make_runs(ONES, ONES, targets))


def test_a_verifier_has_no_second_distance():
    runs = make_runs(ONES, ONES, np.zeros((2, 3), int))
    with pytest.raises(ValueError, match="learned distance; omit `distance`. Received: 'cosine'"):
        evaluation.one_shot(models.verifier(identity()), runs, distance="cosine")
