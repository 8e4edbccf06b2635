"""Classifiers that are fitted anew on the support of each episode."""

import keras
import numpy as np
from keras import ops

from siamkeras import losses, models

DEFAULTS = {
    # Inverse of the penalty on weights. Embeddings of length 1 need large weights: scikit-learn's 1 holds them back.
    "classifier": {"C": 10.0},
    # Steps of Adam on all of the support, their size, weight of the entropy, scale of the cosines.
    "fine_tuned": {"steps": 30, "learning_rate": 0.01, "entropy": 0.1, "scale": 20.0},
}


def checked_options(method, options):
    """The options of a method, completed.

    Raises:
        ValueError: an option that the method does not have.
    """
    known = DEFAULTS.get(method, {})
    unknown = sorted(set(options) - set(known))
    if unknown:
        raise ValueError(
            f"method={method!r} has {'the options ' + ', '.join(known) if known else 'no options'}. "
            f"Received: {', '.join(unknown)}."
        )
    return known | options


def by_classifier(measure, C):
    """A function `(support (way, shot, dim), asked (way, query, dim))` to the class of each query, `(way * query,)`."""
    from sklearn.linear_model import LogisticRegression

    losses.check_positive("C", C)

    def tell(support, asked):
        known, wanted = _unit(support), _unit(asked)
        number = np.repeat(np.arange(len(support)), support.shape[1])
        return LogisticRegression(C=C, max_iter=1000).fit(known, number).predict(wanted)

    return tell


def by_fine_tuning(measure, steps, learning_rate, entropy, scale):
    """As `by_classifier`: a softmax over cosine similarities that begins as the prototypes."""
    losses.check_whole("steps", steps, 0)
    losses.check_positive("learning_rate", learning_rate)
    loss = losses.FineTuningLoss(entropy)
    losses.check_positive("scale", scale)
    made = {}

    def tell(support, asked):
        way, shot, dim = support.shape
        if not made:
            # One model for all episodes of a size: it is compiled once, and set back for each.
            inputs = keras.Input((dim,))
            # With proxies, so that nothing is drawn: to measure must not change the training that goes on after it.
            proxies = np.zeros((way, dim), "float32")
            tower = keras.Model(inputs, keras.layers.Identity()(inputs))
            made["model"] = models.classifier(tower, way, scale, proxies)
            made["model"].compile(keras.optimizers.Adam(learning_rate), loss)
            made["model"].optimizer.build(made["model"].trainable_variables)
            made["fresh"] = [ops.convert_to_numpy(variable) for variable in made["model"].optimizer.variables]
        model = made["model"]
        known, wanted = _unit(support), _unit(asked)
        model.set_weights([known.reshape(way, shot, dim).mean(axis=1)])
        for variable, value in zip(model.optimizer.variables, made["fresh"], strict=True):
            variable.assign(value)
        labels = np.concatenate([np.repeat(np.arange(way), shot), np.full(len(wanted), -1)]).astype("int32")
        for _ in range(steps):
            model.train_on_batch(np.concatenate([known, wanted]), labels)
        return ops.convert_to_numpy(model(wanted, training=False)).argmax(axis=1)

    return tell


def _unit(embeddings):
    flat = embeddings.reshape(-1, embeddings.shape[-1])
    length = np.sqrt(np.sum(flat**2, axis=1, keepdims=True))
    return flat / np.where(length > 0, length, 1.0)
