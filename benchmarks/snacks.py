"""Image retrieval among twenty kinds of snacks, with towers trained from scratch in thirty minutes on two cores.

The `validation` split of Matthijs/snacks, 955 photos of twenty snacks, is the training set and the gallery; the 952
photos of the `test` split are the queries. Methods:

- pixels, and colour histograms;
- the tower of lesson 4, trained as there except for the momentum of batch normalisation: 800 steps as a cosine
  classifier, 400 steps with triplet loss;
- an ensemble of seven such towers with different seeds, 25 minutes of training: concatenated embeddings, also with the
  colour histogram.

`--transfer` uses all 4,838 photos of the `train` split as the training set and the gallery: features of
`towers.pretrained("EfficientNetLite0")` as they are, a linear discriminant, and an embedding trained on these features
and those of augmented photos. Its settings are chosen on the `validation` split (`--transfer --trials`).

`--two` uses apples and bananas, as in the first part of lesson 4, with five training runs of seeds 0 to 4; target:
recall@1 ten points above the better of pixels and colour histogram. `--trials` compares settings with 1,200 steps each
on a held-out fifth of the training photos, on which all settings were chosen. The test photos are measured once.
Intervals are 95 % bootstrap intervals over queries.

Target: recall@1 of one tower above that of the colour histogram, outside both intervals. Without the photos, synthetic
ones replace them; their results are not comparable.

    python benchmarks/snacks.py --two
    python benchmarks/snacks.py --trials
    python benchmarks/snacks.py --checkpoint build/snacks.keras --save
    python benchmarks/snacks.py --transfer --save
"""

import datetime
import functools
import tempfile
import time
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
    "momentum": 0.99,  # of batch normalisation; 0.9 in lesson 4
}
# Apples and bananas, as in lesson 4.
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
# Transfer from ImageNet, with all training photos as the gallery.
TRANSFER = SETTINGS | {
    "size": 160,
    "views": 4,  # augmented copies of each training photo
    "steps": 2000,
    "loss": "classifier",
    "dropout": 0.3,
    "learning_rate": 1e-3,
    "classes": 20,
    "per_class": 8,
}
TRANSFER_TRIALS = {
    "cosine classifier": {},
    "cosine classifier, no augmented copies": {"views": 0},
    "supervised contrastive loss": {"loss": "supervised contrastive"},
    "in-batch softmax": {"loss": "in-batch softmax"},
    "multi-similarity loss": {"loss": "multi-similarity"},
    "classifier, then in-batch softmax": {"loss": "in-batch softmax", "pretrained": 2 / 3},
}
TRANSFER_HEADER = ["", "minutes", "recall@1", "precision@5", "MAP@R", "apple / banana"]
RESULTS = Path(__file__).parent / "results" / "snacks.json"
TRANSFER_RESULTS = RESULTS.with_name("snacks-transfer.json")
FEATURES = Path(__file__).parent.parent / "build" / "snacks"


def photo_tower(settings):
    """The tower of lesson 4: convolution blocks, global average pooling, a unit-length embedding."""
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


@functools.lru_cache(maxsize=1)
def load_photos(part, size, quick):
    """The photos of a split, or every tenth synthetic photo."""
    from siamkeras import data

    photos = data.snacks(part, size=size, source="synthetic" if quick else "auto")
    return photos.take(np.arange(0, len(photos.labels), 10)) if quick else photos


@functools.lru_cache(maxsize=1)
def imagenet_tower(size, weights):
    from siamkeras import towers

    return towers.pretrained("EfficientNetLite0", weights, (size, size, 3))


def imagenet_features(part, view, settings, options):
    """Unit-length features of photos, as `Examples`, and the minutes; view 0 is the photo, the others are augmented.

    Features are written to the folder `options.features`, from which an interrupted run resumes.
    """
    from siamkeras import augmentation, retrieval
    from siamkeras.data import Examples

    path = options.features / f"{part}-{settings['size']}-{view}.npz"
    partial = path.with_name(f"partial-{path.name}")
    if not path.exists():
        photos = load_photos(part, settings["size"], options.quick)
        tower = imagenet_tower(settings["size"], None if options.quick else "imagenet")
        augment = augmentation.compose(augmentation.flip(), augmentation.crop(0.5), augmentation.color_jitter(0.2))
        features, minutes = np.empty((0, tower.output_shape[1]), "float32"), 0.0
        if partial.exists():
            with np.load(partial) as found:
                features, minutes = found["features"], float(found["minutes"])
        while len(features) < len(photos.labels):
            begin, start = time.perf_counter(), len(features)
            images = photos.images[start : start + 256]
            if view:
                images = np.stack([augment(image, seed=[view, start + i]) for i, image in enumerate(images)])
            features = np.concatenate([features, retrieval.embed(tower, images, batch_size=64)])
            minutes += (time.perf_counter() - begin) / 60
            np.savez(partial, features=features, labels=photos.labels, minutes=minutes)
        partial.replace(path)
    with np.load(path) as found:
        return Examples(found["features"], found["labels"]), float(found["minutes"])


def embedding_head(settings):
    """A linear tower from features to embeddings, with dropout."""
    import keras
    from keras import layers

    from siamkeras.layers import UnitLength

    inputs = keras.Input((1280,))
    x = layers.Dropout(settings["dropout"])(inputs)
    x = layers.Dense(EMBEDDING_DIM, dtype="float32")(x)
    return keras.Model(inputs, UnitLength()(x), name="tower")


def feature_stream(features, settings, seed, start):
    """Balanced batches of features."""
    from siamkeras import generators

    classes, per_class = settings["classes"], settings["per_class"]
    return generators.balanced(features.images, features.labels, classes, per_class, seed=seed, start=start)


def train_head(name, gallery, settings, options, seed=0):
    """An embedding trained on the features of the gallery and of its augmented copies, and the minutes for both."""
    copies = [imagenet_features("train", view, settings, options) for view in range(1, settings["views"] + 1)]
    features = gallery._replace(
        images=np.concatenate([gallery.images, *(each.images for each, _ in copies)]),
        labels=np.tile(gallery.labels, 1 + len(copies)),
    )
    tower, minutes = train_tower(name, features, settings, None, seed, embedding_head, feature_stream)
    return tower, minutes + sum(minutes for _, minutes in copies)


def discriminant(gallery):
    """A linear discriminant with a shrunken covariance, as a function from features to embeddings."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis

    model = LinearDiscriminantAnalysis(solver="eigen", shrinkage="auto").fit(gallery.images, gallery.labels)
    return lambda each: model.transform(each.images)


def scores(embed, queries, gallery):
    """Recall@1, precision@5 and average precision of each query, `(q, 3)`; recall@1 of apples and bananas alone."""
    report = evaluate(embed, queries, gallery)
    fruits = (each.take(each.labels < len(FRUITS)) for each in (queries, gallery))
    values = np.column_stack([report.hits[:, 0] > 0, report.hits[:, 1] / 5, report.average_precision])
    return values, evaluate(embed, *fruits).recall_at_k[1]


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
    """Five training runs on 500 photos of apples and bananas, as in lesson 4."""
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


def transfer(options):
    """Features of EfficientNet-Lite0 and embeddings trained on them, with all training photos as the gallery."""
    from siamkeras import environment

    settings = TRANSFER | ({"size": 32, "views": 1, "steps": 4} if options.quick else {})
    if options.trials is None:
        part, seeds, rows = "test", 5, transfer_baselines("test", options)
        changes = {"trained embedding": {}}
    else:
        part, seeds, rows = "validation", 2, {}
        changes = {name: TRANSFER_TRIALS[name] for name in options.trials or TRANSFER_TRIALS}
    gallery, minutes = imagenet_features("train", 0, settings, options)
    queries, _ = imagenet_features(part, 0, settings, options)
    rows["EfficientNet-Lite0"] = [scores(lambda each: each.images, queries, gallery)], minutes
    rows["linear discriminant"] = [scores(discriminant(gallery), queries, gallery)], minutes
    for name, changed in changes.items():
        heads = [train_head(name, gallery, settings | changed, options, seed) for seed in range(seeds)]
        runs = [scores(functools.partial(embed_images, head), queries, gallery) for head, _ in heads]
        rows[name] = runs, minutes + np.mean([more for _, more in heads])
    print(f"Gallery: {len(gallery.labels)} photos, train split. Queries: {len(queries.labels)} photos, {part} split.\n")
    measuring.print_table(TRANSFER_HEADER, [transfer_cells(name, *row) for name, row in rows.items()])
    gain = means(rows[name][0])[0][:, 1] - means(rows["linear discriminant"][0])[0][:, 1]
    print(f"Precision@5 above the linear discriminant: {100 * gain.mean():+.1f} points {interval(gain)}.")
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        results = {name: transfer_cells(name, *row)[1:] for name, row in rows.items()}
        each = [float(run[:, 1].mean()) for run, _ in rows[name][0]]
        content = {"machine": machine, "settings": settings, "header": TRANSFER_HEADER[1:], "results": results}
        gain = [float(gain.mean()), interval(gain)]
        training.write_json(TRANSFER_RESULTS, content | {"precision_at_5 of each seed": each, "gain": gain})
        print(f"Written: {TRANSFER_RESULTS}")


def transfer_baselines(part, options):
    """Rows of the colour histogram and of a tower trained from scratch on all photos of the training split."""
    from siamkeras import towers

    settings = SETTINGS | BEST | {"towers": 1} | ({"steps": 3} if options.quick else {})
    photos, queries = (load_photos(each, settings["size"], options.quick) for each in ("train", part))
    tower, minutes = train_tower("from scratch", photos, settings, options.checkpoint)
    methods = {"colour histogram": (towers.histogram(photos.images.shape[1:]), 0.0), "from scratch": (tower, minutes)}
    return {
        name: ([scores(functools.partial(embed_images, tower), queries, photos)], spent)
        for name, (tower, spent) in methods.items()
    }


def embed_images(tower, examples):
    from siamkeras import retrieval

    return retrieval.embed(tower, examples.images)


def means(runs):
    """Means of `scores` over training runs."""
    return np.mean([values for values, _ in runs], axis=0), np.mean([fruits for _, fruits in runs])


def transfer_cells(name, runs, minutes):
    """A row of the table: means over training runs, with intervals over queries in per cent."""
    values, fruits = means(runs)
    return [name, f"{minutes:.1f}", *(f"{each.mean():.1%} {interval(each)}" for each in values.T), f"{fruits:.1%}"]


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
    parser.add_argument("--two", action="store_true", help="five training runs on apples and bananas, as in lesson 4")
    parser.add_argument("--transfer", action="store_true", help="features of EfficientNet-Lite0, all photos")
    parser.add_argument("--checkpoint", type=Path, help="file from which an interrupted training run resumes")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    options.source = "synthetic" if options.quick else "auto"
    options.features = Path(tempfile.mkdtemp()) if options.quick else FEATURES
    options.features.mkdir(parents=True, exist_ok=True)
    settings = SETTINGS | BEST | ({"steps": 6, "towers": 2} if options.quick else {})
    measuring.print_heading("Retrieval of snacks", options.quick)
    if options.transfer:
        transfer(options)
        return
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
        name = "lesson 4, one tower" if count == 1 else f"{count} towers"
        methods[name] = minutes[count - 1], lambda part, count=count: embed_ensemble(ensemble[:count], part)
    methods["best, with histogram"] = minutes[-1], lambda part: embed_with_histogram(ensemble, part)
    reports = {name: evaluate(each, queries, photos) for name, (_, each) in methods.items()}
    measuring.print_table(
        HEADER, [[name, f"{methods[name][0]:.1f}", *cells(report)] for name, report in reports.items()]
    )
    low, high = (reports[name].interval["recall_at_1"] for name in ("lesson 4, one tower", "colour histogram"))
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
