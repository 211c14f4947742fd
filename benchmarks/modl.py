"""Time MoDL, forward pass and training step, against deepinv's, autograd through the iterations, and the floor.

usage: python benchmarks/modl.py [--quick] [--threads N] [-o RESULTS.md]     about 10 minutes on an idle machine

Five iterations, denoisers of 5 layers and 32 channels without bias or norm, 8 coils, one slice, R = 4 along ky, lambda
0.05, float32 unless stated. A training step is forward, squared error, backward and one step of Adam. The methods take
turns, A B C A B C, each warmed up by a call that does not count; minimum and median of the rounds are given, and ratios
compare minima. With one thread the clock is the CPU time of the process, which runs only while the process does.

* ours: `AdaptiveMoDL` as it comes; the features inside the denoisers are computed twice instead of kept. "Features
  kept" turns that off, "bfloat16" is autocast. "As the recipes" has both, and `solver="direct"`, exact where the others
  stop after 10 iterations of CG; its smooth phase and the factorisation count.
* deepinv: its `MoDL` with `MultiCoilMRI`, as it comes (lambda 1, where CG needs 3 to 6 iterations to its tolerance of
  1e-4), and "10 CG": the equation and the 10 iterations that ours solves.
* autograd: ours with a plain CG loop that autograd records, features kept as in any plain network, or computed twice.
* floor: what no MoDL of this size can leave out: 10 pairs of Fourier transforms of the coil images along ky for each
  solve, and the convolutions of float32 in the layout that runs fastest; nothing between them.

Memory is measured in fresh processes: what autograd keeps between forward and backward (every distinct storage once,
weights and data left out), the largest sum of live tensors beyond those there before the step (PyTorch's allocator),
and the growth of the process's high-water mark, which also holds what the libraries below PyTorch allocate.
"""

import argparse
import multiprocessing
import os
import platform
import statistics
import sys
import time
import warnings
from functools import partial
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from unittest import mock

import torch
from compare import PAUSE_S, _status, make_problem, save
from torch.autograd.graph import saved_tensors_hooks
from torch.profiler import ProfilerActivity, profile

from mricourse.networks import adaptive_modl
from mricourse.networks.adaptive_modl import AdaptiveMoDL

SIZES = (128, 256, 320)
N_COILS, N_ITERATIONS, N_CG, REG_WEIGHT = 8, 5, 10, 0.05
BODY = {"n_layers": 5, "n_features": 32}
ROUNDS = 7


def modl_ours(p, recompute=True, low=False, solver="cg"):
    options = {"n_iterations": N_ITERATIONS, "reg_weight": REG_WEIGHT, "n_cg": N_CG, "solver": solver}
    network = AdaptiveMoDL(recompute=recompute, **options, **BODY)

    def forward():
        with torch.autocast("cpu", torch.bfloat16, enabled=low):
            return network(p["A"], p["kspace"])

    return network, forward, p["image"]


def modl_autograd(p, recompute=False):
    network, forward, target = modl_ours(p, recompute)

    def recorded():
        with mock.patch.object(adaptive_modl, "data_consistency", consistency_by_autograd):
            return forward()

    return network, recorded, target


def consistency_by_autograd(A, zero_filled, prior, reg_weight, *, solver=None, n_iterations=N_CG, tolerance=0.0):
    """Data consistency as a textbook writes it, from the same start as ours; autograd keeps every iteration."""
    x = prior
    residual = zero_filled - A.normal(prior)
    direction, energy = residual, residual.abs().square().sum()
    for _ in range(n_iterations):
        image = A.normal(direction) + reg_weight * direction
        step = energy / (direction.conj() * image).real.sum()
        x = x + step * direction
        residual = residual - step * image
        previous, energy = energy, residual.abs().square().sum()
        direction = residual + energy / previous * direction
    return x


def modl_deepinv(p, as_it_comes=True):
    MoDLOfDeepinv, DnCNN, MultiCoilMRI = import_deepinv()
    denoiser = DnCNN(2, 2, depth=BODY["n_layers"], nf=BODY["n_features"], bias=False, pretrained=None)
    network = MoDLOfDeepinv(denoiser, num_iter=N_ITERATIONS)
    mask = p["A"].mask.expand(p["n"], p["n"]).float()
    physics = MultiCoilMRI(mask=mask, coil_maps=p["A"].smaps)
    if not as_it_comes:
        physics.max_iter, physics.tol = N_CG, 0.0
        with torch.no_grad():
            for weight in network.params_algo["stepsize"]:
                weight.fill_(1 / REG_WEIGHT)
    data, target = as_channels(p["kspace"])[None], as_channels(p["image"])[None]
    return network, lambda: network(data, physics), target


def as_channels(x):
    """Complex (...) -> real (2, ...)."""
    return torch.view_as_real(x).movedim(-1, 0).contiguous()


def import_deepinv():
    """deepinv's MoDL, DnCNN and MultiCoilMRI.

    torchvision's wheel on PyPI is built for CUDA; beside a CPU build of torch its operators do not load, and its
    import stops at their names. MoDL calls none of them, so naming them is enough.
    """
    try:
        import deepinv  # noqa: F401
    except RuntimeError:
        import_deepinv.names = torch.library.Library("torchvision", "FRAGMENT")  # lives as long as the process
        for name in ("nms", "qnms", "roi_align"):
            import_deepinv.names.define(f"{name}(Tensor a) -> Tensor")
    from deepinv.models import DnCNN, MoDL
    from deepinv.physics import MultiCoilMRI

    return MoDL, DnCNN, MultiCoilMRI


def floor(p):
    """The Fourier transforms and the convolutions of a step, as (forward, forward and backward)."""
    coil_images = p["A"].smaps.mT.contiguous()  # ky contiguous
    at_once = max(1, 2**15 // coil_images[0].numel())  # coils that stay in the cache

    def transforms(n_solves):
        for _ in range(n_solves * N_CG):
            for part in coil_images.split(at_once):
                torch.fft.ifft(torch.fft.fft(part), norm="forward")

    convolutions = [m for m in AdaptiveMoDL(n_iterations=1, **BODY).modules() if isinstance(m, torch.nn.Conv2d)]
    channels = torch.randn(1, p["n"], p["n"], 2).permute(0, 3, 1, 2)  # channels last, the faster layout
    stacks = [channels.clone().requires_grad_(k > 0) for k in range(N_ITERATIONS)]  # x_0 needs no gradient
    stack = torch.nn.Sequential(*convolutions)

    def forward():
        with torch.no_grad():
            transforms(N_ITERATIONS)
            for x in stacks:
                stack(x)

    def step():
        transforms(2 * N_ITERATIONS)
        for x in stacks:
            stack(x).backward(channels)

    return forward, step


METHODS = {
    "ours": modl_ours,
    "ours, features kept": partial(modl_ours, recompute=False),
    "ours, bfloat16": partial(modl_ours, low=True),
    "ours, bfloat16, features kept": partial(modl_ours, recompute=False, low=True),
    "ours, as the recipes": partial(modl_ours, recompute=False, low=True, solver="direct"),
    "deepinv": modl_deepinv,
    "deepinv, 10 CG": partial(modl_deepinv, as_it_comes=False),
    "autograd": modl_autograd,
    "autograd, features twice": partial(modl_autograd, recompute=True),
}


def make_calls(name, p):
    """(forward pass, training step) of one method on one problem."""
    if name == "floor":
        return floor(p)
    torch.manual_seed(0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        network, forward, target = METHODS[name](p)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-5)

    def step():
        optimiser.zero_grad()
        loss_of(forward(), target).backward()
        optimiser.step()

    return torch.no_grad()(forward), step


def loss_of(image, target):
    return (image - target).abs().square().sum()


def measure(calls, rounds):
    """Minimum and median seconds of each call, the calls taking turns."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times = [[] for _ in calls]
    for _ in range(rounds):
        for call, spent in zip(calls, times, strict=True):
            time.sleep(PAUSE_S)
            call()  # wakes the threads and fills the caches
            start = clock()
            call()
            spent.append(clock() - start)
    return [(min(spent), statistics.median(spent)) for spent in times]


def memory(name, n, threads):
    """MiB of a training step in a fresh process: (kept for backward, peak of tensors, peak of the process)."""
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        return pool.apply(_memory_here, (name, n, threads))


def _memory_here(name, n, threads):
    torch.set_num_threads(threads)
    make_calls(name, make_problem(100, N_COILS))[1]()  # imports, thread pools and plans are not what we measure
    p = make_problem(n, N_COILS)
    step = make_calls(name, p)[1]
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark to what is held now
    before = _status("VmRSS")
    step()
    grown = (_status("VmHWM") - before) * 1024
    return [size / 2**20 for size in (kept_for_backward(name, p), peak_of_tensors(step), grown)]


def kept_for_backward(name, p):
    """Bytes of the distinct storages that autograd saved by the end of the forward pass, without weights and data."""
    network, forward, target = METHODS[name](p)
    given = [*network.parameters(), *(x for x in p.values() if torch.is_tensor(x)), target, p["A"].smaps, p["A"].mask]
    known = {x.untyped_storage().data_ptr() for x in given}
    saved = {}

    def keep(x):
        saved[x.untyped_storage().data_ptr()] = x.untyped_storage().nbytes()
        return x

    with saved_tensors_hooks(keep, lambda x: x):
        loss = loss_of(forward(), target)  # held, so that no storage is freed and counted twice
    del loss
    return sum(size for pointer, size in saved.items() if pointer not in known)


def peak_of_tensors(step):
    """Largest sum of live bytes during a step, beyond what was there before it."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        step()
    live = peak = 0
    events = (e for e in record.profiler.kineto_results.events() if e.name() == "[memory]")
    for event in sorted(events, key=lambda e: e.start_ns()):
        live += event.nbytes()
        peak = max(peak, live)
    return peak


def machine(threads):
    about = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in about if "model name" in line), "?")
    load = f"{threads} thread{'s' * (threads > 1)}, load average {os.getloadavg()[0]:.1f} before the start"
    versions = f"Python {platform.python_version()}, torch {torch.__version__}, deepinv {version_of('deepinv')}"
    return f"{cpu}, {os.cpu_count()} cores, {load}; {versions}"


def version_of(name):
    try:
        return version(name)
    except PackageNotFoundError:
        return "not installed"


def asked_for(about):
    """Read the options of a benchmark of networks, and take as many threads as they say."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--quick", action="store_true", help="only 128 x 128")
    parser.add_argument("--threads", type=int, default=os.cpu_count(), metavar="N")
    parser.add_argument("-o", "--output", type=Path, help="also write the tables to this file")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    return options


def main():
    options = asked_for(__doc__.splitlines()[0])
    names, without = list(METHODS), ""
    try:
        import_deepinv()
    except Exception as error:  # whatever its import runs into, the rest can be measured
        names = [name for name in names if not name.startswith("deepinv")]
        without = f"deepinv was left out, because its import failed: {str(error).splitlines()[0]}"
    lines = [
        "## MoDL",
        "",
        f"`python benchmarks/modl.py --threads {options.threads}` on {machine(options.threads)}.",
        "",
    ]
    lines += [*filter(None, [without, without and "\n"]), __doc__.split("\n\n", 2)[2].strip(), ""]
    heads = ["matrix", "method", "forward, s: minimum (median)", "/ ours", "step, s: minimum (median)"]
    heads += ["/ ours", "/ floor", "kept for backward, MiB", "peak of tensors, MiB", "peak of process, MiB"]
    lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    print("\n".join(lines), flush=True)
    for n in SIZES[:1] if options.quick else SIZES:
        p = make_problem(n, N_COILS)
        calls = [make_calls(name, p) for name in [*names, "floor"]]
        forward, step = (measure([call[i] for call in calls], ROUNDS) for i in range(2))
        for i, name in enumerate([*names, "floor"]):
            row = [str(n), name]
            for times in (forward, step):
                row += [f"{times[i][0]:.3f} ({times[i][1]:.3f})", f"{times[i][0] / times[0][0]:.2f}"]
            row.append(f"{step[i][0] / step[-1][0]:.2f}")
            row += [f"{m:.0f}" for m in memory(name, n, options.threads)] if name in METHODS else [""] * 3
            lines.append("| " + " | ".join(row) + " |")
            print(lines[-1], flush=True)
    save(lines, options.output)


if __name__ == "__main__":
    sys.exit(main())
