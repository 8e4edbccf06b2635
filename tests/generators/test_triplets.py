"""Streams of triplets."""

import numpy as np
import pytest
import tensorflow as tf

from siamkeras import generators, models, towers

ROLES = ("anchor", "positive", "negative")
LABELS = np.repeat([7, 3, 40], 4)
IMAGES = np.arange(12, dtype="float32").reshape(12, 1)


def test_a_batch_has_three_roles_and_no_y():
    (batch,) = generators.triplets(IMAGES, LABELS, batch_size=50, steps=1)
    anchor, positive, negative = (batch[role].numpy()[:, 0].astype(int) for role in ROLES)
    assert (LABELS[anchor] == LABELS[positive]).all() and (anchor != positive).all()
    assert (LABELS[anchor] != LABELS[negative]).all()


def test_fit_trains_on_triplets():
    model = models.triplet(towers.dense((1,), units=(4,)))
    model.compile("sgd")
    stream, validation = generators.triplets(IMAGES, LABELS), generators.triplets(IMAGES, LABELS, steps=2)
    history = model.fit(stream, steps_per_epoch=1, validation_data=validation, shuffle=False, verbose=0)
    assert np.isfinite(history.history["val_loss"]).all()


@pytest.mark.parametrize("shuffle", [True, False])
def test_from_triplets_yields_each_triplet_once(shuffle):
    stream = generators.from_triplets(IMAGES, IMAGES + 100, IMAGES + 200, batch_size=5, shuffle=shuffle)
    assert [len(batch["anchor"]) for batch in stream] == [5, 5, 2] and stream.cardinality() == 3
    triplets = np.concatenate([np.stack([batch[role][:, 0] for role in ROLES], axis=1) for batch in stream])
    assert (triplets == triplets[:, :1] + [0, 100, 200]).all()
    assert sorted(triplets[:, 0]) == list(range(12))
    assert (triplets[:, 0].tolist() == list(range(12))) is not shuffle


def test_from_triplets_yields_text_and_images_of_files(tmp_path):
    words = [np.array([f"{role} {i}" for i in range(4)]) for role in ROLES]
    (batch,) = generators.from_triplets(*words, text=True, shuffle=False)
    assert [[word.decode() for word in batch[role].numpy()] for role in ROLES] == [each.tolist() for each in words]
    (tmp_path / "5").write_text("5")

    def load(path):
        return tf.fill((2,), tf.strings.to_number(tf.io.read_file(path)))

    files = [[tmp_path / "5"]] * 3
    (batch,) = generators.from_triplets(*files, load=load, augment=lambda image, seed: image + 1)
    assert [batch[role].numpy().tolist() for role in ROLES] == [[[6, 6]]] * 3


def test_fit_trains_on_given_triplets_also_as_hard_negatives():
    stream = generators.from_triplets(IMAGES, IMAGES + 0.5, -IMAGES, batch_size=5)
    tower = towers.dense((1,), units=(4,))
    for model in (models.triplet(tower), models.in_batch_softmax(tower, negatives=True)):
        model.compile("sgd")
        assert np.isfinite(model.fit(stream, epochs=2, shuffle=False, verbose=0).history["loss"]).all()


def test_triplets_of_different_length_raise():
    with pytest.raises(ValueError, match="`anchor`, `positive`, `negative` must have .* length. Received: 12, 12, 3"):
        generators.from_triplets(IMAGES, IMAGES, IMAGES[:3])
