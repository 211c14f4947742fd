"""Networks, one paper a file, from LeNet to MoDL."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "ablation": "changed",
        "adaptive_modl": "AdaptiveMoDL",
        "apply": "apply_network",
        "channels": "to_channels to_image",
        "blocks": "BLOCKS AttentionBlock BlockNet DenseBlock DepthwiseBlock PlainBlock ResidualBlock",
        "data_consistency_layer": "data_consistency",
        "critic": "Critic",
        "dncnn": "DnCNN norm_layer",
        "image_domain": "ImageDomain brightness smooth_phase",
        "lenet": "CONNECTIONS FixedBitmaps PartialConvolution ScaledTanh Subsampling modern_lenet published_lenet",
        "modl": "MoDL",
        "reconstructor": "Reconstructor Unrolled",
        "unet": "ComplexUNet UNet fastmri_paper_unet fastmri_unet ronneberger_unet",
    },
)
