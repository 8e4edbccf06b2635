"""Form of the committed lessons, without executing them; the checks are in lessons.py."""

import lessons
import nbformat
import pytest
from lessons import CHECKED, CHECKS, SECTIONS, code, is_numbered
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from project import ADDRESS, LESSONS


def test_lessons_are_numbered_without_gaps():
    assert list(is_numbered(path.name for path in LESSONS)) == []


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_passes_all_checks(path):
    notebook = nbformat.read(path, as_version=4)
    assert [message for check in CHECKS for message in check(notebook, path.name)] == []


# Tests of the checks: a lesson that passes all of them, and changes that each break one.

NAME = "07_tiny.ipynb"
BADGE = f"https://colab.research.google.com/github/{ADDRESS.split('github.com/')[1]}/blob/main/notebooks/{NAME}"


def good_lesson():
    text = {
        "Setup": f'import sys\nif "google.colab" in sys.modules:\n    %pip install -q "git+{ADDRESS}"',
        "By hand": f"{CHECKED}\n3 - 1",
        "Measure": "assert 0.9 > 0.5",
        "Solutions": "# 1. Predict\nassert 3 - 1 == 2",
    }
    cells = [new_markdown_cell(f"# 7. Tiny\n\n[![Open in Colab](badge.svg)]({BADGE})")]
    for title in SECTIONS:
        cells.append(
            new_markdown_cell(f"## {title}" + ("\n\n1. **Predict.** Is it 2?" if title == "Exercises" else ""))
        )
        if title in text:
            cells.append(new_code_cell(text[title]))
    notebook = new_notebook(cells=cells)
    setup, by_hand, measure, solution = code(notebook)
    by_hand.outputs = [new_output("execute_result", data={"text/plain": "2"})]
    measure.outputs = [new_output("stream", text="0.9")]
    measure.metadata.tags = ["result"]
    solution.metadata.jupyter = {"source_hidden": True}
    for count, cell in enumerate(code(notebook), start=1):
        cell.execution_count = count
    return notebook


def test_the_example_lesson_passes_all_checks():
    assert [message for check in CHECKS for message in check(good_lesson(), NAME)] == []


def replace(old, new):
    """A change of the text `old`, which must occur."""

    def change(notebook):
        touched = [cell for cell in notebook.cells if old in cell.source]
        assert touched
        for cell in touched:
            cell.source = cell.source.replace(old, new)

    return change


def cell_with(number, **changes):
    def change(notebook):
        code(notebook)[number].update({key: nbformat.from_dict(value) for key, value in changes.items()})

    return change


ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
WARNED = {"output_type": "stream", "name": "stderr", "text": "/home/ada/lib/python3/x.py:3: UserWarning"}
SETUP, BY_HAND, MEASURE, SOLUTION = range(4)


@pytest.mark.parametrize(
    "check, change",
    [
        (lessons.has_title_and_badge, replace("# 7. Tiny", "# 8. Tiny")),
        (lessons.has_title_and_badge, replace("blob/main/notebooks/07", "blob/main/notebooks/06")),
        (lessons.installs_in_colab_only, replace('if "google.colab" in sys.modules:\n    ', "")),
        (lessons.installs_in_colab_only, replace(ADDRESS, ADDRESS + "-fork")),
        (lessons.installs_the_packages_of_its_data_sets, replace("3 - 1", "data.omniglot()")),
        (lessons.has_every_section_in_order, replace("## Train", "## Learn")),
        (lessons.has_every_section_in_order, replace("## Look", "### Look")),
        (lessons.has_every_section_in_order, lambda notebook: notebook.cells.insert(1, notebook.cells.pop())),
        (lessons.was_executed_top_to_bottom, cell_with(BY_HAND, execution_count=9)),
        (lessons.was_executed_top_to_bottom, cell_with(SOLUTION, execution_count=None)),
        (lessons.has_no_error, cell_with(BY_HAND, outputs=[ERROR])),
        (lessons.is_small, replace("## Train", "## Train" + "x" * 1_500_000)),
        (lessons.has_short_cells, replace("3 - 1", "3\n" * 12)),
        (lessons.has_short_cells, replace("# 1. Predict", "# 1. Predict\n" + "3\n" * 19)),
        (lessons.has_short_cells, cell_with(MEASURE, source=" \n")),
        (lessons.plots_with_the_library, replace("3 - 1", "from matplotlib import pyplot")),
        (lessons.plots_with_the_library, replace("3 - 1", "plt.plot([3, 1])")),
        (lessons.checks_outputs_by_hand, replace(CHECKED, "# checked")),
        (lessons.checks_outputs_by_hand, cell_with(BY_HAND, outputs=[])),
        (lessons.asserts_what_it_measures, replace("assert 0.9 > 0.5", "0.9 > 0.5")),
        (lessons.hides_and_asserts_solutions, cell_with(SOLUTION, metadata={})),
        (lessons.hides_and_asserts_solutions, replace("assert 3 - 1", "3 - 1")),
        (lessons.solves_every_exercise, replace("1. **Predict.**", "**Predict.**")),
        (lessons.solves_every_exercise, replace("Is it 2?", "Is it 2?\n2. **Build.** And 4?")),
        (lessons.solves_every_exercise, replace("# 1. Predict", "# Predict")),
        (lessons.has_one_result, cell_with(MEASURE, metadata={})),
        (lessons.has_one_result, cell_with(BY_HAND, metadata={"tags": ["result"]})),
        (lessons.has_one_result, cell_with(MEASURE, outputs=[])),
        (lessons.contains_no_local_path, replace("3 - 1", "open('/tmp/tower.keras')")),
        (lessons.contains_no_local_path, cell_with(BY_HAND, outputs=[WARNED])),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_every_check_finds_its_problem(check, change):
    notebook = good_lesson()
    change(notebook)
    assert list(check(notebook, NAME)) != []


def test_an_error_in_a_tagged_cell_is_allowed():
    notebook = good_lesson()
    cell_with(BY_HAND, outputs=[ERROR], metadata={"tags": ["raises-exception"]})(notebook)
    assert list(lessons.has_no_error(notebook, NAME)) == []


@pytest.mark.parametrize("names", [["01_a.ipynb", "03_b.ipynb"], ["1_a.ipynb"], ["01_Two Words.ipynb"]])
def test_gaps_and_wrong_names_are_found(names):
    assert list(is_numbered(names)) != []
