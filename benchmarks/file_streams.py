"""How fast do pairs come from image files?

Contenders, on 2,000 files of 96x96 in four classes, half of them PNG and half JPEG, read as 96x96 in three colours:

- `generators.pairs` with `data.load_image`: pairs, 32 in a batch, from 0 to 1;
- `keras.utils.image_dataset_from_directory`: single images with their class, 64 in a batch, from 0 to 255.

Both are counted in images per second. Processor time stands beside: on a busy machine it says more. `--side 256` has
larger files, which are made smaller on reading; there `load_image` averages over pixels where Keras skips them.

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
        # Smooth blotches: noise would make the files larger, and slower to decode, than photographs are.
        blotches = Image.fromarray(rng.integers(0, 256, (max(1, side // 8), max(1, side // 8), 3), dtype="uint8"))
        blotches.resize((side, side), Image.Resampling.BICUBIC).save(path)


def main():
    parser = measuring.argument_parser(__doc__)
    parser.add_argument("--side", type=int, default=96, help="height and width of the files (default: 96)")
    options = parser.parse_args()
    import keras

    from siamkeras import data, generators

    measuring.print_heading("File streams", options.quick)
    count, batches, rounds = (64, 2, 2) if options.quick else (2_000, 60, 7)
    print(f"{count:,} files of {options.side}x{options.side}, drawn for this, read as {SIZE[0]}x{SIZE[1]}.\n")
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
        contenders = {
            name: partial(measuring.stream_rate, stream, 2 * BATCH_SIZE, batches) for name, stream in streams.items()
        }
        found = measuring.measure_interleaved(contenders, rounds)
    rows = [
        [f"`{name}`", measuring.median_and_range(values[:, 0]), measuring.median_and_range(values[:, 1] * 1e6)]
        for name, values in found.items()
    ]
    ours, theirs = found.values()
    speed, effort = ours[:, 0] / theirs[:, 0], theirs[:, 1] / ours[:, 1]
    rows.append(
        [
            f"pairs / Keras, >= {TARGET}",
            measuring.compare_with_target(speed, TARGET),
            measuring.median_and_range(effort, 2),
        ]
    )
    measuring.print_table(["", "images/s", "processor, microseconds per image"], rows)


if __name__ == "__main__":
    main()
