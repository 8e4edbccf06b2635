"""Checks of committed lessons, used by test_notebooks.py.

A check takes a notebook and its file name, and yields one message per problem.
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
CHECKED = "# NBVAL_CHECK_OUTPUT"
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
    if re.search(r"\b(?:omniglot|mnist|snacks|stsbenchmark)\(", sources) and "siamkeras[data] @" not in sources:
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
        most = 20 if section == "Solutions" or is_install(cell) else 12
        if cell["cell_type"] == "code" and not 1 <= len(lines) <= most:
            yield f"cells must have 1 to {most} lines. Received: {len(lines)}, beginning {lines[:1]}"


def plots_with_the_library(notebook, name):
    for cell in code(notebook):
        if re.search(r"^\s*from\s+matplotlib|\bplt\.", cell["source"], re.MULTILINE):
            yield f"figures must come from siamkeras: {cell['source']}"


def checks_outputs_by_hand(notebook, name):
    if not any(CHECKED in cell["source"] for cell in code(notebook, "By hand")):
        yield f"By hand needs a cell with `{CHECKED}`"
    for cell in code(notebook):
        if CHECKED in cell["source"] and not cell["outputs"]:
            yield f"a cell with `{CHECKED}` needs an output: {cell['source']}"


def asserts_what_it_measures(notebook, name):
    if not any(re.search(r"^\s*assert ", cell["source"], re.MULTILINE) for cell in code(notebook, "Measure")):
        yield "Measure needs a cell with an assertion"


def hides_and_asserts_solutions(notebook, name):
    for cell in code(notebook, "Solutions"):
        if cell["metadata"].get("jupyter", {}).get("source_hidden") is not True:
            yield f'a solution needs the metadata {{"jupyter": {{"source_hidden": true}}}}: {cell["source"]}'
        if not re.search(r"^\s*assert ", cell["source"], re.MULTILINE):
            yield f"a solution needs an assertion: {cell['source']}"


def solves_every_exercise(notebook, name):
    """Exercises are numbered, `1. **Predict.** ...`, and so are solutions, in a heading, in text or in a comment."""
    numbers = {"Exercises": [], "Solutions": []}
    for section, cell in by_section(notebook):
        comments = re.findall(r"^# .*", cell["source"], re.MULTILINE)
        if section in numbers:
            text = "\n".join(comments) if cell["cell_type"] == "code" else cell["source"]
            numbers[section] += map(int, NUMBERED.findall(text))
    exercises, solutions = numbers["Exercises"], numbers["Solutions"]
    if not exercises or exercises != list(range(1, len(exercises) + 1)):
        yield f"exercises must be numbered 1., 2., .... Received: {exercises}"
    if set(exercises) != set(solutions) or len(code(notebook, "Solutions")) < len(exercises):
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
    asserts_what_it_measures,
    hides_and_asserts_solutions,
    solves_every_exercise,
    has_one_result,
    contains_no_local_path,
]


def is_numbered(names):
    """Yields the names that do not follow `01_words.ipynb`, `02_words.ipynb`, ..."""
    for place, name in enumerate(sorted(names), start=1):
        if not re.fullmatch(rf"{place:02d}_[a-z0-9_]+\.ipynb", name):
            yield name
