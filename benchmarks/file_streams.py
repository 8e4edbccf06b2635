"""Throughput of pairs of image files, compared with `keras.utils.image_dataset_from_directory`.

2,000 synthetic files of 96x96 pixels in four classes, half PNG and half JPEG, read as 96x96x3:

- `generators.pairs` with `data.load_image`: batches of 32 pairs, values from 0 to 1;
- `keras.utils.image_dataset_from_directory`: batches of 64 single images with labels, values from 0 to 255.

Reports images per second and processor time, which is more reliable on a busy machine. With `--side 256` the files are
larger than the images; `load_image` resizes them with antialiasing, Keras without.

Target: at least 0.9 of the images per second of Keras.

    python benchmarks/file_streams.py
"""

import tempfile
from functools import partial
from pathlib import Path

import measuring
import numpy as np

TARGET = 0.9
SIZE, BATCH_SIZE = (96, 96), 32


def write_images(folder, count, side):
    from PIL import Image

    rng = np.random.default_rng(0)
    for number in range(count):
        path = Path(folder) / f"class_{number % 4}" / f"{number:05d}.{'png' if number % 8 < 4 else 'jpg'}"
        path.parent.mkdir(exist_ok=True)
        # Smooth images: files of noise would be larger and slower to decode than photographs.
        coarse = Image.fromarray(rng.integers(0, 256, (max(1, side // 8), max(1, side // 8), 3), dtype="uint8"))
        coarse.resize((side, side), Image.Resampling.BICUBIC).save(path)


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--side", type=int, default=96, help="height and width of the files (default: 96)")
    options = parser.parse_args()
    import keras

    from siamkeras import data, generators

    measuring.print_heading("File streams", options.quick)
    count, batches, rounds = (64, 2, 2) if options.quick else (2_000, 60, 7)
    print(f"{count:,} files of {options.side}x{options.side}, synthetic, read as {SIZE[0]}x{SIZE[1]}.\n")
    with tempfile.TemporaryDirectory() as folder:
        write_images(folder, count, options.side)
        files = data.image_paths(folder)
        streams = {
            "generators.pairs": generators.pairs(
                files.images, files.labels, batch_size=BATCH_SIZE, load=data.load_image(SIZE)
            ),
            "image_dataset_from_directory": keras.utils.image_dataset_from_directory(
                folder, image_size=SIZE, batch_size=2 * BATCH_SIZE, seed=0, verbose=False
            ).repeat(),
        }
        functions = {
            name: partial(measuring.stream_rate, stream, 2 * BATCH_SIZE, batches) for name, stream in streams.items()
        }
        results = measuring.measure_interleaved(functions, rounds)
    rows = [
        [f"`{name}`", measuring.median_and_range(values[:, 0]), measuring.median_and_range(values[:, 1] * 1e6)]
        for name, values in results.items()
    ]
    ours, theirs = results.values()
    speed, processor = ours[:, 0] / theirs[:, 0], theirs[:, 1] / ours[:, 1]
    rows.append(
        [
            f"pairs / Keras, >= {TARGET}",
            measuring.compare_with_target(speed, TARGET),
            measuring.median_and_range(processor, 2),
        ]
    )
    measuring.print_table(["", "images/s", "processor, microseconds per image"], rows)


if __name__ == "__main__":
    main()
