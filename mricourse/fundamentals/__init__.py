"""Networks from the inside: derivatives by hand, optimisers, loss surfaces."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "autograd": "Node backward draw_graph history",
        "loss_surfaces": "AXIS_VALLEY SADDLE T2_DECAY Surface draw_surface folded_pair run_optimizers show_paths walk",
        "optimizers": "beside_torch dead_share example_gradients range_test train_with_rates",
        "path_explorer": "PathExplorer",
        "training_figures": "show_range_test",
        "update_rules": "adagrad_step adam_step momentum_step plain_step rmsprop_step train_by_hand valley_steps",
    },
)
