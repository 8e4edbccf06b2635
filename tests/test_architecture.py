"""The two rules that make the tree last: imports go one way, and the core is written in keras.ops alone."""

import ast
import os
import pathlib
import subprocess
import sys

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "siamkeras"
# What each room may import from this package. Whoever adds a room says here where it stands.
MAY_IMPORT = {
    "distances": set(),
    "masks": set(),
    "miners": {"masks"},
    "losses": {"distances", "masks", "miners"},
    "prototypes": {"distances", "losses"},
    "layers": {"distances", "losses", "prototypes"},
    "metrics": {"losses"},
    "examples": set(),
    "slices": set(),
    "tokens": {"examples", "losses"},
    "downloads": set(),
    "weights": set(),
    "towers": {"weights", "layers", "downloads", "tokens", "examples"},
    "models": {"layers"},
    "callbacks": {"models"},
    "sampling": set(),
    "generators": {"sampling", "examples"},
    "videos": set(),
    "synthetic": {"examples", "slices", "videos"},
    "data": {"examples", "slices", "videos", "synthetic", "downloads", "sampling"},
    "tracking": {
        "data",
        "weights",
        "augmentation",
        "distances",
        "examples",
        "generators",
        "layers",
        "losses",
        "sampling",
        "videos",
    },
    "retrieval": {"distances", "examples", "sampling"},
    "augmentation": set(),
    "segmentation": {"weights", "distances", "towers", "slices", "sampling", "generators", "augmentation"},
    "evaluation": {"distances", "examples", "layers", "losses", "models", "retrieval", "sampling", "videos"},
    "plotting": set(),
    "environment": set(),
}
CORE = {"distances", "masks", "miners", "losses", "prototypes", "layers", "metrics", "tokens", "towers", "models"}
CORE |= {"callbacks", "segmentation", "tracking", "weights"}
# Files of a room of the core that make streams, read frames, or measure against other packages.
BESIDE_THE_CORE = {
    "segmentation/episodes.py",
    "segmentation/inventing.py",
    "segmentation/baselines.py",
    "tracking/baselines.py",
    "tracking/crops.py",
    "tracking/following.py",
    "tracking/streams.py",
}
FRAMEWORKS = {"tensorflow", "jax", "torch"}


def files():
    return [path for path in sorted(PACKAGE.rglob("*.py")) if path.parent != PACKAGE or path.stem != "__init__"]


def room(path):
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imported(tree):
    """Names of modules imported anywhere under a node: `siamkeras.losses` for `from siamkeras import losses` too."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def of_the_core():
    return [path for path in files() if room(path) in CORE and str(path.relative_to(PACKAGE)) not in BESIDE_THE_CORE]


def parsed(path):
    return ast.parse(path.read_text(encoding="utf-8"))


def test_every_room_has_its_place():
    assert {room(path) for path in files()} == set(MAY_IMPORT)


@pytest.mark.parametrize("path", files(), ids=str)
def test_imports_go_one_way(path):
    own = {name.split(".")[1] for name in imported(parsed(path)) if name.startswith("siamkeras.")}
    assert own - {room(path), "__version__"} <= MAY_IMPORT[room(path)]


def test_what_is_beside_the_core_is_there():
    assert all((PACKAGE / name).is_file() for name in BESIDE_THE_CORE)


@pytest.mark.parametrize("path", of_the_core(), ids=str)
def test_the_core_knows_no_framework_but_keras(path):
    found = {name.split(".")[0] for name in imported(parsed(path))}
    assert found <= {"keras", "numpy", "siamkeras", "json", "math", "numbers", "operator", "pathlib", "warnings"}


def test_what_stands_beside_the_core_is_there():
    assert BESIDE_THE_CORE <= {str(path.relative_to(PACKAGE)) for path in files()}


@pytest.mark.parametrize("path", files(), ids=str)
def test_heavy_packages_are_imported_when_first_used(path):
    """At the top of a module stands what every caller needs; matplotlib is the whole of plotting, Pillow light."""
    top = [node for node in parsed(path).body if isinstance(node, (ast.Import, ast.ImportFrom))]
    found = {name.split(".")[0] for name in imported(ast.Module(top, []))}
    allowed = {"matplotlib"} if room(path) == "plotting" else set()
    assert (
        not found
        & {*FRAMEWORKS, "tensorflow_datasets", "sklearn", "faiss", "datasets", "matplotlib", "nibabel"} - allowed
    )


@pytest.mark.parametrize("path", files(), ids=str)
def test_nobody_asserts_or_takes_a_bare_root_of_a_distance(path):
    tree = parsed(path)
    assert not [node.lineno for node in ast.walk(tree) if isinstance(node, ast.Assert)]
    roots = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr in ("sqrt", "norm")]
    if path in of_the_core() and room(path) != "distances":
        assert not roots
    lambdas = [n.lineno for n in ast.walk(tree) if isinstance(n, ast.Attribute) and n.attr == "Lambda"]
    assert not lambdas


def in_a_new_process(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("backend, has_tensorflow", [("jax", False), ("tensorflow", True)])
def test_import_brings_tensorflow_only_as_the_backend(backend, has_tensorflow):
    pytest.importorskip(backend)
    rooms = "siamkeras.generators, siamkeras.data, siamkeras.retrieval, siamkeras.evaluation"
    code = f"import sys, siamkeras, {rooms}; print('tensorflow' in sys.modules)"
    assert in_a_new_process(code, KERAS_BACKEND=backend) == [str(has_tensorflow)]


def test_import_brings_nothing_that_is_slow():
    """What Keras itself brings is not ours to save."""
    code = "import keras, sys; before = set(sys.modules); import siamkeras; print(*set(sys.modules) - before)"
    assert {name.split(".")[0] for name in in_a_new_process(code)} == {"siamkeras"}


def test_rooms_are_reached_without_importing_them_one_by_one():
    code = "import siamkeras; print(siamkeras.sampling.__name__, siamkeras.plotting.__name__, *dir(siamkeras))"
    found = in_a_new_process(code)
    assert found[:2] == ["siamkeras.sampling", "siamkeras.plotting"]
    assert set(MAY_IMPORT) <= set(found)


def test_an_unknown_room_is_named():
    import siamkeras

    with pytest.raises(AttributeError, match="no attribute 'utils'. It has: .*distances"):
        siamkeras.utils  # noqa: B018


def test_everything_public_is_documented():
    """Public functions and classes, and every module, say what they are."""
    for path in files():
        tree = parsed(path)
        assert ast.get_docstring(tree), path
        for node in tree.body:
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
                assert ast.get_docstring(node), f"{path}: {node.name}"
