"""Reconstruct the development brain with this library and with BART, each at its best weight, and time both.

usage: python benchmarks/measured_brain.py [SEED ...]

The reference is the fully sampled coil-combined image at best scale; maps come from the ACS of the undersampled data by
our ESPIRiT, for both libraries. Weights are the best of the grids below for that very slice. Ours are solved to a
tolerance of their objective; BART, which offers none, gets the better of two numbers of iterations.
"""

import sys
import time

import torch
from bartorch import priors
from bartorch.apps import pics

from mricourse.datasets.real import load_real
from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.physics.coil_maps import espirit
from mricourse.physics.operators import SenseOperator
from mricourse.physics.sampling import acceleration_of, equispaced_mask, random_mask
from mricourse.reconstruct.least_squares import cg_sense
from mricourse.reconstruct.sparsity import wavelet_reconstruction
from mricourse.reconstruct.total_variation import tv_reconstruction

SPARSE = (2e-4, 5e-4, 1e-3, 2e-3, 3e-3, 5e-3)
WEIGHTS = {"CG-SENSE": (1e-3, 3e-3, 1e-2, 3e-2), "l1-wavelet": SPARSE, "TV": SPARSE}
ITERATIONS = {"CG-SENSE": (10, 200), "l1-wavelet": (100, 400), "TV": (100, 400)}
CONVERGED = {"n_iterations": 2000, "tolerance": 1e-4}


def methods(scan, smaps):
    """Every method as a function of weight and iterations; BART's weights are relative to its own data scaling."""
    A = SenseOperator(smaps, scan.mask)
    kspace, maps, shape = scan.kspace[:, None], smaps[:, None], scan.reference.shape

    def wavelet(weight, _):
        return wavelet_reconstruction(A, scan.kspace, reg_weight=weight, **CONVERGED)

    def haar(weight, _):
        return wavelet_reconstruction(A, scan.kspace, reg_weight=weight, wavelet="db1", **CONVERGED)

    def tv(weight, _):
        return tv_reconstruction(A, scan.kspace, reg_weight=weight, **CONVERGED)

    def bart_wavelet(weight, n):
        return pics(kspace, maps, regularizers=priors.Wavelet((-1, -2), weight), maxiter=n).reshape(shape)

    return {
        ("CG-SENSE", "ours"): lambda weight, n: cg_sense(A, scan.kspace, reg_weight=weight, n_iterations=n),
        ("CG-SENSE", "BART"): lambda weight, n: pics(kspace, maps, l2=weight, maxiter=n).reshape(shape),
        ("l1-wavelet", "ours, db2"): wavelet,
        ("l1-wavelet", "ours, Haar"): haar,
        ("l1-wavelet", "BART"): bart_wavelet,
        ("TV", "ours"): tv,
    }


def main():
    full = load_real("moco_brain_7ch")
    seeds = [int(word) for word in sys.argv[1:]] or [0, 1, 2]
    ny = full.shape[0]
    masks = {f"random R = 4, seed {seed}": random_mask(ny, 4, acs=24, seed=seed) for seed in seeds}
    masks |= {"equispaced R = 4": equispaced_mask(ny, 4, acs=24), "random R = 6, seed 0": random_mask(ny, 6, acs=24)}
    print("| mask | net R | method | library | PSNR, dB | weight | iterations | s |\n|---|---|---|---|---|---|---|---|")
    for name, mask in masks.items():
        scan = full.undersample(mask)
        for (method, library), solve in methods(scan, espirit(scan.kspace)).items():
            scores = {}
            for weight in WEIGHTS[method]:
                converged = method in ("l1-wavelet", "TV") and library != "BART"
                for n in ("converged",) if converged else ITERATIONS[method]:
                    image = best_scale(solve(weight, n), full.reference)
                    scores[weight, n] = float(psnr(image, full.reference))
            weight, n = max(scores, key=scores.get)
            start = time.perf_counter()
            solve(weight, n)
            spent = time.perf_counter() - start
            best = scores[weight, n]
            net = acceleration_of(mask)
            print(
                f"| {name} | {net:.2f} | {method} | {library} | {best:.2f} | {weight:g} | {n} | {spent:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
