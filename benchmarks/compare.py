"""Time this library against sigpy and BART (through bartorch) in one process, at equal accuracy.

usage: python benchmarks/compare.py [--quick] [--only METHOD ...] [-o RESULTS.md]     about 25 minutes in all

Iterative methods run until they reach a stated error, each library with the fewest iterations (and, where it differs
in its regulariser, the best weight) that does; the libraries take turns, A B C A B C, each warmed up, and the median
counts. With OMP_NUM_THREADS=1 the clock is the CPU time of the process, which other processes do not lengthen. Peak
memory is the growth of a fresh process's high-water mark over the same call.
"""

import argparse
import multiprocessing
import os
import platform
import statistics
import sys
import time
from importlib.metadata import version
from pathlib import Path

import numpy as np
import torch

from mricourse.evaluation.metrics import nmse
from mricourse.files import write_whole
from mricourse.physics.coil_combination import rss
from mricourse.physics.coil_maps import espirit
from mricourse.physics.fourier import fft2c, random_complex
from mricourse.physics.nufft import NufftOperator
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import radial_trajectory, random_mask
from mricourse.reconstruct.least_squares import cg_sense
from mricourse.reconstruct.sparsity import wavelet_reconstruction
from mricourse.reconstruct.total_variation import tv_reconstruction
from mricourse.simulate.coils import simulate_coils
from mricourse.simulate.phantoms import shepp_logan

CASES = [(n, coils) for n in (128, 256, 320) for coils in (8, 16)]
ITERATIONS = (7, 10, 14, 20, 28, 40, 60, 90)
WEIGHTS = (2e-3, 5e-3)  # relative to max |A^H y|
ESPIRIT_THRESHOLD = 0.02
PAUSE_S = 0.25  # until the threads of the library before have stopped spinning


def make_problem(n, coils):
    """One noisy R = 4 acquisition of a textured phantom: everything that a call below needs."""
    smaps = simulate_coils(coils, (n, n), seed=1)
    coarse = random_complex(1, 1, n // 4, n // 4).real
    texture = torch.nn.functional.interpolate(coarse, size=(n, n), mode="bicubic")[0, 0]
    image = (shepp_logan((n, n)) * (1 + 0.1 * texture)).to(torch.complex64)
    mask = random_mask(n, 4, acs=24, seed=0)
    full = fft2c(smaps * image) + 5e-3 * random_complex(coils, n, n)
    A = SenseOperator(smaps, mask)
    kspace = full * mask
    points = radial_trajectory(n // 2, 2 * n)
    scale = float(A.adjoint(kspace).abs().max())
    return {"A": A, "kspace": kspace, "full": full, "image": image, "points": points, "scale": scale, "n": n}


def sense_ours(p, weight, n_iterations):
    return cg_sense(p["A"], p["kspace"], reg_weight=weight, n_iterations=n_iterations, tolerance=0)


def sense_sigpy(p, weight, n_iterations):
    import sigpy.mri as mri

    options = {"lamda": weight, "max_iter": n_iterations, "tol": 0, "show_pbar": False, "weights": _weights(p)}
    return torch.from_numpy(mri.app.SenseRecon(p["kspace"].numpy(), p["A"].smaps.numpy(), **options).run())


def sense_bart(p, weight, n_iterations):
    return _pics(p, l2=weight, maxiter=n_iterations)


def wavelet_ours(p, weight, n_iterations):
    return wavelet_reconstruction(p["A"], p["kspace"], reg_weight=weight, n_iterations=n_iterations, tolerance=0)


def wavelet_sigpy(p, weight, n_iterations):
    import sigpy.mri as mri

    options = {"max_iter": n_iterations, "show_pbar": False, "weights": _weights(p)}
    app = mri.app.L1WaveletRecon(p["kspace"].numpy(), p["A"].smaps.numpy(), weight * p["scale"], **options)
    return torch.from_numpy(app.run())


def wavelet_bart(p, weight, n_iterations):
    from bartorch import priors

    term = priors.Wavelet((-1, -2), weight * p["scale"])
    return _pics(p, regularizers=term, maxiter=n_iterations, scaling=1.0)


def tv_ours(p, weight, n_iterations):
    return tv_reconstruction(p["A"], p["kspace"], reg_weight=weight, n_iterations=n_iterations, tolerance=0)


def tv_sigpy(p, weight, n_iterations):
    import sigpy.mri as mri

    options = {"max_iter": n_iterations, "show_pbar": False, "weights": _weights(p)}
    app = mri.app.TotalVariationRecon(p["kspace"].numpy(), p["A"].smaps.numpy(), weight * p["scale"], **options)
    return torch.from_numpy(app.run())


def tv_bart(p, weight, n_iterations):
    from bartorch import priors

    term = priors.TotalVariation((-1, -2), weight * p["scale"])
    return _pics(p, regularizers=term, maxiter=n_iterations, scaling=1.0)


def espirit_ours(p):
    return espirit(p["kspace"], threshold=ESPIRIT_THRESHOLD)


def espirit_sigpy(p):
    import sigpy.mri as mri

    options = {"calib_width": 24, "thresh": ESPIRIT_THRESHOLD, "crop": 0.8, "show_pbar": False}
    return torch.from_numpy(mri.app.EspiritCalib(p["kspace"].numpy(), **options).run())


def espirit_bart(p):
    from bartorch import tools

    return tools.ecalib(p["kspace"], maps=1, calib_size=24, crop=0.8).reshape(p["kspace"].shape)


def nufft_ours(p):
    A = NufftOperator(p["points"], p["A"].smaps, epsilon=1e-3)
    return A.adjoint(A.forward(p["image"]))


def nufft_sigpy(p):
    import sigpy.mri as mri

    coordinates = p["points"].numpy() * p["n"]
    A = mri.linop.Sense(p["A"].smaps.numpy(), coord=coordinates)
    return torch.from_numpy(A.H(A(p["image"].numpy())))


def nufft_bart(p):
    import bartorch

    turned = torch.stack([p["points"][:, 1], p["points"][:, 0], torch.zeros(len(p["points"]))], dim=-1) * p["n"]
    traj = turned.reshape(p["n"] // 2, 2 * p["n"], 3)
    samples = bartorch.nufft((p["A"].smaps * p["image"])[:, None], traj)
    coil_images = bartorch.nufft_adjoint(samples, traj, (1, p["n"], p["n"])).reshape(p["A"].smaps.shape)
    return (p["A"].smaps.conj() * coil_images).sum(0)


def _weights(p):
    return p["A"].mask.numpy().astype(np.float32)


def _pics(p, **options):
    from bartorch.apps import pics

    return pics(p["kspace"][:, None], p["A"].smaps[:, None], **options).reshape(p["image"].shape)


ITERATIVE = {
    "CG-SENSE": (sense_ours, sense_sigpy, sense_bart),
    "l1-wavelet": (wavelet_ours, wavelet_sigpy, wavelet_bart),
    "TV": (tv_ours, tv_sigpy, tv_bart),
}
DIRECT = {"ESPIRiT": (espirit_ours, espirit_sigpy, espirit_bart), "NUFFT": (nufft_ours, nufft_sigpy, nufft_bart)}
LIBRARIES = ("ours", "sigpy", "BART")


def errors_of(method, p):
    """How far a result is from what it should be, as a function of the result."""
    if method == "CG-SENSE":  # all libraries solve the same equation: distance to its solution
        wide = SenseOperator(p["A"].smaps.to(torch.complex128), p["A"].mask)
        solution = cg_sense(wide, p["kspace"].to(torch.complex128), reg_weight=0.01, n_iterations=500, tolerance=1e-10)
        return lambda x: float((x - solution).norm() / solution.norm())
    if method == "ESPIRiT":
        inside = p["image"].abs() > 0.05
        maps = p["A"].smaps
        return lambda x: float(1 - ((x.conj() * maps).sum(0).abs() / rss(x).clamp_min(1e-9))[inside].median())
    if method == "NUFFT":
        A = NufftOperator(p["points"].double(), p["A"].smaps.to(torch.complex128))
        exact = A.adjoint(A.forward(p["image"].to(torch.complex128)))
        return lambda x: float((x - exact * _fit(x, exact)).norm() / (exact * _fit(x, exact)).norm())
    return lambda x: float(nmse(x, p["image"])) ** 0.5  # regularisers differ between libraries: error against the truth


def _fit(x, exact):
    """Scale between normalisations of the transform."""
    return torch.vdot(exact.flatten(), x.to(exact.dtype).flatten()) / exact.norm() ** 2


def configure(method, p):
    """The cheapest arguments with which each library reaches the common error; (target, [arguments])."""
    error = errors_of(method, p)
    if method in DIRECT:
        return "", [() for _ in LIBRARIES], [error(call(p)) for call in DIRECT[method]]
    weights = (0.01,) if method == "CG-SENSE" else WEIGHTS
    tables = []
    for call in ITERATIVE[method]:
        tables.append({(w, i): error(call(p, w, i)) for i in ITERATIONS for w in weights})
    target = 1e-3 if method == "CG-SENSE" else 1.02 * max(min(table.values()) for table in tables)
    chosen = []
    for table in tables:
        reached = [(i, w) for (w, i), e in table.items() if e <= target]
        chosen.append((min(reached)[1], min(reached)[0]) if reached else min(table, key=table.get))
    return f"{target:.3g}", chosen, [table[arguments] for table, arguments in zip(tables, chosen, strict=True)]


def measure(calls, rounds):
    """Median seconds of each call, the calls taking turns; of one thread the CPU time, which others do not lengthen."""
    clock = time.process_time if torch.get_num_threads() == 1 else time.perf_counter
    times = [[] for _ in calls]
    for _ in range(rounds):
        for call, spent in zip(calls, times, strict=True):
            time.sleep(PAUSE_S)
            call()  # wakes this library's threads and fills the caches
            start = clock()
            call()
            spent.append(clock() - start)
    return [statistics.median(spent) for spent in times]


def peak_memory(method, library, case, arguments):
    """Growth of the high-water mark of a fresh process, in MiB."""
    with multiprocessing.get_context("forkserver").Pool(1) as pool:
        return pool.apply(_peak_memory_here, (method, library, case, arguments))


def _peak_memory_here(method, library, case, arguments):
    torch.set_num_threads(2)
    call = (ITERATIVE | DIRECT)[method][library]
    small = make_problem(128, case[1])
    call(small, *arguments)  # imports, thread pools and plans are not what we measure
    p = make_problem(*case)
    Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark to what is held now
    before = _status("VmRSS")
    call(p, *arguments)
    return (_status("VmHWM") - before) / 1024


def _status(key):
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key))


def normal_rows(cases):
    """A.normal against adjoint(forward(x)) written with shifts."""
    for n, coils in cases:
        p = make_problem(n, coils)
        for name, mask in (("lines", p["A"].mask), ("points", random_mask((n, n), 4))):
            A, x = SenseOperator(p["A"].smaps, mask), p["image"]
            ours, shifted = measure([lambda A=A, x=x: A.normal(x), lambda A=A, x=x: A.adjoint(A.forward(x))], 5)
            yield f"| {n} | {coils} | {name} | {1e3 * ours:.2f} | {1e3 * shifted:.2f} | {shifted / ours:.1f} |"


def nufft_normal_rows(cases):
    """NufftOperator.normal against adjoint(forward(x)) and against sigpy's Toeplitz product."""
    for n, coils in cases:
        p = make_problem(n, coils)
        A, x = NufftOperator(p["points"], p["A"].smaps), p["image"]
        theirs = _sigpy_toeplitz(p)
        calls = [lambda A=A, x=x: A.normal(x), lambda A=A, x=x: A.adjoint(A.forward(x)), theirs]
        ours, halves, sigpy, first = measure([*calls, lambda p=p: _first_normal(p)], 5)
        error = errors_of("NUFFT", p)
        timed = zip(calls, (ours, halves, sigpy), strict=True)
        cells = [n, coils, *(f"{1e3 * seconds:.1f} ({error(call()):.1e})" for call, seconds in timed)]
        cells += [f"{halves / ours:.1f}", f"{sigpy / ours:.1f}", f"{1e3 * first:.0f}"]
        yield "| " + " | ".join(map(str, cells)) + " |"


def _first_normal(p):
    return NufftOperator(p["points"], p["A"].smaps).normal(p["image"])


def _sigpy_toeplitz(p):
    from sigpy import linop

    maps = linop.Multiply((p["n"], p["n"]), p["A"].smaps.numpy())
    coordinates = p["points"].numpy() * p["n"]
    F = linop.NUFFT(p["A"].smaps.shape, coordinates, oversamp=2, width=6, toeplitz=True)
    normal = maps.H * F.N * maps
    return lambda: torch.from_numpy(normal(p["image"].numpy()))


NORMAL = {  # heading and what it says, columns, rows
    "SENSE-normal": (
        "## Shift-free normal operator, ms\n",
        ("matrix", "coils", "mask", "normal", "adjoint(forward)", "ratio"),
        normal_rows,
    ),
    "NUFFT-normal": (
        "## Normal operator of the NUFFT, ms (error)\n\n"
        "n / 2 spokes of 2 n samples, epsilon 1e-5; sigpy's Toeplitz product with oversampling 2 and width 6.\n",
        ("matrix", "coils", "normal", "adjoint(forward)", "sigpy", "adjoint(forward) / normal", "sigpy / normal")
        + ("first normal, with its kernel",),
        nufft_normal_rows,
    ),
}


def machine():
    about = Path("/proc/cpuinfo").read_text().splitlines()
    cpu = next((line.split(":")[1].strip() for line in about if "model name" in line), "?")
    names = ("torch", "numpy", "sigpy", "bartorch", "finufft", "PyWavelets")
    packages = ", ".join(f"{name} {version(name)}" for name in names)
    system = f"{platform.system()} {platform.machine()}, Python {platform.python_version()}"
    return f"{cpu}, {os.cpu_count()} cores, {system}, {packages}."


def save(lines: list[str], output: Path | None) -> None:
    """Write a report, whole or not at all; None writes nothing."""
    if output:
        write_whole(output, "\n".join(lines) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="only 128 x 128 with 8 coils")
    parser.add_argument("--only", nargs="+", metavar="METHOD", help="of " + ", ".join([*NORMAL, *ITERATIVE, *DIRECT]))
    parser.add_argument("-o", "--output", type=Path, help="also write the tables to this file")
    options = parser.parse_args()
    cases = CASES[:1] if options.quick else CASES
    about = (__doc__ or "").split("\n\n", 2)[2].strip()
    lines = ["# Benchmarks", "", f"`python benchmarks/compare.py` on {machine()}", "", about, ""]
    for name, (heading, heads, rows) in NORMAL.items():
        if not options.only or name in options.only:
            lines += [heading, "| " + " | ".join(heads) + " |", "|---" * len(heads) + "|", *rows(cases), ""]
    lines += ["## Against sigpy and BART", ""]
    lines += ["Seconds (error reached; iterations), ratio = theirs / ours, peak memory in MiB.", ""]
    heads = ["method", "matrix", "coils", "target", "ours", "sigpy", "BART", "sigpy / ours", "BART / ours"]
    heads += ["memory ours", "sigpy", "BART"]
    lines += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    print("\n".join(lines), flush=True)
    for method, calls in (ITERATIVE | DIRECT).items():
        for case in cases if not options.only or method in options.only else ():
            p = make_problem(*case)
            target, arguments, errors = configure(method, p)
            jobs = [lambda call=call, a=a, p=p: call(p, *a) for call, a in zip(calls, arguments, strict=True)]
            seconds = measure(jobs, 5)
            memory = [peak_memory(method, i, case, arguments[i]) for i in range(len(LIBRARIES))]
            runs = zip(seconds, errors, arguments, strict=True)
            cells = [f"{s:.3f} ({e:.2g}{f'; {a[1]}' if a else ''})" for s, e, a in runs]
            ratios = [f"{s / seconds[0]:.1f}" for s in seconds[1:]]
            row = [method, case[0], case[1], target, *cells, *ratios, *(f"{m:.0f}" for m in memory)]
            lines.append("| " + " | ".join(map(str, row)) + " |")
            print(lines[-1], flush=True)
    save(lines, options.output)


if __name__ == "__main__":
    multiprocessing.get_context("forkserver").set_forkserver_preload(["torch", "sigpy.mri", "bartorch.apps", "pywt"])
    sys.exit(main())
