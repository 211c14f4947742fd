"""Networks from the inside: derivatives by hand, optimisers, loss surfaces."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "autograd": "Node backward draw_graph history",
        "loss_surfaces": "SADDLE T2_DECAY Surface draw_surface folded_pair run_optimizers show_paths",
        "optimizers": "beside_torch range_test read_range_test train_with_rates",
        "path_explorer": "PathExplorer",
    },
)
