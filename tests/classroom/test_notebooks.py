"""The generator of learner and full notebooks, on a tiny lesson."""

import json
import subprocess
from pathlib import Path
from shutil import which

import pytest

from mricourse.classroom.notebooks import (
    build,
    find_lesson,
    lesson_sources,
    read_source,
    stale_notebooks,
    versions,
    write_whole,
)


def cells_of(content):
    return json.loads(content)["cells"]


@pytest.fixture
def built(tiny_course):
    build(lesson_sources(tiny_course), tiny_course)
    return tiny_course


def test_learner_version_has_stubs_and_no_answers(built):
    text = (built / "01_tiny.ipynb").read_text(encoding="utf-8")
    exercise = cells_of(text)[5]
    assert "the_answer" not in text and "secret" not in text and "SOLUTION" not in text
    assert "".join(exercise["source"]).splitlines()[-1] == "    your_turn()"
    assert exercise["metadata"]["tags"] == ["exercise", "raises-exception"]
    compile("".join(exercise["source"]), "stub", "exec")


def test_full_version_loses_only_the_markers(built):
    full = cells_of((built / "solutions/01_tiny.ipynb").read_text(encoding="utf-8"))
    answer = "".join(full[5]["source"])
    assert answer.endswith("    return the_answer") and "SOLUTION" not in answer
    assert full[5]["metadata"]["tags"] == ["exercise"]
    assert "".join(full[7]["source"]) == "*Why?* Because a secret."
    assert "../figures/tiny.svg" in "".join(full[0]["source"])


def test_notebooks_have_fixed_ids_no_outputs_and_no_foreign_metadata(built):
    for path in ("01_tiny.ipynb", "solutions/01_tiny.ipynb"):
        notebook = json.loads((built / path).read_text(encoding="utf-8"))
        *numbered, text, quiz = [cell["id"] for cell in notebook["cells"]]
        assert numbered == [f"cell-{i:03d}" for i in range(len(numbered))] and (text, quiz) == ("quiz-text", "quiz")
        assert all(cell.get("outputs", []) == [] and cell.get("execution_count") is None for cell in notebook["cells"])
        assert set(notebook["metadata"]) == {"kernelspec"}
        assert (built / path).read_bytes().endswith(b"}\n") and b"\r" not in (built / path).read_bytes()


def test_same_source_same_bytes_and_nothing_rewritten(built):
    sources = lesson_sources(built)
    assert versions(sources[0]) == versions(sources[0])
    assert build(sources, built) == [] and stale_notebooks(sources, built) == []


def test_the_line_ends_of_a_checkout_make_nothing_stale(built):
    """Git for Windows may check out every text with CRLF."""
    sources, before = lesson_sources(built), {}
    for path in [*sources, built / "01_tiny.ipynb", built / "solutions/01_tiny.ipynb"]:
        before[path] = path.read_bytes().replace(b"\n", b"\r\n")
        path.write_bytes(before[path])
    assert stale_notebooks(sources, built) == [] and build(sources, built) == []
    assert all(path.read_bytes() == content for path, content in before.items())
    (built / "01_tiny.ipynb").write_bytes(before[built / "01_tiny.ipynb"].replace(b"tiny", b"huge"))
    assert stale_notebooks(sources, built) != []


@pytest.mark.parametrize("name", [".0123456789ab.part.ipynb", "solutions/._01_tiny.ipynb"])
def test_hidden_notebooks_are_nobodys(built, name):
    """As what a killed program left, or what another system writes beside each file."""
    (built / name).write_text("{", encoding="utf-8")
    assert stale_notebooks(lesson_sources(built), built) == []


ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.skipif(not (ROOT / ".git").exists() or not which("git"), reason="not a clone, or no git")
def test_every_clone_has_the_same_bytes():
    """Text keeps its line ends wherever git would change them, and nothing else is taken for text."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout
    command = ["git", "check-attr", "-z", "--stdin", "text", "eol"]
    found = subprocess.run(command, cwd=ROOT, input=names, capture_output=True, check=True).stdout.decode().split("\0")
    attributes = {}
    for name, attribute, value in zip(found[0::3], found[1::3], found[2::3], strict=False):
        attributes.setdefault(name, {})[attribute] = value
    assert len(attributes) > 100
    for name, values in attributes.items():
        if name.endswith((".h5", ".safetensors", ".png")):
            assert values["text"] == "unset", name
        else:
            assert values == {"text": "auto", "eol": "lf"} and b"\0" not in (ROOT / name).read_bytes()[:8000], name


def test_check_names_stale_missing_and_orphaned_notebooks(built):
    (built / "01_tiny.ipynb").write_text("{}", encoding="utf-8")
    (built / "solutions/01_tiny.ipynb").unlink()
    (built / "02_gone.ipynb").write_text("{}", encoding="utf-8")
    stale = [path.as_posix() for path in stale_notebooks(lesson_sources(built), built)]
    assert stale == ["01_tiny.ipynb", "02_gone.ipynb", "solutions/01_tiny.ipynb"]


@pytest.mark.parametrize("word", ["1", "01", "01_tiny", "01_t", "01_tiny.ipynb", "01_tiny.py"])
def test_a_lesson_is_found_by_name_or_number(tiny_course, word):
    assert find_lesson(word, tiny_course).stem == "01_tiny"


@pytest.mark.parametrize("word", ["2", "tiny", "", "²", "01_tiny/", "../01_tiny"])
def test_an_unknown_lesson_is_refused_with_the_list(tiny_course, word):
    with pytest.raises(ValueError, match="The lessons are: 01_tiny"):
        find_lesson(word, tiny_course)


@pytest.mark.parametrize(
    "broken",
    [
        "### BEGIN SOLUTION\nx = 1",
        "### END SOLUTION",
        "### END SOLUTION\n### BEGIN SOLUTION",
        "### BEGIN SOLUTION\n### BEGIN SOLUTION\n### END SOLUTION\n### END SOLUTION",
        "### BEGIN ANSWER\nx = 1\n### END ANSWER",
    ],
)
def test_unbalanced_markers_are_refused(tiny_course, broken):
    source = tiny_course / "source/01_tiny.py"
    source.write_text(f"# %%\n{broken}\n", encoding="utf-8")
    with pytest.raises(ValueError, match="expected"):
        read_source(source)


def test_several_solutions_in_one_cell(tiny_course):
    source = tiny_course / "source/01_tiny.py"
    code = "def my_a():\n    ### BEGIN SOLUTION\n    return 1\n    ### END SOLUTION\n"
    source.write_text(f'# %% tags=["exercise"]\n{code}{code.replace("my_a", "my_b")}y = 2\n', encoding="utf-8")
    learner = "".join(cells_of(next(iter(versions(source).values())))[0]["source"])
    assert learner.count("your_turn()") == 2 and learner.endswith("y = 2")
    assert "return" not in learner


def test_a_source_that_is_no_text_is_refused(tiny_course):
    source = tiny_course / "source/01_tiny.py"
    source.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ValueError, match="not a UTF-8 text file"):
        read_source(source)
    with pytest.raises(FileNotFoundError, match="no lesson source"):
        read_source(source.with_name("02_none.py"))


def test_a_failed_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "file.txt"
    write_whole(path, "old")
    with pytest.raises(TypeError):
        write_whole(path, None)
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_the_last_cell_asks_the_questions_of_the_lesson(built):
    for path in ("01_tiny.ipynb", "solutions/01_tiny.ipynb"):
        last = cells_of((built / path).read_text(encoding="utf-8"))[-1]
        assert "".join(last["source"]) == 'from mricourse import quiz\n\nquiz("01_tiny")'
    (built / "quiz/01_tiny.yml").unlink()
    build(lesson_sources(built), built)
    assert "quiz(" not in (built / "01_tiny.ipynb").read_text(encoding="utf-8")
