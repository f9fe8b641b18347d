"""The pictures: of a model, of known factors, and of several runs side by side."""

from scratchvae.plots.model import (
    draw_error_curve,
    draw_interpolation,
    draw_latent,
    draw_loss,
    draw_manifold,
    draw_reconstructions,
    draw_samples,
    mosaic,
    save_figure,
)

__all__ = [
    "draw_error_curve",
    "draw_interpolation",
    "draw_latent",
    "draw_loss",
    "draw_manifold",
    "draw_reconstructions",
    "draw_samples",
    "mosaic",
    "save_figure",
]
