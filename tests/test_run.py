"""notebooks/run.py: runs a lesson in a kernel of this Python and saves complete runs only."""

import os
import re
import subprocess
import sys

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from project import ROOT

pytestmark = pytest.mark.slow
RUN = ROOT / "notebooks" / "run.py"
TRAIN = r"""print("1/2 =", end="")
print("\b" * 5 + "\r2/2 ==", flush=True)"""


@pytest.fixture
def execute(tmp_path):
    """Writes a lesson with the given code, runs it with --save and reads it again.

    A broken kernel with the default name comes first on the Jupyter path.
    """
    other = tmp_path / "kernels" / "python3"
    other.mkdir(parents=True)
    (other / "kernel.json").write_text('{"argv": ["nowhere/python"], "display_name": "other", "language": "python"}')

    def executed(source):
        path = tmp_path / "03_tiny.ipynb"
        cells = [
            new_markdown_cell("# 3. Tiny\n\n## Train"),
            new_code_cell(source, metadata={"execution": {"iopub.execute_input": "2026"}}),
            new_code_cell("import os, sys\nf'{sys.executable} in {os.getcwd()}'", metadata={"tags": ["result"]}),
            new_code_cell("x = 42", metadata={"jupyter": {"source_hidden": True}}),
        ]
        nbformat.write(new_notebook(cells=cells), path)
        command = [sys.executable, str(RUN), str(path), "--save", "--build", str(tmp_path / "build")]
        environment = {**os.environ, "JUPYTER_PATH": str(tmp_path)}
        done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
        page = (tmp_path / "build" / "03_tiny.html").read_text(encoding="utf-8")
        return done, nbformat.read(path, as_version=4), page

    return executed


def test_a_successful_run_is_printed_and_saved(execute, tmp_path):
    """Progress bars are reduced to their last state, the tagged value is printed, solutions are collapsed."""
    done, lesson, page = execute(TRAIN)
    assert done.returncode == 0, done.stderr
    assert re.search(r"^   1/3  Train +\n          2/2 ==\n +[\d.]+ s$", done.stdout, re.MULTILINE)
    assert f"'{sys.executable} in {tmp_path}'" in done.stdout
    code = lesson.cells[1:]
    assert [cell.execution_count for cell in code] == [1, 2, 3]
    assert code[0].outputs[0].text == "2/2 ==\n"
    assert [dict(cell.metadata) for cell in code] == [{}, {"tags": ["result"]}, {"jupyter": {"source_hidden": True}}]
    assert lesson.metadata.language_info == {"name": "python"} and lesson.metadata.kernelspec.name == "python3"
    assert page.count("<summary>") == 1 and "2/2 ==" in page


@pytest.mark.parametrize(
    "source, message",
    [("print(3)\nlabels = 7 / 0", "ZeroDivisionError"), ("import os\nos._exit(1)", "The kernel died")],
)
def test_a_failed_run_is_reported_and_not_saved(execute, source, message):
    """The page ends at the failing cell."""
    done, lesson, page = execute(source)
    assert done.returncode == 1
    assert message in done.stderr and "03_tiny.html" in done.stderr
    assert [cell.execution_count for cell in lesson.cells[1:]] == [None, None, None]
    assert ("ZeroDivisionError" in page) == (message == "ZeroDivisionError")


def test_the_students_edition_has_no_solutions_no_checks_and_no_outputs(tmp_path):
    """It ends with what follows the solutions; the lesson itself stays as it is."""
    hidden = {"jupyter": {"source_hidden": True}}
    cells = [
        new_markdown_cell("# 3. Tiny\n\n## Measure"),
        new_code_cell("3 - 1", execution_count=1, outputs=[new_output("execute_result", data={"text/plain": "2"})]),
        new_code_cell("assert 3 - 1 == 2", execution_count=2, metadata={**hidden, "tags": ["check"]}),
        new_markdown_cell("## Exercises\n\n1. **Predict.** Is it 2?"),
        new_markdown_cell("## Solutions"),
        new_markdown_cell("### 1. Subtraction"),
        new_code_cell("assert 3 - 1 == 2", execution_count=3, metadata=hidden),
        new_markdown_cell("## Further reading"),
    ]
    path = tmp_path / "03_tiny.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    before = path.read_bytes()
    command = [sys.executable, str(RUN), str(path), "--students", str(tmp_path / "students")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    copy = nbformat.read(tmp_path / "students" / "03_tiny.ipynb", as_version=4)
    assert [cell.source for cell in copy.cells] == [cells[place].source for place in (0, 1, 3, 7)]
    assert copy.cells[1].outputs == [] and copy.cells[1].execution_count is None
    assert path.read_bytes() == before
