"""Compare trained networks where choices are made: on draws of the training heads, and on the development brain.

usage: python benchmarks/candidates.py NAME_OR_FILE ... [--slices N] [--only CASE ...] [--rivals FILE]

Printed is by how many dB of PSNR, at best scale, each network beats the l1-wavelet (db2) whose weight was tuned on the
very slice: the mean over the slices of a case, and the least. The unseen head `s1` and the other measured scans are not
among the cases, and must not be: nothing is chosen on them. The draws have seeds of their own, which no recipe trains
or validates on. The wavelet takes most of the time; its scores are kept in a file and computed once.
"""

import argparse
import hashlib
import json
from collections.abc import Iterator
from functools import partial
from itertools import count, islice
from pathlib import Path

import torch

from mricourse.datasets.real import load_real
from mricourse.evaluation.comparison import samplings, turned, undersample
from mricourse.evaluation.metrics import best_scale, psnr
from mricourse.evaluation.tuning import tuned_wavelet
from mricourse.files import ROOT, write_whole
from mricourse.networks.apply import apply_network
from mricourse.physics.normalisation import normalised
from mricourse.physics.scan import Scan
from mricourse.simulate.training_scans import SimulatedScans
from mricourse.training.checkpoints import load_checkpoint
from mricourse.training.recipes import load_recipe

SEED = 3_000_000  # recipes train on small ones and validate on those from a million on
DRAWS = {"pool": 1, "reuse": 1, "noise_std": (0.0008, 0.014), "sharpness": (-0.5, 1.0)}
T2_LIKE = ("T2w", "T2*w", "PDw")
Case = tuple[str, Scan, torch.Tensor]  # name of the slice, undersampled scan, reference


def draws(options: dict, n: int, contrasts: tuple[str, ...] = ()) -> Iterator[Case]:
    """Slices of the training heads, of some contrasts only where they are named."""
    scans = SimulatedScans("train", SEED, **DRAWS | options)
    wanted = (scan for scan in map(scans.__getitem__, count()) if not contrasts or scan.meta["contrast"] in contrasts)
    for number, scan in enumerate(islice(wanted, n)):
        yield f"draw {number}", scan, scan.reference


def draws_of_modl(n: int) -> Iterator[Case]:
    """Slices as those that `modl` was validated on, of another seed."""
    scans = load_recipe("modl").slices("train", SEED)
    for number in range(n):
        yield f"draw {number}", scans[number], scans[number].reference


def development_brain(_: int) -> Iterator[Case]:
    """The measured brain as it is and turned, under the three standard samplings."""
    brain = load_real("moco_brain_7ch")
    for name, scan in (("", brain), (", turned", turned(brain))):
        for sampling in samplings():
            reference, kept = undersample(scan, sampling.mask(scan.shape[0]))
            yield f"{sampling}{name}", kept, reference


SMALL_T2 = {"matrix": (96, 128), "n_coils": (8, 8), "weighted": 1.0, "scanner_phase": 0.5, "left_out": 8}
CASES = {
    "draws of modl": draws_of_modl,
    "96 to 128 pixels, T2-like, R = 4": partial(draws, SMALL_T2 | {"acceleration": (4, 4)}, contrasts=T2_LIKE),
    "96 to 128 pixels, T2-like, R = 6": partial(draws, SMALL_T2 | {"acceleration": (6, 6)}, contrasts=T2_LIKE),
    "32 coils": partial(draws, {"matrix": (160, 256), "n_coils": (32, 32), "acceleration": (4, 6)}),
    "4 coils": partial(draws, {"matrix": (160, 256), "n_coils": (4, 4), "acceleration": (4, 4)}),
    "development brain": development_brain,
}


def wavelet_score(scan: Scan, reference: torch.Tensor, known: dict[str, float]) -> float:
    """PSNR of the tuned wavelet, in dB, looked up where it was computed before."""
    digest = hashlib.sha256()
    for part in (scan.kspace, reference):  # the sampled numbers to five digits: threads and versions change the rest
        digest.update(json.dumps([f"{float(part.abs().square().sum()):.5g}", list(part.shape)]).encode())
    digest.update(scan.mask.numpy().tobytes())
    key = digest.hexdigest()
    if key not in known:
        A, kspace, _ = normalised(scan)
        image, _ = tuned_wavelet(A, kspace, reference)
        known[key] = float(psnr(best_scale(image, reference), reference))
    return known[key]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("networks", nargs="+", help="names of checkpoints, or .safetensors files")
    parser.add_argument("--slices", type=int, default=8, help="of each simulated case")
    parser.add_argument("--only", nargs="+", choices=[*CASES], default=[*CASES], metavar="CASE")
    parser.add_argument("--rivals", type=Path, default=ROOT / "build" / "candidates.json", help="scores of the wavelet")
    options = parser.parse_args()
    networks = {load_checkpoint(name).name: load_checkpoint(name).network for name in options.networks}
    known = json.loads(options.rivals.read_text()) if options.rivals.exists() else {}
    print(f"| case | slices | wavelet, dB | {' | '.join(networks)} |\n|---|---|---|{'---|' * len(networks)}")
    for case in options.only:
        rows = []
        for name, scan, reference in CASES[case](options.slices):
            wavelet = wavelet_score(scan, reference, known)
            images = {each: apply_network(network, scan) for each, network in networks.items()}
            rows.append([wavelet, *(float(psnr(best_scale(image, reference), reference)) for image in images.values())])
            if case == "development brain":
                gains = " | ".join(f"{score - wavelet:+.2f}" for score in rows[-1][1:])
                print(f"| {case}, {name} | 1 | {wavelet:.2f} | {gains} |", flush=True)
        write_whole(options.rivals, json.dumps(known, indent=1))
        wavelet, *scores = torch.tensor(rows).T
        gains = " | ".join(f"{(each - wavelet).mean():+.2f} (least {(each - wavelet).min():+.2f})" for each in scores)
        print(f"| {case} | {len(rows)} | {wavelet.mean():.2f} | {gains} |", flush=True)


if __name__ == "__main__":
    torch.manual_seed(0)
    main()
