"""Figures and widgets of the lessons."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ablation_figures": "show_gains",
        "alt_text": "describe set_alt",
        "block_diagrams": "show_kiki_diagram show_modl_diagram",
        "calibration_figures": "show_calibration_matrix show_column show_ghosts show_grappa_kernel show_windows",
        "close_ups": "show_close_up show_enlarged",
        "cohort_figures": "show_groups show_repeats show_sides show_trials",
        "domain_figures": "show_domains_diagram show_errors_in_both show_gain_table show_raki_lines",
        "enhancement_figures": "show_readings",
        "figures": "plot_lines show_error show_images show_kspace show_mask show_phase show_point_spread show_smaps "
        "show_trajectory",
        "generalization_figures": "show_drops",
        "kikinet_figures": "show_stages",
        "kspace_figures": "show_image_and_kspace show_magnitude_and_phase show_stripes show_turned_arrows",
        "lenet_figures": "show_budgets show_connections show_hands show_strips",
        "modl_figures": "plot_rounds show_frozen_steps show_paired_differences",
        "multi_contrast_figures": "show_contrasts show_responses show_sharing",
        "quality_figures": "show_by_definition show_preferences",
        "reading_view": "ReadingView",
        "sense_figures": "show_comparison show_folding show_pull show_two_pixels show_walks",
        "unrolled_figures": "error_views plot_by_iteration show_cobwebs show_experts show_inside show_iterations "
        "show_step_sizes show_thresholds",
        "widgets": "Explorer ImageView MaskPainter explore",
    },
)
