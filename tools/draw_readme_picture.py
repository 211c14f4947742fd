"""Draw the picture of the README: one simulated slice from a sixth of its k-space, reconstructed three ways.

usage: python tools/draw_readme_picture.py [OUTPUT.png]
"""

import sys
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

from mricourse import SenseOperator
from mricourse.evaluation.metrics import best_scale
from mricourse.physics.coil_maps import espirit
from mricourse.physics.sampling import acceleration_of, poisson_disc_mask
from mricourse.plotting.figures import show_images
from mricourse.reconstruct.least_squares import cg_sense
from mricourse.reconstruct.sparsity import wavelet_reconstruction
from mricourse.simulate.protocols import contrast_scan

OUTPUT = Path(__file__).resolve().parents[1] / "docs" / "reconstructions.png"


def main() -> None:
    """Reconstruct, draw, write."""
    output = Path(sys.argv[1]) if len(sys.argv) > 1 else OUTPUT
    scan = contrast_scan("s1", "T1w", shape=(192, 192), n_coils=8, noise_std=0.01, seed=3)
    scan = scan.undersample(poisson_disc_mask((192, 192), 6, acs=20, seed=1))
    A = SenseOperator(espirit(scan.kspace, acs=20), scan.mask)
    images = {
        "zero-filled": A.adjoint(scan.kspace),
        "CG-SENSE": cg_sense(A, scan.kspace, reg_weight=0.01),
        "l1-wavelet": wavelet_reconstruction(A, scan.kspace),
    }
    panels = {"fully sampled": scan.reference} | {
        name: best_scale(image, scan.reference) for name, image in images.items()
    }
    print(f"R = {acceleration_of(scan.mask):.2f}")
    axes = show_images(panels, reference=scan.reference, error_gain=5)
    output.parent.mkdir(exist_ok=True)
    axes[0].figure.savefig(output, dpi=90, facecolor="white", metadata={"Software": None})


if __name__ == "__main__":
    main()
