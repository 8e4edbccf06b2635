"""Plain loops to compare the library with, and gradients on any backend."""

import math

import keras
import numpy as np


def distance(name, x, y):
    """Distance of two vectors, component by component."""
    if name == "cosine":
        lengths = math.sqrt(sum(a * a for a in x)) * math.sqrt(sum(b * b for b in y))
        return 1.0 - sum(a * b for a, b in zip(x, y, strict=True)) / lengths if lengths else 1.0
    differences = [abs(a - b) for a, b in zip(x, y, strict=True)]
    squares = sum(d * d for d in differences)
    if name == "exponential_manhattan":
        return 1.0 - math.exp(-sum(differences))
    return {"manhattan": sum(differences), "squared_euclidean": squares, "euclidean": math.sqrt(squares)}[name]


def contrastive(same, distance, margin):
    """Contrastive loss of one pair."""
    pull = distance * distance / 2
    push = (margin - distance) ** 2 / 2 if distance < margin else 0.0
    return same * pull + (1 - same) * push


def dice(truth, probability, smooth):
    """Soft Dice loss of one image, pixel by pixel."""
    shared = both = smooth
    for t, p in zip(truth, probability, strict=True):
        shared, both = shared + 2 * t * p, both + t * t + p * p
    return 1 - shared / both


def mask_cross_entropy(truth, probability):
    """Mean cross-entropy of the pixels of one image with a binary truth."""
    terms = [-math.log(p) if t else -math.log(1 - p) for t, p in zip(truth, probability, strict=True)]
    return sum(terms) / len(terms)


def masked_average(features, masks, factor):
    """Prototype of one episode: features `[reference][row][column][channel]`, masks of `factor` times the size."""
    prototypes = []
    for maps, mask in zip(features, masks, strict=True):
        total, weight = [0.0] * len(maps[0][0]), 0.0
        for row in range(len(mask)):
            for column in range(len(mask[0])):
                if mask[row][column]:
                    weight += 1
                    for channel, value in enumerate(maps[row // factor][column // factor]):
                        total[channel] += value
        if weight:
            prototypes.append([value / weight for value in total])
    return [sum(values) / len(prototypes) for values in zip(*prototypes, strict=True)] if prototypes else None


def dense_comparison(query, references, masks, sharpness, nearness):
    """The three maps of one episode by loops; features `[row][column][channel]`, masks twice as large."""
    height, width = query.shape[:2]
    used = [(r, m) for r, m in zip(references, masks, strict=True) if m.any()]
    found = np.zeros((height, width, 3))
    for row, column in np.ndindex(height, width):
        inside, outside, weights = [0.0], [0.0], []
        for reference, mask in used:
            for there, across in np.ndindex(height, width):
                a, b = query[row, column], reference[there, across]
                cosine = float(a @ b) / math.sqrt(float(a @ a) * float(b @ b))
                share = mask[2 * there : 2 * there + 2, 2 * across : 2 * across + 2].mean()
                inside.append((1 + cosine) / 2 * share)
                outside.append((1 + cosine) / 2 * (1 - share))
                far = ((row - there) / width) ** 2 + ((column - across) / width) ** 2
                weights.append((math.exp(sharpness * cosine - nearness * far), share))
        vote = sum(w * share for w, share in weights) / sum(w for w, _ in weights)
        found[row, column] = max(inside), max(outside), vote
    return found


def words(sentence):
    """The words of a sentence: lower-case runs of letters and digits."""
    return "".join(letter if letter.isalnum() else " " for letter in sentence.lower()).split()


def n_grams(sentence, size):
    """The character n-grams of the words of a sentence, each word between two separators."""
    return [f" {word} "[at : at + size] for word in words(sentence) for at in range(len(word) + 3 - size)]


def auc(distances, same):
    """Fraction of (positive pair, negative pair) in which the positive pair is closer; a tie counts half."""
    wins = [
        1.0 if a < b else 0.5 if a == b else 0.0
        for a, s in zip(distances, same, strict=True)
        if s
        for b, t in zip(distances, same, strict=True)
        if not t
    ]
    return sum(wins) / len(wins)


def rates(distances, same, threshold):
    """False accept and false reject rates of the decision `distance < threshold`, counted pair by pair."""
    different = [d for d, s in zip(distances, same, strict=True) if not s]
    positive = [d for d, s in zip(distances, same, strict=True) if s]
    false_accepts = sum(d < threshold for d in different) / len(different)
    return false_accepts, sum(d >= threshold for d in positive) / len(positive)


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


class _Call(keras.layers.Layer):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def call(self, inputs):
        return self.function(*inputs)


def in_model(function, *arrays):
    """`function` of float32 arrays in a model, as numpy: compiled on TensorFlow and JAX, eager on torch."""
    inputs = [keras.Input(array.shape[1:]) for array in arrays]
    return keras.Model(inputs, _Call(function)(inputs)).predict(list(arrays), verbose=0)


def slope(function, x, index, step=1e-4):
    """Derivative of `function` at `x[index]` by central differences in double precision."""
    below, above = np.array(x, "float64"), np.array(x, "float64")
    below[index] -= step
    above[index] += step
    return (function(above) - function(below)) / (2 * step)


def triplets(labels):
    """Every (anchor, positive, negative) of a batch, as indices."""
    n = range(len(labels))
    return [(a, p, q) for a in n for p in n for q in n if a != p and labels[a] == labels[p] and labels[q] != labels[a]]


def mined(labels, distances, mining):
    """The triplets that a miner selects, anchor by anchor, from a table of distances."""
    n = range(len(labels))
    chosen = []
    for a in n:
        positives = [p for p in n if p != a and labels[p] == labels[a]]
        negatives = [q for q in n if labels[q] != labels[a]]
        if not positives or not negatives:
            continue
        if mining == "hard":
            chosen.append(
                (a, max(positives, key=distances[a].__getitem__), min(negatives, key=distances[a].__getitem__))
            )
        for p in positives if mining == "semi_hard" else []:
            farther = [q for q in negatives if distances[a][q] > distances[a][p]]
            nearest = min(farther, key=distances[a].__getitem__, default=None)
            chosen.append((a, p, max(negatives, key=distances[a].__getitem__) if nearest is None else nearest))
    return triplets(labels) if mining == "all" else chosen


def triplet_loss(labels, embeddings, margin, mining="all", average="active", name="euclidean"):
    """Mean triplet loss over the mined triplets of a batch, and its gradient for the Euclidean distance."""
    x = np.asarray(embeddings, "float64")
    table = [[distance(name, a, b) for b in x] for a in x]
    total, counted, gradient = 0.0, 0, np.zeros_like(x)
    for a, p, q in mined(labels, table, mining):
        gap = table[a][p] - table[a][q]
        loss = math.log1p(math.exp(gap)) if margin == "soft" else max(gap + margin, 0.0)
        slope = 1 / (1 + math.exp(-gap)) if margin == "soft" else float(loss > 0)
        if average == "active" and loss <= 0:
            continue
        total, counted = total + loss, counted + 1
        if name == "euclidean" and slope:
            toward = (x[a] - x[p]) / max(table[a][p], 1e-9)
            away = (x[a] - x[q]) / max(table[a][q], 1e-9)
            gradient[a] += slope * (toward - away)
            gradient[p] -= slope * toward
            gradient[q] += slope * away
    return total / max(counted, 1), gradient / max(counted, 1)


def batch_softmax(labels, embeddings, temperature, competitors):
    """Mean over the anchors with a positive of the mean over their positives of -log softmax.

    The softmax is over the positive and the "negatives" of the anchor, or over "all" other examples.
    """
    n, losses = range(len(labels)), []
    similarity = [[1 - distance("cosine", a, b) for b in embeddings] for a in embeddings]
    for a in n:
        exps = [math.exp(similarity[a][i] / temperature) for i in n]
        positives = [p for p in n if p != a and labels[p] == labels[a]]
        negatives = sum(exps[q] for q in n if labels[q] != labels[a])
        others = sum(exps[i] for i in n if i != a)
        if positives:
            totals = [others if competitors == "all" else exps[p] + negatives for p in positives]
            losses.append(sum(math.log(t / exps[p]) for t, p in zip(totals, positives, strict=True)) / len(positives))
    return sum(losses) / max(len(losses), 1)


def multi_similarity(labels, embeddings, alpha, beta, base):
    """Mean multi-similarity loss over the anchors."""
    n, total = range(len(labels)), 0.0
    similarity = [[1 - distance("cosine", a, b) for b in embeddings] for a in embeddings]
    for a in n:
        pull = sum(math.exp(-alpha * (similarity[a][p] - base)) for p in n if p != a and labels[p] == labels[a])
        push = sum(math.exp(beta * (similarity[a][q] - base)) for q in n if labels[q] != labels[a])
        total += math.log(1 + pull) / alpha + math.log(1 + push) / beta
    return total / len(labels)


def nearest(name, query, gallery, k):
    """The k nearest neighbours of a query as (distance, index); on a tie, the smaller index."""
    return sorted((distance(name, query, embedding), index) for index, embedding in enumerate(gallery))[:k]


def retrieval(name, embeddings, labels, depths, gallery=None, gallery_labels=None):
    """(hits among the first k for each k, average precision at R, R-precision, reciprocal rank) of each query.

    None for a query without any match. On a tie, examples of another class come first.
    """
    results = []
    for query, (embedding, label) in enumerate(zip(embeddings, labels, strict=True)):
        candidates = zip(*((embeddings, labels) if gallery is None else (gallery, gallery_labels)), strict=True)
        others = [
            (distance(name, embedding, other), its_label == label)
            for index, (other, its_label) in enumerate(candidates)
            if gallery is not None or index != query
        ]
        matches = [is_match for _, is_match in sorted(others)]
        r = sum(matches)
        precisions = [sum(matches[:i]) / i for i in range(1, r + 1) if matches[i - 1]]
        hits = [sum(matches[:k]) for k in depths]
        measures = (hits, sum(precisions) / r, sum(matches[:r]) / r, 1 / (matches.index(True) + 1)) if r else None
        results.append(measures)
    return results


def compiled(function):
    """`function` compiled as a whole on JAX, where an eager call compiles each operation by itself."""
    if keras.backend.backend() != "jax":
        return function
    import jax

    return jax.jit(function)
