"""A tensor that says it is on a GPU, computes on the CPU, and refuses to meet tensors that are on the CPU.

PyTorch's C++ believes that a `PretendTensor` is on the CPU, since a guard for a CUDA device needs CUDA. Only Python's
`device`, `is_cuda` and `is_cpu` say otherwise. Every operation comes to `run`, which unwraps, computes and wraps again.
"""

import contextlib

import torch
from torch import Tensor, nn
from torch.utils._mode_utils import no_dispatch
from torch.utils._pytree import tree_leaves, tree_map_only

GPU = torch.device("cuda", 0)
_ATEN = torch.ops.aten
_CROSSING = {_ATEN.copy_.default, _ATEN._to_copy.default}  # a copy may go from one device to the other
_INDEXING = {
    _ATEN.index.Tensor,
    _ATEN._unsafe_index.Tensor,
    _ATEN.index_put.default,
    _ATEN.index_put_.default,
    _ATEN._index_put_impl_.default,
}  # x[indices]: CUDA takes indices from the CPU
_TAKES_A_NUMBER = {_ATEN.fill.Tensor, _ATEN.fill_.Tensor, _ATEN.masked_fill.Tensor, _ATEN.masked_fill_.Tensor}
# C++ calls these on a tensor of the GPU, for gradients, and names the device that it believes in
_INTERNAL = {_ATEN.new_empty_strided.default, _ATEN.new_zeros.default, _ATEN._to_copy.default}
_random_state = None  # of the draws on the GPU, which come from a generator of their own, as on CUDA


class PretendTensor(Tensor):
    """Hold a CPU tensor `inner`, and look like a CUDA tensor of the same shape, dtype and strides."""

    __torch_function__ = torch._C._disabled_torch_function_impl

    @staticmethod
    def __new__(cls, inner):
        options = {"dtype": inner.dtype, "layout": inner.layout, "requires_grad": inner.requires_grad}
        if inner.layout == torch.strided:
            options |= {"strides": inner.stride(), "storage_offset": inner.storage_offset()}
        return Tensor._make_wrapper_subclass(cls, inner.size(), device=inner.device, **options)

    def __init__(self, inner):
        self.inner = inner

    @property
    def device(self):
        return GPU

    @property
    def is_cuda(self):
        return True

    @property
    def is_cpu(self):
        return False

    @property
    def data(self):
        return self.detach()

    @data.setter
    def data(self, tensor):
        if not isinstance(tensor, PretendTensor) or tensor.shape != self.shape:
            raise NotImplementedError("a pretend GPU gives .data new values of the same shape on the GPU only.")
        self.inner.copy_(tensor.inner)

    def get_device(self):
        return 0

    def to(self, *args, **kwargs):
        return to(self, *args, **kwargs)

    def cpu(self, **_):
        return moved(self, "cpu")

    def cuda(self, device=None, *_, **__):
        return moved(self, GPU if device is None else device)

    def tolist(self):
        return self.inner.tolist()

    def new_tensor(self, data, *, device=GPU, **options):
        return moved(self.inner.new_tensor(data, **options), device)

    def numpy(self, *_, **__):
        raise TypeError("can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor first.")

    __array__ = numpy

    def pin_memory(self, *_):
        raise RuntimeError("cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned")

    def untyped_storage(self):
        return self.inner.untyped_storage()

    def data_ptr(self):
        return self.inner.data_ptr()

    def __deepcopy__(self, memo):
        copied = self.detach().clone().requires_grad_(self.requires_grad)
        if isinstance(self, nn.Parameter):
            copied = nn.Parameter(copied, self.requires_grad)
        memo[id(self)] = copied
        return copied

    def __dlpack__(self, **_):
        raise NotImplementedError("a pretend GPU shares no memory: use Tensor.cpu() first.")

    def __repr__(self):
        return f"{self.inner!r} on a pretend GPU"

    def __format__(self, form):
        return format(self.item() if self.dim() == 0 else repr(self), form)

    def __reduce_ex__(self, protocol):
        return loaded, (self.inner.detach(), self.requires_grad)

    @classmethod
    def __torch_dispatch__(cls, func, types, args=(), kwargs=None):
        return run(func, args, kwargs or {})


def is_gpu(device):
    """Whether a device, in any spelling, is the GPU; None is not."""
    return isinstance(device, int) or (device is not None and torch.device(device).type == "cuda")


def moved(tensor, device):
    """What ``tensor.to(device)`` gives, through which gradients flow back."""
    if isinstance(tensor, PretendTensor) == is_gpu(device):
        return tensor
    if device in (1, torch.device("cuda", 1), "cuda:1"):
        raise RuntimeError(f"CUDA error: invalid device ordinal ({device}); there is one pretend GPU, cuda:0.")
    if not is_gpu(device) and torch.device(device).type != "cpu":
        raise NotImplementedError(f"got the device {device}; expected cpu or cuda, which are all that is pretended.")
    return _ToGPU.apply(tensor) if is_gpu(device) else _ToCPU.apply(tensor)


def to(tensor, *rest, **kwargs):
    """``tensor.to(...)`` in all its spellings: the device first, then the rest as PyTorch does it."""
    device = kwargs.pop("device", None)
    rest = list(rest)
    if rest and isinstance(rest[0], Tensor):
        other = rest.pop(0)
        device = other.device
        kwargs["dtype"] = other.dtype
    elif rest and not isinstance(rest[0], (bool, torch.dtype)):
        device = rest.pop(0)
    if rest and (rest[0] is None or isinstance(rest[0], torch.dtype)):
        kwargs["dtype"] = rest.pop(0)
    for name, value in zip(("non_blocking", "copy"), rest, strict=False):
        kwargs[name] = value
    there = tensor if device is None else moved(tensor, device)
    copied = there is not tensor
    kwargs = {name: value for name, value in kwargs.items() if value and (name, copied) != ("copy", True)}
    kwargs.pop("non_blocking", None)
    return Tensor.to(there, **kwargs) if kwargs else there


def loaded(inner, requires_grad):
    """Put a tensor where `torch.save` found it; `torch.load` then moves it to another `map_location`."""
    if not torch.cuda.is_available():
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is False: "
            "load it with a pretend GPU."
        )
    return PretendTensor(inner).requires_grad_(requires_grad)


def seed_draws(seed):
    """Seed the draws on the GPU, apart from those on the CPU: the same seed gives other numbers, as on CUDA."""
    global _random_state
    _random_state = torch.Generator().manual_seed((int(seed) + 0x5EED) % 2**63).get_state()


def run(func, args, kwargs):
    """Compute one operation on the CPU; what it gives is where the operation would have run."""
    tensors = [leaf for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)]
    on_gpu = [tensor for tensor in tensors if isinstance(tensor, PretendTensor)]
    wanted = None if func in _INTERNAL and on_gpu else kwargs.get("device")
    if not on_gpu and not is_gpu(wanted):
        return func(*args, **kwargs)
    if on_gpu:
        _check_devices(func, args, tensors)
    inner_args, inner_kwargs = tree_map_only(PretendTensor, lambda tensor: tensor.inner, (args, dict(kwargs)))
    if is_gpu(kwargs.get("device")):
        inner_kwargs["device"] = torch.device("cpu")
    if inner_kwargs.get("pin_memory"):
        raise RuntimeError("Only dense CPU tensors can be pinned")
    drawn = torch.Tag.nondeterministic_seeded in func.tags and kwargs.get("generator") is None
    with _gpu_draws() if drawn else contextlib.nullcontext():
        result = func(*inner_args, **inner_kwargs)
    if func is _ATEN.copy_.default:
        return args[0]
    if torch.Tag.inplace_view in func.tags:  # the wrapper changes its shape with what it holds
        with no_dispatch():
            func(*args, **kwargs)
        return args[0]
    if wanted is not None and not is_gpu(wanted):
        return result
    known = {id(tensor.inner): tensor for tensor in on_gpu}  # an operation in place gives back what came in
    return tree_map_only(Tensor, lambda tensor: known[id(tensor)] if id(tensor) in known else _wrapped(tensor), result)


def _wrapped(tensor):
    """Lazy conjugates are made at once: the wrapper does not carry their mark."""
    return PretendTensor(tensor.resolve_conj().resolve_neg() if tensor.layout == torch.strided else tensor)


def _check_devices(func, args, tensors):
    """Refuse what CUDA refuses: CPU tensors, but for numbers, for indices and for copies."""
    if func in _CROSSING:
        return
    if func in _INDEXING and isinstance(args[0], PretendTensor):
        tensors = [args[0], *args[2:3]]
    numbers_may = torch.Tag.pointwise in func.tags or func in _TAKES_A_NUMBER | _INDEXING
    for tensor in tensors:
        if not isinstance(tensor, PretendTensor) and not (numbers_may and tensor.dim() == 0):
            raise RuntimeError(
                "Expected all tensors to be on the same device, but found at least two devices, cuda:0 and cpu! "
                f"({func} got a CPU tensor of shape {tuple(tensor.shape)})"
            )


@contextlib.contextmanager
def _gpu_draws():
    """Draw from the GPU's random numbers; those of the CPU stay where they were."""
    global _random_state
    if _random_state is None:
        seed_draws(0)
    before = torch.get_rng_state()
    torch.set_rng_state(_random_state)
    try:
        yield
    finally:
        _random_state = torch.get_rng_state()
        torch.set_rng_state(before)


class _ToGPU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tensor):
        return _wrapped(tensor.detach().clone())

    @staticmethod
    def backward(ctx, gradient):
        return gradient.inner.clone()


class _ToCPU(torch.autograd.Function):
    @staticmethod
    def forward(ctx, tensor):
        return tensor.inner.detach().clone()

    @staticmethod
    def backward(ctx, gradient):
        return _wrapped(gradient)
