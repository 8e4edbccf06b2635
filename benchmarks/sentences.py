"""Semantic textual similarity with Siamese towers trained on 5,749 sentence pairs.

The STS Benchmark with its official splits: trained on train, all settings chosen on dev, measured once on test, three
training runs each. The only other data are GloVe word vectors. Methods, by Spearman's correlation of the cosine
similarity with the human scores:

- untrained: TF-IDF of words, and of character n-grams (n chosen on dev); the mean GloVe vector of a sentence, and the
  weighted mean of Arora et al. (2017);
- "LSTM": a bidirectional LSTM over GloVe vectors, weighted mean over the words;
- "LSTM, n-grams of words": as before, but each word has its GloVe vector and an untrained embedding of its character
  n-grams, and the mean is also over these vectors;
- "n-grams": `towers.bag_of_ngrams`, which starts as TF-IDF;
- "joined": "n-grams" and "LSTM", their embeddings concatenated, trained together;
- "three joined": the embeddings of the three joined towers, concatenated.

Intervals are 95 % bootstrap intervals over sentences: a pair counts as often as both of its sentences are resampled.
"without known" are the test pairs of which no sentence occurs in train. Targets on test: an LSTM above TF-IDF of
character n-grams, and the best tower above 0.79. Without the data set, synthetic sentences replace it; their results
are not comparable.

    python benchmarks/sentences.py --checkpoint build/sentences.keras --save
"""

import datetime
from pathlib import Path

import measuring
import training

TARGET = 0.79
# Chosen on dev; the learning rates have cosine decay to 0.
SETTINGS = {
    "LSTM": {"learning_rate": 0.002, "epochs": 2},
    "LSTM, n-grams of words": {"learning_rate": 0.002, "epochs": 2},
    "n-grams": {"learning_rate": 0.002, "epochs": 2},
    "joined": {"learning_rate": 0.002, "epochs": 2},
}
SHARED = {
    "batch_size": 64,
    "margin": 1.0,
    "dimensions": 512,
    "sizes": [3],
    "buckets": 2**13,
    "words": 30_000,
    "units": 64,
    "word_dimensions": 256,
    "share": 0.75,  # of the n-grams in the cosine similarity of the joined tower
}
NAMES = ("spearman", "pearson")
RESULTS = Path(__file__).parent / "results" / "sentences.json"


def tf_idf(train, pairs, **options):
    """Cosine distances of TF-IDF vectors; vocabulary and document frequencies are those of the training sentences."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(sublinear_tf=True, **options).fit(train.sentences)
    left, right = (vectors.transform(side) for side in (pairs.left, pairs.right))
    return 1 - np.asarray(left.multiply(right).sum(axis=1)).ravel()


def mean_of_glove(words, vectors, weights, pairs):
    """Cosine distances of weighted mean word vectors."""
    import numpy as np
    from keras import ops

    from siamkeras import distances

    def embed(sentences):
        ids = ops.convert_to_numpy(words(np.array(sentences.tolist())))
        return (weights[ids][:, :, None] * vectors[ids]).sum(axis=1)

    return ops.convert_to_numpy(distances.cosine(embed(pairs.left), embed(pairs.right)))


class Words:
    """The tokenizer, GloVe vectors, weights and n-gram vectors of the words of train and of GloVe."""

    def __init__(self, train, settings, source):
        import keras
        import numpy as np

        from siamkeras import retrieval, tokenizers, towers
        from siamkeras.applications import text

        frequent = text.glove_words(source=source)
        self.tokenizer = tokenizers.words([*train.sentences, *frequent], max_tokens=settings["words"])
        vocabulary = self.tokenizer.get_vocabulary()
        row_of = {word: row for row, word in enumerate(vocabulary)}
        known = [row_of[word] for word in frequent if word in row_of]
        # Centred, with a mean square length of 1; words without a vector are then nearly 0.
        self.glove = text.glove(self.tokenizer, source=source)
        self.glove[known] -= self.glove[known].mean(axis=0)
        self.glove /= np.sqrt(np.mean(np.sum(self.glove[known] ** 2, axis=1)))
        rank = {word: place for place, word in enumerate(frequent, start=1)}
        # Zipf's law: the word of rank r has a probability of about 0.1 / r. Weights of Arora et al.: a / (a + p).
        probability = np.array([0.1 / rank.get(word, len(rank)) for word in vocabulary])
        self.weights = 1e-4 / (1e-4 + probability)
        keras.utils.set_random_seed(0)
        tower = towers.bag_of_ngrams(embedding_dim=settings["word_dimensions"], sentences=train.sentences)
        embedded = retrieval.embed(tower, ["?", "?", *vocabulary[2:]])
        self.both = np.concatenate([self.glove, 2 * embedded], axis=1)


def tower_of(name, train, words, settings):
    """A new tower."""
    import keras

    from siamkeras import towers

    def ngrams():
        size = {"embedding_dim": settings["dimensions"], "buckets": settings["buckets"], "sizes": settings["sizes"]}
        return towers.bag_of_ngrams(sentences=train.left, **size)

    def lstm(vectors, **options):
        options |= {"units": settings["units"], "pooling": "mean", "word_weights": words.weights}
        return towers.recurrent(words.tokenizer, None, word_vectors=vectors, **options)

    def joined():
        parts = {"ngrams": ngrams(), "lstm": lstm(words.glove)}
        sentence, embeddings = keras.Input((), dtype="string"), []
        for (part, tower), share in zip(parts.items(), (settings["share"], 1 - settings["share"]), strict=True):
            tower.name = part
            embeddings.append(keras.layers.Rescaling(share**0.5)(tower(sentence)))
        return keras.Model(sentence, keras.layers.Concatenate()(embeddings), name="tower")

    return {
        "n-grams": ngrams,
        "LSTM": lambda: lstm(words.glove),
        "LSTM, n-grams of words": lambda: lstm(words.both, skip=True),
        "joined": joined,
    }[name]()


def batches(pairs, settings, shuffle=False, seed=0):
    from siamkeras import generators

    return generators.from_pairs(
        pairs.left, pairs.right, pairs.same, settings["batch_size"], shuffle=shuffle, seed=seed, text=True
    )


def train_model(name, train, validation, words, settings, seed, checkpoint=None):
    """A trained model, the minutes of training, and the results on dev after each epoch.

    Resumes from the checkpoint of an interrupted run: each epoch has its own seed and therefore its own order.
    """
    import keras

    from siamkeras import evaluation, losses, models

    per_epoch = -(-len(train.same) // settings["batch_size"])
    settings = settings | {"steps": per_epoch * settings["epochs"], "seed": seed, "train": repr(train)}

    def build():
        model = models.siamese(tower_of(name, train, words, settings), "cosine")
        schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
        model.compile(keras.optimizers.Adam(schedule), losses.ContrastiveLoss(settings["margin"]))
        return model

    def stream(done):
        epochs = [
            batches(train, settings, shuffle=True, seed=1000 * seed + epoch)
            for epoch in range(done // per_epoch, settings["epochs"])
        ]
        joined = epochs[0]
        for epoch in epochs[1:]:
            joined = joined.concatenate(epoch)
        return joined

    def check(model):
        report = evaluation.correlation(model, batches(validation, settings), resamples=0)
        return {f"dev {each}": getattr(report, each) for each in NAMES}

    keras.utils.set_random_seed(seed)
    file_name = f"{checkpoint.stem}-{name.replace(' ', '_')}-{seed}.keras" if checkpoint else None
    path = checkpoint.with_name(file_name) if checkpoint else None
    model, seconds, curve = training.train(
        f"{name}, seed {seed}", build, stream, settings, path, per_epoch, check=check
    )
    return model, seconds / 60, curve


def sentence_clusters(pairs):
    """Left and right sentence of each pair, `(n, 2)`: the bootstrap resamples sentences."""
    import numpy as np

    return np.column_stack([pairs.left, pairs.right])


def difference(distances, others, pairs, resamples, seed=0):
    """Spearman's correlation of `distances` minus that of `others`, and its 95 % interval over sentences."""
    import numpy as np
    from scipy import stats

    def spearman(values, chosen):
        return stats.spearmanr(-values[chosen], pairs.same[chosen])[0]

    _, sentence = np.unique(sentence_clusters(pairs), return_inverse=True)
    left, right = sentence.reshape(-1, 2).T
    rng, differences = np.random.default_rng(seed), []
    for _ in range(resamples):
        counts = np.bincount(rng.integers(sentence.max() + 1, size=sentence.max() + 1), minlength=sentence.max() + 1)
        copies = np.where(left == right, counts[left], counts[left] * counts[right])
        chosen = np.repeat(np.arange(len(left)), copies)
        differences.append(spearman(distances, chosen) - spearman(others, chosen))
    every = np.arange(len(left))
    value = float(spearman(distances, every) - spearman(others, every))
    return {"value": value, "interval": np.percentile(differences, [2.5, 97.5]).tolist()}


def evaluate(distances, parts, resamples):
    """Both correlations with their intervals, for dev, test and the test pairs without a known sentence."""
    from siamkeras import evaluation

    results = {}
    for part, (pairs, rows) in parts.items():
        chosen = pairs._replace(left=pairs.left[rows], right=pairs.right[rows], same=pairs.same[rows])
        report = evaluation.correlation_from_distances(
            distances["dev" if part == "dev" else "test"][rows],
            chosen.same,
            clusters=sentence_clusters(chosen),
            resamples=resamples,
        )
        results[part] = {each: {"value": getattr(report, each), "interval": report.interval[each]} for each in NAMES}
    return results


def row(name, minutes, result):
    cells = [
        "{value:.3f} [{low:.3f}, {high:.3f}]".format(
            value=each["value"], low=each["interval"][0], high=each["interval"][1]
        )
        for each in (result["test"]["spearman"], result["test"]["pearson"], result["without known"]["spearman"])
    ]
    dev = f"{result['dev']['spearman']['value']:.3f}"
    return [name, "" if minutes is None else f"{minutes:.1f}", dev, *cells]


def arguments():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS), help="the towers to train")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], help="one training run for each")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint, to resume an interrupted run")
    parser.add_argument("--dev", action="store_true", help="stop before the test pairs")
    parser.add_argument("--source", choices=("auto", "real", "synthetic"), help="of the sentences and of GloVe")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(RESULTS.parents[2])}")
    options = parser.parse_args()
    if options.save and (options.quick or options.dev):
        parser.error("--save needs a full run, without --quick and --dev.")
    options.source = options.source or ("synthetic" if options.quick else "auto")
    return options


def main():
    options = arguments()
    import numpy as np

    from siamkeras import environment, evaluation
    from siamkeras.applications import text

    measuring.print_heading("Sentences", options.quick)
    train, validation, test = (
        text.sts_benchmark(split, source=options.source) for split in ("train", "validation", "test")
    )
    shared, resamples, settings, seeds = SHARED, 1000, SETTINGS, options.seeds
    if options.quick:
        train, validation, test = (
            each._replace(left=each.left[:64], right=each.right[:64], same=each.same[:64])
            for each in (train, validation, test)
        )
        shared = SHARED | {"batch_size": 32, "dimensions": 8, "buckets": 256, "units": 4, "word_dimensions": 8}
        settings, resamples, seeds = {name: each | {"epochs": 1} for name, each in SETTINGS.items()}, 20, [0]
    print(f"Training: {train}. Validation: {validation}. Settings: {shared}, {settings}.")
    words, trained = Words(train, shared, options.source), {}
    for seed in seeds:
        for name in options.only:
            trained[name, seed] = train_model(
                name, train, validation, words, shared | settings[name], seed, options.checkpoint
            )
    if options.dev:
        return
    is_known = np.isin(test.left, train.sentences).astype(int) + np.isin(test.right, train.sentences)
    known = {"pairs with a sentence of train": int((is_known > 0).sum()), "both sentences": int((is_known == 2).sum())}
    print(f"Test, measured once: {test}. {known}.\n", flush=True)
    every = {"dev": validation, "test": test}
    parts = {name: (pairs, np.arange(len(pairs.same))) for name, pairs in every.items()}
    parts["without known"] = (test, np.flatnonzero(is_known == 0))

    def of(method):
        return {part: np.asarray(method(pairs), "float64") for part, pairs in every.items()}

    def of_model(model):
        return of(lambda pairs: evaluation.pair_distances(model, batches(pairs, shared))[0])

    characters = {"analyzer": "char_wb", "ngram_range": (2, 4)}
    one = np.ones(len(words.weights))
    distances = {
        "TF-IDF, words": of(lambda pairs: tf_idf(train, pairs)),
        "TF-IDF, characters": of(lambda pairs: tf_idf(train, pairs, **characters)),
        "GloVe, mean": of(lambda pairs: mean_of_glove(words.tokenizer, words.glove, one, pairs)),
        "GloVe, weighted mean": of(lambda pairs: mean_of_glove(words.tokenizer, words.glove, words.weights, pairs)),
    }
    baselines = list(distances)
    distances |= {f"{name}, seed {seed}": of_model(model) for (name, seed), (model, _, _) in trained.items()}
    if "joined" in options.only and len(seeds) > 1:
        runs = [distances[f"joined, seed {seed}"] for seed in seeds]
        distances["three joined"] = {part: np.mean([run[part] for run in runs], axis=0) for part in every}
    results = {name: evaluate(each, parts, resamples) for name, each in distances.items()}
    minutes = {f"{name}, seed {seed}": spent for (name, seed), (_, spent, _) in trained.items()}
    header = ["", "minutes", "dev, Spearman", "test, Spearman", "test, Pearson", "without known, Spearman"]
    measuring.print_table(header, [row(name, minutes.get(name), each) for name, each in results.items()])
    gains = {
        name: difference(each["test"], distances["TF-IDF, characters"]["test"], test, resamples)
        for name, each in distances.items()
        if name not in baselines
    }
    print("### Spearman on test, minus that of TF-IDF of characters\n")
    cells = {name: "{value:+.3f} [{low:+.3f}, {high:+.3f}]" for name in gains}
    rows = [
        [
            name,
            text_.format(value=gains[name]["value"], low=gains[name]["interval"][0], high=gains[name]["interval"][1]),
        ]
        for name, text_ in cells.items()
    ]
    measuring.print_table(["", "difference"], rows)
    best = max(results, key=lambda name: results[name]["dev"]["spearman"]["value"])
    value = results[best]["test"]["spearman"]["value"]
    print(f"Best on dev: {best}. Spearman on test > {TARGET}: {'yes' if value > TARGET else 'NO'}, {value:.3f}.")
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        content = {"machine": machine, "settings": {"shared": shared, **settings}, "train": repr(train)}
        content |= {"test": repr(test), "known": known, "results": results, "gains": gains, "minutes": minutes}
        content["curves"] = {f"{name}, seed {seed}": curve for (name, seed), (_, _, curve) in trained.items()}
        training.write_json(RESULTS, content)
        print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
