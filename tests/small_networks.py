"""A small one of every kind of network that a recipe may name, for the tests that go over all of them."""

from mricourse.networks.image_domain import ImageDomain
from mricourse.training.recipes import BODIES, NETWORKS

MODL = {"n_features": 6, "n_layers": 3}
SMALL = {
    "modl": MODL,
    "published_modl": MODL,
    "admm_net": MODL,
    "ista_net": {"n_features": 4},
    "variational_network": {"n_filters": 3, "kernel_size": 5, "n_weights": 9},
    "learned_thresholds": {},
    "deep_equilibrium": MODL,
    "end_to_end_varnet": {"n_features": 2, "n_levels": 1, "n_map_features": 2, "n_map_levels": 1},
    "kikinet": MODL,
    "kspace_unet": {"n_features": 4, "n_levels": 2},
    "hybrid": {"n_features": 4, "n_levels": 2},
    "diffusion_prior": {"n_features": 4, "n_levels": 2, "noise_max": 0.3},
}
ONE_MATRIX = {"automap": {"shape": [24, 17], "n_features": 4}}  # which takes no scan of another
WITHOUT_ITERATIONS = ("kspace_unet", "hybrid", "automap")
STARTS = [kind for kind in NETWORKS if kind not in ("kspace_unet", "automap", "diffusion_prior", "upnet")]
OF_ONE_IMAGE = [kind for kind in [*NETWORKS, *BODIES] if kind not in ("multi_contrast", "upnet")]


def small_options(kind, n_iterations):
    """What makes a small one of a kind of `NETWORKS`."""
    if kind == "kikinet":
        return {"stages": ("KI" * n_iterations)[:n_iterations], **SMALL[kind]}
    if kind in WITHOUT_ITERATIONS:
        return {**SMALL, **ONE_MATRIX}[kind]
    return {"n_iterations": n_iterations, **SMALL.get(kind, MODL)}


def small_network(kind, n_iterations=3, **options):
    """A network of a kind of `NETWORKS` or `BODIES`."""
    if kind in BODIES:
        return ImageDomain(BODIES[kind]())
    return NETWORKS[kind](**small_options(kind, n_iterations) | options)
