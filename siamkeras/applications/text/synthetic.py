"""Synthetic sentence pairs with graded similarity."""

import numpy as np

from siamkeras._random import generator
from siamkeras.applications.text.examples import SentencePairs

# Each inner tuple is a group of synonyms. The synonyms share no characters on purpose, so n-gram counts miss them.
SUBJECTS = (
    ("man", "guy", "gentleman"), ("woman", "lady"), ("child", "kid", "youngster"), ("doctor", "physician"),
    ("teacher", "instructor"), ("dog", "hound", "puppy"), ("cat", "kitten"), ("soldier", "trooper"), ("cook", "chef"),
    ("farmer", "grower"), ("pilot", "aviator"), ("thief", "robber"),
)  # fmt: skip
VERBS = (
    ("is eating", "devours"), ("is slicing", "cuts"), ("is buying", "purchases"), ("is repairing", "fixes"),
    ("is carrying", "hauls"), ("is painting", "colours"), ("is hiding", "conceals"), ("is washing", "cleans"),
    ("is throwing", "tosses"), ("is drawing", "sketches"), ("is selling", "offers"), ("is watching", "observes"),
)  # fmt: skip
OBJECTS = (
    ("bread", "loaf"), ("car", "automobile"), ("bicycle", "bike"), ("house", "home"), ("rock", "stone"),
    ("coat", "jacket"), ("picture", "image"), ("boat", "ship"), ("rug", "carpet"), ("couch", "sofa"),
    ("flower", "blossom"), ("gun", "rifle"), ("present", "gift"), ("potato", "spud"),
)  # fmt: skip
ADJECTIVES = (
    ("big", "large"), ("small", "little", "tiny"), ("old", "ancient"), ("pretty", "beautiful"), ("quick", "fast"),
    ("dirty", "filthy"), ("red", "crimson"), ("strange", "odd"),
)  # fmt: skip
PLACES = (
    ("in the forest", "among the trees"), ("on the street", "along the road"), ("near the sea", "by the ocean"),
    ("at school", "in class"), ("in the kitchen", "beside the stove"), ("at night", "after dark"),
    ("in the garden", "on the lawn"), ("at the market", "in the shop"),
)  # fmt: skip
PARTS = (SUBJECTS, VERBS, ADJECTIVES, OBJECTS, PLACES)
# Contribution of each part to the similarity.
WEIGHTS = np.array([0.25, 0.3, 0.1, 0.25, 0.1])
CHANGE_PROBABILITIES = (0.0, 0.25, 0.5, 0.75, 1.0)


def synthetic_sentence_pairs(count=1000, seed=0):
    """Pairs of sentences such as "A guy is slicing the old bread at school.": the stand-in for the STS Benchmark.

    The second sentence of a pair keeps some parts of the first, mostly as synonyms, and replaces the others. The
    degree of similarity is the weighted share of unchanged parts plus Gaussian noise.

    Args:
        count: Number of pairs, at least 1.
        seed: Random seed. Pair i depends on the seed and i only.

    Returns:
        `SentencePairs`.
    """
    left, right, same = zip(*(_pair(generator(seed, index)) for index in range(count)), strict=True)
    source = f"synthetic sentences (seed {seed}); results are not comparable to published ones"
    return SentencePairs(np.array(left), np.array(right), np.array(same, "float32"), source)


def _pair(rng):
    sizes = np.array([len(part) for part in PARTS])
    meaning = rng.integers(sizes)
    changed = rng.random(len(PARTS)) < rng.choice(CHANGE_PROBABILITIES)
    # A nonzero offset: a changed part is never the same group of synonyms.
    other = np.where(changed, (meaning + 1 + rng.integers(sizes - 1)) % sizes, meaning)
    same = np.clip(WEIGHTS[~changed].sum() + rng.normal(0, 0.05), 0, 1)
    return _sentence(meaning, rng), _sentence(other, rng), same


def _sentence(meaning, rng):
    subject, verb, adjective, noun, place = (
        rng.choice(part[index]) for part, index in zip(PARTS, meaning, strict=True)
    )
    return f"{rng.choice(['A', 'The'])} {subject} {verb} {rng.choice(['a', 'the'])} {adjective} {noun} {place}."
