"""Errors as Python and PyTorch raise them here are explained with their numbers; others are passed on as they are."""

import math

import pytest
import torch

from mricourse import SenseOperator
from mricourse.classroom.error_advice import ADVICE, advice_on, stops

k = torch.ones(27, 22, dtype=torch.complex64)
x = torch.ones(27, 22)
s = torch.ones(2, 27, 22)
lines = torch.arange(27)[:, None] % 3 == 0
A = SenseOperator(torch.ones(1, 4, 4, dtype=torch.complex64), torch.ones(4, 1) > 0)


def my_function(a):
    return a


def put(target, place, values):
    target.clone()[place] = values


RAISED = {
    "it has (27, 1), the tensor (27, 22)": lambda: k[lines],
    "has (27, 1), the tensor (2, 27, 22)": lambda: s[lines],
    "it has (27,), the tensor (22, 27)": lambda: k.T[lines[:, 0]],
    "shape (9, 22) are chosen, and on the right stand numbers of the shape (27, 22)": lambda: put(k, lines[:, 0], k),
    "than the tensor has axes, 2": lambda: k[0, 0, 0],
    "no entry along axis 0": lambda: torch.zeros(0)[0],
    "one place, which stands for all": lambda: lines[0, 5],
    "Number 27 does not exist: along axis 0 there are 27": lambda: k[27],
    "grows by `append`": lambda: [].__setitem__(0, 1),
    "The list is shorter": lambda: [1, 2][2],
    "along axis 1 one has 22 places, the other 27": lambda: k + k.T,
    "2 axes does not fit into a place of 0": lambda: put(k, (0, 0), k),
    "shape (27, 22) does not fit into (3, 3)": lambda: put(k, (slice(3), slice(3)), k),
    "shapes (27, 22) and (27, 22) cannot be multiplied": lambda: k @ k,
    "cannot be multiplied with `@`": lambda: k @ torch.ones(3, dtype=k.dtype),
    "number 0 has (27, 22), number 1 has (22, 27)": lambda: torch.stack([k, k.T]),
    "joins along axis 0, and all other axes have to be equal: here 22 meets 27": lambda: torch.cat([k, k.T]),
    "one has 1, another 2": lambda: torch.cat([k[0], k]),
    "594 numbers cannot become one of the shape (5, 5)": lambda: k.reshape(5, 5),
    "write `reshape`": lambda: k.T.view(-1),
    "no axis 2: its axes are 0 to 1": lambda: k.sum(2),
    "one axis for each shift": lambda: k.roll((1, 2)),
    "takes 3 channels and got 4": lambda: torch.conv2d(torch.ones(1, 4, 9, 9), torch.ones(5, 3, 2, 2)),
    "and (27, 22) came: `x[None]`": lambda: torch.conv2d(x, torch.ones(5, 3, 2, 2)),
    "with its gaps, is larger": lambda: torch.conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 3, 3)),
    "take vectors": lambda: torch.vdot(k, k),
    "a row for each equation": lambda: torch.linalg.lstsq(x, torch.ones(22, 1)),
    "has no inverse": lambda: torch.linalg.solve(torch.zeros(2, 2), torch.ones(2)),
    "want one True or False": lambda: 1 if lines else 0,
    "One number is needed": lambda: math.sqrt(x),
    "Complex numbers have no order": lambda: k.max(),
    "Complex numbers have no order: take": lambda: k > 0,
    "`quantile` takes real numbers": lambda: torch.quantile(k, 0.5),
    "a share, 0 to 1, and got 90": lambda: torch.quantile(x, 90),
    "Numbers of two kinds meet": lambda: k @ torch.ones(22, 3),
    "turned round with `~mask`": lambda: 1 - lines,
    "numbers came: use the mask itself": lambda: ~x,
    "True and False: `mask.bool()`": lambda: k.masked_fill(lines.int(), 0),
    "`where` does not take what it got": lambda: torch.where(lines, k),
    "A tuple has no axes": lambda: tuple(k)[:, 0],
    "has to be a whole number": lambda: k[1.5:],
    "`math` takes numbers": lambda: torch.sqrt(2.0),
    "It takes a list": lambda: torch.stack(x, x),
    "A list of tensors is no tensor": lambda: [x, x].abs(),
    "Tensors on two devices meet": lambda: x + torch.ones(27, 22, device="meta"),
    "Keep the first line of the function": lambda: my_function(1, 2),
    "`put` needs more arguments": lambda: put(1),
    "more or fewer names": lambda: [a for a, b, c in [k.shape]],
    "`A.forward(image)`": lambda: A(k),
    "`A.forward(image)`,": lambda: A.H,
    "behind a Tensor": lambda: k(2),
    "Several names stand": lambda: [a for a, b in [3]],
    "is None": lambda: None + k,
    "A Tensor has no `sizes`": lambda: k.sizes,
    "without its round brackets": lambda: k / k.norm,
    "`+` cannot combine a dict and a int": lambda: {} + 1,
    "have no mean": lambda: lines.mean(),
    "A float stands in a list for tensors": lambda: torch.stack([1.0]),
    "takes two real tensors": lambda: torch.complex(k, k),
    "`maske` has no value": lambda: eval("maske"),
    "divided by zero": lambda: 1 / 0,
}


def error_of(function):
    with pytest.raises(Exception) as raised:
        function()
    return raised.value


@pytest.mark.parametrize("words", RAISED)
def test_a_common_error_is_explained_with_its_numbers(words):
    assert words in advice_on(error_of(RAISED[words]))


@pytest.mark.parametrize("sentence", [sentence for _, sentence in ADVICE])
def test_what_is_said_is_a_sentence(sentence):
    assert sentence[0] in "`{" or sentence[0].isupper() or sentence.startswith("conv2d")
    assert sentence[-1] in ".?)" and len(sentence) < 260


def test_what_is_not_known_is_passed_on():
    assert advice_on(ValueError("kspace has shape (3,); expected (ky, kx).")) == ""
    said = stops(ValueError("two\nlines."))
    assert said == "Your function stops with ValueError: two lines."
    assert stops(ValueError(), otherwise="Is the mask (ky, 1)?").startswith("Is the mask (ky, 1)? (Your function stops")
    assert stops(ValueError(500 * "x")).count("x") < 200


def test_the_line_is_the_learner_s_and_not_the_library_s():
    def mine():
        picture = k[0]
        return SenseOperator.forward(A, picture)  # stops inside the library

    error = error_of(mine)
    assert "at `return SenseOperator.forward(A, picture)" in stops(error, mine)
    assert "`" not in stops(error).split("with")[0]
