"""README.md: its code runs, its commands exist, and it lists every lesson."""

import json
import os
import re
import subprocess
import sys

import pytest
from project import LESSONS, ROOT

README = ROOT / "README.md"

# All blocks run in order in one namespace, as if pasted.
RUNNER = """
import json, sys
namespace = {"__name__": "__main__"}
for number, block in enumerate(json.loads(sys.stdin.read()), start=1):
    try:
        exec(compile(block, f"README.md, python block {number}", "exec"), namespace)
    except BaseException:
        print(f"README.md, python block {number}:", block, sep="\\n", file=sys.stderr)
        raise
"""


def blocks(text, language):
    """The fenced blocks of one language.

    >>> blocks("Text.\\n```python\\n1 + 1\\n```\\n", "python")
    ['1 + 1\\n']
    """
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def run_in_order(code, folder):
    environment = {name: value for name, value in os.environ.items() if name != "TFDS_DATA_DIR"}
    environment["PYTHONPATH"] = str(ROOT)
    return subprocess.run(
        [sys.executable, "-c", RUNNER],
        input=json.dumps(code),
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=900,
    )


def called(text):
    """The make targets in the console blocks.

    >>> called("```console\\n$ cd siamkeras && make demo\\n$ make test TORCH=torch\\n```\\n")
    ['demo', 'test']
    """
    return re.findall(r"(?:^|[$;&])\s*make +([\w-]+)", "\n".join(blocks(text, "console")), re.MULTILINE)


def targets():
    return set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


@pytest.mark.slow
def test_every_python_block_of_the_readme_runs(tmp_path):
    code = blocks(README.read_text(encoding="utf-8"), "python")
    assert code
    done = run_in_order(code, tmp_path)
    assert done.returncode == 0, done.stderr


@pytest.mark.slow
def test_a_model_that_is_loaded_without_the_import_raises_the_error_in_the_readme(tmp_path):
    from siamkeras import towers

    towers.dense((4,), embedding_dim=2, units=()).save(tmp_path / "tower.keras")
    load = "import keras\nkeras.saving.load_model('tower.keras')\n"
    done = run_in_order([load], tmp_path)
    message = "Could not locate class 'UnitLength'"
    assert message in README.read_text(encoding="utf-8") and message in done.stderr
    assert "siamkeras>UnitLength" in done.stderr.strip().splitlines()[-1]
    assert run_in_order([f"import siamkeras\n{load}"], tmp_path).returncode == 0


def test_a_failing_block_is_shown(tmp_path):
    """The second block uses a name from the first and an undefined one."""
    done = run_in_order(["x = 1\n", "x + undefined\n"], tmp_path)
    assert done.returncode == 1
    assert "python block 2:\nx + undefined\n" in done.stderr and "NameError: name 'undefined'" in done.stderr


def test_every_command_of_the_readme_exists():
    assert set(called(README.read_text(encoding="utf-8"))) <= targets()


def test_the_makefile_has_its_targets():
    assert {"help", "demo", "test", "lab", "lint", "format", "bench", "notebooks", "clean"} <= targets()
    assert "nonexistent" not in targets()


def test_every_block_of_the_readme_is_in_a_tested_language():
    """Opening fences are the first, third, ...."""
    fences = re.findall(r"^```(.*)$", README.read_text(encoding="utf-8"), re.MULTILINE)
    assert set(fences[::2]) <= {"python", "console", "text", ""}


def test_the_readme_lists_every_lesson():
    assert all(path.name in README.read_text(encoding="utf-8") for path in LESSONS)
