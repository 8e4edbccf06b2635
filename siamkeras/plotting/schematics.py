"""Schematics of the methods: figures without data, with the same shapes and colours in all of them.

Characters in a square are images, and one character in several typefaces is one class. Striped columns are embeddings,
light blue is trained, grey is frozen. Blue and orange mean same and different, as in all figures.
"""

import numpy as np
from matplotlib.patches import Circle, Ellipse, FancyArrowPatch, Rectangle

from siamkeras._validation import check_choice
from siamkeras.plotting._style import DIFFERENT, MARGIN, NEUTRAL, PALETTE, SAME, new_axes, set_title

_EMBEDDINGS = ((0.9, 0.2, 0.6, 0.1, 0.7), (0.8, 0.3, 0.6, 0.2, 0.5))  # similar, of one class
_INCHES = 0.5  # per unit of the coordinates
_TRAINED, _FROZEN, _SAVED = PALETTE[3], "#DDDDDD", "#EEE6BB"
_CHARACTERS = "\u03a8\u03bb\u03b8\u03be\u03b2"  # Greek psi, lambda, theta, xi, beta
# Typefaces of matplotlib and rotations: different handwriting.
_HANDS = (("DejaVu Sans", 0), ("DejaVu Serif", 12), ("DejaVu Sans Mono", -14), ("STIXGeneral", 7))


def schematic(name, title=None, ax=None):
    """Plots a schematic of a method.

    Args:
        name: "siamese_network", "pull_and_push" (contrastive loss), "triplet_zones", "similarity_matrix" (in-batch
            softmax), "retrieval", "weighted_distance_head", "episode", "prototypes", "freeze_and_fine_tune",
            "identification", "verification", "bi_and_cross_encoder", "tracking", "few_shot_segmentation",
            "deployment" or "data_parallel".
        title: Title of the figure.
        ax: Axes to plot into; a new figure by default.

    Returns:
        The Axes.
    """
    return SCHEMATICS[check_choice("name", name, SCHEMATICS)](title, ax)


def siamese_network(title=None, ax=None):
    """Shows a Siamese network: two inputs, one tower with shared weights, two embeddings, their distance."""
    ax = _canvas(ax, title, "A Siamese network: one tower, two images", 16, 5.2)
    ax.add_patch(Rectangle((4.0, 0.25), 3.6, 4.7, fill=False, ls="--", ec=MARGIN))
    for y, side, hand, letter in ((3.9, "left", 0, "a"), (1.3, "right", 1, "b")):
        _image(ax, 1.9, y, 0, hand, size=1.3)
        _text(ax, 0.6, y, side)
        _arrow(ax, (2.7, y), (4.5, y))
        _box(ax, 5.8, y, "tower", 2.4, 1.2)
        _arrow(ax, (7.1, y), (8.9, y))
        _vector(ax, 9.2, y, _EMBEDDINGS[hand])
        _text(ax, 9.7, y, f"embedding {letter}", ha="left")
        _arrow(ax, (12.2, y), (13.1, 2.6 + 0.3 * np.sign(y - 2.6)))
    _text(ax, 5.8, 2.6, "shared weights")
    _box(ax, 14.4, 2.6, "distance\nd(a, b)", 2.4, 1.4, "white")
    return ax


def pull_and_push(title=None, ax=None):
    """Shows the contrastive loss: a positive pair is pulled together, a negative one is pushed to the margin."""
    ax = _canvas(ax, title, "Contrastive loss: pull and push", 16, 7)
    anchor, margin = np.array([5.0, 3.5]), 2.6
    ax.add_patch(Circle(anchor, margin, fill=False, ls=":", lw=2, ec=MARGIN))
    _arrow(ax, anchor, anchor + margin * _at(-90), color=MARGIN, style="<|-|>")
    _text(ax, 5.2, 2.2, "margin $m$", ha="left", color=MARGIN)
    _dots(ax, [anchor], "black", "*", "anchor")
    far, near, outside = anchor + 3.9 * _at(160), anchor + 1.4 * _at(15), anchor + 3.9 * _at(-20)
    _arrow(ax, far, anchor + 1.6 * _at(160), color=SAME)
    _arrow(ax, near, anchor + margin * _at(15), color=DIFFERENT)
    _dots(ax, [far], SAME, "o", "positive")
    _dots(ax, [near, outside], DIFFERENT, "s", "negative", shift=(0, -0.5))
    rows = (
        (5.6, "Same class: pulled at every distance", "loss $d^2 / 2$", SAME),
        (3.5, "Different, inside the margin: pushed", "loss $(m - d)^2 / 2$", DIFFERENT),
        (1.4, "Different, beyond the margin: no force", "loss 0", MARGIN),
    )
    for y, words, loss, color in rows:
        _text(ax, 10.3, y + 0.3, words, ha="left", color=color)
        _text(ax, 10.3, y - 0.3, loss, ha="left")
    return ax


def triplet_zones(title=None, ax=None):
    """Shows the zones of negatives around an anchor: hard, semi-hard and easy, by distance."""
    ax = _canvas(ax, title, "Triplet loss: hard, semi-hard and easy negatives", 16, 7.4)
    anchor, positive, margin = np.array([4.2, 3.7]), 1.7, 1.5
    ax.add_patch(Rectangle((0.1, 0.1), 8.4, 7.2, fc="#F5F5F5", ec="none", zorder=0))
    ax.add_patch(Circle(anchor, positive + margin, fc="#FBE3D3", ec=MARGIN, ls=":", lw=2, zorder=0))
    ax.add_patch(Circle(anchor, positive, fc="#F2B48D", ec=SAME, lw=1.5, zorder=0))
    _arrow(ax, anchor, anchor - (positive, 0), "$d_{pos}$", SAME, "<|-|>")
    _arrow(ax, anchor - (positive, 0), anchor - (positive + margin, 0), "margin $m$", MARGIN, "<|-|>")
    _dots(ax, [anchor], "black", "*", "anchor", shift=(0, -0.5))
    _dots(ax, [anchor - (positive, 0)], SAME, "o", "positive", shift=(-0.75, -0.45))
    zones = (
        (1.2, 55, 6.0, "hard: nearer than the positive", "$d_{neg} \\leq d_{pos}$, loss at least $m$"),
        (2.5, 0, 3.7, "semi-hard: farther, within the margin", "$d_{pos} < d_{neg} < d_{pos} + m$, loss below $m$"),
        (4.3, -34, 1.4, "easy: beyond the margin", "$d_{neg} \\geq d_{pos} + m$, loss 0"),
    )
    for distance, angle, y, words, consequence in zones:
        point = anchor + distance * _at(angle)
        ax.plot([point[0] + 0.25, 8.9], [point[1], y], color=NEUTRAL, lw=0.8)
        _dots(ax, [point], DIFFERENT, "s")
        _text(ax, 9.1, y + 0.3, words, ha="left", weight="bold")
        _text(ax, 9.1, y - 0.3, consequence, ha="left")
    return ax


def similarity_matrix(title=None, ax=None):
    """Shows the similarity matrix of a batch of pairs, positives on the diagonal, and the softmax of one row."""
    ax = _canvas(ax, title, "A batch of pairs: each row is a classification", 16, 7.6)
    tenths = [[8, 1, 3, 0, 2], [2, 9, 1, 3, 1], [3, 1, 7, 4, 2], [1, 2, 3, 8, 0], [0, 2, 1, 1, 9]]
    similarity = np.array(tenths) / 10
    for i, row in enumerate(similarity):
        y = 5.1 - i
        _image(ax, 1.5, y, i, 0, size=0.8)
        _image(ax, 2.6 + i, 6.2, i, 1, size=0.8)
        for j, value in enumerate(row):
            color = (SAME if i == j else DIFFERENT, 0.15 + 0.6 * value)
            ax.add_patch(Rectangle((2.1 + j, y - 0.5), 1, 1, fc=color, ec="white"))
            _text(ax, 2.6 + j, y, f"{value:.1f}")
    _text(ax, 0.6, 3.1, "anchors", rotation=90)
    _text(ax, 4.6, 7.1, "positives")
    ax.add_patch(Rectangle((2.1, 2.6), 5, 1, fill=False, ec="black", lw=2))
    _arrow(ax, (7.3, 3.1), (9.3, 3.1), "one row")
    probability = np.exp(similarity[2] / 0.2) / np.exp(similarity[2] / 0.2).sum()
    for j, share in enumerate(probability):
        ax.add_patch(Rectangle((9.8 + j, 3.1), 0.7, 3 * share, fc=SAME if j == 2 else DIFFERENT, ec="none"))
        _text(ax, 10.15 + j, 3.4 + 3 * share, f"{share:.2f}")
        _image(ax, 10.15 + j, 2.5, j, 1, size=0.8)
    _text(ax, 12.15, 6.4, "softmax of similarity / temperature,\ntemperature 0.2")
    _text(ax, 12.15, 1.3, r"loss of this row: $-\log$ " + f"{probability[2]:.2f} = {-np.log(probability[2]):.2f}")
    return ax


def retrieval(title=None, ax=None):
    """Shows retrieval: the query is embedded, compared with the gallery and ranked by distance."""
    ax = _canvas(ax, title, "Retrieval: rank the gallery by distance to the query", 16, 6)
    _text(ax, 1.0, 4.2, "query")
    _image(ax, 1.0, 3.2, 0, 0, size=1.2)
    _arrow(ax, (1.75, 3.2), (2.6, 3.2))
    _box(ax, 3.6, 3.2, "tower", 1.8, 1.2)
    query = np.array([7.6, 3.2])
    _arrow(ax, (4.6, 3.2), query)
    ax.add_patch(Rectangle((5.4, 0.5), 5.2, 5.0, fill=False, ec=NEUTRAL))
    _text(ax, 8.0, 5.75, "embeddings of the gallery")
    _text(ax, 8.0, 0.2, "circle: class of the query, square: other class")
    gallery = query + np.array([[0.5, 0.55], [-0.1, -1.0], [1.35, -0.3], [-1.2, 1.4], [1.7, 1.9], [2.3, -1.5]])
    kinds = (0, 0, 1, 0, 2, 3)
    for rank, (point, kind) in enumerate(zip(gallery, kinds, strict=True)):
        if rank < 3:
            ax.plot(*zip(query, point, strict=True), color=NEUTRAL, lw=1, zorder=1)
        _dots(ax, [point], SAME if kind == 0 else DIFFERENT, "o" if kind == 0 else "s")
    _dots(ax, [query], "black", "*", "query", shift=(-0.6, 0.35))
    _arrow(ax, (10.8, 3.2), (11.7, 3.2))
    _text(ax, 13.7, 5.3, "ranking by distance")
    for rank in range(3):
        y, kind = 4.4 - 1.4 * rank, kinds[rank]
        _text(ax, 12.2, y, f"{rank + 1}")
        _image(ax, 13.2, y, kind, rank + 1, size=1.1, color=SAME if kind == 0 else DIFFERENT)
        _text(ax, 14.1, y, "correct" if kind == 0 else "wrong", ha="left")
    return ax


def weighted_distance_head(title=None, ax=None):
    """Shows the head of Koch et al. (2015): weighted absolute differences of two embeddings and a sigmoid."""
    ax = _canvas(ax, title, "The head of Koch et al.: a weighted distance and a sigmoid", 16, 4.6)
    left, right, weights = (np.array(row) for row in ([4, 1, 3, 0, 2], [3, 1, 0, 0, 4], [1, 3, 4, 2, 1]))
    columns = ((1.2, left, "l"), (3.2, right, "r"), (6.0, np.abs(left - right), "|l \u2212 r|"), (8.6, weights, "w"))
    for x, values, name in columns:
        _vector(ax, x, 2.4, values / 4, color=_TRAINED if name == "w" else PALETTE[0], size=0.5)
        _text(ax, x, 4.1, name)
    for x, sign in ((2.2, "\u2212"), (7.3, "\u00d7")):
        _text(ax, x, 2.4, sign, size=16)
    _arrow(ax, (3.9, 2.4), (5.2, 2.4))
    _text(ax, 2.2, 0.6, "embeddings")
    _text(ax, 6.0, 0.6, "differences")
    _text(ax, 8.6, 0.6, "learned weights")
    _arrow(ax, (9.2, 2.4), (10.2, 2.4))
    _box(ax, 11.0, 2.4, "sum\n+ bias", 1.6, 1.3)
    _arrow(ax, (11.8, 2.4), (12.5, 2.4))
    _box(ax, 13.3, 2.4, "sigmoid", 1.6, 1.3, "white")
    _arrow(ax, (14.1, 2.4), (14.8, 2.4))
    _text(ax, 15.4, 2.4, "P(same)")
    return ax


def episode(title=None, ax=None):
    """Shows a 3-way 2-shot episode: a support set with labels and queries without."""
    ax = _canvas(ax, title, "An episode: 3-way 2-shot, with 2 queries per class", 16, 6.8)
    for x, name in ((1.0, "support set, with labels"), (9.0, "queries, to classify")):
        ax.add_patch(Rectangle((x, 0.9), 6.4, 4.8, fill=False, ec=NEUTRAL))
        _text(ax, x + 3.2, 6.2, name, weight="bold")
    classes_of_queries = ((2, 0), (1, 2), (0, 1))
    for row in range(3):
        y = 4.8 - 1.5 * row
        _text(ax, 2.1, y, f"class {row + 1}", color=PALETTE[row])
        for shot in range(2):
            _image(ax, 4.2 + 1.9 * shot, y, row, shot, size=1.2, color=PALETTE[row])
            _image(ax, 10.6 + 2.6 * shot, y, classes_of_queries[row][shot], 3 - shot, size=1.2)
            _text(ax, 11.6 + 2.6 * shot, y, "?", size=14)
    _text(ax, 0.5, 3.3, "N = 3 classes", rotation=90)
    _text(ax, 5.15, 0.4, "K = 2 examples per class")
    _arrow(ax, (7.5, 3.3), (8.9, 3.3))
    return ax


def prototypes(title=None, ax=None):
    """Shows prototypes: the mean of the support embeddings of each class; a query belongs to the nearest."""
    ax = _canvas(ax, title, "Prototypes: the nearest class mean decides", 16, 6.4)
    centers = np.array([[3.0, 4.4], [8.4, 4.9], [6.2, 1.4]])
    query = np.array([5.0, 3.9])
    for number, center in enumerate(centers):
        color, (x, y) = PALETTE[number], query - center
        turns = np.degrees(np.arctan2(y, x)) + np.array([60, 180, 300])  # away from the line to the query
        support = center + np.array([length * _at(turn) for length, turn in zip((1.1, 0.8, 1), turns, strict=True)])
        mean = support.mean(axis=0)
        for point in support:
            ax.plot(*zip(point, mean, strict=True), color=color, lw=0.8, zorder=1)
        ax.plot(*zip(query, mean, strict=True), color="black", lw=1.5, ls="-" if number == 0 else ":", zorder=1)
        _dots(ax, support, color, "osD"[number])
        _dots(ax, [mean], color, "X", size=14)
    _dots(ax, [query], "black", "*", "query", shift=(0.75, -0.1))
    legend = (
        (4.9, "osD", "support embeddings"),
        (3.9, "X", "prototype: their mean,\none per class"),
        (2.9, "*", "query: embedding\nto classify"),
    )
    for y, markers, words in legend:
        for place, marker in enumerate(markers):
            color = "black" if marker == "*" else PALETTE[place]
            _dots(ax, [(10.6 + 0.45 * place, y)], color, marker, size=14 if marker == "X" else 9)
        _text(ax, 12.0, y, words, ha="left")
    ax.plot([10.4, 11.6], [1.9, 1.9], color="black", lw=1.5)
    _text(ax, 12.0, 1.9, "smallest distance:\nthe predicted class", ha="left")
    return ax


def freeze_and_fine_tune(title=None, ax=None):
    """Shows three stages of transfer: pretraining, a new head on the frozen tower, fine-tuning of the last layers."""
    ax = _canvas(ax, title, "Transfer: pretrain, freeze, fine-tune", 16, 7.8)
    stages = (
        ("1. Pretrain", "many classes,\nmuch data", "classifier", 4),
        ("2. Freeze", "few examples:\ntrain the new head", "new head", 0),
        ("3. Fine-tune", "last layers too,\nsmall learning rate", "new head", 2),
    )
    for stage, (name, words, head, trained) in enumerate(stages):
        x = 2.7 + 5.3 * stage
        _text(ax, x, 7.4, name, weight="bold")
        _text(ax, x, 6.6, words)
        _box(ax, x, 5.4, head, 3.0, 0.8)
        for layer in range(4):
            color = _TRAINED if layer < trained else _FROZEN
            _box(ax, x, 4.2 - 0.9 * layer, f"layer {4 - layer}", 3.0, 0.7, color)
        if stage < 2:
            _arrow(ax, (x + 1.8, 3.0), (x + 3.5, 3.0), "weights")
    for x, color, words in ((5.6, _TRAINED, "trained"), (8.7, _FROZEN, "frozen")):
        _box(ax, x, 0.4, "", 0.5, 0.4, color)
        _text(ax, x + 0.5, 0.4, words, ha="left")
    return ax


def deployment(title=None, ax=None):
    """Shows a system in use: a saved tower, an index of embeddings and a threshold chosen on validation data."""
    ax = _canvas(ax, title, "In use: a saved tower, an index, a threshold", 16, 7.2)
    ax.add_patch(Rectangle((3.1, 1.0), 2.4, 5.9, fc=_SAVED, ec="black"))
    _text(ax, 4.3, 3.9, "tower")
    for place in range(3):
        _image(ax, 0.5 + 0.8 * place, 5.8, place, 0, size=0.7)
        _vector(ax, 7.1 + 0.5 * place, 5.8, np.roll(_EMBEDDINGS[0], place))
    _image(ax, 1.3, 2.1, 0, 1, size=0.7)
    _vector(ax, 7.6, 2.1, _EMBEDDINGS[1])
    for y, files, embeddings in ((5.8, "gallery files", "embeddings"), (2.1, "new file", "embedding")):
        _text(ax, 1.3, y - 0.8, files)
        _text(ax, 7.6, y - 1.1, embeddings)
        for start, end in ((2.45, 3.2), (5.4, 6.8), (8.4, 9.5)):
            _arrow(ax, (start, y), (end, y))
    for x, y, text, width, color in (
        (10.6, 5.8, "index of\nembeddings", 2.2, _SAVED),
        (14.2, 5.8, "threshold from\nvalidation data", 3.0, _SAVED),
        (10.6, 2.1, "nearest\nneighbour", 2.2, "white"),
        (14.2, 3.9, "distance\nbelow threshold?", 3.0, "white"),
    ):
        _box(ax, x, y, text, width, 1.2, color)
    for start, end in (((10.6, 5.2), (10.6, 2.7)), ((14.2, 5.2), (14.2, 4.5)), ((11.7, 2.1), (12.7, 3.7))):
        _arrow(ax, start, end)
    for x, answer in ((13.4, "yes:\nits label"), (15.0, "no:\nunknown")):
        _arrow(ax, (x, 3.3), (x, 2.4))
        _text(ax, x, 1.9, answer)
    _box(ax, 7.2, 0.4, "", 0.5, 0.4, _SAVED)
    _text(ax, 7.7, 0.4, "saved to a file", ha="left")
    return ax


def data_parallel(title=None, ax=None):
    """Shows training on two processes: each loads and embeds half of a batch, and the loss compares all embeddings."""
    ax = _canvas(ax, title, "Data parallelism: half of the batch each, one loss for all of it", 16, 6.8)
    _text(ax, 5.0, 3.4, "same weights")
    for process, y in enumerate((5.0, 1.8)):
        ax.add_patch(Rectangle((0.3, y - 1.3), 8.5, 2.6, fill=False, ls="--", ec=MARGIN))
        _text(ax, 0.5, y + 1.0, f"process {process}", ha="left")
        for place in range(2):
            _image(ax, 1.4 + 1.0 * place, y, 2 * process + place, process, size=0.8)
            _vector(ax, 7.4 + 0.6 * place, y - 0.1, np.roll(_EMBEDDINGS[process], 2 * process + place))
        _text(ax, 1.9, y - 0.8, "its half of the batch")
        _box(ax, 5.0, y, "tower", 1.9, 1.2)
        _arrow(ax, (2.8, y), (4.2, y))
        _arrow(ax, (5.8, y), (7.2, y))
        _arrow(ax, (8.2, y), (10.2, 3.4 + 0.3 * np.sign(y - 3.4)))
    _box(ax, 11.3, 3.4, "loss of the\nwhole batch", 2.4, 1.3, "white")
    _arrow(ax, (12.5, 3.4), (13.1, 3.4))
    _box(ax, 14.5, 3.4, "gradient:\nthe same update\nfor both towers", 2.9, 1.6, "white")
    return ax


def identification(title=None, ax=None):
    """Shows verification of a claimed identity (1:1), and identification in a gallery with strangers (1:N)."""
    ax = _canvas(ax, title, "Verification (1:1) and identification (1:N)", 16, 7.6)
    for y, count, right, question, yes, no in (
        (5.9, 1, 7.9, "distance below\nthe threshold?", "yes: same", "no: different"),
        (2.0, 4, 11.2, "smallest distance\nbelow the threshold?", "yes: that person", "no: a stranger"),
    ):
        _image(ax, 0.8, y, 0, 1, size=0.9)
        _text(ax, 0.8, y - 0.85, "probe")
        _box(ax, 3.1, y, "detect, align,\ncrop, tower", 2.5, 1.2)
        _vector(ax, 5.4, y, _EMBEDDINGS[1])
        for place in range(count):
            x = 7.5 + 1.05 * place
            _image(ax, x, y + 0.6, place, 0, size=0.7)
            _vector(ax, x, y - 0.5, np.roll(_EMBEDDINGS[0], place), size=0.22)
        for start, end in ((1.2, 1.95), (4.25, 5.3), (right, 12.2)):
            _arrow(ax, (start, y), (end, y))
        _arrow(ax, (5.5, y), (7.2, y), style="<|-|>")
        _box(ax, 13.9, y, question, 3.6, 1.2, "white")
        _text(ax, 13.9, y - 0.95, yes)
        _text(ax, 13.9, y - 1.4, no)
    _text(ax, 7.5, 7.2, "photo of the claimed person")
    _text(ax, 9.1, 3.3, "gallery of N people")
    return ax


def verification(title=None, ax=None):
    """Shows verification: the distances of a questioned signature to the references of a writer, and a threshold."""
    ax = _canvas(ax, title, "Verification: compare a questioned signature with references", 16, 6.4)
    ax.add_patch(Rectangle((4.1, 0.5), 2.0, 5.4, fc=_TRAINED, ec="black"))
    _text(ax, 5.1, 3.2, "tower")
    for place in range(3):
        _image(ax, 0.8 + 1.1 * place, 4.8, 0, place, size=0.9)
        _vector(ax, 7.7 + 0.5 * place, 4.8, np.roll(_EMBEDDINGS[0], place == 2))
    _image(ax, 1.9, 1.7, 0, 3, size=0.9)
    _vector(ax, 8.2, 1.7, _EMBEDDINGS[1])
    _text(ax, 1.9, 3.9, "three references")
    _text(ax, 1.9, 0.8, "questioned signature")
    _text(ax, 8.2, 5.9, "embeddings")
    for y, gap in ((4.8, 0.0), (1.7, 1.0)):
        _arrow(ax, (3.5 - gap, y), (4.2, y))
        _arrow(ax, (6.0, y), (7.4 + gap / 2, y))
    _arrow(ax, (8.2, 2.5), (8.2, 4.0), style="<|-|>")
    _text(ax, 8.5, 3.25, "three\ndistances", ha="left")
    _arrow(ax, (10.3, 3.25), (11.3, 3.25))
    _box(ax, 13.0, 3.25, "score: their mean\nbelow the threshold?", 3.4, 1.2, "white")
    for x, answer in ((12.1, "yes:\naccept"), (13.9, "no:\nreject")):
        _arrow(ax, (x, 2.65), (x, 1.7))
        _text(ax, x, 1.2, answer)
    return ax


def bi_and_cross_encoder(title=None, ax=None):
    """Shows two ways to compare sentences: a bi-encoder embeds each one, a cross-encoder reads both together."""
    ax = _canvas(ax, title, "Two ways to compare sentences", 16, 6.4)
    for x, name in ((4.3, "bi-encoder: a Siamese network"), (12.9, "cross-encoder")):
        _text(ax, x, 6.0, name, weight="bold")
    ax.plot([9.4, 9.4], [0.3, 6.2], color=NEUTRAL, lw=0.8)
    ax.add_patch(Rectangle((2.2, 1.6), 2.8, 3.7, fill=False, ls="--", ec=MARGIN))
    _text(ax, 3.6, 3.45, "shared weights")
    for y, sentence, values in ((4.6, "sentence A", _EMBEDDINGS[0]), (2.3, "sentence B", _EMBEDDINGS[1])):
        _text(ax, 1.1, y, sentence)
        _arrow(ax, (1.9, y), (2.9, y))
        _box(ax, 3.6, y, "tower", 1.4, 1.0)
        _arrow(ax, (4.3, y), (5.4, y))
        _vector(ax, 5.6, y, values)
        _arrow(ax, (5.8, y), (6.9, 3.45 + 0.2 * np.sign(y - 3.4)))
    _box(ax, 7.8, 3.45, "cosine\nsimilarity", 1.7, 1.1, "white")
    _text(ax, 4.5, 0.7, "embeddings are computed once and stored:\n10,000 sentences, 10,000 passes")
    _text(ax, 10.7, 3.45, "sentence A\nand\nsentence B")
    _arrow(ax, (11.5, 3.45), (12.3, 3.45))
    _box(ax, 13.2, 3.45, "network", 1.7, 2.6)
    _arrow(ax, (14.1, 3.45), (14.7, 3.45))
    _text(ax, 15.3, 3.45, "similarity")
    _text(ax, 12.8, 0.7, "every pair is a pass of its own:\n10,000 sentences, 49,995,000 passes")
    return ax


def tracking(title=None, ax=None):
    """Shows a Siamese tracker: the embeddings of a template slide over those of a search image, a map of scores."""
    ax = _canvas(ax, title, "Siamese tracking: slide the template over the search image", 16, 6.6)
    ax.add_patch(Rectangle((4.2, 0.6), 1.7, 5.2, fc=_TRAINED, ec="black"))
    _text(ax, 5.05, 3.2, "tower")
    _image(ax, 2.1, 4.9, 0, 0, size=1.2)
    _text(ax, 2.1, 5.9, "template from frame 1")
    ax.add_patch(Rectangle((0.7, 0.6), 2.8, 2.8, fc="white", ec="black", lw=1.5))
    for x, y, kind in ((2.75, 1.35, 0), (1.3, 2.7, 1)):
        _image(ax, x, y, kind, 0, size=1.0, color="white")
    _text(ax, 2.1, 0.25, "search image: part of a later frame")
    cells = {"template": np.full((2, 2), 0.6), "search": np.full((5, 5), 0.2), "scores": np.full((4, 4), 0.1)}
    cells["search"][3:, 3:], cells["scores"][3, 3], cells["scores"][0, 0] = 0.6, 0.9, 0.35
    for name, left, top in (("template", 8.1, 5.3), ("search", 7.5, 3.0), ("scores", 13.2, 4.2)):
        color = DIFFERENT if name == "scores" else PALETTE[0]
        for (row, column_), value in np.ndenumerate(cells[name]):
            corner = left + 0.45 * column_, top - 0.45 * (row + 1)
            ax.add_patch(Rectangle(corner, 0.45, 0.45, fc=(color, value), ec="black", lw=0.8))
    for y in (4.9, 2.0):
        _arrow(ax, (2.9 if y > 3 else 3.5, y), (4.3, y))
        _arrow(ax, (5.8, y), (7.9 if y > 3 else 7.4, y))
    _text(ax, 8.6, 5.9, "maps of embeddings")
    _arrow(ax, (9.2, 4.7), (10.3, 3.8))
    _arrow(ax, (9.9, 2.2), (10.3, 2.9))
    _box(ax, 11.4, 3.35, "cross-\ncorrelation", 1.9, 1.0, "white")
    _arrow(ax, (12.3, 3.35), (13.1, 3.35))
    _text(ax, 14.1, 4.7, "score map")
    _text(ax, 14.1, 1.7, "largest score:\nposition of the target")
    return ax


def few_shot_segmentation(title=None, ax=None):
    """Shows few-shot segmentation: prototypes from a reference and its mask, compared with each position of a query."""
    ax = _canvas(ax, title, "Few-shot segmentation: compare each position with a reference", 16, 7.4)
    ax.add_patch(Rectangle((3.2, 0.9), 1.7, 6.0, fc=_TRAINED, ec="black"))
    _text(ax, 4.05, 3.9, "tower")
    inside = np.zeros((2, 4, 4))
    inside[0, 1:3, 1:3], inside[1, 1:3, 2:4], inside[1, 0, 3] = 1, 1, 0.4
    for row, (y, name) in enumerate(((5.5, "annotated reference"), (2.0, "query"))):
        _organ(ax, 1.4, y, 1.4 + 0.3 * row, shift=0.15 * row, outline="-" if row == 0 else None)
        _text(ax, 1.4, y - 1.35, name)
        _arrow(ax, (2.4, y), (3.3, y))
        _arrow(ax, (4.8, y), (5.6, y))
        _grid(ax, 6.6, y, inside[row] if row == 0 else np.zeros((4, 4)))
    _text(ax, 6.6, 4.15, "feature maps")
    _arrow(ax, (7.5, 5.5), (9.1, 5.5), "mean")
    for x, color, name in ((9.4, SAME, "inside"), (10.7, DIFFERENT, "outside")):
        _vector(ax, x, 5.5, _EMBEDDINGS[x > 10], color)
        _text(ax, x, 6.6, name, color=color)
    _text(ax, 10.0, 4.3, "prototypes")
    _arrow(ax, (7.5, 2.0), (8.8, 2.0))
    _arrow(ax, (10.0, 4.1), (10.0, 2.9))
    _box(ax, 10.0, 2.0, "compare", 2.2, 1.2, "white")
    _arrow(ax, (11.1, 2.0), (11.7, 2.0))
    _grid(ax, 12.6, 2.0, inside[1])
    _text(ax, 12.6, 0.65, "similarity map")
    _arrow(ax, (12.6, 2.9), (12.6, 4.9))
    _box(ax, 12.6, 5.5, "decoder", 1.6, 1.2)
    _arrow(ax, (13.4, 5.5), (14.0, 5.5))
    _organ(ax, 15.0, 5.5, 1.7, shift=0.15, outline="--")
    _text(ax, 14.9, 4.15, "predicted mask")
    return ax


def _canvas(ax, title, default, width, height):
    ax = new_axes(ax, _INCHES * width, _INCHES * height + 0.3)
    ax.set(xlim=(0, width), ylim=(0, height), aspect="equal")
    ax.axis("off")
    set_title(ax, title, default)
    return ax


def _at(degrees):
    """Unit vector of a direction."""
    return np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])


def _text(ax, x, y, text, ha="center", size=10, **style):
    ax.text(x, y, text, ha=ha, va="center", fontsize=size, **style)


def _box(ax, x, y, text, width, height, color=_TRAINED):
    """A box with text, centred at (x, y)."""
    ax.add_patch(Rectangle((x - width / 2, y - height / 2), width, height, fc=color, ec="black"))
    _text(ax, x, y, text)


def _arrow(ax, start, end, text="", color="black", style="-|>"):
    """An arrow with text above its middle; it keeps a distance from both ends."""
    gap = {"shrinkA": 5, "shrinkB": 5}
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle=style, mutation_scale=14, color=color, lw=1.5, **gap))
    _text(ax, (start[0] + end[0]) / 2, (start[1] + end[1]) / 2 + 0.3, text, color=color)


def _dots(ax, points, color, marker, text="", shift=(0, 0.5), size=9):
    """Embeddings as markers, each with a text beside it."""
    ax.plot(*np.transpose(points), marker, color=color, mec="white", ms=15 if marker == "*" else size, zorder=3)
    for x, y in points:
        _text(ax, x + shift[0], y + shift[1], text, color=color)


def _image(ax, x, y, kind, hand, size, color="black"):
    """A square image of a character; `kind` is its class."""
    ax.add_patch(Rectangle((x - size / 2, y - size / 2), size, size, fc="white", ec=color, lw=1.5))
    family, rotation = _HANDS[hand % len(_HANDS)]
    style = {"family": family, "rotation": rotation, "fontsize": 19 * size, "ha": "center", "va": "center_baseline"}
    ax.text(x, y, _CHARACTERS[kind], **style)


def _organ(ax, x, y, radius, shift, outline):
    """A square scan with an organ; a solid outline is an annotation, a dashed one a prediction."""
    ax.add_patch(Rectangle((x - 0.9, y - 0.9), 1.8, 1.8, fc="#222222", ec="black"))
    ax.add_patch(Ellipse((x, y), 1.6, 1.4, fc="#777777", ec="none"))
    ax.add_patch(Ellipse((x - 0.45, y + 0.3), 0.35, 0.3, fc="#AAAAAA", ec="none"))
    edge = {None: "none", "-": SAME, "--": DIFFERENT}[outline]
    style = {"ls": outline or "-", "lw": 2.5}
    ax.add_patch(Ellipse((x + shift, y + shift / 2), radius / 2.2, radius / 2.6, fc="#DDDDDD", ec=edge, **style))


def _grid(ax, x, y, values):
    """Feature maps as 4x4 cells; the larger a value, the darker."""
    for row, cells in enumerate(values):
        for column, value in enumerate(cells):
            corner = x - 0.9 + 0.45 * column, y + 0.45 - 0.45 * row
            ax.add_patch(Rectangle(corner, 0.45, 0.45, fc=(SAME, value), ec=NEUTRAL, lw=0.8))


def _vector(ax, x, y, values, color=PALETTE[0], size=0.32):
    """An embedding as a column of five cells, the darker the larger."""
    for cell, value in enumerate(values):
        bottom = y + size * (1.5 - cell)
        ax.add_patch(Rectangle((x - size / 2, bottom), size, size, fc=(color, value), ec="black", lw=0.8))


SCHEMATICS = {
    function.__name__: function
    for function in (
        siamese_network,
        pull_and_push,
        triplet_zones,
        similarity_matrix,
        retrieval,
        weighted_distance_head,
        episode,
        prototypes,
        freeze_and_fine_tune,
        deployment,
        data_parallel,
        identification,
        verification,
        bi_and_cross_encoder,
        tracking,
        few_shot_segmentation,
    )
}
