"""What a scanner measures, y = A x + n: k-space, sampling, coils, operators, and what is calibrated from the scan."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "coil_maps": "acs_window calibration_matrix espirit espirit_eigenvalues low_resolution_maps plain_espirit",
        "coil_combination": "combine rss",
        "loud_coils": "loudness",
        "epi": "nyquist_ghost",
        "fourier": "fft2c fftc ifft2c ifftc random_complex",
        "line_densities": "drawn_lines line_density split_weights splitting_density",
        "motion": "moved scan_in_shots shift_ramp",
        "multi_contrast": "MultiContrastScan",
        "multi_echo": "MultiEchoScan PARAMETERS UNITS",
        "noise_estimation": "noise_covariance noise_level prewhiten",
        "normalisation": "normalised radial_weight",
        "nufft": "NufftOperator",
        "operators": "LinearOperator SenseOperator dot_test",
        "radon": "RadonOperator",
        "sample_splits": "drawn_parts energy_along gaussian_split outside_centre pattern_of strip_of",
        "sampling": "acceleration_of acs_block acs_in_words acs_lines_of acs_mask equispaced_mask kt_mask "
        "partial_fourier_mask point_spread poisson_disc_mask radial_trajectory random_mask spiral_trajectory "
        "variable_density_mask",
        "scan": "Batch MapsBatch Scan stack",
        "symmetry": "conjugate_mirror noise_symmetry_error symmetry_error",
    },
)
