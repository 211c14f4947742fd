"""A pretend GPU: the course runs on it as on CUDA, so that a machine without one finds what only a GPU would show.

    with pretend_gpu():
        x = torch.ones(3, device="cuda")
        x + torch.ones(3)  # RuntimeError: two devices
        x.numpy()          # TypeError: use Tensor.cpu() first

It finds a mask that stayed on the CPU, a constant that was made there, a picture drawn without ``.cpu()``, a generator
of the wrong device. It knows nothing of speed, memory, streams or rounding, and makes conjugates at once, so that a
missing ``resolve_conj`` shows on the CPU only. A module's ``to`` replaces its parameters: make the optimiser after it.
"""

import contextlib
from unittest import mock

import torch
import torch._dynamo  # modes load it at their first operation, when it would read the answers below
from pretend_tensor import GPU, PretendTensor, is_gpu, loaded, moved, run, seed_draws
from torch import Tensor
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only


@contextlib.contextmanager
def pretend_gpu():
    """Make torch believe in one GPU, for as long as the context lasts."""
    future = torch.__future__
    before = future.get_overwrite_module_params_on_conversion()
    with contextlib.ExitStack() as stack:
        stack.callback(future.set_overwrite_module_params_on_conversion, before)
        future.set_overwrite_module_params_on_conversion(True)
        for name, answer in _answers().items():
            stack.enter_context(mock.patch(f"torch.{name}", answer))
        stack.enter_context(torch.serialization.safe_globals([loaded]))
        stack.enter_context(_Operations())
        stack.enter_context(_Functions())
        yield GPU


def _answers():
    """What torch says and does where it would need a GPU."""
    known = {
        "cuda.is_available": lambda: True,
        "cuda.is_initialized": lambda: True,
        "cuda.is_bf16_supported": lambda *_: True,
        "cuda.device_count": lambda: 1,
        "cuda.current_device": lambda: 0,
        "cuda.get_device_name": lambda *_: "pretend GPU",
        "cuda.set_device": _only_one,
        "cuda.synchronize": _only_one,  # everything has been computed already
        "cuda.empty_cache": lambda: None,
        "cuda._lazy_init": lambda: None,
        "cuda.manual_seed": seed_draws,
        "cuda.manual_seed_all": seed_draws,
        "Generator": PretendGenerator,
        "autocast": PretendAutocast,
        "load": _load_onto(torch.load),
    }
    refused = {
        "cuda.Stream": "streams",
        "cuda.Event": "events",
        "cuda.stream": "streams",
        "cuda.current_stream": "streams",
        "cuda.CUDAGraph": "graphs",
        "cuda.get_rng_state": "the state of its random numbers",
        "cuda.set_rng_state": "the state of its random numbers",
        "cuda.mem_get_info": "memory of its own",
        "cuda.memory_allocated": "memory of its own",
        "cuda.max_memory_allocated": "memory of its own",
        "cuda.reset_peak_memory_stats": "memory of its own",
        "cuda.get_device_properties": "properties",
        "cuda.get_device_capability": "properties",
    }
    return known | {name: _refusal(name, what) for name, what in refused.items()}


def _refusal(name, what):
    def refuse(*args, **kwargs):
        raise NotImplementedError(f"a pretend GPU has no {what}; torch.{name} needs a real one: test that on CUDA.")

    return refuse


def _only_one(device=None):
    if (device if isinstance(device, int) else torch.device(device or "cuda").index) not in (None, 0):
        raise RuntimeError(f"CUDA error: invalid device ordinal ({device}); there is one pretend GPU, cuda:0.")


class PretendGenerator(torch.Generator):
    """Random numbers for one device, which draws on the other refuse."""

    def __new__(cls, device="cpu"):
        self = super().__new__(cls, "cpu")
        self.on_gpu = is_gpu(device)
        return self

    @property
    def device(self):
        return GPU if self.on_gpu else torch.device("cpu")


class PretendAutocast(torch.autocast):
    """Casts on the GPU are casts on the CPU, and half precision by default, as on CUDA."""

    def __init__(self, device_type, dtype=None, **options):
        if device_type == "cuda":
            dtype = dtype or torch.float16
        super().__init__("cpu" if device_type == "cuda" else device_type, dtype=dtype, **options)


def _load_onto(load):
    def load_onto(*args, map_location=None, **options):
        content = load(*args, **options)
        if map_location is None:
            return content
        if not isinstance(map_location, (str, torch.device)):
            raise NotImplementedError("a pretend GPU knows map_location as the name of a device: give 'cpu' or 'cuda'.")
        return tree_map_only(Tensor, lambda tensor: moved(tensor.detach(), map_location), content)

    return load_onto


class _Operations(TorchDispatchMode):
    """Computes what has no pretend tensor among its arguments: ``torch.ones(3, device="cuda")``."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return run(func, args, kwargs or {})


class _Functions(TorchFunctionMode):
    """Decides what PyTorch decides before it dispatches, where C++ would take the tensor for one on the CPU."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        kwargs = dict(kwargs or {})
        if isinstance(kwargs.get("generator"), torch.Generator):
            _check_generator(kwargs["generator"], args, kwargs)
        if func in _MAKERS:
            return _made(func, *args, **kwargs)
        if args and isinstance(args[0], Tensor) and func in _METHODS:
            return _METHODS[func](*args, **kwargs)
        if args and isinstance(args[0], PretendTensor) and func in _ON_THE_GPU:
            return _ON_THE_GPU[func](*args, **kwargs)
        return func(*args, **kwargs)


def _check_generator(generator, args, kwargs):
    device = kwargs.get("device")
    here = any(isinstance(leaf, PretendTensor) for leaf in tree_leaves(args)) if device is None else is_gpu(device)
    expected = "cuda" if here else "cpu"
    if generator.device.type != expected:
        raise RuntimeError(f"Expected a '{expected}' device type for generator but found '{generator.device.type}'")


_MAKERS = (torch.tensor, torch.as_tensor, torch.asarray)


def _made(make, data, *rest, device=None, requires_grad=False, **options):
    """A tensor of numbers, some of which may come from the GPU, or of another tensor."""
    if isinstance(data, Tensor):
        kept = moved(data, device) if device is not None else data
        return kept if make is not torch.tensor and not options else make(kept, *rest, **options)
    numbers = tree_map_only(PretendTensor, lambda tensor: moved(tensor.detach(), "cpu"), data)
    made = make(numbers, *rest, **options)
    made = made if device is None else moved(made, device)
    return made.requires_grad_() if requires_grad else made


def _to(tensor, *rest, **kwargs):
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


def _new_tensor(tensor, data, *, device=None, **options):
    made = torch.tensor(data, dtype=options.pop("dtype", tensor.dtype), **options)
    return moved(made, device or GPU)


def _to_numpy(tensor, *_, **__):
    raise TypeError(
        "can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu() to copy the tensor to host memory first."
    )


def _pinned(tensor, *_):
    if isinstance(tensor, PretendTensor):
        raise RuntimeError("cannot pin 'torch.cuda.FloatTensor' only dense CPU tensors can be pinned")
    return tensor.clone()


def _has_no_address(tensor, *_):
    raise NotImplementedError("a pretend GPU has no addresses: compute with tensors, or test that on CUDA.")


def _put_data(tensor, data):
    raise NotImplementedError("a pretend GPU does not exchange .data: use Tensor.copy_ under torch.no_grad().")


_METHODS = {  # of tensors on either device
    Tensor.to: _to,
    Tensor.cpu: lambda tensor, **_: moved(tensor, "cpu"),
    Tensor.cuda: lambda tensor, device=None, *_, **__: _only_one(device) or moved(tensor, "cuda"),
    Tensor.pin_memory: _pinned,
}
_ON_THE_GPU = {
    Tensor.numpy: _to_numpy,
    Tensor.__array__: _to_numpy,
    Tensor.tolist: lambda tensor: moved(tensor.detach(), "cpu").tolist(),
    Tensor.new_tensor: _new_tensor,
    Tensor.data_ptr: _has_no_address,
    Tensor.untyped_storage: _has_no_address,
    Tensor.data.__set__: _put_data,
    torch.sparse.mm: lambda matrix, columns: torch.mm(matrix, columns),  # which would make its zeros on the CPU
}
