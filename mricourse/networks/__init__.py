"""Networks, one paper a file, from LeNet to MoDL."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ablation": "changed",
        "adaptive_modl": "AdaptiveMoDL",
        "admm_net": "ADMMNet",
        "apply": "apply_network",
        "channels": "to_channels to_image",
        "automap": "Automap automap_parameters",
        "blocks": "BLOCKS AttentionBlock BlockNet DenseBlock DepthwiseBlock PlainBlock ResidualBlock",
        "convolution_stack": "convolution_stack",
        "data_consistency_layer": "data_consistency",
        "critic": "Critic",
        "deep_equilibrium": "DeepEquilibrium with_implicit_gradient",
        "diffusion": "DiffusionPrior",
        "dncnn": "DnCNN norm_layer",
        "end_to_end_varnet": "EndToEndVarNet acs_of",
        "hybrid": "Hybrid",
        "image_domain": "ImageDomain brightness smooth_phase",
        "implicit": "ImplicitImage fit_implicit",
        "ista_net": "ISTANet",
        "kikinet": "KIKINet kspace_unit",
        "kspace_unet": "KSpaceUNet",
        "learned_thresholds": "LearnedThresholds subband_threshold",
        "lenet": "CONNECTIONS FixedBitmaps PartialConvolution ScaledTanh Subsampling modern_lenet published_lenet",
        "modl": "MoDL",
        "multi_contrast": "MultiContrastNet",
        "radial_basis": "RadialBasis",
        "reconstructor": "Reconstructor Unrolled",
        "spectral_norm": "ContractiveDenoiser convolution_bound convolution_norm",
        "unet": "ComplexUNet UNet fastmri_paper_unet fastmri_unet ronneberger_unet",
        "upnet": "UPNet",
        "variational_network": "VariationalNetwork",
    },
)
