"""Figures and widgets of the lessons."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "alt_text": "describe set_alt",
        "figures": "plot_lines show_error show_images show_kspace show_mask show_phase show_point_spread show_smaps "
        "show_trajectory",
        "widgets": "Explorer ImageView MaskPainter explore",
    },
)
