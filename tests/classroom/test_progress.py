"""Progress is kept whole: by several notebooks at once, under kills, and beside files that are something else."""

import json
from multiprocessing import get_context

import pytest

from mricourse.classroom.progress import FILE, Progress


@pytest.fixture
def progress(tmp_path):
    return Progress(tmp_path)


def test_nothing_is_there_at_first_and_looking_makes_nothing(progress, tmp_path):
    assert progress.lessons() == [] and progress.answers("01_kspace") == {} and progress.solved("01_kspace") == set()
    assert list(tmp_path.iterdir()) == []


def test_answers_are_kept_with_their_tries(progress):
    progress.note_answer("01_kspace", "ghosts", 2, right=False)
    progress.note_answer("01_kspace", "ghosts", 0, right=True)
    progress.note_answer("03_sense", "why", "Denn: ρ₁ ≠ ρ₂", right=None)
    ghosts = progress.answers("01_kspace")["ghosts"]
    assert (ghosts.answer, ghosts.right, ghosts.tries) == (0, True, 2) and ghosts.when.startswith("20")
    assert progress.answers("03_sense")["why"].answer == "Denn: ρ₁ ≠ ρ₂"
    assert progress.lessons() == ["kspace", "sense"]


def test_an_exercise_is_solved_once(progress):
    progress.note_solved("01_kspace", "my_fft2c")
    first = progress.path.read_bytes()
    progress.note_solved("01_kspace", "my_fft2c")
    assert progress.solved("01_kspace") == {"my_fft2c"} and progress.path.read_bytes() == first


def test_a_lesson_may_change_its_number(progress):
    progress.note_solved("04_compressed_sensing", "my_fista")
    assert progress.solved("05_compressed_sensing") == {"my_fista"}
    old = {"version": 1, "answers": {}, "solved": {"04_compressed_sensing": {"my_fista": "2026-11-01"}}}
    progress.path.write_text(json.dumps(old), encoding="utf-8")
    assert progress.solved("05_compressed_sensing") == {"my_fista"}


@pytest.mark.parametrize(
    "content",
    ["", "{", "[]", '{"version": 2, "answers": {}, "solved": {}}', '{"version": 1}', "[" * 100_000,
     '{"version": 1, "answers": {"01": {"q": {"answer": 1}}}, "solved": {}}', b"\xff\xfe"],
)  # fmt: skip
def test_a_file_that_is_something_else_is_refused_and_left_alone(progress, content):
    before = content if isinstance(content, bytes) else content.encode()
    progress.path.write_bytes(before)
    for use in (progress.lessons, lambda: progress.note_solved("01_kspace", "my_fft2c")):
        with pytest.raises(ValueError, match="rename it, and a new one is begun"):
            use()
    assert progress.path.read_bytes() == before


def note_many(folder, number):
    for i in range(20):
        Progress(folder).note_answer("01_kspace", f"q{number}-{i}", i, right=True)


@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_several_notebooks_at_once_lose_nothing(tmp_path):
    context = get_context("spawn")
    writers = [context.Process(target=note_many, args=(tmp_path, number)) for number in range(3)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join(60)
    assert [writer.exitcode for writer in writers] == [0, 0, 0]
    assert len(Progress(tmp_path).answers("01_kspace")) == 60
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_the_file_is_plain_json_that_a_person_can_read(progress):
    progress.note_answer("01_kspace", "ghosts", [0, 2], right=False)
    content = json.loads(progress.path.read_text(encoding="utf-8"))
    assert content["version"] == 1 and content["answers"]["kspace"]["ghosts"]["answer"] == [0, 2]
