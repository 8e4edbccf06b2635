"""Few-shot classifiers: functions from support and queries to the predicted class of each query.

Each function below builds a classifier `predict(support (way, shot, dim), queries (n, dim)) -> (n,)` from its options.
"""

import keras
import numpy as np
from keras import ops

from siamkeras import distances, layers, losses
from siamkeras._inference import infer


def prototype(distance="cosine"):
    """Nearest mean embedding."""
    return lambda support, queries: _pairwise(queries, support.mean(axis=1), distance).argmin(axis=1)


def nearest(distance="cosine"):
    """Class of the nearest support example."""

    def predict(support, queries):
        to_examples = _pairwise(queries, support.reshape(-1, support.shape[-1]), distance)
        return to_examples.reshape(len(queries), *support.shape[:2]).min(axis=2).argmin(axis=1)

    return predict


def logistic_regression(C=10.0):
    """Logistic regression on unit-length embeddings."""
    from sklearn.linear_model import LogisticRegression

    # Unit-length embeddings need large weights, which scikit-learn's default C=1 penalises too much.
    def predict(support, queries):
        labels = np.repeat(np.arange(len(support)), support.shape[1])
        return LogisticRegression(C=C, max_iter=1000).fit(_unit_length(support), labels).predict(_unit_length(queries))

    return predict


def fine_tuned(steps=30, learning_rate=0.01, entropy=0.1, scale=20.0):
    """Cosine softmax that starts at the prototypes and is trained on the support with `losses.FineTuningLoss`."""
    loss = losses.FineTuningLoss(entropy)
    compiled = {}  # one model serves all episodes, so that it is compiled once

    def predict(support, queries):
        way, shot, dim = support.shape
        if not compiled:
            # Zeros: random initial weights would advance Keras' global seed, and change the training that follows.
            head = layers.CosineClassifier(way, scale, "zeros")
            model = compiled["model"] = keras.Sequential([keras.Input((dim,)), head])
            model.compile(keras.optimizers.Adam(learning_rate), loss)
            model.optimizer.build(model.trainable_variables)
            compiled["initial"] = [ops.convert_to_numpy(variable) for variable in model.optimizer.variables]
        model = compiled["model"]
        support, queries = _unit_length(support), _unit_length(queries)
        model.set_weights([support.reshape(way, shot, dim).mean(axis=1)])
        for variable, value in zip(model.optimizer.variables, compiled["initial"], strict=True):
            variable.assign(value)
        examples = np.concatenate([support, queries])
        labels = np.concatenate([np.repeat(np.arange(way), shot), np.full(len(queries), -1)]).astype("int32")
        for _ in range(steps):
            model.train_on_batch(examples, labels)
        return infer(model, queries).argmax(axis=1)

    return predict


METHODS = {"prototype": prototype, "nearest": nearest, "classifier": logistic_regression, "fine_tuned": fine_tuned}


def _pairwise(queries, support, distance):
    return ops.convert_to_numpy(distances.pairwise(queries, support, distance))


def _unit_length(embeddings):
    flat = embeddings.reshape(-1, embeddings.shape[-1])
    length = np.sqrt(np.sum(flat**2, axis=1, keepdims=True))
    return flat / np.where(length > 0, length, 1.0)
