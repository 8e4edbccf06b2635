"""How well does a tower that was trained on 2,488 photographs verify people whom it has never seen?

**Labeled Faces in the Wild.** The towers are trained on 858 people with two to four photos each and tested on the
official folds 1 to 3: 1,800 pairs of 1,241 other people. By the official protocol, the threshold of a fold is the one
with the highest accuracy on the other folds. Intervals are 95 % bootstrap intervals over the people of the test pairs.
Compared are pixels, eigenfaces (principal components), Fisherfaces (principal components, then a linear discriminant
analysis), histograms of oriented gradients (HOG) and local binary patterns (LBP), each fitted on the same 858 people.
The settings of the baselines and the loss of the towers were chosen on 150 of the 858 people, with methods fitted to
the 708 others (`--trials`), the augmentation and the temperature by the training loss; none on the folds.

**AT&T faces.** Every pair of ten test people in each of four folds; of the other thirty people, six choose the
threshold and twenty-four are used for training. Compared are the first LFW tower as it is, and fine-tuned on the
twenty-four people.

Without the data sets, synthetic faces replace them; their results are not comparable.

    python benchmarks/faces.py --trials
    python benchmarks/faces.py --checkpoint build/faces --save
"""

import datetime
from functools import partial
from pathlib import Path

import measuring
import numpy as np
import training

SEEDS, VALIDATION_PEOPLE, PER_EPOCH = (0, 1, 2), 150, 200
SETTINGS = {
    "size": (64, 56),
    "channels": 3,
    "central_fraction": 0.5,
    "filters": (32, 64, 128, 256),
    "embedding_dim": 128,
    "loss": "in-batch softmax",
    "temperature": 0.05,
    "margin": 0.3,
    "steps": 600,
    "classes": 64,
    "per_class": 2,
    "learning_rate": 2e-3,  # with cosine decay to 0
    "weight_decay": 0.02,
    "strength": 0.6,  # of the augmentation
    "erase": 0.0,  # probability
    "upside_down": False,  # each person upside down is another person
    "dtype": "mixed_bfloat16",
}
BASELINES = {"channels": 1, "central_fraction": 0.5}
CLASSICAL, ENSEMBLE, BOTH = "pixels, HOG and LBP; PCA, LDA", "all towers", "towers and pixels, HOG, LBP"
FOLDS = 4
ATT = {"classes": 16, "per_class": 4, "steps": 60, "learning_rate": 1e-3}
ATT_TOWER = "tower, seed 0"
ACCURACY_TARGET, EER_TARGET = 0.87, 0.05
TRIALS = {
    "base": {},
    "grey": {"channels": 1},
    "with ArcFace": {"loss": "both"},
    "wide crop": {"central_fraction": 0.625},
    "upside down": {"upside_down": True},
    "wide filters": {"filters": (48, 96, 192, 384)},
    "strong augmentation, temperature 0.1": {"strength": 1.0, "erase": 0.5, "temperature": 0.1},
    "1,200 steps": {"steps": 1200},
}
RESULTS = Path(__file__).parent / "results" / "faces.json"


def training_augmentation(settings):
    from siamkeras import augmentation

    s, color = settings["strength"], settings["channels"] == 3
    steps = [
        augmentation.flip(),
        augmentation.affine(10 * s, 0.06 * s, (1 - 0.12 * s, 1 + 0.12 * s), 3 * s),
        augmentation.color_jitter(
            0.2 * s, (1 - 0.35 * s, 1 + 0.45 * s), (max(0, 1 - 0.5 * s), 1 + 0.5 * s) if color else (1, 1)
        ),
    ]
    if settings["erase"]:
        steps.append(augmentation.erase(settings["erase"]))
    return augmentation.compose(*steps)


def build(settings, classes):
    """A compiled model with a layer "tower" and the losses of its embeddings, of its class logits, or of both."""
    import keras

    from siamkeras import losses
    from siamkeras.applications import faces
    from siamkeras.layers import CosineClassifier

    keras.mixed_precision.set_global_policy(settings["dtype"])
    shape = (*settings["size"], settings["channels"])
    tower = faces.face_tower(shape, settings["embedding_dim"], settings["filters"])
    inputs = keras.Input(shape)
    embedding = tower(inputs)
    outputs = {"embedding": embedding, "logits": CosineClassifier(classes, name="logits", dtype="float32")(embedding)}
    loss = {
        "embedding": losses.InBatchSoftmaxLoss(settings["temperature"]),
        "logits": losses.ArcFaceLoss(settings["margin"]),
    }
    if settings["loss"] != "both":
        kept = {"in-batch softmax": "embedding", "ArcFace": "logits"}[settings["loss"]]
        outputs, loss = {kept: outputs[kept]}, {kept: loss[kept]}
    schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=settings["weight_decay"])
    optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])
    model = keras.Model(inputs, outputs)
    model.compile(optimizer, loss, jit_compile=False)
    return model


def train_tower(name, people, settings, seed=0, folder=None):
    """A tower trained on `Examples` of faces, and the minutes of training; resumes an interrupted run."""
    import keras

    from siamkeras import generators

    images, labels = people.images, np.unique(people.labels, return_inverse=True)[1]
    classes = labels.max() + 1
    if settings["upside_down"]:
        images, labels = np.concatenate([images, images[:, ::-1]]), np.concatenate([labels, labels + classes])
    augment = training_augmentation(settings)

    def stream(start):
        per_class = settings["per_class"]
        batches = generators.balanced(
            images, labels, min(settings["classes"], classes), per_class, seed=seed, start=start, augment=augment
        )
        outputs = model_outputs(settings)
        return batches.map(lambda images, labels: (images, {output: labels for output in outputs}))

    keras.utils.set_random_seed(seed)
    path = folder / f"{name}-{seed}.keras".replace(" ", "-") if folder else None
    settings = settings | {"seed": seed, "people": int(classes)}
    model, seconds, _ = training.train(
        name, lambda: build(settings, labels.max() + 1), stream, settings, path, PER_EPOCH
    )
    return model.get_layer("tower"), seconds / 60


def model_outputs(settings):
    return {"in-batch softmax": ["embedding"], "ArcFace": ["logits"], "both": ["embedding", "logits"]}[settings["loss"]]


def embed(tower, images):
    """Unit-length embeddings: the mean over the photo and its mirror image."""
    from siamkeras import retrieval

    return unit(retrieval.embed(tower, images) + retrieval.embed(tower, images[:, :, ::-1]))


def unit(vectors):
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def hog(images):
    from skimage.feature import hog

    options = {"orientations": 9, "pixels_per_cell": (8, 8), "cells_per_block": (2, 2)}
    return np.stack([hog(image[..., 0], **options) for image in images])


def lbp(images):
    """Histograms of the 59 uniform local binary patterns in cells of 8x8 pixels, square roots of the fractions."""
    from skimage.feature import local_binary_pattern

    codes = np.stack([local_binary_pattern(np.uint8(255 * image), 8, 2, "nri_uniform") for image in images[..., 0]])
    count, height, width = codes.shape
    cells = codes.astype(int).reshape(count, height // 8, 8, width // 8, 8).swapaxes(2, 3).reshape(-1, 64)
    bins = 59 * np.arange(len(cells))[:, None] + cells
    return np.sqrt(np.bincount(bins.ravel(), minlength=59 * len(cells)).reshape(count, -1) / 64)


def pixels(images):
    return images.reshape(len(images), -1)


def eigenfaces(features, components=100):
    """Function from features to their coordinates along the principal components of `features`, at unit variance."""
    from sklearn.decomposition import PCA

    return PCA(min(components, len(features) - 1), whiten=True, random_state=0).fit(features).transform


def in_components(transform, images):
    return unit(transform(pixels(images)))


def fisherfaces(features, labels, components=300):
    """Function from features to principal components and then the linear discriminants of the training people."""
    from sklearn.decomposition import PCA
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.pipeline import make_pipeline

    components = min(components, len(features) - len(np.unique(labels)) - 1)
    model = make_pipeline(PCA(components, random_state=0), LinearDiscriminantAnalysis(solver="eigen", shrinkage=0.03))
    return model.fit(features, labels).transform


def discriminants(features, people):
    """Function from images to unit-length embeddings: principal components and discriminants of some features.

    They are fitted on the training photos and their mirror images; an embedding is the mean of both.
    """
    transform = fisherfaces(
        np.concatenate([features(people.images), features(people.images[:, :, ::-1])]), np.tile(people.labels, 2)
    )
    return lambda images: unit(unit(transform(features(images))) + unit(transform(features(images[:, :, ::-1]))))


def baselines(people):
    """`{name: function from grey images to embeddings}`, fitted on grey photos of the training people."""
    components = eigenfaces(pixels(people.images))
    by_name = {
        "pixels": pixels,
        "HOG": hog,
        "LBP": lbp,
        "eigenfaces": partial(in_components, components),
        "Fisherfaces": discriminants(pixels, people),
        "HOG, PCA, LDA": discriminants(hog, people),
        "LBP, PCA, LDA": discriminants(lbp, people),
    }
    return by_name | {CLASSICAL: concatenated([by_name[name] for name in list(by_name)[-3:]])}


def concatenated(parts):
    """Function from images to the concatenated embeddings of several methods, of unit length."""
    return lambda images: unit(np.hstack([part(images) for part in parts]))


def validation_split(people):
    """`(train, validation)`, 150 people in the second part."""
    from siamkeras import data

    return data.split_by_class(people, test=VALIDATION_PEOPLE / 858, seed=0)


def trials(options):
    """Compares settings on the validation people: all pairs of their photos."""
    from siamkeras import evaluation
    from siamkeras.applications import faces

    rows, embeddings = [], {}
    for name in options.trials or TRIALS:
        settings = options.settings | TRIALS[name]
        people = load(faces.lfw_people, settings, options.source)
        train, validation = validation_split(people)
        tower, minutes = train_tower(f"trial {name}", train, settings, 0, options.checkpoint)
        embeddings[name] = embed(tower, validation.images)
        report = evaluation.verification_from_embeddings(embeddings[name], validation.labels, resamples=0)
        rows.append([name, settings["steps"], f"{minutes:.1f}", f"{report.auc:.3f}", f"{report.eer:.1%}"])
        print(rows[-1], flush=True)
    together = evaluation.verification_from_embeddings(
        np.hstack(list(embeddings.values())), validation.labels, resamples=0
    )
    rows.append(["all together", "", "", f"{together.auc:.3f}", f"{together.eer:.1%}"])
    measuring.print_table(["", "steps", "minutes", "AUC", "EER"], rows)


def joined(*methods):
    """The embeddings of both photos of each pair by several methods with equal weights, of unit length."""
    return tuple(unit(np.hstack(parts)) for parts in zip(*methods, strict=True))


def load(loader, settings, source):
    return loader(settings["size"], settings["channels"], settings["central_fraction"], source=source)


def lfw(options):
    """Evaluates baselines and towers on the official folds.

    Returns:
        `{name: FoldVerification}`, minutes of training, and the towers.
    """
    from siamkeras.applications import faces

    settings = options.settings | BASELINES
    people, pairs = (load(loader, settings, options.source) for loader in (faces.lfw_people, faces.lfw_pairs))
    print(f"{people}.\n\n{pairs}.\n", flush=True)
    sides = {name: (describe(pairs.left), describe(pairs.right)) for name, describe in baselines(people).items()}
    minutes, towers = {}, {}
    people, pairs = (load(loader, options.settings, options.source) for loader in (faces.lfw_people, faces.lfw_pairs))
    for seed in options.seeds:
        name = f"tower, seed {seed}"
        towers[name], minutes[name] = train_tower("tower", people, options.settings, seed, options.checkpoint)
        sides[name] = tuple(embed(towers[name], images) for images in (pairs.left, pairs.right))
    if len(towers) > 1:
        sides[ENSEMBLE] = joined(*(sides[name] for name in towers))
    sides[BOTH] = joined(sides[ENSEMBLE if len(towers) > 1 else name], sides[CLASSICAL])
    distances = {name: np.linalg.norm(left - right, axis=1) for name, (left, right) in sides.items()}
    reports = {
        name: faces.fold_verification(each, pairs.same, pairs.folds, pairs.people, options.resamples)
        for name, each in distances.items()
    }
    return reports, minutes, towers


def att(options, tower):
    """Evaluates baselines, the LFW tower, and the LFW tower after fine-tuning, on four folds of the AT&T faces."""
    from siamkeras import data

    settings = options.settings | ATT
    people = att_people(settings, options.source)
    print(f"{people}.\n", flush=True)
    results, reports, tests = {}, {}, []
    for fold in options.folds:
        rest, test = data.folds_by_class(people, folds=FOLDS, seed=0)[fold]
        train, validation = data.split_by_class(rest, test=0.2, seed=fold)
        components = eigenfaces(pixels(train.images), 50)
        fisher, of_hog, of_lbp = (discriminants(features, train) for features in (pixels, hog, lbp))
        tuned = fine_tune(tower, train, settings, fold)
        describe = {
            "pixels": pixels,
            "eigenfaces": partial(in_components, components),
            "Fisherfaces": fisher,
            CLASSICAL: concatenated([fisher, of_hog, of_lbp]),
            "LFW tower": partial(embed, tower),
            "LFW tower, fine-tuned": partial(embed, tuned),
        }
        describe["fine-tuned, with pixels, HOG, LBP"] = concatenated(
            [describe["LFW tower, fine-tuned"], fisher, of_hog, of_lbp]
        )
        reports[fold] = {name: evaluate(each, validation, test) for name, each in describe.items()}
        results[fold] = {name: numbers(report) for name, report in reports[fold].items()}
        tests.append(test)
    whole = {name: overall([reports[fold][name] for fold in reports], tests, options.resamples) for name in describe}
    return results, {name: numbers(report) for name, report in whole.items()}


def att_people(settings, source):
    """The AT&T faces, whole photos, with the channels of the tower."""
    from siamkeras.applications import faces

    people = faces.att_faces(settings["size"], source)
    return people._replace(images=np.repeat(people.images, settings["channels"], axis=-1))


def fine_tune(tower, people, settings, seed):
    """A copy of the tower, trained further on the people."""
    import keras

    from siamkeras import generators, losses

    keras.utils.set_random_seed(seed)
    copy = keras.models.clone_model(tower)
    copy.set_weights(tower.get_weights())
    schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
    copy.compile(
        keras.optimizers.AdamW(schedule, weight_decay=settings["weight_decay"]),
        losses.InBatchSoftmaxLoss(settings["temperature"]),
        jit_compile=False,
    )
    batches = generators.balanced(
        people.images, people.labels, settings["classes"], settings["per_class"],
        seed=seed, augment=training_augmentation(settings),
    )  # fmt: skip
    copy.fit(batches, steps_per_epoch=settings["steps"], shuffle=False, verbose=0)
    return copy


def evaluate(describe, validation, test):
    """The report of the test people at the threshold of equal error of the validation people."""
    from siamkeras import evaluation

    chosen = evaluation.verification_from_embeddings(describe(validation.images), validation.labels, resamples=0)
    return evaluation.verification_from_embeddings(describe(test.images), test.labels, chosen.threshold, resamples=0)


def overall(reports, tests, resamples):
    """One report of several folds; the distances are divided by the threshold of their fold."""
    from siamkeras import evaluation, generators

    clusters = []
    for test in tests:
        left, right, _ = generators.all_pairs(test.labels)
        clusters.append(np.stack([test.labels[left], test.labels[right]], axis=1))
    distance = np.concatenate([report.distances / report.threshold for report in reports])
    same = np.concatenate([report.same for report in reports])
    return evaluation.verification_from_distances(
        distance, same, 1.0, clusters=np.concatenate(clusters), resamples=resamples
    )


def numbers(report):
    return {name: getattr(report, name) for name in ("auc", "eer", "far", "frr")} | {
        "interval": {name: report.interval[name] for name in ("auc", "eer") if name in report.interval}
    }


def arguments():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--trials", nargs="*", help="compare these settings, or all, on held-out people")
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS), help="of the towers")
    parser.add_argument("--checkpoint", type=Path, help="folder of checkpoints, to resume an interrupted run")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.name}")
    options = parser.parse_args()
    if options.quick and options.save:
        parser.error("--save needs a full run, without --quick.")
    options.source, options.resamples = ("synthetic", 20) if options.quick else ("auto", 1000)
    options.settings = SETTINGS | ({"steps": 3, "classes": 4, "filters": (4, 4)} if options.quick else {})
    if options.quick:
        ATT["steps"] = 2
    options.folds = (0, 1) if options.quick else range(FOLDS)
    options.seeds = options.seeds[:1] if options.quick else options.seeds
    return options


def main():
    options = arguments()
    from siamkeras import evaluation

    measuring.print_heading("Faces", options.quick)
    if options.trials is not None:
        trials(options)
        return
    reports, minutes, towers = lfw(options)
    print(f"### Labeled Faces in the Wild, folds 1 to 3. Settings: {options.settings}\n")
    rows = evaluation.table(reports).rows
    measuring.print_table(rows[0], rows[1:])
    for name in (ATT_TOWER, BOTH):
        difference, (low, high) = reports[name].minus(reports[CLASSICAL], options.resamples)
        print(f"{name} minus {CLASSICAL}: {100 * difference:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}].\n")
    if options.save:
        save(options, reports, minutes, {}, {})
    folds, whole = att(options, towers[ATT_TOWER])
    print(f"### AT&T faces, equal error rate in {len(folds)} folds\n")
    rows = [
        [name, *(f"{fold[name]['eer']:.1%}" for fold in folds.values()), f"{mean_eer(folds, name):.1%}",
         f"{whole[name]['far']:.1%} / {whole[name]['frr']:.1%}"]
        for name in whole
    ]  # fmt: skip
    measuring.print_table(["", *(f"fold {fold}" for fold in folds), "mean", "FAR / FRR"], rows)
    accuracy, eer = reports[BOTH].accuracy, min(mean_eer(folds, name) for name in whole)
    reached = ["yes" if each else "NO" for each in (accuracy >= ACCURACY_TARGET, eer <= EER_TARGET)]
    print(f"LFW accuracy of {BOTH} >= {ACCURACY_TARGET:.0%}: {reached[0]}, {accuracy:.1%}.")
    print(f"AT&T mean equal error rate of the best method <= {EER_TARGET:.0%}: {reached[1]}, {eer:.1%}.")
    if options.save:
        save(options, reports, minutes, folds, whole)


def mean_eer(folds, name):
    return float(np.mean([fold[name]["eer"] for fold in folds.values()]))


def save(options, reports, minutes, folds, whole):
    from siamkeras import environment

    by_name = {
        name: {
            "accuracy": report.accuracy,
            "folds": report.fold_accuracy.tolist(),
            "eer": report.eer,
            "auc": report.auc,
            "interval": report.interval,
        }
        for name, report in reports.items()
    }
    machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
    content = {"machine": machine, "settings": options.settings, "at&t": ATT, "minutes": minutes}
    content |= {"lfw": by_name, "att": folds, "att, all folds": whole}
    training.write_json(RESULTS, content)
    print(f"Written: {RESULTS}")


if __name__ == "__main__":
    main()
