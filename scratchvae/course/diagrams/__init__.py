"""The lessons' diagrams, drawn in code."""

from scratchvae.course.diagrams.diffusion import diffusion
from scratchvae.course.diagrams.discrete import straight_through
from scratchvae.course.diagrams.drawing import Drawing
from scratchvae.course.diagrams.gradients import (
    computational_graph,
    dense_layer,
    reparameterisation,
    two_paths,
)
from scratchvae.course.diagrams.grids import convolution, stamps
from scratchvae.course.diagrams.kernels import loop_orders, register_tile
from scratchvae.course.diagrams.models import (
    autoencoder,
    plates,
    two_layers,
    variational_autoencoder,
)
from scratchvae.course.diagrams.quantities import evidence_gap, outer_products

__all__ = [
    "Drawing",
    "autoencoder",
    "computational_graph",
    "convolution",
    "dense_layer",
    "diffusion",
    "evidence_gap",
    "loop_orders",
    "outer_products",
    "plates",
    "register_tile",
    "reparameterisation",
    "stamps",
    "straight_through",
    "two_layers",
    "two_paths",
    "variational_autoencoder",
]
