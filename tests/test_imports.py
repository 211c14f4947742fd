"""Which room may use which, and what `import mricourse` costs."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[1] / "mricourse"
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = ("classroom", "datasets", "clinical", "networks")  # folders; everything beside them is the library
OUTSIDE = {"cli", "__main__", "reconstruct"}  # entry points, which may use every room
FORBIDDEN = {  # room -> what it must not import
    "library": ("mricourse.classroom", "mricourse.datasets", "mricourse.cli", "mricourse.clinical"),
    "networks": ("mricourse.classroom", "mricourse.datasets", "mricourse.cli", "mricourse.clinical"),
    "classroom": ("mricourse.networks", "mricourse.training", "mricourse.cli"),
    "datasets": ("mricourse.classroom", "mricourse.networks", "mricourse.cli"),
    "clinical": ("mricourse.classroom", "mricourse.networks", "mricourse.cli"),
}
LATE = ("matplotlib", "h5py", "scipy", "ipywidgets", "anywidget", "IPython", "jupyter_client", "nbformat", "pooch",
        "sklearn", "PIL", "pywt", "typer", "tqdm", "yaml")  # fmt: skip
SECONDS = 0.3  # that `import mricourse` may add to `import torch`


def room_of(module):
    first = module.relative_to(PACKAGE).parts[0]
    return first if first in ROOMS else "library"


def imports_of(module):
    """Every module that is imported anywhere in a file, also inside functions."""
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{module.name} imports relatively; write the whole name"
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_rooms_keep_to_themselves(module):
    if module.stem in OUTSIDE and module.parent == PACKAGE:
        return
    bad = {name for name in imports_of(module) if name.startswith(FORBIDDEN[room_of(module)])}
    assert not bad, f"{module.relative_to(PACKAGE)} must not import {sorted(bad)}"


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.relative_to(PACKAGE).as_posix())
def test_no_room_for_odds_and_ends(module):
    assert module.stem not in ("utils", "helpers", "common", "misc", "tools") and module.parent.name != "common"


def test_networks_come_one_paper_a_file():
    folder = PACKAGE / "networks"
    assert not (PACKAGE / "networks.py").exists() or not folder.exists()


def in_a_fresh_process(program):
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


EVERY_NAME = "[getattr(mricourse, name) for name in mricourse.__all__]"


def test_the_package_loads_only_torch():
    names = in_a_fresh_process(
        f"import torch, sys; before = set(sys.modules); import mricourse, json; {EVERY_NAME}; "
        "print(json.dumps(sorted({name.split('.')[0] for name in set(sys.modules) - before})))"
    )
    assert not set(names) & set(LATE), "these are for the modules that use them"


def test_the_command_starts_without_torch():
    loaded = in_a_fresh_process("import mricourse.cli, sys, json; print(json.dumps('torch' in sys.modules))")
    assert not loaded, "opening the lessons would take seconds longer"


def test_the_package_is_quick_to_import():
    program = (
        "import torch, time, json; start = time.process_time(); import mricourse; "
        f"{EVERY_NAME}; "
        "print(json.dumps(time.process_time() - start))"  # of this process, whatever else the machine does
    )
    assert min(in_a_fresh_process(program) for _ in range(3)) < SECONDS


TRAINING = ["training", "training_data", "recipes", "checkpoints", "evaluation"]


def test_nothing_measured_can_enter_training():
    """Rooms forbid it line by line; here with everything that the modules which train import in turn."""
    names = in_a_fresh_process(
        f"import sys, json; {'; '.join(f'import mricourse.{name}' for name in TRAINING)}; "
        "print(json.dumps([name for name in sys.modules if name.startswith('mricourse.')]))"
    )
    assert set(names) >= {f"mricourse.{name}" for name in TRAINING}
    reached = [name for name in names if name.startswith(("mricourse.datasets", "mricourse.cli", "mricourse.stored"))]
    assert not reached, f"a training could read measured data through {reached}"


def test_cards_are_verified_without_torch():
    loaded = in_a_fresh_process("import mricourse.cards, sys, json; print(json.dumps('torch' in sys.modules))")
    assert not loaded, "mricourse doctor belongs to the classroom, which never imports a network"
