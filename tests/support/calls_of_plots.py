"""A valid call of every function that draws."""

import numpy as np
from call_table import DY, IMAGES, LABELS, X, add, valued
from calls_of_training import LINE
from helpers import (
    normal,
    small_vae,
)

import scratchvae
from scratchvae import evaluation, layers, plots

# Pictures.

INFORMATION = evaluation.factor_information(
    X[:, :2].copy(), DY[:, :2].copy(), {"a": normal(4), "b": normal(4, seed=5)}, bins=3, classes=2
)
MODEL = small_vae()
for _name, _arguments in {
    "draw_samples": {"model": MODEL, "rows": 2, "columns": 2, "seed": 0},
    "draw_reconstructions": {
        "model": MODEL,
        "images": IMAGES,
        "labels": None,
        "columns": 2,
        "rows": 2,
    },
    "draw_manifold": {"model": MODEL, "steps": 2},
    "draw_interpolation": {
        "model": MODEL,
        "images": IMAGES,
        "labels": None,
        "rows": 2,
        "steps": 2,
        "seed": 0,
    },
    "draw_latent": {"model": MODEL, "images": IMAGES, "labels": LABELS, "seed": 0},
    "draw_factor_traversal": {
        "model": MODEL,
        "image": IMAGES[:1],
        "information": INFORMATION,
        "labels": None,
        "title": "t",
        "steps": 2,
    },
    "draw_factor_shares": {"panels": [("a", INFORMATION)], "title": "t"},
    "draw_grid": {
        "images": IMAGES,
        "columns": 3,
        "title": "t",
        "gap": 1,
        "dots": 2,
        "row_names": ["a", "b"],
        "column_names": ["a"],
    },
    "mosaic": {"images": IMAGES, "columns": 3, "gap": 1},
    "draw_loss": {"history": [LINE]},
    "draw_bars": {"title": "t", "names": ["a"], "groups": [("g", [1.0])]},
    "draw_lines": {"title": "t", "lines": [("a", [1.0, 2.0])], "ylabel": "y"},
    "draw_rows": {"title": "t", "rows": [("a", IMAGES)], "lines": 2},
    "draw_scatters": {
        "title": "t",
        "panels": [("a", X[:, :2])],
        "labels": np.arange(4),
        "axes_names": ("a", "b"),
    },
    "draw_traversal": {"model": MODEL, "images": IMAGES, "labels": None, "rows": 2, "steps": 2},
    "draw_spreads": {"title": "t", "names": ["a"], "groups": [("g", [[1.0]])], "xlabel": "x"},
    "draw_error_curve": {
        "curves": {"a": scratchvae.error_curve(layers.Tanh(dtype=np.float64), X)},
        "title": "t",
    },
}.items():
    add(f"plots.{_name}", valued(getattr(plots, _name)), **_arguments)
