"""Pairs of sentences that nobody has said, with a degree of sameness that follows from how they were made."""

import numpy as np

from siamkeras.applications.text.examples import SentencePairs
from siamkeras.synthetic._random import check_whole, stream

# Words that mean the same, or nearly; a sentence takes one of a group. Those of a group share no letters on purpose:
# that they belong together has to be learned.
WHO = (
    ("man", "guy", "gentleman"), ("woman", "lady"), ("child", "kid", "youngster"), ("doctor", "physician"),
    ("teacher", "instructor"), ("dog", "hound", "puppy"), ("cat", "kitten"), ("soldier", "trooper"), ("cook", "chef"),
    ("farmer", "grower"), ("pilot", "aviator"), ("thief", "robber"),
)  # fmt: skip
WHAT = (
    ("is eating", "devours"), ("is slicing", "cuts"), ("is buying", "purchases"), ("is repairing", "fixes"),
    ("is carrying", "hauls"), ("is painting", "colours"), ("is hiding", "conceals"), ("is washing", "cleans"),
    ("is throwing", "tosses"), ("is drawing", "sketches"), ("is selling", "offers"), ("is watching", "observes"),
)  # fmt: skip
WHICH = (
    ("bread", "loaf"), ("car", "automobile"), ("bicycle", "bike"), ("house", "home"), ("rock", "stone"),
    ("coat", "jacket"), ("picture", "image"), ("boat", "ship"), ("rug", "carpet"), ("couch", "sofa"),
    ("flower", "blossom"), ("gun", "rifle"), ("present", "gift"), ("potato", "spud"),
)  # fmt: skip
LIKE = (
    ("big", "large"), ("small", "little", "tiny"), ("old", "ancient"), ("pretty", "beautiful"), ("quick", "fast"),
    ("dirty", "filthy"), ("red", "crimson"), ("strange", "odd"),
)  # fmt: skip
WHERE = (
    ("in the forest", "among the trees"), ("on the street", "along the road"), ("near the sea", "by the ocean"),
    ("at school", "in class"), ("in the kitchen", "beside the stove"), ("at night", "after dark"),
    ("in the garden", "on the lawn"), ("at the market", "in the shop"),
)  # fmt: skip
PARTS = (WHO, WHAT, LIKE, WHICH, WHERE)
# How much of the meaning hangs on each part, and how often a part of the second sentence is another one.
WEIGHTS = np.array([0.25, 0.3, 0.1, 0.25, 0.1])
CHANGES = (0.0, 0.25, 0.5, 0.75, 1.0)


def sentence_pairs(pairs=1000, seed=0):
    """Pairs of sentences such as "a guy is slicing the old bread at school": the stand-in for the STS Benchmark.

    A sentence says who does what to which thing, what that is like, and where. The second of a pair says the same of
    some parts, of none, or of all, and mostly with other words for it: `same` is the share of the meaning that is left,
    with some noise as people's judgements have. Counting common words does not see that a guy is a man; a tower that is
    trained on pairs learns it. The same words occur for every seed.

    Args:
        pairs: How many.
        seed: The same seed gives the same pairs; pair i does not depend on how many there are.

    Returns:
        `SentencePairs`.

    Raises:
        ValueError: a count below 1, a negative seed, or one of them not an integer.

    >>> from siamkeras.applications.text import synthetic
    >>> made = synthetic.sentence_pairs(3)
    >>> made.left.shape, bool(0 <= made.same.min() <= made.same.max() <= 1)
    ((3,), True)
    """
    check_whole(1, pairs=pairs)
    check_whole(0, seed=seed)
    made = [_pair(stream(seed, number)) for number in range(pairs)]
    left, right, same = (np.array(column) for column in zip(*made, strict=True))
    source = f"made-up sentences (seed {seed}): numbers do not compare with published ones"
    return SentencePairs(left, right, same.astype("float32"), source)


def _pair(chance):
    sizes = [len(part) for part in PARTS]
    meant = chance.integers(sizes)
    changed = chance.random(len(PARTS)) < chance.choice(CHANGES)
    # An offset within the groups: the other is never the same by accident.
    other = np.where(changed, (meant + 1 + chance.integers(np.array(sizes) - 1)) % sizes, meant)
    same = WEIGHTS[~changed].sum() + chance.normal(0, 0.05)
    return _said(meant, chance), _said(other, chance), float(np.clip(same, 0, 1))


def _said(meaning, chance):
    who, what, like, which, where = (chance.choice(part[at]) for part, at in zip(PARTS, meaning, strict=True))
    return f"{chance.choice(['A', 'The'])} {who} {what} {chance.choice(['a', 'the'])} {like} {which} {where}."
