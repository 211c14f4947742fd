"""The lesson machine: from lesson sources to notebooks, workspaces and pages. Never imported by the physics."""
