"""Streams of triplets."""

import numpy as np

from siamkeras import generators, models, towers

LABELS = np.repeat([7, 3, 40], 4)
IMAGES = np.arange(12, dtype="float32").reshape(12, 1)


def test_a_batch_has_three_roles_and_no_y():
    (batch,) = generators.triplets(IMAGES, LABELS, batch_size=50, steps=1)
    anchor, positive, negative = (batch[role].numpy()[:, 0].astype(int) for role in ("anchor", "positive", "negative"))
    assert (LABELS[anchor] == LABELS[positive]).all() and (anchor != positive).all()
    assert (LABELS[anchor] != LABELS[negative]).all()


def test_fit_trains_on_triplets():
    model = models.triplet(towers.dense((1,), units=(4,)))
    model.compile("sgd")
    stream, validation = generators.triplets(IMAGES, LABELS), generators.triplets(IMAGES, LABELS, steps=2)
    history = model.fit(stream, steps_per_epoch=1, validation_data=validation, shuffle=False, verbose=0)
    assert np.isfinite(history.history["val_loss"]).all()
