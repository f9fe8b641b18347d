"""The layers of a network, each with its forward pass beside its backward pass.

Throughout, dv stands for ∂loss/∂v, an array of v's shape; the loss is one number. The arithmetic of
a layer is in functions that are called as ``kernels.f``. Each of them computes what a few lines of
NumPy in ``kernels/reference.py`` define; other implementations differ only in speed.
"""

from scratchvae.layers.activations import ELU, LogSoftplus, ReLU, Sigmoid, Softplus, Tanh
from scratchvae.layers.base import Layer
from scratchvae.layers.batch_norm import BatchNorm
from scratchvae.layers.convolution import Conv2D
from scratchvae.layers.dense import Dense
from scratchvae.layers.dropout import Dropout
from scratchvae.layers.layer_norm import LayerNorm
from scratchvae.layers.masked_dense import MaskedDense
from scratchvae.layers.parameter import Parameter
from scratchvae.layers.pooling import AveragePool2D, MaxPool2D
from scratchvae.layers.sequential import Sequential
from scratchvae.layers.shape import Flatten, Reshape
from scratchvae.layers.transposed_convolution import ConvTranspose2D
from scratchvae.layers.vector_quantiser import VectorQuantiser
from scratchvae.written import note_passes

__all__ = [
    "ELU",
    "AveragePool2D",
    "BatchNorm",
    "Conv2D",
    "ConvTranspose2D",
    "Dense",
    "Dropout",
    "Flatten",
    "Layer",
    "LayerNorm",
    "LogSoftplus",
    "MaskedDense",
    "MaxPool2D",
    "Parameter",
    "ReLU",
    "Reshape",
    "Sequential",
    "Sigmoid",
    "Softplus",
    "Tanh",
    "VectorQuantiser",
]

note_passes([globals()[name] for name in __all__])
