"""A pretend GPU: the course runs on it as on CUDA, so that a machine without one finds what only a GPU would show.

    with pretend_gpu():
        x = torch.ones(3, device="cuda")
        x + torch.ones(3)  # RuntimeError: two devices
        x.numpy()          # TypeError: use Tensor.cpu() first

It finds a mask that stayed on the CPU, a constant that was made there, a picture drawn without ``.cpu()``, a generator
of the wrong device. It knows nothing of speed, memory, streams or rounding, and makes conjugates at once, so that a
missing ``resolve_conj`` shows on the CPU only.
"""

import contextlib
from unittest import mock

import torch
import torch._dynamo  # modes load it at their first operation, when it would read the answers below
from pretend_tensor import GPU, PretendTensor, is_gpu, loaded, moved, run, seed_draws, to
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves, tree_map_only


@contextlib.contextmanager
def pretend_gpu():
    """Make torch believe in one GPU, for as long as the context lasts."""
    with contextlib.ExitStack() as stack:
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
        "nn.Module._apply": _swapping(nn.Module._apply),
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


def _swapping(apply):
    """A parameter that moves stays the object that optimisers know; `Module.load_state_dict` does not swap."""

    def swapping(module, function, recurse=True):
        before = torch.__future__.get_swap_module_params_on_conversion()
        torch.__future__.set_swap_module_params_on_conversion(True)
        try:
            return apply(module, function, recurse)
        finally:
            torch.__future__.set_swap_module_params_on_conversion(before)

    return swapping


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
        if (
            func is functional.pad
            and isinstance(args[0], PretendTensor)
            and "circular" in (*args[2:3], kwargs.get("mode"))
        ):
            return _padded_around(args[0], args[1] if len(args) > 1 else kwargs["pad"])
        if func is torch.sparse.mm:  # would make its zeros on the CPU
            return torch.mm(*args, **kwargs)
        return _METHODS.get(func, func)(*args, **kwargs)


def _padded_around(tensor, pad):
    """Circular padding, whose result C++ would make on the CPU."""
    for number, (before, after) in enumerate(zip(pad[::2], pad[1::2], strict=True)):
        n = tensor.shape[-1 - number]
        tensor = tensor.index_select(-1 - number, torch.arange(-before, n + after, device=GPU) % n)
    return tensor


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


def _cuda(tensor, device=None, *_, **__):
    return moved(tensor, GPU if device is None else device)


_METHODS = {  # of a tensor on the CPU; one on the GPU has its own
    Tensor.to: to,
    Tensor.cuda: _cuda,
    Tensor.pin_memory: lambda tensor, *_: tensor.clone(),
}
