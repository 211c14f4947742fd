"""What an error of Python or PyTorch means in the line of a learner: one sentence, with the numbers of the error."""

from __future__ import annotations

import linecache
import re
from collections.abc import Callable, Mapping
from types import TracebackType

__all__ = ["advice_on", "why_it_stops"]

LONGEST = 180  # characters of an error, and of a line, that are quoted

FIRST_LINE = "Keep the first line of the function as it was: the check gives it all of its arguments."
REFUSED = r"\bmy_\w+\(\) (takes|missing|got)"  # what Python says of a call that does not fit that line
BATCH = "conv2d takes (batch, channels, rows, columns)"
OPERATOR = "The operator A has `A.forward(image)`, `A.adjoint(kspace)` and `A.normal(image)`."

# what is found in the words of an error, and what it means; {0}, {1} are the groups, lists of sizes as (27, 1). The
# first that is found counts: a narrow one stands before a wide one.
ADVICE: tuple[tuple[str, str], ...] = (
    (
        r"shape of the mask (\[.*?\]) at index \d+ does not match the shape of the indexed tensor (\[.*?\])",
        "The mask {0} does not fit the tensor {1} axis by axis. `torch.where(mask, a, b)` stretches a mask (ky, 1). "
        "Square brackets do not: they need `mask.expand(tensor.shape)`, or `kspace[..., lines, :]` with a 1D mask.",
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
    (
        r"index (-?\d+) is out of bounds for dimension (\d+) with size 1$",
        "Number {0} does not exist: axis {1} has one place, number 0. (A mask of lines is (ky, 1): `torch.where` and "
        "products stretch it, an index does not.)",
    ),
    (
        r"index (-?\d+) is out of bounds for dimension (\d+) with size (\d+)",
        "Number {0} does not exist: along axis {1} there are {2} places, counted from 0. Does a loop or a window run "
        "past the end?",
    ),
    (r"step must be greater than zero", "PyTorch knows no negative step: `x.flip(-1)` reads the last axis backwards."),
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
        "A tensor of {1} axes does not fit into a place of {0}. (Is it `a[...] = b`? A number in square brackets takes "
        "its axis away, a slice such as `top : top + n` keeps it.)",
    ),
    (
        r"Target sizes: (\[.*?\])\. Tensor sizes: (\[.*?\])",
        "A tensor of the shape {1} does not fit into {0}: only an axis of 1 is stretched. (Is it `a[...] = b`? Then "
        "look where the slices begin and end.)",
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
        r"input to conv2d, but got input of size: (\[\d+, \d+\])",
        f"{BATCH}, and {{0}} came: `x[None]` adds an axis in front.",
    ),
    (
        r"input to conv2d, but got input of size: (\[.*?\])",
        f"{BATCH}, and {{0}} came: its axes are too few or too many.",
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
    (
        r"one element tensors can be|only tensors with one|a Tensor with \d+ elements|converted to Python scalars",
        "One number is needed here, and a tensor of several came: is a sum or a mean missing? `math` takes numbers: "
        "torch has the same functions for tensors. (`torch.stack([a, b])` makes one tensor of several.)",
    ),
    (r"(\w+) is only supported for complex", "`{0}` takes complex numbers, and real ones came."),
    (
        r"(?i)(max|min|sort|median|clamp|\"[gl][te]_).*not (implemented|support\w*)( for)? '?complex",
        "Complex numbers have no order: take `.abs()`, `.real` or `.imag` before you compare, cut or sort.",
    ),
    (
        r"(?i)not (implemented|support\w*)( for)? '?complex|type (float|double) without overflow",
        "Real numbers belong here, and complex ones came: take `.abs()`, `.real` or `.imag`.",
    ),
    (
        r"real number, not '?complex",
        "A real number belongs here, and a complex one came. (`cmath.exp(z)` takes complex numbers, `math.exp` does "
        "not.)",
    ),
    (r"quantile\(\) input tensor must be either", "`quantile` takes real numbers: `.abs()` or `.float()`."),
    (r"quantile\(\) q must be in the range \[0, 1\] but got (\S+)", "`quantile` takes a share, 0 to 1, and got {0}."),
    (
        r"Input type \(\S*[Cc]omplex(?!.*[Cc]omplex)",
        "This convolution takes real numbers, and complex ones came: make two channels of them, the real and the "
        "imaginary part.",
    ),
    (
        r"(?i)^(?=.*(?:same dtype|expected (?:object of )?scalar type|should be the same))"
        r"(?!.*complex.*complex).*complex",  # once alone: two are complex numbers of two precisions
        "Numbers of two kinds meet, real and complex: `real.to(other.dtype)` makes the real ones complex. (The other "
        "way round loses the imaginary part.)",
    ),
    (
        r"same dtype|[Ee]xpected (?:object of )?scalar type|type \(.*\) should be the same",
        "Numbers of two kinds meet, such as single and double precision: `a.to(b.dtype)` makes those of `b` out of "
        "`a`.",
    ),
    (r"with two bool tensors is", "Masks are not subtracted: `a & ~b` is True where `a` is and `b` is not."),
    (r"with a bool tensor is|on a bool tensor", "A mask is turned round with `~mask`, not with minus."),
    (r"operator\.invert", "`~` turns round True and False, and numbers came: use the mask itself, or `mask.bool()`."),
    (r"supports boolean masks|condition to be a boolean", "The mask has to hold True and False: `mask.bool()`."),
    (
        r"builtin_function_or_method|'(method|function)'|\b(not|got) (method|function)\b",
        "A function stands there without its round brackets: `v.norm()` is a number, `v.norm` is not.",
    ),
    (
        r"(\w+)\(\) received an invalid combination of arguments",
        "`{0}` does not take what it got: compare the number, order and kind of its arguments with `help(torch.{0})`.",
    ),
    (r"NoneType", "Something in this line is None: does a function of yours lack its `return`?"),
    (
        r"(list|tuple|linalg_\w+) indices must be integers or slices, not (tuple|str)",
        "A {0} has no axes: one number in square brackets picks one of its things. Was one of them meant, a tensor?",
    ),
    (
        r"tensors used as indices must be",
        "In square brackets a tensor holds True and False, `mask.bool()`, or whole numbers, `places.long()`.",
    ),
    (
        r"'(torch\.Size|list|tuple)' object cannot be interpreted",
        "One whole number belongs here, and a {0} came: take `len(...)`, or one of its entries.",
    ),
    (
        r"only integer tensors of a single element|tuple of ints, not Tensor",
        "Whole numbers belong here, and a tensor came: `t.shape` are its sizes, `int(t)` makes one of a single "
        "number. (A list takes one place at a time.)",
    ),
    (
        r"\bints\b.*\bfloat|indices.*\bfloat|'float' object cannot be interpreted|slice indices must be",
        "A place or a size has to be a whole number: `//` divides without a rest, `/` gives a fraction.",
    ),
    (
        r"must be Tensor, not complex",
        "A function of torch got a plain number: make a tensor of it, `torch.tensor(z)`, or take `cmath.exp(z)`.",
    ),
    (
        r"must be Tensor, not (float|int)",
        "A function of torch got a plain number; `math` takes numbers.",
    ),
    (
        r"must be Tensor, not (list|tuple)",
        "A function of torch got a {0}: `torch.stack` makes a tensor of tensors, `torch.tensor` one of numbers.",
    ),
    (r"tuple of Tensors, not Tensor", "It takes a list: `torch.stack([a, b])`."),
    (
        r"'(list|tuple)' object has no attribute",
        "A list of tensors is no tensor: `torch.stack(tensors)` makes one, with a new axis in front.",
    ),
    (
        r"same device|expected device",
        "Tensors on two devices meet: make new ones where the old are, by `x.new_zeros(...)` or `device=x.device`.",
    ),
    (
        r"numpy\(\) on Tensor that requires grad",
        "This tensor keeps what a gradient needs: `t.detach().numpy()` leaves that out.",
    ),
    (
        r"(\w+)\(\) takes (?:from \d+ to )?\d+ positional arguments? but",
        "`{0}` got more things in its brackets than it takes. (In `x.{0}(...)` Python counts the `x` too.)",
    ),
    (r"(\w+)\(\) missing \d+ required .*?: (.*)", "`{0}` needs more arguments: {1}."),
    (
        r"too many values to unpack \(expected (\d+)|not enough values to unpack \(expected (\d+), got (\d+)",
        "On the left stand more or fewer names than there are values. (Is a shape taken apart? A stack has more axes; "
        "`shape[-2:]` are the last two.)",
    ),
    (r"'SenseOperator' object (is not callable|has no attribute)", OPERATOR),
    (r"'module' object is not callable", "That is a module: call one of its functions, as in `torch.fft.fft2(x)`."),
    (
        r"'(\w+\.)?(\w+)' object is not callable",
        "Round brackets call a function, and here they stand behind something of type `{1}`: square brackets pick, "
        "`*` multiplies.",
    ),
    (r"cannot unpack non-iterable", "Several names stand on the left, and one thing on the right."),
    (r"'(\w+\.)?(\w+)' object has no attribute '(\w+)'", "`{1}` has no `{2}`: is it what you think, and spelt so?"),
    (r"unsupported operand type\(s\) for (\S+): '(.*?)' and '(.*?)'", "`{0}` cannot combine `{1}` with `{2}`."),
    (
        r"mean\(\): could not infer .* Got: (?!Bool)",
        "`mean` takes no whole numbers: write `t.float().mean()`.",
    ),
    (
        r"mean\(\): could not infer",
        "True and False have no mean: `.float()` makes 1 and 0 of them.",
    ),
    (r"expected Tensor as element \d+ in argument \d+, but got (\w+)", "`{0}` stands in a list for tensors alone."),
    (
        r"Expected both inputs to be Half",
        "`torch.complex` and `torch.polar` take two real tensors, and others came.",
    ),
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


def why_it_stops(error: Exception, mine: Callable | None = None, advice: Mapping[str, str] | None = None) -> str:
    """Say why a learner's function stops: what the error means first, then where and in which words of Python.

    Parameters
    ----------
    error : Exception
        What the function has raised.
    mine : callable, optional
        The function, to quote its line.
    advice : mapping {part of the error's words: sentence}, optional
        What such an error means in this exercise; goes before what it means in general.

    Returns
    -------
    str
        The meaning, with Python's words in brackets; these alone where the meaning is not known.
    """
    words = _words(error)
    own = next((sentence for part, sentence in (advice or {}).items() if part in words), "")
    line = _line_of(mine, error.__traceback__)
    called = FIRST_LINE if mine is not None and line is None and re.search(REFUSED, words) else ""
    meaning = own or called or advice_on(error)
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


def _line_of(mine: Callable | None, trace: TracebackType | None) -> str | None:
    """The line of the learner's file or cell where it stopped; empty without its source, None where it never began."""
    code = getattr(mine, "__code__", None)
    line = None
    while trace is not None:
        frame = trace.tb_frame.f_code
        if code is not None and frame.co_filename == code.co_filename:
            line = _short(linecache.getline(frame.co_filename, trace.tb_lineno).strip())
        trace = trace.tb_next
    return line
