"""What a network is made of: each layer has its forward pass beside its backward pass."""

from scratchvae.layers.activations import ELU, LogSoftplus, ReLU, Sigmoid, Softplus, Tanh
from scratchvae.layers.base import Layer
from scratchvae.layers.batch_norm import BatchNorm
from scratchvae.layers.convolution import Conv2D
from scratchvae.layers.dense import Dense
from scratchvae.layers.parameter import Parameter
from scratchvae.layers.sequential import Sequential
from scratchvae.layers.shape import Flatten, Reshape
from scratchvae.layers.transposed_convolution import ConvTranspose2D

__all__ = [
    "ELU",
    "BatchNorm",
    "Conv2D",
    "ConvTranspose2D",
    "Dense",
    "Flatten",
    "Layer",
    "LogSoftplus",
    "Parameter",
    "ReLU",
    "Reshape",
    "Sequential",
    "Sigmoid",
    "Softplus",
    "Tanh",
]
