"""How much arithmetic runs on which device: a lesson that moves nothing to the GPU is found by its share.

    with pretend_gpu(), counted_work() as work:
        network(A, kspace)
    work.share("cuda")  # 0 to 1

One operation is an addition or a multiplication of real numbers. Matrix products and convolutions are counted by
torch's own formulas, FFTs as 5 N log2 N, factorisations as n cubed, and what goes over the elements once as one for
each; views, copies and draws are none.
"""

import contextlib
import math
import sys
from collections import Counter
from pathlib import Path

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

_ATEN = torch.ops.aten
_COPIES = ("clone", "copy_", "_to_copy", "fill_", "zero_", "view_copy")
_DOTS = {_ATEN.dot, _ATEN.vdot, _ATEN.mv, _ATEN.addmv}
_ONCE = ("norm", "pool", "softmax", "upsample")  # in names of operations that torch does not tag
_CUBIC = ("cholesky", "linalg_eig", "linalg_svd", "linalg_qr", "linalg_lu", "linalg_solve", "linalg_inv", "triangular")


@contextlib.contextmanager
def counted_work(leave_out=()):
    """Count until the context ends; without what functions in the folders `leave_out` compute, or have computed."""
    with CountedWork(leave_out) as work:
        yield work


class CountedWork(TorchDispatchMode):
    """Operations by device, and by device and name of the operation."""

    def __init__(self, leave_out=()):
        super().__init__()
        self.leave_out = tuple(str(Path(folder)) for folder in leave_out)
        self.operations = Counter()
        self.by_name = Counter()

    def share(self, device):
        """Part of all arithmetic that ran on a device; ValueError where there was none."""
        total = sum(self.operations.values())
        if not total:
            raise ValueError("no arithmetic was counted; expected some: compute with tensors in the context.")
        return self.operations[device] / total

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        tensors = [leaf for leaf in tree_leaves((args, kwargs, result)) if isinstance(leaf, Tensor)]
        n = n_operations(func, args, kwargs or {}, result, tensors)
        if n and not self._left_out():
            device = "cuda" if any(tensor.is_cuda for tensor in tensors) else "cpu"
            self.operations[device] += n
            self.by_name[device, func._opname] += n
        return result

    def _left_out(self):
        frame = sys._getframe(2)
        while self.leave_out and frame is not None:
            if frame.f_code.co_filename.startswith(self.leave_out):
                return True
            frame = frame.f_back
        return False


def n_operations(func, args, kwargs, result, tensors):
    """Estimate the real additions and multiplications of one operation."""
    numbers = [tensor for tensor in tensors if tensor.is_complex() or tensor.is_floating_point()]
    packet = func._overloadpacket
    name = func._opname
    if not numbers or func.is_view or name in _COPIES:
        return 0
    largest = max(tensor.numel() for tensor in numbers)
    is_complex = any(tensor.is_complex() for tensor in numbers)
    if any(tensor.layout == torch.sparse_coo for tensor in numbers):
        return _sparse_product(numbers) if "mm" in name else 0
    if packet in flop_registry:
        return flop_registry[packet](*args, **kwargs, out_val=result) * (4 if is_complex else 1)
    if packet in _DOTS:
        return 2 * largest * (4 if is_complex else 1)
    if name.startswith("_fft"):
        length = math.prod(args[0].shape[axis] for axis in args[1])
        return 5 * largest * max(1, math.log2(max(length, 2)))
    if any(word in name for word in _CUBIC):
        return largest * max(tensor.shape[-1] for tensor in numbers if tensor.dim() > 1)
    if {torch.Tag.pointwise, torch.Tag.reduction} & set(func.tags) or any(word in name for word in _ONCE):
        return largest
    return 0


def _sparse_product(numbers):
    matrix = next(tensor for tensor in numbers if tensor.layout == torch.sparse_coo)
    columns = [tensor for tensor in numbers if tensor.layout == torch.strided]
    return 2 * matrix._nnz() * columns[0].shape[-1] if columns else 0
