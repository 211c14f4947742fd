"""From k-space to an image without a trained network: least squares, parallel imaging, sparsity."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "epi": "ghost_of_reference_lines image_entropy remove_nyquist_ghost",
        "fat_water": "fit_fat_water",
        "fixed_point": "FixedPoint fixed_point",
        "expected_energy": "known_energy",
        "grappa_weight": "grappa_weight_of_acs",
        "least_squares": "cg_sense cg_sense_iterates conjugate_gradient direct_solver regularised_solver",
        "methods": "reconstruct with_smaps",
        "mixture": "mixture_weights mixture_of_heads",
        "motion": "remove_shifts",
        "parallel_imaging": "g_factor grappa pseudo_replica sense_unfold",
        "partial_kspace": "partial_fourier",
        "plug_and_play": "PlugAndPlay plug_and_play",
        "posterior_sampling": "image_under noise_ladder posterior_samples",
        "proximal_gradient": "fista",
        "raki": "RakiNetwork fit_raki raki",
        "smooth_total_variation": "second_derivative smooth_tv",
        "sparsity": "shift_invariant_prox soft_threshold wavelet_prox wavelet_reconstruction",
        "total_variation": "finite_differences finite_differences_adjoint total_variation tv_reconstruction",
        "wavelets": "wavedec2 waverec2 wavelet_image",
    },
)
