"""What a committed lesson has to look like: checks for test_notebooks.py.

Every check takes a notebook and the name of its file, and yields what is wrong, in one sentence each.
"""

import json
import re

from project import ADDRESS

ARC = [
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
OF_A_MACHINE = re.compile(r"(?<![\w.:/~-])(?:/(?:home|root|tmp|Users|work|workspace|mnt|private|var)/|[A-Z]:\\)\S*")


def by_section(notebook):
    """Pairs of section and cell; the section is the title in `ARC` that the last matching `##` heading starts with."""
    section = ""
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            for heading in re.findall(r"^## +(.+)$", cell["source"], re.MULTILINE):
                section = next((title for title in ARC if re.match(rf"{title}\b", heading)), section)
        yield section, cell


def code(notebook, section=None):
    """The code cells, all or those of one section."""
    return [cell for where, cell in by_section(notebook) if cell["cell_type"] == "code" and section in (None, where)]


def tags(cell):
    return cell["metadata"].get("tags", [])


def is_install(cell):
    return "google.colab" in cell["source"]


def has_title_and_badge(notebook, name):
    first = notebook["cells"][0]
    if first["cell_type"] != "markdown" or not re.match(rf"# {int(name[:2])}\. \S", first["source"]):
        yield f"the first cell starts with `# {int(name[:2])}. Title`"
    link = f"https://colab.research.google.com/github/{ADDRESS.split('github.com/')[1]}/blob/main/notebooks/{name}"
    if f"]({link})" not in first["source"]:
        yield f"the first cell has a badge that leads to {link}"


def installs_in_colab_only(notebook, name):
    condition = r'^if "google\.colab" in sys\.modules:\n'
    command = rf"(?:    .*\n)*?    %pip install .*git\+{re.escape(ADDRESS)}(?![\w/-])"
    if not any(re.search(condition + command, cell["source"], re.MULTILINE) for cell in code(notebook)):
        yield f'a cell installs git+{ADDRESS} by %pip below `if "google.colab" in sys.modules:`'


def has_every_section_in_order(notebook, name):
    markdown = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "markdown"]
    headings = re.findall(r"^## +(.+)$", "\n".join(markdown), re.MULTILINE)
    for title in ARC:
        found = next((place for place, heading in enumerate(headings) if re.match(rf"{title}\b", heading)), None)
        if found is None:
            yield f"`## {title}` is missing, or not where it belongs"
        else:
            headings = headings[found + 1 :]


def was_executed_top_to_bottom(notebook, name):
    counts = [cell["execution_count"] for cell in code(notebook)]
    if counts != list(range(1, len(counts) + 1)):
        yield f"committed as executed from a fresh kernel, with counts from 1 on; these are {counts}"


def has_no_error(notebook, name):
    for cell in code(notebook):
        failed = [output["ename"] for output in cell["outputs"] if output["output_type"] == "error"]
        if failed and "raises-exception" not in tags(cell):
            yield f"a cell that may fail is tagged raises-exception; this raised {failed[0]}: {cell['source']}"


def is_small(notebook, name):
    size = len(json.dumps(notebook, ensure_ascii=False).encode())
    if size > 1_500_000:
        yield f"at most 1.5 MB; this has {size / 1e6:.1f}"


def has_short_cells(notebook, name):
    for section, cell in by_section(notebook):
        lines = [line for line in cell["source"].splitlines() if line.strip()]
        most = 20 if section == "Solutions" or is_install(cell) else 12
        if cell["cell_type"] == "code" and not 1 <= len(lines) <= most:
            yield f"1 to {most} lines per cell; this has {len(lines)}: {lines[:1]}"


def leaves_plots_to_the_library(notebook, name):
    for cell in code(notebook):
        if re.search(r"^\s*(?:import|from)\s+matplotlib|\bplt\.", cell["source"], re.MULTILINE):
            yield f"figures come from siamkeras.plotting; this cell draws: {cell['source']}"


def checks_outputs_by_hand(notebook, name):
    if not any(CHECKED in cell["source"] for cell in code(notebook, "By hand")):
        yield f"a cell of By hand has `{CHECKED}`"
    for cell in code(notebook):
        if CHECKED in cell["source"] and not cell["outputs"]:
            yield f"a cell with `{CHECKED}` has an output to be checked: {cell['source']}"


def asserts_what_it_measures(notebook, name):
    if not any(re.search(r"^\s*assert ", cell["source"], re.MULTILINE) for cell in code(notebook, "Measure")):
        yield "a cell of Measure asserts the claim"


def hides_and_asserts_solutions(notebook, name):
    for cell in code(notebook, "Solutions"):
        if cell["metadata"].get("jupyter", {}).get("source_hidden") is not True:
            yield f'a solution is collapsed, {{"jupyter": {{"source_hidden": true}}}}: {cell["source"]}'
        if not re.search(r"^\s*assert ", cell["source"], re.MULTILINE):
            yield f"a solution asserts what it found: {cell['source']}"


def solves_every_exercise(notebook, name):
    """Exercises are numbered, `1. **Predict.** ...`; so are solutions, in a heading, in text or in a comment."""
    numbers = {"Exercises": [], "Solutions": []}
    for section, cell in by_section(notebook):
        comments = re.findall(r"^# .*", cell["source"], re.MULTILINE)
        if section in numbers:
            text = "\n".join(comments) if cell["cell_type"] == "code" else cell["source"]
            numbers[section] += map(int, NUMBERED.findall(text))
    asked, solved = numbers["Exercises"], numbers["Solutions"]
    if not asked or asked != list(range(1, len(asked) + 1)):
        yield f"exercises are numbered 1., 2., ...; these are {asked}"
    if set(asked) != set(solved) or len(code(notebook, "Solutions")) < len(asked):
        yield f"every exercise has a solution of its own; asked {asked}, solved {solved}"


def has_one_result(notebook, name):
    results = [cell for cell in code(notebook) if "result" in tags(cell)]
    if len(results) != 1 or not results[0]["outputs"]:
        yield f"one cell is tagged result, and has an output; there are {len(results)}"


def names_no_place_on_a_machine(notebook, name):
    for cell in notebook["cells"]:
        texts = [cell["source"]]
        for output in cell.get("outputs", []):
            texts += [output.get("text", ""), *output.get("traceback", [])]
            texts += [str(value) for kind, value in output.get("data", {}).items() if kind.startswith("text/")]
        for place in OF_A_MACHINE.findall("\n".join(texts)):
            yield f"no path of one machine: {place}"


CHECKS = [
    has_title_and_badge,
    installs_in_colab_only,
    has_every_section_in_order,
    was_executed_top_to_bottom,
    has_no_error,
    is_small,
    has_short_cells,
    leaves_plots_to_the_library,
    checks_outputs_by_hand,
    asserts_what_it_measures,
    hides_and_asserts_solutions,
    solves_every_exercise,
    has_one_result,
    names_no_place_on_a_machine,
]


def is_numbered(names):
    """Yields the names that break the order `01_words.ipynb`, `02_words.ipynb`, ..."""
    for place, name in enumerate(sorted(names), start=1):
        if not re.fullmatch(rf"{place:02d}_[a-z0-9_]+\.ipynb", name):
            yield name
