"""Renders docs/overview.png: the schematic of a Siamese network, and what training does to the distances of pairs.

The histograms are of the 20 evaluation alphabets of Omniglot (or of a synthetic stand-in), which were not in the
training set of the pretrained tower.
"""

from pathlib import Path

import matplotlib.pyplot as plt
from matplotlib.patches import FancyArrowPatch, FancyBboxPatch

from siamkeras import data, evaluation, generators, models, plotting, towers
from siamkeras.plotting._style import PALETTE

SIZE = 28


def box(ax, x, y, width, height, text, color="white"):
    ax.add_patch(FancyBboxPatch((x, y), width, height, boxstyle="round,pad=0.05", facecolor=color, edgecolor="black"))
    ax.text(x + width / 2, y + height / 2, text, ha="center", va="center")


def arrow(ax, start, end):
    ax.add_patch(FancyArrowPatch(start, end, arrowstyle="-|>", mutation_scale=14, color="black", lw=1))


def schematic(ax, left, right):
    for image, name, y in ((left, "left", 4.2), (right, "right", 1.2)):
        ax.imshow(1 - image[..., 0], cmap="gray", extent=(0.2, 1.8, y - 0.9, y + 0.9), aspect="auto")
        ax.text(1, y - 1.2, name, ha="center", va="center")
        box(ax, 2.6, y - 0.6, 1.5, 1.2, "tower", PALETTE[3])
        box(ax, 4.9, y - 0.5, 2.0, 1.0, "embedding")
        arrow(ax, (1.8, y), (2.5, y))
        arrow(ax, (4.2, y), (4.8, y))
        arrow(ax, (7.0, y), (7.7, 3.1 if y > 2 else 2.3))
    ax.plot([3.35, 3.35], [1.9, 3.5], ls=":", color="black")
    ax.text(3.5, 2.7, "shared weights", va="center")
    box(ax, 7.8, 2.2, 1.6, 1.0, "distance")
    ax.set(xlim=(0, 9.6), ylim=(-0.3, 5.4))
    ax.axis("off")


def main():
    test = data.omniglot("evaluation", size=SIZE)
    pairs = generators.pairs(test.images, test.labels, batch_size=200, steps=20, seed=0)
    figure, axes = plt.subplots(
        1, 3, figsize=(13, 4.4), layout="constrained", gridspec_kw={"width_ratios": (1.7, 1, 1)}
    )
    label = test.labels[0]
    same = test.images[test.labels == label]
    schematic(axes[0], same[0], same[3])
    untrained = models.siamese(towers.pixels((SIZE, SIZE, 1)), distance="cosine")
    trained = models.siamese(towers.pretrained("omniglot"), distance="cosine")
    for ax, model, title in ((axes[1], untrained, "Distance of pixels"), (axes[2], trained, "Distance of embeddings")):
        plotting.distances(evaluation.verification(model, pairs, resamples=0), title=title, ax=ax)
    figure.savefig(Path(__file__).with_name("overview.png"), dpi=110)
    print(test.source)


if __name__ == "__main__":
    main()
