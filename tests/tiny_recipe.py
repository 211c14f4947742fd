"""The recipe of the tiny checkpoint that conftest.py trains."""

RECIPE = """\
title = "A tiny MoDL"
seed = 1

[network]
kind = "modl"
n_iterations = 2
n_features = 8
n_layers = 3
noise_aware = true

[data]
matrix = [64, 80]
n_coils = [4, 6]
acceleration = [2, 4]
acs = [12, 16]
patterns = {equispaced = 0.5, random = 0.5}
pool = 2
reuse = 4

[training]
n_steps = 12
"""
