"""Time of cross-correlating each template of a batch with its own search embeddings.

Compares `tracking.cross_correlation`, forward and backward, with the usual implementations in Keras, at the sizes of
the SiamFC paper (a template of 6x6 cells in a search of 22x22) and of `tracking.siamfc` (10x10 in 26x26):

- depthwise: one depthwise convolution with the examples among the channels;
- grouped: one convolution with one group per example, usual in PyTorch;
- loop: one convolution per example; map: the same by `keras.ops.map`; vectorised: by `keras.ops.vectorized_map`;
- patches: all windows of the search as rows, and a matrix product;
- all pairs: one convolution of all templates with all searches, of which the diagonal is used;
- shifted: the sum of as many products as the template has cells;
- FFT: a product of spectra.

The implementations take turns. One that is more than 10 times slower than ours is measured once, and one whose first
call takes more than 3 seconds is not called again: its time includes tracing and is an upper bound. All agree with ours
to 0.1 % of the largest score, or the script prints a line. Target: at least as fast as the fastest of them at each
size.

    python benchmarks/cross_correlation.py
"""

import time

import measuring
import numpy as np

# Batch, template and search (cells a side), channels.
SIZES = ((8, 6, 22, 64), (16, 6, 22, 128), (32, 6, 22, 256), (16, 10, 26, 64))
ALONE = ((1, 6, 22, 256), (1, 10, 26, 64))
TARGET, MUCH_SLOWER = 1.0, 10
# Milliseconds: an implementation whose first call takes longer is not called again.
SLOW = 3000


def among_channels(search):
    """`(batch, height, width, channels)` -> `(1, height, width, batch * channels)`."""
    from keras import ops

    batch, height, width, channels = search.shape
    return ops.reshape(ops.transpose(search, (1, 2, 0, 3)), (1, height, width, batch * channels))


def depthwise(template, search):
    from keras import ops

    batch, h, w, channels = template.shape
    kernel = ops.reshape(ops.transpose(template, (1, 2, 0, 3)), (h, w, batch * channels, 1))
    scores = ops.depthwise_conv(among_channels(search), kernel)
    return ops.transpose(ops.sum(ops.reshape(scores, (*scores.shape[1:3], batch, channels)), axis=-1), (2, 0, 1))


def grouped(template, search):
    from keras import ops

    return ops.transpose(ops.conv(among_channels(search), ops.transpose(template, (1, 2, 3, 0)))[0], (2, 0, 1))


def one(pair):
    from keras import ops

    template, search = pair
    return ops.conv(search[None], template[..., None])[0, ..., 0]


def loop(template, search):
    from keras import ops

    return ops.stack([one((template[number], search[number])) for number in range(search.shape[0])])


def mapped(template, search):
    from keras import ops

    return ops.map(one, (template, search))


def vectorised(template, search):
    from keras import ops

    return ops.vectorized_map(one, (template, search))


def patches(template, search):
    from keras import ops

    batch, h, w, channels = template.shape
    windows = ops.image.extract_patches(search, (h, w), strides=1)
    rows = ops.reshape(windows, (batch, -1, h * w * channels))
    scores = ops.matmul(rows, ops.reshape(template, (batch, h * w * channels, 1)))
    return ops.reshape(scores, windows.shape[:3])


def all_pairs(template, search):
    from keras import ops

    scores = ops.conv(search, ops.transpose(template, (1, 2, 3, 0)))
    return ops.transpose(ops.diagonal(scores, axis1=0, axis2=3), (2, 0, 1))


def shifted(template, search):
    from keras import ops

    _, h, w, _ = template.shape
    _, height, width, _ = search.shape
    scores = 0.0
    for i in range(h):
        for j in range(w):
            part = search[:, i : i + height - h + 1, j : j + width - w + 1]
            scores = scores + ops.sum(part * template[:, i : i + 1, j : j + 1], axis=-1)
    return scores


def fft(template, search):
    import tensorflow as tf  # Keras has the transform without its gradient

    _, h, w, _ = template.shape
    _, height, width, _ = search.shape
    spectra = tf.signal.rfft2d(tf.transpose(search, (0, 3, 1, 2)))
    spectra *= tf.math.conj(tf.signal.rfft2d(tf.transpose(template, (0, 3, 1, 2)), (height, width)))
    scores = tf.signal.irfft2d(tf.reduce_sum(spectra, axis=1), (height, width))
    return scores[:, : height - h + 1, : width - w + 1]


def ours(template, search):
    from siamkeras.applications import tracking

    return tracking.cross_correlation(template, search)


IMPLEMENTATIONS = {
    "ours": ours,
    "depthwise": depthwise,
    "grouped": grouped,
    "loop": loop,
    "map": mapped,
    "vectorised": vectorised,
    "patches": patches,
    "all pairs": all_pairs,
    "shifted": shifted,
    "FFT": fft,
}


def step_of(implementation, template, search):
    """A function without arguments that computes the map and both gradients."""
    import tensorflow as tf

    template, search = tf.constant(template), tf.constant(search)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            tape.watch((template, search))
            scores = implementation(template, search)
            total = tf.reduce_sum(tf.square(scores))
        return scores, [tf.convert_to_tensor(each) for each in tape.gradient(total, (template, search))]

    return step


def timer(step, repeats):
    """A function that returns the mean time of a step in milliseconds."""

    def take():
        begin = time.perf_counter()
        for _ in range(repeats):
            _, (gradient, _) = step()
            gradient.numpy()
        return 1e3 * (time.perf_counter() - begin) / repeats

    return take


def measure(size, rounds):
    """`{implementation: milliseconds in each round}`, without those that cannot be differentiated."""
    batch, small, large, channels = size
    rng = np.random.default_rng(0)
    template = rng.normal(size=(batch, small, small, channels)).astype("float32")
    search = rng.normal(size=(batch, large, large, channels)).astype("float32")
    timers, slow, expected = {}, {}, None
    for name, implementation in IMPLEMENTATIONS.items():
        step = step_of(implementation, template, search)
        begin = time.perf_counter()
        try:
            scores = step()[0].numpy()
        except Exception as error:
            if name == "ours":
                raise
            print(f"{name} at {size}: {type(error).__name__}, left out.")
            continue
        expected = scores if expected is None else expected
        if np.abs(scores - expected).max() > 1e-3 * np.abs(expected).max():
            print(f"{name} at {size} gives a different map.")
        first = 1e3 * (time.perf_counter() - begin)
        milliseconds = first if first > SLOW else timer(step, 1)()
        take = timer(step, 3)
        if timers and milliseconds > MUCH_SLOWER * timers["ours"][1]:
            slow[name] = np.array([milliseconds])
        else:
            timers[name] = take, milliseconds
    results = measuring.measure_interleaved({name: take for name, (take, _) in timers.items()}, rounds)
    return {name: (results | slow)[name] for name in IMPLEMENTATIONS if name in results or name in slow}


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--rounds", type=int, default=7, help="measurements of each implementation (default: 7)")
    options = parser.parse_args()
    measuring.print_heading("Cross-correlation", options.quick)
    sizes = ((2, 2, 4, 3), (1, 2, 4, 3)) if options.quick else SIZES + ALONE
    columns, verdicts = {}, []
    for size in sizes:
        columns[size] = milliseconds = measure(size, 2 if options.quick else options.rounds)
        best = min((name for name in milliseconds if name != "ours"), key=lambda name: np.median(milliseconds[name]))
        ratio = milliseconds[best] / milliseconds["ours"]
        verdicts.append([label(size), best, measuring.compare_with_target(ratio, TARGET)])
    rows = [
        [name, *(measuring.median_and_range(column[name], 2) if name in column else "-" for column in columns.values())]
        for name in IMPLEMENTATIONS
    ]
    print("Milliseconds for the score maps and both gradients; batch x template x search x channels.\n")
    measuring.print_table(["", *map(label, sizes)], rows)
    measuring.print_table(["size", "fastest of the others", f"its time / ours, >= {TARGET:g}"], verdicts)


def label(size):
    batch, small, large, channels = size
    return f"{batch} x {small}² x {large}² x {channels}"


if __name__ == "__main__":
    main()
