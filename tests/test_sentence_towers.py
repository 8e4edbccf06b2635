"""Towers for sentences: masking, TF-IDF as the beginning, strings in after a reload, siblings of different kinds."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops
from test_tokens import ON_TENSORFLOW, SENTENCES, numbers

from siamkeras import callbacks, evaluation, losses, models, retrieval, towers

strings_only = pytest.mark.skipif(not ON_TENSORFLOW, reason="strings in a model need the TensorFlow backend")
IDS = np.array([[5, 3, 2, 0, 0], [4, 0, 0, 0, 0], [0, 0, 0, 0, 0]], "int32")


def embedded(tower, inputs):
    return ops.convert_to_numpy(tower(ops.convert_to_tensor(inputs), training=False))


@pytest.fixture(params=[("lstm", "last", True), ("gru", "mean", True), ("lstm", "last", False), ("gru", "mean", False)])
def recurrent(request):
    cell, pooling, both = request.param
    return towers.recurrent(7, 8, vectors=6, units=5, cell=cell, pooling=pooling, bidirectional=both)


def test_a_recurrent_tower_is_a_plain_model_with_embeddings_of_length_one(recurrent):
    assert recurrent.name == "tower" and recurrent.output_shape == (None, 8)
    np.testing.assert_allclose(np.linalg.norm(embedded(recurrent, IDS[:2]), axis=1), 1.0, atol=1e-5)


def test_what_stands_behind_the_end_does_not_count(recurrent):
    wide = np.pad(IDS, ((0, 0), (0, 4)))
    np.testing.assert_allclose(embedded(recurrent, wide), embedded(recurrent, IDS), atol=1e-5)


def test_numbers_beyond_the_vocabulary_are_the_unknown_word(recurrent):
    """7 words, 0 to 6: what has no row among the vectors, above or below, is read as 1."""
    wanted = embedded(recurrent, np.array([[5, 1, 2, 0, 0]], "int32"))
    for beyond in (7, 10_000, -3):
        found = embedded(recurrent, np.array([[5, beyond, 2, 0, 0]], "int32"))
        np.testing.assert_array_equal(found, wanted)


def test_the_order_of_words_counts(recurrent):
    forth, back = embedded(recurrent, [[5, 3, 2], [2, 3, 5]])
    assert np.abs(forth - back).max() > 1e-4


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_a_sentence_without_words_is_zero_and_costs_no_nan(pooling):
    tower = towers.recurrent(7, None, vectors=6, units=5, pooling=pooling)
    assert np.abs(embedded(tower, IDS[2:])).max() == 0
    siamese = models.siamese(tower, "cosine")
    siamese.compile("adam", losses.ContrastiveLoss(), jit_compile=False)
    siamese.fit({"left": IDS, "right": IDS[::-1].copy()}, np.array([0.2, 1, 0.5]), verbose=0)
    assert all(np.isfinite(weight).all() for weight in siamese.get_weights())


def test_the_mean_is_over_the_words_alone():
    """(1 + 3) / 2 and 5; the third has none."""
    layer = towers.MaskedMean()
    inputs = np.array([[[1.0], [3.0], [9.0]], [[5.0], [9.0], [9.0]], [[9.0], [9.0], [9.0]]], "float32")
    mask = np.array([[True, True, False], [True, False, False], [False] * 3])
    found = ops.convert_to_numpy(layer(ops.convert_to_tensor(inputs), mask=ops.convert_to_tensor(mask)))
    np.testing.assert_allclose(found, [[2.0], [5.0], [0.0]])
    np.testing.assert_allclose(ops.convert_to_numpy(layer(inputs))[0], [13 / 3], rtol=1e-6)


def test_word_vectors_may_be_given():
    given = np.arange(21, dtype="float32").reshape(7, 3)
    np.testing.assert_array_equal(towers.recurrent(7, vectors=given).get_layer("vectors").get_weights()[0], given)


def test_the_manhattan_lstm_has_the_weights_of_its_paper():
    """4 gates of 50 units, each with 300 + 50 weights and a bias: 4 * 50 * 351 = 70,200, besides the vectors."""
    tower = towers.recurrent(11, None, vectors=300, units=50, bidirectional=False, normalize=False)
    assert tower.count_params() == 11 * 300 + 70_200
    siamese = models.siamese(tower, "exponential_manhattan")
    left, right = np.array([[2, 3, 0]], "int32"), np.array([[4, 5, 6]], "int32")
    found = ops.convert_to_numpy(siamese({"left": left, "right": right}))
    first, second = embedded(tower, left)[0], embedded(tower, right)[0]
    np.testing.assert_allclose(found, [1 - np.exp(-np.abs(first - second).sum())], rtol=1e-4)


# --- Hashed n-grams


def tf_idf(sentences, sizes):
    """TF-IDF vectors of length 1 by a loop, over the n-grams and words that occur, each as log(1 + count)."""
    grams = [[gram for size in sizes for gram in oracles.n_grams(sentence, size)] for sentence in sentences]
    for row, sentence in zip(grams, sentences, strict=True):
        row += [f"<{word}>" for word in oracles.words(sentence)]
    names = sorted({gram for row in grams for gram in row})
    weights = [np.log((1 + len(grams)) / (1 + sum(name in row for row in grams))) + 1 for name in names]
    vectors = np.log1p([[row.count(name) for name in names] for row in grams]) * weights
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def test_without_vectors_the_embedding_is_tf_idf_but_for_its_order():
    tower = towers.bag_of_ngrams(32, None, sizes=(3, 4), buckets=40_000, sentences=numbers(SENTENCES))
    found, wanted = embedded(tower, numbers(SENTENCES)), tf_idf(SENTENCES, (3, 4))
    np.testing.assert_allclose(found @ found.T, wanted @ wanted.T, atol=1e-5)


def test_random_vectors_keep_the_distances_but_for_chance():
    """The cosine of two sums of 4,096 random numbers strays by 1 / sqrt(4096) = 0.016; four times that."""
    tower = towers.bag_of_ngrams(32, 4096, sizes=(3, 4), buckets=40_000, sentences=numbers(SENTENCES))
    found, wanted = embedded(tower, numbers(SENTENCES)), tf_idf(SENTENCES, (3, 4))
    np.testing.assert_allclose(found @ found.T, wanted @ wanted.T, atol=0.063)


def test_a_sentence_without_letters_is_zero():
    tower = towers.bag_of_ngrams(32, 16, buckets=100)
    assert np.abs(embedded(tower, numbers(["?!"]))).max() == 0


def test_weights_and_vectors_learn_and_dropout_is_for_training_alone():
    codes = numbers(["a cat", "the cat", "one dog", "a house"])
    tower = towers.bag_of_ngrams(32, 8, buckets=100, dropout=0.5)
    assert len(tower.trainable_weights) == 2
    before = [weight.copy() for weight in tower.get_weights()]
    siamese = models.siamese(tower, "cosine")
    siamese.compile("adam", losses.ContrastiveLoss(), jit_compile=False)
    siamese.fit({"left": codes[:2], "right": codes[2:]}, np.array([1.0, 0.25]), verbose=0)
    assert all(np.any(old != new) for old, new in zip(before, tower.get_weights(), strict=True))
    np.testing.assert_array_equal(embedded(tower, codes), embedded(tower, codes))


# --- Strings in


@strings_only
@pytest.mark.parametrize("kind", ["recurrent", "hashed", "both"])
def test_a_model_takes_strings_after_it_was_loaded(kind, tmp_path):
    """The vocabulary is in the file: words never seen are still all one, and n-grams need none."""
    made = {
        "recurrent": lambda: towers.recurrent(tokenizers.words(SENTENCES), 8, vectors=4, units=4),
        "hashed": lambda: towers.bag_of_ngrams(tokenizers.characters(32), 8, buckets=200, sentences=SENTENCES),
    }
    tower = {role: make() for role, make in made.items()} if kind == "both" else made[kind]()
    siamese = models.siamese(tower, "cosine")
    roles = list(siamese.input)
    inputs = {
        roles[0]: ops.convert_to_tensor(SENTENCES),
        roles[1]: ops.convert_to_tensor(["new words", *SENTENCES[:3]]),
    }
    wanted = ops.convert_to_numpy(siamese(inputs))
    siamese.save(tmp_path / "model.keras")
    del siamese
    again = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(ops.convert_to_numpy(again(inputs)), wanted, atol=1e-6)


@strings_only
def test_words_never_seen_are_all_one_to_a_vocabulary_and_not_to_n_grams():
    unseen = np.array(["zebra", "quorum"])
    words = embedded(towers.recurrent(tokenizers.words(SENTENCES), 8), unseen)
    np.testing.assert_array_equal(words[0], words[1])
    n_grams = embedded(towers.bag_of_ngrams(embedding_dim=8), unseen)
    assert np.abs(n_grams[0] - n_grams[1]).max() > 0.01


@strings_only
def test_strings_and_their_numbers_have_the_same_embedding():
    keras.utils.set_random_seed(1)
    by_strings = towers.bag_of_ngrams(tokenizers.characters(32), 8, buckets=100, sentences=SENTENCES)
    by_numbers = towers.bag_of_ngrams(32, 8, buckets=100, sentences=numbers(SENTENCES))
    by_numbers.set_weights([each for each in by_strings.get_weights() if each.dtype.kind == "f"])
    np.testing.assert_allclose(
        embedded(by_strings, np.array(SENTENCES)), embedded(by_numbers, numbers(SENTENCES)), atol=1e-6
    )


@pytest.mark.skipif(ON_TENSORFLOW, reason="TensorFlow takes strings")
def test_strings_on_another_backend_are_refused_with_a_way_out():
    with pytest.raises(ValueError, match="need the TensorFlow backend. .* give it numbers"):
        towers.bag_of_ngrams()


# --- Siblings of different kinds


def test_siblings_of_different_kinds_meet_in_one_space():
    """Their distance is that of the embeddings which each tower makes of its own input, and both learn."""
    kinds = {"words": towers.recurrent(7, 8, vectors=4, units=4), "letters": towers.bag_of_ngrams(32, 8, buckets=100)}
    siamese = models.siamese(kinds, "squared_euclidean")
    inputs = {"words": IDS[:2], "letters": numbers(["a cat", "dogs"])}
    first, second = (embedded(kinds[role], inputs[role]) for role in kinds)
    found = ops.convert_to_numpy(siamese(inputs))
    np.testing.assert_allclose(found, np.square(first - second).sum(axis=1), atol=1e-5)
    before = [[weight.copy() for weight in tower.get_weights()] for tower in kinds.values()]
    siamese.compile("adam", losses.ContrastiveLoss(), jit_compile=False)
    siamese.fit(inputs, np.array([1.0, 0.0]), verbose=0)
    for old, tower in zip(before, kinds.values(), strict=True):
        assert any(np.any(a != b) for a, b in zip(old, tower.get_weights(), strict=True))


def test_the_tower_of_siblings_of_different_kinds_is_asked_for_by_its_role():
    kinds = {"left": towers.recurrent(7, 8, vectors=4, units=4), "right": towers.bag_of_ngrams(32, 8, buckets=100)}
    siamese = models.siamese(kinds)
    np.testing.assert_array_equal(embedded(models.tower_of(siamese, "left"), IDS), embedded(kinds["left"], IDS))
    assert models.tower_of(siamese, "right").count_params() == kinds["right"].count_params()
    for role in (None, "middle"):
        with pytest.raises(ValueError, match="has towers of left, right: which of them. Received: role="):
            models.tower_of(siamese, role)
    monitor = callbacks.CollapseMonitor(np.zeros((2, 7)))
    monitor.set_model(siamese)
    with pytest.raises(ValueError, match="has towers of left, right"):
        monitor.on_train_begin()


@pytest.mark.parametrize(
    "sentences, told",
    [
        (np.array([[1, 2]]), "numbers .n, 5.. Received: numbers .1, 2."),
        (["ab"], "numbers .n, 5.. Received: strings"),
        (np.zeros((0, 5), int), "shape .0, 5."),
        (np.array([[-2, 3, 4, 5, 6]]), "at least 0"),
        (["a", float("nan")], "must be sentences"),
    ],
)
def test_sentences_that_the_tower_does_not_take_are_refused(sentences, told):
    with pytest.raises(ValueError, match=told):
        towers.bag_of_ngrams(5, 4, buckets=64, sentences=sentences)


def test_one_tower_may_stand_on_both_sides_of_a_dict():
    tower = towers.bag_of_ngrams(32, 8, buckets=100)
    siamese = models.siamese({"left": tower, "right": tower}, "cosine")
    codes = numbers(["a cat", "dogs"])
    np.testing.assert_allclose(ops.convert_to_numpy(siamese({"left": codes, "right": codes})), 0.0, atol=1e-6)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: towers.recurrent(7, cell="rnn"), "`cell` must be one of 'gru', 'lstm'. Received: cell='rnn'"),
        (lambda: towers.recurrent(7, pooling="max"), "`pooling` must be one of 'last', 'mean'"),
        (lambda: towers.recurrent(0), "`tokens` must be made of positive whole numbers. Received: \\[0\\]"),
        (lambda: towers.recurrent(7, units=0), "`units` must be made of positive whole numbers"),
        (lambda: towers.recurrent(7, dropout=1.0), "`dropout` is a share, from 0 to below 1. Received: dropout=1.0"),
        (lambda: towers.recurrent(7, vectors=np.zeros((6, 3))), "numbers \\(7, length\\), .* shape \\(6, 3\\)"),
        (lambda: towers.bag_of_ngrams(32, buckets=50_000), "at most 46,340 buckets"),
        (lambda: towers.bag_of_ngrams(32, 0), "`embedding_dim` must be made of positive whole numbers"),
        (lambda: models.siamese({"left": towers.bag_of_ngrams(8, 2)}), "at least two, .* Received: \\['left'\\]"),
        (
            lambda: models.siamese({"left": towers.bag_of_ngrams(8, 2), "right": towers.bag_of_ngrams(8, 3)}),
            "embeddings are of one length. Received: {'left': 2, 'right': 3}",
        ),
    ],
)
def test_what_makes_no_tower_for_sentences_is_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_strings_to_a_tower_of_numbers_are_refused(recurrent):
    with pytest.raises(ValueError, match=r"takes numbers \(int32\). Received: strings in `images`"):
        retrieval.embed(recurrent, SENTENCES)
    with pytest.raises(ValueError, match=r"takes numbers \(int32\). Received: strings in `left`"):
        evaluation.compare(models.siamese(recurrent), [["a", "b"]], [["c", "d"]])


@strings_only
def test_numbers_to_a_tower_of_strings_are_refused():
    tower = towers.bag_of_ngrams(embedding_dim=8)
    with pytest.raises(ValueError, match=r"takes strings. Received: numbers \(int32\) in `images`"):
        retrieval.embed(tower, IDS)
    with pytest.raises(ValueError, match=r"takes strings. Received: numbers \(int64\) in `left`"):
        evaluation.compare(models.siamese(tower), [5, 6], [5, 7])


@strings_only
def test_a_tokeniser_that_gives_no_numbers_of_words_is_refused():
    counting = keras.layers.TextVectorization(output_mode="tf_idf")
    counting.adapt(SENTENCES)
    with pytest.raises(ValueError, match="output_mode=\"int\". Received: 'tf_idf'"):
        towers.recurrent(counting)


@strings_only
def test_a_tokeniser_without_a_vocabulary_is_refused():
    with pytest.raises(ValueError, match="no vocabulary: `adapt` it"):
        towers.recurrent(keras.layers.TextVectorization())


@strings_only
def test_document_frequencies_of_empty_sentences_are_refused():
    with pytest.raises(ValueError, match="at least one word. Received: ' ' at position 1"):
        towers.bag_of_ngrams(sentences=["a", " "])
