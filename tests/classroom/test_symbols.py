"""Symbols: what the tokenizer sees in the LaTeX of lessons, and what is said about symbols that do not fit."""

import pytest

from mricourse.classroom.symbols import letters, problems, readable, symbols_of, symbols_page

FORMULAS = {  # LaTeX -> its base letters
    r"y = A x + n": "y A x n",
    r"\hat x = \arg\min_x \tfrac12\lVert A x - y\rVert_2^2 + \lambda\lVert\Psi x\rVert_1": r"x A y \lambda \Psi",
    r"x_c = S_c\, x": "x S",
    r"x_\mathrm{ref} + z_{k+1} - \rho_1^{(k)}": r"x z \rho",
    r"\sigma_\text{SENSE} / \sigma_\text{full} = g\sqrt R": r"\sigma g R",
    r"A^H = S^H F^H M, \quad \mathcal F\{\mathbf{x}\} \in \mathbb{C}^{N}": r"A S F M \mathcal{F} \mathbf{x}",
    r"e^{-2\pi i k y / n_y} + 10^{x/20} + 2^{-n}": "k y n x",
    r"\exp(-t / T_2) \, \mathrm{e}^{\varphi}": r"t T",
    r"\frac{dL}{dw} = \int_0^1 f(t)\, dt, \qquad \frac{\partial L}{\partial w}": "L w f t",
    r"d = 3,\; \nabla L(w),\; \Delta k = 1 / \mathrm{FOV}": "d L w k",
    r"g = \sqrt{[(S^H\Psi^{-1}S)^{-1}]_{ii}}": r"g S \Psi",
    r"\begin{aligned} a &= b \\ c &= \operatorname{sinc}(\varepsilon) \end{aligned}": r"a b c \varepsilon",
    r"\mathrm{PSNR} = 20 \log_{10} \frac{\text{brightest of } x}{\max_i e}": "x e",
    r"\langle A u, v \rangle = \langle u, A^H v \rangle, \ldots, \|v\|": "A u v",
    r"\tilde{\boldsymbol\rho} \approx \overline{\rho}": r"\boldsymbol{\rho} \rho",
    r"128 \times 96 = 12\,288\ \mathrm{pixels} \Longrightarrow \pi": "",
}


@pytest.mark.parametrize("latex", FORMULAS)
def test_base_letters_of_a_formula(latex):
    assert letters(latex) == FORMULAS[latex].split()


def test_letters_of_indices():
    assert letters(r"S_c x_{k+1} \sigma_\text{full} a_\nu", indices=True) == ["c", "k", r"\nu"]


DECLARED = {
    "x": "image",
    r"\hat n_c": "noise of coil c",
    r"\sigma_\text{full}": "noise",
    r"\beta_1": "share",
    "A^H": "adjoint",
}
TEXT = [r"x + \hat{n}_c", r"\sigma_{\mathrm{full}} + \beta_{1}", r"A^{H} x", "c"]


def test_symbols_are_found_however_they_are_braced():
    assert problems("03_sense", DECLARED, TEXT) == []


def test_problems_name_lesson_symbol_and_formula():
    said = problems("03_sense", {**DECLARED, "Q": "nothing", r"\al": "half a command"}, [*TEXT, r"\alpha\,x = B"])
    assert said == [
        "03_sense declares Q in notebooks/symbols/03_sense.yml, but no formula uses it: take it out, or write it as "
        "the formula does.",
        r"03_sense declares \al in notebooks/symbols/03_sense.yml, but no formula uses it: take it out, or write it as "
        "the formula does.",
        r"03_sense uses \alpha in $\alpha\,x = B$, and notebooks/symbols/03_sense.yml does not declare it: add "
        r"`\alpha: what it means`.",
        r"03_sense uses B in $\alpha\,x = B$, and notebooks/symbols/03_sense.yml does not declare it: add "
        "`B: what it means`.",
    ]


@pytest.fixture
def declare(tiny_course):
    def write(text):
        (tiny_course / "symbols").mkdir(exist_ok=True)
        (tiny_course / "symbols/01_tiny.yml").write_text(text, encoding="utf-8")
        return tiny_course

    return write


def test_declarations_are_texts_whatever_yaml_makes_of_them(declare):
    folder = declare("y: data, (ky, kx)\nn: 1\n\\lambda: weight\n\\rho_1, \\rho_2: two pixels\n")
    declared = {"y": "data, (ky, kx)", "n": "1", r"\lambda": "weight", r"\rho_1": "two pixels", r"\rho_2": "two pixels"}
    assert symbols_of("01_tiny", folder) == declared
    assert symbols_of("02_none", folder) is None


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("x: image\nx: something else\n", "01_tiny.yml declares x twice; expected one meaning a lesson."),
        ("x: image\nx, y: both\n", "01_tiny.yml declares x twice"),
        ("x:\n", "no mapping of symbols to meanings"),
        ("- x\n", "no mapping of symbols to meanings"),
        ("", "no mapping"),
        ("x: [\n", "cannot be read"),
    ],
)
def test_declarations_that_are_none_are_refused(declare, text, words):
    with pytest.raises(ValueError, match=words):
        symbols_of("01_tiny", declare(text))


def test_the_table_has_a_section_a_lesson(declare):
    page = symbols_page(declare("S_c: map of coil c, |S| at most 1\nH: A^H A + \\lambda I\n"))
    assert "## [1 · A tiny lesson](01_tiny.ipynb)" in page
    assert "| $S_c$ | map of coil c, \\|S\\| at most 1 |" in page and "| $H$ | A^H A + λ I |" in page


def test_a_course_without_declarations_says_so(tiny_course):
    assert "No lesson declares symbols yet" in symbols_page(tiny_course)


def test_greek_names_become_letters():
    assert readable(r"\lambda, \Psi and \varphi, \frac") == r"λ, Ψ and \varphi, \frac"
