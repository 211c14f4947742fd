"""The estimate of a lesson's minutes counts what a learner meets, and nothing that is folded away or not theirs."""

import pytest

from mricourse.classroom.notebooks import read_source
from mricourse.classroom.reading_time import reading_time

HEADER = "# ---\n# jupyter:\n#   kernelspec: {display_name: Python 3, language: python, name: python3}\n# ---\n\n"


@pytest.fixture
def minutes(tmp_path):
    def measure(*cells):
        source = tmp_path / "01_tiny.py"
        source.write_text(HEADER + "\n\n".join(cells) + "\n", encoding="utf-8")
        return reading_time(read_source(source))

    return measure


def markdown(text, options=""):
    lines = "\n".join(f"# {line}".rstrip() for line in text.splitlines())
    return f"# %% [markdown]{options}\n{lines}"


def test_words_lines_figures_and_exercises(minutes):
    text = markdown("word " * 260)
    code = "# %%\nx = [\n    1,\n]\n# a comment\n\nshow_images(x)\nprint(x)"
    exercise = markdown("## Exercise 1.1 · the square  (★☆☆, about 12 min)")
    found = minutes(text, code, exercise)
    assert (found.code, found.figures, found.exercises) == (50 / 60, 0.5, 12)
    assert found.text == pytest.approx(2, abs=0.1)
    assert str(found) == "about 15 minutes (text 2, code 1, figures 0, exercises 12)"


def test_a_figure_in_a_loop_or_with_a_result_is_one_figure(minutes):
    assert minutes("# %%\nfor x in range(3):\n    plot_lines(None, x)").figures == 0.5
    assert minutes("# %%\nexplore(print, n=3)\n\n\ndef draw():\n    show_images(3)").figures == 0.5


@pytest.mark.parametrize(
    "cell",
    [
        "# %%\nimport math\nfrom os import (\n    path,\n    sep,\n)",
        '# %%\nclaim("so it is", 3, at_least=2)',
        '# %% tags=["claim"]\nx = 3\nclaim("so it is", x, at_least=2)',
        '# %% jupyter={"source_hidden": true}\nx = 3\ny = x + 1',
        '# %% tags=["check"]\nassert 1 < 2, "no"',
        '# %% tags=["exercise"]\ndef my_f(x):\n    ### BEGIN SOLUTION\n    return x\n    ### END SOLUTION',
        markdown("*Why?* Because.", ' tags=["solution"]'),
        markdown("<details><summary>Hint</summary>\n\nA long word or two.\n</details>"),
        markdown("https://doi.org/10.1000/a-long-address"),
    ],
)
def test_what_is_folded_or_not_the_learners_counts_nothing(minutes, cell):
    assert minutes(cell).total == 0 and sum(vars(minutes(cell)).values()) == 0


def test_build_prints_the_minutes_of_every_lesson(mricourse):
    code, out, _ = mricourse("build", "1")
    assert code == 0 and "01_kspace: about " in out and " minutes (text " in out
    assert "minutes" not in mricourse("build", "--check")[1]
