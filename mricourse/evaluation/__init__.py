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
        "conformal": "Coverage conformal_quantile coverage subject_scores",
        "costs": "computing_seconds kept_for_backward training_step_ms",
        "definitions": "psnr_by_definition ssim_by_definition ssim_inside ssim_map volume_nmse volume_psnr volume_ssim",
        "detection": "Readings detection_rate lesion_responses lesion_template read_lesions",
        "generalization": "Drop drop_parts shrinkage_error",
        "ghosts": "ghost_distance",
        "hallucination": "hallucination_map hallucination_score",
        "implicit_gradients": "WeightGradients memory_of_gradients memory_of_rounds reg_weight_gradients",
        "independent_copies": "recorrupted recorrupted_psnr",
        "kappa": "weighted_kappa",
        "kspace_rings": "share_found_in_rings",
        "lesion_contrast": "contrast_kept",
        "lesion_recall": "Outline free_places lesions_found read_outlines separate_lesions",
        "line_filling": "filled_by_all filling_score filling_scores",
        "lipschitz": "jacobian_products lipschitz_constant",
        "metrics": "best_scale nmse nrmse psnr ssim",
        "mixture_bench": "MixtureBench",
        "noisy_reference": "ReferenceNoise reference_noise",
        "paired_tests": "NotWorse holm non_inferiority signed_rank",
        "perturbation": "amplification ascent_step checkerboard in_phase jacobian_response local_response noise_size "
        "random_perturbation to_size worst_perturbation",
        "posterior_checks": "best_on_others honest_coverage range_coverage",
        "reader_analysis": "Comparison agreement compare_methods exam_differences",
        "reader_study": "GradeBook Pair ReaderStudy",
        "realism": "grain_correlation null_space_part share_found split_error surviving_error texture_distance",
        "scores": "evaluate",
        "search": "best_setting grid_shares log_scaled random_search",
        "sharpness": "edge_width mean_profile radial_profile",
        "splits": "HOW_KNOWN check_no_leak how_known leave_one_out subject_folds train_and_test",
        "statistics": "Interval bootstrap_by_subject bootstrap_interval mean_interval subject_means t_interval",
        "tuning": "sparse_reconstruction tuned_sparsity tuned_tv tuned_wavelet",
        "uncertainty": "Mapped calibration_factor disagreement dropout_passes map_subjects mixed over_inside "
        "rank_correlations reliability sparsification",
    },
)
