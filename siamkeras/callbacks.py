"""Callbacks that measure the embeddings of fixed examples during training."""

import warnings

import keras
import numpy as np

from siamkeras import evaluation, models, retrieval
from siamkeras._validation import check_integer, check_labels
from siamkeras.evaluation._distances import tower_and_distance

__all__ = ["CollapseMonitor", "RetrievalMonitor", "VerificationMonitor"]


class _Monitor(keras.callbacks.Callback):
    """Base of the callbacks: embeds images or sentences with the tower of the model."""

    def __init__(self, images, load=None, scale=True):
        super().__init__()
        self.images, self.load, self.scale = images, load, scale

    def _embed(self, images):
        return retrieval.embed(models.tower_of(self.model), images, self.load, scale=self.scale)


class CollapseMonitor(_Monitor):
    """Warns when the tower maps all images or sentences to the same embedding.

    After each epoch it embeds a few fixed images and logs `embedding_spread` beside the loss,
    `1 - |mean embedding|^2 / mean |embedding|^2`: 0 for equal embeddings, 1 for embeddings in all directions. A
    collapsed tower has distances of 0 and hardly any gradient; the contrastive loss then stays near `margin^2 / 4`,
    the triplet loss at its margin.

    Args:
        images, scale: As for `retrieval.embed`; examples of several classes, such as 100 validation images.
        minimum: The callback warns once, when the spread falls below this value.
        stop: Whether to stop training then.
    """

    def __init__(self, images, minimum=0.01, stop=False, scale=True):
        super().__init__(images, scale=scale)
        if len(images) < 2:
            raise ValueError(f"`CollapseMonitor` needs at least two images. Received: {len(images)}.")
        self.minimum = minimum
        self.stop = stop

    def on_train_begin(self, logs=None):
        self._has_warned = False
        self._embed(self.images)  # raises before training instead of after an epoch

    def on_epoch_end(self, epoch, logs=None):
        spread = _spread(self._embed(self.images))
        if logs is not None:
            logs["embedding_spread"] = spread
        if not spread < self.minimum or self._has_warned:  # NaN is not a collapse
            return
        self._has_warned = True
        self.model.stop_training = self.model.stop_training or self.stop
        # `warnings.warn` would show the path of the Keras file that calls this method.
        warnings.warn_explicit(
            f"The embeddings have collapsed: after epoch {epoch + 1} their spread is {spread:.4f} (0 = all equal, "
            "1 = all directions). Try a smaller learning rate, a smaller margin, or normalised embeddings.",
            UserWarning,
            filename="<siamkeras.callbacks>",
            lineno=0,
        )


class _ClassMonitor(_Monitor):
    """Base of the callbacks that measure labelled examples and add the results to `logs`."""

    def __init__(self, images, labels, load, every, scale, prefix):
        super().__init__(images, load, scale)
        self.prefix = prefix
        self.labels = check_labels(labels, count=len(images))
        self.every = check_integer("every", every, 1)

    def on_train_begin(self, logs=None):
        self._results = {}
        embeddings = self._embed(self.images)
        self._measure(np.zeros_like(embeddings) + embeddings[:1])  # raises before training instead of after an epoch

    def on_epoch_end(self, epoch, logs=None):
        if not self._results or epoch % self.every == 0 or epoch + 1 == self.params["epochs"]:
            results = self._measure(self._embed(self.images))
            self._results = {self.prefix + name: value for name, value in results.items()}
        repeated = sorted(self._results.keys() & logs.keys())
        if repeated:
            raise ValueError(f"`logs` already has {repeated[0]!r}. Give {type(self).__name__} another `prefix`.")
        logs.update(self._results)


class RetrievalMonitor(_ClassMonitor):
    """Measures retrieval on held-out classes after each epoch.

    Logs `val_recall_at_{k}` for each k and `val_map_at_r`, see `evaluation.retrieval`. Callbacks run in list order, so
    place it before those that use these values:

    ```python
    monitor = callbacks.RetrievalMonitor(validation.images, validation.labels)
    stopping = keras.callbacks.EarlyStopping("val_map_at_r", mode="max", patience=3, restore_best_weights=True)
    model.fit(batches, steps_per_epoch=100, epochs=50, shuffle=False, callbacks=[monitor, stopping])
    ```

    Args:
        images, load, scale: As for `retrieval.embed`; examples of classes that are not in the training set.
        labels: `(n,)` integers or strings.
        k, distance: As for `evaluation.retrieval`.
        every: Number of epochs from one measurement to the next; the epochs in between log the last results again, so
            the `patience` of other callbacks must be larger. The last epoch is always measured.
        prefix: Beginning of the names in the logs.
    """

    def __init__(self, images, labels, k=1, distance="euclidean", load=None, every=1, scale=True, prefix="val_"):
        self.k, self.distance = k, distance
        super().__init__(images, labels, load, every, scale, prefix)

    def _measure(self, embeddings):
        report = evaluation.retrieval(embeddings, self.labels, k=self.k, distance=self.distance, resamples=0)
        return {f"recall_at_{k}": value for k, value in report.recall_at_k.items()} | {"map_at_r": report.map_at_r}


class VerificationMonitor(_ClassMonitor):
    """Measures verification on all pairs from held-out classes after each epoch; see `RetrievalMonitor`.

    Logs `val_auc` and `val_eer`, see `evaluation.verification_from_embeddings`. For your own pairs, use
    `fit(validation_data=...)` and `metrics.PairAUC`.

    Args:
        images, labels, load, every, scale, prefix: As for `RetrievalMonitor`; at most a few thousand examples.
        distance: As for `evaluation.verification_from_embeddings`; None for that of the model, or else cosine.
    """

    def __init__(self, images, labels, distance=None, load=None, every=1, scale=True, prefix="val_"):
        self.distance = distance
        super().__init__(images, labels, load, every, scale, prefix)

    def _measure(self, embeddings):
        distance = self.distance or tower_and_distance(self.model)[1]
        report = evaluation.verification_from_embeddings(embeddings, self.labels, None, distance, resamples=0)
        return {"auc": report.auc, "eer": report.eer}


def _spread(embeddings):
    """`1 - |mean|^2 / mean |embedding|^2` of embeddings `(n, dim)`; 0 if all are zero."""
    embeddings = np.asarray(embeddings, "float64")
    mean_square = np.mean(np.sum(embeddings**2, axis=1))
    if mean_square == 0:
        return 0.0
    return float(np.maximum(0.0, 1.0 - np.sum(embeddings.mean(axis=0) ** 2) / mean_square))
