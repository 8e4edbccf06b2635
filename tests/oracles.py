"""Plain loops that say what the library must say, and gradients on any backend."""

import math

import keras
import numpy as np


def distance(name, x, y):
    """Distance of two vectors, component by component."""
    if name == "cosine":
        lengths = math.sqrt(sum(a * a for a in x)) * math.sqrt(sum(b * b for b in y))
        return 1.0 - sum(a * b for a, b in zip(x, y, strict=True)) / lengths
    differences = [abs(a - b) for a, b in zip(x, y, strict=True)]
    squares = sum(d * d for d in differences)
    return {"manhattan": sum(differences), "squared_euclidean": squares, "euclidean": math.sqrt(squares)}[name]


def contrastive(same, distance, margin):
    """Contrastive loss of one pair, as a decision: pull, push, or leave alone."""
    pull = distance * distance / 2
    push = (margin - distance) ** 2 / 2 if distance < margin else 0.0
    return same * pull + (1 - same) * push


def auc(distances, same):
    """How often a same pair is closer than a different one, over all such couples; a tie counts half."""
    wins = [
        1.0 if a < b else 0.5 if a == b else 0.0
        for a, s in zip(distances, same, strict=True)
        if s
        for b, t in zip(distances, same, strict=True)
        if not t
    ]
    return sum(wins) / len(wins)


def rates(distances, same, threshold):
    """False accepts and false rejects when `distance < threshold` is called same, counted one by one."""
    different = [d for d, s in zip(distances, same, strict=True) if not s]
    alike = [d for d, s in zip(distances, same, strict=True) if s]
    return sum(d < threshold for d in different) / len(different), sum(d >= threshold for d in alike) / len(alike)


def gradient(function, x):
    """Gradient of the sum of `function(x)` at `x`, as numpy, on whatever backend Keras runs."""
    x = np.asarray(x, "float32")
    backend = keras.backend.backend()
    if backend == "tensorflow":
        import tensorflow as tf

        variable = tf.Variable(x)
        with tf.GradientTape() as tape:
            total = tf.reduce_sum(function(variable))
        return tf.convert_to_tensor(tape.gradient(total, variable)).numpy()
    if backend == "jax":
        import jax

        return np.asarray(jax.grad(lambda x: function(x).sum())(jax.numpy.asarray(x)))
    import torch

    tensor = torch.tensor(x, requires_grad=True)
    function(tensor).sum().backward()
    return tensor.grad.numpy()
