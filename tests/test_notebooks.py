"""Form of the committed lessons, without executing them; the checks are in lessons.py."""

import lessons
import nbformat
import pytest
from lessons import COMPARED, SECTIONS, code, is_numbered, problems
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from project import ADDRESS, LESSONS


def test_lessons_are_numbered_without_gaps():
    assert list(is_numbered(path.name for path in LESSONS)) == []


@pytest.mark.parametrize("path", LESSONS, ids=lambda path: path.stem)
def test_lesson_passes_all_checks(path):
    assert problems(nbformat.read(path, as_version=4), path.name) == []


# Tests of the checks: a lesson that passes all of them, and changes that each break one.

NAME = "07_tiny.ipynb"
BADGE = f"https://colab.research.google.com/github/{ADDRESS.split('github.com/')[1]}/blob/main/notebooks/{NAME}"


AIMS = """Which is larger?

**After this lesson you can**

- subtract
- compare
- measure

**Prerequisites:** arithmetic.

**Time:** 5 minutes."""
EXERCISES = """1. **Predict.** Is it 2?
2. **Change.** And 4?
3. **Change.** And 5?
4. **Build.** Write it.
5. **Open project.** Extend it."""
TABLE = f"<table><tr>{6 * '<th>AUC</th>'}</tr><tr>{6 * '<td>0.9</td>'}</tr></table>"


def good_lesson():
    text = {
        "Setup": [f'import sys\nif "google.colab" in sys.modules:\n    %pip install -q "git+{ADDRESS}"'],
        "Look": ['plotting.schematic("episode");'],
        "By hand": ["3 - 1"],
        "Measure": ["evaluation.table(reports)", "assert 0.9 > 0.5"],
        "Solutions": [f"# {number}. Solution\nassert 3 - 1 == 2" for number in (1, 2, 3, 4)],
    }
    cells = [new_markdown_cell(f"# 7. Tiny\n\n[![Open in Colab](badge.svg)]({BADGE})\n\n{AIMS}")]
    for title in SECTIONS:
        cells.append(new_markdown_cell(f"## {title}" + (f"\n\n{EXERCISES}" if title == "Exercises" else "")))
        cells += [new_code_cell(source) for source in text.get(title, [])]
        if title == "Solutions":
            cells += [new_markdown_cell("5. Begin with a baseline."), new_code_cell("baseline()")]
    notebook = new_notebook(cells=cells)
    _, _, by_hand, measure, check, *solutions = code(notebook)
    by_hand.outputs = [new_output("execute_result", data={"text/plain": "2"})]
    by_hand.metadata.tags = [COMPARED]
    measure.outputs = [new_output("execute_result", data={"text/plain": "0.9", "text/html": TABLE})]
    measure.metadata.tags = ["result"]
    check.metadata.tags = ["check"]
    for cell in (check, *solutions):
        cell.metadata.jupyter = {"source_hidden": True}
    for count, cell in enumerate(code(notebook), start=1):
        cell.execution_count = count
    return notebook


def test_the_example_lesson_passes_all_checks():
    assert problems(good_lesson(), NAME) == []


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


def remove(notebook, *numbers):
    for cell in [code(notebook)[number] for number in numbers]:
        notebook.cells.remove(cell)


SEVEN = {
    "output_type": "display_data",
    "data": {"text/html": TABLE.replace("<td>0.9</td>", "<td>0.9</td>\n<td></td>", 1)},
}
ERROR = {"output_type": "error", "ename": "ValueError", "evalue": "no", "traceback": []}
WARNED = {"output_type": "stream", "name": "stderr", "text": "/home/ada/lib/python3/x.py:3: UserWarning"}
HIDDEN = {"jupyter": {"source_hidden": True}}
SETUP, LOOK, BY_HAND, MEASURE, CHECK, SOLUTION = range(6)
PROJECT = -1


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
        (lessons.has_short_cells, replace("3 - 1", "3\n" * 13)),
        (lessons.has_short_cells, replace("# 1. Solution", "# 1. Solution\n" + "3\n" * 19)),
        (lessons.has_short_cells, cell_with(MEASURE, source=" \n")),
        (lessons.plots_with_the_library, replace("3 - 1", "from matplotlib import pyplot")),
        (lessons.plots_with_the_library, replace("3 - 1", "plt.plot([3, 1])")),
        (lessons.checks_outputs_by_hand, cell_with(BY_HAND, metadata={})),
        (lessons.checks_outputs_by_hand, cell_with(BY_HAND, outputs=[])),
        (lessons.checks_outputs_by_hand, replace("plotting.schematic", "# NBVAL_CHECK_OUTPUT\nplotting.schematic")),
        (lessons.asserts_in_hidden_cells, replace("assert 0.9 > 0.5", "0.9 > 0.5")),
        (lessons.asserts_in_hidden_cells, cell_with(CHECK, metadata=HIDDEN)),
        (lessons.asserts_in_hidden_cells, cell_with(CHECK, metadata={"tags": ["check"]})),
        (lessons.asserts_in_hidden_cells, cell_with(LOOK, source="for x in (1, 2):\n    assert x")),
        (lessons.asserts_in_hidden_cells, cell_with(LOOK, source="np.testing.assert_allclose(1, 1)")),
        (lessons.checks_what_it_measures, cell_with(CHECK, metadata=HIDDEN)),
        (lessons.hides_and_asserts_solutions, cell_with(SOLUTION, metadata={})),
        (lessons.hides_and_asserts_solutions, cell_with(PROJECT, metadata={})),
        (lessons.hides_and_asserts_solutions, cell_with(SOLUTION, source="# 1. Solution")),
        (lessons.hides_and_asserts_solutions, replace("**Open project.**", "**Build.**")),
        (lessons.solves_every_exercise, replace("1. **Predict.**", "**Predict.**")),
        (lessons.solves_every_exercise, replace("Extend it.", "Extend it.\n6. **Build.** And 6?")),
        (lessons.solves_every_exercise, replace("# 1. Solution", "# Solution")),
        (lessons.solves_every_exercise, replace("5. Begin with", "Begin with")),
        (lessons.solves_every_exercise, lambda notebook: remove(notebook, SOLUTION, PROJECT)),
        (lessons.has_one_result, cell_with(MEASURE, metadata={})),
        (lessons.has_one_result, cell_with(BY_HAND, metadata={"tags": ["result"]})),
        (lessons.has_one_result, cell_with(MEASURE, outputs=[])),
        (lessons.contains_no_local_path, replace("3 - 1", "open('/tmp/tower.keras')")),
        (lessons.contains_no_local_path, cell_with(BY_HAND, outputs=[WARNED])),
        (lessons.states_objectives_prerequisites_and_time, replace("**After this", "**Soon after this")),
        (lessons.states_objectives_prerequisites_and_time, replace("**Prerequisites:** arithmetic.", "")),
        (lessons.states_objectives_prerequisites_and_time, replace("5 minutes.", "")),
        (lessons.states_objectives_prerequisites_and_time, replace("Which is larger?", "")),
        (lessons.states_objectives_prerequisites_and_time, replace("- measure", "")),
        (lessons.states_objectives_prerequisites_and_time, replace("- measure", "- a\n- b\n- c\n- d")),
        (lessons.has_graded_exercises, replace("4. **Build.** Write it.\n5.", "4.")),
        (lessons.has_graded_exercises, replace("Extend it.", "".join(f"\n{n}. **Build.** It" for n in (6, 7, 8, 9)))),
        (lessons.has_graded_exercises, replace("**Predict.**", "**Guess.**")),
        (lessons.has_graded_exercises, replace("**Build.**", "**Open project.**")),
        (lessons.has_graded_exercises, replace("**Open project.**", "**Build.**")),
        (lessons.shows_a_schematic, replace("plotting.schematic(", "plotting.images(")),
        (lessons.has_short_lines, cell_with(LOOK, source="x = " + "1 + " * 21 + "123")),
        (lessons.mentions_stand_ins_in_hidden_cells, cell_with(LOOK, source='"standing in" in test.source')),
        (lessons.mentions_stand_ins_in_hidden_cells, cell_with(LOOK, source='"synthetic" not in test.source')),
        (lessons.has_narrow_tables, cell_with(MEASURE, outputs=[SEVEN])),
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
