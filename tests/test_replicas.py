"""Two replicas under MirroredStrategy make the same update as one device with the whole batch."""

import math

import pytest
from replicas import compare_updates

PER_EXAMPLE = ("pairs", "contrastive", "triplet")
# These losses compare examples of both replicas, which gather the embeddings.
WITHIN_BATCH = ("all", "semi_hard", "softmax", "multi_similarity", "in_batch", "fine_tuning")
# The last batch has one example: the second replica gets none.
LAST_OF_ONE = tuple(f"{kind} last" for kind in (*PER_EXAMPLE, *WITHIN_BATCH))
SETUP = """
from siamkeras import generators, losses, models, towers

images = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
labels = np.repeat(np.arange(10), 4)
batch_losses = dict(
    all=losses.TripletLoss(),
    semi_hard=losses.TripletLoss(mining="semi_hard"),
    softmax=losses.InBatchSoftmaxLoss(),
    multi_similarity=losses.MultiSimilarityLoss(),
    fine_tuning=losses.FineTuningLoss(),
)

def build(kind):
    kind = kind.partition(" ")[0]
    tower = towers.dense(5, embedding_dim=10, units=(4,))
    if kind == "pairs":
        return models.siamese(tower), losses.ContrastiveLoss()
    if kind == "contrastive":
        return models.contrastive(tower), None
    if kind == "triplet":
        return models.triplet(tower), None
    if kind == "in_batch":
        return models.in_batch_softmax(tower), None
    return tower, batch_losses[kind]

def stream(kind):
    kind, _, last = kind.partition(" ")
    if last:
        return stream(kind).unbatch().take(17).batch(16)
    if kind == "fine_tuning":
        return generators.balanced(images, labels, 8, 2, seed=3).map(lambda x, y: (x, tf.where(y < 4, y, -1)))
    if kind in batch_losses:
        return generators.balanced(images, labels, 8, 2, seed=3)
    if kind == "in_batch":
        return generators.positive_pairs(images, labels, 8, seed=3)
    if kind == "triplet":
        return generators.triplets(images, labels, batch_size=16, seed=3)
    pairs = generators.pairs(images, labels, batch_size=16, seed=3)
    return pairs.map(lambda x, y: {**x, "same": y}) if kind == "contrastive" else pairs
"""

EPISODES = """
from siamkeras import generators, models, towers

images = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")

def build(kind):
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return models.prototypical(towers.dense(5, embedding_dim=3, units=(4,)), way=4), loss

def stream(kind):
    return generators.episodes(images, np.repeat(np.arange(10), 4), way=4, shot=2, query=1)
"""


@pytest.fixture(scope="module")
def updates():
    return compare_updates(SETUP, [*PER_EXAMPLE, *WITHIN_BATCH, *LAST_OF_ONE])


@pytest.mark.parametrize("kind", [*PER_EXAMPLE, *WITHIN_BATCH])
def test_two_replicas_make_the_update_of_one_device(kind, updates):
    """A loss with one value per batch instead of one per example would double the update."""
    largest_change, largest_difference = updates[kind]
    assert largest_change > 0.02
    assert largest_difference < 1e-4


def test_replicas_cannot_divide_an_episode():
    with pytest.raises(AssertionError, match="Replicas cannot divide an episode.*2 replicas"):
        compare_updates(EPISODES, ["episodes"])


@pytest.mark.parametrize("kind", LAST_OF_ONE)
def test_a_replica_without_examples_makes_neither_the_loss_nor_a_weight_nan(kind, updates):
    assert all(map(math.isfinite, updates[kind]))
