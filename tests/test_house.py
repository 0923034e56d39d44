"""The rules of the house, checked on the syntax tree of every source file (nothing is imported)."""

import ast
import re
import sys
import tomllib
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("protocols", "firmware_model", "hil")
SOURCES = sorted(path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
STANDARD = sys.stdlib_module_names

MODULE_OF = {"python-can": "can", "can-j1939": "j1939", "pyserial": "serial"}
"""Distributions whose module has another name."""


def modules_of(requirements):
    names = {re.match(r"[A-Za-z0-9_.-]+", requirement)[0].lower() for requirement in requirements}
    return {MODULE_OF.get(name, name.replace("-", "_")) for name in names}


EXTRAS = PROJECT["project"]["optional-dependencies"]
DEPENDENCIES = modules_of(PROJECT["project"]["dependencies"])
EVERY_DEPENDENCY = DEPENDENCIES.union(*(modules_of(extra) for extra in EXTRAS.values()))

# Besides the standard library. Each layer imports those before it.
MAY_IMPORT = {
    "protocols": {"protocols"},
    "firmware_model": {"protocols", "firmware_model", "simpy", "numpy", "numba", "rainflow"},
    "hil": {*PACKAGES, *DEPENDENCIES}.union(*(modules_of(extra) for name, extra in EXTRAS.items() if name != "test")),
}


def may_use_hypothesis(path):
    """Strategies ship with the protocol they build, and the contract suite with the core."""
    return short(path) == "protocols/core/contract.py" or (path.name == "strategies.py" and short(path).startswith("protocols/"))


CLOCKS_AND_WIRES = {"time", "asyncio", "threading", "multiprocessing", "socket", "random", "subprocess", "select", "sched"}
LINKS = "hil/links/"
DEVICE_LIBRARIES = {"can", "pymodbus", "pyvisa", "serial", "usb"}
"""What talks to devices; imported by the links only, one file for each kind of link."""
SEVERAL_FILES = {"can"}
"""python-can both reads and writes logs and drives adapters: one file for each of these."""

LONGEST_FILE, LONGEST_FUNCTION = 400, 50


def short(path):
    return path.relative_to(ROOT).as_posix()


@cache
def tree_of(path):
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path))


def imports(path):
    """Dotted names of everything that *path* imports, wherever in the file."""
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{short(path)} has a relative import"
            yield node.module or ""


def roots(path):
    return {name.partition(".")[0] for name in imports(path)}


@pytest.fixture(params=SOURCES, ids=short)
def source(request):
    return request.param


def test_there_are_sources_to_check():
    assert {short(path).partition("/")[0] for path in SOURCES} == set(PACKAGES)


def test_imports_run_in_one_direction(source):
    package = short(source).partition("/")[0]
    allowed = MAY_IMPORT[package] | ({"hypothesis"} if may_use_hypothesis(source) else set())

    assert roots(source) - allowed - STANDARD == set()


@pytest.mark.parametrize("source", [path for path in SOURCES if not short(path).startswith("hil/")], ids=short)
def test_nothing_below_hil_has_a_clock_a_wire_or_a_thread(source):
    assert roots(source) & CLOCKS_AND_WIRES == set()
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Attribute):
            assert node.attr not in ("now", "utcnow", "today") or not is_calendar(node.value), f"line {node.lineno}"


def is_calendar(node):
    """Whether *node* is the class ``datetime`` or ``date``."""
    return (node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")) in ("datetime", "date")


def test_randomness_comes_from_a_generator_and_never_from_numpys_global_state(source):
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.Attribute) and ast.unparse(node.value) in ("np.random", "numpy.random"):
            assert node.attr in ("Generator", "PCG64", "SeedSequence", "default_rng"), f"line {node.lineno}"
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith("default_rng"):
            assert node.args or node.keywords, f"line {node.lineno}: without a seed"


def test_device_libraries_stay_in_their_links():
    for library in DEVICE_LIBRARIES:
        users = [short(path) for path in SOURCES if library in roots(path)]
        assert [user for user in users if not user.startswith(LINKS)] == [], library
        assert len(users) <= 1 or library in SEVERAL_FILES, users


def test_a_file_imports_one_device_library_at_most(source):
    assert len(roots(source) & DEVICE_LIBRARIES) <= 1


def test_no_file_is_long(source):
    lines = [line for line in source.read_text(encoding="utf-8").splitlines() if line.strip()]

    assert len(lines) <= LONGEST_FILE


def test_no_function_is_long(source):
    for node in ast.walk(tree_of(source)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            assert node.end_lineno - node.lineno < LONGEST_FUNCTION, f"{node.name}, line {node.lineno}"


def test_every_module_says_what_it_is(source):
    assert ast.get_docstring(tree_of(source))


def test_nobody_catches_everything(source):
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.ExceptHandler):
            caught = [name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)] if node.type else [""]
            assert not {"", "Exception", "BaseException"} & set(caught), f"line {node.lineno}"


def test_no_name_says_nothing(source):
    for node in ast.walk(tree_of(source)):
        if isinstance(node, ast.ClassDef):
            assert not node.name.endswith(("Manager", "Helper", "Utils")), node.name


def test_every_package_folder_is_listed_for_the_distribution():
    listed = set(PROJECT["tool"]["setuptools"]["packages"])
    folders = {short(path.parent).replace("/", ".") for path in SOURCES}

    assert folders == listed


def test_every_package_folder_has_its_init():
    assert [short(path.parent) for path in SOURCES if not (path.parent / "__init__.py").exists()] == []


def test_the_top_level_names_shadow_neither_the_standard_library_nor_a_dependency():
    assert set(PACKAGES) & (EVERY_DEPENDENCY | STANDARD) == set()
    stray = {path.stem for path in ROOT.glob("*.py")} - {"conftest"}
    assert stray == set(), "modules beside the packages shadow whatever bears their name"


def test_tests_have_no_init_that_would_shadow_the_packages():
    assert list((ROOT / "tests").rglob("__init__.py")) == []


def test_tests_mirror_the_sources():
    """A folder of tests is a folder of sources, so that a test is found where its source is."""
    own = {"", "contracts", "linux_can", "logs", "mutants", "hil", "protocols", "firmware_model"}
    folders = {path.parent.relative_to(ROOT / "tests").as_posix() for path in (ROOT / "tests").rglob("test_*.py")} - {"."}

    assert [folder for folder in folders if folder not in own and not (ROOT / folder).is_dir()] == []
