"""Trackers on nine real sequences from several starts, and the training of the SiamFC model, on two CPU cores.

The test set has nine sequences (eight targets in seven videos of OTB, and one of VOT 2015). As in the multi-start
protocol of VOT, a tracker starts ten times in each sequence, at every tenth of its length, and runs to the farther end.
Success AUC, precision at 20 pixels and robustness (the fraction of frames before the first failure) are those of all
frames of all runs on a sequence; their means have 95 % bootstrap intervals over the nine sequences, and differences are
paired.

The trackers: a box that does not move; normalised cross-correlation (scikit-image); KCF and CSRT (OpenCV); SiamFC with
a tower of 77,000 parameters, trained by this script from photos with simulated motion (`tracking.pairs_from_images`)
and from synthetic videos (`tracking.pairs_from_videos`), one training run, with and without a search over rotations;
and `tracking.RidgeTracker` on the first three stages of EfficientNet-Lite0. Each has one setting for all sequences.
CSRT has the defaults of OpenCV, template matching those of `tracking.TemplateMatching`; the settings of the others were
chosen on validation videos: synthetic, made of photos that are not in the training set, of four kinds (upright,
rotating, stretched and occluded, with distractors). The confidence below which a target counts as lost is chosen on
these, too.

Targets: mean success AUC above KCF and CSRT; above the fixed box and template matching on at least seven sequences; AUC
of the confidence for "IoU at most 0.1" against "IoU above 0.5" at least 0.85; at least 25 frames per second.

    python benchmarks/tracking.py --save                       # tests the weights of the package
    python benchmarks/tracking.py --train build/siamfc.keras   # trains SiamFC and writes its weights

Finished runs are kept in `build/tracking`, so that an interrupted measurement resumes. Remove the folder after a change
of a tracker.
"""

import datetime
from pathlib import Path

import measuring
import training

TRAINING = {
    "filters": [24, 48, 64, 64],
    "steps": 3000,
    "batch_size": 16,
    "learning_rate": 0.003,
    "shift": 24.0,
    "radius": 6.0,
    "scale": [0.95, 1.05],
    "max_gap": 10,
    "absent": 0.1,
    "rotation": {"photos": 20.0, "videos": 10.0},
    "videos": 120,
    "photos": 1800,
    "side": 256,
    "seed": 0,
}
SEQUENCES = (
    "Crossing", "Diving", "Human7", "Jogging-1", "Jogging-2", "Jumping", "MotorRolling", "Skiing", "bag",
)  # fmt: skip
STARTS = 10
OURS = "ridge tracker"
MISS, HIT = 0.1, 0.5  # largest IoU of a lost target, smallest of one that is not
CORRECT_ABOVE = 0.95  # fraction of the hits that are above the confidence below which a target counts as lost
VALIDATION_SEED = 500
KINDS = {  # of validation videos: motion, occlusion, distractors
    "upright": ((15, 1.4, 1.2), False, 0),
    "rotating": ((126, 1.65, 1.0), False, 0),
    "stretched, occluded": ((40, 1.4, 2.0), True, 0),
    "distractors": ((20, 1.4, 1.2), True, 4),
}
RESULTS = Path(__file__).parent / "results" / "tracking.json"
RUNS = Path(__file__).parents[1] / "build" / "tracking"


class OpenCV:
    """A tracker of OpenCV with the methods of `tracking.Tracker`; after a failure the last box is repeated.

    Args:
        name: "KCF" or "CSRT".
        parameters: Values of fields of `cv2.TrackerKCF_Params` or `cv2.TrackerCSRT_Params` that replace the defaults.
    """

    def __init__(self, name, **parameters):
        import cv2  # of opencv-contrib-python-headless

        self._create, self._parameters = getattr(cv2, f"Tracker{name}_create"), getattr(cv2, f"Tracker{name}_Params")()
        for key, value in parameters.items():
            setattr(self._parameters, key, value)

    def start(self, frame, box):
        import numpy as np

        self.confidence, self.box = 1.0, np.array(box, "float32")
        self._tracker = self._create(self._parameters)
        self._tracker.init(as_bgr(frame), np.rint(box).astype(int).tolist())

    def update(self, frame):
        import numpy as np

        found, box = self._tracker.update(as_bgr(frame))
        found = found and min(box[2:]) > 0  # KCF also returns an empty box
        self.confidence = float(found)
        if found:
            self.box = np.array(box, "float32")
        return self.box.copy()


def as_bgr(frame):
    """A frame in the layout of OpenCV: blue, green, red, uint8."""
    import numpy as np

    return np.ascontiguousarray(np.rint(frame[..., ::-1] * 255).astype("uint8"))


def trackers(quick):
    """`{name: function that makes the tracker}`."""
    from siamkeras.applications import tracking

    tower = tracking.tower((4, 4), (5, 3), (4, 2)) if quick else tracking.pretrained_tower()
    return {
        "fixed box": tracking.NoMotion,
        "template matching": tracking.TemplateMatching,
        "KCF": lambda: OpenCV("KCF", detect_thresh=0.2),
        "CSRT": lambda: OpenCV("CSRT"),
        "SiamFC": lambda: tracking.Tracker(tracking.pretrained_siamfc()),
        "SiamFC, rotation search": lambda: tracking.Tracker(
            tracking.pretrained_siamfc(), rotation_step=7.0, window=0.1
        ),
        OURS: lambda: tracking.RidgeTracker(tower),
    }


def variants(quick):
    """Other settings, compared on the validation videos."""
    from siamkeras.applications import tracking

    base = trackers(quick)
    tower = base[OURS]()._tower
    siamfc_tower = pooled(tracking.pretrained_siamfc().get_layer("tower"))

    def ridge(name, tower=tower, template=None, **settings):
        template = {} if template is None else template
        return {name: lambda: tracking.RidgeTracker(tower, tracking.RidgeTemplate(**template), **settings)}

    return {
        **base,
        "KCF, default detection threshold of 0.5": lambda: OpenCV("KCF"),
        **ridge("ridge tracker, tower of SiamFC", siamfc_tower),
        **ridge("ridge tracker, no update", rate=0.0),
        **ridge("ridge tracker, rate 0.05", rate=0.05),
        **ridge("ridge tracker, updated above 0.35", update_above=0.35),
        **ridge("ridge tracker, always updated", update_above=0.0),
        **ridge("ridge tracker, one scale", scale_step=1.0),
        **ridge("ridge tracker, scale step 1.06", scale_step=1.06),
        **ridge("ridge tracker, weight of the first frame 0.5", template={"first": 0.5}),
        **ridge("ridge tracker, window 0.3", window=0.3),
    }


def pooled(tower):
    """A tower of stride 4 as one of stride 8: the mean of four embeddings, of unit length."""
    import keras

    from siamkeras.layers import UnitLength

    inputs = keras.Input((None, None, 3))
    return keras.Model(inputs, UnitLength()(keras.layers.AveragePooling2D(2)(tower(inputs))))


def load_photos(source, settings):
    """Photos for training and for the validation videos, uint8 `(n, side, side, 3)`, and their source."""
    import numpy as np

    from siamkeras import data

    parts = [data.snacks(split, size=settings["side"], source=source) for split in ("validation", "test")]
    images = np.concatenate([(part.images * 255).round().astype("uint8") for part in parts])
    order = np.random.default_rng(0).permutation(len(images))
    train = images[order[: min(settings["photos"], len(order) - 24)]]
    return train, images[order[-24:]], parts[0].source.split(",")[0]


def validation_videos(photos, options):
    """`{kind: videos}`."""
    from siamkeras.applications import tracking

    count, frames, size = (1, 6, (64, 80)) if options.quick else (3, 60, (240, 320))
    return {
        kind: tracking.synthetic_videos(
            count, frames, size, VALIDATION_SEED + place, occlusion, distractors, list(photos),
            motion,
        )
        for place, (kind, (motion, occlusion, distractors)) in enumerate(KINDS.items())
    }  # fmt: skip


def test_videos(options):
    """The sequences, decoded once; with `--quick`, synthetic videos with two of their names."""
    import numpy as np

    from siamkeras.applications import tracking

    if options.quick:
        videos = tracking.synthetic_videos(2, 12, (64, 80), seed=9)
        return [tracking.Video(v.frames, v.boxes, name) for v, name in zip(videos, SEQUENCES, strict=False)]
    videos = tracking.sequences(SEQUENCES, source="real")
    return [
        tracking.Video(np.stack([np.rint(255 * frame).astype("uint8") for frame in v]), v.boxes, v.name) for v in videos
    ]


def runs_of(name, make, parts, file):
    """Boxes and confidences of a tracker on the parts of a video, lists of arrays, and its median frames per second."""
    import numpy as np

    from siamkeras.applications import tracking

    if not (file and file.exists()):
        tracker = make()
        tracks = [tracking.track(tracker, part) for part in parts]
        runs = {key: np.concatenate([getattr(track, key) for track in tracks]) for key in ("boxes", "confidence")}
        runs["frames_per_second"] = np.median([track.frames_per_second for track in tracks])
        if file:
            file.parent.mkdir(parents=True, exist_ok=True)
            np.savez(file, **runs)
    else:
        runs = np.load(file)
    ends = np.cumsum([len(part) for part in parts])[:-1]
    return np.split(runs["boxes"], ends), np.split(runs["confidence"], ends), float(runs["frames_per_second"])


def measure(name, make, sequences, folder):
    """The report, the IoU and confidence of all later frames of each sequence, and the median frames per second.

    `sequences` is `{name: parts}`; the runs are kept in `folder`, if it is given.
    """
    import numpy as np

    from siamkeras.applications import tracking

    boxes, confidences, speeds = {}, {}, []
    for sequence, parts in sequences.items():
        file = folder / f"{name}-{sequence}.npz" if folder else None
        boxes[sequence], confidence, speed = runs_of(name, make, parts, file)
        confidences[sequence] = np.concatenate([each[1:] for each in confidence])
        speeds.append(speed)
    truth = {sequence: [part.boxes for part in parts] for sequence, parts in sequences.items()}
    later = {
        sequence: np.concatenate(
            [tracking.iou(*pair)[1:] for pair in zip(boxes[sequence], truth[sequence], strict=True)]
        )
        for sequence in sequences
    }
    first = tracking.evaluate(
        {sequence: runs[0] for sequence, runs in boxes.items()}, {name: runs[0] for name, runs in truth.items()}
    )
    return {
        "report": tracking.evaluate(boxes, truth),
        "first start": first,
        "iou": later,
        "confidence": confidences,
        "frames per second": float(np.median(speeds)),
    }


def lost_auc(measured, resamples=200):
    """AUC of the confidence for misses against hits: `{"auc", "interval", "frames"}`, interval over videos."""
    import numpy as np
    from sklearn.metrics import roc_auc_score

    names = list(measured["iou"])
    ious, confidences = ([measured[key][name] for name in names] for key in ("iou", "confidence"))

    def auc(chosen):
        iou, confidence = (np.concatenate([each[index] for index in chosen]) for each in (ious, confidences))
        known = (iou <= MISS) | (iou > HIT)
        return roc_auc_score(iou[known] > HIT, confidence[known])

    rng = np.random.default_rng(0)
    everything, samples = np.concatenate(ious), []
    if (everything <= MISS).sum() < 5 or (everything > HIT).sum() < 5:
        return {"auc": float("nan"), "interval": [], "frames": {"misses": 0, "hits": 0}}
    for _ in range(resamples):
        chosen = rng.integers(len(names), size=len(names))
        iou = np.concatenate([ious[index] for index in chosen])
        if (iou <= MISS).any() and (iou > HIT).any():
            samples.append(auc(chosen))
    return {
        "auc": float(auc(range(len(names)))),
        "interval": np.percentile(samples, [2.5, 97.5]).tolist(),
        "frames": {"misses": int((everything <= MISS).sum()), "hits": int((everything > HIT).sum())},
    }


def below(measured, threshold):
    """Fractions of the misses and of the hits with a confidence below a threshold."""
    import numpy as np

    iou, confidence = (np.concatenate(list(measured[key].values())) for key in ("iou", "confidence"))
    return {
        name: float(np.mean(confidence[chosen] < threshold)) if chosen.any() else float("nan")
        for name, chosen in (("misses", iou <= MISS), ("hits", iou > HIT))
    }


def as_json(measured):
    report, first = measured["report"], measured["first start"]
    names = ("auc", "precision", "robustness")
    return {
        **{name: float(getattr(report, name)) for name in names},
        "interval": {name: list(ends) for name, ends in report.interval.items()},
        "per_sequence": {
            sequence: {name: float(report.per_video[name][place]) for name in names}
            for place, sequence in enumerate(report.names)
        },
        "first start": {name: float(getattr(first, name)) for name in names},
        "frames_per_second": measured["frames per second"],
    }


def difference(ours, other):
    """Success AUC above that of another tracker: mean, interval, and the number of sequences above."""
    gains = ours.per_video["auc"] - other.per_video["auc"]
    mean, interval = ours.minus(other) if len(gains) >= 5 else (float(gains.mean()), ())
    return {"mean": mean, "interval": list(interval), "above": int((gains > 0).sum()), "of": len(gains)}


def validate(options, photos):
    """Results of all variants on the validation videos, and the lost threshold of ours."""
    import numpy as np

    videos = validation_videos(photos, options)
    sequences = {f"{kind} {place}": [v] for kind, each in videos.items() for place, v in enumerate(each, 1)}
    results, rows = {}, []
    for name, make in (trackers if options.quick else variants)(options.quick).items():
        measured = measure(f"validation-{name}", make, sequences, options.runs)
        by_kind = np.array(measured["report"].per_video["auc"]).reshape(len(KINDS), -1).mean(axis=1)
        results[name] = {
            "auc": float(measured["report"].auc),
            "interval": list(measured["report"].interval.get("auc", ())),
            "robustness": float(measured["report"].robustness),
            "kinds": dict(zip(KINDS, by_kind.tolist(), strict=True)),
        }
        print(f"{name}: {results[name]['auc']:.3f}", flush=True)
        rows.append([name, f"{results[name]['auc']:.3f}", *(f"{auc:.3f}" for auc in by_kind)])
        if name == OURS:
            iou, confidence = (np.concatenate(list(measured[key].values())) for key in ("iou", "confidence"))
            hits = confidence[iou > HIT]
            threshold = float(np.quantile(hits, 1 - CORRECT_ABOVE)) if len(hits) else 0.0
            results["lost"] = {"below": threshold, **below(measured, threshold), **lost_auc(measured)}
    print(f"### Validation: success AUC on {len(sequences)} synthetic videos of held-out photos\n")
    measuring.print_table(["", "mean", *KINDS], rows)
    lost = results["lost"]
    print(f"Lost below {lost['below']:.2f}: {lost['misses']:.0%} of the misses, {lost['hits']:.0%} of the hits.\n")
    return results


def test(options):
    """Prints the tables and returns the results on the test sequences."""

    starts = 2 if options.quick else STARTS
    sequences = {video.name: video.starts(starts) for video in test_videos(options)}
    measured = {}
    for name, make in trackers(options.quick).items():
        measured[name] = measure(name, make, sequences, options.runs)
        print(f"{name}: {measured[name]['report'].auc:.3f}", flush=True)
    results = {name: as_json(each) for name, each in measured.items()}
    print(f"\n### Test: {len(sequences)} sequences, {starts} starts each\n")
    header = ["", "success AUC", "precision, 20 px", "robustness", "first start only", "frames/s"]
    measuring.print_table(header, [row(name, each) for name, each in results.items()])
    print("### Test: success AUC of each sequence\n")
    measuring.print_table(
        ["", *sequences],
        [[name, *(f"{one['auc']:.3f}" for one in each["per_sequence"].values())] for name, each in results.items()],
    )
    ours = measured[OURS]
    differences = {name: difference(ours["report"], each["report"]) for name, each in measured.items() if name != OURS}
    lost = {name: lost_auc(measured[name]) for name in ("template matching", "SiamFC", OURS)}
    lost_below = trackers(options.quick)[OURS]().lost_below
    lost[OURS]["below"] = {"confidence": lost_below, **below(ours, lost_below)}
    print_targets(differences, lost[OURS], results[OURS]["frames_per_second"])
    frames = {name: len(parts[0]) for name, parts in sequences.items()}
    return {"trackers": results, "differences": differences, "lost": lost, "frames": frames}


def row(name, numbers):
    cells = []
    for key, style in (("auc", ".3f"), ("precision", ".1%"), ("robustness", ".1%")):
        ends = numbers["interval"].get(key)
        interval = f" [{ends[0]:{style}}, {ends[1]:{style}}]" if ends else ""
        cells.append(f"{numbers[key]:{style}}{interval}")
    return [name, *cells, f"{numbers['first start']['auc']:.3f}", f"{numbers['frames_per_second']:.0f}"]


def print_targets(differences, lost, speed):
    """One line for each target."""
    for name, each in differences.items():
        interval = " [{:+.3f}, {:+.3f}]".format(*each["interval"]) if each["interval"] else ""
        text = f"{OURS} above {name}: {each['mean']:+.3f}{interval}, on {each['above']} of {each['of']} sequences"
        if name in ("KCF", "CSRT"):
            print(f"{text}; mean above: {'yes' if each['mean'] > 0 else 'NO'}.")
        elif name in ("fixed box", "template matching"):
            print(f"{text}; at least 7: {'yes' if each['above'] >= 7 else 'NO'}.")
        else:
            print(f"{text}.")
    below_threshold = lost["below"]
    print(f"AUC of the confidence {lost['auc']:.3f} >= 0.85: {'yes' if lost['auc'] >= 0.85 else 'NO'}.")
    print(
        f"Lost below {below_threshold['confidence']:.2f}: {below_threshold['misses']:.0%} of the misses, "
        f"{below_threshold['hits']:.0%} of the hits."
    )
    print(f"{speed:.0f} frames/s >= 25: {'yes' if speed >= 25 else 'NO'}.")


def arguments():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--train", type=Path, metavar="FILE", help="train SiamFC, with this file as checkpoint")
    parser.add_argument("--steps", type=int, default=TRAINING["steps"], help="training steps")
    parser.add_argument("--source", choices=("auto", "real", "synthetic"), help="of the photos")
    parser.add_argument("--validate", action="store_true", help="stop before the test")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(RESULTS.parents[2])}")
    options = parser.parse_args()
    if options.quick and options.save:
        parser.error("--save needs the full measurement.")
    options.runs = None if options.quick else RUNS
    options.source = options.source or ("synthetic" if options.quick else "auto")
    return options


def main():
    options = arguments()
    from siamkeras import environment

    measuring.print_heading("Tracking", options.quick)
    settings = TRAINING | {"steps": options.steps}
    if options.quick:
        settings |= {"filters": [4, 4, 4, 4], "steps": 2, "batch_size": 4, "videos": 2, "photos": 8, "side": 64}
    photos, others, source = load_photos(options.source, settings)
    if options.train or options.quick:
        train(options, settings, photos, source)
    results = {"validation": validate(options, others)}
    if options.validate:
        return
    results |= test(options)
    if options.save:
        machine = [environment.describe(), measuring.processor(), str(datetime.date.today())]
        training.write_json(RESULTS, {"machine": machine, "training": settings, "starts": STARTS, **results})


def train(options, settings, photos, source):
    """Trains SiamFC and writes the weights of `tracking.pretrained_siamfc`."""
    from siamkeras.applications import tracking
    from siamkeras.applications.tracking.model import WEIGHTS

    frames, size = (6, (64, 80)) if options.quick else (24, (240, 320))
    videos = tracking.synthetic_videos(settings["videos"], frames, size, seed=0, photos=list(photos[:120]))
    settings["trained on"] = f"{len(photos)} photos, {source}; {settings['videos']} synthetic videos of 120 of them"
    model, seconds, _ = training.train(
        "SiamFC",
        lambda: build_model(settings),
        lambda done: training_pairs(photos, videos, settings, done),
        settings,
        options.train,
        per_epoch=1000,
    )
    print(f"Trained on {settings['trained on']}, {settings['steps']} steps, {seconds / 60:.0f} minutes.\n")
    if not options.quick:
        model.save_weights(WEIGHTS)


def build_model(settings):
    import keras

    from siamkeras.applications import tracking

    keras.utils.set_random_seed(settings["seed"])
    model = tracking.siamfc(tracking.tower(settings["filters"]))
    schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-3), tracking.ScoreMapLoss())
    return model


def training_pairs(photos, videos, settings, start=0):
    """Batches of which half is from photos and half from videos."""
    from siamkeras import augmentation, generators
    from siamkeras.applications import tracking

    def motion(kind):
        rotation = settings["rotation"][kind]
        return tracking.Motion(settings["shift"], tuple(settings["scale"]), rotation, settings["absent"])

    common = {"batch_size": settings["batch_size"] // 2, "seed": settings["seed"], "start": start}
    common["geometry"] = tracking.Geometry(radius=settings["radius"])
    common["augment"] = augmentation.compose(augmentation.color_jitter(), grey_or_blur)
    return generators.concat_batches(
        tracking.pairs_from_images(photos, motion=motion("photos"), **common),
        tracking.pairs_from_videos(videos, motion=motion("videos"), max_gap=settings["max_gap"], **common),
    )


def grey_or_blur(image, seed):
    """Converts an image to grey with probability 0.25, and blurs it with probability 0.25."""
    import tensorflow as tf

    u = tf.random.stateless_uniform((2,), seed)
    grey = tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(image))
    image = tf.where(u[0] < 0.25, grey, image)
    return tf.where(u[1] < 0.25, tf.nn.avg_pool2d(image[None], 3, 1, "SAME")[0], image)


if __name__ == "__main__":
    main()
