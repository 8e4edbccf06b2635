"""Tests of the synthetic sentence pairs."""

from scipy import stats

from siamkeras.applications.text.synthetic import synthetic_sentence_pairs


def test_a_pair_depends_on_seed_and_index_only():
    few, many, other = (synthetic_sentence_pairs(*arguments) for arguments in ((3,), (9,), (3, 1)))
    assert few.left.tolist() == many.left[:3].tolist() and few.same.tolist() == many.same[:3].tolist()
    assert few.left.tolist() != other.left.tolist()


def test_word_overlap_correlates_with_the_similarity_imperfectly():
    """Synonyms have no characters in common, so the correlation stays far below 1."""
    pairs = synthetic_sentence_pairs(500)
    left, right = ([set(sentence.lower().split()) for sentence in side] for side in (pairs.left, pairs.right))
    overlap = [len(a & b) / len(a | b) for a, b in zip(left, right, strict=True)]
    assert 0.5 < stats.spearmanr(overlap, pairs.same)[0] < 0.85
    assert pairs.same.min() == 0 and pairs.same.max() == 1
