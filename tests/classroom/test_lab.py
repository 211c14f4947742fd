"""The workspace: updates never touch a learner's work, whatever happened to the record."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from multiprocessing import get_context

import pytest

from mricourse.classroom import lab
from mricourse.classroom.lab import RECORD, jupyter_command, last_touched, page_to_open, update_workspace
from mricourse.classroom.notebooks import build, lesson_sources
from mricourse.files import write_whole

LESSON = "01_tiny.ipynb"


@pytest.fixture
def shipped(tiny_course):
    build(lesson_sources(tiny_course), tiny_course)
    return tiny_course


@pytest.fixture
def workspace(tmp_path):
    return tmp_path / "Ma leçon 1"


def release(shipped, text):
    """Ship a new version of the lesson."""
    source = shipped / "source/01_tiny.py"
    source.write_text(source.read_text(encoding="utf-8") + f"\n# %%\nprint('{text}')\n", encoding="utf-8")
    build(lesson_sources(shipped), shipped)


def change(path, edit):
    notebook = json.loads(path.read_text(encoding="utf-8"))
    edit(notebook)
    path.write_text(json.dumps(notebook), encoding="utf-8")


def solve(notebook):
    notebook["cells"][5]["source"] = "def my_square(x):\n    return [v * v for v in x]"


def run(notebook):
    notebook["cells"][1].update(execution_count=1, outputs=[{"output_type": "stream", "name": "stdout", "text": "1"}])
    notebook["metadata"]["language_info"] = {"name": "python"}


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_new_workspace_holds_lessons_solutions_pictures_and_quizzes(shipped, workspace):
    done = update_workspace(workspace, shipped)
    names = {LESSON, f"solutions/{LESSON}", "figures/tiny.svg", "quiz/01_tiny.yml"}
    assert set(done.copied) == names and set(contents(workspace)) == names | {RECORD}
    assert (workspace / LESSON).read_bytes() == (shipped / LESSON).read_bytes()
    again = update_workspace(workspace, shipped)
    assert again.sentences() == []


def test_an_unedited_lesson_is_replaced(shipped, workspace):
    update_workspace(workspace, shipped)
    release(shipped, "two")
    assert update_workspace(workspace, shipped).replaced == [LESSON, f"solutions/{LESSON}"]
    assert (workspace / LESSON).read_bytes() == (shipped / LESSON).read_bytes()


def test_a_lesson_that_was_only_run_is_replaced(shipped, workspace):
    update_workspace(workspace, shipped)
    change(workspace / LESSON, run)
    ran = (workspace / LESSON).read_bytes()
    update_workspace(workspace, shipped)
    assert (workspace / LESSON).read_bytes() == ran, "its outputs stay while there is no new version"
    release(shipped, "two")
    assert LESSON in update_workspace(workspace, shipped).replaced


def test_two_learners_edits_survive_updates(shipped, tmp_path):
    for name in ("Ana", "Jürgen"):
        workspace = tmp_path / name
        update_workspace(workspace, shipped)
        change(workspace / LESSON, solve)
    release(shipped, "two")
    for name in ("Ana", "Jürgen"):
        workspace = tmp_path / name
        mine = (workspace / LESSON).read_bytes()
        done = update_workspace(workspace, shipped)
        assert done.beside == {LESSON: "01_tiny.updated-2.ipynb"}
        assert (workspace / LESSON).read_bytes() == mine
        assert (workspace / "01_tiny.updated-2.ipynb").read_bytes() == (shipped / LESSON).read_bytes()
        assert any("01_tiny.updated-2.ipynb" in sentence for sentence in done.sentences())
        assert update_workspace(workspace, shipped).sentences() == [], "said once, not at every start"


def tag(notebook):
    notebook["cells"][5]["metadata"]["tags"] = ["exercise", "ask-Ana"]


def untag(notebook):
    del notebook["cells"][5]["metadata"]["tags"]


def slide(notebook):
    notebook["cells"][1]["metadata"]["slideshow"] = {"slide_type": "skip"}


def note(notebook):
    notebook["cells"][0]["metadata"]["lecturer"] = {"minutes": 7}


def hide(notebook):
    notebook["cells"][1]["metadata"]["jupyter"] = {"source_hidden": True}


def name(notebook):
    notebook["metadata"]["title"] = "My lesson"


def attach(notebook):
    notebook["cells"][0]["attachments"] = {"a.png": {"image/png": "AA=="}}


def retype(notebook):
    notebook["cells"][1].update(cell_type="raw")


def extend(notebook):
    notebook["lecturer"] = "Ana"


def comment(notebook):
    notebook["cells"][1]["comment"] = "slowly"


EDITS = [tag, untag, slide, note, hide, name, attach, retype, extend, comment]


@pytest.mark.parametrize("edit", EDITS)
def test_whatever_a_person_writes_in_a_notebook_survives_updates(shipped, workspace, edit):
    update_workspace(workspace, shipped)
    change(workspace / LESSON, edit)
    mine = (workspace / LESSON).read_bytes()
    release(shipped, "two")
    assert update_workspace(workspace, shipped).beside == {LESSON: "01_tiny.updated-2.ipynb"}
    assert (workspace / LESSON).read_bytes() == mine


def test_what_running_leaves_is_no_edit(shipped, workspace):
    def ran_and_looked_at(notebook):
        run(notebook)
        notebook["cells"][1]["metadata"] |= {"execution": {"iopub.status.busy": "now"}, "scrolled": True}
        notebook["cells"][1]["metadata"]["jupyter"] = {"outputs_hidden": True}
        notebook["metadata"]["kernelspec"] = {"display_name": "Python 3 (ipykernel)", "name": "python3"}
        notebook["metadata"]["widgets"] = {"application/vnd.jupyter.widget-state+json": {"state": {}}}
        notebook["nbformat_minor"] = 4

    update_workspace(workspace, shipped)
    change(workspace / LESSON, ran_and_looked_at)
    release(shipped, "two")
    assert LESSON in update_workspace(workspace, shipped).replaced


def test_line_ends_are_no_edit(shipped, workspace):
    """A course that git checked out anew with other line ends is the same course."""
    update_workspace(workspace, shipped)
    for file in ("quiz/01_tiny.yml", LESSON):
        (shipped / file).write_bytes((shipped / file).read_bytes().replace(b"\n", b"\r\n"))
    assert update_workspace(workspace, shipped).sentences() == []
    release(shipped, "two")
    (shipped / "quiz/01_tiny.yml").write_bytes(b"- id: two\r\n")
    assert "quiz/01_tiny.yml" in update_workspace(workspace, shipped).replaced


OCCUPIED = {  # what lies where a lesson belongs
    "folder": lambda path: path.mkdir(),
    "link to nowhere": lambda path: path.symlink_to("nothing"),
    "link to itself": lambda path: path.symlink_to(path),
    "pipe": lambda path: os.mkfifo(path),
}


@pytest.mark.skipif(os.name == "nt", reason="links and pipes")
@pytest.mark.parametrize("kind", OCCUPIED)
def test_what_lies_in_a_lessons_place_stops_nothing(shipped, workspace, kind):
    workspace.mkdir()
    OCCUPIED[kind](workspace / LESSON)
    done = update_workspace(workspace, shipped)
    assert done.occupied == {LESSON: "01_tiny.updated-2.ipynb"} and len(done.copied) == 3
    assert f"{LESSON} is no file; the course's own is 01_tiny.updated-2.ipynb." in done.sentences()
    assert (workspace / "01_tiny.updated-2.ipynb").read_bytes() == (shipped / LESSON).read_bytes()
    assert not (workspace / LESSON).is_file() and page_to_open(workspace, shipped) == "01_tiny.updated-2.ipynb"
    assert update_workspace(workspace, shipped).sentences() == [], "said once, not at every start"
    release(shipped, "two")
    update_workspace(workspace, shipped)
    assert (workspace / "01_tiny.updated-2.ipynb").read_bytes() == (shipped / LESSON).read_bytes()


@pytest.mark.skipif(os.name == "nt", reason="links and pipes")
@pytest.mark.parametrize("kind", OCCUPIED)
def test_the_learners_own_oddities_stop_nothing(shipped, workspace, kind):
    update_workspace(workspace, shipped)
    for file in ("00_mine.ipynb", "99_mine.ipynb", "01_tiny.updated-2.ipynb", "figures/mine.svg"):
        OCCUPIED[kind](workspace / file)
    change(workspace / LESSON, solve)
    release(shipped, "two")
    assert update_workspace(workspace, shipped).beside == {LESSON: "01_tiny.updated-3.ipynb"}
    assert page_to_open(workspace, shipped) == LESSON


def test_a_folder_that_cannot_be_made_stops_nothing_else(shipped, workspace):
    workspace.mkdir()
    (workspace / "solutions").write_text("mine")
    done = update_workspace(workspace, shipped)
    assert set(done.copied) == {LESSON, "figures/tiny.svg", "quiz/01_tiny.yml"}
    [sentence] = [each for each in done.sentences() if "could not be" in each]
    assert sentence.startswith(f"solutions/{LESSON} could not be brought up to date (")
    (workspace / "solutions").unlink()
    assert update_workspace(workspace, shipped).copied == [f"solutions/{LESSON}"]


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="permissions, which root does not have")
def test_a_lesson_that_may_not_be_read_stops_nothing_else(shipped, workspace):
    update_workspace(workspace, shipped)
    (workspace / LESSON).chmod(0)
    release(shipped, "two")
    done = update_workspace(workspace, shipped)
    assert done.replaced == [f"solutions/{LESSON}"] and done.failed == {LESSON: "permission denied"}


@pytest.mark.parametrize("n_written", range(1, 6))
def test_a_kill_in_the_first_copy_makes_nobody_the_author(shipped, workspace, monkeypatch, n_written):
    """Whatever was written until then, a newer version finds nothing that looks like a learner's work."""
    written = []

    class Killed(BaseException):
        pass

    def dies(path, content):
        if len(written) == n_written:
            raise Killed
        written.append(path)
        write_whole(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(lab, "write_whole", dies)
        with pytest.raises(Killed):
            update_workspace(workspace, shipped)
    release(shipped, "two")
    done = update_workspace(workspace, shipped)
    assert not done.beside and (workspace / LESSON).read_bytes() == (shipped / LESSON).read_bytes()
    assert len([path for path in workspace.rglob("*") if path.is_file()]) == 5


@pytest.mark.skipif(os.name == "nt", reason="fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_two_versions_at_once_take_turns(shipped, workspace, monkeypatch):
    """Of two records written at once, one would lack the other's files, and call them the learner's."""
    newer = shipped.with_name("newer")
    shutil.copytree(shipped, newer)
    release(newer, "two")
    context = get_context("fork")
    reached, others = context.Event(), []

    def second():
        reached.set()
        update_workspace(workspace, newer)

    def slow(path, content):
        if not others:
            others.append(context.Process(target=second))
            others[0].start()
            assert reached.wait(60)
            time.sleep(0.5)
        write_whole(path, content)

    with monkeypatch.context() as patch:
        patch.setattr(lab, "write_whole", slow)
        update_workspace(workspace, shipped)
    others[0].join()
    assert others[0].exitcode == 0
    release(newer, "three")
    done = update_workspace(workspace, newer)
    assert done.beside == {} and done.replaced == [LESSON, f"solutions/{LESSON}"]


@pytest.mark.skipif(os.name == "nt", reason="pipes")
@pytest.mark.parametrize("name", [RECORD, ".mricourse.lock"])
def test_a_pipe_in_the_place_of_the_workspaces_own_files_is_refused(shipped, workspace, name):
    workspace.mkdir()
    os.mkfifo(workspace / name)
    with pytest.raises(OSError, match="no file lies there"):
        update_workspace(workspace, shipped)
    assert [path.name for path in workspace.iterdir()] == [name]


def test_a_full_disk_keeps_nobody_from_a_workspace_that_is_up_to_date(shipped, workspace, monkeypatch):
    update_workspace(workspace, shipped)

    def full(path, content):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(lab, "write_whole", full)
    assert update_workspace(workspace, shipped).sentences() == []


def test_hidden_files_of_the_course_are_not_copied(shipped, workspace):
    for file in (".0123456789ab.part.ipynb", "figures/.DS_Store", "quiz/._01_tiny.yml"):
        (shipped / file).write_text("{")
    update_workspace(workspace, shipped)
    assert [path.name for path in workspace.rglob(".*")] == [RECORD]


def test_edited_updates_are_kept_too_and_unedited_ones_replaced(shipped, workspace):
    update_workspace(workspace, shipped)
    change(workspace / LESSON, solve)
    release(shipped, "two")
    update_workspace(workspace, shipped)
    release(shipped, "three")
    assert update_workspace(workspace, shipped).beside == {LESSON: "01_tiny.updated-2.ipynb"}
    change(workspace / "01_tiny.updated-2.ipynb", solve)
    release(shipped, "four")
    assert update_workspace(workspace, shipped).beside == {LESSON: "01_tiny.updated-3.ipynb"}


@pytest.mark.parametrize("damage", ["missing", "", "{", "[]", '{"shipped": {"01_tiny.ipynb": 3}, "offered": {}}', "\0"])
def test_work_survives_a_lost_or_damaged_record(shipped, workspace, damage):
    update_workspace(workspace, shipped)
    change(workspace / LESSON, solve)
    mine = (workspace / LESSON).read_bytes()
    (workspace / RECORD).unlink() if damage == "missing" else (workspace / RECORD).write_text(damage)
    release(shipped, "two")
    update_workspace(workspace, shipped)
    assert (workspace / LESSON).read_bytes() == mine
    assert (workspace / "01_tiny.updated-2.ipynb").exists()
    (workspace / RECORD).unlink()
    update_workspace(workspace, shipped)
    assert not (workspace / "01_tiny.updated-3.ipynb").exists(), "the update that lies there is recognised"


NO_NOTEBOOKS = [b"", b"not a notebook", b"[1, 2]", b'{"cells": [{}]}', b"\xff\xfe", b"[" * 100_000]


@pytest.mark.parametrize("content", NO_NOTEBOOKS)
def test_a_file_that_is_no_notebook_is_kept(shipped, workspace, content):
    update_workspace(workspace, shipped)
    (workspace / LESSON).write_bytes(content)
    release(shipped, "two")
    update_workspace(workspace, shipped)
    assert (workspace / LESSON).read_bytes() == content


def test_an_update_killed_before_its_record_does_no_harm(shipped, workspace, monkeypatch):
    update_workspace(workspace, shipped)
    old = (workspace / RECORD).read_bytes()
    release(shipped, "two")
    update_workspace(workspace, shipped)
    (workspace / RECORD).write_bytes(old)  # as if the process had died before writing it
    assert update_workspace(workspace, shipped).sentences() == []
    release(shipped, "three")
    assert LESSON in update_workspace(workspace, shipped).replaced


def test_the_lesson_last_worked_on_opens(shipped, workspace):
    (shipped / "02_next.ipynb").write_bytes((shipped / LESSON).read_bytes().replace(b"tiny", b"next"))
    update_workspace(workspace, shipped)
    assert page_to_open(workspace, shipped) == LESSON and last_touched(workspace) is None
    change(workspace / "02_next.ipynb", run)
    assert last_touched(workspace) == "02_next.ipynb"
    assert page_to_open(workspace, shipped) == "02_next.ipynb"
    change(workspace / LESSON, solve)
    os.utime(workspace / "02_next.ipynb", (1, 1))
    assert page_to_open(workspace, shipped) == LESSON
    (workspace / "START.md").write_text("# Start")
    assert page_to_open(workspace, shipped) == "START.md"


def test_a_workspace_that_cannot_be_is_refused(shipped, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(NotADirectoryError, match="is a file; expected a folder"):
        update_workspace(tmp_path / "file", shipped)
    with pytest.raises(FileNotFoundError, match="no lessons"):
        update_workspace(tmp_path / "new", tmp_path / "nothing here")


def test_jupyter_asks_nothing_from_the_network_and_uses_this_python(shipped, workspace, monkeypatch):
    monkeypatch.setattr("mricourse.classroom.lab.NOTEBOOKS", shipped)
    monkeypatch.setattr("mricourse.classroom.lab.page_to_open", lambda workspace: "START.md")
    command = jupyter_command(workspace, browser=False, extra=("--port=1234",))
    assert command[:3] == [sys.executable, "-m", "jupyterlab"] and command[-1] == "--port=1234"
    assert f"--ServerApp.root_dir={workspace}" in command and "--no-browser" in command
    assert "--LabApp.extension_manager=readonly" in command and "--LabApp.default_url=/lab/tree/START.md" in command
    assert "--no-browser" not in jupyter_command(workspace)


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_the_lab_serves_the_workspace_and_ctrl_c_ends_it(shipped, workspace, tmp_path):
    """The real JupyterLab, in a folder with spaces and accents; it asks for no news and leaves no process."""
    update_workspace(workspace, shipped)
    program = f"""
import signal
from pathlib import Path

import mricourse.classroom.lab as lab

signal.signal(signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs ignore it
lab.page_to_open = lambda workspace: {LESSON!r}
lab.open_lab(Path({str(workspace)!r}), browser=False, extra=("--port=0", "--IdentityProvider.token=t"))
"""
    runtime = tmp_path / "runtime"
    environment = {**os.environ, "JUPYTER_RUNTIME_DIR": str(runtime), "JUPYTER_DATA_DIR": str(tmp_path / "data")}
    server = subprocess.Popen([sys.executable, "-c", program], env=environment, stderr=subprocess.PIPE, text=True)
    try:
        address = wait_for_server(runtime, server)
        names = {entry["name"] for entry in json.loads(get(f"{address}api/contents?token=t"))["content"]}
        assert names == {LESSON, "solutions", "figures", "quiz"}
        page = get(f"{address}lab?token=t")
        assert '"@jupyterlab/apputils-extension:announcements"' in page.split('"disabledExtensions"')[1].split("]")[0]
        server.send_signal(signal.SIGINT)
        said = server.communicate(timeout=30)[1]
        assert server.returncode == 0 and "Traceback" not in said
    finally:
        server.kill()
        server.communicate()


def wait_for_server(runtime, server):
    for _ in range(600):
        for path in runtime.glob("jpserver-*.json"):
            try:
                address = json.loads(path.read_text())["url"]
                get(f"{address}api/status?token=t")
                return address
            except (OSError, ValueError):
                continue
        assert server.poll() is None, server.stderr.read()
        time.sleep(0.1)
    raise TimeoutError("JupyterLab did not start within a minute")


def get(address):
    with urllib.request.urlopen(address, timeout=10) as answer:
        return answer.read().decode()
