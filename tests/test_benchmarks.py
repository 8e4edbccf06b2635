"""Every benchmark runs, in its short form and without the real data, and prints its table."""

import os
import subprocess
import sys

import pytest
from project import ROOT

SCRIPTS = sorted(path for path in (ROOT / "benchmarks").glob("*.py") if path.name != "measuring.py")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.stem)
def test_benchmark_runs_and_prints_a_table(script):
    environment = {name: value for name, value in os.environ.items() if name not in ("TFDS_DATA_DIR", "SIAMKERAS_DATA")}
    done = subprocess.run(
        [sys.executable, str(script), "--quick"],
        env=environment | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "QUICK" in done.stdout
    assert sum(line.startswith("|") for line in done.stdout.splitlines()) >= 3, done.stdout


def test_benchmarks_are_told_in_their_readme():
    text = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    assert all(script.name in text for script in SCRIPTS)
