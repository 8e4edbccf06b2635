"""Packaging: the wheel, the version, and the dependencies in pyproject.toml, environment.yml and requirements/."""

import re
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from email.parser import Parser
from importlib import metadata
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version
from project import ADDRESS, PROJECT, ROOT

import siamkeras

EXTRAS = PROJECT["optional-dependencies"]
ALL = PROJECT["dependencies"] + EXTRAS["data"] + EXTRAS["course"] + EXTRAS["dev"]
NEEDED = [text for text in ALL if not text.startswith("siamkeras[")]
# Environments with pinned versions, which the Makefile creates: .venv-colab and .venv-lowest.
PINNED = ("colab", "lowest")


def text_of(name):
    return (ROOT / name).read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The wheel, built from a copy with the installed setuptools, without a network."""
    copy = tmp_path_factory.mktemp("build") / "copy"
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(".*", "build", "dist", "*.egg-info", "__pycache__"))
    build = "import setuptools.build_meta as backend; backend.build_wheel('dist')"
    done = subprocess.run([sys.executable, "-c", build], cwd=copy, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    (path,) = (copy / "dist").glob("*.whl")
    with zipfile.ZipFile(path) as archive:
        yield archive


@pytest.mark.slow
def test_the_wheel_contains_the_package_with_its_weights_and_nothing_else(wheel):
    package = [path for path in (ROOT / "siamkeras").rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    expected = {path.relative_to(ROOT).as_posix() for path in package}
    assert "siamkeras/distances.py" in expected
    assert {name for name in wheel.namelist() if ".dist-info/" not in name} == expected


@pytest.mark.slow
def test_the_version_is_defined_once(wheel):
    (name,) = [name for name in wheel.namelist() if name.endswith(".dist-info/METADATA")]
    assert Parser().parsestr(wheel.read(name).decode())["Version"] == siamkeras.__version__
    assert PROJECT["dynamic"] == ["version"]


def test_every_dependency_has_a_lower_bound_and_a_comment():
    for requirement in NEEDED + EXTRAS["imagenet"] + EXTRAS["faiss"] + EXTRAS["torch"] + EXTRAS["gpu"]:
        lines = [line for line in text_of("pyproject.toml").splitlines() if f'"{requirement}"' in line]
        assert lines and all(re.search(r'".*".*# \w+', line) for line in lines), requirement
        assert ">=" in str(Requirement(requirement).specifier)


def in_conda_environment():
    """The dependencies in environment.yml with their comments."""
    lines = re.findall(r"^ +- ([^\s#]+(?: \.\[dev\])?)(?: +# (\w.*))?$", text_of("environment.yml"), re.MULTILINE)
    return {name: reason for name, reason in lines if name not in ("conda-forge", "pip:")}


def test_conda_and_pip_install_the_same_packages():
    """The same names and bounds, a comment beside each, and the package itself last."""
    found = in_conda_environment()
    own = {name for name in found if re.match(r"(python=|pip$|-e )", name)}
    assert set(found) - own == {text for text in NEEDED if ";" not in text}
    assert all(found.values())
    assert list(found)[-1] == "-e .[dev]"


def pins(name):
    """`{package: version}` of a file in requirements/."""
    lines = [line.partition("#")[0].strip() for line in text_of(f"requirements/{name}.txt").splitlines()]
    pinned = [line.split("==") for line in lines if line]
    return {canonicalize_name(package): Version(version) for package, version in pinned}


def test_the_lowest_versions_are_the_lower_bounds():
    lowest = pins("lowest")
    for requirement in map(Requirement, NEEDED):
        (bound,) = requirement.specifier
        assert lowest[canonicalize_name(requirement.name)] == Version(bound.version), requirement


def test_the_versions_of_colab_satisfy_all_requirements():
    """Only importlib_resources is not on all of its machines."""
    colab = pins("colab")
    for requirement in map(Requirement, PROJECT["dependencies"] + EXTRAS["data"]):
        if requirement.name != "importlib_resources":
            assert colab[canonicalize_name(requirement.name)] in requirement.specifier, requirement
    assert "importlib-resources" not in colab


@pytest.mark.skipif(Path(sys.prefix).name not in [f".venv-{name}" for name in PINNED], reason="needs pinned versions")
def test_installing_the_wheel_changes_no_pinned_version():
    """And adds nothing but importlib_resources."""
    name = Path(sys.prefix).name.removeprefix(".venv-")
    installed = metadata.distributions(path=[sysconfig.get_path("purelib")])  # without the copies in setuptools
    versions = {canonicalize_name(found.name): Version(found.version) for found in installed}
    assert {package: versions.get(package) for package in pins(name)} == pins(name)
    assert set(versions) - set(pins(name)) <= {"siamkeras", "importlib-resources", "pip"}


def test_conda_and_the_workflow_use_supported_python_versions():
    allowed = {f"3.{minor}" for minor in range(30) if SpecifierSet(PROJECT["requires-python"]).contains(f"3.{minor}")}
    (python,) = [name for name in in_conda_environment() if name.startswith("python=")]
    assert python.removeprefix("python=") in allowed
    (matrix,) = re.findall(r"python: \[(.*)\]", text_of(".github/workflows/ci.yml"))
    assert set(re.findall(r"[\d.]+", matrix)) == allowed


def test_the_address_of_the_repository_is_defined_once():
    """The badges of the lessons repeat it; test_notebooks.py compares them with pyproject.toml."""
    folders = ("siamkeras", "tests", "notebooks", "benchmarks", ".ci", ".github")
    files = [*ROOT.iterdir(), *(path for folder in folders for path in (ROOT / folder).rglob("*"))]
    kinds = {".py", ".md", ".toml", ".yml"}
    texts = [path for path in files if path.suffix in kinds or path.name in ("Makefile", "run")]
    found = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8").count(ADDRESS) for path in texts}
    assert {name: count for name, count in found.items() if count} == {"pyproject.toml": 1}
