"""Transposed convolution: the adjoint of a convolution, with that convolution's weights.

Its forward pass is the convolution's input gradient, and the other way about, so that
⟨convolution(x, w), y⟩ = ⟨x, transposed_convolution(y, w)⟩. There is nothing else to compute.
"""

from scratchvae.errors import InputError
from scratchvae.kernels.convolution.convolution import (
    convolution_forward,
    convolution_input_gradient,
    convolution_weight_gradient,
)
from scratchvae.kernels.convolution.geometry import require_images, require_pixels
from scratchvae.kernels.machine.arguments import Array


def transposed_convolution_forward(
    x: Array,
    w: Array,
    stride: int = 1,
    padding: int = 0,
    output_padding: int = 0,
    out: Array | None = None,
) -> Array:
    """Return the input gradient of a convolution with weights w, at x as its output's gradient.

    Parameters
    ----------
    x : array of shape (N, H, W, I)
        ``float32`` or ``float64``.
    w : array of shape (kh, kw, O, I)
        Of the same type: the weights of the convolution from O to I channels.
    stride, padding : int
        Of that convolution.
    output_padding : int
        Of the sizes that the convolution turns into H and W, how far above the least: below stride.
    out : array of shape (N, H', W', O), optional
        Where to put the result, H' = (H - 1)·stride - 2·padding + kh + output_padding, W' likewise.

    Returns
    -------
    array of shape (N, H', W', O)

    Raises
    ------
    InputError
        If shapes or types do not fit.
    """
    if not 0 <= output_padding < max(1, stride):
        raise InputError(
            f"transposed_convolution_forward expected an output padding of at least 0 and below "
            f"the stride {stride}, got {output_padding}"
        )
    require_images("transposed_convolution_forward", x, w)
    size = tuple(
        (x.shape[a] - 1) * stride - 2 * padding + w.shape[a - 1] + output_padding for a in (1, 2)
    )
    require_pixels("transposed_convolution_forward", size)
    return convolution_input_gradient(x, w, (size[0], size[1]), stride, padding, out)


def transposed_convolution_input_gradient(
    dy: Array, w: Array, stride: int = 1, padding: int = 0, out: Array | None = None
) -> Array:
    """Return the gradient at the input of `transposed_convolution_forward`: dy convolved."""
    return convolution_forward(dy, w, stride, padding, out)


def transposed_convolution_weight_gradient(
    x: Array,
    dy: Array,
    kernel_size: tuple[int, int],
    stride: int = 1,
    padding: int = 0,
    out: Array | None = None,
    *,
    accumulate: bool = False,
) -> Array:
    """Return the gradient at the weights of `transposed_convolution_forward`.

    It is the convolution's, the roles of input and output exchanged.
    """
    return convolution_weight_gradient(
        dy, x, kernel_size, stride, padding, out, accumulate=accumulate
    )
