"""Time of `import siamkeras` after `import keras`.

Measured inside a new Python process each time, interleaved:

- `import siamkeras` alone;
- the same with all modules that are normally loaded on first use: data, evaluation, generators, plotting, ...

The time of `import keras` with its backend is reported for comparison.

Target: `import siamkeras` adds less than 0.3 s, the median of 7.

    python benchmarks/import_time.py
"""

import subprocess
import sys

import measuring

TARGET = 0.3
PROGRAM = """
import time
begin = time.perf_counter()
import keras
after_keras = time.perf_counter()
import siamkeras
after_siamkeras = time.perf_counter()
if {everything}:
    for name in siamkeras.__all__:
        getattr(siamkeras, name)
print(after_keras - begin, after_siamkeras - after_keras, time.perf_counter() - after_keras)
"""


def seconds(everything):
    """Seconds of `import keras`; of `import siamkeras` after it; of this and, if `everything`, all its modules."""
    program = PROGRAM.format(everything=everything)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    return [float(number) for number in done.stdout.split()[-3:]]


def main():
    options = measuring.argument_parser(__doc__).parse_args()
    measuring.print_heading("Import time", options.quick)
    if not options.quick:
        seconds(everything=True)  # compiles the modules and fills the file system cache
    results = measuring.measure_interleaved(
        {
            "siamkeras": lambda: seconds(everything=False),
            "everything": lambda: seconds(everything=True),
        },
        rounds=1 if options.quick else 7,
    )
    plain, everything = results["siamkeras"], results["everything"]
    rows = [
        ["`import keras`", measuring.median_and_range(plain[:, 0], 2), ""],
        [
            "`import siamkeras` after it",
            measuring.compare_with_target(plain[:, 1], TARGET, 3, at_least=False),
            f"< {TARGET}",
        ],
        ["`import siamkeras` with all modules, after it", measuring.median_and_range(everything[:, 2], 3), ""],
    ]
    measuring.print_table(["", "seconds, median (min-max)", "target"], rows)


if __name__ == "__main__":
    main()
