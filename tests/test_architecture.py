"""Structure of the package: which module may import which, what `import siamkeras` loads, what is public."""

import ast
import graphlib
import importlib
import os
import pkgutil
import subprocess
import sys
from pathlib import Path

import pytest

import siamkeras

PACKAGE = Path(siamkeras.__file__).parent
APPLICATIONS = ("faces", "segmentation", "signatures", "text", "tracking")
# Written in `keras.ops`, so that they run on every backend.
NEUTRAL = ("distances", "losses", "layers", "metrics", "models", "prototypes", "tokenizers", "towers", "callbacks")
NEUTRAL_FILES = [
    *(f"applications/segmentation/{name}.py" for name in ("layers", "losses", "model")),
    "applications/signatures/model.py",
    *(f"applications/tracking/{name}.py" for name in ("correlation", "losses", "model")),
]
HEAVY = set("tensorflow tensorflow_datasets jax torch sklearn skimage faiss datasets nibabel cv2".split())


def name_of(path):
    return ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts).removesuffix(".__init__")


TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted(PACKAGE.rglob("*.py"))}


def is_neutral(path):
    relative = path.relative_to(PACKAGE)
    return relative.parts[0].removesuffix(".py") in NEUTRAL or relative.as_posix() in NEUTRAL_FILES


def imports(nodes):
    """Full names of everything that the nodes import."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def part_of(name):
    """The application or the module of the core that a full name belongs to."""
    parts = name.split(".")
    return ".".join(parts[1:3]) if parts[1] == "applications" else parts[1]


def run(code, **environment):
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_core_imports_no_application_and_applications_do_not_import_each_other():
    for path, tree in TREES.items():
        own = name_of(path)
        if own in ("siamkeras", "siamkeras.applications"):
            continue
        for name in imports(ast.walk(tree)):
            if name.startswith("siamkeras.applications"):
                assert own.startswith("siamkeras.applications.") and part_of(name) == part_of(own), (own, name)


def test_modules_of_the_core_do_not_import_in_circles():
    graph = {}
    for path, tree in TREES.items():
        own = name_of(path)
        if own != "siamkeras" and not own.startswith("siamkeras.applications"):
            names = [name for name in imports(tree.body) if name.startswith("siamkeras.")]
            graph.setdefault(part_of(own), set()).update({part_of(name) for name in names} - {part_of(own)})
    list(graphlib.TopologicalSorter(graph).static_order())  # raises CycleError


def test_backend_neutral_modules_import_keras_numpy_and_the_standard_library_only():
    assert all((PACKAGE / name).is_file() for name in NEUTRAL_FILES)
    allowed = {"keras", "numpy", "siamkeras", *sys.stdlib_module_names}
    for path, tree in TREES.items():
        if is_neutral(path):
            assert {name.split(".")[0] for name in imports(ast.walk(tree))} <= allowed, path


def test_heavy_packages_are_imported_on_first_use():
    for path, tree in TREES.items():
        heavy = HEAVY if "plotting" in str(path) else HEAVY | {"matplotlib"}
        assert not {name.split(".")[0] for name in imports(tree.body)} & heavy, path


def test_library_code_has_no_assert_no_lambda_layer_and_one_square_root_of_a_distance():
    """`sqrt` and `norm` have an infinite gradient at 0; only `distances` guards against it."""
    for path, tree in TREES.items():
        assert not [node for node in ast.walk(tree) if isinstance(node, ast.Assert)], path
        attributes = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
        assert "Lambda" not in attributes, path
        if is_neutral(path) and path.name != "distances.py":
            assert not attributes & {"sqrt", "norm"}, path


def test_everything_public_is_documented_and_has_one_address():
    address = {}
    for module in pkgutil.walk_packages([str(PACKAGE)], "siamkeras."):
        if any(part.startswith("_") for part in module.name.split(".")):
            continue
        loaded = importlib.import_module(module.name)
        assert loaded.__doc__, module.name
        for name in getattr(loaded, "__all__", ()):
            value = getattr(loaded, name)
            if callable(value):
                assert value.__doc__, f"{module.name}.{name}"
                assert address.setdefault(id(value), module.name) == module.name, f"{name}: {address[id(value)]}"
    assert 100 < len(address) < 200


def test_import_is_light_and_modules_load_on_first_use():
    """On JAX, neither the core nor the modules that use `tf.data` load TensorFlow."""
    code = """
import sys, keras
before = set(sys.modules)
import siamkeras
print(*set(sys.modules) - before)
print(siamkeras.plotting.__name__, siamkeras.applications.tracking.__name__)
siamkeras.generators, siamkeras.data, siamkeras.retrieval, siamkeras.evaluation
print("tensorflow" in sys.modules)
"""
    pytest.importorskip("jax")
    loaded, lazy, has_tensorflow = run(code, KERAS_BACKEND="jax").splitlines()
    names = loaded.split()
    assert {name.split(".")[0] for name in names} == {"siamkeras"}
    assert len(names) <= 26 and not [name for name in names if "applications" in name or "data" in name]
    assert (lazy, has_tensorflow) == ("siamkeras.plotting siamkeras.applications.tracking", "False")


def test_unknown_modules_are_reported():
    with pytest.raises(AttributeError, match="no attribute 'utils'. It has: .*distances"):
        siamkeras.utils  # noqa: B018
    with pytest.raises(AttributeError, match="no attribute 'audio'. It has: faces"):
        siamkeras.applications.audio  # noqa: B018


def test_a_saved_model_of_an_application_needs_its_import_and_the_error_names_it(tmp_path):
    from siamkeras.applications import segmentation, tracking

    segmentation.few_shot_segmenter(segmentation.encoder((16, 16, 1), (4, 4))).save(tmp_path / "segmentation.keras")
    tracking.siamfc(tracking.tower()).save(tmp_path / "tracking.keras")
    code = f"""
import importlib, keras, siamkeras
for name in ("segmentation", "tracking"):
    path = f"{tmp_path}/{{name}}.keras"
    try:
        keras.saving.load_model(path)
    except Exception as error:
        print(f"siamkeras.applications.{{name}}" in str(error))
    importlib.import_module(f"siamkeras.applications.{{name}}")
    keras.saving.load_model(path)
"""
    assert run(code).split() == ["True", "True"]
