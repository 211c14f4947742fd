"""Writing: at every moment the old file is there or the new one, whoever dies, fills the disk or writes as well."""

import os
import signal
import subprocess
import sys
import textwrap
import time
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import pytest

from mricourse.files import SCRATCH, check_folder, check_writable, exclusive, make_folder, visible_files, write_whole

pytestmark = pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")  # of fork
posix = pytest.mark.skipif(os.name == "nt", reason="kills and limits as POSIX has them")


def run_python(program, *words, file_size=None, **options):
    """Run a program in a process of its own, whose files may have at most that many bytes, as on a full disk."""
    limit = f"import resource; resource.setrlimit(resource.RLIMIT_FSIZE, ({file_size}, {file_size}))\n"
    code = ("" if file_size is None else limit) + textwrap.dedent(program)
    command = [sys.executable, "-c", code, *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, **options)


def test_a_file_is_replaced_and_a_link_stays_one(tmp_path):
    write_whole(tmp_path / "new" / "a.txt", "one\r\n")
    (tmp_path / "link.txt").symlink_to(tmp_path / "new" / "a.txt")
    write_whole(tmp_path / "link.txt", "zwei\n")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "new" / "a.txt").read_bytes() == b"zwei\n"
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["a.txt"]


@posix
def test_nothing_is_put_in_the_place_of_a_pipe(tmp_path):
    """Nor of a device: a link to /dev/full made a file of it."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link.png").symlink_to(tmp_path / "pipe")
    with pytest.raises(ValueError, match="is a device or a pipe"):
        check_writable(tmp_path / "link.png", suffixes=(".png",))
    with pytest.raises(OSError, match="no file lies there"):
        write_whole(tmp_path / "link.png", b"image")
    with pytest.raises(FileExistsError, match="no file lies there"), exclusive(tmp_path / "pipe", "busy"):
        pytest.fail("a pipe was locked")
    assert (tmp_path / "pipe").is_fifo() and len(list(tmp_path.iterdir())) == 2


KILLED = """
    import os, signal, sys
    from mricourse import files
    os.fsync = lambda number: os.kill(os.getpid(), signal.SIGKILL)
    files.write_whole(sys.argv[1], b"x" * 1000)
"""


@posix
def test_what_a_kill_leaves_fits_no_pattern_and_is_cleared_by_the_next_write(tmp_path):
    assert run_python(KILLED, tmp_path / "01_lesson.ipynb").returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".") and left.suffix == ""
    assert not any(
        left.match(pattern) for pattern in ("*.ipynb", "*.py", "*.json", "*.npy", "*.h5", "*.state", "*.yml")
    )
    write_whole(tmp_path / "02_other.ipynb", "whole")
    assert [path.name for path in tmp_path.iterdir()] == ["02_other.ipynb"]


@posix
def test_a_file_that_another_process_is_writing_is_left_to_it(tmp_path):
    program = """
        import os, sys, time
        from mricourse import files
        def wait(number):
            print("writing", flush=True)
            sys.stdin.readline()
        os.fsync = wait
        files.write_whole(sys.argv[1], b"theirs")
    """
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", textwrap.dedent(program), str(tmp_path / "a")]
    with subprocess.Popen(command, **pipes) as other:
        assert other.stdout.readline() == "writing\n"
        write_whole(tmp_path / "b", b"ours")
        assert len([path for path in tmp_path.iterdir() if path.name.startswith(SCRATCH)]) == 1
        other.communicate("go on\n", timeout=60)
    assert other.returncode == 0
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"a": b"theirs", "b": b"ours"}


def write_many(path, letter):
    for _ in range(60):
        write_whole(path, letter * 20_000)


@posix
def test_a_reader_never_sees_a_half_however_many_write(tmp_path):
    path = tmp_path / "state"
    write_whole(path, b"0" * 20_000)
    context = get_context("fork")
    writers = [context.Process(target=write_many, args=(path, letter)) for letter in (b"a", b"b", b"c")]
    for writer in writers:
        writer.start()
    seen = set()
    while any(writer.is_alive() for writer in writers):
        content = path.read_bytes()
        assert len(content) == 20_000 and len(set(content)) == 1
        seen.add(content[:1])
    for writer in writers:
        writer.join()
        assert writer.exitcode == 0
    assert len(seen) > 1 and [each.name for each in tmp_path.iterdir()] == ["state"]


WRITERS = {  # what the product writes -> how
    "image.h5": "from mricourse.datasets.scan_files import write_image; write_image(torch.ones(64, 64) + 0j, path)",
    "image.npy": "from mricourse.datasets.scan_files import write_image; write_image(torch.ones(64, 64) + 0j, path)",
    "image.png": "from mricourse.datasets.scan_files import write_image; write_image(torch.rand(64, 64) + 0j, path)",
    "page.html": "from mricourse.files import write_whole; write_whole(path, '<p>' * 2000)",
    "denoiser.json": """
from mricourse.training.checkpoints import load_checkpoint, save_checkpoint
loaded = load_checkpoint("denoiser")
limit()
save_checkpoint(loaded.network, loaded.card, path.parent)""",
    "small.state": """
from mricourse.training.state import History, save_state
network = torch.nn.Linear(64, 64)
save_state(path, "a", network, torch.optim.Adam(network.parameters()), History(), None)""",
}


@posix
@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_ends_in_one_sentence_and_leaves_what_was_there(tmp_path, name):
    (tmp_path / name).write_bytes(b"before")
    program = f"""
import resource, sys, torch
from pathlib import Path
path = Path(sys.argv[1])
def limit():
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
{"" if "limit()" in WRITERS[name] else "limit()"}
try:
    {WRITERS[name].strip().replace(chr(10), chr(10) + "    ")}
except OSError as error:
    print(error)
else:
    print("it was written")
"""
    done = run_python(program, tmp_path / name)
    assert done.returncode == 0 and done.stderr == "", done.stderr
    assert "File too large" in done.stdout and done.stdout.count("\n") == 1 and done.stdout.endswith(".\n")
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {name: b"before"}


@posix
@pytest.mark.parametrize("suffix", [".h5", ".npy", ".png"])
def test_reconstruct_on_a_full_disk_ends_with_exit_code_2(tmp_path, suffix):
    rng = np.random.default_rng(0)
    np.save(tmp_path / "scan.npy", (rng.normal(size=(1, 64, 64)) + 1j * rng.normal(size=(1, 64, 64))).astype("c8"))
    program = "from mricourse.commands.app import main; import sys; main(sys.argv[1:])"
    words = ["reconstruct", tmp_path / "scan.npy", "-o", tmp_path / f"image{suffix}", "--device", "cpu"]
    done = run_python(program, *words, file_size=500)
    assert done.returncode == 2 and done.stdout == "", (done.returncode, done.stderr)
    said = [line for line in done.stderr.splitlines() if line.startswith("mricourse: ")]
    assert len(said) == 1 and f"could not write {tmp_path}" in said[0] and "Traceback" not in done.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["scan.npy"]


def hold(path, ready, end):
    with exclusive(Path(path), "busy"):
        ready.set()
        end.wait(60)


@posix
@pytest.mark.parametrize("killed", [False, True])
def test_a_lock_is_held_by_one_process_and_ends_with_it(tmp_path, killed):
    context = get_context("fork")
    ready, end = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path / "lock", ready, end))
    other.start()
    assert ready.wait(60)
    with pytest.raises(BlockingIOError, match="busy"), exclusive(tmp_path / "lock", "busy"):
        pytest.fail("two processes held the lock")
    other.kill() if killed else end.set()
    other.join()
    with exclusive(tmp_path / "lock", "busy"):
        pass


@posix
def test_a_lock_can_be_waited_for(tmp_path):
    context = get_context("fork")
    ready, end = context.Event(), context.Event()
    other = context.Process(target=hold, args=(tmp_path / "lock", ready, end))
    other.start()
    assert ready.wait(60)
    with pytest.raises(BlockingIOError, match="busy"), exclusive(tmp_path / "lock", "busy", patience=0.2):
        pytest.fail("two processes held the lock")
    end.set()
    with exclusive(tmp_path / "lock", "busy", patience=60):
        pass
    other.join()
    assert not any(tmp_path.iterdir())


def test_hidden_files_belong_to_programs(tmp_path):
    for name in ("b.ipynb", "a.ipynb", "._a.ipynb", ".abc.part.ipynb", "notes.txt"):
        (tmp_path / name).touch()
    (tmp_path / "folder.ipynb").mkdir()
    (tmp_path / "nowhere.ipynb").symlink_to(tmp_path / "missing")
    assert [path.name for path in visible_files(tmp_path, "*.ipynb")] == ["a.ipynb", "b.ipynb"]


def test_a_write_takes_no_longer_than_it_must(tmp_path):
    start = time.perf_counter()
    for number in range(50):
        write_whole(tmp_path / str(number), b"x" * 10_000)
    assert time.perf_counter() - start < 10


def test_a_folder_is_tried_without_being_made(tmp_path):
    check_folder(tmp_path / "a" / "b")
    assert list(tmp_path.iterdir()) == []
    make_folder(tmp_path / "a" / "b")
    check_folder(tmp_path / "a" / "b")
    assert [path.name for path in tmp_path.rglob("*")] == ["a", "b"]
    (tmp_path / "file").write_text("")
    for refuse in (check_folder, make_folder):
        for path in (tmp_path / "file", tmp_path / "file" / "below"):
            with pytest.raises(OSError, match="cannot be written to .* choose another"):
                refuse(path)
