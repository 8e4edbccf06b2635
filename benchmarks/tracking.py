"""Success and precision of a small Siamese tracker on objects that it was not trained on, on two CPU cores.

A fully-convolutional tower of 77,000 parameters (`tracking.tower`) is trained from scratch as SiamFC: half of each
batch from photos of snacks with simulated motion (`tracking.pairs_from_images`), half from synthetic videos made of
these photos (`tracking.pairs_from_videos`).

The test is a one-pass evaluation as in OTB: success AUC, precision at 20 pixels, frames per second. The test videos are
OTB Crossing and Diving, and synthetic videos of other photographs: with rotation and scaling, also with occlusion, also
with two distractors of the same texture. The baselines are a box that does not move, and normalised cross-correlation
(scikit-image) near the last position and in the whole frame. The Siamese tracker runs without rotation and with a
search of three angles. Training steps, tower, window, image sizes and the confidence below which a target counts as
lost were chosen on validation videos, made of photos held out from training.

Targets: Crossing: precision at 20 pixels at least 0.9, AUC above template matching, at least 25 frames per second;
synthetic videos with rotation and scaling: AUC at least 0.2 above template matching.

    python benchmarks/tracking.py --checkpoint build/tracking.keras --save --save-weights
    python benchmarks/tracking.py --pretrained    # only evaluates the weights of the package
"""

import datetime
import json
from pathlib import Path

import measuring
import training

SETTINGS = {
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
}
# The objects of the synthetic videos rotate by up to 12 degrees per frame.
ROTATING = {"rotation_step": 7.0, "window": 0.1}
RESULTS = Path(__file__).parent / "results" / "tracking.json"
VALIDATION, TEST, MORE = 101, 102, 301  # seeds of the synthetic videos
HEADER = ["", "success AUC", "precision, 20 px", "frames/s"]


def load_photos(source, side, most):
    """Photos for training and for the validation videos, uint8 `(n, side, side, 3)`, and their source."""
    import numpy as np

    from siamkeras import data

    parts = [data.snacks(split, size=side, source=source) for split in ("validation", "test")]
    images = np.concatenate([(part.images * 255).round().astype("uint8") for part in parts])
    order = np.random.default_rng(0).permutation(len(images))
    return images[order[: min(most, len(order) - 24)]], images[order[-24:]], parts[0].source.split(",")[0]


def grey_or_blur(image, seed):
    """Converts an image to grey with probability 0.25, and blurs it with probability 0.25."""
    import tensorflow as tf

    u = tf.random.stateless_uniform((2,), seed)
    grey = tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(image))
    image = tf.where(u[0] < 0.25, grey, image)
    return tf.where(u[1] < 0.25, tf.nn.avg_pool2d(image[None], 3, 1, "SAME")[0], image)


def training_pairs(photos, videos, settings, seed, start=0):
    """Batches of which half is from photos and half from videos."""
    from siamkeras import augmentation, generators
    from siamkeras.applications import tracking

    def motion(kind):
        rotation = settings["rotation"][kind]
        return tracking.Motion(settings["shift"], tuple(settings["scale"]), rotation, settings["absent"])

    common = {"batch_size": settings["batch_size"] // 2, "seed": seed, "start": start}
    common["geometry"] = tracking.Geometry(radius=settings["radius"])
    common["augment"] = augmentation.compose(augmentation.color_jitter(), grey_or_blur)
    return generators.concat_batches(
        tracking.pairs_from_images(photos, motion=motion("photos"), **common),
        tracking.pairs_from_videos(videos, motion=motion("videos"), max_gap=settings["max_gap"], **common),
    )


def build_model(settings):
    import keras

    from siamkeras.applications import tracking

    keras.utils.set_random_seed(settings["seed"])
    model = tracking.siamfc(tracking.tower(settings["filters"]))
    schedule = keras.optimizers.schedules.CosineDecay(settings["learning_rate"], settings["steps"])
    model.compile(keras.optimizers.AdamW(schedule, weight_decay=1e-3), tracking.ScoreMapLoss())
    return model


def evaluate(tracker, videos):
    """The report, the median of frames per second, and the confidences of each video."""
    import numpy as np

    from siamkeras.applications import tracking

    tracks = {video.name: tracking.track(tracker, video) for video in videos}
    boxes = {name: track.boxes for name, track in tracks.items()}
    report = tracking.evaluate(boxes, {video.name: video.boxes for video in videos})
    speed = float(np.median([track.frames_per_second for track in tracks.values()]))
    return report, speed, [track.confidence for track in tracks.values()]


def as_json(evaluated):
    report, speed, _ = evaluated
    interval = {name: list(map(float, ends)) for name, ends in report.interval.items()}
    return {"auc": report.auc, "precision": report.precision, "interval": interval, "frames_per_second": speed}


def auc_gain(ours, other, resamples=1000):
    """Difference of two AUCs on the same videos with a bootstrap interval over videos: `[difference, low, high]`."""
    import numpy as np

    gain = np.asarray(ours.per_video["auc"]) - np.asarray(other.per_video["auc"])
    indices = np.random.default_rng(0).integers(len(gain), size=(resamples, len(gain)))
    return [float(gain.mean()), *np.percentile(gain[indices].mean(axis=1), [2.5, 97.5]).tolist()]


def lost_threshold(report, confidences):
    """The confidence that 90 % of the hits (IoU above 0.3) exceed.

    Returns:
        `(threshold, fraction of misses below it, fraction of hits below it)`; a miss has an IoU below 0.05.
    """
    import numpy as np

    iou, confidence = np.concatenate(report.ious), np.concatenate(confidences)
    misses, hits = confidence[iou < 0.05], confidence[iou > 0.3]
    if not misses.size or not hits.size:
        return 0.5, float("nan"), float("nan")
    threshold = float(np.quantile(hits, 0.1))
    return threshold, float(np.mean(misses < threshold)), float(np.mean(hits < threshold))


def test_sets(options):
    """`{name: videos}`."""
    from siamkeras.applications import tracking

    frames, count = (6, 2) if options.quick else (60, 12)
    size = (64, 80) if options.quick else (240, 320)

    def videos(count, seed, **kwargs):
        return tracking.synthetic_videos(count, frames, size, seed, **kwargs)

    sets = {
        "synthetic: rotation, scaling": videos(count, TEST, occlusion=False),
        "synthetic: rotation, scaling, occlusion": videos(count, TEST),
        "synthetic: rotation, scaling, occlusion, two distractors": videos(count, TEST, distractors=2),
        # The interval over twelve videos is about 0.25 wide.
        "synthetic: rotation, scaling, 40 more": videos(40 if count > 2 else 2, MORE, occlusion=False),
    }
    if options.source != "synthetic":
        try:
            sets |= {video.name: [video] for video in tracking.otb(source="real")}
        except (ConnectionError, OSError) as error:
            print(f"Without OTB: {error}")
    return sets


def arguments():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--steps", type=int, default=SETTINGS["steps"], help="training steps")
    parser.add_argument("--checkpoint", type=Path, help="file from which an interrupted training run resumes")
    parser.add_argument(
        "--pretrained", action="store_true", help="evaluate `tracking.pretrained_siamfc()`, no training"
    )
    parser.add_argument("--source", choices=("auto", "real", "synthetic"), help="of the photos and of OTB")
    parser.add_argument("--validate", action="store_true", help="stop before the test")
    parser.add_argument("--sets", nargs="+", help="test on these sets only; --save keeps the results of the others")
    parser.add_argument("--save", action="store_true", help=f"write {RESULTS.relative_to(RESULTS.parents[2])}")
    parser.add_argument("--save-weights", action="store_true", help="write the weights of `tracking.pretrained_siamfc`")
    options = parser.parse_args()
    if (options.quick or options.pretrained) and (options.save or options.save_weights):
        parser.error("--save and --save-weights need a full training run.")
    options.source = options.source or ("synthetic" if options.quick else "auto")
    return options


def train(options, settings, photos, validation):
    """The trained model, minutes of training, and the curve of validation results."""
    from siamkeras.applications import tracking

    frames, size = (6, (64, 80)) if options.quick else (24, (240, 320))
    videos = tracking.synthetic_videos(settings["videos"], frames, size, seed=0, photos=list(photos[:120]))

    def check(model):
        report = evaluate(tracking.Tracker(model, **ROTATING), validation[:6])[0]
        return {"validation AUC": report.auc, "validation precision": report.precision}

    model, seconds, curve = training.train(
        "tracker",
        lambda: build_model(settings),
        lambda done: training_pairs(photos, videos, settings, settings["seed"], done),
        settings,
        options.checkpoint,
        per_epoch=1000,
        check=check,
    )
    print(f"Trained on {settings['trained on']}, {settings['steps']} steps, {seconds / 60:.0f} minutes.\n")
    return model, seconds / 60, curve


def main():
    options = arguments()
    from siamkeras import environment
    from siamkeras.applications import tracking
    from siamkeras.applications.tracking.model import WEIGHTS

    measuring.print_heading("Tracking", options.quick)
    settings = SETTINGS | {"seed": options.seed, "steps": options.steps}
    if options.quick:
        settings |= {"filters": [4, 4, 4, 4], "steps": 2, "batch_size": 4, "videos": 2, "photos": 8, "side": 64}
    photos, others, source = load_photos(options.source, settings["side"], settings["photos"])
    count, frames, size = (2, 6, (64, 80)) if options.quick else (12, 60, (240, 320))
    validation = tracking.synthetic_videos(count, frames, size, seed=VALIDATION, photos=list(others))
    settings["trained on"] = f"{len(photos)} photos, {source}; {settings['videos']} synthetic videos of 120 of them"
    if options.pretrained:
        model, minutes, curve = tracking.pretrained_siamfc(), None, None
    else:
        model, minutes, curve = train(options, settings, photos, validation)
    trackers = {
        "box that never moves": tracking.NoMotion(),
        "template matching": tracking.TemplateMatching(),
        "template matching, whole frame": tracking.TemplateMatching(search=None),
        "Siamese tracker": tracking.Tracker(model),
        "Siamese tracker, rotation search": tracking.Tracker(model, **ROTATING),
    }
    on_validation = {name: evaluate(tracker, validation) for name, tracker in trackers.items()}
    below, misses, hits = lost_threshold(*on_validation["Siamese tracker, rotation search"][::2])
    print(f"### Validation: {len(validation)} synthetic videos of held-out photos\n")
    measuring.print_table(HEADER, [row(name, as_json(each)) for name, each in on_validation.items()])
    print(f"Lost below a confidence of {below:.2f}: {misses:.0%} of the misses, {hits:.0%} of the hits.\n")
    if options.save_weights:
        model.save_weights(WEIGHTS)
    if options.validate:
        return
    results = test(options, trackers)
    if options.save and options.sets:
        content = json.loads(RESULTS.read_text(encoding="utf-8"))
        training.write_json(RESULTS, content | {"results": content["results"] | results})
    elif options.save:
        content = {"machine": [environment.describe(), measuring.processor(), str(datetime.date.today())]}
        content |= {"settings": settings, "minutes": minutes, "curve": curve}
        content["lost"] = {"below": below, "misses": misses, "hits": hits}
        content["validation"] = {name: as_json(each) for name, each in on_validation.items()}
        training.write_json(RESULTS, {**content, "results": results})


def test(options, trackers):
    """Prints a table for each test set and returns `{set: {tracker: results}}`."""
    results = {}
    for name, videos in test_sets(options).items():
        if options.sets and name not in options.sets:
            continue
        print(f"### {name}: {len(videos)} video{'s' * (len(videos) > 1)}\n")
        evaluated = {each: evaluate(tracker, videos) for each, tracker in trackers.items()}
        results[name] = {each: as_json(one) for each, one in evaluated.items()}
        results[name]["Siamese tracker, rotation search"]["above template matching"] = auc_gain(
            evaluated["Siamese tracker, rotation search"][0], evaluated["template matching"][0]
        )
        measuring.print_table(HEADER, [row(each, numbers) for each, numbers in results[name].items()])
    print_targets(results)
    return results


def row(name, numbers):
    cells = []
    for key, style in (("auc", ".3f"), ("precision", ".1%")):
        ends = numbers["interval"].get(key)
        interval = f" [{ends[0]:{style}}, {ends[1]:{style}}]" if ends else ""
        cells.append(f"{numbers[key]:{style}}{interval}")
    return [name, *cells, f"{numbers['frames_per_second']:.0f}"]


def print_targets(results):
    """One line for each target that was measured."""
    for name, by in results.items():
        ours = by["Siamese tracker" if name == "Crossing" else "Siamese tracker, rotation search"]
        best = max(each["auc"] for key, each in by.items() if key.startswith("template"))
        if name == "Crossing":
            for target, met in (
                (f"precision {ours['precision']:.3f} >= 0.9", ours["precision"] >= 0.9),
                (f"AUC {ours['auc']:.3f} > {best:.3f}", ours["auc"] > best),
                (f"{ours['frames_per_second']:.0f} frames/s >= 25", ours["frames_per_second"] >= 25),
            ):
                print(f"Crossing: {target}: {'yes' if met else 'NO'}.")
        elif name in ("synthetic: rotation, scaling", "synthetic: rotation, scaling, 40 more"):
            gain, low, high = ours["above template matching"]
            print(f"{name}: AUC {ours['auc']:.3f} - {best:.3f} >= 0.2: {'yes' if ours['auc'] - best >= 0.2 else 'NO'};")
            print(f"bootstrap over videos: {gain:+.3f} [{low:+.3f}, {high:+.3f}].")


if __name__ == "__main__":
    main()
