"""How good an image is, how sure that is, and the claims that lessons have to keep."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "calibration": "calibrated_images calibration_scores compared_with_rss",
        "cases": "four_cases gain_in_words held_out_error measured_again score score_sparse",
        "claims": "ClaimFailed claim",
        "classification": "percent_by_shift percent_right",
        "comparison": "Sampling compare compare_scans samplings turned undersample",
        "costs": "computing_seconds kept_for_backward training_step_ms",
        "detection": "Readings detection_rate lesion_responses lesion_template read_lesions",
        "ghosts": "ghost_distance",
        "hallucination": "hallucination_map hallucination_score",
        "independent_copies": "recorrupted recorrupted_psnr",
        "implicit_gradients": "WeightGradients memory_of_gradients memory_of_rounds reg_weight_gradients",
        "kspace_rings": "share_found_in_rings",
        "lesion_recall": "Outline free_places lesions_found read_outlines separate_lesions",
        "line_filling": "filled_by_all filling_score filling_scores",
        "lipschitz": "jacobian_products lipschitz_constant",
        "metrics": "best_scale nmse nrmse psnr ssim",
        "noisy_reference": "ReferenceNoise reference_noise",
        "perturbation": "amplification ascent_step checkerboard in_phase jacobian_response local_response noise_size "
        "random_perturbation to_size worst_perturbation",
        "realism": "grain_correlation null_space_part share_found split_error surviving_error texture_distance",
        "scores": "evaluate",
        "sharpness": "edge_width mean_profile radial_profile",
        "statistics": "Interval bootstrap_interval mean_interval t_interval",
        "tuning": "sparse_reconstruction tuned_sparsity tuned_tv tuned_wavelet",
    },
)
