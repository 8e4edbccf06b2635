"""Losses of lessons 2 to 4 compared on Omniglot with equal batches, steps and towers.

Every method trains the same tower (`towers.conv`, 28x28 pixels) for the same number of steps on the same balanced
batches of 32 classes x 4 images, with one call of the tower per step, so that batch normalisation sees the same images.
Only the loss differs:

- contrastive: all pairs of the batch; positive pairs and active negative pairs have equal weight;
- random, all, semi-hard and hard triplets: `losses.TripletLoss`, and for random triplets one positive and one negative
  per anchor, chosen at random within the batch; the mean over the active triplets;
- N-pairs: `losses.info_nce` of two pairs per class, with 31 negatives per anchor;
- in-batch softmax, supervised contrastive, multi-similarity: the losses of the library.

The training set is 25 of the 30 background alphabets, the validation set the other five. The margin of the contrastive
loss is the better one of 0.5 and 1.0 on the validation set; the other margins and temperatures are fixed. The learning
rate of each method is the one of three with the highest one-shot accuracy on the validation set, with one training run
each. Five further training runs (seeds) with this learning rate are measured on the 20 evaluation alphabets: 20-way
one-shot within an alphabet (episodes with 5 queries per class), recall@1 and MAP@R of a quarter of the drawings, each
searched among all others, and AUC and EER of all their pairs. Without Omniglot, synthetic glyphs replace it; their
results are not comparable.

Each training run is recorded in the folder `--progress`; a repeated call trains only those that are missing.

    python benchmarks/omniglot_losses.py --methods contrastive
    python benchmarks/omniglot_losses.py --save
"""

import datetime
import json
import sys
import time
from pathlib import Path

import measuring
import numpy as np
import training
from omniglot import few_shot

SETTINGS = {
    "steps": 200,
    "size": 28,
    "filters": (16, 32, 64, 128),
    "embedding_dim": 64,
    "momentum": 0.9,  # of batch normalisation
    "classes": 32,
    "per_class": 4,
    "triplet_margin": 0.2,
    "contrastive_margin": 1.0,
    "temperature": 0.1,
    "learning_rates": (0.001, 0.004, 0.016),  # with cosine decay to 0
    "seeds": (1, 2, 3, 4, 5),  # the learning rates are compared with seed 0
    "episodes": 400,
}
QUICK = {"steps": 2, "filters": (4, 4), "classes": 8, "learning_rates": (0.004,), "seeds": (1, 2), "episodes": 4}
METHODS = (
    "contrastive",
    "random triplets",
    "all triplets",
    "semi-hard triplets",
    "hard triplets",
    "N-pairs",
    "in-batch softmax",
    "supervised contrastive",
    "multi-similarity",
)
MEASURES = ("one-shot", "recall@1", "MAP@R", "AUC", "EER")
RESULTS = Path(__file__).parent / "results" / "omniglot-losses.json"
PROGRESS = Path(__file__).parents[1] / "build" / "omniglot-losses"


def loss_of(method, settings):
    """The loss of a method: a function of labels `(batch,)` and embeddings `(batch, dim)`."""
    from siamkeras import losses

    margin, temperature = settings["triplet_margin"], settings["temperature"]
    return {
        "contrastive": contrastive_of_all_pairs(settings["contrastive_margin"]),
        "random triplets": random_triplets(margin),
        "all triplets": losses.TripletLoss(margin, "all"),
        "semi-hard triplets": losses.TripletLoss(margin, "semi_hard"),
        "hard triplets": losses.TripletLoss(margin, "hard"),
        "N-pairs": n_pairs(settings["per_class"], temperature),
        "in-batch softmax": losses.InBatchSoftmaxLoss(temperature),
        "supervised contrastive": losses.SupervisedContrastiveLoss(temperature),
        "multi-similarity": losses.MultiSimilarityLoss(),
    }[method]


def contrastive_of_all_pairs(margin):
    """Contrastive loss of all pairs: the mean over positive pairs plus the mean over active negative pairs, halved."""
    from keras import ops

    from siamkeras import distances, losses
    from siamkeras.losses import _mining

    def loss(labels, embeddings):
        labels = ops.reshape(labels, (-1,))
        distance = distances.pairwise(embeddings, embeddings, "euclidean")
        positive, negative = _mining.positives(labels), _mining.negatives(labels)
        same = ops.cast(ops.reshape(positive, (-1,)), distance.dtype)
        values = ops.reshape(losses.contrastive(same, ops.reshape(distance, (-1,)), margin), ops.shape(distance))
        return (masked_mean(values, positive) + masked_mean(values, ops.logical_and(negative, values > 0))) / 2

    return loss


def random_triplets(margin):
    """Triplet loss of one random positive and one random negative per anchor: the mean over the active triplets."""
    import keras
    from keras import ops

    from siamkeras import distances, losses
    from siamkeras.losses import _mining

    noise = keras.random.SeedGenerator()

    def loss(labels, embeddings):
        labels = ops.reshape(labels, (-1,))
        distance = distances.pairwise(embeddings, embeddings, "euclidean")
        d_pos = of_random_column(distance, _mining.positives(labels), noise)
        d_neg = of_random_column(distance, _mining.negatives(labels), noise)
        values = losses.triplet(d_pos, d_neg, margin)
        return masked_mean(values, values > 0)

    return loss


def of_random_column(values, mask, noise):
    """For each row the value of a random column among those where `mask` is true, `(n, m)` -> `(n, 1)`."""
    import keras
    from keras import ops

    order = ops.where(mask, keras.random.uniform(ops.shape(values), seed=noise), -1.0)
    return ops.take_along_axis(values, ops.argmax(order, axis=1, keepdims=True), axis=1)


def masked_mean(values, mask):
    from keras import ops

    count = ops.sum(ops.cast(mask, values.dtype))
    return ops.sum(ops.where(mask, values, 0.0)) / ops.maximum(count, 1.0)


def n_pairs(per_class, temperature):
    """InfoNCE of the images 0 and 1 of each class, of 2 and 3, and so on; the batch is sorted by class."""
    from keras import ops

    from siamkeras import losses

    def loss(labels, embeddings):
        lefts = [embeddings[number::per_class] for number in range(0, per_class, 2)]
        rights = [embeddings[number + 1 :: per_class] for number in range(0, per_class, 2)]
        values = [losses.info_nce(*pair, temperature) for pair in zip(lefts, rights, strict=True)]
        return ops.mean(ops.concatenate(values))

    return loss


def train_tower(method, learning_rate, seed, train, settings):
    """A trained tower and the seconds of training."""
    import keras

    from siamkeras import generators, towers

    keras.utils.set_random_seed(seed)
    size, steps = settings["size"], settings["steps"]
    tower = towers.conv((size, size, 1), settings["embedding_dim"], settings["filters"], momentum=settings["momentum"])
    schedule = keras.optimizers.schedules.CosineDecay(learning_rate, steps)
    # XLA needs a third more processor time for a training step of this tower on a CPU.
    tower.compile(keras.optimizers.Adam(schedule), loss_of(method, settings), jit_compile=False)
    stream = generators.balanced(train.images, train.labels, settings["classes"], settings["per_class"], seed=seed)
    begin = time.perf_counter()
    tower.fit(stream, steps_per_epoch=steps, shuffle=False, verbose=0)
    return tower, time.perf_counter() - begin


def measure(tower, examples, settings):
    """`{measure: number}` of a tower on characters of alphabets that are not in the training set."""
    from siamkeras import evaluation, retrieval

    embeddings = retrieval.embed(tower, examples.images)
    quarter = np.arange(len(embeddings)) % 4 == 0
    some, labels = embeddings[quarter], examples.labels[quarter]
    search = evaluation.retrieval(some, labels, k=1, resamples=0)
    pairs = evaluation.verification_from_embeddings(some, labels, resamples=0)
    numbers = (
        few_shot(embeddings, examples, 20, 1, settings["episodes"]).within,
        search.recall_at_k[1],
        search.map_at_r,
        pairs.auc,
        pairs.eer,
    )
    return dict(zip(MEASURES, numbers, strict=True))


class Runs:
    """Training runs, each recorded with its results in a file of its own, so that several processes can share them."""

    def __init__(self, folder, settings):
        self.folder, self.settings = folder, json.loads(json.dumps(settings))

    def result(self, method, learning_rate, seed, train, examples):
        """`{measure: number}` of a training run on `examples`, with the seconds of training."""
        name = f"{method}, learning rate {learning_rate:g}, seed {seed}"
        path = self.folder and self.folder / f"{name}.json"
        if path and path.exists():
            recorded = json.loads(path.read_text(encoding="utf-8"))
            if recorded["settings"] != self.settings:
                sys.exit(f"{path} has other settings: {recorded['settings']}. Remove it or choose another folder.")
            return recorded["result"]
        tower, seconds = train_tower(method, learning_rate, seed, train, self.settings)
        result = measure(tower, examples, self.settings) | {"seconds": seconds}
        print(f"{name}: {result}", file=sys.stderr, flush=True)
        if path:
            training.write_json(path, {"settings": self.settings, "result": result})
        return result


def compare(methods, runs, train, validation, test):
    """`(choice, results)`: accuracies of the learning rates on the validation set, and results of the seeds."""
    choice, results = {}, {}
    for method in methods:
        rates = runs.settings["learning_rates"]
        accuracies = {rate: runs.result(method, rate, 0, train, validation)["one-shot"] for rate in rates}
        selected = max(accuracies, key=accuracies.get)
        choice[method] = {"learning_rate": selected, "one-shot": accuracies}
        results[method] = [runs.result(method, selected, seed, train, test) for seed in runs.settings["seeds"]]
    return choice, results


def print_choice(choice):
    """Prints the validation accuracy of each method and learning rate."""
    print("### 20-way one-shot within an alphabet, validation alphabets, one training run each\n")
    rows = []
    for method, chosen in choice.items():
        accuracies = [f"{accuracy:.1%}" for accuracy in chosen["one-shot"].values()]
        rows.append([method, *accuracies, f"{chosen['learning_rate']:g}"])
    rates = [f"learning rate {rate:g}" for rate in chosen["one-shot"]]
    measuring.print_table(["loss", *rates, "selected"], rows)


def print_results(results):
    """Prints the one-shot accuracy of each training run, and the mean and standard deviation of all measures."""
    print("### Test alphabets, one training run for each seed\n")
    rows = []
    for method, runs in results.items():
        seeds = ", ".join(f"{100 * run['one-shot']:.1f}" for run in runs)
        rows.append([method, seeds, *(mean_and_deviation(runs, name) for name in MEASURES)])
    measuring.print_table(["loss", "one-shot of each seed, %", *MEASURES], rows)


def mean_and_deviation(runs, name):
    values = np.array([run[name] for run in runs])
    if name == "AUC":
        return f"{values.mean():.4f} +- {values.std(ddof=1):.4f}"
    return f"{100 * values.mean():.1f}% +- {100 * values.std(ddof=1):.1f}"


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=METHODS, metavar="NAME")
    parser.add_argument("--progress", type=Path, default=PROGRESS, help="folder of the completed training runs")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(RESULTS.parents[2])}")
    options = parser.parse_args()
    if options.save and (options.quick or len(options.methods) < len(METHODS)):
        parser.error("--save needs all methods, without --quick.")
    from siamkeras import data, environment

    source = "synthetic" if options.quick else "auto"
    settings = SETTINGS | (QUICK if options.quick else {})
    measuring.print_heading("Losses on Omniglot", options.quick)
    background = data.omniglot("small1" if options.quick else "background", size=settings["size"], source=source)
    train, validation = data.split_by_class(background, test=1 / 6, seed=0, by="groups")
    test = data.omniglot("small2" if options.quick else "evaluation", size=settings["size"], source=source)
    print(f"Training: {train}.\nValidation: {validation}.\nTest: {test}.\nSettings: {settings}.\n", flush=True)
    runs = Runs(None if options.quick else options.progress, settings | {"train": repr(train)})
    choice, results = compare(options.methods, runs, train, validation, test)
    print_choice(choice)
    print_results(results)
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        content = {"machine": machine, "settings": runs.settings, "test": repr(test)}
        training.write_json(RESULTS, content | {"validation": choice, "results": results})
        print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
