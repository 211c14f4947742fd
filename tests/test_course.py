"""course.py: every way in which an installation can be incomplete is noticed and repaired, with a stand-in for pip."""

import ast
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[1]
PIP = """
import pathlib, sys, time
folder = next(path for path in pathlib.Path(sys.prefix).rglob("site-packages"))
with open({journal!r}, "a") as journal:
    journal.write("pip\\n")
print("Collecting numpy", flush=True)
(folder / "numpy").mkdir(exist_ok=True)
while {waits} and not pathlib.Path({journal!r} + " go").exists():
    time.sleep(0.02)
(folder / "numpy-2.0.dist-info").mkdir(exist_ok=True)
{end}
"""


class Checkout:
    """A copy of the checkout's installation files, with a stand-in for pip and a fast venv."""

    def __init__(self, folder):
        self.folder, self.journal = folder, folder.with_name(folder.name + " journal")
        folder.mkdir(parents=True)
        for name in ("course.py", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, folder)
        self.venv = folder / ".venv"
        self.write_driver()

    def write_driver(self, waits=False, end=""):
        """A program that runs course.py with two things replaced: the making of a venv (now without pip in it), and
        pip, which `waits` until `let_pip_go`."""
        pip = PIP.format(journal=str(self.journal), waits=waits, end=end)
        driver = f"""
import signal, sys, venv
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
sys.path.insert(0, {str(self.folder)!r})
import course
course.make_venv = lambda: venv.create(course.VENV)
popen = course.subprocess.Popen
def fake(command, **options):
    if "pip" in command:
        command = [command[0], "-c", {pip!r}]
    return popen(command, **options)
course.subprocess.Popen = fake
if sys.argv[1:] == ["ready"]:
    course.run = lambda words, **options: 0
try:
    sys.exit(course.main(sys.argv[1:]))
except KeyboardInterrupt:
    sys.exit("Interrupted.")
"""
        self.driver = self.folder.with_name(self.folder.name + " driver.py")
        self.driver.write_text(driver, encoding="utf-8")

    def start(self):
        return subprocess.Popen(
            [sys.executable, str(self.driver), "ready"], stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def call(self):
        """Run a command to its end; returns its exit code, what it said, and how often pip has run so far."""
        process = self.start()
        out, said = process.communicate(timeout=60)
        assert "Traceback" not in said, said
        return process.returncode, said, self.n_pips()

    def let_pip_go(self):
        Path(f"{self.journal} go").touch()

    def n_pips(self):
        return len(self.journal.read_text().splitlines()) if self.journal.exists() else 0

    @property
    def stamp(self):
        return self.venv / "course-stamp.json"

    @property
    def packages(self):
        return next(self.venv.rglob("site-packages"))


@pytest.fixture
def checkout(tmp_path):
    return Checkout(tmp_path / "Mein Kurs é")


@pytest.fixture
def installed(checkout):
    assert checkout.call()[0] == 0
    return checkout


def test_the_second_call_installs_nothing_and_is_fast(installed):
    seconds = []
    for _ in range(3):
        started = time.monotonic()
        assert installed.call() == (0, "", 1)
        seconds.append(time.monotonic() - started)
    assert min(seconds) < 1.5


def wait_for(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "nothing happened for a minute"
        time.sleep(0.02)


def kill_stamp(checkout):
    (checkout.venv / "course-installing").touch()
    checkout.stamp.unlink()


@pytest.mark.parametrize(
    ("damage", "rebuilt"),
    [
        (kill_stamp, True),
        (lambda checkout: checkout.stamp.write_text("{"), True),
        (lambda checkout: checkout.stamp.write_text("[]"), True),
        (lambda checkout: shutil.rmtree(checkout.packages / "numpy"), True),
        (lambda checkout: shutil.rmtree(checkout.packages), True),
        (lambda checkout: [path.unlink() for path in (checkout.venv / "bin").glob("python*")], True),
        (lambda checkout: shutil.rmtree(checkout.venv), True),
        (lambda checkout: (checkout.venv / "pyvenv.cfg").unlink(), True),
        (lambda checkout: checkout.stamp.unlink(), False),
        (lambda checkout: (checkout.packages / "numpy-2.0.dist-info").rmdir(), False),
        (lambda checkout: (checkout.folder / "constraints.txt").write_text("numpy==2.1\n"), False),
        (lambda checkout: (checkout.folder / "pyproject.toml").write_text("[project]\n"), False),
    ],
    ids=[
        "killed", "broken stamp", "odd stamp", "package deleted", "all packages deleted", "python deleted",
        "venv deleted", "venv half made", "made by hand", "package upgraded by hand",
        "constraints changed", "pyproject changed",
    ],
)  # fmt: skip
@pytest.mark.skipif(os.name == "nt", reason="the damage is done in POSIX paths")
def test_damage_is_noticed_and_repaired(installed, damage, rebuilt):
    (installed.venv / "mark of the old one").touch()
    damage(installed)
    code, said, n_pips = installed.call()
    assert code == 0 and n_pips == 2
    assert ("Setting up" if rebuilt else "Updating") in said
    assert (installed.venv / "mark of the old one").exists() != rebuilt
    assert installed.call() == (0, "", 2)


def test_a_moved_checkout_is_set_up_again(installed):
    moved = installed.folder.with_name("anderswo")
    installed.folder.rename(moved)
    installed.folder, installed.venv = moved, moved / ".venv"
    installed.write_driver()
    code, said, n_pips = installed.call()
    assert code == 0 and "Setting up" in said and n_pips == 2


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_killed_installation_is_made_anew(checkout):
    checkout.write_driver(waits=True)
    process = checkout.start()
    wait_for(lambda: checkout.n_pips() == 1)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
    pips = [int(child) for child in children.read_text().split()] if children.exists() else []
    for pid in (process.pid, *pips):
        os.kill(pid, signal.SIGKILL)
    process.communicate()
    assert not checkout.stamp.exists()
    checkout.write_driver()
    code, said, n_pips = checkout.call()
    assert code == 0 and "Setting up" in said and n_pips == 2


@pytest.mark.skipif(os.name == "nt", reason="SIGKILL")
def test_a_pip_that_outlives_its_killed_parent_is_waited_for(checkout):
    checkout.write_driver(waits=True)
    process = checkout.start()
    wait_for(lambda: checkout.n_pips() == 1)
    process.kill()
    process.wait()
    checkout.write_driver()
    later = checkout.start()
    assert "waiting for it" in later.stderr.readline()
    checkout.let_pip_go()
    assert "Setting up" in later.communicate(timeout=60)[1] and later.returncode == 0
    assert checkout.call() == (0, "", 2)
    process.communicate()


def test_a_failed_installation_says_why_in_one_sentence_and_is_tried_again(checkout):
    checkout.write_driver(end="print('ERROR: No space left on device'); sys.exit(1)")
    code, said, _ = checkout.call()
    last = said.strip().splitlines()[-1]
    assert code == 1 and last.startswith("The installation failed: No space left on device.")
    assert not checkout.stamp.exists() and "course-install.log" in last
    checkout.write_driver()
    assert checkout.call()[0] == 0


def test_a_failed_update_keeps_what_worked(installed):
    (installed.folder / "constraints.txt").write_text("numpy==2.1\n")
    (installed.venv / "mark of the old one").touch()
    installed.write_driver(end="print('WARNING: Retrying'); print('ERROR: No matching distribution'); sys.exit(1)")
    code, said, _ = installed.call()
    assert code == 1 and "is the network there?" in said
    installed.write_driver()
    code, said, _ = installed.call()
    assert code == 0 and "Updating" in said and (installed.venv / "mark of the old one").exists()


def test_two_calls_at_once_install_once(checkout):
    checkout.write_driver(waits=True)
    first = checkout.start()
    wait_for(lambda: checkout.n_pips() == 1)
    second = checkout.start()
    assert "waiting for it" in second.stderr.readline()
    checkout.let_pip_go()
    for process in (first, second):
        process.communicate(timeout=60)
        assert process.returncode == 0
    assert checkout.n_pips() == 1


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_an_interrupted_installation_ends_quietly_and_is_repaired(checkout):
    checkout.write_driver(waits=True)
    process = checkout.start()
    wait_for(lambda: checkout.n_pips() == 1)
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    for pid in (*map(int, children), process.pid):
        os.kill(pid, signal.SIGINT)
    said = process.communicate(timeout=30)[1]
    assert process.returncode == 1 and said.strip().splitlines()[-1] == "Interrupted."
    checkout.write_driver()
    assert checkout.call()[0] == 0


# --- without an installation ---


@pytest.fixture
def course():
    spec = importlib.util.spec_from_file_location("course_under_test", ROOT / "course.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_help_needs_no_installation(tmp_path):
    shutil.copy(ROOT / "course.py", tmp_path)
    for words in ([], ["--help"], ["-h"], ["help"]):
        done = subprocess.run(
            [sys.executable, str(tmp_path / "course.py"), *words], capture_output=True, text=True, check=True
        )
        assert "course.py lab" in done.stdout and done.stderr == ""
    assert [path.name for path in tmp_path.iterdir()] == ["course.py"]


def test_an_old_python_is_refused(course, monkeypatch):
    monkeypatch.setattr(course.sys, "version_info", (3, 9, 2))
    with pytest.raises(SystemExit, match=r"This is Python 3\.9; the course needs 3\.11 or newer"):
        course.main(["lab"])


@pytest.mark.parametrize("missing", ["venv", "ensurepip"])
def test_a_python_without_venv_is_refused(course, monkeypatch, missing):
    monkeypatch.setattr(course.importlib.util, "find_spec", lambda name: None if name == missing else object())
    with pytest.raises(SystemExit, match="sudo apt install python3-venv"):
        course.main(["lab"])


def test_errors_of_the_system_are_one_sentence(tmp_path):
    shutil.copy(ROOT / "course.py", tmp_path)  # and no pyproject.toml
    done = subprocess.run([sys.executable, str(tmp_path / "course.py"), "lab"], capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr and done.stderr.count("\n") == 1
    assert "could not go on" in done.stderr and "pyproject.toml no such file" in done.stderr


def test_only_the_standard_library_is_imported_and_old_pythons_can_read_it():
    text = (ROOT / "course.py").read_text(encoding="utf-8")
    tree = ast.parse(text, feature_version=(3, 7))
    names = {
        alias.name.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names
    }
    names |= {node.module.split(".")[0] for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert names <= sys.stdlib_module_names


def test_commands_run_in_the_environment(course, monkeypatch):
    ran = []
    monkeypatch.setattr(course, "ensure_installed", lambda: None)
    monkeypatch.setattr(course, "run", lambda words, **options: ran.append((words, options)) or 0)
    monkeypatch.setenv("PYTHONPATH", "/elsewhere")
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    course.main(["run", "01_kspace", "-o", "x"])
    course.main(["test", "-k", "fourier"])
    course.main(["test", "tests/test_course.py::test_x"])
    assert ran[0] == (["-m", "mricourse", "run", "01_kspace", "-o", "x"], {})
    assert ran[1][0][-5:] == ["tests", "notebooks", "--ignore=notebooks/solutions", "-k", "fourier"]
    assert ran[1][1]["OMP_NUM_THREADS"] == "1"
    assert {"--nbval-lax", "loadfile"} <= set(ran[1][0])
    assert ran[2][0][-1] == "tests/test_course.py::test_x" and "notebooks" not in ran[2][0]
    environment = course.clean_environment(A="b")
    assert not {"PYTHONPATH", "PYTHONDONTWRITEBYTECODE"} & set(environment)
    assert environment["A"] == "b"
    assert environment["PATH"].startswith(str(course.PYTHON.parent))


# --- the lists of packages agree ---


def names_of(requirements):
    words = (requirement.split(";")[0].split("[")[0] for requirement in requirements)
    return {word.split(">")[0].split("=")[0].strip().lower().replace("_", "-") for word in words}


@pytest.fixture(scope="module")
def project():
    import tomllib

    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def test_conda_lists_the_same_packages(project):
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    other_names = {"pytorch": "torch", "matplotlib-base": "matplotlib", "python-finufft": "finufft"}
    conda = [entry for entry in environment["dependencies"] if isinstance(entry, str)]
    [pip] = [entry["pip"] for entry in environment["dependencies"] if isinstance(entry, dict)]
    names = {other_names.get(name, name) for name in names_of(conda)} - {"python", "pip"}
    names |= names_of(entry for entry in pip if not entry.startswith("-"))
    assert names == names_of(project["dependencies"] + project["optional-dependencies"]["dev"])
    assert environment["channels"][0] == "conda-forge" and "--no-deps -e ." in pip
    assert f"python{project['requires-python']}" in conda


def test_every_requirement_has_a_tested_version(project):
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert all(line.count("==") == 1 and "+" not in line and "@" not in line for line in pins)
    assert names_of(project["dependencies"] + project["optional-dependencies"]["dev"]) <= names_of(pins)
    assert "torch==2.13.0" in pins and pins == sorted(pins, key=str.lower)


def test_ci_runs_the_same_command():
    assert "python3 course.py test" in (ROOT / ".ci/run").read_text() and os.access(ROOT / ".ci/run", os.X_OK)


def test_the_stamp_holds_nothing_but_the_installation(installed):
    assert set(json.loads(installed.stamp.read_text())) == {"root", "inputs", "python", "installed"}
