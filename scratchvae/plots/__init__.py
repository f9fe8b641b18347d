"""The pictures: of a model, of numbers, of known factors, and of several models side by side."""

from scratchvae.plots.curves import draw_error_curve, draw_loss
from scratchvae.plots.factors import draw_factor_shares, draw_factor_traversal
from scratchvae.plots.figures import save_figure
from scratchvae.plots.grids import draw_grid, mosaic
from scratchvae.plots.model import (
    draw_interpolation,
    draw_latent,
    draw_manifold,
    draw_reconstructions,
    draw_samples,
)
from scratchvae.plots.side_by_side import (
    draw_bars,
    draw_lines,
    draw_rows,
    draw_scatters,
    draw_spreads,
)
from scratchvae.plots.traversal import draw_traversal

__all__ = [
    "draw_bars",
    "draw_error_curve",
    "draw_factor_shares",
    "draw_factor_traversal",
    "draw_grid",
    "draw_interpolation",
    "draw_latent",
    "draw_lines",
    "draw_loss",
    "draw_manifold",
    "draw_reconstructions",
    "draw_rows",
    "draw_samples",
    "draw_scatters",
    "draw_spreads",
    "draw_traversal",
    "mosaic",
    "save_figure",
]
