#!/usr/bin/env python3
"""Set up the course and run it.

    python3 course.py lab [DIR] [--no-browser]   open the lessons in JupyterLab
    python3 course.py test [PYTEST ARGUMENTS]    run every test and every lesson, as learners get it and solved
    python3 course.py COMMAND ...                any other command: run, doctor, build, data, reconstruct, ...

The first call makes .venv beside this file and installs the tested versions into it; later calls start at
once, and repair what a killed or failed installation left behind. All it needs is Python 3.11 or newer.
"""
# Standard library only, and readable by older Pythons, so that they can say what they lack.

import contextlib
import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
STAMP = VENV / "course-stamp.json"  # written last: there is no stamp without a complete installation
INSTALLING = VENV / "course-installing"  # there while an installation runs, and after one that was killed
LOG = VENV / "course-install.log"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
PROBE = """
import json, sys, sysconfig
print(json.dumps([sys.version_info[:2], sys.prefix, sysconfig.get_path("purelib")]))
"""


def main(words):
    """Run one command in the course's environment; returns its exit code."""
    if not words or words[0] in ("-h", "--help", "help"):
        print(__doc__.strip())
        return 0
    check_this_python()
    ensure_installed()
    if words[0] == "test":
        return run(pytest_words(words[1:]), OMP_NUM_THREADS="1", cwd=ROOT)
    return run(["-m", "mricourse", *words])


def check_this_python():
    if sys.version_info < (3, 11):  # noqa: UP036 (this file meets older Pythons before the installation does)
        sys.exit(
            f"This is Python {sys.version_info[0]}.{sys.version_info[1]}; the course needs 3.11 or newer: "
            "install one and run it with that, for example python3.11 course.py lab."
        )
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        sys.exit(
            "This Python comes without its venv module: install it (on Debian or Ubuntu: "
            "sudo apt install python3-venv) and run the same command again."
        )


def pytest_words(arguments):
    """Arguments of the one pytest call that runs tests and notebooks; a path among `arguments` replaces both.

    Learners' notebooks run cell by cell; the solved ones do so whole, on the pretend GPU
    (tests/lessons/lesson_on_a_gpu.py), and are not run a second time.
    """
    # a notebook's cells must stay in one worker, and one thread per worker is fastest on two cores
    words = ["-m", "pytest", "-n", "2", "--dist", "loadfile", "--nbval-lax", "--nbval-cell-timeout=600"]
    named = any(not word.startswith("-") and (ROOT / word.split("::")[0]).exists() for word in arguments)
    everything = ["tests", "notebooks", "--ignore=notebooks/solutions"]
    return [*words, *([] if named else everything), *arguments]


# --- The environment ---


def ensure_installed():
    """Install, update or repair .venv where needed; one process at a time."""
    if state() == "ready":
        return
    with only_one_process() as held:
        now = state()  # the process that we waited for may have done it
        if now != "ready":
            install(now, held)


def state():
    """What .venv needs: 'ready' nothing, 'update' an installation into it, 'rebuild' to be made anew."""
    wanted, inside = inputs(), probe()
    if inside is None or INSTALLING.exists():
        return "rebuild"
    try:
        stamp = json.loads(STAMP.read_text(encoding="utf-8"))
        missing = set(stamp["installed"]) - set(inside["installed"])
        usable = stamp["root"] == str(ROOT) and stamp["python"] == inside["python"]
        usable = usable and all(name.endswith(".dist-info") for name in missing)  # else a package's files are gone
        current = stamp["inputs"] == wanted and not missing
    except FileNotFoundError:
        return "update"  # an environment that somebody else made: install into it
    except (OSError, ValueError, KeyError, TypeError):
        return "rebuild"
    return "rebuild" if not usable else "ready" if current else "update"


def probe():
    """Python version and installed files of .venv, or None where its Python does not run or is not one of its own."""
    try:
        answer = subprocess.run([str(PYTHON), "-I", "-c", PROBE], capture_output=True, timeout=60, check=True)
        version, prefix, folder = json.loads(answer.stdout.decode())
        usable = version >= [3, 11] and os.path.samefile(prefix, str(VENV))  # not so where pyvenv.cfg is missing
        names = sorted(name for name in os.listdir(folder) if name != "__pycache__")
    except (OSError, ValueError, subprocess.SubprocessError):
        return None
    return {"python": version, "installed": names} if usable else None


def inputs():
    """Hash of the two files that say what is installed."""
    files = [(ROOT / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join(files)).hexdigest()


def install(need, held):
    """Bring .venv to the state that pyproject.toml and constraints.txt describe; the stamp comes last."""
    started = time.monotonic()
    if need == "rebuild":
        say(f"Setting up the course in {VENV} (a few minutes, only this once) ...")
        remove(VENV)
    else:
        say(f"Updating the course's environment in {VENV} ...")
    old_stamp = STAMP.read_bytes() if STAMP.exists() else None
    VENV.mkdir(exist_ok=True)
    INSTALLING.touch()
    STAMP.unlink(missing_ok=True)
    if need == "rebuild":
        make_venv()
    problem = pip_install(held)
    if problem:
        if need == "update":  # pip changes nothing when it cannot resolve or download: what worked still works
            if old_stamp:
                write_whole(STAMP, old_stamp)
            INSTALLING.unlink()
        sys.exit(f"The installation failed: {problem} The log is {LOG}; run the same command to try again.")
    inside = probe()
    if inside is None:
        sys.exit("The installation left a Python that does not run: run the same command to make it anew.")
    INSTALLING.unlink()
    write_whole(STAMP, json.dumps({"root": str(ROOT), "inputs": inputs(), **inside}).encode())
    say(f"Ready after {time.monotonic() - started:.0f} s.")


def make_venv():
    base = getattr(sys, "_base_executable", None) or sys.executable  # this Python may be the one we replace
    made = subprocess.run([base, "-m", "venv", str(VENV)], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    if made.returncode:
        last = (made.stdout.decode(errors="replace").strip().splitlines() or ["no reason given"])[-1]
        sys.exit(f"Python could not make a virtual environment in {VENV}: {last}")


def pip_install(held):
    """Run pip with a line of progress; returns what went wrong, or None.

    pip keeps the lock open too: where this process is killed, the next one waits until pip has ended.
    """
    command = [str(PYTHON), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    command += ["--progress-bar", "off", "--no-compile"]  # what is never imported need not be compiled: 30 s less
    command += ["-c", "constraints.txt", "-e", ".[dev]"]
    environment = clean_environment(PIP_USER="0", PYTHONUNBUFFERED="1")
    pipe = dict(stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd=str(ROOT), env=environment)
    if os.name != "nt":
        pipe["pass_fds"] = (held.fileno(),)
    lines = []
    with open(str(LOG), "w", encoding="utf-8") as log, subprocess.Popen(command, **pipe) as pip:

        def read():
            for raw in pip.stdout:
                lines.append(raw.decode(errors="replace").strip())
                log.write(lines[-1] + "\n")

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        follow(reader, lines)
    if pip.returncode == 0:
        return None
    errors = [line[6:].strip() for line in lines if line.startswith("ERROR:")] or lines[-1:] or ["pip said nothing"]
    offline = any("Retrying" in line or "NewConnectionError" in line for line in lines)
    return errors[-1].rstrip(".") + (". The package index was not reached: is the network there?" if offline else ".")


def follow(reader, lines):
    """Show pip's latest step until it ends: on a terminal in one changing line, elsewhere a line now and then."""
    started, shown, terminal = time.monotonic(), 0.0, sys.stderr.isatty()
    width = min(shutil.get_terminal_size().columns - 1, 100)
    while reader.is_alive():
        reader.join(0.2)
        waited = time.monotonic() - started
        if waited - shown >= (0.5 if terminal else 10):
            shown = waited
            steps = [line for line in lines if line.startswith(("Collecting", "Downloading", "Installing"))]
            text = f"{waited:4.0f} s  {steps[-1] if steps else 'starting pip'}"[:width].ljust(width)
            print(f"\r{text}" if terminal else text.rstrip(), end="" if terminal else "\n", file=sys.stderr, flush=True)
    if terminal:
        print("\r" + " " * width, end="\r", file=sys.stderr, flush=True)


def remove(path):
    if path.is_symlink() or path.is_file():
        path.unlink()
    elif path.exists():
        shutil.rmtree(str(path))


def write_whole(path, content):
    beside = path.with_name(path.name + ".part")
    beside.write_bytes(content)
    os.replace(str(beside), str(path))


@contextlib.contextmanager
def only_one_process():
    """Hold the lock of this checkout; the system frees it when the process ends, however it ends."""
    with open(str(ROOT / "course.py"), "rb") as file:
        waiting = False
        while not lock(file):
            if not waiting:
                say("Another installation is under way; waiting for it ...")
            waiting = True
            time.sleep(0.3)
        yield file


def lock(file):
    try:
        if os.name == "nt":
            import msvcrt

            file.seek(1 << 30)  # a byte that nobody reads
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


# --- Running in it ---


def run(words, *, cwd=None, **variables):
    """Run .venv's Python with these arguments; returns its exit code (on POSIX the process becomes that Python)."""
    command, environment = [str(PYTHON), *words], clean_environment(**variables)
    if cwd:
        os.chdir(str(cwd))
    if os.name != "nt":
        sys.stdout.flush()
        sys.stderr.flush()
        os.execve(command[0], command, environment)
    with subprocess.Popen(command, env=environment) as process:
        while True:
            try:
                return process.wait()
            except KeyboardInterrupt:  # the child has received it as well and decides
                continue


def clean_environment(**variables):
    """This process's environment, with .venv first on the path and no other Python's settings.

    Some machines forbid compiled files. There every process would compile PyTorch anew, for seconds.
    """
    of_others = ("PYTHONHOME", "PYTHONPATH", "PYTHONDONTWRITEBYTECODE")
    environment = {key: value for key, value in os.environ.items() if key not in of_others}
    path = str(PYTHON.parent) + os.pathsep + os.environ.get("PATH", "")
    return {**environment, "VIRTUAL_ENV": str(VENV), "PATH": path, **variables}


def say(sentence):
    print(sentence, file=sys.stderr, flush=True)


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit("\nInterrupted.")
    except OSError as error:
        where = f" {error.filename}" if error.filename else ""
        what = (error.strerror or str(error)).lower()
        sys.exit(f"course.py could not go on:{where} {what}: check the file, its permissions and the free disk space.")
