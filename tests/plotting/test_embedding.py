"""Two-dimensional projections of embeddings."""

import matplotlib.pyplot as plt
import numpy as np
import pytest
from figures import EMBEDDINGS, GREY, LABELS, legend
from matplotlib.colors import to_rgba
from matplotlib.offsetbox import AnnotationBbox

from siamkeras import plotting
from siamkeras.plotting._style import DIFFERENT, SAME


@pytest.fixture(autouse=True)
def close_figures():
    yield
    plt.close("all")


def plotted(ax):
    return {points.get_label(): np.asarray(points.get_offsets()) for points in ax.collections}


def test_two_dimensions_are_plotted_without_projection():
    ax = plotting.embedding(EMBEDDINGS[:, :2], LABELS, names={7: "seven", 3: "three"})
    assert legend(ax) == ["three", "seven", "11"]
    np.testing.assert_allclose(plotted(ax)["seven"], EMBEDDINGS[LABELS == 7, :2], rtol=1e-6)
    assert ax.get_xlabel() == "dimension 1" and ax.get_aspect() == 1


def test_principal_components_agree_with_the_eigenvectors_of_the_covariance(monkeypatch):
    """The sign of a direction is arbitrary, but does not depend on the solver."""
    centred = EMBEDDINGS - EMBEDDINGS.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred)
    expected = centred @ directions[:, [-1, -2]]
    ax = plotting.embedding(EMBEDDINGS, LABELS)
    points = plotted(ax)
    for label, found in points.items():
        np.testing.assert_allclose(np.abs(found), np.abs(expected[LABELS == int(label)]), atol=1e-5)
    share = 100 * variances[-1] / variances.sum()
    assert ax.get_xlabel() == f"principal component 1 ({share:.0f} % of variance)"

    svd = np.linalg.svd

    def with_opposite_signs(*args, **kwargs):
        left, singular, right = svd(*args, **kwargs)
        return -left, singular, -right

    monkeypatch.setattr(np.linalg, "svd", with_opposite_signs)
    np.testing.assert_allclose(plotted(plotting.embedding(EMBEDDINGS, LABELS))["7"], points["7"])


def test_tsne_is_repeatable():
    first, second = (plotted(plotting.embedding(EMBEDDINGS, LABELS, "tsne", seed=3)) for _ in range(2))
    for label, points in first.items():
        np.testing.assert_array_equal(points, second[label])


def test_ten_classes_have_their_own_marker_and_color_and_the_others_are_grey():
    labels = np.arange(14) * 3 + 2
    ax = plotting.embedding(np.random.default_rng(0).normal(size=(14, 2)), labels)
    assert legend(ax) == [str(label) for label in labels[:10]] + ["4 other classes"]
    colors = {tuple(points.get_facecolor()[0]) for points in ax.collections}
    markers = {points.get_paths()[0].vertices.tobytes() for points in ax.collections[:10]}
    assert (len(colors), len(markers)) == (11, 10)
    assert not colors & {to_rgba(SAME), to_rgba(DIFFERENT)}
    assert len(ax.collections[-1].get_offsets()) == 4


def test_thumbnails_replace_the_markers_with_frames_in_the_color_of_their_class():
    ax = plotting.embedding(EMBEDDINGS[:5, :2], LABELS[:5], images=GREY)
    boxes = [artist for artist in ax.artists if isinstance(artist, AnnotationBbox)]
    colors = {int(points.get_label()): tuple(points.get_edgecolor()[0]) for points in ax.collections}
    assert len(boxes) == 5
    for box, point, label, image in zip(boxes, EMBEDDINGS, LABELS, GREY, strict=False):
        np.testing.assert_allclose(box.xy, point[:2], rtol=1e-6)
        assert box.patch.get_edgecolor() == colors[label]
        np.testing.assert_allclose(box.offsetbox.get_data()[..., 0], 1 - image, atol=1e-6)


def test_collapsed_embeddings_are_one_point():
    ax = plotting.embedding(np.ones((8, 4)), LABELS)
    assert ax.get_xlabel() == "principal component 1 (0 % of variance)"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"embeddings": EMBEDDINGS[0]}, r"`embeddings` must be a numeric array \(n, dim\)"),
        ({"embeddings": EMBEDDINGS[:, :1]}, "at least 2 dimensions"),
        ({"embeddings": EMBEDDINGS * np.inf}, "`embeddings` must be finite"),
        ({"embeddings": EMBEDDINGS[:2], "labels": [7, 3]}, "at least 3 embeddings"),
        ({"labels": [7, 3]}, r"`labels` must have shape \(8,\)"),
        ({"method": "umap"}, "one of 'pca', 'tsne'"),
        ({"images": GREY}, "one image per embedding"),
        ({"embeddings": np.ones((8, 4)), "method": "tsne"}, "t-SNE needs embeddings that differ"),
    ],
)
def test_arguments_that_do_not_fit_raise(arguments, message):
    with pytest.raises(ValueError, match=message):
        plotting.embedding(**{"embeddings": EMBEDDINGS, "labels": LABELS, **arguments})
