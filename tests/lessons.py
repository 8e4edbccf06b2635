"""Checks of committed lessons, used by test_notebooks.py.

A check takes a notebook and its file name, and yields one message per problem; `problems` yields those of all checks.
"""

import json
import re

from project import ADDRESS

SECTIONS = [
    "Setup",
    "Look",
    "By hand",
    "From scratch",
    "With siamkeras",
    "Train",
    "Measure",
    "Break it",
    "What you learned",
    "Exercises",
    "Solutions",
    "Further reading",
]
COMPARED = "nbval-check-output"  # tag of cells whose output nbval compares
ASSERTION = re.compile(r"\bassert")
STAND_IN = re.compile(r'"standing in"|"synthetic" (?:not )?in\b')
EXERCISE = re.compile(r"^(\d+)\. \*\*(Predict|Change|Build|Open project)\.\*\*", re.MULTILINE)
OBJECTIVES, PREREQUISITES, TIME = "**After this lesson you can**", "**Prerequisites:**", "**Time:**"
NUMBERED = re.compile(r"^(?:#+ *)?\**(?:Exercise |Solution )?(\d+)\.(?=[\s*])", re.MULTILINE)
LOCAL_PATH = re.compile(r"(?<![\w.:/~-])(?:/(?:home|root|tmp|Users|work|workspace|mnt|private|var)/|[A-Z]:\\)\S*")


def by_section(notebook):
    """Pairs of section and cell; a section begins at a `##` heading that starts with a title in `SECTIONS`."""
    section = ""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for heading in re.findall(r"^## +(.+)$", cell["source"], re.MULTILINE):
                section = next((title for title in SECTIONS if re.match(rf"{title}\b", heading)), section)
        yield section, cell


def code(notebook, section=None):
    """All code cells, or those of one section."""
    return [cell for where, cell in by_section(notebook) if cell["cell_type"] == "code" and section in (None, where)]


def tags(cell):
    return cell["metadata"].get("tags", [])


def is_hidden(cell):
    return cell["metadata"].get("jupyter", {}).get("source_hidden") is True


def numbers(cell):
    """Numbers of the exercises or solutions in a cell: in a heading, in text or in a comment."""
    comments = re.findall(r"^# .*", cell["source"], re.MULTILINE)
    return [int(number) for number in NUMBERED.findall("\n".join(comments) if is_code(cell) else cell["source"])]


def is_code(cell):
    return cell["cell_type"] == "code"


def open_projects(notebook):
    """Numbers of the exercises that are open projects: their solution is a text."""
    text = "\n".join(cell["source"] for section, cell in by_section(notebook) if section == "Exercises")
    return [int(number) for number, kind in EXERCISE.findall(text) if kind == "Open project"]


def is_install(cell):
    return "google.colab" in cell["source"]


def has_title_and_badge(notebook, name):
    first = notebook["cells"][0]
    if first["cell_type"] != "markdown" or not re.match(rf"# {int(name[:2])}\. \S", first["source"]):
        yield f"the first cell must start with `# {int(name[:2])}. Title`"
    link = f"https://colab.research.google.com/github/{ADDRESS.split('github.com/')[1]}/blob/main/notebooks/{name}"
    if f"]({link})" not in first["source"]:
        yield f"the first cell needs a badge with the link {link}"


def installs_in_colab_only(notebook, name):
    condition = r'^if "google\.colab" in sys\.modules:\n'
    command = rf"(?:    .*\n)*?    %pip install .*git\+{re.escape(ADDRESS)}(?![\w/-])"
    if not any(re.search(condition + command, cell["source"], re.MULTILINE) for cell in code(notebook)):
        yield f'a cell must install git+{ADDRESS} with %pip below `if "google.colab" in sys.modules:`'


def installs_the_packages_of_its_data_sets(notebook, name):
    """They are in the extra `data`; TensorFlow Datasets does not work in Colab without it."""
    sources = "\n".join(cell["source"] for cell in code(notebook))
    loads = re.search(r"\b(?:omniglot|mnist|snacks|stsbenchmark)\(", sources)
    if loads and not re.search(r"siamkeras\[data[],]", sources):
        yield f"a lesson with a public data set must install siamkeras[data] @ git+{ADDRESS}"


def has_every_section_in_order(notebook, name):
    markdown = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    headings = re.findall(r"^## +(.+)$", "\n".join(markdown), re.MULTILINE)
    for title in SECTIONS:
        found = next((place for place, heading in enumerate(headings) if re.match(rf"{title}\b", heading)), None)
        if found is None:
            yield f"`## {title}` is missing or in the wrong place"
        else:
            headings = headings[found + 1 :]


def was_executed_top_to_bottom(notebook, name):
    counts = [cell["execution_count"] for cell in code(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"execution counts must be 1, 2, ... as from a fresh kernel. Received: {counts}"


def has_no_error(notebook, name):
    for cell in code(notebook):
        failed = [output["ename"] for output in cell["outputs"] if output["output_type"] == "error"]
        if failed and "raises-exception" not in tags(cell):
            yield f"a cell without the tag raises-exception raised {failed[0]}: {cell['source']}"


def is_small(notebook, name):
    size = len(json.dumps(notebook, ensure_ascii=False).encode())
    if size > 1_500_000:
        yield f"must be at most 1.5 MB. Received: {size / 1e6:.1f} MB"


def has_short_cells(notebook, name):
    for section, cell in by_section(notebook):
        lines = [line for line in cell["source"].splitlines() if line.strip()]
        most = 20 if section == "Solutions" or is_install(cell) or "check" in tags(cell) else 12
        if cell["cell_type"] == "code" and not 1 <= len(lines) <= most:
            yield f"cells must have 1 to {most} lines. Received: {len(lines)}, beginning {lines[:1]}"


def plots_with_the_library(notebook, name):
    for cell in code(notebook):
        if re.search(r"^\s*from\s+matplotlib|\bplt\.", cell["source"], re.MULTILINE):
            yield f"figures must come from siamkeras: {cell['source']}"


def checks_outputs_by_hand(notebook, name):
    if not any(COMPARED in tags(cell) for cell in code(notebook, "By hand")):
        yield f"By hand needs a cell with the tag {COMPARED}"
    for cell in code(notebook):
        if COMPARED in tags(cell) and not cell["outputs"]:
            yield f"a cell with the tag {COMPARED} needs an output: {cell['source']}"
        if "NBVAL_" in cell["source"]:
            yield f"use the tag {COMPARED}, not a comment: {cell['source']}"


def asserts_in_hidden_cells(notebook, name):
    """Assertions are in cells with the tag check, or in solutions."""
    for section, cell in by_section(notebook):
        if is_code(cell) and "check" in tags(cell):
            if not (ASSERTION.search(cell["source"]) and is_hidden(cell)):
                yield f"a cell with the tag check needs an assertion and `source_hidden`: {cell['source']}"
        elif is_code(cell) and section != "Solutions" and ASSERTION.search(cell["source"]):
            yield f"an assertion needs a hidden cell with the tag check: {cell['source']}"


def checks_what_it_measures(notebook, name):
    if not any("check" in tags(cell) for cell in code(notebook, "Measure")):
        yield "Measure needs a cell with the tag check"


def hides_and_asserts_solutions(notebook, name):
    """The solution of an open project needs no assertion."""
    number = None
    for section, cell in by_section(notebook):
        if section != "Solutions":
            continue
        number = (numbers(cell) or [number])[-1]
        if is_code(cell) and not is_hidden(cell):
            yield f'a solution needs the metadata {{"jupyter": {{"source_hidden": true}}}}: {cell["source"]}'
        if is_code(cell) and number not in open_projects(notebook) and not ASSERTION.search(cell["source"]):
            yield f"a solution needs an assertion: {cell['source']}"


def solves_every_exercise(notebook, name):
    """Exercises and solutions are numbered; all but open projects have code."""
    exercises, solutions = (
        [number for section, cell in by_section(notebook) if section == wanted for number in numbers(cell)]
        for wanted in ("Exercises", "Solutions")
    )
    if not exercises or exercises != list(range(1, len(exercises) + 1)):
        yield f"exercises must be numbered 1., 2., .... Received: {exercises}"
    with_code = len(exercises) - len(open_projects(notebook))
    if set(exercises) != set(solutions) or len(code(notebook, "Solutions")) < with_code:
        yield f"every exercise needs its own solution. Received: exercises {exercises}, solutions {solutions}"


def has_one_result(notebook, name):
    results = [cell for cell in code(notebook) if "result" in tags(cell)]
    if len(results) != 1 or not results[0]["outputs"]:
        yield f"exactly one cell with an output must have the tag result. Received: {len(results)}"


def contains_no_local_path(notebook, name):
    for cell in notebook["cells"]:
        texts = [cell["source"]]
        for output in cell.get("outputs", []):
            texts += [output.get("text", ""), *output.get("traceback", [])]
            texts += [str(value) for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
        for place in LOCAL_PATH.findall("\n".join(texts)):
            yield f"contains a local path: {place}"


def states_objectives_prerequisites_and_time(notebook, name):
    """After the badge and the question, in this order; three to five objectives."""
    first, marks = notebook["cells"][0]["source"], [OBJECTIVES, PREREQUISITES, TIME]
    pattern = "|".join(map(re.escape, marks))
    question, *parts = re.split(pattern, first.partition("](https://colab")[2].partition(")")[2])
    if re.findall(pattern, first) != marks or not all(part.strip() for part in (question, *parts)):
        yield f"the first cell needs a badge, a question, `{OBJECTIVES}`, `{PREREQUISITES}` and `{TIME}`, in this order"
    elif not 3 <= len(re.findall(r"^[-*] +\S", parts[0], re.MULTILINE)) <= 5:
        yield f"the first cell needs 3 to 5 objectives, `- ...`, after `{OBJECTIVES}`"


def has_graded_exercises(notebook, name):
    """Five to eight, each of a kind, one of them an open project."""
    count = sum(len(numbers(cell)) for section, cell in by_section(notebook) if section == "Exercises")
    text = "\n".join(cell["source"] for section, cell in by_section(notebook) if section == "Exercises")
    kinds = [kind for _, kind in EXERCISE.findall(text)]
    if not 5 <= count <= 8 or len(kinds) != count or kinds.count("Open project") != 1:
        yield (
            "Exercises needs 5 to 8 exercises, `1. **Predict.** ...`, `**Change.**`, `**Build.**`, and one "
            f"`**Open project.**`. Received: {count}, of the kinds {kinds}"
        )


def shows_a_schematic(notebook, name):
    if not any("plotting.schematic(" in cell["source"] for cell in code(notebook)):
        yield "a lesson needs a schematic of its idea, from plotting.schematic"


def has_short_lines(notebook, name):
    for cell in code(notebook):
        for line in cell["source"].splitlines():
            if len(line) > 90 and "%pip" not in line:
                yield f"lines of code must have at most 90 characters. Received: {len(line)}: {line}"


def mentions_stand_ins_in_hidden_cells(notebook, name):
    for section, cell in by_section(notebook):
        if is_code(cell) and "check" not in tags(cell) and section != "Solutions" and STAND_IN.search(cell["source"]):
            yield f"a condition on synthetic data belongs in a cell with the tag check: {cell['source']}"


def has_narrow_tables(notebook, name):
    for cell in code(notebook):
        for output in cell["outputs"]:
            for row in re.findall(r"<tr.*?</tr>", output.get("data", {}).get("text/html", ""), re.DOTALL):
                columns = len(re.findall(r"<t[hd]\b", row))
                if columns > 6:
                    yield f"tables must have at most six columns. Received: {columns}: {cell['source']}"


CHECKS = [
    has_title_and_badge,
    installs_in_colab_only,
    installs_the_packages_of_its_data_sets,
    has_every_section_in_order,
    was_executed_top_to_bottom,
    has_no_error,
    is_small,
    has_short_cells,
    plots_with_the_library,
    checks_outputs_by_hand,
    asserts_in_hidden_cells,
    checks_what_it_measures,
    hides_and_asserts_solutions,
    solves_every_exercise,
    has_one_result,
    contains_no_local_path,
    states_objectives_prerequisites_and_time,
    has_graded_exercises,
    shows_a_schematic,
    has_short_lines,
    mentions_stand_ins_in_hidden_cells,
    has_narrow_tables,
]


def problems(notebook, name):
    """All messages of the checks of a lesson."""
    return [message for check in CHECKS for message in check(notebook, name)]


def is_numbered(names):
    """Yields the names that do not follow `01_words.ipynb`, `02_words.ipynb`, ..."""
    for place, name in enumerate(sorted(names), start=1):
        if not re.fullmatch(rf"{place:02d}_[a-z0-9_]+\.ipynb", name):
            yield name
