"""How fast do pairs come from images in memory, and how much more memory do they take?

Contenders, on 60,000 images of 28x28 (MNIST where it is to be had, else random numbers), as float32 and as uint8:

- the stream: `generators.pairs`, consumed by plain Python iteration, and inside a `tf.function`, as `fit` does on
  TensorFlow;
- the loop of the tutorials: for each image a partner of its class and one of another, drawn by `random.choice`, all of
  them collected in a list and made into one array. Counted from labels to the ready float32 array;
- bare indexing: `images[left], images[right]`, with indices that were drawn before the clock started. With uint8 it
  is divided by 255, so that all give the same float32.

Below their table stand two limits: one ready batch that `tf.data` hands out again and again, which no stream can
outrun; and bare indexing that leaves bytes bytes. Peak memory above the images is measured in a process of its own.

Targets: at least 5 x the loop and 0.6 x bare indexing; less than 100 MB, however many pairs.

    python benchmarks/pair_streams.py
"""

import os
import random
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path

import measuring
import numpy as np

LOOP_TARGET, BARE_TARGET, MEGABYTES_TARGET = 5, 0.6, 100
SHAPE, CLASSES = (28, 28, 1), 10
BATCH_SIZES = (64, 256, 1024)
CHECKPOINTS = (100, 1_000, 10_000)
# Bytes behind a multiple of 64. The loaders of `data` begin at one, where TensorFlow reads in place; numpy itself
# puts large arrays 16 bytes behind, and these are looked up by numpy.
OFFSETS = {"loaded": 0, "numpy": 16}


def loop_pairs(images, labels, anchors):
    """Two pairs for each of the first `anchors` images, as the tutorials make them: one same, one different."""
    members = {label: np.flatnonzero(labels == label).tolist() for label in np.unique(labels).tolist()}
    names = list(members)
    pairs, same = [], []
    for image, label in zip(images[:anchors], labels[:anchors].tolist(), strict=True):
        pairs.append([image, images[random.choice(members[label])]])
        same.append(1.0)
        other = random.choice(names)
        while other == label:
            other = random.choice(names)
        pairs.append([image, images[random.choice(members[other])]])
        same.append(0.0)
    pairs = np.array(pairs)
    if pairs.dtype == np.uint8:
        pairs = np.divide(pairs, 255, dtype="float32")
    return pairs, np.array(same, "float32")


def digits(count, source):
    """MNIST as `(images float32, labels)`, or random numbers of the same shape; and which of the two it is."""
    if source != "synthetic":
        from siamkeras import data

        try:
            found = data.mnist("train", source="real")
            return found.images[:count], found.labels[:count], found.source
        except (ConnectionError, ImportError) as error:
            print(f"{error}\n")
    rng = np.random.default_rng(0)
    return rng.random((count, *SHAPE), "float32"), rng.integers(0, CLASSES, count), "random numbers, not MNIST"


def placed(shape, dtype, array):
    """An empty array at an address of this kind."""
    from siamkeras._arrays import aligned_empty

    size = int(np.prod(shape)) * np.dtype(dtype).itemsize
    return aligned_empty((OFFSETS[array] + size,), "uint8")[OFFSETS[array] :].view(dtype).reshape(shape)


def graph_rate(consume, stream, count, batches):
    iterator = iter(stream)
    consume(iterator, max(1, batches // 5))
    begin = time.perf_counter()
    consume(iterator, batches)
    return batches * count / (time.perf_counter() - begin), 0.0


def in_graph():
    """A function that consumes batches without coming back to Python."""
    import tensorflow as tf

    @tf.function(reduce_retracing=True)
    def consume(iterator, batches):
        for _ in tf.range(batches):
            next(iterator)

    return lambda iterator, batches: consume(iterator, tf.constant(batches))


def loop_rate(images, labels, anchors):
    begin = time.perf_counter()
    pairs, _ = loop_pairs(images, labels, anchors)
    return len(pairs) / (time.perf_counter() - begin), 0.0


def bare_rate(images, batch_size, batches, divided=False):
    indices = iter(np.random.default_rng(0).integers(0, len(images), (2 * batches, 2, batch_size)))

    def take():
        left, right = next(indices)
        pair = images[left], images[right]
        return [image.astype("float32") / 255 for image in pair] if divided else pair

    return measuring.rate(batch_size, batches, take)


def speed(options):
    import tensorflow as tf

    from siamkeras import generators

    images, labels, source = digits(2_000 if options.quick else 60_000, options.source)
    pairs, rounds, sizes = (2_048, 2, BATCH_SIZES[:1]) if options.quick else (100_000, 7, BATCH_SIZES)
    print(f"### Speed: {len(images):,} images, {source}\n")
    kinds = {"float32": images, "uint8": np.round(images * 255).astype("uint8")}
    contenders, cases, consume = {}, [], in_graph()
    for size in sizes:
        ready = next(iter(generators.pairs(images, labels, batch_size=size)))
        again = tf.data.Dataset.from_tensors(ready).repeat()
        contenders["tf.data", size] = partial(measuring.stream_rate, again, size, pairs // size)
    for kind, plain in kinds.items():
        contenders["loop", kind] = partial(loop_rate, plain, labels, len(plain))
        for size in sizes:
            contenders["bare", kind, size] = partial(bare_rate, plain, size, pairs // size, kind == "uint8")
            if kind == "uint8":
                contenders["bytes", size] = partial(bare_rate, plain, size, pairs // size)
        for array in OFFSETS:
            held = placed(plain.shape, kind, array)
            held[:] = plain
            for size in sizes:
                stream = generators.pairs(held, labels, batch_size=size)
                contenders[array, kind, size] = partial(measuring.stream_rate, stream, size, pairs // size)
                contenders["graph", array, kind, size] = partial(graph_rate, consume, stream, size, pairs // size)
                cases.append((array, kind, size))
    found = {key: value[:, 0] for key, value in measuring.measure_interleaved(contenders, rounds).items()}
    rows, met = [], []
    for array, kind, size in cases:
        stream, graph = found[array, kind, size], found["graph", array, kind, size]
        loop, bare = found["loop", kind], found["bare", kind, size]
        rows.append(
            [kind, array, size, *(measuring.median_and_range(each / 1000) for each in (stream, graph, loop, bare))]
        )
        rows[-1] += [
            measuring.compare_with_target(stream / loop, LOOP_TARGET, 1),
            measuring.compare_with_target(stream / bare, BARE_TARGET),
        ]
        rows[-1] += [measuring.median_and_range(graph / bare, 2)]
        met.append((np.median(stream / loop) >= LOOP_TARGET, np.median(stream / bare) >= BARE_TARGET))
    header = ["images", "array", "batch", "stream, 1,000 pairs/s", "in a graph", "loop", "bare indexing"]
    header += [f"stream / loop, >= {LOOP_TARGET}", f"stream / bare, >= {BARE_TARGET}", "in a graph / bare"]
    measuring.print_table(header, rows)
    by_loop, by_bare = np.sum(met, axis=0)
    print(f"{LOOP_TARGET} x the loop: {by_loop} of {len(met)} rows; {BARE_TARGET} x bare indexing: {by_bare}.")
    for name, words in (("tf.data", "One ready batch from `tf.data`"), ("bytes", "Bare indexing of undivided bytes")):
        limits = "; ".join(f"batch {size}: {measuring.median_and_range(found[name, size] / 1000)}" for size in sizes)
        print(f"{words}, 1,000 pairs/s: {limits}.")
    print(flush=True)


def resident(field):
    """Megabytes of this process that are (`VmRSS`) or at most have been (`VmHWM`) in memory; Linux alone tells."""
    # Not `resource.getrusage(...).ru_maxrss`: a new process begins there with the maximum of the one that started it.
    status = Path("/proc/self/status").read_text(encoding="utf-8")
    return next(int(line.split()[1]) for line in status.splitlines() if line.startswith(field)) * 1024 / 1e6


def peaks(contender, batch_size, checkpoints, count):
    """Megabytes above the images at most, after each number of batches. Called in a process of its own."""
    if contender != "loop":
        from siamkeras import generators

        tiny = np.zeros((20, *SHAPE), "float32")
        for _ in generators.pairs(tiny, np.arange(20) % 2, batch_size=4, steps=20):
            pass  # TensorFlow takes its own memory before the measurement.
    images = placed((count, *SHAPE), "float32", "numpy" if contender == "loop" else contender)
    images[:] = 1  # Memory is not there until it is written to.
    labels = np.arange(count) % CLASSES
    before, found, done = resident("VmRSS"), [], 0
    if contender == "loop":
        for batches in checkpoints:
            pairs, _ = loop_pairs(images, labels, min(count, batches * batch_size // 2))
            found.append(max(resident("VmHWM") - before, 0) * batches * batch_size / len(pairs))
            del pairs
        return found
    iterator = iter(generators.pairs(images, labels, batch_size=batch_size))
    for batches in checkpoints:
        for _ in range(batches - done):
            next(iterator)
        done = batches
        time.sleep(0.5)  # A slow consumer, as training is, lets the buffers fill.
        found.append(max(resident("VmHWM") - before, 0))
    return found


def memory(options):
    print("### Peak memory above the images, in MB\n")
    if not os.path.exists("/proc/self/status"):
        print("Not measured: this system has no /proc/self/status.\n")
        return
    checkpoints, count = ((5, 10, 20), 2_000) if options.quick else (CHECKPOINTS, 60_000)
    cases = [(array, size) for array in OFFSETS for size in (64, 1024)]
    rows, highest = [], 0
    for contender, size in [*cases[: 1 if options.quick else None], ("loop", 64)]:
        # One at a time, each in a new process: what one has touched must not count for the next.
        with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
            found = pool.submit(peaks, contender, size, checkpoints, count).result()
        name = contender if contender == "loop" else f"stream, {contender}"
        rows.append([f"{name}, {size} pairs in a batch", *(f"{value:,.0f}" for value in found)])
        highest = max(highest, *found) if contender != "loop" else highest
    measuring.print_table(["", *(f"{number:,} batches" for number in checkpoints)], rows)
    print("The loop: what does not fit into one pass over the images is scaled up from one pass.")
    met = "yes" if highest < MEGABYTES_TARGET else "NO"
    print(f"Streams stay below {MEGABYTES_TARGET} MB: {met}, {highest:.0f} at most.\n", flush=True)


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--source", choices=("auto", "synthetic"), help="synthetic: random numbers instead of MNIST")
    parser.add_argument("--part", choices=("memory", "speed"), help="one part alone")
    options = parser.parse_args()
    options.source = options.source or ("synthetic" if options.quick else "auto")
    measuring.print_heading("Pair streams", options.quick)
    for part in (memory, speed):
        if options.part in (None, part.__name__):
            part(options)


if __name__ == "__main__":
    main()
