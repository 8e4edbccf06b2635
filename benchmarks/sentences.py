"""Semantic textual similarity with towers trained from scratch on 5,749 sentence pairs.

The STS Benchmark with its official splits: trained on train, measured once on test, without pretrained word vectors.
Methods, by Spearman's correlation of the predicted similarity with the human scores:

- TF-IDF by scikit-learn, without training on pairs: of words; of n-grams of characters within words, of 2 to 5
  characters, and of 2 to 4, which is the best on dev;
- the bag of n-grams (`towers.bag_of_ngrams`), untrained and trained by contrastive loss on the cosine distance;
- the Manhattan LSTM as published (Mueller and Thyagarajan, 2016), with random initial word vectors;
- a bidirectional LSTM, mean over the words, by cosine distance;
- a recurrent tower on the left and a bag of n-grams on the right, trained into one embedding space.

The settings of the bag of n-grams were chosen on dev; those of the recurrent towers were set beforehand. The curve
shows dev after each epoch. Intervals are 95 % bootstrap intervals over pairs. Target: at least one Siamese tower above
0.705 on test, the result of character n-gram TF-IDF. Without the data set, synthetic sentences replace it; their
results are not comparable.

    python benchmarks/sentences.py --checkpoint build/sentences.keras --save
"""

import datetime
from pathlib import Path

import measuring
import training

TARGET = 0.705
# Chosen on dev; the learning rates have cosine decay to 0.
SETTINGS = {
    "hashed": {"distance": "cosine", "learning_rate": 0.001, "epochs": 3},
    "Manhattan LSTM": {"distance": "exponential_manhattan", "learning_rate": 0.002, "epochs": 5},
    "LSTM, mean": {"distance": "cosine", "learning_rate": 0.002, "epochs": 4},
    "LSTM and hashed": {"distance": "cosine", "learning_rate": 0.002, "epochs": 4},
}
SHARED = {"batch_size": 64, "margin": 1.0, "dimensions": 512, "buckets": 2**14, "words": 5000, "units": 50}
NAMES = ("spearman", "pearson")
RESULTS = Path(__file__).parent / "results" / "sentences.json"


def tf_idf(train, pairs, **options):
    """Cosine distances of TF-IDF vectors; vocabulary and document frequencies are those of the training sentences."""
    import numpy as np
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectors = TfidfVectorizer(sublinear_tf=True, **options).fit(train.sentences)
    left, right = (vectors.transform(side) for side in (pairs.left, pairs.right))
    return 1 - np.asarray(left.multiply(right).sum(axis=1)).ravel()


def towers_of(name, train, settings):
    """A new tower, or a dict of two."""
    from siamkeras import tokenizers, towers

    def hashed():
        size = {"embedding_dim": settings["dimensions"], "buckets": settings["buckets"]}
        return towers.bag_of_ngrams(sentences=train.sentences, dropout=0.2, **size)

    def reader(**options):
        words = tokenizers.words(train.sentences, max_tokens=settings["words"])
        return towers.recurrent(words, units=settings["units"], **options)

    return {
        "hashed": hashed,
        "Manhattan LSTM": lambda: reader(
            embedding_dim=None, word_vectors=settings["units"], bidirectional=False, normalize=False
        ),
        "LSTM, mean": lambda: reader(embedding_dim=None, word_vectors=128, pooling="mean", dropout=0.3),
        "LSTM and hashed": lambda: {
            "left": reader(embedding_dim=settings["dimensions"], word_vectors=128, pooling="mean", dropout=0.3),
            "right": hashed(),
        },
    }[name]()


def batches(pairs, settings, shuffle=False, seed=0):
    from siamkeras import generators

    return generators.from_pairs(
        pairs.left, pairs.right, pairs.same, settings["batch_size"], shuffle=shuffle, seed=seed, text=True
    )


def train_model(name, train, validation, settings, seed, checkpoint=None):
    """A trained model, the minutes of training, and the results on dev after each epoch.

    Resumes from the checkpoint of an interrupted run: each epoch has its own seed and therefore its own order.
    """
    import keras

    from siamkeras import evaluation, losses, models

    per_epoch = -(-len(train.same) // settings["batch_size"])
    settings = settings | {"steps": per_epoch * settings["epochs"], "seed": seed, "train": repr(train)}

    def build():
        model = models.siamese(towers_of(name, train, settings), settings["distance"])
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
    path = checkpoint.with_name(f"{checkpoint.stem}-{name.replace(' ', '_')}-{seed}.keras") if checkpoint else None
    model, seconds, curve = training.train(
        f"{name}, seed {seed}", build, stream, settings, path, per_epoch, check=check
    )
    return model, seconds / 60, curve


def numbers(report):
    """The results of a `Correlation` for the table and for JSON."""
    return {name: {"value": getattr(report, name), "interval": report.interval.get(name)} for name in NAMES}


def row(name, minutes, dev, test):
    cells = [f"{each['value']:.3f} [{each['interval'][0]:.3f}, {each['interval'][1]:.3f}]" for each in test.values()]
    return [name, "" if minutes is None else f"{minutes:.1f}", f"{dev['spearman']['value']:.3f}", *cells]


def arguments():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--only", nargs="+", choices=SETTINGS, default=list(SETTINGS), help="the towers to train")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0], help="one training run for each")
    parser.add_argument("--checkpoint", type=Path, help="checkpoint, to resume an interrupted run")
    parser.add_argument("--source", choices=("auto", "real", "synthetic"), help="of the sentences")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(RESULTS.parents[2])}")
    options = parser.parse_args()
    if options.quick and options.save:
        parser.error("--save needs a full run, without --quick.")
    options.source = options.source or ("synthetic" if options.quick else "auto")
    return options


def main():
    options = arguments()
    import keras

    from siamkeras import environment, evaluation, models
    from siamkeras.applications import text

    measuring.print_heading("Sentences", options.quick)
    train, validation, test = (
        text.sts_benchmark(split, source=options.source) for split in ("train", "validation", "test")
    )
    shared, resamples = SHARED, 1000
    if options.quick:
        train, validation, test = (
            each._replace(left=each.left[:64], right=each.right[:64], same=each.same[:64])
            for each in (train, validation, test)
        )
        shared = SHARED | {"batch_size": 16, "dimensions": 8, "buckets": 256, "words": 50, "units": 4}
        resamples = 20
    print(f"Training: {train}. Validation: {validation}. Settings: {shared}, {SETTINGS}.")
    trained_models = {}
    for name in options.only:
        settings = shared | SETTINGS[name] | ({"epochs": 1} if options.quick else {})
        for seed in options.seeds:
            trained_models[name, seed] = train_model(name, train, validation, settings, seed, options.checkpoint)
    print(f"Test, measured once: {test}.\n", flush=True)

    def evaluate(distances):
        reports = [
            evaluation.correlation_from_distances(distance, pairs.same, resamples=resamples)
            for distance, pairs in zip(distances, (validation, test), strict=True)
        ]
        return {"dev": numbers(reports[0]), "test": numbers(reports[1])}

    def evaluate_model(model):
        return evaluate([evaluation.pair_distances(model, batches(pairs, shared))[0] for pairs in (validation, test)])

    characters = {
        f"TF-IDF, characters 2 to {most}": {"analyzer": "char_wb", "ngram_range": (2, most)} for most in (5, 4)
    }
    keras.utils.set_random_seed(options.seeds[0])
    baselines = {
        "TF-IDF, words": evaluate([tf_idf(train, pairs) for pairs in (validation, test)]),
        **{
            name: evaluate([tf_idf(train, pairs, **each) for pairs in (validation, test)])
            for name, each in characters.items()
        },
        "hashed, untrained": evaluate_model(models.siamese(towers_of("hashed", train, shared), "cosine")),
    }
    rows = [row(name, None, each["dev"], each["test"]) for name, each in baselines.items()]
    runs = {}
    for (name, seed), (model, minutes, curve) in trained_models.items():
        runs[f"{name}, seed {seed}"] = run = {"minutes": minutes, "curve": curve, **evaluate_model(model)}
        rows.append(row(f"{name}, trained, seed {seed}", minutes, run["dev"], run["test"]))
    measuring.print_table(["", "minutes", "dev, Spearman", "test, Spearman", "test, Pearson"], rows)
    print("### Spearman on dev after each epoch\n")
    most = max(len(run["curve"]) for run in runs.values())
    curves = [
        [name, *(f"{each['dev spearman']:.3f}" for each in run["curve"]), *[""] * (most - len(run["curve"]))]
        for name, run in runs.items()
    ]
    measuring.print_table(["", *(str(epoch + 1) for epoch in range(most))], curves)
    best = max(runs, key=lambda name: runs[name]["dev"]["spearman"]["value"])
    value = runs[best]["test"]["spearman"]["value"]
    print(f"Best on dev: {best}. Spearman on test > {TARGET}: {'yes' if value > TARGET else 'NO'}, {value:.3f}.")
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        content = {"machine": machine, "settings": {"shared": shared, **SETTINGS}, "train": repr(train)}
        training.write_json(RESULTS, {**content, "test": repr(test), "baselines": baselines, "runs": runs})
        print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
