"""The lines of the convolution's lowest rung, compiled: their innermost loop is over channels."""

from scratchvae.course.ladder import convolution_loop
from scratchvae.kernels.machine.compilation import kernel

convolve = kernel()(convolution_loop.convolve)
