"""The glossary: bold terms with the sentences that define them, taken from the text."""

import pytest

from mricourse.classroom.glossary import glossary, glossary_page, terms

TEXT = """\
# %% [markdown]
# # {number} · {title}
#
# **You will be able to**
# - say what **folding** is, e.g. here: **folding** is what happens when two pixels
#   share one value.
#
# | **Prerequisites** | Time |
# |---|---|
# | none | 5 minutes |

# %% [markdown]
# ## What **bold** in a heading does: nothing
#
# **Check yourself.** This is no term. **Go on:** nor this. **Why?** Nor this.
#
# - **Unfold.** We undo it. A **coil map** $S_c$ says how strongly coil $c$ hears each pixel.
# - Two words: the **mask** keeps, and the **comb** repeats.
#
# The coil sees
#
# $$ x_c = S_c\\, x . $$
#
# This is the **forward model**. *It* has
# $$ y = A x , $$
# where $A$ is the **operator**, the sum of all (et al. included). Not this sentence.
#
# ```python
# print("**no term**")
# ```
#
# <details><summary>A **summary**</summary>
#
# **Null space** is what a matrix sends to zero.
#
# </details>

# %% [markdown] tags=["solution"]
# The **secret** is out.
"""


@pytest.fixture
def course(tiny_course):
    for number, name, title in ((2, "02_first", "First"), (3, "03_second", "Second"), (4, "04_old", "Old")):
        text = TEXT.format(number=number, title=title)
        text = text.replace("forward model", "Forward-Models") if number == 3 else text
        (tiny_course / "source" / f"{name}.py").write_text(text, encoding="utf-8")
    (tiny_course / "symbols").mkdir()
    for name in ("02_first", "03_second"):
        (tiny_course / "symbols" / f"{name}.yml").write_text("x: image\n", encoding="utf-8")
    return tiny_course


def test_terms_and_their_sentences(course):
    found = dict(terms(course / "source/02_first.py"))
    assert found == {
        "folding": "say what **folding** is, e.g. here: **folding** is what happens when two pixels share one value.",
        "coil map": "A **coil map** $S_c$ says how strongly coil $c$ hears each pixel.",
        "mask": "Two words: the **mask** keeps, and the **comb** repeats.",
        "comb": "Two words: the **mask** keeps, and the **comb** repeats.",
        "forward model": "This is the **forward model**.",
        "operator": "*It* has $y = A x$, where $A$ is the **operator**, the sum of all (et al. included).",
        "Null space": "**Null space** is what a matrix sends to zero.",
    }


def test_a_term_of_two_lessons_stands_once_with_a_link_to_the_second(course):
    entries = {entry.term: entry for entry in glossary(course)}
    assert list(entries) == sorted(entries, key=str.casefold) and len(entries) == 7
    assert entries["forward model"].lesson == "02_first" and entries["forward model"].again == ("03_second",)
    page = glossary_page(course)
    assert (
        "- **forward model**: This is the forward model. ([2 · First](02_first.ipynb); "
        "again in [3 · Second](03_second.ipynb))" in page
    )
    assert "04_old" not in page, "a lesson takes part when it declares its symbols"


def test_letters_are_headings(course):
    page = glossary_page(course)
    assert page.startswith("# Glossary\n") and page.count("\n## C\n") == 1 and page.index("## C") < page.index("## N")


def test_a_course_without_terms_says_so(tiny_course):
    assert "No lesson defines a term yet" in glossary_page(tiny_course)
