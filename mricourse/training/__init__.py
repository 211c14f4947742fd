"""From a recipe to a checkpoint with its card: losses, the training loop, checkpoints."""

from mricourse._lazy import face

__getattr__, __dir__, __all__ = face(
    __name__,
    {
        "adaptation": "Adaptation AdaptationSettings adapt hidden_loss",
        "cards": "Card shipped verify",
        "checkpoints": "Checkpoint load_checkpoint save_checkpoint training_in_words training_seconds training_stages",
        "loop": "Settings train validate",
        "objectives": "Adversarial LearningObjective Objective Supervised Symmetry",
        "losses": "AdversarialLoss PerceptualLoss features l1 log_nmse magnitude_log_nmse mse ssim_loss",
        "distributed": "pick_device",
        "recipes": "Recipe load_recipe parse_recipe unseen_scans",
        "reproduction": "reproduce",
        "parameter_maps": "MapsLoss laplace_loss",
        "self_supervised": "SSDU AllSamples Equivariant Noise2Noise Parts SelfSupervised WeightedSSDU held_out_db "
        "l1_l2 turned_by_chance",
        "run": "train_recipe",
        "trained_range": "outside_range",
    },
)
