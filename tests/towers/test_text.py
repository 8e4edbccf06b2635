"""Text towers: masking, TF-IDF as the starting point of the bag of n-grams, strings after loading."""

import keras
import numpy as np
import oracles
import pytest
from keras import ops

from siamkeras import losses, models, retrieval, tokenizers, towers

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
strings_only = pytest.mark.skipif(not ON_TENSORFLOW, reason="strings in a model need the TensorFlow backend")
SENTENCES = ["A cat is a cat.", "The dog's bone, 2 bones!", "Cats & dogs", "a"]
IDS = np.array([[5, 3, 2, 0, 0], [4, 0, 0, 0, 0], [0, 0, 0, 0, 0]], "int32")


def embed(tower, inputs):
    call = oracles.compiled(lambda x: tower(x, training=False))
    return ops.convert_to_numpy(call(ops.convert_to_tensor(inputs)))


def character_ids(sentences):
    return ops.convert_to_numpy(tokenizers.characters(32)(sentences)).astype("int32")


# --- Recurrent


@pytest.fixture(params=[("last", True), ("mean", False)])
def recurrent(request):
    pooling, bidirectional = request.param
    return towers.recurrent(7, 8, word_vectors=6, units=5, pooling=pooling, bidirectional=bidirectional)


def test_recurrent_embeddings_have_unit_length_and_ignore_padding(recurrent):
    embeddings = embed(recurrent, IDS)
    assert embeddings.shape == (3, 8)
    np.testing.assert_allclose(np.linalg.norm(embeddings[:2], axis=1), 1.0, atol=1e-5)
    np.testing.assert_allclose(embed(recurrent, np.pad(IDS, ((0, 0), (0, 4)))), embeddings, atol=1e-5)


def test_recurrent_embeddings_depend_on_the_order_of_words(recurrent):
    forwards, backwards = embed(recurrent, [[5, 3, 2], [2, 3, 5]])
    assert np.abs(forwards - backwards).max() > 1e-4


def test_ids_outside_the_vocabulary_are_the_out_of_vocabulary_word():
    tower = towers.recurrent(7, 8, word_vectors=6, units=5)
    ids = np.array([[5, oov, 2, 0, 0] for oov in (1, 7, 10_000, -3)], "int32")
    embeddings = embed(tower, ids)
    np.testing.assert_allclose(embeddings, embeddings[[0, 0, 0, 0]], atol=1e-6)


@pytest.mark.parametrize("pooling", ["last", "mean"])
def test_a_sentence_without_words_has_the_embedding_0_and_a_finite_gradient(pooling):
    tower = towers.recurrent(7, None, word_vectors=6, units=5, pooling=pooling)
    assert np.abs(embed(tower, IDS[2:])).max() == 0
    siamese = models.siamese(tower, "cosine")
    siamese.compile("adam", losses.ContrastiveLoss(), run_eagerly=ON_TENSORFLOW)
    siamese.train_on_batch({"left": IDS, "right": IDS[::-1].copy()}, np.array([0.2, 1, 0.5]))
    assert all(np.isfinite(weight).all() for weight in siamese.get_weights())


def test_initial_word_vectors_are_used():
    given = np.arange(21, dtype="float32").reshape(7, 3)
    tower = towers.recurrent(7, word_vectors=given)
    np.testing.assert_array_equal(tower.get_layer("word_vectors").get_weights()[0], given)


def test_the_manhattan_lstm_has_the_parameters_of_the_paper():
    """4 gates of 50 units, each with 300 + 50 weights and a bias: 4 * 50 * 351 = 70,200, plus the word vectors."""
    tower = towers.recurrent(11, None, word_vectors=300, units=50, bidirectional=False, normalize=False)
    assert tower.count_params() == 11 * 300 + 70_200


def test_dropout_is_applied_to_the_word_vectors_in_training_only():
    tower = towers.recurrent(7, 8, word_vectors=6, units=5, dropout=0.5)
    np.testing.assert_array_equal(embed(tower, IDS), embed(tower, IDS))
    assert np.abs(ops.convert_to_numpy(tower(IDS, training=True)) - embed(tower, IDS)).max() > 1e-4


def test_with_skip_and_weights_the_embedding_contains_the_weighted_mean_of_the_word_vectors():
    vectors, weights = np.random.default_rng(0).random((7, 3)), np.linspace(0.1, 2, 7)
    options = {"word_vectors": vectors, "units": 5, "pooling": "mean", "normalize": False}
    tower = towers.recurrent(7, None, word_weights=weights, skip=True, **options)
    expected = np.zeros((3, 3))
    for row, ids in enumerate(IDS):
        words = [number for number in ids if number]
        for number in words:
            expected[row] += weights[number] * vectors[number] / len(words)
    embeddings = embed(tower, np.pad(IDS, ((0, 0), (0, 2))))
    assert embeddings.shape == (3, 2 * 5 + 3)
    np.testing.assert_allclose(embeddings[:, 10:], expected, atol=1e-5)
    equal = towers.recurrent(7, None, word_weights=np.ones(7), skip=True, **options)
    equal.set_weights([*tower.get_weights()[:-1], np.zeros((7, 1))])
    plain = towers.recurrent(7, None, skip=True, **options)
    plain.set_weights(tower.get_weights()[:-1])
    np.testing.assert_allclose(embed(equal, IDS), embed(plain, IDS), atol=1e-6)


# --- Bag of n-grams


def tf_idf(sentences, sizes):
    """TF-IDF vectors of unit length by a loop over the n-grams and words, with log(1 + count)."""
    grams = [[gram for size in sizes for gram in oracles.n_grams(sentence, size)] for sentence in sentences]
    for row, sentence in zip(grams, sentences, strict=True):
        row += [f"<{word}>" for word in oracles.words(sentence)]
    names = sorted({gram for row in grams for gram in row})
    weights = [np.log((1 + len(grams)) / (1 + sum(name in row for row in grams))) + 1 for name in names]
    vectors = np.log1p([[row.count(name) for name in names] for row in grams]) * weights
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


# The cosine similarity of two sums of 1,024 random values deviates by 1 / sqrt(1024) = 0.03; four times that.
@pytest.mark.parametrize("embedding_dim, tolerance", [(None, 1e-5), (1024, 0.125)])
def test_the_untrained_bag_of_ngrams_has_the_similarities_of_tf_idf(embedding_dim, tolerance):
    ids = character_ids(SENTENCES)
    tower = towers.bag_of_ngrams(32, embedding_dim, sizes=(3, 4), buckets=8_000, sentences=ids)
    found, expected = embed(tower, ids), tf_idf(SENTENCES, (3, 4))
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=tolerance)


def test_document_frequencies_are_summed_over_batches():
    """300 sentences, more than one batch of 256: the word "ab" in all of them, "c" in 30."""
    sentences = np.array([[2, 3, 1, 4]] * 30 + [[2, 3, 1, 1]] * 270, "int32")
    tower = towers.bag_of_ngrams(4, None, sizes=(50,), buckets=40_000, sentences=sentences, normalize=False)
    found = embed(tower, sentences[:1])[0]
    expected = np.log(2) * np.array([1.0, np.log(301 / 31) + 1])
    np.testing.assert_allclose(sorted(found[found > 0]), expected, rtol=1e-5)


def test_a_sentence_without_letters_has_the_embedding_0():
    assert np.abs(embed(towers.bag_of_ngrams(32, 16, buckets=100), character_ids(["?!"]))).max() == 0


def test_weights_and_vectors_are_trained_and_dropout_is_off_at_inference():
    ids = character_ids(["a cat", "the cat", "one dog", "a house"])
    tower = towers.bag_of_ngrams(32, 8, buckets=100, dropout=0.5)
    assert len(tower.trainable_weights) == 2 and tower.get_layer("dropout").rate == 0.5
    before = [weight.copy() for weight in tower.get_weights()]
    siamese = models.siamese(tower, "cosine")
    siamese.compile("adam", losses.ContrastiveLoss(), run_eagerly=ON_TENSORFLOW)
    siamese.train_on_batch({"left": ids[:2], "right": ids[2:]}, np.array([1.0, 0.25]))
    assert all(np.any(old != new) for old, new in zip(before, tower.get_weights(), strict=True))
    np.testing.assert_array_equal(embed(tower, ids), embed(tower, ids))


# --- Strings


@strings_only
def test_a_model_takes_strings_after_loading(tmp_path):
    """The file contains the vocabulary."""
    tower = {
        "words": towers.recurrent(tokenizers.words(SENTENCES), 8, word_vectors=4, units=4),
        "letters": towers.bag_of_ngrams(tokenizers.characters(32), 8, buckets=200, sentences=SENTENCES),
    }
    siamese = models.siamese(tower, "cosine")
    assert siamese.input["words"].dtype == "string"
    inputs = {
        "words": ops.convert_to_tensor(SENTENCES),
        "letters": ops.convert_to_tensor(["new words", *SENTENCES[:3]]),
    }
    expected = ops.convert_to_numpy(siamese(inputs))
    siamese.save(tmp_path / "model.keras")
    loaded = keras.saving.load_model(tmp_path / "model.keras")
    np.testing.assert_allclose(ops.convert_to_numpy(loaded(inputs)), expected, atol=1e-6)


@strings_only
@pytest.mark.parametrize(
    "one, other",
    [("我喜欢猫。", "我喜欢狗。"), ("кошка спит", "кошка поёт"), ("قطة نائمة", "قطة تأكل"), ("👍", "👎"), ("กิน", "กัน")],
)
def test_n_grams_of_all_scripts_change_the_embedding(one, other):
    """Spaces around a sentence do not change its embedding; another sentence has another embedding."""
    tower = towers.bag_of_ngrams()
    embeddings = retrieval.embed(tower, [one, f" {one} ", other])
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    distances = np.linalg.norm(embeddings - embeddings[0], axis=1)
    assert distances[1] < 1e-3 and distances[2] > 0.1


@strings_only
def test_combining_accents_equal_accented_letters():
    one, other = retrieval.embed(towers.bag_of_ngrams(), ["un café noir", "un cafe\u0301 noir"])
    np.testing.assert_array_equal(one, other)


@strings_only
def test_towers_of_strings_can_be_cloned():
    for tower in (towers.recurrent(tokenizers.words(["où", "là"]), 8), towers.bag_of_ngrams(embedding_dim=8)):
        clone = keras.models.clone_model(tower)
        if tower.get_layer(index=1).name == "characters":  # the words of a clone have to be adapted again
            clone.set_weights(tower.get_weights())
            np.testing.assert_array_equal(retrieval.embed(clone, ["Où"]), retrieval.embed(tower, ["où"]))


@strings_only
def test_words_outside_the_vocabulary_have_the_same_embedding_and_different_n_grams():
    unseen = np.array(["zebra", "quorum"])
    words = embed(towers.recurrent(tokenizers.words(SENTENCES), 8), unseen)
    np.testing.assert_array_equal(words[0], words[1])
    n_grams = embed(towers.bag_of_ngrams(embedding_dim=8), unseen)
    assert np.abs(n_grams[0] - n_grams[1]).max() > 0.01


@strings_only
def test_strings_and_their_ids_have_the_same_embedding():
    from_strings = towers.bag_of_ngrams(tokenizers.characters(32), 8, buckets=100, sentences=SENTENCES)
    from_ids = towers.bag_of_ngrams(32, 8, buckets=100, sentences=character_ids(SENTENCES))
    from_ids.set_weights([weight for weight in from_strings.get_weights() if weight.dtype.kind == "f"])
    expected = embed(from_strings, np.array(SENTENCES))
    np.testing.assert_allclose(embed(from_ids, character_ids(SENTENCES)), expected, atol=1e-6)


@pytest.mark.skipif(ON_TENSORFLOW, reason="TensorFlow takes strings")
def test_strings_on_another_backend_raise():
    with pytest.raises(ValueError, match="needs the TensorFlow backend.* Apply the tokenizer outside the tower"):
        towers.bag_of_ngrams()


@strings_only
def test_a_tokenizer_without_a_vocabulary_raises():
    with pytest.raises(ValueError, match="no vocabulary. Call `adapt`"):
        towers.recurrent(keras.layers.TextVectorization())


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: towers.recurrent(7, pooling="max"), "`pooling` must be one of 'last', 'mean'"),
        (lambda: towers.recurrent(0), "`tokenizer` must be an integer .* a tokenizer or the vocabulary size"),
        (lambda: towers.recurrent(7, dropout=1.0), "`dropout` must be a number .* below 1. Received: dropout=1.0"),
        (lambda: towers.recurrent(7, word_vectors=np.zeros((6, 3))), "one row for each of 7 tokens. Received: 6"),
        (lambda: towers.recurrent(7, skip=True), '`skip` and `word_weights` need `pooling="mean"`'),
        (lambda: towers.recurrent(3, pooling="mean", word_weights=[1, 1]), "3 numbers above 0.* Received: shape .2,."),
        (lambda: towers.recurrent(3, pooling="mean", word_weights=[1, 0, 2]), "above 0, .* smallest 0.0"),
        (lambda: towers.bag_of_ngrams(2.5), "`tokenizer` must be an integer .* a tokenizer or the length"),
        (lambda: towers.bag_of_ngrams(32, dropout=-0.1), "`dropout` must be a number of at least 0"),
        (lambda: towers.bag_of_ngrams(5, 4, sentences=[[-2, 3, 4, 5, 6]]), "Token ids must be integers >= 0"),
        (
            lambda: towers.bag_of_ngrams(5, 4, sentences=np.array([[1, 2]])),
            "expected shape=.None, 5., found shape=.1, 2",
        ),
    ],
)
def test_invalid_arguments_raise(call, message):
    with pytest.raises(ValueError, match=message):
        call()
