"""Scans made by computer from embedded anatomies and drawn phantoms, with everything known about them."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "anatomy": "Anatomy anatomy_names load_anatomy",
        "augmentation": "flip_kspace flip_mask flipped orientations rotated",
        "fat_water": "FatWaterScans",
        "cohort": "Cohort Site Subject SITES draw_subjects scan_cohort site_mask subject_images",
        "coils": "ring_noise_covariance simulate_arrays simulate_coils",
        "condition_scans": "ConditionScans",
        "contrasts": "CONTRASTS TISSUES_3T Protocol Tissue inversion_recovery nulling_ti spin_echo "
        "spoiled_gradient_echo weighted_image",
        "random_draws": "generator_for smooth_field",
        "lesions": "Lesion add_disc add_discs flat_place insert_lesion",
        "motion": "moved_along_y scan_while_moving",
        "measured_once": "MeasuredOnce",
        "multi_contrast": "ContrastScans",
        "phases": "scanner_phase",
        "pictures": "fractal photograph picture",
        "phantoms": "AbdominalPhantom abdominal_phantom beating_phantom fat_signal multi_echo_signal shepp_logan",
        "protocols": "brain_slices contrast_scan contrast_scans inside_head",
        "randomised": "draw_scan randomised_scan randomised_scans",
        "registered_contrasts": "contrast_masks measure_contrasts scan_contrasts with_matrix with_strangers",
        "relaxometry": "decay_rate echo_slices",
        "texture": "dead_leaves measured_texture roughened unrelated_texture",
        "slice_scans": "scan_slices",
        "task_scans": "TaskScans",
        "training_scans": "SimulatedScans",
    },
)
