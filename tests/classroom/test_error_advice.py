"""Errors as Python and PyTorch raise them here are explained with their numbers; others are passed on as they are."""

import math
import re

import pytest
import torch

from mricourse import SenseOperator, fft2c
from mricourse.classroom.error_advice import ADVICE, advice_on, why_it_stops

k = torch.ones(27, 22, dtype=torch.complex64)
x = torch.ones(27, 22)
s = torch.ones(2, 27, 22)
lines = torch.arange(27)[:, None] % 3 == 0
A = SenseOperator(torch.ones(1, 4, 4, dtype=torch.complex64), torch.ones(4, 1) > 0)


def my_function(a):
    return a


def reads_too_early():
    if not len(x):
        value = 1
    return value


def endless():
    return endless()


def put(target, place, values):
    target.clone()[place] = values


RAISED = [
    ("mask (27, 1) does not fit the tensor (27, 22)", lambda: k[lines]),
    ("mask (27, 1) does not fit the tensor (2, 27, 22)", lambda: s[lines]),
    ("mask (27,) does not fit the tensor (22, 27)", lambda: k.T[lines[:, 0]]),
    ("shape (9, 22) are chosen, and on the right stand numbers of the shape (27, 22)", lambda: put(k, lines[:, 0], k)),
    ("than the tensor has axes, 2", lambda: k[0, 0, 0]),
    ("no entry along axis 0", lambda: torch.zeros(0)[0]),
    ("axis 1 has one place, number 0", lambda: lines[0, 5]),
    ("axis 0 has one place, number 0", lambda: s[:1][1]),
    ("Number 27 does not exist: along axis 0 there are 27", lambda: k[27]),
    ("no negative step", lambda: k[::-1]),
    ("grows by `append`", lambda: [].__setitem__(0, 1)),
    ("The list is shorter", lambda: [1, 2][2]),
    ("along axis 1 one has 22 places, the other 27", lambda: k + k.T),
    ("2 axes does not fit into a place of 0", lambda: put(k, (0, 0), k)),
    ("2 axes does not fit into a place of 1", lambda: x.expand(3)),
    ("only an axis of 1 is stretched", lambda: x[0].expand(27)),
    ("shape (27, 22) does not fit into (3, 3)", lambda: put(k, (slice(3), slice(3)), k)),
    ("shapes (27, 22) and (27, 22) cannot be multiplied", lambda: k @ k),
    ("cannot be multiplied with `@`", lambda: k @ torch.ones(3, dtype=k.dtype)),
    ("number 0 has (27, 22), number 1 has (22, 27)", lambda: torch.stack([k, k.T])),
    ("joins along axis 0, and all other axes have to be equal: here 22 meets 27", lambda: torch.cat([k, k.T])),
    ("one has 1, another 2", lambda: torch.cat([k[0], k])),
    ("594 numbers cannot become one of the shape (5, 5)", lambda: k.reshape(5, 5)),
    ("write `reshape`", lambda: k.T.view(-1)),
    ("no axis 2: its axes are 0 to 1", lambda: k.sum(2)),
    ("one axis for each shift", lambda: k.roll((1, 2))),
    ("takes 3 channels and got 4", lambda: torch.conv2d(torch.ones(1, 4, 9, 9), torch.ones(5, 3, 2, 2))),
    ("and (27, 22) came: `x[None]`", lambda: torch.conv2d(x, torch.ones(5, 3, 2, 2))),
    ("axes are too few or too many", lambda: torch.conv2d(torch.ones(1, 1, 1, 4, 4), torch.ones(5, 1, 2, 2))),
    ("with its gaps, is larger", lambda: torch.conv2d(torch.ones(1, 1, 2, 2), torch.ones(1, 1, 3, 3))),
    ("take vectors", lambda: torch.vdot(k, k)),
    ("a row for each equation", lambda: torch.linalg.lstsq(x, torch.ones(22, 1))),
    ("has no inverse", lambda: torch.linalg.solve(torch.zeros(2, 2), torch.ones(2))),
    ("want one True or False", lambda: 1 if lines else 0),
    ("One number is needed", lambda: math.sqrt(x)),
    ("`torch.stack([a, b])`", lambda: torch.tensor([x, x])),
    ("`view_as_real` takes complex numbers", lambda: torch.view_as_real(x)),
    ("Complex numbers have no order", lambda: k.max()),
    ("Complex numbers have no order", lambda: k.sort()),
    ("Complex numbers have no order", lambda: k.argmax()),
    ("Complex numbers have no order", lambda: torch.maximum(k, k)),
    ("Complex numbers have no order", lambda: k > 0),
    ("Real numbers belong here", lambda: torch.nn.functional.avg_pool2d(k[None], 2)),
    ("Real numbers belong here", lambda: torch.nn.functional.leaky_relu(k)),
    ("Real numbers belong here", lambda: torch.erf(k)),
    ("Real numbers belong here", lambda: k // 2),
    ("Real numbers belong here", lambda: put(x, 0, 1j)),
    ("Real numbers belong here", lambda: float(1j * k[0, 0])),
    ("`cmath.exp(z)`", lambda: math.exp(1j)),
    ("`quantile` takes real numbers", lambda: torch.quantile(k, 0.5)),
    ("a share, 0 to 1, and got 90", lambda: torch.quantile(x, 90)),
    ("make two channels of them", lambda: torch.conv2d(k[None], torch.ones(1, 1, 3, 3))),
    ("loses the imaginary part", lambda: torch.conv2d(x[None], torch.ones(1, 1, 3, 3, dtype=k.dtype))),
    ("loses the imaginary part", lambda: k @ torch.ones(22, 3)),
    ("loses the imaginary part", lambda: torch.ones(3, 27) @ k),
    ("single and double precision", lambda: k @ torch.ones(22, 3, dtype=torch.complex128)),
    ("single and double precision", lambda: x @ torch.ones(22, 3).double()),
    ("Masks are not subtracted", lambda: lines - lines),
    ("turned round with `~mask`", lambda: 1 - lines),
    ("numbers came: use the mask itself", lambda: ~x),
    ("True and False: `mask.bool()`", lambda: k.masked_fill(lines.int(), 0)),
    ("`where` does not take what it got", lambda: torch.where(lines, k)),
    ("A tuple has no axes", lambda: tuple(k)[:, 0]),
    ("has to be a whole number", lambda: k[1.5:]),
    ("has to be a whole number", lambda: k[1.5]),
    ("has to be a whole number", lambda: tuple(k)[1.5:]),
    ("has to be a whole number", lambda: range(2.5)),
    ("has to be a whole number", lambda: torch.zeros(3, 4.5)),
    ("`mask.bool()`, or whole numbers", lambda: k[lines.float()]),
    ("a torch.Size came", lambda: range(k.shape)),
    ("a list came", lambda: range([3])),
    ("Whole numbers belong here, and a tensor came", lambda: range(x)),
    ("Whole numbers belong here, and a tensor came", lambda: [1, 2][lines]),
    ("Whole numbers belong here, and a tensor came", lambda: torch.zeros(x)),
    ("`torch.tensor(z)`", lambda: torch.exp(2j)),
    ("got a list", lambda: torch.mean([1.0, 2.0])),
    ("`math` takes numbers", lambda: torch.sqrt(2.0)),
    ("It takes a list", lambda: torch.stack(x, x)),
    ("A list of tensors is no tensor", lambda: [x, x].abs()),
    ("Tensors on two devices meet", lambda: x + torch.ones(27, 22, device="meta")),
    ("`t.detach().numpy()`", lambda: x.clone().requires_grad_().numpy()),
    ("`my_function` got more things", lambda: my_function(1, 2)),
    ("In `x.adjoint(...)` Python counts the `x`", lambda: A.adjoint(k, 2)),
    ("`put` needs more arguments: 'place' and 'values'.", lambda: put(1)),
    ("`adjoint` needs more arguments: 'kspace'.", lambda: A.adjoint()),
    ("more or fewer names", lambda: [a for a, b, c in [k.shape]]),
    ("`A.forward(image)`", lambda: A(k)),
    ("`A.forward(image)`", lambda: A.H),
    ("That is a module", lambda: torch.fft(k)),
    ("something of type `Tensor`", lambda: k(2)),
    ("Several names stand", lambda: [a for a, b in [3]]),
    ("is None", lambda: None + k),
    ("is None", lambda: {}.get("a")()),
    ("is None", lambda: [a for a, b in [None]]),
    ("is None", lambda: torch.stack([None])),
    ("`Tensor` has no `sizes`", lambda: k.sizes),
    ("without its round brackets", lambda: k / k.norm),
    ("without its round brackets", lambda: x.abs.sum()),
    ("without its round brackets", lambda: fft2c[x]),
    ("without its round brackets", lambda: torch.conv2d(x.relu, torch.ones(1, 1, 3, 3))),
    ("compare the number, order and kind", lambda: torch.conv2d([x], torch.ones(1, 1, 3, 3))),
    ("`+` cannot combine `dict` with `int`", lambda: {} + 1),
    ("no whole numbers", lambda: torch.arange(3).mean()),
    ("have no mean", lambda: lines.mean()),
    ("`float` stands in a list for tensors", lambda: torch.stack([1.0])),
    ("take two real tensors", lambda: torch.polar(k, k)),
    ("`maske` has no value", lambda: eval("maske")),
    ("`value` is read before it has a value", lambda: reads_too_early()),
    ("calls itself without an end", lambda: endless()),
    ("divided by zero", lambda: 1 / 0),
]


def error_of(function):
    with pytest.raises(Exception) as raised:
        function()
    return raised.value


@pytest.mark.parametrize(("words", "function"), RAISED)
def test_a_common_error_is_explained_with_its_numbers(words, function):
    assert words in advice_on(error_of(function))


def test_every_sentence_is_reached_and_none_hides_behind_a_wider_one():
    said = [" ".join(str(error_of(function)).split()).rstrip(".") for _, function in RAISED]
    first = {next(place for place, (pattern, _) in enumerate(ADVICE) if re.search(pattern, words)) for words in said}
    assert [ADVICE[place] for place in sorted(set(range(len(ADVICE))) - first)] == []


@pytest.mark.parametrize(
    "error",
    [
        lambda: torch.ones(2, dtype=torch.int8).fill_(1000),
        lambda: torch.full((2,), 1e9, dtype=torch.half),
        lambda: str(k)["a"],
        lambda: k[{}],
    ],
)
def test_what_only_looks_like_a_common_error_is_not_explained(error):
    assert advice_on(error_of(error)) == ""


@pytest.mark.parametrize("sentence", [sentence for _, sentence in ADVICE])
def test_what_is_said_is_a_sentence(sentence):
    assert sentence[0] in "`{" or sentence[0].isupper() or sentence.startswith("conv2d")
    assert sentence[-1] in ".?)" and len(sentence) < 260


def test_what_is_not_known_is_passed_on():
    assert advice_on(ValueError("kspace has shape (3,); expected (ky, kx).")) == ""
    said = why_it_stops(ValueError("two\nlines."))
    assert said == "Your function stops with ValueError: two lines."
    assert why_it_stops(ValueError()) == "Your function stops with ValueError: no reason given."
    assert why_it_stops(ValueError(500 * "x")).count("x") < 200


def test_the_line_is_the_learner_s_and_not_the_library_s():
    def mine():
        picture = k[0]
        return SenseOperator.forward(A, picture)  # stops inside the library

    error = error_of(mine)
    assert "at `return SenseOperator.forward(A, picture)" in why_it_stops(error, mine)
    assert "`" not in why_it_stops(error).split("with")[0]


def test_the_first_line_is_spoken_of_only_where_the_check_s_call_does_not_fit_it():
    def mine(image):
        return my_function(image, 2)

    other = {}
    exec("def my_other(image):\n    return image", other)  # in another file, as in another cell
    error = error_of(lambda: mine(k))
    assert why_it_stops(error, mine).startswith("`my_function` got more things")
    error = error_of(lambda: other["my_other"](k, 2))
    assert why_it_stops(error, other["my_other"]).startswith("Keep the first line of the function")
