"""The house's commands: every mistake is one sentence on stderr and a non-zero exit, never a traceback."""

import socket
import subprocess
import sys

import numpy as np
import pytest

from mricourse.classroom import doctor, lab, notebooks, run
from mricourse.files import ROOT
from mricourse.simulate.protocols import contrast_scan

COMMANDS = ["build", "lab", "run", "doctor", "reconstruct", "train", "evaluate"]


@pytest.fixture
def course(tiny_course, monkeypatch):
    """The commands, working on the tiny course."""
    for module, names in {
        notebooks: ["lesson_sources", "find_lesson", "stale_notebooks", "orphans", "build"],
        lab: ["update_workspace"],
    }.items():
        for name in names:
            function = getattr(module, name)
            monkeypatch.setattr(module, name, on(function, tiny_course))
    monkeypatch.setattr(lab, "WORKSPACE", tiny_course.parent / "workspace")
    monkeypatch.setattr(run, "PAGES", tiny_course.parent / "pages")
    return tiny_course


def on(function, folder):
    """The function with `folder` as its last argument, also where another one passes it on."""
    return lambda *args: function(*args) if args[-1:] == (folder,) else function(*args, folder)


def is_one_sentence(error):
    return error.startswith("mricourse: ") and error.count("\n") == 1 and error.endswith(".\n")


@pytest.mark.parametrize("command", COMMANDS)
def test_help_has_an_example(mricourse, command):
    code, out, error = mricourse(command, "--help")
    assert code == 0 and f"Example: mricourse {command}" in out and error == ""


def test_help_lists_every_command(mricourse):
    for words in ([], ["--help"]):
        code, out, error = mricourse(*words)
        assert code == 0 and error == "" and all(f"  {command} " in out for command in COMMANDS)


@pytest.mark.parametrize(
    "words",
    [
        ["nonsense"],
        ["build", "--chek"],
        ["build", "99"],
        ["build", "../etc"],
        ["run", "07_nothing"],
        ["run", "1", "-o"],
        ["doctor", "now"],
        ["--versio"],
    ],
)
def test_bad_words_are_refused_in_one_sentence(course, mricourse, words):
    code, out, error = mricourse(*words)
    assert code == 2 and out == "" and is_one_sentence(error)


def test_a_file_in_the_place_of_a_folder_is_refused(course, mricourse, tmp_path):
    (tmp_path / "file").write_text("")
    for words in (["lab", str(tmp_path / "file")], ["run", "-o", str(tmp_path / "file")]):
        code, out, error = mricourse(*words)
        assert code == 2 and out == "" and is_one_sentence(error) and "is a file" in error


def test_a_folder_that_takes_no_pages_is_refused_before_a_lesson_runs(course, mricourse, monkeypatch, tmp_path):
    monkeypatch.setattr(run, "run_lessons", lambda *args, **options: pytest.fail("a lesson ran"))
    (tmp_path / "file").write_text("")
    code, out, error = mricourse("run", "1", "-o", tmp_path / "file" / "pages")
    assert code == 2 and out == "" and is_one_sentence(error) and "cannot be written to" in error


@pytest.mark.parametrize(
    ("raised", "code", "words"),
    [
        (ValueError("the mask has three axes; expected two."), 2, "the mask has three axes; expected two."),
        (FileNotFoundError(2, "No such file or directory", "a.h5"), 2, "a.h5: no such file or directory."),
        (OSError(28, "No space left on device"), 2, "mricourse: No space left on device.\n"),  # of the output stream
        (ImportError("no module named x"), 2, "no module named x"),
        (ZeroDivisionError("division by zero"), 1, "MRICOURSE_DEBUG=1 shows where."),
        (KeyError("kspace"), 1, "(kspace)"),
        (RuntimeError("two\nlines"), 1, "(two lines)"),
        (KeyboardInterrupt(), 130, "Interrupted."),
    ],
)
def test_whatever_a_command_raises_is_one_sentence(mricourse, monkeypatch, raised, code, words):
    def broken():
        raise raised

    monkeypatch.setattr(doctor, "examine", broken)
    monkeypatch.delenv("MRICOURSE_DEBUG", raising=False)
    ended, out, error = mricourse("doctor")
    assert ended == code and out == "" and words in error and error.count("\n") == 1 and "Traceback" not in error
    monkeypatch.setenv("MRICOURSE_DEBUG", "1")
    assert ("Traceback" in mricourse("doctor")[2]) == (code != 130)


def test_build_writes_checks_and_names_what_is_stale(course, mricourse):
    code, _, error = mricourse("build", "--check")
    assert code == 1 and is_one_sentence(error) and "notebooks/solutions/01_tiny.ipynb" in error
    assert not (course / "01_tiny.ipynb").exists(), "--check writes nothing"
    code, out, _ = mricourse("build", "1")
    assert code == 0 and out.splitlines()[:2] == [
        "wrote notebooks/01_tiny.ipynb",
        "wrote notebooks/solutions/01_tiny.ipynb",
    ]
    assert mricourse("build", "--check")[0] == 0
    (course / "09_old.ipynb").write_text("{}")
    code, _, error = mricourse("build")
    assert code == 1 and "notebooks/09_old.ipynb have no source: remove them" in error


def test_lab_updates_the_workspace_and_opens_it(course, mricourse, monkeypatch):
    opened = []
    monkeypatch.setattr(lab, "open_lab", lambda *args, **options: opened.append((args, options)) or 0)
    notebooks.build(notebooks.lesson_sources())
    code, out, _ = mricourse("lab", "--no-browser")
    assert code == 0 and "4 files copied." in out
    assert (course.parent / "workspace" / "01_tiny.ipynb").exists()
    mricourse("lab", str(course.parent / "Ma leçon"), "--", "--port=9")
    mricourse("lab", "--", "--port=9", "--debug")
    assert [args[0].name for args, _ in opened] == ["workspace", "Ma leçon", "workspace"]
    assert [options["browser"] for _, options in opened] == [False, True, True]
    assert [options["extra"] for _, options in opened] == [(), ("--port=9",), ("--port=9", "--debug")]


def test_doctor_fails_when_something_is_broken(mricourse, monkeypatch):
    findings = [doctor.Finding("python", True, "3.11"), doctor.Finding("disk", None, "little")]
    monkeypatch.setattr(doctor, "examine", lambda: iter(findings))
    code, out, error = mricourse("doctor")
    assert code == 0 and error == "" and out.splitlines()[0].split() == ["ok", "python", "3.11"]
    findings.append(doctor.Finding("kernel", False, "none"))
    code, out, error = mricourse("doctor")
    assert code == 1 and error == "mricourse: Broken: kernel.\n" and "BROKEN" in out


def test_doctor_looks_at_everything(monkeypatch):
    findings = {finding.name: finding for finding in doctor.examine()}
    words = "python packages device anatomies checkpoints measured published disk kernel lessons"
    assert list(findings) == words.split()
    assert findings["python"].ok and "cores" in findings["device"].text
    assert all(finding.text and "\n" not in finding.text for finding in findings.values())


def test_doctor_sees_missing_and_other_versions(monkeypatch):
    def version(name):
        if name == "scipy":
            raise doctor.metadata.PackageNotFoundError
        return "0.0.1" if name == "numpy" else "2.13.0+cu126"

    monkeypatch.setattr(doctor.metadata, "requires", lambda name: ["torch>=2.6", "numpy", 'pytest; extra == "dev"'])
    monkeypatch.setattr(doctor.metadata, "version", version)
    [finding] = doctor._packages()
    assert finding.ok is None and "numpy 0.0.1 (tested: " in finding.text and "torch" not in finding.text
    monkeypatch.setattr(doctor.metadata, "requires", lambda name: ["scipy"])
    [finding] = doctor._packages()
    assert finding.ok is False and "missing: scipy" in finding.text


def test_nothing_heavy_is_imported_before_a_command_needs_it():
    """Without the package's own __init__, `--help` loads neither torch nor Jupyter."""
    folder = str(ROOT / "mricourse")
    program = f"""
import sys, types
package = types.ModuleType("mricourse"); package.__path__ = [{folder!r}]
sys.modules["mricourse"] = package
from mricourse.commands import app as cli
try:
    cli.main(["--help"])
except SystemExit:
    pass
heavy = {{"torch", "numpy", "matplotlib", "nbformat", "jupytext", "h5py"}} & set(sys.modules)
assert not heavy, heavy
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_both_ways_to_call_it_are_the_same():
    done = subprocess.run([sys.executable, "-m", "mricourse", "nonsense"], capture_output=True, text=True)
    assert done.returncode == 2 and is_one_sentence(done.stderr)


@pytest.mark.parametrize(
    "words", [["doctor"], ["data", "list"], ["data", "inspect", "scan.npy"], ["build", "--check"], ["reconstruct"]]
)
def test_no_command_touches_the_network_unless_asked(words, mricourse, tmp_path, monkeypatch):
    def refuse(*args, **options):
        raise AssertionError(f"{words} asked the network for {args}")

    for name in ("getaddrinfo", "create_connection"):
        monkeypatch.setattr(socket, name, refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setenv("MRICOURSE_CACHE", str(tmp_path))
    scan = contrast_scan("s1", "T1w", shape=(64, 64), n_coils=2, seed=0)
    np.save(tmp_path / "scan.npy", scan.kspace.numpy())
    if words == ["reconstruct"]:
        words = ["reconstruct", str(tmp_path / "scan.npy"), "--method", "sense", "-o", str(tmp_path / "image.npy")]
    code, _, error = mricourse(*(str(tmp_path / "scan.npy") if word == "scan.npy" else word for word in words))
    assert "asked the network" not in error, error
    assert code in (0, 1), error


def test_fetching_is_the_one_that_asks(mricourse, tmp_path, monkeypatch):
    asked = []
    monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **options: asked.append(args) or _no_name())
    monkeypatch.setenv("MRICOURSE_CACHE", str(tmp_path))
    code, _, error = mricourse("data", "get", "larson_knee")
    assert asked and code == 2 and is_one_sentence(error)
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def _no_name():
    raise socket.gaierror("no network here")
