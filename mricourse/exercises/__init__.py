"""Checks of the exercises, a module for each lesson: properties first, then the likely mistakes, each by its name."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "coil_calibration": "check_coil_maps check_grappa check_prewhiten",
        "enhancement": "check_detection_rate check_edge_width check_ghost_phase check_zero_fill",
        "honest_experiments": "check_how_known check_random_search check_subject_folds check_subject_means",
        "image_quality": "check_contrast_kept check_ssim_inside check_volume_psnr check_weighted_kappa",
        "kikinet": "check_kernel_window check_kspace_step check_neighbour_weights check_put_back",
        "four_domains": "check_complete check_dense_inverse check_raki_estimate check_recentred",
        "generative_priors": "check_best_on_others check_data_draw check_denoise_images check_range_coverage",
        "generalization": "check_drop_parts check_hidden_loss check_to_channels",
        "hallucinations": "check_ascent_step check_hallucination_map check_lesions_found check_local_response",
        "kspace": "check_conjugate_mirror check_fft2c check_partial_fourier",
        "lenet_and_its_heirs": "check_channel_attention check_lenet check_percent_by_shift check_residual_block",
        "modl": "check_data_consistency check_modl check_psnr_by_iteration check_reg_weight_gradient",
        "modl_in_practice": "check_held_out_error check_smooth_phase check_weighted_mean",
        "multi_contrast": "check_data_step check_first_change check_joint_input check_lesion_response check_strangers",
        "optimizers": "check_adam_step check_rate check_rmsprop_step check_sense_momentum",
        "uncertainty": "check_calibration_factor check_conformal_quantile check_laplace_loss check_subject_scores",
        "unrolled_networks": "check_cascade check_ista_iteration check_lipschitz check_plug_and_play",
        "self_supervised": "check_gaussian_split check_l1_l2 check_predict_hidden check_split_weights",
        "sense": "check_best_pair check_conjugate_gradient check_sense_unfold",
    },
)
