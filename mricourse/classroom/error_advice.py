"""What an error of Python or PyTorch means in the line of a learner: one sentence, with the numbers of the error."""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable, Mapping
from types import TracebackType

__all__ = ["advice_on", "stops"]

LONGEST = 180  # characters of an error, and of a line, that are quoted

DTYPES = (
    "Numbers of two kinds meet, real with complex or single with double precision: `a.to(b.dtype)` makes those of `b` "
    "out of `a`."
)
WHOLE = "A place or a size has to be a whole number: `//` divides without a rest, `/` gives a fraction."
BATCH = "conv2d takes (batch, channels, rows, columns)"
NUMBER = (
    "One number is needed here, and a tensor of several came. `math` and `float()` take one: is a sum or a mean "
    "missing, or does a function of torch belong here?"
)
ORDER = "Complex numbers have no order: take `.abs()`, `.real` or `.imag` before you compare, cut or sort."
LIST = "A list of tensors is no tensor: `torch.stack(tensors)` makes one, with a new axis in front."
DEVICE = "Tensors on two devices meet: make new ones where the old are, by `x.new_zeros(...)` or `device=x.device`."
ONE_NUMBER = r"one element tensors can be|only tensors with one|a Tensor with \d+ elements|converted to Python scalars"
ONE_PLACE = (
    "Number {0} does not exist: along axis {1} the tensor has one place, which stands for all. So has a mask of lines, "
    "(ky, 1): `torch.where` and products stretch it, an index does not."
)
OPERATOR = "The operator A has `A.forward(image)`, `A.adjoint(kspace)` and `A.normal(image)`."

# what is found in the words of an error, and what it means; {0}, {1} are the groups, lists of sizes as (27, 1)
ADVICE: tuple[tuple[str, str], ...] = (
    (
        r"shape of the mask (\[.*?\]) at index \d+ does not match the shape of the indexed tensor (\[.*?\])",
        "In square brackets a mask needs the shape of the tensor it picks from: it has {0}, the tensor {1}. "
        "`torch.where(mask, a, b)` stretches the mask by itself; square brackets need `mask.expand(tensor.shape)`.",
    ),
    (
        r"value tensor of shape (\[.*?\]) cannot be broadcast to indexing result of shape (\[.*?\])",
        "Left of `=` places of the shape {1} are chosen, and on the right stand numbers of the shape {0}: choose them "
        "on the right in the same way, `a[mask] = b[mask]`.",
    ),
    (
        r"too many indices for tensor of dimension (\d+)",
        "More places stand in the square brackets than the tensor has axes, {0}: print its shape. (`...` stands for "
        "all axes in front, as in `kspace[..., rows, :]`.)",
    ),
    (
        r"index 0 is out of bounds for dimension (\d+) with size 0",
        "The tensor has no entry along axis {0}: was something looked for that is nowhere true?",
    ),
    (r"index (-?\d+) is out of bounds for dimension (\d+) with size 1$", ONE_PLACE),
    (
        r"index (-?\d+) is out of bounds for dimension (\d+) with size (\d+)",
        "Number {0} does not exist: along axis {1} there are {2} places, counted from 0. Does a loop or a window run "
        "past the end?",
    ),
    (r"list assignment index", "A list grows by `append`: write `values.append(...)`, not `values[i] = ...`."),
    (
        r"(list|tuple) index out of range",
        "The {0} is shorter than that: of n entries the last is number n - 1.",
    ),
    (
        r"size of tensor a \((\d+)\) must match the size of tensor b \((\d+)\) at non-singleton dimension (\d+)",
        "Two tensors of different shape meet: along axis {2} one has {0} places, the other {1}; expected equal "
        "numbers, or 1. Print both shapes. (`t[:, None]` adds an axis of 1.)",
    ),
    (
        r"number of sizes provided \((\d+)\) must be greater .* in the tensor \((\d+)\)",
        "A tensor of {1} axes does not fit into a place of {0}. (In square brackets a number takes its axis away, a "
        "slice such as `top : top + n` keeps it.)",
    ),
    (
        r"Target sizes: (\[.*?\])\. Tensor sizes: (\[.*?\])",
        "A tensor of the shape {1} does not fit into {0}. In `a[...] = b` both sides have the same shape: where do the "
        "slices begin and end?",
    ),
    (
        r"mat1 and mat2 shapes cannot be multiplied \((\d+)x(\d+) and (\d+)x(\d+)\)",
        "Matrices of the shapes ({0}, {1}) and ({2}, {3}) cannot be multiplied: the first needs as many columns as the "
        "second has rows. (Pixel by pixel it is `*`, not `@`.)",
    ),
    (
        r"size mismatch, got input|Expected size for first two dimensions of batch2",
        "These cannot be multiplied with `@`: the first needs as many columns as the second has rows. (Pixel by pixel "
        "it is `*`.)",
    ),
    (
        r"stack expects each tensor to be equal size, but got (\[.*?\]) at entry 0 and (\[.*?\]) at entry (\d+)",
        "`torch.stack` takes tensors of one shape: number 0 has {0}, number {2} has {1}.",
    ),
    (
        r"Sizes of tensors must match except in dimension (\d+)\. Expected size (\d+) but got size (\d+)",
        "`torch.cat` joins along axis {0}, and all other axes have to be equal: here {1} meets {2}.",
    ),
    (
        r"must have same number of dimensions: got (\d+) and (\d+)",
        "`torch.cat` takes tensors with equally many axes: one has {0}, another {1}. (`t[None]` adds an axis.)",
    ),
    (
        r"shape '(\[.*?\])' is invalid for input of size (\d+)",
        "A tensor of {1} numbers cannot become one of the shape {0}: the product of the sizes has to be {1}.",
    ),
    (r"view size is not compatible", "`view` cannot do that here: write `reshape`."),
    (
        r"Dimension out of range \(expected to be in range of \[(-?\d+), (-?\d+)\], but got (-?\d+)\)",
        "The tensor has no axis {2}: its axes are 0 to {1}, from the end -1 to {0}. Print its shape.",
    ),
    (
        r"shifts and dimensions must align",
        "`roll` takes one axis for each shift: `kspace.roll((down, right), (0, 1))`.",
    ),
    (
        r"expected input(\[.*?\]) to have (\d+) channels, but got (\d+) channels",
        f"The convolution takes {{1}} channels and got {{2}}: {BATCH}, and {{0}} came.",
    ),
    (
        r"input to conv2d, but got input of size: (\[.*?\])",
        f"{BATCH}, and {{0}} came: `x[None]` adds an axis in front.",
    ),
    (
        r"Kernel size can't be greater than actual input size",
        "The kernel, with its gaps, is larger than what came: print both shapes.",
    ),
    (
        r"1D tensors expected",
        "`torch.dot` and `torch.vdot` take vectors: `flatten()` both.",
    ),
    (
        r"lstsq: input\.size\(-2\) should match|lstsq: input must have at least 2 dimensions",
        "`lstsq(matrix, goal)` takes a matrix with a row for each equation and a column for each unknown, and a goal "
        "with as many rows.",
    ),
    (r"input matrix is singular", "The matrix has no inverse: its columns depend on one another."),
    (
        r"Boolean value of Tensor with more than one value is ambiguous",
        "`if`, `and`, `or` and `max(...)` want one True or False, and a tensor holds many: use `torch.where`, `&`, "
        "`|`, or `t.max()`.",
    ),
    (ONE_NUMBER, NUMBER),
    (r"not implemented for 'Complex|support complex input|supported for complex|without overflow", ORDER),
    (r"quantile\(\) input tensor must be either float", "`quantile` takes real numbers: `.abs()` or `.float()`."),
    (r"quantile\(\) q must be in the range \[0, 1\] but got (\S+)", "`quantile` takes a share, 0 to 1, and got {0}."),
    (r"same dtype|expected m1 and m2|Expected object of scalar type|type \(.*\) should be the same", DTYPES),
    (r"with (a|two) bool tensors? is|on a bool tensor", "A mask is turned round with `~mask`, not with minus."),
    (r"operator\.invert", "`~` turns round True and False, and numbers came: use the mask itself, or `mask.bool()`."),
    (r"supports boolean masks|condition to be a boolean", "The mask has to hold True and False: `mask.bool()`."),
    (
        r"(\w+)\(\) received an invalid combination of arguments",
        "`{0}` does not take what it got: compare the number, order and kind of its arguments with `help(torch.{0})`.",
    ),
    (
        r"(list|tuple|linalg_\w+) indices must be integers or slices, not (tuple|str)",
        "A {0} has no axes: one number in square brackets picks one of its things. Was one of them meant, a tensor?",
    ),
    (r"only integers, slices|indices must be|as an integer|tuple of ints|can be converted to an index", WHOLE),
    (
        r"must be Tensor, not (float|int|complex)",
        "A function of torch got a plain number; `math` takes numbers.",
    ),
    (r"tuple of Tensors, not Tensor", "It takes a list: `torch.stack([a, b])`."),
    (r"'(list|tuple)' object has no attribute", LIST),
    (r"same device|expected device", DEVICE),
    (
        r"\bmy_\w+\(\) (takes|missing|got)",
        "Keep the first line of the function as it was: the check gives it all of its arguments.",
    ),
    (
        r"(\w+)\(\) takes (?:from \d+ to )?(\d+) positional arguments? but (\d+) were given",
        "`{0}` got {2} things in its brackets, and takes {1} at most.",
    ),
    (r"(\w+)\(\) missing \d+ required", "`{0}` needs more arguments: see what it takes with `help({0})`."),
    (
        r"too many values to unpack \(expected (\d+)|not enough values to unpack \(expected (\d+), got (\d+)",
        "On the left stand more or fewer names than there are values. (Is a shape taken apart? A stack has more axes; "
        "`shape[-2:]` are the last two.)",
    ),
    (r"'SenseOperator' object is not callable", OPERATOR),
    (
        r"'(\w+\.)?(\w+)' object is not callable",
        "Round brackets call a function, and here they stand behind a {1}: square brackets pick, `*` multiplies.",
    ),
    (r"'NoneType'", "Something in this line is None: does a function of yours lack its `return`?"),
    (r"'SenseOperator' object has no attribute", OPERATOR),
    (r"cannot unpack non-iterable", "Several names stand on the left, and one thing on the right."),
    (r"'(\w+\.)?(\w+)' object has no attribute '(\w+)'", "A {1} has no `{2}`: is it what you think, and spelt so?"),
    (
        r"builtin_function_or_method|'method'",
        "A function stands there without its round brackets: `v.norm()` is a number, `v.norm` is not.",
    ),
    (r"unsupported operand type\(s\) for (\S+): '(.*?)' and '(.*?)'", "`{0}` cannot combine a {1} and a {2}."),
    (
        r"mean\(\): could not infer",
        "True and False have no mean: `.float()` makes 1 and 0 of them.",
    ),
    (r"expected Tensor as element \d+ in argument \d+, but got (\w+)", "A {0} stands in a list for tensors alone."),
    (r"Expected both inputs to be Half", "`torch.complex(a, b)` takes two real tensors, and others came."),
    (r"name '(\w+)' is not defined", "`{0}` has no value: is it spelt as among the arguments, and set before?"),
    (r"local variable '(\w+)'", "`{0}` is read before it has a value: set it first, before the loop or the `if`."),
    (r"division by zero", "A number is divided by zero."),
    (r"recursion depth", "Your function calls itself without an end."),
)


def advice_on(error: Exception) -> str:
    """Say in one sentence what a common error means and what to do; empty for one that is not known.

    Parameters
    ----------
    error : Exception
        As Python or PyTorch has raised it.

    Returns
    -------
    str
        With the shapes and numbers of the error.
    """
    words = _words(error)
    for pattern, sentence in ADVICE:
        if found := re.search(pattern, words):
            groups = [re.sub(r"^\[(.*)\]$", _as_shape, group or "") for group in found.groups()]
            return sentence.format(*groups)
    return ""


def stops(
    error: Exception, mine: Callable | None = None, advice: Mapping[str, str] | None = None, otherwise: str = ""
) -> str:
    """Say that a learner's function stops: what that means first, then where and in which words of Python.

    Parameters
    ----------
    error : Exception
        What the function has raised.
    mine : callable, optional
        The function, to quote its line.
    advice : mapping {part of the error's words: sentence}, optional
        What such an error means in this exercise; goes before what it means in general.
    otherwise : str
        The sentence for an error that neither knows.
    """
    words = _words(error)
    own = next((sentence for part, sentence in (advice or {}).items() if part in words), "")
    meaning = own or advice_on(error) or otherwise
    line = _line_of(mine, error.__traceback__)
    where = f" at `{line}`" if line else ""
    said = f"Your function stops{where} with {type(error).__name__}: {_short(words) or 'no reason given'}."
    return f"{meaning} ({said})" if meaning else said


def _words(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".")


def _short(words: str) -> str:
    return words if len(words) <= LONGEST else f"{words[:LONGEST]} …"


def _as_shape(found: re.Match) -> str:
    """A list of sizes as the shape of a tensor is printed, [27] as (27,)."""
    return f"({found[1]})" if "," in found[1] else f"({found[1]},)"


def _line_of(mine: Callable | None, trace: TracebackType | None) -> str:
    """The line of the learner's file or cell where it stopped; empty where its source is not at hand."""
    code = getattr(mine, "__code__", None)
    line = ""
    while trace is not None:
        frame = trace.tb_frame.f_code
        if code is not None and frame.co_filename == code.co_filename:
            line = linecache.getline(frame.co_filename, trace.tb_lineno).strip()
        trace = trace.tb_next
    return _short(line)
