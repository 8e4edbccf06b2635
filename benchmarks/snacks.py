"""Image retrieval among twenty kinds of snacks, with towers trained from scratch in thirty minutes on two cores.

The `validation` split of Matthijs/snacks, 955 photos of twenty snacks, is the training set and the gallery; the 952
photos of the `test` split are the queries. Methods:

- pixels, and colour histograms;
- one tower: convolution blocks and global average pooling, trained for 800 steps as a cosine classifier and for 400
  steps with triplet loss;
- an ensemble of seven such towers with different seeds, 25 minutes of training: concatenated embeddings, also with the
  colour histogram.

`--two` uses apples and bananas, with five training runs of seeds 0 to 4; target: recall@1 ten points above the better
of pixels and colour histogram. `--trials` compares settings with 1,200 steps each on a held-out fifth of the training
photos, on which all settings were chosen. The test photos are measured once. Intervals are 95 % bootstrap intervals
over queries.

Target: recall@1 of one tower above that of the colour histogram, outside both intervals. Without the photos, synthetic
ones replace them; their results are not comparable.

    python benchmarks/snacks.py --two
    python benchmarks/snacks.py --trials
    python benchmarks/snacks.py --checkpoint build/snacks.keras --save
"""

import datetime
from pathlib import Path

import measuring
import numpy as np
import training

EMBEDDING_DIM, KINDS = 64, 20
SETTINGS = {
    "towers": 1,
    "steps": 1200,
    "pretrained": 0.0,  # fraction of the steps as a cosine classifier, before the loss below
    "loss": "triplet",
    "size": 48,
    "filters": (24, 48, 96, 192),
    "learning_rate": 2e-3,  # cosine decay to 0; after pretraining again, from a quarter of it
    "weight_decay": 0.02,
    "classes": 16,
    "per_class": 4,
    "margin": 0.2,
    "momentum": 0.99,  # of batch normalisation
}
# Apples and bananas.
FRUITS = ["apple", "banana"]
TWO = SETTINGS | {"steps": 800, "classes": 2, "per_class": 16, "margin": 0.5, "momentum": 0.9}
TRIALS = {
    "triplet loss": {},
    "supervised contrastive loss": {"loss": "supervised contrastive"},
    "cosine classifier": {"loss": "classifier"},
    "classifier for 800 steps, then triplet loss": {"pretrained": 2 / 3},
}
BEST = {"pretrained": 2 / 3, "towers": 7}
HISTOGRAM_LENGTH = 0.5  # relative to the embedding of the towers; chosen on the held-out photos
HEADER = ["", "minutes", "recall@1", "recall@5", "MAP@R"]
RESULTS = Path(__file__).parent / "results" / "snacks.json"


def photo_tower(settings):
    """The tower of lesson 5: convolution blocks, global average pooling, a unit-length embedding."""
    import keras
    from keras import layers

    from siamkeras.layers import UnitLength

    inputs = x = keras.Input((settings["size"], settings["size"], 3))
    for width in settings["filters"]:
        x = layers.Conv2D(width, 3, padding="same", use_bias=False)(x)
        x = layers.MaxPooling2D()(layers.ReLU()(layers.BatchNormalization(momentum=settings["momentum"])(x)))
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, UnitLength()(layers.Dense(EMBEDDING_DIM, dtype="float32")(x)), name="tower")


def compile_model(tower, settings):
    """The compiled tower, or a compiled classifier with this tower."""
    import keras

    from siamkeras import losses, models

    schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings["weight_decay"])
    model = models.classifier(tower, KINDS) if settings["loss"] == "classifier" else tower
    loss = {
        "classifier": keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        "triplet": losses.TripletLoss(settings["margin"], mining="all"),
        "supervised contrastive": losses.SupervisedContrastiveLoss(),
        "in-batch softmax": losses.InBatchSoftmaxLoss(),
        "multi-similarity": losses.MultiSimilarityLoss(),
    }[settings["loss"]]
    model.compile(optimizer, loss)
    return model


def stream(photos, settings, seed, start):
    """Balanced batches of augmented photos."""
    from siamkeras import augmentation, generators

    light = augmentation.color_jitter(0.15, contrast=(1, 1), saturation=(1, 1))
    augment = augmentation.compose(augmentation.flip(), augmentation.crop(0.6), light)
    return generators.balanced(
        photos.images,
        photos.labels,
        settings["classes"],
        settings["per_class"],
        seed=seed,
        start=start,
        augment=augment,
    )


def train_tower(name, photos, settings, checkpoint=None, seed=0, build=photo_tower, stream=stream):
    """A trained tower and the minutes of training."""
    import keras

    from siamkeras import models

    keras.utils.set_random_seed(seed)
    settings = {name: value for name, value in settings.items() if name != "towers"}
    first = round(settings["pretrained"] * settings["steps"])
    stages = [settings | {"steps": settings["steps"] - first}]
    if first:
        later = stages[0] | {"learning_rate": settings["learning_rate"] / 4}
        stages = [settings | {"steps": first, "loss": "classifier"}, later]
    tower, seconds, done_before = build(settings), 0.0, 0
    for number, stage in enumerate(stages):
        path = checkpoint and checkpoint.with_name(f"{checkpoint.stem}-{seed}-{number}.keras")
        model, more, _ = training.train(
            f"{name}, seed {seed}, {stage['loss']}",
            lambda tower=tower, stage=stage: compile_model(tower, stage),
            lambda done, before=done_before: stream(photos, settings, seed, before + done),
            stage,
            path,
        )
        tower, seconds, done_before = models.tower_of(model), seconds + more, done_before + stage["steps"]
    return tower, seconds / 60


def embed_ensemble(towers, photos):
    """Unit-length concatenation of the embeddings of several towers, averaged over each photo and its mirror image."""
    from siamkeras import retrieval

    sums = [
        retrieval.embed(tower, photos.images) + retrieval.embed(tower, photos.images[:, :, ::-1]) for tower in towers
    ]
    parts = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in sums]
    return np.hstack(parts) / len(parts) ** 0.5


def embed_with_histogram(ensemble, photos):
    """The embeddings of an ensemble, concatenated with colour histograms."""
    from siamkeras import retrieval, towers

    histograms = retrieval.embed(towers.histogram(photos.images.shape[1:]), photos.images)
    return np.hstack([embed_ensemble(ensemble, photos), HISTOGRAM_LENGTH * histograms])


def evaluate(embed, queries, gallery):
    """The retrieval report of an embedding function."""
    from siamkeras import evaluation

    return evaluation.retrieval(embed(queries), queries.labels, embed(gallery), gallery.labels, k=(1, 5))


def held_out(photos):
    """A random fifth of the photos of each class, and the other photos."""
    rng, chosen = np.random.default_rng(0), np.zeros(len(photos.labels), bool)
    for label in np.unique(photos.labels):
        indices = rng.permutation(np.flatnonzero(photos.labels == label))
        chosen[indices[: len(indices) // 5]] = True
    return photos.take(chosen), photos.take(~chosen)


def cells(report):
    low, high = (f"{100 * end:.1f}" for end in report.interval["recall_at_1"])
    return [f"{report.recall_at_k[1]:.1%} [{low}, {high}]", f"{report.recall_at_k[5]:.1%}", f"{report.map_at_r:.1%}"]


def trials(options):
    """Compares training settings on held-out photos."""
    from siamkeras import data

    rows, photos = [], data.snacks("validation", size=SETTINGS["size"], source=options.source)
    queries, photos = held_out(photos)
    for name in options.trials or TRIALS:
        settings = SETTINGS | TRIALS[name]
        runs = [train_tower(name, photos, settings, seed=seed) for seed in range(settings["towers"])]
        towers, minutes = [tower for tower, _ in runs], sum(minutes for _, minutes in runs)
        for suffix, embed in (("", embed_ensemble), (", with histogram", embed_with_histogram)):
            report = evaluate(lambda part, towers=towers, embed=embed: embed(towers, part), queries, photos)
            rows.append([name + suffix, f"{minutes:.1f}", *cells(report)])
    print(f"### {len(queries.labels)} held-out photos as queries, {len(photos.labels)} training photos as gallery\n")
    measuring.print_table(HEADER, rows)


def two_kinds(options):
    """Five training runs on 500 photos of apples and bananas."""
    from siamkeras import data, retrieval, towers

    subset = {"classes": FRUITS, "size": TWO["size"], "source": options.source}
    photos, settings = data.snacks("train", **subset), TWO | ({"steps": 4} if options.quick else {})
    parts = {part: data.snacks(part, **subset) for part in ("validation", "test")}
    shape, rows, minutes = photos.images.shape[1:], [], 0.0
    hits = {part: {"pixels": [], "colour histogram": [], "trained tower": []} for part in parts}

    def add_hits(name, tower):
        for part, queries in parts.items():
            report = evaluate(lambda each: retrieval.embed(tower, each.images), queries, photos)
            hits[part][name].append(report.hits[:, 0] > 0)

    add_hits("pixels", towers.pixels(shape))
    add_hits("colour histogram", towers.histogram(shape))
    for seed in range(2 if options.quick else 5):
        tower, more = train_tower("two kinds", photos, settings, options.checkpoint, seed)
        minutes += more
        add_hits("trained tower", tower)
    for part, by_name in hits.items():
        means = {name: np.mean(each, axis=0) for name, each in by_name.items()}
        for name, each in by_name.items():
            recalls = ", ".join(f"{100 * run.mean():.0f}" for run in each)
            gain = means["trained tower"] - means[name]
            gain = "" if name == "trained tower" else f"{100 * gain.mean():+.1f} {interval(gain)}"
            rows.append([part, name, recalls, f"{means[name].mean():.1%}", gain])
    print(f"Training set and gallery: {photos}; {minutes:.1f} minutes of training in total.\n")
    header = ["queries", "", "recall@1 of each training run, %", "mean", "gain of the tower, points, 95 % interval"]
    measuring.print_table(header, rows)
    gain = np.mean(hits["test"]["trained tower"]) - max(np.mean(hits["test"][name]) for name in list(hits["test"])[:2])
    print(f"Ten points above the better baseline on test photos: {'yes' if gain >= 0.1 else 'NO'}.")


def interval(differences):
    """Percentile bootstrap interval over photos, in percentage points."""
    rng = np.random.default_rng(0)
    means = differences[rng.integers(len(differences), size=(2000, len(differences)))].mean(axis=1)
    return "[{:.1f}, {:.1f}]".format(*(100 * np.quantile(means, (0.025, 0.975))))


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument(
        "--trials", nargs="*", help="compare these settings, or all, on held-out photos", metavar="NAME"
    )
    parser.add_argument("--two", action="store_true", help="five training runs on apples and bananas")
    parser.add_argument("--checkpoint", type=Path, help="file from which an interrupted training run resumes")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    options.source = "synthetic" if options.quick else "auto"
    settings = SETTINGS | BEST | ({"steps": 6, "towers": 2} if options.quick else {})
    measuring.print_heading("Retrieval of snacks", options.quick)
    if options.trials is not None:
        trials(options)
        return
    if options.two:
        two_kinds(options)
        return
    from siamkeras import data, environment, retrieval, towers

    size, source = settings["size"], options.source
    photos, queries = (data.snacks(part, size=size, source=source) for part in ("validation", "test"))
    print(f"Training set and gallery: {photos}.\nQueries: {queries}.\n", flush=True)
    runs = [train_tower("best", photos, settings, options.checkpoint, seed) for seed in range(settings["towers"])]
    ensemble, minutes = [tower for tower, _ in runs], np.cumsum([minutes for _, minutes in runs])
    shape = photos.images.shape[1:]
    baselines = {"pixels": towers.pixels(shape), "colour histogram": towers.histogram(shape)}
    methods = {
        name: (0.0, lambda part, tower=tower: retrieval.embed(tower, part.images)) for name, tower in baselines.items()
    }
    for count in sorted({1, 2, 5, len(ensemble)} & set(range(len(ensemble) + 1))):
        name = "one tower" if count == 1 else f"{count} towers"
        methods[name] = minutes[count - 1], lambda part, count=count: embed_ensemble(ensemble[:count], part)
    methods["best, with histogram"] = minutes[-1], lambda part: embed_with_histogram(ensemble, part)
    reports = {name: evaluate(each, queries, photos) for name, (_, each) in methods.items()}
    measuring.print_table(
        HEADER, [[name, f"{methods[name][0]:.1f}", *cells(report)] for name, report in reports.items()]
    )
    low, high = (reports[name].interval["recall_at_1"] for name in ("one tower", "colour histogram"))
    print(f"One tower is above the colour histogram outside both intervals: {'yes' if low[0] > high[1] else 'NO'}.")
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        results = {
            name: {
                "minutes": float(methods[name][0]),
                "recall_at_k": report.recall_at_k,
                "map_at_r": report.map_at_r,
                "interval": report.interval,
            }
            for name, report in reports.items()
        }
        training.write_json(
            RESULTS, {"machine": machine, "settings": settings, "test": repr(queries), "results": results}
        )
        print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
