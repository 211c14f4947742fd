"""The pretend GPU refuses what CUDA refuses, takes what CUDA takes, and computes what the CPU computes."""

import copy
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from pretend_gpu import pretend_gpu
from torch import nn
from torch.utils.data import DataLoader


@pytest.fixture(autouse=True)
def gpu():
    with pretend_gpu() as device:
        yield device


def ones(*shape, **options):
    return torch.ones(*shape, device="cuda", **options)


# --- what CUDA refuses


MIXED = {
    "a sum": lambda x, y: x + y,
    "a sum the other way": lambda x, y: y + x,
    "a sum in place": lambda x, y: x.add_(y),
    "a sum into the CPU": lambda x, y: y.add_(x),
    "a GPU number into the CPU": lambda x, y: y + x[0, 0],
    "a matrix product": lambda x, y: x @ y,
    "a comparison": lambda x, y: torch.equal(x, y),
    "a stack": lambda x, y: torch.stack([x, y]),
    "a stack of numbers": lambda x, y: torch.stack([x[0, 0], y[0, 0]]),
    "a choice": lambda x, y: torch.where(y > 0, x, 0),
    "chosen rows": lambda x, y: x.index_select(0, torch.tensor([0])),
    "gathered": lambda x, y: x.gather(0, torch.zeros(2, 2, dtype=torch.long)),
    "CPU entries with GPU indices": lambda x, y: y[(x > 0)],
    "GPU entries set to CPU ones": lambda x, y: x.__setitem__(torch.tensor([0]), y[:1]),
    "a layer": lambda x, y: nn.Linear(2, 2)(x),
    "a loss": lambda x, y: nn.functional.mse_loss(x, y),
    "einsum": lambda x, y: torch.einsum("ij,jk", x, y),
}


@pytest.mark.parametrize("name", MIXED)
def test_the_devices_do_not_meet(name):
    with pytest.raises(RuntimeError, match="same device.* cuda:0 and cpu"):
        MIXED[name](ones(2, 2), torch.ones(2, 2))


@pytest.mark.parametrize("read", [lambda x: x.numpy(), np.asarray, np.linalg.norm])
def test_numpy_does_not_reach_the_gpu(read):
    with pytest.raises(TypeError, match="can't convert cuda:0 device type tensor to numpy. Use Tensor.cpu()"):
        read(ones(2))


def test_matplotlib_does_not_either():
    from matplotlib.figure import Figure

    with pytest.raises(TypeError, match="Use Tensor.cpu()"):
        Figure().subplots().plot(ones(2))


@pytest.mark.parametrize(
    ("generator", "device", "sentence"),
    [("cpu", "cuda", "Expected a 'cuda' device type"), ("cuda", "cpu", "Expected a 'cpu' device type")],
)
def test_a_generator_belongs_to_a_device(generator, device, sentence):
    for draw in (
        lambda **options: torch.randn(2, device=device, **options),
        lambda **options: torch.randperm(2, device=device, **options),
        lambda **options: torch.ones(2, device=device).uniform_(**options),
        lambda **options: torch.bernoulli(torch.ones(2, device=device), **options),
    ):
        with pytest.raises(RuntimeError, match=sentence):
            draw(generator=torch.Generator(generator))
        assert draw(generator=torch.Generator(device)).device.type == device


@pytest.mark.parametrize(
    "ask",
    [
        lambda: torch.cuda.Stream(),
        lambda: torch.cuda.Event(),
        lambda: torch.cuda.max_memory_allocated(),
        lambda: torch.cuda.mem_get_info(),
        lambda: np.from_dlpack(ones(1)),
        lambda: setattr(ones(1), "data", ones(2)),
        lambda: ones(1).to("meta"),
    ],
)
def test_what_is_not_pretended_says_so_in_one_sentence(ask):
    with pytest.raises(NotImplementedError, match="pretend") as refusal:
        ask()
    assert "\n" not in str(refusal.value)


def test_there_is_one_gpu():
    assert torch.cuda.is_available() and torch.cuda.device_count() == 1
    for move in (lambda: torch.ones(1).cuda(1), lambda: torch.cuda.set_device("cuda:1")):
        with pytest.raises(RuntimeError, match="invalid device ordinal .*1"):
            move()


def test_only_memory_of_the_cpu_is_pinned():
    assert torch.equal(torch.ones(2).pin_memory().to("cuda", non_blocking=True).cpu(), torch.ones(2))
    with pytest.raises(RuntimeError, match="only dense CPU tensors can be pinned"):
        ones(2).pin_memory()
    with pytest.warns(UserWarning, match="no accelerator is found, then device pinned memory won't be used"):
        assert next(iter(DataLoader([1.0], pin_memory=True))).device.type == "cpu"


# --- what CUDA takes


def on_gpu(tensor):
    return tensor.device == torch.device("cuda:0") and tensor.is_cuda and not tensor.is_cpu


@pytest.mark.parametrize(
    "move",
    [
        lambda x: x.cuda(),
        lambda x: x.cuda(0),
        lambda x: x.to("cuda"),
        lambda x: x.to(0),
        lambda x: x.to(device="cuda:0"),
        lambda x: x.to("cuda", torch.float32, non_blocking=True),
        lambda x: x.to("cuda", None, False, True),
        lambda x: x.to(ones(1)),
        lambda x: torch.tensor(x.tolist(), device="cuda"),
        lambda x: torch.as_tensor(x, device="cuda"),
        lambda x: torch.as_tensor(x.numpy(), device=torch.device("cuda")),
        lambda x: ones(1).new_tensor(x.tolist()),
    ],
)
def test_every_way_to_the_gpu_and_back(move):
    x = torch.randn(3)
    moved = move(x)
    assert on_gpu(moved) and not x.is_cuda
    for back in (moved.cpu(), moved.to("cpu"), moved.to(x), moved.to(device="cpu", dtype=torch.float32)):
        assert back.device.type == "cpu" and torch.equal(back, x)


def test_a_move_copies_only_where_it_must():
    x = ones(2)
    assert x.to("cuda") is x and x.cuda() is x and x.to(torch.float32) is x and torch.as_tensor(x, device=0) is x
    copied = x.to("cuda", copy=True)
    copied += 1
    assert x.tolist() == [1, 1] and copied.tolist() == [2, 2]
    assert x.to("cuda", torch.float64).dtype == torch.float64 and on_gpu(x.double())


@pytest.mark.parametrize(
    "make",
    [
        lambda: torch.zeros(2, device="cuda"),
        lambda: torch.arange(2, device="cuda"),
        lambda: torch.eye(2, device="cuda"),
        lambda: torch.hann_window(4, device="cuda"),
        lambda: torch.fft.fftfreq(4, device="cuda"),
        lambda: torch.zeros_like(ones(2)),
        lambda: torch.zeros_like(torch.ones(2), device="cuda"),
        lambda: ones(2).new_zeros(3),
        lambda: nn.Linear(2, 2, device="cuda").weight,
        lambda: torch.tensor([ones(()), 2.0], device="cuda"),
    ],
)
def test_what_is_made_there_is_there(make):
    assert on_gpu(make())


def test_a_default_device():
    with torch.device("cuda"):
        assert on_gpu(torch.ones(2)) and on_gpu(torch.tensor([1.0])) and on_gpu(nn.Linear(1, 1).bias)
    assert not torch.ones(2).is_cuda


def test_numbers_and_indices_may_come_from_the_cpu():
    x = ones(3)
    two = torch.tensor(2.0)
    assert (x * two).tolist() == (two * x).tolist() == torch.maximum(x, two).tolist() == [2, 2, 2]
    assert torch.where(x > 0, two, x).tolist() == x.clone().fill_(two).tolist() == [2, 2, 2]
    x[torch.tensor([0])] = two
    x[torch.tensor([False, False, True])] = 5
    assert x.tolist() == [2, 1, 5] and x[torch.tensor([2, 0])].tolist() == [5, 2]
    x[:2] = torch.tensor([7.0, 8.0])  # a copy
    assert x.tolist() == [7, 8, 5] and float(x[0]) == 7 and f"{x[1]:.1f}" == "8.0" and bool(x.any())


def test_the_gpu_draws_by_itself():
    torch.manual_seed(3)
    alone = torch.randn(4)
    torch.manual_seed(3)
    there = torch.randn(4, device="cuda")
    dropped = nn.functional.dropout(ones(64))
    assert torch.equal(torch.randn(4), alone), "draws there leave those of the CPU where they were"
    assert not torch.equal(there.cpu(), alone), "the same seed gives other numbers, as on CUDA"
    torch.manual_seed(3)
    assert torch.equal(torch.randn(4, device="cuda"), there) and torch.equal(nn.functional.dropout(ones(64)), dropped)
    torch.cuda.synchronize()


# --- what the CPU computes


class ChannelsLast(nn.Module):
    """Gives a convolution's weights a gradient of other strides, which autograd copies."""

    def forward(self, images):
        return images.contiguous(memory_format=torch.channels_last)


def network():
    torch.manual_seed(0)
    return nn.Sequential(
        ChannelsLast(), nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 36, 2)
    )


def optimised(net, device, steps, state=None):
    optimiser = torch.optim.Adam(net.parameters(), lr=0.01)
    if state is not None:
        optimiser.load_state_dict(state)
    for step in steps:
        images = torch.randn(3, 1, 8, 8, generator=torch.Generator().manual_seed(step)).to(device)
        optimiser.zero_grad()
        net(images).square().mean().backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
    return optimiser


def assert_same_weights(first, second):
    for name, value in first.state_dict().items():
        torch.testing.assert_close(value.cpu(), second.state_dict()[name].cpu())


def test_a_training_ends_with_the_same_weights():
    here = network()
    there = network().to("cuda")
    assert all(on_gpu(value) for value in there.state_dict().values())
    optimised(here, "cpu", range(4))
    optimised(there, "cuda", range(4))
    assert_same_weights(here, there)


def test_an_optimiser_made_before_the_move_knows_the_weights_after_it():
    here = network()
    there = network()
    optimiser = torch.optim.Adam(there.parameters(), lr=0.01)
    there.to("cuda")
    images = torch.ones(2, 1, 8, 8)
    optimiser_here = torch.optim.Adam(here.parameters(), lr=0.01)
    for net, steps, given in ((here, optimiser_here, images), (there, optimiser, images.to("cuda"))):
        net(given).square().mean().backward()
        steps.step()
    assert_same_weights(here, there)


@pytest.mark.parametrize("device", ["cpu", "cuda"])
def test_weights_load_while_a_result_still_needs_the_old_ones(device):
    layer = nn.Linear(2, 2).to(device)
    result = layer(torch.ones(1, 2, device=device))
    layer.load_state_dict({name: 0 * value for name, value in layer.state_dict().items()})
    assert result.grad_fn is not None and not layer.weight.any()


def test_a_training_goes_on_from_what_was_saved(tmp_path):
    whole = network().to("cuda")
    optimised(whole, "cuda", range(6))
    first = network().to("cuda")
    optimiser = optimised(first, "cuda", range(3))
    torch.save({"network": first.state_dict(), "adam": optimiser.state_dict()}, tmp_path / "state")
    for where in (None, "cpu", "cuda"):
        saved = torch.load(tmp_path / "state", map_location=where)
        assert {value.is_cuda for value in saved["network"].values()} == {where != "cpu"}
        second = network().to("cuda")
        nn.init.zeros_(second[1].weight)
        second.load_state_dict(saved["network"])
        optimiser = optimised(second, "cuda", range(3, 6), saved["adam"])
        assert on_gpu(optimiser.state[second[1].weight]["exp_avg"])
        assert_same_weights(whole, second)


def test_weights_from_the_cpu_load_into_a_network_on_the_gpu():
    weights = network().state_dict()
    there = copy.deepcopy(network().to("cuda"))
    nn.init.zeros_(there[1].weight)
    there.load_state_dict(weights)
    assert on_gpu(there[1].weight)
    assert_same_weights(network(), there)


def test_lower_precision_is_chosen_by_the_gpu_s_name():
    layer = nn.Conv2d(1, 1, 3).to("cuda")
    with torch.autocast("cuda", dtype=torch.bfloat16):
        assert layer(ones(1, 1, 8, 8)).dtype == torch.bfloat16
    with torch.autocast("cuda"):
        assert layer(ones(1, 1, 8, 8)).dtype == torch.float16
    with torch.autocast("cuda", dtype=None, enabled=False):
        assert layer(ones(1, 1, 8, 8)).dtype == torch.float32


def test_lower_precision_computes_and_learns_as_on_the_cpu():
    def learned(device):
        torch.manual_seed(0)
        layers = nn.Sequential(nn.Conv2d(2, 4, 3), nn.ReLU(), nn.Conv2d(4, 2, 3)).to(device)
        images = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(1)).to(device)
        with torch.autocast(device, dtype=torch.bfloat16):
            result = layers(images)
        result.float().square().sum().backward()
        return result, layers[0].weight.grad, layers[2].weight.grad

    for there, here in zip(learned("cuda"), learned("cpu"), strict=True):
        assert on_gpu(there) and torch.equal(there.cpu(), here)


def test_a_backward_pass_moves_what_is_there_to_where_it_is():
    class Doubled(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return 2 * x

        @staticmethod
        def backward(ctx, gradient):
            two = torch.as_tensor(torch.full_like(gradient, 2.0), dtype=torch.float64, device=gradient.device)
            return (two.to(gradient) * gradient).to("cuda")

    x = torch.ones(2, device="cuda", requires_grad=True)
    Doubled.apply(x).sum().backward()
    assert on_gpu(x.grad) and x.grad.tolist() == [2, 2]


def test_gradients_of_chosen_rows():
    x = torch.ones(3, device="cuda", requires_grad=True)
    x.index_select(0, torch.tensor([2, 2, 0], device="cuda")).sum().backward()
    assert on_gpu(x.grad) and x.grad.tolist() == [1, 0, 2]


def test_gradients_flow_from_one_device_to_the_other():
    x = torch.randn(4, 4, dtype=torch.complex128, requires_grad=True)

    def there_and_back(x):
        moved = x.to("cuda")
        return (torch.fft.fft2(moved).conj() * moved.mT).abs().square().sum().cpu()

    assert torch.autograd.gradcheck(there_and_back, x)


def test_views_share_what_they_look_at():
    x = ones(3, 3)
    x.diagonal().mul_(5)
    x[0] += 1
    assert x.tolist() == [[6, 2, 2], [1, 5, 1], [1, 1, 5]]


@pytest.mark.parametrize("mode", ["constant", "reflect", "replicate", "circular"])
def test_padding(mode):
    x = torch.rand(2, 1, 5, 6, dtype=torch.complex64 if mode == "circular" else torch.float32)
    padded = nn.functional.pad(x.to("cuda"), (1, 2, 3, 0), mode=mode)
    assert on_gpu(padded) and torch.equal(padded.cpu(), nn.functional.pad(x, (1, 2, 3, 0), mode=mode))


def test_data_changes_behind_autograd():
    weight = nn.Parameter(ones(2))
    weight.data -= 0.5 * ones(2)
    weight.data[0] = 3
    assert weight.tolist() == [3, 0.5] and weight.requires_grad


def test_a_shape_changes_in_place():
    x = ones(2, 3)
    assert x.unsqueeze_(0).shape == x.shape == (1, 2, 3)
    assert x.transpose_(1, 2).squeeze_(0).tolist() == [[1, 1]] * 3 == (x + 0).tolist()


def test_sparse_matrices():
    indices = torch.tensor([[0, 1], [1, 0]])
    matrix = torch.sparse_coo_tensor(indices, torch.tensor([2.0, 3.0]), (2, 2), check_invariants=True).coalesce()
    x = torch.tensor([[1.0], [10.0]], device="cuda", requires_grad=True)
    product = torch.sparse.mm(matrix.to("cuda"), x)
    product.sum().backward()
    assert product.tolist() == [[20.0], [3.0]] and x.grad.tolist() == [[3.0], [2.0]]


def test_afterwards_there_is_no_gpu():
    program = (
        "import torch; from pretend_gpu import pretend_gpu\n"
        "before = [torch.cuda.is_available(), torch.Generator, torch.autocast, torch.load]\n"
        "with pretend_gpu(): assert torch.cuda.get_device_name() == 'pretend GPU'\n"
        "assert [torch.cuda.is_available(), torch.Generator, torch.autocast, torch.load] == before\n"
        "net = torch.nn.Linear(1, 1); weight = net.weight; net.double(); assert net.weight is weight\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, cwd=Path(__file__).parent)
    assert done.returncode == 0, done.stderr
