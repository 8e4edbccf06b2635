"""The numbers of the README of the benchmarks and of lesson 9 are those of the result file."""

import json
import re
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[3]


def test_the_table_and_the_numbers_of_lesson_9_agree_with_the_result_file():
    measured = json.loads((ROOT / "benchmarks" / "results" / "faces.json").read_text(encoding="utf-8"))
    readme = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    table = re.sub(" +", " ", readme.split("<!-- table: faces -->")[1].split("<!-- end of table -->")[0])
    notebook = json.loads((ROOT / "notebooks" / "09_face_verification.ipynb").read_text(encoding="utf-8"))
    lesson = "\n".join("".join(cell["source"]) for cell in notebook["cells"])
    for name, report in measured["lfw"].items():
        low, high = (100 * end for end in report["interval"]["accuracy"])
        assert f"| {name} | {report['accuracy']:.1%} [{low:.1f}, {high:.1f}] | {report['eer']:.1%}" in table
        quoted = f"| {name} | {100 * report['accuracy']:.1f} % [{low:.1f}, {high:.1f}] | {100 * report['eer']:.1f} % |"
        assert quoted in lesson
    for name in measured["att, all folds"]:
        errors = [fold[name]["eer"] for fold in measured["att"].values()]
        assert f"| {name} | {' | '.join(f'{eer:.1%}' for eer in errors)} | {np.mean(errors):.1%} |" in table
        assert f"| {name} | {100 * np.mean(errors):.1f} % |" in lesson
