"""Dropout: in training some numbers, drawn afresh for each batch, are left out."""

import numpy as np
from numpy.typing import DTypeLike

from scratchvae.errors import InputError
from scratchvae.held import Setting
from scratchvae.layers.base import Layer
from scratchvae.randomness import generator, stream
from scratchvae.validation import (
    FloatArray,
    check_array,
    check_flag,
    check_floats,
    check_share_kept,
    remembered,
)

_MOST = 2**53  # of a whole number that float64 holds exactly


class Dropout(Layer):
    """In training ``y = x · m / (1 − rate)``, where each m is 1 with probability 1 − rate, else 0.

    The division keeps the mean of y at x over the draws of m ("inverted dropout"), so that nothing
    is to be scaled afterwards: otherwise y = x. For a given m the layer is linear, and
    dx = dy · m / (1 − rate).

    Nothing random is drawn within what is differentiated. The mask of a pass is a function of two
    whole numbers, a seed and how many masks came before, and both are a buffer, a part of the
    model's state as running statistics are. So a step that is refused draws its mask again when it
    is repeated, a training that is resumed goes on with the mask that it would have had, and a
    gradient check, which starts each pass from the same buffers, sees a function. Masks do not
    depend on the seed of ``fit``.

    Source: Srivastava, Hinton, Krizhevsky, Sutskever and Salakhutdinov, "Dropout: a simple way to
    prevent neural networks from overfitting" (2014), section 4, with its scaling moved to training.

    Parameters
    ----------
    rate
        The share that is left out, at least 0 and below 1.
    rng
        Where the seed of the masks is drawn from: a generator, a seed, or ``None`` for another one
        each time.
    dtype
        As for every ``Layer``; the same masks in both.

    Attributes
    ----------
    buffers
        ``"noise"``: the seed of the masks, and how many were drawn, (2,), in float64.
    """

    rate = Setting(check_share_kept)
    remembers = ("mask",)

    def __init__(
        self,
        rate: float = 0.5,
        *,
        rng: np.random.Generator | int | None = None,
        dtype: DTypeLike = np.float32,
    ) -> None:
        super().__init__(dtype=dtype)
        self.rate = rate
        self.buffers = {"noise": np.array([generator(rng).integers(_MOST), 0], np.float64)}

    def forward(self, x: FloatArray, training: bool = False) -> FloatArray:
        """Return y for ``x`` of any shape; in training with a mask of its own."""
        check_floats(x, "x")
        if check_flag(training, "training"):
            self.mask: FloatArray | None = self._next_mask(x)  # m / (1 − rate)
        else:
            self.mask = None
        self.x_shape, self.x_dtype = x.shape, x.dtype
        return x.copy() if self.mask is None else x * self.mask

    def backward(self, dy: FloatArray) -> FloatArray:
        """Return dx for ``dy``, with the mask of the last forward pass."""
        shape = remembered(self, "x_shape")
        check_array(dy, "Dropout: dy", shape, self.x_dtype)
        mask = remembered(self, "mask")
        return dy.copy() if mask is None else dy * mask

    def _next_mask(self, x: FloatArray) -> FloatArray:
        """Return m / (1 − rate) in the shape of x, and count it."""
        noise = self.buffers.get("noise")
        check_array(noise, "the noise of this Dropout", (2,), np.dtype(np.float64))
        assert noise is not None
        if not ((noise >= 0) & (noise < _MOST) & (noise == np.rint(noise))).all():
            raise InputError(
                "the noise of this Dropout must be a seed and a count, whole numbers of at least "
                f"0, not {noise.tolist()}: make the layer anew"
            )
        seed, drawn = (int(number) for number in noise)
        kept = stream(seed, "dropout", drawn).random(x.shape, np.float32) >= self.rate
        noise[1] += 1
        mask: FloatArray = kept * x.dtype.type(1 / (1 - self.rate))
        return mask

    def __repr__(self) -> str:
        return f"Dropout({self.rate})"
