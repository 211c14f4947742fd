"""Which package may use which, and what `import mricourse` costs."""

import ast
import graphlib
import json
import subprocess
import sys
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ROOT / "mricourse"
MODULES = sorted(PACKAGE.rglob("*.py"))
ALLOWED = {  # package -> the packages it may import; "*" is all of them
    "physics": "",
    "simulate": "physics",
    "reconstruct": "physics",
    "networks": "physics reconstruct",
    "evaluation": "physics reconstruct networks",
    "plotting": "physics evaluation",
    "fundamentals": "plotting",
    "training": "physics simulate reconstruct networks evaluation",
    "datasets": "physics",
    "clinical": "physics reconstruct networks training datasets",
    "classroom": "evaluation datasets training.cards",
    "exercises": "physics simulate reconstruct networks training evaluation fundamentals datasets plotting "
    "classroom.exercise_checks classroom.error_advice",
    "commands": "*",
}
FREE = {"mricourse", "mricourse.files", "mricourse.kept_record", "mricourse._lazy"}  # every module may import these
AT_THE_ROOT = {"__init__", "__main__", "files", "kept_record", "_lazy"}
LATE = ("matplotlib", "h5py", "scipy", "ipywidgets", "anywidget", "IPython", "jupyter_client", "nbformat", "pooch",
        "sklearn", "PIL", "pywt", "typer", "tqdm", "yaml")  # fmt: skip
SECONDS = 0.3  # that `import mricourse` may add to `import torch`


def dotted(path):
    name = ".".join(path.relative_to(ROOT).with_suffix("").parts)
    return name.removesuffix(".__init__")


NAMES = {dotted(path) for path in MODULES}


@cache
def imports_of(path):
    """Every module of the course that is imported anywhere in a file, in functions and under TYPE_CHECKING too."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name} imports relatively; write the whole name"
            deeper = {f"{node.module}.{alias.name}" for alias in node.names} & NAMES
            found |= deeper or {node.module}
    return {name for name in found if name.split(".")[0] == "mricourse"}


def package_of(name):
    return name.split(".")[1]


def names_of(paths):
    return [path.relative_to(PACKAGE).as_posix() for path in paths]


INSIDE = [path for path in MODULES if path.parent != PACKAGE]


@pytest.mark.parametrize("path", INSIDE, ids=names_of(INSIDE))
def test_packages_import_only_what_the_table_allows(path):
    own = package_of(dotted(path))
    allowed = ALLOWED[own].split()
    for name in imports_of(path) - FREE:
        inside = package_of(name) == own or "*" in allowed
        assert inside or any(f"{name}.".startswith(f"mricourse.{each}.") for each in allowed), f"{own} imports {name}"


@pytest.mark.parametrize("path", INSIDE, ids=names_of(INSIDE))
def test_the_library_imports_modules_not_faces(path):
    """A face loads all of its names' modules one by one; between modules it would hide who needs whom."""
    faces = {f"mricourse.{package}" for package in ALLOWED}
    assert not imports_of(path) & faces, "import from the module itself"


def order(graph):
    return list(graphlib.TopologicalSorter(graph).static_order())  # a CycleError names the circle


def test_packages_form_no_circle():
    graph = {package: set() for package in ALLOWED}
    for path in INSIDE:
        own = package_of(dotted(path))
        graph[own] |= {package_of(name) for name in imports_of(path) - FREE} - {own}
    order(graph)


@pytest.mark.parametrize("package", ALLOWED)
def test_the_files_of_a_package_form_no_circle(package):
    paths = [path for path in INSIDE if package_of(dotted(path)) == package]
    order({dotted(path): {name for name in imports_of(path) if package_of(name + ".") == package} for path in paths})


def test_a_circle_would_be_found():
    with pytest.raises(graphlib.CycleError):
        order({"a": {"b"}, "b": {"c"}, "c": {"a"}})


def test_nothing_else_lies_at_the_root():
    assert {path.stem for path in PACKAGE.glob("*.py")} == AT_THE_ROOT
    folders = {path.name for path in PACKAGE.iterdir() if path.is_dir() and any(path.rglob("*.py"))}
    assert folders == set(ALLOWED)


LESSONS = sorted((ROOT / "notebooks/source").glob("*.py"))


@pytest.mark.parametrize("lesson", LESSONS, ids=[path.stem for path in LESSONS])
def test_lessons_import_faces_only(lesson):
    """One import line a face, and nothing deeper."""
    deeper = {name for name in imports_of(lesson) if name.count(".") > 1}
    assert not deeper, f"import {sorted(deeper)} from the package's face"


PACKAGES_WITH_A_FACE = [package for package in ALLOWED if package not in ("commands", "classroom")]


@pytest.mark.parametrize("package", PACKAGES_WITH_A_FACE)
def test_every_name_of_a_face_is_there(package):
    module = __import__(f"mricourse.{package}", fromlist=["*"])
    assert module.__all__ == sorted(set(module.__all__)) == dir(module)
    for name in module.__all__:
        found = getattr(module, name)
        assert getattr(found, "__module__", f"mricourse.{package}").startswith(("mricourse.", "builtins", "typing"))
    with pytest.raises(AttributeError, match=f"no attribute 'nonsense'; it offers {''.join(module.__all__[:1])}"):
        module.nonsense  # noqa: B018


@pytest.mark.parametrize("package", PACKAGES_WITH_A_FACE)
def test_a_name_is_no_module_though_one_is_called_alike(package):
    """The trap: importing mricourse/reconstruct/raki.py puts the module where the face has the function raki."""
    alike = in_a_fresh_process(
        f"import mricourse.{package} as face, pkgutil, json; from importlib import import_module; "
        "alike = {each.name for each in pkgutil.iter_modules(face.__path__)} & set(face.__all__); "
        f"[import_module(f'mricourse.{package}.{{name}}') for name in alike]; "
        "print(json.dumps([[name, type(getattr(face, name)).__name__] for name in sorted(alike)]))"
    )
    assert all(kind != "module" for _, kind in alike), alike
    assert bool(alike) == (package in ("reconstruct", "networks"))


@pytest.mark.parametrize("path", MODULES, ids=names_of(MODULES))
def test_no_room_for_odds_and_ends(path):
    assert path.stem not in ("utils", "helpers", "common", "misc", "tools")


def test_tests_lie_in_the_same_folders():
    folders = {path.parent.name for path in (ROOT / "tests").rglob("test_*.py")}
    assert folders <= {*ALLOWED, "tests", "lessons", "wrong_answers", "browser"}


def in_a_fresh_process(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


EVERY_NAME = "[getattr(mricourse, name) for name in mricourse.__all__]"


def test_the_package_loads_only_torch():
    names = in_a_fresh_process(
        f"import torch, sys; before = set(sys.modules); import mricourse, json; {EVERY_NAME}; "
        "print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    )
    assert not set(names) & set(LATE), "these are for the modules that use them"


@pytest.mark.parametrize("package", PACKAGES_WITH_A_FACE)
def test_a_face_alone_loads_nothing(package):
    loaded = in_a_fresh_process(
        f"import mricourse.{package}, sys, json; "
        f"print(json.dumps([name for name in sys.modules if name == 'torch' or name.startswith('mricourse.')]))"
    )
    assert sorted(loaded) == ["mricourse._lazy", f"mricourse.{package}"]


def test_the_command_starts_without_torch():
    loaded = in_a_fresh_process("import mricourse.commands.app, sys, json; print(json.dumps('torch' in sys.modules))")
    assert not loaded, "opening the lessons would take seconds longer"


def test_a_lesson_loads_nothing_slow():
    program = (
        "import mricourse, sys, json; from mricourse.classroom.exercise_checks import passed; "
        "from mricourse.training import load_checkpoint; passed('modl', 'my_x', 'right'); "
        "mricourse.predict('turned-head'); load_checkpoint('diffusion'); "
        "slow = ('jupytext', 'nbformat', 'torch._dynamo', 'sympy'); "
        "sys.stdout.write('\\n' + json.dumps([name for name in slow if name in sys.modules]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]", "the first check, prediction or checkpoint would wait for it"


def test_the_package_is_quick_to_import():
    program = (
        "import torch, time, json; start = time.process_time(); import mricourse; "
        f"{EVERY_NAME}; "
        "print(json.dumps(time.process_time() - start))"  # of this process, whatever else the machine does
    )
    assert min(in_a_fresh_process(program) for _ in range(3)) < SECONDS


def test_nothing_measured_can_enter_training():
    """The table forbids it line by line; here with everything that a training imports in turn."""
    names = in_a_fresh_process(
        "import sys, json; import mricourse.training.run, mricourse.training.reproduction; "
        "print(json.dumps([name for name in sys.modules if name.startswith('mricourse.')]))"
    )
    assert "mricourse.training.loop" in names and "mricourse.simulate.training_scans" in names
    reached = [name for name in names if name.startswith(("mricourse.datasets", "mricourse.commands"))]
    assert not reached, f"a training could read measured data through {reached}"


def test_cards_are_verified_without_torch():
    loaded = in_a_fresh_process("import mricourse.training.cards, sys, json; print(json.dumps('torch' in sys.modules))")
    assert not loaded, "mricourse doctor belongs to the classroom, which never imports a network"
