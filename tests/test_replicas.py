"""Two replicas under MirroredStrategy make the same update as one device with the whole batch."""

import math

import pytest
from replicas import compare_updates

# These losses are independent of how a batch is divided between replicas.
PER_EXAMPLE = ("pairs", "contrastive", "triplet")
# These losses compare the examples on one device: both replicas get the same half of the batch.
WITHIN_BATCH = ("all", "softmax", "fine_tuning")
# The last batch has one example: the second replica gets none.
LAST_OF_ONE = tuple(f"{kind} last" for kind in (*PER_EXAMPLE, *WITHIN_BATCH))
SETUP = """
from siamkeras import generators, losses, models, towers

images = np.random.default_rng(0).normal(size=(40, 5)).astype("float32")
labels = np.repeat([0, 1, 2, 1], 10)
batch_losses = dict(
    all=losses.TripletLoss(), softmax=losses.InBatchSoftmaxLoss(), fine_tuning=losses.FineTuningLoss()
)

def build(kind):
    kind = kind.partition(" ")[0]
    tower = towers.dense(5, embedding_dim=3, units=(4,))
    if kind == "pairs":
        return models.siamese(tower), losses.ContrastiveLoss()
    if kind == "contrastive":
        return models.contrastive(tower), None
    if kind == "triplet":
        return models.triplet(tower), None
    return tower, batch_losses[kind]

def stream(kind, replicas):
    kind, _, last = kind.partition(" ")
    if last:
        return stream(kind, 1).unbatch().take(17).batch(16)
    if kind in batch_losses:
        x, y = images[::2], labels[::2]
        batch = np.concatenate([x] * replicas)[None], np.concatenate([y] * replicas)[None]
        return tf.data.Dataset.from_tensor_slices(batch).repeat()
    if kind == "triplet":
        return generators.triplets(images, labels, batch_size=16, seed=3)
    pairs = generators.pairs(images, labels, batch_size=16, seed=3)
    return pairs.map(lambda x, y: {**x, "same": y}) if kind == "contrastive" else pairs
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


@pytest.mark.parametrize("kind", LAST_OF_ONE)
def test_a_replica_without_examples_makes_neither_the_loss_nor_a_weight_nan(kind, updates):
    assert all(map(math.isfinite, updates[kind]))
